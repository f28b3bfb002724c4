/*
 * The field of Curve25519: integers modulo p = 2^255 - 19, as five signed words of 51 bits and
 * some. Sums and differences are taken word by word and not reduced: words of operands of products
 * must be below 2^53 in size; those of results are below 2^51 + 2^13, none below -2^13. Results may
 * be operands. Time and memory accesses are the same for all values.
 */
#ifndef CRYPTO_FE25519_H
#define CRYPTO_FE25519_H

#include "crypto/word.h"

#ifdef CRYPTO_WORDS

typedef struct {
    int64_t w[5];
} fe25519;

static inline void fe25519_add(fe25519 *r, const fe25519 *a, const fe25519 *b)
{
    word_add_five(r->w, a->w, b->w);
}

static inline void fe25519_sub(fe25519 *r, const fe25519 *a, const fe25519 *b)
{
    word_sub_five(r->w, a->w, b->w);
}

void fe25519_mul(fe25519 *r, const fe25519 *a, const fe25519 *b);

void fe25519_square(fe25519 *r, const fe25519 *a);

/* r = a * n, n below 2^20. */
void fe25519_mul_small(fe25519 *r, const fe25519 *a, int32_t n);

/* 1 / a; zero for zero. */
void fe25519_invert(fe25519 *r, const fe25519 *a);

/* Four words, of which the uppermost bit is passed over (RFC 7748 section 5), and the other way:
 * then below p. */
void fe25519_unpack(fe25519 *r, const uint64_t words[4]);
void fe25519_pack(uint64_t words[4], const fe25519 *a);

#endif
#endif
