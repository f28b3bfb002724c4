/* The functions of tools/build/libc.c beside those of the C library that the test itself has. */
#include "tap.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define qsort our_qsort
#define strstr our_strstr
#define strtol our_strtol
#define strtoll our_strtoll
#define strtoul our_strtoul
#define strtoull our_strtoull
#define mbstowcs our_mbstowcs
#define puts our_puts
#define putchar our_putchar
/* NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "../../tools/build/libc.c"
#undef qsort
#undef strstr
#undef strtol
#undef strtoll
#undef strtoul
#undef strtoull
#undef mbstowcs
#undef puts
#undef putchar

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

struct item {
    unsigned char key;
    unsigned place;
};

static int by_key(const void *a, const void *b)
{
    return ((const struct item *)a)->key - ((const struct item *)b)->key;
}

static void test_sort(void)
{
    unsigned state = 1, sorted = 0;

    for (unsigned count = 0; count < 49; count++) {
        struct item items[49];
        bool rises = true;

        for (unsigned i = 0; i < count; i++)
            items[i] = (struct item){(unsigned char)(next_random(&state) % 16), i};
        our_qsort(items, count, sizeof items[0], by_key);
        for (unsigned i = 1; i < count; i++)
            rises = rises &&
                    (items[i - 1].key < items[i].key ||
                     (items[i - 1].key == items[i].key && items[i - 1].place < items[i].place));
        sorted += rises;
    }
    is_int(sorted, 49, "lists are sorted, and what is equal keeps its order");
}

static void test_find(void)
{
    unsigned state = 2, same = 0;
    char text[12], part[4];

    for (unsigned n = 0; n < 20000; n++) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (char)('a' + next_random(&state) % 2);
        for (size_t i = 0; i < sizeof part; i++)
            part[i] = (char)('a' + next_random(&state) % 2);
        text[next_random(&state) % sizeof text] = '\0';
        part[next_random(&state) % sizeof part] = '\0';
        text[sizeof text - 1] = part[sizeof part - 1] = '\0';
        same += our_strstr(text, part) == strstr(text, part);
    }
    is_int(same, 20000, "strings are found in others");
}

/* The values, where they end, and the errors. */
#define SAME(function, text, base)                                                                 \
    do {                                                                                           \
        char *end = NULL, *our_end = NULL;                                                         \
        unsigned long long want, got;                                                              \
        int error;                                                                                 \
                                                                                                   \
        errno = 0;                                                                                 \
        want = (unsigned long long)function(text, &end, base);                                     \
        error = errno;                                                                             \
        errno = 0;                                                                                 \
        got = (unsigned long long)our_##function(text, &our_end, base);                            \
        ok(got == want && our_end == end && (errno == ERANGE) == (error == ERANGE),                \
           #function " of \"%s\", base %d", text, base);                                           \
    } while (0)

static void test_numbers(void)
{
    static const char *const texts[] = {
        "",
        "0",
        "7",
        " \t\n12 13",
        "+5",
        "-5",
        "- 5",
        "+-5",
        "x",
        "-",
        "0x",
        "0xg",
        "0x1F",
        "-0X10",
        "010",
        "08",
        "99zz",
        "@`[{",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "4294967295",
        "4294967296",
        "-4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "-18446744073709551615",
        "-18446744073709551616",
        "99999999999999999999999999",
        "-99999999999999999999999999",
        "1.2.3.4",
        "0x7f.1",
    };
    static const int bases[] = {0, 8, 10, 16, 36};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t k = 0; k < sizeof bases / sizeof bases[0]; k++) {
            SAME(strtol, texts[i], bases[k]);
            SAME(strtoll, texts[i], bases[k]);
            SAME(strtoul, texts[i], bases[k]);
            SAME(strtoull, texts[i], bases[k]);
        }
}

int main(void)
{
    wchar_t wide[4];

    test_sort();
    test_find();
    test_numbers();
    is_int(our_strtol("12", NULL, 10), 12, "where a number ends need not be asked");
    is_int(our_mbstowcs(NULL, "license.example", 0), 15, "a name's length in characters");
    is_int(our_mbstowcs(NULL, "\xff\xc3", 0), 2, "any bytes are characters");
    ok(our_mbstowcs(wide, "abc", 4) == (size_t)-1, "but aren't widened");
    return done_testing();
}
