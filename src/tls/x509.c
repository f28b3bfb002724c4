#include "tls/x509.h"

#include "base/limits.h"
#include "format/der_read.h"
#include "tls/names.h"
#include "tls/oid.h"
#include "tls/refusal.h"

enum { TAG_VERSION = DER_CONTEXT_CONSTRUCTED, TAG_EXTENSIONS = DER_CONTEXT_CONSTRUCTED + 3 };

bool x509_split(struct slice der, struct x509_parts *out)
{
    struct slice cert, tbs, bits;

    memset(out, 0, sizeof *out);
    if (!der_read_tagged(&der, DER_SEQUENCE, &cert) || der.n > 0 ||
        !der_read_tagged(&cert, DER_SEQUENCE, &tbs) ||
        !der_read_tagged(&cert, DER_SEQUENCE, &out->outer_algorithm) ||
        !der_read_bits(&cert, &bits) || cert.n > 0)
        return false;
    if (der_read_is_next(tbs, TAG_VERSION) && !der_read_tagged(&tbs, TAG_VERSION, &out->version))
        return false;
    if (!der_read_tagged(&tbs, DER_INTEGER, &out->serial) ||
        !der_read_tagged(&tbs, DER_SEQUENCE, &out->algorithm) ||
        !der_read_tagged(&tbs, DER_SEQUENCE, &out->issuer) ||
        !der_read_tagged(&tbs, DER_SEQUENCE, &out->validity) ||
        !der_read_tagged(&tbs, DER_SEQUENCE, &out->subject))
        return false;
    out->spki = out->rest = tbs;
    if (!der_read_tagged(&out->rest, DER_SEQUENCE, &bits))
        return false;
    out->spki.n -= out->rest.n;
    return true;
}

bool x509_read_dates(struct slice validity, int64_t *not_before, int64_t *not_after)
{
    return der_read_time(&validity, not_before) && der_read_time(&validity, not_after) &&
           validity.n == 0;
}

/* A positive INTEGER's octets without the one for its sign. False: not positive, or padded. */
static bool read_positive(struct slice *s)
{
    if (s->n > 1 && s->p[0] == 0 && (uint8_t)s->p[1] >= 0x80) {
        s->p++;
        s->n--;
        return true;
    }
    return s->n > 0 && s->p[0] != 0 && (uint8_t)s->p[0] < 0x80;
}

/* BearSSL's fields aren't const, but nobody writes. */
static unsigned char *octets(struct slice s)
{
    return (unsigned char *)(uintptr_t)s.p;
}

static bool is_odd(struct slice s)
{
    return s.p[s.n - 1] & 1;
}

static unsigned check_signature(struct slice algorithm)
{
    struct slice oid;
    uint8_t last;

    if (!der_read_tagged(&algorithm, DER_OID, &oid))
        return REFUSED_MALFORMED;
    last = oid.n > 0 ? (uint8_t)oid.p[oid.n - 1] : 0;
    if (oid.n == 9 && slice_starts_with(oid, SLICE(OID_PKCS1))) {
        /* sha256, sha384, sha512; md2, md4, md5, sha1 and sha224. */
        if (last >= 11 && last <= 13)
            return 0;
        if ((last >= 2 && last <= 5) || last == 14)
            return REFUSED_HASH;
    }
    if (oid.n == 8 && slice_starts_with(oid, SLICE(OID_ECDSA "\x03")) && last >= 1 && last <= 4)
        return last == 1 ? REFUSED_HASH : 0;
    return slice_eq(oid, SLICE(OID_ECDSA "\x01")) ? REFUSED_HASH : REFUSED_SIGNATURE_KIND;
}

int x509_signer_type(struct slice algorithm)
{
    struct slice oid;

    if (!der_read_tagged(&algorithm, DER_OID, &oid))
        return 0;
    return slice_starts_with(oid, SLICE(OID_ECDSA))   ? BR_KEYTYPE_EC
           : slice_starts_with(oid, SLICE(OID_PKCS1)) ? BR_KEYTYPE_RSA
                                                      : 0;
}

static unsigned read_rsa(struct slice bits, br_rsa_public_key *out)
{
    /* Common exponents have one to three octets; long ones cost time. */
    enum { MIN_BYTES = 256, MAX_BYTES = 512, MAX_EXPONENT_BYTES = 4 };
    struct slice key, n, e;

    if (!der_read_tagged(&bits, DER_SEQUENCE, &key) || bits.n > 0 ||
        !der_read_tagged(&key, DER_INTEGER, &n) || !der_read_tagged(&key, DER_INTEGER, &e) ||
        key.n > 0 || !read_positive(&n) || !read_positive(&e))
        return REFUSED_KEY;
    if (n.n < MIN_BYTES || (n.n == MIN_BYTES && (uint8_t)n.p[0] < 0x80))
        return REFUSED_RSA_SHORT;
    if (n.n > MAX_BYTES)
        return REFUSED_RSA_LONG;
    if (!is_odd(n) || !is_odd(e) || e.n > MAX_EXPONENT_BYTES || (e.n == 1 && e.p[0] == 1))
        return REFUSED_KEY;
    *out = (br_rsa_public_key){octets(n), n.n, octets(e), e.n};
    return 0;
}

