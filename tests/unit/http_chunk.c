#include "format/http_chunk.h"
#include "page.h"
#include "tap.h"

#define MAX 64 /* bound of the decoded body in these tests */

struct verdict {
    int is; /* -1: more is needed, 0: done, else the refusal's status */
    size_t used;
    char data[MAX + 1];
    size_t n;
};

static struct page page;

static struct verdict feed(struct slice input, size_t step)
{
    struct verdict v = {.is = -1};
    struct http_chunk c;
    struct err err = {0};
    struct buf out;
    enum parse rv;

    http_chunk_init(&c);
    buf_init(&out, MAX);
    do {
        size_t n = input.n - v.used < step ? input.n - v.used : step;
        size_t used = n + 1;

        rv = http_chunk_feed(&c, page_put(&page, slice_make(input.p + v.used, n)), &used, &out,
                             &err);
        if (used > n || (rv == PARSE_MORE && used != n))
            v.is = -100;
        v.used += used;
    } while (rv == PARSE_MORE && v.used < input.n && v.is != -100);
    if (rv == PARSE_DONE && v.is != -100)
        v.is = err_is_set(&err) ? -101 : 0;
    if (rv == PARSE_BAD)
        v.is = (err.code == ERR_LIMIT && err.status == 413) ||
                       (err.code == ERR_SYNTAX && err.status == 400)
                   ? err.status
                   : -102;
    v.n = out.len;
    if (out.len > 0)
        memcpy(v.data, out.data + out.off, out.len);
    /* What was decided stays so. */
    if (rv != PARSE_MORE) {
        size_t used = 9;

        if (http_chunk_feed(&c, SLICE("0\r\n\r\n"), &used, &out, &err) != rv || used != 0)
            v.is = -103;
    }
    buf_fini(&out);
    return v;
}

static bool judged(struct slice input, int want, const char *data, size_t rest)
{
    struct verdict whole = feed(input, input.n);
    size_t steps[] = {1, 2, 3, 7, 64, 1000};

    if (whole.is != want || (want == 0 && whole.used != input.n - rest))
        return false;
    if (data && (whole.n != strlen(data) || memcmp(whole.data, data, whole.n) != 0))
        return false;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct verdict cut = feed(input, steps[i]);

        if (cut.is != whole.is || cut.used != whole.used || cut.n != whole.n ||
            memcmp(cut.data, whole.data, whole.n) != 0)
            return false;
    }
    return true;
}

