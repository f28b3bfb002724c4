/*
 * Inverses modulo odd numbers of up to 256 bits: of coordinates, and of nonces modulo a curve's
 * order. Takes a third of a power's time, or less.
 */
#ifndef CRYPTO_INVERSE_H
#define CRYPTO_INVERSE_H

#include "crypto/word.h"

#ifdef CRYPTO_WORDS

/*
 * r = 1 / a modulo an odd modulus, below it; zero for zero. a is below the modulus, and has no
 * divisor in common with it. r may be a. Time and memory accesses are the same for all a.
 */
void inverse_modulo(uint64_t r[4], const uint64_t a[4], const uint64_t modulus[4]);

#endif
#endif
