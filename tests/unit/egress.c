/*
 * Which way leads to a host. The tables follow what curl (its manual's ENVIRONMENT and --noproxy)
 * and Go (package golang.org/x/net/http/httpproxy) document; a line where this program differs from
 * one of them says so.
 */
#include "net/egress.h"
#include "tap.h"

#include <stdlib.h>

struct variable {
    const char *name, *value;
};

static const char *lookup(void *ctx, const char *name)
{
    for (const struct variable *v = ctx; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v->value;
    return NULL;
}

/* proxy and no_proxy: of the configuration, or NULL. */
static bool start(struct egress *e, const char *proxy, const char *no_proxy,
                  const struct variable *variables, struct err *err)
{
    struct secret secret = {NULL, 0};
    bool done;

    err_clear(err);
    if (proxy && !secret_set(&secret, proxy, strlen(proxy)))
        abort();
    done = egress_init(e, proxy ? &secret : NULL, no_proxy, lookup, (void *)variables, err);
    secret_fini(&secret);
    return done;
}

/* ---- which setting counts ------------------------------------------------------------------ */

static const struct {
    const char *title;
    const char *proxy; /* of the configuration */
    struct variable variables[8];
    const char *url, *source; /* NULL: direct */
} orders[] = {
    {"nothing is set", NULL, {{NULL, NULL}}, NULL, NULL},
    {"HTTPS_PROXY alone", NULL, {{"HTTPS_PROXY", "http://b:2"}}, "http://b:2", "HTTPS_PROXY"},
    {"ALL_PROXY alone", NULL, {{"ALL_PROXY", "http://d:4"}}, "http://d:4", "ALL_PROXY"},
    {"lower case beats upper case",
     NULL,
     {{"HTTPS_PROXY", "http://b:2"}, {"https_proxy", "http://a:1"}},
     "http://a:1",
     "https_proxy"},
    {"of ALL_PROXY, too",
     NULL,
     {{"ALL_PROXY", "http://d:4"}, {"all_proxy", "http://c:3"}},
     "http://c:3",
     "all_proxy"},
    {"HTTPS_PROXY beats all_proxy",
     NULL,
     {{"all_proxy", "http://c:3"}, {"HTTPS_PROXY", "http://b:2"}},
     "http://b:2",
     "HTTPS_PROXY"},
    {"the configuration beats all",
     "http://z:9",
     {{"https_proxy", "http://a:1"}, {"HTTPS_PROXY", "http://b:2"}, {"all_proxy", "http://c:3"}},
     "http://z:9",
     "[upstream] proxy"},
    {"an empty configured proxy is none", "", {{"https_proxy", "http://a:1"}}, NULL, NULL},
    {"an empty variable is as if not set: the next counts",
     NULL,
     {{"https_proxy", ""}, {"HTTPS_PROXY", ""}, {"all_proxy", "c:3"}},
     "http://c:3",
     "all_proxy"},
    {"all variables empty", NULL, {{"https_proxy", ""}, {"ALL_PROXY", ""}}, NULL, NULL},
    {"a weaker malformed one does not matter",
     NULL,
     {{"ALL_PROXY", "socks4://x"}, {"https_proxy", "a:1"}},
     "http://a:1",
     "https_proxy"},
    {"http_proxy is not for https",
     NULL,
     {{"http_proxy", "http://a:1"}, {"HTTP_PROXY", "http://a:1"}},
     NULL,
     NULL},
    {"without a proxy nobody reads NO_PROXY", NULL, {{"NO_PROXY", "!!"}}, NULL, NULL},
};

static void test_orders(void)
{
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct egress e;
        struct err err;
        const struct egress *way;

        ok(start(&e, orders[i].proxy, NULL, orders[i].variables, &err), "%s: is read (%s)",
           orders[i].title, err.text);
        way = egress_for(&e, "license.example.com", 443);
        if (orders[i].url) {
            ok(way == &e, "%s: a proxy", orders[i].title);
            is_str(e.url, orders[i].url, orders[i].title);
            is_str(e.source, orders[i].source, orders[i].title);
        } else {
            ok(way == NULL && e.scheme == EGRESS_DIRECT, "%s: direct", orders[i].title);
        }
        egress_fini(&e);
    }
}

