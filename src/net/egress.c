/*
 * Values are read into the same strict URI parser as every other URL; what is special to proxies
 * (no scheme means http, credentials, no path) is added here. Texts of errors are made of constants
 * alone wherever the value may hold a password.
 */
#include "net/egress.h"

#include "format/uri.h"

#include <stdio.h>
#include <stdlib.h>

static const char configured_proxy[] = "[upstream] proxy";
static const char configured_list[] = "[upstream] no_proxy";

static const struct {
    struct slice name;
    enum egress_scheme scheme;
    uint16_t port;
} schemes[] = {
    {SLICE("http"), EGRESS_HTTP, 80},
    {SLICE("https"), EGRESS_HTTPS, 443},
    {SLICE("socks5"), EGRESS_SOCKS5, 1080},
    {SLICE("socks5h"), EGRESS_SOCKS5H, 1080},
};

static struct slice slice_from(struct slice s, size_t i)
{
    return slice_make(s.p + i, s.n - i);
}

/* s.n if it isn't in s. */
static size_t find(struct slice s, char c)
{
    const char *p = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return p ? (size_t)(p - s.p) : s.n;
}

static bool has_two(struct slice s, char c)
{
    size_t i = find(s, c);

    return i < s.n && memchr(s.p + i + 1, c, s.n - i - 1) != NULL;
}

/* ---- the proxy ----------------------------------------------------------------------------- */

static bool refuse_proxy(const struct egress *e, const char *why, struct err *err)
{
    err_set(err, ERR_CONFIG, "%s: not a usable egress proxy: %s", e->source, why);
    return false;
}

static bool no_memory(struct err *err)
{
    err_set(err, ERR_MEMORY, "out of memory for the egress proxy's settings");
    return false;
}

static bool has_control(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return true;
    return false;
}

/* Decodes one half of the userinfo. */
static bool take_half(struct egress *e, struct slice half, struct secret *out, struct err *err)
{
    char text[LIMIT_URL + 1];
    bool done = false;

    if (!uri_decode(half, text, sizeof text))
        (void)refuse_proxy(e,
                           "in user or password, \"%\" needs two hexadecimal digits other than 00 "
                           "(for a \"%\" itself, write %25)",
                           err);
    else if (has_control(text))
        (void)refuse_proxy(e, "a control character in user or password", err);
    else if (!secret_set(out, text, strlen(text)))
        (void)no_memory(err);
    else
        done = true;
    secret_wipe(text, sizeof text);
    return done;
}

static bool take_userinfo(struct egress *e, struct slice userinfo, struct err *err)
{
    size_t colon = find(userinfo, ':');
    struct slice password = colon < userinfo.n ? slice_from(userinfo, colon + 1) : SLICE("");

    if (!take_half(e, slice_make(userinfo.p, colon), &e->user, err) ||
        !take_half(e, password, &e->password, err))
        return false;
    if (e->user.size == 0 && e->password.size == 0)
        return refuse_proxy(e, "user and password are empty; leave out all up to the \"@\"", err);
    if (e->scheme == EGRESS_HTTP || e->scheme == EGRESS_HTTPS) {
        if (memchr(e->user.data, ':', e->user.size))
            return refuse_proxy(e, "a user with \":\" can't be told to it (RFC 7617)", err);
    } else if (e->user.size < 1 || e->user.size > 255 || e->password.size < 1 ||
               e->password.size > 255) {
        return refuse_proxy(e,
                            "SOCKS5 needs a user and a password of 1 to 255 bytes each "
                            "(RFC 1929)",
                            err);
    }
    return true;
}

