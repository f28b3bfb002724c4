/*
 * A TLS connection over any transport: the pump between BearSSL's engine, which does no I/O, and
 * a non-blocking transport. One object per connection; it never moves in memory.
 *
 * Calls return IO_OK (something was done), IO_AGAIN (wait for what tls_want says), IO_EOF (the peer
 * ended the connection cleanly, with close_notify) or IO_ERR (err is filled; nothing more will
 * work).
 */
#ifndef TLS_ENGINE_H
#define TLS_ENGINE_H

#include "tls/profile.h"

/*
 * What carries the records. Both calls as read(2) and write(2) with IO results; *n bytes moved.
 * more: another call follows at once, so that these bytes may wait for it.
 */
struct tls_transport {
    enum io (*recv)(void *ctx, void *data, size_t size, size_t *n, struct err *err);
    enum io (*send)(void *ctx, const void *data, size_t size, bool more, size_t *n,
                    struct err *err);
    void *ctx; /* borrowed until tls_free */
};

struct tls;

/* Bits of tls_want. */
enum { TLS_WANT_RECV = 1, TLS_WANT_SEND = 2 };

/*
 * A server's side. identity is held until the end, and so is clients: what the client's certificate
 * is verified against at the time now_s; NULL: none is asked for. NULL: ERR_MEMORY or ERR_TLS.
 */
struct tls *tls_server_new(struct tls_profile *profile, struct tls_identity *identity,
                           struct tls_trust *clients, int64_t now_s, struct err *err);

/*
 * A client's side that verifies the server against trust (held until the end), the name (copied; a
 * DNS name or an IP address, never empty) and the time (seconds since 1970): see tls/verify.h.
 */
struct tls *tls_client_new(struct tls_profile *profile, struct tls_trust *trust,
                           const char *server_name, int64_t now_s, struct err *err);

/* Must be called once, before anything else. */
void tls_attach(struct tls *t, struct tls_transport transport);

/*
 * Bytes that were read from the transport before TLS began on it (behind a proxy's answer): they
 * come first. At most LIMIT_HEAD of them. False when out of memory.
 */
bool tls_preload(struct tls *t, struct slice data);

/* Frees and wipes; says nothing to the peer. t may be NULL. */
void tls_free(struct tls *t);

/* IO_OK once application data can flow. */
enum io tls_handshake(struct tls *t, struct err *err);

/* Up to size bytes of plaintext. Call until IO_AGAIN: what is left over does not wake poll. */
enum io tls_read(struct tls *t, void *data, size_t size, size_t *n, struct err *err);

/* Whether it is open, with nothing under way, neither way: nothing is left over to be read. */
bool tls_is_resting(const struct tls *t);

/* Takes up to size bytes; they may stay in the engine until tls_flush. */
enum io tls_write(struct tls *t, const void *data, size_t size, size_t *n, struct err *err);

/* Whether more is written, or tls_close called, before the caller waits for anything. */
void tls_more(struct tls *t, bool more);

/* IO_OK when all that was written has been given to the transport. */
enum io tls_flush(struct tls *t, struct err *err);

/*
 * Sends close_notify as far as the transport takes it at once; it may wait for the end of what the
 * transport sends, which has to follow. The peer's is not waited for.
 */
void tls_close(struct tls *t);

/* What the transport must be ready for before the next call can do something. */
int tls_want(const struct tls *t, bool reading);

/*
 * The SHA-256 of the certificate that a client has shown; empty if none was asked for. Valid while
 * t is.
 */
struct slice tls_peer(const struct tls *t);

/* Whether the handshake failed over a certificate, either side's, or the want of one. */
bool tls_was_refused(const struct tls *t);

/* BearSSL's code (BR_ERR_…, alerts included) in words; verdicts on certificates: tls/verify. */
const char *tls_error_text(int code);

#endif