static const struct {
    const char *title;
    const char *no_proxy; /* of the configuration */
    struct variable variables[4];
    const char *source; /* NULL: the proxy is asked */
} list_orders[] = {
    {"no list", NULL, {{NULL, NULL}}, NULL},
    {"NO_PROXY", NULL, {{"NO_PROXY", "a.example"}}, "NO_PROXY"},
    {"no_proxy beats NO_PROXY",
     NULL,
     {{"NO_PROXY", "b.example"}, {"no_proxy", "a.example"}},
     "no_proxy"},
    {"which then does not count at all",
     NULL,
     {{"NO_PROXY", "a.example"}, {"no_proxy", "b.example"}},
     NULL},
    {"an empty no_proxy is as if not set",
     NULL,
     {{"NO_PROXY", "a.example"}, {"no_proxy", ""}},
     "NO_PROXY"},
    {"the configuration beats both",
     "a.example",
     {{"NO_PROXY", "b.example"}, {"no_proxy", "b.example"}},
     "[upstream] no_proxy"},
    {"an empty configured list is none", "", {{"NO_PROXY", "a.example"}}, NULL},
    {"a weaker malformed one does not matter",
     "a.example",
     {{"NO_PROXY", "!!"}},
     "[upstream] no_proxy"},
};

static void test_list_orders(void)
{
    for (size_t i = 0; i < sizeof list_orders / sizeof list_orders[0]; i++) {
        struct egress e;
        struct err err;

        ok(start(&e, "p:1", list_orders[i].no_proxy, list_orders[i].variables, &err),
           "%s: is read (%s)", list_orders[i].title, err.text);
        ok((egress_for(&e, "a.example", 443) == NULL) == (list_orders[i].source != NULL), "%s",
           list_orders[i].title);
        if (list_orders[i].source)
            is_str(e.list_source, list_orders[i].source, list_orders[i].title);
        egress_fini(&e);
    }
}

/* ---- the proxy's value --------------------------------------------------------------------- */

static const struct {
    const char *value;
    enum egress_scheme scheme;
    const char *url, *host;
    int port;
    const char *user, *password; /* NULL: none */
} proxies[] = {
    {"http://proxy.example:3128", EGRESS_HTTP, "http://proxy.example:3128", "proxy.example", 3128,
     NULL, NULL},
    {"http://proxy.example:3128/", EGRESS_HTTP, "http://proxy.example:3128", "proxy.example", 3128,
     NULL, NULL},
    {"HTTP://Proxy.Example:3128", EGRESS_HTTP, "http://Proxy.Example:3128", "Proxy.Example", 3128,
     NULL, NULL},
    /* Without a scheme: http, as in curl and Go. */
    {"proxy.example:3128", EGRESS_HTTP, "http://proxy.example:3128", "proxy.example", 3128, NULL,
     NULL},
    {"proxy", EGRESS_HTTP, "http://proxy:80", "proxy", 80, NULL, NULL},
    {"u:p@proxy:1", EGRESS_HTTP, "http://proxy:1", "proxy", 1, "u", "p"},
    {"10.0.0.1:8080", EGRESS_HTTP, "http://10.0.0.1:8080", "10.0.0.1", 8080, NULL, NULL},
    {"[2001:db8::1]:8080", EGRESS_HTTP, "http://[2001:db8::1]:8080", "2001:db8::1", 8080, NULL,
     NULL},
    {"[2001:db8::1]", EGRESS_HTTP, "http://[2001:db8::1]:80", "2001:db8::1", 80, NULL, NULL},
    /* Default ports as in Go; curl takes 1080 for http, too. */
    {"http://proxy", EGRESS_HTTP, "http://proxy:80", "proxy", 80, NULL, NULL},
    {"https://proxy", EGRESS_HTTPS, "https://proxy:443", "proxy", 443, NULL, NULL},
    {"socks5://proxy", EGRESS_SOCKS5, "socks5://proxy:1080", "proxy", 1080, NULL, NULL},
    {"socks5h://proxy", EGRESS_SOCKS5H, "socks5h://proxy:1080", "proxy", 1080, NULL, NULL},
    {"SOCKS5H://[::1]:9/", EGRESS_SOCKS5H, "socks5h://[::1]:9", "::1", 9, NULL, NULL},
    {"https://proxy.example.:8443", EGRESS_HTTPS, "https://proxy.example:8443", "proxy.example",
     8443, NULL, NULL},
    /* Credentials. */
    {"http://user:secret@proxy", EGRESS_HTTP, "http://proxy:80", "proxy", 80, "user", "secret"},
    {"http://user@proxy", EGRESS_HTTP, "http://proxy:80", "proxy", 80, "user", ""},
    {"http://user:@proxy", EGRESS_HTTP, "http://proxy:80", "proxy", 80, "user", ""},
    {"http://:token@proxy", EGRESS_HTTP, "http://proxy:80", "proxy", 80, "", "token"},
    {"http://a%20b:%40%3a%2f%25%C3%A9@proxy", EGRESS_HTTP, "http://proxy:80", "proxy", 80, "a b",
     "@:/%\xc3\xa9"},
    {"http://user:a:b@proxy", EGRESS_HTTP, "http://proxy:80", "proxy", 80, "user", "a:b"},
    {"socks5://us%3Aer:pass@proxy", EGRESS_SOCKS5, "socks5://proxy:1080", "proxy", 1080, "us:er",
     "pass"},
};

