/*
 * The pump. BearSSL's engine says with four bits what it can do next: SENDREC (it has a record for
 * the peer), RECVREC (it can take bytes from the peer), SENDAPP and RECVAPP (plaintext). Each call
 * turns those as far as the transport lets it. Records are sent before anything else, so that
 * memory drains first.
 *
 * The engine asks for five bytes, then for the rest of the record: reading exactly that would cost
 * two system calls a record. We read as much as there is, and keep what the engine has no room for
 * in `ahead` (which is empty, and holds no memory, nearly always).
 */
#include "tls/engine.h"

#include "base/clock.h"
#include "base/secret.h"
#include "tls/refusal.h"
#include "tls/verify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_AHEAD LIMIT_HEAD

/* A server sends records of up to 4 kB: answers are short, and each connection holds the buffer. */
#define SERVER_OUT_SIZE (4096 + BR_SSL_BUFSIZE_OUTPUT - 16384)

/* That are kept: records are needed while bytes are on their way, which is never for long. */
#define BLOCKS 4

struct tls {
    br_ssl_engine_context *eng; /* borrowed: inside u */
    struct tls_transport transport;
    struct tls_identity *identity; /* held by a server's side */
    struct tls_trust *trust;       /* held; NULL: the peer shows no certificate */
    struct buf ahead;              /* received, not yet taken by the engine */
    struct verify *verify;         /* a client's: inside u; a server's: owned, until it is open */
    uint8_t peer[32];              /* SHA-256 of the client's certificate, once it is open */
    bool open;                     /* the handshake is complete */
    bool counted;                  /* its end is in the profile's counts */
    bool resumed;                  /* a session that was kept */
    bool ended;                    /* the transport has no more to read */
    bool more;                     /* the caller has more to send */
    bool heard;                    /* the peer has sent something… */
    bool is_stranger;              /* …and it was not how TLS begins */
    struct tls_profile *profile;   /* borrowed, as are the pools */
    struct pool *pool;             /* of this object */
    struct pool *record_pool;
    const br_ssl_session_cache_class *cache; /* a server's: BearSSL calls through it */
    uint8_t *records;      /* owned; the engine's two buffers, NULL while nothing is under way */
    size_t received, sent; /* bytes at the front of each that were written since they were taken */
    union {
        br_ssl_server_context server;
        struct {
            br_ssl_client_context ssl;
            struct verify verify;
        } client; /* the larger one: a server's object ends before it does */
    } u;
};

static struct tls *make(struct tls_profile *profile, enum tls_side side, struct err *err)
{
    struct pool *pool = &profile->connections[side], *records = &profile->records[side];
    struct tls *t;

    if (!pool->size) {
        pool_init(pool,
                  offsetof(struct tls, u) +
                      (side == TLS_SERVER ? sizeof t->u.server : sizeof t->u.client),
                  BLOCKS);
        pool_init(records,
                  BR_SSL_BUFSIZE_INPUT +
                      (side == TLS_SERVER ? SERVER_OUT_SIZE : BR_SSL_BUFSIZE_OUTPUT),
                  BLOCKS);
    }
    t = pool_take(pool);
    if (t) {
        memset(t, 0, pool->size);
        buf_init(&t->ahead, READ_AHEAD);
        t->profile = profile;
        t->pool = pool;
        t->record_pool = records;
        t->records = pool_take(records);
    }
    if (!t || !t->records) {
        pool_give(pool, t);
        err_set(err, ERR_MEMORY, "out of memory for a TLS connection");
        return NULL;
    }
    return t;
}

static void set_buffers(struct tls *t)
{
    br_ssl_engine_set_buffers_bidi(t->eng, t->records, BR_SSL_BUFSIZE_INPUT,
                                   t->records + BR_SSL_BUFSIZE_INPUT,
                                   t->record_pool->size - BR_SSL_BUFSIZE_INPUT);
}

