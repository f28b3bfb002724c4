/*
 * Reading goes in two steps. A reader takes one PEM object after the other out of the text, by
 * BearSSL's decoder; then the object's DER is looked at, by BearSSL's decoders for keys and by
 * der_read for what they don't tell. Whatever may hold a private key is wiped.
 */
#include "tls/pem.h"

#include "base/fs.h"
#include "base/secret.h"
#include "format/der_read.h"

#include <stdlib.h>

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 4096 /* what BearSSL has room for */

/* ---- objects of a PEM text ----------------------------------------------------------------- */

struct reader {
    br_pem_decoder_context decoder;
    struct slice rest;   /* borrowed: what the decoder has not taken yet */
    const char *name;    /* borrowed: the file, for messages */
    char label[128];     /* of the object that was read last */
    struct buf der;      /* its contents */
    bool newline_pushed; /* the end of the text was told to the decoder */
    bool no_memory;      /* an append failed: contents are incomplete */
};

static void reader_init(struct reader *r, struct slice pem, const char *name)
{
    memset(r, 0, sizeof *r);
    br_pem_decoder_init(&r->decoder);
    /* Base64 shrinks, so only want of memory can make an append fail. */
    buf_init(&r->der, pem.n);
    r->rest = pem;
    r->name = name;
}

static void reader_fini(struct reader *r)
{
    buf_wipe(&r->der);
    secret_wipe(&r->decoder, sizeof r->decoder);
}

static void take_decoded(void *ctx, const void *data, size_t n)
{
    struct reader *r = ctx;

    if (!buf_append(&r->der, data, n))
        r->no_memory = true;
}

/* The next event of the decoder, 0 at the end of the text. */
static int next_event(struct reader *r)
{
    for (;;) {
        int event;

        if (r->rest.n > 0) {
            /* BearSSL 0.6 takes the CR after a banner for a part of the label. */
            const char *cr = memchr(r->rest.p, '\r', r->rest.n);
            size_t n = cr ? (size_t)(cr - r->rest.p) : r->rest.n;

            n = n > 0 ? br_pem_decoder_push(&r->decoder, r->rest.p, n) : 1;
            r->rest.p += n;
            r->rest.n -= n;
        } else if (!r->newline_pushed) {
            /* Without it, an END line that ends the file would go unnoticed. */
            r->newline_pushed = br_pem_decoder_push(&r->decoder, "\n", 1) == 1;
        } else {
            return 0;
        }
        event = br_pem_decoder_event(&r->decoder);
        if (event)
            return event;
    }
}

/* Reads the next object. DONE: label and der are its; MORE: no more are there. */
static enum parse next_object(struct reader *r, struct err *err)
{
    int event = next_event(r);

    if (event == 0)
        return PARSE_MORE;
    if (event == BR_PEM_BEGIN_OBJ) {
        (void)slice_copy(slice_of(br_pem_decoder_name(&r->decoder)), r->label, sizeof r->label);
        buf_clear(&r->der);
        br_pem_decoder_setdest(&r->decoder, take_decoded, r);
        event = next_event(r);
    }
    if (r->no_memory) {
        err_set(err, ERR_MEMORY, "%s: out of memory", r->name);
        return PARSE_BAD;
    }
    if (event == BR_PEM_END_OBJ)
        return PARSE_DONE;
    if (event == 0)
        err_set(err, ERR_CONFIG, "%s: ends inside a \"%s\" block", r->name, r->label);
    else
        err_set(err, ERR_CONFIG, "%s: the \"%s\" block is not valid base64", r->name, r->label);
    return PARSE_BAD;
}

static bool is_label(const struct reader *r, const char *label)
{
    return strcmp(r->label, label) == 0;
}

static bool is_certificate(const struct reader *r)
{
    return is_label(r, "CERTIFICATE") || is_label(r, "X509 CERTIFICATE");
}

/* ---- certificates -------------------------------------------------------------------------- */

struct outline {
    int64_t not_before, not_after; /* seconds since 1970 */
    struct slice spki;             /* borrowed: SubjectPublicKeyInfo, header included */
};

