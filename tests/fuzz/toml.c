/*
 * A configuration file. What the handler is told keeps the bounds that the header promises; an
 * error names its file and a line that is there; and each value, written anew as plainly as can be,
 * is read as the same value.
 */
#include "format/toml.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    const struct toml_value *expected; /* of the second reading; NULL in the first */
    unsigned lines;                    /* of the text */
    unsigned last;                     /* line told of before */
    size_t values;
};

static void write_string(struct buf *out, struct slice s)
{
    MUST(buf_append_string(out, "\""));
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\' || c == '$')
            MUST(buf_appendf(out, "\\u%04x", c));
        else
            MUST(buf_append(out, &c, 1));
    }
    MUST(buf_append_string(out, "\""));
}

static void write_value(struct buf *out, const struct toml_value *v)
{
    MUST(buf_append_string(out, "k = "));
    switch (v->type) {
    case TOML_STRING:
        write_string(out, v->string);
        break;
    case TOML_INTEGER:
        MUST(buf_appendf(out, "%" PRId64, v->integer));
        break;
    case TOML_BOOLEAN:
        MUST(buf_append_string(out, v->boolean ? "true" : "false"));
        break;
    case TOML_STRINGS:
        MUST(buf_append_string(out, "["));
        for (size_t i = 0; i < v->count; i++) {
            write_string(out, v->strings[i]);
            MUST(buf_append_string(out, ","));
        }
        MUST(buf_append_string(out, "]"));
        break;
    }
}

static void check_same(const struct toml_value *a, const struct toml_value *b)
{
    MUST(a->type == b->type);
    MUST(a->type != TOML_STRING || slice_eq(a->string, b->string));
    MUST(a->type != TOML_INTEGER || a->integer == b->integer);
    MUST(a->type != TOML_BOOLEAN || a->boolean == b->boolean);
    MUST(a->type != TOML_STRINGS || a->count == b->count);
    for (size_t i = 0; a->type == TOML_STRINGS && i < a->count; i++)
        MUST(slice_eq(a->strings[i], b->strings[i]));
}

static void check_string(struct slice s)
{
    MUST(s.n <= LIMIT_STRING && (s.n == 0 || memchr(s.p, '\0', s.n) == NULL));
}

static bool on_table(void *ctx, struct slice table, unsigned line, struct err *err)
{
    struct told *told = ctx;

    MUST(!err_is_set(err) && line >= told->last && line <= told->lines);
    MUST(table.n == 0 || memchr(table.p, '\0', table.n) == NULL);
    told->last = line;
    return true;
}

static const char *lookup(void *ctx, struct slice name)
{
    (void)ctx;
    return slice_eq(name, SLICE("A")) ? "\"\n$${A}\\" : NULL;
}

static bool on_value(void *ctx, struct slice table, struct slice key, const struct toml_value *v,
                     unsigned line, struct err *err);

static void read_again(const struct toml_value *v)
{
    struct told told = {.expected = v, .lines = 1};
    const struct toml_handler handler = {on_value, on_table, NULL, &told};
    struct err err = {0};
    struct buf text;

    buf_init(&text, 1 << 20);
    write_value(&text, v);
    /* Escapes may carry a long text over the bound of files. */
    if (text.len <= LIMIT_CONFIG_FILE)
        MUST(toml_parse(buf_slice(&text), "again", &handler, &err) && told.values == 1);
    buf_fini(&text);
}

static bool on_value(void *ctx, struct slice table, struct slice key, const struct toml_value *v,
                     unsigned line, struct err *err)
{
    struct told *told = ctx;

    (void)key;
    MUST(on_table(ctx, table, line, err));
    told->values++;
    if (v->type == TOML_STRING)
        check_string(v->string);
    MUST(v->type != TOML_STRINGS || v->count <= LIMIT_LIST);
    for (size_t i = 0; v->type == TOML_STRINGS && i < v->count; i++)
        check_string(v->strings[i]);
    if (told->expected)
        check_same(v, told->expected);
    else
        read_again(v);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct told told = {.lines = 1};
    const struct toml_handler handler = {on_value, on_table, lookup, &told};
    struct err err = {0};

    for (size_t i = 0; i < size; i++)
        told.lines += data[i] == '\n';
    if (toml_parse(text, "file", &handler, &err)) {
        MUST(!err_is_set(&err));
    } else {
        unsigned long line;

        MUST(err.code == ERR_CONFIG && strncmp(err.text, "file:", 5) == 0);
        line = strtoul(err.text + 5, NULL, 10);
        MUST(line >= told.last && line >= 1 && line <= told.lines);
    }
    return 0;
}
