#include "base/buf.h"
#include "cli/command.h"
#include "cli/nearest.h"
#include "cli/setting.h"
#include "format/http_chunk.h"
#include "format/http_emit.h"
#include "format/http_frame.h"
#include "format/json_pick.h"
#include "format/uri.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * A blocking client, since there is nothing else to do meanwhile. The one deadline is a timer whose
 * signal ends the process: it bounds everything, the look-up of the host's name among it.
 */

#define BODY 65536   /* of an answer of the status port: they are a few hundred bytes */
#define LONGEST 3600 /* seconds of --timeout */
#define STATES 4

static const char *const states[STATES] = {"Ready", "Connected", "TrustBased", "Failed"};

struct probe {
    const char *url;   /* borrowed from argv; NULL: the default */
    int64_t timeout_s; /* of everything */
    bool live, ready;
    bool wanted[STATES]; /* any: asks for the state */
    bool asks_state;
    char default_url[64];
    struct uri uri; /* of url */
};

struct answer {
    unsigned status;
    struct buf body;
};

static void on_deadline(int sig)
{
    static const char text[] = "probe: no answer in time\n";
    ssize_t n = write(STDOUT_FILENO, text, sizeof text - 1);

    (void)sig;
    (void)n;
    _exit(1);
}

/* ---- arguments ---------------------------------------------------------------------------- */

static int read_word(struct probe *p, const char *word)
{
    struct nearest nearest;

    if (strcmp(word, "live") == 0) {
        p->live = true;
        return 0;
    }
    if (strcmp(word, "ready") == 0) {
        p->ready = true;
        return 0;
    }
    for (size_t i = 0; i < STATES; i++) {
        if (slice_eq_nocase(slice_of(word), slice_of(states[i]))) {
            p->wanted[i] = p->asks_state = true;
            return 0;
        }
    }
    nearest_init(&nearest, slice_of(word));
    nearest_offer(&nearest, "live");
    nearest_offer(&nearest, "ready");
    for (size_t i = 0; i < STATES; i++)
        nearest_offer(&nearest, states[i]);
    if (nearest.best)
        return command_fail_usage("probe: unknown state; did you mean %s?", nearest.best);
    return command_fail_usage("probe: unknown state; there are live, ready, Ready, Connected, "
                              "TrustBased and Failed");
}

/* The port is where serve, given the same environment, has put it. */
static void make_default_url(struct probe *p)
{
    const char *port = getenv("LICENSE_PROXY_STATUS_PORT");
    uint64_t number;

    /* Anything else, such as Kubernetes' tcp://…, isn't meant as a port. */
    if (!port || !slice_to_u64(slice_of(port), 65535, &number) || number == 0)
        number = 8080;
    snprintf(p->default_url, sizeof p->default_url, "http://127.0.0.1:%u", (unsigned)number);
    p->url = p->default_url;
}

