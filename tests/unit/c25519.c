/*
 * Curve25519: Wycheproof's vectors, RFC 7748's repeated multiplication, comparison with BearSSL's
 * arithmetic in words of 31 and 30 bits, and points of small order.
 */
#include "tap.h"

#include "curves.h"

#include "crypto/c25519.h"
#include "crypto/curves.h"
#include "crypto/fe25519.h"

#ifdef CRYPTO_WORDS

static const br_ec_impl *theirs = &br_ec_c25519_i31;
static const unsigned char zero[32];

static int wrong;

static void take_x25519(struct slice f[4], size_t n)
{
    struct octets u, k, shared;
    uint32_t rv;

    if (n != 4)
        abort();
    u = octets_read(f[1]);
    k = octets_read(f[2]);
    shared = octets_read(f[3]);
    rv = c25519_mul(u.bytes, u.n, k.bytes, k.n);
    if (memcmp(u.bytes, shared.bytes, 32) != 0 || rv != (memcmp(shared.bytes, zero, 32) != 0)) {
        printf("# vector %.*s fails\n", (int)f[0].n, f[0].p);
        wrong++;
    }
}

/* RFC 7748 section 5.2. */
static void test_repeated(void)
{
    static const unsigned char once[32] = {0x42, 0x2c, 0x8e, 0x7a, 0x62, 0x27, 0xd7, 0xbc,
                                           0xa1, 0x35, 0x0b, 0x3e, 0x2b, 0xb7, 0x27, 0x9f,
                                           0x78, 0x97, 0xb8, 0x7b, 0xb6, 0x85, 0x4b, 0x78,
                                           0x3c, 0x60, 0xe8, 0x03, 0x11, 0xae, 0x30, 0x79};
    static const unsigned char thousand[32] = {0x68, 0x4c, 0xf5, 0x9b, 0xa8, 0x33, 0x09, 0x55,
                                               0x28, 0x00, 0xef, 0x56, 0x6f, 0x2f, 0x4d, 0x3c,
                                               0x1c, 0x38, 0x87, 0xc4, 0x93, 0x60, 0xe3, 0x87,
                                               0x5f, 0x2e, 0xb9, 0x4d, 0x99, 0x53, 0x2c, 0x51};
    unsigned char k[32] = {9}, u[32] = {9}, r[32];
    bool good = true;

    for (int i = 1; i <= 1000; i++) {
        memcpy(r, u, 32);
        good = good && c25519_mul(r, 32, k, 32) == 1;
        memcpy(u, k, 32);
        memcpy(k, r, 32);
        if (i == 1)
            ok(memcmp(k, once, 32) == 0, "RFC 7748's iteration, once");
    }
    ok(good && memcmp(k, thousand, 32) == 0, "and a thousand times");
}

static void test_field(void)
{
    uint64_t words[4], back[4];
    bool same = true;
    fe25519 a, b, t;

    for (uint64_t add = 0; add < 40; add++) {
        const uint64_t p[4] = {0xffffffffffffffed, UINT64_MAX, UINT64_MAX, 0x7fffffffffffffff};
        uint64_t number[4] = {add}, want[4] = {0};

        /* p - 20 + add */
        (void)word_add_four(words, p, number);
        number[0] = 20;
        (void)word_sub_four(words, words, number);
        if (add < 20)
            memcpy(want, words, 32);
        else
            want[0] = add - 20;
        fe25519_unpack(&a, words);
        fe25519_pack(back, &a);
        if (words[3] >> 63 == 0)
            same = same && memcmp(back, want, 32) == 0;
    }
    ok(same, "numbers around p are written below p");
    for (int round = 0; round < 2000; round++) {
        unsigned char bytes[32];

        curves_number(bytes);
        word_from_little_endian(words, bytes);
        fe25519_unpack(&a, words);
        fe25519_square(&b, &a);
        fe25519_mul(&t, &a, &a);
        fe25519_sub(&t, &t, &b);
        fe25519_pack(words, &t);
        same = same && (words[0] | words[1] | words[2] | words[3]) == 0;
        /* (3a)(-3a) + 9a^2 */
        fe25519_add(&t, &a, &a);
        fe25519_add(&t, &t, &a);
        fe25519_sub(&a, &(fe25519){{0}}, &t);
        fe25519_mul(&t, &t, &a);
        fe25519_mul_small(&b, &b, 9);
        fe25519_add(&t, &t, &b);
        fe25519_pack(words, &t);
        same = same && (words[0] | words[1] | words[2] | words[3]) == 0;
    }
    ok(same, "products, squares and sums agree");
}

/* Words as large as operands may have them, of either sign. */
static void large(fe25519 *a)
{
    const int64_t most = ((int64_t)1 << 53) - 1;

    for (size_t i = 0; i < 5; i++) {
        unsigned how = curves_random(4);
        int64_t some = (int64_t)curves_random(1 << 26) << 27 | curves_random(1 << 27);

        a->w[i] = how == 0 ? most : how == 1 ? -most : how == 2 ? some : -some;
    }
}