static void drop_records(struct tls *t)
{
    pool_give(t->record_pool, t->records);
    t->records = NULL;
    t->received = t->sent = 0;
}

/*
 * The record buffers of a connection on which nothing is under way, neither way, hold nothing: they
 * serve others until it wakes. The engine's own positions in them (offsets) stay. All it wrote was
 * a record from or for the peer.
 */
static void rest(struct tls *t)
{
    const br_ssl_engine_context *eng = t->eng;

    if (t->open && t->records && t->ahead.len == 0 && eng->ixa == 0 && eng->oxa == eng->oxc &&
        br_ssl_engine_current_state(eng) == (BR_SSL_SENDAPP | BR_SSL_RECVREC)) {
        secret_wipe(t->records, t->received);
        secret_wipe(t->records + BR_SSL_BUFSIZE_INPUT, t->sent);
        drop_records(t);
    }
}

/* Before the engine is asked or told anything. */
static bool wake(struct tls *t, struct err *err)
{
    if (t->records)
        return true;
    t->records = pool_take(t->record_pool);
    if (!t->records) {
        err_set(err, ERR_MEMORY, "out of memory for TLS records");
        return false;
    }
    t->eng->ibuf = t->records;
    t->eng->obuf = t->records + BR_SSL_BUFSIZE_INPUT;
    return true;
}

/* BearSSL knows the cache by its first member, which here is one of the connection's own. */
static struct tls *owner(const br_ssl_session_cache_class **cache)
{
    return (struct tls *)(void *)((char *)cache - offsetof(struct tls, cache));
}

static void save_session(const br_ssl_session_cache_class **cache, br_ssl_server_context *server,
                         const br_ssl_session_parameters *session)
{
    struct tls *t = owner(cache);

    (void)server;
    t->resumed = false;
    sessions_save(&t->identity->sessions, session, clock_mono_ms());
}

static int load_session(const br_ssl_session_cache_class **cache, br_ssl_server_context *server,
                        br_ssl_session_parameters *session)
{
    struct tls *t = owner(cache);

    (void)server;
    t->resumed = sessions_load(&t->identity->sessions, session, clock_mono_ms());
    return t->resumed;
}

static const br_ssl_session_cache_class cache_class = {sizeof(br_ssl_session_cache_class *),
                                                       save_session, load_session};

/* Requires a certificate of the client. */
static bool ask_client(struct tls *t, struct tls_trust *clients, int64_t now_s)
{
    t->verify = calloc(1, sizeof *t->verify);
    if (!t->verify)
        return false;
    t->trust = tls_trust_hold(clients);
    (void)verify_init(t->verify, t->profile, clients, VERIFY_CLIENT, NULL, now_s);
    br_ssl_engine_set_x509(t->eng, &t->verify->vtable);
    br_ssl_server_set_trust_anchor_names_alt(&t->u.server, clients->anchors.items,
                                             clients->anchors.count);
    return true;
}

/* Of the certificate only what tells it from others is kept. */
static void know_client(struct tls *t)
{
    memcpy(t->peer, t->verify->digest, sizeof t->peer);
    br_ssl_engine_set_x509(t->eng, NULL);
    verify_fini(t->verify);
    free(t->verify);
    t->verify = NULL;
}

struct tls *tls_server_new(struct tls_profile *profile, struct tls_identity *identity,
                           struct tls_trust *clients, int64_t now_s, struct err *err)
{
    struct tls *t = make(profile, TLS_SERVER, err);
    br_ssl_server_context *server;

