/*
 * A connection is a switch over its phases. `turn` goes on as long as one phase leads to another
 * without waiting; then it says what poll should wait for. Each phase has one deadline for all of
 * it, however the bytes dribble.
 *
 * The input buffer never moves while a request is handled, since the parsed head points into it: it
 * is allocated whole for a request and freed between requests. Its front holds the head, the rest
 * bytes of the body that are not decoded yet, or the next requests (pipelining).
 *
 * Handshakes are what costs processor time: a host has so many steps of them in one turn of the
 * loop, and what it has beyond them is still there in the next. What costs memory is bounded for
 * all hosts together, and when a bound is reached the host that has most makes room.
 */
#include "proxy/client.h"

#include "base/clock.h"
#include "base/secret.h"
#include "format/http_emit.h"
#include "format/json.h"
#include "format/uri.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A head, and room for the bytes of a body behind it. */
#define IN_SIZE (LIMIT_HEAD + 4096)

/* Of a response's head what its fields aren't. */
#define HEAD_ROOM 200

/* Most answers fit. */
#define OUT_SIZE 8000

/* A response head made here, plus a whole answer. */
#define OUT_MAX (LIMIT_HEAD * 2 + LIMIT_RESPONSE_BODY)

static void turn(struct client *c);
static bool make_room(struct client_port *port, struct host_place *place);
static bool may_tell(struct client_port *port, enum client_tell what);

/* Most phases lead to another one in the same turn, and need no deadline. */
static void set_limit(struct client *c, int64_t ms)
{
    c->limit_ms = ms;
    c->limit_moved = true;
}

static void move_limit(struct client *c)
{
    if (!c->limit_moved)
        return;
    c->limit_moved = false;
    if (c->limit_ms < 0)
        loop_unset(c->port->loop, &c->limit);
    else
        loop_set(c->port->loop, &c->limit, c->limit_ms);
}

static void charge(struct client *c, size_t bytes)
{
    if (c->port->memory) {
        *c->port->memory += bytes - c->charged;
        c->place.host->memory += bytes - c->charged;
    }
    c->charged = bytes;
}

/* One host may have four times what it leaves to the others. */
static bool memory_is_short(const struct client *c)
{
    const size_t *memory = c->port->memory;

    return memory &&
           (*memory > LIMIT_BODY_MEMORY || c->place.host->memory / 4 > LIMIT_BODY_MEMORY - *memory);
}

static void enter(struct client *c, enum client_phase phase, enum host_use use)
{
    c->phase = phase;
    hosts_use(&c->port->hosts, &c->place, use, c->port->loop->now_ms);
}

static void free_request(struct client *c)
{
    if (!c->request)
        return;
    buf_wipe(&c->request->body);
    pool_give(&c->port->requests, c->request);
    c->request = NULL;
}

/* Room for a response of the usual size. */
static void make_output(struct client *c)
{
    struct pool *outputs = &c->port->outputs;
    void *room = pool_take(outputs);

    buf_init_in(&c->out, OUT_MAX, room, room ? outputs->size : 0);
}

static void drop_output(struct client *c)
{
    void *room = c->out.room;

    buf_wipe(&c->out);
    pool_give(&c->port->outputs, room);
}

static void free_client(struct loop_corpse *corpse)
{
    struct client *c = LOOP_OWNER(corpse, struct client, corpse);

    free(c);
}

/* Ends the connection at once. */
static void destroy(struct client *c)
{
    struct client_port *port = c->port;

    if (c->dead)
        return;
    c->dead = true;
    if (c->phase == CLIENT_WAIT && port->on_gone)
        port->on_gone(port, c);
    loop_forget(port->loop, &c->io);
    loop_unset(port->loop, &c->limit);
    loop_unset(port->loop, &c->again);
    if (c->stream)
        stream_free(c->stream);
    else
        close(c->io.fd);
    free_request(c);
    if (c->in)
        secret_wipe(c->in, c->in_len);
    pool_give(&port->inputs, c->in);
    drop_output(c);
    charge(c, 0);
    hosts_leave(&port->hosts, &c->place);
    *(c->prev ? &c->prev->next : &port->first) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    port->count--;
    if (port->count < port->max_clients)
        listen_release(&port->listen);
    c->corpse.free = free_client;
    loop_bury(port->loop, &c->corpse);
}

