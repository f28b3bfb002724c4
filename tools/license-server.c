/*
 * The development license server: an HTTPS endpoint for the demo and the tests, which misbehaves
 * as it is told. It is never part of the shipped program.
 *
 *   license-server --cert F --key F [--listen ADDR] [--port N] [--control-port N]
 *                  [--port-file F] [--set KNOB=VALUE]...
 *
 * It approves every request with a JSON body that holds a serial number (so that a fresh answer can
 * be told from a kept one) and a digest of what was asked. Port 0, the default, lets the system
 * choose; the port file tells both ports in one line ("LICENSING CONTROL"), once they listen.
 *
 * The control port (plain HTTP on 127.0.0.1) has:
 *   /set?KNOB=VALUE&…           turns knobs (values percent-encoded)
 *   /reset                      all knobs as at the start, without --set
 *   /stats                      what was counted, as JSON
 *   /requests[?PREFIX]          the last requests as received, with targets that start so
 *
 * Knobs:
 *   status=N                    of every answer
 *   deny=TEXT, deny_status=N    requests whose Authorization holds TEXT get that status
 *   header=LINE                 a further field; again for more, empty for none
 *   framing=length|chunked|close|http10
 *   interim=N, interims=N       as many 1xx responses before the answer
 *   keep_alive=0|1
 *   delay=MS, dribble=MS        before the answer; between its single bytes
 *   fault=hang|reset|close|fin|hold|none    what happens (fin: no close_notify before it; hold:
 *                               requests wait for their answers until this knob is turned)…
 *   at=accept|tls|reused|request|head|body|end    …and when: on accepting, after the handshake,
 *                               when a request comes on a connection that had one before, when one
 *                               comes on any, in mid head, in mid body, behind the response
 *   odd=…                       a response that isn't HTTP as it should be: see odd_names
 *   only=PREFIX                 the knobs above touch targets that start so and no others
 *   times=N                     and only the next N of them
 *   serial=N                    added to the serial numbers
 *   listening=0|1               0: connections are refused, and open ones reset
 *   drop=1                      resets the open connections, once
 */
#include "base/clock.h"
#include "base/fs.h"
#include "format/http_emit.h"
#include "format/json.h"
#include "format/uri.h"
#include "proxy/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define IN_MAX (LIMIT_HEAD + LIMIT_REQUEST_BODY + 4096)
#define OUT_MAX (4 * LIMIT_RESPONSE_BODY)
#define KEPT 512 /* requests that /requests can tell of */
#define TEXT_SIZE 256
#define HOLD_LOOK_MS 10 /* between looks whether held requests may go on */

enum fault { FAULT_NONE, FAULT_HANG, FAULT_RESET, FAULT_CLOSE, FAULT_FIN, FAULT_HOLD };
enum at { AT_ACCEPT, AT_TLS, AT_REUSED, AT_REQUEST, AT_HEAD, AT_BODY, AT_END };
enum framing { FRAME_LENGTH, FRAME_CHUNKED, FRAME_CLOSE, FRAME_HTTP10 };
enum odd {
    ODD_NONE,
    ODD_GARBAGE,
    ODD_CL_TE,
    ODD_TWO_CL,
    ODD_BARE_LF,
    ODD_OBS_FOLD,
    ODD_SPACE_COLON,
    ODD_BAD_CHUNK,
    ODD_BIG_HEAD,
    ODD_BIG_BODY,
    ODD_ENDLESS_HEAD,
    ODD_ENDLESS_BODY,
    ODD_EXTRA
};

static const char *const fault_names[] = {"none", "hang", "reset", "close", "fin", "hold", NULL};
static const char *const at_names[] = {"accept", "tls",  "reused", "request",
                                       "head",   "body", "end",    NULL};
static const char *const framing_names[] = {"length", "chunked", "close", "http10", NULL};
static const char *const odd_names[] = {
    "none",      "garbage",  "cl_te",    "two_cl",       "bare_lf",      "obs_fold", "space_colon",
    "bad_chunk", "big_head", "big_body", "endless_head", "endless_body", "extra",    NULL};

struct knobs {
    int status, deny_status;
    int fault, at, framing, odd; /* of the enums above */
    int interim, interims;
    int delay, dribble; /* ms */
    int keep_alive, listening, drop;
    int serial; /* added to the count of answers */
    int times;  /* -1: without end */
    char deny[TEXT_SIZE], only[TEXT_SIZE];
    struct buf fields; /* "Name: value\r\n" lines */
};

