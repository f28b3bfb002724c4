/*
 * Sends the usage journal's records to the license server when it is back: in order, one at a
 * time, LIMIT_REPLAY_MS apart, each as its client sent it, but for a Via of this process. Whatever
 * answer comes, the record is done with and removed; a denial first ends what is trusted under its
 * key, as a client's would. In an outage it waits for the next answer of any relay. At least once:
 * a record whose answer came just before the process ended is sent again, and so may be one that
 * two instances on one directory found at their start.
 *
 * A record that the server never answers (5xx) holds up those behind it: it is tried at growing
 * distances, since each of its outages is one for everybody.
 */
#ifndef PROXY_REPLAY_H
#define PROXY_REPLAY_H

#include "proxy/core.h"

struct replay {
    struct core *core; /* borrowed for its life */
    struct relay relay;
    struct store_query removal;
    struct loop_timer timer;
    struct buf fields;     /* of the record being sent, and Via; wiped */
    uint8_t key[KEY_SIZE]; /* under which it was trusted */
    bool busy;             /* a record is being read, sent or removed */
    int64_t backoff_ms;    /* after the first record's outages; 0: none */
    uint64_t sent;         /* since there were none left */
};

/* Starts; core's journal is in mode JOURNAL_REPLAY. */
void replay_init(struct replay *r, struct core *core);

/* Ends what is under way; the record stays. Does nothing if it wasn't started. */
void replay_fini(struct replay *r);

#endif
