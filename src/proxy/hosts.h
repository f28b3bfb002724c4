/*
 * The hosts that connections come from, so that one of them can't starve the rest. As long as there
 * is room nobody is refused for where he comes from: all of a site may be behind one address. When
 * there is none, the host that has most gives up what it uses least.
 *
 * A host is an IPv4 address, or the /64 of an IPv6 address: who has one of those has all of them.
 */
#ifndef PROXY_HOSTS_H
#define PROXY_HOSTS_H

#include "base/heap.h"
#include "format/cidr.h"

/* What is counted of a host: its connections, and those of them that aren't silent. */
enum host_measure { HOST_ALL, HOST_TALKING, HOST_MEASURES };

/* What a connection is doing, as far as it matters for whether it can be spared. */
enum host_use {
    HOST_SILENT, /* not a byte has come */
    HOST_IDLE,   /* nothing was asked: in the TLS handshake, or between requests */
    HOST_BUSY,   /* a request or an answer is on its way; too long, and it can be spared, too */
    HOST_KEPT,   /* it waits for us */
    HOST_USES
};

/* A connection's place; embedded in its owner. */
struct host_place {
    struct host *host; /* borrowed while it is there; NULL: none */
    struct host_place *next, *prev;
    enum host_use use;
    int64_t since_ms; /* when this use began */
};

struct host {
    struct host *next; /* in its bucket */
    uint64_t address;
    struct heap_node order[HOST_MEASURES]; /* the key: minus how many there are */
    struct {
        struct host_place *first, *last; /* the oldest first */
    } uses[HOST_USES];
    size_t memory;  /* for who charges it */
    uint64_t turn;  /* of the loop, in which… */
    unsigned steps; /* …so many steps of handshakes were made */
};

#define HOST_BUCKETS 512 /* few hosts have to share one, and it is 4 kB */

struct hosts {
    struct host *buckets[HOST_BUCKETS]; /* owned: those that have connections */
    uint64_t seed;                      /* so that nobody can aim at one bucket */
    struct heap order[HOST_MEASURES];   /* of all hosts: who has most first */
    size_t count[HOST_MEASURES];        /* of all hosts together */
};

/* From all zero. */
void hosts_init(struct hosts *h);

/* No host is left. */
void hosts_fini(struct hosts *h);

/* A silent connection from there. False when out of memory. */
bool hosts_enter(struct hosts *h, struct host_place *place, const struct cidr_address *from,
                 int64_t now_ms);
void hosts_leave(struct hosts *h, struct host_place *place);

/* It is now doing that. Silent it never is again. */
void hosts_use(struct hosts *h, struct host_place *place, enum host_use use, int64_t now_ms);

/* How many connections the place's host has. */
size_t hosts_count(const struct host_place *place);

/*
 * Whom to close to make room for one more of that measure: of the host that has most, the one that
 * rests for longest, or is busy for longest and for more than LIMIT_SLOW_MS; of another host if
 * that has none, but of none that has less than half as many. Never `but`, which may be NULL. NULL:
 * nobody can be spared.
 */
struct host_place *hosts_spare(const struct hosts *h, enum host_measure measure,
                               const struct host_place *but, int64_t now_ms);

/* The same, of one host. */
struct host_place *hosts_spare_of(const struct host *host, enum host_measure measure,
                                  const struct host_place *but, int64_t now_ms);

#endif