struct record {
    uint64_t number, connection;
    struct buf text; /* head and body as received */
    size_t target_off, target_n;
};

struct server {
    struct loop loop;
    struct log log;
    struct tls_profile profile;
    struct tls_identity *identity;
    struct listen listen;
    struct listen keeper; /* has the port while nothing listens, so that no other program gets it */
    bool kept;
    struct client_port control;
    struct loop_io signals;
    struct knobs knobs;
    struct conn *first; /* borrowed: each removes itself */
    struct record records[KEPT];
    uint64_t connections, handshakes, requests, answered;
    unsigned open, in_flight, in_flight_max;
    const char *address;
    int port;
};

enum phase {
    CONN_HANDSHAKE,
    CONN_READ,
    CONN_DELAY, /* a request is there; its answer waits for the timer */
    CONN_WRITE,
    CONN_DRAIN /* says nothing more; reads on until the peer ends */
};

struct conn {
    struct server *server;    /* borrowed */
    struct conn *next, *prev; /* in the server's list */
    enum phase phase;
    struct loop_io io;
    struct loop_timer timer;
    struct loop_corpse corpse;
    struct stream *stream; /* owned */
    uint64_t number;
    unsigned requests;
    struct buf in, out;
    size_t scanned;
    bool in_request;     /* counted as in flight */
    bool keep_alive;     /* after this response */
    const char *endless; /* what is sent without end; NULL: nothing */
    bool held;           /* its answer waits for the knob */
    bool dead;           /* ended; freed at the end of the loop's turn */
    int dribble;         /* ms between bytes */
    enum fault ending;   /* once out is sent */
};

/* ---- knobs -------------------------------------------------------------------------------- */

static void knobs_init(struct knobs *k)
{
    memset(k, 0, sizeof *k);
    k->status = 200;
    k->deny_status = 403;
    k->at = AT_REQUEST;
    k->interim = 103;
    k->keep_alive = k->listening = 1;
    k->times = -1;
    buf_init(&k->fields, 65536);
}

static bool knob_number(const char *name, const char *value, struct knobs *k)
{
    const struct {
        const char *name;
        int *to;
    } numbers[] = {
        {"status", &k->status},     {"deny_status", &k->deny_status}, {"interim", &k->interim},
        {"interims", &k->interims}, {"keep_alive", &k->keep_alive},   {"listening", &k->listening},
        {"delay", &k->delay},       {"dribble", &k->dribble},         {"times", &k->times},
        {"drop", &k->drop},         {"serial", &k->serial},
    };
    uint64_t n;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) != 0 || !slice_to_u64(slice_of(value), 1000000, &n))
            continue;
        *numbers[i].to = (int)n;
        return true;
    }
    return false;
}

static bool knob_choice(const char *name, const char *value, struct knobs *k)
{
    const struct {
        const char *name;
        const char *const *choices;
        int *to;
    } choices[] = {
        {"fault", fault_names, &k->fault},
        {"at", at_names, &k->at},
        {"framing", framing_names, &k->framing},
        {"odd", odd_names, &k->odd},
    };

    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (strcmp(name, choices[i].name) != 0)
            continue;
        for (int j = 0; choices[i].choices[j]; j++) {
            if (strcmp(value, choices[i].choices[j]) == 0) {
                *choices[i].to = j;
                return true;
            }
        }
    }
    return false;
}

static bool knob_text(const char *name, const char *value, struct knobs *k)
{
    if (strcmp(name, "deny") == 0)
        return slice_copy(slice_of(value), k->deny, sizeof k->deny);
    if (strcmp(name, "only") == 0)
        return slice_copy(slice_of(value), k->only, sizeof k->only);
    if (strcmp(name, "header") != 0)
        return false;
    if (!value[0]) {
        buf_fini(&k->fields);
        return true;
    }
    return buf_appendf(&k->fields, "%s\r\n", value);
}

static bool knob_set(struct knobs *k, struct slice pair)
{
    char text[4096], name[32], value[4096];
    char *equals;

    if (!slice_copy(pair, text, sizeof text) || !(equals = strchr(text, '=')))
        return false;
    *equals = '\0';
    return slice_copy(slice_of(text), name, sizeof name) &&
           uri_decode(slice_of(equals + 1), value, sizeof value) &&
           (knob_number(name, value, k) || knob_choice(name, value, k) ||
            knob_text(name, value, k));
}

/* ---- connections --------------------------------------------------------------------------- */

static void turn(struct conn *c);