int x509_curve(struct slice oid)
{
    return slice_eq(oid, SLICE(OID_P256))   ? BR_EC_secp256r1
           : slice_eq(oid, SLICE(OID_P384)) ? BR_EC_secp384r1
           : slice_eq(oid, SLICE(OID_P521)) ? BR_EC_secp521r1
                                            : 0;
}

unsigned x509_read_key(struct slice spki, br_x509_pkey *out)
{
    struct slice key, algorithm, oid, curve, bits;
    br_ec_public_key *ec = &out->key.ec;
    size_t size;

    if (!der_read_tagged(&spki, DER_SEQUENCE, &key) ||
        !der_read_tagged(&key, DER_SEQUENCE, &algorithm) ||
        !der_read_tagged(&algorithm, DER_OID, &oid) || !der_read_bits(&key, &bits) || key.n > 0)
        return REFUSED_KEY;
    out->key_type = BR_KEYTYPE_RSA;
    if (slice_eq(oid, SLICE(OID_RSA)))
        return read_rsa(bits, &out->key.rsa);
    out->key_type = BR_KEYTYPE_EC;
    if (!slice_eq(oid, SLICE(OID_EC_PUBLIC_KEY)) || !der_read_tagged(&algorithm, DER_OID, &curve))
        return REFUSED_KEY_KIND;
    *ec = (br_ec_public_key){x509_curve(curve), octets(bits), bits.n};
    if (ec->curve == 0)
        return REFUSED_KEY_KIND;
    size = ec->curve == BR_EC_secp256r1 ? 32 : ec->curve == BR_EC_secp384r1 ? 48 : 66;
    return bits.n == 1 + 2 * size && bits.p[0] == 4 ? 0 : REFUSED_KEY;
}

/* A BOOLEAN, if one is next; false is often written, though DER leaves it out. */
static bool read_boolean(struct slice *rest, bool *value, struct slice *octet)
{
    *value = false;
    if (!der_read_is_next(*rest, DER_BOOLEAN))
        return true;
    if (!der_read_tagged(rest, DER_BOOLEAN, octet) || octet->n != 1)
        return false;
    *value = octet->p[0] != 0;
    return octet->p[0] == 0 || (uint8_t)octet->p[0] == 0xff;
}

/* Extensions of a certificate's rest. *list is empty where there are none. */
static unsigned find_extensions(struct slice rest, struct slice *list)
{
    struct slice wrapped;

    *list = slice_make(NULL, 0);
    while (rest.n > 0) {
        uint8_t tag;

        if (!der_read_element(&rest, &tag, &wrapped))
            return REFUSED_MALFORMED;
        if (tag == TAG_EXTENSIONS &&
            (!der_read_tagged(&wrapped, DER_SEQUENCE, list) || wrapped.n > 0 || rest.n > 0))
            return REFUSED_EXTENSION;
    }
    return 0;
}

struct extension {
    struct slice id, value;
    struct slice octet; /* of critical, if it is written */
    bool critical;
};

/* Takes the first extension off *list. */
static bool read_extension(struct slice *list, struct extension *out)
{
    struct slice extension;

    return der_read_tagged(list, DER_SEQUENCE, &extension) &&
           der_read_tagged(&extension, DER_OID, &out->id) &&
           read_boolean(&extension, &out->critical, &out->octet) &&
           der_read_tagged(&extension, DER_OCTET_STRING, &out->value) && extension.n == 0;
}

unsigned x509_read_ca(struct slice rest, bool *is_ca)
{
    struct slice list, basic, octet;
    struct extension e;
    unsigned fault = find_extensions(rest, &list);

    *is_ca = false;
    while (fault == 0 && list.n > 0)
        if (!read_extension(&list, &e) || (slice_eq(e.id, SLICE(OID_ID_CE "\x13")) &&
                                           (!der_read_tagged(&e.value, DER_SEQUENCE, &basic) ||
                                            !read_boolean(&basic, is_ca, &octet))))
            fault = REFUSED_EXTENSION;
    return fault;
}

static unsigned walk_extensions(struct slice list, struct x509 *out)
{
    /*
     * The last octets of id-ce OIDs (RFC 5280 section 4.2.1): those of enum x509_extension, then
     * those that may be critical without being looked at here: certificatePolicies, of which
     * BearSSL takes care, and the ones that say nothing about who the peer is.
     */
    static const char known[] = "\x0f\x13\x11\x1e\x25\x20\x09\x0e\x12\x1f\x23\x2e";
    struct slice seen[LIMIT_EXTENSIONS];
    size_t count = 0;

    while (list.n > 0) {
        const char *at = NULL;
        struct extension e;

        if (count == LIMIT_EXTENSIONS || !read_extension(&list, &e))
            return REFUSED_EXTENSION;
        for (size_t i = 0; i < count; i++)
            if (slice_eq(seen[i], e.id))
                return REFUSED_TWICE;
        seen[count++] = e.id;
        if (e.id.n == 3 && slice_starts_with(e.id, SLICE(OID_ID_CE)))
            at = memchr(known, e.id.p[2], sizeof known - 1);
        if (!at && e.critical)
            return REFUSED_CRITICAL;
        if (at && at < known + X509_EXTENSIONS) {
            out->value[at - known] = e.value;
            if (e.critical && at >= known + X509_CONSTRAINTS)
                out->critical[out->critical_count++] = e.octet.p;
        }
    }
    return 0;
}

