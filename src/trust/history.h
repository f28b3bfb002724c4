/*
 * The last 24 hours in memory: for each slot of five minutes the states that were seen, and how
 * relays ended. Boot time counts: the wall clock moves nothing. A slot in which nobody looked (the
 * machine slept, or the program did not run) says so, and does not look like one that went well.
 */
#ifndef TRUST_HISTORY_H
#define TRUST_HISTORY_H

#include "trust/state.h"

#include "base/limits.h"

#include <stddef.h>

struct history_slot {
    uint8_t seen;              /* a bit 1 << state for each state seen; 0: nobody looked */
    uint16_t answers, outages; /* relays ended; they stay at their largest number */
};

struct history {
    struct history_slot slots[LIMIT_HISTORY_SLOTS];
    int64_t newest; /* the last slot seen: boot time in units of a slot; its place, modulo */
};

/* Empty; now_ns is boot time, here and below. */
void history_init(struct history *h, int64_t now_ns);

/* The state is `state` now: to be told at least once in LIMIT_HISTORY_LOOK_MS. */
void history_see(struct history *h, int64_t now_ns, enum state_name state);

/* A relay ended in an answer or an outage. */
void history_count(struct history *h, int64_t now_ns, bool answered);

/* The slot so many slots ago (below LIMIT_HISTORY_SLOTS); 0: the present one, which is not over. */
struct history_slot history_slot(const struct history *h, int64_t now_ns, size_t ago);

#endif
