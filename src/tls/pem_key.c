/* Whatever holds bytes of a private key is wiped. */
#include "tls/pem.h"

#include "base/fs.h"
#include "base/secret.h"
#include "crypto/curves.h"
#include "format/der_read.h"
#include "tls/oid.h"
#include "tls/pem_text.h"
#include "tls/x509.h"

#include <stdlib.h>

/* ---- private keys -------------------------------------------------------------------------- */

static bool fail_kind(const char *name, struct err *err)
{
    err_set(err, ERR_CONFIG, "%s: the private key is neither RSA nor EC on P-256, P-384 or P-521",
            name);
    return false;
}

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

    if (ec->curve == 0)
        return fail_kind(name, err);
    order = curves_get()->order(ec->curve, &n);
    if (have > n) {
        err_set(err, ERR_CONFIG, "%s: the EC key is longer than its curve's order", name);
        return false;
    }
    out->bytes = secret_alloc(n);
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
    uint8_t n[PEM_RSA_MAX_BITS / 8];

    if (rsa->plen == 0 || rsa->qlen == 0 || rsa->dplen == 0 || rsa->dqlen == 0 || rsa->iqlen == 0 ||
        rsa->dplen > rsa->plen || rsa->dqlen > rsa->qlen || rsa->iqlen > rsa->plen ||
        rsa->plen > sizeof n || rsa->qlen > sizeof n - rsa->plen)
        return false;
    if (!(rsa->p[rsa->plen - 1] & rsa->q[rsa->qlen - 1] & 1))
        return false;
    return br_rsa_i31_compute_modulus(n, rsa) > 0 && n[0] >> ((rsa->n_bitlen - 1) % 8) == 1;
}

static bool take_rsa(const br_rsa_private_key *rsa, const char *name, struct pem_key *out,
                     struct err *err)
{
    uint8_t *at;

