#include "net/dial.h"

#include "base/clock.h"
#include "net/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void finish(struct dial *d, struct stream *stream, const struct err *err);
static void try_next(struct dial *d);

static void stop_attempts(struct dial *d)
{
    for (size_t i = 0; i < d->next; i++) {
        struct loop_io *io = &d->attempts[i].io;

        if (io->fd < 0)
            continue;
        loop_forget(d->env->loop, io);
        close(io->fd);
        io->fd = -1;
    }
    d->running = 0;
    loop_unset(d->env->loop, &d->step);
}

static void clear(struct dial *d)
{
    resolve_cancel(d->env->resolve, &d->query);
    stop_attempts(d);
    loop_unset(d->env->loop, &d->limit);
    loop_forget(d->env->loop, &d->io);
}

void dial_cancel(struct dial *d)
{
    if (d->stage == STAGE_NONE)
        return;
    clear(d);
    stream_free(d->stream);
    d->stream = NULL;
    d->stage = STAGE_NONE;
}

static void finish(struct dial *d, struct stream *stream, const struct err *err)
{
    clear(d);
    stream_free(d->stream);
    d->stream = NULL;
    d->stage = STAGE_NONE;
    d->on_done(d, stream, err);
}

static void fail(struct dial *d, const struct err *cause)
{
    struct err err = *cause;

    err.stage = d->stage;
    if (d->stage == STAGE_CONNECT)
        resolve_forget(d->env->resolve, d->host);
    finish(d, NULL, &err);
}

static void turn_tls(struct dial *d)
{
    struct err err = {0};
    enum io r = stream_handshake(d->stream, &err);

    if (r == IO_OK) {
        struct stream *s = d->stream;

        d->stream = NULL;
        finish(d, s, NULL);
    } else if (r == IO_AGAIN) {
        loop_watch(d->env->loop, &d->io, stream_want(d->stream, true, false));
    } else {
        struct err told = {0};

        err_set_stage(&told, err.code, STAGE_TLS, "%s:%u: %s", d->host, d->port, err.text);
        fail(d, &told);
    }
}

static void on_tls_ready(struct loop_io *io, short ready)
{
    (void)ready;
    turn_tls(LOOP_OWNER(io, struct dial, io));
}

/* A TCP connection is there: the other attempts end, TLS begins. */
static void connected(struct dial *d, int fd)
{
    struct err err = {0};
    struct stream *s;

    stop_attempts(d);
    d->stage = STAGE_TLS;
    loop_set(d->env->loop, &d->limit, d->env->tls_ms);
    s = stream_plain_take(fd, &err);
    if (s)
        s = stream_tls_take(tls_client_new(d->env->profile, d->env->trust, d->host, d->now_s, &err),
                            s, &err);
    if (!s) {
        fail(d, &err);
        return;
    }
    d->stream = s;
    d->io = (struct loop_io){.fd = s->fd, .on_ready = on_tls_ready};
    if (!loop_watch(d->env->loop, &d->io, 0)) {
        err_set(&err, ERR_MEMORY, "out of memory");
        fail(d, &err);
        return;
    }
    turn_tls(d);
}

static void attempt_failed(struct dial *d, size_t i, int error)
{
    struct sockaddr_storage sa;
    char address[LISTEN_ADDRESS_SIZE];

    resolve_sockaddr(&d->answer.list[i], d->port, &sa);
    listen_address((struct sockaddr *)&sa, true, address);
    err_clear(&d->last);
    err_set_stage(
        &d->last, error == ENOMEM || error == EMFILE ? ERR_MEMORY : ERR_UNREACHABLE, STAGE_CONNECT,
        "%s:%u: connecting to %s failed: %s%s", d->host, d->port, address, strerror(error),
        error == ECONNREFUSED ? " (is the server running, does a firewall allow it?)" : "");
}

