/*
 * The proxy's own check-in with the license server: keeps the state true on an idle machine, and
 * is the one probe that looks for the server in an outage.
 */
#ifndef PROXY_CHECKIN_H
#define PROXY_CHECKIN_H

#include "base/config.h"
#include "proxy/core.h"

struct checkin {
    struct core *core; /* borrowed for its life */
    struct relay relay;
    struct loop_timer timer;
    struct buf fields;  /* may hold the key: wiped */
    const char *method; /* borrowed from the configuration, as is path */
    const char *path;
    int64_t interval_ms;
    bool key_refused;     /* the last answer was 401, 402 or 403 */
    unsigned last_status; /* of the last answer; 0: none yet */
    uint64_t answers, outages;
    void *ctx; /* on_end's */
    /* Called after each check-in, if set; err says what failed when answered is false. */
    void (*on_end)(struct checkin *c, bool answered, const struct err *err);
};

/* Prepares; config is borrowed for its life (but the key may be wiped: it is copied). */
bool checkin_init(struct checkin *c, struct core *core, const struct config *config,
                  struct err *err);

/* Another key, from the next check-in on. */
bool checkin_set_key(struct checkin *c, const struct config *config, struct err *err);

/* Checks in now, and from then on by itself. */
void checkin_start(struct checkin *c);

void checkin_fini(struct checkin *c);

#endif
