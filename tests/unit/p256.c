/*
 * P-256: Wycheproof's vectors, comparison with BearSSL's arithmetic in words of 31 and 30 bits,
 * what is refused, and the cases in which additions of points meet their exceptions.
 */
#include "tap.h"

#include "curves.h"

#include "crypto/curves.h"
#include "crypto/ecdsa.h"
#include "crypto/fe256.h"
#include "crypto/p256.h"

#ifdef CRYPTO_WORDS

static const unsigned char order[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

/* What is compared with: BearSSL's arithmetic for any prime, or that for P-256, which is faster. */
static const br_ec_impl *theirs = &br_ec_prime_i31;

/* number + add, big-endian, modulo 2^256 */
static void add_small(unsigned char number[32], int add)
{
    for (size_t i = 32; i-- > 0;) {
        add += number[i];
        number[i] = (unsigned char)(add & 0xff);
        add >>= 8;
    }
}

static bool is_scalar(const unsigned char k[32])
{
    static const unsigned char zero[32];

    return memcmp(k, zero, 32) != 0 && memcmp(k, order, 32) < 0;
}

/* A scalar below the order, often an edge. */
static void scalar(unsigned char k[32])
{
    do {
        unsigned how = curves_random(12);

        curves_number(k);
        if (how < 2) {
            memset(k, 0, 32);
            add_small(k, (int)curves_random(600));
        } else if (how < 4) {
            memcpy(k, order, 32);
            add_small(k, -(int)curves_random(600));
        } else if (how < 5) {
            /* Near a power of two, and near n less one. */
            unsigned bit = curves_random(256);

            if (curves_random(2))
                memcpy(k, order, 32);
            else
                memset(k, 0, 32);
            k[31 - bit / 8] ^= (unsigned char)(1u << bit % 8);
            add_small(k, (int)curves_random(64) - 32);
        }
    } while (!is_scalar(k));
}

static void point(unsigned char out[65])
{
    unsigned char k[32];

    scalar(k);
    (void)theirs->mulgen(out, k, 32, BR_EC_secp256r1);
}

/* ---- vectors */

static int wrong;

static void take_ecdh(struct slice f[4], size_t n)
{
    struct octets p, k, shared;
    bool good;

    if (n != 4)
        abort();
    p = octets_read(f[1]);
    k = octets_read(f[2]);
    shared = octets_read(f[3]);
    good = p256_mul(p.bytes, p.n, k.bytes, k.n) == 1;
    if (good != (shared.n > 0) || (good && memcmp(p.bytes + 1, shared.bytes, 32) != 0)) {
        printf("# vector %.*s fails\n", (int)f[0].n, f[0].p);
        wrong++;
    }
}

static struct octets public_key;
static int accepted;

/* BearSSL reads signatures, and takes some encodings that aren't DER: who uses them, both alike. */
static void take_ecdsa(struct slice f[4], size_t n)
{
    struct octets hash, signature;
    br_ec_public_key pk = {BR_EC_secp256r1, public_key.bytes, public_key.n};
    uint32_t ours, bears;
    bool valid;

    if (n == 2) {
        public_key = octets_read(f[1]);
        return;
    }
    if (n != 4)
        abort();
    hash = octets_read(f[2]);
    signature = octets_read(f[3]);
    valid = slice_eq(f[1], SLICE("valid"));
    ours =
        br_ecdsa_i31_vrfy_asn1(curves_get(), hash.bytes, hash.n, &pk, signature.bytes, signature.n);
    bears = br_ecdsa_i31_vrfy_asn1(theirs, hash.bytes, hash.n, &pk, signature.bytes, signature.n);
    if (ours != bears || (valid && !ours) ||
        ours != ecdsa_verify(curves_get(), hash.bytes, hash.n, &pk, signature.bytes, signature.n)) {
        printf("# vector %.*s fails\n", (int)f[0].n, f[0].p);
        wrong++;
    }
    if (ours && !valid) {
        printf("# vector %.*s: not DER, read by BearSSL all the same\n", (int)f[0].n, f[0].p);
        accepted++;
    }
}

static void test_vectors(void)
{
    int n = vectors_read("tests/unit/vectors/ecdh_p256.txt", take_ecdh);

    ok(n == 389 && wrong == 0, "%d shared secrets of Wycheproof, %d are wrong", n, wrong);
    wrong = 0;
    n = vectors_read("tests/unit/vectors/ecdsa_p256.txt", take_ecdsa);
    ok(n > 484 && wrong == 0, "signatures of Wycheproof, %d are judged wrong", wrong);
    is_int(accepted, 4, "those that BearSSL reads though they are not DER, and no more");
}

/* ---- the field */

/* p's encoding plus add */
static void near_p(unsigned char out[32], int add)
{
    memset(out, 0xff, 32);
    memset(out + 4, 0, 16);
    out[7] = 1;
    add_small(out, add);
}

static void test_field(void)
{
    unsigned char bytes[32], back[32];
    fe256 a, b, t;
    bool same = true;

    near_p(bytes, 0);
    ok(fe256_decode(&a, bytes) == 0 && fe256_is_zero(&a) == UINT64_MAX, "p is no coordinate");
    memset(bytes, 0xff, 32);
    ok(fe256_decode(&a, bytes) == 0 && fe256_is_zero(&a) == 0, "nor is 2^256 - 1");
    for (int add = -600; add < 0; add++) {
        near_p(bytes, add);
        if (fe256_decode(&a, bytes) != UINT64_MAX)
            same = false;
        fe256_encode(back, &a);
        same = same && memcmp(bytes, back, 32) == 0;
    }
    ok(same, "numbers just below p are read and written");
    for (int round = 0; round < 2000; round++) {
        do
            curves_number(bytes);
        while (fe256_decode(&a, bytes) == 0);
        fe256_encode(back, &a);
        same = same && memcmp(bytes, back, 32) == 0;
        if (round % 50 == 0) {
            fe256_invert(&b, &a);
            fe256_mul(&t, &a, &b);
            fe256_sub(&t, &t, &fe256_one);
            same = same && (fe256_is_zero(&t) | fe256_is_zero(&a)) != 0;
        }
        fe256_square(&b, &a);
        fe256_mul(&t, &a, &a);
        fe256_sub(&t, &t, &b);
        same = same && fe256_is_zero(&t) != 0;
        /* 32a - 31a - a */
        b = a;
        for (int i = 0; i < 5; i++)
            fe256_add(&b, &b, &b);
        for (int i = 0; i < 32; i++)
            fe256_sub(&b, &b, &a);
        same = same && fe256_is_zero(&b) != 0;
        t = a;
        fe256_negate(&t, 0);
        fe256_sub(&t, &t, &a);
        same = same && fe256_is_zero(&t) != 0;
        t = a;
        fe256_negate(&t, UINT64_MAX);
        fe256_add(&t, &t, &a);
        same = same && fe256_is_zero(&t) != 0;
    }
    ok(same, "numbers, their squares, inverses and large sums agree");
}

static const uint64_t prime[4] = {UINT64_MAX, 0xffffffff, 0, 0xffffffff00000001};

/* r = r + a modulo p, in the simplest way */
static void plain_add(uint64_t r[4], const uint64_t a[4])
{
    uint64_t less[4], carry = word_add_four(r, r, a), borrow = word_sub_four(less, r, prime);

    if (carry || !borrow)
        memcpy(r, less, sizeof less);
}

static void plain_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t sum[4] = {0};

    for (unsigned bit = 256; bit-- > 0;) {
        plain_add(sum, sum);
        if (a[bit / 64] >> bit % 64 & 1)
            plain_add(sum, b);
    }
    memcpy(r, sum, sizeof sum);
}

