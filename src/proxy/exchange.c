/*
 * An exchange owns all it needs of the request, so that the relay goes on when the client has
 * gone: its answer still tells whether the server is there and what is trusted. A client that
 * gives up before our deadline would otherwise hide an outage from us.
 *
 * Three things may be under way, each of which calls back here: the relay; a look into the state
 * directory, whether it knows better than the cache (before anything is served from trust); and
 * the removal from it of an approval that a denial has ended (before the denial is passed on).
 * With a usage journal, a fourth: the request's record (before it is answered from trust).
 */
#include "proxy/exchange.h"

#include "format/http_emit.h"

#include <stdio.h>
#include <stdlib.h>

struct exchange {
    struct core *core; /* borrowed */
    struct exchange *next, *prev;
    struct client *client; /* borrowed; NULL once it is answered or gone */
    bool relaying;         /* the relay is under way */
    bool failed;           /* it ended in an outage */
    struct store_query look_up, removal;
    struct journal_append record;
    bool recorded;
    struct loop_corpse corpse;
    int64_t started_ms;
    uint8_t key[KEY_SIZE];
    struct buf text; /* method, target and fields; the relay points into it */
    struct buf body;
    bool has_body;
    size_t method_n, path_n, target_n; /* path_n: of the target, without its query */
    size_t fields_n;                   /* without our Via */
    struct relay relay;                /* what it needn't have zeroed ends it */
    uint8_t room[RELAY_ROOM];          /* for the usual text */
};

static const char *const not_sent[] = {
    "host", "expect", "max-forwards",
    /* Only whole answers can be trusted later: what would make one partial or empty stays here. */
    "range", "if-range", "if-none-match", "if-modified-since", NULL};

static const char *const not_passed_on[] = {NULL};

/* Of a stored answer: these are given anew each time it is served. */
static const char *const not_stored[] = {"age", "via", "cache-status", NULL};

static void free_exchange(struct loop_corpse *corpse)
{
    struct exchange *x = LOOP_OWNER(corpse, struct exchange, corpse);

    pool_give(&x->core->blocks, x);
}

static void end(struct exchange *x)
{
    struct core *core = x->core;

    relay_fini(&x->relay);
    store_cancel(&x->look_up);
    store_cancel(&x->removal);
    journal_cancel(core->journal, &x->record);
    buf_wipe(&x->text);
    buf_wipe(&x->body);
    if (x->client)
        x->client->exchange = NULL;
    *(x->prev ? &x->prev->next : &core->exchanges) = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->corpse.free = free_exchange;
    loop_bury(core->loop, &x->corpse);
}

void exchange_end_all(struct core *core)
{
    while (core->exchanges)
        end(core->exchanges);
}

static void on_gone(struct client_port *port, struct client *c)
{
    struct exchange *x = c->exchange;

    (void)port;
    c->exchange = NULL;
    if (!x)
        return;
    x->client = NULL;
    /* What has not begun is not worth its memory. */
    if (x->relaying && x->relay.phase == RELAY_WAIT)
        end(x);
}

static const char *port_state(struct client_port *port)
{
    return state_text(core_state(port->ctx));
}

static struct client *take_client(struct exchange *x)
{
    struct client *c = x->client;

    x->client = NULL;
    if (c) {
        c->exchange = NULL;
        c->upstream_ns = relay_time_ns(&x->relay);
    }
    return c;
}

/* Without all its fields an answer would be another one; without Age, one to be trusted longer. */
static void respond(struct client *c, bool has_fields, unsigned status, struct slice reason,
                    const struct buf *fields, struct slice body, int64_t head_length)
{
    struct client_response r = {.status = status,
                                .reason = reason,
                                .fields = buf_slice(fields),
                                .body = body,
                                .head_length = head_length};

    if (has_fields)
        client_respond(c, &r);
    else
        client_respond_short(c);
}

static bool emit_via(const struct core *core, struct buf *out)
{
    return http_emit_field(out, "Via", slice_of(core->via));
}

