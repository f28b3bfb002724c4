/*
 * PEM files to what BearSSL works with: chains, private keys, trust anchors. Each object owns its
 * memory; what BearSSL is given from it is borrowed and must not outlive it.
 */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include "base/buf.h"
#include "base/err.h"

#include <bearssl.h>

struct pem_chain {
    br_x509_certificate certs[LIMIT_CHAIN]; /* leaf first; data owned */
    size_t count;
};

struct pem_key {
    int type; /* BR_KEYTYPE_RSA or BR_KEYTYPE_EC; 0 when empty */
    union {
        br_rsa_private_key rsa;
        br_ec_private_key ec;
    } u;
    uint8_t *bytes; /* owned; what u points into; wiped at the end */
    size_t size;
};

struct pem_anchors {
    br_x509_trust_anchor *items; /* owned, unless borrowed is set (the compiled-in bundle) */
    size_t count;
    size_t cap;
    bool borrowed;
};

/*
 * All certificates of a PEM text, in their order. ERR_CONFIG: none there, more than LIMIT_CHAIN,
 * bad base64, not a certificate. name (a file name) stands in messages.
 */
bool pem_read_chain(struct slice pem, const char *name, struct pem_chain *out, struct err *err);

/*
 * The first private key: PKCS#8 ("PRIVATE KEY"), "RSA PRIVATE KEY" or "EC PRIVATE KEY", not
 * encrypted (an encrypted one is refused by name, with the openssl command that decrypts it).
 * Lengths are checked: EC keys on P-256, P-384 or P-521, of the curve's length, not zero; RSA of
 * 2048 to 4096 bits.
 */
bool pem_read_key(struct slice pem, const char *name, struct pem_key *out, struct err *err);

/*
 * Adds every certificate of the text as a trust anchor: CA if its basicConstraints say so, else a
 * single trusted end-entity certificate. ERR_CONFIG when there is none or one can't be read.
 */
bool pem_read_anchors(struct slice pem, const char *name, struct pem_anchors *out, struct err *err);

/* Whether the key belongs to the chain's first certificate; ERR_CONFIG names both files. */
bool pem_match(const struct pem_chain *chain, const char *chain_name, const struct pem_key *key,
               const char *key_name, struct err *err);

/* The file forms: read, parse, and on any error leave *out empty. */
bool pem_load_chain(const char *path, struct pem_chain *out, struct err *err);
bool pem_load_key(const char *path, struct pem_key *out, struct err *err);
bool pem_load_anchors(const char *path, struct pem_anchors *out, struct err *err);

/* The certificate's validity end in seconds since 1970; its key's type (BR_KEYTYPE_…) and its
 * issuer's. */
struct pem_facts {
    int64_t not_before, not_after;
    int key_type;        /* BR_KEYTYPE_RSA or BR_KEYTYPE_EC */
    int issuer_key_type; /* of the signature on it */
};
bool pem_read_facts(const br_x509_certificate *cert, struct pem_facts *out, struct err *err);

/* Appends one "-----BEGIN label-----" … block. */
bool pem_write(struct buf *out, const char *label, const void *der, size_t n);

void pem_chain_fini(struct pem_chain *c);
void pem_key_fini(struct pem_key *k);
void pem_anchors_fini(struct pem_anchors *a);

#endif
