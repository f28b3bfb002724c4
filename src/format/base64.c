#include "format/base64.h"

/* What stands for 0 to 63. */
static char digit_of(uint32_t value)
{
    /* Each term comes in above a bound: a to z, 0 to 9, +, /. */
    return (char)(value + 'A' + ((25 - value) >> 31) * 6 - ((51 - value) >> 31) * 75 -
                  ((61 - value) >> 31) * 15 + ((62 - value) >> 31) * 3);
}

bool base64_encode(struct slice data, char *out, size_t size)
{
    size_t at = 0;

    if (size == 0)
        return false;
    out[0] = '\0';
    if (size < BASE64_SIZE(data.n) + 1)
        return false;
    for (size_t i = 0; i < data.n; i += 3) {
        uint32_t group = 0;

        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < data.n ? (uint8_t)data.p[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            out[at++] = i + k <= data.n ? digit_of(group >> (18 - 6 * k) & 63) : '=';
    }
    out[at] = '\0';
    return true;
}

/* All bits set if a <= c <= b, else none. */
static uint32_t within(uint32_t c, uint32_t a, uint32_t b)
{
    return (((c - a) | (b - c)) >> 31) - 1;
}

int base64_value(char character)
{
    uint32_t c = (uint8_t)character;
    /* One more than the value, so that 0 is no digit's. */
    uint32_t v = (within(c, 'A', 'Z') & (c - 'A' + 1)) | (within(c, 'a', 'z') & (c - 'a' + 27)) |
                 (within(c, '0', '9') & (c - '0' + 53)) | (within(c, '+', '+') & 63) |
                 (within(c, '/', '/') & 64);

    return (int)v - 1;
}

bool base64_decode(struct slice text, uint8_t *out, size_t n)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t done = 0;

    if (text.n != BASE64_SIZE(n))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        bool padding = i * 6 >= n * 8;
        int value = padding ? 0 : base64_value(text.p[i]);

        if (value < 0 || (padding && text.p[i] != '='))
            return false;
        if (padding)
            continue;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[done++] = (uint8_t)(bits >> have);
        }
    }
    return (bits & ((1u << have) - 1)) == 0;
}
