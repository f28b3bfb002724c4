/*
 * The proxy's messages are judged from their first bytes on, in the order in which these arrive: a
 * refusal is told as soon as it is certain, since some proxies close in the middle of one.
 */
#include "format/socks5.h"

#include <arpa/inet.h>

enum {
    VERSION = 5,
    AUTH_VERSION = 1, /* RFC 1929 section 2 */
    COMMAND_CONNECT = 1,
    METHOD_NONE = 0,
    METHOD_PASSWORD = 2,
    METHOD_REFUSED = 0xff,
    ADDRESS_V4 = 1,
    ADDRESS_NAME = 3,
    ADDRESS_V6 = 4,
    FIELD_MAX = 255 /* what a length byte can tell */
};

static bool has_credentials(const struct socks5 *s)
{
    return s->user && secret_is_set(s->user);
}

static enum parse out_of_memory(struct err *err)
{
    err_set_stage(err, ERR_MEMORY, STAGE_PROXY,
                  "out of memory for the request to the egress proxy");
    return PARSE_BAD;
}

static enum parse malformed(const struct socks5 *s, const char *what, const char *guess,
                            struct err *err)
{
    err_set_stage(err, ERR_SYNTAX, STAGE_PROXY,
                  "egress proxy %s (%s) does not answer as a SOCKS5 proxy does: %s%s", s->proxy,
                  s->source, what, guess);
    return PARSE_BAD;
}

static unsigned byte_at(struct slice s, size_t i)
{
    return (unsigned char)s.p[i];
}

static bool append_byte(struct buf *out, unsigned byte)
{
    uint8_t b = (uint8_t)byte;

    return buf_append(out, &b, 1);
}

static bool fits(const struct secret *s)
{
    return s && s->size >= 1 && s->size <= FIELD_MAX;
}

bool socks5_start(struct socks5 *s, struct buf *out, struct err *err)
{
    static const uint8_t none[] = {VERSION, 1, METHOD_NONE};
    static const uint8_t both[] = {VERSION, 2, METHOD_NONE, METHOD_PASSWORD};
    size_t host = strlen(s->host);
    bool done;

    if (host == 0 || host > FIELD_MAX) {
        err_set_stage(err, ERR_SYNTAX, STAGE_PROXY, "not a host that a proxy can be asked for");
        return false;
    }
    if (has_credentials(s) && !(fits(s->user) && fits(s->password))) {
        err_set_stage(err, ERR_CONFIG, STAGE_PROXY,
                      "%s: SOCKS5 needs a user and a password of 1 to 255 bytes each", s->source);
        return false;
    }
    s->state = SOCKS5_METHOD;
    done = has_credentials(s) ? buf_append(out, both, sizeof both)
                              : buf_append(out, none, sizeof none);
    if (!done)
        (void)out_of_memory(err);
    return done;
}

/* RFC 1929 section 2. */
static bool emit_credentials(const struct socks5 *s, struct buf *out)
{
    return append_byte(out, AUTH_VERSION) && append_byte(out, (unsigned)s->user->size) &&
           buf_append(out, s->user->data, s->user->size) &&
           append_byte(out, (unsigned)s->password->size) &&
           buf_append(out, s->password->data, s->password->size);
}

/* RFC 1928 sections 4 and 5. */
static bool emit_request(const struct socks5 *s, struct buf *out)
{
    const uint8_t start[] = {VERSION, COMMAND_CONNECT, 0};
    const uint8_t port[] = {(uint8_t)(s->port >> 8), (uint8_t)(s->port & 0xff)};
    struct in6_addr v6;
    struct in_addr v4;
    bool done = buf_append(out, start, sizeof start);

    if (inet_pton(AF_INET, s->host, &v4) == 1)
        done = done && append_byte(out, ADDRESS_V4) && buf_append(out, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, s->host, &v6) == 1)
        done = done && append_byte(out, ADDRESS_V6) && buf_append(out, &v6, sizeof v6);
    else
        done = done && append_byte(out, ADDRESS_NAME) &&
               append_byte(out, (unsigned)strlen(s->host)) && buf_append_string(out, s->host);
    return done && buf_append(out, port, sizeof port);
}

static enum parse send_request(struct socks5 *s, struct buf *out, struct err *err)
{
    s->state = SOCKS5_REPLY;
    return emit_request(s, out) ? PARSE_DONE : out_of_memory(err);
}

/* What speaks there, when it isn't SOCKS5, by the first byte. */
static const char *guess(unsigned first)
{
    if (first == 'H')
        return "; it seems to be an HTTP proxy: write http://";
    if (first == 0x15 || first == 0x16)
        return "; it seems to speak TLS: is it an https:// proxy?";
    if (first == 0 || first == 4)
        return "; it seems to speak SOCKS4, which this program doesn't";
    return "";
}

/* RFC 1928 section 3. Each of these returns PARSE_DONE when its message was taken. */
static enum parse read_method(struct socks5 *s, struct slice input, size_t *n, struct buf *out,
                              struct err *err)
{
    if (input.n >= 1 && byte_at(input, 0) != VERSION)
        return malformed(s, "another version", guess(byte_at(input, 0)), err);
    if (input.n < 2)
        return PARSE_MORE;
    *n = 2;
    switch (byte_at(input, 1)) {
    case METHOD_NONE:
        return send_request(s, out, err);
    case METHOD_PASSWORD:
        if (!has_credentials(s))
            break;
        s->state = SOCKS5_AUTH;
        return emit_credentials(s, out) ? PARSE_DONE : out_of_memory(err);
    case METHOD_REFUSED:
        err_set_stage(err, ERR_UNREACHABLE, STAGE_PROXY,
                      has_credentials(s)
                          ? "egress proxy %s (%s) takes neither a user and a password nor clients "
                            "without them: allow one of both at the proxy"
                          : "egress proxy %s (%s) takes no client without authentication: write "
                            "USER:PASSWORD@ before the host in %s",
                      s->proxy, s->source, s->source);
        return PARSE_BAD;
    default:
        break;
    }
    return malformed(s, "it chose a way to authenticate that was not offered", "", err);
}

