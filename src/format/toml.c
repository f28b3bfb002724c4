#include "format/toml.h"

#include "base/buf.h"
#include "format/utf8.h"

#include <stdarg.h>
#include <stdio.h>

/*
 * A parser that walks the text once, line by line. What it needs to remember, to notice what is
 * defined twice, is one record per key and table in a bounded buffer: a struct seen and behind it
 * the full name, its parts joined by NUL, which no name can hold.
 */

#define PARTS 8          /* of one dotted name */
#define SEEN_BYTES 65536 /* for the records: some thousand keys */
#define NAME 256         /* bytes of one full name */

enum kind {
    KIND_VALUE,
    KIND_HEADER,   /* a [table] */
    KIND_IMPLICIT, /* [a.b] makes a table "a", which may still get its own header */
    KIND_DOTTED    /* a.b = 1 makes a table "a", which may not */
};

struct seen {
    size_t length; /* of the name that follows */
    unsigned line;
    enum kind kind;
};

struct name {
    char bytes[NAME]; /* parts, each followed by NUL */
    size_t length;
    size_t ends[PARTS]; /* the offset behind each part's NUL */
    size_t parts;
};

struct parser {
    struct slice rest;
    unsigned line;
    const char *file; /* borrowed from the caller, as are the next two */
    const struct toml_handler *handler;
    struct err *err;
    struct name table; /* the current one; no parts at the top */
    struct buf seen;
    struct buf strings; /* decoded strings of one value; wiped, since one may be a key */
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *p, const char *fmt, ...)
{
    char text[LIMIT_ERR_TEXT];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(p->err, ERR_CONFIG, "%s:%u: %s", p->file, p->line, text);
    return false;
}

static bool out_of_memory(struct parser *p)
{
    err_set(p->err, ERR_MEMORY, "%s:%u: out of memory", p->file, p->line);
    return false;
}

static int peek(const struct parser *p)
{
    return p->rest.n > 0 ? (unsigned char)p->rest.p[0] : -1;
}

static bool starts(const struct parser *p, const char *string)
{
    return slice_starts_with(p->rest, slice_of(string));
}

static void skip(struct parser *p, size_t n)
{
    p->rest.p += n;
    p->rest.n -= n;
}

static void skip_blank(struct parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t')
        skip(p, 1);
}

/* The bytes of the line's end here: 1, 2, or 0 where there is none. */
static size_t newline(const struct parser *p)
{
    return starts(p, "\r\n") ? 2 : starts(p, "\n") ? 1 : 0;
}

/* White space, a comment, and the line's end (or the text's). */
static bool take_line_end(struct parser *p)
{
    size_t n;

    skip_blank(p);
    if (peek(p) == '#') {
        while (p->rest.n > 0 && newline(p) == 0) {
            if ((peek(p) < 0x20 && peek(p) != '\t') || peek(p) == 0x7f)
                return fail(p, "a control character in a comment");
            skip(p, 1);
        }
    }
    n = newline(p);
    if (n == 0 && p->rest.n > 0)
        return fail(p, peek(p) == '\r' ? "a carriage return without a line feed"
                                       : "something stands behind what the line says; a comment "
                                         "starts with #");
    skip(p, n);
    p->line += n > 0;
    return true;
}

/* As take_line_end, for as many empty lines as follow: inside arrays. */
static bool skip_lines(struct parser *p)
{
    skip_blank(p);
    while (peek(p) == '#' || peek(p) == '\n' || peek(p) == '\r') {
        if (!take_line_end(p))
            return false;
        skip_blank(p);
    }
    return true;
}

/* ---- strings ------------------------------------------------------------------------------ */

static bool put(struct parser *p, size_t start, const void *data, size_t n)
{
    if (p->strings.len - start + n > LIMIT_STRING)
        return fail(p, "a string of more than %d bytes", LIMIT_STRING);
    return buf_append(&p->strings, data, n) || out_of_memory(p);
}

static bool take_unicode(struct parser *p, size_t start, size_t digits)
{
    char bytes[4];
    uint64_t code;
    size_t n;

    if (p->rest.n < digits || !slice_hex_to_u64(slice_make(p->rest.p, digits), &code))
        return fail(p, "\\%c needs %zu hexadecimal digits", digits == 4 ? 'u' : 'U', digits);
    n = code <= UINT32_MAX ? utf8_encode((uint32_t)code, bytes) : 0;
    if (n == 0 || code == 0)
        return fail(p, "an escape that stands for no character");
    skip(p, digits);
    return put(p, start, bytes, n);
}

