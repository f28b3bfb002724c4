/*
 * How a message's body is framed (RFC 9112 section 6) and whether the connection persists
 * (section 9.3), with every ambiguous framing refused: nobody on the way may read it otherwise.
 */
#ifndef FORMAT_HTTP_FRAME_H
#define FORMAT_HTTP_FRAME_H

#include "format/http_parse.h"

enum http_body {
    HTTP_BODY_NONE,
    HTTP_BODY_LENGTH,
    HTTP_BODY_CHUNKED,
    HTTP_BODY_UNTIL_CLOSE /* responses only */
};

struct http_frame {
    enum http_body kind;
    uint64_t length;      /* of HTTP_BODY_LENGTH */
    bool keep_alive;      /* the sender lets the connection persist */
    bool expect_continue; /* the request waits for 100 (RFC 9110 section 10.1.1) */
};

/*
 * Refused with ERR_SYNTAX or ERR_LIMIT and the status: Transfer-Encoding with Content-Length, or in
 * HTTP/1.0 (400); a coding other than a single "chunked" (501); Content-Length that is no plain
 * number, or occurs twice in any way, be the values equal or not (400); a length over
 * LIMIT_REQUEST_BODY (413); no Host in HTTP/1.1, more than one, or one that is no host[:port]
 * (400); an expectation other than 100-continue (417).
 */
bool http_frame_request(const struct http_head *head, struct http_frame *out, struct err *err);

/*
 * to_head: the request's method was HEAD. 1xx, 204 and 304 have no body. The same refusals of
 * ambiguity, as ERR_SYNTAX; a length over LIMIT_RESPONSE_BODY is ERR_LIMIT (not for HEAD or 304,
 * whose length tells of another message). 101 is refused: nobody asked to upgrade.
 */
bool http_frame_response(const struct http_head *head, bool to_head, struct http_frame *out,
                         struct err *err);

#endif
