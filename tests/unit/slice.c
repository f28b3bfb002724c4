#include "base/slice.h"
#include "page.h"
#include "tap.h"

static struct page page;

static void check_cut(void)
{
    struct slice rest = SLICE("a::b"), none = {NULL, 0};

    ok(slice_eq(slice_cut(&rest, ':'), SLICE("a")) && slice_eq(rest, SLICE(":b")),
       "what comes before a separator is taken off, with it");
    ok(slice_eq(slice_cut(&rest, ':'), SLICE("")) && slice_eq(rest, SLICE("b")),
       "which may be nothing");
    ok(slice_eq(slice_cut(&rest, ':'), SLICE("b")) && rest.n == 0, "without one it is all");
    ok(slice_eq(slice_unquote(SLICE("\"a\"")), SLICE("a")) &&
           slice_eq(slice_unquote(SLICE("\"a")), SLICE("\"a")) &&
           slice_eq(slice_unquote(SLICE("\"")), SLICE("\"")) && slice_unquote(SLICE("\"\"")).n == 0,
       "quotes come off in pairs");
    ok(slice_cut(&rest, ':').n == 0 && slice_cut(&none, ':').n == 0, "of nothing, nothing");
}

static void check_compare(void)
{
    ok(slice_eq(SLICE("ab"), SLICE("ab")) && !slice_eq(SLICE("ab"), SLICE("aB")) &&
           !slice_eq(SLICE("ab"), SLICE("abc")),
       "slices are equal byte by byte");
    ok(slice_eq(slice_make(NULL, 0), SLICE("")) && slice_eq_nocase(slice_make(NULL, 0), SLICE("")),
       "empty slices are equal, with bytes or without");
    {
        char a[40], b[40];
        unsigned wrong = 0;

        memset(a, 'x', sizeof a);
        memset(b, 'x', sizeof b);
        for (size_t n = 0; n <= sizeof a; n++) {
            wrong += !slice_eq(slice_make(a, n), slice_make(b, n));
            for (size_t i = 0; i < sizeof a; i++) {
                b[i] ^= 1;
                wrong += slice_eq(slice_make(a, n), slice_make(b, n)) != (i >= n);
                b[i] ^= 1;
            }
        }
        is_int(wrong, 0, "one byte's difference, wherever it is, is one");
    }
    ok(slice_eq(SLICE("a\0b"), SLICE("a\0b")) && !slice_eq(SLICE("a\0b"), SLICE("a\0c")),
       "a NUL is a byte like others");
    ok(slice_eq_nocase(SLICE("aZ-09"), SLICE("Az-09")) && !slice_eq_nocase(SLICE("a"), SLICE("b")),
       "letters compare without case");
    ok(!slice_eq_nocase(SLICE("@["), SLICE("`{")) && !slice_eq_nocase(SLICE("\xc9"), SLICE("\xe9")),
       "and nothing but ASCII letters");
    ok(slice_starts_with(SLICE("abc"), SLICE("ab")) && slice_starts_with(SLICE("ab"), SLICE("")) &&
           slice_starts_with(slice_make(NULL, 0), SLICE("")),
       "prefixes");
    ok(slice_contains(SLICE("aab"), SLICE("ab")) && slice_contains(SLICE("ab"), SLICE("ab")) &&
           slice_contains(SLICE("a"), SLICE("")) && slice_contains(SLICE(""), SLICE("")),
       "a part is found at the end, alone, and when empty");
    ok(!slice_contains(SLICE("aba"), SLICE("bb")) && !slice_contains(SLICE("a"), SLICE("ab")) &&
           !slice_contains(slice_make(NULL, 0), SLICE("a")),
       "what isn't there is not");
    ok(!slice_starts_with(SLICE("a"), SLICE("ab")) && !slice_starts_with(SLICE("ba"), SLICE("a")),
       "and what is none");
}

