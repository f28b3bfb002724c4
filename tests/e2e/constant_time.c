/*
 * Runs the shipped arithmetic under valgrind with all secrets marked undefined: a branch or an
 * address that depends on one is then an error. Told by 04_constant_time.t what to run.
 */
#include "crypto/c25519.h"
#include "crypto/curves.h"
#include "crypto/ecdsa.h"
#include "crypto/p256.h"
#include "crypto/publish.h"

#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

/* Takes the place of the one that does nothing. */
void publish(const void *data, size_t n)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(data, n);
}

static void keep(const void *data, size_t n)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(data, n);
}

/* No result may be without any trace of the secret, or the marks were lost on the way. */
static int is_marked(const void *data)
{
    unsigned char bits = 0;

    (void)VALGRIND_GET_VBITS(data, &bits, 1);
    return bits != 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    unsigned char k[32], point[65], other[65], signature[80];
    unsigned char hash[32] = {7}, key_bytes[32];
    br_ec_private_key key = {BR_EC_secp256r1, key_bytes, 32};
    int marked = 0;

    memset(k, 0x5a, sizeof k);
    memset(key_bytes, 0x3c, sizeof key_bytes);
    (void)p256_mulgen(point, k, 32);
    memcpy(other, point, sizeof other);
    keep(k, sizeof k);
    keep(key_bytes, sizeof key_bytes);
    if (strcmp(what, "branch") == 0) {
        marked = is_marked(k);
        if (k[0] == 1)
            puts("one");
    } else if (strcmp(what, "address") == 0) {
        unsigned char volatile table[256] = {0};

        marked = is_marked(k);
        hash[0] = table[k[0]];
    } else if (strcmp(what, "p256_mul") == 0) {
        (void)p256_mul(point, 65, k, 32);
        marked = is_marked(point + 1);
    } else if (strcmp(what, "p256_mulgen") == 0) {
        (void)p256_mulgen(point, k, 32);
        marked = is_marked(point + 1);
    } else if (strcmp(what, "p256_muladd") == 0) {
        (void)p256_muladd(point, other, 65, k, 32, key_bytes, 32);
        marked = is_marked(point + 1);
    } else if (strcmp(what, "p256_muladd_generator") == 0) {
        (void)p256_muladd(point, NULL, 65, k, 32, key_bytes, 32);
        marked = is_marked(point + 1);
    } else if (strcmp(what, "c25519_mul") == 0) {
        keep(point, 32);
        (void)c25519_mul(point, 32, k, 32);
        marked = is_marked(point);
    } else if (strcmp(what, "c25519_mulgen") == 0) {
        (void)c25519_mulgen(point, k, 32);
        marked = is_marked(point);
    } else if (strcmp(what, "ecdsa_sign") == 0) {
        keep(hash, sizeof hash);
        marked = ecdsa_sign(curves_get(), &br_sha256_vtable, hash, &key, signature) > 0;
    }
    return marked ? 0 : 3;
}
