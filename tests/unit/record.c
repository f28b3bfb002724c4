/* What stands in the state directory's files: written, read back, and read strictly. */
#include "trust/record.h"

#include "tap.h"

#include "base/limits.h"

#include <stdlib.h>

static struct record_entry sample(void)
{
    struct record_entry e = {.window_s = 604800,
                             .status = 204,
                             .reason = SLICE("No Content"),
                             .fields = SLICE("A: b\r\nC: d\r\n"),
                             .body = SLICE("body")};

    memset(e.key, 7, sizeof e.key);
    memset(e.validated.boot_id, 9, sizeof e.validated.boot_id);
    e.validated.boot_ns = -123456789;
    e.validated.never_back_ns = 4000000000123456789;
    return e;
}

/* Whether the text is read, from memory that ends with it. */
static bool reads(struct slice text)
{
    struct record_entry e;
    char *copy = malloc(text.n + 1);
    bool rv;

    memcpy(copy, text.p, text.n);
    rv = record_read_entry(slice_make(copy, text.n), &e);
    free(copy);
    return rv;
}

static bool marks_equal(const struct clock_mark *a, const struct clock_mark *b)
{
    return memcmp(a->boot_id, b->boot_id, sizeof a->boot_id) == 0 && a->boot_ns == b->boot_ns &&
           a->never_back_ns == b->never_back_ns;
}

static void test_entry(void)
{
    struct record_entry in = sample(), out;
    struct buf text, small;
    bool all = true;

    buf_init(&text, 4096);
    ok(record_write_entry(&in, &text), "an approval is written");
    ok(record_read_entry(buf_slice(&text), &out), "and read");
    ok(memcmp(in.key, out.key, KEY_SIZE) == 0 && marks_equal(&in.validated, &out.validated) &&
           out.window_s == in.window_s && out.status == in.status,
       "with its key, time, window and status");
    ok(slice_eq(in.reason, out.reason) && slice_eq(in.fields, out.fields) &&
           slice_eq(in.body, out.body),
       "and its texts");
    for (size_t n = 0; n < text.len; n++)
        all = all && !reads(slice_make(buf_slice(&text).p, n));
    ok(all, "cut anywhere it is not read");
    ok(buf_append(&text, "", 1) && !reads(buf_slice(&text)), "nor with a byte too many");
    buf_init(&small, text.len - 2);
    ok(!record_write_entry(&in, &small), "where there is no room it is not written");
    buf_fini(&small);
    buf_clear(&text);
    in.reason = in.fields = in.body = (struct slice){"", 0};
    ok(record_write_entry(&in, &text) && record_read_entry(buf_slice(&text), &out) &&
           out.body.n == 0,
       "texts may be empty");
    buf_fini(&text);
}

/* One value out of its range. */
static bool reads_with(int64_t window_s, unsigned status)
{
    struct record_entry in = sample();
    struct buf text;
    bool rv;

    in.window_s = window_s;
    in.status = status;
    buf_init(&text, 4096);
    rv = record_write_entry(&in, &text) && reads(buf_slice(&text));
    buf_fini(&text);
    return rv;
}

static void test_ranges(void)
{
    ok(reads_with(0, 200) && reads_with(LIMIT_TRUST_WINDOW, 299), "all that an approval can be");
    ok(!reads_with(-1, 200), "no window below nothing");
    ok(!reads_with(LIMIT_TRUST_WINDOW + 1, 200), "none beyond the longest");
    ok(!reads_with(60, 199) && !reads_with(60, 300) && !reads_with(60, 403),
       "no status but an approval's");
}

/* Every byte set to every value is read or refused, within its memory. */
static void test_bytes(void)
{
    struct record_entry in = sample();
    struct buf text;
    size_t lengths;
    unsigned refused = 0;

    buf_init(&text, 4096);
    (void)record_write_entry(&in, &text);
    lengths = text.len - in.body.n - 4;
    for (size_t i = 0; i < text.len; i++) {
        char *at = (char *)buf_slice(&text).p + i;
        char was = *at;

        for (int value = 0; value < 256; value++) {
            *at = (char)value;
            if (!reads(buf_slice(&text))) {
                refused++;
            } else if (value != (unsigned char)was && (i == 0 || (i >= lengths && i < lengths + 4)))
                refused = 0;
        }
        *at = was;
    }
    ok(refused > 4000, "no other kind, and no other length of the body (%u refused)", refused);
    buf_fini(&text);
}

static void test_time(void)
{
    struct record_time in = {.answered = true}, out;
    struct record_entry e;
    struct buf text;
    bool all = true;

    memset(in.now.boot_id, 3, sizeof in.now.boot_id);
    in.now.boot_ns = 5;
    in.now.never_back_ns = 6;
    in.answer.boot_ns = INT64_MIN;
    in.answer.never_back_ns = INT64_MAX;
    buf_init(&text, 256);
    ok(record_write_time(&in, &text) && record_read_time(buf_slice(&text), &out), "a time");
    ok(marks_equal(&in.now, &out.now) && out.answered && marks_equal(&in.answer, &out.answer),
       "with the last answer's");
    for (size_t n = 0; n < text.len; n++)
        all = all && !record_read_time(slice_make(buf_slice(&text).p, n), &out);
    ok(all, "cut anywhere it is not read");
    ok(!record_read_entry(buf_slice(&text), &e), "it is no approval");
    *((char *)buf_slice(&text).p + 1 + 32) = 2;
    ok(!record_read_time(buf_slice(&text), &out), "answered is yes or no");
    buf_fini(&text);
}

int main(void)
{
    test_entry();
    test_ranges();
    test_bytes();
    test_time();
    return done_testing();
}
