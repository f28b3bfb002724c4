/*
 * What the status port tells of: the running proxy, as seen by each of its pages.
 */
#ifndef STATUS_SUBJECT_H
#define STATUS_SUBJECT_H

#include "proxy/checkin.h"
#include "proxy/client.h"
#include "proxy/core.h"

struct endpoint {
    struct core *core; /* borrowed for its life, as are the others */
    const struct checkin *checkin;
    const struct client_port *licensing; /* its listener is closed until the server was reached */
    const char *version;
    const char *roots;  /* where the trust anchors come from; replaced on reload */
    bool self_made;     /* the certificate is one that the proxy made itself */
    int64_t started_ns; /* boot time */
    int statm_fd;       /* owned: /proc/self/statm, which can't be opened later; -1: not there */
};

/* A person has to renew the certificate within days. */
#define SUBJECT_CERTIFICATE_SOON_S (14 * 86400)
static inline bool subject_certificate_ends(const struct endpoint *e)
{
    const struct tls_identity *identity = e->licensing->identity;

    return identity && !e->self_made &&
           identity->facts.not_after - clock_never_back_s(&e->core->clock) <
               SUBJECT_CERTIFICATE_SOON_S;
}

#endif
