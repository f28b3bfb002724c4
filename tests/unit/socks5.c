#include "format/socks5.h"
#include "page.h"
#include "tap.h"

static struct page page;
static const struct secret user = {(char *)"hunter", 6};
static const struct secret password = {(char *)"topsecret", 9};

static struct socks5 to(const char *host, uint16_t port, bool with_credentials)
{
    return (struct socks5){.proxy = "socks5h://proxy.example:1080",
                           .source = "ALL_PROXY",
                           .host = host,
                           .port = port,
                           .user = with_credentials ? &user : NULL,
                           .password = with_credentials ? &password : NULL};
}

struct verdict {
    enum parse rv;
    size_t used, fed; /* bytes used, and bytes that were there when it was decided */
    struct buf out;   /* all that was written, the greeting included */
    struct err err;
};

/* Starts, and feeds the answers in pieces of that size, as a connection's owner does. */
static struct verdict feed(struct socks5 *s, struct slice answers, size_t step)
{
    struct verdict v = {.rv = PARSE_MORE};
    size_t used;

    buf_init(&v.out, SOCKS5_OUT);
    s->state = SOCKS5_METHOD;
    if (!socks5_start(s, &v.out, &v.err))
        v.rv = PARSE_BAD;
    while (v.rv == PARSE_MORE && v.fed < answers.n) {
        v.fed += answers.n - v.fed < step ? answers.n - v.fed : step;
        v.rv = socks5_feed(s, page_put(&page, slice_make(answers.p + v.used, v.fed - v.used)),
                           &used, &v.out, &v.err);
        v.used += used;
    }
    return v;
}

/* Whole, byte by byte and in threes: the same. The caller wipes .out. */
static struct verdict feed_all(struct socks5 *s, struct slice answers, const char *title)
{
    struct verdict whole = feed(s, answers, answers.n ? answers.n : 1);
    enum socks5_state state = s->state;

    for (size_t step = 1; step <= 3; step += 2) {
        struct verdict cut = feed(s, answers, step);

        ok(cut.rv == whole.rv && cut.err.code == whole.err.code &&
               strcmp(cut.err.text, whole.err.text) == 0 && s->state == state &&
               slice_eq(buf_slice(&cut.out), buf_slice(&whole.out)),
           "%s: the same in pieces of %zu (%s)", title, step, cut.err.text);
        if (whole.rv != PARSE_BAD)
            ok(cut.used == whole.used, "%s: as many bytes used", title);
        if (whole.rv == PARSE_DONE && step == 1)
            ok(cut.fed == cut.used, "%s: the last byte opens the tunnel", title);
        buf_wipe(&cut.out);
    }
    return whole;
}

#define V4_REPLY "\5\0\0\1\12\0\0\1\4\70"
#define HELLO "\5\1\0"
#define HELLO_BOTH "\5\2\0\2"
#define LOGIN "\1\6hunter\11topsecret"
#define NAME "license.example.com"
#define TO_NAME "\5\1\0\3\23" NAME "\1\273"

