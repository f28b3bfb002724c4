#include "format/http_frame.h"

#include "format/uri.h"

/* What a head says about its body's length, after the refusals that both directions share. */
struct framing {
    bool chunked;
    bool has_length;
    bool too_long; /* the length is a plain number over the limit */
    uint64_t length;
};

/* The head's direction decides what an error carries. */
static bool refuse(struct err *err, bool response, enum err_code code, int status, const char *text)
{
    if (response)
        err_set_stage(err, code, STAGE_HEAD, "response head: %s", text);
    else
        err_set_http(err, code, status, "request head: %s", text);
    return false;
}

static bool is_digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* RFC 9112 sections 6.1 to 6.3. */
static bool read_framing(const struct http_head *head, bool response, uint64_t limit,
                         struct framing *out, struct err *err)
{
    size_t from = 0;
    const struct http_field *coding = http_head_next(head, SLICE("Transfer-Encoding"), &from);
    bool codings = coding && http_head_next(head, SLICE("Transfer-Encoding"), &from);
    const struct http_field *length, *second;

    from = 0;
    length = http_head_next(head, SLICE("Content-Length"), &from);
    second = length ? http_head_next(head, SLICE("Content-Length"), &from) : NULL;
    memset(out, 0, sizeof *out);
    if (coding && length)
        return refuse(err, response, ERR_SYNTAX, 400, "both Transfer-Encoding and Content-Length");
    if (coding && head->minor == 0)
        return refuse(err, response, ERR_SYNTAX, 400, "Transfer-Encoding in HTTP/1.0");
    if (coding && (codings || !slice_eq_nocase(coding->value, SLICE("chunked"))))
        return refuse(err, response, ERR_SYNTAX, 501,
                      "a Transfer-Encoding other than a single \"chunked\"");
    if (second)
        return refuse(err, response, ERR_SYNTAX, 400, "more than one Content-Length");
    if (length && !is_digits(length->value))
        return refuse(err, response, ERR_SYNTAX, 400, "Content-Length is not a plain number");
    out->chunked = coding != NULL;
    out->has_length = length != NULL;
    out->too_long = length && !slice_to_u64(length->value, limit, &out->length);
    return true;
}

/* RFC 9112 section 9.3. */
static bool persists(const struct http_head *head)
{
    if (http_head_lists(head, SLICE("Connection"), SLICE("close")))
        return false;
    return head->minor > 0 || http_head_lists(head, SLICE("Connection"), SLICE("keep-alive"));
}

/* RFC 3986 section 3.2.2: a registered name, which an IPv4 address is, too. */
static bool is_reg_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        uint64_t byte;

        if (c == '%') {
            if (s.n - i < 3 || !slice_hex_to_u64(slice_make(s.p + i + 1, 2), &byte))
                return false;
            i += 2;
        } else if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
                   (c == '\0' || !strchr("-._~!$&'()*+,;=", c))) {
            return false;
        }
    }
    return s.n > 0 && s.n <= LIMIT_HOST;
}

/* uri-host [ ":" port ], RFC 9110 section 7.2; the port may be empty. */
static bool is_host(struct slice s)
{
    struct slice host = s, port;
    const char *end;
    uint64_t number;

    if (s.n > 0 && s.p[0] == '[') {
        end = memchr(s.p, ']', s.n);
        if (!end)
            return false;
        host = slice_make(s.p + 1, (size_t)(end - s.p) - 1);
        if (host.n == 0 || !memchr(host.p, ':', host.n) || !uri_is_ip(host))
            return false;
        end++;
    } else {
        end = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
        if (!end)
            return is_reg_name(s);
        host.n = (size_t)(end - s.p);
        if (!is_reg_name(host))
            return false;
    }
    port = slice_make(end, s.n - (size_t)(end - s.p));
    if (port.n == 0)
        return true;
    if (port.p[0] != ':')
        return false;
    port.p++;
    port.n--;
    return port.n == 0 || slice_to_u64(port, 65535, &number);
}

static bool check_host(const struct http_head *head, struct err *err)
{
    size_t from = 0;
    const struct http_field *host = http_head_next(head, SLICE("Host"), &from);

    if (!host && head->minor > 0)
        return refuse(err, false, ERR_SYNTAX, 400, "no Host");
    if (host && http_head_next(head, SLICE("Host"), &from))
        return refuse(err, false, ERR_SYNTAX, 400, "more than one Host");
    if (host && !is_host(host->value))
        return refuse(err, false, ERR_SYNTAX, 400, "Host is not a host and port");
    return true;
}

static bool check_expect(const struct http_head *head, bool *expects, struct err *err)
{
    const struct http_field *field;
    size_t from = 0;

    *expects = false;
    while ((field = http_head_next(head, SLICE("Expect"), &from))) {
        struct slice rest = field->value, item;

        while (slice_next_element(&rest, &item)) {
            if (!slice_eq_nocase(item, SLICE("100-continue")))
                return refuse(err, false, ERR_SYNTAX, 417, "an unknown expectation");
            *expects = true;
        }
    }
    return true;
}

bool http_frame_request(const struct http_head *head, struct http_frame *out, struct err *err)
{
    struct framing framing;
    bool expects;

    memset(out, 0, sizeof *out);
    if (!read_framing(head, false, LIMIT_REQUEST_BODY, &framing, err) || !check_host(head, err) ||
        !check_expect(head, &expects, err))
        return false;
    if (framing.too_long)
        return refuse(err, false, ERR_LIMIT, 413, "the body is larger than allowed");
    if (framing.chunked)
        out->kind = HTTP_BODY_CHUNKED;
    else if (framing.has_length)
        out->kind = HTTP_BODY_LENGTH;
    out->length = framing.length;
    out->keep_alive = persists(head);
    /* HTTP/1.0 knows no interim responses, and without content there is nothing to wait with. */
    out->expect_continue = expects && head->minor > 0 && (framing.chunked || framing.length > 0);
    return true;
}

bool http_frame_response(const struct http_head *head, bool to_head, struct http_frame *out,
                         struct err *err)
{
    bool interim = head->status < 200;
    struct framing framing;

    memset(out, 0, sizeof *out);
    if (!read_framing(head, true, LIMIT_RESPONSE_BODY, &framing, err))
        return false;
    if (head->status == 101)
        return refuse(err, true, ERR_SYNTAX, 0, "it switches protocols, which nobody asked for");
    out->keep_alive = persists(head);
    if (interim || head->status == 204) {
        /* A sender that announces content where none can be may send it all the same. */
        if (framing.chunked || framing.too_long || framing.length > 0)
            out->keep_alive = false;
        return true;
    }
    if (to_head || head->status == 304)
        return true;
    if (framing.too_long)
        return refuse(err, true, ERR_LIMIT, 0, "the body is larger than allowed");
    out->length = framing.length;
    if (framing.chunked) {
        out->kind = HTTP_BODY_CHUNKED;
    } else if (framing.has_length) {
        out->kind = HTTP_BODY_LENGTH;
    } else {
        out->kind = HTTP_BODY_UNTIL_CLOSE;
        out->keep_alive = false;
    }
    return true;
}
