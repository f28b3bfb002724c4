/* Base64: the vectors of RFC 4648 section 10, all lengths round, and what must be refused. */
#include "format/base64.h"

#include "tap.h"

static const struct {
    const char *plain, *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static const struct {
    const char *text;
    size_t n;
} bad[] = {
    {"Zg=", 1},  {"Zg", 1},   {"Zg===", 1}, {"Zh==", 1},  {"Zg==", 2},  {"Zg==", 3},
    {"Zm9=", 2}, {"Z===", 1}, {"Zm9v", 2},  {"Zm 9", 3},  {"Zm9\n", 3}, {"Zm9-", 3},
    {"Zm9_", 3}, {"=m9v", 3}, {"Zg=A", 1},  {"Zm9vZ", 3}, {"", 1},      {"Zg==", 0},
};

int main(void)
{
    char text[64], small[8];
    uint8_t bytes[64];

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        size_t n = strlen(vectors[i].plain);

        ok(base64_encode(slice_of(vectors[i].plain), text, sizeof text), "encodes");
        ok(strcmp(text, vectors[i].text) == 0, "to %s", vectors[i].text);
        ok(base64_decode(slice_of(vectors[i].text), bytes, n) &&
               memcmp(bytes, vectors[i].plain, n) == 0,
           "and back");
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(!base64_decode(slice_of(bad[i].text), bytes, bad[i].n), "refused: %zu bytes of '%s'",
           bad[i].n, strcmp(bad[i].text, "Zm9\n") == 0 ? "Zm9 and a newline" : bad[i].text);
    for (size_t n = 0; n <= 40; n++) {
        uint8_t data[40];

        for (size_t i = 0; i < n; i++)
            data[i] = (uint8_t)(255 - 7 * i);
        if (!base64_encode(slice_make((char *)data, n), text, sizeof text) ||
            !base64_decode(slice_of(text), bytes, n) || memcmp(data, bytes, n) != 0)
            ok(false, "%zu bytes come back", n);
    }
    ok(!base64_encode(SLICE("foobar"), small, sizeof small) && small[0] == '\0',
       "no room for the NUL is refused");
    return done_testing();
}
