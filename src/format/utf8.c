#include "format/utf8.h"

size_t utf8_decode(struct slice s, uint32_t *code)
{
    /* What the first byte says: length, its own bits, and the least value that needs them all. */
    static const struct {
        unsigned char mask, lead, bits;
        size_t length;
        uint32_t least;
    } forms[] = {
        {0x80, 0x00, 0x7f, 1, 0},
        {0xe0, 0xc0, 0x1f, 2, 0x80},
        {0xf0, 0xe0, 0x0f, 3, 0x800},
        {0xf8, 0xf0, 0x07, 4, 0x10000},
    };

    for (size_t form = 0; s.n > 0 && form < sizeof forms / sizeof forms[0]; form++) {
        unsigned char first = (unsigned char)s.p[0];
        uint32_t value = first & forms[form].bits;

        if ((first & forms[form].mask) != forms[form].lead)
            continue;
        if (s.n < forms[form].length)
            return 0;
        for (size_t i = 1; i < forms[form].length; i++) {
            unsigned char c = (unsigned char)s.p[i];

            if ((c & 0xc0) != 0x80)
                return 0;
            value = value << 6 | (c & 0x3fu);
        }
        if (value < forms[form].least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
            return 0;
        *code = value;
        return forms[form].length;
    }
    return 0;
}

size_t utf8_encode(uint32_t code, char out[4])
{
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