static void free_conn(struct loop_corpse *corpse)
{
    free(LOOP_OWNER(corpse, struct conn, corpse));
}

static void request_over(struct conn *c)
{
    if (c->in_request)
        c->server->in_flight--;
    c->in_request = false;
}

static void destroy(struct conn *c)
{
    struct server *s = c->server;

    c->dead = true;
    request_over(c);
    loop_forget(&s->loop, &c->io);
    loop_unset(&s->loop, &c->timer);
    stream_free(c->stream);
    buf_fini(&c->in);
    buf_fini(&c->out);
    *(c->prev ? &c->prev->next : &s->first) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->open--;
    c->corpse.free = free_conn;
    loop_bury(&s->loop, &c->corpse);
}

static void reset(struct conn *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(c->stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    destroy(c);
}

/* Does what is to be done when the connection has no more to say. */
static void end_with(struct conn *c, enum fault fault)
{
    if (fault == FAULT_RESET) {
        reset(c);
        return;
    }
    if (fault == FAULT_CLOSE)
        stream_close(c->stream);
    else if (fault == FAULT_FIN)
        (void)shutdown(c->stream->fd, SHUT_WR);
    if (fault != FAULT_HANG)
        request_over(c);
    c->phase = CONN_DRAIN;
    loop_watch(&c->server->loop, &c->io, POLLIN);
}

static void drain(struct conn *c)
{
    uint8_t dropped[4096];
    ssize_t n;

    do {
        n = recv(c->io.fd, dropped, sizeof dropped, 0);
    } while (n > 0);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        destroy(c);
}

/* ---- requests ------------------------------------------------------------------------------ */

static void record(struct conn *c, const struct http_head *head, size_t size)
{
    struct server *s = c->server;
    struct record *r = &s->records[s->requests % KEPT];
    struct slice all = buf_slice(&c->in);

    buf_fini(&r->text);
    buf_init(&r->text, IN_MAX);
    r->number = ++s->requests;
    r->connection = c->number;
    r->target_off = (size_t)(head->target.p - all.p);
    r->target_n = head->target.n;
    (void)buf_append(&r->text, all.p, size);
}

static bool denied(const struct knobs *k, const struct http_head *head)
{
    const struct http_field *f = http_head_only(head, SLICE("authorization"));

    return f && k->deny[0] && memmem(f->value.p, f->value.n, k->deny, strlen(k->deny));
}

/* Whether the knobs touch this request; counts it if they do so a number of times only. */
static bool touches(struct knobs *k, const struct http_head *head)
{
    if (!slice_starts_with(head->target, slice_of(k->only)) || k->times == 0)
        return false;
    if (k->times > 0)
        k->times--;
    return true;
}

static bool make_body(struct server *s, const struct http_head *head, struct slice body,
                      struct buf *out)
{
    const struct http_field *f = http_head_only(head, SLICE("authorization"));
    br_sha256_context sha;
    uint8_t digest[32];
    char text[17];
    struct json j;

    br_sha256_init(&sha);
    br_sha256_update(&sha, head->method.p, head->method.n);
    br_sha256_update(&sha, head->target.p, head->target.n);
    if (f)
        br_sha256_update(&sha, f->value.p, f->value.n);
    br_sha256_update(&sha, body.p, body.n);
    br_sha256_out(&sha, digest);
    for (int i = 0; i < 8; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    json_init(&j, out);
    json_begin_object(&j);
    json_key(&j, "serial");
    json_int(&j, s->knobs.serial + (int64_t)++s->answered);
    json_key(&j, "method");
    json_string(&j, head->method);
    json_key(&j, "target");
    json_string(&j, head->target);
    json_key(&j, "body_size");
    json_int(&j, (int64_t)body.n);
    json_key(&j, "digest");
    json_cstring(&j, text);
    json_end_object(&j);
    return json_done(&j) && buf_append_string(out, "\n");
}

static bool fill(struct buf *out, const char *line, size_t size)
{
    for (size_t n = 0; n < size; n += strlen(line))
        if (!buf_append_string(out, line))
            return false;
    return true;
}

/* The head's last fields: framing, as told. */
static bool add_framing(const struct knobs *k, struct buf *out, size_t body_n, bool keep_alive)
{
    bool ok = true;

    switch ((enum odd)k->odd) {
    case ODD_CL_TE:
        ok = buf_append_string(out, "Transfer-Encoding: chunked\r\n");
        break;
    case ODD_TWO_CL:
        ok = buf_appendf(out, "Content-Length: %zu\r\n", body_n + 1);
        break;
    case ODD_OBS_FOLD:
        ok = buf_append_string(out, "X-Folded: one\r\n two\r\n");
        break;
    case ODD_SPACE_COLON:
        ok = buf_append_string(out, "X-Spaced : one\r\n");
        break;
    case ODD_BIG_HEAD:
        ok = fill(out, "X-Filler: 0123456789012345678901234567890123456789\r\n", 20000);
        break;
    default:
        break;
    }
    if (k->framing == FRAME_LENGTH)
        ok = ok && buf_appendf(out, "Content-Length: %zu\r\n", body_n);
    else if (k->framing == FRAME_CHUNKED)
        ok = ok && buf_append_string(out, "Transfer-Encoding: chunked\r\n");
    if (!keep_alive && k->framing != FRAME_HTTP10)
        ok = ok && buf_append_string(out, "Connection: close\r\n");
    return ok && buf_append_string(out, "\r\n");
}

/* The body in chunks of about a third. */
static bool add_chunks(struct buf *out, struct slice body, bool bad)
{
    size_t part = body.n / 3 + 1;

    while (body.n > 0) {
        size_t n = body.n < part ? body.n : part;

        if (!buf_appendf(out, bad ? "%zxg\r\n" : "%zx\r\n", n) || !buf_append(out, body.p, n) ||
            !buf_append_string(out, "\r\n"))
            return false;
        body = slice_make(body.p + n, body.n - n);
    }
    return buf_append_string(out, "0\r\n\r\n");
}

/* What is left of the head when every CR is taken out. */
static void drop_cr(struct buf *b)
{
    size_t to = 0;

    for (size_t i = 0; i < b->len; i++)
        if (b->data[b->off + i] != '\r')
            b->data[b->off + to++] = b->data[b->off + i];
    b->len = to;
}

/* Builds the response in c->out; *head_n: bytes of its heads. */
static bool build(struct conn *c, const struct knobs *k, const struct http_head *head,
                  struct slice request_body, size_t *head_n)
{
    unsigned status = (unsigned)(denied(k, head) ? k->deny_status : k->status);
    bool bodiless = slice_eq(head->method, SLICE("HEAD")) || status == 204 || status == 304;
    struct buf body, *out = &c->out;
    bool ok;

    c->keep_alive = k->keep_alive && (k->framing == FRAME_LENGTH || k->framing == FRAME_CHUNKED);
    buf_init(&body, OUT_MAX);
    ok = make_body(c->server, head, request_body, &body);
    if (k->odd == ODD_BIG_BODY)
        ok = ok && fill(&body, "0123456789", LIMIT_RESPONSE_BODY);
    if (k->odd == ODD_GARBAGE) {
        buf_fini(&body);
        *head_n = 0;
        return buf_append_string(out, "SSH-2.0-garbage_1.0\r\nthis is no HTTP\r\n\r\n");
    }
    for (int i = 0; i < k->interims && k->interims <= 100; i++)
        ok = ok &&
             buf_appendf(out, "HTTP/1.1 %d Wait\r\nLink: </a>; rel=preload\r\n\r\n", k->interim);
    ok = ok &&
         buf_appendf(out, "HTTP/1.%d %u %s\r\nContent-Type: application/json\r\n",
                     k->framing == FRAME_HTTP10 ? 0 : 1, status, http_emit_reason(status)) &&
         buf_append_slice(out, buf_slice(&k->fields));
    if (k->odd == ODD_ENDLESS_HEAD) {
        buf_fini(&body);
        *head_n = out->len;
        c->endless = "X-Filler: 01234567890123456789\r\n";
        return ok;
    }
    ok = ok && add_framing(k, out, body.len, c->keep_alive);
    if (k->odd == ODD_BARE_LF)
        drop_cr(out);
    *head_n = out->len;
    if (k->odd == ODD_ENDLESS_BODY) {
        c->endless = k->framing == FRAME_CHUNKED ? "a\r\n0123456789\r\n" : "0123456789";
    } else if (bodiless) {
        ;
    } else if (k->framing == FRAME_CHUNKED) {
        ok = ok && add_chunks(out, buf_slice(&body), k->odd == ODD_BAD_CHUNK);
    } else {
        ok = ok && buf_append_slice(out, buf_slice(&body));
    }
    if (k->odd == ODD_EXTRA)
        ok = ok && buf_append_string(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    buf_fini(&body);
    return ok;
}

/* Cuts the response where the fault is to come, and says what follows. */
static void plan_fault(struct conn *c, const struct knobs *k, size_t head_n)
{
    bool in_response = k->at == AT_HEAD || k->at == AT_BODY || k->at == AT_END;

    c->ending = c->keep_alive ? FAULT_NONE : FAULT_CLOSE;
    if (k->fault == FAULT_NONE || k->fault == FAULT_HOLD || !in_response)
        return;
    c->ending = (enum fault)k->fault;
    if (k->at == AT_HEAD)
        c->out.len = head_n / 2;
    else if (k->at == AT_BODY)
        c->out.len = head_n + (c->out.len - head_n) / 2;
}

static void answer(struct conn *c, const struct http_head *head, struct slice body)
{
    struct server *s = c->server;
    struct knobs *k = &s->knobs, plain;
    size_t head_n = 0;

    knobs_init(&plain);
    if (!touches(k, head))
        k = &plain;
    if (++s->in_flight > s->in_flight_max)
        s->in_flight_max = s->in_flight;
    c->in_request = true;
    c->requests++;
    if (k->fault != FAULT_NONE && k->fault != FAULT_HOLD &&
        (k->at == AT_REQUEST || (k->at == AT_REUSED && c->requests > 1))) {
        end_with(c, (enum fault)k->fault);
        return;
    }
    c->endless = NULL;
    c->dribble = k->dribble;
    if (!build(c, k, head, body, &head_n)) {
        end_with(c, FAULT_RESET);
        return;
    }
    plan_fault(c, k, head_n);
    c->held = k->fault == FAULT_HOLD;
    c->phase = k->delay || c->held ? CONN_DELAY : CONN_WRITE;
    if (c->phase == CONN_DELAY) {
        loop_watch(&s->loop, &c->io, 0);
        loop_set(&s->loop, &c->timer, k->delay);
    }
}

/* Takes one request off the input. False when more must be read, or the connection ended. */
static bool take_request(struct conn *c)
{
    struct slice in = buf_slice(&c->in), rest;
    struct http_head head;
    struct http_frame frame;
    struct http_chunk chunk;
    struct buf decoded;
    size_t used, body_n = 0;
    enum parse verdict =
        in.n ? http_parse_request(in, &c->scanned, &head, &used, NULL) : PARSE_MORE;

    if (verdict == PARSE_MORE)
        return false;
    if (verdict == PARSE_BAD || !http_frame_request(&head, &frame, NULL)) {
        end_with(c, FAULT_RESET);
        return false;
    }
    buf_init(&decoded, LIMIT_REQUEST_BODY);
    rest = slice_make(in.p + used, in.n - used);
    if (frame.kind == HTTP_BODY_CHUNKED) {
        http_chunk_init(&chunk);
        verdict = http_chunk_feed(&chunk, rest, &body_n, &decoded, NULL);
    } else if (frame.kind == HTTP_BODY_LENGTH) {
        body_n = (size_t)frame.length;
        verdict = rest.n < body_n ? PARSE_MORE : PARSE_DONE;
        if (verdict == PARSE_DONE && !buf_append(&decoded, rest.p, body_n))
            verdict = PARSE_BAD;
    }
    if (verdict == PARSE_DONE) {
        record(c, &head, used + body_n);
        answer(c, &head, buf_slice(&decoded));
        if (!c->dead)
            buf_consume(&c->in, used + body_n);
        c->scanned = 0;
    } else if (verdict == PARSE_BAD) {
        end_with(c, FAULT_RESET);
    }
    buf_fini(&decoded);
    return verdict == PARSE_DONE;
}

/* ---- turns --------------------------------------------------------------------------------- */

static bool faults_at(const struct conn *c, enum at at)
{
    const struct knobs *k = &c->server->knobs;

    return k->fault != FAULT_NONE && k->fault != FAULT_HOLD && k->at == (int)at && k->times != 0;
}

/* True to go on at once. */
static bool run_handshake(struct conn *c)
{
    enum io r = stream_handshake(c->stream, NULL);

    if (r == IO_AGAIN) {
        loop_watch(&c->server->loop, &c->io, stream_want(c->stream, true, false));
        return false;
    }
    if (r != IO_OK) {
        /* The alert, if one was sent, must arrive. */
        end_with(c, FAULT_FIN);
        return false;
    }
    c->server->handshakes++;
    c->phase = CONN_READ;
    if (faults_at(c, AT_TLS)) {
        end_with(c, (enum fault)c->server->knobs.fault);
        return false;
    }
    return true;
}

static bool run_read(struct conn *c)
{
    size_t n;
    uint8_t *room;

    if (take_request(c))
        return !c->dead && c->phase == CONN_WRITE;
    if (c->dead || c->phase != CONN_READ)
        return false;
    room = buf_reserve(&c->in, 4096);
    switch (room ? stream_read(c->stream, room, 4096, &n, NULL) : IO_ERR) {
    case IO_OK:
        buf_commit(&c->in, n);
        return true;
    case IO_AGAIN:
        loop_watch(&c->server->loop, &c->io, stream_want(c->stream, true, false));
        return false;
    case IO_EOF:
        stream_close(c->stream);
        break;
    case IO_ERR:
        break;
    }
    destroy(c);
    return false;
}

/* All that is to be sent was sent. */
static bool sent(struct conn *c)
{
    if (c->ending != FAULT_NONE) {
        end_with(c, c->ending);
        return false;
    }
    request_over(c);
    c->phase = CONN_READ;
    return true;
}

static bool run_write(struct conn *c)
{
    struct slice s;
    size_t n = 0;
    enum io r = IO_OK;

    if (c->endless && c->out.len < 4096)
        (void)fill(&c->out, c->endless, 65536);
    s = buf_slice(&c->out);
    if (s.n > 0) {
        r = stream_write(c->stream, s.p, c->dribble ? 1 : s.n, &n, NULL);
        buf_consume(&c->out, r == IO_OK ? n : 0);
    }
    if (r == IO_OK && (c->dribble || c->out.len == 0))
        r = stream_flush(c->stream, NULL);
    if (r == IO_AGAIN) {
        loop_watch(&c->server->loop, &c->io, stream_want(c->stream, false, true));
        return false;
    }
    if (r != IO_OK) {
        destroy(c);
        return false;
    }
    if (c->out.len == 0 && !c->endless)
        return sent(c);
    if (!c->dribble)
        return true;
    loop_watch(&c->server->loop, &c->io, 0);
    loop_set(&c->server->loop, &c->timer, c->dribble);
    return false;
}

static void turn(struct conn *c)
{
    bool on = true;

    while (on) {
        switch (c->phase) {
        case CONN_HANDSHAKE:
            on = run_handshake(c);
            break;
        case CONN_READ:
            on = run_read(c);
            break;
        case CONN_WRITE:
            on = run_write(c);
            break;
        case CONN_DRAIN:
            drain(c);
            return;
        case CONN_DELAY:
            return;
        }
    }
}

static void on_ready(struct loop_io *io, short ready)
{
    struct conn *c = LOOP_OWNER(io, struct conn, io);

    if (c->io.want == 0 && (ready & (POLLERR | POLLHUP)))
        destroy(c);
    else
        turn(c);
}

static void on_time(struct loop_timer *timer)
{
    struct conn *c = LOOP_OWNER(timer, struct conn, timer);

    if (c->held && c->server->knobs.fault == FAULT_HOLD) {
        loop_set(&c->server->loop, timer, HOLD_LOOK_MS);
        return;
    }
    c->phase = CONN_WRITE;
    turn(c);
}

static void on_accept(struct listen *l, int fd, const struct sockaddr *peer, socklen_t size)
{
    struct server *s = LOOP_OWNER(l, struct server, listen);
    struct conn *c = calloc(1, sizeof *c);
    struct err err = {0};

    (void)peer;
    (void)size;
    if (!c) {
        close(fd);
        return;
    }
    c->server = s;
    c->number = ++s->connections;
    c->io = (struct loop_io){.fd = fd, .on_ready = on_ready};
    c->timer = (struct loop_timer){.on_time = on_time};
    buf_init(&c->in, IN_MAX);
    buf_init(&c->out, OUT_MAX);
    c->stream = stream_plain_take(fd, &err);
    if (c->stream)
        c->stream = stream_tls_take(tls_server_new(&s->profile, s->identity, NULL, 0, &err),
                                    c->stream, &err);
    if (!c->stream || !loop_watch(&s->loop, &c->io, POLLIN)) {
        stream_free(c->stream);
        free(c);
        return;
    }
    c->next = s->first;
    if (c->next)
        c->next->prev = c;
    s->first = c;
    s->open++;
    if (faults_at(c, AT_ACCEPT))
        end_with(c, (enum fault)s->knobs.fault);
}

/* The port of "1.2.3.4:80". */
static int port_of(const char *address)
{
    uint64_t n;

    return slice_to_u64(slice_of(strrchr(address, ':') + 1), 65535, &n) ? (int)n : 0;
}

static bool start_listening(struct server *s, struct err *err)
{
    s->listen = (struct listen){.loop = &s->loop, .on_accept = on_accept};
    if (!listen_bind(&s->listen, s->address, s->port, err) || !listen_open(&s->listen, err))
        return false;
    s->port = port_of(s->listen.address);
    return true;
}

static void drop_all(struct server *s)
{
    while (s->first)
        reset(s->first);
    s->knobs.drop = 0;
}

static void stop_listening(struct server *s)
{
    struct err err = {0};

    listen_stop(&s->listen);
    if (!s->kept)
        s->kept = listen_bind(&s->keeper, s->address, s->port, &err);
    drop_all(s);
}

/* ---- the control port ---------------------------------------------------------------------- */

static void respond(struct client *c, unsigned status, struct slice body)
{
    struct client_response r = {.status = status, .body = body, .head_length = -1};

    client_respond(c, &r);
}

static void control_set(struct server *s, struct client *c, struct slice query)
{
    bool listening = s->knobs.listening, ok = true;
    struct err err = {0};

    while (query.n > 0 && ok) {
        const char *end = memchr(query.p, '&', query.n);
        size_t n = end ? (size_t)(end - query.p) : query.n;

        ok = knob_set(&s->knobs, slice_make(query.p, n));
        query = slice_make(query.p + n + (end ? 1 : 0), query.n - n - (end ? 1 : 0));
    }
    if (s->knobs.drop)
        drop_all(s);
    if (listening && !s->knobs.listening)
        stop_listening(s);
    else if (!listening && s->knobs.listening && !start_listening(s, &err))
        ok = false;
    if (ok)
        respond(c, 200, SLICE("ok\n"));
    else
        client_respond_error(c, 400, "bad_knob", err.text[0] ? err.text : "no such knob or value",
                             (struct slice){0});
}

static void control_reset(struct server *s, struct client *c, struct slice query)
{
    bool listening = s->knobs.listening;

    (void)query;
    buf_fini(&s->knobs.fields);
    knobs_init(&s->knobs);
    s->knobs.listening = listening;
    control_set(s, c, SLICE("listening=1"));
}

static void control_stats(struct server *s, struct client *c, struct slice query)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"connections", s->connections},
        {"handshakes", s->handshakes},
        {"requests", s->requests},
        {"answered", s->answered},
        {"open", s->open},
        {"in_flight", s->in_flight},
        {"in_flight_max", s->in_flight_max},
    };
    struct buf body;
    struct json j;

    (void)query;
    buf_init(&body, 4096);
    json_init(&j, &body);
    json_begin_object(&j);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_key(&j, counts[i].name);
        json_int(&j, (int64_t)counts[i].value);
    }
    json_end_object(&j);
    (void)buf_append_string(&body, "\n");
    respond(c, 200, buf_slice(&body));
    buf_fini(&body);
}

