#include "crypto/gcm.h"

#include <stdbool.h>

#ifdef __x86_64__

#include "base/secret.h"

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define BLOCK 16

/* GCC's name for what these need, and how it makes functions of them that belong to one another. */
#define NEEDED "avx2,vaes,vpclmulqdq,pclmul,aes"
#define TARGET __attribute__((target(NEEDED)))
#define INLINE static inline __attribute__((always_inline, target(NEEDED)))

INLINE __m128i load(const void *from)
{
    return _mm_loadu_si128((const __m128i *)from);
}

INLINE void store(void *to, __m128i value)
{
    _mm_storeu_si128((__m128i *)to, value);
}

INLINE __m256i load_two(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

INLINE void store_two(void *to, __m256i value)
{
    _mm256_storeu_si256((__m256i *)to, value);
}

/* ---- counter mode ------------------------------------------------------------------------- */

/* Pairs of blocks at a time: as many as the CPU begins before the first is done. */
#define PAIRS 8
#define FOR_PAIRS _Pragma("GCC unroll 8") for (size_t p = 0; p < PAIRS; p++)

/* BearSSL's key schedule by the CPU's instructions, not in its public headers. How many rounds. */
unsigned br_aes_x86ni_keysched_enc(unsigned char *round_keys, const void *key, size_t size);

static void init(const br_block_ctr_class **ctx, const void *key, size_t size);

/* A block's last four octets are its number, the highest first; made from one in CPU order. */
INLINE __m256i in_octets(__m256i numbered)
{
    __m128i order = _mm_set_epi64x(0x0c0d0e0f0b0a0908, 0x0706050403020100);

    return _mm256_shuffle_epi8(numbered, _mm256_broadcastsi128_si256(order));
}

TARGET static uint32_t run(const br_block_ctr_class *const *ctx, const void *iv, uint32_t counter,
                           void *data, size_t size)
{
    const br_aes_x86ni_ctr_keys *keys = (const br_aes_x86ni_ctr_keys *)(const void *)ctx;
    const unsigned char *key = keys->skey.skni;
    uint8_t *at = data, stream[PAIRS * 2 * BLOCK], block[BLOCK];
    __m256i next, two = _mm256_set_epi32(2, 0, 0, 0, 2, 0, 0, 0);

    memcpy(block, iv, 12);
    memcpy(block + 12, &counter, 4);
    next = _mm256_add_epi32(_mm256_broadcastsi128_si256(load(block)),
                            _mm256_set_epi32(1, 0, 0, 0, 0, 0, 0, 0));
    while (size > 0) {
        size_t n = size < sizeof stream ? size : sizeof stream, i = 0;
        __m256i s[PAIRS], k = _mm256_broadcastsi128_si256(load(key));

        FOR_PAIRS
        {
            s[p] = _mm256_xor_si256(in_octets(next), k);
            next = _mm256_add_epi32(next, two);
        }
        for (size_t round = 1; round < keys->num_rounds; round++) {
            k = _mm256_broadcastsi128_si256(load(key + round * BLOCK));
            FOR_PAIRS s[p] = _mm256_aesenc_epi128(s[p], k);
        }
        k = _mm256_broadcastsi128_si256(load(key + keys->num_rounds * BLOCK));
        FOR_PAIRS s[p] = _mm256_aesenclast_epi128(s[p], k);
        if (n == sizeof stream) {
            FOR_PAIRS
            store_two(at + 2 * BLOCK * p, _mm256_xor_si256(load_two(at + 2 * BLOCK * p), s[p]));
        } else {
            FOR_PAIRS store_two(stream + 2 * BLOCK * p, s[p]);
            for (; n - i >= BLOCK; i += BLOCK)
                store(at + i, _mm_xor_si128(load(at + i), load(stream + i)));
            for (; i < n; i++)
                at[i] ^= stream[i];
            secret_wipe(stream, sizeof stream);
        }
        counter += (uint32_t)((n + BLOCK - 1) / BLOCK);
        at += n;
        size -= n;
    }
    return counter;
}

static const br_block_ctr_class ctr = {
    .context_size = sizeof(br_aes_x86ni_ctr_keys),
    .block_size = BLOCK,
    .log_block_size = 4,
    .init = init,
    .run = run,
};

static void init(const br_block_ctr_class **ctx, const void *key, size_t size)
{
    br_aes_x86ni_ctr_keys *keys = (br_aes_x86ni_ctr_keys *)(void *)ctx;

    keys->vtable = &ctr;
    keys->num_rounds = br_aes_x86ni_keysched_enc(keys->skey.skni, key, size);
}

/* ---- GHASH -------------------------------------------------------------------------------- */

/* Blocks whose products are reduced together. */
#define MOST 8

/*
 * An element of the field is a vector whose bit i, counted from the lowest, is the coefficient of
 * x^(127 - i): the octets of SP 800-38D in reverse. The carry-less product of two of them has the
 * coefficient of x^(254 - i) at bit i, one place below that of a vector of 256 bits; so one of the
 * factors is kept divided by x. As x^128 = x^7 + x^2 + x + 1, 1/x = x^127 + x^6 + x + 1, which is
 * this vector.
 */
INLINE __m128i one_by_x(void)
{
    return _mm_set_epi64x((long long)0xc200000000000000, 1);
}

/* Sums of products of 256 bits, not yet reduced, one for each of the two lanes. */
struct sums {
    __m256i low, middle, high;
};

INLINE struct sums no_sums(void)
{
    __m256i zero = _mm256_setzero_si256();

    return (struct sums){zero, zero, zero};
}

INLINE __m256i reversed(__m256i blocks)
{
    __m128i last_first = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);

    return _mm256_shuffle_epi8(blocks, _mm256_broadcastsi128_si256(last_first));
}

