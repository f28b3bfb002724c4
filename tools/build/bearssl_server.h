/*
 * Read before BearSSL's ssl_hs_server.c, in which this is the one use of the number that is left:
 * the byte-code asks each of 48 places for cipher suites, empty ones too, by searching a table from
 * end to end. That was 70 % of its steps, and a third of a handshake's time. The places themselves,
 * which are in a structure, stay 48.
 */
#include "inner.h"

#include "../../src/base/limits.h"

#undef BR_MAX_CIPHER_SUITES
#define BR_MAX_CIPHER_SUITES LIMIT_SUITES