static bool take_uri(struct egress *e, const struct uri *uri, struct err *err)
{
    struct slice host = uri->host, scheme = {NULL, 0};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (slice_eq_nocase(uri->scheme, schemes[i].name)) {
            e->scheme = schemes[i].scheme;
            e->port = uri->port ? uri->port : schemes[i].port;
            scheme = schemes[i].name;
        }
    }
    if (e->scheme == EGRESS_DIRECT)
        return refuse_proxy(e, "its scheme is none of http, https, socks5 and socks5h", err);
    if (uri->path.n > 0 && !slice_eq(uri->path, SLICE("/")))
        return refuse_proxy(e, "a path or query has no meaning for a proxy; leave it out", err);
    if (uri->has_userinfo && !take_userinfo(e, uri->userinfo, err))
        return false;
    if (host.p[host.n - 1] == '.')
        host.n--;
    if (!slice_copy(host, e->host, sizeof e->host))
        return refuse_proxy(e, "its host is longer than a name can be", err);
    snprintf(e->url, sizeof e->url, find(host, ':') < host.n ? "%.*s://[%s]:%u" : "%.*s://%s:%u",
             (int)scheme.n, scheme.p, e->host, e->port);
    return true;
}

/* Whether a scheme is written. "://" can stand nowhere else: a "/" ends the authority. */
static bool has_scheme(struct slice value)
{
    return slice_contains(value, SLICE("://"));
}

static bool take_proxy(struct egress *e, struct slice value, struct err *err)
{
    char text[LIMIT_URL + sizeof "http://"];
    struct err cause = {0};
    struct slice scheme = has_scheme(value) ? SLICE("") : SLICE("http://");
    struct uri uri;
    bool done = false;

    if (value.n > LIMIT_URL || memchr(value.p, '\0', value.n))
        return refuse_proxy(e, "longer than allowed, or a NUL inside", err);
    memcpy(text, scheme.p, scheme.n);
    memcpy(text + scheme.n, value.p, value.n);
    if (uri_parse(slice_make(text, scheme.n + value.n), &uri, &cause))
        done = take_uri(e, &uri, err);
    else
        err_set(err, ERR_CONFIG, "%s: %s", e->source, cause.text);
    secret_wipe(text, sizeof text);
    return done;
}

/* ---- the hosts that it is not asked for ---------------------------------------------------- */

