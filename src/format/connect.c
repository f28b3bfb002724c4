/*
 * The answer is parsed by http_parse, whose errors are told again here with the proxy's name: to
 * its user a malformed answer of the proxy is not one of the license server.
 *
 * What a proxy sends is shown in errors, and a proxy may well send back what it was sent. So a
 * reason phrase that holds the user, the password or both as they went over the wire isn't shown.
 */
#include "format/connect.h"

#include "format/http_emit.h"

#include <stdio.h>

/* Longest part of the proxy's own words in an error. */
#define WORDS_SIZE 81

static const char no_memory[] = "out of memory for the request to the egress proxy";

static bool has_credentials(const struct connect *c)
{
    return c->user && secret_is_set(c->user);
}

/* "user:password" as one sequence of bytes, of which no copy is made. */
struct credentials {
    const struct secret *user, *password;
};

static size_t credentials_size(const struct credentials *cr)
{
    return cr->user->size + 1 + cr->password->size;
}

static unsigned credentials_byte(const struct credentials *cr, size_t i)
{
    if (i < cr->user->size)
        return (unsigned char)cr->user->data[i];
    if (i == cr->user->size)
        return ':';
    return (unsigned char)cr->password->data[i - cr->user->size - 1];
}

/* Base64 (RFC 4648 section 4), straight into the buffer. */
static bool emit_credentials(const struct connect *c, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const struct secret empty = {(char *)"", 0};
    struct credentials cr = {c->user, &empty};
    size_t size;
    char four[4];
    bool done = true;

    if (c->password && secret_is_set(c->password))
        cr.password = c->password;
    size = credentials_size(&cr);
    for (size_t i = 0; i < size && done; i += 3) {
        unsigned bits = credentials_byte(&cr, i) << 16;

        if (i + 1 < size)
            bits |= credentials_byte(&cr, i + 1) << 8;
        if (i + 2 < size)
            bits |= credentials_byte(&cr, i + 2);
        four[0] = digits[bits >> 18];
        four[1] = digits[bits >> 12 & 63];
        four[2] = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        four[3] = i + 2 < size ? digits[bits & 63] : '=';
        done = buf_append(out, four, sizeof four);
        secret_wipe(&bits, sizeof bits);
    }
    secret_wipe(four, sizeof four);
    return done;
}

/* Nothing that could end the request line or the field, or that takes part in the syntax. */
static bool is_host(const char *host)
{
    if (host[0] == '\0')
        return false;
    for (const char *p = host; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("/?#@[]", *p))
            return false;
    return true;
}

bool connect_start(struct connect *c, struct buf *out, struct err *err)
{
    bool v6 = strchr(c->host, ':') != NULL;
    const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";
    bool done;

    if (!is_host(c->host)) {
        err_set_stage(err, ERR_SYNTAX, STAGE_PROXY, "not a host that a proxy can be asked for");
        return false;
    }
    done = buf_appendf(out, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n", open, c->host,
                       close, c->port, open, c->host, close, c->port);
    if (done && has_credentials(c))
        done = buf_append_string(out, "Proxy-Authorization: Basic ") && emit_credentials(c, out) &&
               buf_append_string(out, "\r\n");
    done = done && buf_append_string(out, "User-Agent: license-proxy\r\n\r\n");
    if (!done)
        err_set_stage(err, ERR_MEMORY, STAGE_PROXY, no_memory);
    return done;
}

static bool holds(struct slice s, const char *data, size_t size)
{
    return size > 0 && slice_contains(s, slice_make(data, size));
}

/* Whether the proxy's words give away what it was sent. */
static bool tells_secret(const struct connect *c, struct slice words)
{
    struct buf sent;
    bool tells;

    if (!has_credentials(c))
        return false;
    if (holds(words, c->user->data, c->user->size) ||
        (c->password && secret_is_set(c->password) &&
         holds(words, c->password->data, c->password->size)))
        return true;
    buf_init(&sent, LIMIT_HEAD);
    tells = !emit_credentials(c, &sent) || holds(words, (const char *)sent.data, sent.len);
    buf_wipe(&sent);
    return tells;
}

/* " Reason Phrase" for showing: printable, cut; "" if there is nothing to show. */
static void show_reason(const struct connect *c, const struct http_head *head, char out[WORDS_SIZE])
{
    struct slice reason = slice_trim(head->reason);
    size_t n = 0;

    if (reason.n == 0 || tells_secret(c, reason))
        reason = slice_of(http_emit_reason(head->status));
    if (reason.n > 0)
        out[n++] = ' ';
    for (size_t i = 0; i < reason.n && n < WORDS_SIZE - 1; i++) {
        unsigned char byte = (unsigned char)reason.p[i];

        out[n++] = byte >= ' ' && byte < 0x7f ? (char)byte : '?';
    }
    out[n] = '\0';
}

/*
 * The scheme of a challenge (RFC 9110 section 11.3), if this element of the list begins one: the
 * others are further parameters of the challenge before.
 */
static bool challenge_scheme(struct slice element, struct slice *scheme)
{
    size_t n = 0;

    while (n < element.n && element.p[n] != ' ' && element.p[n] != '\t')
        n++;
    *scheme = slice_make(element.p, n);
    element = slice_trim(slice_make(element.p + n, element.n - n));
    return http_is_token(*scheme) && !(element.n > 0 && element.p[0] == '=');
}

/* "Basic, NTLM", cut between two; "" if the proxy names none. Returns whether Basic is among all.
 */