static void control_requests(struct server *s, struct client *c, struct slice prefix)
{
    uint64_t first = s->requests > KEPT ? s->requests - KEPT : 0;
    struct buf body;

    buf_init(&body, LIMIT_RESPONSE_BODY);
    for (uint64_t i = first; i < s->requests; i++) {
        const struct record *r = &s->records[i % KEPT];
        struct slice text = buf_slice(&r->text);

        if (!slice_starts_with(slice_make(text.p + r->target_off, r->target_n), prefix))
            continue;
        if (!buf_appendf(&body, "==== request %llu on connection %llu\n",
                         (unsigned long long)r->number, (unsigned long long)r->connection) ||
            !buf_append_slice(&body, text) || !buf_append_string(&body, "\n"))
            break;
    }
    respond(c, 200, buf_slice(&body));
    buf_fini(&body);
}

static void on_control(struct client_port *port, struct client *c)
{
    static const struct {
        const char *path;
        void (*answer)(struct server *s, struct client *c, struct slice query);
    } paths[] = {
        {"/set", control_set},
        {"/reset", control_reset},
        {"/stats", control_stats},
        {"/requests", control_requests},
    };
    struct slice path = c->request->path, query = {0};
    const char *mark = memchr(path.p, '?', path.n);

    if (mark) {
        query = slice_make(mark + 1, path.n - (size_t)(mark + 1 - path.p));
        path.n = (size_t)(mark - path.p);
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (!slice_eq(path, slice_of(paths[i].path)))
            continue;
        paths[i].answer(port->ctx, c, query);
        return;
    }
    client_respond_error(c, 404, "not_found", "this port has /set, /reset, /stats, /requests",
                         (struct slice){0});
}

