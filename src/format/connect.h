/*
 * The client's side of HTTP CONNECT (RFC 9110 section 9.3.6) as a byte machine: it writes the
 * request and reads the proxy's answer, and knows nothing of sockets.
 *
 *   struct connect c = {.proxy = egress->url, .source = egress->source, .host = host, .port = port,
 *                       .user = &egress->user, .password = &egress->password};
 *   connect_start(&c, &out, &err)          write out to the proxy, then buf_wipe(&out)
 *   connect_feed(&c, buf_slice(&in), &used, &err)      after each read, until it is not PARSE_MORE
 *   buf_consume(&in, used)                 in each case; what is left belongs to the tunnel
 */
#ifndef FORMAT_CONNECT_H
#define FORMAT_CONNECT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

struct connect {
    /* Set by the caller; all borrowed until the last call. */
    const char *proxy;             /* for messages: "http://proxy.example:3128", no credentials */
    const char *source;            /* for messages: the setting to mend, such as "HTTPS_PROXY" */
    const char *host;              /* a name, or an address; IPv6 without brackets */
    uint16_t port;                 /* with host: where the tunnel shall end */
    const struct secret *user;     /* NULL or not set: no credentials are sent */
    const struct secret *password; /* NULL or not set: empty */
    /* Its own; 0 at first. */
    size_t scanned;
    unsigned interim;
};

/*
 * Appends the request: CONNECT, Host, Proxy-Authorization (Basic, RFC 7617) if there are
 * credentials, User-Agent. False: ERR_SYNTAX (a host that has no place in a request) or ERR_MEMORY
 * (also when out's bound is too small; credentials of a full LIMIT_URL fit in LIMIT_HEAD), with
 * STAGE_PROXY; out is then dropped. out may hold credentials: end it with buf_wipe.
 */
bool connect_start(struct connect *c, struct buf *out, struct err *err);

/*
 * Reads the answer. input: all bytes that arrived and were not yet used; its buffer must hold at
 * least LIMIT_HEAD. *used: how many of them the caller drops now, whatever is returned.
 * PARSE_DONE: the tunnel is open (any 2xx; fields about a body mean nothing in it); bytes behind
 * *used are the tunnel's. PARSE_MORE: read more; up to LIMIT_INTERIM 1xx heads are passed over.
 * PARSE_BAD: the proxy refused (ERR_UNREACHABLE), or its answer is malformed (ERR_SYNTAX) or too
 * large (ERR_LIMIT); always STAGE_PROXY, with the proxy's own reason phrase, cut and printable. The
 * connection can't be used again. The verdict doesn't depend on how the bytes are cut.
 */
enum parse connect_feed(struct connect *c, struct slice input, size_t *used, struct err *err);

/* Fills err for a proxy that closed (ERR_CLOSED) or kept silent (ERR_TIMEOUT) before its answer. */
void connect_interrupt(const struct connect *c, enum err_code code, struct err *err);

#endif