/* Words as they are held, of which each may be at an edge. */
static void held(fe256 *a)
{
    static const uint64_t words[] = {0,
                                     1,
                                     UINT64_MAX,
                                     0xffffffff,
                                     0xffffffff00000000,
                                     0xffffffff00000001,
                                     UINT64_MAX - 1,
                                     0x100000000};
    unsigned how = curves_random(4);
    fe256 less;

    if (how == 0)
        for (size_t i = 0; i < 4; i++)
            a->w[i] = words[curves_random(8)];
    else
        curves_number((unsigned char *)a->w);
    if (how == 1) {
        memcpy(a->w, prime, sizeof prime);
        a->w[0] -= 1 + curves_random(4);
    }
    if (word_sub_four(less.w, a->w, prime) == 0)
        *a = less;
}

static void test_words(void)
{
    unsigned long rounds = curves_setting("CURVES_ROUNDS", 3000);
    static const uint64_t factor[4] = {1, 0xffffffff00000000, UINT64_MAX, 0xfffffffe};
    bool same = true;

    for (unsigned long i = 0; i < rounds && same; i++) {
        uint64_t product[4], want[4];
        fe256 a, b, t;

        held(&a);
        held(&b);
        /* A product lacks the factor. */
        fe256_mul(&t, &a, &b);
        plain_mul(product, t.w, factor);
        plain_mul(want, a.w, b.w);
        same = memcmp(product, want, 32) == 0;
        fe256_square(&t, &a);
        plain_mul(product, t.w, factor);
        plain_mul(want, a.w, a.w);
        same = same && memcmp(product, want, 32) == 0;
        memcpy(want, a.w, 32);
        plain_add(want, b.w);
        fe256_add(&t, &a, &b);
        same = same && memcmp(t.w, want, 32) == 0;
        fe256_sub(&t, &t, &b);
        same = same && memcmp(t.w, a.w, 32) == 0;
    }
    ok(same, "products, squares, sums and differences of words at all edges, %lu times", rounds);
}

