#include "format/connect.h"
#include "page.h"
#include "tap.h"

static struct page page;
static const struct secret user = {(char *)"hunter", 6};
static const struct secret password = {(char *)"topsecret", 9};
/* base64 of "hunter:topsecret" */
#define SENT "aHVudGVyOnRvcHNlY3JldA=="

static struct connect to(const char *host, uint16_t port, bool with_credentials)
{
    return (struct connect){.proxy = "http://proxy.example:3128",
                            .source = "HTTPS_PROXY",
                            .host = host,
                            .port = port,
                            .user = with_credentials ? &user : NULL,
                            .password = with_credentials ? &password : NULL};
}

/* ---- the request --------------------------------------------------------------------------- */

static void check_request(struct connect *c, const char *want, const char *title)
{
    struct err err = {0};
    struct buf out;

    buf_init(&out, LIMIT_HEAD);
    ok(connect_start(c, &out, &err) && !err_is_set(&err), "%s: is written", title);
    if (out.data)
        ok(slice_eq(buf_slice(&out), slice_of(want)), "%s: %s", title, page_show(buf_slice(&out)));
    buf_wipe(&out);
}

static void test_requests(void)
{
    struct connect c = to("license.example.com", 443, false);

    check_request(&c,
                  "CONNECT license.example.com:443 HTTP/1.1\r\nHost: license.example.com:443\r\n"
                  "User-Agent: license-proxy\r\n\r\n",
                  "a name");
    c = to("2001:db8::1", 8443, false);
    check_request(&c,
                  "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n"
                  "User-Agent: license-proxy\r\n\r\n",
                  "an IPv6 address");
    c = to("192.0.2.1", 1, true);
    check_request(&c,
                  "CONNECT 192.0.2.1:1 HTTP/1.1\r\nHost: 192.0.2.1:1\r\n"
                  "Proxy-Authorization: Basic " SENT "\r\nUser-Agent: license-proxy\r\n\r\n",
                  "credentials");
}

/* RFC 4648 section 10's vectors and RFC 7617's examples, as far as a ':' can be cut from them. */
static const struct {
    struct secret user, password;
    const char *base64;
} basics[] = {
    {{(char *)"Aladdin", 7}, {(char *)"open sesame", 11}, "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {{(char *)"test", 4}, {(char *)"123\xc2\xa3", 5}, "dGVzdDoxMjPCow=="},
    {{(char *)"", 0}, {(char *)"", 0}, "Og=="},
    {{(char *)"", 0}, {(char *)"a", 1}, "OmE="},
    {{(char *)"a", 1}, {(char *)"", 0}, "YTo="},
    {{(char *)"a", 1}, {(char *)"b", 1}, "YTpi"},
    {{(char *)"a", 1}, {NULL, 0}, "YTo="},
    {{(char *)"ab", 2}, {(char *)"\xff\xfe\xfd", 3}, "YWI6//79"},
    {{(char *)"ab", 2}, {(char *)">>>?", 4}, "YWI6Pj4+Pw=="},
};

static void test_basic(void)
{
    for (size_t i = 0; i < sizeof basics / sizeof basics[0]; i++) {
        struct connect c = to("h", 1, false);
        char want[200];

        c.user = &basics[i].user;
        c.password = &basics[i].password;
        snprintf(want, sizeof want,
                 "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nProxy-Authorization: Basic %s\r\n"
                 "User-Agent: license-proxy\r\n\r\n",
                 basics[i].base64);
        check_request(&c, want, basics[i].base64);
    }
}

static void test_bad_requests(void)
{
    static const char *const hosts[] = {"",        "a b",    "a\r\nX: y", "a/b",   "a?b",  "u@a",
                                        "a\x7f",   "a\xff",  "[::1]",     "a#b",   "a\tb", "a\n",
                                        "::1 ::2", "a\001b", " a",        "::1\r", "a]"};
    struct connect c;
    struct err err = {0};
    struct buf out;

    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        c = to(hosts[i], 443, true);
        err_clear(&err);
        buf_init(&out, LIMIT_HEAD);
        ok(!connect_start(&c, &out, &err) && err.code == ERR_SYNTAX && err.stage == STAGE_PROXY &&
               out.len == 0,
           "bad host %zu is refused", i);
        buf_fini(&out);
    }
    c = to("license.example.com", 443, true);
    for (size_t max = 0; max < 140; max++) {
        err_clear(&err);
        buf_init(&out, max);
        if (connect_start(&c, &out, &err) || err.code != ERR_MEMORY || err.stage != STAGE_PROXY)
            ok(false, "a bound of %zu is refused", max);
        buf_wipe(&out);
    }
}

