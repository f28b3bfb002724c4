/*
 * The process that reads and writes the state directory: it waits for a question on its socket,
 * does what it asks with system calls that may take as long as they like, and answers. Everything
 * is relative to the directory as it was opened, whatever its path leads to later; no symbolic link
 * is followed, and what isn't a regular file isn't read.
 *
 * A directory that was removed altogether is looked for again under its path at each question: one
 * that was made anew on the same file system, and is ours alone, is taken. (On another file system
 * it is likely the bare mount point, where removing what isn't there would prove nothing.) Confined
 * to the old one it ends instead, and the next helper takes the new one.
 *
 * Built with LP_FAULTS, for tests, the environment's LP_FAULT makes system calls fail: a list such
 * as "write:3,fsync:5,rename:1,unlink:2,open:7" (the 3rd write fails, with ENOSPC; "write:3+" and
 * all after it; fsync, rename and unlink with EIO), "hang:4" (the 4th call of any kind never ends),
 * "kill:4" (before the 4th, the process that asked is killed).
 */
#ifndef TRUST_STORAGE_HELPER_H
#define TRUST_STORAGE_HELPER_H

#include "base/buf.h"
#include "net/spawn.h"

#include <sys/stat.h>
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

/* Why it failed, beside errno. */
enum storage_why {
    STORAGE_WHY_ERRNO,
    STORAGE_WHY_GONE,      /* the directory was removed */
    STORAGE_WHY_IRREGULAR, /* the name is a symbolic link, a directory, a device */
    STORAGE_WHY_LARGE,     /* more than LIMIT_STATE_FILE */
    STORAGE_WHY_MANY       /* more files than are ever read */
};

/* Both directions; size bytes of contents follow. */
struct storage_frame {
    uint32_t size;
    uint8_t op;     /* enum storage_op; in answers as it was asked */
    uint8_t more;   /* not 0: an answer to LIST: one file, and this isn't the last frame */
    uint8_t result; /* enum storage_result */
    uint8_t why;    /* enum storage_why, of STORAGE_FAILED */
    int32_t error;  /* errno, likewise */
    char name[STORAGE_NAME + 1];
};

/* A name that a file may have here. */
bool storage_name_is_valid(const char *name);

/* Whether nobody but us can change what is in a directory. */
bool storage_dir_is_ours(const struct stat *st);

/* Answers on the job's socket until its other end is closed; never returns. */
void storage_helper_run(const struct spawn_job *job);

#endif
