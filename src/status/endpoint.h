/*
 * The status port: what operators, probes and the vendors' own tools ask. Read only; reveals no
 * key, no body and no client's credential.
 */
#ifndef STATUS_ENDPOINT_H
#define STATUS_ENDPOINT_H

#include "status/subject.h"

/* Handler of the status port; its ctx is the endpoint. */
void endpoint_on_request(struct client_port *port, struct client *c);

#endif
