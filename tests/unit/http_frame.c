#include "format/http_frame.h"
#include "page.h"
#include "tap.h"

/* What framing says, as one line: kind, length, then k(eep-alive) and e(xpect), or the refusal. */
static const char *framed(struct slice input, bool response, bool to_head)
{
    static const char *const kinds[] = {"none", "length", "chunked", "close"};
    static char text[64];
    static struct http_head head;
    struct page page = page_new(input.n);
    struct http_frame frame = {0};
    struct err err = {0};
    size_t scanned = 0, used;
    enum parse rv = (response ? http_parse_response : http_parse_request)(
        page_put(&page, input), &scanned, &head, &used, &err);

    if (rv != PARSE_DONE)
        snprintf(text, sizeof text, "not a head");
    else if (response ? http_frame_response(&head, to_head, &frame, &err)
                      : http_frame_request(&head, &frame, &err))
        snprintf(text, sizeof text, "%s %" PRIu64 "%s%s%s", kinds[frame.kind], frame.length,
                 frame.keep_alive ? " k" : "", frame.expect_continue ? " e" : "",
                 err_is_set(&err) ? " with an error" : "");
    else if (err.code == ERR_LIMIT || err.code == ERR_SYNTAX)
        snprintf(text, sizeof text, "%s %d%s", err.code == ERR_LIMIT ? "limit" : "syntax",
                 err.status, err.stage == STAGE_HEAD ? " head" : "");
    else
        snprintf(text, sizeof text, "refused without a reason");
    page_free(&page);
    return text;
}

