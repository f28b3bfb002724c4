/*
 * PEM files to what BearSSL works with: chains, private keys, trust anchors. Each object owns its
 * memory; what BearSSL is given from it is borrowed and must not outlive it.
 */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include "base/buf.h"
#include "base/err.h"

#include <bearssl.h>

#define PEM_RSA_MIN_BITS 2048
#define PEM_RSA_MAX_BITS 4096 /* what BearSSL has room for */

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
    br_x509_trust_anchor *items; /* owned; with what they point to, unless borrowed is set */
    size_t count;
    size_t cap;
    size_t skipped; /* well-formed certificates whose keys can't be used, and so aren't here */
    bool borrowed;
};

/*
 * All certificates of a PEM text, in their order; other blocks are passed over. ERR_CONFIG: none
 * there, more than LIMIT_CHAIN, bad base64, not a certificate; ERR_MEMORY. name (a file name)
 * stands in messages. *out need not be initialised, and is empty after an error.
 */
bool pem_read_chain(struct slice pem, const char *name, struct pem_chain *out, struct err *err);

/*
 * The first private key: PKCS#8 ("PRIVATE KEY"), "RSA PRIVATE KEY" or "EC PRIVATE KEY", not
 * encrypted (an encrypted one is refused by name, with the openssl command that decrypts it).
 * Lengths are checked: EC keys on P-256, P-384 or P-521, below the curve's order, not zero; RSA of
 * 2048 to 4096 bits with odd factors. *out as in pem_read_chain.
 */
bool pem_read_key(struct slice pem, const char *name, struct pem_key *out, struct err *err);

/*
 * Adds every certificate of the text as a trust anchor: CA if its basicConstraints say so, else a
 * single trusted end-entity certificate. *out is initialised (all zero is empty). Keys that can't
 * be used (neither RSA of 2048 to 4096 bits nor EC on P-256, P-384, P-521) only count in skipped.
 * ERR_CONFIG, with nothing added, when none can be used or one isn't a certificate; ERR_MEMORY.
 */
bool pem_read_anchors(struct slice pem, const char *name, struct pem_anchors *out, struct err *err);

/*
 * Whether the key belongs to the chain's first certificate (RSA: also whether it signs rightly);
 * ERR_CONFIG names both files.
 */
bool pem_match(const struct pem_chain *chain, const char *chain_name, const struct pem_key *key,
               const char *key_name, struct err *err);

/* The file forms: read, parse, and on any error leave *out empty. */
bool pem_load_chain(const char *path, struct pem_chain *out, struct err *err);
bool pem_load_key(const char *path, struct pem_key *out, struct err *err);
bool pem_load_anchors(const char *path, struct pem_anchors *out, struct err *err);

/* What a certificate says that BearSSL's objects don't hold. */
struct pem_facts {
    int64_t not_before, not_after; /* validity, both inclusive, seconds since 1970 */
    int key_type;                  /* BR_KEYTYPE_RSA or BR_KEYTYPE_EC */
    int issuer_key_type;           /* of the signature on it; 0 for an algorithm of another kind */
};

/* ERR_CONFIG: malformed, or a key that can't be used (as for anchors). The text names no file. */
bool pem_read_facts(const br_x509_certificate *cert, struct pem_facts *out, struct err *err);

/*
 * The certificate's key, borrowed from cert. False: a key that can't be used (as for anchors),
 * ERR_CONFIG, the text naming no file.
 */
bool pem_read_public(const br_x509_certificate *cert, br_x509_pkey *out, struct err *err);

/* The encoded SubjectPublicKeyInfo, which pins are made of; borrowed from cert. False: malformed.
 */
bool pem_read_spki(const br_x509_certificate *cert, struct slice *spki);

/* Appends one "-----BEGIN label-----" … block. False, with nothing appended, for want of room. */
bool pem_write(struct buf *out, const char *label, const void *der, size_t n);

void pem_chain_fini(struct pem_chain *c);
void pem_key_fini(struct pem_key *k);
void pem_anchors_fini(struct pem_anchors *a);

#endif
