/*
 * A relay tries the servers one after the other: first those that are not failing, in the
 * configured order, then the rest. Each gets an even share of the time that is left. A failing
 * server whose pause is over comes in its order again, for one relay at a time: so a dead first
 * server costs one relay its share now and then, not everybody.
 */
#include "proxy/upstream.h"

#include "base/secret.h"
#include "format/http_emit.h"
#include "format/uri.h"
#include "trust/policy.h"

#include <stdio.h>
#include <stdlib.h>

#define IN_SIZE (LIMIT_HEAD + 4096)
#define OUT_MAX (LIMIT_HEAD * 2 + LIMIT_URL + LIMIT_REQUEST_BODY)

/* As in a Host field (RFC 9110 section 7.2): IPv6 in brackets, the port unless it is the usual. */
static void name_server(struct server *s, struct slice host)
{
    bool v6 = memchr(host.p, ':', host.n) != NULL;
    int n = snprintf(s->name, sizeof s->name, "%s%.*s%s", v6 ? "[" : "", (int)host.n, host.p,
                     v6 ? "]" : "");

    if (s->port != 443)
        snprintf(s->name + n, sizeof s->name - (size_t)n, ":%u", s->port);
}

bool upstream_init(struct upstream *u, const struct config_list *urls, struct err *err)
{
    pool_init(&u->inputs, IN_SIZE, 4);
    pool_init(&u->kept, sizeof(struct upstream_idle), POOL_KEPT);
    u->waiting_end = &u->waiting;
    u->server_count = 0;
    for (size_t i = 0; i < urls->count && i < LIMIT_SERVERS; i++) {
        struct server *s = &u->servers[u->server_count];
        struct uri uri;
        struct slice path;

        memset(s, 0, sizeof *s);
        if (!uri_parse(slice_of(urls->items[i]), &uri, err))
            return false;
        path = uri.path;
        while (path.n > 0 && path.p[path.n - 1] == '/')
            path.n--;
        s->port = uri.port ? uri.port : 443;
        if (!slice_copy(uri.host, s->host, sizeof s->host) ||
            !slice_copy(path, s->prefix, sizeof s->prefix)) {
            err_set(err, ERR_CONFIG, "server_url: too long");
            return false;
        }
        name_server(s, uri.host);
        u->server_count++;
    }
    return true;
}

static void free_idle(struct loop_corpse *corpse)
{
    struct upstream_idle *idle = LOOP_OWNER(corpse, struct upstream_idle, corpse);

    pool_give(&idle->upstream->kept, idle);
}

/* Takes it out of the pool; the stream is the caller's. */
static struct stream *take_out(struct upstream_idle *idle)
{
    struct upstream *u = idle->upstream;
    struct stream *stream = idle->stream;
    struct upstream_idle **link = &u->idle;

    while (*link != idle)
        link = &(*link)->next;
    *link = idle->next;
    u->idle_count--;
    loop_forget(u->env.loop, &idle->io);
    loop_unset(u->env.loop, &idle->limit);
    idle->corpse.free = free_idle;
    loop_bury(u->env.loop, &idle->corpse);
    return stream;
}

static void close_idle(struct upstream_idle *idle)
{
    struct stream *stream = take_out(idle);

    stream_close(stream);
    stream_free(stream);
}

static void on_idle_ready(struct loop_io *io, short ready)
{
    (void)ready;
    close_idle(LOOP_OWNER(io, struct upstream_idle, io));
}

static void on_idle_limit(struct loop_timer *timer)
{
    close_idle(LOOP_OWNER(timer, struct upstream_idle, limit));
}

