/* Signatures on P-256: RFC 6979's own, and those that BearSSL makes, octet by octet. */
#include "tap.h"

#include "curves.h"

#include "crypto/curves.h"
#include "crypto/ecdsa.h"

static const unsigned char order[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

/* RFC 6979 appendix A.2.5. */
static void test_rfc6979(void)
{
    static unsigned char x[32] = {0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21,
                                  0x57, 0x67, 0xb1, 0xd6, 0x93, 0x4e, 0x50, 0xc3, 0xdb, 0x36, 0xe8,
                                  0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21};
    static const unsigned char r[32] = {0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd,
                                        0x11, 0x40, 0xdd, 0x9c, 0xd4, 0x5e, 0x81, 0xd6,
                                        0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91,
                                        0xc3, 0x4d, 0x0e, 0xa8, 0x4e, 0xaf, 0x37, 0x16};
    static const unsigned char s[32] = {0xf7, 0xcb, 0x1c, 0x94, 0x2d, 0x65, 0x7c, 0x41,
                                        0xd4, 0x36, 0xc7, 0xa1, 0xb6, 0xe2, 0x9f, 0x65,
                                        0xf3, 0xe9, 0x00, 0xdb, 0xb9, 0xaf, 0xf4, 0x06,
                                        0x4d, 0xc4, 0xab, 0x2f, 0x84, 0x3a, 0xcd, 0xa8};
    br_ec_private_key key = {BR_EC_secp256r1, x, 32};
    unsigned char hash[32], signature[80];
    br_sha256_context sha;
    size_t n;

    br_sha256_init(&sha);
    br_sha256_update(&sha, "sample", 6);
    br_sha256_out(&sha, hash);
    n = ecdsa_sign(curves_get(), &br_sha256_vtable, hash, &key, signature);
    n = br_ecdsa_asn1_to_raw(signature, n);
    ok(n == 64 && memcmp(signature, r, 32) == 0 && memcmp(signature + 32, s, 32) == 0,
       "RFC 6979's signature of \"sample\" with SHA-256");
}

static bool same(const br_hash_class *class, const unsigned char hash[64], int curve,
                 unsigned char *x, size_t n)
{
    unsigned char ours[200], bears[200];
    br_ec_private_key key = {curve, x, n};
    size_t size = ecdsa_sign(curves_get(), class, hash, &key, ours);

    return size == br_ecdsa_i31_sign_asn1(&br_ec_all_m31, class, hash, &key, bears) &&
           memcmp(ours, bears, size) == 0;
}

static void test_same(void)
{
    static const br_hash_class *const classes[] = {&br_sha256_vtable, &br_sha1_vtable,
                                                   &br_sha384_vtable, &br_sha512_vtable,
                                                   &br_sha224_vtable};
    unsigned long rounds = curves_setting("CURVES_ROUNDS", 300);
    unsigned char hash[64], x[66] = {0};
    bool all = true;

    for (unsigned long i = 0; i < rounds && all; i++) {
        curves_number(hash);
        curves_number(hash + 32);
        curves_number(x);
        if (i % 16 == 0) { /* hashes around the order */
            memcpy(hash, order, 32);
            hash[31] = (unsigned char)(hash[31] + i / 16 - 3);
        }
        all = same(classes[i % 8 < 5 ? i % 8 : 0], hash, BR_EC_secp256r1, x, 32);
    }
    ok(all, "as BearSSL's in %lu rounds, with five hashes", rounds);
    memset(hash, 0, sizeof hash);
    memset(x, 0, sizeof x);
    x[39] = 1;
    ok(same(&br_sha256_vtable, hash, BR_EC_secp256r1, x, 40) &&
           same(&br_sha256_vtable, hash, BR_EC_secp256r1, x + 39, 1),
       "of zeros, with a key of one, written long and short");
    memcpy(x, order, 32);
    x[31]--;
    ok(same(&br_sha256_vtable, hash, BR_EC_secp256r1, x, 32), "with the largest key");
    ok(same(&br_sha384_vtable, hash, BR_EC_secp384r1, x, 48) &&
           same(&br_sha512_vtable, hash, BR_EC_secp521r1, x, 48),
       "on other curves");
}

/* What BearSSL says, too. */
static uint32_t verify(const unsigned char *hash, size_t n, const br_ec_public_key *key,
                       const unsigned char *signature, size_t size)
{
    uint32_t ours = ecdsa_verify(curves_get(), hash, n, key, signature, size);

    if (ours != br_ecdsa_i31_vrfy_asn1(&br_ec_all_m31, hash, n, key, signature, size))
        ok(false, "BearSSL's verdict is another one than %u", ours);
    return ours;
}

static void test_verify(void)
{
    unsigned long rounds = curves_setting("CURVES_ROUNDS", 300) / 10;
    unsigned char hash[64], x[32], q[133], signature[200];
    const unsigned char zero[32] = {0};
    bool good = true, bad = true;

    for (unsigned long i = 0; i < rounds; i++) {
        br_ec_private_key key = {BR_EC_secp256r1, x, 32};
        br_ec_public_key public = {BR_EC_secp256r1, q, 65};
        size_t size, hash_size = 20 + curves_random(45);

        curves_number(hash);
        curves_number(hash + 32);
        curves_number(x);
        if (i % 4 == 0)
            memcpy(hash, order, 32), hash[31] = (unsigned char)(hash[31] + i / 4 % 7 - 3);
        size = br_ecdsa_i31_sign_asn1(&br_ec_all_m31, &br_sha512_vtable, hash, &key, signature);
        if (size == 0) /* no key */
            continue;
        (void)br_ec_compute_pub(&br_ec_all_m31, &public, q, &key);
        /* BearSSL refuses all signatures of zero. */
        good = good && verify(hash, 64, &public, signature, size) ==
                           (memcmp(hash, order, 32) != 0 && memcmp(hash, zero, 32) != 0);
        (void)verify(hash, hash_size, &public, signature, size);
        hash[curves_random(32)] ^= (unsigned char)(1u << curves_random(8));
        bad = bad && verify(hash, 64, &public, signature, size) == 0;
        signature[curves_random((unsigned)size)] ^= (unsigned char)(1u << curves_random(8));
        (void)verify(hash, 64, &public, signature, size);
        q[curves_random(65)] ^= (unsigned char)(1u << curves_random(8));
        bad = bad && verify(hash, 64, &public, signature, size) == 0;
        public.qlen--;
        bad = bad && verify(hash, 64, &public, signature, size) == 0;
    }
    ok(good, "signatures are accepted, %lu times", rounds);
    ok(bad, "and refused for another hash or key");
}

/* Encodings of two numbers of one length each, which may be zero, the order, or long. */
static void test_encodings(void)
{
    unsigned char hash[32] = {1}, x[32] = {[31] = 1}, q[65], raw[200], *n = raw;
    br_ec_private_key key = {BR_EC_secp256r1, x, 32};
    br_ec_public_key public = {BR_EC_secp256r1, q, 65};
    size_t size;
    bool same = true;

    (void)br_ec_compute_pub(&br_ec_all_m31, &public, q, &key);
    for (int r = 0; r < 5; r++)
        for (int s = 0; s < 5; s++) {
            const int kinds[2] = {r, s};

            memset(raw, 0, sizeof raw);
            for (int i = 0; i < 2; i++) {
                n = raw + (ptrdiff_t)i * 32;
                if (kinds[i] == 1)
                    n[31] = 1;
                else if (kinds[i] >= 2 && kinds[i] < 4)
                    memcpy(n, order, 32), n[31] = (unsigned char)(n[31] - (kinds[i] == 3));
                else if (kinds[i] == 4)
                    memset(n, 0xff, 32);
            }
            size = br_ecdsa_raw_to_asn1(raw, 64);
            same = same && verify(hash, 32, &public, raw, size) == 0;
        }
    for (size = 0; size < sizeof raw; size++) {
        memset(raw, 0x11, sizeof raw);
        if (size > 8 && size < 130) {
            raw[0] = 0x30;
            raw[1] = (unsigned char)(size - 2);
            raw[2] = 2;
            raw[3] = (unsigned char)(size - 7);
            raw[size - 3] = 2;
            raw[size - 2] = 1;
        }
        same = same && verify(hash, 32, &public, raw, size) == 0;
    }
    ok(same, "numbers that are none, and all lengths, are refused");
    public.curve = BR_EC_curve25519;
    public.qlen = 32;
    ok(verify(hash, 32, &public, raw, 8) == 0, "Curve25519 verifies nothing");
}

static void test_refused(void)
{
    unsigned char hash[64] = {0}, x[33] = {0}, signature[80];
    br_ec_private_key key = {BR_EC_secp256r1, x, 32};
    br_ec_private_key other = {BR_EC_curve25519, x, 32};

    ok(ecdsa_sign(curves_get(), &br_sha256_vtable, hash, &key, signature) == 0, "zero is no key");
    key.xlen = 0;
    ok(ecdsa_sign(curves_get(), &br_sha256_vtable, hash, &key, signature) == 0, "nor is nothing");
    memcpy(x, order, 32);
    key.xlen = 32;
    ok(ecdsa_sign(curves_get(), &br_sha256_vtable, hash, &key, signature) == 0, "nor the order");
    key.xlen = 33;
    ok(ecdsa_sign(curves_get(), &br_sha256_vtable, hash, &key, signature) == 0, "nor a longer one");
    ok(ecdsa_sign(curves_get(), &br_sha256_vtable, hash, &other, signature) == 0,
       "Curve25519 signs nothing");
}

int main(void)
{
    test_rfc6979();
    test_same();
    test_verify();
    test_encodings();
    test_refused();
    return done_testing();
}