/* The parts of a certificate (RFC 5280 section 4.1) in their order; extensions aren't opened. */
static bool read_outline(struct slice der, struct outline *out)
{
    struct slice cert, tbs, validity, skipped;
    uint8_t tag;

    if (!der_read_tagged(&der, DER_SEQUENCE, &cert) || der.n > 0)
        return false;
    if (!der_read_tagged(&cert, DER_SEQUENCE, &tbs) ||
        !der_read_tagged(&cert, DER_SEQUENCE, &skipped) || !der_read_bits(&cert, &skipped) ||
        cert.n > 0)
        return false;
    if (der_read_is_next(tbs, DER_CONTEXT_CONSTRUCTED) && !der_read_element(&tbs, &tag, &skipped))
        return false;
    if (!der_read_tagged(&tbs, DER_INTEGER, &skipped) ||
        !der_read_tagged(&tbs, DER_SEQUENCE, &skipped) ||
        !der_read_tagged(&tbs, DER_SEQUENCE, &skipped) ||
        !der_read_tagged(&tbs, DER_SEQUENCE, &validity) ||
        !der_read_time(&validity, &out->not_before) || !der_read_time(&validity, &out->not_after) ||
        validity.n > 0 || !der_read_tagged(&tbs, DER_SEQUENCE, &skipped))
        return false;
    out->spki = tbs;
    if (!der_read_tagged(&tbs, DER_SEQUENCE, &skipped))
        return false;
    out->spki.n = (size_t)(tbs.p - out->spki.p);
    return true;
}

static struct slice cert_slice(const br_x509_certificate *cert)
{
    return slice_make((const char *)cert->data, cert->data_len);
}

/* Runs BearSSL's decoder. Its verdict: 0, or BR_ERR_X509_…. */
static int decode(br_x509_decoder_context *dc, struct slice der,
                  void (*take_dn)(void *ctx, const void *data, size_t n), void *ctx)
{
    br_x509_decoder_init(dc, take_dn, ctx);
    br_x509_decoder_push(dc, der.p, der.n);
    return br_x509_decoder_last_error(dc);
}

/* What keeps a well-formed certificate's key from being used, NULL if nothing does. */
static const char *key_fault(br_x509_decoder_context *dc)
{
    const br_x509_pkey *pk;

    switch (br_x509_decoder_last_error(dc)) {
    case 0:
        break;
    case BR_ERR_X509_LIMIT_EXCEEDED:
        return "its key is longer than 4096 bits";
    case BR_ERR_X509_UNSUPPORTED:
        return "its key is neither RSA nor on P-256, P-384 or P-521";
    default:
        return "it can't be decoded";
    }
    pk = br_x509_decoder_get_pkey(dc);
    if (pk->key_type == BR_KEYTYPE_RSA) {
        if (pk->key.rsa.nlen < RSA_MIN_BITS / 8)
            return "its RSA key is shorter than 2048 bits";
    } else {
        size_t q = pk->key.ec.curve == BR_EC_secp256r1   ? 65
                   : pk->key.ec.curve == BR_EC_secp384r1 ? 97
                                                         : 133;

        if (pk->key.ec.qlen != q || pk->key.ec.q[0] != 4)
            return "its EC key is not an uncompressed point";
    }
    return NULL;
}

bool pem_read_chain(struct slice pem, const char *name, struct pem_chain *out, struct err *err)
{
    struct reader r;
    enum parse next;

    memset(out, 0, sizeof *out);
    reader_init(&r, pem, name);
    while ((next = next_object(&r, err)) == PARSE_DONE) {
        br_x509_certificate *cert;
        struct slice der = buf_slice(&r.der);
        struct outline outline;

        if (!is_certificate(&r))
            continue;
        if (out->count == LIMIT_CHAIN) {
            err_set(err, ERR_CONFIG, "%s: more than %d certificates", name, LIMIT_CHAIN);
            goto bad;
        }
        if (!read_outline(der, &outline)) {
            err_set(err, ERR_CONFIG, "%s: block %zu is not a certificate", name, out->count + 1);
            goto bad;
        }
        cert = &out->certs[out->count];
        cert->data = malloc(der.n);
        if (!cert->data) {
            err_set(err, ERR_MEMORY, "%s: out of memory", name);
            goto bad;
        }
        memcpy(cert->data, der.p, der.n);
        cert->data_len = der.n;
        out->count++;
    }
    if (next == PARSE_BAD)
        goto bad;
    if (out->count == 0) {
        err_set(err, ERR_CONFIG, "%s: no \"CERTIFICATE\" block in it", name);
        goto bad;
    }
    reader_fini(&r);
    return true;
bad:
    reader_fini(&r);
    pem_chain_fini(out);
    return false;
}

