/*
 * Stored approvals in memory: an index by key, bounded in entries and bytes; the least recently
 * used go first. Serving never extends trust: only cache_put moves validated_ns.
 */
#ifndef TRUST_CACHE_H
#define TRUST_CACHE_H

#include "base/slice.h"
#include "trust/key.h"

/* A stored approval. Owned by the cache; valid until the next cache_put or cache_remove. */
struct cache_entry {
    uint8_t key[KEY_SIZE];
    struct cache_entry *chain;         /* same bucket */
    struct cache_entry *newer, *older; /* by last use */
    int64_t validated_ns;              /* boot time at which upstream gave the answer */
    int64_t window_s;                  /* trusted for so long after that */
    /* What is known of the entry's file, for trust/store: kept when a new approval replaces it. */
    bool on_disk;    /* a file for it was written */
    bool changed;    /* status or body are not what the file holds */
    bool other_boot; /* loaded, and validated in another boot: see cache_shift */
    int64_t file_ns; /* validated_ns that the file holds */
    int64_t seen_ns; /* boot time at which the file was last known to be there */
    unsigned status;
    struct slice reason, fields, body; /* fields: "Name: value\r\n" lines, end-to-end ones only */
    char bytes[];                      /* what they point into */
};

struct cache {
    struct cache_entry **buckets; /* owned; a power of two of them */
    size_t bucket_count;
    struct cache_entry *newest, *oldest;
    size_t count, bytes;
    size_t max_count, max_bytes;
    uint64_t evicted; /* dropped for want of room while still trusted */
    /* An entry is given up, for want of room or because its trust has ended; or NULL. It must not
     * change the cache. */
    void (*on_given_up)(void *ctx, const struct cache_entry *e);
    void *ctx; /* on_given_up's */
};

void cache_init(struct cache *c, size_t max_count, size_t max_bytes);
void cache_fini(struct cache *c); /* wipes what was stored */

/*
 * Stores an approval in place of what is under key. NULL, and nothing is under key any more, when
 * it can't be stored (too large, out of memory): an older answer must not outlive a newer one.
 */
struct cache_entry *cache_put(struct cache *c, const uint8_t key[KEY_SIZE], unsigned status,
                              struct slice reason, struct slice fields, struct slice body,
                              int64_t now_ns, int64_t window_s);

/* What is stored under key and trusted now; NULL if nothing. Counts as a use. */
struct cache_entry *cache_find(struct cache *c, const uint8_t key[KEY_SIZE], int64_t now_ns);

/* Removes what is under key. False if there was nothing. */
bool cache_remove(struct cache *c, const uint8_t key[KEY_SIZE]);

/* What is stored under key, trusted or not; NULL if nothing. */
struct cache_entry *cache_peek(struct cache *c, const uint8_t key[KEY_SIZE]);

/* Moves the validation of all entries loaded from another boot to by_ns earlier. */
void cache_shift(struct cache *c, int64_t by_ns);

/* Removes what is trusted no more, at most so many entries. Returns how many. */
size_t cache_sweep(struct cache *c, int64_t now_ns, size_t most);

/* Nanoseconds of trust left at now_ns; 0 or less: none. */
int64_t cache_left_ns(const struct cache_entry *e, int64_t now_ns);

#endif
