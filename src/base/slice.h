/*
 * A view of bytes that somebody else owns: never NUL-terminated, never freed. And strict integers.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p; /* borrowed until its owner changes or frees the bytes; NULL only when n is 0 */
    size_t n;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

static inline struct slice slice_of(const char *string)
{
    return (struct slice){string, strlen(string)};
}

static inline struct slice slice_make(const char *p, size_t n)
{
    return (struct slice){p, n};
}

bool slice_eq(struct slice a, struct slice b);

/* ASCII letters compared without case, whatever the locale. */
bool slice_eq_nocase(struct slice a, struct slice b);

bool slice_starts_with(struct slice s, struct slice prefix);

/* Whether part, which may be empty, stands anywhere in s. Up to s.n * part.n steps. */
bool slice_contains(struct slice s, struct slice part);

/* Without the spaces and tabs (OWS, RFC 9110 section 5.6.3) at both ends. */
struct slice slice_trim(struct slice s);

/* Takes what comes before the separator, or all, off *rest, and the separator with it. */
struct slice slice_cut(struct slice *rest, char separator);

/* Without the double quotes around it, if it has both. */
struct slice slice_unquote(struct slice s);

/*
 * Takes the next element of a comma-separated list (RFC 9110 section 5.6.1) off *rest, trimmed;
 * commas inside a quoted-string do not separate. Empty elements are skipped. False at the end.
 */
bool slice_next_element(struct slice *rest, struct slice *element);

/* Only digits, at least one, value at most max; no sign, no spaces. False otherwise. */
bool slice_to_u64(struct slice s, uint64_t max, uint64_t *out);

/* Only hexadecimal digits, at least one, at most 16. False otherwise. */
bool slice_hex_to_u64(struct slice s, uint64_t *out);

/* Writes 2 * n lower-case hexadecimal digits and a NUL. */
void slice_write_hex(const uint8_t *bytes, size_t n, char *out);

/* Copies into a C string of cap bytes. False (and "") if it doesn't fit or holds a NUL. */
bool slice_copy(struct slice s, char *out, size_t cap);

#endif
