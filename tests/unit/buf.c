#include "base/buf.h"
#include "tap.h"

static bool holds(const struct buf *b, const char *want)
{
    return slice_eq(buf_slice(b), slice_of(want));
}

static void check_bounds(void)
{
    struct buf b;

    buf_init(&b, 8);
    ok(b.data == NULL && b.len == 0 && buf_room(&b) == 8 && buf_slice(&b).p == NULL,
       "an empty queue holds no memory");
    ok(buf_append(&b, NULL, 0) && b.data == NULL, "nothing appended takes none");
    ok(buf_append_string(&b, "abcde") && buf_append_slice(&b, SLICE("fg")) && buf_room(&b) == 1,
       "appends");
    ok(!buf_append(&b, "hi", 2) && holds(&b, "abcdefg"), "not past the bound, and nothing changes");
    ok(buf_append(&b, "h", 1) && holds(&b, "abcdefgh") && buf_room(&b) == 0, "up to the bound");
    ok(!buf_append(&b, "i", 1) && buf_append(&b, "i", 0), "then nothing but nothing");
    ok(!buf_reserve(&b, 1) && !buf_reserve(&b, SIZE_MAX), "no room to reserve");
    ok(b.cap <= 8, "no more memory than the bound");
    buf_consume(&b, 3);
    ok(holds(&b, "defgh") && buf_room(&b) == 3, "what was consumed makes room");
    ok(buf_append(&b, "ijk", 3) && holds(&b, "defghijk"), "which is used again");
    buf_consume(&b, 1000);
    ok(b.len == 0 && b.off == 0 && b.data != NULL, "consuming more than all leaves it empty");
    buf_append(&b, "x", 1);
    buf_clear(&b);
    ok(b.len == 0 && buf_room(&b) == 8 && b.data != NULL, "clearing keeps memory");
    buf_fini(&b);
    ok(b.data == NULL && b.max == 8 && buf_append(&b, "again", 5) && holds(&b, "again"),
       "a finished queue may be used again");
    buf_wipe(&b);
    ok(b.data == NULL && b.len == 0 && b.max == 8, "a wiped one is empty");
    buf_wipe(&b);
    buf_fini(&b);

    buf_init(&b, 0);
    ok(!buf_append(&b, "a", 1) && buf_append(&b, "", 0) && !buf_reserve(&b, 1),
       "a queue of nothing takes nothing");
    ok(buf_appendf(&b, "%s", "") && !buf_appendf(&b, "a"), "by format, too");
    buf_fini(&b);
}

static void check_growth(void)
{
    struct buf b;
    bool same = true;

    buf_init(&b, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)(i * 7);

        same &= buf_append(&b, &byte, 1);
    }
    ok(same && b.len == 100000 && b.cap == 100000, "grows to its bound");
    for (unsigned i = 0; i < 100000; i++)
        same &= b.data[b.off + i] == (uint8_t)(i * 7);
    ok(same, "and keeps every byte");
    ok(!buf_append(&b, "x", 1), "and no further");
    buf_fini(&b);

    while (b.len == 0 || b.len < b.cap)
        buf_append(&b, "x", 1);
    buf_consume(&b, b.len - 2);
    ok(b.cap < 302 && buf_reserve(&b, 300) == b.data + 2 && b.off == 0 && holds(&b, "xx"),
       "grows with its front consumed");
    buf_fini(&b);
}

static void check_reserve(void)
{
    struct buf b;
    uint8_t *room;

    buf_init(&b, 300);
    room = buf_reserve(&b, 10);
    ok(room != NULL && b.len == 0, "reserved bytes are not stored yet");
    memcpy(room, "0123456789", 10);
    buf_commit(&b, 4);
    ok(holds(&b, "0123"), "committed ones are");
    ok(buf_reserve(&b, 296) != NULL && !buf_reserve(&b, 297), "no more than the bound is reserved");
    buf_commit(&b, 0);
    ok(holds(&b, "0123"), "nothing committed is nothing stored");

    /* With the front consumed, room is found by moving, not by growing. */
    buf_append(&b, b.data, 0);
    while (b.len < b.cap)
        buf_append(&b, "x", 1);
    buf_consume(&b, b.len - 2);
    room = buf_reserve(&b, 200);
    ok(room == b.data + 2 && b.off == 0 && holds(&b, "xx"), "consumed bytes are used again");
    buf_fini(&b);
}