/* Half-closes and reads on for a while: closing with unread input would reset the connection. */
static void linger(struct client *c)
{
    stream_close(c->stream);
    free_request(c);
    enter(c, CLIENT_LINGER, HOST_BUSY);
    set_limit(c, LIMIT_LINGER_MS);
}

static void begin_head(struct client *c)
{
    enter(c, CLIENT_HEAD, c->in_len == 0 ? HOST_IDLE : HOST_BUSY);
    c->head_len = 0;
    c->scanned = 0;
    c->continue_sent = false;
    if (c->in_len == 0) {
        pool_give(&c->port->inputs, c->in);
        c->in = NULL;
        set_limit(c, c->port->draining ? LIMIT_DRAIN_IDLE_MS : LIMIT_IDLE_MS);
    } else {
        set_limit(c, LIMIT_HEAD_MS);
    }
}

static void emit_date(struct buf *out)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm tm = {0};

    gmtime_r(&now, &tm);
    http_emit_fieldf(out, "Date", "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
                     tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                     tm.tm_sec);
}

/* Status line, fields, framing and Connection. */
static bool emit_head(struct client *c, const struct client_response *r, bool to_head)
{
    bool bodiless = r->status == 204 || r->status == 304;
    struct buf *out = &c->out;

    make_output(c);
    /* The whole in one piece; what is appended tells whether there was memory. */
    (void)buf_reserve(out, HEAD_ROOM + r->fields.n + (to_head || bodiless ? 0 : r->body.n));
    if (!http_emit_status_line(out, r->status, r->reason) || !buf_append_slice(out, r->fields))
        return false;
    if (to_head || bodiless) {
        if (r->head_length >= 0 && r->status != 204 &&
            !http_emit_length(out, (size_t)r->head_length))
            return false;
    } else if (!http_emit_length(out, r->body.n)) {
        return false;
    }
    if (!c->keep_alive && !http_emit_field(out, "Connection", SLICE("close")))
        return false;
    if (c->keep_alive && c->request && c->request->head.minor == 0 &&
        !http_emit_field(out, "Connection", SLICE("keep-alive")))
        return false;
    return http_emit_end(out) && (to_head || bodiless || buf_append_slice(out, r->body));
}

/* The response is in c->out: takes the request's bytes out of the input and starts sending. */
static void start_writing(struct client *c)
{
    if (c->in) {
        secret_cut(c->in, c->in_len, 0, c->head_len);
        c->in_len -= c->head_len;
        c->head_len = 0;
    }
    free_request(c);
    charge(c, c->out.len);
    enter(c, CLIENT_WRITE, HOST_BUSY);
    set_limit(c, LIMIT_WRITE_MS);
}

static void respond(struct client *c, const struct client_response *r)
{
    bool to_head = c->request && slice_eq(c->request->head.method, SLICE("HEAD"));

    if (!c->request || !c->request->frame.keep_alive || c->port->draining)
        c->keep_alive = false;
    if (!emit_head(c, r, to_head)) {
        destroy(c); /* out of memory: the connection is the price */
        return;
    }
    start_writing(c);
}

/* The answer to a request that was handed over is queued. */
static void answered(struct client *c)
{
    histogram_add(&c->port->added, clock_mono_ns() - c->whole_ns - c->upstream_ns);
    turn(c);
}

void client_respond(struct client *c, const struct client_response *r)
{
    c->exchange = NULL;
    respond(c, r);
    answered(c);
}