    if (!t)
        return NULL;
    server = &t->u.server;
    t->eng = &server->eng;
    t->identity = tls_identity_hold(identity);
    br_ssl_server_zero(server);
    tls_profile_apply(profile, t->eng);
    tls_profile_suites(t->eng, identity->key.type);
    if (identity->key.type == BR_KEYTYPE_EC)
        br_ssl_server_set_single_ec(server, identity->chain.certs, identity->chain.count,
                                    &identity->key.u.ec, BR_KEYTYPE_SIGN,
                                    (unsigned)identity->facts.issuer_key_type, profile->ec,
                                    profile->ecdsa_sign);
    else
        br_ssl_server_set_single_rsa(server, identity->chain.certs, identity->chain.count,
                                     &identity->key.u.rsa, BR_KEYTYPE_SIGN, 0, profile->rsa_sign);
    if (!clients) {
        t->cache = &cache_class;
        br_ssl_server_set_cache(server, &t->cache);
    } else if (!ask_client(t, clients, now_s)) {
        err_set(err, ERR_MEMORY, "out of memory for a TLS connection");
        tls_free(t);
        return NULL;
    }
    set_buffers(t);
    if (!br_ssl_server_reset(server)) {
        err_set(err, ERR_TLS, "%s", tls_error_text(br_ssl_engine_last_error(t->eng)));
        tls_free(t);
        return NULL;
    }
    return t;
}

/* The certificate for servers that ask for one. */
static void show_identity(br_ssl_client_context *client, struct tls_profile *profile,
                          const struct tls_identity *identity)
{
    if (identity->key.type == BR_KEYTYPE_EC)
        br_ssl_client_set_single_ec(client, identity->chain.certs, identity->chain.count,
                                    &identity->key.u.ec, BR_KEYTYPE_SIGN,
                                    (unsigned)identity->facts.issuer_key_type, profile->ec,
                                    profile->ecdsa_sign);
    else
        br_ssl_client_set_single_rsa(client, identity->chain.certs, identity->chain.count,
                                     &identity->key.u.rsa, profile->rsa_sign);
}

struct tls *tls_client_new(struct tls_profile *profile, struct tls_trust *trust,
                           const char *server_name, int64_t now_s, struct err *err)
{
    struct tls *t;
    br_ssl_client_context *client;

    /* BearSSL takes an empty name as "do not check the name". */
    if (!server_name || !server_name[0]) {
        err_set(err, ERR_TLS, "no server name to verify the certificate against");
        return NULL;
    }
    t = make(profile, TLS_CLIENT, err);
    if (!t)
        return NULL;
    client = &t->u.client.ssl;
    t->eng = &client->eng;
    t->trust = tls_trust_hold(trust);
    br_ssl_client_zero(client);
    tls_profile_apply(profile, t->eng);
    tls_profile_suites(t->eng, 0);
    t->verify = &t->u.client.verify;
    server_name = verify_init(t->verify, profile, trust, VERIFY_SERVER, server_name, now_s);
    br_ssl_engine_set_x509(t->eng, &t->verify->vtable);
    if (trust->client)
        show_identity(client, profile, trust->client);
    set_buffers(t);
    if (!br_ssl_client_reset(client, server_name, 0)) {
        err_set(err, ERR_TLS, "%s", tls_error_text(br_ssl_engine_last_error(t->eng)));
        tls_free(t);
        return NULL;
    }
    return t;
}

void tls_attach(struct tls *t, struct tls_transport transport)
{
    t->transport = transport;
}

bool tls_preload(struct tls *t, struct slice data)
{
    return buf_append_slice(&t->ahead, data);
}

static struct tls_counts *counts_of(const struct tls *t)
{
    return &t->profile->handshakes[t->identity ? TLS_SERVER : TLS_CLIENT];
}

void tls_free(struct tls *t)
{
    struct pool *pool;

    if (!t)
        return;
    if (t->transport.ctx && !t->counted)
        counts_of(t)->failed[TLS_FAILED_TIMEOUT]++;
    if (t->verify)
        verify_fini(t->verify);
    if (t->identity)
        free(t->verify);
    tls_identity_drop(t->identity);
    tls_trust_drop(t->trust);
    buf_wipe(&t->ahead);
    if (t->records)
        secret_wipe(t->records, t->record_pool->size);
    drop_records(t);
    pool = t->pool;
    secret_wipe(t, pool->size);
    pool_give(pool, t);
}

