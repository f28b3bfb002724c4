#include "format/cidr.h"

#include <arpa/inet.h>

void cidr_set_v6(struct cidr_address *out, const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(out, 0, sizeof *out);
    out->mapped = memcmp(bytes, mapped, sizeof mapped) == 0;
    out->v6 = !out->mapped;
    memcpy(out->bytes, bytes + (out->mapped ? 12 : 0), out->mapped ? 4 : 16);
}

bool cidr_read_address(struct slice text, struct cidr_address *out)
{
    char copy[INET6_ADDRSTRLEN + 1];
    uint8_t bytes[16];

    memset(out, 0, sizeof *out);
    if (!slice_copy(text, copy, sizeof copy))
        return false;
    if (inet_pton(AF_INET, copy, out->bytes) == 1)
        return true;
    if (inet_pton(AF_INET6, copy, bytes) != 1)
        return false;
    cidr_set_v6(out, bytes);
    return true;
}

void cidr_set_one(struct cidr *out, const struct cidr_address *address)
{
    out->v6 = address->v6;
    out->prefix = address->v6 ? 128 : 32;
    memcpy(out->address, address->bytes, sizeof out->address);
}

bool cidr_set(struct cidr *out, const struct cidr_address *address, struct slice prefix)
{
    uint64_t bits;

    cidr_set_one(out, address);
    if (!slice_to_u64(prefix, address->v6 || address->mapped ? 128 : 32, &bits) ||
        (address->mapped && bits < 96))
        return false;
    out->prefix = (unsigned)(address->mapped ? bits - 96 : bits);
    return true;
}

bool cidr_read(struct slice text, struct cidr *out)
{
    struct cidr_address address;
    struct slice rest = text, host = slice_cut(&rest, '/');

    if (!cidr_read_address(host, &address))
        return false;
    cidr_set_one(out, &address);
    return host.n == text.n || cidr_set(out, &address, rest);
}

bool cidr_has(const struct cidr *network, const struct cidr_address *address)
{
    unsigned whole = network->prefix / 8, rest = network->prefix % 8;

    if (network->v6 != address->v6 || memcmp(network->address, address->bytes, whole) != 0)
        return false;
    return rest == 0 || (network->address[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}
