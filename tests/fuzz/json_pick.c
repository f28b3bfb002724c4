/*
 * A JSON text from a peer; the first byte says how much of what follows is the path. A value that
 * is found is within the text and JSON itself; white space around a text changes nothing, garbage
 * behind it makes it bad; and a text that is JSON is found again as a member of another.
 */
#include "format/json_pick.h"

#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice join(char *out, const char *before, struct slice text, const char *after)
{
    size_t a = strlen(before), b = strlen(after);

    MUST(a + text.n + b <= MAX + 16);
    memcpy(out, before, a);
    if (text.n > 0)
        memcpy(out + a, text.p, text.n);
    memcpy(out + a + text.n, after, b);
    return slice_make(out, a + text.n + b);
}

/* At least as deep as the text is nested. */
static size_t brackets(struct slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '[' || text.p[i] == '{';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice path, text, value = {NULL, 0}, again = {NULL, 0};
    enum json_pick result;
    char *copy;

    if (size < 1 || size > MAX || data[0] > size - 1)
        return 0;
    path = slice_make((const char *)data + 1, data[0]);
    text = slice_make((const char *)data + 1 + path.n, size - 1 - path.n);
    copy = malloc(MAX + 16);
    MUST(copy != NULL);
    result = json_pick(text, path, &value);
    if (result == JSON_PICK_FOUND) {
        MUST(value.n > 0 && value.p >= text.p && value.p + value.n <= text.p + text.n);
        MUST(!strchr(" \t\r\n", value.p[0]) && !strchr(" \t\r\n", value.p[value.n - 1]));
        MUST(json_pick(value, SLICE("\x01"), &again) != JSON_PICK_BAD ||
             memmem(value.p, value.n, "\\u0001", 6));
        for (struct slice rest = value; value.p[0] == '[' && json_pick_next(&rest, &again);)
            MUST(json_pick(again, SLICE("\x01"), &again) != JSON_PICK_BAD ||
                 memmem(value.p, value.n, "\\u0001", 6));
    }
    MUST(json_pick(join(copy, " \t", text, "\r\n"), path, &again) == result);
    MUST(result != JSON_PICK_FOUND || slice_eq(value, again));
    MUST(json_pick(join(copy, "", text, " x"), path, &again) == JSON_PICK_BAD);
    MUST(json_pick(join(copy, "", text, "}"), path, &again) == JSON_PICK_BAD ||
         result == JSON_PICK_BAD);
    if (result != JSON_PICK_BAD && brackets(text) < JSON_PICK_DEPTH) {
        MUST(json_pick(join(copy, "{\"k\": ", text, "}"), SLICE("k"), &again) == JSON_PICK_FOUND);
        MUST(json_pick(again, path, &again) == result);
    }
    free(copy);
    return 0;
}
