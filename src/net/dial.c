/*
 * Directly:  look the host up → connect → TLS.
 * By proxy:  look the proxy up → connect → (TLS to an https proxy) → CONNECT or SOCKS5 → TLS.
 * Only socks5:// looks the license server's name up here: with the others the proxy does, and this
 * process asks nobody for that name.
 */
#include "net/dial.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void try_next(struct dial *d);
static void find_peer(struct dial *d);

static const char *peer_host(const struct dial *d)
{
    return d->proxy ? d->proxy->host : d->host;
}

static uint16_t peer_port(const struct dial *d)
{
    return d->proxy ? d->proxy->port : d->port;
}

static bool by_socks(const struct dial *d)
{
    return d->proxy->scheme == EGRESS_SOCKS5 || d->proxy->scheme == EGRESS_SOCKS5H;
}

static enum err_stage dial_stage(const struct dial *d)
{
    switch (d->phase) {
    case DIAL_RESOLVE_HOST:
        return STAGE_DNS;
    case DIAL_RESOLVE_PEER:
        return d->proxy ? STAGE_PROXY : STAGE_DNS;
    case DIAL_CONNECT:
        return d->proxy ? STAGE_PROXY : STAGE_CONNECT;
    case DIAL_PROXY_TLS:
    case DIAL_PROXY:
        return STAGE_PROXY;
    case DIAL_TLS:
        return STAGE_TLS;
    case DIAL_OVER:
        break;
    }
    return STAGE_NONE;
}

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

static void drop_stream(struct dial *d)
{
    loop_forget(d->env->loop, &d->io);
    stream_free(d->stream);
    d->stream = NULL;
    buf_wipe(&d->in);
    buf_wipe(&d->out);
}

void dial_cancel(struct dial *d)
{
    if (d->phase == DIAL_OVER)
        return;
    resolve_cancel(d->env->resolve, &d->query);
    stop_attempts(d);
    loop_unset(d->env->loop, &d->limit);
    drop_stream(d);
    d->phase = DIAL_OVER;
}

static void finish(struct dial *d, struct stream *stream, const struct err *err)
{
    dial_cancel(d);
    d->on_done(d, stream, err);
}

/* cause's stage is the phase's. */
static void fail(struct dial *d, const struct err *cause)
{
    struct err err = *cause;

    err.stage = dial_stage(d);
    if (d->phase == DIAL_CONNECT)
        resolve_forget(d->env->resolve, peer_host(d));
    finish(d, NULL, &err);
}

/* As fail, with the host (or the proxy) before a cause that doesn't name it. */
static void fail_naming(struct dial *d, const struct err *cause)
{
    struct err err = {0};

    if (d->phase == DIAL_TLS)
        err_set(&err, cause->code, "%s:%u: %s", d->host, d->port, cause->text);
    else
        err_set(&err, cause->code, "egress proxy %s: %s", d->proxy->url, cause->text);
    fail(d, &err);
}

static void enter(struct dial *d, enum dial_phase phase, int64_t limit_ms)
{
    d->phase = phase;
    loop_set(d->env->loop, &d->limit, limit_ms);
}

/* TLS towards name over the stream that is there, which it takes over. */
static bool add_tls(struct dial *d, const char *name, struct tls_trust *trust)
{
    struct err err = {0};
    struct tls *tls = tls_client_new(d->env->profile, trust, name, d->now_s, &err);

    if (tls && !tls_preload(tls, buf_slice(&d->in))) {
        err_set(&err, ERR_MEMORY, "out of memory");
        tls_free(tls);
        tls = NULL;
    }
    d->stream = stream_tls_take(tls, d->stream, &err);
    buf_wipe(&d->in);
    if (!d->stream)
        fail_naming(d, &err);
    return d->stream != NULL;
}

/* What poll has to wait for. */
static void wait_for_stream(struct dial *d, bool writing)
{
    loop_watch(d->env->loop, &d->io, stream_want(d->stream, true, writing));
}

static bool start_tls(struct dial *d)
{
    enter(d, DIAL_TLS, d->env->tls_ms);
    return add_tls(d, d->host, d->env->trust);
}

