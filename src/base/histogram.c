#include "base/histogram.h"

int64_t histogram_bound_ns(size_t i)
{
    static const uint8_t tenths[3] = {10, 25, 50};
    int64_t ns = 10000;

    for (; i >= 3; i -= 3)
        ns *= 10;
    return ns * tenths[i];
}

void histogram_add(struct histogram *h, int64_t ns)
{
    size_t i = 0;

    if (ns < 0)
        ns = 0;
    while (i < HISTOGRAM_BOUNDS && ns > histogram_bound_ns(i))
        i++;
    h->counts[i]++;
    h->sum_ns += ns;
}
