/* Networks of addresses: what is one, what lies in it, and that IPv4-mapped IPv6 is IPv4. */
#include "format/cidr.h"
#include "tap.h"

static const struct {
    const char *network, *inside[3], *outside[3];
} networks[] = {
    {"10.0.0.0/8",
     {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"},
     {"11.0.0.0", "9.255.255.255", "::a00:1"}},
    {"10.1.2.3/8", {"10.9.9.9"}, {"11.1.2.3"}},
    {"192.0.2.128/25", {"192.0.2.128", "192.0.2.255"}, {"192.0.2.127", "192.0.3.128"}},
    {"192.0.2.7/31", {"192.0.2.6", "192.0.2.7"}, {"192.0.2.5", "192.0.2.8"}},
    {"192.0.2.7", {"192.0.2.7", "::ffff:c000:207"}, {"192.0.2.6", "c000:207::"}},
    {"192.0.2.7/32", {"192.0.2.7"}, {"192.0.2.6"}},
    {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, {"::", "::1", "2001:db8::1"}},
    {"::/0", {"::", "2001:db8::1", "ffff::"}, {"0.0.0.0", "::ffff:1.2.3.4"}},
    {"2001:db8::/32", {"2001:db8::", "2001:db8:ffff::1"}, {"2001:db9::", "2001:db7:ffff::"}},
    {"2001:db8::/33", {"2001:db8:7fff::"}, {"2001:db8:8000::"}},
    {"fe80::1", {"fe80::1"}, {"fe80::2", "fe80::"}},
    {"::ffff:10.0.0.0/104", {"10.200.0.1", "::ffff:10.0.0.1"}, {"11.0.0.0"}},
    {"::ffff:10.0.0.0/96", {"1.2.3.4"}, {"::1"}},
};

static const char *const wrong[] = {
    "",
    "/",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/ 8",
    "10.0.0/8",
    "10.0.0.256",
    "10.0.0.0/255.0.0.0",
    "::/129",
    "[::1]",
    "[::1]/64",
    "::ffff:10.0.0.0/95",
    "::ffff:10.0.0.0/129",
    "fe80::1%1",
    "localhost",
    "10.0.0.1:80",
    " 10.0.0.1",
    "*",
    "1111:2222:3333:4444:5555:6666:7777:8888:9999",
};

static void is_in(const char *network, const char *address, bool want)
{
    struct cidr n;
    struct cidr_address a;

    if (!address)
        return;
    ok(cidr_read(slice_of(network), &n) && cidr_read_address(slice_of(address), &a) &&
           cidr_has(&n, &a) == want,
       "%s %s %s", address, want ? "is in" : "isn't in", network);
}

int main(void)
{
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        for (int k = 0; k < 3; k++) {
            is_in(networks[i].network, networks[i].inside[k], true);
            is_in(networks[i].network, networks[i].outside[k], false);
        }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cidr n;

        ok(!cidr_read(slice_of(wrong[i]), &n), "not a network: '%s'", wrong[i]);
    }
    return done_testing();
}
