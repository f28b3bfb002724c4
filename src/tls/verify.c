#include "tls/verify.h"

#include "crypto/sha256.h"
#include "format/base64.h"
#include "tls/names.h"
#include "tls/refusal.h"
#include "tls/x509.h"

#include <arpa/inet.h>

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

    v->host = slice_of(server_name ? server_name : "");
    (*minimal(v))->start_chain(minimal(v), server_name);
}

/* Where the certificate that is coming in goes: the first one is needed to the end. */
static struct buf *current(struct verify *v)
{
    return v->count == 0 ? &v->leaf : &v->issuer;
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
    struct verify *v = self(ctx);

    (void)length;
    v->cut = false;
    buf_clear(current(v));
}

/*
 * Nobody needs what comes behind the path: roots that needn't be sent, certificates that lead to
 * others' anchors. They may be as they like.
 */
static bool is_over(const struct verify *v)
{
    return v->count > 0 && (pin_alone(v) || v->minimal.err != 0);
}

static void append(const br_x509_class **ctx, const unsigned char *data, size_t size)
{
    struct verify *v = self(ctx);

    if (!is_over(v) && !buf_append(current(v), data, size))
        v->cut = true;
}

/* The peer's own certificate; what its authorities' are looked at for, too. */
static unsigned judge_leaf(struct verify *v, const struct x509 *x)
{
    struct slice names = x->value[X509_ALT_NAMES];

    if (!(x->usage & X509_DIGITAL_SIGNATURE))
        return REFUSED_USAGE;
    if (!(x->purposes & v->purpose))
        return REFUSED_PURPOSE;
    v->names = names;
    v->subject = x->parts.subject;
    if (v->purpose == VERIFY_CLIENT)
        return 0;
    if (!names.p)
        return REFUSED_NO_NAMES;
    if (v->ip_size > 0)
        return names_have_ip(names, v->ip, v->ip_size) ? 0 : REFUSED_IP;
    return names_have_dns(names, v->host) ? 0 : REFUSED_NAME;
}

/* One that has signed the one before it. */
static unsigned judge_issuer(struct verify *v, const struct x509 *x)
{
    struct slice constraints = x->value[X509_CONSTRAINTS];

    if (!x->is_ca)
        return REFUSED_NOT_CA;
    if (v->count - 1 > x->path_length)
        return REFUSED_PATH_LENGTH;
    if (!(x->usage & X509_CERT_SIGN))
        return REFUSED_CA_USAGE;
    if (!(x->purposes & v->purpose))
        return REFUSED_CA_PURPOSE;
    return constraints.p ? names_check(constraints, v->names, v->subject, v->host, &v->checks) : 0;
}

static unsigned judge(struct verify *v, const struct x509 *x)
{
    if (v->now_s < x->not_before)
        return REFUSED_NOT_YET;
    if (v->now_s > x->not_after)
        return REFUSED_ENDED;
    return v->count == 0 ? judge_leaf(v, x) : judge_issuer(v, x);
}

/*
 * Gives BearSSL the certificate. It refuses every critical extKeyUsage and nameConstraints, which
 * are enforced here: it reads FALSE for those, while TRUE goes into the hash that is signed.
 */
static void feed(struct verify *v, struct slice der, const struct x509 *x)
{
    static const uint8_t not_critical = 0, critical = 0xff;
    br_x509_minimal_context *m = &v->minimal;

    (*minimal(v))->start_cert(minimal(v), (uint32_t)der.n);
    for (size_t i = 0; i < x->critical_count; i++) {
        size_t n = (size_t)(x->critical[i] - der.p);
        unsigned char hashed;

        (*minimal(v))->append(minimal(v), (const void *)der.p, n);
        hashed = m->do_mhash;
        m->do_mhash = 0;
        (*minimal(v))->append(minimal(v), &not_critical, 1);
        m->do_mhash = hashed;
        br_multihash_update(&m->mhash, &critical, 1);
        der = slice_make(der.p + n + 1, der.n - n - 1);
    }
    (*minimal(v))->append(minimal(v), (const void *)der.p, der.n);
    (*minimal(v))->end_cert(minimal(v));
}

