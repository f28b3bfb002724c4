/*
 * SHA-256 (FIPS 180-4): of what is there in one piece, and as a class for all of BearSSL's that
 * hashes. On x86-64 the CPU's own instructions for it are several times faster than BearSSL's code.
 */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "base/slice.h"

#include <bearssl.h>

void sha256(struct slice data, uint8_t out[32]);

/*
 * The fastest class that this CPU can run, BearSSL's if there is no other; static. Its contexts are
 * br_sha256_context's. It executes CPUID, which takes long in a virtual machine: ask once.
 */
const br_hash_class *sha256_choose(void);

/* TLS 1.2's pseudorandom function (RFC 5246 section 5) with a class that was chosen. */
br_tls_prf_impl sha256_prf(const br_hash_class *chosen);

#endif
