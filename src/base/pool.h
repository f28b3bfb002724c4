/*
 * A few free blocks of one size, the last one freed taken first. Connections come and go all day:
 * so their memory stays the same pages, where an allocator that spreads what it hands out (musl's
 * does, on purpose) would touch ever new ones.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#define POOL_KEPT 16 /* at most */

struct pool {
    size_t size; /* of each block */
    size_t kept; /* free blocks that are kept; more go back to the allocator */
    size_t count;
    void *blocks[POOL_KEPT]; /* owned: the free ones */
};

/* kept: as many blocks as are often in use at one time; POOL_KEPT at most. */
void pool_init(struct pool *p, size_t size, size_t kept);

/* A block, its contents undefined; NULL when out of memory. */
void *pool_take(struct pool *p);

/* Gives a block back, wiped by its owner if it held secrets. block may be NULL. */
void pool_give(struct pool *p, void *block);

/* Frees the free blocks. */
void pool_fini(struct pool *p);

#endif
