/* Base64 (RFC 4648 section 4): strict, padded, no white space. */
#ifndef FORMAT_BASE64_H
#define FORMAT_BASE64_H

#include "base/slice.h"

/* Characters that n bytes become, without a NUL. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/*
 * Writes BASE64_SIZE(data.n) characters and a NUL, in a time that tells nothing of the data. False,
 * and "", if out is smaller.
 */
bool base64_encode(struct slice data, char *out, size_t size);

/* What a character stands for, 0 to 63, or -1: in a time that tells nothing of it. */
int base64_value(char character);

/*
 * Reads exactly n bytes. False for other characters, another length, or bits left over that are not
 * zero. Not for secrets: its time depends on the characters.
 */
bool base64_decode(struct slice text, uint8_t *out, size_t n);

#endif
