/* Why a TLS connection failed, in words: every code that says something to a person has its own. */
#include "tls/engine.h"

#include "tap.h"

static const char general[] = "the peer broke the TLS protocol";

static void own_words(void)
{
    static const int codes[] = {
        BR_ERR_OK,
        BR_ERR_UNSUPPORTED_VERSION,
        BR_ERR_UNKNOWN_TYPE,
        BR_ERR_TOO_LARGE,
        BR_ERR_BAD_MAC,
        BR_ERR_NO_RANDOM,
        BR_ERR_BAD_CIPHER_SUITE,
        BR_ERR_BAD_SIGNATURE,
        BR_ERR_WRONG_KEY_USAGE,
        BR_ERR_INVALID_ALGORITHM,
        BR_ERR_NO_CLIENT_AUTH,
        BR_ERR_BAD_SECRENEG,
    };
    size_t count = sizeof codes / sizeof codes[0];

    for (size_t i = 0; i < count; i++) {
        const char *text = tls_error_text(codes[i]);
        size_t same = 0;

        for (size_t k = 0; k < count; k++)
            same += strcmp(text, tls_error_text(codes[k])) == 0;
        ok(same == 1 && strcmp(text, general) != 0, "%d: %s", codes[i], text);
    }
    is_str(tls_error_text(BR_ERR_BAD_VERSION), tls_error_text(BR_ERR_UNKNOWN_TYPE),
           "no TLS, however it begins");
    is_str(tls_error_text(BR_ERR_BAD_LENGTH), tls_error_text(BR_ERR_TOO_LARGE), "nor its length");
    is_str(tls_error_text(BR_ERR_UNEXPECTED), general, "for what says nothing more to a person");
}

/* RFC 5246, section 7.2.2, and what later RFCs added. */
static void alerts(void)
{
    static const struct {
        int number;
        const char *name;
    } list[] = {
        {0, "close_notify"},
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {22, "record_overflow"},
        {40, "handshake_failure"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {100, "no_renegotiation"},
        {112, "unrecognized_name"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
    };
    static const char got[] = "the peer refused with the TLS alert ";
    static const char sent[] = "refused with the TLS alert ";

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *from = tls_error_text(BR_ERR_RECV_FATAL_ALERT + list[i].number);
        const char *to = tls_error_text(BR_ERR_SEND_FATAL_ALERT + list[i].number);
        size_t n = strlen(list[i].name);

        ok(strncmp(from, got, sizeof got - 1) == 0 &&
               strncmp(from + sizeof got - 1, list[i].name, n) == 0,
           "%s", from);
        ok(strncmp(to, sent, sizeof sent - 1) == 0 &&
               strncmp(to + sizeof sent - 1, list[i].name, n) == 0,
           "%s", to);
    }
    is_str(tls_error_text(BR_ERR_RECV_FATAL_ALERT + 200),
           "the peer refused with a TLS alert of unknown meaning", "an alert that nobody knows");
    is_str(tls_error_text(BR_ERR_SEND_FATAL_ALERT + 200), "refused with a TLS alert",
           "which is told of one's own, too");
}

int main(void)
{
    own_words();
    alerts();
    return done_testing();
}
