/*
 * Who the peer of a handshake must be: a wrapper around BearSSL's X.509 engine that sees
 * each certificate on its way in. It adds what BearSSL 0.6 does not have: pinned public keys
 * (RFC 7469 section 2.4 computes them so) and IP addresses as names (RFC 6125, RFC 5280
 * section 4.2.1.6).
 */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include "tls/profile.h"

/* Codes of our own, beside BearSSL's: tls_error_text knows them. */
enum {
    VERIFY_BAD_PIN = 240, /* the public key is not one of the pinned */
    VERIFY_BAD_IP,        /* the certificate does not carry the address */
    VERIFY_TOO_LARGE,     /* the certificate is larger than LIMIT_CERTIFICATE */
    VERIFY_ENDED,         /* the server's own certificate has expired */
    VERIFY_NOT_YET        /* the server's own certificate is not valid yet */
};

/* What the peer's certificate is for: RFC 5280 section 4.2.1.12. */
enum verify_purpose {
    VERIFY_SERVER, /* a server's: serverAuth, and the name that was asked for */
    VERIFY_CLIENT  /* a client's: clientAuth, whatever its name */
};

struct verify {
    const br_x509_class *vtable; /* must come first: BearSSL calls through it */
    br_x509_minimal_context minimal;
    br_x509_decoder_context decoder; /* of a leaf that is known by its pin alone */
    const struct tls_trust *trust;   /* borrowed until the handshake is over */
    enum verify_purpose purpose;
    uint8_t ip[16];                  /* the address that the leaf must carry */
    size_t ip_size;                  /* 4 or 16; 0: a DNS name was given instead */
    int64_t now_s;                   /* never-back time */
    unsigned count;                  /* certificates so far */
    struct buf leaf;                 /* the first one */
    bool leaf_cut;                   /* it did not fit */
};

/*
 * Of a server, name is the DNS name or IP address (without brackets) that the certificate must
 * bear; not checked when trust has pins and no anchors of its own: then the key alone says who it
 * is. Of a client it is NULL. now_s: never-back time. v->vtable is what br_ssl_engine_set_x509 is
 * to be given. Returns what br_ssl_client_reset is to be given as server name: name, or NULL for
 * an address.
 */
const char *verify_init(struct verify *v, struct tls_profile *profile,
                        const struct tls_trust *trust, enum verify_purpose purpose,
                        const char *name, int64_t now_s);

/* Frees what was seen. */
void verify_fini(struct verify *v);

/* Whether a certificate (DER) carries the address in its subjectAltName. */
bool verify_has_ip(struct slice certificate, const uint8_t *ip, size_t size);

/*
 * Reads a pin: the SHA-256 of a public key, in base64 as curl and openssl write it (with or
 * without "sha256//" before it) or as 64 hexadecimal digits.
 */
bool verify_read_pin(struct slice text, uint8_t out[32]);

#endif
