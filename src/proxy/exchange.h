/*
 * One licensing request through both connections: to the license server first, and from trust
 * when that is out of reach.
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "proxy/client.h"
#include "proxy/core.h"

/* Handlers of the licensing port; its ctx is the core. */
void exchange_on_request(struct client_port *port, struct client *c);
void exchange_on_gone(struct client_port *port, struct client *c);
const char *exchange_state_text(struct client_port *port);

/* Answers the waiting requests that have a trusted answer: the circuit is open. */
void exchange_release(struct core *core);

/* The drain deadline: answers every waiting request with 503. */
void exchange_give_up(struct core *core);

/* Ends all exchanges without answers. */
void exchange_end_all(struct core *core);

#endif
