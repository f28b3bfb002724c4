/*
 * Approvals in the state directory: one sealed file per entry (trust/seal.h, trust/record.h), so
 * that they outlive the process, the boot and a power cut, and so that two instances on one
 * directory serve each other's.
 *
 * Wear is bounded: an approval that only confirms what its file holds is written again when the
 * file's validation is STORE_REFRESH of the window old (never sooner than a minute, at the latest
 * after six hours); one with other contents after STORE_CHANGED_S. A restart so loses at most that
 * much of an entry's trust, and never gains any. Denials are removed at once.
 *
 * The directory holds no more than the cache: the file of an entry that is given up is removed,
 * unless another instance has written it since. What is set aside, or belongs to another license
 * key, stays until the next start.
 */
#ifndef TRUST_STORE_H
#define TRUST_STORE_H

#include "base/log.h"
#include "trust/cache.h"
#include "trust/record.h"
#include "trust/seal.h"
#include "trust/state.h"
#include "trust/storage.h"

#define STORE_REFRESH 28 /* part of the window; of 7 days: 6 hours */
#define STORE_REFRESH_MIN_S 60
#define STORE_REFRESH_MAX_S 21600
#define STORE_CHANGED_S 600 /* for other contents */
#define STORE_SWEEP 128     /* expired entries given up at one time */
#define STORE_SEEN_S 10     /* an approval looks whether its file is there, so often at most */
#define STORE_TIME_NAME "time"
#define STORE_ENTRY_PREFIX "e-"

struct store_counts {
    uint64_t written, removed, read;
    uint64_t failures;  /* of storage */
    uint64_t set_aside; /* files that did not verify */
};

/* A denial whose file could not be removed: what the file holds is not trusted any more. */
struct store_denied {
    uint8_t key[KEY_SIZE];
    int64_t since_ns; /* boot time: what was validated until then */
};

#define STORE_DENIED_MAX 64 /* remembered; beyond it the oldest are forgotten, which is told */

struct store {
    struct loop *loop; /* borrowed for its life, as are the next five */
    const struct log *log;
    struct clock *clock;
    struct tls_profile *profile;
    struct cache *cache;
    struct state *state;
    struct seal seal;
    struct storage storage;
    struct storage_request load; /* of all entries, at start */
    struct storage_request time; /* reading, then writing the time */
    struct buf time_text;        /* being written */
    bool answered;               /* the time read at start knows of an answer: */
    struct clock_mark answer;
    struct loop_timer time_timer;
    struct store_write *writes; /* owned; under way */
    int64_t load_started_ns;    /* boot time */
    int64_t load_never_back_ns; /* by which loaded entries were dated so far */
    int64_t ahead_ns;           /* never-back time less boot time, by which files are dated */
    bool loaded;
    size_t tended; /* files that are looked at beside the requests */
    /* Sealing anew with another key: the entries that are left, under the old one's names. */
    uint8_t (*rotating)[KEY_SIZE]; /* owned; NULL: no rotation */
    size_t rotating_next, rotating_count, rotating_writes;
    struct seal old_seal;
    struct secret next_secret; /* of a rotation that waits for the end of the loading */
    struct store_denied denied[STORE_DENIED_MAX];
    size_t denied_count;  /* all so far: the place of the next one, modulo the array */
    bool failing_to_read; /* the last use of storage failed: told once per change */
    bool failing_to_write;
    int64_t hung_until_ms; /* while storage hangs it is not asked on the way of a request */
    struct store_counts counts;
    void *ctx;                          /* on_loaded's */
    void (*on_loaded)(struct store *s); /* all entries are there, or can't be had; or NULL */
};

/* An entry looked up or removed; embedded in its owner. */
struct store_query {
    struct store *store;
    struct storage_request request;
    uint8_t key[KEY_SIZE];
    bool active;
    int64_t since_ns; /* boot time when it was asked */
    /* Called once, never from inside store_look_up and store_remove; durable: for store_remove. */
    void (*on_done)(struct store_query *q, bool durable);
};

/*
 * Opens the directory and starts its helper, then reads the time and all entries into the cache.
 * The borrowed fields and on_loaded are set before. secret: what the files are sealed with.
 * spawn: as for storage_init.
 */
bool store_init(struct store *s, const char *dir, struct slice secret, struct spawn *spawn,
                struct err *err);

/* Writes the time, and ends. Queries must be over. */
void store_fini(struct store *s);

/* Whether an entry is trusted now. */
bool store_has_trust(const struct store *s);

/*
 * An approval was put into the cache: writes it to its file if that is due, or if the file is not
 * there any more (another instance's denial, or a purge, came before it).
 */
void store_approved(struct store *s, struct cache_entry *e);

/*
 * Looks whether the entry's file says something newer than the cache: another instance's approval
 * is put into the cache, what another has denied (or a person purged) is removed from it. Where
 * storage fails or hangs, the cache counts; false, and no on_done, when it is known to hang.
 */
bool store_look_up(struct store *s, struct store_query *q, const uint8_t key[KEY_SIZE]);

/*
 * Removes the entry's file. on_done's durable is true once it can't come back: it was removed and
 * the directory written out, or it wasn't there.
 */
void store_remove(struct store *s, struct store_query *q, const uint8_t key[KEY_SIZE]);

/* Forgets a query: no on_done. Does nothing if it is over. */
void store_cancel(struct store_query *q);

/*
 * Seals all entries anew under another secret, one after the other; each old file is removed when
 * the new one is there.
 */
void store_rotate(struct store *s, struct slice secret);

#endif