static const struct {
    const char *title, *host;
    uint16_t port;
    bool with_credentials;
    struct slice answers, wrote;
    size_t left; /* bytes that belong to the tunnel */
} opened[] = {
    {"a name", NAME, 443, false, SLICE("\5\0" V4_REPLY), SLICE(HELLO TO_NAME), 0},
    {"early bytes", NAME, 443, false, SLICE("\5\0" V4_REPLY "\26\3\3"), SLICE(HELLO TO_NAME), 3},
    {"IPv4", "192.0.2.1", 8443, false, SLICE("\5\0" V4_REPLY),
     SLICE(HELLO "\5\1\0\1\300\0\2\1\40\373"), 0},
    {"IPv6", "2001:db8::1", 65535, false, SLICE("\5\0" V4_REPLY),
     SLICE(HELLO "\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\377\377"), 0},
    {"a name like an address", "192.0.2", 1, false, SLICE("\5\0" V4_REPLY),
     SLICE(HELLO "\5\1\0\3\007192.0.2\0\1"), 0},
    {"credentials that nobody asks for", NAME, 443, true, SLICE("\5\0" V4_REPLY),
     SLICE(HELLO_BOTH TO_NAME), 0},
    {"credentials", NAME, 443, true, SLICE("\5\2\1\0" V4_REPLY), SLICE(HELLO_BOTH LOGIN TO_NAME),
     0},
    {"credentials and early bytes", NAME, 443, true, SLICE("\5\2\1\0" V4_REPLY "\5\2\1\0"),
     SLICE(HELLO_BOTH LOGIN TO_NAME), 4},
    {"bound to IPv6", NAME, 443, false,
     SLICE("\5\0\5\0\0\4"
           "0123456789abcdef"
           "\1\2x"),
     SLICE(HELLO TO_NAME), 1},
    {"bound to a name", NAME, 443, false, SLICE("\5\0\5\0\0\3\3abc\1\2xy"), SLICE(HELLO TO_NAME),
     2},
    {"bound to an empty name", NAME, 443, false, SLICE("\5\0\5\0\0\3\0\1\2"), SLICE(HELLO TO_NAME),
     0},
    {"the reserved byte does not matter", NAME, 443, false, SLICE("\5\0\5\0\377\1abcd\1\2"),
     SLICE(HELLO TO_NAME), 0},
};

static void test_opened(void)
{
    for (size_t i = 0; i < sizeof opened / sizeof opened[0]; i++) {
        const char *title = opened[i].title;
        struct socks5 s = to(opened[i].host, opened[i].port, opened[i].with_credentials);
        struct verdict v = feed_all(&s, opened[i].answers, title);
        size_t used = v.used;

        ok(v.rv == PARSE_DONE && !err_is_set(&v.err) && s.state == SOCKS5_OPEN, "%s: open", title);
        is_int(opened[i].answers.n - used, opened[i].left, title);
        ok(slice_eq(buf_slice(&v.out), opened[i].wrote), "%s: wrote %s", title,
           v.out.data ? page_show(buf_slice(&v.out)) : "");
        /* What is written is what was asked for so far, and every missing byte is waited for. */
        for (size_t n = 0; n < used; n++) {
            buf_wipe(&v.out);
            v = feed(&s, slice_make(opened[i].answers.p, n), 1);
            if (v.rv != PARSE_MORE || err_is_set(&v.err) || v.used > n || s.state == SOCKS5_OPEN ||
                !slice_starts_with(opened[i].wrote, buf_slice(&v.out)))
                ok(false, "%s: %zu bytes are too few", title, n);
        }
        buf_wipe(&v.out);
    }
}

static void test_longest(void)
{
    static char name[256], bytes[255], reply[4 + 1 + 255 + 2];
    struct secret large = {bytes, sizeof bytes};
    struct socks5 s = to(name, 443, false);
    struct verdict v;
    struct err err = {0};
    struct buf out;
    size_t used;

    memset(name, 'a', 255);
    memset(bytes, 'b', sizeof bytes);
    s.user = s.password = &large;
    v = feed_all(&s, SLICE("\5\2\1\0"), "the longest of all");
    ok(v.rv == PARSE_MORE && v.out.len == 4 + 3 + 255 + 255 + 5 + 255 + 2,
       "the longest name, user and password are written");
    buf_init(&out, SOCKS5_OUT);
    memset(reply, 'c', sizeof reply);
    memcpy(reply, "\5\0\0\3\377", 5);
    ok(socks5_feed(&s, page_put(&page, slice_make(reply, sizeof reply)), &used, &out, &err) ==
               PARSE_DONE &&
           used == sizeof reply && out.len == 0,
       "the longest bound name is read");
    buf_wipe(&out);
    buf_wipe(&v.out);
    for (size_t max = 0; max < 4 + 3 + 255 + 255 + 5 + 255 + 2; max++) {
        enum parse rv = PARSE_BAD;

        err_clear(&err);
        buf_init(&out, max);
        s.state = SOCKS5_METHOD;
        if (socks5_start(&s, &out, &err))
            rv = socks5_feed(&s, SLICE("\5\2\1\0"), &used, &out, &err);
        if (rv != PARSE_BAD || err.code != ERR_MEMORY || err.stage != STAGE_PROXY)
            ok(false, "a bound of %zu is refused", max);
        buf_wipe(&out);
    }
}

