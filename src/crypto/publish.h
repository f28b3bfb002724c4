/* Where something that secrets went into stops being one. */
#ifndef CRYPTO_PUBLISH_H
#define CRYPTO_PUBLISH_H

#include <stddef.h>

/*
 * Says that these bytes may be seen, and may decide what is done: a signature, or whether a key was
 * refused. Does nothing. It is a call, and alone in its file, so that the test of what time and
 * memory accesses tell (tests/e2e/04_constant_time.t) can put its own in its place.
 */
void publish(const void *data, size_t n);

#endif
