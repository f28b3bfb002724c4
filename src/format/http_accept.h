/*
 * What a client would like to get: the Accept field (RFC 9110 section 12.5.1).
 */
#ifndef FORMAT_HTTP_ACCEPT_H
#define FORMAT_HTTP_ACCEPT_H

#include "format/http_parse.h"

/*
 * How much a media type ("text/plain") is wanted, in thousandths: 0 is not at all. The most
 * specific range that fits it decides; one that names another version doesn't fit, malformed ones
 * are passed over. *by_name, if not NULL, tells whether that range was the type itself and not a
 * wildcard. A head without Accept wants everything: 1000.
 */
unsigned http_accept_quality(const struct http_head *head, const char *type, const char *version,
                             bool *by_name);

#endif