static void test_proxies(void)
{
    static const struct variable none[] = {{NULL, NULL}};

    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
        const char *value = proxies[i].value;
        bool with = proxies[i].user != NULL;
        struct egress e;
        struct err err;

        if (!ok(start(&e, value, NULL, none, &err), "%s is taken (%s)", value, err.text))
            continue;
        ok(e.scheme == proxies[i].scheme && e.port == proxies[i].port, "%s: scheme and port",
           value);
        ok(egress_resolves(&e) == (e.scheme != EGRESS_SOCKS5), "%s: who resolves", value);
        is_str(e.host, proxies[i].host, value);
        is_str(e.url, proxies[i].url, value);
        ok(secret_is_set(&e.user) == with && secret_is_set(&e.password) == with,
           "%s: credentials or none", value);
        if (with && e.user.data && e.password.data) {
            is_str(e.user.data, proxies[i].user, value);
            is_str(e.password.data, proxies[i].password, value);
        }
        egress_fini(&e);
        ok(e.scheme == EGRESS_DIRECT && !secret_is_set(&e.user) && !secret_is_set(&e.password),
           "%s: nothing is left", value);
    }
}

/* Each with "hunter" and "topsecret" for user and password where it has credentials. */
static const struct {
    const char *value, *says;
} bad_proxies[] = {
    {"socks4://proxy", "scheme is none of"},
    {"socks4a://hunter:topsecret@proxy", "scheme is none of"},
    {"socks://proxy", "scheme is none of"},
    {"ftp://hunter:topsecret@proxy", "scheme is none of"},
    {"hunter://topsecret@proxy", "scheme is none of"},
    {"http:/proxy", "port"},
    {"://proxy", "scheme"},
    {"hunter:topsecret://@proxy", "scheme"},
    {"http://", "no host"},
    {"http://:3128", "no host"},
    {":3128", "no host"},
    {"hunter:topsecret@", "no host"},
    {"http://proxy:", "port"},
    {"http://proxy:0", "port"},
    {"http://proxy:65536", "port"},
    {"http://proxy:http", "port"},
    {"http://hunter:topsecret@proxy:x", "port"},
    {"http://2001:db8::1:3128", "IPv4"},
    {"http://[2001:db8::1:3128", "IPv6"},
    {"http://[topsecret]", "IPv6"},
    {"http://pro xy", "space"},
    {" http://proxy", "space"},
    {"http://hunter:topsecret@proxy ", "space"},
    {"http://hunter:topsecret@proxy\n", "control"},
    {"http://hunter:topsecret@proxy\r", "control"},
    {"http://pr\xc3\xb6xy", "ASCII"},
    {"http://10.0.0:1", "number"},
    {"http://10.0.0.256", "number"},
    /* curl and Go pass over what stands behind the host. */
    {"http://hunter:topsecret@proxy/path", "path"},
    {"http://proxy?topsecret", "path"},
    {"http://proxy#topsecret", "fragment"},
    {"http://hunter:top@secret@proxy", "@"},
    {"http://hunter:top/secret@proxy", "port"},
    {"http://hunter:%topsecret@proxy", "%25"},
    {"http://hunter%:topsecret@proxy", "%25"},
    {"http://hunter:topsecret%00@proxy", "%25"},
    {"http://hunter:topsecret%0a@proxy", "control"},
    {"http://hun%0dter:topsecret@proxy", "control"},
    {"http://hunter%3a:topsecret@proxy", "7617"},
    {"https://hunter%3A:topsecret@proxy", "7617"},
    {"http://@proxy", "empty"},
    {"http://:@proxy", "empty"},
    {"socks5://hunter@proxy", "1929"},
    {"socks5://hunter:@proxy", "1929"},
    {"socks5h://:topsecret@proxy", "1929"},
};

