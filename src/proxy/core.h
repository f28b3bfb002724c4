/*
 * What all exchanges of a running proxy share: the license servers, trust, and the circuit.
 */
#ifndef PROXY_CORE_H
#define PROXY_CORE_H

#include "proxy/circuit.h"
#include "proxy/upstream.h"
#include "trust/cache.h"
#include "trust/history.h"
#include "trust/journal.h"
#include "trust/policy.h"
#include "trust/state.h"
#include "trust/store.h"

struct exchange;

/* Whose request was relayed. */
enum relay_source { RELAY_OF_CLIENT, RELAY_OF_CHECKIN, RELAY_OF_REPLAY, RELAY_SOURCES };

/* Relays, by how they ended. */
struct relay_counts {
    uint64_t approved, denied;
    uint64_t outages[STAGE_STATUS + 1]; /* by their stage */
};

/* Counted from the start of the process. */
struct core_counts {
    struct relay_counts relays[RELAY_SOURCES];
    uint64_t answers, outages; /* of all of these */
    uint64_t served_from_trust;
    uint64_t refused_for_want_of_trust; /* outage, and nothing trusted */
    uint64_t ended_by_denial;           /* stored answers */
    uint64_t shed;                      /* too many in flight */
    uint64_t denials_withheld;          /* the state directory failed to forget the approval */
};

struct core {
    struct loop *loop; /* borrowed for its life, as are log and profile */
    const struct log *log;
    struct tls_profile *profile;
    struct clock clock;
    struct upstream upstream;
    struct cache cache;
    struct store *store;     /* borrowed; NULL: trust is in memory only */
    struct journal *journal; /* borrowed; NULL: none is kept */
    struct state state;
    struct circuit circuit;
    struct policy policy;
    struct key_policy key;
    const char *base_url;       /* borrowed: begins and ends with '/' */
    char instance[32];          /* our name in Via: "license-proxy-" and random digits */
    char via[36];               /* the field's whole value */
    struct exchange *exchanges; /* borrowed: each removes itself */
    struct pool blocks;         /* what they are kept in */
    struct loop_timer release;  /* gives waiting requests their trusted answers */
    struct loop_timer expiry;   /* tells when trust ends */
    enum state_name told;       /* the state last logged */
    int64_t told_ns;            /* boot time since which it holds */
    struct history history;     /* the last day's */
    struct loop_timer look;     /* the history needs a look at the state from time to time */
    struct core_counts counts;
    /* The circuit opened or closed: the check-in follows. NULL until there is one. */
    void (*on_circuit)(struct core *core, bool open);
    void *checkin; /* borrowed; on_circuit's */
};

/* loop, log, profile, upstream, policy, key and base_url are set before. */
void core_init(struct core *core, int64_t window_s, size_t max_entries);

/* Ends; exchanges must be over. */
void core_fini(struct core *core);

/* A relay ended: in an answer, or r->err says why not. Moves state and circuit, tells of changes.
 */
void core_relay_ended(struct core *core, enum relay_source source, const struct relay *r,
                      bool answered);

/* An answer of that status came which is not trusted: what is cached under its key isn't either. */
void core_forget(struct core *core, const uint8_t key[KEY_SIZE], unsigned status);

/* The state now; logs it if it has changed. */
enum state_name core_state(struct core *core);

/* One turn's look at the clock: tells and counts steps. */
void core_tick(struct core *core);

#endif
