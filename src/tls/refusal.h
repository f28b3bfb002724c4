/*
 * Why a certificate is refused: codes of our own beside BearSSL's BR_ERR_X509_…, and what each of
 * both is told as, to people in words and to the peer as an alert (RFC 5246 section 7.2.2).
 */
#ifndef TLS_REFUSAL_H
#define TLS_REFUSAL_H

#include <bearssl.h>
#include <stdbool.h>
#include <stdint.h>

/* BearSSL's codes end at 62, those of alerts begin at 256. */
enum refusal {
    REFUSED_PIN = 192, /* the public key is not one of the pinned */
    REFUSED_LARGE,     /* larger than LIMIT_CERTIFICATE */
    REFUSED_MALFORMED, /* not the DER of a certificate */
    REFUSED_VERSION,
    REFUSED_SERIAL,
    REFUSED_DATES,      /* malformed, or the end before the beginning */
    REFUSED_ALGORITHMS, /* two that differ: RFC 5280 section 4.1.1.2 */
    REFUSED_HASH,
    REFUSED_SIGNATURE_KIND,
    REFUSED_KEY_KIND,
    REFUSED_RSA_SHORT,
    REFUSED_RSA_LONG,
    REFUSED_KEY,       /* of a good kind, but malformed */
    REFUSED_EXTENSION, /* malformed, or too many */
    REFUSED_TWICE,
    REFUSED_CRITICAL,
    REFUSED_NOT_YET,
    REFUSED_ENDED,
    REFUSED_USAGE,      /* of the peer's own certificate */
    REFUSED_CA_USAGE,   /* of one that has signed */
    REFUSED_PURPOSE,    /* as above */
    REFUSED_CA_PURPOSE, /* as above */
    REFUSED_NOT_CA,
    REFUSED_PATH_LENGTH,
    REFUSED_NO_NAMES,
    REFUSED_NAME,
    REFUSED_IP,
    REFUSED_NOT_PERMITTED,
    REFUSED_EXCLUDED,
    REFUSED_COMPARISONS, /* more than LIMIT_NAME_CHECKS */
    REFUSED_CHAIN,       /* longer than LIMIT_CHAIN */
    REFUSED_END
};

/* Whether the code (of an engine) is a verdict about the peer's certificate. */
bool refusal_is(int code);

/* What is wrong, with the certificate's name to stand before it: "has expired, …". */
const char *refusal_text(int code);

/* The alert's number. */
uint8_t refusal_alert(int code);

#endif
