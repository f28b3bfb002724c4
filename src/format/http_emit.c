#include "format/http_emit.h"

#include <stdarg.h>
#include <stdio.h>

const char *http_emit_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {305, "Use Proxy"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {425, "Too Early"}, /* RFC 8470 */
        {426, "Upgrade Required"},
        {429, "Too Many Requests"}, /* RFC 6585, as 431 */
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {508, "Loop Detected"}, /* RFC 5842 */
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* Writes the digits before end: how many. */
static size_t write_decimal(char *end, size_t n)
{
    char *p = end;

    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return (size_t)(end - p);
}

bool http_emit_status_line(struct buf *out, unsigned status, struct slice reason)
{
    char line[13];

    if (status < 100 || status > 599 || !http_is_field_value(reason))
        return false;
    if (reason.n == 0)
        reason = slice_of(http_emit_reason(status));
    memcpy(line, "HTTP/1.1 ", 9);
    write_decimal(line + 12, status);
    line[12] = ' ';
    return buf_append(out, line, sizeof line) && buf_append_slice(out, reason) &&
           buf_append_string(out, "\r\n");
}

static bool is_target_part(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

bool http_emit_request_line(struct buf *out, struct slice method, struct slice prefix,
                            struct slice rest)
{
    if (!http_is_token(method) || prefix.n + rest.n == 0 || !is_target_part(prefix) ||
        !is_target_part(rest))
        return false;
    return buf_append_slice(out, method) && buf_append_string(out, " ") &&
           buf_append_slice(out, prefix) && buf_append_slice(out, rest) &&
           buf_append_string(out, " HTTP/1.1\r\n");
}

static bool append_field(struct buf *out, struct slice name, struct slice value)
{
    uint8_t *to = buf_reserve(out, name.n + value.n + 4);

    if (!to)
        return false;
    memcpy(to, name.p, name.n);
    to += name.n;
    memcpy(to, ": ", 2);
    to += 2;
    if (value.n > 0)
        memcpy(to, value.p, value.n);
    memcpy(to + value.n, "\r\n", 2);
    buf_commit(out, name.n + value.n + 4);
    return true;
}

static bool emit_field(struct buf *out, struct slice name, struct slice value)
{
    return http_is_token(name) && http_is_field_value(value) && append_field(out, name, value);
}

bool http_emit_field(struct buf *out, const char *name, struct slice value)
{
    return emit_field(out, slice_of(name), value);
}

bool http_emit_fieldf(struct buf *out, const char *name, const char *fmt, ...)
{
    struct slice key = slice_of(name);
    va_list ap;
    uint8_t *to;
    char *value;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !http_is_token(key))
        return false;
    to = buf_reserve(out, key.n + (size_t)n + 4);
    if (!to)
        return false;
    /* Written in place; the NUL falls where CRLF comes. */
    value = (char *)to + key.n + 2;
    va_start(ap, fmt);
    vsnprintf(value, (size_t)n + 1, fmt, ap);
    va_end(ap);
    if (!http_is_field_value(slice_make(value, (size_t)n)))
        return false;
    memcpy(to, key.p, key.n);
    memcpy(to + key.n, ": ", 2);
    memcpy(value + n, "\r\n", 2);
    buf_commit(out, key.n + (size_t)n + 4);
    return true;
}

bool http_emit_length(struct buf *out, size_t n)
{
    char digits[20];
    size_t count = write_decimal(digits + sizeof digits, n);

    return emit_field(out, SLICE("Content-Length"),
                      slice_make(digits + sizeof digits - count, count));
}

bool http_emit_end(struct buf *out)
{
    return buf_append_string(out, "\r\n");
}

/* names ends with NULL and may itself be NULL. Most differ in their first letter. */
static bool is_among(struct slice name, const char *const *names)
{
    for (; names && *names; names++)
        if (((name.p[0] ^ **names) & ~('a' ^ 'A')) == 0 && slice_eq_nocase(name, slice_of(*names)))
            return true;
    return false;
}

static bool is_always_dropped(struct slice name)
{
    static const char *const always[] = {
        "Connection",
        "Content-Length",
        "HTTP2-Settings",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authentication-Info",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        NULL,
    };

    return is_among(name, always);
}

/* Connection names it, and may. */
static bool is_named(const struct http_head *head, struct slice name)
{
    static const char *const never[] = {
        "Age",          "Authorization", "Cache-Control", "Content-Encoding",
        "Content-Type", "Date",          "Host",          "Via",
        NULL,
    };

    return http_head_lists(head, SLICE("Connection"), name) && !is_among(name, never);
}

bool http_emit_is_hop_by_hop(const struct http_head *head, struct slice name)
{
    return is_always_dropped(name) || is_named(head, name);
}

/* Whether Connection names anything that isn't dropped anyway. */
static bool names_more(const struct http_head *head)
{
    const struct http_field *f;
    size_t from = 0;

    while ((f = http_head_next(head, SLICE("Connection"), &from)))
        if (!slice_eq_nocase(f->value, SLICE("keep-alive")))
            return true;
    return false;
}

bool http_emit_forwarded(struct buf *out, const struct http_head *head, const char *const *skip)
{
    bool more = names_more(head);

    for (size_t i = 0; i < head->field_count; i++) {
        const struct http_field *f = &head->fields[i];

        if (is_among(f->name, skip) || is_always_dropped(f->name) ||
            (more && is_named(head, f->name)))
            continue;
        /* What the parser took is a name and a value. */
        if (!append_field(out, f->name, f->value))
            return false;
    }
    return true;
}