/* err: of the relay that just failed; NULL when none was made, the circuit being open. */
static void serve_from_trust(struct core *core, struct client *c, const struct cache_entry *e,
                             const struct err *err, unsigned fwd_status)
{
    int64_t now = clock_boot_ns(&core->clock);
    int64_t left_s = cache_left_ns(e, now) / CLOCK_NS_PER_S;
    const char *stage = err ? err_stage_name(err->stage) : "circuit-open";
    uint8_t room[RELAY_ROOM];
    struct buf fields;
    bool ok;

    core->counts.served_from_trust++;
    buf_init_in(&fields, LIMIT_HEAD * 2, room, sizeof room);
    ok = buf_append_slice(&fields, e->fields) &&
         http_emit_fieldf(&fields, "Age", "%lld",
                          (long long)((now - e->validated_ns) / CLOCK_NS_PER_S)) &&
         emit_via(core, &fields) &&
         (fwd_status ? http_emit_fieldf(&fields, "Cache-Status",
                                        "license-proxy; hit; fwd=stale; fwd-status=%u; ttl=%lld",
                                        fwd_status, (long long)left_s)
                     : http_emit_fieldf(&fields, "Cache-Status",
                                        "license-proxy; hit; fwd=stale; ttl=%lld; detail=%s",
                                        (long long)left_s, stage));
    log_event(core->log, LOG_DEBUG, "served from trust", LOG_STR("client", c->peer),
              LOG_NUM("status", e->status), LOG_NUM("ttl_s", left_s), LOG_STR("why", stage));
    respond(c, ok, e->status, e->reason, &fields, e->body, -1);
    buf_fini(&fields);
}

/* What Content-Length an answer to HEAD tells; -1 if none. */
static int64_t declared_length(const struct http_head *head)
{
    const struct http_field *f = http_head_only(head, SLICE("content-length"));
    uint64_t n;

    return f && slice_to_u64(f->value, INT64_MAX, &n) ? (int64_t)n : -1;
}

/* The server's own response, an answer or not. */
static void pass_on(struct core *core, struct client *c, const struct relay *relay, bool stored)
{
    const struct http_head *head = &relay->head;
    uint8_t room[RELAY_ROOM];
    struct buf fields;
    bool ok;

    buf_init_in(&fields, LIMIT_HEAD * 2, room, sizeof room);
    ok = http_emit_forwarded(&fields, head, not_passed_on) && emit_via(core, &fields) &&
         http_emit_field(&fields, "Cache-Status",
                         stored ? SLICE("license-proxy; fwd=miss; stored")
                                : SLICE("license-proxy; fwd=miss"));
    respond(c, ok, head->status, head->reason, &fields, buf_slice(&relay->body),
            declared_length(head));
    buf_fini(&fields);
}

static void respond_unreachable(struct core *core, struct client *c, const struct relay *relay)
{
    const struct err *err = &relay->err;
    char message[LIMIT_ERR_TEXT + 128];
    /* The request was sent, and what came was no whole response; or nothing came in time. */
    bool bad = (err->stage == STAGE_HEAD || err->stage == STAGE_BODY) && err->code != ERR_TIMEOUT &&
               err->code != ERR_MEMORY;

    snprintf(message, sizeof message, "%s; and no trusted answer to this request is stored",
             err->text);
    log_event(core->log, LOG_DEBUG, "no answer and no trust", LOG_STR("client", c->peer),
              LOG_STR("stage", err_stage_name(err->stage)));
    client_respond_error(c, bad ? 502 : 504, bad ? "bad_upstream_answer" : "unreachable", message,
                         SLICE("Cache-Status: license-proxy; fwd=miss\r\n"));
}

static void shed(struct core *core, struct client *c)
{
    core->counts.shed++;
    client_respond_error(c, 503, "overloaded",
                         "too many requests are waiting for the license server: try again",
                         SLICE("Retry-After: 5\r\n"));
}

