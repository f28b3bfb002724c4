/* The pool: last in, first out, bounded, and nothing left behind (the sanitizers watch that). */
#include "base/pool.h"

#include "tap.h"

int main(void)
{
    enum { KEPT = 7, MANY = KEPT + 5 };
    void *blocks[MANY], *last;
    struct pool p;
    bool distinct = true;

    pool_init(&p, 1000, KEPT);
    for (int i = 0; i < MANY; i++) {
        blocks[i] = pool_take(&p);
        memset(blocks[i], i, 1000);
        for (int k = 0; k < i; k++)
            distinct = distinct && blocks[k] != blocks[i];
    }
    ok(distinct, "each block is another");
    last = blocks[3];
    pool_give(&p, last);
    ok(pool_take(&p) == last, "the one freed last is taken first");
    for (int i = 0; i < MANY; i++)
        pool_give(&p, blocks[i]);
    is_int(p.count, KEPT, "no more than so many are kept");
    pool_give(&p, NULL);
    is_int(p.count, KEPT, "NULL is none");
    pool_fini(&p);
    is_int(p.count, 0, "none is left");
    return done_testing();
}
