/*
 * The status port: what operators, probes and the vendors' own tools ask. Read only; reveals no
 * key, no body and no client's credential.
 */
#ifndef STATUS_ENDPOINT_H
#define STATUS_ENDPOINT_H

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
};

/* Handler of the status port; its ctx is the endpoint. */
void endpoint_on_request(struct client_port *port, struct client *c);

#endif