void client_respond_page(struct client *c, unsigned status, struct slice fields, struct slice body)
{
    struct client_response r = {
        .status = status, .fields = fields, .body = body, .head_length = (int64_t)body.n};

    client_respond(c, &r);
}

static void respond_error(struct client *c, unsigned status, const char *error, const char *message,
                          struct slice fields)
{
    struct client_response r = {.status = status, .head_length = -1};
    struct buf body, head;
    struct json j;

    buf_init(&body, 4096);
    buf_init(&head, LIMIT_HEAD);
    json_init(&j, &body);
    json_begin_object(&j);
    json_key(&j, "error");
    json_cstring(&j, error);
    json_key(&j, "message");
    json_cstring(&j, message);
    if (c->port->state_text) {
        json_key(&j, "state");
        json_cstring(&j, c->port->state_text(c->port));
    }
    json_end_object(&j);
    (void)buf_append_string(&body, "\n");
    emit_date(&head);
    (void)http_emit_field(&head, "Content-Type", SLICE("application/json"));
    (void)http_emit_field(&head, "Cache-Control", SLICE("no-store"));
    (void)buf_append_slice(&head, fields);
    r.fields = buf_slice(&head);
    r.body = buf_slice(&body);
    r.head_length = (int64_t)body.len;
    respond(c, &r);
    buf_fini(&head);
    buf_fini(&body);
}

void client_respond_error(struct client *c, unsigned status, const char *error, const char *message,
                          struct slice fields)
{
    c->exchange = NULL;
    respond_error(c, status, error, message, fields);
    answered(c);
}

void client_respond_short(struct client *c)
{
    client_respond_error(c, 503, "out_of_memory", "not enough memory for the answer",
                         (struct slice){0});
}

/* A request that can't be read on from: answered, and the connection ends. */
static void refuse(struct client *c, const struct err *err, unsigned fallback)
{
    unsigned status = err->status ? (unsigned)err->status : fallback;

    c->port->counts.bad_requests++;
    c->keep_alive = false;
    log_event(c->port->log, LOG_DEBUG, "request refused", LOG_STR("client", c->peer),
              LOG_NUM("status", status), LOG_STR("error", err->text));
    /* What follows can't be told apart from the refused message: it is not looked at. */
    c->head_len = c->in_len;
    respond_error(c, status, status == 503 ? "overloaded" : "bad_request", err->text,
                  (struct slice){0});
}

/* How a phase ended: with another to be run at once, with waiting, or with the connection. */
enum step { STEP_ON, STEP_WAIT, STEP_END };

/* Whether its host may go on with handshakes in this turn. */
static bool has_turn(const struct client *c)
{
    struct host *host = c->place.host;

    if (host->turn != c->port->loop->turns)
        host->steps = 0;
    host->turn = c->port->loop->turns;
    return host->steps < LIMIT_HANDSHAKE_STEPS;
}

static enum step start_stream(struct client *c)
{
    struct client_port *port = c->port;
    struct err err = {0};
    char first;
    ssize_t n = recv(c->io.fd, &first, 1, MSG_PEEK);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return STEP_WAIT;
    if (n <= 0)
        return STEP_END;
    if (!has_turn(c))
        return STEP_WAIT;
    if (port->hosts.count[HOST_TALKING] >= LIMIT_TALKING &&
        !make_room(port, hosts_spare(&port->hosts, HOST_TALKING, NULL, port->loop->now_ms))) {
        port->counts.refused++;
        return STEP_END;
    }
    c->stream = stream_plain_take(c->io.fd, &err);
    if (!c->stream) {
        c->io.fd = -1;
        return STEP_END;
    }
    if (!port->identity) {
        begin_head(c);
        return STEP_ON;
    }
    if (first >= 'A' && first <= 'Z') {
        /* A TLS record starts with 22. A person who forgot the "s" deserves a word. */
        port->profile->handshakes[TLS_SERVER].failed[TLS_FAILED_STRANGER]++;
        err_set_http(&err, ERR_SYNTAX, 400,
                     "this port speaks HTTPS: use https:// instead of http://");
        refuse(c, &err, 400);
        return STEP_ON;
    }
    c->stream =
        stream_tls_take(tls_server_new(port->profile, port->identity, port->clients,
                                       port->clients ? clock_never_back_s(port->clock) : 0, &err),
                        c->stream, &err);
    if (!c->stream) {
        c->io.fd = -1;
        log_event(port->log, LOG_WARN, "no TLS for a client", LOG_STR("client", c->peer),
                  LOG_STR("error", err.text));
        return STEP_END;
    }
    enter(c, CLIENT_HANDSHAKE, HOST_IDLE);
    return STEP_ON;
}

