#include "cli/fetch.h"

#include "base/clock.h"
#include "cli/command.h"
#include "cli/setting.h"
#include "format/http_chunk.h"
#include "format/http_emit.h"
#include "format/http_frame.h"
#include "format/json_pick.h"
#include "status/words.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * What is left of the time is given to each call on the socket; the look-up of a name, which has no
 * such bound, is ended by a signal that ends the process.
 */

#define LONGEST 3600 /* seconds of --timeout */

struct exchange {
    int fd;
    int64_t deadline_ms; /* of clock_mono_ms */
    struct buf in;       /* received, not used yet */
    bool end;            /* nothing more comes */
    struct err *err;     /* borrowed */
};

/* ---- options ------------------------------------------------------------------------------ */

void fetch_init(struct fetch *f, const char *command)
{
    *f = (struct fetch){.command = command, .timeout_s = 5};
}

/* The value of "--name VALUE" or "--name=VALUE" at argv[*i], which is moved on; NULL if not it. */
static const char *flag_value(const char *name, int argc, char **argv, int *i)
{
    size_t n = strlen(name);

    if (strncmp(argv[*i], name, n) != 0)
        return NULL;
    if (argv[*i][n] == '=')
        return argv[*i] + n + 1;
    if (argv[*i][n] != '\0' || *i + 1 >= argc)
        return NULL;
    return argv[++*i];
}

int fetch_read_option(struct fetch *f, int argc, char **argv, int *i)
{
    struct err err = {0};
    const char *value;

    if ((value = flag_value("--url", argc, argv, i))) {
        f->url = value;
    } else if ((value = flag_value("--timeout", argc, argv, i))) {
        if (!setting_read_duration(slice_of(value), 1, LONGEST, &f->timeout_s, &err))
            return command_fail_usage("%s: --timeout: %s", f->command, err.text);
    } else if (strcmp(argv[*i], "--url") == 0 || strcmp(argv[*i], "--timeout") == 0) {
        return command_fail_usage("%s: %s needs a value", f->command, argv[*i]);
    } else if (argv[*i][0] != '-' || argv[*i][1] != 'v') {
        return FETCH_OTHER;
    }
    return 0;
}

/* The address in that variable; NULL if there is none. */
static const char *address_of(const char *variable)
{
    const char *value = getenv(variable);

    return value && uri_is_ip(slice_of(value)) ? value : NULL;
}

