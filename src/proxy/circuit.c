#include "proxy/circuit.h"

#include "base/limits.h"

enum circuit_change circuit_relay_ended(struct circuit *c, bool answered)
{
    if (answered == !c->open)
        return CIRCUIT_SAME;
    c->open = !answered;
    c->backoff_ms = LIMIT_BACKOFF_MIN_MS;
    return answered ? CIRCUIT_CLOSED : CIRCUIT_OPENED;
}

int64_t circuit_next_probe_ms(struct circuit *c, uint32_t random)
{
    int64_t delay = c->backoff_ms;

    c->backoff_ms *= 2;
    if (c->backoff_ms > LIMIT_BACKOFF_MAX_MS)
        c->backoff_ms = LIMIT_BACKOFF_MAX_MS;
    return delay - (int64_t)(random % (uint32_t)(delay / 4 + 1));
}
