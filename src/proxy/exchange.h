/*
 * One licensing request through both connections: to the license server first, and from trust
 * when that is out of reach.
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "proxy/client.h"
#include "proxy/core.h"

/* Makes port a licensing port: sets its handlers, and itself up in core. */
void exchange_init(struct core *core, struct client_port *port);

/* The drain deadline: answers every waiting request with 503. */
void exchange_give_up(struct core *core);

/* Ends all exchanges without answers. */
void exchange_end_all(struct core *core);

/* Frees what exchanges were kept in; after the loop's end. */
void exchange_fini(struct core *core);

#endif