/* Stores the approval. False: it is not to be trusted, or could not be stored. */
static bool keep(struct exchange *x)
{
    struct core *core = x->core;
    const struct http_head *head = &x->relay.head;
    int64_t window_s = policy_window_s(&core->policy, head);
    struct cache_entry *e = NULL;
    uint8_t room[RELAY_ROOM];
    struct buf fields;

    if (window_s <= 0)
        return false;
    buf_init_in(&fields, LIMIT_HEAD * 2, room, sizeof room);
    if (http_emit_forwarded(&fields, head, not_stored))
        e = cache_put(&core->cache, x->key, head->status, head->reason, buf_slice(&fields),
                      buf_slice(&x->relay.body),
                      clock_boot_ns(&core->clock) - policy_age_s(head) * CLOCK_NS_PER_S, window_s);
    buf_fini(&fields);
    if (!e)
        log_event(core->log, LOG_WARN, "an approval could not be stored for an outage",
                  LOG_NUM("bytes", x->relay.body.len));
    else if (core->store)
        store_approved(core->store, e);
    return e != NULL;
}

static void log_relay(const struct exchange *x, bool answered)
{
    struct slice text = buf_slice(&x->text);
    const struct relay *r = &x->relay;

    log_event(x->core->log, LOG_DEBUG, "relay",
              LOG_SLICE("method", slice_make(text.p, x->method_n)),
              LOG_SLICE("path", slice_make(text.p + x->method_n, x->path_n)),
              LOG_STR("outcome", answered ? "answer" : "outage"),
              LOG_NUM(answered || r->has_refusal ? "status" : "", r->head.status),
              LOG_STR(answered ? "" : "stage", err_stage_name(r->err.stage)),
              LOG_NUM("ms", x->core->loop->now_ms - x->started_ms));
}

/* No answer and nothing trusted: what there is to say. */
static void respond_without(struct exchange *x)
{
    struct core *core = x->core;
    struct relay *r = &x->relay;
    struct client *c = take_client(x);

    if (!c)
        return;
    if (!r->has_refusal && r->err.stage == STAGE_NONE) {
        shed(core, c);
        return;
    }
    core->counts.refused_for_want_of_trust++;
    if (r->has_refusal)
        pass_on(core, c, r, false);
    else
        respond_unreachable(core, c, r);
}

static void relay(struct exchange *x);
static void looked_up(struct exchange *x);

/* Served now, the request would be one that the vendor never hears of. */
static void refuse_unrecorded(struct exchange *x)
{
    if (x->relaying)
        return; /* which may still end in an answer */
    client_respond_error(take_client(x), 503, "journal", journal_refusal(x->core->journal),
                         SLICE("Retry-After: 5\r\n"));
    end(x);
}

static void on_recorded(struct journal_append *a, bool recorded)
{
    struct exchange *x = LOOP_OWNER(a, struct exchange, record);

    x->recorded = recorded;
    if (recorded || !x->client)
        looked_up(x);
    else
        refuse_unrecorded(x);
}

static void record(struct exchange *x)
{
    struct slice text = buf_slice(&x->text);
    struct record_usage usage = {.has_body = x->has_body,
                                 .method = slice_make(text.p, x->method_n),
                                 .target = slice_make(text.p + x->method_n, x->target_n),
                                 .body = buf_slice(&x->body)};

    if (x->record.active)
        return;
    usage.fields = slice_make(usage.target.p + x->target_n, x->fields_n);
    memcpy(usage.key, x->key, KEY_SIZE);
    x->record.on_done = on_recorded;
    if (!journal_append(x->core->journal, &x->record, &usage))
        refuse_unrecorded(x);
}

/* The cache now knows all that the state directory does. */
static void looked_up(struct exchange *x)
{
    struct core *core = x->core;
    const struct relay *r = &x->relay;
    const struct cache_entry *e = NULL;

    if (x->client && (x->failed || x->recorded || core->circuit.open))
        e = cache_find(&core->cache, x->key, clock_boot_ns(&core->clock));
    if (e && core->journal && !x->recorded) {
        record(x);
        return;
    }
    if (e)
        serve_from_trust(core, take_client(x), e, x->failed ? &r->err : NULL,
                         x->failed && r->has_refusal ? r->head.status : 0);
    /* A relay under way goes on: a late answer is still the truth about this request. */
    if (x->relaying)
        return;
    if (x->client && !x->failed) {
        relay(x);
        return;
    }
    respond_without(x);
    end(x);
}

