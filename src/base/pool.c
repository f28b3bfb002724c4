#include "base/pool.h"

#include <stdlib.h>

void pool_init(struct pool *p, size_t size, size_t kept)
{
    p->size = size;
    p->kept = kept;
    p->count = 0;
}

void *pool_take(struct pool *p)
{
    return p->count > 0 ? p->blocks[--p->count] : malloc(p->size);
}

void pool_give(struct pool *p, void *block)
{
    if (block && p->count < p->kept)
        p->blocks[p->count++] = block;
    else
        free(block);
}

void pool_fini(struct pool *p)
{
    while (p->count > 0)
        free(p->blocks[--p->count]);
}
