/*
 * A request head: the same verdict whole and byte by byte, and a head that was taken, emitted and
 * read again is the same head with the same framing; which is what a second reader finds, too.
 */
#include "framing.h"

#include "format/http_emit.h"
#include "format/http_frame.h"
#include "format/http_parse.h"

#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct http_head *a, const struct http_head *b)
{
    MUST(slice_eq(a->method, b->method) && slice_eq(a->target, b->target));
    MUST(a->field_count == b->field_count);
    for (size_t i = 0; i < a->field_count; i++)
        MUST(slice_eq(a->fields[i].name, b->fields[i].name) &&
             slice_eq(a->fields[i].value, b->fields[i].value));
}

/* Emitting is for HTTP/1.1, and writes a space behind each colon. */
static void check_emitted(const struct http_head *head)
{
    static struct http_head again;
    struct http_frame frame, frame_again;
    struct err err = {0}, err_again = {0};
    size_t scanned = 0, used = 0;
    struct buf out;

    buf_init(&out, (size_t)LIMIT_HEAD * 2);
    MUST(http_emit_request_line(&out, head->method, head->target, SLICE("")));
    for (size_t i = 0; i < head->field_count; i++) {
        char name[LIMIT_HEAD + 1];

        MUST(slice_copy(head->fields[i].name, name, sizeof name));
        MUST(http_emit_field(&out, name, head->fields[i].value));
    }
    MUST(http_emit_end(&out));
    if (out.len <= LIMIT_HEAD) {
        MUST(http_parse_request(buf_slice(&out), &scanned, &again, &used, NULL) == PARSE_DONE);
        MUST(used == out.len);
        check_same(head, &again);
        if (head->minor == 1) {
            bool rv = http_frame_request(head, &frame, &err);

            MUST(rv == http_frame_request(&again, &frame_again, &err_again));
            MUST(err.status == err_again.status && rv == (err.code == ERR_NONE));
            MUST(frame.kind == frame_again.kind && frame.length == frame_again.length &&
                 frame.keep_alive == frame_again.keep_alive &&
                 frame.expect_continue == frame_again.expect_continue);
            MUST(!rv || frame.length <= LIMIT_REQUEST_BODY);
        }
    }
    buf_clear(&out);
    MUST(http_emit_forwarded(&out, head, NULL));
    buf_fini(&out);
}

static void check_framing(const struct http_head *head, struct slice text)
{
    struct http_frame frame;
    struct framing simple;
    struct err err = {0};

    framing_read(text, &simple);
    if (!http_frame_request(head, &frame, &err)) {
        MUST(framing_is_clear(&simple, head->minor) || err.status == 400 || err.status == 501);
        return;
    }
    MUST(framing_is_clear(&simple, head->minor));
    MUST(frame.kind == (simple.codings   ? HTTP_BODY_CHUNKED
                        : simple.lengths ? HTTP_BODY_LENGTH
                                         : HTTP_BODY_NONE));
    MUST(!simple.huge && frame.length == simple.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head whole, cut;
    struct slice input = slice_make((const char *)data, size);
    struct err err = {0}, err_cut = {0};
    size_t scanned = 0, used = 0, used_cut = 0;
    enum parse rv = http_parse_request(input, &scanned, &whole, &used, &err);
    enum parse rv_cut = PARSE_MORE;

    MUST(rv == PARSE_BAD ? err.status >= 400 : err.code == ERR_NONE);
    scanned = 0;
    for (size_t n = 1; n <= size && rv_cut == PARSE_MORE; n++) {
        rv_cut = http_parse_request(slice_make(input.p, n), &scanned, &cut, &used_cut, &err_cut);
        MUST(scanned <= n);
    }
    MUST(rv == rv_cut && err.code == err_cut.code && err.status == err_cut.status);
    if (rv == PARSE_DONE) {
        MUST(used <= size && used <= LIMIT_HEAD && used == used_cut && whole.minor == cut.minor);
        check_same(&whole, &cut);
        check_emitted(&whole);
        check_framing(&whole, slice_make(input.p, used));
    }
    return 0;
}
