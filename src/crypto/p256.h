/*
 * NIST P-256 (FIPS 186-4, D.1.2.3) for BearSSL's br_ec_impl. Points are uncompressed, 65 bytes;
 * scalars big-endian, of any length. What is refused: points that aren't on the curve or written
 * otherwise, scalars that are zero or not below the order. For points that are accepted, time and
 * memory accesses depend on the scalars' lengths alone, whatever points and scalars are.
 */
#ifndef CRYPTO_P256_H
#define CRYPTO_P256_H

#include "crypto/word.h"

#ifdef CRYPTO_WORDS

/* The order of the curve's points, a prime. */
extern const uint64_t p256_order[4];

/* The comb of multiples of the generator: COMB_TABLES of COMB_ENTRIES points, x and y each. */
#define P256_COMB_TABLES 2
#define P256_COMB_ROWS 5
#define P256_COMB_COLUMNS 26
#define P256_COMB_ENTRIES (1 << (P256_COMB_ROWS - 1))

/*
 * Made by tools/curves.c at build time: coordinates as fe256 holds them. Row r of table t
 * stands for 2^(COLUMNS * (ROWS * t + r)); entry i has the last row's, plus the others' where bit r
 * of i is set, minus where not.
 */
extern const uint64_t p256_comb[P256_COMB_TABLES][P256_COMB_ENTRIES][8];

/* Point times scalar, in place. 1, or 0 if either is refused; then the point is left as it was, or
 * is not a useful one. */
uint32_t p256_mul(uint8_t *point, size_t size, const uint8_t *scalar, size_t n);

/* The generator times a scalar: 65, or 0 if the scalar is refused. */
size_t p256_mulgen(uint8_t *point, const uint8_t *scalar, size_t n);

/* a = x * a + y * b; b NULL stands for the generator. 0 if anything is refused, or the sum is the
 * point at infinity. */
uint32_t p256_muladd(uint8_t *a, const uint8_t *b, size_t size, const uint8_t *x, size_t nx,
                     const uint8_t *y, size_t ny);

/* A scalar as four words; a mask: all zeros if it is refused. */
uint64_t p256_scalar(uint64_t k[4], const uint8_t *bytes, size_t n);

#endif
#endif
