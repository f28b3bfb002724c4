#include "crypto/fe256.h"

#ifdef CRYPTO_WORDS

#include "crypto/inverse.h"

#include <string.h>

/* What is called once per multiplication of points isn't worth the size of fast code. */
#define SMALL __attribute__((cold, noinline))

#define BITS 52
#define LOW (((int64_t)1 << BITS) - 1)

/* p's words; the lowest is -1 modulo 2^52, which makes Montgomery's factor the lowest word itself.
 */
#define P1 (((int64_t)1 << 44) - 1)
#define P3 ((int64_t)1 << 36)
#define P4 (((int64_t)1 << 48) - ((int64_t)1 << 16))
static const fe256 p = {{LOW, P1, 0, P3, P4}};

/* 2^260 mod p, and its square. */
const fe256 fe256_one = {{0x10, 0xf000000000000, 0xfffffffffffff, 0xffeffffffffff, 0xfffff}};
static const fe256 square_of_one = {
    {0x300, 0xffffffff00000, 0xffffefffffffb, 0xfdfffffffffff, 0x4ffffff}};

/*
 * One round of r = a * b / 2^260 mod p: adds a word's product to the columns, and m * p to make
 * column 0 a multiple of 2^52, whose carry goes to the next one. p + 1 is 2^44 in word 1.
 */
static inline void reduce_column(word_sum c[6])
{
    int64_t m = (int64_t)c[0] & LOW;

    c[1] += (word_sum)m * (P1 + 1) + (int64_t)(c[0] >> BITS);
    c[3] += (word_sum)m * P3;
    c[4] += (word_sum)m * P4;
}

/* The columns 5 to 9 as words. */
static inline void carry(fe256 *r, const word_sum c[5])
{
    word_sum t = c[0];

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        r->w[i] = (int64_t)t & LOW;
        t = c[i + 1] + (int64_t)(t >> BITS);
    }
    r->w[4] = (int64_t)t;
}

void fe256_mul(fe256 *r, const fe256 *a, const fe256 *b)
{
    word_sum c[10] = {0};

#pragma GCC unroll 5
    for (size_t i = 0; i < 5; i++) {
#pragma GCC unroll 5
        for (size_t j = 0; j < 5; j++)
            c[i + j] += (word_sum)a->w[i] * b->w[j];
        reduce_column(c + i);
    }
    carry(r, c + 5);
}

/* A square's products are fewer, but it was no faster for that. */
void fe256_square(fe256 *r, const fe256 *a)
{
    fe256_mul(r, a, a);
}

/* 2^256 = 2^224 - 2^192 - 2^96 + 1 mod p. */
void fe256_reduce(fe256 *r)
{
    int64_t above = r->w[4] >> 48;

    r->w[4] = (r->w[4] & (((int64_t)1 << 48) - 1)) + above * (1 << 16);
    r->w[3] -= above * P3;
    r->w[1] -= above * (P1 + 1);
    r->w[0] += above;
}

/* Moves carries up, so that all words but the highest are from 0 to 2^52 - 1. */
SMALL static void carry_words(fe256 *r)
{
    for (size_t i = 0; i < 4; i++) {
        r->w[i + 1] += r->w[i] >> BITS;
        r->w[i] &= LOW;
    }
}

/* From 0 to p - 1. */
SMALL static void freeze(fe256 *r)
{
    fe256 less;

    /* From below -2^-25 * p to above 2^256: once up if negative, once down if not below p. */
    carry_words(r);
    fe256_reduce(r);
    carry_words(r);
    fe256_add(&less, r, &p);
    carry_words(&less);
    word_select(r, &less, 5, word_mask((uint64_t)r->w[4] >> 63));
    fe256_sub(&less, r, &p);
    carry_words(&less);
    word_select(r, &less, 5, ~word_mask((uint64_t)less.w[4] >> 63));
}

SMALL uint64_t fe256_is_zero(const fe256 *a)
{
    fe256 t = *a;

    freeze(&t);
    return word_is_zero((uint64_t)(t.w[0] | t.w[1] | t.w[2] | t.w[3] | t.w[4]));
}

void fe256_unpack(fe256 *r, const uint64_t words[4])
{
    r->w[0] = (int64_t)words[0] & LOW;
    r->w[1] = (int64_t)(words[0] >> 52 | words[1] << 12) & LOW;
    r->w[2] = (int64_t)(words[1] >> 40 | words[2] << 24) & LOW;
    r->w[3] = (int64_t)(words[2] >> 28 | words[3] << 36) & LOW;
    r->w[4] = (int64_t)(words[3] >> 16);
}

SMALL void fe256_pack(uint64_t words[4], const fe256 *a)
{
    fe256 t = *a;
    uint64_t w[5];

    freeze(&t);
    memcpy(w, t.w, sizeof w);
    words[0] = w[0] | w[1] << 52;
    words[1] = w[1] >> 12 | w[2] << 40;
    words[2] = w[2] >> 24 | w[3] << 28;
    words[3] = w[3] >> 36 | w[4] << 16;
}

SMALL void fe256_invert(fe256 *r, const fe256 *a)
{
    static const uint64_t modulus[4] = {UINT64_MAX, UINT64_MAX >> 32, 0, 0xffffffff00000001};
    uint64_t words[4];

    fe256_pack(words, a);
    inverse_modulo(words, words, modulus);
    fe256_unpack(r, words);
    /* That was divided by Montgomery's factor, which is to be in it. */
    fe256_mul(r, r, &square_of_one);
    fe256_mul(r, r, &square_of_one);
}

SMALL uint64_t fe256_decode(fe256 *r, const uint8_t bytes[32])
{
    uint64_t words[4], canonical[4], differs = 0;

    word_from_big_endian(words, bytes);
    fe256_unpack(r, words);
    fe256_pack(canonical, r);
    for (size_t i = 0; i < 4; i++)
        differs |= words[i] ^ canonical[i];
    fe256_mul(r, r, &square_of_one);
    return word_is_zero(differs);
}

SMALL void fe256_encode(uint8_t bytes[32], const fe256 *a)
{
    static const fe256 one = {{1, 0, 0, 0, 0}};
    uint64_t words[4];
    fe256 t;

    fe256_mul(&t, a, &one);
    fe256_pack(words, &t);
    word_to_big_endian(bytes, words);
}

#endif