/* ---- start and end ------------------------------------------------------------------------- */

struct arguments {
    const char *cert, *key, *address, *port_file;
    int port, control_port;
};

static bool read_arguments(int argc, char **argv, struct arguments *a, struct knobs *k,
                           struct err *err)
{
    *a = (struct arguments){.address = "127.0.0.1"};
    for (int i = 1; i < argc; i += 2) {
        const struct {
            const char *name;
            const char **text;
            int *number;
        } flags[] = {
            {"--cert", &a->cert, NULL},      {"--key", &a->key, NULL},
            {"--listen", &a->address, NULL}, {"--port-file", &a->port_file, NULL},
            {"--port", NULL, &a->port},      {"--control-port", NULL, &a->control_port},
        };
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        bool ok = strcmp(argv[i], "--set") == 0 && knob_set(k, slice_of(value));
        uint64_t n;

        for (size_t j = 0; j < sizeof flags / sizeof flags[0] && !ok; j++) {
            if (strcmp(argv[i], flags[j].name) != 0 || i + 1 == argc)
                continue;
            ok = flags[j].text || slice_to_u64(slice_of(value), 65535, &n);
            if (flags[j].text)
                *flags[j].text = value;
            else if (ok)
                *flags[j].number = (int)n;
        }
        if (!ok) {
            err_set(err, ERR_USAGE, "%s %s: no such option, or not a value for it", argv[i], value);
            return false;
        }
    }
    if (a->cert && a->key)
        return true;
    err_set(err, ERR_USAGE, "--cert and --key must be given");
    return false;
}

