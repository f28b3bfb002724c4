/*
 * What the process's supervisor (systemd, or another that speaks its protocols) hands over and is
 * told: sockets that listen already (sd_listen_fds(3)), and how the service is (sd_notify(3)).
 * Without a supervisor all of it does nothing.
 */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include "net/loop.h"

#include <sys/socket.h>
#include <sys/un.h>

enum supervisor_socket { SUPERVISOR_LICENSING, SUPERVISOR_STATUS, SUPERVISOR_SOCKETS };

struct supervisor {
    int fd; /* owned; -1: nobody wants to be told */
    socklen_t size;
    struct sockaddr_un address; /* who is told */
    struct loop *loop;          /* borrowed for its life */
    struct loop_timer watchdog; /* tells that the loop turns, at half the time allowed */
    int64_t watchdog_ms;
    int sockets[SUPERVISOR_SOCKETS]; /* listening; who takes one owns it. -1: to be bound */
};

/*
 * Reads the environment (NOTIFY_SOCKET, WATCHDOG_USEC and _PID, LISTEN_FDS, _PID and _FDNAMES) and
 * clears it of them. Call it before any file or process of our own. ERR_CONFIG for sockets that
 * aren't listening TCP sockets, too many, or of unknown names; who can't be told is no error.
 */
bool supervisor_init(struct supervisor *s, struct loop *loop, struct err *err);

/*
 * Tells lines of "NAME=value" as sd_notify(3) has them, without secrets. Waits for a supervisor
 * that is slow, up to LIMIT_SUPERVISOR_MS; failures are ignored.
 */
__attribute__((format(printf, 2, 3))) void supervisor_tell(const struct supervisor *s,
                                                           const char *fmt, ...);

/* Tells that the configuration is being read anew; "READY=1" has to follow. */
void supervisor_tell_reload(const struct supervisor *s);

/* Tells nobody any more. Sockets that nobody took stay open. */
void supervisor_fini(struct supervisor *s);

#endif
