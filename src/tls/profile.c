#include "tls/profile.h"

#include "base/limits.h"
#include "base/secret.h"
#include "crypto/curves.h"
#include "crypto/ecdsa.h"
#include "crypto/sha256.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* From the kernel, which gives up to 256 bytes in one piece. */
static bool draw(void *out, size_t n)
{
    ssize_t have;

    do
        have = getrandom(out, n, 0);
    while (have < 0 && errno == EINTR);
    return have == (ssize_t)n;
}

bool tls_profile_init(struct tls_profile *p, struct err *err)
{
    uint8_t seed[48];

    memset(p, 0, sizeof *p);
    if (!draw(seed, sizeof seed)) {
        err_set(err, ERR_SYSTEM, "getrandom: %s: no entropy, TLS is impossible", strerror(errno));
        return false;
    }
    p->sha256 = sha256_choose();
    br_hmac_drbg_init(&p->entropy, p->sha256, seed, sizeof seed);
    secret_wipe(seed, sizeof seed);

    p->ec = curves_get();
    p->gcm = gcm_choose();
    p->chacha20 = br_chacha20_sse2_get();
    if (!p->chacha20)
        p->chacha20 = br_chacha20_ct_run;
    /* Any compiler for 64 bits that is used here has 128-bit products. */
    p->poly1305 = sizeof(void *) == 8 ? br_poly1305_ctmulq_run : br_poly1305_ctmul_run;
    p->rsa_verify = br_rsa_pkcs1_vrfy_get_default();
    p->rsa_sign = br_rsa_pkcs1_sign_get_default();
    p->ecdsa_verify = ecdsa_verify;
    p->ecdsa_sign = ecdsa_sign;
    return true;
}

void tls_profile_fini(struct tls_profile *p)
{
    for (int side = 0; side < TLS_SIDES; side++) {
        pool_fini(&p->connections[side]);
        pool_fini(&p->records[side]);
    }
    secret_wipe(p, sizeof *p);
}

uint64_t tls_counts_failed(const struct tls_counts *counts)
{
    uint64_t n = 0;

    for (int i = 0; i < TLS_FAILURES; i++)
        n += counts->failed[i];
    return n;
}

const char *tls_failure_name(enum tls_failure failure)
{
    static const char names[TLS_FAILURES][21] = {
        "certificate_rejected", "nothing_in_common", "not_tls", "timeout", "closed", "other"};

    return names[failure];
}

void tls_profile_random(struct tls_profile *p, void *out, size_t n)
{
    br_hmac_drbg_generate(&p->entropy, out, n);
}

uint32_t tls_profile_random_below(struct tls_profile *p, uint32_t bound)
{
    uint64_t r;

    /* 64 bits against 32: the bias is below 2^-32, which jitter does not notice. */
    tls_profile_random(p, &r, sizeof r);
    return (uint32_t)(r % bound);
}

struct tls_identity *tls_identity_take(struct pem_chain *chain, struct pem_key *key,
                                       struct err *err)
{
    struct tls_identity *i = calloc(1, sizeof *i);

    if (!i) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    if (!pem_read_facts(&chain->certs[0], &i->facts, err)) {
        free(i);
        return NULL;
    }
    i->refs = 1;
    i->chain = *chain;
    i->key = *key;
    memset(chain, 0, sizeof *chain);
    memset(key, 0, sizeof *key);
    return i;
}

struct tls_identity *tls_identity_hold(struct tls_identity *i)
{
    i->refs++;
    return i;
}

void tls_identity_drop(struct tls_identity *i)
{
    if (!i || --i->refs > 0)
        return;
    sessions_fini(&i->sessions);
    pem_chain_fini(&i->chain);
    pem_key_fini(&i->key);
    free(i);
}

struct tls_trust *tls_trust_take(struct pem_anchors *anchors, struct err *err)
{
    struct tls_trust *t = calloc(1, sizeof *t);

    if (!t) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    t->refs = 1;
    t->anchors = *anchors;
    memset(anchors, 0, sizeof *anchors);
    return t;
}

struct tls_trust *tls_trust_hold(struct tls_trust *t)
{
    t->refs++;
    return t;
}

void tls_trust_drop(struct tls_trust *t)
{
    if (!t || --t->refs > 0)
        return;
    pem_anchors_fini(&t->anchors);
    tls_identity_drop(t->client);
    free(t);
}

void tls_profile_suites(br_ssl_engine_context *eng, int key_type)
{
    /* AES-128 first: with the CPU's AES it is the cheapest, and licensing messages are short. */
    static const uint16_t ecdsa[] = {
        BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    };
    static const uint16_t rsa[] = {
        BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    };
    static const uint16_t both[] = {
        BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    };

    _Static_assert(sizeof both / sizeof both[0] == LIMIT_SUITES, "places for them are limited");
    if (key_type == BR_KEYTYPE_EC)
        br_ssl_engine_set_suites(eng, ecdsa, sizeof ecdsa / sizeof ecdsa[0]);
    else if (key_type == BR_KEYTYPE_RSA)
        br_ssl_engine_set_suites(eng, rsa, sizeof rsa / sizeof rsa[0]);
    else
        br_ssl_engine_set_suites(eng, both, sizeof both / sizeof both[0]);
}

void tls_profile_apply(struct tls_profile *p, br_ssl_engine_context *eng)
{
    uint8_t seed[32];

    br_ssl_engine_set_versions(eng, BR_TLS12, BR_TLS12);
    br_ssl_engine_add_flags(eng, BR_OPT_NO_RENEGOTIATION | BR_OPT_FAIL_ON_ALPN_MISMATCH |
                                     BR_OPT_ENFORCE_SERVER_PREFERENCES);
    br_ssl_engine_set_ec(eng, p->ec);
    br_ssl_engine_set_hash(eng, br_sha256_ID, p->sha256);
    br_ssl_engine_set_hash(eng, br_sha384_ID, &br_sha384_vtable);
    br_ssl_engine_set_hash(eng, br_sha512_ID, &br_sha512_vtable);
    br_ssl_engine_set_prf_sha256(eng, sha256_prf(p->sha256));
    br_ssl_engine_set_prf_sha384(eng, &br_tls12_sha384_prf);
    br_ssl_engine_set_gcm(eng, &br_sslrec_in_gcm_vtable, &br_sslrec_out_gcm_vtable);
    br_ssl_engine_set_aes_ctr(eng, p->gcm.ctr);
    br_ssl_engine_set_ghash(eng, p->gcm.ghash);
    br_ssl_engine_set_chapol(eng, &br_sslrec_in_chapol_vtable, &br_sslrec_out_chapol_vtable);
    br_ssl_engine_set_chacha20(eng, p->chacha20);
    br_ssl_engine_set_poly1305(eng, p->poly1305);
    br_ssl_engine_set_rsavrfy(eng, p->rsa_verify);
    br_ssl_engine_set_ecdsa(eng, p->ecdsa_verify);
    /* The kernel's generator knows of a copied virtual machine, of which ours would not. */
    if (!draw(seed, sizeof seed))
        tls_profile_random(p, seed, sizeof seed);
    br_ssl_engine_inject_entropy(eng, seed, sizeof seed);
    /* That is enough: no search for a source of its own, with a CPUID for each engine. */
    eng->rng_os_rand_done = 1;
    secret_wipe(seed, sizeof seed);
}
