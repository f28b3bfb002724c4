/*
 * The proxy's self-made identity: a P-256 key and a self-signed certificate (RFC 5280) that names
 * localhost, 127.0.0.1, ::1, the machine, license-proxy and what the operator adds.
 */
#ifndef TLS_IDENTITY_H
#define TLS_IDENTITY_H

#include "tls/pem.h"

#define IDENTITY_DAYS 825      /* validity: the longest that strict clients accept */
#define IDENTITY_RENEW_DAYS 30 /* renewed, with the same key, this long before its end */

/*
 * Makes a new key from entropy (a seeded generator) and its certificate, valid from an hour before
 * now_s (seconds since 1970) for IDENTITY_DAYS. names: count DNS names or IP addresses as text,
 * duplicates allowed. The certificate: v3, random 16-byte serial, CN=license-proxy, subject =
 * issuer, SAN, basicConstraints CA:FALSE critical... or what `openssl verify -x509_strict` accepts
 * as a self-signed trust anchor, keyUsage, EKU serverAuth, SKI.
 */
bool identity_make(const br_prng_class **entropy, const char *const *names, size_t count,
                   int64_t now_s, struct pem_chain *chain, struct pem_key *key, struct err *err);

/* A new certificate for the key that is there, so that a pinned key goes on. */
bool identity_renew(const br_prng_class **entropy, const struct pem_key *key,
                    const char *const *names, size_t count, int64_t now_s, struct pem_chain *chain,
                    struct err *err);

/* The SHA-256 of the certificate, and of its subject public key info (what a pin holds). */
void identity_fingerprint(const br_x509_certificate *cert, uint8_t out[32]);
bool identity_spki_pin(const br_x509_certificate *cert, uint8_t out[32]);

/* The key as PKCS#8 PEM, for the state directory. */
bool identity_write_key(const struct pem_key *key, struct buf *out);

#endif