static void on_looked_up(struct store_query *q, bool durable)
{
    (void)durable;
    looked_up(LOOP_OWNER(q, struct exchange, look_up));
}

/* Before anything is served from trust. */
static void look_up(struct exchange *x)
{
    struct core *core = x->core;

    if (x->look_up.active)
        return;
    x->look_up.on_done = on_looked_up;
    if (!core->store || !store_look_up(core->store, &x->look_up, x->key))
        looked_up(x);
}

/* The answer goes to the client. */
static void conclude(struct exchange *x, bool stored)
{
    struct client *c = take_client(x);

    if (c)
        pass_on(x->core, c, &x->relay, stored);
    end(x);
}

static void on_removed(struct store_query *q, bool durable)
{
    struct exchange *x = LOOP_OWNER(q, struct exchange, removal);
    struct core *core = x->core;
    struct client *c;

    if (durable) {
        conclude(x, false);
        return;
    }
    /* Passed on now, the denial could be followed by the approval again, after a restart. */
    core->counts.denials_withheld++;
    log_event(core->log, LOG_ERROR,
              "a denial is withheld: the state directory fails to forget the approval before it");
    c = take_client(x);
    if (c)
        client_respond_error(c, 503, "storage",
                             "the license server withdraws an approval that the proxy's state "
                             "directory fails to forget: look at that directory",
                             SLICE("Retry-After: 5\r\n"));
    end(x);
}

static void on_done(struct relay *r, bool answered)
{
    struct exchange *x = LOOP_OWNER(r, struct exchange, relay);
    struct core *core = x->core;
    bool stored = answered && keep(x);

    x->relaying = false;
    x->failed = !answered;
    log_relay(x, answered);
    /* Waiting for a place in vain says nothing of the server. */
    if (answered || r->err.stage != STAGE_NONE)
        core_relay_ended(core, RELAY_OF_CLIENT, r, answered);
    if (!answered && !x->client) {
        end(x);
        return;
    }
    if (!answered) {
        look_up(x);
        return;
    }
    store_cancel(&x->look_up);
    journal_cancel(core->journal, &x->record);
    if (stored) {
        conclude(x, true);
        return;
    }
    core_forget(core, x->key, r->head.status);
    if (!core->store) {
        conclude(x, false);
        return;
    }
    x->removal.on_done = on_removed;
    store_remove(core->store, &x->removal, x->key);
}

/* The circuit has opened: waiting requests that have a trusted answer get it. */
static void on_release(struct loop_timer *timer)
{
    struct core *core = LOOP_OWNER(timer, struct core, release);
    struct exchange *next;

    if (!core->circuit.open)
        return;
    for (struct exchange *x = core->exchanges; x; x = next) {
        next = x->next;
        if (x->client && x->relaying)
            look_up(x);
    }
}

void exchange_give_up(struct core *core)
{
    for (struct exchange *x = core->exchanges; x; x = x->next)
        if (x->client)
            client_respond_error(take_client(x), 503, "draining",
                                 "shutting down: try another instance, or again",
                                 SLICE("Retry-After: 5\r\n"));
}

/* Whether a Via field names this instance (RFC 9110 section 7.6.3): the request goes in a circle.
 */
static bool came_round(const struct core *core, const struct http_head *head)
{
    const struct http_field *f;
    size_t from = 0;

    while ((f = http_head_next(head, SLICE("via"), &from))) {
        struct slice rest = f->value, hop;

        while (slice_next_element(&rest, &hop)) {
            struct slice by;

            /* The protocol, who received it, and a comment. */
            (void)slice_cut(&hop, ' ');
            by = slice_trim(hop);
            if (slice_eq_nocase(slice_cut(&by, ' '), slice_of(core->instance)))
                return true;
        }
    }
    return false;
}

/* The target below base_url, with its '/'; false if it isn't below. */
static bool below_base(const struct core *core, struct slice path, struct slice *below)
{
    struct slice base = slice_of(core->base_url);

    base.n--; /* the last '/': it begins what is below */
    if (!slice_starts_with(path, base))
        return false;
    *below = slice_make(path.p + base.n, path.n - base.n);
    return below->n == 0 || below->p[0] == '/' || below->p[0] == '?';
}

