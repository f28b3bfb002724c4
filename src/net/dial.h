/*
 * From a host and port to a stream on which data can flow: which way leads there (net/egress.h),
 * looking names up, connecting (the next address is tried beside a slow one, RFC 8305), the egress
 * proxy's handshake, TLS. Each part has its deadline. Whatever goes wrong between here and the
 * egress proxy, or is refused by it, has STAGE_PROXY.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "format/connect.h"
#include "format/socks5.h"
#include "net/egress.h"
#include "net/listen.h"
#include "net/resolve.h"
#include "net/stream.h"

/* What dialling needs of the process; borrowed until the dial has ended. */
struct dial_env {
    struct loop *loop;
    struct resolve *resolve;
    struct tls_profile *profile;
    const struct egress *egress;
    struct tls_trust *trust;       /* of license servers; held by each TLS connection */
    struct tls_trust *proxy_trust; /* of an https egress proxy; NULL if there is none */
    int64_t resolve_ms, connect_ms, tls_ms;
};

struct dial_attempt {
    struct loop_io io; /* fd -1: not started, or failed */
    struct dial *dial; /* borrowed: its owner */
};

enum dial_phase {
    DIAL_OVER,
    DIAL_RESOLVE_HOST, /* for a proxy that takes addresses only (socks5) */
    DIAL_RESOLVE_PEER, /* the peer is the egress proxy, or the host itself */
    DIAL_CONNECT,
    DIAL_PROXY_TLS,
    DIAL_PROXY, /* CONNECT or SOCKS5 */
    DIAL_TLS
};

struct dial {
    const struct dial_env *env;
    const char *host; /* borrowed until the end; the name that the certificate must bear */
    uint16_t port;
    int64_t now_s; /* never-back time for certificates */
    enum dial_phase phase;
    const struct egress *proxy; /* borrowed; NULL: direct */
    struct resolve_query query;
    struct resolve_answer hosts; /* of the host, for socks5: tried one after the other */
    size_t host_next;
    char host_address[LISTEN_ADDRESS_SIZE]; /* the one being tried */
    struct resolve_answer peers;
    size_t next;    /* the peer's address to be tried next */
    size_t running; /* attempts under way */
    struct dial_attempt attempts[LIMIT_ADDRESSES];
    struct loop_timer step;  /* before the next address is tried beside the others */
    struct loop_timer limit; /* of the phase */
    struct loop_io io;       /* of the stream */
    struct stream *stream;   /* owned until handed over */
    union {
        struct connect connect;
        struct socks5 socks5;
    } handshake;
    struct buf in, out; /* of the proxy's handshake; out may hold credentials */
    struct err last;    /* of the last address that failed */
    /*
     * Called once, never from inside dial_start. stream: the callee's; NULL when err says what
     * failed, with its stage. The dial is over and may be freed in it.
     */
    void (*on_done)(struct dial *d, struct stream *stream, const struct err *err);
};

/*
 * Starts. host (a name, or an address without brackets) is borrowed until the end. now_s: seconds
 * since 1970. The caller bounds the whole; each part has its own deadline from env.
 */
void dial_start(struct dial *d, const struct dial_env *env, const char *host, uint16_t port,
                int64_t now_s, void (*on_done)(struct dial *, struct stream *, const struct err *));

/* Ends it without calling on_done. Does nothing if it is over. */
void dial_cancel(struct dial *d);

/* Fills err (ERR_TIMEOUT, or the last address's error) for a dial given up now: what it waits for.
 */
void dial_interrupt(const struct dial *d, struct err *err);

#endif
