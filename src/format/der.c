#include "format/der.h"

#include <time.h>

void der_init(struct der *d, uint8_t *array, size_t size)
{
    d->start = array;
    d->end = array + size;
    d->at = d->end;
    d->failed = false;
}

size_t der_mark(const struct der *d)
{
    return (size_t)(d->end - d->at);
}

void der_bytes(struct der *d, const void *data, size_t n)
{
    if (d->failed || n > (size_t)(d->at - d->start)) {
        d->failed = true;
        return;
    }
    if (n == 0)
        return;
    d->at -= n;
    memcpy(d->at, data, n);
}

void der_byte(struct der *d, uint8_t byte)
{
    der_bytes(d, &byte, 1);
}

void der_wrap(struct der *d, uint8_t tag, size_t mark)
{
    size_t n = der_mark(d) - mark;
    uint8_t octets = 0;

    if (n < 128) {
        der_byte(d, (uint8_t)n);
    } else {
        for (; n > 0; n >>= 8, octets++)
            der_byte(d, (uint8_t)n);
        der_byte(d, 0x80 | octets);
    }
    der_byte(d, tag);
}

void der_unsigned(struct der *d, const uint8_t *big_endian, size_t n)
{
    size_t mark = der_mark(d);

    while (n > 0 && *big_endian == 0) {
        big_endian++;
        n--;
    }
    der_bytes(d, big_endian, n);
    /* Zero needs an octet, and a number with the top bit set one more, lest it be negative. */
    if (n == 0 || *big_endian & 0x80)
        der_byte(d, 0);
    der_wrap(d, 0x02, mark);
}

void der_small(struct der *d, unsigned value)
{
    uint8_t octets[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                         (uint8_t)value};

    der_unsigned(d, octets, sizeof octets);
}

void der_true(struct der *d)
{
    static const uint8_t encoded[] = {0x01, 0x01, 0xff};

    der_bytes(d, encoded, sizeof encoded);
}

void der_octets(struct der *d, const void *data, size_t n)
{
    size_t mark = der_mark(d);

    der_bytes(d, data, n);
    der_wrap(d, 0x04, mark);
}

void der_bits(struct der *d, const void *data, size_t n, unsigned unused_bits)
{
    size_t mark = der_mark(d);

    der_bytes(d, data, n);
    der_byte(d, (uint8_t)unused_bits);
    der_wrap(d, 0x03, mark);
}

void der_string(struct der *d, uint8_t tag, struct slice s)
{
    size_t mark = der_mark(d);

    der_bytes(d, s.p, s.n);
    der_wrap(d, tag, mark);
}

static void two_digits(char *out, int value)
{
    out[0] = (char)('0' + value / 10 % 10);
    out[1] = (char)('0' + value % 10);
}

void der_time(struct der *d, int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    char text[15];
    bool utc;

    if (!gmtime_r(&t, &tm) || tm.tm_year < 50 || tm.tm_year > 9999 - 1900) {
        d->failed = true;
        return;
    }
    utc = tm.tm_year < 150;
    two_digits(text, (tm.tm_year + 1900) / 100);
    two_digits(text + 2, tm.tm_year % 100);
    two_digits(text + 4, tm.tm_mon + 1);
    two_digits(text + 6, tm.tm_mday);
    two_digits(text + 8, tm.tm_hour);
    two_digits(text + 10, tm.tm_min);
    two_digits(text + 12, tm.tm_sec);
    text[14] = 'Z';
    if (utc)
        der_string(d, 0x17, slice_make(text + 2, 13));
    else
        der_string(d, 0x18, slice_make(text, 15));
}

struct slice der_result(const struct der *d)
{
    if (d->failed)
        return slice_make(NULL, 0);
    return slice_make((const char *)d->at, der_mark(d));
}
