#include "format/uri.h"
#include "page.h"
#include "tap.h"

static struct page page;

static const struct {
    struct slice text;
    const char *scheme, *userinfo, *host; /* userinfo NULL if there is none */
    bool is_ip;
    int port;
    const char *path;
} good[] = {
    {SLICE("https://license.example.com"), "https", NULL, "license.example.com", false, 0, ""},
    {SLICE("https://a/"), "https", NULL, "a", false, 0, "/"},
    {SLICE("HTTPS://A_b-c.Example.:8443/x/y?z=1"), "HTTPS", NULL, "A_b-c.Example.", false, 8443,
     "/x/y?z=1"},
    {SLICE("http://a?b"), "http", NULL, "a", false, 0, "?b"},
    {SLICE("http://a:1?b/c@d"), "http", NULL, "a", false, 1, "?b/c@d"},
    {SLICE("socks5h://u:p%40x@10.0.0.1:65535"), "socks5h", "u:p%40x", "10.0.0.1", true, 65535, ""},
    {SLICE("https://[::1]"), "https", NULL, "::1", true, 0, ""},
    {SLICE("https://u@[2001:db8::1]:443/a:b"), "https", "u", "2001:db8::1", true, 443, "/a:b"},
    {SLICE("https://@a"), "https", "", "a", false, 0, ""},
    {SLICE("https://:@a"), "https", ":", "a", false, 0, ""},
    {SLICE("a+b-c.1://h"), "a+b-c.1", NULL, "h", false, 0, ""},
    {SLICE("https://1.example"), "https", NULL, "1.example", false, 0, ""},
    {SLICE("https://1a"), "https", NULL, "1a", false, 0, ""},
    {SLICE("https://a/@b:c[d]"), "https", NULL, "a", false, 0, "/@b:c[d]"},
    {SLICE("https://a/b://c"), "https", NULL, "a", false, 0, "/b://c"},
};

static const struct slice bad[] = {
    SLICE(""),
    SLICE("a"),
    SLICE("a.example"),
    SLICE("a.example:443"),
    SLICE("//a"),
    SLICE("://a"),
    SLICE("https:"),
    SLICE("https:/a"),
    SLICE("https//a"),
    SLICE("1https://a"),
    SLICE("ht tp://a"),
    SLICE("h_t://a"),
    SLICE("https://"),
    SLICE("https:///a"),
    SLICE("https://?a"),
    SLICE("https://:443"),
    SLICE("https://u@"),
    SLICE("https://u@:443"),
    SLICE("https://a:"),
    SLICE("https://a:/"),
    SLICE("https://a:0"),
    SLICE("https://a:00"),
    SLICE("https://a:65536"),
    SLICE("https://a:99999999999999999999"),
    SLICE("https://a:-1"),
    SLICE("https://a:+1"),
    SLICE("https://a:4 3"),
    SLICE("https://a:x"),
    SLICE("https://a:1:2"),
    SLICE("https://a b"),
    SLICE("https://a\t"),
    SLICE("https://a\n"),
    SLICE(" https://a"),
    SLICE("https://a/ b"),
    SLICE("https://a/\0"),
    SLICE("https://a\0.example"),
    SLICE("https://a/\x7f"),
    SLICE("https://\xc3\xa9.example"),
    SLICE("https://a/\xff"),
    SLICE("https://a#b"),
    SLICE("https://a/#"),
    SLICE("https://a?b#c"),
    SLICE("https://a%41"),
    SLICE("https://a\\b"),
    SLICE("https://a,b"),
    SLICE("https://*.a"),
    SLICE("https://.a"),
    SLICE("https://."),
    SLICE("https://a..b"),
    SLICE("https://a.."),
    SLICE("https://u@v@a"),
    SLICE("https://::1"),
    SLICE("https://2001:db8::1/"),
    SLICE("https://[::1"),
    SLICE("https://[::1]x"),
    SLICE("https://[::1]443"),
    SLICE("https://[]"),
    SLICE("https://[a]"),
    SLICE("https://[10.0.0.1]"),
    SLICE("https://[fe80::1%25eth0]"),
    SLICE("https://[::1]]"),
    SLICE("https://127.1"),
    SLICE("https://2130706433"),
    SLICE("https://0x7f000001"),
    SLICE("https://0x7f.1"),
    SLICE("https://10.0.0.0x1"),
    SLICE("https://10.0.0.01"),
    SLICE("https://10.0.0.256"),
    SLICE("https://10.0.0.1."),
    SLICE("https://1.2.3.4.5"),
};