/*
 * BearSSL sends no alert when it rejects a certificate. Either side's records are in clear at that
 * point of the handshake, so the alert (RFC 5246 section 7.2.2) is written past the engine.
 */
static void alert_certificate(struct tls *t, uint8_t alert)
{
    uint8_t record[7] = {21, 3, 3, 0, 2, 2, alert};
    size_t n;

    (void)t->transport.send(t->transport.ctx, record, sizeof record, false, &n, NULL);
}

/* Why the handshake failed. */
static enum tls_failure failure_of(const struct tls *t)
{
    int code = br_ssl_engine_last_error(t->eng);

    if (code == BR_ERR_OK)
        return TLS_FAILED_CLOSED;
    if (t->is_stranger)
        return TLS_FAILED_STRANGER;
    if (refusal_is(code))
        return TLS_FAILED_CERTIFICATE;
    /* An alert, whoever sent it. */
    if (code >= BR_ERR_RECV_FATAL_ALERT)
        code = BR_ERR_RECV_FATAL_ALERT | (code & 255);
    switch (code) {
    case BR_ERR_NO_CLIENT_AUTH:
    case BR_ERR_RECV_FATAL_ALERT + 42: /* bad_certificate, unsupported, revoked, expired, unknown */
    case BR_ERR_RECV_FATAL_ALERT + 43:
    case BR_ERR_RECV_FATAL_ALERT + 44:
    case BR_ERR_RECV_FATAL_ALERT + 45:
    case BR_ERR_RECV_FATAL_ALERT + 46:
    case BR_ERR_RECV_FATAL_ALERT + 48:  /* unknown_ca */
    case BR_ERR_RECV_FATAL_ALERT + 116: /* certificate_required */
        return TLS_FAILED_CERTIFICATE;
    case BR_ERR_UNSUPPORTED_VERSION:
    case BR_ERR_BAD_CIPHER_SUITE:
    case BR_ERR_INVALID_ALGORITHM:
    case BR_ERR_RECV_FATAL_ALERT + 40: /* handshake_failure */
    case BR_ERR_RECV_FATAL_ALERT + 70: /* protocol_version */
    case BR_ERR_RECV_FATAL_ALERT + 71: /* insufficient_security */
        return TLS_FAILED_COMMON;
    default:
        return TLS_FAILED_OTHER;
    }
}

bool tls_was_refused(const struct tls *t)
{
    return failure_of(t) == TLS_FAILED_CERTIFICATE;
}

struct slice tls_peer(const struct tls *t)
{
    return slice_make((const char *)t->peer, t->identity && t->trust ? sizeof t->peer : 0);
}

/* The verdict of a closed engine. */
static enum io verdict(struct tls *t, struct err *err)
{
    enum { HANDSHAKE_FAILURE = 40 }; /* RFC 5246 section 7.4.6 */
    int code = br_ssl_engine_last_error(t->eng);

    if (t->is_stranger && code != BR_ERR_OK)
        code = BR_ERR_UNKNOWN_TYPE;
    if (code == BR_ERR_OK)
        return IO_EOF;
    if (refusal_is(code) && t->verify) {
        if (!t->open && !t->ended)
            alert_certificate(t, refusal_alert(code));
        t->ended = true;
        verify_explain(t->verify, code, err);
    } else {
        if (code == BR_ERR_NO_CLIENT_AUTH && !t->ended)
            alert_certificate(t, HANDSHAKE_FAILURE);
        t->ended = true;
        err_set(err, ERR_TLS, "%s", tls_error_text(code));
    }
    return IO_ERR;
}

/* A ChangeCipherSpec: the Finished message comes with it. */
static bool is_change(const uint8_t *record, size_t size)
{
    enum { CHANGE_CIPHER_SPEC = 20 };

    return size == 6 && record[0] == CHANGE_CIPHER_SPEC;
}