/* Refuses what no license server has to see. True if the request was answered. */
static bool refuse(struct core *core, struct client *c, struct slice *target)
{
    const struct http_head *head = &c->request->head;

    if (slice_eq(head->method, SLICE("CONNECT")) || slice_eq(head->method, SLICE("TRACE"))) {
        client_respond_error(c, 405, "method_not_allowed",
                             "this is a license proxy: CONNECT and TRACE are not relayed",
                             SLICE("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
        return true;
    }
    if (!below_base(core, c->request->path, target)) {
        client_respond_error(c, 404, "not_found",
                             "not a licensing request: its path is not under base_url",
                             (struct slice){0});
        return true;
    }
    if (came_round(core, head)) {
        client_respond_error(c, 508, "loop_detected",
                             "the request has come back to this proxy: its server_url leads here",
                             (struct slice){0});
        return true;
    }
    return false;
}

/* Copies and moves what the relay needs; the client's request may end before it. */
static bool take_request(struct exchange *x, struct client *c, struct slice target)
{
    const struct http_head *head = &c->request->head;
    const char *query = memchr(target.p, '?', target.n);

    buf_init_in(&x->text, LIMIT_HEAD * 2, x->room, sizeof x->room);
    x->method_n = head->method.n;
    if (!buf_append_slice(&x->text, head->method))
        return false;
    /* "?query" below a base without a path is one of "/". */
    x->target_n = target.n;
    if (target.n == 0 || target.p[0] != '/') {
        x->target_n++;
        if (!buf_append_string(&x->text, "/"))
            return false;
    }
    x->path_n = x->target_n - (query ? target.n - (size_t)(query - target.p) : 0);
    if (!buf_append_slice(&x->text, target) || !http_emit_forwarded(&x->text, head, not_sent))
        return false;
    x->fields_n = x->text.len - x->method_n - x->target_n;
    if (!emit_via(x->core, &x->text))
        return false;
    x->body = c->request->body;
    buf_init(&c->request->body, x->body.max);
    return true;
}

/* Asks the license server. */
static void relay(struct exchange *x)
{
    struct slice text = buf_slice(&x->text);
    struct relay_request request = {.method = slice_make(text.p, x->method_n),
                                    .target = slice_make(text.p + x->method_n, x->target_n),
                                    .body = buf_slice(&x->body),
                                    .has_body = x->has_body};

    request.fields = slice_make(request.target.p + x->target_n, text.n - x->method_n - x->target_n);
    x->relaying = true;
    if (!relay_start(&x->relay, &x->core->upstream, &request, on_done)) {
        x->relaying = false;
        shed(x->core, take_client(x));
        end(x);
    }
}

static void on_request(struct client_port *port, struct client *c)
{
    struct core *core = port->ctx;
    struct exchange *x;
    struct slice target;

    if (refuse(core, c, &target))
        return;
    x = pool_take(&core->blocks);
    if (!x) {
        shed(core, c);
        return;
    }
    memset(x, 0, offsetof(struct exchange, relay.head.fields));
    x->core = core;
    x->client = c;
    x->started_ms = core->loop->now_ms;
    x->has_body = c->request->frame.kind != HTTP_BODY_NONE;
    c->exchange = x;
    x->next = core->exchanges;
    if (x->next)
        x->next->prev = x;
    core->exchanges = x;
    key_compute(&core->key, &c->request->head, target, client_certificate(c),
                buf_slice(&c->request->body), x->key);
    if (!take_request(x, c, target)) {
        shed(core, take_client(x));
        end(x);
    } else if (core->circuit.open) {
        look_up(x);
    } else {
        relay(x);
    }
}

void exchange_fini(struct core *core)
{
    pool_fini(&core->blocks);
    upstream_fini(&core->upstream);
}

void exchange_init(struct core *core, struct client_port *port)
{
    pool_init(&core->blocks, sizeof(struct exchange), POOL_KEPT);
    core->release = (struct loop_timer){.on_time = on_release};
    port->ctx = core;
    port->on_request = on_request;
    port->on_gone = on_gone;
    port->state_text = port_state;
}
