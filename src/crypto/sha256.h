/* SHA-256 (FIPS 180-4) of what is there in one piece. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "base/slice.h"

void sha256(struct slice data, uint8_t out[32]);

#endif
