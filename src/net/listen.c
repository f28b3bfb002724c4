#include "net/listen.h"

#include "net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024

void listen_bytes(const struct sockaddr *sa, struct cidr_address *out)
{
    const struct sockaddr_in *in = (const void *)sa;
    const struct sockaddr_in6 *in6 = (const void *)sa;

    memset(out, 0, sizeof *out);
    if (sa->sa_family == AF_INET)
        memcpy(out->bytes, &in->sin_addr, 4);
    else if (sa->sa_family == AF_INET6)
        cidr_set_v6(out, in6->sin6_addr.s6_addr);
}

void listen_address(const struct sockaddr *sa, bool with_port, char out[LISTEN_ADDRESS_SIZE])
{
    char text[INET6_ADDRSTRLEN] = "?";
    struct cidr_address address;
    uint16_t port;

    /* It lies at the same place in both. */
    memcpy(&port, (const char *)sa + offsetof(struct sockaddr_in, sin_port), sizeof port);
    listen_bytes(sa, &address);
    inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes, text, sizeof text);
    if (with_port)
        snprintf(out, LISTEN_ADDRESS_SIZE, address.v6 ? "[%s]:%u" : "%s:%u", text, ntohs(port));
    else
        snprintf(out, LISTEN_ADDRESS_SIZE, "%s", text);
}

static void resume(struct loop_timer *timer)
{
    struct listen *l = LOOP_OWNER(timer, struct listen, pause);

    if (!l->held)
        loop_watch(l->loop, &l->io, POLLIN);
}

static void accept_batch(struct listen *l, int batch)
{
    while (batch-- > 0 && l->io.fd >= 0 && !l->held) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int fd = accept4(l->io.fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        /* That it doesn't delay small writes it has from the listening socket. */
        if (fd >= 0) {
            l->on_accept(l, fd, (struct sockaddr *)&peer, size);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* poll would report the same connection again at once: wait for room instead. */
            loop_watch(l->loop, &l->io, 0);
            loop_set(l->loop, &l->pause, LIMIT_ACCEPT_PAUSE_MS);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO) {
            return;
        }
    }
}

static void on_ready(struct loop_io *io, short ready)
{
    (void)ready;
    accept_batch(LOOP_OWNER(io, struct listen, io), LIMIT_ACCEPT_BATCH);
}

bool listen_adopt(struct listen *l, int fd, struct err *err)
{
    struct sockaddr_storage own = {0};
    socklen_t size = sizeof own;
    int listening;

    if (!stream_prepare_fd(fd) || getsockname(fd, (struct sockaddr *)&own, &size) < 0) {
        err_set(err, ERR_SYSTEM, "listening socket: %s", strerror(errno));
        close(fd);
        return false;
    }
    listen_address((struct sockaddr *)&own, true, l->address);
    size = sizeof listening;
    l->inherited =
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
    l->io = (struct loop_io){.fd = fd, .on_ready = on_ready};
    l->pause = (struct loop_timer){.on_time = resume};
    l->held = false;
    return true;
}

bool listen_open(struct listen *l, struct err *err)
{
    if (!l->inherited && listen(l->io.fd, BACKLOG) < 0) {
        err_set(err, ERR_SYSTEM, "cannot listen on %s: %s", l->address, strerror(errno));
        return false;
    }
    if (!loop_watch(l->loop, &l->io, POLLIN)) {
        err_set(err, ERR_MEMORY, "out of memory");
        return false;
    }
    return true;
}

static bool parse_address(const char *host, int port, struct sockaddr_storage *sa, socklen_t *size)
{
    struct sockaddr_in *in = (struct sockaddr_in *)sa;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;

    memset(sa, 0, sizeof *sa);
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        *size = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        *size = sizeof *in6;
        return true;
    }
    return false;
}

bool listen_bind(struct listen *l, const char *host, int port, struct err *err)
{
    struct sockaddr_storage sa;
    socklen_t size;
    int on = 1, off = 0;
    int fd;

    l->io.fd = -1;
    if (!parse_address(host, port, &sa, &size)) {
        err_set(err, ERR_CONFIG, "cannot listen on '%s': not a numeric IPv4 or IPv6 address", host);
        return false;
    }
    fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        goto fail;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sa.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (struct sockaddr *)&sa, size) < 0)
        goto fail;
    return listen_adopt(l, fd, err);
fail:
    err_set(err, errno == EACCES ? ERR_PERMISSION : ERR_CONFIG, "cannot listen on %s port %d: %s%s",
            host, port, strerror(errno),
            errno == EADDRINUSE ? " (is another instance running?)" : "");
    if (fd >= 0)
        close(fd);
    return false;
}

void listen_hold(struct listen *l)
{
    l->held = true;
    if (l->io.slot != 0)
        loop_watch(l->loop, &l->io, 0);
}

void listen_release(struct listen *l)
{
    l->held = false;
    if (l->io.slot != 0 && !loop_is_set(&l->pause))
        loop_watch(l->loop, &l->io, POLLIN);
}

void listen_stop(struct listen *l)
{
    if (l->io.fd < 0)
        return;
    /* Closing with connections in the queue would reset clients that were let in. */
    l->held = false;
    if (!l->inherited)
        accept_batch(l, BACKLOG);
    loop_forget(l->loop, &l->io);
    loop_unset(l->loop, &l->pause);
    close(l->io.fd);
    l->io.fd = -1;
}
