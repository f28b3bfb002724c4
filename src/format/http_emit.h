/*
 * Writes message heads (RFC 9112) into a bounded buffer. Every function returns false when the
 * buffer's bound is passed or memory is out; what was appended before stays, the caller drops it.
 */
#ifndef FORMAT_HTTP_EMIT_H
#define FORMAT_HTTP_EMIT_H

#include "base/buf.h"
#include "format/http_parse.h"

/* The standard reason phrase (RFC 9110 section 15), "" for a status it doesn't know. */
const char *http_emit_reason(unsigned status);

/* "HTTP/1.1 200 OK\r\n". reason may be empty: then the standard one. */
bool http_emit_status_line(struct buf *out, unsigned status, struct slice reason);

/* "POST /path HTTP/1.1\r\n" from two parts of the target: a prefix and the rest. */
bool http_emit_request_line(struct buf *out, struct slice method, struct slice prefix,
                            struct slice rest);

/* "Name: value\r\n". False, with nothing appended, also for a name or value that isn't one. */
bool http_emit_field(struct buf *out, const char *name, struct slice value);
__attribute__((format(printf, 3, 4))) bool http_emit_fieldf(struct buf *out, const char *name,
                                                            const char *fmt, ...);

/* "Content-Length: n\r\n". */
bool http_emit_length(struct buf *out, size_t n);

/* The empty line. */
bool http_emit_end(struct buf *out);

/*
 * Whether a field belongs to this connection alone and is not forwarded (RFC 9110 section 7.6.1):
 * Connection and what it names, Keep-Alive, Proxy-Connection, Proxy-Authenticate,
 * Proxy-Authorization, Proxy-Authentication-Info, TE, Trailer, Transfer-Encoding, Upgrade,
 * HTTP2-Settings; Content-Length too, since each hop frames anew. Connection cannot name a field
 * that a message needs end to end to keep its meaning here: Host, Authorization, Cache-Control,
 * Content-Type, Content-Encoding, Via, Date, Age are forwarded even when it does.
 */
bool http_emit_is_hop_by_hop(const struct http_head *head, struct slice name);

/*
 * Appends all fields of head that are forwarded, except those whose name is in skip (an array of
 * names ended by NULL, compared without case). Order and spelling are kept.
 */
bool http_emit_forwarded(struct buf *out, const struct http_head *head, const char *const *skip);

#endif