/* Sends what the engine has ready. IO_OK when it has nothing more. */
static enum io send_records(struct tls *t, struct err *err)
{
    while (br_ssl_engine_current_state(t->eng) & BR_SSL_SENDREC) {
        size_t size, n;
        const uint8_t *data = br_ssl_engine_sendrec_buf(t->eng, &size);
        enum io r = t->transport.send(t->transport.ctx, data, size,
                                      t->more || is_change(data, size), &n, err);
        size_t end = (size_t)(data + size - t->eng->obuf);

        if (t->sent < end)
            t->sent = end;
        if (r != IO_OK)
            return r;
        br_ssl_engine_sendrec_ack(t->eng, n);
    }
    return IO_OK;
}

/*
 * The first byte: BearSSL has one code for peers that speak another version of TLS and for those
 * that do not speak it at all, and to the operator these are two very different things.
 */
static void hear(struct tls *t, uint8_t first)
{
    enum { ALERT = 21, HANDSHAKE = 22 };

    if (!t->heard)
        t->is_stranger = first != ALERT && first != HANDSHAKE;
    t->heard = true;
}

/*
 * Gives the engine as much as it has room for, or until it has something to send, or has completed
 * the handshake, which what follows may end: how much.
 */
static size_t feed(struct tls *t, struct slice data)
{
    unsigned until = t->open ? BR_SSL_SENDREC : BR_SSL_SENDREC | BR_SSL_SENDAPP;
    size_t done = 0;

    do {
        size_t size, n = data.n - done;
        uint8_t *into = br_ssl_engine_recvrec_buf(t->eng, &size);

        if (!into)
            break;
        if (n > size)
            n = size;
        memcpy(into, data.p + done, n);
        if (t->received < (size_t)(into + n - t->eng->ibuf))
            t->received = (size_t)(into + n - t->eng->ibuf);
        br_ssl_engine_recvrec_ack(t->eng, n);
        done += n;
    } while (done < data.n && !(br_ssl_engine_current_state(t->eng) & until));
    return done;
}

/* Gives the engine bytes from the peer: what was read ahead first. */
static enum io recv_records(struct tls *t, struct err *err)
{
    uint8_t *arrived = t->profile->arrived;
    struct slice data = {(char *)arrived, 0};
    size_t n;
    enum io r;

    if (t->ahead.len > 0) {
        data = buf_slice(&t->ahead);
        hear(t, (uint8_t)data.p[0]);
        buf_consume(&t->ahead, feed(t, data));
        return IO_OK;
    }
    r = t->transport.recv(t->transport.ctx, arrived, READ_AHEAD, &data.n, err);
    if (r != IO_OK)
        return r;
    hear(t, arrived[0]);
    n = feed(t, data);
    if (!buf_append(&t->ahead, data.p + n, data.n - n)) {
        err_set(err, ERR_MEMORY, "out of memory");
        return IO_ERR;
    }
    return IO_OK;
}

/* Between two calls a connection that has taken everything in holds no memory for more. */
static void settle(struct tls *t)
{
    if (t->ahead.len == 0)
        buf_fini(&t->ahead);
    rest(t);
}

/*
 * Moves records until the engine can do `target` (BR_SSL_SENDAPP or BR_SSL_RECVAPP). IO_AGAIN when
 * the transport has no more or takes no more, or others should have their turn.
 */
