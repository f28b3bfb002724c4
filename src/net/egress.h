/*
 * Which way leads to a host: directly, or through the egress proxy of the operator's network. Read
 * once at start from the configuration and the environment; pure afterwards.
 *
 * Strongest first; an environment variable that is empty counts as not set, as in curl and Go:
 *   the proxy         [upstream] proxy, https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY
 *   what it is not    [upstream] no_proxy, no_proxy, NO_PROXY
 *   asked for
 * Only the strongest one that is set is read, and the second list only if there is a proxy: weaker
 * values may be malformed. A setting of the configuration that is set but empty means "none",
 * whatever the environment says. http_proxy is not looked at: license servers are https alone.
 *
 * A proxy is [scheme "://"] [user [":" password] "@"] host [":" port] ["/"]:
 *   http    (also without a scheme) CONNECT                                 default port 80
 *   https   TLS to the proxy, CONNECT inside                                default port 443
 *   socks5  SOCKS5; names are resolved here                                 default port 1080
 *   socks5h SOCKS5; names are resolved by the proxy                         default port 1080
 * The scheme's case doesn't matter; user and password are percent-decoded. Differences: curl takes
 * port 1080 for http without a port; Go resolves names at the proxy with socks5, too; a path, which
 * curl and Go ignore, is refused here, as is every scheme that isn't listed (curl knows socks4).
 *
 * NO_PROXY is a list of entries with commas or white space between them (Go: commas only):
 *   *                          every host (curl: only when it is the whole list)
 *   example.com                that name and all below it
 *   .example.com *.example.com all below that name (as in Go; in curl the name itself, too)
 *   192.0.2.1  2001:db8::1     that address, [2001:db8::1] as well
 *   192.0.2.0/24 2001:db8::/32 that network
 *   ENTRY:port                 each of them for one port alone; IPv6 in brackets then,
 *                              "[2001:db8::1]:443", "[2001:db8::]/32:443" (curl knows no ports)
 * Case and one dot at the end of names don't matter. Addresses and networks match hosts that are
 * written as addresses; no name is looked up to find out, as in curl and Go. IPv4-mapped IPv6
 * addresses are their IPv4 addresses, as in Go. localhost and loopback addresses are no exception
 * unless listed, as in curl (Go never asks a proxy for them). An entry that is none of these is an
 * error, where curl and Go pass over it: a typing error must not send traffic another way.
 */
#ifndef NET_EGRESS_H
#define NET_EGRESS_H

#include "base/err.h"
#include "base/limits.h"
#include "base/secret.h"
#include "format/cidr.h"

enum egress_scheme { EGRESS_DIRECT, EGRESS_HTTP, EGRESS_HTTPS, EGRESS_SOCKS5, EGRESS_SOCKS5H };

enum egress_kind { EGRESS_ANY, EGRESS_NAME, EGRESS_BELOW, EGRESS_NETWORK };

/* One entry of the list of hosts that the proxy is not asked for. */
struct egress_entry {
    enum egress_kind kind;
    uint16_t port;       /* 0: every port */
    struct slice name;   /* of EGRESS_NAME and EGRESS_BELOW, no dot at its ends; into egress.list */
    struct cidr network; /* of EGRESS_NETWORK */
};

/* "socks5h://[" host "]:65535" and its NUL. */
#define EGRESS_URL_SIZE (LIMIT_HOST + 20)

struct egress {
    enum egress_scheme scheme; /* EGRESS_DIRECT: there is no proxy, and all below is empty */
    char host[LIMIT_HOST + 1]; /* a name without a dot at its end, or an address, no brackets */
    uint16_t port;             /* never 0 */
    struct secret user;        /* percent-decoded; not set: no credentials */
    struct secret password;    /* not set exactly if user isn't; may be empty for http and https */
    char url[EGRESS_URL_SIZE]; /* for messages: scheme, host and port, no credentials */
    const char *source;        /* static: "HTTPS_PROXY" and so on, or "[upstream] proxy" */
    const char *list_source;   /* static: "NO_PROXY" and so on; NULL if there is no list */
    char *list;                /* owned: the list's text; NULL if there is none */
    struct egress_entry *entries; /* owned */
    size_t count;
};

/*
 * Reads the settings. proxy: [upstream] proxy, NULL or not set if it isn't configured; no_proxy:
 * [upstream] no_proxy or NULL. lookup(ctx, name) gives an environment variable's value or NULL;
 * its strings are borrowed until egress_init returns, as are proxy and no_proxy.
 * False: ERR_CONFIG, the text naming the variable or setting (and the list's entry) and how to mend
 * it, and showing neither user nor password; or ERR_MEMORY. *e is then empty.
 */
bool egress_init(struct egress *e, const struct secret *proxy, const char *no_proxy,
                 const char *(*lookup)(void *ctx, const char *name), void *ctx, struct err *err);

/* Wipes and frees; *e is then a direct way and may be initialized again. */
void egress_fini(struct egress *e);

/*
 * The proxy for a host (a name, or an address without brackets) and port: e itself, or NULL for a
 * direct connection. Valid while e is.
 */
const struct egress *egress_for(const struct egress *e, const char *host, uint16_t port);

/* Whether the proxy resolves names, so that none is looked up here: http, https, socks5h. */
static inline bool egress_resolves(const struct egress *e)
{
    return e->scheme == EGRESS_HTTP || e->scheme == EGRESS_HTTPS || e->scheme == EGRESS_SOCKS5H;
}

#endif
