/*
 * Inverses: for primes of all sizes, numbers at the edges and random ones, each multiplied by its
 * inverse in the simplest way; and modulo numbers that are no primes.
 */
#include "crypto/inverse.h"

#include "curves.h"
#include "tap.h"

#ifdef CRYPTO_WORDS

typedef uint64_t number[4];

static const number primes[] = {
    {3},
    {5},
    {65537},
    {0x1fffffffffffffff},
    {0xffffffffffffffc5},
    {UINT64_MAX, 0x7fffffffffffffff},
    /* Curve25519's and the order of its base point */
    {0xffffffffffffffed, UINT64_MAX, UINT64_MAX, 0x7fffffffffffffff},
    {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000},
    /* P-256's and the order */
    {UINT64_MAX, 0xffffffff, 0, 0xffffffff00000001},
    {0xf3b9cac2fc632551, 0xbce6faada7179e84, UINT64_MAX, 0xffffffff00000000},
    /* 2^256 - 189, the largest there is */
    {0xffffffffffffff43, UINT64_MAX, UINT64_MAX, UINT64_MAX},
};
#define PRIMES (sizeof primes / sizeof primes[0])

static bool is_below(const number a, const number b)
{
    number less;

    return word_sub_four(less, a, b) == 1;
}

/* r = r + a modulo m, both below it */
static void add(number r, const number a, const number m)
{
    number less;
    uint64_t carry = word_add_four(r, r, a), borrow = word_sub_four(less, r, m);

    if (carry || !borrow)
        memcpy(r, less, sizeof less);
}

static void multiply(number r, const number a, const number b, const number m)
{
    number sum = {0};

    for (unsigned bit = 256; bit-- > 0;) {
        add(sum, sum, m);
        if (a[bit / 64] >> bit % 64 & 1)
            add(sum, b, m);
    }
    memcpy(r, sum, sizeof sum);
}

static bool is_good(const number a, const number m)
{
    static const number zero, one = {1};
    number r, product;

    inverse_modulo(r, a, m);
    multiply(product, a, r, m);
    return is_below(r, m) && memcmp(product, memcmp(a, zero, 32) == 0 ? zero : one, 32) == 0;
}

/* Some number below m, often an edge. */
static void random_below(number a, const number m)
{
    unsigned char bytes[32];
    number less;

    curves_number(bytes);
    word_from_little_endian(a, bytes);
    for (size_t i = 4; i-- > 0 && m[i] == 0;)
        a[i] = 0;
    for (size_t i = 4; i-- > 0;) {
        if (m[i] > 0) {
            while (a[i] > m[i])
                a[i] >>= 1;
            break;
        }
    }
    if (word_sub_four(less, a, m) == 0)
        memcpy(a, less, sizeof less);
}

static void test_edges(void)
{
    bool good = true;

    for (size_t p = 0; p < PRIMES; p++) {
        number a = {0}, top = {0}, half;

        for (uint64_t i = 0; i < 300; i++) {
            a[0] = i;
            if (!is_below(a, primes[p]))
                break;
            good = good && is_good(a, primes[p]);
            (void)word_sub_four(top, primes[p], a);
            good = good && (i == 0 || is_good(top, primes[p]));
        }
        for (unsigned bit = 0; bit < 256; bit++) {
            memset(a, 0, sizeof a);
            a[bit / 64] = (uint64_t)1 << bit % 64;
            if (!is_below(a, primes[p]))
                break;
            good = good && is_good(a, primes[p]);
            (void)word_sub_four(half, primes[p], a);
            good = good && is_good(half, primes[p]);
        }
        if (!good) {
            ok(good, "prime %zu", p);
            return;
        }
    }
    ok(good, "zero and small numbers, powers of two, and all those below zero");
    {
        number a = {3}, b;

        inverse_modulo(b, a, primes[8]);
        inverse_modulo(a, a, primes[8]);
        ok(memcmp(a, b, sizeof a) == 0, "in place");
    }
}

static void test_random(void)
{
    unsigned long rounds = curves_setting("CURVES_ROUNDS", 1000);
    bool good = true;

    for (unsigned long i = 0; i < rounds && good; i++)
        for (size_t p = 0; p < PRIMES; p++) {
            number a;

            random_below(a, primes[p]);
            good = good && is_good(a, primes[p]);
        }
    ok(good, "%lu numbers for each prime", rounds);
}

/* Of a and b without a divisor in common, by Euclid in the slowest way, for small ones. */
static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static void test_composite(void)
{
    bool good = true;

    for (uint64_t m = 1; m < 400; m += 2)
        for (uint64_t a = 1; a < m; a++)
            if (divisor(a, m) == 1) {
                const number x = {a}, modulus = {m};

                good = good && is_good(x, modulus);
            }
    ok(good, "all below 400 that have one, for odd moduli");
    {
        static const number all = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
        number a = {2};

        for (unsigned bit = 1; bit < 256; bit++) {
            memset(a, 0, sizeof a);
            a[bit / 64] = (uint64_t)1 << bit % 64;
            good = good && is_good(a, all);
        }
        ok(good, "powers of two modulo 2^256 - 1");
    }
}

int main(void)
{
    test_edges();
    test_random();
    test_composite();
    return done_testing();
}

#else

int main(void)
{
    ok(true, "BearSSL's arithmetic is used");
    return done_testing();
}

#endif
