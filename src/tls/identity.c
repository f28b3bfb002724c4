/*
 * The certificate is both the anchor that clients are given and the leaf that they see, so its
 * extensions are what all of them take in both places:
 *
 * - basicConstraints without cA. webpki (rustls) and Mozilla's verifier refuse a CA as a server's
 *   certificate. An anchor need not be a CA: OpenSSL, GnuTLS, Go, Java and BearSSL trust a
 *   self-signed certificate that they were given, whatever it says.
 * - No keyUsage. Without cA, RFC 5280 forbids keyCertSign, and OpenSSL's strict mode sees to it;
 *   but with a keyUsage that lacks keyCertSign, OpenSSL before 3.0 does not see a self-signed
 *   certificate. Where the extension is absent every use is allowed (section 4.2.1.3).
 * - Subject and authority key identifiers, so that the right one of several proxies' certificates,
 *   which all have the same subject, is found in a file of anchors.
 */
#include "tls/identity.h"

#include "base/secret.h"
#include "crypto/curves.h"
#include "crypto/ecdsa.h"
#include "crypto/sha256.h"
#include "format/der.h"
#include "format/der_read.h"
#include "tls/oid.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define TBS_MAX 12288     /* LIMIT_NAMES names of LIMIT_HOST, and 600 bytes of all else */
#define SIGNATURE_MAX 72  /* ECDSA on P-256, in DER */
#define KEY_ID_SIZE 20    /* RFC 7093 section 2, method 1 */
#define SERIAL_SIZE 16    /* RFC 5280 section 4.1.2.2 allows 20 */
#define CLOCK_SKEW_S 3600 /* clients whose clocks are behind */
#define PKCS8_MAX 160     /* a P-256 key with its public point takes 138 */
#define SUBJECT "license-proxy"

#define TAG_UTF8_STRING 0x0c
#define TAG_DNS_NAME (DER_CONTEXT + 2)   /* GeneralName: dNSName */
#define TAG_IP_ADDRESS (DER_CONTEXT + 7) /* GeneralName: iPAddress */

/* The last octets of extensions' OIDs. */
enum {
    ID_SUBJECT_KEY = 0x0e,
    ID_SUBJECT_ALT_NAME = 0x11,
    ID_BASIC_CONSTRAINTS = 0x13,
    ID_AUTHORITY_KEY = 0x23,
    ID_EXT_KEY_USAGE = 0x25
};

/* ---- names --------------------------------------------------------------------------------- */

struct name {
    uint8_t tag;
    struct slice dns;    /* borrowed from the caller's list; of a dNSName */
    uint8_t address[16]; /* of an iPAddress */
    size_t address_size;
};

struct names {
    struct name list[LIMIT_NAMES];
    size_t count;
};

/* One label of a host name: letters, digits, inner hyphens (RFC 1123 section 2.1). */
static bool is_label(struct slice s)
{
    if (s.n < 1 || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-'))
            return false;
    }
    return true;
}

static bool is_host(struct slice s)
{
    if (s.n > LIMIT_HOST)
        return false;
    if (slice_starts_with(s, SLICE("*.")))
        s = slice_make(s.p + 2, s.n - 2);
    for (;;) {
        const char *dot = s.n > 0 ? memchr(s.p, '.', s.n) : NULL;
        size_t n = dot ? (size_t)(dot - s.p) : s.n;

        if (!is_label(slice_make(s.p, n)))
            return false;
        if (!dot)
            return true;
        s = slice_make(dot + 1, s.n - n - 1);
    }
}

/* False: neither an address nor a host name. */
static bool read_name(const char *text, struct name *out)
{
    memset(out, 0, sizeof *out);
    out->tag = TAG_IP_ADDRESS;
    if (inet_pton(AF_INET, text, out->address) == 1) {
        out->address_size = 4;
        return true;
    }
    if (inet_pton(AF_INET6, text, out->address) == 1) {
        out->address_size = 16;
        return true;
    }
    out->tag = TAG_DNS_NAME;
    out->dns = slice_of(text);
    if (out->dns.n > 0 && text[out->dns.n - 1] == '.')
        out->dns.n--;
    return is_host(out->dns);
}

