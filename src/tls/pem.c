#include "tls/pem.h"

#include "base/fs.h"
#include "format/base64.h"
#include "tls/pem_text.h"
#include "tls/refusal.h"
#include "tls/x509.h"

#include <stdlib.h>

static bool is_certificate(const struct pem_text *t)
{
    return pem_text_is(t, "CERTIFICATE") || pem_text_is(t, "X509 CERTIFICATE");
}

/* ---- certificates -------------------------------------------------------------------------- */

/* Whether the parts that anchors and chains need are there; extensions aren't opened. */
static bool split_whole(struct slice der, struct x509_parts *parts)
{
    int64_t from, to;

    return x509_split(der, parts) && x509_read_dates(parts->validity, &from, &to);
}

static struct slice cert_slice(const br_x509_certificate *cert)
{
    return slice_make((const char *)cert->data, cert->data_len);
}

/* Why a well-formed certificate can't be used. A peer's key may not be on P-521. */
static const char *fault_text(unsigned fault)
{
    return fault == REFUSED_KEY_KIND ? "has a key that is neither RSA nor on P-256, P-384 or P-521"
                                     : refusal_text((int)fault);
}

bool pem_read_chain(struct slice pem, const char *name, struct pem_chain *out, struct err *err)
{
    struct x509_parts parts;
    struct pem_text text;
    enum parse next;

    memset(out, 0, sizeof *out);
    pem_text_init(&text, pem, name);
    while ((next = pem_text_next(&text, err)) == PARSE_DONE) {
        br_x509_certificate *cert;
        struct slice der = buf_slice(&text.der);

        if (!is_certificate(&text))
            continue;
        if (out->count == LIMIT_CHAIN) {
            err_set(err, ERR_CONFIG, "%s: more than %d certificates", name, LIMIT_CHAIN);
            goto bad;
        }
        if (!split_whole(der, &parts)) {
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
    pem_text_fini(&text);
    return true;
bad:
    pem_text_fini(&text);
    pem_chain_fini(out);
    return false;
}

bool pem_read_public(const br_x509_certificate *cert, br_x509_pkey *out, struct err *err)
{
    struct x509_parts parts;
    unsigned fault = REFUSED_MALFORMED;

    if (x509_split(cert_slice(cert), &parts))
        fault = x509_read_key(parts.spki, out);
    if (fault)
        err_set(err, ERR_CONFIG, "the certificate can't be used: it %s", fault_text(fault));
    return fault == 0;
}

bool pem_read_facts(const br_x509_certificate *cert, struct pem_facts *out, struct err *err)
{
    struct x509_parts parts;
    br_x509_pkey pk;

    memset(out, 0, sizeof *out);
    if (!x509_split(cert_slice(cert), &parts) ||
        !x509_read_dates(parts.validity, &out->not_before, &out->not_after)) {
        err_set(err, ERR_CONFIG, "malformed certificate");
        return false;
    }
    if (!pem_read_public(cert, &pk, err))
        return false;
    out->key_type = pk.key_type;
    out->issuer_key_type = x509_signer_type(parts.algorithm);
    return true;
}

bool pem_read_spki(const br_x509_certificate *cert, struct slice *spki)
{
    struct x509_parts parts;

    if (!x509_split(cert_slice(cert), &parts))
        return false;
    *spki = parts.spki;
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
static bool add_anchor(struct pem_anchors *a, struct slice dn, const br_x509_pkey *pk, bool is_ca)
{
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
    ta->flags = is_ca ? BR_X509_TA_CA : 0;
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

/* Adds one certificate, or counts it as skipped and says why in *fault. */
static bool read_anchor(struct slice der, const char *name, struct pem_anchors *out,
                        unsigned *fault, struct err *err)
{
    struct x509_parts parts;
    br_x509_pkey pk;
    const char *dn;
    bool is_ca;

    if (!split_whole(der, &parts)) {
        err_set(err, ERR_CONFIG, "%s: block %zu is not a certificate", name,
                out->count + out->skipped + 1);
        return false;
    }
    *fault = x509_read_key(parts.spki, &pk);
    if (*fault == 0)
        *fault = x509_read_ca(parts.rest, &is_ca);
    if (*fault) {
        out->skipped++;
        return true;
    }
    /* The whole element, which follows the validity. */
    dn = parts.validity.p + parts.validity.n;
    if (add_anchor(out, slice_make(dn, (size_t)(parts.subject.p - dn) + parts.subject.n), &pk,
                   is_ca))
        return true;
    err_set(err, ERR_MEMORY, "%s: out of memory", name);
    return false;
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
    unsigned fault = 0;
    struct pem_text text;
    enum parse next;

    pem_text_init(&text, pem, name);
    while ((next = pem_text_next(&text, err)) == PARSE_DONE)
        if (is_certificate(&text) && !read_anchor(buf_slice(&text.der), name, out, &fault, err))
            break;
    pem_text_fini(&text);
    if (next == PARSE_MORE && out->count > count)
        return true;
    if (next == PARSE_MORE && fault)
        err_set(err, ERR_CONFIG, "%s: no certificate in it can be used: it %s", name,
                fault_text(fault));
    else if (next == PARSE_MORE)
        err_set(err, ERR_CONFIG, "%s: no \"CERTIFICATE\" block in it", name);
    drop_anchors(out, count);
    out->skipped = skipped;
    return false;
}

void pem_anchors_fini(struct pem_anchors *a)
{
    if (!a->borrowed)
        drop_anchors(a, 0);
    free(a->items);
    memset(a, 0, sizeof *a);
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
    enum { LINE = 64, LINE_BYTES = LINE / 4 * 3 };
    struct slice rest = slice_make(der, n);
    size_t frame = sizeof "-----BEGIN -----\n-----END -----\n" + 2 * strlen(label);
    size_t lines = (n + LINE_BYTES - 1) / LINE_BYTES;

    /* Once there is room for all of it, and for a NUL, no part can fail. */
    if (!buf_reserve(out, frame + BASE64_SIZE(n) + lines))
        return false;
    (void)buf_appendf(out, "-----BEGIN %s-----\n", label);
    while (rest.n > 0) {
        size_t part = rest.n < LINE_BYTES ? rest.n : LINE_BYTES, size = BASE64_SIZE(part);
        char *line = (char *)buf_reserve(out, size + 1);

        if (!line || !base64_encode(slice_make(rest.p, part), line, size + 1))
            break;
        line[size] = '\n';
        buf_commit(out, size + 1);
        rest = slice_make(rest.p + part, rest.n - part);
    }
    (void)buf_appendf(out, "-----END %s-----\n", label);
    return true;
}
