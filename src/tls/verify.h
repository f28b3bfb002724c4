/*
 * Who the peer of a handshake must be: a wrapper around BearSSL's X.509 engine that sees each
 * certificate on its way in, and judges those of the path up to a trusted authority. BearSSL 0.6
 * checks signatures, names of issuers and anchors; the rest of RFC 5280's path validation is here:
 * purposes, key usages, path lengths, name constraints, names (of subjectAltName alone, addresses
 * too), strong keys and hashes, well-formed fields (tls/x509). And pinned public keys (RFC 7469
 * section 2.4 computes them so). Policies and revocation are not looked at.
 */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include "tls/profile.h"

/* What the peer's certificate is for (enum of tls/x509). */
enum verify_purpose {
    VERIFY_SERVER = 1, /* a server's: serverAuth, and the name that was asked for */
    VERIFY_CLIENT = 2  /* a client's: clientAuth, whatever its name */
};

struct verify {
    const br_x509_class *vtable; /* must come first: BearSSL calls through it */
    br_x509_minimal_context minimal;
    br_x509_pkey key;              /* of a leaf that is known by its pin alone; borrowed from it */
    const struct tls_trust *trust; /* borrowed until the handshake is over */
    enum verify_purpose purpose;
    uint8_t ip[16]; /* the address that the leaf must carry */
    size_t ip_size; /* 4 or 16; 0: a DNS name was given instead */
    int64_t now_s;  /* never-back time */

    struct slice host;           /* borrowed from the engine; empty: an address, or a client's */
    unsigned count;              /* certificates so far */
    struct buf leaf, issuer;     /* the first one; the one that comes in after it */
    bool cut;                    /* it did not fit */
    struct slice names, subject; /* views of leaf */
    unsigned checks;             /* of names with constraints, so far */
    unsigned fault, fault_at;    /* the first (enum refusal, 0: none), and in which certificate */
    uint8_t digest[32];          /* SHA-256 of the first one, once they were judged */
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

/*
 * The verdict that an engine ended with (tls/refusal) in words: whose certificate, and which of
 * its chain. ERR_TLS.
 */
void verify_explain(const struct verify *v, int code, struct err *err);

/*
 * Reads a pin: the SHA-256 of a public key, in base64 as curl and openssl write it (with or
 * without "sha256//" before it) or as 64 hexadecimal digits.
 */
bool verify_read_pin(struct slice text, uint8_t out[32]);

#endif
