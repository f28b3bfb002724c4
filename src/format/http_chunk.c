/*
 * A machine that takes one byte at a time (data apart), so that cuts can't matter. Each state is
 * named after what the next byte belongs to.
 */
#include "format/http_chunk.h"

#include "format/http_parse.h"

enum state {
    SIZE,         /* hexadecimal digits */
    BEFORE_EXT,   /* white space before ';' */
    NAME_START,   /* behind ';' */
    NAME,         /* of an extension */
    BEFORE_EQUAL, /* white space behind a name */
    VALUE_START,  /* behind '=' */
    VALUE,        /* a token */
    QUOTED,       /* inside a quoted-string */
    QUOTED_PAIR,  /* behind a backslash in it */
    QUOTED_END,   /* behind its closing quote */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE,
    BAD
};

void http_chunk_init(struct http_chunk *c)
{
    memset(c, 0, sizeof *c);
}

static enum state fail(struct err *err, enum err_code code, int status, const char *text)
{
    err_set_http(err, code, status, "chunked body: %s", text);
    return BAD;
}

static enum state malformed(struct err *err, const char *text)
{
    return fail(err, ERR_SYNTAX, 400, text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_token(char c)
{
    return http_is_token(slice_make(&c, 1));
}

static bool is_text(char c)
{
    return http_is_field_value(slice_make(&c, 1));
}

/* The states in which an extension may begin: RFC 9112 section 7.1.1. */
static enum state after_element(char c, bool may_end, struct err *err)
{
    if (c == ';')
        return NAME_START;
    if (c == '\r' && may_end)
        return SIZE_LF;
    return is_space(c) ? BEFORE_EXT : malformed(err, "malformed chunk extension");
}

static enum state take_size(struct http_chunk *c, char byte, struct err *err)
{
    uint64_t digit;

    if (slice_hex_to_u64(slice_make(&byte, 1), &digit)) {
        if (c->digits == 16)
            return malformed(err, "a chunk size of more than 16 digits");
        c->digits++;
        c->left = c->left << 4 | digit;
        return SIZE;
    }
    if (c->digits == 0 || !(byte == ';' || byte == '\r' || is_space(byte)))
        return malformed(err, "malformed chunk size");
    return after_element(byte, true, err);
}

static enum state take_extension(enum state state, char byte, struct err *err)
{
    switch (state) {
    case BEFORE_EXT:
        return after_element(byte, false, err);
    case NAME_START:
        if (is_token(byte))
            return NAME;
        break;
    case NAME:
        if (is_token(byte))
            return NAME;
        if (byte == '=')
            return VALUE_START;
        if (is_space(byte))
            return BEFORE_EQUAL;
        return after_element(byte, true, err);
    case BEFORE_EQUAL:
        if (byte == '=')
            return VALUE_START;
        if (byte == ';')
            return NAME_START;
        break;
    case VALUE_START:
        if (byte == '"')
            return QUOTED;
        if (is_token(byte))
            return VALUE;
        break;
    case VALUE:
        return is_token(byte) ? VALUE : after_element(byte, true, err);
    case QUOTED:
        if (byte == '"')
            return QUOTED_END;
        if (byte == '\\')
            return QUOTED_PAIR;
        if (is_text(byte))
            return QUOTED;
        break;
    case QUOTED_PAIR:
        if (is_text(byte))
            return QUOTED;
        break;
    default:
        return after_element(byte, true, err);
    }
    /* Bad white space (BWS) is read, as RFC 9110 section 5.6.3 wants, where it may stand. */
    if (is_space(byte) && (state == NAME_START || state == BEFORE_EQUAL || state == VALUE_START))
        return state;
    return malformed(err, "malformed chunk extension");
}

static enum state end_size(struct http_chunk *c, const struct buf *out, struct err *err)
{
    c->digits = 0;
    c->line = 0;
    if (c->left == 0)
        return TRAILER_START;
    if (c->left > buf_room(out))
        return fail(err, ERR_LIMIT, 413, "larger than allowed");
    return DATA;
}

static enum state take_trailer(struct http_chunk *c, enum state state, char byte, struct err *err)
{
    switch (state) {
    case TRAILER_START:
        if (byte == '\r')
            return END_LF;
        return is_token(byte) ? TRAILER_NAME : malformed(err, "malformed trailer");
    case TRAILER_NAME:
        if (byte == ':')
            return TRAILER_VALUE;
        return is_token(byte) ? TRAILER_NAME : malformed(err, "malformed trailer");
    case TRAILER_VALUE:
        if (byte == '\r')
            return TRAILER_LF;
        return is_text(byte) ? TRAILER_VALUE : malformed(err, "malformed trailer");
    case TRAILER_LF:
        c->line = 0;
        return byte == '\n' ? TRAILER_START : malformed(err, "a carriage return without line feed");
    default:
        return byte == '\n' ? DONE : malformed(err, "a carriage return without line feed");
    }
}

static enum state take_byte(struct http_chunk *c, char byte, const struct buf *out, struct err *err)
{
    enum state state = (enum state)c->state;

    if (++c->overhead > LIMIT_CHUNK_OVERHEAD || ++c->line > LIMIT_CHUNK_LINE)
        return fail(err, ERR_LIMIT, 413, "chunk sizes, extensions or trailers larger than allowed");
    switch (state) {
    case SIZE:
        return take_size(c, byte, err);
    case SIZE_LF:
        return byte == '\n' ? end_size(c, out, err)
                            : malformed(err, "a carriage return without line feed");
    case DATA_CR:
        return byte == '\r' ? DATA_LF : malformed(err, "a chunk longer than its size");
    case DATA_LF:
        c->line = 0;
        return byte == '\n' ? SIZE : malformed(err, "a carriage return without line feed");
    case TRAILER_START:
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
    case END_LF:
        return take_trailer(c, state, byte, err);
    default:
        return take_extension(state, byte, err);
    }
}

enum parse http_chunk_feed(struct http_chunk *c, struct slice input, size_t *used, struct buf *out,
                           struct err *err)
{
    size_t i = 0;

    while (i < input.n && c->state != DONE && c->state != BAD) {
        size_t n = input.n - i;

        if (c->state != DATA) {
            c->state = (int)take_byte(c, input.p[i++], out, err);
            continue;
        }
        if (n > c->left)
            n = (size_t)c->left;
        if (!buf_append(out, input.p + i, n)) {
            c->state = (int)fail(err, buf_room(out) < n ? ERR_LIMIT : ERR_MEMORY,
                                 buf_room(out) < n ? 413 : 503, "no room for it");
            break;
        }
        c->left -= n;
        i += n;
        if (c->left == 0)
            c->state = DATA_CR;
    }
    *used = i;
    if (c->state == BAD)
        return PARSE_BAD;
    return c->state == DONE ? PARSE_DONE : PARSE_MORE;
}
