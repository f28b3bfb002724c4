/*
 * Sealed files. The openssl command, which shares no code with BearSSL, derives the same keys,
 * makes the same names, and makes a sealed file that is opened here; and everything that isn't
 * exactly what was sealed is refused.
 */
#include "trust/seal.h"

#include "tap.h"

#include "base/fs.h"
#include "shell.h"

#include <stdlib.h>

#define SECRET "a license key"
#define NAME "e-0123456789abcdef0123456789abcdef01234567"

static struct tls_profile profile;
static struct seal seal;

static bool reads(const char *name, struct buf *out)
{
    buf_init(out, LIMIT_STATE_FILE + 1);
    return fs_read_file(shell_path(name), out, NULL);
}

/* Whether the file that openssl wrote holds the 32 bytes. */
static bool holds(const char *name, const uint8_t bytes[32])
{
    struct buf file;
    bool rv = reads(name, &file) && file.len == 32 && memcmp(buf_slice(&file).p, bytes, 32) == 0;

    buf_fini(&file);
    return rv;
}

static void test_against_openssl(void)
{
    uint8_t key[32];
    char name[64], hex[64];
    struct buf file, data;

    ok(shell("kdf() { openssl kdf -keylen 32 -binary -kdfopt digest:SHA256 "
             "-kdfopt 'key:" SECRET "' -kdfopt 'salt:license-proxy state' -kdfopt \"info:$1\" "
             "-out \"$2\" HKDF; }\n"
             "kdf 'seal 1' seal.key && kdf 'name 1' name.key"),
       "openssl derives keys");
    ok(holds("seal.key", seal.seal_key), "the same sealing key");
    ok(holds("name.key", seal.name_key), "the same naming key");

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    seal_name(&seal, "e-", key, name, sizeof name);
    ok(shell("hex() { od -An -v -tx1 \"$1\" | tr -d ' \\n'; }\n"
             "for i in 0 1 2 3; do for j in 0 1 2 3 4 5 6 7; do\n"
             "printf \"\\\\$(printf %03o $((i * 8 + j)))\"; done; done |\n"
             "openssl mac -digest SHA256 -macopt hexkey:$(hex name.key) -binary HMAC |\n"
             "head -c 20 >name && printf %s $(hex name) >name.hex"),
       "openssl makes a name");
    if (ok(reads("name.hex", &file), "it is read") && file.len == 40) {
        memcpy(hex, buf_slice(&file).p, 40);
        hex[40] = '\0';
        is_str(name + 2, hex, "the same name");
    } else {
        ok(false, "the same name");
    }
    buf_fini(&file);
    is_int(memcmp(name, "e-", 2), 0, "after its prefix");

    /* RFC 8439 section 2.8, by hand: ChaCha20 with a counter in the IV, then Poly1305. */
    ok(shell("le64() { printf \"\\\\$(printf %03o $1)\\0\\0\\0\\0\\0\\0\\0\"; }\n"
             "pad() { head -c $(((16 - $1 % 16) % 16)) /dev/zero; }\n"
             "hex() { od -An -v -tx1 \"$1\" | tr -d ' \\n'; }\n"
             "cc() { openssl enc -chacha20 -K $(hex seal.key) -iv $1$nonce; }\n"
             "nonce=0102030405060708090a0b0c\n"
             "printf 'LPS\\001%s' " NAME " >aad\n"
             "printf '%s' 'an approval, forty-six bytes long, as it seems' >plain\n"
             "head -c 32 /dev/zero | cc 00000000 >once\n"
             "cc 01000000 <plain >cipher\n"
             "a=$(wc -c <aad) c=$(wc -c <cipher)\n"
             "{ cat aad; pad $a; cat cipher; pad $c; le64 $a; le64 $c; } >covered\n"
             "openssl mac -macopt hexkey:$(hex once) -binary -in covered Poly1305 >tag\n"
             "{ printf 'LPS\\001\\001\\002\\003\\004\\005\\006\\007\\010\\011\\012\\013\\014'\n"
             "cat cipher tag; } >sealed"),
       "openssl makes a sealed file");
    buf_init(&data, 4096);
    ok(reads("sealed", &file) && seal_open(&seal, &profile, NAME, buf_slice(&file), &data),
       "which opens");
    ok(slice_eq(buf_slice(&data), SLICE("an approval, forty-six bytes long, as it seems")),
       "to what went in");
    buf_fini(&file);
    buf_fini(&data);
}

