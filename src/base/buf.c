#include "base/buf.h"

#include "base/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The allocator's own words beside a block. A block of a page and a few bytes would take two, and
 * musl's tells the kernel each time that it may have the second one back.
 */
#define BESIDE 32

void buf_init(struct buf *b, size_t max)
{
    memset(b, 0, sizeof *b);
    b->max = max;
}

void buf_init_in(struct buf *b, size_t max, void *room, size_t size)
{
    buf_init(b, max);
    b->data = b->room = room;
    b->cap = size;
}

static void drop(struct buf *b)
{
    if (b->data != b->room)
        free(b->data);
}

void buf_fini(struct buf *b)
{
    drop(b);
    buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
    if (b->data)
        secret_wipe(b->data, b->top);
    buf_fini(b);
}

/*
 * Grown by copying, never by realloc: the old bytes may be credentials, and realloc would leave
 * them behind in freed memory.
 */
static bool grow(struct buf *b, size_t need)
{
    size_t cap = 256;
    uint8_t *data;

    while (cap - BESIDE < need)
        cap *= 2;
    cap -= BESIDE;
    if (cap > b->max)
        cap = b->max;
    data = malloc(cap);
    if (!data)
        return false;
    if (b->data) {
        memcpy(data, b->data + b->off, b->len);
        secret_wipe(b->data, b->top);
        drop(b);
    }
    b->data = data;
    b->cap = cap;
    b->top = b->len;
    b->off = 0;
    return true;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (n > b->max - b->len)
        return NULL;
    if (b->len + n > b->cap) {
        if (!grow(b, b->len + n))
            return NULL;
    } else if (b->off + b->len + n > b->cap) {
        memmove(b->data, b->data + b->off, b->len);
        b->off = 0;
    }
    if (b->top < b->off + b->len + n)
        b->top = b->off + b->len + n;
    return b->data ? b->data + b->off + b->len : NULL;
}

void buf_commit(struct buf *b, size_t n)
{
    b->len += n;
}

bool buf_append(struct buf *b, const void *data, size_t n)
{
    uint8_t *room;

    if (n == 0)
        return true;
    room = buf_reserve(b, n);
    if (!room)
        return false;
    memcpy(room, data, n);
    b->len += n;
    return true;
}

bool buf_append_slice(struct buf *b, struct slice s)
{
    return buf_append(b, s.p, s.n);
}

bool buf_append_string(struct buf *b, const char *string)
{
    return buf_append(b, string, strlen(string));
}

bool buf_appendf(struct buf *b, const char *fmt, ...)
{
    char small[512];
    char *large;
    va_list ap;
    bool done;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n > buf_room(b))
        return false;
    if ((size_t)n < sizeof small) {
        done = buf_append(b, small, (size_t)n);
        secret_wipe(small, (size_t)n); /* it may have been a credential */
        return done;
    }
    large = malloc((size_t)n + 1);
    if (!large)
        return false;
    va_start(ap, fmt);
    vsnprintf(large, (size_t)n + 1, fmt, ap);
    va_end(ap);
    done = buf_append(b, large, (size_t)n);
    secret_wipe(large, (size_t)n);
    free(large);
    return done;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    b->off += n;
    b->len -= n;
    if (b->len == 0)
        b->off = 0;
}

void buf_clear(struct buf *b)
{
    b->off = 0;
    b->len = 0;
}

size_t buf_room(const struct buf *b)
{
    return b->max - b->len;
}