static void keep(struct upstream *u, struct server *server, struct stream *stream)
{
    struct upstream_idle *idle = pool_take(&u->kept);

    if (idle) {
        memset(idle, 0, sizeof *idle);
        idle->upstream = u;
        idle->server = server;
        idle->stream = stream;
        idle->io = (struct loop_io){.fd = stream->fd, .on_ready = on_idle_ready};
        idle->limit = (struct loop_timer){.on_time = on_idle_limit};
        if (loop_watch(u->env.loop, &idle->io, POLLIN) &&
            loop_set(u->env.loop, &idle->limit, LIMIT_UPSTREAM_IDLE_MS)) {
            idle->next = u->idle;
            u->idle = idle;
            if (++u->idle_count > LIMIT_IDLE_UPSTREAM) {
                struct upstream_idle *last = u->idle;

                while (last->next)
                    last = last->next;
                close_idle(last);
            }
            return;
        }
        loop_forget(u->env.loop, &idle->io);
        pool_give(&u->kept, idle);
    }
    stream_close(stream);
    stream_free(stream);
}

/*
 * One that has something to say before it is asked is not used: the bytes would be taken for the
 * answer to the next request. They may have been decrypted with the answer before, so that poll
 * does not tell of them.
 */
static struct stream *find_idle(struct upstream *u, const struct server *server)
{
    for (struct upstream_idle *i = u->idle; i; i = i->next) {
        struct stream *stream;
        char unasked;
        size_t n;

        if (i->server != server)
            continue;
        /* What poll has just seen to be silent needn't be asked. */
        if (!loop_is_silent(u->env.loop, &i->io))
            (void)stream_want(i->stream, true, false);
        stream = take_out(i);
        if (stream_is_silent(stream) || stream_read(stream, &unasked, 1, &n, NULL) == IO_AGAIN)
            return stream;
        stream_close(stream);
        stream_free(stream);
    }
    return NULL;
}

void upstream_close(struct upstream *u)
{
    loop_unset(u->env.loop, &u->turn);
    upstream_trust(u, NULL, NULL);
}

void upstream_fini(struct upstream *u)
{
    pool_fini(&u->inputs);
    pool_fini(&u->kept);
}

void upstream_trust(struct upstream *u, struct tls_trust *trust, struct tls_trust *proxy_trust)
{
    while (u->idle)
        close_idle(u->idle);
    tls_trust_drop(u->env.trust);
    tls_trust_drop(u->env.proxy_trust);
    u->env.trust = trust;
    u->env.proxy_trust = proxy_trust;
}

/* Drops the connection and the response that was being read. */
static void drop_connection(struct relay *r)
{
    struct loop *loop = r->upstream->env.loop;

    dial_cancel(&r->dial);
    loop_forget(loop, &r->io);
    loop_unset(loop, &r->limit);
    loop_unset(loop, &r->answer_limit);
    loop_unset(loop, &r->again);
    stream_free(r->stream);
    r->stream = NULL;
    buf_wipe(&r->out);
}

static void drop_response(struct relay *r)
{
    buf_wipe(&r->body);
    if (r->in)
        secret_wipe(r->in, r->in_len);
    pool_give(&r->upstream->inputs, r->in);
    r->in = NULL;
    r->in_len = r->head_len = r->scanned = 0;
    r->interim = 0;
    r->got_byte = r->got_head = false;
}

static void leave(struct relay *r)
{
    struct upstream *u = r->upstream;

    loop_unset(u->env.loop, &r->limit);
    if (r->phase == RELAY_WAIT) {
        for (struct relay **p = &u->waiting; *p; p = &(*p)->next) {
            if (*p == r) {
                *p = r->next;
                if (!*p)
                    u->waiting_end = p;
                break;
            }
        }
        u->waiting_count--;
    } else {
        u->running--;
        if (u->waiting)
            loop_set(u->env.loop, &u->turn, 0);
    }
    r->next = NULL;
    r->phase = RELAY_OVER;
}

void relay_cancel(struct relay *r)
{
    if (r->phase == RELAY_OVER)
        return;
    drop_connection(r);
    leave(r);
}

void relay_fini(struct relay *r)
{
    relay_cancel(r);
    if (r->upstream)
        drop_response(r);
}