/* The other lane is zero. */
INLINE __m256i first_lane(__m128i a)
{
    return _mm256_inserti128_si256(_mm256_setzero_si256(), a, 0);
}

INLINE __m128i reversed_one(__m128i block)
{
    return _mm256_castsi256_si128(reversed(first_lane(block)));
}

INLINE void add_products(struct sums *sums, __m256i a, __m256i b)
{
    __m256i first = _mm256_clmulepi64_epi128(a, b, 0x01);
    __m256i second = _mm256_clmulepi64_epi128(a, b, 0x10);

    sums->low = _mm256_xor_si256(sums->low, _mm256_clmulepi64_epi128(a, b, 0x00));
    sums->high = _mm256_xor_si256(sums->high, _mm256_clmulepi64_epi128(a, b, 0x11));
    sums->middle = _mm256_xor_si256(sums->middle, _mm256_xor_si256(first, second));
}

/*
 * Twice, the lowest 64 bits are folded into those above them: bit i of them, whose weight is x^128
 * times that of bit i + 128, has the weights of bits i + 121, i + 126, i + 127 and i + 128
 * together.
 */
INLINE __m256i reduce(const struct sums *sums)
{
    __m256i low = _mm256_xor_si256(sums->low, _mm256_slli_si256(sums->middle, 8));
    __m256i high = _mm256_xor_si256(sums->high, _mm256_srli_si256(sums->middle, 8));

    for (int i = 0; i < 2; i++)
        low = _mm256_xor_si256(
            _mm256_shuffle_epi32(low, 0x4e),
            _mm256_clmulepi64_epi128(low, _mm256_broadcastsi128_si256(one_by_x()), 0x10));
    return _mm256_xor_si256(high, low);
}

/* In each lane a times b, which is kept divided by x. */
INLINE __m256i multiply(__m256i a, __m256i b)
{
    struct sums sums = no_sums();

    add_products(&sums, a, b);
    return reduce(&sums);
}

INLINE __m128i divided_by_x(__m128i a)
{
    __m128i carries = _mm_srli_epi64(a, 63);
    __m128i top = _mm_shuffle_epi32(_mm_srai_epi32(a, 31), 0xff);

    a = _mm_or_si128(_mm_slli_epi64(a, 1), _mm_slli_si128(carries, 8));
    return _mm_xor_si128(a, _mm_and_si128(top, one_by_x()));
}

/* Sets powers to h^MOST down to h, each divided by x. */
INLINE void raise(__m128i powers[MOST], __m128i h)
{
    __m256i one = _mm256_broadcastsi128_si256(h), two = multiply(one, one);
    __m256i two_one = _mm256_permute2x128_si256(two, one, 0x20);
    __m256i four_three = multiply(two, two_one);
    __m256i four = _mm256_permute2x128_si256(four_three, four_three, 0x00);

    store_two(powers, multiply(four, four_three));
    store_two(powers + 2, multiply(four, two_one));
    store_two(powers + 4, four_three);
    store_two(powers + 6, two_one);
}