/*
 * The proxy refused this address, or broke off: the host's next one, if socks5 has more. Not when
 * it refused us: a wrong password told once per address would lock the account sooner.
 */
static void proxy_failed(struct dial *d, const struct err *err)
{
    if (d->host_next < d->hosts.count && d->handshake.socks5.state == SOCKS5_REPLY) {
        drop_stream(d);
        find_peer(d);
        return;
    }
    fail(d, err);
}

static enum parse feed_handshake(struct dial *d, struct err *err)
{
    size_t used = 0;
    enum parse verdict;

    if (by_socks(d))
        verdict = socks5_feed(&d->handshake.socks5, buf_slice(&d->in), &used, &d->out, err);
    else
        verdict = connect_feed(&d->handshake.connect, buf_slice(&d->in), &used, err);
    buf_consume(&d->in, used);
    return verdict;
}

static void interrupt(const struct dial *d, enum err_code code, struct err *err)
{
    if (by_socks(d))
        socks5_interrupt(&d->handshake.socks5, code, err);
    else
        connect_interrupt(&d->handshake.connect, code, err);
}

/* Sends what the handshake has written. False: the connection broke. */
static bool send_handshake(struct dial *d, struct err *err)
{
    enum io r = IO_OK;

    while (r == IO_OK && d->out.len > 0) {
        struct slice s = buf_slice(&d->out);
        size_t n;

        r = stream_write(d->stream, s.p, s.n, &n, err);
        buf_consume(&d->out, n);
    }
    if (r == IO_OK) {
        r = stream_flush(d->stream, err);
        buf_wipe(&d->out);
    }
    return r != IO_ERR;
}

/* The tunnel is open. A proxy that answered before it was asked gets its questions first. */
static void finish_handshake(struct dial *d)
{
    struct err err = {0};

    if (send_handshake(d, &err) && d->out.len > 0)
        err_set(&err, ERR_SYNTAX, "it answers before it is asked");
    if (err_is_set(&err))
        fail_naming(d, &err);
    else if (start_tls(d))
        wait_for_stream(d, true); /* the handshake begins in the next turn */
}

static void run_handshake(struct dial *d)
{
    for (;;) {
        struct err err = {0};
        uint8_t *room;
        size_t n;

        if (!send_handshake(d, &err)) {
            /* A proxy that closes has often said why: that is what counts. */
            err_clear(&err);
            buf_clear(&d->out);
        }
        room = buf_reserve(&d->in, buf_room(&d->in));
        if (!room) {
            err_set(&err, ERR_MEMORY, "out of memory");
            fail_naming(d, &err);
            return;
        }
        switch (stream_read(d->stream, room, buf_room(&d->in), &n, &err)) {
        case IO_OK:
            buf_commit(&d->in, n);
            break;
        case IO_AGAIN:
            wait_for_stream(d, d->out.len > 0);
            return;
        case IO_EOF:
        case IO_ERR:
            err_clear(&err);
            interrupt(d, ERR_CLOSED, &err);
            proxy_failed(d, &err);
            return;
        }
        switch (feed_handshake(d, &err)) {
        case PARSE_DONE:
            finish_handshake(d);
            return;
        case PARSE_BAD:
            proxy_failed(d, &err);
            return;
        case PARSE_MORE:
            break;
        }
    }
}

static void start_handshake(struct dial *d)
{
    const struct egress *p = d->proxy;
    struct err err = {0};
    bool started;

    enter(d, DIAL_PROXY, d->env->connect_ms);
    buf_init(&d->in, LIMIT_HEAD);
    buf_init(&d->out, LIMIT_HEAD);
    memset(&d->handshake, 0, sizeof d->handshake);
    if (by_socks(d)) {
        d->handshake.socks5 = (struct socks5){.proxy = p->url,
                                              .source = p->source,
                                              .host = d->host_next ? d->host_address : d->host,
                                              .port = d->port,
                                              .user = &p->user,
                                              .password = &p->password};
        started = socks5_start(&d->handshake.socks5, &d->out, &err);
    } else {
        d->handshake.connect = (struct connect){.proxy = p->url,
                                                .source = p->source,
                                                .host = d->host,
                                                .port = d->port,
                                                .user = &p->user,
                                                .password = &p->password};
        started = connect_start(&d->handshake.connect, &d->out, &err);
    }
    if (started)
        run_handshake(d);
    else
        fail(d, &err);
}