/* ---- what is refused */

static void test_refused(void)
{
    unsigned char good[65], p[65], k[40] = {0};
    bool refused = true;

    point(good);
    memcpy(p, good, 65);
    k[39] = 5;
    ok(p256_mul(p, 65, k + 39, 1) == 1 && p256_mulgen(p, k + 39, 1) == 65, "a scalar of one octet");
    ok(p256_mul(p, 65, k, 40) == 1 && p256_mulgen(p, k, 40) == 65, "one of 40 with zeros before");
    k[7] = 1;
    ok(p256_mul(p, 65, k, 40) == 0 && p256_mulgen(p, k, 40) == 0, "2^256 and more is refused");
    memset(k, 0, sizeof k);
    ok(p256_mul(p, 65, k, 32) == 0 && p256_mulgen(p, k, 32) == 0 && p256_mul(p, 65, k, 0) == 0 &&
           p256_mulgen(p, k, 0) == 0,
       "zero, and no octets at all");
    for (int add = 0; add < 1000; add++) {
        memcpy(k, order, 32);
        add_small(k, add);
        memcpy(p, good, 65);
        refused = refused && p256_mul(p, 65, k, 32) == 0 && p256_mulgen(p, k, 32) == 0;
        memcpy(p, good, 65);
        refused = refused && p256_muladd(p, NULL, 65, k, 32, order + 31, 1) == 0;
        memcpy(p, good, 65);
        refused = refused && p256_muladd(p, NULL, 65, order + 31, 1, k, 32) == 0;
        if (add == 16)
            add = 984;
    }
    memset(k, 0xff, 32);
    memcpy(p, good, 65);
    refused = refused && p256_mul(p, 65, k, 32) == 0 && p256_mulgen(p, k, 32) == 0;
    ok(refused, "the order and what is above");
    refused = true;
    for (size_t i = 0; i < 65 * 8; i++) {
        memcpy(p, good, 65);
        p[i / 8] ^= (unsigned char)(1u << i % 8);
        refused = refused && p256_mul(p, 65, order + 31, 1) == 0;
    }
    ok(refused, "a point with any bit turned over");
    memset(p, 0, 65);
    ok(p256_mul(p, 65, order + 31, 1) == 0 && p256_mul(p, 1, order + 31, 1) == 0,
       "the point at infinity");
    memcpy(p, good, 65);
    ok(p256_mul(p, 64, order + 31, 1) == 0 && p256_mul(p, 33, order + 31, 1) == 0 &&
           p256_mul(p, 0, order + 31, 1) == 0,
       "other lengths");
    p[0] = 6 + (p[64] & 1);
    ok(p256_mul(p, 65, order + 31, 1) == 0, "the hybrid form");
    memcpy(p, good, 65);
    near_p(p + 1, 5);
    ok(p256_mul(p, 65, order + 31, 1) == 0, "a coordinate that isn't below p");
    memcpy(p, good, 65);
    ok(p256_muladd(p, k, 65, order + 31, 1, order + 31, 1) == 0, "a second point that is none");
}

