/*
 * Read before BearSSL's ssl_hs_server.c, in which one use of the number is left: the byte-code has
 * 48 places for cipher suites, and looks up what is in each, empty ones too, in a table from end to
 * end. That was 70 % of its steps, and a third of a handshake's time. The array itself keeps its
 * size.
 */
#include "inner.h"

#include "../../src/base/limits.h"

#undef BR_MAX_CIPHER_SUITES
#define BR_MAX_CIPHER_SUITES LIMIT_SUITES

/*
 * What reads numbers in the byte-code: called, it needs the interpreter's position in memory, which
 * else is in a register. That was a tenth of a server's handshake.
 */
static inline __attribute__((always_inline)) uint32_t t0_parse7E_unsigned(const unsigned char **);
static inline __attribute__((always_inline)) int32_t t0_parse7E_signed(const unsigned char **);
