/*
 * What somebody probably meant: the known name with the fewest typing errors between.
 */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include "base/slice.h"

struct nearest {
    struct slice wanted; /* borrowed while names are offered */
    const char *best;    /* borrowed; NULL while nothing is near enough */
    size_t distance;
};

/* Starts looking for what wanted may mean. */
void nearest_init(struct nearest *n, struct slice wanted);

/* Offers a known name, which must outlive *n. */
void nearest_offer(struct nearest *n, const char *name);

#endif