static enum step run_handshake(struct client *c)
{
    enum log_level level = LOG_DEBUG;
    struct err err = {0};

    if (!has_turn(c))
        return STEP_WAIT;
    c->place.host->steps++;
    switch (stream_handshake(c->stream, &err)) {
    case IO_OK:
        begin_head(c);
        return STEP_ON;
    case IO_AGAIN:
        return STEP_WAIT;
    case IO_EOF:
    case IO_ERR:
        break;
    }
    if (c->port->clients && tls_was_refused(stream_tls(c->stream)) &&
        may_tell(c->port, CLIENT_UNKNOWN))
        level = LOG_WARN; /* it may be one that should be let in */
    log_event(c->port->log, level, "TLS handshake with a client failed", LOG_STR("client", c->peer),
              LOG_STR("error", err.text));
    /* Flush the alert; a reset would take it away again. */
    linger(c);
    return STEP_WAIT;
}

/* Reads into the input buffer. STEP_ON when there are new bytes. */
static enum step read_input(struct client *c)
{
    size_t n;

    if (stream_is_silent(c->stream))
        return STEP_WAIT;
    if (!c->in) {
        c->in = pool_take(&c->port->inputs);
        if (!c->in)
            return STEP_END;
    }
    switch (stream_read(c->stream, c->in + c->in_len, IN_SIZE - c->in_len, &n, NULL)) {
    case IO_OK:
        c->in_len += n;
        return STEP_ON;
    case IO_AGAIN:
        if (c->in_len == 0) {
            pool_give(&c->port->inputs, c->in);
            c->in = NULL;
        }
        return STEP_WAIT;
    case IO_EOF:
    case IO_ERR:
        break;
    }
    return STEP_END;
}

static void hand_over(struct client *c)
{
    enter(c, CLIENT_WAIT, HOST_KEPT);
    set_limit(c, -1);
    c->port->counts.requests++;
    c->whole_ns = clock_mono_ns();
    c->upstream_ns = 0;
    c->port->on_request(c->port, c);
}

/* The head is complete: framing, target, room for the body. */
static enum step take_head(struct client *c, size_t used)
{
    struct client_request *r = c->request;
    struct err err = {0};

    c->head_len = used;
    c->keep_alive = true;
    if (!http_frame_request(&r->head, &r->frame, &err) ||
        !uri_target_path(r->head.target, &r->path, &err)) {
        refuse(c, &err, 400);
        return STEP_ON;
    }
    if (memory_is_short(c)) {
        err_set_http(&err, ERR_LIMIT, 503, "too much is in memory for other clients: try again");
        refuse(c, &err, 503);
        return STEP_ON;
    }
    if (r->frame.kind == HTTP_BODY_NONE) {
        hand_over(c);
        return STEP_ON;
    }
    if (r->frame.kind == HTTP_BODY_LENGTH && r->frame.length > c->port->body_max) {
        err_set_http(&err, ERR_LIMIT, 413, "the request body is too large here");
        refuse(c, &err, 413);
        return STEP_ON;
    }
    buf_init(&r->body, c->port->body_max);
    http_chunk_init(&r->chunk);
    enter(c, CLIENT_BODY, HOST_BUSY);
    set_limit(c, LIMIT_BODY_MS);
    return STEP_ON;
}

