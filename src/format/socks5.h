/*
 * The client's side of SOCKS5 (RFC 1928) with no authentication or user and password (RFC 1929), as
 * a byte machine: it writes its messages and reads the proxy's, and knows nothing of sockets.
 *
 *   struct socks5 s = {.proxy = egress->url, .source = egress->source, .host = host, .port = port,
 *                      .user = &egress->user, .password = &egress->password};
 *   socks5_start(&s, &out, &err)           write out to the proxy
 *   socks5_feed(&s, buf_slice(&in), &used, &out, &err) after each read, until it is not PARSE_MORE
 *   buf_consume(&in, used)                 in each case; what is left belongs to the tunnel
 *   write out again whenever it is not empty; end it with buf_wipe
 */
#ifndef FORMAT_SOCKS5_H
#define FORMAT_SOCKS5_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

enum socks5_state {
    SOCKS5_METHOD, /* the greeting is written, the proxy chooses how to authenticate */
    SOCKS5_AUTH,   /* user and password are written */
    SOCKS5_REPLY,  /* the request is written */
    SOCKS5_OPEN    /* the tunnel is open */
};

/* What a handshake appends in all, at most: out's smallest sensible bound. */
#define SOCKS5_OUT 1024

struct socks5 {
    /* Set by the caller; all borrowed until the last call. */
    const char *proxy;  /* for messages: "socks5h://proxy.example:1080", no credentials */
    const char *source; /* for messages: the setting to mend, such as "ALL_PROXY" */
    /*
     * An IPv4 or IPv6 literal (without brackets) is sent as an address, all else as a name that the
     * proxy resolves. So for socks5:// the caller gives an address it looked up, for socks5h:// the
     * name.
     */
    const char *host;
    uint16_t port;
    const struct secret *user;     /* NULL or not set: no credentials, only "no authentication" */
    const struct secret *password; /* with user; each 1 to 255 bytes */
    /* Its own; 0 at first. */
    enum socks5_state state;
};

/*
 * Appends the greeting. False: ERR_CONFIG (credentials that RFC 1929 can't carry), ERR_SYNTAX (a
 * host of no or more than 255 bytes) or ERR_MEMORY (also when out's bound is too small), with
 * STAGE_PROXY.
 */
bool socks5_start(struct socks5 *s, struct buf *out, struct err *err);

/*
 * Goes on with the bytes that arrived. input: all that arrived and were not yet used; its buffer
 * must hold at least 262 bytes. *used: how many of them the caller drops now, whatever is returned.
 * PARSE_DONE: the tunnel is open; bytes behind *used are the tunnel's (out is empty then, unless
 * the proxy answered before it was asked: write it first). PARSE_MORE: write what was appended to
 * out, if anything, and read more. PARSE_BAD: the proxy refused (ERR_UNREACHABLE), isn't a SOCKS5
 * proxy (ERR_SYNTAX), or ERR_MEMORY; always STAGE_PROXY. The connection can't be used again. The
 * verdict doesn't depend on how the bytes are cut.
 */
enum parse socks5_feed(struct socks5 *s, struct slice input, size_t *used, struct buf *out,
                       struct err *err);

/* Fills err for a proxy that closed (ERR_CLOSED) or kept silent (ERR_TIMEOUT) before the end. */
void socks5_interrupt(const struct socks5 *s, enum err_code code, struct err *err);

#endif
