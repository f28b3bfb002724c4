#include "format/uri.h"

#include <arpa/inet.h>

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_visible(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

static struct slice slice_from(struct slice s, size_t i)
{
    return slice_make(s.p + i, s.n - i);
}

/* Bytes before the first that is in set; s.n if there is none. */
static size_t find(struct slice s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] && strchr(set, s.p[i]))
            return i;
    return s.n;
}

static bool is_ipv6(struct slice s)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in6_addr address;

    return slice_copy(s, text, sizeof text) && inet_pton(AF_INET6, text, &address) == 1;
}

bool uri_is_ip(struct slice s)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in_addr address;

    return is_ipv6(s) ||
           (slice_copy(s, text, sizeof text) && inet_pton(AF_INET, text, &address) == 1);
}

/*
 * Whether the last label begins like a number. Resolvers read such names ("127.1", "0x7f.1",
 * "2130706433") as addresses, where a reader sees a name.
 */
static bool ends_in_number(struct slice host)
{
    size_t i = host.n;

    if (i > 0 && host.p[i - 1] == '.')
        i--;
    while (i > 0 && host.p[i - 1] != '.')
        i--;
    if (i + 1 < host.n && host.p[i] == '0' && (host.p[i + 1] | 0x20) == 'x')
        return true;
    for (; i < host.n && host.p[i] != '.'; i++)
        if (!is_digit(host.p[i]))
            return false;
    return true;
}

/* A name as resolvers take it; a dot may end it (RFC 1035 section 2.3.4 gives the sizes). */
static bool is_name(struct slice host)
{
    size_t label = 0;

    if (host.n == 0 || host.n - (host.p[host.n - 1] == '.') > LIMIT_HOST)
        return false;
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];

        if (c == '.' ? label == 0 : !is_alpha(c) && !is_digit(c) && c != '-' && c != '_')
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return true;
}

/* Splits host [":" port]. NULL, or what is wrong. */
static const char *split_host(struct slice s, struct uri *out)
{
    struct slice port;
    uint64_t number;

    if (s.n > 0 && s.p[0] == '[') {
        size_t end = find(s, "]");

        if (end == s.n || !is_ipv6(slice_make(s.p + 1, end - 1)))
            return "the host in brackets is not an IPv6 address";
        out->host = slice_make(s.p + 1, end - 1);
        out->host_is_ip = true;
        port = slice_from(s, end + 1);
        if (port.n > 0 && port.p[0] != ':')
            return "only a port may follow the host";
    } else {
        size_t end = find(s, ":");

        out->host = slice_make(s.p, end);
        out->host_is_ip = uri_is_ip(out->host);
        port = slice_from(s, end);
        if (out->host.n == 0)
            return "there is no host";
        if (!is_name(out->host))
            return "the host is neither a name nor an address (an IPv6 address needs brackets)";
        if (!out->host_is_ip && ends_in_number(out->host))
            return "the host ends in a number but is not an IPv4 address";
    }
    if (port.n == 0)
        return NULL;
    if (!slice_to_u64(slice_from(port, 1), 65535, &number) || number == 0)
        return "the port is not a number from 1 to 65535";
    out->port = (uint16_t)number;
    return NULL;
}

/* NULL, or what is wrong, in words that hold nothing of the text: it may hold a password. */
static const char *split(struct slice text, struct uri *out)
{
    struct slice authority;
    size_t i = 0;

    memset(out, 0, sizeof *out);
    if (!is_visible(text))
        return "a space, a control or a byte outside of ASCII must be percent-encoded";
    while (i < text.n &&
           (is_alpha(text.p[i]) ||
            (i > 0 && (is_digit(text.p[i]) || find(slice_make(text.p + i, 1), "+-.") == 0))))
        i++;
    if (i == 0 || !slice_starts_with(slice_from(text, i), SLICE("://")))
        return "it does not start with a scheme and \"://\"";
    out->scheme = slice_make(text.p, i);
    text = slice_from(text, i + 3);
    if (find(text, "#") < text.n)
        return "a fragment (\"#\") has no meaning here";
    i = find(text, "/?");
    authority = slice_make(text.p, i);
    out->path = slice_from(text, i);
    i = find(authority, "@");
    if (i < authority.n) {
        out->has_userinfo = true;
        out->userinfo = slice_make(authority.p, i);
        authority = slice_from(authority, i + 1);
        if (find(authority, "@") < authority.n)
            return "there is more than one \"@\" (in a password, write %40)";
    }
    return split_host(authority, out);
}

bool uri_parse(struct slice text, struct uri *out, struct err *err)
{
    const char *wrong = text.n > LIMIT_URL ? "it is longer than allowed" : split(text, out);

    if (wrong)
        err_set(err, ERR_CONFIG, "not a usable URL: %s", wrong);
    return !wrong;
}

bool uri_decode(struct slice text, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        uint64_t byte = (unsigned char)text.p[i];

        if (byte == '%') {
            if (text.n - i < 3 || !slice_hex_to_u64(slice_make(text.p + i + 1, 2), &byte))
                return false;
            i += 2;
        }
        if (byte == 0 || n + 1 >= cap)
            return false;
        out[n++] = (char)byte;
    }
    if (n >= cap)
        return false;
    out[n] = '\0';
    return true;
}

/*
 * Whether a path could climb out of its prefix at some server behind. Such servers are known to
 * decode "%2f", to take backslashes for slashes, and to cut path parameters off a segment
 * ("..;x"), so each of these ends a segment here.
 */
static bool has_dot_segment(struct slice path)
{
    size_t dots = 0, others = 0;

    for (size_t i = 0; i <= path.n; i++) {
        uint64_t c = i < path.n ? (unsigned char)path.p[i] : '/';

        if (c == '%' && path.n - i >= 3 && slice_hex_to_u64(slice_make(path.p + i + 1, 2), &c))
            i += 2;
        if (c == '.') {
            dots++;
        } else if (c == '/' || c == '\\' || c == ';') {
            if (others == 0 && (dots == 1 || dots == 2))
                return true;
            dots = others = 0;
        } else {
            others++;
        }
    }
    return false;
}

/* NULL, or what is wrong. */
static const char *split_target(struct slice target, struct slice *path)
{
    struct uri uri;

    if (!is_visible(target) || find(target, "#") < target.n)
        return "a byte that has no place in it";
    *path = target;
    if (target.n == 0 || target.p[0] != '/') {
        if (split(target, &uri) || !(slice_eq_nocase(uri.scheme, SLICE("https")) ||
                                     slice_eq_nocase(uri.scheme, SLICE("http"))))
            return "neither a path nor an http or https URL";
        if (uri.has_userinfo)
            return "a URL with user information";
        if (uri.path.n > 0 && uri.path.p[0] != '/')
            return "a URL with a query but no path";
        *path = uri.path.n > 0 ? uri.path : SLICE("/");
    }
    if (has_dot_segment(slice_make(path->p, find(*path, "?"))))
        return "a path with dot segments";
    return NULL;
}

bool uri_target_path(struct slice target, struct slice *path, struct err *err)
{
    const char *wrong = split_target(target, path);

    if (wrong)
        err_set_http(err, ERR_SYNTAX, 400, "request target: %s", wrong);
    return !wrong;
}
