/*
 * One nonce is never used twice under a key: 96 random bits, at the few writes a minute of a
 * license proxy, meet once in 2^48 files (RFC 8439 section 4 asks for uniqueness only).
 */
#include "trust/seal.h"

#include <stdio.h>

#define MAGIC 4
#define NONCE 12
#define TAG 16
#define NAME_BYTES 20 /* of the HMAC in a name */

static const uint8_t magic[MAGIC] = {'L', 'P', 'S', 1};

/* What is authenticated beside the ciphertext. */
struct aad {
    uint8_t bytes[MAGIC + SEAL_NAME];
    size_t n;
};

/* A context produces one stream for one info: so each key is derived from the start. */
static void derive(struct slice secret, const char *info, uint8_t out[32])
{
    static const char salt[] = "license-proxy state";
    br_hkdf_context hkdf;

    br_hkdf_init(&hkdf, &br_sha256_vtable, salt, sizeof salt - 1);
    br_hkdf_inject(&hkdf, secret.p, secret.n);
    br_hkdf_flip(&hkdf);
    br_hkdf_produce(&hkdf, info, strlen(info), out, 32);
    secret_wipe(&hkdf, sizeof hkdf);
}

void seal_init(struct seal *s, struct slice secret)
{
    (void)secret_guard(s, sizeof *s);
    derive(secret, "seal 1", s->seal_key);
    derive(secret, "name 1", s->name_key);
    br_hmac_key_init(&s->name_hmac, &br_sha256_vtable, s->name_key, sizeof s->name_key);
}

void seal_fini(struct seal *s)
{
    secret_wipe(s, sizeof *s);
}

void seal_name(const struct seal *s, const char *prefix, const uint8_t key[32], char *out,
               size_t size)
{
    br_hmac_context hmac;
    uint8_t mac[32];
    char digits[2 * NAME_BYTES + 1];

    br_hmac_init(&hmac, &s->name_hmac, NAME_BYTES);
    br_hmac_update(&hmac, key, 32);
    br_hmac_out(&hmac, mac);
    slice_write_hex(mac, NAME_BYTES, digits);
    snprintf(out, size, "%s%s", prefix, digits);
    secret_wipe(&hmac, sizeof hmac);
}

static bool aad_make(struct aad *a, const char *name)
{
    size_t n = strlen(name);

    if (n > SEAL_NAME)
        return false;
    memcpy(a->bytes, magic, MAGIC);
    memcpy(a->bytes + MAGIC, name, n);
    a->n = MAGIC + n;
    return true;
}

bool seal_close(const struct seal *s, struct tls_profile *profile, const char *name,
                struct slice data, struct buf *out)
{
    uint8_t *to;
    struct aad aad;

    if (data.n > SIZE_MAX - SEAL_OVERHEAD || !aad_make(&aad, name))
        return false;
    to = buf_reserve(out, SEAL_OVERHEAD + data.n);
    if (!to)
        return false;
    memcpy(to, magic, MAGIC);
    tls_profile_random(profile, to + MAGIC, NONCE);
    if (data.n > 0)
        memcpy(to + MAGIC + NONCE, data.p, data.n);
    profile->poly1305(s->seal_key, to + MAGIC, to + MAGIC + NONCE, data.n, aad.bytes, aad.n,
                      to + MAGIC + NONCE + data.n, profile->chacha20, 1);
    buf_commit(out, SEAL_OVERHEAD + data.n);
    return true;
}

static bool tags_equal(const uint8_t *a, const uint8_t *b)
{
    unsigned differ = 0;

    for (size_t i = 0; i < TAG; i++)
        differ |= (unsigned)(a[i] ^ b[i]);
    return differ == 0;
}

bool seal_has_memory(struct slice sealed, struct buf *out)
{
    return sealed.n == 0 || sealed.n > buf_room(out) || buf_reserve(out, sealed.n);
}

bool seal_open(const struct seal *s, struct tls_profile *profile, const char *name,
               struct slice sealed, struct buf *out)
{
    const uint8_t *from = (const uint8_t *)sealed.p;
    uint8_t nothing, tag[TAG];
    uint8_t *to = &nothing; /* an empty buffer has no place to point to */
    struct aad aad;
    size_t n;

    if (sealed.n < SEAL_OVERHEAD || memcmp(from, magic, MAGIC) != 0 || !aad_make(&aad, name))
        return false;
    n = sealed.n - SEAL_OVERHEAD;
    if (n > 0) {
        to = buf_reserve(out, n);
        if (!to)
            return false;
        memcpy(to, from + MAGIC + NONCE, n);
    }
    profile->poly1305(s->seal_key, from + MAGIC, to, n, aad.bytes, aad.n, tag, profile->chacha20,
                      0);
    if (!tags_equal(tag, from + MAGIC + NONCE + n)) {
        secret_wipe(to, n);
        return false;
    }
    buf_commit(out, n);
    return true;
}
