/*
 * The four states, computed when asked: so Failed comes by itself at the deadline. All times are
 * boot time in nanoseconds: no step of the wall clock changes what remains.
 */
#ifndef TRUST_STATE_H
#define TRUST_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum state_name { STATE_READY, STATE_CONNECTED, STATE_TRUST_BASED, STATE_FAILED };

struct state {
    bool relayed;        /* a relay of this process has ended */
    bool connected;      /* the last one ended in an answer */
    bool answered;       /* there was an answer: answered_ns holds */
    int64_t answered_ns; /* when the last answer came */
    int64_t window_ns;   /* the configured trust window */
};

void state_init(struct state *s, int64_t window_s);

/*
 * A relay ended: in an answer (an approval or a denial) that was given at answered_ns, or in an
 * outage.
 */
void state_relay_ended(struct state *s, bool answered, int64_t answered_ns);

/* There was an answer at that time (of an earlier process): a later one that is known stays. */
void state_recall(struct state *s, int64_t answered_ns);

enum state_name state_now(const struct state *s, int64_t now_ns);

/* When trust ends, boot time; only while s->answered. */
int64_t state_expires_ns(const struct state *s);

/* "Ready", "Connected", "TrustBased", "Failed". */
const char *state_text(enum state_name name);

#endif
