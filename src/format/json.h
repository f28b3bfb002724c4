/*
 * JSON emitter (RFC 8259): appends to a bounded buffer and keeps the commas. No spaces. Bytes that
 * are not valid UTF-8 come out as U+FFFD; control characters are escaped.
 */
#ifndef FORMAT_JSON_H
#define FORMAT_JSON_H

#include "base/buf.h"

#define JSON_DEPTH 16

struct json {
    struct buf *out; /* borrowed while the emitter is used */
    bool failed;     /* the bound was passed or memory ran out: the text is incomplete */
    unsigned depth;
    bool has_member[JSON_DEPTH + 1];
    bool after_key;
};

void json_init(struct json *j, struct buf *out);

void json_begin_object(struct json *j);
void json_end_object(struct json *j);
void json_begin_array(struct json *j);
void json_end_array(struct json *j);

/* A member's name; the next call gives its value. */
void json_key(struct json *j, const char *name);

void json_string(struct json *j, struct slice value);
void json_cstring(struct json *j, const char *value); /* NULL gives null */
void json_int(struct json *j, int64_t value);
void json_bool(struct json *j, bool value);
void json_null(struct json *j);

/* Whether a complete text was appended: everything closed and nothing failed. */
bool json_done(const struct json *j);

#endif
