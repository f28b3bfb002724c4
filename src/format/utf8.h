/*
 * UTF-8 (RFC 3629): one character at a time, strictly.
 */
#ifndef FORMAT_UTF8_H
#define FORMAT_UTF8_H

#include "base/slice.h"

/*
 * The bytes of the character at the start of s (1 to 4), *code its code point. 0 if s is empty or
 * starts with no valid character: overlong forms, surrogates, beyond U+10FFFF, cut short.
 */
size_t utf8_decode(struct slice s, uint32_t *code);

/* Writes the character and returns its bytes (1 to 4); 0 for a surrogate or beyond U+10FFFF. */
size_t utf8_encode(uint32_t code, char out[4]);

#endif