static void check_trim(void)
{
    static const struct {
        struct slice s, want;
    } cases[] = {
        {SLICE(""), SLICE("")},           {SLICE(" \t "), SLICE("")},
        {SLICE("a"), SLICE("a")},         {SLICE("\t a b \t"), SLICE("a b")},
        {SLICE("\na\r"), SLICE("\na\r")}, {SLICE("\xa0"), SLICE("\xa0")},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ok(slice_eq(slice_trim(page_put(&page, cases[i].s)), cases[i].want), "trims '%s'",
           page_show(cases[i].s));
}

static void check_elements(void)
{
    static const struct {
        struct slice list;
        const char *want; /* elements, each in brackets */
    } cases[] = {
        {SLICE(""), ""},
        {SLICE(" , ,\t,"), ""},
        {SLICE("a"), "[a]"},
        {SLICE("a,b"), "[a][b]"},
        {SLICE(" a ,\tb c ,, d,"), "[a][b c][d]"},
        {SLICE("\"a,b\",c"), "[\"a,b\"][c]"},
        {SLICE("x=\"a\\\",b\", c"), "[x=\"a\\\",b\"][c]"},
        {SLICE("\"a,b"), "[\"a,b]"},
        {SLICE("\"a\\"), "[\"a\\]"},
        {SLICE("a\\,b"), "[a\\][b]"},
        {SLICE("a;q=1, b"), "[a;q=1][b]"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice rest = page_put(&page, cases[i].list), element;
        char got[64] = "";
        size_t n = 0;

        while (slice_next_element(&rest, &element))
            n += (size_t)snprintf(got + n, sizeof got - n, "[%.*s]", (int)element.n, element.p);
        is_str(got, cases[i].want, page_show(cases[i].list));
        ok(rest.n == 0 && !slice_next_element(&rest, &element), "it stays at its end");
    }
}

static void check_decimal(void)
{
    static const struct {
        struct slice s;
        uint64_t max;
        bool good;
        uint64_t want;
    } cases[] = {
        {SLICE("0"), 0, true, 0},
        {SLICE("1"), 0, false, 0},
        {SLICE("9"), 8, false, 0},
        {SLICE("9"), 9, true, 9},
        {SLICE("10"), 9, false, 0},
        {SLICE("007"), 7, true, 7},
        {SLICE("65535"), 65535, true, 65535},
        {SLICE("65536"), 65535, false, 0},
        {SLICE("18446744073709551615"), UINT64_MAX, true, UINT64_MAX},
        {SLICE("18446744073709551616"), UINT64_MAX, false, 0},
        {SLICE("18446744073709551620"), UINT64_MAX, false, 0},
        {SLICE("99999999999999999999"), UINT64_MAX, false, 0},
        {SLICE("018446744073709551615"), UINT64_MAX, true, UINT64_MAX},
        {SLICE("9223372036854775808"), INT64_MAX, false, 0},
        {SLICE(""), UINT64_MAX, false, 0},
        {SLICE("-1"), UINT64_MAX, false, 0},
        {SLICE("+1"), UINT64_MAX, false, 0},
        {SLICE(" 1"), UINT64_MAX, false, 0},
        {SLICE("1 "), UINT64_MAX, false, 0},
        {SLICE("1\0"), UINT64_MAX, false, 0},
        {SLICE("0x1"), UINT64_MAX, false, 0},
        {SLICE("1e3"), UINT64_MAX, false, 0},
        {SLICE("/"), UINT64_MAX, false, 0},
        {SLICE(":"), UINT64_MAX, false, 0},
        {SLICE("\xb1"), UINT64_MAX, false, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t got = 0;
        bool rv = slice_to_u64(page_put(&page, cases[i].s), cases[i].max, &got);

        ok(rv == cases[i].good && (!rv || got == cases[i].want), "%s up to %" PRIu64,
           page_show(cases[i].s), cases[i].max);
    }
}

static void check_hexadecimal(void)
{
    static const struct {
        struct slice s;
        bool good;
        uint64_t want;
    } cases[] = {
        {SLICE("0"), true, 0},
        {SLICE("aF09"), true, 0xaf09},
        {SLICE("ffffffffffffffff"), true, UINT64_MAX},
        {SLICE("0000000000000001"), true, 1},
        {SLICE("00000000000000001"), false, 0},
        {SLICE("10000000000000000"), false, 0},
        {SLICE(""), false, 0},
        {SLICE("g"), false, 0},
        {SLICE("G"), false, 0},
        {SLICE("@"), false, 0},
        {SLICE("`"), false, 0},
        {SLICE("0x1"), false, 0},
        {SLICE("-1"), false, 0},
        {SLICE(" 1"), false, 0},
        {SLICE("1 "), false, 0},
        {SLICE("\xc1"), false, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t got = 0;
        bool rv = slice_hex_to_u64(page_put(&page, cases[i].s), &got);

        ok(rv == cases[i].good && (!rv || got == cases[i].want), "hexadecimal %s",
           page_show(cases[i].s));
    }
}

static void check_copy(void)
{
    char out[4] = "xxx";

    ok(slice_copy(SLICE("abc"), out, 4) && strcmp(out, "abc") == 0, "a copy that just fits");
    ok(!slice_copy(SLICE("abcd"), out, 4) && out[0] == '\0', "one that doesn't leaves nothing");
    ok(slice_copy(slice_make(NULL, 0), out, 1) && out[0] == '\0', "nothing fits in one byte");
    memcpy(out, "xxx", 4);
    ok(!slice_copy(SLICE("a\0b"), out, 4) && out[0] == '\0', "a NUL is not copied");
    out[0] = 'x';
    ok(!slice_copy(SLICE(""), out, 0) && out[0] == 'x', "no room is left alone");
}

static void check_write_hex(void)
{
    const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xa5, 0xff};
    char out[11];

    slice_write_hex(bytes, sizeof bytes, out);
    is_str(out, "000ff0a5ff", "bytes are written as digits");
    slice_write_hex(bytes, 0, out);
    is_str(out, "", "none as none");
}

int main(void)
{
    page = page_new(64);
    check_cut();
    check_compare();
    check_trim();
    check_elements();
    check_decimal();
    check_hexadecimal();
    check_copy();
    check_write_hex();
    page_free(&page);
    return done_testing();
}
