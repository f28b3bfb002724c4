#include "crypto/word.h"

#ifdef CRYPTO_WORDS

#include <string.h>

typedef uint64_t two_words __attribute__((vector_size(16), aligned(8), may_alias));

void word_lookup(void *r, const void *table, size_t entries, size_t words, uint64_t index)
{
    for (size_t i = 0; i < words; i += 4) {
        const uint64_t *at = (const uint64_t *)table + i;
        two_words low = {0, 0}, high = {0, 0};

        for (uint64_t e = 0; e < entries; e++, at += words) {
            uint64_t bits = word_is_zero(e ^ index);
            two_words mask = {bits, bits};

            low |= ((const two_words *)at)[0] & mask;
            high |= ((const two_words *)at)[1] & mask;
        }
        ((two_words *)((uint64_t *)r + i))[0] = low;
        ((two_words *)((uint64_t *)r + i))[1] = high;
    }
}

void word_from_little_endian(uint64_t r[4], const uint8_t bytes[32])
{
    memset(r, 0, 32);
    for (size_t i = 0; i < 32; i++)
        r[i / 8] |= (uint64_t)bytes[i] << (8 * (i % 8));
}

void word_to_little_endian(uint8_t bytes[32], const uint64_t a[4])
{
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
}

void word_from_big_endian(uint64_t r[4], const uint8_t bytes[32])
{
    memset(r, 0, 32);
    for (size_t i = 0; i < 32; i++)
        r[i / 8] |= (uint64_t)bytes[31 - i] << (8 * (i % 8));
}

void word_to_big_endian(uint8_t bytes[32], const uint64_t a[4])
{
    for (size_t i = 0; i < 32; i++)
        bytes[31 - i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
}

void word_add_five(int64_t r[5], const int64_t a[5], const int64_t b[5])
{
#pragma GCC unroll 5
    for (size_t i = 0; i < 5; i++)
        r[i] = a[i] + b[i];
}

void word_sub_five(int64_t r[5], const int64_t a[5], const int64_t b[5])
{
#pragma GCC unroll 5
    for (size_t i = 0; i < 5; i++)
        r[i] = a[i] - b[i];
}

void word_signs(uint64_t signs[5], const uint64_t k[4], unsigned top)
{
    for (size_t i = 0; i < 3; i++)
        signs[i] = k[i] >> 1 | k[i + 1] << 63;
    signs[3] = k[3] >> 1;
    signs[4] = 0;
    signs[top / 64] |= (uint64_t)1 << top % 64;
}

uint64_t word_digit(const uint64_t signs[5], unsigned at, unsigned step, unsigned count,
                    uint64_t *minus)
{
    uint64_t index = 0;

    for (unsigned i = 0; i < count; i++, at += step)
        index |= (signs[at / 64] >> at % 64 & 1) << i;
    *minus = word_mask((index >> (count - 1)) ^ 1);
    return (index ^ *minus) & (((uint64_t)1 << (count - 1)) - 1);
}

#endif
