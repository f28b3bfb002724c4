/* The store of approvals: windows, bounds, replacement, and a model that it must agree with. */
#include "trust/cache.h"

#include "base/clock.h"

#include "tap.h"

#include <stdlib.h>

#define S CLOCK_NS_PER_S

static void make_key(uint8_t key[KEY_SIZE], unsigned n)
{
    memset(key, 0, KEY_SIZE);
    key[0] = (uint8_t)n;
    key[1] = (uint8_t)(n >> 8);
    key[31] = 1;
}

static bool put(struct cache *c, unsigned n, const char *body, int64_t now, int64_t window)
{
    uint8_t key[KEY_SIZE];

    make_key(key, n);
    return cache_put(c, key, 200, SLICE("OK"), SLICE("A: b\r\n"), slice_of(body), now, window) !=
           NULL;
}

static const struct cache_entry *find(struct cache *c, unsigned n, int64_t now)
{
    uint8_t key[KEY_SIZE];

    make_key(key, n);
    return cache_find(c, key, now);
}

static void test_one(void)
{
    const struct cache_entry *e;
    struct cache c;
    uint8_t key[KEY_SIZE];

    cache_init(&c, 10, 10000);
    ok(!find(&c, 1, 0), "nothing is found in an empty cache");
    ok(put(&c, 1, "one", 5 * S, 10), "an approval is stored");
    e = find(&c, 1, 5 * S);
    ok(e && slice_eq(e->body, SLICE("one")) && slice_eq(e->reason, SLICE("OK")) &&
           slice_eq(e->fields, SLICE("A: b\r\n")) && e->status == 200,
       "and found whole");
    is_int(cache_left_ns(e, 7 * S), 8 * S, "what is left counts from its validation");
    ok(find(&c, 1, 15 * S - 1) != NULL, "trusted to the last moment");
    e = find(&c, 1, 14 * S);
    is_int(e->validated_ns, 5 * S, "serving does not move its validation");
    ok(!find(&c, 1, 15 * S), "not trusted at the deadline");
    is_int(c.count, 0, "and then gone");
    put(&c, 1, "one", 5 * S, 10);
    put(&c, 1, "two", 6 * S, 10);
    e = find(&c, 1, 6 * S);
    ok(e && slice_eq(e->body, SLICE("two")), "a new approval replaces the old");
    is_int(c.count, 1, "under the same key");
    make_key(key, 1);
    ok(cache_remove(&c, key), "it can be removed");
    ok(!cache_remove(&c, key), "once");
    ok(!find(&c, 1, 6 * S), "and is gone");
    is_int(c.bytes, 0, "with its bytes");
    cache_fini(&c);
}

static void test_bounds(void)
{
    static char large[5000];
    struct cache c;

    cache_init(&c, 3, 4000);
    for (unsigned i = 0; i < 3; i++)
        put(&c, i, "x", (int64_t)i * S, 100);
    (void)find(&c, 0, 3 * S);
    put(&c, 3, "x", 3 * S, 100);
    is_int(c.count, 3, "no more entries than the bound");
    ok(!find(&c, 1, 3 * S), "the least recently used goes first");
    ok(find(&c, 0, 3 * S) != NULL, "one that was used stays");
    is_int(c.evicted, 1, "trust given up for room is counted");
    memset(large, 'x', sizeof large - 1);
    put(&c, 0, "old", 3 * S, 100);
    ok(!put(&c, 0, large, 4 * S, 100), "what is larger than the bound is not stored");
    ok(!find(&c, 0, 4 * S), "and the older answer under its key does not outlive it");
    large[2500] = '\0';
    ok(put(&c, 9, large, 4 * S, 100), "a large one fits");
    ok(c.bytes <= 4000, "when others have made room");
    is_int(cache_sweep(&c, 1000 * S, 1), 1, "a sweep removes no more than it is told to");
    is_int(cache_sweep(&c, 1000 * S, 10), 2, "another the rest");
    is_int(c.count, 0, "a sweep removes what is trusted no more");
    is_int(c.bytes, 0, "with all bytes");
    cache_fini(&c);
}

/* Random use against a plain array. */
static void test_model(void)
{
    enum { KEYS = 300, STEPS = 40000 };
    static int64_t until[KEYS];
    static int stored[KEYS];
    struct cache c;
    int64_t now = 0;
    bool agrees = true;

    srand(1);
    memset(stored, -1, sizeof stored);
    cache_init(&c, 100000, 1 << 24);
    for (int i = 0; i < STEPS && agrees; i++) {
        unsigned k = (unsigned)rand() % KEYS;
        uint8_t key[KEY_SIZE];
        char body[16];

        now += rand() % 3 * S / 2;
        make_key(key, k);
        switch (rand() % 4) {
        case 0:
            snprintf(body, sizeof body, "%d", i);
            put(&c, k, body, now, 20);
            until[k] = now + 20 * S;
            stored[k] = i;
            break;
        case 1:
            cache_remove(&c, key);
            stored[k] = -1;
            break;
        case 2:
            if (rand() % 100 == 0)
                cache_sweep(&c, now, KEYS);
            break;
        default: {
            const struct cache_entry *e = find(&c, k, now);
            bool want = stored[k] >= 0 && now < until[k];

            snprintf(body, sizeof body, "%d", stored[k]);
            agrees = want ? e && slice_eq(e->body, slice_of(body)) : !e;
            break;
        }
        }
    }
    ok(agrees, "%d random steps agree with the model", STEPS);
    cache_fini(&c);
}

int main(void)
{
    test_one();
    test_bounds();
    test_model();
    return done_testing();
}