static enum step read_head(struct client *c)
{
    struct err err = {0};
    size_t used;

    for (;;) {
        if (c->in_len > 0) {
            if (!c->request) {
                c->request = pool_take(&c->port->requests);
                if (!c->request)
                    return STEP_END;
                memset(c->request, 0, offsetof(struct client_request, head.fields));
            }
            switch (http_parse_request(slice_make((char *)c->in, c->in_len), &c->scanned,
                                       &c->request->head, &used, &err)) {
            case PARSE_DONE:
                return take_head(c, used);
            case PARSE_BAD:
                free_request(c); /* its slices may be half filled */
                refuse(c, &err, 400);
                return STEP_ON;
            case PARSE_MORE:
                break;
            }
        }
        enum step s;
        bool first = c->in_len == 0;

        s = read_input(c);
        if (s != STEP_ON)
            return s;
        if (first) {
            enter(c, CLIENT_HEAD, HOST_BUSY);
            set_limit(c, LIMIT_HEAD_MS);
        }
    }
}

/* Decodes what the input holds behind the head; the rest of the input moves up. */
static enum parse take_body(struct client *c, struct err *err)
{
    struct client_request *r = c->request;
    struct slice rest = slice_make((char *)c->in + c->head_len, c->in_len - c->head_len);
    enum parse verdict = PARSE_MORE;
    size_t used = 0;

    if (r->frame.kind == HTTP_BODY_CHUNKED) {
        verdict = http_chunk_feed(&r->chunk, rest, &used, &r->body, err);
    } else {
        size_t left = (size_t)r->frame.length - r->body.len;

        used = rest.n < left ? rest.n : left;
        if (!buf_append(&r->body, rest.p, used)) {
            err_set_http(err, ERR_MEMORY, 503, "out of memory for the request body");
            return PARSE_BAD;
        }
        if (r->body.len == r->frame.length)
            verdict = PARSE_DONE;
    }
    secret_cut(c->in, c->in_len, c->head_len, used);
    c->in_len -= used;
    return verdict;
}

/* RFC 9110 section 10.1.1: only to who waits for it, and only while no byte of the body came. */
static bool send_continue(struct client *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t n;

    if (c->continue_sent || !c->request->frame.expect_continue)
        return true;
    c->continue_sent = true;
    if (stream_write(c->stream, text, sizeof text - 1, &n, NULL) != IO_OK || n != sizeof text - 1)
        return false; /* 25 bytes into an empty buffer: only a broken connection refuses them */
    return stream_flush(c->stream, NULL) != IO_ERR;
}

static enum step read_body(struct client *c)
{
    for (;;) {
        struct err err = {0};
        enum parse verdict = take_body(c, &err);
        enum step s;

        charge(c, c->request->body.cap);
        if (verdict == PARSE_MORE && memory_is_short(c)) {
            err_set_http(&err, ERR_LIMIT, 503, "too many request bodies at one time: try again");
            verdict = PARSE_BAD;
        }
        if (verdict == PARSE_BAD) {
            refuse(c, &err, 400);
            return STEP_ON;
        }
        if (verdict == PARSE_DONE) {
            hand_over(c);
            return STEP_ON;
        }
        if (c->in_len == c->head_len && !send_continue(c))
            return STEP_END;
        s = read_input(c);
        if (s != STEP_ON)
            return s;
    }
}

static enum step write_response(struct client *c)
{
    size_t n;
    enum io r;