bool pem_read_facts(const br_x509_certificate *cert, struct pem_facts *out, struct err *err)
{
    br_x509_decoder_context dc;
    struct outline outline;
    const char *fault;

    memset(out, 0, sizeof *out);
    if (!read_outline(cert_slice(cert), &outline)) {
        err_set(err, ERR_CONFIG, "malformed certificate");
        return false;
    }
    (void)decode(&dc, cert_slice(cert), NULL, NULL);
    fault = key_fault(&dc);
    if (fault) {
        err_set(err, ERR_CONFIG, "the certificate can't be used: %s", fault);
        return false;
    }
    out->not_before = outline.not_before;
    out->not_after = outline.not_after;
    out->key_type = br_x509_decoder_get_pkey(&dc)->key_type;
    out->issuer_key_type = br_x509_decoder_get_signer_key_type(&dc);
    return true;
}

bool pem_read_spki(const br_x509_certificate *cert, struct slice *spki)
{
    struct outline outline;

    if (!read_outline(cert_slice(cert), &outline))
        return false;
    *spki = outline.spki;
    return true;
}

void pem_chain_fini(struct pem_chain *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->certs[i].data);
    memset(c, 0, sizeof *c);
}

/* ---- trust anchors ------------------------------------------------------------------------- */

/* One more place in the list. */
static br_x509_trust_anchor *anchor_place(struct pem_anchors *a)
{
    if (a->count == a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 4;
        br_x509_trust_anchor *items = realloc(a->items, cap * sizeof *items);

        if (!items)
            return NULL;
        a->items = items;
        a->cap = cap;
    }
    return &a->items[a->count];
}

/* Copies the subject's name and the key into one block, which dn.data owns. */
static bool add_anchor(struct pem_anchors *a, br_x509_decoder_context *dc, struct slice dn)
{
    const br_x509_pkey *pk = br_x509_decoder_get_pkey(dc);
    bool is_rsa = pk->key_type == BR_KEYTYPE_RSA;
    size_t first = is_rsa ? pk->key.rsa.nlen : pk->key.ec.qlen;
    size_t second = is_rsa ? pk->key.rsa.elen : 0;
    br_x509_trust_anchor *ta = anchor_place(a);
    uint8_t *block = ta ? malloc(dn.n + first + second) : NULL;

    if (!block)
        return false;
    memset(ta, 0, sizeof *ta);
    memcpy(block, dn.p, dn.n);
    ta->dn.data = block;
    ta->dn.len = dn.n;
    ta->flags = br_x509_decoder_isCA(dc) ? BR_X509_TA_CA : 0;
    ta->pkey = *pk;
    block += dn.n;
    if (is_rsa) {
        memcpy(block, pk->key.rsa.n, first);
        memcpy(block + first, pk->key.rsa.e, second);
        ta->pkey.key.rsa.n = block;
        ta->pkey.key.rsa.e = block + first;
    } else {
        memcpy(block, pk->key.ec.q, first);
        ta->pkey.key.ec.q = block;
    }
    a->count++;
    return true;
}

struct dn {
    struct buf bytes;
    bool no_memory;
};

static void take_dn(void *ctx, const void *data, size_t n)
{
    struct dn *dn = ctx;

    if (!buf_append(&dn->bytes, data, n))
        dn->no_memory = true;
}

/* Adds one certificate, or counts it as skipped and says why in *fault. */
static bool read_anchor(struct slice der, const char *name, struct pem_anchors *out,
                        const char **fault, struct err *err)
{
    br_x509_decoder_context dc;
    struct outline outline;
    struct dn dn = {.no_memory = false};
    bool rv = false;

    buf_init(&dn.bytes, der.n);
    if (!read_outline(der, &outline)) {
        err_set(err, ERR_CONFIG, "%s: block %zu is not a certificate", name,
                out->count + out->skipped + 1);
        goto done;
    }
    (void)decode(&dc, der, take_dn, &dn);
    if (dn.no_memory) {
        err_set(err, ERR_MEMORY, "%s: out of memory", name);
        goto done;
    }
    *fault = key_fault(&dc);
    if (*fault) {
        out->skipped++;
    } else if (!add_anchor(out, &dc, buf_slice(&dn.bytes))) {
        err_set(err, ERR_MEMORY, "%s: out of memory", name);
        goto done;
    }
    rv = true;
done:
    buf_fini(&dn.bytes);
    return rv;
}

