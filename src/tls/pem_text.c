#include "tls/pem_text.h"

#include "format/base64.h"

void pem_text_init(struct pem_text *t, struct slice pem, const char *name)
{
    memset(t, 0, sizeof *t);
    /* Base64 shrinks, so only want of memory can make an append fail. */
    buf_init(&t->der, pem.n);
    t->rest = pem;
    t->name = name;
}

void pem_text_fini(struct pem_text *t)
{
    buf_wipe(&t->der);
}

/* The next line without the blanks at its end. */
static struct slice next_line(struct pem_text *t)
{
    struct slice line = slice_cut(&t->rest, '\n');

    while (line.n > 0 && (uint8_t)line.p[line.n - 1] <= ' ')
        line.n--;
    return line;
}

/* Whether the line opens an object; if so, what it is called. */
static bool is_begin(struct slice line, struct slice *label)
{
    static const struct slice before = SLICE("-----BEGIN "), after = SLICE("-----");

    if (line.n < before.n + after.n || !slice_starts_with(line, before))
        return false;
    *label = slice_make(line.p + before.n, line.n - before.n - after.n);
    return memcmp(label->p + label->n, after.p, after.n) == 0;
}

/* What one object's base64 has come to. */
struct base64_text {
    uint32_t bits; /* the lowest `have` are of the next octet */
    unsigned have, padding;
};

/* The time it takes tells where a line ends, and nothing of what it holds. */
static bool read_line(struct base64_text *b, struct slice line, struct pem_text *t)
{
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];
        int value = base64_value(c);

        if (c == ' ' || c == '\t')
            continue;
        if (c == '=') {
            b->padding++;
            continue;
        }
        if (value < 0 || b->padding > 0)
            return false;
        b->bits = b->bits << 6 | (uint32_t)value;
        b->have += 6;
        if (b->have >= 8) {
            uint8_t octet = (uint8_t)(b->bits >> (b->have -= 8));

            if (!buf_append(&t->der, &octet, 1))
                t->no_memory = true;
        }
    }
    return true;
}

/* Whether it may end here: whole octets, padded as they must be, and nothing left over. */
static bool is_whole(const struct base64_text *b)
{
    return b->have < 6 && b->padding == b->have / 2 && (b->bits & ((1u << b->have) - 1)) == 0;
}

enum parse pem_text_next(struct pem_text *t, struct err *err)
{
    struct base64_text b = {0};
    struct slice line, label;
    bool good = true;

    do {
        if (t->rest.n == 0)
            return PARSE_MORE;
    } while (!is_begin(next_line(t), &label));
    (void)slice_copy(label, t->label, sizeof t->label);
    buf_clear(&t->der);
    for (;;) {
        if (t->rest.n == 0) {
            err_set(err, ERR_CONFIG, "%s: ends inside a \"%s\" block", t->name, t->label);
            return PARSE_BAD;
        }
        line = next_line(t);
        if (slice_starts_with(line, SLICE("-----END ")))
            break;
        good = good && read_line(&b, line, t);
    }
    if (t->no_memory)
        err_set(err, ERR_MEMORY, "%s: out of memory", t->name);
    else if (!good || !is_whole(&b))
        err_set(err, ERR_CONFIG, "%s: the \"%s\" block is not valid base64", t->name, t->label);
    else
        return PARSE_DONE;
    return PARSE_BAD;
}

bool pem_text_is(const struct pem_text *t, const char *label)
{
    return strcmp(t->label, label) == 0;
}