static void test_bad_proxies(void)
{
    for (size_t i = 0; i < sizeof bad_proxies / sizeof bad_proxies[0]; i++) {
        struct variable variables[] = {{"HTTPS_PROXY", bad_proxies[i].value}, {NULL, NULL}};
        struct egress e;
        struct err err;

        ok(!start(&e, NULL, NULL, variables, &err) && err.code == ERR_CONFIG,
           "bad proxy %zu is refused", i);
        ok(strncmp(err.text, "HTTPS_PROXY: ", 13) == 0 && strstr(err.text, bad_proxies[i].says),
           "bad proxy %zu: says %s (%s)", i, bad_proxies[i].says, err.text);
        ok(!strstr(err.text, "hunter") && !strstr(err.text, "hun") && !strstr(err.text, "secret"),
           "bad proxy %zu: shows no credentials", i);
        ok(e.scheme == EGRESS_DIRECT && !e.user.data && !e.password.data && !e.list && !e.entries,
           "bad proxy %zu: nothing is left", i);
        ok(!start(&e, bad_proxies[i].value, NULL, variables, &err) &&
               strncmp(err.text, "[upstream] proxy: ", 18) == 0,
           "bad proxy %zu: the configuration is named", i);
    }
}

static void test_sizes(void)
{
    static const struct variable none[] = {{NULL, NULL}};
    static char value[LIMIT_URL + 2];
    struct egress e;
    struct err err;

    memset(value, 'a', sizeof value - 1);
    memcpy(value, "socks5://u:", 11);
    memcpy(value + 11 + 255, "@proxy", 7);
    ok(start(&e, value, NULL, none, &err) && e.password.size == 255, "255 bytes fit SOCKS5");
    egress_fini(&e);
    memset(value, 'a', sizeof value - 1);
    memcpy(value, "socks5://u:", 11);
    memcpy(value + 11 + 256, "@proxy", 7);
    ok(!start(&e, value, NULL, none, &err) && strstr(err.text, "1929"), "256 do not");
    memset(value, 'a', sizeof value - 1);
    memcpy(value, "http://u:", 9);
    memcpy(value + LIMIT_URL - 2, "@h", 3);
    ok(start(&e, value, NULL, none, &err), "a value of LIMIT_URL is taken (%s)", err.text);
    is_int(e.password.size, LIMIT_URL - 2 - 9, "with its password");
    egress_fini(&e);
    memset(value, 'a', sizeof value - 1);
    memcpy(value, "u:", 2);
    memcpy(value + LIMIT_URL - 1, "@h", 3);
    ok(!start(&e, value, NULL, none, &err) && strstr(err.text, "longer"), "a longer one is not");
}

/* ---- NO_PROXY ------------------------------------------------------------------------------ */

