/* The histogram: its bounds, and which bucket a duration falls into. */
#include "base/histogram.h"

#include "tap.h"

#define MS 1000000LL

int main(void)
{
    struct histogram h = {0};
    uint64_t total = 0;

    is_int(histogram_bound_ns(0), MS / 10, "the first bound is 0.1 ms");
    is_int(histogram_bound_ns(1), MS / 4, "then 0.25 ms");
    is_int(histogram_bound_ns(2), MS / 2, "then 0.5 ms");
    is_int(histogram_bound_ns(12), 1000 * MS, "the thirteenth is a second");
    is_int(histogram_bound_ns(HISTOGRAM_BOUNDS - 1), 10000 * MS, "the last is 10 s");
    for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
        ok(histogram_bound_ns(i) > histogram_bound_ns(i - 1), "bound %zu is above the last", i);

    histogram_add(&h, 0);
    histogram_add(&h, MS / 10);
    is_int(h.counts[0], 2, "a bound belongs to its bucket");
    histogram_add(&h, MS / 10 + 1);
    is_int(h.counts[1], 1, "what is above it to the next");
    histogram_add(&h, 10000 * MS);
    is_int(h.counts[HISTOGRAM_BOUNDS - 1], 1, "10 s are in the last one with a bound");
    histogram_add(&h, 10000 * MS + 1);
    histogram_add(&h, 3600000 * MS);
    is_int(h.counts[HISTOGRAM_BOUNDS], 2, "what is longer in the one without");
    is_int(h.sum_ns, 2 * (MS / 10) + 1 + 20000 * MS + 1 + 3600000 * MS, "the sum is exact");
    histogram_add(&h, -5);
    is_int(h.counts[0], 3, "a negative duration counts as none");
    is_int(h.sum_ns, 2 * (MS / 10) + 1 + 20000 * MS + 1 + 3600000 * MS, "and adds nothing");
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        total += h.counts[i];
    is_int(total, 7, "each is in one bucket");
    return done_testing();
}