static bool load_identity(struct server *s, const struct arguments *a, struct err *err)
{
    struct pem_chain chain = {.count = 0};
    struct pem_key key = {.type = 0};

    if (pem_load_chain(a->cert, &chain, err) && pem_load_key(a->key, &key, err))
        s->identity = tls_identity_take(&chain, &key, err);
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    return s->identity != NULL;
}

static bool tell_ports(const struct server *s, const char *path, struct err *err)
{
    char folder[4096], text[64];
    const char *slash = strrchr(path, '/');

    snprintf(text, sizeof text, "%d %d\n", s->port, port_of(s->control.listen.address));
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    return fs_write_file(folder, slash ? slash + 1 : path, slice_of(text), 0644, err);
}

static void on_signal(struct loop_io *io, short ready)
{
    (void)ready;
    loop_stop(&LOOP_OWNER(io, struct server, signals)->loop);
}

static bool start(struct server *s, const struct arguments *a, struct err *err)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    loop_init(&s->loop);
    s->log = (struct log){.fd = STDERR_FILENO, .level = LOG_WARN};
    s->signals = (struct loop_io){.fd = signalfd(-1, &set, SFD_CLOEXEC), .on_ready = on_signal};
    s->address = a->address;
    s->port = a->port;
    s->control = (struct client_port){.loop = &s->loop,
                                      .log = &s->log,
                                      .max_clients = 64,
                                      .body_max = 4096,
                                      .ctx = s,
                                      .on_request = on_control};
    return loop_watch(&s->loop, &s->signals, POLLIN) && tls_profile_init(&s->profile, err) &&
           load_identity(s, a, err) && start_listening(s, err) &&
           client_port_bind(&s->control, -1, "127.0.0.1", a->control_port, err) &&
           client_port_open(&s->control, err) &&
           (!a->port_file || tell_ports(s, a->port_file, err));
}

static void stop(struct server *s)
{
    if (s->knobs.listening)
        stop_listening(s);
    client_port_stop(&s->control);
    tls_identity_drop(s->identity);
    loop_fini(&s->loop);
    for (size_t i = 0; i < KEPT; i++)
        buf_fini(&s->records[i].text);
    buf_fini(&s->knobs.fields);
    close(s->signals.fd);
    tls_profile_fini(&s->profile);
    free(s);
}

int main(int argc, char **argv)
{
    struct server *s = calloc(1, sizeof *s);
    struct arguments arguments;
    struct err err = {0};

    if (!s)
        return 71;
    knobs_init(&s->knobs);
    if (!read_arguments(argc, argv, &arguments, &s->knobs, &err) || !start(s, &arguments, &err) ||
        !loop_run(&s->loop, &err)) {
        fprintf(stderr, "license-server: %s\n", err.text);
        return err_exit_code(&err);
    }
    stop(s);
    return 0;
}