static const struct {
    const char *list, *host;
    int port;
    bool direct;
} choices[] = {
    /* A name stands for itself and all below it: curl and Go. */
    {"example.com", "example.com", 443, true},
    {"example.com", "www.example.com", 443, true},
    {"example.com", "a.b.example.com", 443, true},
    {"example.com", "nonexample.com", 443, false},
    {"example.com", "example.com.org", 443, false},
    {"example.com", "example.co", 443, false},
    {"example.com", "com", 443, false},
    {"www.example.com", "example.com", 443, false},
    {"com", "example.com", 443, true},
    {"localhost", "localhost", 443, true},
    {"a_b-c.example", "a_b-c.example", 443, true},
    /* Case and the last dot don't matter: curl and Go. */
    {"EXAMPLE.com", "Www.Example.COM", 443, true},
    {"example.com.", "example.com", 443, true},
    {"example.com", "example.com.", 443, true},
    {"example.com.", "www.example.com.", 443, true},
    /* A leading dot: Go. curl takes ".example.com" for example.com, too. */
    {".example.com", "www.example.com", 443, true},
    {".example.com", "a.b.example.com", 443, true},
    {".example.com", "example.com", 443, false},
    {".example.com.", "www.example.com", 443, true},
    {".com", "example.com", 443, true},
    {".example.com", ".example.com", 443, false},
    /* "*.": Go. curl compares the star itself. */
    {"*.example.com", "www.example.com", 443, true},
    {"*.example.com", "a.b.example.com", 443, true},
    {"*.example.com", "example.com", 443, false},
    /* "*" is everything: Go; in curl only when it is the whole list. */
    {"*", "example.com", 443, true},
    {"*", "192.0.2.1", 443, true},
    {"*", "2001:db8::1", 443, true},
    {"example.org,*", "example.com", 443, true},
    {"*:8443", "example.com", 8443, true},
    {"*:8443", "example.com", 443, false},
    /* Separators: commas and white space as in curl; Go knows commas only. */
    {"a.example,b.example", "b.example", 443, true},
    {"a.example, b.example", "b.example", 443, true},
    {"a.example b.example", "b.example", 443, true},
    {"a.example\tb.example\n", "b.example", 443, true},
    {" ,, a.example ,,b.example,", "a.example", 443, true},
    {" ,, a.example ,,b.example,", "b.example", 443, true},
    {" ,, a.example ,,b.example,", "c.example", 443, false},
    {" , ", "a.example", 443, false},
    /* Ports: Go; curl has none. */
    {"example.com:443", "example.com", 443, true},
    {"example.com:443", "www.example.com", 443, true},
    {"example.com:443", "example.com", 8443, false},
    {".example.com:8443", "www.example.com", 8443, true},
    {".example.com:8443", "www.example.com", 443, false},
    {"*.example.com:8443", "www.example.com", 8443, true},
    {"example.com.:443", "example.com", 443, true},
    {"192.0.2.1:8443", "192.0.2.1", 8443, true},
    {"192.0.2.1:8443", "192.0.2.1", 443, false},
    {"[2001:db8::1]:8443", "2001:db8::1", 8443, true},
    {"[2001:db8::1]:8443", "2001:db8::1", 443, false},
    {"example.com:443,example.com:8443", "example.com", 8443, true},
    /* Addresses: curl and Go. */
    {"192.0.2.1", "192.0.2.1", 443, true},
    {"192.0.2.1", "192.0.2.10", 443, false},
    {"192.0.2.1", "192.0.2.2", 443, false},
    {"2001:db8::1", "2001:db8::1", 443, true},
    {"2001:DB8:0:0::1", "2001:db8::1", 443, true},
    {"[2001:db8::1]", "2001:db8::1", 443, true},
    {"2001:db8::1", "2001:db8::2", 443, false},
    /* Nobody is asked whether a name has the address: curl and Go. */
    {"127.0.0.1", "localhost", 443, false},
    {"0.0.0.0/0", "example.com", 443, false},
    {"::/0", "example.com", 443, false},
    /* Nor is an address below a name or a name like one. */
    {"example.com", "192.0.2.1", 443, false},
    /* IPv4-mapped addresses are IPv4: Go. */
    {"192.0.2.1", "::ffff:192.0.2.1", 443, true},
    {"::ffff:192.0.2.1", "192.0.2.1", 443, true},
    {"::ffff:192.0.2.0/120", "192.0.2.77", 443, true},
    {"::ffff:192.0.2.0/120", "192.0.3.77", 443, false},
    {"192.0.2.0/24", "::ffff:c000:22a", 443, true},
    /* Networks: Go, and curl since 7.86. */
    {"192.0.2.0/24", "192.0.2.255", 443, true},
    {"192.0.2.0/24", "192.0.3.0", 443, false},
    {"192.0.2.77/24", "192.0.2.1", 443, true},
    {"10.0.0.0/8", "10.255.255.255", 443, true},
    {"10.0.0.0/8", "11.0.0.0", 443, false},
    {"172.16.0.0/12", "172.31.255.255", 443, true},
    {"172.16.0.0/12", "172.32.0.0", 443, false},
    {"192.0.2.128/25", "192.0.2.128", 443, true},
    {"192.0.2.128/25", "192.0.2.127", 443, false},
    {"192.0.2.1/32", "192.0.2.1", 443, true},
    {"192.0.2.1/32", "192.0.2.0", 443, false},
    {"192.0.2.0/31", "192.0.2.1", 443, true},
    {"0.0.0.0/0", "203.0.113.9", 443, true},
    {"0.0.0.0/0", "2001:db8::1", 443, false},
    {"2001:db8::/32", "2001:db8:ffff::1", 443, true},
    {"2001:db8::/32", "2001:db9::1", 443, false},
    {"2001:db8::/33", "2001:db8:7fff::1", 443, true},
    {"2001:db8::/33", "2001:db8:8000::1", 443, false},
    {"fe80::/10", "febf::1", 443, true},
    {"fe80::/10", "fec0::1", 443, false},
    {"2001:db8::1/128", "2001:db8::1", 443, true},
    {"2001:db8::1/128", "2001:db8::", 443, false},
    {"::/0", "2001:db8::1", 443, true},
    {"::/0", "192.0.2.1", 443, false},
    /* Networks in brackets or with a port: neither curl nor Go. */
    {"192.0.2.0/24:8443", "192.0.2.1", 8443, true},
    {"192.0.2.0/24:8443", "192.0.2.1", 443, false},
    {"[2001:db8::]/32", "2001:db8::1", 443, true},
    {"[2001:db8::/32]", "2001:db8::1", 443, true},
    {"[2001:db8::/32]", "2001:db9::1", 443, false},
    {"[2001:db8::]/32:8443", "2001:db8::1", 8443, true},
    {"[2001:db8::]/32:8443", "2001:db8::1", 443, false},
    {"[2001:db8::/32]:8443", "2001:db8::1", 8443, true},
    {"[2001:db8::/32]:8443", "2001:db8::1", 443, false},
    /* The proxy is asked for this machine, too, unless listed: curl. Go goes there directly. */
    {"example.com", "localhost", 443, false},
    {"example.com", "127.0.0.1", 443, false},
    {"example.com", "::1", 443, false},
};

