#include "crypto/c25519.h"

#ifdef CRYPTO_WORDS

#include "base/secret.h"
#include "crypto/fe25519.h"

#include <stdbool.h>
#include <string.h>

/* RFC 7748 section 5. */
static bool decode_scalar(uint64_t k[4], const uint8_t *bytes, size_t n)
{
    uint8_t clamped[32] = {0};

    if (n > sizeof clamped)
        return false;
    if (n > 0)
        memcpy(clamped, bytes, n);
    clamped[0] &= 0xf8;
    clamped[31] = (clamped[31] & 0x7f) | 0x40;
    word_from_little_endian(k, clamped);
    secret_wipe(clamped, sizeof clamped);
    return true;
}

/* r = a / b as words, below p */
static void divide(uint64_t r[4], const fe25519 *a, const fe25519 *b)
{
    fe25519 t;

    fe25519_invert(&t, b);
    fe25519_mul(&t, &t, a);
    fe25519_pack(r, &t);
}

static void swap(fe25519 *a, fe25519 *b, uint64_t mask)
{
    for (size_t i = 0; i < 5; i++) {
        int64_t t = (int64_t)mask & (a->w[i] ^ b->w[i]);

        a->w[i] ^= t;
        b->w[i] ^= t;
    }
}

/* The Montgomery ladder, with the names of RFC 7748 section 5. */
uint32_t c25519_mul(uint8_t *point, size_t size, const uint8_t *scalar, size_t n)
{
    uint64_t k[4], u[4], swapped = 0;
    fe25519 x1, x2 = {{1}}, z2 = {{0}}, x3, z3 = {{1}}, a, b, c, d;

    if (size != 32 || !decode_scalar(k, scalar, n))
        return 0;
    word_from_little_endian(u, point);
    fe25519_unpack(&x1, u);
    x3 = x1;
    for (unsigned t = 255; t-- > 0;) {
        uint64_t bit = word_mask(k[t / 64] >> t % 64 & 1);

        swap(&x2, &x3, swapped ^ bit);
        swap(&z2, &z3, swapped ^ bit);
        swapped = bit;
        fe25519_add(&a, &x2, &z2);
        fe25519_sub(&b, &x2, &z2);
        fe25519_add(&c, &x3, &z3);
        fe25519_sub(&d, &x3, &z3);
        fe25519_mul(&d, &d, &a);
        fe25519_mul(&c, &c, &b);
        fe25519_add(&x3, &d, &c);
        fe25519_square(&x3, &x3);
        fe25519_sub(&z3, &d, &c);
        fe25519_square(&z3, &z3);
        fe25519_mul(&z3, &z3, &x1);
        fe25519_square(&a, &a); /* AA */
        fe25519_square(&b, &b); /* BB */
        fe25519_mul(&x2, &a, &b);
        fe25519_sub(&b, &a, &b); /* E */
        fe25519_mul_small(&z2, &b, 121665);
        fe25519_add(&z2, &z2, &a);
        fe25519_mul(&z2, &z2, &b);
    }
    swap(&x2, &x3, swapped);
    swap(&z2, &z3, swapped);
    divide(u, &x2, &z2);
    word_to_little_endian(point, u);
    secret_wipe(k, sizeof k);
    return ~(uint32_t)word_is_zero(u[0] | u[1] | u[2] | u[3]) & 1;
}

/* ---- multiples of the base point ----------------------------------------------------------- */

/*
 * On the curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032), to which Curve25519 is birationally
 * equivalent: u = (1 + y) / (1 - y). Extended coordinates: x = X / Z, y = Y / Z, T = X Y / Z. Their
 * addition is complete: -1 is a square modulo p, and d isn't.
 */
struct point {
    fe25519 x, y, z, t;
};

/* The four products with which both addition and doubling end. */
static void finish(struct point *r, const fe25519 *e, const fe25519 *f, const fe25519 *g,
                   const fe25519 *h)
{
    fe25519_mul(&r->x, e, f);
    fe25519_mul(&r->y, g, h);
    fe25519_mul(&r->z, f, g);
    fe25519_mul(&r->t, e, h);
}

static void twice(struct point *r)
{
    static const fe25519 zero;
    fe25519 a, b, e, f, g, h;

    fe25519_square(&a, &r->x);
    fe25519_square(&b, &r->y);
    fe25519_square(&f, &r->z);
    fe25519_add(&e, &r->x, &r->y);
    fe25519_square(&e, &e);
    fe25519_add(&h, &a, &b);
    fe25519_sub(&e, &e, &h);
    fe25519_sub(&h, &zero, &h);
    fe25519_sub(&g, &b, &a);
    fe25519_sub(&a, &g, &f);
    fe25519_sub(&f, &a, &f);
    finish(r, &e, &f, &g, &h);
}

/* Adds a table's multiple for the column. */
static void add_column(struct point *r, unsigned table, const uint64_t signs[5], unsigned column)
{
    uint64_t packed[12];
    fe25519 sum, difference, product, e, f, g, h;
    uint64_t minus,
        index = word_digit(signs, C25519_COMB_ROWS * C25519_COMB_COLUMNS * table + column,
                           C25519_COMB_COLUMNS, C25519_COMB_ROWS, &minus);

    word_lookup(packed, c25519_comb[table], C25519_COMB_ENTRIES, 12, index);
    fe25519_unpack(&sum, packed);
    fe25519_unpack(&difference, packed + 4);
    fe25519_unpack(&product, packed + 8);
    /* Minus a point is x turned to -x. */
    swap(&sum, &difference, minus);
    fe25519_sub(&e, &r->y, &r->x);
    fe25519_mul(&e, &e, &difference);
    fe25519_add(&h, &r->y, &r->x);
    fe25519_mul(&h, &h, &sum);
    fe25519_mul(&sum, &r->t, &product);
    fe25519_add(&product, &r->z, &r->z);
    fe25519_sub(&f, &product, &sum);
    fe25519_add(&g, &product, &sum);
    swap(&f, &g, minus);
    fe25519_sub(&difference, &h, &e);
    fe25519_add(&h, &h, &e);
    finish(r, &difference, &f, &g, &h);
}

size_t c25519_mulgen(uint8_t *point, const uint8_t *scalar, size_t n)
{
    /* The base point's order: odd, where clamped scalars are even. */
    static const uint64_t order[4] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0,
                                      0x1000000000000000};
    struct point r = {.y = {{1}}, .z = {{1}}};
    uint64_t k[4], signs[5];

    if (!decode_scalar(k, scalar, n))
        return 0;
    (void)word_add_four(k, k, order);
    word_signs(signs, k, C25519_COMB_TABLES * C25519_COMB_ROWS * C25519_COMB_COLUMNS - 1);
    for (unsigned column = C25519_COMB_COLUMNS; column-- > 0;) {
        twice(&r);
        for (unsigned table = 0; table < C25519_COMB_TABLES; table++)
            add_column(&r, table, signs, column);
    }
    fe25519_add(&r.x, &r.z, &r.y);
    fe25519_sub(&r.z, &r.z, &r.y);
    divide(k, &r.x, &r.z);
    word_to_little_endian(point, k);
    secret_wipe(k, sizeof k);
    secret_wipe(signs, sizeof signs);
    return 32;
}

#endif