int64_t relay_time_ns(const struct relay *r)
{
    return r->phase > RELAY_WAIT ? clock_mono_ns() - r->started_ns : r->took_ns;
}

static void finish(struct relay *r, bool answered)
{
    r->took_ns = relay_time_ns(r);
    if (r->phase != RELAY_WAIT)
        histogram_add(&r->upstream->durations, r->took_ns);
    drop_connection(r);
    leave(r);
    r->on_done(r, answered);
}

/* The server did its part: failing no more. */
static void server_answered(struct relay *r)
{
    struct server *s = r->server;

    s->last_answer_ns = clock_boot_ns(r->upstream->clock);
    if (s->failing)
        log_event(r->upstream->log, LOG_INFO, "license server answers again",
                  LOG_STR("server", s->name));
    s->failing = false;
    s->backoff_ms = 0;
}

static void server_failed(struct relay *r)
{
    struct server *s = r->server;
    bool news =
        !s->failing || s->last_error.stage != r->err.stage || s->last_error.code != r->err.code;

    s->failures++;
    s->failing = true;
    s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : LIMIT_BACKOFF_MIN_MS;
    if (s->backoff_ms > LIMIT_BACKOFF_MAX_MS)
        s->backoff_ms = LIMIT_BACKOFF_MAX_MS;
    s->retry_ms = r->upstream->env.loop->now_ms + s->backoff_ms;
    s->last_error = r->err;
    s->last_error_ns = clock_boot_ns(r->upstream->clock);
    /* Once per change, not once per request: a site has thousands of those. */
    log_event(r->upstream->log, news ? LOG_WARN : LOG_DEBUG, "license server failed",
              LOG_STR("server", s->name), LOG_STR("stage", err_stage_name(r->err.stage)),
              LOG_STR("error", r->err.text));
}

/* The next server to try, or NULL when all were. */
static struct server *choose(struct relay *r)
{
    struct upstream *u = r->upstream;
    struct server *fallback = NULL;

    for (size_t i = 0; i < u->server_count; i++) {
        struct server *s = &u->servers[i];

        if (r->tried[i])
            continue;
        if (!s->failing || s->retry_ms <= u->env.loop->now_ms) {
            /* One relay finds out whether it is back; the others go round meanwhile. */
            if (s->failing)
                s->retry_ms = u->env.loop->now_ms + LIMIT_BACKOFF_MAX_MS;
            fallback = s;
            break;
        }
        if (!fallback)
            fallback = s;
    }
    if (fallback)
        r->tried[fallback - u->servers] = true;
    return fallback;
}

static size_t untried(const struct relay *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->upstream->server_count; i++)
        n += !r->tried[i];
    return n;
}

static void fail_attempt(struct relay *r, const struct err *err)
{
    struct loop *loop = r->upstream->env.loop;
    bool retry = r->reused && !r->got_byte && !r->retried && r->phase == RELAY_TALK;

    drop_connection(r);
    if (retry) {
        /* The server closed an idle connection as the request was on its way: not its failure. */
        r->retried = true;
        drop_response(r);
    } else {
        r->err = *err;
        if (r->err.stage != STAGE_STATUS)
            drop_response(r);
        r->has_refusal = r->err.stage == STAGE_STATUS;
        server_failed(r);
        r->server = NULL;
    }
    r->phase = RELAY_DIAL;
    if ((!retry && (untried(r) == 0 || r->deadline_ms <= loop->now_ms)) ||
        !loop_set(loop, &r->again, 0))
        finish(r, false);
}

static bool emit_request(struct relay *r)
{
    const struct relay_request *q = &r->request;
    struct buf *out = &r->out;

    buf_init_in(out, OUT_MAX, r->room, sizeof r->room);
    return http_emit_request_line(out, q->method, slice_of(r->server->prefix), q->target) &&
           http_emit_field(out, "Host", slice_of(r->server->name)) &&
           buf_append_slice(out, q->fields) && (!q->has_body || http_emit_length(out, q->body.n)) &&
           http_emit_end(out) && buf_append_slice(out, q->body);
}

