/* The circuit: opening, closing, and the distances between probes. */
#include "proxy/circuit.h"

#include "base/limits.h"

#include "tap.h"

int main(void)
{
    struct circuit c = {0};
    int64_t least = LIMIT_BACKOFF_MIN_MS;

    is_int(circuit_relay_ended(&c, true), CIRCUIT_SAME, "an answer keeps it closed");
    is_int(circuit_relay_ended(&c, false), CIRCUIT_OPENED, "a failure opens it");
    is_int(circuit_relay_ended(&c, false), CIRCUIT_SAME, "another keeps it open");
    for (int i = 0; i < 12; i++) {
        struct circuit low = c, high = c;
        int64_t shortest = circuit_next_probe_ms(&low, (uint32_t)(least / 4));
        int64_t longest = circuit_next_probe_ms(&high, 0);

        is_int(longest, least, "without jitter, the distance doubles up to the bound");
        is_int(shortest, least - least / 4, "jitter takes at most a quarter off");
        c = high;
        least = least * 2 < LIMIT_BACKOFF_MAX_MS ? least * 2 : LIMIT_BACKOFF_MAX_MS;
    }
    is_int(least, LIMIT_BACKOFF_MAX_MS, "the bound is reached");
    is_int(circuit_relay_ended(&c, true), CIRCUIT_CLOSED, "the first answer closes it");
    circuit_relay_ended(&c, false);
    is_int(circuit_next_probe_ms(&c, 0), LIMIT_BACKOFF_MIN_MS, "a new outage begins anew");
    return done_testing();
}