static bool is_same(const struct name *a, const struct name *b)
{
    if (a->tag != b->tag)
        return false;
    if (a->tag == TAG_DNS_NAME)
        return slice_eq_nocase(a->dns, b->dns);
    return a->address_size == b->address_size &&
           memcmp(a->address, b->address, a->address_size) == 0;
}

static bool add_name(struct names *names, const char *text, struct err *err)
{
    struct name name;

    if (!read_name(text, &name))
        return true;
    for (size_t i = 0; i < names->count; i++)
        if (is_same(&names->list[i], &name))
            return true;
    if (names->count == LIMIT_NAMES) {
        err_set(err, ERR_LIMIT, "more than %d names for the proxy's certificate", LIMIT_NAMES);
        return false;
    }
    names->list[names->count++] = name;
    return true;
}

static bool collect_names(struct names *names, const char *const *added, size_t count,
                          struct err *err)
{
    static const char *const always[] = {"localhost", "license-proxy", "127.0.0.1", "::1"};

    names->count = 0;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (!add_name(names, always[i], err))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!add_name(names, added[i], err))
            return false;
    return true;
}

/* ---- the certificate, each part written from its end --------------------------------------- */

struct public_key {
    uint8_t point[65];
    uint8_t id[KEY_ID_SIZE];
};

static bool compute_public(const br_ec_private_key *ec, struct public_key *out)
{
    uint8_t q[BR_EC_KBUF_PUB_MAX_SIZE], hash[32];

    if (br_ec_compute_pub(curves_get(), NULL, q, ec) != sizeof out->point)
        return false;
    memcpy(out->point, q, sizeof out->point);
    sha256(slice_make((const char *)out->point, sizeof out->point), hash);
    memcpy(out->id, hash, sizeof out->id);
    return true;
}

/* Wraps what was written since mark, the value of an extension. */
static void wrap_extension(struct der *d, size_t mark, uint8_t id)
{
    const char oid[] = {OID_ID_CE[0], OID_ID_CE[1], (char)id};

    der_wrap(d, DER_OCTET_STRING, mark);
    if (id == ID_BASIC_CONSTRAINTS)
        der_true(d); /* critical */
    der_string(d, DER_OID, slice_make(oid, sizeof oid));
    der_wrap(d, DER_SEQUENCE, mark);
}

static void write_alt_names(struct der *d, const struct names *names)
{
    size_t mark = der_mark(d);

    for (size_t i = names->count; i-- > 0;) {
        const struct name *n = &names->list[i];

        if (n->tag == TAG_DNS_NAME)
            der_string(d, n->tag, n->dns);
        else
            der_string(d, n->tag, slice_make((const char *)n->address, n->address_size));
    }
    der_wrap(d, DER_SEQUENCE, mark);
    wrap_extension(d, mark, ID_SUBJECT_ALT_NAME);
}

static void write_extensions(struct der *d, const struct public_key *pub, const struct names *names)
{
    struct slice id = slice_make((const char *)pub->id, sizeof pub->id);
    size_t start = der_mark(d), mark;

    write_alt_names(d, names);

    mark = der_mark(d);
    der_string(d, DER_CONTEXT, id); /* keyIdentifier [0] */
    der_wrap(d, DER_SEQUENCE, mark);
    wrap_extension(d, mark, ID_AUTHORITY_KEY);

    mark = der_mark(d);
    der_octets(d, pub->id, sizeof pub->id);
    wrap_extension(d, mark, ID_SUBJECT_KEY);

    mark = der_mark(d);
    der_string(d, DER_OID, SLICE(OID_ID_KP "\x01")); /* serverAuth */
    der_wrap(d, DER_SEQUENCE, mark);
    wrap_extension(d, mark, ID_EXT_KEY_USAGE);

    mark = der_mark(d);
    der_wrap(d, DER_SEQUENCE, mark); /* empty: cA is FALSE by default */
    wrap_extension(d, mark, ID_BASIC_CONSTRAINTS);

    der_wrap(d, DER_SEQUENCE, start);
    der_wrap(d, DER_CONTEXT_CONSTRUCTED + 3, start);
}

