/*
 * What this program speaks: TLS 1.2 with ECDHE and AEAD suites only. The implementations are
 * chosen once at start: BearSSL's br_*_get() tests run CPUID, which traps in a virtual machine, at
 * every call. Also the material of handshakes, shared by connections and replaced on reload.
 */
#ifndef TLS_PROFILE_H
#define TLS_PROFILE_H

#include "base/pool.h"
#include "crypto/gcm.h"
#include "tls/pem.h"
#include "tls/sessions.h"

enum tls_side { TLS_SERVER, TLS_CLIENT, TLS_SIDES };

/* Why a handshake failed, as far as that can be told apart without a text. */
enum tls_failure {
    TLS_FAILED_CERTIFICATE, /* one side rejects the other's, or wants one */
    TLS_FAILED_COMMON,      /* no version, suite, curve or signature in common */
    TLS_FAILED_STRANGER,    /* the peer doesn't speak TLS */
    TLS_FAILED_TIMEOUT,     /* given up */
    TLS_FAILED_CLOSED,      /* the peer closed or reset the connection */
    TLS_FAILED_OTHER,
    TLS_FAILURES
};

/* Counted from the start of the process. */
struct tls_counts {
    uint64_t done;    /* full handshakes */
    uint64_t resumed; /* of a session that was kept */
    uint64_t failed[TLS_FAILURES];
};

/* All that failed. */
uint64_t tls_counts_failed(const struct tls_counts *counts);

/* Implementations, and a seeded generator for what is drawn often. */
struct tls_profile {
    const br_hash_class *sha256;
    const br_ec_impl *ec;
    struct gcm gcm;
    br_chacha20_run chacha20;
    br_poly1305_run poly1305;
    br_rsa_pkcs1_vrfy rsa_verify;
    br_rsa_pkcs1_sign rsa_sign;
    br_ecdsa_vrfy ecdsa_verify;
    br_ecdsa_sign ecdsa_sign;
    br_hmac_drbg_context entropy;
    struct tls_counts handshakes[TLS_SIDES];
    struct pool connections[TLS_SIDES], records[TLS_SIDES]; /* of tls/engine, as is the next */
    uint8_t arrived[LIMIT_HEAD]; /* from a peer, on its way to the engine within one call */
};

/* Chooses, and seeds the generator from getrandom(2). ERR_SYSTEM without entropy: do not start. */
bool tls_profile_init(struct tls_profile *p, struct err *err);

/* Wipes the generator, frees the pools; TLS connections must be over. */
void tls_profile_fini(struct tls_profile *p);

/* "certificate_rejected", "nothing_in_common", "not_tls", "timeout", "closed", "other". */
const char *tls_failure_name(enum tls_failure failure);

/* Random bytes for identifiers, nonces and jitter. */
void tls_profile_random(struct tls_profile *p, void *out, size_t n);

/* Uniform in [0, bound); bound at least 1. */
uint32_t tls_profile_random_below(struct tls_profile *p, uint32_t bound);

/* A chain and its key, held by everybody who may still use it: counted, freed by the last. */
struct tls_identity {
    unsigned refs;
    struct pem_chain chain;
    struct pem_key key;
    struct pem_facts facts;   /* of the leaf */
    struct sessions sessions; /* of clients to whom it was shown */
};

/* Takes chain and key (left empty). NULL when out of memory or the leaf can't be read. */
struct tls_identity *tls_identity_take(struct pem_chain *chain, struct pem_key *key,
                                       struct err *err);
struct tls_identity *tls_identity_hold(struct tls_identity *i);
void tls_identity_drop(struct tls_identity *i); /* i may be NULL */

/* What a server is verified against, likewise. */
struct tls_trust {
    unsigned refs;
    struct pem_anchors anchors;
    uint8_t pins[LIMIT_LIST][32]; /* SHA-256 of public keys, one of which the server must have */
    size_t pin_count;
    bool pins_suffice;           /* a pinned key needs no authority, name or dates besides */
    struct tls_identity *client; /* held; shown to servers that ask for it. NULL: none */
};

struct tls_trust *tls_trust_take(struct pem_anchors *anchors, struct err *err);
struct tls_trust *tls_trust_hold(struct tls_trust *t);
void tls_trust_drop(struct tls_trust *t); /* t may be NULL */

/* Suites, versions, curves, hashes and PRFs of an engine, and 32 bytes of entropy from the kernel:
 * the only ones that it gets. */
void tls_profile_apply(struct tls_profile *p, br_ssl_engine_context *eng);

/* The suites that fit a server key of that type (BR_KEYTYPE_RSA or _EC), or 0 for a client: all. */
void tls_profile_suites(br_ssl_engine_context *eng, int key_type);

#endif
