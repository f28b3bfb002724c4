/*
 * Message heads of HTTP/1.1 (RFC 9112 sections 2 to 5), strictly: lines end in CRLF and nothing
 * else, no folded fields, no space before a colon, no bytes that the grammar has no place for.
 * Slices of the head point into the caller's input; nothing is copied.
 */
#ifndef FORMAT_HTTP_PARSE_H
#define FORMAT_HTTP_PARSE_H

#include "base/err.h"
#include "base/slice.h"

struct http_field {
    struct slice name;  /* a token, as written; compare without case */
    struct slice value; /* without the white space around it; may be empty */
};

struct http_head {
    struct slice method; /* requests */
    struct slice target;
    unsigned status; /* responses: 100 to 599 */
    struct slice reason;
    unsigned minor; /* 0 or 1, of HTTP/1.x */
    size_t field_count;
    struct http_field fields[LIMIT_FIELDS]; /* last, for those who zero a head: not these */
};

/*
 * Reads one head from the start of input, which grows from call to call. *scanned is the caller's,
 * 0 for a new message: it saves looking again at what was looked at.
 * PARSE_DONE: *head is filled, *used bytes belong to it (with the empty line). Valid while input's
 * bytes stay in place. PARSE_MORE: more bytes are needed. PARSE_BAD: err holds ERR_SYNTAX or
 * ERR_LIMIT, and for requests the status: 400, 414 (target over LIMIT_TARGET), 431 (head over
 * LIMIT_HEAD, more than LIMIT_FIELDS fields), 505 (a major version other than 1).
 * The verdict is the same however the bytes are cut into pieces. One empty line (CRLF) before a
 * request line is skipped (RFC 9112 section 2.2).
 */
enum parse http_parse_request(struct slice input, size_t *scanned, struct http_head *head,
                              size_t *used, struct err *err);
enum parse http_parse_response(struct slice input, size_t *scanned, struct http_head *head,
                               size_t *used, struct err *err);

/* The first field of that name after *from (an index, 0 at first, moved past it); NULL if none. */
const struct http_field *http_head_next(const struct http_head *head, struct slice name,
                                        size_t *from);

/* The only field of that name; NULL if there is none or more than one. */
const struct http_field *http_head_only(const struct http_head *head, struct slice name);

/* Whether a list-valued field of that name has the element (compared without case). */
bool http_head_lists(const struct http_head *head, struct slice name, struct slice element);

/* Whether s is a token (RFC 9110 section 5.6.2): at least one byte. */
bool http_is_token(struct slice s);

/* Whether s may stand as a field value: visible bytes, spaces, tabs, obs-text; no CR, LF, NUL. */
bool http_is_field_value(struct slice s);

#endif
