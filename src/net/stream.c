#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct over_tls {
    struct stream base;
    struct tls *tls;      /* owned */
    struct stream *under; /* owned */
};

static enum io failed(struct err *err)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return IO_AGAIN;
    if (errno == ECONNRESET || errno == EPIPE)
        err_set(err, ERR_CLOSED, "the peer reset the connection");
    else if (errno == ETIMEDOUT)
        err_set(err, ERR_TIMEOUT, "the connection timed out");
    else
        err_set(err, ERR_CLOSED, "%s", strerror(errno));
    return IO_ERR;
}

static enum io plain_handshake(struct stream *s, struct err *err)
{
    (void)s;
    (void)err;
    return IO_OK;
}

static enum io plain_read(struct stream *s, void *data, size_t size, size_t *n, struct err *err)
{
    ssize_t r;

    *n = 0;
    if (s->drained)
        return IO_AGAIN;
    r = recv(s->fd, data, size, 0);
    if (r < 0) {
        s->drained = errno == EAGAIN || errno == EWOULDBLOCK;
        return failed(err);
    }
    *n = (size_t)r;
    /* Less came than there was room for: there was no more. */
    s->drained = r > 0 && *n < size;
    return r == 0 && size > 0 ? IO_EOF : IO_OK;
}

static enum io plain_write(struct stream *s, const void *data, size_t size, size_t *n,
                           struct err *err)
{
    ssize_t r = send(s->fd, data, size, MSG_NOSIGNAL | (s->more ? MSG_MORE : 0));

    *n = 0;
    if (r < 0)
        return failed(err);
    *n = (size_t)r;
    return IO_OK;
}

static enum io plain_flush(struct stream *s, struct err *err)
{
    (void)s;
    (void)err;
    return IO_OK;
}

static short plain_want(struct stream *s, bool reading, bool writing)
{
    if (reading)
        s->drained = false;
    return (short)((reading ? POLLIN : 0) | (writing ? POLLOUT : 0));
}

static void plain_close(struct stream *s)
{
    (void)shutdown(s->fd, SHUT_WR);
}

static void plain_free(struct stream *s)
{
    close(s->fd);
    free(s);
}

static const struct stream_ops plain_ops = {
    .handshake = plain_handshake,
    .read = plain_read,
    .write = plain_write,
    .flush = plain_flush,
    .want = plain_want,
    .close = plain_close,
    .free = plain_free,
};

struct stream *stream_plain_take(int fd, struct err *err)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s) {
        close(fd);
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    *s = (struct stream){.ops = &plain_ops, .fd = fd};
    return s;
}

static struct over_tls *over(struct stream *s)
{
    return (struct over_tls *)s;
}

static enum io over_handshake(struct stream *s, struct err *err)
{
    return tls_handshake(over(s)->tls, err);
}

static enum io over_read(struct stream *s, void *data, size_t size, size_t *n, struct err *err)
{
    return tls_read(over(s)->tls, data, size, n, err);
}

static enum io over_write(struct stream *s, const void *data, size_t size, size_t *n,
                          struct err *err)
{
    tls_more(over(s)->tls, s->more);
    return tls_write(over(s)->tls, data, size, n, err);
}

static enum io over_flush(struct stream *s, struct err *err)
{
    enum io r = tls_flush(over(s)->tls, err);

    return r == IO_OK ? stream_flush(over(s)->under, err) : r;
}

static short over_want(struct stream *s, bool reading, bool writing)
{
    struct over_tls *o = over(s);
    int want = tls_want(o->tls, reading);

    /* Who wants to write can do so when the engine has room, or when its records get away. */
    return stream_want(o->under, want & TLS_WANT_RECV, writing || (want & TLS_WANT_SEND));
}

static void over_close(struct stream *s)
{
    tls_close(over(s)->tls);
    (void)stream_flush(over(s)->under, NULL);
    stream_close(over(s)->under);
}

static void over_free(struct stream *s)
{
    tls_free(over(s)->tls);
    stream_free(over(s)->under);
    free(s);
}

static const struct stream_ops over_ops = {
    .handshake = over_handshake,
    .read = over_read,
    .write = over_write,
    .flush = over_flush,
    .want = over_want,
    .close = over_close,
    .free = over_free,
};

static enum io under_recv(void *ctx, void *data, size_t size, size_t *n, struct err *err)
{
    return stream_read(ctx, data, size, n, err);
}

static enum io under_send(void *ctx, const void *data, size_t size, bool more, size_t *n,
                          struct err *err)
{
    struct stream *under = ctx;
    enum io r;

    under->more = more;
    r = stream_write(under, data, size, n, err);
    /* A TLS stream below must not sit on the record; what it can't send now it sends later. */
    return r == IO_OK && stream_flush(ctx, err) == IO_ERR ? IO_ERR : r;
}

struct stream *stream_tls_take(struct tls *tls, struct stream *under, struct err *err)
{
    struct over_tls *o = tls ? calloc(1, sizeof *o) : NULL;

    if (!o) {
        if (tls)
            err_set(err, ERR_MEMORY, "out of memory");
        tls_free(tls);
        stream_free(under);
        return NULL;
    }
    o->base = (struct stream){.ops = &over_ops, .fd = under->fd};
    o->tls = tls;
    o->under = under;
    tls_attach(tls, (struct tls_transport){under_recv, under_send, under});
    return &o->base;
}

bool stream_is_silent(struct stream *s)
{
    for (; s->ops == &over_ops; s = over(s)->under)
        if (!tls_is_resting(over(s)->tls))
            return false;
    return s->drained;
}

struct tls *stream_tls(struct stream *s)
{
    return s->ops == &over_ops ? over(s)->tls : NULL;
}

bool stream_prepare_fd(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int on = 1;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return false;
    /* Each message goes out whole in one write: waiting for more only adds delay. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}