static void on_attempt_ready(struct loop_io *io, short ready)
{
    struct dial_attempt *a = LOOP_OWNER(io, struct dial_attempt, io);
    struct dial *d = a->dial;
    int fd = io->fd;
    int error = 0;
    socklen_t size = sizeof error;

    (void)ready;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    loop_forget(d->env->loop, io);
    io->fd = -1;
    d->running--;
    if (error == 0) {
        connected(d, fd);
        return;
    }
    close(fd);
    attempt_failed(d, (size_t)(a - d->attempts), error);
    if (d->running == 0 || d->next < d->answer.count)
        try_next(d);
}

static void on_step(struct loop_timer *timer)
{
    try_next(LOOP_OWNER(timer, struct dial, step));
}

/* Starts the next address; when all have failed, so has the dial. */
static void try_next(struct dial *d)
{
    while (d->next < d->answer.count) {
        size_t i = d->next++;
        struct loop_io *io = &d->attempts[i].io;
        struct sockaddr_storage sa;
        socklen_t size = resolve_sockaddr(&d->answer.list[i], d->port, &sa);

        d->attempts[i].dial = d;
        *io = (struct loop_io){.fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0),
                               .on_ready = on_attempt_ready};
        if (io->fd < 0 || !stream_prepare_fd(io->fd) ||
            (connect(io->fd, (struct sockaddr *)&sa, size) < 0 && errno != EINPROGRESS) ||
            !loop_watch(d->env->loop, io, POLLOUT)) {
            attempt_failed(d, i, errno);
            if (io->fd >= 0)
                close(io->fd);
            io->fd = -1;
            continue;
        }
        d->running++;
        if (d->next < d->answer.count)
            loop_set(d->env->loop, &d->step, LIMIT_CONNECT_STEP_MS);
        return;
    }
    if (d->running == 0) {
        struct err err = d->last;

        fail(d, &err);
    }
}

static void connect_to(struct dial *d, const struct resolve_answer *answer)
{
    d->stage = STAGE_CONNECT;
    d->answer = *answer;
    loop_set(d->env->loop, &d->limit, d->env->connect_ms);
    try_next(d);
}

static void on_answer(struct resolve_query *q, const struct resolve_answer *answer,
                      const struct err *err)
{
    struct dial *d = LOOP_OWNER(q, struct dial, query);

    if (answer)
        connect_to(d, answer);
    else
        fail(d, err);
}

static void on_limit(struct loop_timer *timer)
{
    struct dial *d = LOOP_OWNER(timer, struct dial, limit);
    struct err err = {0};

    /* A numeric host is connected to from here, so that on_done never runs inside dial_start. */
    if (d->stage == STAGE_DNS && d->answer.count > 0) {
        struct resolve_answer numeric = d->answer;

        connect_to(d, &numeric);
        return;
    }
    if (d->stage == STAGE_TLS)
        err_set_stage(&err, ERR_TIMEOUT, STAGE_TLS,
                      "%s:%u: no TLS handshake within %lld ms: connected, but the server is silent",
                      d->host, d->port, (long long)d->env->tls_ms);
    else if (d->last.code != ERR_NONE)
        err = d->last;
    else
        err_set_stage(&err, ERR_TIMEOUT, STAGE_CONNECT,
                      "%s:%u: no connection within %lld ms: no answer from any of %zu address(es) "
                      "(does a firewall drop it?)",
                      d->host, d->port, (long long)d->env->connect_ms, d->answer.count);
    fail(d, &err);
}

void dial_start(struct dial *d, const struct dial_env *env, const char *host, uint16_t port,
                int64_t now_s, void (*on_done)(struct dial *, struct stream *, const struct err *))
{
    memset(d, 0, sizeof *d);
    d->env = env;
    d->host = host;
    d->port = port;
    d->now_s = now_s;
    d->on_done = on_done;
    d->stage = STAGE_DNS;
    d->started_ms = clock_mono_ms();
    d->io.fd = -1;
    d->query.on_answer = on_answer;
    d->step = (struct loop_timer){.on_time = on_step};
    d->limit = (struct loop_timer){.on_time = on_limit};
    if (resolve_numeric(host, &d->answer)) {
        loop_set(env->loop, &d->limit, 0);
        return;
    }
    d->answer.count = 0;
    resolve_ask(env->resolve, &d->query, host, env->resolve_ms);
}
