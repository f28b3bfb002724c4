/*
 * A certificate (RFC 5280 section 4.1) taken apart and judged by itself: strictly, without
 * allocation, in one walk. What depends on the chain, the time or the peer is tls/verify's.
 */
#ifndef TLS_X509_H
#define TLS_X509_H

#include "base/slice.h"

#include <bearssl.h>

/* Views of the certificate: contents of the elements, unless it is said otherwise. */
struct x509_parts {
    struct slice version; /* n is 0: absent, version 1 */
    struct slice serial;
    struct slice algorithm, outer_algorithm; /* inside and outside of what is signed */
    struct slice issuer, validity, subject;
    struct slice spki; /* the whole element, which pins are made of */
    struct slice rest; /* elements: unique identifiers, extensions */
};

/* Takes a certificate of any version apart. False: it isn't one. */
bool x509_split(struct slice der, struct x509_parts *out);

/* A validity's two times, seconds since 1970, both inclusive. False: malformed. */
bool x509_read_dates(struct slice validity, int64_t *not_before, int64_t *not_after);

/*
 * The key of parts.spki; *out borrows its octets. Returns 0, or why it can't be used (enum
 * refusal): it is neither RSA of 2048 to 4096 bits nor an uncompressed point on P-256, P-384 or
 * P-521.
 */
unsigned x509_read_key(struct slice spki, br_x509_pkey *out);

/* BearSSL's number of a curve by its OID's contents; 0 for others than those three. */
int x509_curve(struct slice oid);

/* Whether basicConstraints, if they are in parts.rest, say cA. Returns 0, or REFUSED_…. */
unsigned x509_read_ca(struct slice rest, bool *is_ca);

/* BR_KEYTYPE_… of what signs with parts.algorithm; 0 for another kind. */
int x509_signer_type(struct slice algorithm);

/* Extensions whose values are looked at. */
enum x509_extension {
    X509_KEY_USAGE,
    X509_BASIC,
    X509_ALT_NAMES,
    X509_CONSTRAINTS,
    X509_PURPOSES,
    X509_EXTENSIONS
};

/* Bits of usage (RFC 5280 section 4.2.1.3, first octet) and purposes (section 4.2.1.12). */
enum { X509_DIGITAL_SIGNATURE = 0x80, X509_CERT_SIGN = 0x04 };
enum { X509_SERVER_AUTH = 1, X509_CLIENT_AUTH = 2 };

#define X509_ANY_LENGTH 255

struct x509 {
    struct x509_parts parts;
    int64_t not_before, not_after;
    struct slice value[X509_EXTENSIONS]; /* p is NULL: absent. Elements of the list in it */
    /* Octets TRUE of extensions that are critical and known here, but not to BearSSL. */
    const char *critical[2];
    size_t critical_count;
    unsigned signature;  /* what is wrong with the signature's algorithm (enum refusal), or 0 */
    uint8_t usage;       /* all where the extension is absent */
    uint8_t purposes;    /* likewise */
    uint8_t path_length; /* certificates between this and the last; or X509_ANY_LENGTH */
    bool is_ca;
};

/* Returns 0, or why the certificate is refused (enum refusal): then *out is incomplete. */
unsigned x509_read(struct slice der, struct x509 *out);

#endif