static void test_large_credentials(void)
{
    static char bytes[LIMIT_URL];
    struct secret large = {bytes, sizeof bytes};
    struct connect c = to("license.example.com", 443, false);
    struct err err = {0};
    struct buf out;

    memset(bytes, 'x', sizeof bytes);
    c.user = &large;
    c.password = &large;
    buf_init(&out, LIMIT_HEAD);
    ok(connect_start(&c, &out, &err), "large credentials fit a head");
    buf_wipe(&out);
}

/* ---- the answer ---------------------------------------------------------------------------- */

struct verdict {
    enum parse rv;
    size_t used, fed; /* bytes used, and bytes that were there when it was decided */
    struct err err;
};

/* Feeds the answer in pieces of that size, as a connection's owner does. */
static struct verdict feed(struct connect *c, struct slice answer, size_t step)
{
    struct verdict v = {.rv = PARSE_MORE};
    size_t used;

    c->scanned = 0;
    c->interim = 0;
    while (v.rv == PARSE_MORE && v.fed < answer.n) {
        v.fed += answer.n - v.fed < step ? answer.n - v.fed : step;
        v.rv = connect_feed(c, page_put(&page, slice_make(answer.p + v.used, v.fed - v.used)),
                            &used, &v.err);
        v.used += used;
    }
    return v;
}

/* Whole, byte by byte and in threes: the same. */
static struct verdict feed_all(struct connect *c, struct slice answer, const char *title)
{
    struct verdict whole = feed(c, answer, answer.n ? answer.n : 1);

    for (size_t step = 1; step <= 3; step += 2) {
        struct verdict cut = feed(c, answer, step);

        ok(cut.rv == whole.rv && cut.err.code == whole.err.code &&
               strcmp(cut.err.text, whole.err.text) == 0,
           "%s: the same in pieces of %zu (%s)", title, step, cut.err.text);
        if (whole.rv != PARSE_BAD)
            ok(cut.used == whole.used, "%s: as many bytes used", title);
        if (whole.rv == PARSE_DONE && step == 1)
            ok(cut.fed == cut.used, "%s: the last byte opens the tunnel", title);
    }
    return whole;
}

#define OK_HEAD "HTTP/1.1 200 Connection established\r\n\r\n"