static enum err_stage stage_now(const struct relay *r)
{
    if (r->got_head)
        return STAGE_BODY;
    return r->sent ? STAGE_HEAD : STAGE_SEND;
}

/* Fails with the stage and the server's name before the cause. */
static void fail_talk(struct relay *r, enum err_code code, const char *cause)
{
    struct err err = {0};

    err_set_stage(&err, code, stage_now(r), "%s: %s", r->server->name, cause);
    fail_attempt(r, &err);
}

static void on_limit(struct loop_timer *timer)
{
    struct relay *r = LOOP_OWNER(timer, struct relay, limit);
    struct err err = {0};

    if (r->phase == RELAY_WAIT) {
        err_set_stage(&err, ERR_LIMIT, STAGE_NONE, "too many requests wait for the license server");
        r->err = err;
        finish(r, false);
    } else if (r->phase == RELAY_DIAL) {
        dial_interrupt(&r->dial, &err);
        fail_attempt(r, &err);
    } else {
        fail_talk(r, ERR_TIMEOUT, "no complete response in time");
    }
}

static void on_answer_limit(struct loop_timer *timer)
{
    struct relay *r = LOOP_OWNER(timer, struct relay, answer_limit);

    fail_talk(r, ERR_TIMEOUT, "connected, but no response in time");
}

/* A complete response. */
static void complete(struct relay *r, bool reusable)
{
    struct err err = {0};

    if (reusable && r->frame.keep_alive && r->sent && r->out.len == 0) {
        loop_forget(r->upstream->env.loop, &r->io);
        keep(r->upstream, r->server, r->stream);
        r->stream = NULL;
    }
    if (policy_classify(r->head.status) == POLICY_OUTAGE) {
        err_set_stage(&err, ERR_UNREACHABLE, STAGE_STATUS,
                      "%s: the license server answered with status %u", r->server->name,
                      r->head.status);
        fail_attempt(r, &err);
        return;
    }
    server_answered(r);
    finish(r, true);
}

/* What reading led to. */
enum taken { TAKEN_MORE, TAKEN_OVER };

static enum taken take_head(struct relay *r)
{
    struct err err = {0};
    size_t used;

    for (;;) {
        switch (http_parse_response(slice_make((char *)r->in, r->in_len), &r->scanned, &r->head,
                                    &used, &err)) {
        case PARSE_MORE:
            return TAKEN_MORE;
        case PARSE_BAD:
            fail_talk(r, err.code, err.text);
            return TAKEN_OVER;
        case PARSE_DONE:
            break;
        }
        if (r->head.status >= 200 || r->head.status == 101)
            break;
        /* An interim response (RFC 9110 section 15.2): the final one follows. */
        if (++r->interim > LIMIT_INTERIM) {
            fail_talk(r, ERR_LIMIT, "interim responses without end");
            return TAKEN_OVER;
        }
        secret_cut(r->in, r->in_len, 0, used);
        r->in_len -= used;
        r->scanned = 0;
    }
    if (!http_frame_response(&r->head, slice_eq(r->request.method, SLICE("HEAD")), &r->frame,
                             &err)) {
        fail_talk(r, err.code, err.text);
        return TAKEN_OVER;
    }
    r->got_head = true;
    r->head_len = used;
    loop_unset(r->upstream->env.loop, &r->answer_limit);
    buf_init(&r->body, LIMIT_RESPONSE_BODY);
    http_chunk_init(&r->chunk);
    return TAKEN_MORE;
}

/* Takes what the input holds behind the head. */
static enum taken take_body(struct relay *r)
{
    struct slice rest = slice_make((char *)r->in + r->head_len, r->in_len - r->head_len);
    struct err err = {0};
    size_t used = rest.n;
    bool done = false, stays = false;

