/*
 * An order is one message (SOCK_SEQPACKET) that carries the helper's descriptors; the answer is its
 * process number, or minus an error. The spawner forks with CLONE_PARENT, so that the proxy is told
 * of its helpers' ends and they of its.
 */
#include "net/spawn.h"

#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors that may be open, where the kernel can't close ranges. */
#define INHERITED_MAX 65536

struct order {
    pid_t parent;
    uint8_t kind; /* enum spawn_kind */
    uint8_t has_dir;
    char path[LIMIT_STRING + 1];
};

/* Room for the two descriptors of a message. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
};

/* Everything from first to last; an empty range does nothing. */
static void close_between(unsigned first, unsigned last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (unsigned other = first; other <= last && other < INHERITED_MAX; other++)
        close((int)other);
}

/* The proxy's connections must not stay open here. fd2 may be -1. */
static void close_others(int fd, int fd2)
{
    unsigned low = (unsigned)(fd2 < 0 || fd < fd2 ? fd : fd2);
    unsigned high = (unsigned)(fd < fd2 ? fd2 : fd);

    close_between(3, low - 1);
    close_between(low + 1, high - 1);
    close_between(high + 1, UINT_MAX);
}

/* What all new processes do first. */
static void begin(const struct spawn *s, pid_t parent, int fd, int fd2)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0); /* it died before that took hold */
    /* The terminal's ^C is for the proxy, which drains and then closes the pair. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    close_others(fd, fd2);
    if (s->in_helper)
        s->in_helper(s->ctx);
}

static void run_helper(const struct spawn *s, enum spawn_kind kind, struct spawn_job job)
{
    job.sandbox = s->sandbox;
    begin(s, job.parent, job.fd, job.dir_fd);
    s->run[kind](&job);
    _exit(0);
}

/* ---- the spawner -------------------------------------------------------------------------- */

static void close_fds(const int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* Waits for an order. False: the proxy has ended. */
static bool receive(int fd, struct order *order, int fds[2])
{
    union control control;
    struct iovec data = {order, sizeof *order};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header;
    ssize_t n;

    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    fds[0] = fds[1] = -1;
    header = CMSG_FIRSTHDR(&message);
    if (n > 0 && header && header->cmsg_type == SCM_RIGHTS) {
        size_t size = header->cmsg_len - CMSG_LEN(0);

        memcpy(fds, CMSG_DATA(header), size < 2 * sizeof(int) ? size : 2 * sizeof(int));
    }
    order->path[LIMIT_STRING] = '\0';
    return n == sizeof *order;
}

static _Noreturn void run_spawner(const struct spawn *s, int fd, pid_t parent)
{
    struct sandbox sandbox;
    struct order order;
    int fds[2];

    begin(s, parent, fd, -1);
    sandbox_init(&sandbox, s->sandbox, SANDBOX_SPAWNER);
    (void)sandbox_enter(&sandbox);
    while (receive(fd, &order, fds)) {
        long pid = -EINVAL;

        if (order.kind < SPAWN_KINDS && fds[0] >= 0 && order.has_dir == (fds[1] >= 0))
            pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
            run_helper(s, order.kind, (struct spawn_job){fds[0], fds[1], order.path, parent, 0});
        if (pid == -1)
            pid = -errno;
        close_fds(fds);
        if (send(fd, &pid, sizeof pid, MSG_NOSIGNAL) < 0)
            break;
    }
    _exit(0);
}

/* ---- in the proxy ------------------------------------------------------------------------- */

static void lose(struct spawn *s)
{
    loop_forget(s->loop, &s->io);
    close(s->io.fd);
    s->io.fd = -1;
    if (s->on_lost)
        s->on_lost(s);
}

/* Answers are waited for where they are asked: what comes here is its end. */
static void on_ready(struct loop_io *io, short ready)
{
    if (ready & (POLLHUP | POLLERR))
        lose(LOOP_OWNER(io, struct spawn, io));
}

bool spawn_start(struct spawn *s, struct loop *loop, struct err *err)
{
    pid_t parent = getpid();
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        err_set(err, ERR_SYSTEM, "socketpair for helper processes: %s", strerror(errno));
        return false;
    }
    s->loop = loop;
    s->pid = fork();
    if (s->pid == 0)
        run_spawner(s, pair[1], parent);
    close(pair[1]);
    s->io = (struct loop_io){.fd = pair[0], .on_ready = on_ready};
    if (s->pid > 0 && loop_watch(loop, &s->io, 0))
        return true;
    err_set(err, ERR_SYSTEM, "fork: %s", strerror(errno));
    spawn_fini(s);
    return false;
}

