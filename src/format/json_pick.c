#include "format/json_pick.h"

#include "format/utf8.h"

/*
 * One pass over the text with a stack of open containers. The member looked for can only be inside
 * the chain of objects whose names are the path's first parts: depth `on_path` is the innermost
 * object of that chain that is open, and only its own members are compared with the path's part of
 * that depth.
 */
struct scan {
    struct slice rest; /* what is still to be read */
    struct slice path; /* borrowed from the caller */
    unsigned depth;    /* open containers */
    unsigned on_path;  /* the depth up to which the open containers are the path's */
    bool is_object[JSON_PICK_DEPTH + 1];
    bool seen[JSON_PICK_DEPTH + 1]; /* the object at that depth had the path's member */
    bool found;
    const char *start; /* of the value found, while it is still open */
    unsigned start_depth;
    struct slice value;
};

/* The nth part of the path, from 1; false if it has fewer. */
static bool path_part(struct slice path, unsigned nth, struct slice *part, bool *last)
{
    for (;;) {
        const char *dot = path.n > 0 ? memchr(path.p, '.', path.n) : NULL;
        size_t n = dot ? (size_t)(dot - path.p) : path.n;

        if (--nth == 0) {
            *part = slice_make(path.p, n);
            *last = dot == NULL;
            return true;
        }
        if (!dot)
            return false;
        path = slice_make(path.p + n + 1, path.n - n - 1);
    }
}

static void skip(struct scan *s, size_t n)
{
    s->rest.p += n;
    s->rest.n -= n;
}

static int peek(const struct scan *s)
{
    return s->rest.n > 0 ? (unsigned char)s->rest.p[0] : -1;
}

static void skip_white(struct scan *s)
{
    while (s->rest.n > 0 && strchr(" \t\r\n", s->rest.p[0]) && s->rest.p[0] != '\0')
        skip(s, 1);
}

