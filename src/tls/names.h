/*
 * The names of a certificate (subjectAltName: RFC 5280 section 4.2.1.6, matched as RFC 6125 says)
 * and its authorities' constraints on them (section 4.2.1.10).
 */
#ifndef TLS_NAMES_H
#define TLS_NAMES_H

#include "base/slice.h"

/* Tags of GeneralName. */
enum { NAMES_DNS = 0x82, NAMES_DIRECTORY = 0xa4, NAMES_IP = 0x87 };

/*
 * Whether the list of names has the host name: letters of either case, "*" for the whole leftmost
 * label only, and with two labels at least after it.
 */
bool names_have_dns(struct slice names, struct slice host);

/* Whether it has the address, of 4 or 16 octets. */
bool names_have_ip(struct slice names, const uint8_t *ip, size_t size);

/*
 * Returns 0, or why (enum refusal) an authority with these constraints (the extension's elements)
 * may not vouch for who has these names (elements) and this subject, and is asked for as host
 * (empty: an address). Kinds of names that aren't known are within no permitted and within every
 * excluded subtree of that kind. *checks counts comparisons, up to LIMIT_NAME_CHECKS.
 */
unsigned names_check(struct slice constraints, struct slice names, struct slice subject,
                     struct slice host, unsigned *checks);

#endif