/* As it lies in directories that exist: no later version may fail to read it. */
static void test_kept_file(void)
{
    static const uint8_t file[] = {
        0x4c, 0x50, 0x53, 0x01, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
        0xa8, 0xa9, 0xaa, 0xab, 0x0f, 0x4b, 0x88, 0xcd, 0xfc, 0xfb, 0xe4, 0xa2,
        0xe5, 0xc3, 0x6e, 0xc9, 0x79, 0x7a, 0xc2, 0x28, 0x67, 0x15, 0x22, 0xa7,
    };
    struct buf out;

    buf_init(&out, 64);
    ok(seal_open(&seal, &profile, NAME, slice_make((const char *)file, sizeof file), &out),
       "a file of the first version opens");
    ok(slice_eq(buf_slice(&out), SLICE("kept")), "with its contents");
    buf_fini(&out);
}

static void test_round_trips(void)
{
    static const size_t sizes[] = {0,  1,  15,  16,   17,    31,     32,
                                   63, 64, 255, 4096, 65537, 300000, LIMIT_STATE_FILE};
    struct buf out, back;
    char *data = malloc(LIMIT_STATE_FILE);

    if (!ok(data != NULL, "memory"))
        return;
    for (size_t i = 0; i < LIMIT_STATE_FILE; i++)
        data[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct slice in = slice_make(data, sizes[i]);

        buf_init(&out, LIMIT_STATE_FILE + SEAL_OVERHEAD);
        buf_init(&back, LIMIT_STATE_FILE);
        ok(seal_close(&seal, &profile, NAME, in, &out) && out.len == sizes[i] + SEAL_OVERHEAD &&
               seal_open(&seal, &profile, NAME, buf_slice(&out), &back) &&
               slice_eq(buf_slice(&back), in),
           "%zu bytes come back", sizes[i]);
        buf_fini(&out);
        buf_fini(&back);
    }
    free(data);
}

/* Whether it is refused, with nothing appended to what the buffer had. */
static bool refused(const struct seal *s, const char *name, struct slice sealed)
{
    struct buf out;
    bool rv;

    buf_init(&out, 4096);
    rv = buf_append_string(&out, "before") && !seal_open(s, &profile, name, sealed, &out) &&
         slice_eq(buf_slice(&out), SLICE("before"));
    buf_fini(&out);
    return rv;
}

