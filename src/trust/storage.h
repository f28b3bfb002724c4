/*
 * The state directory's files, read and written by a helper process, so that slow or hung storage
 * (NFS, a worn flash) stalls nothing here. The helper holds no secrets: what it is given is sealed
 * already (trust/seal.h). One request is with the helper at a time; the others wait here, bounded,
 * removals before readings before writings.
 *
 * Files: NAME as given (letters, digits, '-', '.', at most STORAGE_NAME bytes, not starting with
 * '.'). Temporary names start with ".tmp-"; leftovers of crashed processes are removed at the start
 * when they are older than an hour. Files set aside get the name "aside-" NAME; at most LIMIT_ASIDE
 * of them are kept.
 */
#ifndef TRUST_STORAGE_H
#define TRUST_STORAGE_H

#include "base/buf.h"
#include "net/loop.h"

#include <sys/types.h>

#define STORAGE_NAME 80

enum storage_op {
    STORAGE_PUT,   /* whole file: temporary name, fsync, rename, fsync of the directory */
    STORAGE_GET,   /* whole file */
    STORAGE_DEL,   /* unlink, fsync of the directory; a file that isn't there is a success */
    STORAGE_ASIDE, /* rename to "aside-" NAME, so that it is never read again */
    STORAGE_LIST   /* every file whose name starts with the given one, with its contents */
};

enum storage_result {
    STORAGE_OK,
    STORAGE_ABSENT, /* GET: no such file, in a directory that is still there */
    STORAGE_FAILED  /* err says why: full, read-only, gone, hung, too large */
};

struct storage_request {
    struct storage_request *next;
    enum storage_op op;
    char name[STORAGE_NAME + 1];
    struct slice data; /* of PUT; borrowed until on_done */
    int64_t deadline_ms;
    bool sent;
    /*
     * LIST: called for each file (name, contents), then on_done. NULL for the others.
     */
    void (*on_file)(struct storage_request *q, const char *name, struct slice data);
    /*
     * Called once, never from inside storage_start; data: of GET, borrowed for the call; err: of
     * STORAGE_FAILED. The request may be freed in it.
     */
    void (*on_done)(struct storage_request *q, enum storage_result result, struct slice data,
                    const struct err *err);
};

struct storage {
    struct loop *loop;      /* borrowed for its life */
    char *dir;              /* owned */
    struct loop_io io;      /* our end of the socket pair */
    struct loop_timer tick; /* deadlines; starting the helper again */
    pid_t helper;
    void (*in_helper)(void *ctx);     /* runs in each new helper, to wipe what it must not hold */
    void *ctx;                        /* in_helper's */
    struct storage_request *queue[3]; /* borrowed; removals, readings, writings */
    size_t queued, queued_bytes;
    struct storage_request *current; /* with the helper; may have been given up (then a dummy) */
    struct buf in, out;
    uint64_t failures;
};

/*
 * Checks the directory (made with mode 0700 if it isn't there; refused if others can write to it,
 * or if it isn't ours) and starts the helper. ERR_CREATE or ERR_PERMISSION, the text naming the
 * path and how to mend it. A directory on a read-only file system is taken: err is empty, *warning
 * says so.
 */
bool storage_init(struct storage *s, struct loop *loop, const char *dir,
                  void (*in_helper)(void *ctx), void *ctx, struct err *warning, struct err *err);

/* Ends; what is queued is done first if it takes no longer than wait_ms. Requests that are left get
 * no on_done. */
void storage_fini(struct storage *s, int64_t wait_ms);

/*
 * Queues a request; it is the storage's until on_done. timeout_ms: after which it has failed (a
 * write that the helper is busy with may still happen). False, nothing queued: too much waits
 * already (never for DEL).
 */
bool storage_start(struct storage *s, struct storage_request *q, int64_t timeout_ms);

/* Forgets a request: no on_done (a write may still happen). */
void storage_cancel(struct storage *s, struct storage_request *q);

#endif
