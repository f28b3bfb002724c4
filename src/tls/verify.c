#include "tls/verify.h"

#include "format/base64.h"
#include "format/der_read.h"

#include <arpa/inet.h>

/* Extension and alternative-name tags: RFC 5280 sections 4.1 and 4.2.1.6. */
enum { TBS_EXTENSIONS = DER_CONTEXT_CONSTRUCTED + 3, NAME_IP = DER_CONTEXT + 7 };

static const struct slice oid_subject_alt_name = SLICE("\x55\x1d\x11");

static struct verify *self(const br_x509_class **ctx)
{
    return (struct verify *)(void *)ctx;
}

/* The key alone identifies the peer: issuer, name and dates are not looked at. */
static bool pin_alone(const struct verify *v)
{
    return v->trust->pin_count > 0 && v->trust->pins_suffice;
}

static const br_x509_class **minimal(struct verify *v)
{
    return &v->minimal.vtable;
}

static void start_chain(const br_x509_class **ctx, const char *server_name)
{
    struct verify *v = self(ctx);

    v->count = 0;
    v->leaf_cut = false;
    buf_clear(&v->leaf);
    if (!pin_alone(v))
        (*minimal(v))->start_chain(minimal(v), server_name);
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
    struct verify *v = self(ctx);

    if (!pin_alone(v))
        (*minimal(v))->start_cert(minimal(v), length);
}

static void append(const br_x509_class **ctx, const unsigned char *data, size_t size)
{
    struct verify *v = self(ctx);

    if (v->count == 0 && !buf_append(&v->leaf, data, size))
        v->leaf_cut = true;
    if (!pin_alone(v))
        (*minimal(v))->append(minimal(v), data, size);
}

static void end_cert(const br_x509_class **ctx)
{
    struct verify *v = self(ctx);

    v->count++;
    if (!pin_alone(v))
        (*minimal(v))->end_cert(minimal(v));
}

static bool is_pinned(const struct verify *v, const br_x509_certificate *leaf)
{
    br_sha256_context sha;
    uint8_t pin[32];
    struct slice spki;

    if (!pem_read_spki(leaf, &spki))
        return false;
    br_sha256_init(&sha);
    br_sha256_update(&sha, spki.p, spki.n);
    br_sha256_out(&sha, pin);
    for (size_t i = 0; i < v->trust->pin_count; i++)
        if (memcmp(pin, v->trust->pins[i], sizeof pin) == 0)
            return true;
    return false;
}

/* BearSSL has one code for all dates that don't fit: which is it? */
static unsigned date_fault(const struct verify *v, const br_x509_certificate *leaf)
{
    struct pem_facts facts;

    if (v->leaf_cut || !pem_read_facts(leaf, &facts, NULL))
        return BR_ERR_X509_EXPIRED;
    if (v->now_s < facts.not_before)
        return VERIFY_NOT_YET;
    return v->now_s > facts.not_after ? VERIFY_ENDED : BR_ERR_X509_EXPIRED;
}

static unsigned end_chain(const br_x509_class **ctx)
{
    struct verify *v = self(ctx);
    struct slice der = buf_slice(&v->leaf);
    br_x509_certificate leaf = {(unsigned char *)v->leaf.data + v->leaf.off, v->leaf.len};

    if (!pin_alone(v)) {
        unsigned code = (*minimal(v))->end_chain(minimal(v));

        if (code != 0)
            return code == BR_ERR_X509_EXPIRED ? date_fault(v, &leaf) : code;
    } else if (v->count == 0) {
        return BR_ERR_X509_EMPTY_CHAIN;
    }
    if (v->leaf_cut)
        return VERIFY_TOO_LARGE;
    if (v->trust->pin_count > 0 && !is_pinned(v, &leaf))
        return VERIFY_BAD_PIN;
    if (pin_alone(v))
        return pem_read_public(&leaf, &v->decoder, NULL) ? 0 : BR_ERR_X509_UNSUPPORTED;
    if (v->ip_size > 0 && !verify_has_ip(der, v->ip, v->ip_size))
        return VERIFY_BAD_IP;
    return 0;
}

static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
    struct verify *v = (struct verify *)(uintptr_t)ctx;

    if (!pin_alone(v))
        return (*minimal(v))->get_pkey((const br_x509_class *const *)minimal(v), usages);
    if (usages)
        *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
    return br_x509_decoder_get_pkey(&v->decoder);
}

static const br_x509_class verify_class = {
    sizeof(struct verify), start_chain, start_cert, append, end_cert, end_chain, get_pkey,
};