static void refuse(struct verify *v, unsigned why)
{
    if (v->fault == 0) {
        v->fault = why;
        v->fault_at = v->count;
    }
}

static void end_cert(const br_x509_class **ctx)
{
    struct verify *v = self(ctx);
    const br_x509_minimal_context *m = &v->minimal;

    if (pin_alone(v)) {
        if (v->count == 0 && v->cut)
            refuse(v, REFUSED_LARGE);
    } else if (v->count == 0 || m->err == 0) {
        struct slice der = buf_slice(current(v));
        struct x509 x;
        unsigned why = v->cut ? (unsigned)REFUSED_LARGE : x509_read(der, &x);

        if (v->count == LIMIT_CHAIN)
            why = REFUSED_CHAIN;
        if (why != 0) {
            x.critical_count = 0;
            x.signature = 0;
        } else {
            why = judge(v, &x);
        }
        if (why != REFUSED_CHAIN)
            feed(v, der, &x);
        /* The signature on a certificate that is itself an anchor says nothing. */
        if (why == 0 && !(v->count == 0 && m->err == BR_ERR_X509_OK && m->cert_sig_len == 0))
            why = x.signature;
        if (why != 0)
            refuse(v, why);
    }
    v->count++;
}

static bool is_pinned(const struct verify *v, struct slice spki)
{
    uint8_t pin[32];

    sha256(spki, pin);
    for (size_t i = 0; i < v->trust->pin_count; i++)
        if (memcmp(pin, v->trust->pins[i], sizeof pin) == 0)
            return true;
    return false;
}

static unsigned conclude(struct verify *v)
{
    struct x509_parts parts;
    unsigned code = v->count > 0 ? 0 : BR_ERR_X509_EMPTY_CHAIN;

    if (!pin_alone(v))
        code = (*minimal(v))->end_chain(minimal(v));
    /* Words of our own before BearSSL's; but first of all, who vouches for the peer. */
    if (v->fault != 0 && (code != BR_ERR_X509_NOT_TRUSTED || v->fault == REFUSED_CHAIN))
        return v->fault;
    v->fault_at = 0;
    if (code != 0)
        return code;
    if (v->trust->pin_count == 0)
        return 0;
    if (!x509_split(buf_slice(&v->leaf), &parts) || !is_pinned(v, parts.spki))
        return REFUSED_PIN;
    return pin_alone(v) ? x509_read_key(parts.spki, &v->key) : 0;
}

/* A connection may live long: the certificates needn't, unless it is asked for the key in one. */
static unsigned end_chain(const br_x509_class **ctx)
{
    struct verify *v = self(ctx);
    unsigned code = conclude(v);

    sha256(buf_slice(&v->leaf), v->digest);
    if (!pin_alone(v))
        verify_fini(v);
    return code;
}

static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
    struct verify *v = (struct verify *)(uintptr_t)ctx;

    if (!pin_alone(v))
        return (*minimal(v))->get_pkey((const br_x509_class *const *)minimal(v), usages);
    if (usages)
        *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
    return &v->key;
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
    buf_init(&v->issuer, LIMIT_CERTIFICATE);
    if (name && inet_pton(AF_INET, name, v->ip) == 1)
        v->ip_size = 4;
    else if (name && inet_pton(AF_INET6, name, v->ip) == 1)
        v->ip_size = 16;
    br_x509_minimal_init(&v->minimal, profile->sha256, trust->anchors.items, trust->anchors.count);
    br_x509_minimal_set_rsa(&v->minimal, profile->rsa_verify);
    br_x509_minimal_set_ecdsa(&v->minimal, profile->ec, profile->ecdsa_verify);
    /* No SHA-1 and no MD5: signatures made with them are refused. */
    br_x509_minimal_set_hash(&v->minimal, br_sha256_ID, profile->sha256);
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
    buf_fini(&v->issuer);
}

void verify_explain(const struct verify *v, int code, struct err *err)
{
    const char *peer = v->purpose == VERIFY_SERVER ? "server" : "client";

    if (v->fault_at == 0)
        err_set(err, ERR_TLS, "the %s's certificate %s", peer, refusal_text(code));
    else
        err_set(err, ERR_TLS, "certificate %u of the %s's chain %s", v->fault_at + 1, peer,
                refusal_text(code));
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
