/*
 * Sessions that clients may resume by their ID (RFC 5246 section 7.4.1.2), which spares both sides
 * the signature and the key exchange. In memory only, kept beside the identity that they were made
 * under and gone with it. Not for listeners that ask for client certificates: resuming would skip
 * them.
 */
#ifndef TLS_SESSIONS_H
#define TLS_SESSIONS_H

#include "base/limits.h"

#include <bearssl.h>
#include <stdbool.h>
#include <stdint.h>

struct session;

/* All zero at first. */
struct sessions {
    struct session *slots; /* owned; wiped when it ends. NULL until the first is kept */
};

/* Wipes and frees. */
void sessions_fini(struct sessions *s);

/*
 * Keeps a session, in place of an older one if need be. now_ms: clock_mono_ms. Nothing is kept when
 * out of memory.
 */
void sessions_save(struct sessions *s, const br_ssl_session_parameters *session, int64_t now_ms);

/* Finds the session with this session_id; false if it isn't kept, or is over LIMIT_SESSION_MS old.
 */
bool sessions_load(const struct sessions *s, br_ssl_session_parameters *session, int64_t now_ms);

#endif
