/*
 * How long things took, counted into fixed buckets.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 16 /* 0.1 ms to 10 s, three to each power of ten */

struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* of each bucket alone; the last has no bound */
    int64_t sum_ns;
};

/* Counts one duration in nanoseconds; a negative one is 0. */
void histogram_add(struct histogram *h, int64_t ns);

/* The upper bound of a bucket, which belongs to it, in nanoseconds. i: below HISTOGRAM_BOUNDS. */
int64_t histogram_bound_ns(size_t i);

#endif
