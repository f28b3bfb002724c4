#include "crypto/curves.h"

#include "crypto/c25519.h"
#include "crypto/p256.h"

#if defined CRYPTO_WORDS && !defined CURVES_OF_BEARSSL

/* BearSSL's code for curves of any prime field knows P-256's constants, and does the other curves.
 */

static const unsigned char *generator(int curve, size_t *n)
{
    static const unsigned char base[32] = {9};

    if (curve != BR_EC_curve25519)
        return br_ec_prime_i31.generator(curve, n);
    *n = sizeof base;
    return base;
}

/* Of Curve25519 as BearSSL has it: what a random scalar's first octet is masked by. */
static const unsigned char *order(int curve, size_t *n)
{
    static const unsigned char all[32] = {
        0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };

    if (curve != BR_EC_curve25519)
        return br_ec_prime_i31.order(curve, n);
    *n = sizeof all;
    return all;
}

static size_t xoff(int curve, size_t *n)
{
    if (curve != BR_EC_curve25519)
        return br_ec_prime_i31.xoff(curve, n);
    *n = 32;
    return 0;
}

static uint32_t mul(unsigned char *point, size_t size, const unsigned char *x, size_t n, int curve)
{
    if (curve == BR_EC_secp256r1)
        return p256_mul(point, size, x, n);
    if (curve == BR_EC_curve25519)
        return c25519_mul(point, size, x, n);
    return br_ec_prime_i31.mul(point, size, x, n, curve);
}

static size_t mulgen(unsigned char *point, const unsigned char *x, size_t n, int curve)
{
    if (curve == BR_EC_secp256r1)
        return p256_mulgen(point, x, n);
    if (curve == BR_EC_curve25519)
        return c25519_mulgen(point, x, n);
    return br_ec_prime_i31.mulgen(point, x, n, curve);
}

/* Curve25519 has no use for it. */
static uint32_t muladd(unsigned char *a, const unsigned char *b, size_t size,
                       const unsigned char *x, size_t nx, const unsigned char *y, size_t ny,
                       int curve)
{
    if (curve == BR_EC_secp256r1)
        return p256_muladd(a, b, size, x, nx, y, ny);
    if (curve == BR_EC_curve25519)
        return 0;
    return br_ec_prime_i31.muladd(a, b, size, x, nx, y, ny, curve);
}

static const br_ec_impl curves = {
    .supported_curves = (uint32_t)1 << BR_EC_secp256r1 | (uint32_t)1 << BR_EC_secp384r1 |
                        (uint32_t)1 << BR_EC_secp521r1 | (uint32_t)1 << BR_EC_curve25519,
    .generator = generator,
    .order = order,
    .xoff = xoff,
    .mul = mul,
    .mulgen = mulgen,
    .muladd = muladd,
};

const br_ec_impl *curves_get(void)
{
    return &curves;
}

#else

const br_ec_impl *curves_get(void)
{
    return br_ec_get_default();
}

#endif
