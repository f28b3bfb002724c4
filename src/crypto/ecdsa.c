#include "crypto/ecdsa.h"

#include "base/secret.h"
#include "crypto/inverse.h"
#include "crypto/p256.h"
#include "crypto/publish.h"

#include <string.h>

#if defined CRYPTO_WORDS && !defined CURVES_OF_BEARSSL

/* Numbers below n, the order: in Montgomery's form a is held as a * 2^256 mod n. */
typedef uint64_t scalar[4];

/* -1 / n mod 2^64, and 2^512 mod n. */
#define FACTOR 0xccd1c8aaee00bc4f
static const scalar square_of_one = {0x83244c95be79eea2, 0x4699799c49bd6fa6, 0x2845b2392b6bec59,
                                     0x66e12d94f3d95620};

/* r = a + carry * 2^256, which is below 2n, modulo n. */
static void reduce(scalar r, const uint64_t a[4], uint64_t carry)
{
    uint64_t less[4], borrow = word_sub_four(less, a, p256_order);

    memmove(r, a, sizeof less);
    word_select(r, less, 4, word_mask(carry | (borrow ^ 1)));
}

/* r = a * b / 2^256 mod n, for a below 2^256 and b below n. */
static void multiply(scalar r, const scalar a, const scalar b)
{
    uint64_t t[5] = {0};

    for (size_t i = 0; i < 4; i++) {
        word_product low = 0, sum = 0;
        uint64_t m = 0;

        /* t = (t + a[i] * b + m * n) / 2^64; m makes the lowest word zero. */
        for (size_t j = 0; j < 4; j++) {
            low += (word_product)a[i] * b[j] + t[j];
            if (j == 0)
                m = (uint64_t)low * FACTOR;
            sum += (word_product)m * p256_order[j] + (uint64_t)low;
            if (j > 0)
                t[j - 1] = (uint64_t)sum;
            low >>= 64;
            sum >>= 64;
        }
        sum += low + t[4];
        t[3] = (uint64_t)sum;
        t[4] = (uint64_t)(sum >> 64);
    }
    reduce(r, t, t[4]);
}

/* RFC 6979 section 3.2: what HMAC_DRBG says when it is seeded with key and hash. */
static void make_nonce(scalar nonce, const br_hash_class *hash_class, const scalar x,
                       const scalar hash)
{
    br_hmac_drbg_context drbg;
    uint8_t bytes[64];
    uint64_t good;

    word_to_big_endian(bytes, x);
    word_to_big_endian(bytes + 32, hash);
    br_hmac_drbg_init(&drbg, hash_class, bytes, sizeof bytes);
    do {
        br_hmac_drbg_generate(&drbg, bytes, 32);
        good = p256_scalar(nonce, bytes, 32);
        publish(&good, sizeof good);
    } while (!good);
    secret_wipe(bytes, sizeof bytes);
    secret_wipe(&drbg, sizeof drbg);
}

/* The leftmost 256 bits of the hash modulo n. */
static void decode_hash(scalar r, const void *hash, size_t n)
{
    uint8_t bytes[32] = {0};

    if (n > sizeof bytes)
        n = sizeof bytes;
    memcpy(bytes + sizeof bytes - n, hash, n);
    word_from_big_endian(r, bytes);
    reduce(r, r, 0);
}

size_t ecdsa_sign(const br_ec_impl *ec, const br_hash_class *hash_class, const void *hash,
                  const br_ec_private_key *key, void *signature)
{
    scalar x, m, k, r, s;
    uint8_t point[65], bytes[32], *raw = signature;
    uint64_t carry, good;

    if (key->curve != BR_EC_secp256r1)
        return br_ecdsa_i31_sign_asn1(ec, hash_class, hash, key, signature);
    good = p256_scalar(x, key->x, key->xlen);
    publish(&good, sizeof good);
    if (!good)
        return 0;
    decode_hash(m, hash, hash_class->desc >> BR_HASHDESC_OUT_OFF & BR_HASHDESC_OUT_MASK);
    make_nonce(k, hash_class, x, m);
    word_to_big_endian(bytes, k);
    (void)p256_mulgen(point, bytes, sizeof bytes);
    word_from_big_endian(r, point + 1);
    reduce(r, r, 0);
    /* s = (m + r x) / k */
    multiply(x, x, square_of_one);
    multiply(s, r, x);
    carry = word_add_four(s, s, m);
    reduce(s, s, carry);
    inverse_modulo(k, k, p256_order);
    multiply(k, k, square_of_one);
    multiply(s, s, k);
    word_to_big_endian(raw, r);
    word_to_big_endian(raw + 32, s);
    secret_wipe(x, sizeof x);
    secret_wipe(k, sizeof k);
    secret_wipe(bytes, sizeof bytes);
    publish(raw, 64);
    return br_ecdsa_raw_to_asn1(raw, 64);
}

/* Nothing here is a secret. */
uint32_t ecdsa_verify(const br_ec_impl *ec, const void *hash, size_t hash_size,
                      const br_ec_public_key *key, const void *signature, size_t size)
{
    scalar m, r, s, x;
    uint8_t raw[160], point[65], first[32], second[32];
    uint64_t good;

    if (key->curve != BR_EC_secp256r1)
        return br_ecdsa_i31_vrfy_asn1(ec, hash, hash_size, key, signature, size);
    /* Two numbers of the larger one's length are longer than the signature, if one is short. */
    if (size > sizeof raw / 2 || key->qlen != sizeof point)
        return 0;
    memcpy(raw, signature, size);
    size = br_ecdsa_asn1_to_raw(raw, size);
    good = p256_scalar(r, raw, size / 2) & p256_scalar(s, raw + size / 2, size / 2);
    if (!good)
        return 0;
    decode_hash(m, hash, hash_size);
    inverse_modulo(s, s, p256_order);
    multiply(s, s, square_of_one);
    multiply(x, r, s);
    word_to_big_endian(first, x);
    multiply(x, m, s);
    word_to_big_endian(second, x);
    memcpy(point, key->q, sizeof point);
    if (!p256_muladd(point, NULL, sizeof point, first, sizeof first, second, sizeof second))
        return 0;
    word_from_big_endian(x, point + 1);
    reduce(x, x, 0);
    return memcmp(x, r, sizeof x) == 0;
}

#else

size_t ecdsa_sign(const br_ec_impl *ec, const br_hash_class *hash_class, const void *hash,
                  const br_ec_private_key *key, void *signature)
{
    return br_ecdsa_sign_asn1_get_default()(ec, hash_class, hash, key, signature);
}

uint32_t ecdsa_verify(const br_ec_impl *ec, const void *hash, size_t hash_size,
                      const br_ec_public_key *key, const void *signature, size_t size)
{
    return br_ecdsa_vrfy_asn1_get_default()(ec, hash, hash_size, key, signature, size);
}

#endif
