/*
 * Helper processes. A confined proxy can't fork, yet a helper that ended must be started again. So
 * the first process to be started is the spawner, which does nothing but start helpers when asked
 * to: as children of the proxy, not its own. It and every helper wipe what they must not hold
 * before they take their first order, and hold no descriptor but what they are given.
 */
#ifndef NET_SPAWN_H
#define NET_SPAWN_H

#include "base/sandbox.h"
#include "net/loop.h"

#include <sys/types.h>

enum spawn_kind { SPAWN_RESOLVER, SPAWN_STORAGE, SPAWN_KINDS };

/* What a helper is given. */
struct spawn_job {
    int fd;           /* its end of a socket pair; it ends when the other end is closed */
    int dir_fd;       /* a directory to work in; -1: none */
    const char *path; /* the directory's, or "" */
    pid_t parent;
    enum sandbox_mode sandbox; /* how it is to confine itself */
};

struct spawn {
    void (*run[SPAWN_KINDS])(const struct spawn_job *job); /* a helper's life: never returns */
    void (*in_helper)(void *ctx); /* NULL, or wipes secrets in each new process */
    void *ctx;                    /* in_helper's */
    enum sandbox_mode sandbox;
    struct log *log; /* borrowed; NULL: nothing is told */

    /* Of the spawner, once it was started; until then helpers are forked by this process. */
    struct loop *loop;
    struct loop_io io;                /* our end of its socket pair */
    pid_t pid;                        /* 0: none was started */
    void (*on_lost)(struct spawn *s); /* NULL, or: it ended, so no helper can be started any more */
};

/* Starts the spawner; the fields before are set, the others zero. ERR_SYSTEM, ERR_MEMORY. */
bool spawn_start(struct spawn *s, struct loop *loop, struct err *err);

/*
 * Starts a helper, with a socket pair of that type (SOCK_STREAM or SOCK_SEQPACKET) between it and
 * *fd, which is the caller's. dir_fd and path (at most LIMIT_STRING bytes) as in struct spawn_job.
 * Its number, or -1 with err: ERR_SYSTEM.
 */
pid_t spawn_helper(struct spawn *s, enum spawn_kind kind, int type, int dir_fd, const char *path,
                   int *fd, struct err *err);

/*
 * waitpid for a helper, without its status. One that the sandbox ended is told of: that is a fault
 * of this program, or somebody has broken into the helper.
 */
pid_t spawn_wait(const struct spawn *s, pid_t pid, int flags);

/* Ends the spawner. Helpers go on. */
void spawn_fini(struct spawn *s);

#endif