    switch (r->frame.kind) {
    case HTTP_BODY_NONE:
        done = true;
        used = 0;
        break;
    case HTTP_BODY_CHUNKED:
        switch (http_chunk_feed(&r->chunk, rest, &used, &r->body, &err)) {
        case PARSE_BAD:
            fail_talk(r, err.code, err.text);
            return TAKEN_OVER;
        case PARSE_DONE:
            done = true;
            break;
        case PARSE_MORE:
            break;
        }
        break;
    case HTTP_BODY_LENGTH:
        if (used > r->frame.length - r->body.len)
            used = (size_t)r->frame.length - r->body.len;
        if (rest.n == r->frame.length && r->body.len == 0) {
            /* All of it has come, and nothing more: it stays where it is. */
            buf_init_in(&r->body, LIMIT_RESPONSE_BODY, r->in + r->head_len, rest.n);
            (void)buf_reserve(&r->body, rest.n);
            buf_commit(&r->body, rest.n);
            stays = true;
        } else if (!buf_append(&r->body, rest.p, used)) {
            fail_talk(r, ERR_MEMORY, "out of memory for the response");
            return TAKEN_OVER;
        }
        done = r->body.len == r->frame.length;
        break;
    case HTTP_BODY_UNTIL_CLOSE:
        if (!buf_append(&r->body, rest.p, used)) {
            fail_talk(r, ERR_LIMIT, "the response is larger than 1 MiB");
            return TAKEN_OVER;
        }
        break;
    }
    if (!stays)
        secret_cut(r->in, r->in_len, r->head_len, used);
    r->in_len -= used;
    if (!done)
        return TAKEN_MORE;
    /* Bytes behind the response: whatever they are, the connection can't be used again. */
    complete(r, r->in_len == r->head_len);
    return TAKEN_OVER;
}

/* Sends what is left. */
static void send_request(struct relay *r)
{
    struct err err = {0};
    enum io io = IO_OK;
    size_t n;

    while (io == IO_OK && r->out.len > 0) {
        struct slice s = buf_slice(&r->out);

        io = stream_write(r->stream, s.p, s.n, &n, &err);
        buf_consume(&r->out, n);
    }
    if (io == IO_OK)
        io = stream_flush(r->stream, &err);
    if (io == IO_OK) {
        r->sent = true;
        buf_wipe(&r->out);
        loop_set(r->upstream->env.loop, &r->answer_limit, r->upstream->answer_ms);
    } else if (io != IO_AGAIN) {
        /* A server that refuses early may have said why before it closed: that is read first. */
        r->send_broken = true;
        r->err = err;
    }
}

static enum io read_input(struct relay *r, size_t *n, struct err *err)
{
    struct pool *inputs = &r->upstream->inputs;
    enum io io;

    if (stream_is_silent(r->stream))
        return IO_AGAIN;
    if (!r->in)
        r->in = pool_take(inputs);
    if (!r->in) {
        err_set(err, ERR_MEMORY, "out of memory for the response");
        return IO_ERR;
    }
    io = stream_read(r->stream, r->in + r->in_len, IN_SIZE - r->in_len, n, err);
    if (io != IO_OK && r->in_len == 0) {
        pool_give(inputs, r->in);
        r->in = NULL;
    }
    return io;
}

static void talk(struct relay *r)
{
    for (;;) {
        struct err err = {0};
        size_t n = 0;

        if (!r->sent && !r->send_broken)
            send_request(r);
        switch (read_input(r, &n, &err)) {
        case IO_OK:
            r->in_len += n;
            r->got_byte = true;
            if (!r->got_head && take_head(r) == TAKEN_OVER)
                return;
            if (r->got_head && take_body(r) == TAKEN_OVER)
                return;
            break;
        case IO_AGAIN:
            if (r->send_broken) {
                fail_talk(r, r->err.code, r->err.text);
                return;
            }
            loop_watch(r->upstream->env.loop, &r->io, stream_want(r->stream, true, !r->sent));
            return;
        case IO_EOF:
            if (r->got_head && r->frame.kind == HTTP_BODY_UNTIL_CLOSE) {
                complete(r, false);
                return;
            }
            fail_talk(r, ERR_CLOSED,
                      "the server closed the connection before the response was "
                      "complete");
            return;
        case IO_ERR:
            fail_talk(r, err.code, err.text);
            return;
        }
    }
}