static const struct {
    struct slice input;
    const char *data; /* decoded */
    size_t rest;      /* bytes that belong to what follows */
} good[] = {
    {SLICE("0\r\n\r\n"), "", 0},
    {SLICE("5\r\nhello\r\n0\r\n\r\n"), "hello", 0},
    {SLICE("5\r\nhello\r\n0\r\n\r\nGET"), "hello", 3},
    {SLICE("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), "abc", 0},
    {SLICE("A\r\n0123456789\r\n0\r\n\r\n"), "0123456789", 0},
    {SLICE("a\r\n0123456789\r\n0\r\n\r\n"), "0123456789", 0},
    {SLICE("0000000000000002\r\n\r\n\r\n0\r\n\r\n"), "\r\n", 0},
    {SLICE("3\r\n0\r\n\r\n0000\r\n\r\n"), "0\r\n", 0},
    {SLICE("5;a\r\nhello\r\n0;b\r\n\r\n"), "hello", 0},
    {SLICE("5;a=b;c=\"d\"\r\nhello\r\n0\r\n\r\n"), "hello", 0},
    {SLICE("5 ; a = b ; c\t=\t\"d\" ; e\r\nhello\r\n0\r\n\r\n"), "hello", 0},
    {SLICE("5;a=\";\\\"\\\\ \t\xff\"\r\nhello\r\n0\r\n\r\n"), "hello", 0},
    {SLICE("5;a=\"\"\r\nhello\r\n0\r\n\r\n"), "hello", 0},
    {SLICE("5;a=\"\";b\r\nhello\r\n0\r\n\r\n"), "hello", 0},
    {SLICE("0\r\nA: b\r\n\r\n"), "", 0},
    {SLICE("0\r\nA:\r\nContent-Length: 5\r\n\r\nHTTP"), "", 4},
};

static const struct {
    struct slice input;
    int want;
} others[] = {
    {SLICE(""), -1},
    {SLICE("5"), -1},
    {SLICE("5\r"), -1},
    {SLICE("5\r\nhell"), -1},
    {SLICE("5\r\nhello"), -1},
    {SLICE("5\r\nhello\r\n"), -1},
    {SLICE("5\r\nhello\r\n0\r\n"), -1},
    {SLICE("5\r\nhello\r\n0\r\n\r"), -1},
    {SLICE("0\r\nA: b\r\n"), -1},
    {SLICE("5;a=\"b"), -1},

    /* Sizes. */
    {SLICE("\r\n"), 400},
    {SLICE("\r\n0\r\n\r\n"), 400},
    {SLICE(" 5\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5 \r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5\t\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("+5\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("-5\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("-1\r\n"), 400},
    {SLICE("0x5\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5h\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("g\r\n"), 400},
    {SLICE("5,5\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5_0\r\n"), 400},
    {SLICE("\xef\xbc\x95\r\n"), 400},
    {SLICE("5\0\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("00000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("ffffffffffffffff\r\n"), 413},
    {SLICE("7fffffffffffffff\r\n"), 413},
    {SLICE("41\r\n"), 413},
    {SLICE("1\r\na\r\n40\r\n"), 413},
    {SLICE("40\r\n"), -1},

    /* Line ends. */
    {SLICE("5\nhello\n0\n\n"), 400},
    {SLICE("5\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5\rhello\r\n0\r\n\r\n"), 400},
    {SLICE("5\r\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5\r\nhello\n0\r\n\r\n"), 400},
    {SLICE("5\r\nhello\r0\r\n\r\n"), 400},
    {SLICE("5\r\nhello0\r\n\r\n"), 400},
    {SLICE("5\r\nhelloX\n0\r\n\r\n"), 400},
    {SLICE("5\r\nhelloXX0\r\n\r\n"), 400},
    {SLICE("4\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("6\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5\r\nhello\r\n\r\n0\r\n\r\n"), 400},
    {SLICE("0\n\r\n"), 400},
    {SLICE("0\r\n\n"), 400},
    {SLICE("0\r\n\rX"), 400},
    {SLICE("0\r\nX"), -1},

    /* Extensions. */
    {SLICE("5;\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5; \r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a;\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;;a\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5 a\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a \r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;=b\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=b=c\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=b c\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=b \r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a\n\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\"\\\r\n\"\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\"\\\n\"\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\"\0\"\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\"\x7f\"\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=\"b\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a=b\"c\"\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;\xe9\r\nhello\r\n0\r\n\r\n"), 400},
    {SLICE("5;a\0\r\nhello\r\n0\r\n\r\n"), 400},

    /* Trailers. */
    {SLICE("0\r\n A: b\r\n\r\n"), 400},
    {SLICE("0\r\nA : b\r\n\r\n"), 400},
    {SLICE("0\r\nA\r\n\r\n"), 400},
    {SLICE("0\r\n: b\r\n\r\n"), 400},
    {SLICE("0\r\nA: b\n\r\n"), 400},
    {SLICE("0\r\nA: b\r\n c\r\n\r\n"), 400},
    {SLICE("0\r\nA: b\r\r\n\r\n"), 400},
    {SLICE("0\r\nA: \0\r\n\r\n"), 400},
    {SLICE("0\r\nGET / HTTP/1.1\r\n\r\n"), 400},
};

/* A line of n bytes with its CRLF, then what ends the body. */
static struct slice long_line(char *text, const char *start, size_t n, const char *rest)
{
    memset(text, 'x', n);
    memcpy(text, start, strlen(start));
    memcpy(text + n - 2, "\r\n", 2);
    memcpy(text + n, rest, strlen(rest));
    return slice_make(text, n + strlen(rest));
}

static void check_limits(void)
{
    static char text[LIMIT_CHUNK_OVERHEAD + 64];
    size_t n = 0;

    for (int over = -1; over <= 1; over++) {
        size_t size = (size_t)(LIMIT_CHUNK_LINE + over);
        int want = over > 0 ? 413 : 0;

        ok(judged(long_line(text, "1;", size, "a\r\n0\r\n\r\n"), want, over > 0 ? "" : "a", 0),
           "an extension, its line of the limit %+d bytes", over);
        memcpy(text, "1\r\na\r\n", 6);
        n = long_line(text + 6, "0;", size, "\r\n").n + 6;
        ok(judged(slice_make(text, n), want, "a", 0), "a second line of the limit %+d bytes", over);
        memcpy(text, "0\r\n", 3);
        ok(judged(slice_make(text, long_line(text + 3, "A:", size, "\r\n").n + 3), want, "", 0),
           "a trailer of the limit %+d bytes", over);
    }
    for (int over = -1; over <= 1; over++) {
        struct slice end;

        n = 0;
        while (n + 2 * LIMIT_CHUNK_LINE < LIMIT_CHUNK_OVERHEAD) {
            (void)long_line(text + n, n ? "A:" : "0;", LIMIT_CHUNK_LINE, "");
            n += LIMIT_CHUNK_LINE;
        }
        while (LIMIT_CHUNK_OVERHEAD - n > 2000) {
            (void)long_line(text + n, "A:", 1000, "");
            n += 1000;
        }
        end = long_line(text + n, "A:", (size_t)(LIMIT_CHUNK_OVERHEAD + over) - n - 2, "\r\n");
        ok(judged(slice_make(text, n + end.n), over > 0 ? 413 : 0, "", 0),
           "sizes and trailers together of the limit %+d bytes", over);
    }
}

int main(void)
{
    page = page_new(LIMIT_CHUNK_OVERHEAD + 64);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ok(judged(good[i].input, 0, good[i].data, good[i].rest), "decodes %s",
           page_show(good[i].input));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ok(judged(others[i].input, others[i].want, NULL, 0), "%d for %s", others[i].want,
           page_show(others[i].input));
    check_limits();
    page_free(&page);
    return done_testing();
}