static enum io pump(struct tls *t, unsigned target, struct err *err)
{
    for (int turn = 0;; turn++) {
        unsigned state = br_ssl_engine_current_state(t->eng);
        enum io r;

        if (state & BR_SSL_CLOSED)
            return verdict(t, err);
        if (state & BR_SSL_SENDREC) {
            r = send_records(t, err);
            if (r == IO_ERR || (r == IO_AGAIN && !(state & BR_SSL_RECVREC)))
                return r;
            state = br_ssl_engine_current_state(t->eng);
            if (state & BR_SSL_CLOSED)
                continue;
        }
        if (state & target)
            return IO_OK;
        /* Here alone others can have their turn: poll tells neither of plaintext nor of `ahead`. */
        if (!(state & BR_SSL_RECVREC) || (turn >= LIMIT_PUMP_TURNS && t->ahead.len == 0))
            return IO_AGAIN;
        r = recv_records(t, err);
        if (r == IO_EOF) {
            err_set(err, ERR_CLOSED,
                    t->open ? "the peer closed the connection without saying so (truncation)"
                            : "the peer closed the connection during the TLS handshake");
            return IO_ERR;
        }
        if (r != IO_OK)
            return r;
    }
}

enum io tls_handshake(struct tls *t, struct err *err)
{
    enum io r;

    if (t->open)
        return IO_OK;
    r = pump(t, BR_SSL_SENDAPP, err);
    settle(t);
    if (r == IO_EOF) {
        err_set(err, ERR_CLOSED, "the peer ended the TLS handshake");
        return IO_ERR;
    }
    t->open = r == IO_OK;
    if (t->open && t->identity && t->verify)
        know_client(t);
    t->counted = r != IO_AGAIN;
    if (t->open)
        *(t->resumed ? &counts_of(t)->resumed : &counts_of(t)->done) += 1;
    else if (t->counted)
        counts_of(t)->failed[failure_of(t)]++;
    return r;
}

enum io tls_read(struct tls *t, void *data, size_t size, size_t *n, struct err *err)
{
    uint8_t *to = data;
    enum io r = IO_OK;

    *n = 0;
    if (!wake(t, err))
        return IO_ERR;
    while (*n < size) {
        size_t have, take;
        const uint8_t *from;

        r = pump(t, BR_SSL_RECVAPP, err);
        if (r != IO_OK)
            break;
        from = br_ssl_engine_recvapp_buf(t->eng, &have);
        take = have < size - *n ? have : size - *n;
        memcpy(to + *n, from, take);
        br_ssl_engine_recvapp_ack(t->eng, take);
        *n += take;
    }
    settle(t);
    /* Whatever ended the connection comes up again at the next call: the bytes go first. */
    return *n > 0 ? IO_OK : r;
}

bool tls_is_resting(const struct tls *t)
{
    return !t->records;
}

enum io tls_write(struct tls *t, const void *data, size_t size, size_t *n, struct err *err)
{
    const uint8_t *from = data;

    *n = 0;
    if (!wake(t, err))
        return IO_ERR;
    while (*n < size) {
        unsigned state = br_ssl_engine_current_state(t->eng);
        size_t room, take;
        uint8_t *to;

        if (state & BR_SSL_CLOSED) {
            enum io r = verdict(t, err);

            err_set(err, ERR_CLOSED, "the peer ended the connection");
            return r == IO_EOF ? IO_ERR : r;
        }
        if (!(state & BR_SSL_SENDAPP)) {
            enum io r;

            if (!(state & BR_SSL_SENDREC))
                break;
            r = send_records(t, err);
            if (r == IO_ERR)
                return r;
            if (r != IO_OK)
                break;
            continue;
        }
        to = br_ssl_engine_sendapp_buf(t->eng, &room);
        take = room < size - *n ? room : size - *n;
        memcpy(to, from + *n, take);
        br_ssl_engine_sendapp_ack(t->eng, take);
        *n += take;
    }
    return *n > 0 || size == 0 ? IO_OK : IO_AGAIN;
}

enum io tls_flush(struct tls *t, struct err *err)
{
    enum io r;

    if (!t->records)
        return IO_OK;
    br_ssl_engine_flush(t->eng, 0);
    r = send_records(t, err);
    rest(t);
    return r;
}

void tls_more(struct tls *t, bool more)
{
    t->more = more;
}