static void test_choices(void)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct variable variables[] = {{"NO_PROXY", choices[i].list}, {NULL, NULL}};
        const struct egress *way;
        struct egress e;
        struct err err;

        if (!ok(start(&e, "proxy", NULL, variables, &err), "list %zu is taken (%s)", i, err.text))
            continue;
        way = egress_for(&e, choices[i].host, (uint16_t)choices[i].port);
        ok(way == (choices[i].direct ? NULL : &e), "list %zu: %s port %d %s", i, choices[i].host,
           choices[i].port, choices[i].direct ? "directly" : "by the proxy");
        egress_fini(&e);
    }
}

/* curl and Go pass over each of these. The bad entry is the second. */
static const struct {
    const char *entry, *says;
} bad_entries[] = {
    {"exa!mple.com", "neither"},
    {"ex\xc3\xa4mple.com", "neither"},
    {"a..b", "neither"},
    {"..a", "neither"},
    {".", "neither"},
    {"*.", "neither"},
    {"<local>", "neither"},
    {"*example.com", "\"*\""},
    {"www.*", "\"*\""},
    {"192.168.*", "\"*\""},
    {"a.*.b", "\"*\""},
    {"**", "\"*\""},
    {"10", "neither"},
    {"10.0.0", "neither"},
    {"10.0.0.256", "neither"},
    {"10.0.0.0.1", "neither"},
    {"0x7f.1", "neither"},
    {"10/8", "neither"},
    {"10.0.0.0/", "length"},
    {"10.0.0.0/33", "length"},
    {"10.0.0.0/-1", "length"},
    {"10.0.0.0/8/8", "length"},
    {"10.0.0.0/255.0.0.0", "length"},
    {"example.com/8", "neither"},
    {"2001:db8::/129", "length"},
    {"2001:db8::/", "length"},
    {"::ffff:10.0.0.0/95", "length"},
    {"2001:db8::1::2", "IPv6"},
    {"2001:db8::/32:443", "length"},
    {"fe80::1%eth0", "IPv6"},
    {"example.com:", "port"},
    {"example.com:0", "port"},
    {"example.com:65536", "port"},
    {"example.com:https", "port"},
    {":443", "neither"},
    {"10.0.0.0/8:x", "port"},
    {"[2001:db8::1]:", "port"},
    {"[2001:db8::1]:x", "port"},
    {"[2001:db8::1]443", "brackets"},
    {"[2001:db8::1", "without"},
    {"[10.0.0.1]", "brackets"},
    {"[example.com]:443", "brackets"},
    {"[]", "brackets"},
    {"[2001:db8::]/129", "length"},
    {"[2001:db8::/32]/32", "neither"},
    {"https://example.com", "URL"},
    {"http://hunter:topsecret@proxy", "URL"},
    {"hunter:topsecret@example.com", "port"},
    {"a\x01.example", "neither"},
};

