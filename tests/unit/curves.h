/*
 * What the tests of curves share: vectors from files, and numbers that are random or at the edges
 * of what arithmetic in words and windows has to stand.
 *
 *   CURVES_ROUNDS   how often to compare with BearSSL, instead of a number for every day
 *   CURVES_SEED     the seed of the random numbers, instead of 1
 */
#ifndef TESTS_UNIT_CURVES_H
#define TESTS_UNIT_CURVES_H

#include "base/slice.h"

#include <bearssl.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- vectors */

struct octets {
    unsigned char bytes[4400];
    size_t n;
};

/* "-" is for none. */
__attribute__((unused)) static struct octets octets_read(struct slice hex)
{
    struct octets out = {.n = 0};

    if (slice_eq(hex, SLICE("-")))
        return out;
    for (size_t i = 0; i + 1 < hex.n && out.n < sizeof out.bytes; i += 2) {
        uint64_t octet = 0;

        if (!slice_hex_to_u64(slice_make(hex.p + i, 2), &octet))
            abort();
        out.bytes[out.n++] = (unsigned char)octet;
    }
    if (hex.n != 2 * out.n)
        abort();
    return out;
}

/* Calls take with the fields of each line, and returns how many lines there were. */
__attribute__((unused)) static int vectors_read(const char *name,
                                                void (*take)(struct slice fields[4], size_t n))
{
    static char line[16384];
    FILE *file = fopen(name, "r");
    int lines = 0;

    while (file && fgets(line, sizeof line, file)) {
        struct slice rest = slice_of(line), fields[4];
        size_t n = 0;

        if (line[0] == '#' || rest.p[rest.n - 1] != '\n')
            continue;
        rest.n--;
        while (rest.n > 0 && n < 4)
            fields[n++] = slice_cut(&rest, ' ');
        take(fields, n);
        lines++;
    }
    if (file)
        (void)fclose(file);
    return lines;
}

/* ---- numbers */

static unsigned long long curves_random_state;

__attribute__((unused)) static unsigned long curves_setting(const char *name, unsigned long other)
{
    const char *text = getenv(name);

    return text ? strtoul(text, NULL, 10) : other;
}

/* xorshift64*, whose upper bits are good. */
__attribute__((unused)) static unsigned curves_random(unsigned below)
{
    if (curves_random_state == 0)
        curves_random_state = curves_setting("CURVES_SEED", 1);
    curves_random_state ^= curves_random_state >> 12;
    curves_random_state ^= curves_random_state << 25;
    curves_random_state ^= curves_random_state >> 27;
    return (unsigned)((curves_random_state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

/* Random, in one of the ways that are hard for somebody. */
__attribute__((unused)) static void curves_number(unsigned char out[32])
{
    unsigned how = curves_random(8);

    for (size_t i = 0; i < 32; i++)
        out[i] = (unsigned char)curves_random(256);
    if (how == 0) /* runs of ones and zeros */
        for (size_t i = 0; i < 32; i++)
            out[i] =
                (unsigned char)(curves_random(5) > 0 && i > 0 ? (unsigned)out[i - 1]
                                                              : (curves_random(2) ? 0xffu : 0u));
    if (how == 1) /* few bits */
        for (size_t i = 0; i < 32; i++)
            if (curves_random(8) > 0)
                out[i] = 0;
    if (how == 2) /* few zeros */
        for (size_t i = 0; i < 32; i++)
            if (curves_random(8) > 0)
                out[i] = 0xff;
    if (how == 3) /* short, seen from either end */
        memset(out + (curves_random(2) ? 0 : 8), 0, 8 + curves_random(17));
}

#endif