const char *verify_init(struct verify *v, struct tls_profile *profile,
                        const struct tls_trust *trust, enum verify_purpose purpose,
                        const char *name, int64_t now_s)
{
    /* BearSSL counts days from the year 0. */
    enum { DAYS_TO_1970 = 719528, MIN_RSA_BYTES = 256 };

    memset(v, 0, sizeof *v);
    v->vtable = &verify_class;
    v->trust = trust;
    v->purpose = purpose;
    v->now_s = now_s;
    buf_init(&v->leaf, LIMIT_CERTIFICATE);
    if (name && inet_pton(AF_INET, name, v->ip) == 1)
        v->ip_size = 4;
    else if (name && inet_pton(AF_INET6, name, v->ip) == 1)
        v->ip_size = 16;
    br_x509_minimal_init(&v->minimal, &br_sha256_vtable, trust->anchors.items,
                         trust->anchors.count);
    br_x509_minimal_set_rsa(&v->minimal, profile->rsa_verify);
    br_x509_minimal_set_ecdsa(&v->minimal, profile->ec, profile->ecdsa_verify);
    /* No SHA-1 and no MD5: signatures made with them are refused. */
    br_x509_minimal_set_hash(&v->minimal, br_sha256_ID, &br_sha256_vtable);
    br_x509_minimal_set_hash(&v->minimal, br_sha384_ID, &br_sha384_vtable);
    br_x509_minimal_set_hash(&v->minimal, br_sha512_ID, &br_sha512_vtable);
    br_x509_minimal_set_minrsa(&v->minimal, MIN_RSA_BYTES);
    br_x509_minimal_set_time(&v->minimal, (uint32_t)(now_s / 86400 + DAYS_TO_1970),
                             (uint32_t)(now_s % 86400));
    return v->ip_size > 0 ? NULL : name;
}

void verify_fini(struct verify *v)
{
    buf_fini(&v->leaf);
}

/* The extensions of a certificate: RFC 5280 section 4.1. */
static bool find_extensions(struct slice certificate, struct slice *extensions)
{
    struct slice outer, tbs, wrapped, skipped;
    uint8_t tag;

    if (!der_read_tagged(&certificate, DER_SEQUENCE, &outer) ||
        !der_read_tagged(&outer, DER_SEQUENCE, &tbs))
        return false;
    while (tbs.n > 0) {
        if (der_read_is_next(tbs, TBS_EXTENSIONS))
            return der_read_tagged(&tbs, TBS_EXTENSIONS, &wrapped) &&
                   der_read_tagged(&wrapped, DER_SEQUENCE, extensions);
        if (!der_read_element(&tbs, &tag, &skipped))
            return false;
    }
    return false;
}

/* The value of the extension with that OID. */
static bool find_extension(struct slice extensions, struct slice oid, struct slice *value)
{
    struct slice extension, id, critical;

    while (extensions.n > 0) {
        if (!der_read_tagged(&extensions, DER_SEQUENCE, &extension) ||
            !der_read_tagged(&extension, DER_OID, &id))
            return false;
        if (!slice_eq(id, oid))
            continue;
        if (der_read_is_next(extension, DER_BOOLEAN) &&
            !der_read_tagged(&extension, DER_BOOLEAN, &critical))
            return false;
        return der_read_tagged(&extension, DER_OCTET_STRING, value);
    }
    return false;
}

bool verify_has_ip(struct slice certificate, const uint8_t *ip, size_t size)
{
    struct slice extensions, value, names, name;
    uint8_t tag;

    if (!find_extensions(certificate, &extensions) ||
        !find_extension(extensions, oid_subject_alt_name, &value) ||
        !der_read_tagged(&value, DER_SEQUENCE, &names))
        return false;
    while (names.n > 0) {
        if (!der_read_element(&names, &tag, &name))
            return false;
        if (tag == NAME_IP && name.n == size && memcmp(name.p, ip, size) == 0)
            return true;
    }
    return false;
}

bool verify_read_pin(struct slice text, uint8_t out[32])
{
    static const struct slice prefix = SLICE("sha256//");

    if (slice_starts_with(text, prefix))
        text = slice_make(text.p + prefix.n, text.n - prefix.n);
    if (text.n == 64) {
        for (size_t i = 0; i < 32; i++) {
            uint64_t byte;

            if (!slice_hex_to_u64(slice_make(text.p + 2 * i, 2), &byte))
                return false;
            out[i] = (uint8_t)byte;
        }
        return true;
    }
    return base64_decode(text, out, 32);
}
