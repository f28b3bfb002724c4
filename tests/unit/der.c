#include "tap.h"

#include "format/der.h"
#include "format/der_read.h"

#include <stdlib.h>

static void is_hex(const struct der *d, const char *want, const char *what)
{
    struct slice s = der_result(d);
    char got[256] = "";

    for (size_t i = 0; i < s.n && i < sizeof got / 2 - 1; i++)
        snprintf(got + 2 * i, 3, "%02x", (unsigned)(uint8_t)s.p[i]);
    is_str(got, want, what);
}

static void test_elements(void)
{
    static const uint8_t high[] = {0x80}, zeros[] = {0, 0, 1}, bits[] = {0xa0};
    uint8_t array[64];
    struct der d;
    size_t mark;

#define CASE(call, want, what)                                                                     \
    do {                                                                                           \
        der_init(&d, array, sizeof array);                                                         \
        call;                                                                                      \
        is_hex(&d, want, what);                                                                    \
    } while (0)

    CASE(der_string(&d, DER_OID, SLICE("\x55\x04\x03")), "0603550403", "an OID");
    CASE(der_small(&d, 0), "020100", "zero");
    CASE(der_small(&d, 127), "02017f", "127");
    CASE(der_small(&d, 128), "02020080", "128 has a leading zero");
    CASE(der_small(&d, 65537), "0203010001", "65537");
    CASE(der_small(&d, 0xffffffffu), "020500ffffffff", "the largest small number");
    CASE(der_unsigned(&d, high, 1), "02020080", "a number with its top bit set");
    CASE(der_unsigned(&d, zeros, 3), "020101", "leading zeros are dropped");
    CASE(der_unsigned(&d, zeros, 2), "020100", "a number of zeros");
    CASE(der_unsigned(&d, zeros, 0), "020100", "a number of no octets");
    CASE(der_true(&d), "0101ff", "TRUE");
    CASE(der_octets(&d, "hi", 2), "04026869", "an OCTET STRING");
    CASE(der_octets(&d, NULL, 0), "0400", "an empty OCTET STRING");
    CASE(der_bits(&d, bits, 1, 5), "030205a0", "a BIT STRING with unused bits");
    CASE(der_string(&d, 0x0c, SLICE("abc")), "0c03616263", "a UTF8String");

    der_init(&d, array, sizeof array);
    der_small(&d, 2);
    mark = der_mark(&d);
    der_true(&d);
    der_wrap(&d, 0x30, mark);
    is_hex(&d, "30030101ff020102", "wrap takes only what was written since its mark");
}

static void test_times(void)
{
    static const struct {
        int64_t seconds;
        const char *text; /* tag, length, digits */
    } cases[] = {
        {0, "\x17\x0d"
            "700101000000Z"},
        {-1, "\x17\x0d"
             "691231235959Z"},
        {951827696, "\x17\x0d"
                    "000229123456Z"},
        {2524607999, "\x17\x0d"
                     "491231235959Z"},
        {2524608000, "\x18\x0f"
                     "20500101000000Z"},
        {4107542399, "\x18\x0f"
                     "21000228235959Z"},
        {4107542400, "\x18\x0f"
                     "21000301000000Z"},
        {253402300799, "\x18\x0f"
                       "99991231235959Z"},
    };
    uint8_t array[32];
    struct der d;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice got, rest;
        int64_t back = 0;

        der_init(&d, array, sizeof array);
        der_time(&d, cases[i].seconds);
        got = rest = der_result(&d);
        ok(slice_eq(got, slice_of(cases[i].text)), "time %s", cases[i].text + 2);
        ok(der_read_time(&rest, &back) && back == cases[i].seconds && rest.n == 0, "... and back");
    }
    der_init(&d, array, sizeof array);
    der_time(&d, 253402300800);
    ok(d.failed && der_result(&d).n == 0, "the year 10000 fails");
}

/* Lengths around each change of form, the header checked, and read back. */
static void test_lengths(void)
{
    static const struct {
        size_t n;
        const char *head;
        size_t head_size;
    } cases[] = {
        {0, "\x04\x00", 2},
        {127, "\x04\x7f", 2},
        {128, "\x04\x81\x80", 3},
        {255, "\x04\x81\xff", 3},
        {256, "\x04\x82\x01\x00", 4},
        {65535, "\x04\x82\xff\xff", 4},
        {65536, "\x04\x83\x01\x00\x00", 5},
    };
    size_t size = 65536 + 5;
    uint8_t *array = malloc(size), *contents = calloc(1, size);

    if (!array || !contents) {
        ok(false, "memory");
        free(array);
        free(contents);
        return;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t total = cases[i].n + cases[i].head_size;
        struct slice s, inner;
        struct der d;
        uint8_t tag;

        der_init(&d, array, total);
        der_octets(&d, contents, cases[i].n);
        s = der_result(&d);
        ok(s.n == total && memcmp(s.p, cases[i].head, cases[i].head_size) == 0,
           "length %zu in an array that just holds it", cases[i].n);
        ok(der_read_element(&s, &tag, &inner) && tag == 4 && inner.n == cases[i].n && s.n == 0,
           "... is read back");
        s = slice_make((const char *)array, total - 1);
        ok(!der_read_element(&s, &tag, &inner), "... and not when its last octet is missing");
        der_init(&d, array, total - 1);
        der_octets(&d, contents, cases[i].n);
        ok(d.failed && der_result(&d).n == 0, "... fails in an array one octet smaller");
        der_byte(&d, 0);
        ok(d.failed && der_result(&d).n == 0, "... and stays failed");
    }
    free(array);
    free(contents);
}

