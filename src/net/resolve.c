/*
 * Messages on the socket pair (SOCK_SEQPACKET: one is one, whole): a question is {id, host}, an
 * answer {id, error of getaddrinfo, addresses}. Workers write their answer straight to the pair,
 * so the helper itself only ever waits for questions. It ends when our end is closed.
 */
#include "net/resolve.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
    uint32_t id;
    char host[LIMIT_HOST + 1];
};

/* A worker gives up by itself some time after nobody waits for it any more. */
#define WORKER_SECONDS 60

/* What getaddrinfo reads. */
static const char *const resolve_files[] = {"/etc/resolv.conf", "/etc/hosts"};

static void look_up(const char *host, struct resolve_reply *reply)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    size_t n = 0;

    reply->error = getaddrinfo(host, NULL, &hints, &list);
    reply->system_error = errno;
    if (reply->error)
        return;
    for (struct addrinfo *i = list; i && n < LIMIT_ADDRESSES; i = i->ai_next) {
        struct resolve_address *a = &reply->answer.list[n];

        if (i->ai_family == AF_INET) {
            a->v6 = 0;
            a->ip.v4 = ((struct sockaddr_in *)(void *)i->ai_addr)->sin_addr;
            n++;
        } else if (i->ai_family == AF_INET6) {
            a->v6 = 1;
            a->ip.v6 = ((struct sockaddr_in6 *)(void *)i->ai_addr)->sin6_addr;
            a->scope = ((struct sockaddr_in6 *)(void *)i->ai_addr)->sin6_scope_id;
            n++;
        }
    }
    reply->answer.count = n;
    freeaddrinfo(list);
}

static _Noreturn void run_worker(int fd, const struct question *q)
{
    struct resolve_reply reply;

    memset(&reply, 0, sizeof reply);
    reply.id = q->id;
    signal(SIGALRM, SIG_DFL);
    alarm(WORKER_SECONDS);
    look_up(q->host, &reply);
    (void)send(fd, &reply, sizeof reply, MSG_NOSIGNAL);
    _exit(0);
}