/* Memory of the caller's is used first, and left alone once it is too small. */
static void check_room(void)
{
    struct buf b;
    char room[8] = "";

    buf_init_in(&b, 1000, room, sizeof room);
    ok(b.len == 0 && buf_append_string(&b, "secret") && memcmp(room, "secret", 6) == 0,
       "begins in the caller's memory");
    buf_consume(&b, 2);
    ok(buf_append(&b, "ab", 2) && (char *)b.data == room && holds(&b, "cretab"), "to its end");
    buf_append_string(&b, ", and more than fits");
    ok((char *)b.data != room && holds(&b, "cretab, and more than fits"), "and goes on elsewhere");
    ok(memcmp(room, "\0\0\0\0\0\0\0", 8) == 0, "of which nothing is left behind");
    buf_fini(&b);
    ok(b.data == NULL && buf_append_string(&b, "x") && (char *)b.data != room,
       "finished, it does not come back to it");
    buf_fini(&b);
    buf_init_in(&b, 1000, room, sizeof room);
    buf_append_string(&b, "secret");
    buf_wipe(&b);
    ok(b.data == NULL && memcmp(room, "\0\0\0\0\0\0", 6) == 0, "a wipe counts there, too");
}

/* A queue under random operations against a plain array. */
static void check_model(void)
{
    char model[700];
    size_t n = 0;
    uint32_t random = 1;
    unsigned wrong = 0;
    struct buf b;

    buf_init(&b, sizeof model);
    for (unsigned i = 0; i < 20000; i++) {
        char piece[16];
        size_t k;

        random = random * 1103515245 + 12345;
        k = random >> 16 & 15;
        for (size_t j = 0; j < k; j++)
            piece[j] = (char)(i + j);
        if (random & 1u << 24) {
            bool fits = n + k <= sizeof model;

            wrong += buf_append(&b, piece, k) != fits;
            if (fits) {
                memcpy(model + n, piece, k);
                n += k;
            }
        } else {
            buf_consume(&b, k);
            k = k < n ? k : n;
            memmove(model, model + k, n - k);
            n -= k;
        }
        wrong += !slice_eq(buf_slice(&b), slice_make(model, n)) || b.off + b.len > b.cap ||
                 b.cap > sizeof model;
    }
    is_int(wrong, 0, "the queue behaves as an array does");
    buf_fini(&b);
}

static void check_format(void)
{
    static const size_t sizes[] = {0, 1, 255, 256, 257, 510, 511, 512, 513, 1000, 1023};
    char text[1025];
    struct buf b;

    buf_init(&b, 1024);
    ok(buf_appendf(&b, "%d-%s", 7, "x") && buf_appendf(&b, "%c", 'y') && holds(&b, "7-xy"),
       "appends by format");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(text, 'a', sizes[i]);
        text[sizes[i]] = '\0';
        buf_clear(&b);
        ok(buf_appendf(&b, "%s", text) && holds(&b, text), "%zu bytes by format", sizes[i]);
    }
    buf_clear(&b);
    memset(text, 'a', 1024);
    text[1024] = '\0';
    ok(buf_appendf(&b, "%s", text) && buf_room(&b) == 0, "up to the bound by format");
    ok(!buf_appendf(&b, "%s", "x") && buf_appendf(&b, "%s", "") && b.len == 1024, "and no further");
    buf_clear(&b);
    buf_append(&b, "z", 1);
    ok(!buf_appendf(&b, "%s", text) && holds(&b, "z"), "what doesn't fit changes nothing");
    buf_fini(&b);
}

int main(void)
{
    check_bounds();
    check_growth();
    check_reserve();
    check_room();
    check_model();
    check_format();
    return done_testing();
}