/* Fields of an HTTP/1.1 request that has a Host, too. */
static const struct {
    struct slice fields;
    const char *want;
} requests[] = {
    {SLICE(""), "none 0 k"},

    /* Content-Length. */
    {SLICE("Content-Length: 0\r\n"), "length 0 k"},
    {SLICE("Content-Length: 5\r\n"), "length 5 k"},
    {SLICE("content-LENGTH:\t5 \r\n"), "length 5 k"},
    {SLICE("Content-Length: 0005\r\n"), "length 5 k"},
    {SLICE("Content-Length: 262144\r\n"), "length 262144 k"},
    {SLICE("Content-Length: 262145\r\n"), "limit 413"},
    {SLICE("Content-Length: 18446744073709551616\r\n"), "limit 413"},
    {SLICE("Content-Length: 18446744073709551621\r\n"), "limit 413"},
    {SLICE("Content-Length: 99999999999999999999999999999999999999999\r\n"), "limit 413"},
    {SLICE("Content-Length:\r\n"), "syntax 400"},
    {SLICE("Content-Length: +5\r\n"), "syntax 400"},
    {SLICE("Content-Length: -5\r\n"), "syntax 400"},
    {SLICE("Content-Length: -0\r\n"), "syntax 400"},
    {SLICE("Content-Length: 0x5\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5h\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5.0\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5 5\r\n"), "syntax 400"},
    {SLICE("Content-Length: 1_0\r\n"), "syntax 400"},
    {SLICE("Content-Length: \"5\"\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5;a\r\n"), "syntax 400"},
    {SLICE("Content-Length: \xef\xbc\x95\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5, 5\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5,5\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5,\r\n"), "syntax 400"},
    {SLICE("Content-Length: ,5\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5, 6\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5\r\nContent-Length: 5\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5\r\nContent-Length: 6\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5\r\nA: b\r\nCONTENT-LENGTH:\r\n"), "syntax 400"},
    {SLICE("Content_Length: 5\r\n"), "none 0 k"},
    {SLICE("Content-Length-: 5\r\n"), "none 0 k"},

    /* Transfer-Encoding. */
    {SLICE("Transfer-Encoding: chunked\r\n"), "chunked 0 k"},
    {SLICE("transfer-encoding:ChUnKeD\t\r\n"), "chunked 0 k"},
    {SLICE("Transfer-Encoding:\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: identity\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: gzip\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: gzip, chunked\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked, gzip\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked, chunked\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked,\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: ,chunked\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked;foo\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked foo\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: \"chunked\"\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: xchunked\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunke\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked\xa0\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n"), "syntax 501"},
    {SLICE("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "syntax 400"},
    {SLICE("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "syntax 400"},
    {SLICE("Content-Length: 0\r\nTransfer-Encoding: gzip\r\n"), "syntax 400"},
    {SLICE("Content-Length: x\r\nTransfer-Encoding:\r\n"), "syntax 400"},

    /* Connection. */
    {SLICE("Connection: close\r\n"), "none 0"},
    {SLICE("Connection: CLOSE\r\n"), "none 0"},
    {SLICE("Connection: foo , close,bar\r\n"), "none 0"},
    {SLICE("Connection: keep-alive\r\nConnection: close\r\n"), "none 0"},
    {SLICE("Connection: keep-alive, close\r\n"), "none 0"},
    {SLICE("Connection: closed\r\n"), "none 0 k"},
    {SLICE("Connection: keep-alive\r\n"), "none 0 k"},

    /* Expect. */
    {SLICE("Expect: 100-continue\r\nContent-Length: 5\r\n"), "length 5 k e"},
    {SLICE("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n"), "chunked 0 k e"},
    {SLICE("Expect: 100-continue\r\n"), "none 0 k"},
    {SLICE("Expect: 100-continue\r\nContent-Length: 0\r\n"), "length 0 k"},
    {SLICE("Expect: 100-continue\r\nContent-Length: 999999999\r\n"), "limit 413"},
    {SLICE("Expect: 200-ok\r\n"), "syntax 417"},
    {SLICE("Expect: 100-continue, x\r\nContent-Length: 5\r\n"), "syntax 417"},
    {SLICE("Expect: 100-continue\r\nExpect: x\r\nContent-Length: 5\r\n"), "syntax 417"},
    {SLICE("Expect: 100-continue;q=1\r\nContent-Length: 5\r\n"), "syntax 417"},

    {SLICE("Host: b\r\n"), "syntax 400"},
    {SLICE("hOST:\r\n"), "syntax 400"},
};

/* Whole heads: other versions, and those of which the Host is looked at. */
static const struct {
    struct slice head;
    const char *want;
} heads[] = {
    {SLICE("GET / HTTP/1.1\r\n\r\n"), "syntax 400"},
    {SLICE("GET http://a/ HTTP/1.1\r\n\r\n"), "syntax 400"},
    {SLICE("GET / HTTP/1.0\r\n\r\n"), "none 0"},
    {SLICE("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "none 0 k"},
    {SLICE("GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n"), "none 0"},
    {SLICE("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n"), "length 5"},
    {SLICE("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"), "length 5"},
    {SLICE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), "syntax 400"},
    {SLICE("POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n"), "syntax 400"},
    {SLICE("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), "syntax 400"},
    {SLICE("GET / HTTP/1.0\r\nHost:\r\n\r\n"), "syntax 400"},
    {SLICE("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), "none 0"},
};

static const struct {
    struct slice host;
    bool good;
} hosts[] = {
    {SLICE("a"), true},
    {SLICE("License.Example.COM"), true},
    {SLICE("a.example.:443"), true},
    {SLICE("a_b-c~d"), true},
    {SLICE("a%41b"), true},
    {SLICE("10.0.0.1:8443"), true},
    {SLICE("a:"), true},
    {SLICE("a:0"), true},
    {SLICE("a:65535"), true},
    {SLICE("[::1]"), true},
    {SLICE("[2001:db8::1]:8443"), true},
    {SLICE("[::ffff:10.0.0.1]"), true},
    {SLICE(""), false},
    {SLICE(":443"), false},
    {SLICE("a:65536"), false},
    {SLICE("a:99999999999999999999"), false},
    {SLICE("a:+1"), false},
    {SLICE("a:1:2"), false},
    {SLICE("a:b"), false},
    {SLICE("a: 1"), false},
    {SLICE("a b"), false},
    {SLICE("a, b"), false},
    {SLICE("a/b"), false},
    {SLICE("a?b"), false},
    {SLICE("a@b"), false},
    {SLICE("http://a"), false},
    {SLICE("a\\b"), false},
    {SLICE("a\"b"), false},
    {SLICE("a%4"), false},
    {SLICE("a%4g"), false},
    {SLICE("\xc3\xa9"), false},
    {SLICE("::1"), false},
    {SLICE("[::1"), false},
    {SLICE("[]"), false},
    {SLICE("[::1]x"), false},
    {SLICE("[::1]x:1"), false},
    {SLICE("[::1]:x"), false},
    {SLICE("[10.0.0.1]"), false},
    {SLICE("[a]"), false},
    {SLICE("[:::1]"), false},
    {SLICE("[fe80::1%eth0]"), false},
    {SLICE("[v1.a]"), false},
};

static const struct {
    struct slice head;
    const char *want, *to_head; /* for GET and for HEAD */
} responses[] = {
    {SLICE("HTTP/1.1 200 OK\r\n\r\n"), "close 0", "none 0 k"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), "length 5 k", "none 0 k"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "length 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"), "length 5",
     "none 0"},
    {SLICE("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"), "length 5", "none 0"},
    {SLICE("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"), "length 5 k",
     "none 0 k"},
    {SLICE("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"), "close 0", "none 0 k"},
    {SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "chunked 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"), "length 1048576 k", "none 0 k"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"), "limit 0 head", "none 0 k"},
    {SLICE("HTTP/1.1 304 x\r\nContent-Length: 1048577\r\n\r\n"), "none 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n"), "none 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 304 x\r\n\r\n"), "none 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 204 x\r\n\r\n"), "none 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n"), "none 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n"), "none 0", "none 0"},
    {SLICE("HTTP/1.1 204 x\r\nContent-Length: 9999999\r\n\r\n"), "none 0", "none 0"},
    {SLICE("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n"), "none 0", "none 0"},
    {SLICE("HTTP/1.1 100 x\r\n\r\n"), "none 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 103 x\r\nLink: a\r\n\r\n"), "none 0 k", "none 0 k"},
    {SLICE("HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n"), "syntax 0 head", "syntax 0 head"},
    {SLICE("HTTP/1.1 205 x\r\n\r\n"), "close 0", "none 0 k"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
     "syntax 0 head", "syntax 0 head"},
    {SLICE("HTTP/1.1 204 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"),
     "syntax 0 head", "syntax 0 head"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"), "syntax 0 head",
     "syntax 0 head"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n"), "syntax 0 head", "syntax 0 head"},
    {SLICE("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n"), "syntax 0 head", "syntax 0 head"},
    {SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), "syntax 0 head",
     "syntax 0 head"},
    {SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"),
     "syntax 0 head", "syntax 0 head"},
    {SLICE("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "syntax 0 head",
     "syntax 0 head"},
};

static void check_host(struct slice host, bool good)
{
    char text[512];
    int n =
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %.*s\r\n\r\n", (int)host.n, host.p);
    bool taken = strcmp(framed(slice_make(text, (size_t)n), false, false), "none 0 k") == 0;

    ok(taken == good, "%s Host: %s", good ? "good" : "bad", page_show(host));
}

int main(void)
{
    char text[1024];

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct slice f = requests[i].fields;
        int n =
            snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%.*s\r\n", (int)f.n, f.p);

        is_str(framed(slice_make(text, (size_t)n), false, false), requests[i].want, page_show(f));
    }
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        is_str(framed(heads[i].head, false, false), heads[i].want, page_show(heads[i].head));
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        check_host(hosts[i].host, hosts[i].good);
    memset(text, 'a', sizeof text);
    check_host(slice_make(text, LIMIT_HOST), true);
    check_host(slice_make(text, LIMIT_HOST + 1), false);
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        is_str(framed(responses[i].head, true, false), responses[i].want,
               page_show(responses[i].head));
        is_str(framed(responses[i].head, true, true), responses[i].to_head, "the same to HEAD");
    }
    return done_testing();
}
