/*
 * A listening socket. When descriptors or memory run out it pauses instead of spinning; the owner
 * pauses it as well when it has all the connections it wants.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "format/cidr.h"
#include "net/loop.h"

#include <sys/socket.h>

#define LISTEN_ADDRESS_SIZE 64 /* "[IPv6%scope]:port" */

struct listen {
    struct loop *loop; /* borrowed for its life */
    struct loop_io io;
    struct loop_timer pause;
    bool held;      /* by listen_hold */
    bool inherited; /* it listened before, and others may go on with it */
    /*
     * Called for each connection with its descriptor (non-blocking, now the callee's) and the
     * peer's address, valid for the call.
     */
    void (*on_accept)(struct listen *l, int fd, const struct sockaddr *peer, socklen_t size);
    char address[LISTEN_ADDRESS_SIZE]; /* what it listens on, with the real port */
};

/*
 * Takes a numeric address (IPv4 or IPv6) and port (0: the system chooses), which must be free;
 * connections are refused until listen_open. on_accept and the loop are set by the caller before.
 * ERR_CONFIG for an address that is none or not of this machine, or a port in use; ERR_PERMISSION
 * for a port below 1024; the text names address and port. "::" takes IPv4 too.
 */
bool listen_bind(struct listen *l, const char *host, int port, struct err *err);

/* Lets connections in. */
bool listen_open(struct listen *l, struct err *err);

/*
 * As listen_bind, with a socket that is bound already (ours then); one that also listens already
 * (socket activation) keeps its queue: who connects waits there until listen_open.
 */
bool listen_adopt(struct listen *l, int fd, struct err *err);

/* Accepts no more until listen_release; connections wait in the kernel's queue. */
void listen_hold(struct listen *l);
void listen_release(struct listen *l);

/*
 * Accepts all that wait in the queue, then closes. An inherited socket is only closed: who waits
 * there is for those who go on with it. Does nothing if it isn't open.
 */
void listen_stop(struct listen *l);

/* The address as bytes; all zero if it is neither IPv4 nor IPv6. */
void listen_bytes(const struct sockaddr *sa, struct cidr_address *out);

/* "1.2.3.4:80", "[::1]:80"; with_port false leaves brackets and port away. */
void listen_address(const struct sockaddr *sa, bool with_port, char out[LISTEN_ADDRESS_SIZE]);

#endif
