#include "format/http_parse.h"
#include "page.h"
#include "tap.h"

#define MORE (-1)
#define DONE 0

typedef enum parse parser(struct slice, size_t *, struct http_head *, size_t *, struct err *);

struct verdict {
    int is; /* MORE, DONE or a refusal's status, 1 for a refused response */
    size_t used;
    size_t at; /* bytes that had come when it fell */
};

static struct page page;
static struct http_head head;

static int verdict_of(enum parse rv, const struct err *err)
{
    if (rv == PARSE_MORE || rv == PARSE_DONE)
        return err->code == ERR_NONE ? (rv == PARSE_MORE ? MORE : DONE) : -100;
    if (err->code != ERR_SYNTAX && err->code != ERR_LIMIT)
        return -101;
    if (err->stage == STAGE_HEAD && err->status == 0)
        return 1;
    return (err->code == ERR_LIMIT) == (err->status == 414 || err->status == 431) ? err->status
                                                                                  : -102;
}

/* In pieces of step bytes, each ending at an unreadable page; fresh forgets what was scanned. */
static struct verdict feed(parser *parse, struct slice input, size_t step, bool fresh)
{
    struct verdict v = {.is = MORE};
    size_t scanned = 0;

    for (v.at = step < input.n ? step : input.n; v.is == MORE; v.at += step) {
        struct err err = {0};

        if (v.at > input.n)
            v.at = input.n;
        if (fresh)
            scanned = 0;
        v.is = verdict_of(
            parse(page_put(&page, slice_make(input.p, v.at)), &scanned, &head, &v.used, &err),
            &err);
        if (v.at == input.n || v.is != MORE)
            break;
    }
    return v;
}

static bool same(struct verdict a, struct verdict b)
{
    return a.is == b.is && a.used == b.used;
}

/* The verdict on input, the same however it is cut; long inputs are cut less finely. */
static bool judged(parser *parse, struct slice input, int want)
{
    struct verdict whole = feed(parse, input, input.n, true);
    size_t step = input.n > 2000 ? 61 : 1;

    return whole.is == want && (want != DONE || whole.used <= input.n) &&
           same(whole, feed(parse, input, step, false)) &&
           same(whole, feed(parse, input, 7 * step, false)) &&
           same(whole, feed(parse, input, step, true));
}

