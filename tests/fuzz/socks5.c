/*
 * A SOCKS5 proxy's answers: the same verdict and the same bytes written, whole and byte by byte; a
 * tunnel opens only after a whole handshake, and errors are one printable line without what was
 * sent. The first byte chooses the host, and whether there are credentials.
 */
#include "format/socks5.h"

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
static const char *const hosts[] = {"h", "192.0.2.1", "2001:db8::1", "license.example.com"};

static struct socks5 start(unsigned choice, struct buf *out)
{
    struct socks5 s = {.proxy = "socks5://p:1", .source = "ALL_PROXY", .port = 443};

    s.host = hosts[choice >> 1 & 3];
    if (choice & 1) {
        s.user = &user;
        s.password = &password;
    }
    buf_init(out, SOCKS5_OUT);
    MUST(socks5_start(&s, out, NULL));
    return s;
}

static void check_error(const struct err *err)
{
    MUST(err->stage == STAGE_PROXY && err->text[0]);
    MUST(err->code == ERR_UNREACHABLE || err->code == ERR_SYNTAX);
    for (const char *p = err->text; *p; p++)
        MUST(*p >= ' ' && *p < 0x7f);
    MUST(!strstr(err->text, user.data) && !strstr(err->text, password.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0}, err_cut = {0};
    enum parse rv, rv_cut = PARSE_MORE;
    size_t used, used_cut = 0, n;
    struct buf out, out_cut;
    struct slice input;
    struct socks5 s, cut;

    if (size == 0)
        return 0;
    input = slice_make((const char *)data + 1, size - 1);
    s = start(data[0], &out);
    rv = socks5_feed(&s, input, &used, &out, &err);
    MUST(used <= input.n && (rv == PARSE_BAD) == err_is_set(&err));
    MUST((rv == PARSE_DONE) == (s.state == SOCKS5_OPEN));
    if (rv == PARSE_BAD)
        check_error(&err);
    cut = start(data[0], &out_cut);
    for (size_t end = 1; end <= input.n && rv_cut == PARSE_MORE; end++) {
        rv_cut = socks5_feed(&cut, slice_make(input.p + used_cut, end - used_cut), &n, &out_cut,
                             &err_cut);
        used_cut += n;
        MUST(used_cut <= end);
    }
    MUST(rv == rv_cut && err.code == err_cut.code && strcmp(err.text, err_cut.text) == 0);
    MUST(s.state == cut.state && slice_eq(buf_slice(&out), buf_slice(&out_cut)));
    MUST(rv == PARSE_BAD || used == used_cut);
    /* The method, and a reply with the shortest bound address, an empty name. */
    MUST(rv != PARSE_DONE || used >= 2 + 7);
    buf_wipe(&out);
    buf_wipe(&out_cut);
    return 0;
}