static bool read_usage(struct slice bits, struct x509 *out)
{
    /* The first octet counts the unused bits of the last. */
    if (bits.n < 1 || (uint8_t)bits.p[0] > 7)
        return false;
    out->usage = bits.n > 1 ? (uint8_t)bits.p[1] : 0;
    return true;
}

static bool read_basic(struct slice list, struct x509 *out)
{
    struct slice octet, length;

    if (!read_boolean(&list, &out->is_ca, &octet))
        return false;
    if (list.n == 0)
        return true;
    if (!out->is_ca || !der_read_tagged(&list, DER_INTEGER, &length) || list.n > 0)
        return false;
    if (length.n == 1 && length.p[0] == 0)
        out->path_length = 0;
    else if (!read_positive(&length))
        return false;
    else if (length.n == 1)
        out->path_length = (uint8_t)length.p[0];
    return true;
}

static bool read_purposes(struct slice list, struct x509 *out)
{
    struct slice oid;

    out->purposes = 0;
    do {
        if (!der_read_tagged(&list, DER_OID, &oid))
            return false;
        if (slice_eq(oid, SLICE(OID_ID_KP "\x01")))
            out->purposes |= X509_SERVER_AUTH;
        else if (slice_eq(oid, SLICE(OID_ID_KP "\x02")))
            out->purposes |= X509_CLIENT_AUTH;
        else if (slice_eq(oid, SLICE("\x55\x1d\x25\x00"))) /* anyExtendedKeyUsage */
            out->purposes = 0xff;
    } while (list.n > 0);
    return true;
}

/* Names that are elements, and addresses of possible sizes. */
static bool check_alt_names(struct slice list)
{
    struct slice name;
    uint8_t tag;

    do {
        if (!der_read_element(&list, &tag, &name) ||
            (tag == NAMES_IP && name.n != 4 && name.n != 16))
            return false;
    } while (list.n > 0);
    return true;
}

static unsigned read_extensions(struct slice rest, struct x509 *out)
{
    struct slice wrapped, list;
    unsigned fault = find_extensions(rest, &list);

    out->usage = out->purposes = 0xff;
    out->path_length = X509_ANY_LENGTH;
    if (fault == 0)
        fault = walk_extensions(list, out);
    if (fault)
        return fault;
    for (int i = 0; i < X509_EXTENSIONS; i++) {
        struct slice *value = &out->value[i];

        if (value->p &&
            (!der_read_tagged(value, i == X509_KEY_USAGE ? DER_BIT_STRING : DER_SEQUENCE,
                              &wrapped) ||
             value->n > 0))
            return REFUSED_EXTENSION;
        if (value->p)
            *value = wrapped;
    }
    if ((out->value[X509_KEY_USAGE].p && !read_usage(out->value[X509_KEY_USAGE], out)) ||
        (out->value[X509_BASIC].p && !read_basic(out->value[X509_BASIC], out)) ||
        (out->value[X509_PURPOSES].p && !read_purposes(out->value[X509_PURPOSES], out)) ||
        (out->value[X509_ALT_NAMES].p && !check_alt_names(out->value[X509_ALT_NAMES])))
        return REFUSED_EXTENSION;
    return 0;
}

unsigned x509_read(struct slice der, struct x509 *out)
{
    struct x509_parts *parts = &out->parts;
    struct slice serial;
    br_x509_pkey key;
    unsigned fault;

    memset(out, 0, sizeof *out);
    if (!x509_split(der, parts))
        return REFUSED_MALFORMED;
    if (!slice_eq(parts->version, SLICE("\x02\x01\x02")))
        return REFUSED_VERSION;
    serial = parts->serial;
    if (!read_positive(&serial) || serial.n > 20)
        return REFUSED_SERIAL;
    if (!x509_read_dates(parts->validity, &out->not_before, &out->not_after) ||
        out->not_before > out->not_after)
        return REFUSED_DATES;
    if (!slice_eq(parts->algorithm, parts->outer_algorithm))
        return REFUSED_ALGORITHMS;
    out->signature = check_signature(parts->algorithm);
    fault = x509_read_key(parts->spki, &key);
    if (fault == 0 && key.key_type == BR_KEYTYPE_EC && key.key.ec.curve == BR_EC_secp521r1)
        fault = REFUSED_KEY_KIND;
    return fault ? fault : read_extensions(parts->rest, out);
}
