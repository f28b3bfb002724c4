#include "trust/history.h"

#include "base/clock.h"

#include <string.h>

static int64_t number_of(int64_t now_ns)
{
    return now_ns / (LIMIT_HISTORY_SLOT_S * CLOCK_NS_PER_S);
}

void history_init(struct history *h, int64_t now_ns)
{
    memset(h, 0, sizeof *h);
    h->newest = number_of(now_ns);
}

/* The present slot; those in between, in which nobody looked, are emptied. */
static struct history_slot *present(struct history *h, int64_t now_ns)
{
    int64_t number = number_of(now_ns);

    if (number - h->newest > LIMIT_HISTORY_SLOTS)
        h->newest = number - LIMIT_HISTORY_SLOTS;
    while (h->newest < number)
        h->slots[++h->newest % LIMIT_HISTORY_SLOTS] = (struct history_slot){0};
    return &h->slots[h->newest % LIMIT_HISTORY_SLOTS];
}

void history_see(struct history *h, int64_t now_ns, enum state_name state)
{
    present(h, now_ns)->seen |= (uint8_t)(1U << state);
}

void history_count(struct history *h, int64_t now_ns, bool answered)
{
    struct history_slot *slot = present(h, now_ns);
    uint16_t *count = answered ? &slot->answers : &slot->outages;

    if (*count < UINT16_MAX)
        ++*count;
}

struct history_slot history_slot(const struct history *h, int64_t now_ns, size_t ago)
{
    int64_t number = number_of(now_ns) - (int64_t)ago;

    if (number < 0 || number > h->newest || number <= h->newest - LIMIT_HISTORY_SLOTS)
        return (struct history_slot){0};
    return h->slots[number % LIMIT_HISTORY_SLOTS];
}