/* Forgets the anchors after the first count. */
static void drop_anchors(struct pem_anchors *a, size_t count)
{
    while (a->count > count)
        free(a->items[--a->count].dn.data);
}

bool pem_read_anchors(struct slice pem, const char *name, struct pem_anchors *out, struct err *err)
{
    size_t count = out->count, skipped = out->skipped;
    const char *fault = NULL;
    struct reader r;
    enum parse next;

    reader_init(&r, pem, name);
    while ((next = next_object(&r, err)) == PARSE_DONE)
        if (is_certificate(&r) && !read_anchor(buf_slice(&r.der), name, out, &fault, err))
            break;
    reader_fini(&r);
    if (next == PARSE_MORE && out->count > count)
        return true;
    if (next == PARSE_MORE && fault)
        err_set(err, ERR_CONFIG, "%s: no certificate in it can be used: %s", name, fault);
    else if (next == PARSE_MORE)
        err_set(err, ERR_CONFIG, "%s: no \"CERTIFICATE\" block in it", name);
    drop_anchors(out, count);
    out->skipped = skipped;
    return false;
}

void pem_anchors_fini(struct pem_anchors *a)
{
    if (!a->borrowed) {
        drop_anchors(a, 0);
        free(a->items);
    }
    memset(a, 0, sizeof *a);
}

/* ---- private keys -------------------------------------------------------------------------- */

/* BearSSL 0.6 takes 24 bytes more than its array has (its limit is of another constant). */
struct roomy_decoder {
    br_skey_decoder_context c;
    uint8_t slack[3 * (BR_X509_BUFSIZE_KEY - BR_X509_BUFSIZE_SIG)];
};

/* Whether a < b, for numbers of n octets, in a time that tells nothing of them. */
static bool is_below(const uint8_t *a, const uint8_t *b, size_t n)
{
    unsigned borrow = 0;

    while (n-- > 0)
        borrow = ((unsigned)a[n] - b[n] - borrow) >> 8 & 1;
    return borrow == 1;
}

/* Takes over an EC key with the length of its curve's order, which BearSSL doesn't see to. */
static bool take_ec(const br_ec_private_key *ec, const char *name, struct pem_key *out,
                    struct err *err)
{
    const uint8_t *order, *x = ec->x;
    size_t n, have = ec->xlen;
    uint8_t any = 0;

    if (ec->curve != BR_EC_secp256r1 && ec->curve != BR_EC_secp384r1 &&
        ec->curve != BR_EC_secp521r1) {
        err_set(err, ERR_CONFIG, "%s: the EC key is not on P-256, P-384 or P-521", name);
        return false;
    }
    order = br_ec_get_default()->order(ec->curve, &n);
    if (have > n) {
        err_set(err, ERR_CONFIG, "%s: the EC key is longer than its curve's order", name);
        return false;
    }
    out->bytes = calloc(1, n);
    if (!out->bytes) {
        err_set(err, ERR_MEMORY, "%s: out of memory", name);
        return false;
    }
    out->size = n;
    if (have > 0)
        memcpy(out->bytes + n - have, x, have);
    for (size_t i = 0; i < n; i++)
        any |= out->bytes[i];
    if (any == 0 || !is_below(out->bytes, order, n)) {
        err_set(err, ERR_CONFIG, "%s: the EC key is not a number below its curve's order", name);
        return false;
    }
    out->type = BR_KEYTYPE_EC;
    out->u.ec.curve = ec->curve;
    out->u.ec.x = out->bytes;
    out->u.ec.xlen = n;
    return true;
}

/* Copies one number of an RSA key, moving *at. */
static unsigned char *copy_number(uint8_t **at, const unsigned char *from, size_t n)
{
    uint8_t *to = *at;

    memcpy(to, from, n);
    *at += n;
    return to;
}

/*
 * Montgomery's arithmetic needs odd factors, and their product must have the length that the key
 * says: signatures are written by it. More (exponents, coefficient) pem_match proves by signing.
 */
static bool is_rsa_sound(const br_rsa_private_key *rsa)
{
    uint8_t n[RSA_MAX_BITS / 8];

    if (rsa->plen == 0 || rsa->qlen == 0 || rsa->dplen == 0 || rsa->dqlen == 0 || rsa->iqlen == 0)
        return false;
    if (!(rsa->p[rsa->plen - 1] & rsa->q[rsa->qlen - 1] & 1))
        return false;
    return br_rsa_i31_compute_modulus(n, rsa) > 0 && n[0] >> ((rsa->n_bitlen - 1) % 8) == 1;
}

