#include "cli/nearest.h"

/* Longer names are no typing errors of ours. */
#define LONGEST 48

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Edit distance with swaps of neighbours (optimal string alignment), a row at a time. */
static size_t distance(struct slice a, struct slice b)
{
    size_t before[LONGEST + 1] = {0}, last[LONGEST + 1], row[LONGEST + 1];

    for (size_t j = 0; j <= b.n; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            bool same = a.p[i - 1] == b.p[j - 1];

            row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                row[j] = least(row[j], before[j - 2] + 1, row[j]);
        }
        memcpy(before, last, sizeof before);
        memcpy(last, row, sizeof last);
    }
    return last[b.n];
}

void nearest_init(struct nearest *n, struct slice wanted)
{
    n->wanted = wanted;
    n->best = NULL;
    /* Above a third of the letters wrong, the guess would mislead. */
    n->distance = wanted.n / 3 + 2;
}

void nearest_offer(struct nearest *n, const char *name)
{
    struct slice known = slice_of(name);
    size_t d;

    if (n->wanted.n == 0 || n->wanted.n > LONGEST || known.n > LONGEST)
        return;
    d = distance(n->wanted, known);
    /* With every letter changed it isn't the same word. */
    if (d < n->distance && d < known.n) {
        n->best = name;
        n->distance = d;
    }
}
