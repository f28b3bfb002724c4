#include "trust/cache.h"

#include "base/clock.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64

void cache_init(struct cache *c, size_t max_count, size_t max_bytes)
{
    memset(c, 0, sizeof *c);
    c->max_count = max_count;
    c->max_bytes = max_bytes;
}

static size_t entry_size(const struct cache_entry *e)
{
    return sizeof *e + e->reason.n + e->fields.n + e->body.n;
}

/* The key is a hash already: any of its bits will do. */
static size_t bucket_of(const struct cache *c, const uint8_t key[KEY_SIZE])
{
    uint64_t h;

    memcpy(&h, key, sizeof h);
    return (size_t)h & (c->bucket_count - 1);
}

static struct cache_entry **find_link(struct cache *c, const uint8_t key[KEY_SIZE])
{
    struct cache_entry **link;

    if (c->bucket_count == 0)
        return NULL;
    for (link = &c->buckets[bucket_of(c, key)]; *link; link = &(*link)->chain)
        if (memcmp((*link)->key, key, KEY_SIZE) == 0)
            return link;
    return NULL;
}

static void list_remove(struct cache *c, struct cache_entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void list_add(struct cache *c, struct cache_entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static struct cache_entry *take_out(struct cache *c, struct cache_entry **link)
{
    struct cache_entry *e = *link;

    *link = e->chain;
    list_remove(c, e);
    c->count--;
    c->bytes -= entry_size(e);
    return e;
}

static void dispose(struct cache_entry *e)
{
    secret_wipe(e, entry_size(e));
    free(e);
}

static void destroy(struct cache *c, struct cache_entry **link)
{
    dispose(take_out(c, link));
}

static void give_up(struct cache *c, struct cache_entry **link)
{
    if (c->on_given_up)
        c->on_given_up(c->ctx, *link);
    destroy(c, link);
}

void cache_fini(struct cache *c)
{
    while (c->oldest)
        destroy(c, find_link(c, c->oldest->key));
    free(c->buckets);
    memset(c, 0, sizeof *c);
}

int64_t cache_left_ns(const struct cache_entry *e, int64_t now_ns)
{
    return e->validated_ns + e->window_s * CLOCK_NS_PER_S - now_ns;
}

static bool grow(struct cache *c)
{
    size_t count = c->bucket_count ? c->bucket_count * 2 : FIRST_BUCKETS;
    struct cache_entry **buckets = calloc(count, sizeof(struct cache_entry *));

    if (!buckets)
        return c->bucket_count > 0; /* fuller chains still work */
    free(c->buckets);
    c->buckets = buckets;
    c->bucket_count = count;
    for (struct cache_entry *e = c->oldest; e; e = e->newer) {
        struct cache_entry **bucket = &c->buckets[bucket_of(c, e->key)];

        e->chain = *bucket;
        *bucket = e;
    }
    return true;
}

static struct slice store(char **at, struct slice from)
{
    struct slice stored = {*at, from.n};

    if (from.n > 0)
        memcpy(*at, from.p, from.n);
    *at += from.n;
    return stored;
}

/* What the new entry takes over from the one it replaces. */
struct file_facts {
    bool on_disk, changed;
    int64_t file_ns, seen_ns;
};

static struct file_facts facts_after(const struct cache_entry *old, unsigned status,
                                     struct slice body)
{
    struct file_facts f = {0};

    if (old) {
        f.on_disk = old->on_disk;
        f.changed = old->changed || old->status != status || !slice_eq(old->body, body);
        f.file_ns = old->file_ns;
        f.seen_ns = old->seen_ns;
    }
    return f;
}

/* Memory for an entry that the bounds have room for, now; NULL if there is none. */
static struct cache_entry *make_entry(struct cache *c, size_t size, int64_t now_ns)
{
    if (size > c->max_bytes || c->max_count == 0)
        return NULL;
    while (c->count >= c->max_count || c->bytes + size > c->max_bytes) {
        if (cache_left_ns(c->oldest, now_ns) > 0)
            c->evicted++;
        give_up(c, find_link(c, c->oldest->key));
    }
    return c->count < c->bucket_count || grow(c) ? malloc(size) : NULL;
}

struct cache_entry *cache_put(struct cache *c, const uint8_t key[KEY_SIZE], unsigned status,
                              struct slice reason, struct slice fields, struct slice body,
                              int64_t now_ns, int64_t window_s)
{
    size_t size = sizeof(struct cache_entry) + reason.n + fields.n + body.n;
    struct cache_entry **link = find_link(c, key);
    struct file_facts facts = facts_after(link ? *link : NULL, status, body);
    struct cache_entry *e = link ? take_out(c, link) : NULL, **bucket;
    char *at;

    /* A renewal is mostly of the same size, and goes where the one before it was. */
    if (e && entry_size(e) != size) {
        dispose(e);
        e = NULL;
    }
    if (!e)
        e = make_entry(c, size, now_ns);
    if (!e)
        return NULL;
    memset(e, 0, sizeof *e);
    memcpy(e->key, key, KEY_SIZE);
    e->validated_ns = now_ns;
    e->window_s = window_s;
    e->on_disk = facts.on_disk;
    e->changed = facts.changed;
    e->file_ns = facts.file_ns;
    e->seen_ns = facts.seen_ns;
    e->status = status;
    at = e->bytes;
    e->reason = store(&at, reason);
    e->fields = store(&at, fields);
    e->body = store(&at, body);
    bucket = &c->buckets[bucket_of(c, key)];
    e->chain = *bucket;
    *bucket = e;
    list_add(c, e);
    c->count++;
    c->bytes += size;
    return e;
}

struct cache_entry *cache_peek(struct cache *c, const uint8_t key[KEY_SIZE])
{
    struct cache_entry **link = find_link(c, key);

    return link ? *link : NULL;
}

void cache_shift(struct cache *c, int64_t by_ns)
{
    for (struct cache_entry *e = c->newest; e; e = e->older) {
        if (!e->other_boot)
            continue;
        e->validated_ns -= by_ns;
        e->file_ns -= by_ns;
    }
}

struct cache_entry *cache_find(struct cache *c, const uint8_t key[KEY_SIZE], int64_t now_ns)
{
    struct cache_entry **link = find_link(c, key);

    if (!link)
        return NULL;
    if (cache_left_ns(*link, now_ns) <= 0) {
        give_up(c, link);
        return NULL;
    }
    list_remove(c, *link);
    list_add(c, *link);
    return *link;
}

bool cache_remove(struct cache *c, const uint8_t key[KEY_SIZE])
{
    struct cache_entry **link = find_link(c, key);

    if (!link)
        return false;
    destroy(c, link);
    return true;
}

size_t cache_sweep(struct cache *c, int64_t now_ns, size_t most)
{
    struct cache_entry *e = c->oldest;
    size_t n = 0;

    while (e && n < most) {
        struct cache_entry *newer = e->newer;

        if (cache_left_ns(e, now_ns) <= 0) {
            give_up(c, find_link(c, e->key));
            n++;
        }
        e = newer;
    }
    return n;
}
