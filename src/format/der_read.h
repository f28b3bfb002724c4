/*
 * DER (X.690) read strictly: one-octet tags, definite lengths in their shortest form, nothing past
 * the end. A reader is a slice that shrinks from the front; contents are views of the input. When
 * a call returns false its reader may stand anywhere: the input is refused as a whole.
 */
#ifndef FORMAT_DER_READ_H
#define FORMAT_DER_READ_H

#include "base/slice.h"

/* Tags that X.509 uses. */
enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,            /* [n] IMPLICIT: DER_CONTEXT + n */
    DER_CONTEXT_CONSTRUCTED = 0xa0 /* [n] EXPLICIT, or of a constructed type */
};

/* Takes the next element off *rest: its tag and contents. False: none, or malformed. */
bool der_read_element(struct slice *rest, uint8_t *tag, struct slice *contents);

/* As der_read_element, for one tag: false, too, if another one stands there. */
bool der_read_tagged(struct slice *rest, uint8_t tag, struct slice *contents);

/* Whether the next element has this tag, taken off or not. */
bool der_read_is_next(struct slice rest, uint8_t tag);

/* A BIT STRING of whole octets: contents without the count of unused bits. */
bool der_read_bits(struct slice *rest, struct slice *octets);

/*
 * UTCTime or GeneralizedTime in the only forms of RFC 5280 section 4.1.2.5 (seconds, Z, no
 * fraction), as seconds since 1970. False for others and for dates that don't exist.
 */
bool der_read_time(struct slice *rest, int64_t *seconds);

#endif