static bool is_result(const fe25519 *a)
{
    bool is = true;

    for (size_t i = 0; i < 5; i++)
        is = is && a->w[i] < ((int64_t)1 << 51) + 8192 && a->w[i] >= -8192;
    return is;
}

static void test_bounds(void)
{
    bool bound = true, same = true;

    for (int i = 0; i < 20000; i++) {
        uint64_t words[4], product[4], square[4];
        fe25519 a, b, t;

        large(&a);
        large(&b);
        fe25519_mul(&t, &a, &b);
        bound = bound && is_result(&t);
        fe25519_pack(product, &t);
        fe25519_square(&t, &a);
        bound = bound && is_result(&t);
        fe25519_pack(square, &t);
        fe25519_mul_small(&t, &a, 121665);
        bound = bound && is_result(&t);
        /* The same of the numbers as they are below p. */
        fe25519_pack(words, &a);
        fe25519_unpack(&a, words);
        fe25519_pack(words, &b);
        fe25519_unpack(&b, words);
        fe25519_mul(&t, &a, &b);
        fe25519_pack(words, &t);
        same = same && memcmp(words, product, 32) == 0;
        fe25519_mul(&t, &a, &a);
        fe25519_pack(words, &t);
        same = same && memcmp(words, square, 32) == 0;
    }
    ok(bound, "results of the largest words are within their bounds");
    ok(same, "and right");
}

static bool same_mulgen(const unsigned char *k, size_t n)
{
    unsigned char ours[32], bears[32];

    return c25519_mulgen(ours, k, n) == 32 && theirs->mulgen(bears, k, n, BR_EC_curve25519) == 32 &&
           memcmp(ours, bears, 32) == 0;
}

static bool same_mul(const unsigned char u[32], const unsigned char *k, size_t n)
{
    unsigned char ours[32], bears[32];

    memcpy(ours, u, 32);
    memcpy(bears, u, 32);
    return c25519_mul(ours, 32, k, n) == (memcmp(ours, zero, 32) != 0) &&
           theirs->mul(bears, 32, k, n, BR_EC_curve25519) == 1 && memcmp(ours, bears, 32) == 0;
}

static void test_edges(void)
{
    unsigned char k[40] = {0}, u[32];
    bool same = true;

    memset(k, 0xa5, sizeof k);
    memset(u, 0x3c, 32);
    for (size_t n = 0; n <= 32; n++)
        same = same && same_mulgen(k, n) && same_mul(u, k, n);
    ok(same, "scalars of all lengths");
    ok(c25519_mul(u, 32, k, 33) == 0 && c25519_mulgen(u, k, 33) == 0 &&
           c25519_mul(u, 31, k, 32) == 0 && c25519_mul(u, 0, k, 32) == 0,
       "longer ones, and points of other lengths, are refused");
    for (unsigned bit = 0; bit < 256; bit++)
        for (int invert = 0; invert < 2; invert++) {
            memset(k, invert ? 0xff : 0, 32);
            k[bit / 8] ^= (unsigned char)(1u << bit % 8);
            same = same && same_mulgen(k, 32);
        }
    ok(same, "scalars with one bit, and all but one");
    memset(u, 0, 32);
    for (int add = 0; add < 40; add++) {
        /* p - 20 + add in all 256 bits, and just above zero */
        memset(u + 1, 0xff, 31);
        u[31] = 0x7f;
        u[0] = (unsigned char)(0xed - 20 + add);
        if (add >= 39)
            memset(u, 0, 32);
        same = same && same_mul(u, k, 32);
        u[31] |= 0x80;
        same = same && same_mul(u, k, 32);
        memset(u, 0, 32);
        u[0] = (unsigned char)add;
        same = same && same_mul(u, k, 32);
    }
    ok(same, "points around p and above zero, with the upper bit and without");
}

static void test_compare(void)
{
    unsigned long rounds = curves_setting("CURVES_ROUNDS", 300);
    unsigned char u[32], k[32];
    bool same = true;

    for (unsigned long i = 0; i < rounds && same; i++) {
        curves_number(u);
        curves_number(k);
        theirs = i % 8 == 0 ? &br_ec_c25519_i31 : &br_ec_c25519_m31;
        same = same_mulgen(k, 32) && same_mul(u, k, 32);
        if (!same)
            printf("# round %lu\n", i);
    }
    ok(same, "as BearSSL in %lu rounds", rounds);
}

int main(void)
{
    int n = vectors_read("tests/unit/vectors/x25519.txt", take_x25519);

    ok(n == 518 && wrong == 0,
       "%d shared secrets of Wycheproof, %d are wrong; zero ends the exchange", n, wrong);
    test_repeated();
    test_field();
    test_bounds();
    test_edges();
    test_compare();
    return done_testing();
}

#else

int main(void)
{
    ok(curves_get() == br_ec_get_default(), "BearSSL's curves are used");
    return done_testing();
}

#endif