void tls_close(struct tls *t)
{
    if (!wake(t, NULL) || br_ssl_engine_current_state(t->eng) == BR_SSL_CLOSED)
        return;
    br_ssl_engine_close(t->eng);
    t->more = true;
    (void)send_records(t, NULL);
}

int tls_want(const struct tls *t, bool reading)
{
    unsigned state = t->records ? br_ssl_engine_current_state(t->eng) : BR_SSL_RECVREC;
    int want = 0;

    if (state & BR_SSL_SENDREC)
        want |= TLS_WANT_SEND;
    if ((state & BR_SSL_RECVREC) && (reading || !t->open))
        want |= TLS_WANT_RECV;
    return want;
}

/* Texts of alerts, each in both directions, so that no text has to be put together. */
#define ALERT(number, text)                                                                        \
    case BR_ERR_RECV_FATAL_ALERT + (number):                                                       \
        return "the peer refused with the TLS alert " text;                                        \
    case BR_ERR_SEND_FATAL_ALERT + (number):                                                       \
        return "refused with the TLS alert " text

const char *tls_error_text(int code)
{
    switch (code) {
    case BR_ERR_OK:
        return "closed";
    case BR_ERR_UNSUPPORTED_VERSION:
        return "the peer does not speak TLS 1.2 (a server that only offers TLS 1.3, or an old one)";
    case BR_ERR_BAD_VERSION:
    case BR_ERR_UNKNOWN_TYPE:
        return "the peer does not speak TLS here (is it a plain HTTP port?)";
    case BR_ERR_BAD_LENGTH:
    case BR_ERR_TOO_LARGE:
        return "a TLS record of impossible length (does the peer speak TLS here?)";
    case BR_ERR_BAD_MAC:
        return "a TLS record was changed on the way (bad MAC)";
    case BR_ERR_NO_RANDOM:
        return "no entropy for TLS";
    case BR_ERR_BAD_CIPHER_SUITE:
        return "the peer chose a cipher suite that was not offered";
    case BR_ERR_BAD_SIGNATURE:
        return "the peer's handshake signature is wrong: it does not hold the key of its "
               "certificate";
    case BR_ERR_WRONG_KEY_USAGE:
        return "the certificate's key may not be used for this handshake";
    case BR_ERR_INVALID_ALGORITHM:
        return "the peer uses a curve or algorithm that is not supported";
    case BR_ERR_NO_CLIENT_AUTH:
        return "no client certificate was given, but one is required";
    case BR_ERR_BAD_SECRENEG:
        return "the peer does not support secure renegotiation (RFC 5746)";
        ALERT(0, "close_notify");
        ALERT(10, "unexpected_message");
        ALERT(20, "bad_record_mac");
        ALERT(22, "record_overflow");
        ALERT(40, "handshake_failure: no cipher suite, curve or signature in common");
        ALERT(42, "bad_certificate");
        ALERT(43, "unsupported_certificate");
        ALERT(44, "certificate_revoked");
        ALERT(45, "certificate_expired");
        ALERT(46, "certificate_unknown");
        ALERT(47, "illegal_parameter");
        ALERT(48, "unknown_ca");
        ALERT(49, "access_denied");
        ALERT(50, "decode_error");
        ALERT(51, "decrypt_error");
        ALERT(70, "protocol_version: TLS 1.2 is not accepted there");
        ALERT(71, "insufficient_security");
        ALERT(80, "internal_error");
        ALERT(86, "inappropriate_fallback");
        ALERT(90, "user_canceled");
        ALERT(100, "no_renegotiation");
        ALERT(112, "unrecognized_name");
        ALERT(116, "certificate_required");
        ALERT(120, "no_application_protocol");
    default:
        break;
    }
    if (code >= BR_ERR_SEND_FATAL_ALERT)
        return "refused with a TLS alert";
    if (code >= BR_ERR_RECV_FATAL_ALERT)
        return "the peer refused with a TLS alert of unknown meaning";
    return "the peer broke the TLS protocol";
}