static void make_default_url(struct fetch *f)
{
    const char *host = address_of("LICENSE_PROXY_STATUS_HOST");
    const char *port = getenv("LICENSE_PROXY_STATUS_PORT");
    uint64_t number;

    if (!host)
        host = address_of("LICENSE_PROXY_HOST");
    /* All addresses: this machine's own is among them. */
    if (!host || strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    /* Anything else, such as Kubernetes' tcp://…, isn't meant as a port. */
    if (!port || !slice_to_u64(slice_of(port), 65535, &number) || number == 0)
        number = 8080;
    snprintf(f->default_url, sizeof f->default_url,
             strchr(host, ':') ? "http://[%s]:%u" : "http://%s:%u", host, (unsigned)number);
    f->url = f->default_url;
}

int fetch_read_end(struct fetch *f)
{
    struct err err = {0};

    if (!f->url)
        make_default_url(f);
    if (uri_parse(slice_of(f->url), &f->uri, &err) &&
        (!slice_eq_nocase(f->uri.scheme, SLICE("http")) || f->uri.has_userinfo ||
         (f->uri.path.n > 0 && memchr(f->uri.path.p, '?', f->uri.path.n))))
        err_set(&err, ERR_USAGE, "http:// only, and no user or password and no query");
    if (err_is_set(&err))
        return command_fail_usage("%s: --url: %s", f->command, err.text);
    while (f->uri.path.n > 0 && f->uri.path.p[f->uri.path.n - 1] == '/')
        f->uri.path.n--;
    return 0;
}

static void on_backstop(int sig)
{
    static const char text[] = "no answer in time: the host's name can't be looked up\n";
    ssize_t n = write(STDOUT_FILENO, text, sizeof text - 1);

    (void)sig;
    (void)n;
    _exit(1);
}

void fetch_set_backstop(const struct fetch *f)
{
    struct sigaction action = {.sa_handler = on_backstop};

    sigaction(SIGALRM, &action, NULL);
    alarm((unsigned)f->timeout_s + 1);
}

/* ---- asking ------------------------------------------------------------------------------- */

static void set_too_late(struct exchange *x)
{
    err_set(x->err, ERR_TIMEOUT, "no answer in time");
}

/* Lets the next call on the socket take what is left of the time. */
static bool arm(struct exchange *x)
{
    int64_t left = x->deadline_ms - clock_mono_ms();
    struct timeval tv = {.tv_sec = (time_t)(left / 1000),
                         .tv_usec = (suseconds_t)(left % 1000 * 1000)};

    if (left <= 0) {
        set_too_late(x);
        return false;
    }
    (void)setsockopt(x->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    (void)setsockopt(x->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    return true;
}

/* The call on the socket failed. */
static void set_errno(struct exchange *x, const char *what)
{
    /* So does a connect end that took too long (socket(7), SO_SNDTIMEO). */
    if (errno == EAGAIN || errno == EINPROGRESS)
        set_too_late(x);
    else
        err_set(x->err, ERR_CLOSED, "%s: %s", what, strerror(errno));
}

static bool connect_one(struct exchange *x, const struct addrinfo *a)
{
    /* The last address's error is the one that is told. */
    err_clear(x->err);
    x->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (x->fd >= 0 && !arm(x))
        goto failed;
    if (x->fd >= 0 && connect(x->fd, a->ai_addr, a->ai_addrlen) == 0)
        return true;
    set_errno(x, "can't connect");
failed:
    if (x->fd >= 0)
        close(x->fd);
    x->fd = -1;
    return false;
}

static bool connect_any(struct exchange *x, const struct uri *uri)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    char host[LIMIT_HOST + 2], port[8];
    int code;

    if (!slice_copy(uri->host, host, sizeof host)) {
        err_set(x->err, ERR_CONFIG, "the host's name is too long");
        return false;
    }
    snprintf(port, sizeof port, "%u", uri->port ? (unsigned)uri->port : 80u);
    code = getaddrinfo(host, port, &hints, &list);
    if (code != 0) {
        err_set(x->err, ERR_UNREACHABLE, "can't look up the host: %s", gai_strerror(code));
        return false;
    }
    for (const struct addrinfo *a = list; a && !connect_one(x, a);)
        a = a->ai_next;
    freeaddrinfo(list);
    return x->fd >= 0;
}

static bool send_request(struct exchange *x, const struct uri *uri, const char *path)
{
    struct buf request;
    bool ipv6 = memchr(uri->host.p, ':', uri->host.n) != NULL;
    bool rv = false;

    buf_init(&request, LIMIT_HEAD);
    if (!http_emit_request_line(&request, SLICE("GET"), uri->path, slice_of(path)) ||
        !http_emit_fieldf(&request, "Host", "%s%.*s%s:%u", ipv6 ? "[" : "", (int)uri->host.n,
                          uri->host.p, ipv6 ? "]" : "", uri->port ? (unsigned)uri->port : 80u) ||
        !http_emit_field(&request, "Connection", SLICE("close")) || !http_emit_end(&request)) {
        err_set(x->err, ERR_CONFIG, "the URL is too long");
        goto done;
    }
    while (request.len > 0) {
        struct slice s = buf_slice(&request);
        ssize_t n;

        if (!arm(x))
            goto done;
        n = send(x->fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            set_errno(x, "can't send");
            goto done;
        }
        buf_consume(&request, (size_t)n);
    }
    rv = true;
done:
    buf_fini(&request);
    return rv;
}

/* Reads more. False, too, when there is no more. */
static bool receive(struct exchange *x)
{
    size_t room = buf_room(&x->in) < 4096 ? buf_room(&x->in) : 4096;
    uint8_t *to = room > 0 ? buf_reserve(&x->in, room) : NULL;
    ssize_t n;

    if (x->end) {
        err_set(x->err, ERR_CLOSED, "the connection ended before the answer did");
        return false;
    }
    if (!to) {
        err_set(x->err, ERR_LIMIT, "the answer is larger than a status port's");
        return false;
    }
    do {
        if (!arm(x))
            return false;
        n = recv(x->fd, to, room, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        set_errno(x, "no answer");
        return false;
    }
    x->end = n == 0;
    buf_commit(&x->in, (size_t)n);
    return true;
}

static bool receive_head(struct exchange *x, unsigned *status, struct http_frame *frame)
{
    struct http_head head;
    size_t scanned = 0, used = 0;

    for (;;) {
        switch (http_parse_response(buf_slice(&x->in), &scanned, &head, &used, x->err)) {
        case PARSE_DONE:
            *status = head.status;
            if (!http_frame_response(&head, false, frame, x->err))
                return false;
            buf_consume(&x->in, used);
            return true;
        case PARSE_BAD:
            return false;
        case PARSE_MORE:
            break;
        }
        if (!receive(x))
            return false;
    }
}

static bool receive_body(struct exchange *x, const struct http_frame *frame, struct buf *body)
{
    struct http_chunk chunk;
    size_t used;

    http_chunk_init(&chunk);
    for (;;) {
        if (frame->kind == HTTP_BODY_NONE)
            return true;
        if (frame->kind == HTTP_BODY_LENGTH && x->in.len >= frame->length)
            return buf_append(body, buf_slice(&x->in).p, (size_t)frame->length);
        if (frame->kind == HTTP_BODY_CHUNKED) {
            enum parse result = http_chunk_feed(&chunk, buf_slice(&x->in), &used, body, x->err);

            if (result != PARSE_MORE)
                return result == PARSE_DONE;
            buf_consume(&x->in, used);
        }
        if (x->end && frame->kind == HTTP_BODY_UNTIL_CLOSE)
            return buf_append_slice(body, buf_slice(&x->in));
        if (!receive(x))
            return false;
    }
}

bool fetch_get(const struct fetch *f, const char *path, unsigned *status, struct buf *body,
               struct err *err)
{
    struct exchange x = {
        .fd = -1, .deadline_ms = clock_mono_ms() + f->timeout_s * 1000, .err = err};
    struct http_frame frame;
    bool rv;

    buf_init(&x.in, LIMIT_HEAD + FETCH_BODY);
    rv = connect_any(&x, &f->uri) && send_request(&x, &f->uri, path) &&
         receive_head(&x, status, &frame) && receive_body(&x, &frame, body);
    if (!rv)
        err_set(err, ERR_LIMIT, "the answer is larger than a status port's");
    buf_fini(&x.in);
    if (x.fd >= 0)
        close(x.fd);
    return rv;
}

bool fetch_state(const struct buf *body, enum state_name *state)
{
    struct slice value;

    return json_pick(buf_slice(body), SLICE("state"), &value) == JSON_PICK_FOUND && value.n > 2 &&
           words_to_state(slice_make(value.p + 1, value.n - 2), state);
}
