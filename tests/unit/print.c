/* Each format is held against the C library's own: musl's here, glibc's with the sanitizers. */
#include "tap.h"

#include "base/print.h"

#include <inttypes.h>
#include <limits.h>
#include <stdint.h>

static char text[256];

__attribute__((format(printf, 2, 3))) static int print(size_t cap, const char *format, ...)
{
    va_list args;
    int n;

    memset(text, '#', sizeof text);
    va_start(args, format);
    n = print_text(text, cap, format, args);
    va_end(args);
    return n;
}

#define SAME(wanted, ...)                                                                          \
    do {                                                                                           \
        int printed = print(sizeof text, __VA_ARGS__);                                             \
        char other[sizeof text];                                                                   \
                                                                                                   \
        ok(strcmp(text, wanted) == 0 && (size_t)printed == strlen(wanted), "%s", wanted);          \
        snprintf(other, sizeof other, __VA_ARGS__);                                                \
        ok(strcmp(text, other) == 0, "... and so does the library");                               \
    } while (0)

static void test_conversions(void)
{
    SAME("plain", "plain");
    SAME("100%, x", "100%%, %c", 'x');
    SAME("[ab][   ab][ab   ][a][][   a]", "[%s][%5s][%-5s][%.1s][%.0s][%4.1s]", "ab", "ab", "ab",
         "ab", "ab", "ab");
    SAME("[ab][ab ][  a]", "[%.*s][%-*s][%*.*s]", 2, "abc", 3, "ab", 3, 1, "ab");
    SAME("0 -1 2147483647 -2147483648", "%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
    SAME("[  7][007][7  ][-07][ -7][1234]", "[%3d][%03d][%-3d][%03d][%3d][%3d]", 7, 7, 7, -7, -7,
         1234);
    SAME("4294967295 ffffffff FFFFFFFF 37777777777", "%u %x %X %o", UINT_MAX, UINT_MAX, UINT_MAX,
         UINT_MAX);
    SAME("18446744073709551615 -9223372036854775808 00000000000000ff",
         "%" PRIu64 " %" PRId64 " %016" PRIx64, UINT64_MAX, INT64_MIN, (uint64_t)255);
    SAME("1777777777777777777777", "%" PRIo64, UINT64_MAX);
    SAME("12 34 -56 0000009", "%zu %lu %ld %07llu", (size_t)12, 34UL, -56L, 9ULL);
    SAME("000000007 x", "%09lld %s", 7LL, "x");
}

static void test_bounds(void)
{
    is_int(print(4, "%s", "abcdef"), 6, "the length is told in full");
    ok(memcmp(text, "abc\0##", 6) == 0, "no byte behind cap is written");
    is_int(print(4, "%5d", 1), 5, "padding is cut, too");
    ok(memcmp(text, "   \0#", 5) == 0, "in its place");
    is_int(print(1, "ab"), 2, "room for the NUL alone");
    ok(memcmp(text, "\0#", 2) == 0, "takes just that");
    is_int(print(0, "ab"), 2, "no room");
    ok(text[0] == '#', "takes nothing");
    print(sizeof text, "%s", "");
    is_str(text, "", "an empty string");
}

/* gcc would rightly refuse these as literals. */
static void test_unknown(void)
{
    const char *volatile unknown = "a%", *volatile real = "a%gb%s";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    print(sizeof text, unknown);
    is_str(text, "a", "a lonely percent sign ends the text");
    print(sizeof text, real);
    is_str(text, "a", "so does what isn't known, and no argument is touched");
#pragma GCC diagnostic pop
}

int main(void)
{
    test_conversions();
    test_bounds();
    test_unknown();
    return done_testing();
}
