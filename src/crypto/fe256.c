#include "crypto/fe256.h"

#ifdef CRYPTO_WORDS

#include "crypto/inverse.h"

/* What is called once per multiplication of points isn't worth the size of fast code. */
#define SMALL __attribute__((cold, noinline))

/* p's words: the lowest is -1 modulo 2^64, which makes Montgomery's factor the lowest word itself.
 */
#define P1 0xffffffff
#define P3 0xffffffff00000001
static const fe256 p = {{UINT64_MAX, P1, 0, P3}};

/* 2^256 mod p, and its square. */
const fe256 fe256_one = {{1, 0xffffffff00000000, UINT64_MAX, 0xfffffffe}};
static const fe256 square_of_one = {{3, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x4fffffffd}};

/* The compiler is to have it before a row of carries begins, which it would interrupt. */
#define READY(x) __asm__("" : "+r"(x))

/* r = a, and p where the mask is all ones. */
static inline void add_p(fe256 *r, const uint64_t a[4], uint64_t mask)
{
    uint64_t mask1 = mask & P1, mask3 = mask & P3;
    word_carry carry = 0;

    READY(mask1);
    READY(mask3);
    r->w[0] = word_add(a[0], mask, &carry);
    r->w[1] = word_add(a[1], mask1, &carry);
    r->w[2] = word_add(a[2], 0, &carry);
    r->w[3] = word_add(a[3], mask3, &carry);
}

/* r = a + top * 2^256, which is below 2p, modulo p. */
static inline void reduce(fe256 *r, const uint64_t a[4], uint64_t top)
{
    uint64_t less[4];
    word_carry borrow = (word_carry)word_sub_four(less, a, p.w);

    (void)word_sub(top, 0, &borrow);
    add_p(r, less, word_mask(borrow));
}

void fe256_add(fe256 *r, const fe256 *a, const fe256 *b)
{
    uint64_t sum[4], carry = word_add_four(sum, a->w, b->w);

    reduce(r, sum, carry);
}

void fe256_sub(fe256 *r, const fe256 *a, const fe256 *b)
{
    uint64_t difference[4], borrow = word_sub_four(difference, a->w, b->w);

    add_p(r, difference, word_mask(borrow));
}

/* t = t + a * b; the sum must be below 2^320. */
static inline void add_product(uint64_t t[5], uint64_t a, const fe256 *b)
{
#ifdef __x86_64__
    word_product product[4];
    word_carry carry = 0;

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        product[i] = (word_product)a * b->w[i];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        t[i] = word_add(t[i], (uint64_t)product[i], &carry);
    t[4] += carry;
    carry = 0;
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        t[i + 1] = word_add(t[i + 1], (uint64_t)(product[i] >> 64), &carry);
#else
    uint64_t above = 0;

    /* Where a carry is no operand of additions, those of two words are the better ones. */
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        word_product sum = (word_product)a * b->w[i] + t[i] + above;

        t[i] = (uint64_t)sum;
        above = (uint64_t)(sum >> 64);
    }
    t[4] += above;
#endif
}

/*
 * t = t + m * p, with which the lowest word becomes zero (and is left as it is, for nobody looks at
 * it): p is 2^96 - 1, and P3 * 2^192.
 */
static inline void clear_lowest(uint64_t t[6])
{
    uint64_t m = t[0], low = m << 32, high = m >> 32;
    word_product product = (word_product)m * P3;
    word_carry carry = 0;

    READY(low);
    READY(high);
    t[1] = word_add(t[1], low, &carry);
    t[2] = word_add(t[2], high, &carry);
    t[3] = word_add(t[3], (uint64_t)product, &carry);
    t[4] = word_add(t[4], (uint64_t)(product >> 64), &carry);
    t[5] += carry;
}

/* Before each product is added, the words of t from there on are below 2p. */
void fe256_mul(fe256 *r, const fe256 *a, const fe256 *b)
{
    uint64_t t[9] = {0};

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        add_product(t + i, a->w[i], b);
        clear_lowest(t + i);
    }
    reduce(r, t + 4, t[8]);
}

void fe256_square(fe256 *r, const fe256 *a)
{
#ifdef __x86_64__
    const uint64_t *w = a->w;
    word_product w01 = (word_product)w[0] * w[1], w02 = (word_product)w[0] * w[2],
                 w03 = (word_product)w[0] * w[3], w12 = (word_product)w[1] * w[2],
                 w13 = (word_product)w[1] * w[3], w23 = (word_product)w[2] * w[3];
    uint64_t t[9] = {0}, high[4];
    word_carry carry = 0;

    /* What occurs twice in the square. */
    t[1] = (uint64_t)w01;
    t[2] = word_add((uint64_t)w02, (uint64_t)(w01 >> 64), &carry);
    t[3] = word_add((uint64_t)w03, (uint64_t)(w02 >> 64), &carry);
    t[4] = word_add((uint64_t)w13, (uint64_t)(w03 >> 64), &carry);
    t[5] = word_add((uint64_t)w23, (uint64_t)(w13 >> 64), &carry);
    t[6] = (uint64_t)(w23 >> 64) + carry;
    carry = 0;
    t[3] = word_add(t[3], (uint64_t)w12, &carry);
    t[4] = word_add(t[4], (uint64_t)(w12 >> 64), &carry);
    t[5] = word_add(t[5], 0, &carry);
    t[6] += carry;
    carry = 0;
#pragma GCC unroll 6
    for (size_t i = 1; i < 7; i++)
        t[i] = word_add(t[i], t[i], &carry);
    t[7] = carry;
    carry = 0;
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        word_product product = (word_product)w[i] * w[i];

        t[2 * i] = word_add(t[2 * i], (uint64_t)product, &carry);
        t[2 * i + 1] = word_add(t[2 * i + 1], (uint64_t)(product >> 64), &carry);
    }
    /* The upper half waits, so that no carry goes through it. */
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        high[i] = t[i + 4];
        t[i + 4] = 0;
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        clear_lowest(t + i);
    reduce(r, high, word_add_four(high, high, t + 4));
#else
    fe256_mul(r, a, a); /* fewer products, but more carries, would be slower */
#endif
}

void fe256_negate(fe256 *r, uint64_t mask)
{
    static const fe256 zero;
    fe256 minus;

    fe256_sub(&minus, &zero, r);
    word_select(r, &minus, 4, mask);
}

uint64_t fe256_is_zero(const fe256 *a)
{
    return word_is_zero(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}

/* The inverse of a * 2^256 lacks that factor twice, for the product with a to have it once. */
SMALL void fe256_invert(fe256 *r, const fe256 *a)
{
    inverse_modulo(r->w, a->w, p.w);
    fe256_mul(r, r, &square_of_one);
    fe256_mul(r, r, &square_of_one);
}

SMALL uint64_t fe256_decode(fe256 *r, const uint8_t bytes[32])
{
    fe256 less;
    uint64_t below;

    word_from_big_endian(r->w, bytes);
    below = word_mask(word_sub_four(less.w, r->w, p.w));
    fe256_mul(r, r, &square_of_one);
    return below;
}

SMALL void fe256_encode(uint8_t bytes[32], const fe256 *a)
{
    static const fe256 one = {{1}};
    fe256 t;

    fe256_mul(&t, a, &one);
    word_to_big_endian(bytes, t.w);
}

#endif
