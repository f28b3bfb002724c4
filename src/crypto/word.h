/*
 * Words of 64 bits, their products and masks, for arithmetic whose time and memory accesses tell
 * nothing of its operands. A mask is all ones or all zeros. Only where the compiler has integers of
 * 128 bits: elsewhere CRYPTO_WORDS is not defined, and the rooms of arithmetic are empty.
 */
#ifndef CRYPTO_WORD_H
#define CRYPTO_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SIZEOF_INT128__
#define CRYPTO_WORDS 1

#ifdef __x86_64__
#include <immintrin.h>
#endif

typedef unsigned __int128 word_product;
typedef __int128 word_sum; /* of signed products */

/*
 * a + b + *carry and a - b - *borrow, where these are 0 or 1 and become what is carried on. In a
 * row they are one instruction each: on x86-64 if the compiler is told so, as it doesn't see it.
 */
typedef unsigned char word_carry;

#ifdef __x86_64__
static inline uint64_t word_add(uint64_t a, uint64_t b, word_carry *carry)
{
    unsigned long long sum;

    *carry = _addcarry_u64(*carry, a, b, &sum);
    return sum;
}

static inline uint64_t word_sub(uint64_t a, uint64_t b, word_carry *borrow)
{
    unsigned long long difference;

    *borrow = _subborrow_u64(*borrow, a, b, &difference);
    return difference;
}
#else
static inline uint64_t word_add(uint64_t a, uint64_t b, word_carry *carry)
{
    word_product sum = (word_product)a + b + *carry;

    *carry = (word_carry)(sum >> 64);
    return (uint64_t)sum;
}

static inline uint64_t word_sub(uint64_t a, uint64_t b, word_carry *borrow)
{
    word_product difference = (word_product)a - b - *borrow;

    *borrow = (word_carry)(difference >> 64 & 1);
    return (uint64_t)difference;
}
#endif

/* All ones for 1, all zeros for 0. The compiler can't know, and so can't make a branch of it. */
static inline uint64_t word_mask(uint64_t bit)
{
    uint64_t mask = 0 - bit;

    __asm__("" : "+r"(mask));
    return mask;
}

/* All ones if x is zero. */
static inline uint64_t word_is_zero(uint64_t x)
{
    return word_mask((~x & (x - 1)) >> 63);
}

/* r becomes a where the mask is all ones, and stays where it is all zeros. */
static inline void word_select(void *r, const void *a, size_t words, uint64_t mask)
{
    uint64_t *to = r;
    const uint64_t *from = a;

    for (size_t i = 0; i < words; i++)
        to[i] ^= mask & (to[i] ^ from[i]);
}

/* Copies one of a table's entries of so many words, a multiple of 4, and reads them all. */
void word_lookup(void *r, const void *table, size_t entries, size_t words, uint64_t index);

/* Numbers of 256 bits as four words, the lowest first. */
void word_from_big_endian(uint64_t r[4], const uint8_t bytes[32]);
void word_to_big_endian(uint8_t bytes[32], const uint64_t a[4]);
void word_from_little_endian(uint64_t r[4], const uint8_t bytes[32]);
void word_to_little_endian(uint8_t bytes[32], const uint64_t a[4]);

/* r = a + b, a - b; the carry or borrow, 0 or 1. r may be an operand. */
static inline uint64_t word_add_four(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    word_carry carry = 0;

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        r[i] = word_add(a[i], b[i], &carry);
    return carry;
}

static inline uint64_t word_sub_four(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    word_carry borrow = 0;

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        r[i] = word_sub(a[i], b[i], &borrow);
    return borrow;
}

/* Signed words, one by one, with no carries. r may be an operand. */
void word_add_five(int64_t r[5], const int64_t a[5], const int64_t b[5]);
void word_sub_five(int64_t r[5], const int64_t a[5], const int64_t b[5]);

/*
 * The digits of a comb. An odd number k below 2^256 is a sum of +-2^i with no gap, i from 0 to some
 * top: sign i is bit i + 1 of k, or plus for the top. word_signs makes these bits, as ones for
 * plus; top is at most 319.
 */
void word_signs(uint64_t signs[5], const uint64_t k[4], unsigned top);

/*
 * Of signs at, at + step and so on, the last of which (the count-th) gives the sign of all: its
 * mask (all ones for minus) goes to *minus, and the index of the others relative to it is returned.
 */
uint64_t word_digit(const uint64_t signs[5], unsigned at, unsigned step, unsigned count,
                    uint64_t *minus);

#endif
#endif