static bool is_slice(struct slice got, const char *want)
{
    return slice_eq(got, slice_of(want));
}

static void check_parse(void)
{
    char text[LIMIT_URL + 2];
    struct uri u;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct err err = {0};
        const char *userinfo = good[i].userinfo;

        ok(uri_parse(page_put(&page, good[i].text), &u, &err) && !err_is_set(&err) &&
               is_slice(u.scheme, good[i].scheme) && u.has_userinfo == (userinfo != NULL) &&
               is_slice(u.userinfo, userinfo ? userinfo : "") && is_slice(u.host, good[i].host) &&
               u.host_is_ip == good[i].is_ip && u.port == good[i].port &&
               is_slice(u.path, good[i].path),
           "takes %s", page_show(good[i].text));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};

        ok(!uri_parse(page_put(&page, bad[i]), &u, &err) && err.code == ERR_CONFIG && err.text[0],
           "refuses %s", page_show(bad[i]));
    }
    memset(text, 'a', sizeof text);
    memcpy(text, "https://a/", 10);
    ok(uri_parse(slice_make(text, LIMIT_URL), &u, NULL), "takes a URL at its limit");
    ok(!uri_parse(slice_make(text, LIMIT_URL + 1), &u, NULL), "refuses one over it");
    for (size_t i = 0; i < 4; i++)
        text[8 + 63 + 64 * i] = '.';
    text[9] = 'a';
    ok(uri_parse(slice_make(text, 8 + LIMIT_HOST), &u, NULL), "takes a host at its limit");
    text[8 + LIMIT_HOST] = '.';
    ok(uri_parse(slice_make(text, 8 + LIMIT_HOST + 1), &u, NULL), "and with its last dot");
    text[8 + LIMIT_HOST] = 'a';
    ok(!uri_parse(slice_make(text, 8 + LIMIT_HOST + 1), &u, NULL), "refuses a longer one");
    ok(uri_parse(slice_make(text, 8 + 63), &u, NULL), "takes a label of 63 bytes");
    text[8 + 63] = 'a';
    ok(!uri_parse(slice_make(text, 8 + 64), &u, NULL), "refuses one of 64");
}

/* Wherever a URL with a password is cut or broken, the message holds none of it. */
static void check_password_hidden(void)
{
    static const char *const texts[] = {
        "http://user:hunter2@a:x",      "http://user:hunter2@",      "http://user:hunter2",
        "http://user:hunter2/x@a:3128", "http://user:hun@ter2@a",    "http://user:hunter2 @a",
        "http://user:hunter2#@a",       "user:hunter2@a:3128",       "http//user:hunter2@a",
        "http://user:hunter2?@a",       "http://user:hunter2@[::g]", "http://user:hunter2@a b",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err = {0};
        struct uri u;

        ok(!uri_parse(slice_of(texts[i]), &u, &err) && !strstr(err.text, "hun") &&
               !strstr(err.text, "ter2") && !strstr(err.text, "user:"),
           "no password in the refusal of %s", page_show(slice_of(texts[i])));
    }
}

static void check_decode(void)
{
    static const struct {
        struct slice text;
        const char *want; /* NULL: refused */
    } cases[] = {
        {SLICE(""), ""},         {SLICE("abc"), "abc"},  {SLICE("%41%7a%7A"), "Azz"},
        {SLICE("a%25b"), "a%b"}, {SLICE("%ff"), "\xff"}, {SLICE("a+b"), "a+b"},
        {SLICE("%"), NULL},      {SLICE("%4"), NULL},    {SLICE("a%4"), NULL},
        {SLICE("%4g"), NULL},    {SLICE("%g4"), NULL},   {SLICE("% 4"), NULL},
        {SLICE("%+4"), NULL},    {SLICE("%%41"), NULL},  {SLICE("a%00"), NULL},
        {SLICE("a\0b"), NULL},
    };
    char out[8];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool rv = uri_decode(page_put(&page, cases[i].text), out, sizeof out);

        ok(rv == (cases[i].want != NULL) && (!rv || strcmp(out, cases[i].want) == 0), "decodes %s",
           page_show(cases[i].text));
    }
    ok(uri_decode(SLICE("1234567"), out, 8) && strcmp(out, "1234567") == 0, "fills its room");
    ok(!uri_decode(SLICE("12345678"), out, 8), "and not more");
    ok(uri_decode(SLICE("%31%32%33"), out, 4), "counts decoded bytes");
    ok(!uri_decode(SLICE(""), out, 0), "needs room for a NUL");
    ok(uri_decode(SLICE(""), out, 1) && out[0] == '\0', "which is enough for nothing");
}