static bool reads(const char *bytes, size_t n)
{
    /* A copy of just that size, so that the sanitizer sees a read past the end. */
    char *copy = malloc(n ? n : 1);
    struct slice s = {copy, n}, contents;
    uint8_t tag;
    bool rv;

    if (!copy)
        return false;
    memcpy(copy, bytes, n);
    rv = der_read_element(&s, &tag, &contents);
    free(copy);
    return rv;
}

static void test_refused(void)
{
#define READS(literal) reads(literal, sizeof(literal) - 1)
    ok(READS("\x04\x01x"), "a good element is read");
    ok(!READS(""), "nothing is refused");
    ok(!READS("\x04"), "a tag alone");
    ok(!READS("\x04\x01"), "missing contents");
    ok(!READS("\x1f\x01\x00"), "a tag of several octets");
    ok(!READS("\x30\x80\x00\x00"), "the indefinite form");
    ok(!READS("\x04\x81\x01x"), "a long form for a short length");
    ok(!READS("\x04\x82\x00\x80"), "a length with a leading zero");
    ok(!READS("\x04\x82\x01"), "a cut length");
    ok(!READS("\x04\x84\xff\xff\xff\xff"), "a huge length");
    ok(!READS("\x04\x85\x01\x00\x00\x00\x00"), "a length of five octets");
    ok(!READS("\x04\xff"), "a reserved length");
}

static bool time_is(const char *element, size_t n, int64_t want)
{
    struct slice s = {element, n};
    int64_t got = 0;

    return der_read_time(&s, &got) && got == want;
}

static bool time_refused(const char *element, size_t n)
{
    struct slice s = {element, n};
    int64_t got;

    return !der_read_time(&s, &got);
}

static void test_read_times(void)
{
#define IS(literal, want) time_is(literal, sizeof(literal) - 1, want)
#define REFUSED(literal) time_refused(literal, sizeof(literal) - 1)
    ok(IS("\x17\x0d"
          "500101000000Z",
          -631152000),
       "UTCTime 50 is 1950");
    ok(IS("\x18\x0f"
          "20000229000000Z",
          951782400),
       "29 February 2000");
    ok(REFUSED("\x18\x0f"
               "21000229000000Z"),
       "no 29 February 2100");
    ok(REFUSED("\x17\x0d"
               "230229000000Z"),
       "no 29 February 2023");
    ok(REFUSED("\x17\x0d"
               "230431000000Z"),
       "no 31 April");
    ok(REFUSED("\x17\x0d"
               "231301000000Z"),
       "no month 13");
    ok(REFUSED("\x17\x0d"
               "230001000000Z"),
       "no month 0");
    ok(REFUSED("\x17\x0d"
               "230100000000Z"),
       "no day 0");
    ok(REFUSED("\x17\x0d"
               "230101240000Z"),
       "no hour 24");
    ok(REFUSED("\x17\x0d"
               "230101006000Z"),
       "no minute 60");
    ok(REFUSED("\x17\x0d"
               "230101000060Z"),
       "no second 60");
    ok(REFUSED("\x17\x0b"
               "2301010000Z"),
       "no UTCTime without seconds");
    ok(REFUSED("\x17\x11"
               "230101000000+0100"),
       "no time zone");
    ok(REFUSED("\x18\x11"
               "20230101000000.5Z"),
       "no fraction");
    ok(REFUSED("\x17\x0d"
               "2301010000 0Z"),
       "only digits");
    ok(REFUSED("\x17\x0d"
               "230101000000X"),
       "Z at the end");
    ok(REFUSED("\x04\x0d"
               "230101000000Z"),
       "no time of another tag");
}

static void test_bits(void)
{
    struct slice s = SLICE("\x03\x02\x00x"), octets;

    ok(der_read_bits(&s, &octets) && slice_eq(octets, SLICE("x")), "whole octets of a BIT STRING");
    s = SLICE("\x03\x02\x01x");
    ok(!der_read_bits(&s, &octets), "unused bits are refused");
    s = SLICE("\x03\x00");
    ok(!der_read_bits(&s, &octets), "a BIT STRING without its count is refused");
    s = SLICE("\x04\x02\x00x");
    ok(!der_read_bits(&s, &octets), "another tag is refused");
}

int main(void)
{
    test_elements();
    test_times();
    test_lengths();
    test_refused();
    test_read_times();
    test_bits();
    return done_testing();
}
