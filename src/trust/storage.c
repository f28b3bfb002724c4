/*
 * Every question to the helper has one last answer, in order, so that nothing needs a number. A
 * request that is given up while the helper is at it leaves s->busy behind: nothing else is asked
 * until the answer came, or the helper ended.
 */
#include "trust/storage.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME sizeof(struct storage_frame)
#define READ_SIZE 65536       /* bytes read at once */
#define READ_TURNS 4          /* so often in one turn of the loop: some hundred files */
#define KEPT_BUFFER 65536     /* a larger buffer isn't kept while nothing is under way */
#define TICK_MS 100           /* deadlines are looked at this often */
#define TICK_BATCH 256        /* requests that end by their deadlines in one turn */
#define PAUSE_FIRST_MS 100    /* before a helper that ended is started again */
#define PAUSE_LONGEST_MS 5000 /* when it keeps ending */
#define END_WAIT_MS 200       /* for a helper to end by itself, then to be killed */

static void on_ready(struct loop_io *io, short ready);
static void on_tick(struct loop_timer *timer);

/* ---- queues -------------------------------------------------------------------------------- */

static enum storage_queue queue_of(enum storage_op op)
{
    switch (op) {
    case STORAGE_DEL:
        return QUEUE_DEL;
    case STORAGE_GET:
    case STORAGE_LIST:
        return QUEUE_READ;
    case STORAGE_PUT:
    case STORAGE_ASIDE:
        break;
    }
    return QUEUE_WRITE;
}

static void append(struct storage *s, enum storage_queue which, struct storage_request *q)
{
    q->next = NULL;
    if (s->last[which])
        s->last[which]->next = q;
    else
        s->queue[which] = q;
    s->last[which] = q;
    s->queued++;
    s->queued_bytes += q->data.n;
}

/* Takes out what follows `before`, or the first. */
static struct storage_request *take_after(struct storage *s, enum storage_queue which,
                                          struct storage_request *before)
{
    struct storage_request *q = before ? before->next : s->queue[which];

    if (before)
        before->next = q->next;
    else
        s->queue[which] = q->next;
    if (s->last[which] == q)
        s->last[which] = before;
    q->next = NULL;
    s->queued--;
    s->queued_bytes -= q->data.n;
    return q;
}

static bool unqueue(struct storage *s, const struct storage_request *q)
{
    for (enum storage_queue which = QUEUE_DEL; which < QUEUE_COUNT; which++) {
        struct storage_request *before = NULL;

        for (struct storage_request *i = s->queue[which]; i; before = i, i = i->next) {
            if (i == q) {
                take_after(s, which, before);
                return true;
            }
        }
    }
    return false;
}

static bool is_idle(const struct storage *s)
{
    return s->queued == 0 && !s->current;
}

/* The removal will go first: what was to be written before it must not be written after it. */
static void overtake_writes(struct storage *s, const char *name)
{
    struct storage_request *before = NULL, *q = s->queue[QUEUE_WRITE];

    while (q) {
        if (q->op == STORAGE_PUT && strcmp(q->name, name) == 0) {
            append(s, QUEUE_OVERTAKEN, take_after(s, QUEUE_WRITE, before));
            q = before ? before->next : s->queue[QUEUE_WRITE];
        } else {
            before = q;
            q = q->next;
        }
    }
}

/* ---- how it ended -------------------------------------------------------------------------- */

static const char *doing(enum storage_op op)
{
    switch (op) {
    case STORAGE_PUT:
        return "writing";
    case STORAGE_GET:
        return "reading";
    case STORAGE_DEL:
        return "removing";
    case STORAGE_ASIDE:
        return "setting aside";
    case STORAGE_LIST:
        break;
    }
    return "listing";
}

static const char *remedy(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return " (free some space on its file system)";
    case EROFS:
        return " (its file system is mounted read-only)";
    case EACCES:
    case EPERM:
        return " (check the directory's owner and mode)";
    case EIO:
        return " (its disk may be failing: see the kernel's log)";
    case EMFILE:
    case ENFILE:
        return " (raise the limit of open files)";
    default:
        return "";
    }
}