static int read_url(struct probe *p)
{
    struct err err = {0};

    if (!p->url)
        make_default_url(p);
    if (!uri_parse(slice_of(p->url), &p->uri, &err))
        return command_fail_usage("probe: --url: %s", err.text);
    if (!slice_eq_nocase(p->uri.scheme, SLICE("http")))
        return command_fail_usage("probe: --url: the status port speaks http:// only");
    if (p->uri.has_userinfo)
        return command_fail_usage("probe: --url: a user or password has no place in it");
    if (p->uri.path.n > 0 && memchr(p->uri.path.p, '?', p->uri.path.n))
        return command_fail_usage("probe: --url: a query has no place in it");
    while (p->uri.path.n > 0 && p->uri.path.p[p->uri.path.n - 1] == '/')
        p->uri.path.n--;
    return 0;
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

/* 0, or the exit code. */
static int read_arguments(struct probe *p, int argc, char **argv)
{
    int words = 0;

    for (int i = 0; i < argc; i++) {
        struct err err = {0};
        const char *value;
        int code;

        if ((value = flag_value("--url", argc, argv, &i))) {
            p->url = value;
        } else if ((value = flag_value("--timeout", argc, argv, &i))) {
            if (!setting_read_duration(slice_of(value), 1, LONGEST, &p->timeout_s, &err))
                return command_fail_usage("probe: --timeout: %s", err.text);
        } else if (strcmp(argv[i], "--url") == 0 || strcmp(argv[i], "--timeout") == 0) {
            return command_fail_usage("probe: %s needs a value", argv[i]);
        } else if (argv[i][0] == '-' && argv[i][1] == 'v') {
            continue;
        } else if (argv[i][0] == '-') {
            return command_fail_usage("probe: unknown option; there are --url and --timeout");
        } else {
            words++;
            code = read_word(p, argv[i]);
            if (code)
                return code;
        }
    }
    if (p->live && words > 1)
        return command_fail_usage("probe: live stands alone");
    /* Among states it is one, too. */
    if (p->ready)
        p->wanted[0] = true;
    return read_url(p);
}

/* ---- asking ------------------------------------------------------------------------------- */

static int connect_any(const struct uri *uri, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    char host[LIMIT_HOST + 2], port[8];
    int fd = -1, error = 0, code;

    if (!slice_copy(uri->host, host, sizeof host)) {
        err_set(err, ERR_CONFIG, "the host's name is too long");
        return -1;
    }
    snprintf(port, sizeof port, "%u", uri->port ? (unsigned)uri->port : 80u);
    code = getaddrinfo(host, port, &hints, &list);
    if (code != 0) {
        err_set(err, ERR_UNREACHABLE, "can't look up the host: %s", gai_strerror(code));
        return -1;
    }
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
            error = errno;
            close(fd);
            fd = -1;
        } else if (fd < 0) {
            error = errno;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        err_set(err, ERR_UNREACHABLE, "can't connect: %s", strerror(error));
    return fd;
}

static bool send_request(int fd, const struct uri *uri, const char *path, struct err *err)
{
    struct buf request;
    bool ipv6 = memchr(uri->host.p, ':', uri->host.n) != NULL;
    bool rv = false;

    buf_init(&request, LIMIT_HEAD);
    if (!http_emit_request_line(&request, SLICE("GET"), uri->path, slice_of(path)) ||
        !http_emit_fieldf(&request, "Host", "%s%.*s%s:%u", ipv6 ? "[" : "", (int)uri->host.n,
                          uri->host.p, ipv6 ? "]" : "", uri->port ? (unsigned)uri->port : 80u) ||
        !http_emit_field(&request, "Connection", SLICE("close")) || !http_emit_end(&request)) {
        err_set(err, ERR_CONFIG, "the URL is too long");
        goto done;
    }
    while (request.len > 0) {
        struct slice s = buf_slice(&request);
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_set(err, ERR_CLOSED, "can't send: %s", strerror(errno));
            goto done;
        }
        buf_consume(&request, (size_t)n);
    }
    rv = true;
done:
    buf_fini(&request);
    return rv;
}

/* Reads more into in; *end when there is no more. */
static bool receive(int fd, struct buf *in, bool *end, struct err *err)
{
    size_t room = buf_room(in) < 4096 ? buf_room(in) : 4096;
    uint8_t *to = room > 0 ? buf_reserve(in, room) : NULL;
    ssize_t n;

    if (!to) {
        err_set(err, ERR_LIMIT, "the answer is larger than a status port's");
        return false;
    }
    do
        n = recv(fd, to, room, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        err_set(err, ERR_CLOSED, "no answer: %s", strerror(errno));
        return false;
    }
    *end = n == 0;
    buf_commit(in, (size_t)n);
    return true;
}

static bool receive_head(int fd, struct buf *in, struct answer *a, struct http_frame *frame,
                         struct err *err)
{
    struct http_head head;
    size_t scanned = 0, used = 0;
    bool end = false;

    for (;;) {
        switch (http_parse_response(buf_slice(in), &scanned, &head, &used, err)) {
        case PARSE_DONE:
            a->status = head.status;
            if (!http_frame_response(&head, false, frame, err))
                return false;
            buf_consume(in, used);
            return true;
        case PARSE_BAD:
            return false;
        case PARSE_MORE:
            break;
        }
        if (end) {
            err_set(err, ERR_CLOSED, "the connection ended before the answer");
            return false;
        }
        if (!receive(fd, in, &end, err))
            return false;
    }
}

