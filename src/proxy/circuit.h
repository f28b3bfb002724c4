/*
 * When to look for the license server again. Closed: requests go to it. Open, after a relay has
 * failed: requests with a trusted answer get that at once, while one probe at a time looks, at
 * growing distances, whether the server is back.
 */
#ifndef PROXY_CIRCUIT_H
#define PROXY_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

struct circuit {
    bool open;
    int64_t backoff_ms; /* the next distance between probes, while open */
};

enum circuit_change { CIRCUIT_SAME, CIRCUIT_OPENED, CIRCUIT_CLOSED };

/* A relay ended in an answer or not. The first answer closes the circuit. */
enum circuit_change circuit_relay_ended(struct circuit *c, bool answered);

/*
 * Milliseconds until the next probe while open; each call doubles the distance, up to
 * LIMIT_BACKOFF_MAX_MS. random: any number; it takes up to a quarter off, so that proxies that
 * lost the server together don't come back together.
 */
int64_t circuit_next_probe_ms(struct circuit *c, uint32_t random);

#endif
