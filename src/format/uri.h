/*
 * URIs (RFC 3986), as far as license servers, egress proxies and request targets need them.
 */
#ifndef FORMAT_URI_H
#define FORMAT_URI_H

#include "base/err.h"
#include "base/slice.h"

/* An absolute URI with an authority; slices point into the parsed text. */
struct uri {
    struct slice scheme;   /* as written; compare without case */
    struct slice userinfo; /* between "//" and "@", still percent-encoded; n is 0 if none */
    bool has_userinfo;
    struct slice host; /* name or address; an IPv6 literal without its brackets */
    bool host_is_ip;   /* an IPv4 or IPv6 literal */
    uint16_t port;     /* 0 if none was written */
    struct slice path; /* path and query, "" or starting with '/' or '?'; no fragment */
};

/*
 * Strict: scheme "://" [userinfo "@"] host [":" port] [path] with no spaces, controls or bytes over
 * 0x7e anywhere; a host of letters, digits, '-', '.', '_' (at most LIMIT_HOST) or an IP literal;
 * port 1 to 65535; a fragment is refused. ERR_CONFIG with text that says what is wrong and never
 * shows the userinfo.
 */
bool uri_parse(struct slice text, struct uri *out, struct err *err);

/* Percent-decodes into out (cap bytes with its NUL). False for a bad escape, a NUL, or no room. */
bool uri_decode(struct slice text, char *out, size_t cap);

/* Whether s is an IPv4 (dotted quad) or IPv6 literal (without brackets). */
bool uri_is_ip(struct slice s);

/*
 * The path and query of a request target in origin-form or absolute-form (RFC 9112 section 3.2), as
 * a slice of it; "/" for an absolute-form without a path. asterisk-form and authority-form, dot
 * segments (also as %2e: they could climb out of base_url), fragments and forbidden bytes are
 * ERR_SYNTAX, status 400.
 */
bool uri_target_path(struct slice target, struct slice *path, struct err *err);

#endif
