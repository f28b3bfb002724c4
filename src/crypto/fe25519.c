#include "crypto/fe25519.h"

#ifdef CRYPTO_WORDS

#include "crypto/inverse.h"

#include <string.h>

/* What is called once per multiplication of points isn't worth the size of fast code. */
#define SMALL __attribute__((cold, noinline))

#define BITS 51
#define LOW (((int64_t)1 << BITS) - 1)

/* What is above a word. Not as a shift of both halves, an instruction that is slow on many CPUs. */
static inline int64_t above(word_sum t)
{
    return (int64_t)(((uint64_t)(t >> 64) << (64 - BITS)) + ((uint64_t)t >> BITS));
}

/*
 * Columns as words; what is above 2^255 counts 19 times at the bottom. Each column gives to the
 * next what is above it, all at once, and then each word. With words of operands below 2^53 a
 * column is below 77 * 2^106 in size, and the last one, in which nothing counts 19 times, 5 *
 * 2^106: so what is given fits a word. The second time it is below 2^11, and 19 times the last
 * word's below 2^13.
 */
static inline void carry(fe25519 *r, const word_sum c[5])
{
    int64_t w[5];

#pragma GCC unroll 5
    for (size_t i = 0; i < 5; i++)
        w[i] = ((int64_t)c[i] & LOW) + (i > 0 ? above(c[i - 1]) : 19 * above(c[4]));
#pragma GCC unroll 5
    for (size_t i = 0; i < 5; i++)
        r->w[i] = (w[i] & LOW) + (i > 0 ? w[i - 1] >> BITS : 19 * (w[4] >> BITS));
}

void fe25519_mul(fe25519 *r, const fe25519 *a, const fe25519 *b)
{
    word_sum c[5] = {0};
    int64_t over[5];

#pragma GCC unroll 5
    for (size_t i = 0; i < 5; i++)
        over[i] = 19 * a->w[i];
#pragma GCC unroll 5
    for (size_t k = 0; k < 5; k++)
#pragma GCC unroll 5
        for (size_t i = 0; i < 5; i++)
            c[k] += (word_sum)(i <= k ? a->w[i] : over[i]) * b->w[(k + 5 - i) % 5];
    carry(r, c);
}

void fe25519_square(fe25519 *r, const fe25519 *a)
{
    word_sum c[5] = {0};

#pragma GCC unroll 5
    for (size_t i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (size_t j = i; j < 5; j++)
            c[(i + j) % 5] +=
                (word_sum)(a->w[i] * (i < j ? 2 : 1)) * (a->w[j] * (i + j < 5 ? 1 : 19));
    carry(r, c);
}

void fe25519_mul_small(fe25519 *r, const fe25519 *a, int32_t n)
{
    word_sum c[5];

#pragma GCC unroll 5
    for (size_t i = 0; i < 5; i++)
        c[i] = (word_sum)a->w[i] * n;
    carry(r, c);
}

void fe25519_unpack(fe25519 *r, const uint64_t words[4])
{
    r->w[0] = (int64_t)words[0] & LOW;
    r->w[1] = (int64_t)(words[0] >> 51 | words[1] << 13) & LOW;
    r->w[2] = (int64_t)(words[1] >> 38 | words[2] << 26) & LOW;
    r->w[3] = (int64_t)(words[2] >> 25 | words[3] << 39) & LOW;
    r->w[4] = (int64_t)(words[3] >> 12) & LOW;
}

/* Moves carries up; returns what is above 2^255. */
SMALL static int64_t carry_words(fe25519 *r)
{
    int64_t over = 0;

    for (size_t i = 0; i < 5; i++) {
        r->w[i] += over;
        over = r->w[i] >> BITS;
        r->w[i] &= LOW;
    }
    return over;
}

SMALL void fe25519_pack(uint64_t words[4], const fe25519 *a)
{
    fe25519 t = *a;
    uint64_t w[5];

    /* After the first two rounds it is from 0 to 2^255 + 18, after the third below 2^255. */
    for (int i = 0; i < 3; i++)
        t.w[0] += 19 * carry_words(&t);
    /* Not below p if 19 more is not below 2^255: then p is taken off by adding that. */
    t.w[0] += 19;
    t.w[0] -= 19 * (1 - carry_words(&t));
    (void)carry_words(&t);
    memcpy(w, t.w, sizeof w);
    words[0] = w[0] | w[1] << 51;
    words[1] = w[1] >> 13 | w[2] << 38;
    words[2] = w[2] >> 26 | w[3] << 25;
    words[3] = w[3] >> 39 | w[4] << 12;
}

SMALL void fe25519_invert(fe25519 *r, const fe25519 *a)
{
    static const uint64_t p[4] = {0xffffffffffffffed, UINT64_MAX, UINT64_MAX, UINT64_MAX >> 1};
    uint64_t words[4];

    fe25519_pack(words, a);
    inverse_modulo(words, words, p);
    fe25519_unpack(r, words);
}

#endif