static void explain(const struct storage *s, const struct storage_request *q,
                    const struct storage_frame *a, struct err *err)
{
    enum err_code code = a->error == EACCES || a->error == EPERM ? ERR_PERMISSION : ERR_CREATE;
    const char *slash = q->name[0] ? "/" : "";

    switch ((enum storage_why)a->why) {
    case STORAGE_WHY_GONE:
        err_set(
            err, ERR_CREATE,
            "%s: the state directory was removed (make it again, with mode 0700 and on the same "
            "file system, or restart)",
            s->dir);
        return;
    case STORAGE_WHY_IRREGULAR:
        err_set(err, ERR_CREATE, "%s%s%s: isn't a regular file (remove it)", s->dir, slash,
                q->name);
        return;
    case STORAGE_WHY_LARGE:
        err_set(err, ERR_LIMIT, "%s%s%s: larger than the %d bytes allowed (remove it)", s->dir,
                slash, q->name, (int)LIMIT_STATE_FILE);
        return;
    case STORAGE_WHY_MANY:
        err_set(err, ERR_LIMIT, "%s: more files than are read (remove some)", s->dir);
        return;
    case STORAGE_WHY_ERRNO:
        break;
    }
    err_set(err, code, "%s%s%s: %s: %s%s", s->dir, slash, q->name, doing(q->op), strerror(a->error),
            remedy(a->error));
}

/* q is in no queue any more; it may be freed by this. */
static void fail(struct storage *s, struct storage_request *q, const struct err *err)
{
    s->failures++;
    q->on_done(q, STORAGE_FAILED, (struct slice){NULL, 0}, err);
}

static void fail_late(struct storage *s, struct storage_request *q)
{
    struct err err = {0};

    err_set(&err, ERR_TIMEOUT, "%s%s%s: %s took too long: the storage hangs or is too slow", s->dir,
            q->name[0] ? "/" : "", q->name, doing(q->op));
    fail(s, q, &err);
}

static void end_overtaken(struct storage *s)
{
    struct storage_request *q = take_after(s, QUEUE_OVERTAKEN, NULL);
    struct err err = {0};

    err_set(&err, ERR_CLOSED, "%s/%s: not written, for it is removed", s->dir, q->name);
    q->on_done(q, STORAGE_FAILED, (struct slice){NULL, 0}, &err);
}

/* ---- the helper ---------------------------------------------------------------------------- */

static bool start_helper(struct storage *s, struct err *err)
{
    int fd;

    s->helper = spawn_helper(s->spawn, SPAWN_STORAGE, SOCK_STREAM, s->dir_fd, s->dir, &fd, err);
    if (s->helper < 0)
        return false;
    s->io = (struct loop_io){.fd = fd, .on_ready = on_ready};
    if (!loop_watch(s->loop, &s->io, POLLIN)) {
        err_set(err, ERR_MEMORY, "out of memory");
        close(fd); /* which ends the helper */
        s->io.fd = -1;
        return false;
    }
    return true;
}

/* False while the last helper is still there: a process that hangs in the kernel takes its time. */
static bool is_reaped(struct storage *s)
{
    if (s->helper > 0 && spawn_wait(s->spawn, s->helper, WNOHANG) == 0)
        return false;
    s->helper = -1;
    return true;
}

static void set_tick(struct storage *s, int64_t delay_ms)
{
    if (!loop_is_set(&s->tick) || s->tick.node.key > clock_mono_ms() + delay_ms)
        (void)loop_set(s->loop, &s->tick, delay_ms);
}

static void let_go(struct storage *s)
{
    loop_forget(s->loop, &s->io);
    close(s->io.fd);
    s->io.fd = -1;
    s->busy = false;
    buf_fini(&s->in);
    buf_fini(&s->out);
}

