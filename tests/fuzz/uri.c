/*
 * URIs and request targets: all parts lie in the text and, put together again, are the text;
 * decoding never writes past its room; a path that is let through climbs nowhere.
 */
#include "format/uri.h"

#include "format/http_parse.h"

#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(struct slice part, struct slice text)
{
    return part.n == 0 || (part.p >= text.p && part.p + part.n <= text.p + text.n);
}

static void check_uri(struct slice text)
{
    struct err err = {0};
    struct uri u;

    if (!uri_parse(text, &u, &err)) {
        MUST(err.code == ERR_CONFIG && err.text[0]);
        return;
    }
    MUST(!err_is_set(&err) && u.scheme.n > 0 && u.host.n > 0 && u.host.n <= LIMIT_HOST + 1);
    MUST(is_within(u.scheme, text) && is_within(u.userinfo, text) && is_within(u.host, text) &&
         is_within(u.path, text));
    MUST(u.scheme.p == text.p && u.path.p + u.path.n == text.p + text.n);
    MUST(u.host_is_ip == uri_is_ip(u.host) && (u.has_userinfo || u.userinfo.n == 0));
    MUST(u.path.n == 0 || u.path.p[0] == '/' || u.path.p[0] == '?');
    /* "://", "@", and what stands between host and path: "]" and the port. */
    MUST(u.host.p ==
         u.scheme.p + u.scheme.n + 3 + u.userinfo.n + u.has_userinfo + (u.host.p[-1] == '['));
    MUST(memchr(u.host.p, '@', u.host.n) == NULL && memchr(text.p, '#', text.n) == NULL);
}

/* What a server behind may make of a path: decoded, cut at slashes. */
static void check_climbs_not(struct slice path)
{
    const char *query = memchr(path.p, '?', path.n);
    size_t n = query ? (size_t)(query - path.p) : path.n, start;
    char *decoded = malloc(n + 1);

    MUST(decoded != NULL && n > 0 && path.p[0] == '/');
    if (uri_decode(slice_make(path.p, n), decoded, n + 1)) {
        n = strlen(decoded);
        for (size_t i = start = 0; i <= n; i++) {
            if (decoded[i] && !strchr("/\\", decoded[i]))
                continue;
            MUST(!(i - start == 1 && decoded[start] == '.'));
            MUST(!(i - start == 2 && decoded[start] == '.' && decoded[start + 1] == '.'));
            start = i + 1;
        }
    }
    free(decoded);
}

static void check_target(struct slice text)
{
    struct err err = {0};
    struct slice path;

    if (!uri_target_path(text, &path, &err)) {
        MUST(err.code == ERR_SYNTAX && err.status == 400);
        return;
    }
    MUST(!err_is_set(&err) && path.n > 0);
    MUST(is_within(path, text) || slice_eq(path, SLICE("/")));
    check_climbs_not(path);
}

static void check_decode(struct slice text)
{
    size_t cap = text.n / 2 + 1;
    char *out = malloc(cap);

    MUST(out != NULL);
    if (uri_decode(text, out, cap))
        MUST(strlen(out) < cap);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);

    check_uri(text);
    check_target(text);
    check_decode(text);
    (void)uri_is_ip(text);
    return 0;
}
