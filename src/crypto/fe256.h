/*
 * The field of P-256: integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, as four words, always
 * below p, in Montgomery's form (a is held as a * 2^256 mod p). Results may be operands. Time and
 * memory accesses are the same for all values.
 */
#ifndef CRYPTO_FE256_H
#define CRYPTO_FE256_H

#include "crypto/word.h"

#ifdef CRYPTO_WORDS

typedef struct {
    uint64_t w[4];
} fe256;

extern const fe256 fe256_one;

void fe256_add(fe256 *r, const fe256 *a, const fe256 *b);
void fe256_sub(fe256 *r, const fe256 *a, const fe256 *b);
void fe256_mul(fe256 *r, const fe256 *a, const fe256 *b);
void fe256_square(fe256 *r, const fe256 *a);

/* -r where the mask is all ones. */
void fe256_negate(fe256 *r, uint64_t mask);

/* 1 / a; zero for zero. */
void fe256_invert(fe256 *r, const fe256 *a);

/* Whether it is zero, as a mask. */
uint64_t fe256_is_zero(const fe256 *a);

/* Big-endian. A mask: all zeros if the number isn't below p; then r is some element. */
uint64_t fe256_decode(fe256 *r, const uint8_t bytes[32]);
void fe256_encode(uint8_t bytes[32], const fe256 *a);

#endif
#endif