/* It crashed, was killed, or talks nonsense: started again after a pause. */
static void lose_helper(struct storage *s)
{
    struct storage_request *q = s->current;
    struct err err = {0};

    let_go(s);
    s->current = NULL;
    if (s->helper > 0)
        kill(s->helper, SIGKILL);
    s->start_ms = clock_mono_ms() + s->pause_ms;
    set_tick(s, s->pause_ms);
    s->pause_ms = s->pause_ms * 2 < PAUSE_LONGEST_MS ? s->pause_ms * 2 : PAUSE_LONGEST_MS;
    if (q) {
        err_set(&err, ERR_CLOSED, "%s%s%s: %s: the storage process ended (it is started again)",
                s->dir, q->name[0] ? "/" : "", q->name, doing(q->op));
        fail(s, q, &err);
    }
}

/* An error is left to be noticed by poll, as the end of the helper. */
static void flush(struct storage *s)
{
    while (s->out.len > 0) {
        struct slice bytes = buf_slice(&s->out);
        ssize_t n = send(s->io.fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        buf_consume(&s->out, (size_t)n);
    }
    if (s->out.len == 0 && s->out.cap > KEPT_BUFFER)
        buf_fini(&s->out);
    (void)loop_watch(s->loop, &s->io, s->out.len > 0 ? POLLIN | POLLOUT : POLLIN);
}

/* Gives the helper its next request, when it has none. Calls nobody back. */
static void send_next(struct storage *s)
{
    struct storage_frame frame = {0};
    struct storage_request *q;
    enum storage_queue which = QUEUE_DEL;

    while (which < QUEUE_OVERTAKEN && !s->queue[which])
        which++;
    if (s->busy || s->io.fd < 0 || which == QUEUE_OVERTAKEN)
        return;
    q = s->queue[which];
    frame.op = (uint8_t)q->op;
    frame.size = q->op == STORAGE_PUT ? (uint32_t)q->data.n : 0;
    memcpy(frame.name, q->name, sizeof frame.name);
    /* Copied: its owner may have it back before the helper has all of it. */
    if (!buf_reserve(&s->out, FRAME + frame.size))
        return; /* out of memory: tried again at the next tick */
    (void)buf_append(&s->out, &frame, FRAME);
    (void)buf_append(&s->out, q->data.p, frame.size);
    take_after(s, which, NULL);
    q->sent = true;
    s->current = q;
    s->busy = true;
    flush(s);
}

/* ---- answers ------------------------------------------------------------------------------- */

static void take_last(struct storage *s, const struct storage_frame *a, struct slice contents)
{
    struct storage_request *q = s->current;
    struct err err = {0};

    s->current = NULL;
    s->busy = false;
    s->pause_ms = PAUSE_FIRST_MS;
    if (!q)
        return; /* given up meanwhile */
    if (a->result == STORAGE_OK || a->result == STORAGE_ABSENT) {
        q->on_done(q, a->result, contents, NULL);
        return;
    }
    explain(s, q, a, &err);
    fail(s, q, &err);
}

bool storage_take(struct storage *s)
{
    while (s->in.len >= FRAME) {
        struct storage_frame a;
        struct slice contents;

        memcpy(&a, buf_slice(&s->in).p, FRAME);
        if (a.size > LIMIT_STATE_FILE || !s->busy)
            return false;
        if (s->in.len < FRAME + a.size)
            break;
        a.name[STORAGE_NAME] = '\0';
        contents = slice_make(buf_slice(&s->in).p + FRAME, a.size);
        if (!a.more)
            take_last(s, &a, contents);
        else if (s->current && s->current->on_file)
            s->current->on_file(s->current, a.name, contents);
        buf_consume(&s->in, FRAME + a.size);
    }
    if (s->in.len == 0 && s->in.cap > 2 * KEPT_BUFFER)
        buf_fini(&s->in);
    return true;
}

static void on_ready(struct loop_io *io, short ready)
{
    struct storage *s = LOOP_OWNER(io, struct storage, io);

    if (ready & POLLOUT)
        flush(s);
    for (int turn = 0; turn < READ_TURNS; turn++) {
        uint8_t *to = buf_reserve(&s->in, READ_SIZE);
        ssize_t n = to ? recv(s->io.fd, to, READ_SIZE, MSG_DONTWAIT) : -1;

        if (!to) {
            lose_helper(s); /* out of memory: an answer can't be left half read */
            return;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0) {
            lose_helper(s);
            return;
        }
        buf_commit(&s->in, (size_t)n);
        if (!storage_take(s)) {
            lose_helper(s);
            return;
        }
    }
    send_next(s);
}

/* ---- deadlines ----------------------------------------------------------------------------- */

/* Ends one request whose time is over. False: there is none. */
static bool end_one(struct storage *s, int64_t now_ms)
{
    if (s->queue[QUEUE_OVERTAKEN]) {
        end_overtaken(s);
        return true;
    }
    if (s->current && s->current->deadline_ms <= now_ms) {
        struct storage_request *q = s->current;

        s->current = NULL;
        fail_late(s, q);
        return true;
    }
    for (enum storage_queue which = QUEUE_DEL; which < QUEUE_OVERTAKEN; which++) {
        struct storage_request *before = NULL;

        for (struct storage_request *q = s->queue[which]; q; before = q, q = q->next) {
            if (q->deadline_ms <= now_ms) {
                fail_late(s, take_after(s, which, before));
                return true;
            }
        }
    }
    return false;
}

static void on_tick(struct loop_timer *timer)
{
    struct storage *s = LOOP_OWNER(timer, struct storage, tick);
    int64_t now_ms = clock_mono_ms();
    int ended = 0;

    if (s->io.fd < 0 && s->start_ms <= now_ms && is_reaped(s))
        (void)start_helper(s, NULL);
    while (ended < TICK_BATCH && end_one(s, now_ms))
        ended++;
    send_next(s);
    if (ended == TICK_BATCH)
        set_tick(s, 0);
    else if (!is_idle(s) || s->io.fd < 0)
        set_tick(s, TICK_MS);
}

bool storage_start(struct storage *s, struct storage_request *q, int64_t timeout_ms)
{
    if (q->op != STORAGE_PUT)
        q->data = (struct slice){NULL, 0};
    if (q->data.n > LIMIT_STATE_FILE)
        return false;
    if (q->op != STORAGE_DEL && (s->queued >= LIMIT_STORAGE_QUEUE ||
                                 q->data.n > (size_t)LIMIT_STORAGE_BYTES - s->queued_bytes))
        return false;
    if (q->op == STORAGE_DEL)
        overtake_writes(s, q->name);
    q->sent = false;
    q->deadline_ms = clock_mono_ms() + timeout_ms;
    append(s, queue_of(q->op), q);
    send_next(s);
    set_tick(s, s->queue[QUEUE_OVERTAKEN] || timeout_ms <= 0 ? 0 : TICK_MS);
    return true;
}

void storage_cancel(struct storage *s, struct storage_request *q)
{
    if (s->current == q)
        s->current = NULL;
    else
        unqueue(s, q);
}

/* ---- start and end ------------------------------------------------------------------------- */

static enum err_code code_of(int error)
{
    return error == EACCES || error == EPERM ? ERR_PERMISSION : ERR_CREATE;
}

/* Opens it, made if it isn't there. -1 with err. */
static int open_dir(const char *dir, struct err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    if (errno == ENOENT) {
        if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
            err_set(err, code_of(errno), "%s: can't make the state directory: %s%s", dir,
                    strerror(errno),
                    errno == ENOENT ? " (make the directory that it is to be in)" : remedy(errno));
            return -1;
        }
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    err_set(err, code_of(errno), "%s: can't open the state directory: %s%s", dir, strerror(errno),
            errno == ENOTDIR ? " (name a directory)" : remedy(errno));
    return -1;
}

static bool check_dir(int fd, const char *dir, struct err *warning, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        err_set(err, code_of(errno), "%s: %s", dir, strerror(errno));
        return false;
    }
    if (st.st_uid != geteuid()) {
        err_set(err, ERR_PERMISSION,
                "%s: the state directory belongs to user %lu, this is user %lu (chown %lu %s, or "
                "name a directory inside it, which is then made)",
                dir, (unsigned long)st.st_uid, (unsigned long)geteuid(), (unsigned long)geteuid(),
                dir);
        return false;
    }
    if (!storage_dir_is_ours(&st)) {
        err_set(err, ERR_PERMISSION,
                "%s: others can write to the state directory, its mode is %04o (chmod 0700 %s, or "
                "name a directory inside it, which is then made)",
                dir, (unsigned)st.st_mode & 07777, dir);
        return false;
    }
    /* The call itself: what musl puts around it, for effective users, is large. */
    if (syscall(SYS_faccessat, fd, ".", R_OK | W_OK | X_OK) == 0)
        return true;
    if (errno == EROFS) {
        err_set(warning, ERR_CREATE,
                "%s: the state directory is on a read-only file system: what is stored there is "
                "used, nothing is stored or removed",
                dir);
        return true;
    }
    err_set(err, code_of(errno), "%s: the state directory: %s (chmod 0700 %s)", dir,
            strerror(errno), dir);
    return false;
}

