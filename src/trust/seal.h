/*
 * Sealed files: ChaCha20-Poly1305 (RFC 8439) under a key derived by HKDF-SHA256 (RFC 5869) from the
 * license key, or from a random key file where there is none. Each is bound to its name, so that
 * two files can't change places. A sealed file: "LPS", version (1), 12 random bytes, the
 * ciphertext, 16 bytes of tag. The first four bytes and the name are authenticated with it.
 */
#ifndef TRUST_SEAL_H
#define TRUST_SEAL_H

#include "base/buf.h"
#include "base/secret.h"
#include "tls/profile.h"

#define SEAL_OVERHEAD (4 + 12 + 16)
#define SEAL_NAME 80 /* the longest name */

struct seal {
    uint8_t seal_key[32];          /* secret: wiped by seal_fini */
    uint8_t name_key[32];          /* secret, likewise */
    br_hmac_key_context name_hmac; /* of name_key: names are made for each file that is read */
};

/* Derives both keys from the secret. */
void seal_init(struct seal *s, struct slice secret);
void seal_fini(struct seal *s);

/*
 * The name of the file for a trust key: prefix and 40 hexadecimal digits of an HMAC, which tells
 * nobody without the secret what request it belongs to. size: of out, at least strlen(prefix) + 41.
 */
void seal_name(const struct seal *s, const char *prefix, const uint8_t key[32], char *out,
               size_t size);

/*
 * Appends the sealed form of data to out; data must not lie in out. False, nothing appended: out's
 * bound, out of memory, or a name that is longer than SEAL_NAME.
 */
bool seal_close(const struct seal *s, struct tls_profile *profile, const char *name,
                struct slice data, struct buf *out);

/* False: memory is short for opening it, which says nothing of what was sealed. */
bool seal_has_memory(struct slice sealed, struct buf *out);

/*
 * Appends what was sealed under that name to out; sealed must not lie in out. False, nothing
 * appended: not sealed by this key under this name, changed in any bit, of another version, past
 * out's bound, or out of memory.
 */
bool seal_open(const struct seal *s, struct tls_profile *profile, const char *name,
               struct slice sealed, struct buf *out);

#endif
