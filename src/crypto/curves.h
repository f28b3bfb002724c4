/*
 * Which arithmetic of elliptic curves is used: on 64-bit machines the one here for P-256 and
 * Curve25519, BearSSL's for others and elsewhere. `make CURVES=bearssl` takes all of BearSSL's.
 */
#ifndef CRYPTO_CURVES_H
#define CRYPTO_CURVES_H

#include <bearssl.h>

/* For P-256, P-384, P-521 and Curve25519. Never NULL, and static. */
const br_ec_impl *curves_get(void);

#endif
