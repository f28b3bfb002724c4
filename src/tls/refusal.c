#include "tls/refusal.h"

#include <string.h>

enum { BAD = 42, UNSUPPORTED = 43, EXPIRED = 45, UNKNOWN_CA = 48 };

/* What stands last is told of all other codes. */
#define REFUSALS(X)                                                                                \
    X(REFUSED_PIN, BAD, "has a public key that is not the pinned one (pin_sha256)")                \
    X(REFUSED_LARGE, BAD, "is larger than 16 KiB")                                                 \
    X(REFUSED_VERSION, UNSUPPORTED, "is not of X.509 version 3")                                   \
    X(REFUSED_SERIAL, BAD, "has a serial number of zero, below it, or above 20 octets")            \
    X(REFUSED_DATES, BAD, "has malformed dates, or ends before it begins")                         \
    X(REFUSED_ALGORITHMS, BAD, "names two different signature algorithms")                         \
    X(REFUSED_HASH, BAD, "is signed with a hash weaker than SHA-256 (SHA-1?)")                     \
    X(REFUSED_SIGNATURE_KIND, UNSUPPORTED, "is signed with an unsupported algorithm (RSA-PSS?)")   \
    X(REFUSED_KEY_KIND, UNSUPPORTED, "has a key that is neither RSA nor on P-256 or P-384")        \
    X(REFUSED_RSA_SHORT, UNSUPPORTED, "has a key that is too weak (RSA below 2048 bits)")          \
    X(REFUSED_RSA_LONG, UNSUPPORTED, "has an RSA key above 4096 bits")                             \
    X(REFUSED_KEY, BAD, "has a malformed public key")                                              \
    X(REFUSED_EXTENSION, BAD, "has a malformed extension, or too many")                            \
    X(REFUSED_TWICE, BAD, "has the same extension twice")                                          \
    X(REFUSED_CRITICAL, UNSUPPORTED, "has a critical extension that is not understood")            \
    X(REFUSED_NOT_YET, EXPIRED, "is not valid yet, by this machine's time: is its clock right?")   \
    X(REFUSED_ENDED, EXPIRED, "has expired, by this machine's time")                               \
    X(REFUSED_USAGE, UNSUPPORTED, "may not sign handshakes (keyUsage lacks digitalSignature)")     \
    X(REFUSED_CA_USAGE, UNSUPPORTED, "may not sign others (keyUsage lacks keyCertSign)")           \
    X(REFUSED_PURPOSE, UNSUPPORTED, "is for other purposes (extKeyUsage)")                         \
    X(REFUSED_CA_PURPOSE, UNSUPPORTED, "is of an authority for other purposes (extKeyUsage)")      \
    X(REFUSED_NOT_CA, UNKNOWN_CA, "has signed another, but is of no authority (basicConstraints)") \
    X(REFUSED_PATH_LENGTH, UNKNOWN_CA, "has signed too long a chain (pathLenConstraint)")          \
    X(REFUSED_NO_NAMES, BAD, "has no subjectAltName (a CommonName does not count)")                \
    X(REFUSED_NAME, BAD, "is for another name")                                                    \
    X(REFUSED_IP, BAD, "does not carry its IP address (as subjectAltName)")                        \
    X(REFUSED_NOT_PERMITTED, BAD, "is of an authority not permitted this name (nameConstraints)")  \
    X(REFUSED_EXCLUDED, BAD, "is of an authority excluded from this name (nameConstraints)")       \
    X(REFUSED_COMPARISONS, BAD, "has too many names for its authorities' nameConstraints")         \
    X(REFUSED_CHAIN, BAD, "is one too many: no trusted authority signed any of 8")                 \
    X(BR_ERR_X509_NOT_TRUSTED, UNKNOWN_CA,                                                         \
      "is from no trusted authority (set ca_file if the server has its own, or if a proxy on the " \
      "way opens TLS)")                                                                            \
    X(BR_ERR_X509_BAD_SIGNATURE, BAD, "comes with a wrong signature in its chain")                 \
    X(BR_ERR_X509_DN_MISMATCH, BAD,                                                                \
      "comes with a chain that is out of order or incomplete (issuer and subject differ)")         \
    X(BR_ERR_X509_EMPTY_CHAIN, BAD, "is missing")                                                  \
    X(0, BAD, "is malformed")

#define ROW(code, alert, text) {code, alert},
#define TEXT(code, alert, text) text "\0"

static const struct {
    uint8_t code, alert;
} rows[] = {REFUSALS(ROW)};

static const char texts[] = REFUSALS(TEXT);

enum { LAST = sizeof rows / sizeof rows[0] - 1 };

static size_t row_of(int code)
{
    size_t i = 0;

    while (i < LAST && rows[i].code != code)
        i++;
    return i;
}

bool refusal_is(int code)
{
    return (code > BR_ERR_X509_OK && code <= BR_ERR_X509_NOT_TRUSTED) ||
           (code >= REFUSED_PIN && code < REFUSED_END);
}

const char *refusal_text(int code)
{
    const char *text = texts;

    for (size_t i = row_of(code); i > 0; i--)
        text += strlen(text) + 1;
    return text;
}

uint8_t refusal_alert(int code)
{
    return rows[row_of(code)].alert;
}
