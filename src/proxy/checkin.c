#include "proxy/checkin.h"

#include "base/secret.h"
#include "format/http_emit.h"

static void schedule(struct checkin *c)
{
    struct core *core = c->core;
    int64_t delay;

    if (core->circuit.open) {
        uint32_t random;

        tls_profile_random(core->profile, &random, sizeof random);
        delay = circuit_next_probe_ms(&core->circuit, random);
    } else {
        /* A tenth either way, so that many proxies don't come in step. */
        int64_t tenth = c->interval_ms / 10;

        delay = c->interval_ms - tenth +
                (int64_t)tls_profile_random_below(core->profile, (uint32_t)(2 * tenth + 1));
    }
    loop_set(core->loop, &c->timer, delay);
}

static void on_done(struct relay *r, bool answered)
{
    struct checkin *c = LOOP_OWNER(r, struct checkin, relay);
    struct core *core = c->core;
    struct err err = r->err;
    unsigned status = r->head.status;
    bool refused = answered && (status == 401 || status == 402 || status == 403);

    log_event(core->log, LOG_DEBUG, "check-in", LOG_STR("outcome", answered ? "answer" : "outage"),
              LOG_NUM(answered ? "status" : "", status),
              LOG_STR(answered ? "" : "stage", err_stage_name(err.stage)));
    if (answered || err.stage != STAGE_NONE)
        core_relay_ended(core, RELAY_OF_CHECKIN, r, answered);
    relay_fini(r);
    if (answered) {
        c->answers++;
        c->last_status = status;
        if (refused && !c->key_refused)
            log_event(core->log, LOG_WARN,
                      "the license server refuses the license key: check it, and whether it has "
                      "expired",
                      LOG_NUM("status", status));
        else if (!refused && c->key_refused)
            log_event(core->log, LOG_INFO, "the license server accepts the license key again",
                      LOG_NUM("status", status));
        c->key_refused = refused;
    } else {
        c->outages++;
    }
    (void)cache_sweep(&core->cache, clock_boot_ns(&core->clock), STORE_SWEEP);
    schedule(c);
    if (c->on_end)
        c->on_end(c, answered, &err);
}

static void check_in(struct checkin *c)
{
    struct relay_request request = {
        .method = slice_of(c->method),
        .target = slice_of(c->path),
        .fields = buf_slice(&c->fields),
        .has_body = !slice_eq(slice_of(c->method), SLICE("GET")) &&
                    !slice_eq(slice_of(c->method), SLICE("HEAD")),
    };

    if (c->relay.phase != RELAY_OVER)
        return; /* one probe at a time */
    if (!relay_start(&c->relay, &c->core->upstream, &request, on_done))
        schedule(c);
}

static void on_time(struct loop_timer *timer)
{
    check_in(LOOP_OWNER(timer, struct checkin, timer));
}

/* A client's relay opened or closed the circuit: look sooner, or at the usual distance again. */
static void on_circuit(struct core *core, bool open)
{
    struct checkin *c = core->checkin;

    (void)open;
    if (c->relay.phase == RELAY_OVER)
        schedule(c);
}

bool checkin_set_key(struct checkin *c, const struct config *config, struct err *err)
{
    const char *scheme = config->auth_scheme ? config->auth_scheme : "";
    const char *key = secret_is_set(&config->license_key) ? config->license_key.data : NULL;
    struct buf fields;

    buf_init(&fields, LIMIT_HEAD);
    if (!http_emit_field(&fields, "User-Agent", SLICE("license-proxy")) ||
        !http_emit_field(&fields, "Accept", SLICE("*/*")) ||
        !http_emit_field(&fields, "Via", slice_of(c->core->via)) ||
        (key && !http_emit_fieldf(&fields, "Authorization", "%s%s%s", scheme, scheme[0] ? " " : "",
                                  key))) {
        buf_wipe(&fields);
        if (key && !(http_is_field_value(slice_of(scheme)) && http_is_field_value(slice_of(key))))
            err_set(
                err, ERR_CONFIG,
                "the license key can't be sent: it holds bytes that a header field can't carry");
        else
            err_set(err, ERR_MEMORY, "out of memory");
        return false;
    }
    /* The relay under way, if any, points into the old fields. */
    relay_cancel(&c->relay);
    buf_wipe(&c->fields);
    (void)secret_guard(fields.data, fields.cap);
    c->fields = fields;
    return true;
}

bool checkin_init(struct checkin *c, struct core *core, const struct config *config,
                  struct err *err)
{
    memset(c, 0, sizeof *c);
    c->core = core;
    c->method = config->checkin_method;
    c->path = config->checkin_path;
    c->interval_ms = config->checkin_interval_s * 1000;
    c->timer = (struct loop_timer){.on_time = on_time};
    buf_init(&c->fields, LIMIT_HEAD);
    core->checkin = c;
    core->on_circuit = on_circuit;
    return checkin_set_key(c, config, err);
}

void checkin_start(struct checkin *c)
{
    loop_set(c->core->loop, &c->timer, 0);
}

void checkin_fini(struct checkin *c)
{
    if (!c->core)
        return;
    loop_unset(c->core->loop, &c->timer);
    relay_fini(&c->relay);
    buf_wipe(&c->fields);
}
