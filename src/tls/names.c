#include "tls/names.h"

#include "base/limits.h"
#include "format/der_read.h"
#include "tls/refusal.h"

static struct slice skip(struct slice s, size_t n)
{
    return slice_make(s.p + n, s.n - n);
}

static bool is_dns(struct slice name, struct slice host)
{
    const char *dot;

    if (host.n == 0)
        return false;
    if (slice_eq_nocase(name, host))
        return true;
    dot = memchr(host.p + 1, '.', host.n - 1);
    if (!dot || !slice_starts_with(name, SLICE("*.")) || !memchr(name.p + 2, '.', name.n - 2))
        return false;
    return slice_eq_nocase(skip(name, 1), skip(host, (size_t)(dot - host.p)));
}

bool names_have_dns(struct slice names, struct slice host)
{
    struct slice name;
    uint8_t tag;

    while (der_read_element(&names, &tag, &name))
        if (tag == NAMES_DNS && is_dns(name, host))
            return true;
    return false;
}

bool names_have_ip(struct slice names, const uint8_t *ip, size_t size)
{
    struct slice name;
    uint8_t tag;

    while (der_read_element(&names, &tag, &name))
        if (tag == NAMES_IP && slice_eq(name, slice_make((const char *)ip, size)))
            return true;
    return false;
}

/* A directoryName is explicitly tagged, as it is a CHOICE. */
static bool unwrap(struct slice *name)
{
    struct slice wrapped = *name;

    return der_read_tagged(&wrapped, DER_SEQUENCE, name) && wrapped.n == 0;
}

static bool is_within(uint8_t tag, struct slice name, struct slice base)
{
    size_t front;

    if (tag == NAMES_IP) {
        if (base.n != 2 * name.n)
            return false;
        for (size_t i = 0; i < name.n; i++)
            if ((name.p[i] ^ base.p[i]) & base.p[name.n + i])
                return false;
        return true;
    }
    if (tag == NAMES_DIRECTORY)
        return unwrap(&base) && slice_starts_with(name, base);
    if (name.n < base.n)
        return false;
    front = name.n - base.n;
    /* A dot at the front, which RFC 5280 doesn't know for DNS names, means: below it. */
    if (!slice_eq_nocase(skip(name, front), base) || (front == 0 && base.n > 0 && base.p[0] == '.'))
        return false;
    return front == 0 || base.n == 0 || base.p[0] == '.' || name.p[front - 1] == '.';
}

static unsigned check_name(struct slice subtrees, bool excluding, uint8_t tag, struct slice name,
                           unsigned *checks)
{
    bool seen = false, within = false;

    while (subtrees.n > 0) {
        struct slice subtree, base;
        uint8_t kind;

        /* What follows the base (minimum, maximum) has no place in RFC 5280's profile. */
        if (!der_read_tagged(&subtrees, DER_SEQUENCE, &subtree) ||
            !der_read_element(&subtree, &kind, &base) || subtree.n > 0 ||
            (kind == NAMES_IP && base.n != 8 && base.n != 32))
            return REFUSED_EXTENSION;
        if (++*checks > LIMIT_NAME_CHECKS)
            return REFUSED_COMPARISONS;
        if (kind != tag)
            continue;
        seen = true;
        if (tag == NAMES_DNS || tag == NAMES_IP || tag == NAMES_DIRECTORY)
            within = within || is_within(tag, name, base);
        else
            within = excluding;
    }
    if (excluding)
        return within ? REFUSED_EXCLUDED : 0;
    return seen && !within ? REFUSED_NOT_PERMITTED : 0;
}

unsigned names_check(struct slice constraints, struct slice names, struct slice subject,
                     struct slice host, unsigned *checks)
{
    struct slice subtrees[2] = {{0}}; /* permitted, excluded */
    uint8_t tag;

    for (int i = 0; i < 2; i++)
        if (der_read_is_next(constraints, (uint8_t)(DER_CONTEXT_CONSTRUCTED + i)) &&
            !der_read_element(&constraints, &tag, &subtrees[i]))
            return REFUSED_EXTENSION;
    if (constraints.n > 0)
        return REFUSED_EXTENSION;
    for (int turn = 0;; turn++) {
        struct slice name = turn == 0 ? subject : host;

        tag = turn == 0 ? NAMES_DIRECTORY : NAMES_DNS;
        if (turn > 1) {
            if (names.n == 0)
                return 0;
            if (!der_read_element(&names, &tag, &name) ||
                (tag == NAMES_DIRECTORY && !unwrap(&name)))
                return REFUSED_EXTENSION;
        } else if (name.n == 0) {
            continue;
        }
        for (int i = 0; i < 2; i++) {
            unsigned fault = check_name(subtrees[i], i > 0, tag, name, checks);

            if (fault)
                return fault;
        }
    }
}
