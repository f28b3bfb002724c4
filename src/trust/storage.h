/*
 * The state directory's files, read and written by a helper process (trust/storage_helper.h), so
 * that slow or hung storage (NFS, a worn flash) stalls nothing here. The helper holds no secrets:
 * what it is given is sealed already (trust/seal.h). One request is with the helper at a time; the
 * others wait here, bounded: removals before readings before writings, each in their order. A
 * removal that goes before a writing of the same name, which was there first, ends it: an approval
 * can't come back after its denial.
 *
 * Files: NAME as given (letters, digits, '-', '.', at most STORAGE_NAME bytes, not starting with
 * '.'). Temporary names start with ".tmp-"; leftovers of crashed processes are removed at the start
 * when they are older than an hour. Files set aside get the name "aside-" NAME; at most LIMIT_ASIDE
 * of them are kept, what comes after is removed instead.
 *
 * The directory is opened once: wherever it is moved, and whatever comes to stand in its place, it
 * stays the one that is used. When it has been removed everything fails but removals, until there
 * is one under its path again.
 */
#ifndef TRUST_STORAGE_H
#define TRUST_STORAGE_H

#include "base/buf.h"
#include "net/loop.h"
#include "trust/storage_helper.h"

#include <sys/types.h>

struct storage_request {
    struct storage_request *next;
    enum storage_op op;
    char name[STORAGE_NAME + 1];
    struct slice data; /* of PUT; borrowed until on_done */
    int64_t deadline_ms;
    bool sent;
    /*
     * LIST: called for each file (name, contents), then on_done, which is STORAGE_FAILED also when
     * some files could not be read. The contents are empty of a file that is too large. NULL for
     * the others.
     */
    void (*on_file)(struct storage_request *q, const char *name, struct slice data);
    /*
     * Called once, never from inside storage_start; data: of GET, borrowed for the call; err: of
     * STORAGE_FAILED. The request may be freed in it.
     */
    void (*on_done)(struct storage_request *q, enum storage_result result, struct slice data,
                    const struct err *err);
};

/* In the order in which they are sent; what a removal has overtaken isn't. */
enum storage_queue { QUEUE_DEL, QUEUE_READ, QUEUE_WRITE, QUEUE_OVERTAKEN, QUEUE_COUNT };

struct storage {
    struct loop *loop;      /* borrowed for its life */
    char *dir;              /* owned */
    int dir_fd;             /* what every helper works in */
    struct loop_io io;      /* our end of the socket pair; fd -1 while there is no helper */
    struct loop_timer tick; /* deadlines; starting the helper again */
    pid_t helper;           /* -1 if there is none to wait for */
    int64_t pause_ms;       /* before the helper is started again; longer each time it ends */
    int64_t start_ms;       /* when that is, by clock_mono_ms */
    struct spawn *spawn;    /* borrowed for its life */
    struct storage_request *queue[QUEUE_COUNT]; /* borrowed; the first of each */
    struct storage_request *last[QUEUE_COUNT];  /* and the last */
    size_t queued, queued_bytes;
    bool busy;                       /* the helper has a request that it hasn't answered */
    struct storage_request *current; /* which; NULL: given up, its answer will be dropped */
    struct buf in, out;
    uint64_t failures; /* requests that ended in STORAGE_FAILED, but those overtaken */
};

/*
 * Checks the directory (made with mode 0700 if it isn't there; refused if others can write to it,
 * or if it isn't ours) and starts the helper. ERR_CREATE or ERR_PERMISSION, the text naming the
 * path and how to mend it; ERR_SYSTEM, ERR_MEMORY. A directory on a read-only file system is taken:
 * err is empty, *warning says so. The helper's life (spawn's run) is storage_helper_run. s must not
 * be moved afterwards.
 */
bool storage_init(struct storage *s, struct loop *loop, const char *dir, struct spawn *spawn,
                  struct err *warning, struct err *err);

/*
 * Ends; what is queued is done first (with its on_done) if it takes no longer than wait_ms.
 * Requests that are left get no on_done.
 */
void storage_fini(struct storage *s, int64_t wait_ms);

/*
 * Queues a request; it is the storage's until on_done. timeout_ms: after which it has failed (a
 * write that the helper is busy with may still happen). False, nothing queued: too much waits
 * already (never for DEL), or more than LIMIT_STATE_FILE is to be written.
 */
bool storage_start(struct storage *s, struct storage_request *q, int64_t timeout_ms);

/*
 * Takes all complete answers in s->in, whatever they hold. False: nonsense, such as no helper
 * sends. (Its tests call it, too.)
 */
bool storage_take(struct storage *s);

/* Forgets a request: no on_done (a write may still happen). Does nothing if it isn't queued. */
void storage_cancel(struct storage *s, struct storage_request *q);

#endif