static void check_is_ip(void)
{
    static const char *const yes[] = {
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "1:2:3:4:5:6:7:8",
        "2001:DB8::a",
        "::ffff:1.2.3.4",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
    };
    static const char *const no[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "0x1.2.3.4",
        "a",
        ":",
        ":::",
        "1::2::3",
        "[::1]",
        "::1%eth0",
        "1:2:3:4:5:6:7",
        "::12345",
        "::g",
        "1.2.3.4/8",
        "::1/128",
        "::1.2.3",
        "-1.2.3.4",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555555555555555555555",
    };

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        ok(uri_is_ip(page_put(&page, slice_of(yes[i]))), "%s is an address", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        ok(!uri_is_ip(page_put(&page, slice_of(no[i]))), "'%s' is none", no[i]);
    ok(!uri_is_ip(SLICE("::1\0")), "nor what holds a NUL");
}

static void check_target(void)
{
    static const struct {
        struct slice target;
        const char *want; /* NULL: refused */
    } cases[] = {
        {SLICE("/"), "/"},
        {SLICE("/a/b?c=/../d"), "/a/b?c=/../d"},
        {SLICE("//a"), "//a"},
        {SLICE("/?"), "/?"},
        {SLICE("/.a/..b/...//a./b..;c/%2e%2e%2e/%2ea"), "/.a/..b/...//a./b..;c/%2e%2e%2e/%2ea"},
        {SLICE("/a%2fb/%zz/%"), "/a%2fb/%zz/%"},
        {SLICE("/a:b@c"), "/a:b@c"},
        {SLICE("https://a.example/x?y"), "/x?y"},
        {SLICE("HTTP://a:8443/x"), "/x"},
        {SLICE("https://[::1]:1"), "/"},
        {SLICE("https://a"), "/"},
        {SLICE(""), NULL},
        {SLICE("*"), NULL},
        {SLICE("a"), NULL},
        {SLICE("a/b"), NULL},
        {SLICE("?a"), NULL},
        {SLICE("a.example:443"), NULL},
        {SLICE("[::1]:443"), NULL},
        {SLICE("ftp://a/"), NULL},
        {SLICE("https:/a"), NULL},
        {SLICE("https://"), NULL},
        {SLICE("https:///a"), NULL},
        {SLICE("https://u:p@a/"), NULL},
        {SLICE("https://@a/"), NULL},
        {SLICE("https://a:x/"), NULL},
        {SLICE("https://a?b"), NULL},
        {SLICE("https://a/.."), NULL},
        {SLICE("/a#b"), NULL},
        {SLICE("/#"), NULL},
        {SLICE("/a?b#c"), NULL},
        {SLICE("/a b"), NULL},
        {SLICE("/a\0"), NULL},
        {SLICE("/a\r\n"), NULL},
        {SLICE("/a\x7f"), NULL},
        {SLICE("/\xc3\xa9"), NULL},
        {SLICE("/."), NULL},
        {SLICE("/.."), NULL},
        {SLICE("/./"), NULL},
        {SLICE("/a/.."), NULL},
        {SLICE("/a/../b"), NULL},
        {SLICE("/..?a"), NULL},
        {SLICE("/a/./b"), NULL},
        {SLICE("/%2e"), NULL},
        {SLICE("/%2E%2e/"), NULL},
        {SLICE("/.%2e/a"), NULL},
        {SLICE("/a/%2e./b"), NULL},
        {SLICE("/a%2f..%2Fb"), NULL},
        {SLICE("/a/..%2fb"), NULL},
        {SLICE("/a\\..\\b"), NULL},
        {SLICE("/a%5c..%5Cb"), NULL},
        {SLICE("/..;x/b"), NULL},
        {SLICE("/..%3bx/b"), NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        struct slice path;
        bool rv = uri_target_path(page_put(&page, cases[i].target), &path, &err);

        if (cases[i].want)
            ok(rv && is_slice(path, cases[i].want) && !err_is_set(&err), "the path of %s",
               page_show(cases[i].target));
        else
            ok(!rv && err.code == ERR_SYNTAX && err.status == 400, "no path in %s",
               page_show(cases[i].target));
    }
}

int main(void)
{
    page = page_new(LIMIT_URL);
    check_parse();
    check_password_hidden();
    check_decode();
    check_is_ip();
    check_target();
    page_free(&page);
    return done_testing();
}
