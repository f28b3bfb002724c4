/*
 * From a host and port to a stream on which data can flow: look-up, connecting to the host's
 * addresses (the next one is tried beside a slow one, RFC 8305), TLS. Each stage has its deadline.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/resolve.h"
#include "net/stream.h"

/* What dialling needs of the process; borrowed until the dial has ended. */
struct dial_env {
    struct loop *loop;
    struct resolve *resolve;
    struct tls_profile *profile;
    struct tls_trust *trust; /* held by each dial while it needs it */
    int64_t resolve_ms, connect_ms, tls_ms;
};

struct dial_attempt {
    struct loop_io io; /* fd -1: not started, or failed */
    struct dial *dial; /* borrowed: its owner */
};

struct dial {
    const struct dial_env *env;
    const char *host; /* borrowed until the end; the name that the certificate must bear */
    uint16_t port;
    int64_t now_s; /* never-back time for the certificate */
    int64_t started_ms;
    enum err_stage stage;
    struct resolve_query query;
    struct resolve_answer answer;
    size_t next;    /* the address to be tried next */
    size_t running; /* attempts under way */
    struct dial_attempt attempts[LIMIT_ADDRESSES];
    struct loop_timer step;  /* before the next address is tried beside the others */
    struct loop_timer limit; /* of the stage */
    struct loop_io io;       /* of the stream, during TLS */
    struct stream *stream;   /* owned until handed over */
    struct err last;         /* of the last address that failed */
    /*
     * Called once, never from inside dial_start. stream: the callee's; NULL when err says what
     * failed, with its stage. The dial is over and may be freed in it.
     */
    void (*on_done)(struct dial *d, struct stream *stream, const struct err *err);
};

/*
 * Starts. host is borrowed until the end. now_s: seconds since 1970. The caller bounds the whole;
 * each stage has its own deadline from env.
 */
void dial_start(struct dial *d, const struct dial_env *env, const char *host, uint16_t port,
                int64_t now_s, void (*on_done)(struct dial *, struct stream *, const struct err *));

/* Ends it without calling on_done. Does nothing if it is over. */
void dial_cancel(struct dial *d);

#endif
