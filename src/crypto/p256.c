/*
 * Points are in Jacobian coordinates (x = X / Z^2, y = Y / Z^3), Z = 0 at infinity, on
 * y^2 = x^3 - 3x + b. Their addition is wrong where both points are equal or one is at infinity;
 * that this can't happen is shown here, and where it can, add_complete is taken.
 *
 * A scalar k is made odd first: n - k is taken for even k, and the result negated; n, the order, is
 * odd. An odd number is a sum of +-2^i for all i up to a top (word_signs).
 *
 * multiply: four signs are a digit, odd, from -15 to 15. What was accumulated before digit i is
 * added is 16 times an odd number of at least 1, and at most k / 16^i + 16. So it is larger than
 * any digit, and for i > 0 so far below n that equality modulo n would be equality.
 *
 * multiply_generator: signs are in rows of 26, columns are added from the left, in each a point of
 * both tables. What was accumulated, A, is always odd or even where the multiple of the generator
 * that is added, T, is the other: A is doubled before table 0, whose multiples are odd, and odd
 * after; those of table 1 are even. |T| is below 2^236. A is k / 2^i for column i, give or take
 * 2^237, thus for i > 0 again A = +-T modulo n would be equality; A isn't 0 either, as it is odd,
 * or twice an odd number.
 *
 * For the last digit and the last column add_complete is used.
 */
#include "crypto/p256.h"

#ifdef CRYPTO_WORDS

#include "base/secret.h"
#include "crypto/fe256.h"

#include <string.h>

/* Multiples of a point in a table. */
#define WINDOW 4
#define MULTIPLES (1 << (WINDOW - 1))
#define DIGITS (256 / WINDOW)

struct point {
    fe256 x, y, z;
};
#define POINT_WORDS (sizeof(struct point) / 8)

const uint64_t p256_order[4] = {0xf3b9cac2fc632551, 0xbce6faada7179e84, UINT64_MAX,
                                0xffffffff00000000};

/* b of the curve's equation. */
static const fe256 curve_b = {
    {0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834}};

uint64_t p256_scalar(uint64_t k[4], const uint8_t *bytes, size_t n)
{
    uint8_t padded[32] = {0}, above = 0;
    uint64_t less[4], below;

    for (; n > 32; n--)
        above |= *bytes++;
    if (n > 0)
        memcpy(padded + 32 - n, bytes, n);
    word_from_big_endian(k, padded);
    secret_wipe(padded, sizeof padded);
    below = word_mask(word_sub_four(less, k, p256_order));
    return below & word_is_zero(above) & ~word_is_zero(k[0] | k[1] | k[2] | k[3]);
}

/* ---- points -------------------------------------------------------------------------------- */

static void twice(struct point *r, const struct point *a)
{
    fe256 m, s, t, u;

    fe256_square(&t, &a->z);
    fe256_sub(&m, &a->x, &t);
    fe256_add(&t, &a->x, &t);
    fe256_mul(&m, &m, &t);
    fe256_add(&t, &m, &m);
    fe256_add(&m, &m, &t); /* m = 3 (x + z^2) (x - z^2) */

    fe256_mul(&t, &a->y, &a->z);
    fe256_square(&u, &a->y);
    fe256_add(&r->z, &t, &t);

    fe256_add(&u, &u, &u);
    fe256_mul(&s, &a->x, &u);
    fe256_add(&s, &s, &s); /* s = 4 x y^2 */
    fe256_square(&u, &u);
    fe256_add(&u, &u, &u); /* u = 8 y^4 */
    fe256_square(&t, &m);
    fe256_sub(&t, &t, &s);
    fe256_sub(&r->x, &t, &s);
    fe256_sub(&s, &s, &r->x);
    fe256_mul(&t, &s, &m);
    fe256_sub(&r->y, &t, &u);
}

/*
 * r = a + b, for different points none of which is at infinity; at infinity if b = -a. Affine: b's
 * z is one. A mask: all ones where the points' x and y are equal.
 */