bool storage_init(struct storage *s, struct loop *loop, const char *dir, struct spawn *spawn,
                  struct err *warning, struct err *err)
{
    memset(s, 0, sizeof *s);
    s->loop = loop;
    s->spawn = spawn;
    s->helper = -1;
    s->io.fd = -1;
    s->pause_ms = PAUSE_FIRST_MS;
    s->tick = (struct loop_timer){.on_time = on_tick};
    buf_init(&s->in, FRAME + LIMIT_STATE_FILE + READ_SIZE);
    buf_init(&s->out, FRAME + LIMIT_STATE_FILE);
    s->dir_fd = open_dir(dir, err);
    if (s->dir_fd < 0)
        return false;
    s->dir = strdup(dir);
    if (!s->dir)
        err_set(err, ERR_MEMORY, "out of memory");
    if (s->dir && check_dir(s->dir_fd, dir, warning, err) && start_helper(s, err))
        return true;
    storage_fini(s, 0);
    return false;
}

/* As the loop would do, but nobody else's work. */
static void drain(struct storage *s, int64_t wait_ms)
{
    int64_t end_ms = clock_mono_ms() + wait_ms;

    for (;;) {
        struct pollfd p = {.fd = s->io.fd, .events = s->io.want};
        int64_t left_ms = end_ms - clock_mono_ms();

        if (is_idle(s) || left_ms <= 0)
            return;
        if (poll(&p, 1, (int)(left_ms < TICK_MS ? left_ms : TICK_MS)) > 0)
            on_ready(&s->io, p.revents);
        else
            on_tick(&s->tick);
    }
}

/* Whether the helper ended within the time. */
static bool has_ended(struct storage *s, int64_t wait_ms)
{
    int64_t end_ms = clock_mono_ms() + wait_ms;

    while (!is_reaped(s)) {
        if (clock_mono_ms() >= end_ms)
            return false;
        (void)poll(NULL, 0, 2);
    }
    return true;
}

void storage_fini(struct storage *s, int64_t wait_ms)
{
    drain(s, wait_ms);
    loop_unset(s->loop, &s->tick);
    if (s->io.fd >= 0)
        let_go(s);
    if (s->helper > 0 && !has_ended(s, END_WAIT_MS)) {
        kill(s->helper, SIGKILL);
        (void)has_ended(s, END_WAIT_MS);
    }
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    s->dir_fd = -1;
    free(s->dir);
    s->dir = NULL;
}