static bool take_rsa(const br_rsa_private_key *rsa, const char *name, struct pem_key *out,
                     struct err *err)
{
    uint8_t *at;

    if (rsa->n_bitlen < RSA_MIN_BITS || rsa->n_bitlen > RSA_MAX_BITS) {
        err_set(err, ERR_CONFIG, "%s: the RSA key has %u bits; %d to %d can be used", name,
                (unsigned)rsa->n_bitlen, RSA_MIN_BITS, RSA_MAX_BITS);
        return false;
    }
    if (!is_rsa_sound(rsa)) {
        err_set(err, ERR_CONFIG, "%s: the RSA key's parts don't belong together", name);
        return false;
    }
    out->size = rsa->plen + rsa->qlen + rsa->dplen + rsa->dqlen + rsa->iqlen;
    out->bytes = malloc(out->size);
    if (!out->bytes) {
        err_set(err, ERR_MEMORY, "%s: out of memory", name);
        return false;
    }
    at = out->bytes;
    out->type = BR_KEYTYPE_RSA;
    out->u.rsa = *rsa;
    out->u.rsa.p = copy_number(&at, rsa->p, rsa->plen);
    out->u.rsa.q = copy_number(&at, rsa->q, rsa->qlen);
    out->u.rsa.dp = copy_number(&at, rsa->dp, rsa->dplen);
    out->u.rsa.dq = copy_number(&at, rsa->dq, rsa->dqlen);
    out->u.rsa.iq = copy_number(&at, rsa->iq, rsa->iqlen);
    return true;
}

static bool decode_key(struct slice der, const char *name, struct pem_key *out, struct err *err)
{
    struct roomy_decoder rd;
    bool rv = false;
    int code;

    br_skey_decoder_init(&rd.c);
    br_skey_decoder_push(&rd.c, der.p, der.n);
    code = br_skey_decoder_last_error(&rd.c);
    if (code == BR_ERR_X509_UNSUPPORTED)
        err_set(err, ERR_CONFIG,
                "%s: the private key is neither RSA nor EC on P-256, P-384 or P-521", name);
    else if (code == BR_ERR_X509_LIMIT_EXCEEDED)
        err_set(err, ERR_CONFIG, "%s: the private key is longer than %d bits", name, RSA_MAX_BITS);
    else if (code != 0)
        err_set(err, ERR_CONFIG, "%s: the private key can't be decoded", name);
    else if (br_skey_decoder_key_type(&rd.c) == BR_KEYTYPE_EC)
        rv = take_ec(br_skey_decoder_get_ec(&rd.c), name, out, err);
    else
        rv = take_rsa(br_skey_decoder_get_rsa(&rd.c), name, out, err);
    secret_wipe(&rd, sizeof rd);
    return rv;
}

/* Traditional keys are encrypted by header fields (RFC 1421), which are no base64. */
static bool has_encrypted_header(struct slice pem)
{
    static const char field[] = "Proc-Type: 4,ENCRYPTED";

    return memmem(pem.p, pem.n, field, sizeof field - 1) != NULL;
}

bool pem_read_key(struct slice pem, const char *name, struct pem_key *out, struct err *err)
{
    struct err local;
    struct reader r;
    enum parse next;
    bool rv = false;

    memset(out, 0, sizeof *out);
    err_clear(&local);
    reader_init(&r, pem, name);
    do {
        next = next_object(&r, &local);
    } while (next == PARSE_DONE && !is_label(&r, "PRIVATE KEY") &&
             !is_label(&r, "RSA PRIVATE KEY") && !is_label(&r, "EC PRIVATE KEY") &&
             !is_label(&r, "ENCRYPTED PRIVATE KEY"));
    if (is_label(&r, "ENCRYPTED PRIVATE KEY") || (next == PARSE_BAD && has_encrypted_header(pem)))
        err_set(err, ERR_CONFIG,
                "%s: the private key is encrypted; decrypt it with: openssl pkey -in %s -out FILE",
                name, name);
    else if (next == PARSE_BAD)
        err_set(err, local.code, "%s", local.text);
    else if (next == PARSE_MORE)
        err_set(err, ERR_CONFIG, "%s: no private key in it", name);
    else
        rv = decode_key(buf_slice(&r.der), name, out, err);
    reader_fini(&r);
    if (!rv)
        pem_key_fini(out);
    return rv;
}