static uint64_t add(struct point *r, const struct point *a, const struct point *b, bool affine)
{
    fe256 h, w, t, u, v, s, z = a->z;

    fe256_square(&t, &a->z);
    fe256_mul(&h, &b->x, &t);
    fe256_mul(&t, &t, &a->z);
    fe256_mul(&w, &b->y, &t);
    u = a->x;
    s = a->y;
    if (!affine) {
        fe256_square(&t, &b->z);
        fe256_mul(&u, &u, &t);
        fe256_mul(&t, &t, &b->z);
        fe256_mul(&s, &s, &t);
        fe256_mul(&z, &z, &b->z);
    }
    fe256_sub(&h, &h, &u);
    fe256_sub(&w, &w, &s);
    fe256_mul(&r->z, &z, &h);
    fe256_square(&t, &h);
    fe256_mul(&v, &u, &t);
    fe256_mul(&u, &h, &t);
    fe256_square(&t, &w);
    fe256_sub(&t, &t, &u);
    fe256_sub(&t, &t, &v);
    fe256_sub(&r->x, &t, &v);
    fe256_sub(&v, &v, &r->x);
    fe256_mul(&v, &v, &w);
    fe256_mul(&s, &s, &u);
    fe256_sub(&r->y, &v, &s);
    return fe256_is_zero(&h) & fe256_is_zero(&w);
}

/* r = a + b for any two points. */
static void add_complete(struct point *r, const struct point *a, const struct point *b)
{
    struct point sum, doubled;
    uint64_t equal = add(&sum, a, b, false);

    twice(&doubled, a);
    word_select(&sum, &doubled, POINT_WORDS, equal);
    word_select(&sum, b, POINT_WORDS, fe256_is_zero(&a->z));
    word_select(&sum, a, POINT_WORDS, fe256_is_zero(&b->z));
    *r = sum;
}

/* Uncompressed, which alone RFC 8422 section 5.1.1 allows. */
static bool decode(struct point *r, const uint8_t *bytes, size_t size)
{
    fe256 t, u;
    uint64_t good;

    if (size != 65 || bytes[0] != 4)
        return false;
    good = fe256_decode(&r->x, bytes + 1) & fe256_decode(&r->y, bytes + 33);
    r->z = fe256_one;
    /* x^3 - 3x + b - y^2 */
    fe256_square(&t, &r->x);
    fe256_mul(&t, &t, &r->x);
    for (int i = 0; i < 3; i++)
        fe256_sub(&t, &t, &r->x);
    fe256_add(&t, &t, &curve_b);
    fe256_square(&u, &r->y);
    fe256_sub(&t, &t, &u);
    return (good & fe256_is_zero(&t)) != 0;
}

static void encode(uint8_t bytes[65], const struct point *a)
{
    fe256 inverse, t, u;

    fe256_invert(&inverse, &a->z);
    fe256_square(&t, &inverse);
    fe256_mul(&u, &t, &a->x);
    bytes[0] = 4;
    fe256_encode(bytes + 1, &u);
    fe256_mul(&t, &t, &inverse);
    fe256_mul(&u, &t, &a->y);
    fe256_encode(bytes + 33, &u);
}

/* ---- multiples ----------------------------------------------------------------------------- */

/* Turns k below n into an odd number: n - k if it is even. A mask: all ones then. */
static uint64_t make_odd(uint64_t k[4])
{
    uint64_t other[4], even = word_mask(~k[0] & 1);

    (void)word_sub_four(other, p256_order, k);
    word_select(k, other, 4, even);
    return even;
}

/* The digit's multiple, of odd[i] = (2i + 1) times a point. */
static void look_up_digit(struct point *r, const struct point odd[MULTIPLES],
                          const uint64_t signs[5], unsigned digit)
{
    uint64_t minus, index = word_digit(signs, digit * WINDOW, 1, WINDOW, &minus);

    word_lookup(r, odd, MULTIPLES, POINT_WORDS, index);
    fe256_negate(&r->y, minus);
}