static void write_key_algorithm(struct der *d)
{
    size_t mark = der_mark(d);

    der_string(d, DER_OID, SLICE(OID_P256));
    der_string(d, DER_OID, SLICE(OID_EC_PUBLIC_KEY));
    der_wrap(d, DER_SEQUENCE, mark);
}

static void write_public_key(struct der *d, const struct public_key *pub)
{
    size_t mark = der_mark(d);

    der_bits(d, pub->point, sizeof pub->point, 0);
    write_key_algorithm(d);
    der_wrap(d, DER_SEQUENCE, mark);
}

static void write_subject(struct der *d)
{
    size_t mark = der_mark(d);

    der_string(d, TAG_UTF8_STRING, SLICE(SUBJECT));
    der_string(d, DER_OID, SLICE("\x55\x04\x03")); /* id-at-commonName */
    der_wrap(d, DER_SEQUENCE, mark);
    der_wrap(d, DER_SET, mark);
    der_wrap(d, DER_SEQUENCE, mark);
}

static void write_signature_algorithm(struct der *d)
{
    size_t mark = der_mark(d);

    der_string(d, DER_OID, SLICE(OID_ECDSA_SHA256));
    der_wrap(d, DER_SEQUENCE, mark);
}

static void write_tbs(struct der *d, const struct public_key *pub, const struct names *names,
                      const uint8_t serial[SERIAL_SIZE], int64_t not_before)
{
    size_t start = der_mark(d), mark;

    write_extensions(d, pub, names);
    write_public_key(d, pub);
    write_subject(d);
    mark = der_mark(d);
    der_time(d, not_before + IDENTITY_DAYS * 86400LL - 1); /* both ends are inclusive */
    der_time(d, not_before);
    der_wrap(d, DER_SEQUENCE, mark);
    write_subject(d); /* the issuer is the same */
    write_signature_algorithm(d);
    der_unsigned(d, serial, SERIAL_SIZE);
    mark = der_mark(d);
    der_small(d, 2); /* v3 */
    der_wrap(d, DER_CONTEXT_CONSTRUCTED, mark);
    der_wrap(d, DER_SEQUENCE, start);
}

/* Signs the tbsCertificate and keeps the certificate in the chain. */
static bool sign(struct slice tbs, const br_ec_private_key *ec, struct pem_chain *chain,
                 struct err *err)
{
    uint8_t array[TBS_MAX + 128], hash[32], signature[SIGNATURE_MAX];
    struct slice cert;
    struct der d;
    size_t n;

    sha256(tbs, hash);
    n = ecdsa_sign(curves_get(), &br_sha256_vtable, hash, ec, signature);
    der_init(&d, array, sizeof array);
    der_bits(&d, signature, n, 0);
    write_signature_algorithm(&d);
    der_bytes(&d, tbs.p, tbs.n);
    der_wrap(&d, DER_SEQUENCE, 0);
    cert = der_result(&d);
    if (n == 0 || cert.n == 0) {
        err_set(err, ERR_TLS, "the proxy's certificate can't be signed");
        return false;
    }
    chain->certs[0].data = malloc(cert.n);
    if (!chain->certs[0].data) {
        err_set(err, ERR_MEMORY, "out of memory");
        return false;
    }
    memcpy(chain->certs[0].data, cert.p, cert.n);
    chain->certs[0].data_len = cert.n;
    chain->count = 1;
    return true;
}

/* ---- the calls ----------------------------------------------------------------------------- */