static void test_forgeries(void)
{
    struct buf out, again;
    struct seal other;
    struct slice whole;
    char *bytes;
    size_t bad = 0;
    char longer[SEAL_NAME + 2];

    buf_init(&out, 4096);
    buf_init(&again, 4096);
    ok(seal_close(&seal, &profile, NAME, SLICE("{\"approved\":true}"), &out), "sealed");
    whole = buf_slice(&out);
    bytes = (char *)out.data + out.off;
    ok(!refused(&seal, NAME, whole), "which opens as it is");
    for (size_t i = 0; i < whole.n * 8; i++) {
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
        bad += !refused(&seal, NAME, whole);
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
    }
    is_int(bad, 0, "every bit flipped is refused");
    for (size_t n = 0; n < whole.n; n++) {
        char *cut = malloc(n ? n : 1); /* of its own, so that reading on is seen */

        memcpy(cut, bytes, n);
        bad += !refused(&seal, NAME, slice_make(cut, n));
        free(cut);
    }
    is_int(bad, 0, "every shorter length is refused");
    ok(buf_append(&out, "", 1) && refused(&seal, NAME, buf_slice(&out)), "a longer one is refused");
    whole = slice_make((char *)out.data + out.off, out.len - 1);
    bytes = (char *)out.data + out.off;
    ok(refused(&seal, NAME "0", whole), "under a longer name it is refused");
    ok(refused(&seal, "e-0123456789abcdef0123456789abcdef01234568", whole),
       "under another name, too");
    ok(refused(&seal, "", whole), "or none");
    memset(longer, 'n', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    ok(!seal_close(&seal, &profile, longer, SLICE("x"), &again) && again.len == 0,
       "a name past the bound isn't sealed");
    ok(refused(&seal, longer, whole), "nor opened");
    for (int version = 0; version < 256; version++) {
        bytes[3] = (char)version;
        bad += version != 1 && !refused(&seal, NAME, whole);
    }
    bytes[3] = 1;
    is_int(bad, 0, "every other version is refused");
    seal_init(&other, SLICE("another license key"));
    ok(refused(&other, NAME, whole), "with another key it is refused");
    seal_init(&other, SLICE(""));
    ok(refused(&other, NAME, whole), "with an empty one, too");
    seal_fini(&other);
    ok(seal_close(&seal, &profile, NAME, SLICE("{\"approved\":true}"), &again) &&
           !slice_eq(whole, buf_slice(&again)),
       "sealed again it looks different");
    buf_fini(&out);
    buf_fini(&again);
}

static void test_bounds(void)
{
    struct buf out, small;

    buf_init(&out, SEAL_OVERHEAD + 3);
    ok(!seal_close(&seal, &profile, NAME, SLICE("four"), &out) && out.len == 0,
       "nothing is sealed past the buffer's bound");
    ok(seal_close(&seal, &profile, NAME, SLICE("abc"), &out), "up to the bound it is");
    buf_init(&small, 2);
    ok(!seal_open(&seal, &profile, NAME, buf_slice(&out), &small) && small.len == 0,
       "nor opened past it");
    buf_fini(&out);
    buf_fini(&small);
}

static void test_names(void)
{
    uint8_t key[32] = {0};
    char a[64], b[64];
    struct seal other;

    seal_name(&seal, "e-", key, a, sizeof a);
    is_int(strlen(a), 42, "prefix and forty digits");
    is_int(strspn(a + 2, "0123456789abcdef"), 40, "hexadecimal ones");
    seal_name(&seal, "e-", key, b, sizeof b);
    is_str(a, b, "the same key has the same name");
    key[31] = 1;
    seal_name(&seal, "e-", key, b, sizeof b);
    ok(strcmp(a, b) != 0, "another key another one");
    key[31] = 0;
    seal_init(&other, SLICE("another license key"));
    seal_name(&other, "e-", key, b, sizeof b);
    ok(strcmp(a, b) != 0, "with another secret, too");
    seal_fini(&other);
    seal_name(&seal, "e-", key, b, 10);
    ok(strlen(b) < 10 && strncmp(a, b, strlen(b)) == 0, "a name that doesn't fit is cut");
}

static void test_wiped(void)
{
    static const struct seal zero;
    struct seal s;

    memset(&s, 0, sizeof s); /* padding, too */
    seal_init(&s, SLICE(SECRET));
    ok(memcmp(s.seal_key, seal.seal_key, 32) == 0 && memcmp(s.name_key, seal.name_key, 32) == 0,
       "the same secret gives the same keys");
    ok(memcmp(s.seal_key, s.name_key, 32) != 0, "two different ones");
    seal_fini(&s);
    ok(memcmp(&s, &zero, sizeof s) == 0, "which are wiped at the end");
}

int main(void)
{
    struct err err = {0};

    if (!ok(tls_profile_init(&profile, &err) && shell_init(), "start"))
        return done_testing();
    seal_init(&seal, SLICE(SECRET));
    test_against_openssl();
    test_kept_file();
    test_round_trips();
    test_forgeries();
    test_bounds();
    test_names();
    test_wiped();
    seal_fini(&seal);
    tls_profile_fini(&profile);
    ok(shell_fini(), "the folder is removed");
    return done_testing();
}