static void multiply(struct point *r, const struct point *a, uint64_t k[4])
{
    struct point odd[MULTIPLES], t;
    uint64_t signs[5], negate = make_odd(k);

    odd[0] = *a;
    twice(&t, a);
    for (size_t i = 1; i < MULTIPLES; i++)
        (void)add(&odd[i], &odd[i - 1], &t, false);
    word_signs(signs, k, 255);
    look_up_digit(r, odd, signs, DIGITS - 1);
    for (unsigned i = DIGITS - 1; i-- > 0;) {
        for (int j = 0; j < WINDOW; j++)
            twice(r, r);
        look_up_digit(&t, odd, signs, i);
        if (i > 0)
            (void)add(r, r, &t, false);
        else
            add_complete(r, r, &t);
    }
    fe256_negate(&r->y, negate);
    secret_wipe(signs, sizeof signs);
}

static void look_up_column(struct point *r, unsigned table, const uint64_t signs[5],
                           unsigned column)
{
    uint64_t minus, index = word_digit(signs, P256_COMB_ROWS * P256_COMB_COLUMNS * table + column,
                                       P256_COMB_COLUMNS, P256_COMB_ROWS, &minus);

    word_lookup(r, p256_comb[table], P256_COMB_ENTRIES, 8, index);
    fe256_negate(&r->y, minus);
    r->z = fe256_one;
}

static void multiply_generator(struct point *r, uint64_t k[4])
{
    struct point t;
    uint64_t signs[5], negate = make_odd(k);
    unsigned first = 1;

    word_signs(signs, k, P256_COMB_TABLES * P256_COMB_ROWS * P256_COMB_COLUMNS - 1);
    look_up_column(r, 0, signs, P256_COMB_COLUMNS - 1);
    for (unsigned column = P256_COMB_COLUMNS; column-- > 0; first = 0) {
        if (!first)
            twice(r, r);
        for (unsigned table = first; table < P256_COMB_TABLES; table++) {
            look_up_column(&t, table, signs, column);
            if (column > 0)
                (void)add(r, r, &t, true);
            else
                add_complete(r, r, &t);
        }
    }
    fe256_negate(&r->y, negate);
    secret_wipe(signs, sizeof signs);
}

uint32_t p256_mul(uint8_t *point, size_t size, const uint8_t *scalar, size_t n)
{
    struct point a, product;
    uint64_t k[4], good;

    if (!decode(&a, point, size))
        return 0;
    good = p256_scalar(k, scalar, n);
    multiply(&product, &a, k);
    encode(point, &product);
    secret_wipe(k, sizeof k);
    return (uint32_t)good & 1;
}

size_t p256_mulgen(uint8_t *point, const uint8_t *scalar, size_t n)
{
    struct point product;
    uint64_t k[4], good = p256_scalar(k, scalar, n);

    multiply_generator(&product, k);
    encode(point, &product);
    secret_wipe(k, sizeof k);
    return 65 & good;
}

uint32_t p256_muladd(uint8_t *a, const uint8_t *b, size_t size, const uint8_t *x, size_t nx,
                     const uint8_t *y, size_t ny)
{
    struct point p, q, first, second;
    uint64_t k[4], good;

    if (!decode(&p, a, size) || (b && !decode(&q, b, size)))
        return 0;
    good = p256_scalar(k, x, nx);
    multiply(&first, &p, k);
    good &= p256_scalar(k, y, ny);
    if (b)
        multiply(&second, &q, k);
    else
        multiply_generator(&second, k);
    add_complete(&first, &first, &second);
    encode(a, &first);
    secret_wipe(k, sizeof k);
    return (uint32_t)(good & ~fe256_is_zero(&first.z)) & 1;
}

#endif
