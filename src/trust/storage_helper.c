#include "trust/storage_helper.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY ".tmp-"
#define ASIDE "aside-"
#define TEMPORARY_SIZE (sizeof TEMPORARY + STORAGE_NAME + 24)
#define LEFTOVER_S 3600    /* a temporary file that is older belongs to nobody */
#define TEMPORARY_TRIES 64 /* names that another process may be using */
#define ANSWER_BATCH 65536 /* answers of LIST are sent together */
#define KEPT_BUFFER 65536  /* a larger buffer isn't kept between questions */
#define LIST_MAX                                                                                   \
    (LIMIT_TRUST_ENTRIES * 2)   /* of two instances that share the directory, each full */
#define SCAN_MAX (LIST_MAX * 2) /* directory entries looked at */

/* Numbered for the fault list's names. */
enum call { CALL_OPEN, CALL_WRITE, CALL_FSYNC, CALL_RENAME, CALL_UNLINK, CALL_COUNT };

struct helper {
    int fd;        /* our end of the socket pair */
    int dir_fd;    /* the directory */
    dev_t dev;     /* its file system */
    bool confined; /* to that directory */
    const char *dir;
    unsigned serial; /* of temporary names */
    unsigned asides; /* files that are set aside */
    struct buf data; /* of the question; of the file that is read */
    struct buf out;  /* answers */
#ifdef LP_FAULTS
    const char *faults;
    pid_t parent;
    unsigned calls[CALL_COUNT], all_calls;
#endif
};

bool storage_name_is_valid(const char *name)
{
    size_t n = strnlen(name, STORAGE_NAME + 1);

    if (n == 0 || n > STORAGE_NAME || name[0] == '.')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == n;
}

bool storage_dir_is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* ---- system calls, which tests make fail --------------------------------------------------- */

#ifdef LP_FAULTS

/* What the list says of this kind's or of all calls: whether number n is meant. */
static bool is_meant(const char *list, const char *kind, unsigned n)
{
    size_t length = strlen(kind);

    for (const char *p = list; p; p = strchr(p, ',')) {
        char *end;
        unsigned long from;

        p += *p == ',';
        if (strncmp(p, kind, length) != 0 || p[length] != ':')
            continue;
        from = strtoul(p + length + 1, &end, 10);
        if (from == n || (*end == '+' && from < n))
            return true;
    }
    return false;
}

/* Whether this call is to fail, with errno set. */
static bool is_faulty(struct helper *h, enum call call)
{
    static const char *const kinds[CALL_COUNT] = {"open", "write", "fsync", "rename", "unlink"};
    static const int errors[CALL_COUNT] = {ENOSPC, ENOSPC, EIO, EIO, EIO};

    h->all_calls++;
    h->calls[call]++;
    if (is_meant(h->faults, "kill", h->all_calls))
        kill(h->parent, SIGKILL);
    if (is_meant(h->faults, "kill", h->all_calls) || is_meant(h->faults, "hang", h->all_calls))
        for (;;)
            pause();
    if (!is_meant(h->faults, kinds[call], h->calls[call]))
        return false;
    errno = errors[call];
    return true;
}

#else

static bool is_faulty(struct helper *h, enum call call)
{
    (void)h;
    (void)call;
    return false;
}

#endif

