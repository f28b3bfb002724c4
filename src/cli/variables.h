/*
 * Environment variables that hold secrets: taken out of the environment, where /proc shows them to
 * other processes, and kept, since a reload needs them again.
 */
#ifndef CLI_VARIABLES_H
#define CLI_VARIABLES_H

#include "base/secret.h"

#include <stdbool.h>

#define VARIABLES_MAX 16

struct variables {
    struct {
        char *name; /* owned */
        struct secret value;
    } items[VARIABLES_MAX];
    size_t count;
};

/*
 * The names under which vendors' services know the license key, and its file; the first that is
 * set counts. LICENSE_KEY comes last, since it may have been meant for something else.
 */
#define VARIABLES_KEYS 3
extern const struct variables_key {
    const char *key, *file;
} variables_keys[VARIABLES_KEYS];

/*
 * Moves the variable's value, if it is set, from the environment into *v, overwriting its bytes.
 * False when out of memory or when *v is full; then the variable stays where it was.
 */
bool variables_capture(struct variables *v, const char *name);

/* The variable's value, captured or not; NULL if it isn't set. Borrowed until it is captured. */
const char *variables_get(const struct variables *v, const char *name);

/* Wipes and frees. */
void variables_fini(struct variables *v);

#endif