    /* An answer, its close_notify and FIN then leave in one segment. */
    c->stream->more = !c->keep_alive;
    while (c->out.len > 0) {
        struct slice s = buf_slice(&c->out);

        r = stream_write(c->stream, s.p, s.n, &n, NULL);
        if (r == IO_ERR)
            return STEP_END;
        if (r != IO_OK)
            return STEP_WAIT;
        buf_consume(&c->out, n);
    }
    r = stream_flush(c->stream, NULL);
    if (r == IO_ERR)
        return STEP_END;
    if (r != IO_OK)
        return STEP_WAIT;
    drop_output(c);
    charge(c, 0);
    if (!c->keep_alive || c->port->draining) {
        linger(c);
        return STEP_WAIT;
    }
    begin_head(c);
    return STEP_ON;
}

static enum step run_linger(struct client *c)
{
    uint8_t dropped[4096];

    /* Below TLS: nothing that comes now is wanted, least of all decrypted. */
    for (int i = 0; i < 16; i++) {
        ssize_t r = recv(c->io.fd, dropped, sizeof dropped, 0);

        if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            break;
        if (r <= 0)
            return STEP_END;
    }
    return STEP_WAIT;
}

static enum step run_phase(struct client *c)
{
    switch (c->phase) {
    case CLIENT_SILENT:
        return start_stream(c);
    case CLIENT_HANDSHAKE:
        return run_handshake(c);
    case CLIENT_HEAD:
        return read_head(c);
    case CLIENT_BODY:
        return read_body(c);
    case CLIENT_WRITE:
        return write_response(c);
    case CLIENT_LINGER:
        return run_linger(c);
    case CLIENT_WAIT:
        break;
    }
    return STEP_WAIT;
}

static short wanted(struct client *c)
{
    switch (c->phase) {
    case CLIENT_SILENT:
    case CLIENT_LINGER:
        return POLLIN;
    case CLIENT_WAIT:
        /*
         * Only whether the client is still there. One that closes its side of a TLS connection
         * takes no answer any more; over plain TCP it may still read.
         */
        return c->port->identity ? POLLRDHUP : 0;
    case CLIENT_WRITE:
        return stream_want(c->stream, false, true);
    case CLIENT_HANDSHAKE:
    case CLIENT_HEAD:
    case CLIENT_BODY:
        break;
    }
    return stream_want(c->stream, true, false);
}

/* Phases of one connection in one turn, so that a pipeline can't starve the others. */
#define TURN_STEPS 64

static void turn(struct client *c)
{
    enum step s = STEP_ON;

    /* A handler that responds at once calls from inside: the loop below goes on by itself. */
    if (c->dead || c->turning)
        return;
    c->turning = true;
    for (int i = 0; i < TURN_STEPS && s == STEP_ON && !c->dead; i++)
        s = run_phase(c);
    c->turning = false;
    if (c->dead)
        return;
    if (s == STEP_END) {
        destroy(c);
        return;
    }
    /* Input that was read already wakes no poll. */
    if (s == STEP_ON)
        loop_set(c->port->loop, &c->again, 0);
    move_limit(c);
    loop_watch(c->port->loop, &c->io, wanted(c));
}

static void on_ready(struct loop_io *io, short ready)
{
    struct client *c = LOOP_OWNER(io, struct client, io);

    if (c->phase == CLIENT_WAIT && (ready & (POLLERR | POLLHUP | POLLRDHUP)))
        destroy(c);
    else
        turn(c);
}

static void on_again(struct loop_timer *timer)
{
    turn(LOOP_OWNER(timer, struct client, again));
}

static bool is_idle(const struct client *c)
{
    return c->phase == CLIENT_SILENT || (c->phase == CLIENT_HEAD && c->in_len == 0);
}

/* Tells the peer and ends: for connections with nothing under way. */
static void close_idle(struct client *c)
{
    if (c->stream)
        stream_close(c->stream);
    destroy(c);
}

