#include "base/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

bool secret_guard(const void *data, size_t size)
{
    uintptr_t page = getauxval(AT_PAGESZ);
    uintptr_t first = (uintptr_t)data / page * page;
    size_t span = (uintptr_t)data + size - first;

    (void)madvise((void *)first, span, MADV_DONTDUMP);
    return mlock((void *)first, span) == 0;
}

void *secret_alloc(size_t size)
{
    void *data = calloc(1, size);

    if (data)
        (void)secret_guard(data, size);
    return data;
}

bool secret_set(struct secret *s, const char *data, size_t size)
{
    char *copy = secret_alloc(size + 1);

    if (copy)
        memcpy(copy, data, size);
    secret_fini(s);
    s->data = copy;
    s->size = copy ? size : 0;
    return copy != NULL;
}

void secret_take(struct secret *s, struct secret *from)
{
    secret_fini(s);
    *s = *from;
    from->data = NULL;
    from->size = 0;
}

void secret_fini(struct secret *s)
{
    if (s->data) {
        secret_wipe(s->data, s->size);
        free(s->data);
    }
    s->data = NULL;
    s->size = 0;
}

void secret_cut(void *data, size_t size, size_t at, size_t n)
{
    uint8_t *to = (uint8_t *)data + at;
    size_t rest = size - at - n;

    memmove(to, to + n, rest);
    secret_wipe(to + rest, n);
}

void secret_wipe(void *data, size_t size)
{
    memset(data, 0, size);
    /* The barrier makes the bytes observable, so that the store can't be dropped as dead. */
    __asm__ __volatile__("" : : "r"(data) : "memory");
}
