/*
 * Arbitrary bytes as a peer's certificate and that of its authority, the whole chain at once and
 * byte by byte. Signatures are taken for good, so that what is judged behind them is reached: the
 * issuer only has to be named as the anchor is. What is accepted must be as tls/verify promises;
 * what is refused must have words.
 */
#include "tls/x509.h"
#include "tls/names.h"
#include "tls/refusal.h"
#include "tls/verify.h"

#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define NOW 1700000000
#define HOST "license.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct verify *judging; /* whose hash is signed rightly */

static uint32_t say_ecdsa(const br_ec_impl *impl, const void *hash, size_t n,
                          const br_ec_public_key *pk, const void *sig, size_t sig_n)
{
    (void)impl, (void)hash, (void)n, (void)pk, (void)sig, (void)sig_n;
    return 1;
}

static uint32_t say_rsa(const unsigned char *x, size_t n, const unsigned char *oid, size_t hash_n,
                        const br_rsa_public_key *pk, unsigned char *out)
{
    (void)x, (void)n, (void)oid, (void)pk;
    memcpy(out, judging->minimal.tbs_hash, hash_n);
    return 1;
}

static struct tls_trust *make_trust(void)
{
    /* The common name "2". */
    static const uint8_t name[] = {0x30, 12, 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x0c, 1, '2'};
    static uint8_t q[65] = {4};
    static br_x509_trust_anchor anchor = {.flags = BR_X509_TA_CA};
    static struct tls_trust trust = {.anchors = {.items = &anchor, .count = 1, .borrowed = true}};

    anchor.dn.data = (uint8_t *)(uintptr_t)name;
    anchor.dn.len = sizeof name;
    anchor.pkey.key_type = BR_KEYTYPE_EC;
    anchor.pkey.key.ec = (br_ec_public_key){BR_EC_secp256r1, q, sizeof q};
    return &trust;
}

struct outcome {
    unsigned code, at;
    char text[LIMIT_ERR_TEXT];
};

static void show(struct verify *v, struct slice cert, size_t piece)
{
    v->vtable->start_cert(&v->vtable, (uint32_t)cert.n);
    for (size_t at = 0; at < cert.n; at += piece)
        v->vtable->append(&v->vtable, (const uint8_t *)cert.p + at,
                          cert.n - at < piece ? cert.n - at : piece);
    v->vtable->end_cert(&v->vtable);
}

static struct outcome judge(struct tls_profile *profile, enum verify_purpose purpose,
                            const struct slice *chain, size_t count, size_t piece)
{
    const char *host = purpose == VERIFY_SERVER ? HOST : NULL;
    struct outcome out = {.code = 0};
    struct err err;
    struct verify v;

    err_clear(&err);
    verify_init(&v, profile, make_trust(), purpose, host, NOW);
    judging = &v;
    br_x509_minimal_set_rsa(&v.minimal, say_rsa);
    br_x509_minimal_set_ecdsa(&v.minimal, profile->ec, say_ecdsa);
    v.vtable->start_chain(&v.vtable, host);
    for (size_t i = 0; i < count; i++)
        show(&v, chain[i], piece);
    out.code = v.vtable->end_chain(&v.vtable);
    out.at = v.fault_at;
    MUST(v.checks <= LIMIT_NAME_CHECKS + 1);
    if (out.code != 0) {
        MUST(refusal_is((int)out.code) && out.at <= count);
        verify_explain(&v, (int)out.code, &err);
        memcpy(out.text, err.text, sizeof out.text);
        MUST(out.text[0] != '\0');
    }
    verify_fini(&v);
    return out;
}

static bool is_inside(struct slice part, struct slice whole)
{
    return !part.p || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* What a certificate that was read promises; BearSSL's own reader must find a key in it, too. */
static bool read(struct slice der, struct x509 *x)
{
    br_x509_decoder_context dc;

    if (x509_read(der, x) != 0)
        return false;
    MUST(x->not_before <= x->not_after);
    MUST(x->parts.serial.n >= 1 && x->parts.serial.n <= 21);
    MUST(x->critical_count <= 2);
    for (int i = 0; i < X509_EXTENSIONS; i++)
        MUST(is_inside(x->value[i], der));
    for (size_t i = 0; i < x->critical_count; i++)
        MUST((uint8_t)*x->critical[i] == 0xff && is_inside(slice_make(x->critical[i], 1), der));
    MUST(x->value[X509_BASIC].p || (!x->is_ca && x->path_length == X509_ANY_LENGTH));
    br_x509_decoder_init(&dc, NULL, NULL);
    br_x509_decoder_push(&dc, der.p, der.n);
    if (br_x509_decoder_last_error(&dc) == 0)
        MUST(br_x509_decoder_get_pkey(&dc) != NULL && (x->is_ca || !br_x509_decoder_isCA(&dc)));
    return true;
}

/* The first octet: purpose; two more: the length of the first certificate. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tls_profile profile;
    struct slice chain[2];
    struct outcome whole, pieces;
    enum verify_purpose purpose;
    struct x509 leaf, issuer;
    size_t first;

    if (!profile.ec)
        MUST(tls_profile_init(&profile, NULL));
    if (size < 3)
        return 0;
    purpose = data[0] & 1 ? VERIFY_CLIENT : VERIFY_SERVER;
    first = (size_t)(data[1] << 8 | data[2]);
    data += 3;
    size -= 3;
    if (first > size)
        first = size;
    chain[0] = slice_make((const char *)data, first);
    chain[1] = slice_make((const char *)data + first, size - first);

    whole = judge(&profile, purpose, chain, 2, size + 1);
    pieces = judge(&profile, purpose, chain, 2, 1);
    MUST(whole.code == pieces.code && whole.at == pieces.at);
    MUST(strcmp(whole.text, pieces.text) == 0);

    if (!read(chain[0], &leaf)) {
        MUST(whole.code != 0);
        return 0;
    }
    if (whole.code == 0) {
        struct slice names = leaf.value[X509_ALT_NAMES];

        MUST(leaf.signature == 0 && leaf.usage & X509_DIGITAL_SIGNATURE && leaf.purposes & purpose);
        MUST(leaf.not_before <= NOW && leaf.not_after >= NOW);
        MUST(purpose == VERIFY_CLIENT || names_have_dns(names, SLICE(HOST)));
        MUST(!names_have_dns(names, SLICE("")) && !names_have_ip(names, NULL, 0));
    }
    if (!read(chain[1], &issuer))
        return 0;
    /* Of a leaf that isn't the anchor's the authority has been judged. */
    if (whole.code == 0 && !slice_eq(leaf.parts.issuer, issuer.parts.issuer)) {
        struct slice constraints = issuer.value[X509_CONSTRAINTS];
        unsigned checks = 0;

        MUST(issuer.is_ca && issuer.signature == 0 && issuer.usage & X509_CERT_SIGN &&
             issuer.purposes & purpose);
        MUST(slice_eq(leaf.parts.issuer, issuer.parts.subject));
        MUST(!constraints.p ||
             names_check(constraints, leaf.value[X509_ALT_NAMES], leaf.parts.subject,
                         purpose == VERIFY_SERVER ? SLICE(HOST) : SLICE(""), &checks) == 0);
    }
    return 0;
}