/* Of the host, or of an https proxy. */
static void run_tls(struct dial *d)
{
    struct err err = {0};
    enum io r = stream_handshake(d->stream, &err);

    if (r == IO_AGAIN) {
        wait_for_stream(d, false);
    } else if (r != IO_OK) {
        fail_naming(d, &err);
    } else if (d->phase == DIAL_PROXY_TLS) {
        start_handshake(d);
    } else {
        struct stream *s = d->stream;

        loop_forget(d->env->loop, &d->io);
        d->stream = NULL;
        finish(d, s, NULL);
    }
}

static void on_stream_ready(struct loop_io *io, short ready)
{
    struct dial *d = LOOP_OWNER(io, struct dial, io);

    (void)ready;
    if (d->phase == DIAL_PROXY)
        run_handshake(d);
    else
        run_tls(d);
}

/* A TCP connection to the peer is there: the other attempts end. */
static void connected(struct dial *d, int fd)
{
    struct err err = {0};

    stop_attempts(d);
    d->stream = stream_plain_take(fd, &err);
    if (d->stream) {
        d->io = (struct loop_io){.fd = fd, .on_ready = on_stream_ready};
        if (!loop_watch(d->env->loop, &d->io, 0))
            err_set(&err, ERR_MEMORY, "out of memory");
    }
    if (err_is_set(&err)) {
        fail(d, &err);
    } else if (!d->proxy) {
        if (start_tls(d))
            run_tls(d);
    } else if (d->proxy->scheme == EGRESS_HTTPS) {
        enter(d, DIAL_PROXY_TLS, d->env->tls_ms);
        if (add_tls(d, d->proxy->host, d->env->proxy_trust))
            run_tls(d);
    } else {
        start_handshake(d);
    }
}

static void attempt_failed(struct dial *d, size_t i, int error)
{
    struct sockaddr_storage sa;
    char address[LISTEN_ADDRESS_SIZE];

    resolve_sockaddr(&d->peers.list[i], peer_port(d), &sa);
    listen_address((struct sockaddr *)&sa, true, address);
    err_clear(&d->last);
    err_set(&d->last, error == ENOMEM || error == EMFILE ? ERR_MEMORY : ERR_UNREACHABLE,
            "%s%s:%u: connecting to %s failed: %s%s", d->proxy ? "egress proxy " : "", peer_host(d),
            peer_port(d), address, strerror(error),
            error != ECONNREFUSED ? ""
            : d->proxy            ? " (is it running, does a firewall allow it?)"
                                  : " (is the server running, does a firewall allow it? If "
                                    "only a proxy leads out, set HTTPS_PROXY)");
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
    if (d->running == 0 || d->next < d->peers.count)
        try_next(d);
}

static void on_step(struct loop_timer *timer)
{
    try_next(LOOP_OWNER(timer, struct dial, step));
}

/* Starts the next address; when all have failed, so has the dial. */
static void try_next(struct dial *d)
{
    while (d->next < d->peers.count) {
        size_t i = d->next++;
        struct loop_io *io = &d->attempts[i].io;
        struct sockaddr_storage sa;
        socklen_t size = resolve_sockaddr(&d->peers.list[i], peer_port(d), &sa);

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
        if (d->next < d->peers.count)
            loop_set(d->env->loop, &d->step, LIMIT_CONNECT_STEP_MS);
        return;
    }
    if (d->running == 0) {
        struct err err = d->last;

        fail(d, &err);
    }
}

static void connect_to_peer(struct dial *d, const struct resolve_answer *answer)
{
    d->peers = *answer;
    d->next = d->running = 0;
    enter(d, DIAL_CONNECT, d->env->connect_ms);
    try_next(d);
}

