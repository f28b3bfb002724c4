/*
 * A connection from a service (or a person, a probe): the server's side of HTTP/1.1 (RFC 9112),
 * plain or over TLS, on one listening port. Requests are read whole, handed to the port's handler,
 * and answered in order.
 */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "base/config.h"
#include "base/histogram.h"
#include "base/log.h"
#include "format/http_chunk.h"
#include "format/http_frame.h"
#include "net/listen.h"
#include "net/stream.h"
#include "proxy/hosts.h"

struct client;

/* Counted from the start of the process. */
struct client_counts {
    uint64_t accepted, refused; /* connections; refused: closed for want of room */
    uint64_t denied;            /* connections from addresses that aren't allowed */
    uint64_t requests, bad_requests;
};

/* What is logged of clients now and then, whatever they do. */
enum client_tell { CLIENT_DENIED, CLIENT_SPARED, CLIENT_UNKNOWN, CLIENT_TELLS };

/* A listening port and all its connections. */
struct client_port {
    struct loop *loop; /* borrowed for its life, as are log and profile */
    const struct log *log;
    struct tls_profile *profile;
    struct tls_identity *identity; /* held; NULL: plain HTTP. Replaced by client_port_identity */
    struct tls_trust *clients;     /* held; NULL: no certificates of clients are asked for */
    const struct clock *clock;     /* borrowed; for those */
    struct listen listen;
    struct cidr allow[LIMIT_LIST]; /* whom; see client_port_allow */
    size_t allow_count;
    bool allow_local; /* loopback addresses, whatever the list says */
    int64_t told_ms[CLIENT_TELLS];
    size_t max_clients;
    size_t max_of_host; /* from one host; 0: as max_clients */
    size_t body_max;    /* of request bodies; 0: bodies are refused */
    size_t *memory;     /* bodies in memory, shared between ports; may be NULL */
    bool draining;      /* each answer ends its connection, also while new ones are taken */
    size_t count;
    struct hosts hosts;                    /* that they come from */
    struct loop_timer full;                /* to look for room again, while nobody is let in */
    struct pool inputs, requests, outputs; /* of its connections */
    struct client *first;                  /* borrowed: each removes itself */
    struct client_counts counts;
    struct histogram added; /* from whole requests to their answers, without upstream_ns */
    void *ctx;              /* the handler's */
    /*
     * A whole request is there: c->request is valid until client_respond, which may be called in it
     * or later.
     */
    void (*on_request)(struct client_port *port, struct client *c);
    /*
     * The client went away while its request was being handled: forget c; client_respond must not
     * be called. NULL if the handler always responds at once.
     */
    void (*on_gone)(struct client_port *port, struct client *c);
    /* JSON member "state" of answers made here; NULL leaves it out. */
    const char *(*state_text)(struct client_port *port);
};

enum client_phase {
    CLIENT_SILENT,    /* accepted, not a byte yet: holds next to no memory */
    CLIENT_HANDSHAKE, /* TLS */
    CLIENT_HEAD,      /* between requests, or reading a head */
    CLIENT_BODY,      /* reading a body */
    CLIENT_WAIT,      /* the handler has the request */
    CLIENT_WRITE,     /* sending the response */
    CLIENT_LINGER     /* closing: reading on, so that the client sees the last answer */
};

/* A request as read; in memory from its head's last byte to its answer. */
struct client_request {
    struct http_frame frame;
    struct http_chunk chunk;
    struct slice path;     /* path and query of the target */
    struct buf body;       /* whole, decoded */
    struct http_head head; /* points into the connection's input; last, as its fields are */
};

struct client {
    struct client_port *port;   /* borrowed */
    struct client *next, *prev; /* in the port's list */
    struct host_place place;    /* in its host's */
    enum client_phase phase;
    struct loop_io io;
    struct loop_timer limit; /* of the phase */
    int64_t limit_ms;        /* what it is to be set to when the turn ends; -1: to nothing */
    bool limit_moved;
    struct loop_timer again; /* to go on in the next turn */
    struct loop_corpse corpse;
    struct stream *stream; /* owned; NULL while silent */
    uint8_t *in;           /* owned; input buffer, NULL while there is no request */
    size_t in_len;
    size_t head_len;                /* of the current request, at the start of in */
    size_t scanned;                 /* for the parser */
    struct client_request *request; /* owned; NULL between requests */
    struct buf out;                 /* the response; its room is owned, none between responses */
    size_t charged;                 /* of port->memory */
    bool keep_alive;                /* after this response */
    bool continue_sent;             /* 100 (Continue) was given for this request */
    bool turning;                   /* inside its own turn */
    bool dead;                      /* ended; freed at the end of the loop's turn */
    void *exchange;                 /* the handler's, borrowed */
    int64_t whole_ns;               /* when the request was there, CLOCK_MONOTONIC */
    int64_t upstream_ns; /* of the time since then that others took; the handler's to set */
    char peer[LISTEN_ADDRESS_SIZE]; /* numeric address without the port */
};

/*
 * Takes the address, or a socket that listens already (fd; ours then; -1: none); nobody is let in
 * before client_port_open. The loop, log, profile, bounds and handlers are set before, the rest is
 * zero. host, number and errors as for listen_bind.
 */
bool client_port_bind(struct client_port *port, int fd, const char *host, int number,
                      struct err *err);
bool client_port_open(struct client_port *port, struct err *err);

/*
 * Who may connect from now on: the networks of the list (texts that cidr_read takes), all if it is
 * empty. Who may no more is cut off, except for the answer that he waits for.
 */
void client_port_allow(struct client_port *port, const struct config_list *networks);

/*
 * New connections use this identity, and verify their clients' certificates against clients (NULL:
 * none are asked for); both are taken over (the old ones are dropped). With clients, connections
 * that are there end as in client_port_allow: they were verified by what counted then.
 */
void client_port_identity(struct client_port *port, struct tls_identity *identity,
                          struct tls_trust *clients);

/* The SHA-256 of the client's certificate; empty if none was asked for. Valid while c is. */
struct slice client_certificate(const struct client *c);

/* No more connections; those idle for LIMIT_DRAIN_IDLE_MS close now, the others after their answer.
 */
void client_port_drain(struct client_port *port);

/* Closes everything at once. */
void client_port_stop(struct client_port *port);

struct client_response {
    unsigned status;
    struct slice reason; /* empty: the standard one */
    struct slice fields; /* "Name: value\r\n" lines; without framing and Connection */
    struct slice body;
    int64_t head_length; /* Content-Length of an answer to HEAD; -1 to leave it out */
};

/* Queues the answer to the current request. Nothing of r is kept. */
void client_respond(struct client *c, const struct client_response *r);

/* The same for an answer with a standard reason whose body HEAD leaves out. */
void client_respond_page(struct client *c, unsigned status, struct slice fields, struct slice body);

/* 503: there was no memory to make the answer. */
void client_respond_short(struct client *c);

/*
 * Answers by the program itself: {"error":…,"message":…,"state":…}. fields as above, or empty.
 * error: a short word; message: what happened and how to mend it, no secrets.
 */
void client_respond_error(struct client *c, unsigned status, const char *error, const char *message,
                          struct slice fields);

#endif
