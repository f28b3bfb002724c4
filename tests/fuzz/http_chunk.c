/*
 * A chunked body, in two ways. The input as it is: the same verdict whole and byte by byte, and
 * what is taken decodes to what a second, simple reader decodes. The input as data: encoded in
 * chunks, it decodes to itself and leaves what follows alone.
 */
#include "format/http_chunk.h"

#include <stdlib.h>

#define MAX 4096

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum parse feed(struct slice input, size_t step, size_t *used, struct buf *out,
                       struct err *err)
{
    enum parse rv = PARSE_MORE;
    struct http_chunk c;

    http_chunk_init(&c);
    *used = 0;
    while (rv == PARSE_MORE && *used < input.n) {
        size_t n = input.n - *used < step ? input.n - *used : step, taken = 0;

        rv = http_chunk_feed(&c, slice_make(input.p + *used, n), &taken, out, err);
        MUST(taken <= n && (rv != PARSE_MORE || taken == n));
        *used += taken;
    }
    return rv;
}

/* The end of the line that starts at i: behind its CRLF. */
static size_t line_end(struct slice s, size_t i)
{
    while (i + 1 < s.n && !(s.p[i] == '\r' && s.p[i + 1] == '\n'))
        i++;
    MUST(i + 1 < s.n);
    return i + 2;
}

/* Reads a well-formed body of n bytes line by line, as the RFC's own pseudocode does. */
static void read_simply(struct slice body, struct buf *out)
{
    size_t i = 0, line;

    for (;;) {
        unsigned long long size = strtoull(body.p + i, NULL, 16);

        i = line_end(body, i);
        if (size == 0)
            break;
        MUST(size <= body.n - i && buf_append(out, body.p + i, (size_t)size));
        i += (size_t)size;
        MUST(i + 2 <= body.n && memcmp(body.p + i, "\r\n", 2) == 0);
        i += 2;
    }
    do {
        line = i;
        i = line_end(body, line);
    } while (i != line + 2);
    MUST(i == body.n);
}

static void check_raw(struct slice input)
{
    struct err err = {0}, err_cut = {0};
    size_t used, used_cut;
    struct buf out, again;
    enum parse rv;

    buf_init(&out, MAX);
    buf_init(&again, MAX);
    rv = feed(input, input.n, &used, &out, &err);
    MUST(rv == feed(input, 1, &used_cut, &again, &err_cut));
    MUST(used == used_cut && err.code == err_cut.code && err.status == err_cut.status);
    MUST(slice_eq(buf_slice(&out), buf_slice(&again)));
    MUST((rv == PARSE_BAD) == (err.code != ERR_NONE));
    if (rv == PARSE_DONE) {
        buf_clear(&again);
        read_simply(slice_make(input.p, used), &again);
        MUST(slice_eq(buf_slice(&out), buf_slice(&again)));
    }
    buf_fini(&out);
    buf_fini(&again);
}

static void check_encoded(struct slice input)
{
    struct buf text, out;
    struct err err = {0};
    size_t step, used;

    if (input.n == 0 || input.n > MAX)
        return;
    buf_init(&text, (size_t)MAX * 64);
    buf_init(&out, MAX);
    step = (unsigned char)input.p[0] % 32 + 1u;
    for (size_t i = 0; i < input.n; i += step) {
        size_t n = input.n - i < step ? input.n - i : step;

        MUST(buf_appendf(&text, i % 2 ? "%zx;a=\"\\\"\"\r\n" : "%zX\r\n", n) &&
             buf_append(&text, input.p + i, n) && buf_append_string(&text, "\r\n"));
    }
    MUST(buf_append_string(&text, "0\r\nA: b\r\n\r\n") && buf_append_slice(&text, input));
    if (text.len <= LIMIT_CHUNK_OVERHEAD) {
        MUST(feed(buf_slice(&text), step, &used, &out, &err) == PARSE_DONE);
        MUST(slice_eq(buf_slice(&out), input) && used == text.len - input.n);
    }
    buf_fini(&text);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_make((const char *)data, size);

    check_raw(input);
    check_encoded(input);
    return 0;
}
