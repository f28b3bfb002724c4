/*
 * The one type for secrets: a license key, a proxy password, a private key's PEM. It is wiped
 * when it ends and no function prints it.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct secret {
    char *data;  /* owned; NUL-terminated for callers that need a C string; NULL when not set */
    size_t size; /* bytes before the NUL */
};

/*
 * Keeps the pages that hold these bytes out of swap and of core dumps, for as long as they are
 * mapped: what else lies there is kept, too, and nothing is undone when the bytes are freed. False
 * when they can't be locked (RLIMIT_MEMLOCK), which callers go on without.
 */
bool secret_guard(const void *data, size_t size);

/* Memory for a secret, all zero and guarded; its owner wipes it and calls free. NULL: none left. */
void *secret_alloc(size_t size);

/* Copies size bytes in, wiping what was there. False when out of memory (then s is empty). */
bool secret_set(struct secret *s, const char *data, size_t size);

/* Moves from's bytes to s, wiping what s had; from is left empty. */
void secret_take(struct secret *s, struct secret *from);

/* Wipes and frees; s is then empty and may be used again. */
void secret_fini(struct secret *s);

/* Overwrites memory in a way that the compiler does not remove. */
void secret_wipe(void *data, size_t size);

/* Cuts n bytes out of `size`, at a place: the rest moves up, and nothing of it stays behind. */
void secret_cut(void *data, size_t size, size_t at, size_t n);

static inline bool secret_is_set(const struct secret *s)
{
    return s->data != NULL;
}

#endif