static void test_bad_starts(void)
{
    static char name[257], bytes[256];
    const struct secret large = {bytes, sizeof bytes}, empty = {(char *)"", 0}, none = {NULL, 0};
    const struct {
        const char *host;
        const struct secret *user, *password;
        enum err_code code;
    } bad[] = {
        {"", NULL, NULL, ERR_SYNTAX},     {name, NULL, NULL, ERR_SYNTAX},
        {"h", &large, &user, ERR_CONFIG}, {"h", &user, &large, ERR_CONFIG},
        {"h", &empty, &user, ERR_CONFIG}, {"h", &user, &empty, ERR_CONFIG},
        {"h", &user, NULL, ERR_CONFIG},   {"h", &user, &none, ERR_CONFIG},
    };

    memset(name, 'a', 256);
    memset(bytes, 'b', sizeof bytes);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct socks5 s = to(bad[i].host, 443, false);
        struct err err = {0};
        struct buf out;

        s.user = bad[i].user;
        s.password = bad[i].password;
        buf_init(&out, SOCKS5_OUT);
        ok(!socks5_start(&s, &out, &err) && err.code == bad[i].code && err.stage == STAGE_PROXY &&
               out.len == 0 && !strstr(err.text, "hunter"),
           "bad start %zu (%s)", i, err.text);
        buf_fini(&out);
    }
}

static const struct {
    bool with_credentials;
    struct slice answers;
    enum err_code code;
    const char *says, *mend;
} refused[] = {
    {false, SLICE("\5\377"), ERR_UNREACHABLE, "takes no client without authentication",
     "write USER:PASSWORD@ before the host in ALL_PROXY"},
    {true, SLICE("\5\377"), ERR_UNREACHABLE, "neither a user and a password nor", "allow one"},
    {true, SLICE("\5\2\1\1"), ERR_UNREACHABLE, "refuses the user or the password (status 1)",
     "mend them in ALL_PROXY"},
    {true, SLICE("\5\2\1\377"), ERR_UNREACHABLE, "(status 255)", "mend them in ALL_PROXY"},
    {false, SLICE("\5\0\5\1"), ERR_UNREACHABLE, "general failure (reply 1)", "log"},
    {false, SLICE("\5\0\5\2\0\1\0\0\0\0\0\0"), ERR_UNREACHABLE, "not allowed (reply 2)", "rules"},
    {false, SLICE("\5\0\5\3"), ERR_UNREACHABLE, "network unreachable (reply 3)", "routes"},
    {false, SLICE("\5\0\5\4"), ERR_UNREACHABLE, "host unreachable (reply 4)", "DNS"},
    {false, SLICE("\5\0\5\5"), ERR_UNREACHABLE, "connection refused (reply 5)", "port"},
    {false, SLICE("\5\0\5\6"), ERR_UNREACHABLE, "TTL expired) (reply 6)", "routes"},
    {false, SLICE("\5\0\5\7"), ERR_UNREACHABLE, "command not supported (reply 7)", "CONNECT"},
    {false, SLICE("\5\0\5\10"), ERR_UNREACHABLE, "type not supported (reply 8)", "socks5h://"},
    {false, SLICE("\5\0\5\11"), ERR_UNREACHABLE, "unknown reply (reply 9)", "log"},
    {true, SLICE("\5\2\1\0\5\377"), ERR_UNREACHABLE, "unknown reply (reply 255)", "log"},
    /* What is no SOCKS5. */
    {false, SLICE("\4"), ERR_SYNTAX, "another version", "SOCKS4"},
    {false, SLICE("\0\132"), ERR_SYNTAX, "another version", "SOCKS4"},
    {false, SLICE("HTTP/1.1 400 Bad Request\r\n\r\n"), ERR_SYNTAX, "another version", "http://"},
    {false, SLICE("\25\3\3\0\2\2\106"), ERR_SYNTAX, "another version", "TLS"},
    {false, SLICE("\6\0"), ERR_SYNTAX, "another version", ""},
    {false, SLICE("\5\1"), ERR_SYNTAX, "not offered", ""},
    {false, SLICE("\5\2"), ERR_SYNTAX, "not offered", ""},
    {true, SLICE("\5\1"), ERR_SYNTAX, "not offered", ""},
    {true, SLICE("\5\3"), ERR_SYNTAX, "not offered", ""},
    {true, SLICE("\5\376"), ERR_SYNTAX, "not offered", ""},
    {true, SLICE("\5\2\5\0"), ERR_SYNTAX, "another version of the answer to user", ""},
    {true, SLICE("\5\2\0"), ERR_SYNTAX, "another version of the answer to user", ""},
    {false, SLICE("\5\0\4"), ERR_SYNTAX, "another version in its reply", ""},
    {false, SLICE("\5\0\0\132\0\0\0\0\0\0"), ERR_SYNTAX, "another version in its reply", ""},
    {true, SLICE("\5\2\1\0\1"), ERR_SYNTAX, "another version in its reply", ""},
    {false, SLICE("\5\0\5\0\0\0"), ERR_SYNTAX, "type of address", ""},
    {false, SLICE("\5\0\5\0\0\2"), ERR_SYNTAX, "type of address", ""},
    {false, SLICE("\5\0\5\0\0\5abcdef"), ERR_SYNTAX, "type of address", ""},
    {false, SLICE("\5\0\5\0\0\377"), ERR_SYNTAX, "type of address", ""},
};

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct socks5 s = to(NAME, 443, refused[i].with_credentials);
        char title[40];
        struct verdict v;

        snprintf(title, sizeof title, "refusal %zu", i);
        v = feed_all(&s, refused[i].answers, title);
        ok(v.rv == PARSE_BAD && v.err.code == refused[i].code && v.err.stage == STAGE_PROXY,
           "%s: is one", title);
        ok(strstr(v.err.text, refused[i].says) && strstr(v.err.text, refused[i].mend) &&
               strstr(v.err.text, "socks5h://proxy.example:1080 (ALL_PROXY)"),
           "%s: says %s (%s)", title, refused[i].says, v.err.text);
        ok(!strstr(v.err.text, "hunter") && !strstr(v.err.text, "secret"),
           "%s: shows no credentials", title);
        buf_wipe(&v.out);
    }
}

