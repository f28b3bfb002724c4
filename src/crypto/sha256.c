#include "crypto/sha256.h"

void sha256(struct slice data, uint8_t out[32])
{
    br_sha256_context context;

    br_sha256_init(&context);
    br_sha256_update(&context, data.p, data.n);
    br_sha256_out(&context, out);
}

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define BLOCK 64

static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/*
 * The instructions do two rounds at a time on the eight words as two vectors, a b e f and c d g h,
 * a being the uppermost. Message words are four in a vector; those of the last rounds are made too
 * far ahead, and not used.
 */
__attribute__((target("sha,sse4.1"))) static void compress(uint32_t state[8], const uint8_t *data,
                                                           size_t blocks)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i *at = (__m128i *)(void *)state;
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(at), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(at + 1), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);

    for (; blocks > 0; blocks--, data += BLOCK) {
        __m128i w[4], abef_before = abef, cdgh_before = cdgh;

#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)data + i),
                                    big_endian);
        for (size_t i = 0; i < 64; i += 4) {
            __m128i k = _mm_load_si128((const __m128i *)(const void *)(constants + i)), next;

            k = _mm_add_epi32(k, w[0]);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
            next = _mm_add_epi32(_mm_sha256msg1_epu32(w[0], w[1]), _mm_alignr_epi8(w[3], w[2], 4));
            next = _mm_sha256msg2_epu32(next, w[3]);
            w[0] = w[1];
            w[1] = w[2];
            w[2] = w[3];
            w[3] = next;
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    hgfe = _mm_shuffle_epi32(abef, 0x1b); /* f e b a, from the top; then d c h g */
    badc = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(at, _mm_blend_epi16(hgfe, badc, 0xf0));
    _mm_storeu_si128(at + 1, _mm_alignr_epi8(badc, hgfe, 8));
}

/* ---- the class ----------------------------------------------------------------------------- */

static const br_hash_class fast;

/* BearSSL calls with its contexts' first member. */
static br_sha256_context *self(const br_hash_class **ctx)
{
    return (br_sha256_context *)(void *)ctx;
}

static const br_sha256_context *self_const(const br_hash_class *const *ctx)
{
    return (const br_sha256_context *)(const void *)ctx;
}

static void init(const br_hash_class **ctx)
{
    br_sha256_init(self(ctx));
    *ctx = &fast;
}

static void update(const br_hash_class **ctx, const void *data, size_t n)
{
    br_sha256_context *c = self(ctx);
    const uint8_t *from = data;
    size_t have = c->count % BLOCK;

    if (n == 0)
        return;
    c->count += n;
    if (have > 0) {
        size_t part = n < BLOCK - have ? n : BLOCK - have;

        memcpy(c->buf + have, from, part);
        if (have + part < BLOCK)
            return;
        compress(c->val, c->buf, 1);
        from += part;
        n -= part;
    }
    compress(c->val, from, n / BLOCK);
    if (n % BLOCK > 0)
        memcpy(c->buf, from + n / BLOCK * BLOCK, n % BLOCK);
}

static void out(const br_hash_class *const *ctx, void *digest)
{
    br_sha256_context c = *self_const(ctx);
    uint8_t padding[BLOCK + 8] = {0x80};
    /* Up to where 8 bytes are left for the number of bits. */
    size_t n = 1 + (2 * BLOCK - 9 - c.count % BLOCK) % BLOCK;
    uint64_t bits = __builtin_bswap64(c.count << 3);

    memcpy(padding + n, &bits, sizeof bits);
    update(&c.vtable, padding, n + sizeof bits);
    (void)br_sha256_state(&c, digest);
}

static uint64_t state(const br_hash_class *const *ctx, void *to)
{
    return br_sha256_state(self_const(ctx), to);
}

static void set_state(const br_hash_class **ctx, const void *from, uint64_t count)
{
    br_sha256_set_state(self(ctx), from, count);
}

static const br_hash_class fast = {
    .context_size = sizeof(br_sha256_context),
    .desc = BR_HASHDESC_ID(br_sha256_ID) | BR_HASHDESC_OUT(32) | BR_HASHDESC_STATE(32) |
            BR_HASHDESC_LBLEN(6) | BR_HASHDESC_MD_PADDING | BR_HASHDESC_MD_PADDING_BE,
    .init = init,
    .update = update,
    .out = out,
    .state = state,
    .set_state = set_state,
};

const br_hash_class *sha256_choose(void)
{
    unsigned a, b, c, d, b7;

    if (__get_cpuid_count(7, 0, &a, &b7, &c, &d) && (b7 & bit_SHA) != 0 &&
        __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) != 0 && (c & bit_SSE4_1) != 0)
        return &fast;
    return &br_sha256_vtable;
}

/*
 * BearSSL's P_hash, for any class; not in its public headers. It adds to what is in out (so that
 * older versions of TLS could use two).
 */
void br_tls_phash(void *out, size_t size, const br_hash_class *hash_class, const void *secret,
                  size_t secret_size, const char *label, size_t count,
                  const br_tls_prf_seed_chunk *seed);

static void fast_prf(void *to, size_t size, const void *secret, size_t secret_size,
                     const char *label, size_t count, const br_tls_prf_seed_chunk *seed)
{
    memset(to, 0, size);
    br_tls_phash(to, size, &fast, secret, secret_size, label, count, seed);
}

br_tls_prf_impl sha256_prf(const br_hash_class *chosen)
{
    return chosen == &fast ? fast_prf : br_tls12_sha256_prf;
}

#else

const br_hash_class *sha256_choose(void)
{
    return &br_sha256_vtable;
}

br_tls_prf_impl sha256_prf(const br_hash_class *chosen)
{
    (void)chosen;
    return br_tls12_sha256_prf;
}

#endif
