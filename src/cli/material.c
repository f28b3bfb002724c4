#include "cli/material.h"

#include "cli/state_files.h"
#include "tls/identity.h"
#include "tls/roots.h"
#include "tls/verify.h"

#include <stdlib.h>
#include <unistd.h>

/* The machine's name and the operator's, for the self-made certificate. */
struct names {
    char host[LIMIT_HOST + 1];
    const char *list[LIMIT_LIST + 1];
    size_t count;
};

static void collect_names(struct names *n, const struct config *config)
{
    memset(n, 0, sizeof *n);
    if (gethostname(n->host, sizeof n->host - 1) == 0 && n->host[0])
        n->list[n->count++] = n->host;
    for (size_t i = 0; i < config->tls_names.count; i++)
        n->list[n->count++] = config->tls_names.items[i];
}

/* What making an identity needs. */
struct maker {
    const struct config *config;
    struct tls_profile *profile;
    int64_t now_s;
};

static bool make_pair(void *ctx, struct pem_chain *chain, struct pem_key *key, struct err *err)
{
    const struct maker *m = ctx;
    struct names names;

    collect_names(&names, m->config);
    return identity_make(&m->profile->entropy.vtable, names.list, names.count, m->now_s, chain, key,
                         err);
}

static bool certify(void *ctx, const struct pem_key *key, struct pem_chain *chain, struct err *err)
{
    const struct maker *m = ctx;
    struct names names;

    collect_names(&names, m->config);
    return identity_renew(&m->profile->entropy.vtable, key, names.list, names.count, m->now_s,
                          chain, err);
}

/* From the state directory, or new and in memory alone. */
static struct tls_identity *own_identity(const struct config *config, struct tls_profile *profile,
                                         int64_t now_s, struct err *err)
{
    struct maker maker = {config, profile, now_s};
    const struct state_files_maker files = {make_pair, certify, &maker};
    struct pem_chain chain;
    struct pem_key key;
    struct tls_identity *identity;

    if (config->state_dir ? !state_files_identity(config->state_dir, &files, &chain, &key, err)
                          : !make_pair(&maker, &chain, &key, err))
        return NULL;
    identity = tls_identity_take(&chain, &key, err);
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    return identity;
}

static struct tls_identity *load_identity(const char *cert, const char *cert_key, struct err *err)
{
    struct pem_chain chain = {.count = 0};
    struct pem_key key = {.type = 0};
    struct tls_identity *identity = NULL;

    if (pem_load_chain(cert, &chain, err) && pem_load_key(cert_key, &key, err) &&
        pem_match(&chain, cert, &key, cert_key, err))
        identity = tls_identity_take(&chain, &key, err);
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    return identity;
}

static struct tls_trust *load_roots(const char *ca_file, const char **source, struct err *err)
{
    struct pem_anchors anchors = {.count = 0};
    struct tls_trust *trust;

    if (!roots_load(ca_file, getenv("SSL_CERT_FILE"), &anchors, source, err))
        return NULL;
    trust = tls_trust_take(&anchors, err);
    pem_anchors_fini(&anchors);
    return trust;
}

/* Pins and the client certificate are for license servers. */
static bool add_pins_and_client(struct tls_trust *trust, const struct config *config,
                                struct err *err)
{
    for (size_t i = 0; i < config->pin_sha256.count; i++)
        if (!verify_read_pin(slice_of(config->pin_sha256.items[i]), trust->pins[i])) {
            err_set(err, ERR_CONFIG,
                    "[upstream] pin_sha256: number %zu is no SHA-256 in base64 or hexadecimal",
                    i + 1);
            return false;
        }
    trust->pin_count = config->pin_sha256.count;
    trust->pins_suffice = !config->ca_file;
    if (!config->client_cert)
        return true;
    trust->client = load_identity(config->client_cert, config->client_key, err);
    return trust->client != NULL;
}

bool material_load(struct material *m, const struct config *config, struct tls_profile *profile,
                   int64_t now_s, const struct material *old, struct err *err)
{
    const char *ignored;

    memset(m, 0, sizeof *m);
    m->trust = load_roots(config->ca_file, &m->roots, err);
    /* Without pins and a client certificate it is the same: the authorities are read once. */
    if (m->trust && config->pin_sha256.count == 0 && !config->client_cert)
        m->proxy_trust = tls_trust_hold(m->trust);
    else if (m->trust)
        m->proxy_trust = load_roots(config->ca_file, &m->roots, err);
    if (!m->proxy_trust || !add_pins_and_client(m->trust, config, err)) {
        material_fini(m);
        return false;
    }
    if (!config->tls_enabled)
        return true;
    if (config->client_ca) {
        m->clients = load_roots(config->client_ca, &ignored, err);
        if (!m->clients) {
            material_fini(m);
            return false;
        }
    }
    m->self_made = !config->tls_cert;
    if (!m->self_made)
        m->identity = load_identity(config->tls_cert, config->tls_key, err);
    else if (old && old->self_made && old->identity)
        m->identity = tls_identity_hold(old->identity);
    else
        m->identity = own_identity(config, profile, now_s, err);
    if (m->identity)
        return true;
    material_fini(m);
    return false;
}

bool material_is_old(const struct material *m, int64_t now_s)
{
    return m->self_made && m->identity &&
           m->identity->facts.not_after - now_s < IDENTITY_RENEW_DAYS * 86400L;
}

bool material_renew(const struct material *m, const struct config *config,
                    struct tls_profile *profile, int64_t now_s, struct tls_identity **identity,
                    struct err *err)
{
    struct pem_chain chain = {.count = 0};
    struct pem_key key = {.type = 0};
    struct buf pem;
    struct names names;

    /* The connections that use the old identity go on borrowing its key: the new one has a copy. */
    *identity = NULL;
    collect_names(&names, config);
    buf_init(&pem, LIMIT_SECRET);
    if (!identity_write_key(&m->identity->key, &pem))
        err_set(err, ERR_MEMORY, "out of memory to renew the certificate");
    else if (pem_read_key(buf_slice(&pem), "the proxy's own key", &key, err) &&
             identity_renew(&profile->entropy.vtable, &key, names.list, names.count, now_s, &chain,
                            err) &&
             (!config->state_dir || state_files_renew(config->state_dir, &chain, err)))
        *identity = tls_identity_take(&chain, &key, err);
    buf_wipe(&pem);
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    return *identity != NULL;
}

void material_fini(struct material *m)
{
    tls_identity_drop(m->identity);
    tls_trust_drop(m->clients);
    tls_trust_drop(m->trust);
    tls_trust_drop(m->proxy_trust);
    memset(m, 0, sizeof *m);
}
