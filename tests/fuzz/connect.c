/*
 * A proxy's answer to CONNECT: the same verdict whole and byte by byte, only bytes of the answer
 * used, and errors that are one printable line without what was sent. The first byte chooses
 * whether there are credentials.
 */
#include "format/connect.h"

#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not letters that the program's own words hold. */
static const struct secret user = {(char *)"Qzq", 3};
static const struct secret password = {(char *)"Zx7", 3};

static void check_error(const struct err *err, bool with_credentials)
{
    MUST(err->stage == STAGE_PROXY && err->text[0]);
    MUST(err->code == ERR_UNREACHABLE || err->code == ERR_SYNTAX || err->code == ERR_LIMIT);
    for (const char *p = err->text; *p; p++)
        MUST(*p >= ' ' && *p < 0x7f);
    if (with_credentials)
        MUST(!strstr(err->text, user.data) && !strstr(err->text, password.data) &&
             !strstr(err->text, "UXpxOlp4Nw=="));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct connect c = {.proxy = "http://p:1", .source = "HTTPS_PROXY", .host = "h", .port = 443};
    struct err err = {0}, err_cut = {0};
    enum parse rv, rv_cut = PARSE_MORE;
    size_t used, used_cut = 0, n;
    struct slice input;
    bool with_credentials;

    if (size == 0)
        return 0;
    with_credentials = data[0] & 1;
    input = slice_make((const char *)data + 1, size - 1);
    if (with_credentials) {
        c.user = &user;
        c.password = &password;
    }
    rv = connect_feed(&c, input, &used, &err);
    MUST(used <= input.n && (rv == PARSE_BAD) == err_is_set(&err));
    if (rv == PARSE_BAD)
        check_error(&err, with_credentials);
    c.scanned = c.interim = 0;
    for (size_t end = 1; end <= input.n && rv_cut == PARSE_MORE; end++) {
        rv_cut = connect_feed(&c, slice_make(input.p + used_cut, end - used_cut), &n, &err_cut);
        used_cut += n;
        MUST(used_cut <= end);
    }
    MUST(rv == rv_cut && err.code == err_cut.code && strcmp(err.text, err_cut.text) == 0);
    MUST(rv == PARSE_BAD || used == used_cut);
    MUST(rv != PARSE_DONE || used >= sizeof "HTTP/1.1 200\r\n\r\n" - 1);
    return 0;
}
