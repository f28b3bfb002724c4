#include "base/slice.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Eight bytes at a time: musl's memcmp takes one, and bodies are compared at each approval. */
bool slice_eq(struct slice a, struct slice b)
{
    uint64_t x, y;
    size_t i = 0;

    if (a.n != b.n)
        return false;
    for (; a.n - i >= sizeof x; i += sizeof x) {
        memcpy(&x, a.p + i, sizeof x);
        memcpy(&y, b.p + i, sizeof y);
        if (x != y)
            return false;
    }
    for (; i < a.n; i++)
        if (a.p[i] != b.p[i])
            return false;
    return true;
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool slice_contains(struct slice s, struct slice part)
{
    while (!slice_starts_with(s, part)) {
        if (s.n <= part.n)
            return false;
        s.p++;
        s.n--;
    }
    return true;
}

struct slice slice_trim(struct slice s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Bytes before the first comma that no quoted-string holds. */
static size_t element_length(struct slice s)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < s.n; i++) {
        if (quoted && s.p[i] == '\\' && i + 1 < s.n)
            i++;
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (s.p[i] == ',' && !quoted)
            break;
    }
    return i;
}

struct slice slice_unquote(struct slice s)
{
    return s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' ? slice_make(s.p + 1, s.n - 2) : s;
}

struct slice slice_cut(struct slice *rest, char separator)
{
    const char *at = rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
    struct slice part = slice_make(rest->p, at ? (size_t)(at - rest->p) : rest->n);
    size_t taken = part.n + (at != NULL);

    if (taken > 0)
        *rest = slice_make(rest->p + taken, rest->n - taken);
    return part;
}

bool slice_next_element(struct slice *rest, struct slice *element)
{
    while (rest->n > 0) {
        size_t i = element_length(*rest);

        *element = slice_trim(slice_make(rest->p, i));
        if (i < rest->n)
            i++;
        rest->p += i;
        rest->n -= i;
        if (element->n > 0)
            return true;
    }
    return false;
}

bool slice_to_u64(struct slice s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (digit > 9 || digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool slice_hex_to_u64(struct slice s, uint64_t *out)
{
    uint64_t value = 0;

    if (s.n == 0 || s.n > 16)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = lower(s.p[i]);
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10u;
        else
            return false;
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

void slice_write_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

bool slice_copy(struct slice s, char *out, size_t cap)
{
    if (cap == 0)
        return false;
    out[0] = '\0';
    if (s.n >= cap || (s.n > 0 && memchr(s.p, '\0', s.n)))
        return false;
    if (s.n > 0)
        memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}