/* A backslash at a line's end: what follows goes on at the next visible character. */
static bool take_continuation(struct parser *p)
{
    skip_blank(p);
    if (newline(p) == 0)
        return fail(p, "an unknown escape; write \\\\ for a backslash");
    while (newline(p) > 0) {
        skip(p, newline(p));
        p->line++;
        skip_blank(p);
    }
    return true;
}

static bool take_escape(struct parser *p, size_t start, bool multi)
{
    static const char escapes[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
    const char *at;
    int c;

    skip(p, 1);
    c = peek(p);
    at = c > 0 ? strchr(escapes, c) : NULL;
    if (at) {
        skip(p, 1);
        return put(p, start, &meanings[at - escapes], 1);
    }
    if (c == 'u' || c == 'U') {
        skip(p, 1);
        return take_unicode(p, start, c == 'u' ? 4 : 8);
    }
    if (multi && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
        return take_continuation(p);
    return fail(p, "an unknown escape; write \\\\ for a backslash, or '…' for text as it stands");
}

static bool is_variable_byte(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* "$", "$$" or "${NAME}". */
static bool take_dollar(struct parser *p, size_t start)
{
    const char *value;
    size_t n = 2;

    if (!p->handler->lookup || !(starts(p, "$$") || starts(p, "${"))) {
        skip(p, 1);
        return put(p, start, "$", 1);
    }
    if (starts(p, "$$")) {
        skip(p, 2);
        return put(p, start, "$", 1);
    }
    while (n < p->rest.n && is_variable_byte(p->rest.p[n], n == 2))
        n++;
    if (n == 2 || n == p->rest.n || p->rest.p[n] != '}')
        return fail(p, "${…} must hold a variable's name; write $$ for a plain $");
    value = p->handler->lookup(p->handler->ctx, slice_make(p->rest.p + 2, n - 2));
    if (!value)
        return fail(p, "the environment variable %.*s is not set", (int)(n - 2), p->rest.p + 2);
    skip(p, n + 1);
    return put(p, start, value, strlen(value));
}

/* The quotes that end a string, with up to two that belong to a multi-line string's content. */
static bool take_closing(struct parser *p, size_t start, const char *quote, bool multi, bool *done)
{
    size_t n = 0;

    while (n < p->rest.n && p->rest.p[n] == quote[0] && n < 5)
        n++;
    *done = !multi || n >= 3;
    if (!multi) {
        skip(p, 1);
        return true;
    }
    if (!put(p, start, p->rest.p, *done ? n - 3 : n))
        return false;
    skip(p, n);
    return true;
}

/* One string of any of the four kinds, decoded, appended to p->strings. */
static bool take_string(struct parser *p)
{
    const char *quote = peek(p) == '"' ? "\"" : "'";
    bool basic = quote[0] == '"';
    bool multi = starts(p, basic ? "\"\"\"" : "'''");
    size_t start = p->strings.len;
    unsigned first_line = p->line;
    bool done = false;

    skip(p, multi ? 3 : 1);
    if (multi && newline(p) > 0) {
        skip(p, newline(p));
        p->line++;
    }
    while (!done) {
        int c = peek(p);
        bool good;

        if (c == -1 || (!multi && newline(p) > 0)) {
            p->line = first_line;
            return fail(p, "a string without its closing %s", multi ? "three quotes" : "quote");
        }
        if (c == quote[0]) {
            good = take_closing(p, start, quote, multi, &done);
        } else if (basic && c == '\\') {
            good = take_escape(p, start, multi);
        } else if (basic && c == '$') {
            good = take_dollar(p, start);
        } else if (newline(p) > 0) {
            skip(p, newline(p));
            p->line++;
            good = put(p, start, "\n", 1);
        } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return fail(p, "a control character in a string; write it as an escape");
        } else {
            good = put(p, start, p->rest.p, 1);
            skip(p, 1);
        }
        if (!good)
            return false;
    }
    return true;
}

/* ---- names -------------------------------------------------------------------------------- */

static bool is_bare(int c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool add_part(struct parser *p, struct name *name, struct slice part)
{
    if (name->parts == PARTS)
        return fail(p, "a name of more than %d parts", PARTS);
    if (name->length + part.n + 1 > sizeof name->bytes)
        return fail(p, "a name of more than %d bytes", NAME);
    if (part.n > 0)
        memcpy(name->bytes + name->length, part.p, part.n);
    name->length += part.n;
    name->bytes[name->length++] = '\0';
    name->ends[name->parts++] = name->length;
    return true;
}

static bool take_part(struct parser *p, struct name *name)
{
    size_t n = 0;
    bool good;

    if (peek(p) == '"' || peek(p) == '\'') {
        if (starts(p, "\"\"\"") || starts(p, "'''"))
            return fail(p, "a multi-line string can't be a name");
        good = take_string(p) && add_part(p, name, buf_slice(&p->strings));
        buf_clear(&p->strings);
        return good;
    }
    while (n < p->rest.n && is_bare((unsigned char)p->rest.p[n]))
        n++;
    if (n == 0)
        return fail(p, "expected a name: of letters, digits, _ and -, or in quotes");
    good = add_part(p, name, slice_make(p->rest.p, n));
    skip(p, n);
    return good;
}

/* A dotted name, appended to what name holds already. */
static bool take_name(struct parser *p, struct name *name)
{
    for (;;) {
        skip_blank(p);
        if (!take_part(p, name))
            return false;
        skip_blank(p);
        if (peek(p) != '.')
            return true;
        skip(p, 1);
    }
}

/* The first parts of a name as text with dots; of the bytes in text. */
static struct slice name_text(const struct name *name, size_t parts, char text[NAME])
{
    size_t n = parts > 0 ? name->ends[parts - 1] - 1 : 0;

    for (size_t i = 0; i < n; i++)
        text[i] = name->bytes[i] ? name->bytes[i] : '.';
    return slice_make(text, n);
}

/* ---- what was defined already ------------------------------------------------------------- */

/* Where the record of the name's first parts starts in p->seen; false if there is none. */
static bool find_seen(const struct parser *p, const struct name *name, size_t parts, size_t *at)
{
    struct slice all = buf_slice(&p->seen);
    struct slice wanted = slice_make(name->bytes, name->ends[parts - 1]);
    struct seen seen;

    for (size_t i = 0; i < all.n; i += sizeof seen + seen.length) {
        memcpy(&seen, all.p + i, sizeof seen);
        if (slice_eq(slice_make(all.p + i + sizeof seen, seen.length), wanted)) {
            *at = i;
            return true;
        }
    }
    return false;
}

static bool add_seen(struct parser *p, const struct name *name, size_t parts, enum kind kind)
{
    struct seen seen = {.length = name->ends[parts - 1], .line = p->line, .kind = kind};
    struct slice record = slice_make((const char *)&seen, sizeof seen);

    if (sizeof seen + seen.length > buf_room(&p->seen))
        return fail(p, "more keys and tables than fit");
    return (buf_append_slice(&p->seen, record) && buf_append(&p->seen, name->bytes, seen.length)) ||
           out_of_memory(p);
}

static bool fail_twice(struct parser *p, const struct name *name, size_t parts, const char *what,
                       unsigned line)
{
    char text[NAME];
    struct slice full = name_text(name, parts, text);

    /* A quoted name may hold anything; a terminal must not obey it. */
    for (size_t i = 0; i < full.n; i++)
        if (text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
    return fail(p, "\"%.*s\" is %s on line %u", (int)full.n, full.p, what, line);
}

/*
 * Records a table (KIND_HEADER) or a key (KIND_VALUE) and the tables on the way to it, of which
 * the first `given` parts are known to be there.
 */
static bool define(struct parser *p, const struct name *name, size_t given, enum kind kind)
{
    bool header = kind == KIND_HEADER;
    struct seen seen;
    size_t at;

    for (size_t parts = given + 1; parts < name->parts; parts++) {
        if (!find_seen(p, name, parts, &at)) {
            if (!add_seen(p, name, parts, header ? KIND_IMPLICIT : KIND_DOTTED))
                return false;
            continue;
        }
        memcpy(&seen, buf_slice(&p->seen).p + at, sizeof seen);
        if (seen.kind == KIND_VALUE)
            return fail_twice(p, name, parts, "a value already,", seen.line);
        if (!header && seen.kind != KIND_DOTTED)
            return fail_twice(p, name, parts, "a table already, defined", seen.line);
    }
    if (!find_seen(p, name, name->parts, &at))
        return add_seen(p, name, name->parts, kind);
    memcpy(&seen, buf_slice(&p->seen).p + at, sizeof seen);
    if (!header || seen.kind != KIND_IMPLICIT)
        return fail_twice(p, name, name->parts, "defined already,", seen.line);
    seen.kind = KIND_HEADER;
    seen.line = p->line;
    memcpy(p->seen.data + p->seen.off + at, &seen, sizeof seen);
    return true;
}

/* ---- values ------------------------------------------------------------------------------- */

/* The digits of an integer with its underscores; *value is what they say. */
static bool read_digits(struct parser *p, struct slice s, unsigned base, uint64_t *value)
{
    bool after_digit = false;

    *value = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit;

        if (s.p[i] == '_' && after_digit && i + 1 < s.n) {
            after_digit = false;
            continue;
        }
        if (!slice_hex_to_u64(slice_make(s.p + i, 1), &digit) || digit >= base)
            return fail(p, "not an integer; text needs quotes");
        if (*value > ((uint64_t)INT64_MAX + 1 - digit) / base)
            return fail(p, "an integer beyond 64 bits");
        *value = *value * base + digit;
        after_digit = true;
    }
    return after_digit || fail(p, "not an integer; text needs quotes");
}

static bool read_integer(struct parser *p, struct slice word, int64_t *out)
{
    bool negative = word.p[0] == '-', has_sign = negative || word.p[0] == '+';
    struct slice s = slice_make(word.p + has_sign, word.n - has_sign);
    unsigned base = 10;
    uint64_t value;

    if (!has_sign && s.n > 2 && s.p[0] == '0')
        base = s.p[1] == 'x' ? 16 : s.p[1] == 'o' ? 8 : s.p[1] == 'b' ? 2 : 10;
    if (base != 10)
        s = slice_make(s.p + 2, s.n - 2);
    else if (s.n > 1 && s.p[0] == '0' && s.p[1] >= '0' && s.p[1] <= '9')
        return fail(p, "an integer with a leading zero");
    if (!read_digits(p, s, base, &value))
        return false;
    if (value > (uint64_t)INT64_MAX + negative)
        return fail(p, "an integer beyond 64 bits");
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* true, false or an integer; anything else gets an error that says what it seems to be. */
static bool take_word(struct parser *p, struct toml_value *value)
{
    struct slice word = {p->rest.p, 0};

    while (word.n < p->rest.n && !strchr(" \t\r\n#,]}", word.p[word.n]))
        word.n++;
    if (word.n == 0)
        return fail(p, "a value is missing behind =");
    value->boolean = slice_eq(word, SLICE("true"));
    if (value->boolean || slice_eq(word, SLICE("false"))) {
        value->type = TOML_BOOLEAN;
    } else if (strchr("+-0123456789", word.p[0])) {
        value->type = TOML_INTEGER;
        if (memchr(word.p, ':', word.n) || (word.n >= 10 && word.p[4] == '-'))
            return fail(p, "dates and times are not used here; text needs quotes");
        if (memchr(word.p, '.', word.n))
            return fail(p, "numbers with a fraction are not used here; text needs quotes");
        if (!read_integer(p, word, &value->integer))
            return false;
    } else {
        return fail(p, "a value must be text in quotes, an integer, true, false, or an array");
    }
    skip(p, word.n);
    return true;
}

/* An array of strings; lengths get what p->strings holds of each. */
static bool take_array(struct parser *p, size_t lengths[LIMIT_LIST], size_t *count)
{
    unsigned first_line = p->line;
    bool separated = true;

    skip(p, 1);
    for (;;) {
        size_t start = p->strings.len;

        if (!skip_lines(p))
            return false;
        if (peek(p) == -1) {
            p->line = first_line;
            return fail(p, "an array without its closing ]");
        }
        if (peek(p) == ']') {
            skip(p, 1);
            return true;
        }
        if (!separated)
            return fail(p, "expected a comma or ] in the array");
        if (peek(p) != '"' && peek(p) != '\'')
            return fail(p, "arrays hold text in quotes only");
        if (*count == LIMIT_LIST)
            return fail(p, "an array of more than %d elements", LIMIT_LIST);
        if (!take_string(p))
            return false;
        lengths[(*count)++] = p->strings.len - start;
        if (!skip_lines(p))
            return false;
        separated = peek(p) == ',';
        if (separated)
            skip(p, 1);
    }
}

static bool take_value(struct parser *p, struct toml_value *value, struct slice strings[LIMIT_LIST])
{
    size_t lengths[LIMIT_LIST];
    const char *at;

    switch (peek(p)) {
    case '"':
    case '\'':
        value->type = TOML_STRING;
        if (!take_string(p))
            return false;
        value->string = buf_slice(&p->strings);
        /* So that an empty string has a place, too. */
        if (value->string.n == 0)
            value->string = SLICE("");
        return true;
    case '[':
        value->type = TOML_STRINGS;
        if (!take_array(p, lengths, &value->count))
            return false;
        at = p->strings.len > 0 ? buf_slice(&p->strings).p : "";
        for (size_t i = 0; i < value->count; i++) {
            strings[i] = slice_make(at, lengths[i]);
            at += lengths[i];
        }
        value->strings = strings;
        return true;
    case '{':
        return fail(p, "inline tables are not used here; write a [table]");
    default:
        return take_word(p, value);
    }
}

/* ---- lines -------------------------------------------------------------------------------- */

static bool take_pair(struct parser *p)
{
    struct toml_value value = {.type = TOML_STRING};
    struct slice strings[LIMIT_LIST];
    struct name name = p->table;
    unsigned line = p->line;
    char text[NAME];
    struct slice full;
    size_t table;

    if (!take_name(p, &name))
        return false;
    if (peek(p) != '=')
        return fail(p, "expected = behind the key");
    skip(p, 1);
    skip_blank(p);
    if (!define(p, &name, p->table.parts, KIND_VALUE) || !take_value(p, &value, strings))
        return false;
    full = name_text(&name, name.parts, text);
    table = name.parts > 1 ? name.ends[name.parts - 2] : 0;
    /* Before the handler, so that what it is told is right in every respect. */
    if (!take_line_end(p))
        return false;
    return p->handler->on_value(p->handler->ctx, slice_make(full.p, table > 0 ? table - 1 : 0),
                                slice_make(full.p + table, full.n - table), &value, line, p->err);
}

static bool take_header(struct parser *p)
{
    unsigned line = p->line;
    char text[NAME];

    if (starts(p, "[["))
        return fail(p, "arrays of tables are not used here; write [table] once");
    skip(p, 1);
    p->table.parts = p->table.length = 0;
    if (!take_name(p, &p->table))
        return false;
    if (peek(p) != ']')
        return fail(p, "expected ] behind the table's name");
    skip(p, 1);
    if (!define(p, &p->table, 0, KIND_HEADER) || !take_line_end(p))
        return false;
    return p->handler->on_table(p->handler->ctx, name_text(&p->table, p->table.parts, text), line,
                                p->err);
}

/* Done first, so that every later error can rely on it. */
static bool check_bytes(struct parser *p, struct slice text)
{
    while (text.n > 0) {
        uint32_t code;
        size_t n = utf8_decode(text, &code);

        if (n == 0)
            return fail(p, "not UTF-8; save the file as UTF-8");
        if (code == 0)
            return fail(p, "a NUL byte");
        p->line += code == '\n';
        text.p += n;
        text.n -= n;
    }
    p->line = 1;
    return true;
}

static bool parse(struct parser *p)
{
    if (p->rest.n > LIMIT_CONFIG_FILE)
        return fail(p, "more than %d bytes", LIMIT_CONFIG_FILE);
    if (!check_bytes(p, p->rest))
        return false;
    /* A byte order mark, as some editors leave it. */
    if (starts(p, "\xef\xbb\xbf"))
        skip(p, 3);
    while (p->rest.n > 0) {
        bool good;

        skip_blank(p);
        if (peek(p) == '[')
            good = take_header(p);
        else if (peek(p) == -1 || peek(p) == '#' || peek(p) == '\n' || peek(p) == '\r')
            good = take_line_end(p);
        else
            good = take_pair(p);
        buf_clear(&p->strings);
        if (!good)
            return false;
    }
    return true;
}

bool toml_parse(struct slice text, const char *name, const struct toml_handler *handler,
                struct err *err)
{
    struct parser p = {.rest = text, .line = 1, .file = name, .handler = handler, .err = err};
    bool rv;

    buf_init(&p.seen, SEEN_BYTES);
    buf_init(&p.strings, (size_t)LIMIT_LIST * LIMIT_STRING);
    rv = parse(&p);
    buf_fini(&p.seen);
    buf_wipe(&p.strings);
    return rv;
}