static int open_file(struct helper *h, const char *name, int flags)
{
    if (is_faulty(h, CALL_OPEN))
        return -1;
    return openat(h->dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int sync_file(struct helper *h, int fd)
{
    if (is_faulty(h, CALL_FSYNC))
        return -1;
    /* Some file systems have nothing to do for a directory, and say so. */
    return fsync(fd) == 0 || (fd == h->dir_fd && errno == EINVAL) ? 0 : -1;
}

static int rename_file(struct helper *h, const char *from, const char *to)
{
    if (is_faulty(h, CALL_RENAME))
        return -1;
    return renameat(h->dir_fd, from, h->dir_fd, to);
}

static int unlink_file(struct helper *h, const char *name)
{
    if (is_faulty(h, CALL_UNLINK))
        return -1;
    return unlinkat(h->dir_fd, name, 0);
}

static bool write_all(struct helper *h, int fd, struct slice data)
{
    while (data.n > 0) {
        ssize_t n = is_faulty(h, CALL_WRITE) ? -1 : write(fd, data.p, data.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data.p += n;
        data.n -= (size_t)n;
    }
    return true;
}

/* ---- answers ------------------------------------------------------------------------------- */

static void send_all(struct helper *h)
{
    while (h->out.len > 0) {
        struct slice s = buf_slice(&h->out);
        ssize_t n = send(h->fd, s.p, s.n, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            _exit(0); /* nobody is there any more */
        buf_consume(&h->out, (size_t)n);
    }
    if (h->out.cap > 2 * KEPT_BUFFER)
        buf_fini(&h->out);
}

/* Out of memory the process ends: the other side notices, and starts it again. */
static void add_answer(struct helper *h, const struct storage_frame *a, struct slice contents)
{
    struct storage_frame frame = *a;

    frame.size = (uint32_t)contents.n;
    if (h->out.len > 0 && h->out.len + sizeof frame + contents.n > ANSWER_BATCH)
        send_all(h);
    if (!buf_append(&h->out, &frame, sizeof frame) || !buf_append_slice(&h->out, contents))
        _exit(1);
}

static void fail(struct storage_frame *a, enum storage_why why, int error)
{
    if (a->result == STORAGE_FAILED)
        return; /* the first cause is told */
    a->result = STORAGE_FAILED;
    a->why = (uint8_t)why;
    a->error = error;
}

/* ---- the directory ------------------------------------------------------------------------- */

/* Takes a directory that was made anew under the path. False, with errno: there is none to take. */
static bool reopen(struct helper *h)
{
    struct stat st;
    int fd = h->confined ? -1 : open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rv = h->confined ? stat(h->dir, &st) : fd < 0 ? -1 : fstat(fd, &st);

    if (rv == 0 && (st.st_dev != h->dev || st.st_nlink == 0 || !S_ISDIR(st.st_mode) ||
                    !storage_dir_is_ours(&st))) {
        errno = EPERM;
        rv = -1;
    }
    if (rv < 0) {
        rv = errno;
        if (fd >= 0)
            close(fd);
        errno = rv;
        return false;
    }
    if (h->confined)
        _exit(0); /* the next helper can take it */
    close(h->dir_fd);
    h->dir_fd = fd;
    return true;
}

/*
 * Whether the directory is still there, or there again. In one that was removed, and isn't there
 * under its path either, nothing can be: a removal is done already.
 */
static bool is_there(struct helper *h, struct storage_frame *a)
{
    struct stat st;
    bool removed;

    if (fstat(h->dir_fd, &st) == 0) {
        removed = st.st_nlink == 0;
        if (!removed)
            return true;
    } else if (errno == ESTALE) {
        removed = false; /* not known to be */
    } else {
        fail(a, STORAGE_WHY_ERRNO, errno);
        return false;
    }
    if (reopen(h))
        return true;
    if (!removed || errno != ENOENT || a->op != STORAGE_DEL)
        fail(a, STORAGE_WHY_GONE, errno);
    return false;
}

static bool starts_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* A stream of its own over the directory; NULL with errno. */
static DIR *open_stream(struct helper *h)
{
    int fd = openat(h->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);

    if (!stream && fd >= 0)
        close(fd);
    return stream;
}

/* What crashed processes left behind; and how much is set aside already. */
static void tidy(struct helper *h)
{
    DIR *stream = open_stream(h);
    struct dirent *e;

    if (!stream)
        return;
    for (unsigned n = 0; n < SCAN_MAX && (e = readdir(stream)); n++) {
        struct stat st;

        if (starts_with(e->d_name, ASIDE))
            h->asides++;
        if (starts_with(e->d_name, TEMPORARY) &&
            fstatat(h->dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtime < time(NULL) - LEFTOVER_S)
            (void)unlink_file(h, e->d_name);
    }
    closedir(stream);
}

/* ---- operations ---------------------------------------------------------------------------- */

/* A new file under a name that no other process, here or on another machine, is using. */
static int make_temporary(struct helper *h, const char *name, char out[TEMPORARY_SIZE])
{
    for (unsigned i = 0; i < TEMPORARY_TRIES; i++) {
        int fd;

        snprintf(out, TEMPORARY_SIZE, TEMPORARY "%s-%ld-%u", name, (long)getpid(), ++h->serial);
        fd = open_file(h, out, O_WRONLY | O_CREAT | O_EXCL);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static void put(struct helper *h, struct storage_frame *a)
{
    char temporary[TEMPORARY_SIZE];
    int fd = make_temporary(h, a->name, temporary);
    bool done;

    if (fd < 0) {
        fail(a, STORAGE_WHY_ERRNO, errno);
        return;
    }
    done = write_all(h, fd, buf_slice(&h->data)) && sync_file(h, fd) == 0;
    if (!done)
        fail(a, STORAGE_WHY_ERRNO, errno);
    /* A full NFS server may say so as late as here. */
    if (close(fd) < 0 && errno != EINTR)
        fail(a, STORAGE_WHY_ERRNO, errno);
    if (a->result == STORAGE_OK && rename_file(h, temporary, a->name) < 0)
        fail(a, STORAGE_WHY_ERRNO, errno);
    if (a->result != STORAGE_OK) {
        (void)unlink_file(h, temporary);
        return;
    }
    if (sync_file(h, h->dir_fd) < 0)
        fail(a, STORAGE_WHY_ERRNO, errno);
}

/* On a read-only file system each removal fails, also of what isn't there. */
static bool is_absent(const struct helper *h, const char *name)
{
    struct stat st;

    return fstatat(h->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static void del(struct helper *h, struct storage_frame *a)
{
    if (unlink_file(h, a->name) < 0 && errno != ENOENT) {
        int error = errno;

        if (error != EROFS || !is_absent(h, a->name))
            fail(a, STORAGE_WHY_ERRNO, error);
        return;
    }
    /* Synchronised also when another instance removed it, which may not have come so far. */
    if (sync_file(h, h->dir_fd) < 0)
        fail(a, STORAGE_WHY_ERRNO, errno);
}

/* Where enough is kept already, what comes after is removed: it is for looking at only. */
static void set_aside(struct helper *h, struct storage_frame *a)
{
    char aside[sizeof ASIDE + STORAGE_NAME];

    snprintf(aside, sizeof aside, ASIDE "%s", a->name);
    if (h->asides >= LIMIT_ASIDE) {
        del(h, a);
        return;
    }
    if (rename_file(h, a->name, aside) == 0)
        h->asides++;
    else if (errno != ENOENT)
        fail(a, STORAGE_WHY_ERRNO, errno);
    if (a->result == STORAGE_OK && sync_file(h, h->dir_fd) < 0)
        fail(a, STORAGE_WHY_ERRNO, errno);
}

/* The whole of an open file into h->data. */
static void read_contents(struct helper *h, int fd, size_t size, struct storage_frame *a)
{
    buf_clear(&h->data);
    for (;;) {
        /* One byte more than there should be: a short read then shows the end. */
        size_t want = size + 1 - (h->data.len < size ? h->data.len : size);
        uint8_t *to = buf_reserve(&h->data, want);
        ssize_t n = to ? read(fd, to, want) : -1;

        if (!to) {
            fail(a, STORAGE_WHY_LARGE, EFBIG);
            return;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(a, STORAGE_WHY_ERRNO, errno);
            return;
        }
        buf_commit(&h->data, (size_t)n);
        if (n == 0 || (h->data.len == size && (size_t)n < want))
            break;
    }
    if (h->data.len > LIMIT_STATE_FILE)
        fail(a, STORAGE_WHY_LARGE, EFBIG);
}

/* A file into h->data; the result into a. */
static void read_file(struct helper *h, const char *name, struct storage_frame *a)
{
    struct stat st;
    int fd = open_file(h, name, O_RDONLY | O_NONBLOCK);

    /* Replaced on the NFS server between look-up and opening: the new one is meant. */
    if (fd < 0 && errno == ESTALE)
        fd = open_file(h, name, O_RDONLY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        a->result = STORAGE_ABSENT;
        return;
    }
    if (fd < 0) {
        fail(a, errno == ELOOP || errno == ENXIO ? STORAGE_WHY_IRREGULAR : STORAGE_WHY_ERRNO,
             errno);
        return;
    }
    if (fstat(fd, &st) < 0)
        fail(a, STORAGE_WHY_ERRNO, errno);
    else if (!S_ISREG(st.st_mode))
        fail(a, STORAGE_WHY_IRREGULAR, EINVAL);
    else if (st.st_size > LIMIT_STATE_FILE)
        fail(a, STORAGE_WHY_LARGE, EFBIG);
    else
        read_contents(h, fd, (size_t)st.st_size, a);
    close(fd);
}

static void get(struct helper *h, struct storage_frame *a)
{
    read_file(h, a->name, a);
    /* Removed while it was read: then nothing is known of the file. */
    if (a->result == STORAGE_ABSENT) {
        a->result = STORAGE_OK;
        if (is_there(h, a))
            a->result = STORAGE_ABSENT;
    }
}

/* One file of LIST. What is too large is handed on empty, so that it is found to be no good. */
static void list_file(struct helper *h, const char *name, struct storage_frame *list)
{
    struct storage_frame a = {.op = STORAGE_LIST, .more = 1};

    (void)slice_copy(slice_of(name), a.name, sizeof a.name);
    read_file(h, name, &a);
    if (a.result == STORAGE_FAILED && a.why == STORAGE_WHY_LARGE) {
        a.result = STORAGE_OK;
        buf_clear(&h->data);
    }
    if (a.result == STORAGE_OK)
        add_answer(h, &a, buf_slice(&h->data));
    else if (a.result == STORAGE_FAILED && a.why == STORAGE_WHY_ERRNO)
        fail(list, STORAGE_WHY_ERRNO, a.error);
}

static void list(struct helper *h, struct storage_frame *a)
{
    DIR *stream = open_stream(h);
    unsigned listed = 0, seen = 0;

    if (!stream) {
        fail(a, STORAGE_WHY_ERRNO, errno);
        return;
    }
    for (;;) {
        struct dirent *e;

        errno = 0;
        e = readdir(stream);
        if (!e)
            break;
        if (++seen > SCAN_MAX || listed > LIST_MAX) {
            fail(a, STORAGE_WHY_MANY, E2BIG);
            break;
        }
        if (!starts_with(e->d_name, a->name) || starts_with(e->d_name, ASIDE) ||
            !storage_name_is_valid(e->d_name) || (e->d_type != DT_REG && e->d_type != DT_UNKNOWN))
            continue;
        listed++;
        list_file(h, e->d_name, a);
    }
    if (errno != 0)
        fail(a, STORAGE_WHY_ERRNO, errno);
    closedir(stream);
}

static void answer(struct helper *h, const struct storage_frame *question)
{
    struct storage_frame a = {.op = question->op, .result = STORAGE_OK};
    struct slice contents = {NULL, 0};

    memcpy(a.name, question->name, sizeof a.name);
    a.name[STORAGE_NAME] = '\0';
    if (!storage_name_is_valid(a.name) && !(a.op == STORAGE_LIST && a.name[0] == '\0')) {
        fail(&a, STORAGE_WHY_ERRNO, EINVAL);
    } else if (is_there(h, &a)) {
        switch ((enum storage_op)a.op) {
        case STORAGE_PUT:
            put(h, &a);
            break;
        case STORAGE_GET:
            get(h, &a);
            if (a.result == STORAGE_OK)
                contents = buf_slice(&h->data);
            break;
        case STORAGE_DEL:
            del(h, &a);
            break;
        case STORAGE_ASIDE:
            set_aside(h, &a);
            break;
        case STORAGE_LIST:
            list(h, &a);
            break;
        }
    }
    add_answer(h, &a, contents);
    send_all(h);
}

/* ---- the process --------------------------------------------------------------------------- */

/* Waits for all of it; the process ends when the other side has. */
static void receive_all(struct helper *h, void *to, size_t size)
{
    uint8_t *p = to;

    while (size > 0) {
        ssize_t n = recv(h->fd, p, size, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(0);
        p += n;
        size -= (size_t)n;
    }
}

void storage_helper_run(const struct spawn_job *job)
{
    struct helper h = {.fd = job->fd, .dir_fd = job->dir_fd, .dir = job->path};
    struct storage_frame none = {.op = STORAGE_GET};
    struct sandbox sandbox;
    struct stat st;

    umask(077);
#ifdef LP_FAULTS
    h.faults = getenv("LP_FAULT");
    h.parent = job->parent;
#endif
    buf_init(&h.data, LIMIT_STATE_FILE + 1);
    buf_init(&h.out, LIMIT_STATE_FILE + sizeof(struct storage_frame) + ANSWER_BATCH);
    if (fstat(h.dir_fd, &st) == 0)
        h.dev = st.st_dev;
    /* The directory may have been made anew since it was opened. */
    (void)is_there(&h, &none);
    sandbox_init(&sandbox, job->sandbox, SANDBOX_STORAGE);
    sandbox_let_write(&sandbox, h.dir_fd);
    h.confined = sandbox.ruleset >= 0;
    (void)sandbox_enter(&sandbox);
    tidy(&h);
    for (;;) {
        struct storage_frame question;
        uint8_t *to;

        receive_all(&h, &question, sizeof question);
        if (question.size > LIMIT_STATE_FILE)
            _exit(1);
        buf_clear(&h.data);
        to = buf_reserve(&h.data, question.size + 1);
        if (!to)
            _exit(1);
        receive_all(&h, to, question.size);
        buf_commit(&h.data, question.size);
        answer(&h, &question);
        if (h.data.cap > KEPT_BUFFER)
            buf_fini(&h.data);
    }
}
