#include "cli/supervisor.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/slice.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

static const char *const names[SUPERVISOR_SOCKETS] = {"licensing", "status"};

/* A variable as a number; 0 if it isn't set, or isn't one. */
static uint64_t number(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t value = 0;

    if (text)
        (void)slice_to_u64(slice_of(text), INT64_MAX, &value);
    return value;
}

static bool is_ours(const char *pid_variable)
{
    return number(pid_variable) == (uint64_t)getpid();
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

static bool is_listener(int fd)
{
    int domain = option(fd, SO_DOMAIN);

    return (domain == AF_INET || domain == AF_INET6) && option(fd, SO_TYPE) == SOCK_STREAM &&
           option(fd, SO_ACCEPTCONN) == 1;
}

/* Which of ours a socket is: by its name, else by its place. */
static int place_of(const char **rest, int place)
{
    size_t n;

    if (!*rest)
        return place;
    n = strcspn(*rest, ":");
    for (place = 0; place < SUPERVISOR_SOCKETS; place++)
        if (slice_eq(slice_make(*rest, n), slice_of(names[place])))
            break;
    *rest += (*rest)[n] ? n + 1 : n;
    return place;
}

static bool take_sockets(struct supervisor *s, struct err *err)
{
    const char *rest = getenv("LISTEN_FDNAMES");
    uint64_t count = is_ours("LISTEN_PID") ? number("LISTEN_FDS") : 0;

    if (count > SUPERVISOR_SOCKETS) {
        err_set(err, ERR_CONFIG, "LISTEN_FDS: more than the two sockets licensing and status");
        return false;
    }
    for (int i = 0; i < (int)count; i++) {
        int fd = FIRST_FD + i;
        int place = place_of(&rest, i);

        if (place == SUPERVISOR_SOCKETS || s->sockets[place] >= 0) {
            err_set(err, ERR_CONFIG,
                    "LISTEN_FDNAMES: name one socket licensing, and one status "
                    "(FileDescriptorName= of their units)");
            return false;
        }
        if (!is_listener(fd)) {
            err_set(err, ERR_CONFIG, "LISTEN_FDS: the %s socket is no listening TCP socket",
                    names[place]);
            return false;
        }
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        s->sockets[place] = fd;
    }
    return true;
}

static void find_notify(struct supervisor *s)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct timeval patience = {.tv_usec = LIMIT_SUPERVISOR_MS * 1000};

    if (!path || (*path != '/' && *path != '@') ||
        !slice_copy(slice_of(path), s->address.sun_path, sizeof s->address.sun_path))
        return;
    s->address.sun_family = AF_UNIX;
    s->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (*path == '@')
        s->address.sun_path[0] = '\0';
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static void send_text(const struct supervisor *s, const char *text, int flags)
{
    (void)sendto(s->fd, text, strlen(text), flags | MSG_NOSIGNAL, (const void *)&s->address,
                 s->size);
}

static void on_watchdog(struct loop_timer *timer)
{
    struct supervisor *s = LOOP_OWNER(timer, struct supervisor, watchdog);

    send_text(s, "WATCHDOG=1", MSG_DONTWAIT);
    loop_set(s->loop, timer, s->watchdog_ms);
}

bool supervisor_init(struct supervisor *s, struct loop *loop, struct err *err)
{
    static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                            "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};
    bool rv;

    *s = (struct supervisor){.fd = -1, .loop = loop, .sockets = {-1, -1}};
    s->watchdog.on_time = on_watchdog;
    find_notify(s);
    if (!getenv("WATCHDOG_PID") || is_ours("WATCHDOG_PID"))
        s->watchdog_ms = (int64_t)number("WATCHDOG_USEC") / 2000;
    rv = take_sockets(s, err);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    if (s->fd >= 0 && s->watchdog_ms > 0)
        loop_set(loop, &s->watchdog, 0);
    return rv;
}

void supervisor_tell(const struct supervisor *s, const char *fmt, ...)
{
    char text[LIMIT_ERR_TEXT + 256];
    va_list args;

    if (s->fd < 0)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    send_text(s, text, 0);
}

void supervisor_tell_reload(const struct supervisor *s)
{
    /* In microseconds: a stamp rounded down would lie before the order to reload. */
    supervisor_tell(s, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ns() / 1000);
}

void supervisor_fini(struct supervisor *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