/* The two lanes' sums together. */
INLINE __m128i reduce_both(const struct sums *sums)
{
    __m256i both = reduce(sums);

    return _mm_xor_si128(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
}

/* hash = (hash + block) h, for a block that may be short. */
TARGET static void ghash_block(void *hash, const void *h, const void *block, size_t size)
{
    uint8_t padded[BLOCK] = {0};
    __m256i a, b = first_lane(divided_by_x(reversed_one(load(h))));

    memcpy(padded, block, size);
    a = reversed(first_lane(_mm_xor_si128(load(hash), load(padded))));
    store(hash, reversed_one(_mm256_castsi256_si128(multiply(a, b))));
}

/*
 * hash = (hash + data's first block) h^n + its second h^(n-1) + …, which is block by block's
 * result, for up to MOST blocks at a time.
 */
TARGET static void ghash_blocks(void *hash, const void *h, const void *data, size_t size)
{
    __m128i powers[MOST], y = reversed_one(load(hash));
    const uint8_t *at = data;

    raise(powers, divided_by_x(reversed_one(load(h))));
    for (; size >= MOST * BLOCK; size -= MOST * BLOCK, at += MOST * BLOCK) {
        struct sums sums = no_sums();

        add_products(&sums, _mm256_xor_si256(first_lane(y), reversed(load_two(at))),
                     load_two(powers));
        _Pragma("GCC unroll 3") for (size_t i = 2; i < MOST; i += 2)
            add_products(&sums, reversed(load_two(at + i * BLOCK)), load_two(powers + i));
        y = reduce_both(&sums);
    }
    if (size > 0) {
        struct sums sums = no_sums();
        size_t n = (size + BLOCK - 1) / BLOCK;
        size_t odd = n % 2; /* a block of zeros goes first then, which makes them pairs */
        uint8_t rest[MOST * BLOCK] = {0}, *first = rest + odd * BLOCK;

        memcpy(first, at, size);
        store(first, _mm_xor_si128(load(first), reversed_one(y)));
        n += odd;
        for (size_t i = 0; i < n; i += 2)
            add_products(&sums, reversed(load_two(rest + i * BLOCK)),
                         load_two(powers + MOST - n + i));
        y = reduce_both(&sums);
    }
    store(hash, reversed_one(y));
    secret_wipe(powers, sizeof powers);
}

static void ghash(void *hash, const void *h, const void *data, size_t size)
{
    if (size > BLOCK)
        ghash_blocks(hash, h, data, size);
    else if (size > 0)
        ghash_block(hash, h, data, size);
}

/* ---- the choice --------------------------------------------------------------------------- */

/* Whether the system keeps the wide registers of each process. */
static bool has_wide_registers(void)
{
    enum { XMM_AND_YMM = 6 };
    unsigned low, high;

    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & XMM_AND_YMM) == XMM_AND_YMM;
}

static bool has_needed(void)
{
    const unsigned basic = bit_AES | bit_PCLMUL | bit_AVX | bit_OSXSAVE;
    const unsigned more = bit_VAES | bit_VPCLMULQDQ;
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & basic) != basic || !has_wide_registers())
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) != 0 && (c & more) == more;
}

#endif

struct gcm gcm_choose(void)
{
    struct gcm g;

#ifdef __x86_64__
    if (has_needed())
        return (struct gcm){&ctr, ghash};
#endif
    g.ctr = br_aes_x86ni_ctr_get_vtable();
    if (!g.ctr)
        g.ctr = br_aes_pwr8_ctr_get_vtable();
    if (!g.ctr)
        g.ctr = sizeof(void *) == 8 ? &br_aes_ct64_ctr_vtable : &br_aes_ct_ctr_vtable;
    g.ghash = br_ghash_pclmul_get();
    if (!g.ghash)
        g.ghash = br_ghash_pwr8_get();
    if (!g.ghash)
        g.ghash = sizeof(void *) == 8 ? br_ghash_ctmul64 : br_ghash_ctmul;
    return g;
}
