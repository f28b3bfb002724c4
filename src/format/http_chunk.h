/*
 * Decoder of the chunked transfer coding (RFC 9112 section 7.1), fed in pieces. Chunk extensions
 * are read and dropped, trailers too; both are bounded (LIMIT_CHUNK_LINE, LIMIT_CHUNK_OVERHEAD).
 */
#ifndef FORMAT_HTTP_CHUNK_H
#define FORMAT_HTTP_CHUNK_H

#include "base/buf.h"
#include "base/err.h"

struct http_chunk {
    int state;       /* enum in the .c; 0 at the start */
    uint64_t left;   /* data bytes of the current chunk still to come, or the size so far */
    unsigned digits; /* of the size */
    size_t line;     /* bytes of the current line */
    size_t overhead; /* bytes so far that are not data */
};

void http_chunk_init(struct http_chunk *c);

/*
 * Decodes from input, appending data to out. *used says how many bytes were taken.
 * PARSE_DONE: the body is complete, what follows input[*used] is the next message. PARSE_MORE: all
 * of input was taken. PARSE_BAD: ERR_SYNTAX (status 400), or ERR_LIMIT (status 413) when out's
 * bound or an overhead bound is passed. Strict: CRLF only, hexadecimal sizes of 1 to 16 digits.
 */
enum parse http_chunk_feed(struct http_chunk *c, struct slice input, size_t *used, struct buf *out,
                           struct err *err);

#endif
