/* The last day's ring: a simulated day, gaps, a machine that slept, and counts that stay put. */
#include "trust/history.h"

#include "base/clock.h"

#include "tap.h"

#define S CLOCK_NS_PER_S
#define SLOT (LIMIT_HISTORY_SLOT_S * S)
#define START (1000000 * SLOT + 7 * S)

#define SAW(state) (1 << (state))

static struct history h;

static int seen(int64_t now_ns, size_t ago)
{
    return history_slot(&h, now_ns, ago).seen;
}

/* Slots of the last day in which nobody looked. */
static size_t empty(int64_t now_ns)
{
    size_t n = 0;

    for (size_t i = 0; i < LIMIT_HISTORY_SLOTS; i++)
        n += seen(now_ns, i) == 0;
    return n;
}

static void first_slots(void)
{
    history_init(&h, START);
    is_int(empty(START), LIMIT_HISTORY_SLOTS, "nothing is known at the start");
    history_see(&h, START, STATE_READY);
    history_see(&h, START + S, STATE_CONNECTED);
    is_int(seen(START + S, 0), SAW(STATE_READY) | SAW(STATE_CONNECTED),
           "a slot holds all states that were seen in it");
    is_int(empty(START + S), LIMIT_HISTORY_SLOTS - 1, "and the others hold none");
    is_int(seen(START + SLOT, 0), 0, "the next slot is empty until somebody looks");
    is_int(seen(START + SLOT, 1), SAW(STATE_READY) | SAW(STATE_CONNECTED),
           "the first is then one ago");
    history_see(&h, START + SLOT, STATE_TRUST_BASED);
    is_int(seen(START + SLOT, 0), SAW(STATE_TRUST_BASED), "a slot begins without the one before");
    history_init(&h, 0);
    history_see(&h, 0, STATE_FAILED);
    is_int(seen(0, 0), SAW(STATE_FAILED), "a machine that has just booted");
    is_int(empty(0), LIMIT_HISTORY_SLOTS - 1, "has no slots before its boot");
}

/* A look a minute for two days; an outage of 20 minutes each 6 hours. */
static void two_days(void)
{
    int64_t now = START;
    size_t connected = 0, trusting = 0;
    unsigned answers = 0, outages = 0;

    history_init(&h, now);
    for (int64_t minute = 0; minute < 2L * 1440; minute++) {
        bool answered = minute % 360 < 340;

        now = START + minute * 60 * S;
        history_count(&h, now, answered);
        history_see(&h, now, answered ? STATE_CONNECTED : STATE_TRUST_BASED);
    }
    is_int(empty(now), 0, "no slot of the day is empty");
    for (size_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) {
        struct history_slot slot = history_slot(&h, now, i);

        connected += slot.seen == SAW(STATE_CONNECTED);
        trusting += (slot.seen & SAW(STATE_TRUST_BASED)) != 0;
        answers += slot.answers;
        outages += slot.outages;
    }
    is_int(connected, LIMIT_HISTORY_SLOTS - 16, "all but four outages of four slots are connected");
    is_int(trusting, 16, "and these are not");
    is_int(answers + outages, 1440, "each minute of the day is counted once");
    is_int(outages, 80, "with its outages");
}

static void gaps(void)
{
    int64_t now = START;

    history_init(&h, now);
    for (int i = 0; i < LIMIT_HISTORY_SLOTS + 40; i++)
        history_see(&h, now = START + i * SLOT, STATE_CONNECTED);
    is_int(empty(now), 0, "a whole day seen");
    is_int(empty(now + 10 * SLOT), 10, "nobody looked for ten slots, not even to write that down");
    now += 10 * SLOT;
    history_see(&h, now, STATE_TRUST_BASED);
    is_int(empty(now), 9, "then somebody does: nine slots between are empty");
    is_int(seen(now, 0), SAW(STATE_TRUST_BASED), "the present one is what it is");
    is_int(seen(now, 10), SAW(STATE_CONNECTED), "and what was before stays");
    is_int(empty(now + LIMIT_HISTORY_SLOTS * SLOT), LIMIT_HISTORY_SLOTS, "a day later all is old");
    now += LIMIT_HISTORY_SLOTS * SLOT;
    history_see(&h, now, STATE_FAILED);
    is_int(empty(now), LIMIT_HISTORY_SLOTS - 1, "asleep for a day: only now is known");
    now += 365 * (int64_t)LIMIT_HISTORY_SLOTS * SLOT + 3 * SLOT;
    history_see(&h, now, STATE_CONNECTED);
    is_int(empty(now), LIMIT_HISTORY_SLOTS - 1, "asleep for a year likewise");
    is_int(seen(now, 0), SAW(STATE_CONNECTED), "and now is now");
}

static void saturation(void)
{
    struct history_slot slot;

    history_init(&h, START);
    for (int i = 0; i < UINT16_MAX + 10; i++)
        history_count(&h, START, false);
    history_count(&h, START, true);
    slot = history_slot(&h, START, 0);
    is_int(slot.outages, UINT16_MAX, "counts stay at their largest number");
    is_int(slot.answers, 1, "each for itself");
    is_int(slot.seen, 0, "and say nothing of the state");
}

int main(void)
{
    first_slots();
    two_days();
    gaps();
    saturation();
    return done_testing();
}