bool identity_renew(const br_prng_class **entropy, const struct pem_key *key,
                    const char *const *names, size_t count, int64_t now_s, struct pem_chain *chain,
                    struct err *err)
{
    uint8_t array[TBS_MAX], serial[SERIAL_SIZE];
    struct public_key pub;
    struct names all;
    struct der d;

    memset(chain, 0, sizeof *chain);
    if (key->type != BR_KEYTYPE_EC || key->u.ec.curve != BR_EC_secp256r1) {
        err_set(err, ERR_CONFIG, "the proxy's own key is not on P-256");
        return false;
    }
    if (!collect_names(&all, names, count, err))
        return false;
    if (!compute_public(&key->u.ec, &pub)) {
        err_set(err, ERR_TLS, "the proxy's public key can't be computed");
        return false;
    }
    (*entropy)->generate(entropy, serial, sizeof serial);
    /* Positive, and always of the same length. */
    serial[0] = (serial[0] & 0x7f) | 0x40;
    der_init(&d, array, sizeof array);
    write_tbs(&d, &pub, &all, serial, now_s - CLOCK_SKEW_S);
    if (d.failed) {
        err_set(err, ERR_LIMIT, "the date does not fit into the proxy's certificate");
        return false;
    }
    return sign(der_result(&d), &key->u.ec, chain, err);
}

bool identity_make(const br_prng_class **entropy, const char *const *names, size_t count,
                   int64_t now_s, struct pem_chain *chain, struct pem_key *key, struct err *err)
{
    const br_ec_impl *ec = curves_get();

    memset(chain, 0, sizeof *chain);
    memset(key, 0, sizeof *key);
    key->size = br_ec_keygen(entropy, ec, NULL, NULL, BR_EC_secp256r1);
    key->bytes = secret_alloc(key->size);
    if (!key->bytes) {
        err_set(err, ERR_MEMORY, "out of memory");
        key->size = 0;
        return false;
    }
    (void)br_ec_keygen(entropy, ec, &key->u.ec, key->bytes, BR_EC_secp256r1);
    key->type = BR_KEYTYPE_EC;
    if (identity_renew(entropy, key, names, count, now_s, chain, err))
        return true;
    pem_key_fini(key);
    return false;
}

void identity_fingerprint(const br_x509_certificate *cert, char out[IDENTITY_FINGERPRINT_SIZE])
{
    uint8_t digest[32];

    sha256(slice_make((const char *)cert->data, cert->data_len), digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 3 * i, 4, "%02X%s", digest[i], i < sizeof digest - 1 ? ":" : "");
}

bool identity_spki_pin(const br_x509_certificate *cert, uint8_t out[32])
{
    struct slice spki;

    if (!pem_read_spki(cert, &spki))
        return false;
    sha256(spki, out);
    return true;
}

bool identity_write_key(const struct pem_key *key, struct buf *out)
{
    uint8_t array[PKCS8_MAX];
    struct public_key pub;
    struct slice der;
    struct der d;
    bool rv;

    if (key->type != BR_KEYTYPE_EC || key->u.ec.curve != BR_EC_secp256r1 ||
        !compute_public(&key->u.ec, &pub))
        return false;
    der_init(&d, array, sizeof array);
    /* ECPrivateKey (RFC 5915 section 3), the curve of which is told outside. */
    der_bits(&d, pub.point, sizeof pub.point, 0);
    der_wrap(&d, DER_CONTEXT_CONSTRUCTED + 1, 0);
    der_octets(&d, key->u.ec.x, key->u.ec.xlen);
    der_small(&d, 1);
    der_wrap(&d, DER_SEQUENCE, 0);
    /* PrivateKeyInfo (RFC 5208 section 5). */
    der_wrap(&d, DER_OCTET_STRING, 0);
    write_key_algorithm(&d);
    der_small(&d, 0);
    der_wrap(&d, DER_SEQUENCE, 0);
    der = der_result(&d);
    rv = der.n > 0 && pem_write(out, "PRIVATE KEY", der.p, der.n);
    secret_wipe(array, sizeof array);
    return rv;
}