void resolve_helper_run(const struct spawn_job *job)
{
    struct sandbox sandbox;
    struct question q;
    int fd = job->fd;

    signal(SIGCHLD, SIG_IGN);
    sandbox_init(&sandbox, job->sandbox, SANDBOX_RESOLVER);
    for (size_t i = 0; i < sizeof resolve_files / sizeof resolve_files[0]; i++)
        sandbox_let_reread(&sandbox, resolve_files[i]);
    (void)sandbox_enter(&sandbox);
    for (;;) {
        ssize_t n = recv(fd, &q, sizeof q, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(0);
        if (n != sizeof q)
            continue;
        q.host[LIMIT_HOST] = '\0';
        switch (fork()) {
        case 0:
            run_worker(fd, &q);
        case -1: {
            struct resolve_reply reply;

            memset(&reply, 0, sizeof reply);
            reply.id = q.id;
            reply.error = EAI_SYSTEM;
            reply.system_error = errno;
            (void)send(fd, &reply, sizeof reply, MSG_NOSIGNAL);
            break;
        }
        default:
            break;
        }
    }
}

static void on_ready(struct loop_io *io, short ready);
static void on_tick(struct loop_timer *timer);

static bool start_helper(struct resolve *r, struct err *err)
{
    int fd;

    r->helper = spawn_helper(r->spawn, SPAWN_RESOLVER, SOCK_SEQPACKET, -1, "", &fd, err);
    if (r->helper < 0)
        return false;
    r->io = (struct loop_io){.fd = fd, .on_ready = on_ready};
    if (!loop_watch(r->loop, &r->io, POLLIN)) {
        err_set(err, ERR_MEMORY, "out of memory");
        resolve_stop(r);
        return false;
    }
    return true;
}

bool resolve_start(struct resolve *r, struct loop *loop, struct spawn *spawn, struct err *err)
{
    memset(r, 0, sizeof *r);
    r->spawn = spawn;
    r->loop = loop;
    r->tick = (struct loop_timer){.on_time = on_tick};
    r->helper = -1;
    r->io.fd = -1;
    return start_helper(r, err);
}

void resolve_stop(struct resolve *r)
{
    loop_unset(r->loop, &r->tick);
    if (r->io.fd >= 0) {
        loop_forget(r->loop, &r->io);
        close(r->io.fd);
        r->io.fd = -1;
    }
    if (r->helper > 0) {
        (void)spawn_wait(r->spawn, r->helper, 0);
        r->helper = -1;
    }
}

static void unlink_query(struct resolve *r, struct resolve_query *q)
{
    for (struct resolve_query **p = &r->queries; *p; p = &(*p)->next) {
        if (*p == q) {
            *p = q->next;
            if (q->asked)
                r->asked--;
            q->next = NULL;
            q->asked = false;
            return;
        }
    }
}

/* Workers of cancelled queries run on; asked counts those that somebody waits for. */
static void ask_waiting(struct resolve *r)
{
    for (struct resolve_query *q = r->queries; q && r->asked < LIMIT_RESOLVES; q = q->next) {
        struct question question;

        if (q->asked || r->io.fd < 0)
            continue;
        memset(&question, 0, sizeof question);
        question.id = q->id;
        memcpy(question.host, q->host, sizeof question.host);
        if (send(r->io.fd, &question, sizeof question, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return; /* asked again at the next tick */
        q->asked = true;
        r->asked++;
    }
}

static struct resolve_cached *find_cached(struct resolve *r, const char *host)
{
    for (size_t i = 0; i < sizeof r->cache / sizeof r->cache[0]; i++)
        if (r->cache[i].answer.count > 0 && strcmp(r->cache[i].host, host) == 0)
            return &r->cache[i];
    return NULL;
}

static void remember(struct resolve *r, const char *host, const struct resolve_answer *answer)
{
    struct resolve_cached *c = find_cached(r, host);

    if (!c) {
        c = &r->cache[0];
        for (size_t i = 1; i < sizeof r->cache / sizeof r->cache[0]; i++)
            if (r->cache[i].until_ms < c->until_ms)
                c = &r->cache[i];
    }
    snprintf(c->host, sizeof c->host, "%s", host);
    c->answer = *answer;
    c->until_ms = r->loop->now_ms + LIMIT_DNS_CACHE;
}

void resolve_forget(struct resolve *r, const char *host)
{
    struct resolve_cached *c = find_cached(r, host);

    if (c)
        memset(c, 0, sizeof *c);
}

static void explain(const char *host, int error, int system_error, struct err *err)
{
    const char *why = gai_strerror(error);

    if (error == EAI_SYSTEM)
        why = strerror(system_error);
    if (error == EAI_NONAME)
        err_set_stage(err, ERR_UNREACHABLE, STAGE_DNS,
                      "%s: no such host name (check the name, and the DNS servers in "
                      "/etc/resolv.conf)",
                      host);
    else
        err_set_stage(err, ERR_UNREACHABLE, STAGE_DNS,
                      "%s: looking the name up failed: %s (check the DNS servers in "
                      "/etc/resolv.conf)",
                      host, why);
}

/* One waiter may free others in its on_answer: so look for the next one anew each time. */
static void answer_all(struct resolve *r, const char *host_of, const struct resolve_answer *answer,
                       const struct err *err)
{
    char host[LIMIT_HOST + 1];
    struct resolve_query *q;

    memcpy(host, host_of, sizeof host);
    do {
        for (q = r->queries; q && strcmp(q->host, host) != 0; q = q->next)
            ;
        if (q) {
            unlink_query(r, q);
            q->on_answer(q, answer, err);
        }
    } while (q);
}

void resolve_take(struct resolve *r, struct slice message)
{
    struct resolve_query *q = r->queries;
    struct resolve_reply reply;
    struct err err = {0};
    char host[LIMIT_HOST + 1];

    if (message.n != sizeof reply)
        return;
    memcpy(&reply, message.p, sizeof reply);
    while (q && q->id != reply.id)
        q = q->next;
    if (!q)
        return; /* cancelled meanwhile */
    memcpy(host, q->host, sizeof host);
    if (reply.error == 0 && reply.answer.count > 0 && reply.answer.count <= LIMIT_ADDRESSES) {
        remember(r, host, &reply.answer);
        answer_all(r, host, &reply.answer, NULL);
    } else {
        explain(host, reply.error ? reply.error : EAI_NONAME, reply.system_error, &err);
        answer_all(r, host, NULL, &err);
    }
    ask_waiting(r);
}

/* Killed or crashed: a new helper takes the questions over. */
static void respawn(struct resolve *r)
{
    resolve_stop(r);
    for (struct resolve_query *q = r->queries; q; q = q->next)
        q->asked = false;
    r->asked = 0;
    (void)start_helper(r, NULL);
    if (r->queries)
        loop_set(r->loop, &r->tick, 100);
}

static void on_ready(struct loop_io *io, short ready)
{
    struct resolve *r = LOOP_OWNER(io, struct resolve, io);
    struct resolve_reply reply;

    (void)ready;
    while (r->io.fd >= 0) {
        ssize_t n = recv(r->io.fd, &reply, sizeof reply, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            respawn(r);
            return;
        }
        resolve_take(r, slice_make((const char *)&reply, (size_t)n));
    }
}

static void on_tick(struct loop_timer *timer)
{
    struct resolve *r = LOOP_OWNER(timer, struct resolve, tick);
    struct resolve_query *q;

    if (r->io.fd < 0)
        (void)start_helper(r, NULL);
    do {
        struct resolve_cached *c = NULL;

        for (q = r->queries; q; q = q->next) {
            c = find_cached(r, q->host);
            if (c && c->until_ms <= r->loop->now_ms)
                c = NULL;
            if (c || q->deadline_ms <= r->loop->now_ms)
                break;
        }
        if (q && c) {
            struct resolve_answer answer = c->answer;

            unlink_query(r, q);
            q->on_answer(q, &answer, NULL);
        } else if (q) {
            struct err err = {0};

            err_set_stage(&err, ERR_TIMEOUT, STAGE_DNS,
                          "%s: looking the name up took too long (check the DNS servers in "
                          "/etc/resolv.conf)",
                          q->host);
            unlink_query(r, q);
            q->on_answer(q, NULL, &err);
        }
    } while (q);
    ask_waiting(r);
    if (r->queries)
        loop_set(r->loop, &r->tick, 100);
}

void resolve_ask(struct resolve *r, struct resolve_query *q, const char *host, int64_t timeout_ms)
{
    struct resolve_cached *c;

    snprintf(q->host, sizeof q->host, "%s", host);
    q->id = ++r->next_id;
    q->asked = false;
    q->deadline_ms = clock_mono_ms() + timeout_ms;
    q->next = r->queries;
    r->queries = q;
    c = find_cached(r, host);
    if (!c || c->until_ms <= r->loop->now_ms)
        ask_waiting(r);
    loop_set(r->loop, &r->tick, 0);
}

void resolve_cancel(struct resolve *r, struct resolve_query *q)
{
    unlink_query(r, q);
}

bool resolve_numeric(const char *host, struct resolve_answer *out)
{
    memset(out, 0, sizeof *out);
    out->count = 1;
    if (inet_pton(AF_INET, host, &out->list[0].ip.v4) == 1)
        return true;
    out->list[0].v6 = 1;
    return inet_pton(AF_INET6, host, &out->list[0].ip.v6) == 1;
}

socklen_t resolve_sockaddr(const struct resolve_address *a, uint16_t port,
                           struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (a->v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        in6->sin6_addr = a->ip.v6;
        in6->sin6_scope_id = a->scope;
        return sizeof *in6;
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)out;

        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        in->sin_addr = a->ip.v4;
        return sizeof *in;
    }
}