static void test_interrupt(void)
{
    static const struct {
        struct slice answers;
        const char *says;
    } at[] = {
        {SLICE("\5"), "before it chose how to authenticate"},
        {SLICE("\5\2\1"), "when it was sent user and password"},
        {SLICE("\5\2\1\0\5"), "when it was asked for a tunnel"},
    };

    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct socks5 s = to(NAME, 443, true);
        struct verdict v = feed(&s, at[i].answers, 1);

        socks5_interrupt(&s, i == 1 ? ERR_TIMEOUT : ERR_CLOSED, &v.err);
        ok(v.rv == PARSE_MORE && v.err.code == (i == 1 ? ERR_TIMEOUT : ERR_CLOSED) &&
               v.err.stage == STAGE_PROXY && strstr(v.err.text, at[i].says) &&
               strstr(v.err.text, i == 1 ? "in time" : "closed"),
           "ended %s (%s)", at[i].says, v.err.text);
        buf_wipe(&v.out);
    }
}

static void test_nothing(void)
{
    struct socks5 s = to(NAME, 443, true);
    struct err err = {0};
    struct buf out;
    size_t used = 9;

    buf_init(&out, SOCKS5_OUT);
    ok(socks5_feed(&s, slice_make(NULL, 0), &used, &out, &err) == PARSE_MORE && used == 0 &&
           out.len == 0,
       "no bytes say nothing");
    s.state = SOCKS5_OPEN;
    used = 9;
    ok(socks5_feed(&s, SLICE("abc"), &used, &out, &err) == PARSE_DONE && used == 0,
       "an open tunnel's bytes are not touched");
    buf_fini(&out);
}

int main(void)
{
    page = page_new(4096);
    test_opened();
    test_longest();
    test_bad_starts();
    test_refused();
    test_interrupt();
    test_nothing();
    page_free(&page);
    return done_testing();
}