static bool receive_body(int fd, struct buf *in, struct answer *a, const struct http_frame *frame,
                         struct err *err)
{
    struct http_chunk chunk;
    bool end = false;
    size_t used;

    http_chunk_init(&chunk);
    for (;;) {
        if (frame->kind == HTTP_BODY_NONE)
            return true;
        if (frame->kind == HTTP_BODY_LENGTH && in->len >= frame->length)
            return buf_append(&a->body, buf_slice(in).p, (size_t)frame->length);
        if (frame->kind == HTTP_BODY_CHUNKED) {
            enum parse result = http_chunk_feed(&chunk, buf_slice(in), &used, &a->body, err);

            if (result != PARSE_MORE)
                return result == PARSE_DONE;
            buf_consume(in, used);
        }
        if (end && frame->kind == HTTP_BODY_UNTIL_CLOSE)
            return buf_append_slice(&a->body, buf_slice(in));
        if (end) {
            err_set(err, ERR_CLOSED, "the connection ended within the answer");
            return false;
        }
        if (!receive(fd, in, &end, err))
            return false;
    }
}

static bool ask(const struct probe *p, const char *path, struct answer *a, struct err *err)
{
    struct http_frame frame;
    struct buf in;
    bool rv;
    int fd = connect_any(&p->uri, err);

    if (fd < 0)
        return false;
    buf_init(&in, LIMIT_HEAD + BODY);
    rv = send_request(fd, &p->uri, path, err) && receive_head(fd, &in, a, &frame, err) &&
         receive_body(fd, &in, a, &frame, err);
    if (!rv)
        err_set(err, ERR_LIMIT, "the answer is larger than a status port's");
    buf_fini(&in);
    close(fd);
    return rv;
}

/* ---- judging ------------------------------------------------------------------------------ */

/* The state's index in states, or STATES. */
static size_t state_of(const struct answer *a)
{
    struct slice value;

    if (json_pick(buf_slice(&a->body), SLICE("state"), &value) != JSON_PICK_FOUND)
        return STATES;
    for (size_t i = 0; i < STATES; i++)
        if (value.n == strlen(states[i]) + 2 &&
            slice_eq(slice_make(value.p + 1, value.n - 2), slice_of(states[i])))
            return i;
    return STATES;
}

static int judge(const struct probe *p, const struct answer *a)
{
    size_t state;
    bool good;

    if (!p->asks_state) {
        good = a->status == 200;
        printf("probe: %s%s (status %u)\n", good ? "" : "not ", p->live ? "live" : "ready",
               a->status);
        return good ? 0 : 1;
    }
    state = a->status == 200 ? state_of(a) : STATES;
    if (state == STATES) {
        printf("probe: the answer (status %u) tells no state; is this the status port?\n",
               a->status);
        return 1;
    }
    printf("probe: %s%s\n", states[state], p->wanted[state] ? "" : ", which is not as wanted");
    return p->wanted[state] ? 0 : 1;
}

int cli_probe(int argc, char **argv, unsigned verbosity)
{
    struct probe p = {.timeout_s = 5};
    struct answer a = {.status = 0};
    struct sigaction on_alarm = {.sa_handler = on_deadline};
    struct itimerval timer = {.it_value = {.tv_sec = 0}};
    struct err err = {0};
    int rv = read_arguments(&p, argc, argv);

    (void)verbosity;
    if (rv)
        return rv;
    sigaction(SIGALRM, &on_alarm, NULL);
    timer.it_value.tv_sec = (time_t)p.timeout_s;
    setitimer(ITIMER_REAL, &timer, NULL);
    buf_init(&a.body, BODY);
    if (ask(&p, p.asks_state ? "/v1/status" : p.live ? "/livez" : "/readyz", &a, &err)) {
        rv = judge(&p, &a);
    } else {
        printf("probe: %s\n", err.text);
        rv = 1;
    }
    buf_fini(&a.body);
    return rv;
}
