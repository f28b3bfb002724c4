/*
 * ECDSA signatures with the nonces of RFC 6979, octet by octet those that BearSSL makes. On P-256
 * numbers modulo the curve's order are computed here (in 64-bit words, as src/crypto/curves.h has
 * it), since BearSSL's inverse takes longer than the multiple of the generator.
 */
#ifndef CRYPTO_ECDSA_H
#define CRYPTO_ECDSA_H

#include <bearssl.h>

/*
 * A br_ecdsa_sign: the DER length, or 0 if the key is no number from 1 to below the order, or its
 * curve is not one of ec's. Room for 9 octets more than two numbers is needed. Time and memory
 * accesses tell nothing of the key, the nonce or the hash.
 */
size_t ecdsa_sign(const br_ec_impl *ec, const br_hash_class *hash_class, const void *hash,
                  const br_ec_private_key *key, void *signature);

/*
 * A br_ecdsa_vrfy: 1 for a signature of the hash by the key's owner, else 0, also for what is no
 * signature or no key. Reads what BearSSL's reads, which takes some encodings that aren't DER.
 */
uint32_t ecdsa_verify(const br_ec_impl *ec, const void *hash, size_t hash_size,
                      const br_ec_public_key *key, const void *signature, size_t size);

#endif
