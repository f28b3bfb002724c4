/*
 * X25519 (RFC 7748) for BearSSL's br_ec_impl. Points (u) and scalars are 32 bytes, little-endian;
 * scalars may be shorter, and are clamped. Time and memory accesses depend on lengths alone.
 */
#ifndef CRYPTO_C25519_H
#define CRYPTO_C25519_H

#include "crypto/word.h"

#ifdef CRYPTO_WORDS

/* The comb of multiples of the base point, as in p256.h, on the Edwards curve: for each y + x, y -
 * x and 2dxy, as fe25519_pack writes them. */
#define C25519_COMB_TABLES 4
#define C25519_COMB_ROWS 4
#define C25519_COMB_COLUMNS 16
#define C25519_COMB_ENTRIES (1 << (C25519_COMB_ROWS - 1))

extern const uint64_t c25519_comb[C25519_COMB_TABLES][C25519_COMB_ENTRIES][12];

/*
 * Point times scalar, in place. 1, or 0 if a length is wrong or the product is zero: the point's
 * order was small, and RFC 8422 section 5.11 wants the handshake to end.
 */
uint32_t c25519_mul(uint8_t *point, size_t size, const uint8_t *scalar, size_t n);

/* The base point times a scalar: 32, or 0 if the scalar is too long. */
size_t c25519_mulgen(uint8_t *point, const uint8_t *scalar, size_t n);

#endif
#endif