/* RFC 1929 section 2. */
static enum parse read_auth(struct socks5 *s, struct slice input, size_t *n, struct buf *out,
                            struct err *err)
{
    if (input.n >= 1 && byte_at(input, 0) != AUTH_VERSION)
        return malformed(s, "another version of the answer to user and password", "", err);
    if (input.n < 2)
        return PARSE_MORE;
    *n = 2;
    if (byte_at(input, 1) != 0) {
        err_set_stage(err, ERR_UNREACHABLE, STAGE_PROXY,
                      "egress proxy %s (%s) refuses the user or the password (status %u): mend "
                      "them in %s",
                      s->proxy, s->source, byte_at(input, 1), s->source);
        return PARSE_BAD;
    }
    return send_request(s, out, err);
}

/* By reply code, RFC 1928 section 6. */
static const struct {
    const char *verdict, *mend;
} refusals[] = {
    [1] = {"general failure", "the proxy's log may tell more"},
    [2] = {"not allowed", "allow it in the proxy's rules"},
    [3] = {"network unreachable", "look at the routes where the proxy runs"},
    [4] = {"host unreachable", "look at DNS and at the firewall where the proxy runs"},
    [5] = {"connection refused", "look at the port, and at the firewall where the proxy runs"},
    [6] = {"no way there (TTL expired)", "look at the routes where the proxy runs"},
    [7] = {"command not supported", "is it a proxy that allows CONNECT?"},
    [8] = {"address type not supported",
           "socks5h:// sends names, socks5:// sends addresses: try the other"},
};

static enum parse refuse(const struct socks5 *s, unsigned code, struct err *err)
{
    bool known = code < sizeof refusals / sizeof refusals[0];

    err_set_stage(err, ERR_UNREACHABLE, STAGE_PROXY,
                  "egress proxy %s (%s) opens no tunnel to %s port %u: %s (reply %u): %s", s->proxy,
                  s->source, s->host, s->port, known ? refusals[code].verdict : "unknown reply",
                  code, known ? refusals[code].mend : "the proxy's log may tell more");
    return PARSE_BAD;
}

/* Bytes of the bound address after the address type; 0 if that needs a byte that isn't there. */
static size_t address_size(struct slice input)
{
    switch (byte_at(input, 3)) {
    case ADDRESS_V4:
        return sizeof(struct in_addr);
    case ADDRESS_V6:
        return sizeof(struct in6_addr);
    default:
        return input.n >= 5 ? 1 + (size_t)byte_at(input, 4) : 0;
    }
}

/* RFC 1928 section 6. The bound address is the proxy's own affair. */
static enum parse read_reply(struct socks5 *s, struct slice input, size_t *n, struct err *err)
{
    size_t address, size;

    if (input.n >= 1 && byte_at(input, 0) != VERSION)
        return malformed(s, "another version in its reply", "", err);
    if (input.n >= 2 && byte_at(input, 1) != 0)
        return refuse(s, byte_at(input, 1), err);
    if (input.n < 4)
        return PARSE_MORE;
    if (byte_at(input, 3) != ADDRESS_V4 && byte_at(input, 3) != ADDRESS_V6 &&
        byte_at(input, 3) != ADDRESS_NAME)
        return malformed(s, "an unknown type of address in its reply", "", err);
    address = address_size(input);
    size = 4 + address + 2;
    if (address == 0 || input.n < size)
        return PARSE_MORE;
    *n = size;
    s->state = SOCKS5_OPEN;
    return PARSE_DONE;
}

enum parse socks5_feed(struct socks5 *s, struct slice input, size_t *used, struct buf *out,
                       struct err *err)
{
    enum parse rv = PARSE_DONE;

    *used = 0;
    if (input.n == 0)
        return s->state == SOCKS5_OPEN ? PARSE_DONE : PARSE_MORE;
    while (s->state != SOCKS5_OPEN && rv == PARSE_DONE) {
        struct slice rest = slice_make(input.p + *used, input.n - *used);
        size_t n = 0;

        if (s->state == SOCKS5_METHOD)
            rv = read_method(s, rest, &n, out, err);
        else if (s->state == SOCKS5_AUTH)
            rv = read_auth(s, rest, &n, out, err);
        else
            rv = read_reply(s, rest, &n, err);
        *used += n;
    }
    return rv;
}

void socks5_interrupt(const struct socks5 *s, enum err_code code, struct err *err)
{
    static const char *const during[] = {
        [SOCKS5_METHOD] = "before it chose how to authenticate",
        [SOCKS5_AUTH] = "when it was sent user and password",
        [SOCKS5_REPLY] = "when it was asked for a tunnel",
        [SOCKS5_OPEN] = "when the tunnel was open",
    };

    err_set_stage(err, code, STAGE_PROXY, "egress proxy %s (%s) %s %s (to %s port %u)", s->proxy,
                  s->source,
                  code == ERR_TIMEOUT ? "gave no answer in time" : "closed the connection",
                  during[s->state], s->host, s->port);
}