static void on_ready(struct loop_io *io, short ready)
{
    (void)ready;
    talk(LOOP_OWNER(io, struct relay, io));
}

/* A stream is there: sends the request on it. */
static void start_talking(struct relay *r, struct stream *stream, bool reused)
{
    r->phase = RELAY_TALK;
    r->stream = stream;
    r->reused = reused;
    r->sent = r->send_broken = false;
    r->io = (struct loop_io){.fd = stream->fd, .on_ready = on_ready};
    drop_response(r);
    r->has_refusal = false;
    if (!emit_request(r) || !loop_watch(r->upstream->env.loop, &r->io, 0)) {
        fail_talk(r, ERR_MEMORY, "out of memory for the request");
        return;
    }
    talk(r);
}

static void on_dialled(struct dial *d, struct stream *stream, const struct err *err)
{
    struct relay *r = LOOP_OWNER(d, struct relay, dial);

    if (stream)
        start_talking(r, stream, false);
    else
        fail_attempt(r, err);
}

/* Tries the current server again, or the next one. */
static void attempt(struct relay *r)
{
    struct upstream *u = r->upstream;
    struct stream *stream = NULL;
    int64_t left = r->deadline_ms - clock_mono_ms();

    if (!r->server) {
        r->server = choose(r);
        r->retried = false;
    }
    r->server->attempts++;
    loop_set(u->env.loop, &r->limit, left / (int64_t)(1 + untried(r)));
    if (!r->retried)
        stream = find_idle(u, r->server);
    r->phase = RELAY_DIAL;
    if (stream)
        start_talking(r, stream, true);
    else
        dial_start(&r->dial, &u->env, r->server->host, r->server->port,
                   clock_never_back_s(u->clock), on_dialled);
}

static void on_again(struct loop_timer *timer)
{
    attempt(LOOP_OWNER(timer, struct relay, again));
}

static void start_waiting(struct upstream *u)
{
    while (u->waiting && u->running < LIMIT_RELAYS) {
        struct relay *r = u->waiting;

        u->waiting = r->next;
        if (!u->waiting)
            u->waiting_end = &u->waiting;
        u->waiting_count--;
        r->next = NULL;
        u->running++;
        r->started_ns = clock_mono_ns();
        attempt(r);
    }
}

static void on_turn(struct loop_timer *timer)
{
    start_waiting(LOOP_OWNER(timer, struct upstream, turn));
}

bool relay_start(struct relay *r, struct upstream *u, const struct relay_request *request,
                 void (*on_done)(struct relay *r, bool answered))
{
    if (u->waiting_count >= LIMIT_WAITING)
        return false;
    r->upstream = u;
    r->request = *request;
    r->on_done = on_done;
    r->deadline_ms = clock_mono_ms() + u->relay_ms;
    r->limit = (struct loop_timer){.on_time = on_limit};
    r->answer_limit = (struct loop_timer){.on_time = on_answer_limit};
    r->again = (struct loop_timer){.on_time = on_again};
    u->turn.on_time = on_turn;
    buf_init(&r->out, OUT_MAX);
    buf_init(&r->body, LIMIT_RESPONSE_BODY);
    memset(r->tried, 0, sizeof r->tried);
    r->server = NULL;
    r->took_ns = 0;
    r->has_refusal = false;
    err_clear(&r->err);
    r->phase = RELAY_WAIT;
    r->next = NULL;
    *u->waiting_end = r;
    u->waiting_end = &r->next;
    u->waiting_count++;
    if (u->running >= LIMIT_RELAYS)
        loop_set(u->env.loop, &r->limit, u->relay_ms);
    start_waiting(u);
    return true;
}
