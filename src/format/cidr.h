/*
 * IP addresses and networks of them (RFC 4632 section 3.1, RFC 4291 section 2.3), as text and as
 * bytes. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address wherever it
 * comes from.
 */
#ifndef FORMAT_CIDR_H
#define FORMAT_CIDR_H

#include "base/slice.h"

struct cidr_address {
    bool v6;
    bool mapped;       /* it was written as IPv6 */
    uint8_t bytes[16]; /* 4 of them count, or all; the rest is zero */
};

struct cidr {
    bool v6;
    unsigned prefix; /* bits of address that count */
    uint8_t address[16];
};

/* Reads an address without brackets, prefix or port. */
bool cidr_read_address(struct slice text, struct cidr_address *out);

/* From the 16 bytes of an IPv6 address. */
void cidr_set_v6(struct cidr_address *out, const uint8_t bytes[16]);

/*
 * The network of an address and of the length's text. False if the length is no number that fits;
 * a mapped address's is one of IPv6, at least 96.
 */
bool cidr_set(struct cidr *out, const struct cidr_address *address, struct slice prefix);

/* That address alone. */
void cidr_set_one(struct cidr *out, const struct cidr_address *address);

/* Reads "ADDRESS/LENGTH" or "ADDRESS"; bits of the address behind the length don't matter. */
bool cidr_read(struct slice text, struct cidr *out);

bool cidr_has(const struct cidr *network, const struct cidr_address *address);

#endif