static void on_limit(struct loop_timer *timer)
{
    struct client *c = LOOP_OWNER(timer, struct client, limit);
    struct linger now = {.l_onoff = 1};
    struct err err = {0};

    if (is_idle(c)) {
        close_idle(c);
        return;
    }
    if (c->phase != CLIENT_HEAD && c->phase != CLIENT_BODY) {
        /* The kernel would hold on to megabytes that nobody reads. */
        if (c->phase == CLIENT_WRITE)
            (void)setsockopt(c->io.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        destroy(c);
        return;
    }
    err_set_http(&err, ERR_TIMEOUT, 408, "the request did not arrive in time");
    refuse(c, &err, 408);
    turn(c);
}

/* Whether it is time for another line of the log about clients, which would be theirs to fill. */
static bool may_tell(struct client_port *port, enum client_tell what)
{
    int64_t now_ms = port->loop->now_ms;

    if (port->told_ms[what] != 0 && now_ms - port->told_ms[what] < LIMIT_TELL_MS)
        return false;
    port->told_ms[what] = now_ms;
    return true;
}

/* Closes the connection that was chosen for it. False if there is none. */
static bool make_room(struct client_port *port, struct host_place *place)
{
    struct client *c;

    if (!place)
        return false;
    c = LOOP_OWNER(place, struct client, place);
    port->counts.refused++;
    if (may_tell(port, CLIENT_SPARED))
        log_event(port->log, LOG_WARN,
                  "the port is full: who has most connections loses those he uses least",
                  LOG_STR("client", c->peer), LOG_NUM("has", hosts_count(place)),
                  LOG_NUM("of", port->count), LOG_STR("port", port->listen.address),
                  LOG_NUM("so_far", port->counts.refused));
    if (is_idle(c))
        close_idle(c);
    else
        destroy(c);
    return true;
}

/* Has a place for the next client, or lets nobody in until there is one. */
static void keep_room(struct client_port *port, const struct host_place *but)
{
    if (port->count < port->max_clients ||
        make_room(port, hosts_spare(&port->hosts, HOST_ALL, but, port->loop->now_ms)))
        return;
    listen_hold(&port->listen); /* destroy() lets it go on */
    loop_set(port->loop, &port->full, LIMIT_SLOW_MS);
}

static void on_full(struct loop_timer *timer)
{
    keep_room(LOOP_OWNER(timer, struct client_port, full), NULL);
}

static bool is_allowed(const struct client_port *port, const struct cidr_address *address)
{
    static const struct cidr local[] = {{.prefix = 8, .address = {127}},
                                        {.v6 = true, .prefix = 128, .address = {[15] = 1}}};

    for (size_t i = 0; i < port->allow_count; i++)
        if (cidr_has(&port->allow[i], address))
            return true;
    return port->allow_count == 0 || (port->allow_local && cidr_has(&local[address->v6], address));
}

/* Without a byte. */
static void turn_away(struct client_port *port, int fd, const struct sockaddr *peer)
{
    char text[LISTEN_ADDRESS_SIZE];

    close(fd);
    port->counts.denied++;
    if (!may_tell(port, CLIENT_DENIED))
        return;
    listen_address(peer, false, text);
    log_event(port->log, LOG_WARN, "a client was turned away: [access] does not allow its address",
              LOG_STR("client", text), LOG_STR("port", port->listen.address),
              LOG_NUM("so_far", port->counts.denied));
}

/* Ends the connections that may not be here any more, but for the answers they wait for. */
static void cut_off(struct client_port *port, bool all)
{
    struct cidr_address address;
    struct client *next;

    for (struct client *c = port->first; c; c = next) {
        next = c->next;
        if (!all && (!cidr_read_address(slice_of(c->peer), &address) || is_allowed(port, &address)))
            continue;
        c->keep_alive = false;
        if (c->phase != CLIENT_WAIT && c->phase != CLIENT_WRITE)
            destroy(c);
    }
}

void client_port_allow(struct client_port *port, const struct config_list *networks)
{
    for (size_t i = 0; i < networks->count; i++)
        (void)cidr_read(slice_of(networks->items[i]), &port->allow[i]);
    port->allow_count = networks->count;
    cut_off(port, false);
}

static void on_accept(struct listen *l, int fd, const struct sockaddr *peer, socklen_t size)
{
    struct client_port *port = LOOP_OWNER(l, struct client_port, listen);
    struct cidr_address address;
    struct client *c;

    (void)size;
    listen_bytes(peer, &address);
    if (!is_allowed(port, &address)) {
        turn_away(port, fd, peer);
        return;
    }
    c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return;
    }
    c->port = port;
    c->io = (struct loop_io){.fd = fd, .on_ready = on_ready};
    c->limit = (struct loop_timer){.on_time = on_limit};
    c->again = (struct loop_timer){.on_time = on_again};
    listen_address(peer, false, c->peer);
    if (!hosts_enter(&port->hosts, &c->place, &address, port->loop->now_ms)) {
        close(fd);
        free(c);
        return;
    }
    c->next = port->first;
    if (c->next)
        c->next->prev = c;
    port->first = c;
    port->count++;
    port->counts.accepted++;
    if (!loop_watch(port->loop, &c->io, POLLIN) ||
        !loop_set(port->loop, &c->limit, LIMIT_HANDSHAKE_MS)) {
        destroy(c);
        return;
    }
    if (port->max_of_host > 0 && hosts_count(&c->place) > port->max_of_host &&
        !make_room(port, hosts_spare_of(c->place.host, HOST_ALL, &c->place, port->loop->now_ms)))
        (void)make_room(port, &c->place);
    if (!c->dead)
        keep_room(port, &c->place);
}