/* ---- comparison */

static bool same_mulgen(const unsigned char *k, size_t n)
{
    unsigned char ours[65], bears[65];

    return p256_mulgen(ours, k, n) == 65 && theirs->mulgen(bears, k, n, BR_EC_secp256r1) == 65 &&
           memcmp(ours, bears, 65) == 0;
}

static bool same_mul(const unsigned char p[65], const unsigned char *k, size_t n)
{
    unsigned char ours[65], bears[65];

    memcpy(ours, p, 65);
    memcpy(bears, p, 65);
    return p256_mul(ours, 65, k, n) == 1 && theirs->mul(bears, 65, k, n, BR_EC_secp256r1) == 1 &&
           memcmp(ours, bears, 65) == 0;
}

static bool same_muladd(const unsigned char p[65], const unsigned char *q, const unsigned char *x,
                        const unsigned char *y)
{
    unsigned char ours[65], bears[65];
    uint32_t rv;

    memcpy(ours, p, 65);
    memcpy(bears, p, 65);
    rv = p256_muladd(ours, q, 65, x, 32, y, 32);
    return rv == theirs->muladd(bears, q, 65, x, 32, y, 32, BR_EC_secp256r1) &&
           (rv == 0 || memcmp(ours, bears, 65) == 0);
}

/* Scalars at which what was accumulated meets the multiple that is added, if any do. */
static void test_edges(void)
{
    unsigned char g[65], k[32];
    size_t n;
    bool same = true;

    memcpy(g, theirs->generator(BR_EC_secp256r1, &n), 65);
    for (int i = 1; i <= 70; i++) {
        memset(k, 0, 32);
        add_small(k, i);
        same = same && same_mulgen(k, 32) && same_mul(g, k, 32);
        same = same && same_mulgen(k + 31, 1) && same_mul(g, k + 31, 1);
        memcpy(k, order, 32);
        add_small(k, -i);
        same = same && same_mulgen(k, 32) && same_mul(g, k, 32);
    }
    ok(same, "scalars just above zero and just below the order");
    for (unsigned bit = 0; bit < 256; bit++) {
        memset(k, 0, 32);
        k[31 - bit / 8] = (unsigned char)(1u << bit % 8);
        same = same && same_mulgen(k, 32);
        add_small(k, -1);
        same = same && (bit == 0 || same_mulgen(k, 32));
        memcpy(k, order, 32);
        k[31 - bit / 8] ^= (unsigned char)(1u << bit % 8);
        same = same && (!is_scalar(k) || same_mulgen(k, 32));
    }
    ok(same, "powers of two, one less, and the order with a bit turned over");
    {
        /* Found by trying sums of the comb's rows: plain addition fails for these two. */
        static const unsigned char meets[2][32] = {
            {0x00, 0x00, 0x07, 0xff, 0xff, 0xfe, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x20, 0x00,
             0x00, 0x08},
            {0xff, 0xff, 0xf7, 0xff, 0x00, 0x02, 0x00, 0x00, 0xff, 0x7f, 0xff,
             0xff, 0xdf, 0xff, 0xff, 0xf7, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
             0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51}};

        ok(same_mulgen(meets[0], 32) && same_mulgen(meets[1], 32),
           "scalars whose last column meets its own multiple");
    }
    for (size_t i = 1; i <= 32; i++) {
        memset(k, 0x5a, 32);
        same = same && same_mulgen(k, i) && same_mul(g, k, i);
    }
    ok(same, "scalars of all lengths");
}