/* Looks the peer up and connects. For socks5 the host's next address is put into text first. */
static void find_peer(struct dial *d)
{
    struct resolve_answer numeric;

    if (d->host_next < d->hosts.count) {
        struct sockaddr_storage sa;

        resolve_sockaddr(&d->hosts.list[d->host_next++], d->port, &sa);
        listen_address((struct sockaddr *)&sa, false, d->host_address);
    }
    if (resolve_numeric(peer_host(d), &numeric)) {
        connect_to_peer(d, &numeric);
        return;
    }
    d->phase = DIAL_RESOLVE_PEER;
    loop_unset(d->env->loop, &d->limit);
    resolve_ask(d->env->resolve, &d->query, peer_host(d), d->env->resolve_ms);
}

static void on_answer(struct resolve_query *q, const struct resolve_answer *answer,
                      const struct err *err)
{
    struct dial *d = LOOP_OWNER(q, struct dial, query);

    if (!answer) {
        fail(d, err);
    } else if (d->phase == DIAL_RESOLVE_HOST) {
        d->hosts = *answer;
        d->host_next = 0;
        find_peer(d);
    } else {
        connect_to_peer(d, answer);
    }
}

void dial_interrupt(const struct dial *d, struct err *err)
{
    const char *what = d->proxy ? "egress proxy " : "";

    switch (d->phase) {
    case DIAL_RESOLVE_HOST:
        err_set(err, ERR_TIMEOUT, "%s: no answer from the name server in time", d->host);
        break;
    case DIAL_RESOLVE_PEER:
        err_set(err, ERR_TIMEOUT, "%s%s: no answer from the name server in time", what,
                peer_host(d));
        break;
    case DIAL_CONNECT:
        if (err_is_set(&d->last))
            *err = d->last;
        err_set(err, ERR_TIMEOUT,
                "%s%s:%u: no connection in time: no answer from any of %zu address(es) (does a "
                "firewall drop it?)",
                what, peer_host(d), peer_port(d), d->peers.count);
        break;
    case DIAL_PROXY:
        interrupt(d, ERR_TIMEOUT, err);
        break;
    case DIAL_PROXY_TLS:
        err_set(err, ERR_TIMEOUT,
                "egress proxy %s: no TLS handshake in time: connected, but the proxy is silent",
                d->proxy->url);
        break;
    case DIAL_TLS:
        err_set(err, ERR_TIMEOUT,
                "%s:%u: no TLS handshake in time: connected, but the server is silent", d->host,
                d->port);
        break;
    case DIAL_OVER:
        break;
    }
    err->stage = dial_stage(d);
}

static void on_limit(struct loop_timer *timer)
{
    struct dial *d = LOOP_OWNER(timer, struct dial, limit);
    struct err err = {0};

    if (d->phase == DIAL_RESOLVE_PEER) {
        find_peer(d); /* a start with nothing to look up: see dial_start */
        return;
    }
    dial_interrupt(d, &err);
    if (d->phase == DIAL_PROXY)
        proxy_failed(d, &err);
    else
        fail(d, &err);
}

void dial_start(struct dial *d, const struct dial_env *env, const char *host, uint16_t port,
                int64_t now_s, void (*on_done)(struct dial *, struct stream *, const struct err *))
{
    struct resolve_answer numeric;

    memset(d, 0, sizeof *d);
    d->env = env;
    d->host = host;
    d->port = port;
    d->now_s = now_s;
    d->on_done = on_done;
    d->io.fd = -1;
    d->query.on_answer = on_answer;
    d->step = (struct loop_timer){.on_time = on_step};
    d->limit = (struct loop_timer){.on_time = on_limit};
    d->proxy = egress_for(env->egress, host, port);
    if (d->proxy && d->proxy->scheme == EGRESS_SOCKS5 && !resolve_numeric(host, &numeric)) {
        d->phase = DIAL_RESOLVE_HOST;
        resolve_ask(env->resolve, &d->query, host, env->resolve_ms);
    } else if (resolve_numeric(peer_host(d), &numeric)) {
        /* Connected to from the loop, so that on_done never runs in here. */
        enter(d, DIAL_RESOLVE_PEER, 0);
    } else {
        find_peer(d);
    }
}