bool client_port_bind(struct client_port *port, int fd, const char *host, int number,
                      struct err *err)
{
    pool_init(&port->inputs, IN_SIZE, POOL_KEPT);
    pool_init(&port->requests, sizeof(struct client_request), POOL_KEPT);
    pool_init(&port->outputs, OUT_SIZE, 4);
    port->listen.loop = port->loop;
    port->listen.on_accept = on_accept;
    port->full = (struct loop_timer){.on_time = on_full};
    hosts_init(&port->hosts);
    return fd >= 0 ? listen_adopt(&port->listen, fd, err)
                   : listen_bind(&port->listen, host, number, err);
}

bool client_port_open(struct client_port *port, struct err *err)
{
    return listen_open(&port->listen, err);
}

void client_port_identity(struct client_port *port, struct tls_identity *identity,
                          struct tls_trust *clients)
{
    tls_identity_drop(port->identity);
    tls_trust_drop(port->clients);
    port->identity = identity;
    port->clients = clients;
    if (clients)
        cut_off(port, true);
}

struct slice client_certificate(const struct client *c)
{
    struct tls *tls = stream_tls(c->stream);

    return tls ? tls_peer(tls) : slice_make(NULL, 0);
}

void client_port_drain(struct client_port *port)
{
    struct client *next;

    port->draining = true;
    listen_stop(&port->listen);
    for (struct client *c = port->first; c; c = next) {
        next = c->next;
        /* What it asks may be there, and unread. */
        if (is_idle(c))
            turn(c);
        if (c->dead || !is_idle(c))
            continue;
        /* Who has just connected, or asked, may be about to ask: served, but not waited for long.
         */
        if (port->loop->now_ms - c->place.since_ms < LIMIT_DRAIN_IDLE_MS)
            loop_set(port->loop, &c->limit, LIMIT_DRAIN_IDLE_MS);
        else
            close_idle(c);
    }
}

void client_port_stop(struct client_port *port)
{
    if (port->listen.loop)
        listen_stop(&port->listen);
    while (port->first)
        destroy(port->first);
    if (port->loop)
        loop_unset(port->loop, &port->full);
    hosts_fini(&port->hosts);
    pool_fini(&port->inputs);
    pool_fini(&port->requests);
    pool_fini(&port->outputs);
    client_port_identity(port, NULL, NULL);
}
