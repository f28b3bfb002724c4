/*
 * Prints the C source of the tables of multiples that src/crypto multiplies the curves' base points
 * with. BearSSL computes those of P-256.
 *
 *   curves >build/gen/curves_data.c
 */
#include "crypto/c25519.h"
#include "crypto/fe25519.h"
#include "crypto/fe256.h"
#include "crypto/p256.h"

#include <bearssl.h>
#include <stdio.h>
#include <string.h>

#ifdef CRYPTO_WORDS

static void print_words(const uint64_t words[4])
{
    for (size_t i = 0; i < 4; i++)
        printf("0x%016lx,%s", (unsigned long)words[i], i % 4 == 3 ? "\n" : " ");
}

/* ---- P-256 */

static void print_p256_entry(unsigned table, unsigned entry)
{
    uint64_t k[4] = {0}, row[4];
    uint8_t bytes[32], point[65];
    fe256 x, y;

    for (unsigned r = P256_COMB_ROWS; r-- > 0;) {
        unsigned bit = P256_COMB_COLUMNS * (P256_COMB_ROWS * table + r);

        memset(row, 0, sizeof row);
        row[bit / 64] = (uint64_t)1 << bit % 64;
        if (r == P256_COMB_ROWS - 1 || entry >> r & 1)
            (void)word_add_four(k, k, row);
        else
            (void)word_sub_four(k, k, row);
    }
    word_to_big_endian(bytes, k);
    (void)br_ec_prime_i31.mulgen(point, bytes, sizeof bytes, BR_EC_secp256r1);
    (void)fe256_decode(&x, point + 1);
    (void)fe256_decode(&y, point + 33);
    print_words(x.w);
    print_words(y.w);
}

/* ---- Curve25519, as an Edwards curve in plain x and y */

struct point {
    fe25519 x, y;
};

/* d = -121665 / 121666 */
static void set_d(fe25519 *d)
{
    fe25519 one = {{1}}, zero = {{0}};

    fe25519_mul_small(d, &one, 121666);
    fe25519_invert(d, d);
    fe25519_mul_small(d, d, 121665);
    fe25519_sub(d, &zero, d);
}

/* RFC 8032 section 5.1. */
static void set_base(struct point *b)
{
    static const uint64_t x[4] = {0xc9562d608f25d51a, 0x692cc7609525a7b2, 0xc0a4e231fdd6dc5c,
                                  0x216936d3cd6e53fe};
    fe25519 five = {{5}}, four = {{4}};

    fe25519_unpack(&b->x, x);
    fe25519_invert(&b->y, &five);
    fe25519_mul(&b->y, &b->y, &four);
}

/* r = (e + f) / (1 + g) */
static void divide(fe25519 *r, const fe25519 *e, const fe25519 *f, const fe25519 *g)
{
    fe25519 one = {{1}}, sum;

    fe25519_add(&sum, e, f);
    fe25519_add(r, &one, g);
    fe25519_invert(r, r);
    fe25519_mul(r, r, &sum);
}

/* RFC 8032 section 5.1.4's formulas, before they are made fast. */
static void add(struct point *r, const struct point *a, const struct point *b)
{
    fe25519 xx, yy, xy, yx, product, zero = {{0}}, d;

    set_d(&d);
    fe25519_mul(&xx, &a->x, &b->x);
    fe25519_mul(&yy, &a->y, &b->y);
    fe25519_mul(&xy, &a->x, &b->y);
    fe25519_mul(&yx, &a->y, &b->x);
    fe25519_mul(&product, &xx, &yy);
    fe25519_mul(&product, &product, &d);
    divide(&r->x, &xy, &yx, &product);
    fe25519_sub(&product, &zero, &product);
    divide(&r->y, &xx, &yy, &product);
}

static void print_c25519_entry(unsigned table, unsigned entry)
{
    struct point row, sum, minus;
    fe25519 zero = {{0}}, t, d;
    uint64_t words[4];

    set_base(&row);
    for (unsigned i = 0; i < C25519_COMB_COLUMNS * C25519_COMB_ROWS * table; i++)
        add(&row, &row, &row);
    for (unsigned r = 0; r < C25519_COMB_ROWS; r++) {
        minus = row;
        if (r < C25519_COMB_ROWS - 1 && !(entry >> r & 1))
            fe25519_sub(&minus.x, &zero, &minus.x);
        if (r == 0)
            sum = minus;
        else
            add(&sum, &sum, &minus);
        for (unsigned i = 0; i < C25519_COMB_COLUMNS; i++)
            add(&row, &row, &row);
    }
    fe25519_add(&t, &sum.y, &sum.x);
    fe25519_pack(words, &t);
    print_words(words);
    fe25519_sub(&t, &sum.y, &sum.x);
    fe25519_pack(words, &t);
    print_words(words);
    set_d(&d);
    fe25519_add(&d, &d, &d);
    fe25519_mul(&t, &sum.x, &sum.y);
    fe25519_mul(&t, &t, &d);
    fe25519_pack(words, &t);
    print_words(words);
}

int main(void)
{
    printf("#include \"crypto/c25519.h\"\n#include \"crypto/p256.h\"\n#ifdef CRYPTO_WORDS\n"
           "const uint64_t p256_comb[P256_COMB_TABLES][P256_COMB_ENTRIES][8] = {\n");
    for (unsigned t = 0; t < P256_COMB_TABLES; t++) {
        printf("{\n");
        for (unsigned e = 0; e < P256_COMB_ENTRIES; e++) {
            printf("{");
            print_p256_entry(t, e);
            printf("},\n");
        }
        printf("},\n");
    }
    printf("};\nconst uint64_t c25519_comb[C25519_COMB_TABLES][C25519_COMB_ENTRIES][12] = {\n");
    for (unsigned t = 0; t < C25519_COMB_TABLES; t++) {
        printf("{\n");
        for (unsigned e = 0; e < C25519_COMB_ENTRIES; e++) {
            printf("{");
            print_c25519_entry(t, e);
            printf("},\n");
        }
        printf("},\n");
    }
    printf("};\n#endif\n");
    return fflush(stdout) == 0 ? 0 : 1;
}

#else

int main(void)
{
    printf("typedef int nothing;\n");
    return 0;
}

#endif