void pem_key_fini(struct pem_key *k)
{
    if (k->bytes)
        secret_wipe(k->bytes, k->size);
    free(k->bytes);
    memset(k, 0, sizeof *k);
}

/* ---- key and certificate ------------------------------------------------------------------- */

static bool match_ec(const br_ec_public_key *pub, const br_ec_private_key *key)
{
    uint8_t q[BR_EC_KBUF_PUB_MAX_SIZE];
    size_t n;

    if (pub->curve != key->curve)
        return false;
    n = br_ec_compute_pub(br_ec_get_default(), NULL, q, key);
    return n > 0 && n == pub->qlen && memcmp(q, pub->q, n) == 0;
}

/* The modulus is compared, and a signature made: that takes all parts of a private key. */
static bool match_rsa(const br_rsa_public_key *pub, const br_rsa_private_key *key)
{
    static const uint8_t hash[32] = {1};
    uint8_t n[RSA_MAX_BITS / 8], signature[RSA_MAX_BITS / 8], found[sizeof hash];
    size_t size = br_rsa_i31_compute_modulus(n, key);

    if (size == 0 || size != pub->nlen || memcmp(n, pub->n, size) != 0)
        return false;
    return br_rsa_i31_pkcs1_sign(BR_HASH_OID_SHA256, hash, sizeof hash, key, signature) &&
           br_rsa_i31_pkcs1_vrfy(signature, size, BR_HASH_OID_SHA256, sizeof found, pub, found) &&
           memcmp(found, hash, sizeof hash) == 0;
}

bool pem_match(const struct pem_chain *chain, const char *chain_name, const struct pem_key *key,
               const char *key_name, struct err *err)
{
    br_x509_decoder_context dc;
    const br_x509_pkey *pk;
    const char *fault;

    if (chain->count == 0 || key->type == 0) {
        err_set(err, ERR_CONFIG, "%s, %s: no certificate or no key", chain_name, key_name);
        return false;
    }
    (void)decode(&dc, cert_slice(&chain->certs[0]), NULL, NULL);
    fault = key_fault(&dc);
    if (fault) {
        err_set(err, ERR_CONFIG, "%s: the first certificate can't be used: %s", chain_name, fault);
        return false;
    }
    pk = br_x509_decoder_get_pkey(&dc);
    if (pk->key_type == key->type &&
        (key->type == BR_KEYTYPE_EC ? match_ec(&pk->key.ec, &key->u.ec)
                                    : match_rsa(&pk->key.rsa, &key->u.rsa)))
        return true;
    err_set(err, ERR_CONFIG, "%s: the key does not belong to the first certificate of %s", key_name,
            chain_name);
    return false;
}

/* ---- files --------------------------------------------------------------------------------- */

bool pem_load_chain(const char *path, struct pem_chain *out, struct err *err)
{
    struct buf text;
    bool rv;

    memset(out, 0, sizeof *out);
    buf_init(&text, LIMIT_PEM_FILE);
    rv = fs_read_file(path, &text, err) && pem_read_chain(buf_slice(&text), path, out, err);
    /* The same file often holds the key. */
    buf_wipe(&text);
    return rv;
}

bool pem_load_key(const char *path, struct pem_key *out, struct err *err)
{
    struct buf text;
    bool rv;

    memset(out, 0, sizeof *out);
    buf_init(&text, LIMIT_PEM_FILE);
    rv = fs_read_file(path, &text, err) && pem_read_key(buf_slice(&text), path, out, err);
    buf_wipe(&text);
    return rv;
}

bool pem_load_anchors(const char *path, struct pem_anchors *out, struct err *err)
{
    struct buf text;
    bool rv;

    memset(out, 0, sizeof *out);
    buf_init(&text, LIMIT_CA_FILE);
    rv = fs_read_file(path, &text, err) && pem_read_anchors(buf_slice(&text), path, out, err);
    buf_fini(&text);
    if (!rv)
        pem_anchors_fini(out);
    return rv;
}

bool pem_write(struct buf *out, const char *label, const void *der, size_t n)
{
    size_t size = br_pem_encode(NULL, NULL, n, label, BR_PEM_LINE64);
    uint8_t *room = buf_reserve(out, size + 1); /* it ends the text with a NUL */

    if (!room)
        return false;
    br_pem_encode(room, der, n, label, BR_PEM_LINE64);
    buf_commit(out, size);
    return true;
}
