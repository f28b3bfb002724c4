/*
 * Object identifiers of keys and signatures, their contents octets as literals (RFC 3279 section
 * 2.3, RFC 5480 section 2.1.1), for SLICE().
 */
#ifndef TLS_OID_H
#define TLS_OID_H

#define OID_PKCS1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define OID_RSA OID_PKCS1 "\x01"

#define OID_X962 "\x2a\x86\x48\xce\x3d"
#define OID_EC_PUBLIC_KEY OID_X962 "\x02\x01"
#define OID_ECDSA OID_X962 "\x04"
#define OID_ECDSA_SHA256 OID_ECDSA "\x03\x02"

#define OID_P256 OID_X962 "\x03\x01\x07"
#define OID_P384 "\x2b\x81\x04\x00\x22"
#define OID_P521 "\x2b\x81\x04\x00\x23"

/* RFC 5280 sections 4.2.1 and 4.2.1.12: of extensions, of purposes. */
#define OID_ID_CE "\x55\x1d"
#define OID_ID_KP "\x2b\x06\x01\x05\x05\x07\x03"

#endif