/* minus: the sum is zero; else the same point twice. */
static void meet(bool minus)
{
    unsigned char a[65], b[65], x[32], y[32], s[32], t[32] = {0}, twice[65];
    uint32_t rv;

    point(a);
    memcpy(b, a, 65);
    scalar(s);
    t[31] = 7;
    /* b = s a; x = 7 s, y = 7: 7 s a + 7 b = 14 s a, or with n - 7 zero. The product by BearSSL. */
    (void)p256_mul(b, 65, s, 32);
    {
        /* 7 s modulo n by repeated addition */
        uint64_t sum[4] = {0}, word[4], less[4];

        word_from_big_endian(word, s);
        for (int i = 0; i < 7; i++) {
            uint64_t carry = word_add_four(sum, sum, word);
            uint64_t borrow = word_sub_four(less, sum, p256_order);

            if (carry || !borrow)
                memcpy(sum, less, sizeof sum);
        }
        word_to_big_endian(x, sum);
    }
    memcpy(y, t, 32);
    if (minus) {
        memcpy(y, order, 32);
        add_small(y, -7);
    }
    memcpy(twice, b, 65);
    t[31] = 14;
    (void)theirs->mul(twice, 65, t, 32, BR_EC_secp256r1);
    rv = p256_muladd(a, b, 65, x, 32, y, 32);
    if (minus)
        ok(rv == 0, "a sum at infinity is an error");
    else
        ok(rv == 1 && memcmp(a, twice, 65) == 0, "a sum of a point and itself");
}

static void test_muladd_edges(void)
{
    unsigned char g[65], x[32] = {0}, y[32] = {0};
    size_t n;

    memcpy(g, theirs->generator(BR_EC_secp256r1, &n), 65);
    x[31] = y[31] = 3;
    ok(same_muladd(g, g, x, y) && same_muladd(g, NULL, x, y), "three times the generator, twice");
    memcpy(y, order, 32);
    add_small(y, -3);
    ok(p256_muladd(g, NULL, 65, x, 32, y, 32) == 0, "and once minus that");
    meet(false);
    meet(true);
}

static void test_compare(void)
{
    unsigned long rounds = curves_setting("CURVES_ROUNDS", 400);
    unsigned char p[65], q[65], k[32], x[32];
    bool same = true;

    for (unsigned long i = 0; i < rounds && same; i++) {
        scalar(k);
        scalar(x);
        theirs = i % 8 == 0 ? &br_ec_prime_i31 : &br_ec_p256_m31;
        if (i % 4 == 0) {
            point(p);
            point(q);
        }
        same = same_mulgen(k, 32) && same_mul(p, k, 32);
        if (i % 4 == 0)
            same = same && same_muladd(p, curves_random(2) ? q : NULL, k, x);
        if (!same) {
            printf("# round %lu: scalar ", i);
            for (size_t j = 0; j < 32; j++)
                printf("%02x", k[j]);
            printf("\n");
        }
    }
    theirs = &br_ec_prime_i31;
    ok(same, "as BearSSL in %lu rounds", rounds);
}

int main(void)
{
    test_field();
    test_words();
    test_vectors();
    test_refused();
    test_edges();
    test_muladd_edges();
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
