/*
 * How many operations of the curves one core does in a second, each the best of several short
 * stretches of processor time: a name, then ours, then BearSSL's.
 */
#include "crypto/curves.h"
#include "crypto/ecdsa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const unsigned char scalar[32] = {0x5a, 0xa5, 0x3c, 0x55, 0x12, [31] = 0x77};
static unsigned char point[65], public_key[65], u[32] = {9}, hash[32] = {1, 2, 3}, signature[80];
static size_t signature_size;

/* One operation with this arithmetic; what follows is each. */
typedef void operation(const br_ec_impl *ec, br_ecdsa_sign sign);

static void mulgen_p256(const br_ec_impl *ec, br_ecdsa_sign sign)
{
    (void)sign;
    (void)ec->mulgen(point, scalar, 32, BR_EC_secp256r1);
}

static void mul_p256(const br_ec_impl *ec, br_ecdsa_sign sign)
{
    (void)sign;
    (void)ec->mul(point, 65, scalar, 32, BR_EC_secp256r1);
}

static void sign_p256(const br_ec_impl *ec, br_ecdsa_sign sign)
{
    br_ec_private_key key = {BR_EC_secp256r1, (unsigned char *)(size_t)scalar, 32};

    signature_size = sign(ec, &br_sha256_vtable, hash, &key, signature);
}

static void verify_p256(const br_ec_impl *ec, br_ecdsa_sign sign)
{
    br_ec_public_key key = {BR_EC_secp256r1, public_key, 65};
    br_ecdsa_vrfy verify = sign == ecdsa_sign ? ecdsa_verify : br_ecdsa_i31_vrfy_asn1;

    if (verify(ec, hash, 32, &key, signature, signature_size) != 1)
        abort();
}

static void mulgen_x25519(const br_ec_impl *ec, br_ecdsa_sign sign)
{
    (void)sign;
    (void)ec->mulgen(u, scalar, 32, BR_EC_curve25519);
}

static void mul_x25519(const br_ec_impl *ec, br_ecdsa_sign sign)
{
    (void)sign;
    (void)ec->mul(u, 32, scalar, 32, BR_EC_curve25519);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double rate(operation *run, const br_ec_impl *ec, br_ecdsa_sign sign)
{
    double best = 0;

    for (int stretch = 0; stretch < 40; stretch++) {
        double start = now(), took;
        int n = 0;

        do {
            run(ec, sign);
            n++;
            took = now() - start;
        } while (took < 0.005);
        if (n / took > best)
            best = n / took;
    }
    return best;
}

int main(void)
{
    static const struct {
        const char *name;
        operation *run;
    } operations[] = {
        {"p256_base", mulgen_p256},   {"p256_ecdh", mul_p256},        {"p256_sign", sign_p256},
        {"p256_verify", verify_p256}, {"x25519_base", mulgen_x25519}, {"x25519", mul_x25519},
    };

    (void)curves_get()->mulgen(point, scalar, 32, BR_EC_secp256r1);
    memcpy(public_key, point, sizeof public_key);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        printf("%s %.0f %.0f\n", operations[i].name,
               rate(operations[i].run, curves_get(), ecdsa_sign),
               rate(operations[i].run, &br_ec_all_m31, br_ecdsa_i31_sign_asn1));
    return 0;
}
