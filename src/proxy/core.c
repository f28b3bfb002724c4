#include "proxy/core.h"

#include <stdio.h>

static void on_expiry(struct loop_timer *timer)
{
    (void)core_state(LOOP_OWNER(timer, struct core, expiry));
}

static void on_look(struct loop_timer *timer)
{
    struct core *core = LOOP_OWNER(timer, struct core, look);

    (void)core_state(core);
    loop_set(core->loop, timer, LIMIT_HISTORY_LOOK_MS);
}

void core_init(struct core *core, int64_t window_s, size_t max_entries)
{
    uint8_t random[4];
    char digits[2 * sizeof random + 1];

    clock_init(&core->clock);
    cache_init(&core->cache, max_entries, LIMIT_TRUST_BYTES);
    state_init(&core->state, window_s);
    core->expiry = (struct loop_timer){.on_time = on_expiry};
    core->told = STATE_READY;
    core->told_ns = clock_boot_ns(&core->clock);
    history_init(&core->history, core->told_ns);
    core->look = (struct loop_timer){.on_time = on_look};
    loop_set(core->loop, &core->look, 0);
    tls_profile_random(core->profile, random, sizeof random);
    slice_write_hex(random, sizeof random, digits);
    snprintf(core->instance, sizeof core->instance, "license-proxy-%s", digits);
    snprintf(core->via, sizeof core->via, "1.1 %s", core->instance);
}

void core_fini(struct core *core)
{
    loop_unset(core->loop, &core->release);
    loop_unset(core->loop, &core->expiry);
    loop_unset(core->loop, &core->look);
    upstream_close(&core->upstream);
    cache_fini(&core->cache);
}

enum state_name core_state(struct core *core)
{
    int64_t now = clock_boot_ns(&core->clock);
    enum state_name state = state_now(&core->state, now);

    if (state != core->told) {
        enum log_level level = state == STATE_FAILED        ? LOG_ERROR
                               : state == STATE_TRUST_BASED ? LOG_WARN
                                                            : LOG_INFO;

        log_event(core->log, level, "state changed", LOG_STR("from", state_text(core->told)),
                  LOG_STR("to", state_text(state)),
                  LOG_NUM(state == STATE_TRUST_BASED ? "trust_left_s" : "",
                          (state_expires_ns(&core->state) - now) / CLOCK_NS_PER_S));
        /* A machine that slept past the end of trust learns of it late. */
        core->told_ns = state == STATE_FAILED && core->told == STATE_TRUST_BASED
                            ? state_expires_ns(&core->state)
                            : now;
        core->told = state;
    }
    history_see(&core->history, now, state);
    if (state == STATE_TRUST_BASED)
        loop_set(core->loop, &core->expiry,
                 (state_expires_ns(&core->state) - now) / CLOCK_NS_PER_MS + 1);
    else
        loop_unset(core->loop, &core->expiry);
    return state;
}

void core_forget(struct core *core, const uint8_t key[KEY_SIZE], unsigned status)
{
    if (cache_remove(&core->cache, key) && policy_classify(status) == POLICY_DENIAL)
        core->counts.ended_by_denial++;
}

void core_relay_ended(struct core *core, enum relay_source source, const struct relay *r,
                      bool answered)
{
    struct relay_counts *counts = &core->counts.relays[source];
    const struct err *err = &r->err;
    int64_t now = clock_boot_ns(&core->clock);
    int64_t age_ns = answered ? policy_age_s(&r->head) * CLOCK_NS_PER_S : 0;
    enum circuit_change change;

    if (!answered)
        counts->outages[err->stage]++;
    else if (policy_classify(r->head.status) == POLICY_APPROVAL)
        counts->approved++;
    else
        counts->denied++;
    if (answered)
        core->counts.answers++;
    else
        core->counts.outages++;
    state_relay_ended(&core->state, answered, now - age_ns);
    history_count(&core->history, now, answered);
    (void)core_state(core);
    change = circuit_relay_ended(&core->circuit, answered);
    if (change == CIRCUIT_SAME)
        return;
    if (change == CIRCUIT_OPENED) {
        log_event(core->log, LOG_WARN,
                  "license server unreachable: what is trusted is served at once",
                  LOG_STR("stage", err_stage_name(err->stage)), LOG_STR("error", err->text));
        loop_set(core->loop, &core->release, 0);
    } else {
        log_event(core->log, LOG_INFO, "license server reachable");
    }
    if (core->on_circuit)
        core->on_circuit(core, core->circuit.open);
}

void core_tick(struct core *core)
{
    int64_t step = clock_tick(&core->clock);

    if (step != 0)
        log_event(core->log, LOG_WARN, "the wall clock was stepped; trust is not affected",
                  LOG_NUM("seconds", step / CLOCK_NS_PER_S));
}
