/*
 * The greatest common divisor by division steps (D. J. Bernstein, B.-Y. Yang, "Fast constant-time
 * gcd computation and modular inversion", 2019). From f = modulus, g = a and delta = 1/2 each step
 * is, exactly:
 *
 *   delta > 0 and g odd    delta, f, g = 1 - delta, g, (g - f) / 2
 *   g odd                  delta, f, g = 1 + delta, f, (g + f) / 2
 *   g even                 delta, f, g = 1 + delta, f, g / 2
 *
 * 590 steps are enough for 256 bits, whatever the numbers (P. Wuille's bound for this delta, which
 * was proved by machine; the paper's delta of 1 needs 741): then g is 0, and f is 1 or -1.
 *
 * What 62 steps do depends on the lowest 62 bits of f and g alone. So they are done on single
 * words, and noted as a matrix which is applied to all of f and g, and to d and e, for which
 * d * a = f and e * a = g modulo the modulus.
 */
#include "crypto/inverse.h"

#ifdef CRYPTO_WORDS

#include "base/secret.h"

#define BITS 62
#define LOW (UINT64_MAX >> 2)
#define ROUNDS 10 /* of 62 steps */

/* Words of 62 bits, but the highest, which has the sign. */
struct number {
    int64_t w[5];
};

/* By which (f, g) is multiplied, and then divided by 2^62. |u| + |v| and |q| + |r| are at most
 * 2^62. */
struct matrix {
    int64_t u, v, q, r;
};

static void unpack(struct number *r, const uint64_t a[4])
{
    for (unsigned i = 0; i < 5; i++) {
        uint64_t low = i > 0 ? a[i - 1] >> (BITS + 2 - 2 * i) : 0;

        r->w[i] = (int64_t)((low | (i < 4 ? a[i] << 2 * i : 0)) & LOW);
    }
}

/* 62 steps. half is -(delta + 1/2). */
static uint64_t step(uint64_t half, uint64_t f, uint64_t g, struct matrix *t)
{
    uint64_t u = 1, v = 0, q = 0, r = 1;

    for (int i = 0; i < BITS; i++) {
        uint64_t positive = word_mask(half >> 63), odd = word_mask(g & 1), swap = positive & odd;

        /* Minus f for a positive delta; if it was that, f + (g - f) is g. */
        g += ((f ^ positive) - positive) & odd;
        q += ((u ^ positive) - positive) & odd;
        r += ((v ^ positive) - positive) & odd;
        f += g & swap;
        u += q & swap;
        v += r & swap;
        half = (half ^ swap) - 1;
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    *t = (struct matrix){(int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r};
    return half;
}

/* x, y = (u x + v y + kx m) / 2^62, (q x + r y + ky m) / 2^62, whose lowest 62 bits are zero. */
static void apply(struct number *x, struct number *y, const struct matrix *t, int64_t kx,
                  int64_t ky, const struct number *m)
{
    word_sum a = 0, b = 0;

    for (size_t i = 0; i < 5; i++) {
        a += (word_sum)t->u * x->w[i] + (word_sum)t->v * y->w[i] + (word_sum)kx * m->w[i];
        b += (word_sum)t->q * x->w[i] + (word_sum)t->r * y->w[i] + (word_sum)ky * m->w[i];
        if (i > 0) {
            x->w[i - 1] = (int64_t)((uint64_t)a & LOW);
            y->w[i - 1] = (int64_t)((uint64_t)b & LOW);
        }
        a >>= BITS;
        b >>= BITS;
    }
    x->w[4] = (int64_t)a;
    y->w[4] = (int64_t)b;
}

/*
 * How many times the modulus is to be added to a d + b e: once for d and e each that is negative,
 * and as often less as makes the lowest 62 bits zero. With d and e from above -2m to below m, so is
 * the 2^62nd part of that.
 */
static int64_t correction(int64_t a, int64_t b, const struct number *d, const struct number *e,
                          uint64_t factor)
{
    uint64_t k =
        ((uint64_t)a & (uint64_t)(d->w[4] >> 63)) + ((uint64_t)b & (uint64_t)(e->w[4] >> 63));
    uint64_t low = (uint64_t)a * (uint64_t)d->w[0] + (uint64_t)b * (uint64_t)e->w[0];

    return (int64_t)(k - ((low * factor + k) & LOW));
}

/* d, or minus d where the mask is all ones, and m where the other is; and moves carries up. */
static void adjust(struct number *d, int64_t minus, int64_t plus, const struct number *m)
{
    int64_t over = 0;

    for (size_t i = 0; i < 5; i++) {
        over += (d->w[i] ^ minus) - minus + (m->w[i] & plus);
        d->w[i] = i < 4 ? over & (int64_t)LOW : over;
        over >>= BITS;
    }
}

void inverse_modulo(uint64_t r[4], const uint64_t a[4], const uint64_t modulus[4])
{
    struct number m, f, g, d = {{0}}, e = {{1}};
    struct matrix t;
    uint64_t half = UINT64_MAX, factor = (3 * modulus[0]) ^ 2; /* 1 / m modulo 2^5 */

    for (int i = 0; i < 4; i++) /* …2^10, 2^20, 2^40, 2^80 */
        factor *= 2 - modulus[0] * factor;
    unpack(&m, modulus);
    unpack(&g, a);
    f = m;
    for (int i = 0; i < ROUNDS; i++) {
        half = step(half, (uint64_t)f.w[0], (uint64_t)g.w[0], &t);
        apply(&d, &e, &t, correction(t.u, t.v, &d, &e, factor),
              correction(t.q, t.r, &d, &e, factor), &m);
        apply(&f, &g, &t, 0, 0, &m);
    }
    /* d is from above -2m to below m; then, of either sign, in size below m. */
    adjust(&d, 0, d.w[4] >> 63, &m);
    adjust(&d, f.w[4] >> 63, 0, &m);
    adjust(&d, 0, d.w[4] >> 63, &m);
    for (unsigned i = 0; i < 4; i++)
        r[i] = (uint64_t)d.w[i] >> 2 * i | (uint64_t)d.w[i + 1] << (BITS - 2 * i);
    secret_wipe(&d, sizeof d);
    secret_wipe(&t, sizeof t);
}

#endif