static void test_bad_entries(void)
{
    for (size_t i = 0; i < sizeof bad_entries / sizeof bad_entries[0]; i++) {
        const char *entry = bad_entries[i].entry;
        char list[128];
        struct variable variables[] = {{"no_proxy", list}, {NULL, NULL}};
        struct egress e;
        struct err err;
        bool done;

        snprintf(list, sizeof list, "good.example, %s", entry);
        done = start(&e, "proxy", NULL, variables, &err);
        ok(!done && err.code == ERR_CONFIG && e.scheme == EGRESS_DIRECT && !e.list && !e.entries,
           "bad entry %zu is refused", i);
        ok(strncmp(err.text, "no_proxy: entry 2, ", 19) == 0 &&
               strstr(err.text, bad_entries[i].says),
           "bad entry %zu: says %s (%s)", i, bad_entries[i].says, err.text);
        ok(!strstr(err.text, "secret"), "bad entry %zu: shows no password", i);
    }
}

static void test_many(void)
{
    static char list[(LIMIT_NO_PROXY + 1) * 16];
    struct variable variables[] = {{"NO_PROXY", list}, {NULL, NULL}};
    struct egress e;
    struct err err;
    size_t n = 0;

    for (int i = 0; i < LIMIT_NO_PROXY; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "h%d.example,", i);
    ok(start(&e, "proxy", NULL, variables, &err), "as many entries as allowed");
    is_int(e.count, LIMIT_NO_PROXY, "are kept");
    ok(!egress_for(&e, "h255.example", 443) && egress_for(&e, "h256.example", 443),
       "the last one counts");
    egress_fini(&e);
    snprintf(list + n, sizeof list - n, "x");
    ok(!start(&e, "proxy", NULL, variables, &err) && err.code == ERR_CONFIG &&
           strstr(err.text, "NO_PROXY"),
       "one more is refused (%s)", err.text);
}

static void test_long_names(void)
{
    static char list[1200], host[300];
    struct variable variables[] = {{"NO_PROXY", list}, {NULL, NULL}};
    struct egress e;
    struct err err;

    memset(host, 'a', 253);
    host[63] = host[127] = host[191] = '.';
    snprintf(list, sizeof list, "*.%s.:65535", host);
    ok(start(&e, "proxy", NULL, variables, &err), "the longest name (%s)", err.text);
    ok(egress_for(&e, host, 65535) == &e, "is read to its end");
    egress_fini(&e);
    memset(list, 'a', sizeof list - 1);
    ok(!start(&e, "proxy", NULL, variables, &err) && strlen(err.text) < 200,
       "a longer one is refused and shown in part (%s)", err.text);
}

int main(void)
{
    test_orders();
    test_list_orders();
    test_proxies();
    test_bad_proxies();
    test_sizes();
    test_choices();
    test_bad_entries();
    test_many();
    test_long_names();
    return done_testing();
}
