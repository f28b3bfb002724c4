/*
 * What `serve` loads from files, at start and again on reload: the certificate shown to services,
 * the authorities and pins that license servers are verified against, and the certificate shown to
 * them.
 */
#ifndef CLI_MATERIAL_H
#define CLI_MATERIAL_H

#include "base/config.h"
#include "tls/profile.h"

struct material {
    struct tls_identity *identity; /* held; NULL with [tls] enabled = false */
    bool self_made;
    struct tls_trust *clients;     /* held; of services; NULL without [tls] client_ca */
    struct tls_trust *trust;       /* held; of license servers, with pins and client certificate */
    struct tls_trust *proxy_trust; /* held; of an https egress proxy: authorities alone */
    const char *roots;             /* borrowed from config, the environment or a constant */
};

/*
 * Loads all of it, or nothing. now_s: never-back time. A self-made identity is kept when *old
 * (NULL at the start) has one, so that reloading changes no fingerprint.
 */
bool material_load(struct material *m, const struct config *config, struct tls_profile *profile,
                   int64_t now_s, const struct material *old, struct err *err);

/* Whether the self-made certificate is due to be renewed. */
bool material_is_old(const struct material *m, int64_t now_s);

/* A new certificate with the same key in *identity. */
bool material_renew(const struct material *m, const struct config *config,
                    struct tls_profile *profile, int64_t now_s, struct tls_identity **identity,
                    struct err *err);

void material_fini(struct material *m);

#endif
