#include "trust/state.h"

#include "base/clock.h"

#include <string.h>

void state_init(struct state *s, int64_t window_s)
{
    memset(s, 0, sizeof *s);
    s->window_ns = window_s * CLOCK_NS_PER_S;
}

void state_recall(struct state *s, int64_t answered_ns)
{
    if (s->answered && s->answered_ns >= answered_ns)
        return;
    s->answered = true;
    s->answered_ns = answered_ns;
}

void state_relay_ended(struct state *s, bool answered, int64_t answered_ns)
{
    s->relayed = true;
    s->connected = answered;
    if (answered)
        state_recall(s, answered_ns);
}

int64_t state_expires_ns(const struct state *s)
{
    return s->answered_ns + s->window_ns;
}

enum state_name state_now(const struct state *s, int64_t now_ns)
{
    if (!s->relayed)
        return STATE_READY;
    if (s->connected)
        return STATE_CONNECTED;
    return s->answered && now_ns < state_expires_ns(s) ? STATE_TRUST_BASED : STATE_FAILED;
}

const char *state_text(enum state_name name)
{
    switch (name) {
    case STATE_READY:
        return "Ready";
    case STATE_CONNECTED:
        return "Connected";
    case STATE_TRUST_BASED:
        return "TrustBased";
    case STATE_FAILED:
        break;
    }
    return "Failed";
}
