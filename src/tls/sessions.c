/*
 * IDs are random and ours, so a place that follows from the ID alone is as good as any: a session
 * is overwritten by the next that falls on its place.
 */
#include "tls/sessions.h"

#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

struct session {
    br_ssl_session_parameters parameters; /* session_id_len 0: none */
    int64_t saved_ms;
};

static struct session *slot_of(const struct sessions *s, const br_ssl_session_parameters *session)
{
    return &s->slots[(session->session_id[0] << 8 | session->session_id[1]) % LIMIT_SESSIONS];
}

void sessions_fini(struct sessions *s)
{
    if (s->slots)
        secret_wipe(s->slots, LIMIT_SESSIONS * sizeof *s->slots);
    free(s->slots);
    s->slots = NULL;
}

void sessions_save(struct sessions *s, const br_ssl_session_parameters *session, int64_t now_ms)
{
    if (!s->slots)
        s->slots = secret_alloc(LIMIT_SESSIONS * sizeof *s->slots);
    if (s->slots)
        *slot_of(s, session) = (struct session){*session, now_ms};
}

bool sessions_load(const struct sessions *s, br_ssl_session_parameters *session, int64_t now_ms)
{
    const struct session *slot;

    if (!s->slots)
        return false;
    slot = slot_of(s, session);
    if (slot->parameters.session_id_len != sizeof session->session_id ||
        now_ms - slot->saved_ms > LIMIT_SESSION_MS ||
        memcmp(slot->parameters.session_id, session->session_id, sizeof session->session_id) != 0)
        return false;
    *session = slot->parameters;
    return true;
}
