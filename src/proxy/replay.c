#include "proxy/replay.h"

#include "format/http_emit.h"

/* In an outage, and after a failure of storage: how often it looks whether it can go on. */
#define LOOK_MS 1000

static void look_again(struct replay *r, int64_t delay_ms)
{
    r->busy = false;
    if (r->core->journal->count > 0)
        (void)loop_set(r->core->loop, &r->timer, delay_ms);
}

static void on_dropped(struct journal *j, bool durable)
{
    struct replay *r = j->ctx;

    if (durable) {
        r->sent++;
        j->replayed++;
        if (j->count == 0) {
            log_event(r->core->log, LOG_INFO, "the usage journal was sent to the license server",
                      LOG_NUM("records", r->sent));
            r->sent = 0;
        }
    }
    look_again(r, durable ? LIMIT_REPLAY_MS : LOOK_MS);
}

static void put_back(struct replay *r, int64_t delay_ms)
{
    journal_put_back(r->core->journal);
    look_again(r, delay_ms);
}

/* The denial has ended what was trusted; if that can't be made to last, it is asked for again. */
static void on_removed(struct store_query *q, bool durable)
{
    struct replay *r = LOOP_OWNER(q, struct replay, removal);

    if (durable)
        journal_drop(r->core->journal);
    else
        put_back(r, LOOK_MS);
}

static void on_answer(struct replay *r, unsigned status)
{
    struct core *core = r->core;

    r->backoff_ms = 0;
    if (policy_classify(status) == POLICY_APPROVAL) {
        journal_drop(core->journal);
        return;
    }
    core->journal->denied++;
    core_forget(core, r->key, status);
    r->removal.on_done = on_removed;
    store_remove(core->store, &r->removal, r->key);
}

static void on_done(struct relay *relay, bool answered)
{
    struct replay *r = LOOP_OWNER(relay, struct replay, relay);
    unsigned status = relay->head.status;

    log_event(r->core->log, LOG_DEBUG, "replay", LOG_STR("outcome", answered ? "answer" : "outage"),
              LOG_NUM(answered || relay->has_refusal ? "status" : "", status),
              LOG_STR(answered ? "" : "stage", err_stage_name(relay->err.stage)),
              LOG_NUM("left", r->core->journal->count));
    if (answered || relay->err.stage != STAGE_NONE)
        core_relay_ended(r->core, RELAY_OF_REPLAY, relay, answered);
    relay_fini(relay);
    buf_wipe(&r->fields);
    if (answered) {
        on_answer(r, status);
        return;
    }
    r->backoff_ms = r->backoff_ms ? r->backoff_ms * 2 : LIMIT_BACKOFF_MIN_MS;
    if (r->backoff_ms > LIMIT_BACKOFF_MAX_MS)
        r->backoff_ms = LIMIT_BACKOFF_MAX_MS;
    put_back(r, r->backoff_ms);
}

static void on_taken(struct journal *j, const struct record_usage *u)
{
    struct replay *r = j->ctx;
    struct relay_request request;

    if (!u) {
        look_again(r, LOOK_MS);
        return;
    }
    buf_init(&r->fields, LIMIT_HEAD * 2);
    memcpy(r->key, u->key, KEY_SIZE);
    if (!buf_append_slice(&r->fields, u->fields) ||
        !http_emit_field(&r->fields, "Via", slice_of(r->core->via))) {
        put_back(r, LOOK_MS);
        return;
    }
    request = (struct relay_request){.method = u->method,
                                     .target = u->target,
                                     .fields = buf_slice(&r->fields),
                                     .body = u->body,
                                     .has_body = u->has_body};
    if (!relay_start(&r->relay, &r->core->upstream, &request, on_done)) {
        buf_wipe(&r->fields);
        put_back(r, LOOK_MS);
    }
}

static void on_time(struct loop_timer *timer)
{
    struct replay *r = LOOP_OWNER(timer, struct replay, timer);
    const struct core *core = r->core;

    if (r->busy)
        return;
    /* Not before a server has answered: a check-in finds out when. */
    r->busy = !core->circuit.open && core->state.connected && journal_take(core->journal);
    if (!r->busy)
        look_again(r, LOOK_MS);
}

static void on_items(struct journal *j)
{
    struct replay *r = j->ctx;

    if (!r->busy && !loop_is_set(&r->timer))
        look_again(r, LIMIT_REPLAY_MS);
}

void replay_init(struct replay *r, struct core *core)
{
    struct journal *j = core->journal;

    memset(r, 0, sizeof *r);
    r->core = core;
    r->timer = (struct loop_timer){.on_time = on_time};
    j->ctx = r;
    j->on_items = on_items;
    j->on_taken = on_taken;
    j->on_dropped = on_dropped;
}

void replay_fini(struct replay *r)
{
    if (!r->core)
        return;
    loop_unset(r->core->loop, &r->timer);
    relay_fini(&r->relay);
    store_cancel(&r->removal);
    buf_wipe(&r->fields);
}
