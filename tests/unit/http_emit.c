#include "format/http_emit.h"
#include "page.h"
#include "tap.h"

static bool holds(struct buf *b, const char *want)
{
    bool same = slice_eq(buf_slice(b), slice_of(want));

    buf_clear(b);
    return same;
}

/* Whether it was refused and left nothing. */
static bool refused(bool rv, struct buf *b)
{
    bool empty = b->len == 0;

    buf_clear(b);
    return !rv && empty;
}

static void check_lines(struct buf *b)
{
    ok(http_emit_status_line(b, 200, SLICE("")) && holds(b, "HTTP/1.1 200 OK\r\n"),
       "a status line with the standard reason");
    ok(http_emit_status_line(b, 200, SLICE("Fine \xe9")) && holds(b, "HTTP/1.1 200 Fine \xe9\r\n"),
       "and with the upstream's own");
    ok(http_emit_status_line(b, 299, SLICE("")) && holds(b, "HTTP/1.1 299 \r\n"),
       "and with none known: the space stays");
    ok(refused(http_emit_status_line(b, 200, SLICE("a\r\nB: c")), b), "no reason forges a field");
    ok(refused(http_emit_status_line(b, 99, SLICE("")), b) &&
           refused(http_emit_status_line(b, 600, SLICE("")), b),
       "nor is there such a status");
    ok(http_emit_request_line(b, SLICE("POST"), SLICE("/base"), SLICE("/a?b")) &&
           holds(b, "POST /base/a?b HTTP/1.1\r\n"),
       "a request line");
    ok(http_emit_request_line(b, SLICE("GET"), SLICE(""), SLICE("/")) &&
           holds(b, "GET / HTTP/1.1\r\n"),
       "and without a prefix");
    ok(refused(http_emit_request_line(b, SLICE("G T"), SLICE(""), SLICE("/")), b) &&
           refused(http_emit_request_line(b, SLICE(""), SLICE(""), SLICE("/")), b),
       "a method is a token");
    ok(refused(http_emit_request_line(b, SLICE("GET"), SLICE(""), SLICE("")), b),
       "a target is not empty");
    ok(refused(http_emit_request_line(b, SLICE("GET"), SLICE("/ "), SLICE("a")), b) &&
           refused(http_emit_request_line(b, SLICE("GET"), SLICE("/"), SLICE("a\r\n")), b) &&
           refused(http_emit_request_line(b, SLICE("GET"), SLICE("/"), SLICE("\xff")), b),
       "a target has no spaces, line ends or high bytes");
    ok(http_emit_end(b) && holds(b, "\r\n"), "the empty line");
}

