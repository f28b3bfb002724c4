/*
 * The field of P-256: integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, as five signed words of
 * 52 bits and some, in Montgomery's form (a is held as a * 2^260 mod p). Sums and differences are
 * taken word by word and not reduced; "bound" is how many times p a number may be in size, of
 * either sign. Results may be operands. Time and memory accesses are the same for all values.
 *
 * Products of a and b have bound 1 + A * B / 16 for A and B the bounds of a and b, and words below
 * 2^52 but the highest; words of operands must be below 2^55.
 */
#ifndef CRYPTO_FE256_H
#define CRYPTO_FE256_H

#include "crypto/word.h"

#ifdef CRYPTO_WORDS

typedef struct {
    int64_t w[5];
} fe256;

extern const fe256 fe256_one;

static inline void fe256_add(fe256 *r, const fe256 *a, const fe256 *b)
{
    word_add_five(r->w, a->w, b->w);
}

static inline void fe256_sub(fe256 *r, const fe256 *a, const fe256 *b)
{
    word_sub_five(r->w, a->w, b->w);
}

/* -r where the mask is all ones. */
static inline void fe256_negate(fe256 *r, uint64_t mask)
{
    for (size_t i = 0; i < 5; i++)
        r->w[i] = (r->w[i] ^ (int64_t)mask) - (int64_t)mask;
}

void fe256_mul(fe256 *r, const fe256 *a, const fe256 *b);

void fe256_square(fe256 *r, const fe256 *a);

/* Brings the bound down from 64 at most to 1 + 2^-25. */
void fe256_reduce(fe256 *r);

/* 1 / a; zero for zero. Bound 64 at most. */
void fe256_invert(fe256 *r, const fe256 *a);

/* Whether it is zero modulo p, as a mask. Bound 64 at most. */
uint64_t fe256_is_zero(const fe256 *a);

/* A number in Montgomery's form from four words, and the other way below p; bound 64 at most. */
void fe256_unpack(fe256 *r, const uint64_t words[4]);
void fe256_pack(uint64_t words[4], const fe256 *a);

/* Big-endian. A mask: all zeros if the number isn't below p; then r is some element. */
uint64_t fe256_decode(fe256 *r, const uint8_t bytes[32]);
void fe256_encode(uint8_t bytes[32], const fe256 *a);

#endif
#endif
