/*
 * The proxy's self-made identity: a P-256 key and a self-signed certificate (RFC 5280) that names
 * localhost, license-proxy, 127.0.0.1, ::1, and what the caller adds.
 */
#ifndef TLS_IDENTITY_H
#define TLS_IDENTITY_H

#include "tls/pem.h"

#define IDENTITY_DAYS 825      /* validity: the longest that strict clients accept */
#define IDENTITY_RENEW_DAYS 30 /* renewed, with the same key, this long before its end */

/*
 * Makes a new key from entropy (a seeded generator) and its certificate, valid from an hour before
 * now_s (seconds since 1970) for IDENTITY_DAYS. names: count DNS names (a leading "*." is allowed)
 * or IP addresses as text, to be added to the four above; duplicates are dropped, and so is what
 * can't stand in a certificate (a host name with an underscore, say). ERR_LIMIT: more than
 * LIMIT_NAMES in all; ERR_MEMORY. *chain and *key need not be initialised, and are empty after an
 * error.
 */
bool identity_make(const br_prng_class **entropy, const char *const *names, size_t count,
                   int64_t now_s, struct pem_chain *chain, struct pem_key *key, struct err *err);

/*
 * A new certificate for the key that is there, so that a pinned key goes on. As identity_make;
 * ERR_CONFIG, too, when the key is not on P-256.
 */
bool identity_renew(const br_prng_class **entropy, const struct pem_key *key,
                    const char *const *names, size_t count, int64_t now_s, struct pem_chain *chain,
                    struct err *err);

/* The SHA-256 of the certificate as people compare it: "AB:CD:…". */
#define IDENTITY_FINGERPRINT_SIZE 96
void identity_fingerprint(const br_x509_certificate *cert, char out[IDENTITY_FINGERPRINT_SIZE]);

/* The SHA-256 of its subject public key info, which is what a pin holds. False: malformed. */
bool identity_spki_pin(const br_x509_certificate *cert, uint8_t out[32]);

/* Appends the key as PKCS#8 PEM, for the state directory. False: not on P-256, or no room. */
bool identity_write_key(const struct pem_key *key, struct buf *out);

#endif
