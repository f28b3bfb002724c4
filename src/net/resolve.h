/*
 * Names to addresses without stalling the loop: getaddrinfo runs in a helper process, which forks
 * a small worker for each look-up, so that a slow one delays no other. The helper holds no keys and
 * no connections.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/slice.h"
#include "net/loop.h"
#include "net/spawn.h"

#include <netinet/in.h>
#include <sys/types.h>

struct resolve_address {
    uint8_t v6; /* not 0: IPv6. No bool, since it comes from the helper. */
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } ip;
    uint32_t scope; /* of link-local IPv6 addresses */
};

struct resolve_answer {
    size_t count; /* in the order in which they should be tried (RFC 6724, as the system says) */
    struct resolve_address list[LIMIT_ADDRESSES];
};

/* What the helper answers, as one message. */
struct resolve_reply {
    uint32_t id;
    int error; /* of getaddrinfo; 0 when there are addresses */
    int system_error;
    struct resolve_answer answer;
};

/* A look-up under way; embedded in its owner. */
struct resolve_query {
    struct resolve_query *next;
    uint32_t id;
    bool asked; /* handed to the helper */
    char host[LIMIT_HOST + 1];
    int64_t deadline_ms;
    /* Called once, never from inside resolve_ask: answer is NULL when err (STAGE_DNS) says why. */
    void (*on_answer)(struct resolve_query *q, const struct resolve_answer *answer,
                      const struct err *err);
};

struct resolve_cached {
    char host[LIMIT_HOST + 1];
    int64_t until_ms;
    struct resolve_answer answer;
};

struct resolve {
    struct loop *loop;      /* borrowed for its life */
    struct loop_io io;      /* our end of the socket pair */
    struct loop_timer tick; /* deadlines, and answers that are known already */
    pid_t helper;           /* -1 if it could not be started */
    struct spawn *spawn;    /* borrowed for its life */
    uint32_t next_id;
    size_t asked;
    struct resolve_query *queries; /* borrowed: each is removed by its answer or resolve_cancel */
    struct resolve_cached cache[LIMIT_SERVERS * 2];
};

/* Starts the helper, whose life (spawn's run) is resolve_helper_run. ERR_SYSTEM. */
bool resolve_start(struct resolve *r, struct loop *loop, struct spawn *spawn, struct err *err);
void resolve_helper_run(const struct spawn_job *job);

/* Ends the helper. Queries must have been cancelled. */
void resolve_stop(struct resolve *r);

/* Takes a message of the helper's, whatever it holds. (Its tests call it, too.) */
void resolve_take(struct resolve *r, struct slice message);

/* Looks host up; answers of the last LIMIT_DNS_CACHE are used again. host: at most LIMIT_HOST. */
void resolve_ask(struct resolve *r, struct resolve_query *q, const char *host, int64_t timeout_ms);

/* Forgets the query; on_answer will not be called. Does nothing if it isn't under way. */
void resolve_cancel(struct resolve *r, struct resolve_query *q);

/* Forgets what is known of host: its addresses did not answer. */
void resolve_forget(struct resolve *r, const char *host);

/* A numeric address, IPv4 or IPv6, as an answer. False if host is none. */
bool resolve_numeric(const char *host, struct resolve_answer *out);

/* The address with a port, for connect(2). */
socklen_t resolve_sockaddr(const struct resolve_address *a, uint16_t port,
                           struct sockaddr_storage *out);

#endif
