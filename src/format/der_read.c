#include "format/der_read.h"

bool der_read_element(struct slice *rest, uint8_t *tag, struct slice *contents)
{
    const uint8_t *p = (const uint8_t *)rest->p;
    size_t head = 2, n;

    if (rest->n < 2 || (p[0] & 0x1f) == 0x1f)
        return false;
    n = p[1];
    if (n >= 0x80) {
        size_t octets = n & 0x7f;

        /* 0x80 is the indefinite form; four octets are more than any file here. */
        if (octets == 0 || octets > 4 || rest->n - 2 < octets || p[2] == 0)
            return false;
        for (n = 0; head < 2 + octets; head++)
            n = n << 8 | p[head];
        if (n < 0x80)
            return false;
    }
    if (n > rest->n - head)
        return false;
    *tag = p[0];
    *contents = slice_make(rest->p + head, n);
    rest->p += head + n;
    rest->n -= head + n;
    return true;
}

bool der_read_tagged(struct slice *rest, uint8_t tag, struct slice *contents)
{
    uint8_t found;

    return der_read_element(rest, &found, contents) && found == tag;
}

bool der_read_is_next(struct slice rest, uint8_t tag)
{
    return rest.n > 0 && (uint8_t)rest.p[0] == tag;
}

bool der_read_bits(struct slice *rest, struct slice *octets)
{
    if (!der_read_tagged(rest, DER_BIT_STRING, octets) || octets->n < 1 || octets->p[0] != 0)
        return false;
    octets->p++;
    octets->n--;
    return true;
}

/* The days from 1970-01-01 to a day of the proleptic Gregorian calendar, months from 1. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    /* Years that begin in March have their leap day at the end, so months need no table. */
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;

    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool der_read_time(struct slice *rest, int64_t *seconds)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct slice text;
    uint64_t part[7];
    int64_t year, month, day;
    size_t first, count;
    uint8_t tag;

    if (!der_read_element(rest, &tag, &text))
        return false;
    /* A UTCTime lacks the century. */
    first = tag == DER_UTC_TIME ? 1 : 0;
    count = sizeof part / sizeof part[0] - first;
    if ((tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME) || text.n != 2 * count + 1 ||
        text.p[text.n - 1] != 'Z')
        return false;
    for (size_t i = 0; i < count; i++)
        if (!slice_to_u64(slice_make(text.p + 2 * i, 2), 99, &part[first + i]))
            return false;
    if (tag == DER_UTC_TIME)
        part[0] = part[1] < 50 ? 20 : 19;
    year = (int64_t)(part[0] * 100 + part[1]);
    month = (int64_t)part[2];
    day = (int64_t)part[3];
    if (month < 1 || month > 12 || day < 1 ||
        day > month_days[month - 1] + (month == 2 && is_leap(year)) || part[4] > 23 ||
        part[5] > 59 || part[6] > 59)
        return false;
    *seconds = days_since_1970(year, month, day) * 86400 +
               (int64_t)(part[4] * 3600 + part[5] * 60 + part[6]);
    return true;
}
