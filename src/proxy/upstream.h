/*
 * The license servers, and relays to them. A relay is one attempt to have a license server answer
 * a request: over all servers in their order, within one time budget, on a kept-alive connection
 * or a new one.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "base/clock.h"
#include "base/config.h"
#include "base/histogram.h"
#include "base/log.h"
#include "format/http_chunk.h"
#include "format/http_frame.h"
#include "net/dial.h"

/* Bytes of usual requests, and of usual messages' fields: room for them saves an allocation. */
#define RELAY_ROOM 1000

/* A license server, and what is known of it. */
struct server {
    char host[LIMIT_HOST + 1]; /* the name that its certificate must bear */
    uint16_t port;
    char prefix[LIMIT_URL];    /* of its URL's path, without the last '/'; may be empty */
    char name[LIMIT_HOST + 9]; /* "host" or "host:port", as in a Host field */
    bool failing;              /* the last attempt failed */
    int64_t retry_ms;          /* while failing: tried after the others until then */
    int64_t backoff_ms;
    struct err last_error;  /* of the last attempt that failed, with its stage */
    int64_t last_error_ns;  /* boot time; holds while last_error is set */
    int64_t last_answer_ns; /* boot time; 0: none yet */
    uint64_t attempts, failures;
};

/* A kept-alive connection that nobody uses. */
struct upstream_idle {
    struct upstream *upstream;  /* borrowed */
    struct upstream_idle *next; /* the one used last comes first */
    struct server *server;      /* borrowed */
    struct stream *stream;      /* owned */
    struct loop_io io;          /* anything the server says now ends it */
    struct loop_timer limit;
    struct loop_corpse corpse;
};

struct relay;

struct upstream {
    struct dial_env env;   /* loop, resolver, TLS and the stages' deadlines */
    const struct log *log; /* borrowed for its life, as is clock */
    const struct clock *clock;
    int64_t relay_ms, answer_ms;
    struct server servers[LIMIT_SERVERS];
    size_t server_count;
    struct upstream_idle *idle;
    size_t idle_count;
    struct pool kept;      /* what they are kept in */
    struct pool inputs;    /* of relays */
    size_t running;        /* relays under way */
    struct relay *waiting; /* borrowed: for a place; first come, first served */
    struct relay **waiting_end;
    size_t waiting_count;
    struct loop_timer turn;     /* a place is free: who waits starts, from the loop */
    struct histogram durations; /* of relays that ended, without the waiting for a place */
};

/* What is sent. Everything is borrowed until the relay has ended. */
struct relay_request {
    struct slice method;
    struct slice target; /* path and query, starting with '/'; the server's prefix goes before */
    struct slice fields; /* "Name: value\r\n" lines: end-to-end ones and Via */
    struct slice body;
    bool has_body; /* even an empty one needs its Content-Length */
};

enum relay_phase { RELAY_OVER, RELAY_WAIT, RELAY_DIAL, RELAY_TALK };

/* A relay; embedded in its owner, zeroed before the first use. */
struct relay {
    struct upstream *upstream; /* borrowed */
    struct relay *next;        /* waiting */
    struct relay_request request;
    enum relay_phase phase;
    int64_t deadline_ms;
    int64_t started_ns; /* when it got its place */
    int64_t took_ns;    /* once it is over */
    bool tried[LIMIT_SERVERS];
    struct server *server; /* being tried; borrowed */
    struct dial dial;
    struct stream *stream; /* owned; of RELAY_TALK */
    bool reused;           /* the stream was kept alive from an earlier relay */
    bool retried;          /* this server got its second attempt, on a fresh connection */
    struct loop_io io;
    struct loop_timer limit; /* the attempt's share of the time */
    struct loop_timer answer_limit;
    struct loop_timer again; /* the next attempt: from the loop, never from a failure's own calls */
    struct buf out;
    bool sent;        /* the whole request is on its way */
    bool send_broken; /* it can't be sent any more: only a response can still come */
    /* The response being read; once answered, its parts. */
    uint8_t *in; /* owned, NULL before its first byte; holds the head, which `head` points into */
    size_t in_len, head_len, scanned;
    unsigned interim;
    bool got_byte, got_head;
    struct http_frame frame;
    struct http_chunk chunk;
    struct buf body;  /* may be in `in` */
    struct err err;   /* of the last attempt that failed */
    bool has_refusal; /* a server gave a complete response that is no answer (5xx, 429…) */
    /*
     * Called once, perhaps from inside relay_start: make that the last thing a function does.
     * answered: head and body hold the answer until relay_fini. Otherwise err says what failed,
     * and, if has_refusal, head and body hold the last complete response, which was no answer.
     */
    void (*on_done)(struct relay *r, bool answered);
    struct http_head head;    /* its fields and what follows needn't be zeroed */
    uint8_t room[RELAY_ROOM]; /* for a usual request */
};

/* env, log, clock and times are set before. urls: validated. False: ERR_CONFIG. */
bool upstream_init(struct upstream *u, const struct config_list *urls, struct err *err);

/* Closes idle connections; relays must be over. */
void upstream_close(struct upstream *u);

/* Frees the rest, once the loop has ended. */
void upstream_fini(struct upstream *u);

/* New connections verify against these (taken over); idle ones are closed. */
void upstream_trust(struct upstream *u, struct tls_trust *trust, struct tls_trust *proxy_trust);

/* False, and nothing was started, when too many are waiting already: shed the request. */
bool relay_start(struct relay *r, struct upstream *u, const struct relay_request *request,
                 void (*on_done)(struct relay *r, bool answered));

/* Ends it without on_done. Does nothing if it is over. */
void relay_cancel(struct relay *r);

/* How long it has taken so far, or did, in nanoseconds, without the waiting for a place. */
int64_t relay_time_ns(const struct relay *r);

/* Frees what it holds; cancels first. May be used again after. */
void relay_fini(struct relay *r);

#endif
