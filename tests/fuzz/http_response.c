/*
 * A response head: the same verdict whole and byte by byte, and a head that was taken, emitted and
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
    MUST(a->status == b->status && a->field_count == b->field_count);
    for (size_t i = 0; i < a->field_count; i++)
        MUST(slice_eq(a->fields[i].name, b->fields[i].name) &&
             slice_eq(a->fields[i].value, b->fields[i].value));
}

static void check_frame(const struct http_head *head, const struct http_head *again, bool to_head)
{
    struct http_frame frame, frame_again;
    struct err err = {0}, err_again = {0};
    bool rv = http_frame_response(head, to_head, &frame, &err);

    MUST(rv == http_frame_response(again, to_head, &frame_again, &err_again));
    MUST(rv == (err.code == ERR_NONE) && err.code == err_again.code);
    MUST(frame.kind == frame_again.kind && frame.length == frame_again.length &&
         frame.keep_alive == frame_again.keep_alive);
    MUST(!rv || frame.length <= LIMIT_RESPONSE_BODY);
    MUST(!rv || frame.kind != HTTP_BODY_UNTIL_CLOSE || !frame.keep_alive);
    MUST(!rv || !to_head || frame.kind == HTTP_BODY_NONE);
}

/* Emitting is for HTTP/1.1, and writes a space behind each colon. */
static void check_emitted(const struct http_head *head)
{
    static struct http_head again;
    size_t scanned = 0, used = 0;
    struct buf out;

    buf_init(&out, (size_t)LIMIT_HEAD * 2);
    MUST(http_emit_status_line(&out, head->status, head->reason));
    for (size_t i = 0; i < head->field_count; i++) {
        char name[LIMIT_HEAD + 1];

        MUST(slice_copy(head->fields[i].name, name, sizeof name));
        MUST(http_emit_field(&out, name, head->fields[i].value));
    }
    MUST(http_emit_end(&out));
    if (out.len <= LIMIT_HEAD) {
        MUST(http_parse_response(buf_slice(&out), &scanned, &again, &used, NULL) == PARSE_DONE);
        MUST(used == out.len);
        MUST(head->reason.n == 0 || slice_eq(head->reason, again.reason));
        check_same(head, &again);
        if (head->minor == 1) {
            check_frame(head, &again, false);
            check_frame(head, &again, true);
        }
    }
    buf_fini(&out);
}

static void check_framing(const struct http_head *head, struct slice text)
{
    bool bodiless = head->status < 200 || head->status == 204 || head->status == 304;
    struct http_frame frame;
    struct framing simple;

    framing_read(text, &simple);
    if (!http_frame_response(head, false, &frame, NULL)) {
        MUST(!framing_is_clear(&simple, head->minor) || head->status == 101 || simple.huge ||
             simple.length > LIMIT_RESPONSE_BODY);
        return;
    }
    MUST(framing_is_clear(&simple, head->minor));
    if (bodiless) {
        MUST(frame.kind == HTTP_BODY_NONE);
        return;
    }
    MUST(frame.kind == (simple.codings   ? HTTP_BODY_CHUNKED
                        : simple.lengths ? HTTP_BODY_LENGTH
                                         : HTTP_BODY_UNTIL_CLOSE));
    MUST(!simple.huge && frame.length == simple.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head whole, cut;
    struct slice input = slice_make((const char *)data, size);
    struct err err = {0}, err_cut = {0};
    size_t scanned = 0, used = 0, used_cut = 0;
    enum parse rv = http_parse_response(input, &scanned, &whole, &used, &err);
    enum parse rv_cut = PARSE_MORE;

    MUST((rv == PARSE_BAD) == (err.code != ERR_NONE));
    scanned = 0;
    for (size_t n = 1; n <= size && rv_cut == PARSE_MORE; n++) {
        rv_cut = http_parse_response(slice_make(input.p, n), &scanned, &cut, &used_cut, &err_cut);
        MUST(scanned <= n);
    }
    MUST(rv == rv_cut && err.code == err_cut.code);
    if (rv == PARSE_DONE) {
        MUST(used <= size && used <= LIMIT_HEAD && used == used_cut && whole.minor == cut.minor);
        MUST(whole.status >= 100 && whole.status <= 599 && slice_eq(whole.reason, cut.reason));
        check_same(&whole, &cut);
        check_emitted(&whole);
        check_framing(&whole, slice_make(input.p, used));
    }
    return 0;
}