    if (rsa->n_bitlen < PEM_RSA_MIN_BITS || rsa->n_bitlen > PEM_RSA_MAX_BITS) {
        err_set(err, ERR_CONFIG, "%s: the RSA key has %u bits; %d to %d can be used", name,
                (unsigned)rsa->n_bitlen, PEM_RSA_MIN_BITS, PEM_RSA_MAX_BITS);
        return false;
    }
    if (!is_rsa_sound(rsa)) {
        err_set(err, ERR_CONFIG, "%s: the RSA key's parts don't belong together", name);
        return false;
    }
    out->size = rsa->plen + rsa->qlen + rsa->dplen + rsa->dqlen + rsa->iqlen;
    out->bytes = secret_alloc(out->size);
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

/* A number without the octets that only say that it is positive. */
static bool read_number(struct slice *rest, unsigned char **p, size_t *n)
{
    struct slice s;

    if (!der_read_tagged(rest, DER_INTEGER, &s) || s.n == 0 || (s.p[0] & 0x80) != 0)
        return false;
    for (; s.n > 0 && s.p[0] == 0; s.n--)
        s.p++;
    *p = (unsigned char *)(uintptr_t)s.p;
    *n = s.n;
    return true;
}

/* RSAPrivateKey (RFC 8017 appendix A.1.2) past its version. */
static bool read_rsa(struct slice *rest, br_rsa_private_key *rsa)
{
    unsigned char *modulus, *exponent;
    size_t n, exponent_size;

    if (!read_number(rest, &modulus, &n) || !read_number(rest, &exponent, &exponent_size) ||
        !read_number(rest, &exponent, &exponent_size) || !read_number(rest, &rsa->p, &rsa->plen) ||
        !read_number(rest, &rsa->q, &rsa->qlen) || !read_number(rest, &rsa->dp, &rsa->dplen) ||
        !read_number(rest, &rsa->dq, &rsa->dqlen) || !read_number(rest, &rsa->iq, &rsa->iqlen))
        return false;
    rsa->n_bitlen = (uint32_t)(8 * n);
    if (n > 0)
        for (unsigned top = 0x80; (modulus[0] & top) == 0; top >>= 1)
            rsa->n_bitlen--;
    return true;
}

/* What follows the version, with which each of the forms begins. */
static bool read_version(struct slice der, struct slice *rest)
{
    struct slice version;

    return der_read_tagged(&der, DER_SEQUENCE, rest) && der.n == 0 &&
           der_read_tagged(rest, DER_INTEGER, &version);
}

/*
 * PrivateKeyInfo (RFC 5208 section 5) around one of the others, RSAPrivateKey, or ECPrivateKey (RFC
 * 5915 section 3): what comes after the version tells. What follows the key is not looked at.
 */
static bool decode_key(struct slice der, const char *name, struct pem_key *out, struct err *err)
{
    struct slice rest, parameters, oid = {0}, x;
    br_rsa_private_key rsa;
    br_ec_private_key ec;

    if (!read_version(der, &rest))
        goto bad;
    if (der_read_is_next(rest, DER_SEQUENCE)) {
        if (!der_read_tagged(&rest, DER_SEQUENCE, &parameters) ||
            !der_read_tagged(&parameters, DER_OID, &oid) ||
            !der_read_tagged(&rest, DER_OCTET_STRING, &der))
            goto bad;
        if (slice_eq(oid, SLICE(OID_EC_PUBLIC_KEY))) {
            if (!der_read_tagged(&parameters, DER_OID, &oid))
                goto bad;
        } else if (!slice_eq(oid, SLICE(OID_RSA))) {
            return fail_kind(name, err);
        }
        if (!read_version(der, &rest))
            goto bad;
    }
    if (der_read_is_next(rest, DER_INTEGER)) {
        if (!read_rsa(&rest, &rsa))
            goto bad;
        return take_rsa(&rsa, name, out, err);
    }
    if (!der_read_tagged(&rest, DER_OCTET_STRING, &x))
        goto bad;
    if (der_read_is_next(rest, DER_CONTEXT_CONSTRUCTED) &&
        (!der_read_tagged(&rest, DER_CONTEXT_CONSTRUCTED, &parameters) ||
         !der_read_tagged(&parameters, DER_OID, &oid)))
        goto bad;
    ec = (br_ec_private_key){
        .curve = x509_curve(oid), .x = (unsigned char *)(uintptr_t)x.p, .xlen = x.n};
    return take_ec(&ec, name, out, err);
bad:
    err_set(err, ERR_CONFIG, "%s: the private key can't be decoded", name);
    return false;
}

/* Traditional keys are encrypted by header fields (RFC 1421), which are no base64. */
static bool has_encrypted_header(struct slice pem)
{
    return slice_contains(pem, SLICE("Proc-Type: 4,ENCRYPTED"));
}

bool pem_read_key(struct slice pem, const char *name, struct pem_key *out, struct err *err)
{
    struct err local;
    struct pem_text text;
    enum parse next;
    bool rv = false;

    memset(out, 0, sizeof *out);
    err_clear(&local);
    pem_text_init(&text, pem, name);
    do {
        next = pem_text_next(&text, &local);
    } while (next == PARSE_DONE && !pem_text_is(&text, "PRIVATE KEY") &&
             !pem_text_is(&text, "RSA PRIVATE KEY") && !pem_text_is(&text, "EC PRIVATE KEY") &&
             !pem_text_is(&text, "ENCRYPTED PRIVATE KEY"));
    if (pem_text_is(&text, "ENCRYPTED PRIVATE KEY") ||
        (next == PARSE_BAD && has_encrypted_header(pem)))
        err_set(err, ERR_CONFIG,
                "%s: the private key is encrypted; decrypt it with: openssl pkey -in %s -out FILE",
                name, name);
    else if (next == PARSE_BAD)
        err_set(err, local.code, "%s", local.text);
    else if (next == PARSE_MORE)
        err_set(err, ERR_CONFIG, "%s: no private key in it", name);
    else
        rv = decode_key(buf_slice(&text.der), name, out, err);
    pem_text_fini(&text);
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
    n = br_ec_compute_pub(curves_get(), NULL, q, key);
    return n > 0 && n == pub->qlen && memcmp(q, pub->q, n) == 0;
}

/* The modulus is compared, and a signature made: that takes all parts of a private key. */
static bool match_rsa(const br_rsa_public_key *pub, const br_rsa_private_key *key)
{
    static const uint8_t hash[32] = {1};
    uint8_t n[PEM_RSA_MAX_BITS / 8], signature[PEM_RSA_MAX_BITS / 8], found[sizeof hash];
    size_t size = br_rsa_i31_compute_modulus(n, key);

    if (size == 0 || size != pub->nlen || memcmp(n, pub->n, size) != 0)
        return false;
    return br_rsa_pkcs1_sign_get_default()(BR_HASH_OID_SHA256, hash, sizeof hash, key, signature) &&
           br_rsa_pkcs1_vrfy_get_default()(signature, size, BR_HASH_OID_SHA256, sizeof found, pub,
                                           found) &&
           memcmp(found, hash, sizeof hash) == 0;
}

bool pem_match(const struct pem_chain *chain, const char *chain_name, const struct pem_key *key,
               const char *key_name, struct err *err)
{
    br_x509_pkey pk;
    struct err why;

    if (chain->count == 0 || key->type == 0) {
        err_set(err, ERR_CONFIG, "%s, %s: no certificate or no key", chain_name, key_name);
        return false;
    }
    err_clear(&why);
    if (!pem_read_public(&chain->certs[0], &pk, &why)) {
        err_set(err, why.code, "%s: %s", chain_name, why.text);
        return false;
    }
    if (pk.key_type == key->type &&
        (key->type == BR_KEYTYPE_EC ? match_ec(&pk.key.ec, &key->u.ec)
                                    : match_rsa(&pk.key.rsa, &key->u.rsa)))
        return true;
    err_set(err, ERR_CONFIG, "%s: the key does not belong to the first certificate of %s", key_name,
            chain_name);
    return false;
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