/* The four digits of a \u escape. */
static bool hex4(struct slice s, uint32_t *out)
{
    uint64_t value;

    if (s.n < 4 || !slice_hex_to_u64(slice_make(s.p, 4), &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

/*
 * Takes one character of a string's inside off *s, decoded. False if it is none; a half of a
 * surrogate pair, which the grammar allows, gives a code that equals no character.
 */
static bool take_character(struct slice *s, uint32_t *code)
{
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *at;
    uint32_t low;
    size_t n;

    if (s->n == 0 || (unsigned char)s->p[0] < 0x20)
        return false;
    if (s->p[0] != '\\') {
        n = utf8_decode(*s, code);
        if (n == 0)
            return false;
    } else if (s->n < 2) {
        return false;
    } else if (s->p[1] == 'u') {
        if (!hex4(slice_make(s->p + 2, s->n - 2), code))
            return false;
        n = 6;
        if (*code >= 0xd800 && *code < 0xdc00 && s->n >= 12 && s->p[6] == '\\' && s->p[7] == 'u' &&
            hex4(slice_make(s->p + 8, s->n - 8), &low) && low >= 0xdc00 && low < 0xe000) {
            *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
            n = 12;
        }
    } else {
        at = s->p[1] != '\0' ? strchr(escapes, s->p[1]) : NULL;
        if (!at)
            return false;
        *code = (unsigned char)meanings[at - escapes];
        n = 2;
    }
    s->p += n;
    s->n -= n;
    return true;
}

/* Takes a string; *equal says whether its decoded bytes are wanted's. */
static bool take_string(struct scan *s, struct slice wanted, bool *equal)
{
    *equal = true;
    if (peek(s) != '"')
        return false;
    skip(s, 1);
    while (peek(s) != '"') {
        uint32_t code;
        char bytes[4];
        size_t n;

        if (!take_character(&s->rest, &code))
            return false;
        n = utf8_encode(code, bytes);
        if (n == 0 || !slice_starts_with(wanted, slice_make(bytes, n))) {
            *equal = false;
            wanted.n = 0;
        } else {
            wanted.p += n;
            wanted.n -= n;
        }
    }
    skip(s, 1);
    if (wanted.n > 0)
        *equal = false;
    return true;
}

static size_t digits(struct slice s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

static bool take_digits(struct scan *s)
{
    size_t n = digits(s->rest);

    skip(s, n);
    return n > 0;
}

static bool take_number(struct scan *s)
{
    if (peek(s) == '-')
        skip(s, 1);
    if (peek(s) == '0')
        skip(s, 1);
    else if (!take_digits(s))
        return false;
    if (peek(s) == '.') {
        skip(s, 1);
        if (!take_digits(s))
            return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        skip(s, 1);
        if (peek(s) == '+' || peek(s) == '-')
            skip(s, 1);
        if (!take_digits(s))
            return false;
    }
    return true;
}

static bool take_scalar(struct scan *s)
{
    static const struct slice words[] = {
        {"true", sizeof "true" - 1}, {"false", sizeof "false" - 1}, {"null", sizeof "null" - 1}};
    bool equal;

    if (peek(s) == '"')
        return take_string(s, slice_make(NULL, 0), &equal);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_starts_with(s->rest, words[i])) {
            skip(s, words[i].n);
            return true;
        }
    }
    return take_number(s);
}

/* Takes a member's name and colon; then what follows is its value, perhaps the one wanted. */
static bool take_name(struct scan *s)
{
    struct slice part = {NULL, 0};
    bool last = false, equal;
    bool on_path = s->on_path == s->depth && path_part(s->path, s->depth, &part, &last);

    if (!take_string(s, part, &equal))
        return false;
    skip_white(s);
    if (peek(s) != ':')
        return false;
    skip(s, 1);
    skip_white(s);
    if (!on_path || !equal)
        return true;
    if (s->seen[s->depth])
        return false;
    s->seen[s->depth] = true;
    if (last) {
        s->start = s->rest.p;
        s->start_depth = s->depth;
    } else if (peek(s) == '{') {
        s->on_path = s->depth + 1;
    }
    return true;
}

static bool open_container(struct scan *s)
{
    if (s->depth == JSON_PICK_DEPTH)
        return false;
    s->depth++;
    s->is_object[s->depth] = peek(s) == '{';
    s->seen[s->depth] = false;
    skip(s, 1);
    skip_white(s);
    return true;
}

/* After a value at the current depth: the one looked for may just have ended. */
static void value_ended(struct scan *s)
{
    if (s->start && s->depth == s->start_depth) {
        s->value = slice_make(s->start, (size_t)(s->rest.p - s->start));
        s->found = true;
        s->start = NULL;
    }
}

static int closing(const struct scan *s)
{
    return s->is_object[s->depth] ? '}' : ']';
}

static void close_container(struct scan *s)
{
    skip(s, 1);
    s->depth--;
    if (s->on_path > s->depth)
        s->on_path = s->depth;
    value_ended(s);
}

/*
 * After a value: closes containers and takes the comma up to where the next value starts. *more
 * says whether there is one.
 */
static bool take_until_next(struct scan *s, bool *more)
{
    *more = false;
    for (;;) {
        skip_white(s);
        if (s->depth == 0)
            return s->rest.n == 0;
        if (peek(s) != closing(s))
            break;
        close_container(s);
    }
    if (peek(s) != ',')
        return false;
    skip(s, 1);
    skip_white(s);
    *more = true;
    return !s->is_object[s->depth] || take_name(s);
}

enum json_pick json_pick(struct slice text, struct slice path, struct slice *value)
{
    struct scan s = {.rest = text, .path = path};
    bool more = true;

    skip_white(&s);
    if (peek(&s) == '{')
        s.on_path = 1;
    while (more) {
        if (peek(&s) == '{' || peek(&s) == '[') {
            if (!open_container(&s))
                return JSON_PICK_BAD;
            if (peek(&s) == closing(&s))
                close_container(&s);
            else if (s.is_object[s.depth] && !take_name(&s))
                return JSON_PICK_BAD;
            else
                continue;
        } else if (take_scalar(&s)) {
            value_ended(&s);
        } else {
            return JSON_PICK_BAD;
        }
        if (!take_until_next(&s, &more))
            return JSON_PICK_BAD;
    }
    if (!s.found)
        return JSON_PICK_ABSENT;
    *value = s.value;
    return JSON_PICK_FOUND;
}

static struct slice without_white(struct slice s)
{
    while (s.n > 0 && (unsigned char)s.p[0] <= ' ') {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= ' ')
        s.n--;
    return s;
}

bool json_pick_next(struct slice *rest, struct slice *element)
{
    bool quoted = false;
    size_t depth = 0, n;

    /* The bracket that opens, or the comma; behind the bracket that closes nothing is left. */
    if (rest->n == 0)
        return false;
    rest->p++;
    rest->n--;
    for (n = 0; n < rest->n; n++) {
        char c = rest->p[n];

        if (quoted && c == '\\' && n + 1 < rest->n)
            n++;
        else if (c == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (depth == 0 && (c == ',' || c == ']'))
            break;
        else if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
    }
    *element = without_white(slice_make(rest->p, n));
    *rest = slice_make(rest->p + n, rest->n - n);
    return element->n > 0;
}