static void check_fields(struct buf *b)
{
    char long_value[2000];

    ok(http_emit_field(b, "A-b", SLICE("c d\t\xff")) && holds(b, "A-b: c d\t\xff\r\n"), "a field");
    ok(http_emit_field(b, "A", SLICE("")) && holds(b, "A: \r\n"), "an empty field");
    ok(http_emit_field(b, "A", slice_make(NULL, 0)) && holds(b, "A: \r\n"), "without any bytes");
    ok(refused(http_emit_field(b, "A", SLICE("b\r\nC: d")), b) &&
           refused(http_emit_field(b, "A", SLICE("b\n")), b) &&
           refused(http_emit_field(b, "A", SLICE("\0")), b) &&
           refused(http_emit_field(b, "A", SLICE("\x7f")), b),
       "no value breaks out of its line");
    ok(refused(http_emit_field(b, "", SLICE("b")), b) &&
           refused(http_emit_field(b, "A:", SLICE("b")), b) &&
           refused(http_emit_field(b, "A ", SLICE("b")), b),
       "a name is a token");
    ok(http_emit_fieldf(b, "Age", "%d; x=%s", 12, "y") && holds(b, "Age: 12; x=y\r\n"),
       "a field by format");
    ok(http_emit_fieldf(b, "A", "%s", "") && holds(b, "A: \r\n"), "an empty one by format");
    ok(refused(http_emit_fieldf(b, "A", "b%sc", "\r\n"), b) &&
           refused(http_emit_fieldf(b, "A ", "b"), b),
       "is held to the same");
    memset(long_value, 'x', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = '\0';
    ok(http_emit_fieldf(b, "A", "%s", long_value) && b->len == sizeof long_value - 1 + 5,
       "a long value is whole");
    buf_clear(b);
    ok(http_emit_length(b, 0) && holds(b, "Content-Length: 0\r\n"), "a length of nothing");
    ok(http_emit_length(b, SIZE_MAX) && holds(b, "Content-Length: 18446744073709551615\r\n"),
       "the largest length");
}

static void check_bounds(void)
{
    for (size_t max = 0; max < 32; max++) {
        struct buf b;
        bool fits = max >= strlen("Some: value\r\n");

        buf_init(&b, max);
        ok(http_emit_field(&b, "Some", SLICE("value")) == fits && b.len == (fits ? 13u : 0),
           "a field in %zu bytes", max);
        buf_clear(&b);
        ok(http_emit_fieldf(&b, "Some", "%s", "value") == fits && b.len == (fits ? 13u : 0),
           "and by format");
        buf_clear(&b);
        ok(http_emit_status_line(&b, 200, SLICE("")) == (max >= 17) && b.len <= max,
           "and a status line");
        buf_clear(&b);
        ok(http_emit_request_line(&b, SLICE("GET"), SLICE("/"), SLICE("a")) == (max >= 17),
           "and a request line");
        buf_clear(&b);
        ok(http_emit_end(&b) == (max >= 2), "and the empty line");
        buf_fini(&b);
    }
}

static void parse(const char *fields, struct http_head *head)
{
    static char text[4096];
    size_t scanned = 0, used;
    int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n", fields);

    if (http_parse_request(slice_make(text, (size_t)n), &scanned, head, &used, NULL) != PARSE_DONE)
        abort();
}

static void check_hop_by_hop(void)
{
    static const char *const hop[] = {
        "Connection",
        "keep-ALIVE",
        "Proxy-Connection",
        "Proxy-Authenticate",
        "TE",
        "trailer",
        "Proxy-Authorization",
        "Proxy-Authentication-Info",
        "Upgrade",
        "HTTP2-Settings",
        "Transfer-Encoding",
        "Content-Length",
        "X-Named",
        "x-also",
        "X-Third",
    };
    static const char *const end[] = {
        "Host", "Authorization", "Cache-Control", "Content-Type", "Content-Encoding", "Via", "Date",
        "Age",  "X-Other",       "Set-Cookie",    "TEA",          "Warning",
    };
    struct http_head head;

    parse("Connection: close, X-Named\r\nA: b\r\nconnection: x-ALSO,,\"q\", X-Third , Host,\r\n"
          "Connection: Authorization,Cache-Control,Content-Type,Content-Encoding,Via,Date,Age\r\n",
          &head);
    for (size_t i = 0; i < sizeof hop / sizeof hop[0]; i++)
        ok(http_emit_is_hop_by_hop(&head, slice_of(hop[i])), "%s stays on its hop", hop[i]);
    for (size_t i = 0; i < sizeof end / sizeof end[0]; i++)
        ok(!http_emit_is_hop_by_hop(&head, slice_of(end[i])), "%s is forwarded", end[i]);
}

static void check_forwarded(struct buf *b)
{
    static const char *const skip[] = {"HOST", "Via", NULL};
    struct http_head head;

    parse("Host: a\r\nzZ:  1 \r\nConnection: X-a\r\nX-A: 2\r\nB: 3\r\nB: 4\r\nVia: 5\r\n"
          "Transfer-Encoding: chunked\r\nC:\r\n",
          &head);
    ok(http_emit_forwarded(b, &head, skip) && holds(b, "zZ: 1\r\nB: 3\r\nB: 4\r\nC: \r\n"),
       "what is forwarded, in its order and spelling");
    ok(http_emit_forwarded(b, &head, NULL) &&
           holds(b, "Host: a\r\nzZ: 1\r\nB: 3\r\nB: 4\r\nVia: 5\r\nC: \r\n"),
       "with nothing skipped");
    for (size_t max = 0; max < 24; max++) {
        struct buf small;

        buf_init(&small, max);
        ok(!http_emit_forwarded(&small, &head, skip) && small.len <= max, "in %zu bytes", max);
        buf_fini(&small);
    }
}

static void check_reasons(void)
{
    is_str(http_emit_reason(431), "Request Header Fields Too Large", "a reason");
    is_str(http_emit_reason(508), "Loop Detected", "the last one");
    is_str(http_emit_reason(306), "", "none for a status without one");
    for (unsigned status = 0; status < 1000; status++)
        if (!http_is_field_value(slice_of(http_emit_reason(status))))
            ok(false, "the reason of %u", status);
}

int main(void)
{
    struct buf b;

    buf_init(&b, 4096);
    check_lines(&b);
    check_fields(&b);
    check_bounds();
    check_hop_by_hop();
    check_forwarded(&b);
    check_reasons();
    buf_fini(&b);
    return done_testing();
}