static bool send_order(const struct spawn *s, const struct order *order, int fd, int dir_fd)
{
    union control control = {0};
    struct iovec data = {(void *)(uintptr_t)order, sizeof *order};
    const int fds[2] = {fd, dir_fd};
    size_t size = (dir_fd < 0 ? 1 : 2) * sizeof(int);
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = (socklen_t)CMSG_SPACE(size)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    ssize_t n;

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = (socklen_t)CMSG_LEN(size);
    memcpy(CMSG_DATA(header), fds, size);
    do
        n = sendmsg(s->io.fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == sizeof *order;
}

/* fd: the helper's end of the pair. */
static pid_t start_helper(struct spawn *s, enum spawn_kind kind, int fd, int dir_fd,
                          const char *path, struct err *err)
{
    struct order order = {.parent = getpid(), .kind = (uint8_t)kind, .has_dir = dir_fd >= 0};
    long pid = -1;

    if (s->pid == 0) {
        pid = -EINVAL;
    } else if (!slice_copy(slice_of(path), order.path, sizeof order.path)) {
        errno = ENAMETOOLONG;
    } else if (s->io.fd < 0 || !send_order(s, &order, fd, dir_fd) ||
               recv(s->io.fd, &pid, sizeof pid, 0) != sizeof pid) {
        errno = ECHILD;
    } else if (pid < 0) {
        errno = (int)-pid;
    }
    /* No spawner; or an emulator, which has no children for others. */
    if (pid == -EINVAL) {
        pid = fork();
        if (pid == 0)
            run_helper(s, kind, (struct spawn_job){fd, dir_fd, path, order.parent, 0});
    }
    if (pid >= 0)
        return (pid_t)pid;
    err_set(err, ERR_SYSTEM, "starting a helper process: %s", strerror(errno));
    return -1;
}

pid_t spawn_helper(struct spawn *s, enum spawn_kind kind, int type, int dir_fd, const char *path,
                   int *fd, struct err *err)
{
    static const char names[SPAWN_KINDS][20] = {"resolver", "state directory"};
    pid_t pid;
    int pair[2];

    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0) {
        err_set(err, ERR_SYSTEM, "socketpair for the %s: %s", names[kind], strerror(errno));
        return -1;
    }
    pid = start_helper(s, kind, pair[1], dir_fd, path, err);
    close(pair[1]);
    if (pid < 0)
        close(pair[0]);
    else
        *fd = pair[0];
    return pid;
}

pid_t spawn_wait(const struct spawn *s, pid_t pid, int flags)
{
    int status = 0;
    pid_t rv;

    do
        rv = waitpid(pid, &status, flags);
    while (rv < 0 && errno == EINTR);
    if (rv > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS && s->log)
        log_event(s->log, LOG_ERROR,
                  "a helper process was ended, for it made a system call that the sandbox forbids",
                  LOG_NUM("process", pid));
    return rv;
}

void spawn_fini(struct spawn *s)
{
    if (s->pid == 0)
        return;
    if (s->io.fd >= 0) {
        loop_forget(s->loop, &s->io);
        close(s->io.fd);
        s->io.fd = -1;
    }
    if (s->pid > 0)
        (void)spawn_wait(s, s->pid, 0);
    s->pid = 0;
}