static const struct {
    struct slice input;
    int want;
} requests[] = {
    {SLICE("GET / HTTP/1.1\r\n\r\n"), DONE},
    {SLICE("GET / HTTP/1.0\r\n\r\n"), DONE},
    {SLICE("GET / HTTP/1.9\r\n\r\n"), DONE},
    {SLICE("\r\nGET / HTTP/1.1\r\n\r\n"), DONE},
    {SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"), DONE},
    {SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n\0\n\n"), DONE},
    {SLICE("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n\r\n"), DONE},
    {SLICE("GET !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ HTTP/1.1\r\n\r\n"), DONE},
    {SLICE("OPTIONS * HTTP/1.1\r\n\r\n"), DONE},
    {SLICE("GET http://a/b HTTP/1.1\r\n\r\n"), DONE},
    {SLICE("GET / HTTP/1.1\r\nA:\r\nB: \t \r\nC:c\r\n\r\n"), DONE},
    {SLICE("GET / HTTP/1.1\r\nA: \x80\xff\t \"x\r\n\r\n"), DONE},

    /* Not at their end. */
    {SLICE(""), MORE},
    {SLICE("\r"), MORE},
    {SLICE("\r\n"), MORE},
    {SLICE("G"), MORE},
    {SLICE("GET /"), MORE},
    {SLICE("GET / HTTP/1"), MORE},
    {SLICE("GET / HTTP/1.1\r"), MORE},
    {SLICE("GET / HTTP/1.1\r\n"), MORE},
    {SLICE("GET / HTTP/1.1\r\n\r"), MORE},
    {SLICE("GET / HTTP/1.1\r\nHost: a\r\n"), MORE},
    {SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r"), MORE},
    {SLICE("\r\nGET / HTTP/1.1\r\nHost: a\r"), MORE},

    /* Line ends. */
    {SLICE("GET / HTTP/1.1\n\n"), 400},
    {SLICE("GET / HTTP/1.1\n"), 400},
    {SLICE("GET / HTTP/1.1\r\n\n"), 400},
    {SLICE("GET / HTTP/1.1\r\r\n"), 400},
    {SLICE("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\nContent-Length: 5\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\rContent-Length: 5\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\r\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\r\n\rX"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\r\n\n"), 400},
    {SLICE("\n"), 400},
    {SLICE("\nGET / HTTP/1.1\r\n\r\n"), 400},
    {SLICE("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 400},
    {SLICE("\r\n\n"), 400},
    {SLICE("\rGET / HTTP/1.1\r\n\r\n"), 400},

    /* The request line. */
    {SLICE(" GET / HTTP/1.1\r\n\r\n"), 400},
    {SLICE(" GET HTTP/1.1\r\n\r\n"), 400},
    {SLICE("\tGET / HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET  / HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET\t/ HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET /  HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET /\tHTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1 \r\n\r\n"), 400},
    {SLICE("GET /a b HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET /\x0b HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET /\0 HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET /\x7f HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET /\xc3\xa9 HTTP/1.1\r\n\r\n"), 400},
    {SLICE("G\0T / HTTP/1.1\r\n\r\n"), 400},
    {SLICE("G(T / HTTP/1.1\r\n\r\n"), 400},
    {SLICE("G\xc9T / HTTP/1.1\r\n\r\n"), 400},
    {SLICE("/ HTTP/1.1\r\n\r\n"), 400},
    {SLICE("GET /\r\n"), 400},
    {SLICE("GET\r\n"), 400},
    {SLICE("\x16\x03\x01\x02\x00"), 400},

    /* The version. */
    {SLICE("GET / HTTP/2.0\r\n"), 505},
    {SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
    {SLICE("GET / HTTP/0.9\r\n\r\n"), 505},
    {SLICE("GET / HTTP/9.9\r\n\r\n"), 505},
    {SLICE("GET / HTTP/2\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.10\r\n\r\n"), 400},
    {SLICE("GET / HTTP/11.1\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1,1\r\n\r\n"), 400},
    {SLICE("GET / HTTP/+1.1\r\n\r\n"), 400},
    {SLICE("GET / http/1.1\r\n\r\n"), 400},
    {SLICE("GET / HTTPS/1.1\r\n\r\n"), 400},
    {SLICE("GET / HTTP /1.1\r\n\r\n"), 400},
    {SLICE("GET / ICY/1.1\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.\xb2\r\n\r\n"), 400},

    /* Fields. */
    {SLICE("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\r\n \r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nContent-Length\t: 5\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nTransfer-Encoding\x0b: chunked\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nTransfer-Encoding\0: chunked\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nTransfer-Encoding\xa0: chunked\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nTransfer Encoding: chunked\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\n: a\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA b\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA@b: c\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\x0b\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\x0c\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n"), 400},
    {SLICE("GET / HTTP/1.1\r\nA: \x1b[2J\r\n\r\n"), 400},
};

static const struct {
    struct slice input;
    int want;
} responses[] = {
    {SLICE("HTTP/1.1 200 OK\r\n\r\n"), DONE},
    {SLICE("HTTP/1.1 200 \r\n\r\n"), DONE},
    {SLICE("HTTP/1.1 200\r\n\r\n"), DONE},
    {SLICE("HTTP/1.0 404 Not \t Found\xe9\r\nA: b\r\n\r\nbody"), DONE},
    {SLICE("HTTP/1.1 100 Continue\r\n\r\n"), DONE},
    {SLICE("HTTP/1.1 599 x\r\n\r\n"), DONE},
    {SLICE("HTTP/1.1 200  two spaces\r\n\r\n"), DONE},
    {SLICE("HTTP/1.1 20"), MORE},
    {SLICE("HTTP/1.1 200"), MORE},
    {SLICE("HTTP/1.1 200 O"), MORE},
    {SLICE("HTTP/1.1 200 OK\r\nA"), MORE},
    {SLICE("\r\nHTTP/1.1 200 OK\r\n\r\n"), 1},
    {SLICE(" HTTP/1.1 200 OK\r\n\r\n"), 1},
    {SLICE("HTTP/1.1  200 OK\r\n\r\n"), 1},
    {SLICE("HTTP/1.1\t200 OK\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 200\tOK\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 099 x\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 600 x\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 2000 x\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 20 x\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 2x0 x\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 -20 x\r\n\r\n"), 1},
    {SLICE("HTTP/1.1\r\n\r\n"), 1},
    {SLICE("HTTP/2 200\r\n\r\n"), 1},
    {SLICE("HTTP/2.0 200 OK\r\n\r\n"), 1},
    {SLICE("ICY 200 OK\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 200 OK\n\n"), 1},
    {SLICE("HTTP/1.1 200 O\0K\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"), 1},
    {SLICE("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"), 1},
    {SLICE("<html>"), 1},
};

static bool is_slice(struct slice got, const char *want)
{
    return slice_eq(got, slice_of(want));
}

static void check_contents(void)
{
    struct slice input = SLICE("\r\nPOST /a?b=c HTTP/1.0\r\nHost: x:1\r\nA: \t b c \t\r\nB:\r\n"
                               "C::d\r\nlist: a, \"b,c\" ,,close\r\nLIST: Last\r\n\r\nrest");
    struct http_field *f = head.fields;

    for (unsigned step = 1; step <= input.n; step++) {
        struct verdict v = feed(http_parse_request, input, step, false);
        size_t from = 0;

        if (!ok(v.is == DONE && v.used == input.n - 4, "a head in pieces of %u bytes", step))
            continue;
        ok(is_slice(head.method, "POST") && is_slice(head.target, "/a?b=c") && head.minor == 0 &&
               head.field_count == 6,
           "its request line");
        ok(is_slice(f[0].name, "Host") && is_slice(f[0].value, "x:1") &&
               is_slice(f[1].value, "b c") && is_slice(f[2].value, "") &&
               is_slice(f[3].value, ":d") && is_slice(f[5].name, "LIST"),
           "its fields, trimmed, with names as written");
        ok(http_head_next(&head, SLICE("List"), &from) == f + 4 && from == 5 &&
               http_head_next(&head, SLICE("List"), &from) == f + 5 && from == 6 &&
               !http_head_next(&head, SLICE("List"), &from),
           "fields of one name in their order");
    }
    ok(http_head_only(&head, SLICE("hOST")) == f, "an only field is found without case");
    ok(!http_head_only(&head, SLICE("list")), "a field that occurs twice is no only one");
    ok(!http_head_only(&head, SLICE("absent")), "an absent field is no only one");
    ok(http_head_lists(&head, SLICE("list"), SLICE("CLOSE")), "a list has its last element");
    ok(http_head_lists(&head, SLICE("list"), SLICE("last")), "a second field continues the list");
    ok(!http_head_lists(&head, SLICE("list"), SLICE("c\"")), "a quoted comma does not separate");
    ok(!http_head_lists(&head, SLICE("list"), SLICE("")), "empty elements are none");

    feed(http_parse_response, SLICE("HTTP/1.7 404 Not Found\r\nA: b\r\n\r\n"), 3, false);
    ok(head.status == 404 && is_slice(head.reason, "Not Found") && head.minor == 1 &&
           head.field_count == 1,
       "a status line's parts; an unknown minor version is 1");
    feed(http_parse_response, SLICE("HTTP/1.1 204\r\n\r\n"), 100, false);
    ok(head.status == 204 && head.reason.n == 0, "a status line without reason");
}

/* A head of exactly size bytes, filled up by one long field. */
static struct slice head_of(char *text, const char *start, size_t size)
{
    size_t n = strlen(start);

    memset(text, 'x', size);
    memcpy(text, start, n);
    memcpy(text + n, "A:", 2);
    memcpy(text + size - 4, "\r\n\r\n", 4);
    return slice_make(text, size);
}

static void check_head_limit(void)
{
    static const char request[] = "GET / HTTP/1.1\r\n", response[] = "HTTP/1.1 200 OK\r\n";
    static char text[LIMIT_HEAD + 8];
    struct slice s;

    s = head_of(text, request, LIMIT_HEAD - 1);
    ok(judged(http_parse_request, s, DONE), "a head one byte under its limit");
    s = head_of(text, request, LIMIT_HEAD);
    ok(judged(http_parse_request, s, DONE), "a head at its limit");
    s.n--;
    ok(judged(http_parse_request, s, MORE), "the same, but for its last byte");
    s = head_of(text, request, LIMIT_HEAD + 1);
    ok(judged(http_parse_request, s, 431), "a head one byte over its limit");
    s.n = LIMIT_HEAD;
    ok(judged(http_parse_request, s, 431), "a head that can't end within its limit any more");
    text[LIMIT_HEAD - 1] = '\n';
    ok(judged(http_parse_request, s, 400), "a malformed head at its limit");
    s = head_of(text, response, LIMIT_HEAD);
    ok(judged(http_parse_response, s, DONE), "a response head at its limit");
    s = head_of(text, response, LIMIT_HEAD + 1);
    ok(judged(http_parse_response, s, 1), "a response head over its limit");
    memset(text, 'x', sizeof text);
    ok(judged(http_parse_request, slice_make(text, sizeof text), 431), "an endless method");
    s = head_of(text, request, LIMIT_HEAD);
    memcpy(text + LIMIT_HEAD, "\r\n\r\n", 4);
    s.n += 4;
    ok(judged(http_parse_request, s, DONE), "a head at its limit with bytes behind");
}

static void check_target_limit(void)
{
    static char text[LIMIT_TARGET + 64];

    for (int over = -1; over <= 1; over++) {
        size_t n = (size_t)(LIMIT_TARGET + over);

        memcpy(text, "GET ", 4);
        memset(text + 4, '/', n);
        memcpy(text + 4 + n, " HTTP/1.1\r\n\r\n", 13);
        ok(judged(http_parse_request, slice_make(text, n + 17), over > 0 ? 414 : DONE),
           "a target of its limit %+d bytes", over);
        ok(judged(http_parse_request, slice_make(text, n + 4), over > 0 ? 414 : MORE),
           "the same, not yet at its end");
        text[4 + n] = '\n';
        ok(judged(http_parse_request, slice_make(text, n + 17), over > 0 ? 414 : 400),
           "the same, with a bare line feed behind");
        text[4 + LIMIT_TARGET] = '\0';
        ok(judged(http_parse_request, slice_make(text, LIMIT_TARGET + 5), 400),
           "a byte that no target has comes before the limit");
    }
}

static void check_field_limit(void)
{
    static const char *const starts[] = {"GET / HTTP/1.1\r\n", "\r\nGET / HTTP/1.1\r\n",
                                         "HTTP/1.1 200 OK\r\n"};
    char text[LIMIT_FIELDS * 8 + 64];

    for (unsigned k = 0; k < 3; k++) {
        parser *parse = k == 2 ? http_parse_response : http_parse_request;

        for (int over = -1; over <= 1; over++) {
            size_t n = (size_t)snprintf(text, sizeof text, "%s", starts[k]);

            for (int i = 0; i < LIMIT_FIELDS + over; i++)
                n += (size_t)snprintf(text + n, sizeof text - n, "A: b\r\n");
            n += (size_t)snprintf(text + n, sizeof text - n, "\r\n");
            ok(judged(parse, slice_make(text, n),
                      over <= 0 ? DONE
                      : k == 2  ? 1
                                : 431),
               "fields of their limit %+d in head kind %u", over, k);
            ok(over > 0 || head.field_count == (size_t)(LIMIT_FIELDS + over), "all are there");
        }
    }
}

/* Every byte at every place of a head. */
static void check_every_byte(void)
{
    static const char text[] = "GET /a HTTP/1.1\r\nAb: c d\r\n\r\n";
    char copy[sizeof text];
    unsigned good = 0, torn = 0;

    for (size_t i = 0; i < sizeof text - 1; i++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct verdict whole;

            memcpy(copy, text, sizeof text);
            copy[i] = (char)byte;
            whole = feed(http_parse_request, slice_make(copy, sizeof text - 1), 100, false);
            torn +=
                !same(whole, feed(http_parse_request, slice_make(copy, sizeof text - 1), 1, false));
            good += whole.is == DONE;
        }
    }
    is_int(torn, 0, "with any byte anywhere, cuts change nothing");
    /*
     * 3 places of the method with 77 tokens' bytes; 2 of the target with 94; 10 minor versions; 2
     * of the name with 77, and a colon in the second; 4 of the value with 224; 16 others with one.
     */
    is_int(good, 3 * 77 + 2 * 94 + 10 + 2 * 77 + 1 + 4 * 224 + 16, "so many are well-formed");
}

static void check_classes(void)
{
    unsigned tokens = 0, values = 0;

    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        bool token = c && strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                 (int)c);
        bool value = c == '\t' || (c >= 0x20 && c != 0x7f);

        tokens += http_is_token(slice_make(&byte, 1)) != token;
        values += http_is_field_value(slice_make(&byte, 1)) != value;
    }
    is_int(tokens, 0, "the bytes of tokens are those of the RFC");
    is_int(values, 0, "the bytes of field values are those of the RFC");
    ok(!http_is_token(SLICE("")), "a token is not empty");
    ok(http_is_field_value(SLICE("")), "a field value may be empty");
    ok(!http_is_token(SLICE("a b")) && !http_is_field_value(SLICE("a\r\nb")), "all bytes count");
}

static void check_next_message(void)
{
    struct slice input = SLICE("GET /1 HTTP/1.1\r\nA: b\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    struct err err = {0};
    size_t scanned = 0, used = 0;

    http_parse_request(slice_make(input.p, 20), &scanned, &head, &used, &err);
    ok(scanned == 17, "whole lines are not looked at again");
    ok(http_parse_request(input, &scanned, &head, &used, &err) == PARSE_DONE && scanned == 0,
       "a head that is done leaves all ready for the next");
    input = slice_make(input.p + used, input.n - used);
    ok(http_parse_request(input, &scanned, &head, &used, &err) == PARSE_DONE && used == input.n &&
           is_slice(head.target, "/2"),
       "which follows at once");
    ok(http_parse_request(SLICE("\n"), &scanned, &head, &used, NULL) == PARSE_BAD,
       "nobody needs to ask for the error");
}

int main(void)
{
    page = page_new(LIMIT_HEAD + 64);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        ok(judged(http_parse_request, requests[i].input, requests[i].want), "%d for %s",
           requests[i].want, page_show(requests[i].input));
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++)
        ok(judged(http_parse_response, responses[i].input, responses[i].want), "%d for %s",
           responses[i].want, page_show(responses[i].input));
    check_contents();
    check_head_limit();
    check_target_limit();
    check_field_limit();
    check_every_byte();
    check_classes();
    check_next_message();
    page_free(&page);
    return done_testing();
}
