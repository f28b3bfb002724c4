/*
 * The files of the state directory that are read at start, before the loop turns: the proxy's own
 * identity, and the key that stored trust is sealed with where there is no license key.
 *
 *   identity.key  the private key (PKCS#8, mode 0600); it stays when the certificate is renewed
 *   identity.crt  the certificate, for clients to trust or pin
 *   seal.key      32 random bytes (mode 0600)
 *
 * Two instances that start at one time on an empty directory agree: who comes second takes what the
 * first has written.
 */
#ifndef CLI_STATE_FILES_H
#define CLI_STATE_FILES_H

#include "base/config.h"
#include "tls/profile.h"

#define STATE_FILES_CERTIFICATE "identity.crt"
#define STATE_FILES_SEAL_KEY "seal.key"

/* Makes the directory if it isn't there (0700). ERR_CREATE or ERR_PERMISSION. */
bool state_files_prepare(const char *dir, struct err *err);

/* How an identity is made. */
struct state_files_maker {
    /* A key with its certificate; then a certificate for a key that is there. */
    bool (*make)(void *ctx, struct pem_chain *chain, struct pem_key *key, struct err *err);
    bool (*certify)(void *ctx, const struct pem_key *key, struct pem_chain *chain, struct err *err);
    void *ctx;
};

/*
 * Reads the identity; what isn't there is made and written, the certificate for the key that the
 * directory holds. ERR_CONFIG when what is there is broken (it is never replaced without being
 * asked: clients may have pinned it), ERR_CREATE, ERR_PERMISSION.
 */
bool state_files_identity(const char *dir, const struct state_files_maker *maker,
                          struct pem_chain *chain, struct pem_key *key, struct err *err);

/* Writes a renewed certificate. */
bool state_files_renew(const char *dir, const struct pem_chain *chain, struct err *err);

/* What stored trust is sealed with: the license key, or the content of seal.key, made if need be.
 */
bool state_files_seal_secret(const char *dir, const struct secret *license_key,
                             struct tls_profile *profile, struct secret *out, struct err *err);

/*
 * This boot's id. False where the kernel shows none (no /proc): then stored trust is dated by
 * never-back time alone.
 */
bool state_files_boot_id(uint8_t id[16]);

#endif
