/*
 * A bounded queue of bytes: appended at the end, consumed from the front. It holds no memory
 * while empty and never grows past its bound.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

struct buf {
    uint8_t *data; /* owned; NULL until something is stored */
    size_t off;    /* first unconsumed byte */
    size_t len;    /* unconsumed bytes */
    size_t cap;    /* allocated */
    size_t top;    /* bytes at the front of data that were ever written */
    size_t max;    /* bound of len; appending past it fails and changes nothing */
    uint8_t *room; /* borrowed memory to begin with, or NULL */
};

/* An empty queue that never holds more than max bytes. No memory is taken. */
void buf_init(struct buf *b, size_t max);

/* The same, with size bytes of the caller's memory to begin with; valid as long as b is used. */
void buf_init_in(struct buf *b, size_t max, void *room, size_t size);

/* Frees; b is then empty with the same bound and may be used again. */
void buf_fini(struct buf *b);

/* As buf_fini, after overwriting the bytes: for contents that may hold credentials. */
void buf_wipe(struct buf *b);

/* Appends n bytes. False, with nothing changed, past the bound or out of memory. */
bool buf_append(struct buf *b, const void *data, size_t n);
bool buf_append_slice(struct buf *b, struct slice s);
bool buf_append_string(struct buf *b, const char *string);

/* Appends as printf does. False as above. */
__attribute__((format(printf, 2, 3))) bool buf_appendf(struct buf *b, const char *fmt, ...);

/*
 * Room for n more bytes, contiguous behind the last one; valid until the next call on b.
 * NULL past the bound or out of memory. buf_commit(b, k) then makes the first k of them stored.
 */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* Drops n bytes from the front (at most len). Memory is kept for reuse. */
void buf_consume(struct buf *b, size_t n);

/* Drops all bytes; memory is kept. */
void buf_clear(struct buf *b);

/* Bytes that may still be stored. */
size_t buf_room(const struct buf *b);

/* The unconsumed bytes; valid until the next call on b. */
static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->data ? (const char *)b->data + b->off : NULL, b->len};
}

#endif
