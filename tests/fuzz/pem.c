/*
 * Arbitrary bytes as a PEM file, and, wrapped in PEM here, as a certificate and as a private key,
 * so that the decoders are reached past the base64. What is read must be of the promised shape.
 */
#include "tls/identity.h"

#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_certificate(const br_x509_certificate *cert)
{
    br_x509_pkey key;
    struct pem_facts facts;
    struct slice spki;
    uint8_t pin[32];

    if (pem_read_facts(cert, &facts, NULL)) {
        MUST(facts.key_type == BR_KEYTYPE_RSA || facts.key_type == BR_KEYTYPE_EC);
        MUST(pem_read_public(cert, &key, NULL) && key.key_type == facts.key_type);
    }
    MUST(pem_read_spki(cert, &spki));
    MUST(spki.p > (const char *)cert->data && spki.n < cert->data_len);
    MUST(identity_spki_pin(cert, pin));
}

static void read_certificates(struct slice pem, struct pem_chain *chain)
{
    struct pem_anchors anchors = {.count = 0};
    struct err err;

    err_clear(&err);
    if (pem_read_chain(pem, "fuzz", chain, &err)) {
        MUST(chain->count > 0 && chain->count <= LIMIT_CHAIN);
        for (size_t i = 0; i < chain->count; i++)
            look_at_certificate(&chain->certs[i]);
    } else {
        MUST(chain->count == 0 && err_is_set(&err) && err.text[0] != '\0');
    }
    err_clear(&err);
    if (pem_read_anchors(pem, "fuzz", &anchors, &err)) {
        MUST(anchors.count > 0);
        for (size_t i = 0; i < anchors.count; i++)
            MUST(anchors.items[i].dn.len > 0 && anchors.items[i].pkey.key_type != 0);
    } else {
        MUST(anchors.count == 0 && anchors.skipped == 0 && err_is_set(&err));
    }
    pem_anchors_fini(&anchors);
}

static void read_key(struct slice pem, const struct pem_chain *chain)
{
    struct buf out;
    struct pem_key key;
    struct err err;

    err_clear(&err);
    if (!pem_read_key(pem, "fuzz", &key, &err)) {
        MUST(key.type == 0 && !key.bytes && err_is_set(&err) && err.text[0] != '\0');
        return;
    }
    if (key.type == BR_KEYTYPE_EC) {
        size_t n;

        (void)br_ec_get_default()->order(key.u.ec.curve, &n);
        MUST(key.u.ec.xlen == n && key.size == n);
    } else {
        MUST(key.u.rsa.n_bitlen >= PEM_RSA_MIN_BITS && key.u.rsa.n_bitlen <= PEM_RSA_MAX_BITS);
    }
    (void)pem_match(chain, "fuzz", &key, "fuzz", NULL);
    buf_init(&out, 4096);
    if (identity_write_key(&key, &out)) {
        struct pem_key again;

        MUST(pem_read_key(buf_slice(&out), "again", &again, NULL) && again.size == key.size &&
             memcmp(again.bytes, key.bytes, key.size) == 0);
        pem_key_fini(&again);
    }
    buf_wipe(&out);
    pem_key_fini(&key);
}

/* The input as the contents of one object. */
static void read_wrapped(const char *label, const uint8_t *data, size_t size, bool is_key,
                         struct pem_chain *chain)
{
    struct buf pem;

    buf_init(&pem, LIMIT_PEM_FILE);
    if (pem_write(&pem, label, data, size)) {
        if (is_key)
            read_key(buf_slice(&pem), chain);
        else
            read_certificates(buf_slice(&pem), chain);
    }
    buf_wipe(&pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice pem = {(const char *)data, size};
    struct pem_chain chain, wrapped;

    read_certificates(pem, &chain);
    read_key(pem, &chain);
    read_wrapped("CERTIFICATE", data, size, false, &wrapped);
    pem_chain_fini(&wrapped);
    read_wrapped("PRIVATE KEY", data, size, true, &chain);
    pem_chain_fini(&chain);
    return 0;
}