static bool show_schemes(const struct connect *c, const struct http_head *head,
                         char out[WORDS_SIZE])
{
    const struct http_field *field;
    bool basic = false;
    size_t from = 0, n = 0;

    while ((field = http_head_next(head, SLICE("Proxy-Authenticate"), &from))) {
        struct slice rest = field->value, element, scheme;

        while (slice_next_element(&rest, &element)) {
            if (!challenge_scheme(element, &scheme) || tells_secret(c, scheme))
                continue;
            basic = basic || slice_eq_nocase(scheme, SLICE("Basic"));
            if (n + 2 + scheme.n >= WORDS_SIZE)
                continue;
            if (n > 0) {
                memcpy(out + n, ", ", 2);
                n += 2;
            }
            memcpy(out + n, scheme.p, scheme.n);
            n += scheme.n;
        }
    }
    out[n] = '\0';
    return basic;
}

static void refuse_credentials(const struct connect *c, const struct http_head *head,
                               const char *reason, struct err *err)
{
    char schemes[WORDS_SIZE];
    bool basic = show_schemes(c, head, schemes);

    if (schemes[0] && !basic)
        err_set_stage(err, ERR_UNREACHABLE, STAGE_PROXY,
                      "egress proxy %s (%s) asks for authentication (407%s), but offers only %s "
                      "and not Basic: allow Basic, or this host without authentication, at the "
                      "proxy",
                      c->proxy, c->source, reason, schemes);
    else if (has_credentials(c))
        err_set_stage(err, ERR_UNREACHABLE, STAGE_PROXY,
                      "egress proxy %s (%s) refuses the user or the password (407%s%s%s): mend "
                      "them in %s",
                      c->proxy, c->source, reason, schemes[0] ? "; it offers " : "", schemes,
                      c->source);
    else
        err_set_stage(err, ERR_UNREACHABLE, STAGE_PROXY,
                      "egress proxy %s (%s) asks for a user and a password (407%s%s%s): write "
                      "USER:PASSWORD@ before the host in %s",
                      c->proxy, c->source, reason, schemes[0] ? "; it offers " : "", schemes,
                      c->source);
}

/* What a status says to a request for a tunnel, and what to do about it. */
static const struct {
    unsigned status;
    const char *verdict, *mend;
} refusals[] = {
    /* Of tinyproxy, when it was given a wrong password. */
    {401, "asks for the right user and password before a tunnel", "mend them where it is set"},
    {403, "forbids a tunnel", "allow CONNECT to it in the proxy's rules"},
    {404, "finds no such host for a tunnel", "look at the name, and at DNS where the proxy runs"},
    {405, "takes no CONNECT", "is it a forward proxy that allows CONNECT to this port?"},
    {501, "takes no CONNECT", "is it a forward proxy that allows CONNECT to this port?"},
    {502, "got no connection", "look at DNS and at the firewall where the proxy runs"},
    {503, "got no connection", "look at DNS and at the firewall where the proxy runs"},
    {504, "got no connection in time", "look at the firewall where the proxy runs"},
};

static void refuse(const struct connect *c, const struct http_head *head, struct err *err)
{
    char reason[WORDS_SIZE];

    show_reason(c, head, reason);
    if (head->status == 407) {
        refuse_credentials(c, head, reason, err);
        return;
    }
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (refusals[i].status == head->status) {
            err_set_stage(err, ERR_UNREACHABLE, STAGE_PROXY,
                          "egress proxy %s (%s) %s to %s port %u (%u%s): %s", c->proxy, c->source,
                          refusals[i].verdict, c->host, c->port, head->status, reason,
                          refusals[i].mend);
            return;
        }
    }
    err_set_stage(err, ERR_UNREACHABLE, STAGE_PROXY,
                  "egress proxy %s (%s) opens no tunnel to %s port %u: it answered %u%s", c->proxy,
                  c->source, c->host, c->port, head->status, reason);
}

/* The first byte tells another protocol: a TLS alert or handshake (RFC 8446 section 5.1). */
static const char *guess(struct slice input)
{
    if (input.n > 0 && (input.p[0] == 0x15 || input.p[0] == 0x16))
        return "; it seems to speak TLS: write https://";
    return "";
}

static enum parse read_head(struct connect *c, struct slice input, struct http_head *head,
                            size_t *n, struct err *err)
{
    struct err cause = {0};
    enum parse rv = http_parse_response(input, &c->scanned, head, n, &cause);

    if (rv == PARSE_BAD)
        err_set_stage(err, cause.code, STAGE_PROXY,
                      "egress proxy %s (%s) does not answer as an HTTP proxy does (%s)%s", c->proxy,
                      c->source, cause.text, guess(input));
    return rv;
}

enum parse connect_feed(struct connect *c, struct slice input, size_t *used, struct err *err)
{
    struct http_head head;
    enum parse rv;
    size_t n;

    *used = 0;
    if (input.n == 0)
        return PARSE_MORE;
    for (;;) {
        rv = read_head(c, slice_make(input.p + *used, input.n - *used), &head, &n, err);
        if (rv != PARSE_DONE)
            return rv;
        *used += n;
        if (head.status >= 200 && head.status <= 299)
            return PARSE_DONE;
        /* 101 would change to another protocol, which nobody asked for. */
        if (head.status >= 200 || head.status == 101) {
            refuse(c, &head, err);
            return PARSE_BAD;
        }
        if (++c->interim > LIMIT_INTERIM) {
            err_set_stage(err, ERR_LIMIT, STAGE_PROXY,
                          "egress proxy %s (%s) sends interim answers (%u) without end", c->proxy,
                          c->source, head.status);
            return PARSE_BAD;
        }
    }
}

void connect_interrupt(const struct connect *c, enum err_code code, struct err *err)
{
    err_set_stage(
        err, code, STAGE_PROXY,
        "egress proxy %s (%s) %s when it was asked for a tunnel to %s port %u", c->proxy, c->source,
        code == ERR_TIMEOUT ? "gave no answer in time" : "closed the connection", c->host, c->port);
}
