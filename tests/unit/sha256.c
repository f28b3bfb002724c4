/*
 * SHA-256: FIPS 180's examples, and for the class that this CPU is given, what BearSSL's makes of
 * the same, by every way that BearSSL goes with a class. Where the CPU has no instructions for it,
 * BearSSL's class is compared with itself.
 */
#include "crypto/sha256.h"

#include "curves.h"
#include "tap.h"

static const br_hash_class *class;

static bool is_hex(const uint8_t digest[32], const char *hex)
{
    char digits[65];

    slice_write_hex(digest, 32, digits);
    return strcmp(digits, hex) == 0;
}

/* The digest of what is given in pieces of at most so many bytes; cut at random if it is 0. */
static void digest_of(const br_hash_class *with, const uint8_t *data, size_t n, size_t piece,
                      uint8_t out[32])
{
    br_hash_compat_context context;

    memset(&context, 0xa5, sizeof context);
    with->init(&context.vtable);
    while (n > 0) {
        size_t part = piece > 0 ? piece : curves_random(150);

        if (part > n)
            part = n;
        context.vtable->update(&context.vtable, data, part);
        data += part;
        n -= part;
    }
    context.vtable->update(&context.vtable, NULL, 0);
    context.vtable->out(&context.vtable, out);
}

static void test_examples(void)
{
    static uint8_t million[1000000];
    static const struct {
        const char *text, *digest;
    } examples[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    uint8_t digest[32];

    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const char *text = examples[i].text;

        digest_of(class, (const uint8_t *)text, strlen(text), 1000, digest);
        ok(is_hex(digest, examples[i].digest), "FIPS 180's example \"%s\"", text);
        sha256(slice_of(text), digest);
        ok(is_hex(digest, examples[i].digest), "and in one piece");
    }
    memset(million, 'a', sizeof million);
    digest_of(class, million, sizeof million, sizeof million, digest);
    ok(is_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
       "and a million times \"a\"");
}

static void test_lengths(void)
{
    uint8_t data[301], ours[32], bears[32];
    bool same = true;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)curves_random(256);
    for (size_t n = 0; n < sizeof data; n++) {
        digest_of(&br_sha256_vtable, data, n, n + 1, bears);
        digest_of(class, data, n, n + 1, ours);
        same = same && memcmp(ours, bears, 32) == 0;
        for (size_t piece = 1; piece < 140; piece++) {
            digest_of(class, data, n, piece, ours);
            same = same && memcmp(ours, bears, 32) == 0;
        }
        for (int i = 0; i < 20; i++) {
            digest_of(class, data, n, 0, ours);
            same = same && memcmp(ours, bears, 32) == 0;
        }
    }
    ok(same, "0 to 300 bytes, in pieces of all sizes");
}

/* out leaves the context as it was, and states go from one class to the other. */
static void test_states(void)
{
    uint8_t data[400], ours[32], bears[32], early[32], state[64], other_state[64];
    br_hash_compat_context a, b;
    bool same = true;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)curves_random(256);
    for (size_t n = 0; n <= sizeof data; n++) {
        size_t whole = n / 64 * 64;

        class->init(&a.vtable);
        class->update(&a.vtable, data, whole);
        br_sha256_vtable.init(&b.vtable);
        br_sha256_vtable.update(&b.vtable, data, whole);
        same = same && class->state(&a.vtable, state) == whole &&
               br_sha256_vtable.state(&b.vtable, other_state) == whole &&
               memcmp(state, other_state, 32) == 0;
        /* Now each goes on from the other's. */
        class->init(&a.vtable);
        class->set_state(&a.vtable, other_state, whole);
        class->update(&a.vtable, data + whole, n - whole);
        class->out(&a.vtable, early);
        class->update(&a.vtable, data, 7);
        class->out(&a.vtable, ours);
        br_sha256_vtable.init(&b.vtable);
        br_sha256_vtable.set_state(&b.vtable, state, whole);
        br_sha256_vtable.update(&b.vtable, data + whole, n - whole);
        br_sha256_vtable.out(&b.vtable, bears);
        same = same && memcmp(early, bears, 32) == 0;
        br_sha256_vtable.update(&b.vtable, data, 7);
        br_sha256_vtable.out(&b.vtable, bears);
        same = same && memcmp(ours, bears, 32) == 0;
    }
    ok(same, "states, and digests on the way");
    class->init(&a.vtable);
    class->set_state(&a.vtable, state, (uint64_t)1 << 60);
    class->out(&a.vtable, ours);
    br_sha256_vtable.init(&b.vtable);
    br_sha256_vtable.set_state(&b.vtable, state, (uint64_t)1 << 60);
    br_sha256_vtable.out(&b.vtable, bears);
    ok(memcmp(ours, bears, 32) == 0, "2^60 bytes, counted in bits");
}

static void hmac_of(const br_hash_class *with, const uint8_t *data, size_t n, uint8_t out[32])
{
    br_hmac_key_context key;
    br_hmac_context hmac;

    br_hmac_key_init(&key, with, data, n);
    br_hmac_init(&hmac, &key, 0);
    br_hmac_update(&hmac, data, n / 2);
    (void)br_hmac_out(&hmac, out);
}

static void random_of(const br_hash_class *with, const uint8_t *data, size_t n, uint8_t out[100])
{
    br_hmac_drbg_context drbg;

    br_hmac_drbg_init(&drbg, with, data, n);
    br_hmac_drbg_generate(&drbg, out, 50);
    br_hmac_drbg_generate(&drbg, out + 50, 50);
}

static void hashes_of(const br_hash_class *with, const uint8_t *data, size_t n, uint8_t out[32])
{
    br_multihash_context all;

    br_multihash_zero(&all);
    br_multihash_setimpl(&all, br_sha256_ID, with);
    br_multihash_setimpl(&all, br_sha384_ID, &br_sha384_vtable);
    br_multihash_init(&all);
    br_multihash_update(&all, data, n / 3);
    br_multihash_update(&all, data + n / 3, n - n / 3);
    (void)br_multihash_out(&all, br_sha256_ID, out);
}

static void prf_of(const br_hash_class *with, const uint8_t *data, size_t n, uint8_t out[100])
{
    br_tls_prf_seed_chunk seed[2] = {{data, n}, {data, n / 2}};

    sha256_prf(with)(out, 100, data, n / 2, "master secret", 2, seed);
}

static void test_users(void)
{
    static const struct {
        const char *name;
        void (*make)(const br_hash_class *with, const uint8_t *data, size_t n, uint8_t *out);
        size_t size;
    } users[] = {{"HMAC", hmac_of, 32},
                 {"HMAC_DRBG", random_of, 100},
                 {"several hashes at once", hashes_of, 32},
                 {"the PRF", prf_of, 100}};
    uint8_t data[300], ours[100], bears[100];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)curves_random(256);
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        bool same = true;

        for (size_t n = 0; n <= sizeof data; n++) {
            users[i].make(class, data, n, ours);
            users[i].make(&br_sha256_vtable, data, n, bears);
            same = same && memcmp(ours, bears, users[i].size) == 0;
        }
        ok(same, "%s", users[i].name);
    }
    ok(sha256_prf(&br_sha256_vtable) == br_tls12_sha256_prf, "BearSSL's PRF goes with its class");
}

int main(void)
{
    class = sha256_choose();
    printf("# %s\n", class == &br_sha256_vtable ? "BearSSL's code" : "the CPU's instructions");
    test_examples();
    test_lengths();
    test_states();
    test_users();
    return done_testing();
}
