/*
 * AES-GCM's halves as this CPU is given them: the examples of the algorithm's authors, and what
 * BearSSL's portable code makes of the same, at every length about the number of blocks that are
 * taken at a time, wherever in memory. Where the CPU has no instructions for it, one of BearSSL's
 * is compared with another.
 */
#include "crypto/gcm.h"

#include "curves.h"
#include "tap.h"

enum { MOST = 700 };

static struct gcm chosen;

/* One message of zeros under a key of zeros: is this its text and tag? */
static bool is_example(size_t size, const char *text_hex, const char *tag_hex)
{
    static const uint8_t zero[16];
    uint8_t text[16] = {0}, tag[16];
    char text_digits[33], tag_digits[33];
    br_aes_gen_ctr_keys keys;
    br_gcm_context gcm;

    chosen.ctr->init(&keys.vtable, zero, sizeof zero);
    br_gcm_init(&gcm, &keys.vtable, chosen.ghash);
    br_gcm_reset(&gcm, zero, 12);
    br_gcm_flip(&gcm);
    br_gcm_run(&gcm, 1, text, size);
    br_gcm_get_tag(&gcm, tag);
    slice_write_hex(text, size, text_digits);
    slice_write_hex(tag, sizeof tag, tag_digits);
    return strcmp(text_digits, text_hex) == 0 && strcmp(tag_digits, tag_hex) == 0;
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B. */
static void test_examples(void)
{
    ok(is_example(0, "", "58e2fccefa7e3061367f1d57a4e7455a"), "the example without a text");
    ok(is_example(16, "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"),
       "the example of one block");
}

static void fill(uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)curves_random(256);
}

static void test_counter_mode(void)
{
    static const uint32_t counters[] = {0, 1, 2, 255, 0x7fffffff, 0xfffffffb, 0xffffffff};
    unsigned wrong = 0, wrong_counters = 0, spilt = 0;

    for (size_t n = 0; n < 2 * MOST; n++) {
        static uint8_t ours[2 * MOST + 32], theirs[2 * MOST + 32];
        uint8_t key[32], iv[12];
        size_t key_size = 16 + 8 * curves_random(3), offset = curves_random(16);
        uint32_t counter = counters[n % (sizeof counters / sizeof counters[0])];
        br_aes_gen_ctr_keys our_keys;
        br_aes_ct_ctr_keys their_keys;
        uint32_t after;

        fill(key, sizeof key);
        fill(iv, sizeof iv);
        fill(ours, sizeof ours);
        memcpy(theirs, ours, sizeof ours);
        chosen.ctr->init(&our_keys.vtable, key, key_size);
        br_aes_ct_ctr_init(&their_keys, key, key_size);
        after = chosen.ctr->run(&our_keys.vtable, iv, counter, ours + offset, n);
        (void)br_aes_ct_ctr_run(&their_keys, iv, counter, theirs + offset, n);
        /* Behind a block that isn't whole there is no next. */
        wrong_counters += n % 16 == 0 && after != (uint32_t)(counter + n / 16);
        wrong += memcmp(ours + offset, theirs + offset, n) != 0;
        spilt += memcmp(ours, theirs, offset) != 0 ||
                 memcmp(ours + offset + n, theirs + offset + n, sizeof ours - offset - n) != 0;
    }
    is_int(wrong, 0, "counter mode: what BearSSL makes of it");
    is_int(wrong_counters, 0, "and the counter after it");
    is_int(spilt, 0, "and nothing beside it is written");
}

/* Elements at the edges of the field, and random ones. */
static void fill_element(uint8_t out[16])
{
    static const uint8_t edges[] = {0x00, 0x01, 0x80, 0x87, 0xc2, 0xe1, 0xff};

    memset(out, 0, 16);
    if (curves_random(3) > 0)
        fill(out, 16);
    else
        out[curves_random(2) * 15] = edges[curves_random(sizeof edges)];
}

static void test_ghash(void)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < 4 * MOST; i++) {
        uint8_t h[16], ours[16], theirs[16], data[MOST + 16];
        size_t n = i % MOST, offset = curves_random(16);

        fill_element(h);
        fill_element(ours);
        memcpy(theirs, ours, sizeof ours);
        fill(data, sizeof data);
        if (curves_random(10) == 0)
            memset(data, curves_random(2) ? 0xff : 0, sizeof data);
        chosen.ghash(ours, h, data + offset, n);
        br_ghash_ctmul(theirs, h, data + offset, n);
        wrong += memcmp(ours, theirs, sizeof ours) != 0;
    }
    is_int(wrong, 0, "GHASH: what BearSSL makes of it");
}

int main(void)
{

    chosen = gcm_choose();
    printf("# %s\n", chosen.ghash == br_ghash_pclmul_get() || chosen.ghash == br_ghash_ctmul64 ||
                             chosen.ghash == br_ghash_ctmul
                         ? "BearSSL's"
                         : "ours");
    test_examples();
    test_counter_mode();
    test_ghash();
    return done_testing();
}
