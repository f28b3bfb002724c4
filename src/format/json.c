#include "format/json.h"

#include "format/utf8.h"

#include <inttypes.h>
#include <stdio.h>

static void put(struct json *j, const char *p, size_t n)
{
    if (!j->failed && !buf_append(j->out, p, n))
        j->failed = true;
}

static void put_string(struct json *j, const char *string)
{
    put(j, string, strlen(string));
}

/* What stands before a member's name, an element or the whole value: a comma where one is due. */
static void separate(struct json *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    /* A second value at the top would make the text no JSON. */
    if (j->has_member[j->depth] && j->depth == 0)
        j->failed = true;
    else if (j->has_member[j->depth])
        put(j, ",", 1);
    j->has_member[j->depth] = true;
}

static void begin(struct json *j, const char *bracket)
{
    separate(j);
    put_string(j, bracket);
    if (j->depth == JSON_DEPTH) {
        j->failed = true;
        return;
    }
    j->depth++;
    j->has_member[j->depth] = false;
}

static void end(struct json *j, const char *bracket)
{
    if (j->depth == 0 || j->after_key) {
        j->failed = true;
        return;
    }
    j->depth--;
    put_string(j, bracket);
}

/* The short escape of a character, 0 if it has none. */
static char short_escape(uint32_t code)
{
    switch (code) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void put_quoted(struct json *j, struct slice s)
{
    put(j, "\"", 1);
    while (s.n > 0) {
        uint32_t code = 0xfffd;
        size_t n = utf8_decode(s, &code);
        char escape = short_escape(code);

        if (n == 0) {
            n = 1;
            put_string(j, "\xef\xbf\xbd");
        } else if (escape) {
            put(j, (char[]){'\\', escape}, 2);
        } else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
            /* DEL and C1 too: a terminal that shows the text obeys them. */
            char text[8];

            snprintf(text, sizeof text, "\\u%04" PRIx32, code);
            put_string(j, text);
        } else {
            put(j, s.p, n);
        }
        s.p += n;
        s.n -= n;
    }
    put(j, "\"", 1);
}

void json_init(struct json *j, struct buf *out)
{
    memset(j, 0, sizeof *j);
    j->out = out;
}

void json_begin_object(struct json *j)
{
    begin(j, "{");
}

void json_end_object(struct json *j)
{
    end(j, "}");
}

void json_begin_array(struct json *j)
{
    begin(j, "[");
}

void json_end_array(struct json *j)
{
    end(j, "]");
}

void json_key(struct json *j, const char *name)
{
    if (j->depth == 0 || j->after_key)
        j->failed = true;
    separate(j);
    put_quoted(j, slice_of(name));
    put(j, ":", 1);
    j->after_key = true;
}

void json_string(struct json *j, struct slice value)
{
    separate(j);
    put_quoted(j, value);
}

void json_cstring(struct json *j, const char *value)
{
    if (value)
        json_string(j, slice_of(value));
    else
        json_null(j);
}

void json_int(struct json *j, int64_t value)
{
    char text[24];

    separate(j);
    snprintf(text, sizeof text, "%" PRId64, value);
    put_string(j, text);
}

void json_bool(struct json *j, bool value)
{
    separate(j);
    put_string(j, value ? "true" : "false");
}

void json_null(struct json *j)
{
    separate(j);
    put_string(j, "null");
}

bool json_done(const struct json *j)
{
    return !j->failed && j->depth == 0 && !j->after_key && j->has_member[0];
}