static const struct {
    const char *title;
    struct slice answer;
    size_t left; /* bytes that belong to the tunnel */
} opened[] = {
    {"the usual", SLICE(OK_HEAD), 0},
    {"early bytes", SLICE(OK_HEAD "\x16\x03\x03\0\0"), 5},
    {"early bytes like a head", SLICE(OK_HEAD OK_HEAD), sizeof OK_HEAD - 1},
    {"HTTP/1.0", SLICE("HTTP/1.0 200 OK\r\n\r\n"), 0},
    {"no reason", SLICE("HTTP/1.1 200 \r\n\r\n"), 0},
    {"no space either", SLICE("HTTP/1.1 200\r\n\r\nx"), 1},
    {"any 2xx", SLICE("HTTP/1.1 299 Fine\r\n\r\n"), 0},
    {"204", SLICE("HTTP/1.1 204 No Content\r\n\r\n"), 0},
    {"fields", SLICE("HTTP/1.1 200 OK\r\nVia: 1.1 squid\r\nProxy-Agent: x\r\n\r\n"), 0},
    {"a length means nothing", SLICE("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), 3},
    {"nor does a coding",
     SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n"),
     5},
    {"100 first", SLICE("HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "x"), 1},
    {"103 and 102 first",
     SLICE("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 W\r\n\r\n" OK_HEAD), 0},
};

static void test_opened(void)
{
    for (size_t i = 0; i < sizeof opened / sizeof opened[0]; i++) {
        struct connect c = to("license.example.com", 443, i % 2 == 0);
        struct verdict v = feed_all(&c, opened[i].answer, opened[i].title);

        ok(v.rv == PARSE_DONE && !err_is_set(&v.err), "%s: open", opened[i].title);
        is_int(opened[i].answer.n - v.used, opened[i].left, opened[i].title);
        /* Every byte that is missing is waited for. */
        v = feed(&c, slice_make(opened[i].answer.p, v.used - 1), 1);
        ok(v.rv == PARSE_MORE && !err_is_set(&v.err), "%s: one byte less is too few",
           opened[i].title);
    }
}

static const struct {
    bool with_credentials;
    const char *answer;
    const char *says[4];
} refused[] = {
    {false,
     "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"a, b\"\r\n"
     "\r\n",
     {"http://proxy.example:3128", "(407 Proxy Authentication Required; it offers Basic)",
      "write USER:PASSWORD@ before the host in HTTPS_PROXY"}},
    {false,
     "HTTP/1.1 407 Nope\r\nProxy-Authenticate: Negotiate abc==, NTLM\r\nProxy-Authenticate: "
     "Digest realm=\"x\", nonce = \"y\", BASIC realm=x\r\n\r\n",
     {"(407 Nope; it offers Negotiate, NTLM, Digest, BASIC)", "write USER"}},
    {false, "HTTP/1.1 407\r\n\r\n", {"(407 Proxy Authentication Required): write USER"}},
    {true,
     "HTTP/1.1 407 Access Denied\r\nproxy-authenticate: Basic realm=\"x\"\r\n\r\n",
     {"refuses the user or the password (407 Access Denied; it offers Basic)",
      "mend them in HTTPS_PROXY"}},
    {true, "HTTP/1.1 407 Denied\r\n\r\n", {"(407 Denied): mend them in HTTPS_PROXY"}},
    {true,
     "HTTP/1.1 407 Denied\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n",
     {"offers only NTLM, Negotiate and not Basic"}},
    {false,
     "HTTP/1.1 407 Denied\r\nProxy-Authenticate: NTLM\r\n\r\n",
     {"offers only NTLM and not Basic"}},
    {false,
     "HTTP/1.1 407 D\r\nProxy-Authenticate: ,,=x, \"q\", b@d realm=1, realm=\"Basic\"\r\n\r\n",
     {"(407 D): write USER"}},
    {false,
     "HTTP/1.1 403 Forbidden by rule 7\r\nContent-Length: 3\r\n\r\nabc",
     {"HTTPS_PROXY", "forbids a tunnel to license.example.com port 443",
      "(403 Forbidden by rule 7)", "rules"}},
    {false, "HTTP/1.1 404 Not Found\r\n\r\n", {"(404 Not Found)", "DNS"}},
    {false, "HTTP/1.1 405 Method Not Allowed\r\n\r\n", {"takes no CONNECT", "(405 Method"}},
    {false, "HTTP/1.1 501 Not Implemented\r\n\r\n", {"takes no CONNECT", "(501 Not"}},
    {false,
     "HTTP/1.1 502 Bad Gateway\r\n\r\n",
     {"got no connection to license.example.com port 443 (502 Bad Gateway)", "firewall"}},
    {false, "HTTP/1.1 503 Service Unavailable\r\n\r\n", {"got no connection", "(503 Service"}},
    {false,
     "HTTP/1.1 504 Gateway Timeout\r\n\r\n",
     {"no connection in time", "(504 Gateway Timeout)"}},
    {false, "HTTP/1.1 400 Bad Request\r\n\r\n", {"it answered 400 Bad Request"}},
    {false, "HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n", {"it answered 302 Found"}},
    {false, "HTTP/1.1 101 Switching Protocols\r\n\r\n", {"it answered 101 Switching Protocols"}},
    {false, "HTTP/1.1 500\r\n\r\n", {"it answered 500 Internal Server Error"}},
    {false, "HTTP/1.1 599\r\n\r\n", {"it answered 599"}},
    {false, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n\r\n", {"(403 No)"}},
    {false, "HTTP/1.1 500 a\tb\x80\xff z\r\n\r\n", {"it answered 500 a?b?? z"}},
    /* A proxy that sends back what it was sent. */
    {true, "HTTP/1.1 407 Wrong: topsecret!\r\n\r\n", {"(407 Proxy Authentication Required): mend"}},
    {true, "HTTP/1.1 403 Who is hunter?\r\n\r\n", {"(403 Forbidden)"}},
    {true, "HTTP/1.1 500 Basic " SENT "\r\n\r\n", {"it answered 500 Internal Server Error"}},
    {true,
     "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic, topsecret, xhunterx, NTLM\r\n\r\n",
     {"(407 No; it offers Basic, NTLM): mend"}},
};

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct connect c = to("license.example.com", 443, refused[i].with_credentials);
        char title[40];
        struct verdict v;

        snprintf(title, sizeof title, "refusal %zu", i);
        v = feed_all(&c, slice_of(refused[i].answer), title);
        ok(v.rv == PARSE_BAD && v.err.code == ERR_UNREACHABLE && v.err.stage == STAGE_PROXY,
           "%s: is one", title);
        for (size_t k = 0; k < 4 && refused[i].says[k]; k++)
            ok(strstr(v.err.text, refused[i].says[k]) != NULL, "%s: says %s (%s)", title,
               refused[i].says[k], v.err.text);
        ok(!strstr(v.err.text, "hunter") && !strstr(v.err.text, "secret") &&
               !strstr(v.err.text, SENT),
           "%s: shows no credentials", title);
    }
}

static const struct {
    struct slice answer;
    const char *says;
} garbage[] = {
    {SLICE("SSH-2.0-OpenSSH_9.2\r\n"), "does not answer as an HTTP proxy does"},
    {SLICE("\x15\x03\x03\0\x02\x02\x46"), "write https://"},
    {SLICE("\x16\x03\x01\0"), "write https://"},
    {SLICE("\x05\xff"), "HTTPS_PROXY"},
    {SLICE("\0"), "HTTPS_PROXY"},
    {SLICE("\r\n" OK_HEAD), "HTTPS_PROXY"},
    {SLICE("HTTP/2 200 OK\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/2.0 200 OK\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1  200 OK\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 20x OK\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 2000 OK\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 099 OK\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 600 OK\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 200 OK\n\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"), "folded"},
    {SLICE("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 x"), "HTTPS_PROXY"},
    {SLICE("HTTP/1.1 100 Continue\r\n\r\n\x16"), "write https://"},
};

static void test_garbage(void)
{
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        struct connect c = to("license.example.com", 443, true);
        struct verdict v = feed_all(&c, garbage[i].answer, page_show(garbage[i].answer));

        ok(v.rv == PARSE_BAD && v.err.code == ERR_SYNTAX && v.err.stage == STAGE_PROXY &&
               strstr(v.err.text, garbage[i].says),
           "garbage %zu: says %s (%s)", i, garbage[i].says, v.err.text);
    }
}

static void test_bounds(void)
{
    static char answer[LIMIT_HEAD * 2];
    struct connect c = to("license.example.com", 443, true);
    struct verdict v;
    size_t n = 0;

    memset(answer, 'a', sizeof answer);
    memcpy(answer, "HTTP/1.1 200 ", 13);
    v = feed_all(&c, slice_make(answer, sizeof answer), "an endless reason");
    ok(v.rv == PARSE_BAD && v.err.code == ERR_LIMIT && v.err.stage == STAGE_PROXY,
       "an endless reason (%s)", v.err.text);
    is_int(feed(&c, slice_make(answer, sizeof answer), 1).fed, LIMIT_HEAD, "is read to the bound");
    v = feed(&c, slice_make(answer, LIMIT_HEAD - 1), LIMIT_HEAD);
    ok(v.rv == PARSE_MORE, "one byte less is not too large yet");

    memcpy(answer + LIMIT_HEAD - 4, "\r\n\r\n", 4);
    memcpy(answer + 9, "403", 3);
    v = feed_all(&c, slice_make(answer, LIMIT_HEAD), "a long reason");
    ok(v.rv == PARSE_BAD && v.err.code == ERR_UNREACHABLE && strstr(v.err.text, "403 aaaa") &&
           strstr(v.err.text, "rules"),
       "a long reason is cut, and what to mend still told (%s)", v.err.text);

    memcpy(answer, "HTTP/1.1 407 X\r\nProxy-Authenticate: Basic, ", 43);
    v = feed_all(&c, slice_make(answer, LIMIT_HEAD), "a long scheme");
    ok(v.rv == PARSE_BAD && strstr(v.err.text, "it offers Basic): mend"),
       "a long scheme is left out (%s)", v.err.text);

    for (int i = 0; i < LIMIT_INTERIM; i++)
        n += (size_t)snprintf(answer + n, sizeof answer - n, "HTTP/1.1 100 C\r\n\r\n");
    memcpy(answer + n, OK_HEAD, sizeof OK_HEAD - 1);
    v = feed_all(&c, slice_make(answer, n + sizeof OK_HEAD - 1), "many interim answers");
    ok(v.rv == PARSE_DONE, "as many interim answers as allowed (%s)", v.err.text);
    memcpy(answer + n, "HTTP/1.1 100 C\r\n\r\n", 18);
    v = feed_all(&c, slice_make(answer, n + 18), "too many interim answers");
    ok(v.rv == PARSE_BAD && v.err.code == ERR_LIMIT && v.err.stage == STAGE_PROXY,
       "one more is too many (%s)", v.err.text);
}

static void test_interrupt(void)
{
    struct connect c = to("license.example.com", 443, true);
    struct err err = {0};
    size_t used = 9;

    ok(connect_feed(&c, slice_make(NULL, 0), &used, &err) == PARSE_MORE && used == 0,
       "no bytes say nothing");
    connect_interrupt(&c, ERR_CLOSED, &err);
    ok(err.code == ERR_CLOSED && err.stage == STAGE_PROXY && strstr(err.text, "closed") &&
           strstr(err.text, "HTTPS_PROXY"),
       "closed (%s)", err.text);
    err_clear(&err);
    connect_interrupt(&c, ERR_TIMEOUT, &err);
    ok(err.code == ERR_TIMEOUT && err.stage == STAGE_PROXY && strstr(err.text, "in time"),
       "late (%s)", err.text);
}

int main(void)
{
    page = page_new((size_t)LIMIT_HEAD * 2);
    test_requests();
    test_basic();
    test_bad_requests();
    test_large_credentials();
    test_opened();
    test_refused();
    test_garbage();
    test_bounds();
    test_interrupt();
    page_free(&page);
    return done_testing();
}