static bool is_separator(char c)
{
    return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool next_entry(struct slice *rest, struct slice *entry)
{
    size_t n = 0;

    while (rest->n > 0 && is_separator(rest->p[0]))
        *rest = slice_from(*rest, 1);
    while (n < rest->n && !is_separator(rest->p[n]))
        n++;
    *entry = slice_make(rest->p, n);
    *rest = slice_from(*rest, n);
    return n > 0;
}

static const char bad_port[] = "its port is not a number from 1 to 65535";
static const char bad_prefix[] = "its network's length is not a number that fits the address";
static const char bad_v6[] = "not an IPv6 address (with a port, it needs brackets)";
static const char bad_name[] = "neither a name nor an address";

/* Takes ":port" off the end, if there is one. NULL, or what is wrong. */
static const char *take_port(struct slice *text, struct egress_entry *entry)
{
    size_t colon = find(*text, ':');
    uint64_t port;

    if (colon == text->n)
        return NULL;
    if (!slice_to_u64(slice_from(*text, colon + 1), 65535, &port) || port == 0)
        return bad_port;
    entry->port = (uint16_t)port;
    text->n = colon;
    return NULL;
}

/* address ["/" prefix]. NULL, or what is wrong. */
static const char *take_network(struct slice address, struct slice prefix, bool has_prefix,
                                struct egress_entry *entry)
{
    struct cidr_address a;

    if (!cidr_read_address(address, &a))
        return bad_name;
    entry->kind = EGRESS_NETWORK;
    if (has_prefix)
        return cidr_set(&entry->network, &a, prefix) ? NULL : bad_prefix;
    cidr_set_one(&entry->network, &a);
    return NULL;
}

/* "[address]", "[address]/prefix", "[address/prefix]", and a port. NULL, or what is wrong. */
static const char *take_brackets(struct slice text, struct egress_entry *entry)
{
    size_t end = find(text, ']');
    struct slice inside, behind, prefix = {NULL, 0};
    const char *wrong;
    bool has_prefix;

    if (end == text.n)
        return "a \"[\" without \"]\"";
    inside = slice_make(text.p + 1, end - 1);
    behind = slice_from(text, end + 1);
    if (find(inside, ':') == inside.n)
        return "only an IPv6 address stands in brackets";
    wrong = take_port(&behind, entry);
    if (wrong)
        return wrong;
    if (behind.n > 0 && behind.p[0] != '/')
        return "only a network's length or a port may follow the brackets";
    has_prefix = behind.n > 0;
    if (has_prefix) {
        prefix = slice_from(behind, 1);
    } else if (find(inside, '/') < inside.n) {
        has_prefix = true;
        prefix = slice_from(inside, find(inside, '/') + 1);
        inside.n = find(inside, '/');
    }
    return take_network(inside, prefix, has_prefix, entry);
}

/* A name as a URL may hold it, so one that could match. NULL, or what is wrong. */
static const char *take_name(struct slice text, struct egress_entry *entry)
{
    char url[sizeof "http://" + LIMIT_HOST + 1];
    struct uri uri;
    int n;

    entry->kind = EGRESS_NAME;
    if (slice_starts_with(text, SLICE("*.")))
        text = slice_from(text, 1);
    if (text.n > 0 && text.p[0] == '.') {
        entry->kind = EGRESS_BELOW;
        text = slice_from(text, 1);
    }
    if (text.n > 0 && text.p[text.n - 1] == '.')
        text.n--;
    if (text.n > LIMIT_HOST)
        return "longer than a name can be";
    if (find(text, '*') < text.n)
        return "\"*\" stands only alone or, as in \"*.example.com\", for the first label";
    n = snprintf(url, sizeof url, "http://%.*s", (int)text.n, text.p);
    if (!uri_parse(slice_make(url, (size_t)n), &uri, NULL) || uri.host.n != text.n ||
        uri.host_is_ip)
        return bad_name;
    entry->name = text;
    return NULL;
}

/* NULL, or what is wrong. */
static const char *take_entry(struct slice text, struct egress_entry *entry)
{
    size_t slash = find(text, '/');
    struct cidr_address a;
    const char *wrong;

    if (text.p[0] == '[')
        return take_brackets(text, entry);
    if (has_scheme(text))
        return "a URL; write only its host";
    if (cidr_read_address(text, &a))
        return take_network(text, text, false, entry);
    if (cidr_read_address(slice_make(text.p, slash), &a) && slash < text.n && (a.v6 || a.mapped))
        return take_network(slice_make(text.p, slash), slice_from(text, slash + 1), true, entry);
    if (has_two(text, ':'))
        return bad_v6;
    wrong = take_port(&text, entry);
    if (wrong)
        return wrong;
    if (slice_eq(text, SLICE("*"))) {
        entry->kind = EGRESS_ANY;
        return NULL;
    }
    slash = find(text, '/');
    if (slash < text.n)
        return take_network(slice_make(text.p, slash), slice_from(text, slash + 1), true, entry);
    if (cidr_read_address(text, &a))
        return take_network(text, text, false, entry);
    return take_name(text, entry);
}

/* What of an entry is shown: printable, cut, and nothing that may be a misplaced password. */
static void show_entry(struct slice entry, char out[48])
{
    size_t n = 0;

    if (find(entry, '@') < entry.n) {
        snprintf(out, 48, "with an \"@\" in it");
        return;
    }
    out[n++] = '"';
    for (size_t i = 0; i < entry.n && n < 44; i++) {
        unsigned char c = (unsigned char)entry.p[i];

        out[n++] = c > ' ' && c < 0x7f && c != '"' ? (char)c : '?';
    }
    out[n++] = '"';
    out[n] = '\0';
}

static bool take_list(struct egress *e, const char *value, struct err *err)
{
    struct slice rest, text;
    size_t count = 0;

    e->list = strdup(value);
    if (!e->list)
        return no_memory(err);
    for (rest = slice_of(e->list); next_entry(&rest, &text);)
        count++;
    if (count > LIMIT_NO_PROXY) {
        err_set(err, ERR_CONFIG, "%s: more than %d entries; name networks or whole domains instead",
                e->list_source, LIMIT_NO_PROXY);
        return false;
    }
    e->entries = calloc(count + 1, sizeof *e->entries);
    if (!e->entries)
        return no_memory(err);
    for (rest = slice_of(e->list); next_entry(&rest, &text); e->count++) {
        const char *wrong = take_entry(text, &e->entries[e->count]);
        char shown[48];

        if (wrong) {
            show_entry(text, shown);
            err_set(err, ERR_CONFIG, "%s: entry %zu, %s, is not usable: %s", e->list_source,
                    e->count + 1, shown, wrong);
            return false;
        }
    }
    return true;
}

/* ---- both ---------------------------------------------------------------------------------- */

/* The first of the variables (ended by NULL) that isn't empty; *source is its name. */
static const char *first_set(const char *const *names,
                             const char *(*lookup)(void *ctx, const char *name), void *ctx,
                             const char **source)
{
    for (; *names; names++) {
        const char *value = lookup(ctx, *names);

        if (value && value[0]) {
            *source = *names;
            return value;
        }
    }
    return NULL;
}

/* Empty if there is no proxy. */
static struct slice choose_proxy(const struct secret *proxy,
                                 const char *(*lookup)(void *ctx, const char *name), void *ctx,
                                 const char **source)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                        NULL};
    const char *value;

    if (proxy && secret_is_set(proxy)) {
        *source = configured_proxy;
        return slice_make(proxy->data, proxy->size);
    }
    value = first_set(names, lookup, ctx, source);
    return value ? slice_of(value) : slice_make(NULL, 0);
}

