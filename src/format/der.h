/*
 * DER (X.690) written backwards: contents first, then the header, so that lengths are known when
 * they are written. The finished bytes stand at the end of the caller's array.
 */
#ifndef FORMAT_DER_H
#define FORMAT_DER_H

#include "base/slice.h"

struct der {
    uint8_t *start; /* borrowed while the writer is used */
    uint8_t *at;    /* the first byte written so far */
    uint8_t *end;
    bool failed; /* the array is full: the result is unusable */
};

void der_init(struct der *d, uint8_t *array, size_t size);

/* How much is written: take it before an element's contents, give it to der_wrap after them. */
size_t der_mark(const struct der *d);

/* Puts tag and length before all that was written since mark. */
void der_wrap(struct der *d, uint8_t tag, size_t mark);

void der_bytes(struct der *d, const void *data, size_t n);
void der_byte(struct der *d, uint8_t byte);

/* Complete elements. */
void der_unsigned(struct der *d, const uint8_t *big_endian, size_t n); /* INTEGER, minimal */
void der_small(struct der *d, unsigned value);                         /* INTEGER */
void der_true(struct der *d);
void der_octets(struct der *d, const void *data, size_t n);
void der_bits(struct der *d, const void *data, size_t n, unsigned unused_bits);
void der_string(struct der *d, uint8_t tag, struct slice s);
/* UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). Seconds since 1970. */
void der_time(struct der *d, int64_t seconds);

/* The finished bytes; n is 0 when failed. */
struct slice der_result(const struct der *d);

#endif
