/*
 * A byte stream to a peer, plain or TLS, behind one small vtable. Non-blocking; results as in
 * tls/engine.h. A TLS stream may run over any other stream, another TLS one included.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "tls/engine.h"

struct stream;

struct stream_ops {
    enum io (*handshake)(struct stream *s, struct err *err);
    enum io (*read)(struct stream *s, void *data, size_t size, size_t *n, struct err *err);
    enum io (*write)(struct stream *s, const void *data, size_t size, size_t *n, struct err *err);
    enum io (*flush)(struct stream *s, struct err *err);
    short (*want)(struct stream *s, bool reading, bool writing);
    void (*close)(struct stream *s);
    void (*free)(struct stream *s);
};

struct stream {
    const struct stream_ops *ops;
    int fd;       /* of the transport at the bottom; owned by the bottom stream */
    bool more;    /* its owner's: the next write, or stream_close, follows without any waiting */
    bool drained; /* a plain one's: the last reading took all there was, and nobody has waited */
};

/* Takes fd (a connected socket, non-blocking). NULL when out of memory: then fd is closed. */
struct stream *stream_plain_take(int fd, struct err *err);

/*
 * Takes both tls and the stream below it. NULL when out of memory: then both are freed. under may
 * not be NULL; tls may be (then so is the result, and under is freed): calls can be nested.
 */
struct stream *stream_tls_take(struct tls *tls, struct stream *under, struct err *err);

/* The TLS connection of a TLS stream, borrowed; NULL for a plain one. */
struct tls *stream_tls(struct stream *s);

/* IO_OK once data can flow: at once for a plain stream. */
static inline enum io stream_handshake(struct stream *s, struct err *err)
{
    return s->ops->handshake(s, err);
}

/*
 * Up to size bytes. Read until IO_AGAIN: what a TLS stream has left over does not wake poll. After
 * a reading that took all there was, the kernel is not asked again before stream_want has said what
 * to wait for.
 */
static inline enum io stream_read(struct stream *s, void *data, size_t size, size_t *n,
                                  struct err *err)
{
    return s->ops->read(s, data, size, n, err);
}

/* Up to size bytes; they are on their way after stream_flush. */
static inline enum io stream_write(struct stream *s, const void *data, size_t size, size_t *n,
                                   struct err *err)
{
    return s->ops->write(s, data, size, n, err);
}

/* IO_OK when everything written was handed to the kernel. */
static inline enum io stream_flush(struct stream *s, struct err *err)
{
    return s->ops->flush(s, err);
}

/* Whether stream_read could only say IO_AGAIN: nothing is left over, and nobody has waited. */
bool stream_is_silent(struct stream *s);

/* The poll events to wait for, given what the caller would like to do next. */
static inline short stream_want(struct stream *s, bool reading, bool writing)
{
    return s->ops->want(s, reading, writing);
}

/* Says that no more will be sent (close_notify, FIN), as far as that goes at once. */
static inline void stream_close(struct stream *s)
{
    s->ops->close(s);
}

/* Frees the stream and those below it, closing the descriptor. s may be NULL. */
static inline void stream_free(struct stream *s)
{
    if (s)
        s->ops->free(s);
}

/* Non-blocking, close-on-exec, no Nagle delay. */
bool stream_prepare_fd(int fd);

#endif