static const char *choose_list(const char *no_proxy,
                               const char *(*lookup)(void *ctx, const char *name), void *ctx,
                               const char **source)
{
    static const char *const names[] = {"no_proxy", "NO_PROXY", NULL};

    if (!no_proxy)
        return first_set(names, lookup, ctx, source);
    *source = configured_list;
    return no_proxy[0] ? no_proxy : NULL;
}

bool egress_init(struct egress *e, const struct secret *proxy, const char *no_proxy,
                 const char *(*lookup)(void *ctx, const char *name), void *ctx, struct err *err)
{
    const char *source = NULL, *list;
    struct slice value = choose_proxy(proxy, lookup, ctx, &source);

    memset(e, 0, sizeof *e);
    if (value.n == 0)
        return true;
    e->source = source;
    if (!take_proxy(e, value, err))
        goto fail;
    list = choose_list(no_proxy, lookup, ctx, &source);
    e->list_source = list ? source : NULL;
    if (list && !take_list(e, list, err))
        goto fail;
    return true;
fail:
    egress_fini(e);
    return false;
}

void egress_fini(struct egress *e)
{
    secret_fini(&e->user);
    secret_fini(&e->password);
    free(e->list);
    free(e->entries);
    memset(e, 0, sizeof *e);
}

static bool is_below(struct slice host, struct slice name)
{
    return host.n > name.n + 1 && host.p[host.n - name.n - 1] == '.' &&
           slice_eq_nocase(slice_from(host, host.n - name.n), name);
}

/* address is NULL for a host that is a name. */
static bool matches(const struct egress_entry *entry, struct slice host,
                    const struct cidr_address *address, uint16_t port)
{
    if (entry->port && entry->port != port)
        return false;
    switch (entry->kind) {
    case EGRESS_ANY:
        return true;
    case EGRESS_NETWORK:
        return address && cidr_has(&entry->network, address);
    case EGRESS_NAME:
        return !address && (slice_eq_nocase(host, entry->name) || is_below(host, entry->name));
    case EGRESS_BELOW:
        return !address && is_below(host, entry->name);
    }
    return false;
}

const struct egress *egress_for(const struct egress *e, const char *host, uint16_t port)
{
    struct slice name = slice_of(host);
    struct cidr_address address;
    bool is_address;

    if (e->scheme == EGRESS_DIRECT)
        return NULL;
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    is_address = cidr_read_address(name, &address);
    for (size_t i = 0; i < e->count; i++)
        if (matches(&e->entries[i], name, is_address ? &address : NULL, port))
            return NULL;
    return e;
}
