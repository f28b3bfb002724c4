/*
 * A file that somebody put into the state directory. With an even first byte the rest is such a
 * file as it stands: nobody without the key can make one that opens, and nothing of it gets out.
 * With an odd one the rest is sealed, opens again to the same, and is refused once it is changed:
 * where, the first four bytes say.
 */
#include "trust/seal.h"

#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define MAX 8192
#define NAME "e-0123456789abcdef0123456789abcdef01234567"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_foreign(const struct seal *s, struct tls_profile *profile, struct slice file)
{
    struct buf out;

    buf_init(&out, MAX);
    MUST(!seal_open(s, profile, NAME, file, &out));
    MUST(out.len == 0);
    buf_fini(&out);
}

static void close_and_change(const struct seal *s, struct tls_profile *profile, const uint8_t at[3],
                             struct slice text)
{
    struct buf sealed, out;
    size_t place;
    uint8_t change = (uint8_t)(at[2] ? at[2] : 1);

    buf_init(&sealed, MAX + SEAL_OVERHEAD);
    buf_init(&out, MAX);
    MUST(seal_close(s, profile, NAME, text, &sealed));
    MUST(sealed.len == text.n + SEAL_OVERHEAD);
    MUST(seal_open(s, profile, NAME, buf_slice(&sealed), &out));
    MUST(slice_eq(buf_slice(&out), text));
    buf_clear(&out);
    place = ((size_t)at[0] << 8 | at[1]) % sealed.len;
    MUST(!seal_open(s, profile, NAME, slice_make(buf_slice(&sealed).p, place), &out));
    MUST(!seal_open(s, profile, "e-another", buf_slice(&sealed), &out));
    sealed.data[sealed.off + place] ^= change;
    MUST(!seal_open(s, profile, NAME, buf_slice(&sealed), &out));
    MUST(out.len == 0);
    buf_fini(&sealed);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_profile profile;
    struct seal s;

    if (size < 4 || size > MAX)
        return 0;
    MUST(tls_profile_init(&profile, NULL));
    seal_init(&s, SLICE("a license key"));
    if (data[0] % 2 == 0)
        open_foreign(&s, &profile, slice_make((const char *)data + 1, size - 1));
    else
        close_and_change(&s, &profile, data + 1, slice_make((const char *)data + 4, size - 4));
    seal_fini(&s);
    tls_profile_fini(&profile);
    return 0;
}
