#include "net/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void loop_init(struct loop *l)
{
    memset(l, 0, sizeof *l);
    l->now_ms = clock_mono_ms();
}

static void bury_all(struct loop *l)
{
    while (l->corpses) {
        struct loop_corpse *c = l->corpses;

        l->corpses = c->next;
        c->free(c);
    }
}

void loop_fini(struct loop *l)
{
    bury_all(l);
    free(l->polls);
    free(l->ios);
    heap_fini(&l->timers);
    memset(l, 0, sizeof *l);
}

static bool grow_polls(struct loop *l)
{
    size_t cap = l->io_cap ? l->io_cap * 2 : 32;
    struct pollfd *polls = reallocarray(l->polls, cap, sizeof *polls);
    struct loop_io **ios;

    if (!polls)
        return false;
    l->polls = polls;
    ios = reallocarray(l->ios, cap, sizeof(struct loop_io *));
    if (!ios)
        return false;
    l->ios = ios;
    l->io_cap = cap;
    return true;
}

bool loop_watch(struct loop *l, struct loop_io *io, short want)
{
    if (io->slot == 0) {
        if (l->io_count == l->io_cap && !grow_polls(l))
            return false;
        l->ios[l->io_count] = io;
        l->polls[l->io_count] = (struct pollfd){.fd = io->fd};
        io->slot = ++l->io_count;
    }
    io->want = want;
    l->polls[io->slot - 1].events = want;
    return true;
}

void loop_forget(struct loop *l, struct loop_io *io)
{
    size_t i = io->slot;

    if (i == 0)
        return;
    /* The last one takes its place, which keeps the set dense. */
    l->io_count--;
    if (i - 1 != l->io_count) {
        l->ios[i - 1] = l->ios[l->io_count];
        l->polls[i - 1] = l->polls[l->io_count];
        l->ios[i - 1]->slot = i;
    }
    io->slot = 0;
    io->want = 0;
}

bool loop_set(struct loop *l, struct loop_timer *timer, int64_t delay_ms)
{
    int64_t at_ms = clock_mono_ms() + delay_ms;

    /* Never in this turn, so that a turn always ends. */
    return heap_set(&l->timers, &timer->node, at_ms > l->now_ms ? at_ms : l->now_ms + 1);
}

void loop_unset(struct loop *l, struct loop_timer *timer)
{
    heap_unset(&l->timers, &timer->node);
}

void loop_bury(struct loop *l, struct loop_corpse *corpse)
{
    corpse->next = l->corpses;
    l->corpses = corpse;
}

static int wait_time(const struct loop *l, int wait_ms)
{
    int64_t left;

    if (l->timers.count == 0)
        return wait_ms;
    left = l->timers.nodes[0]->key - clock_mono_ms();
    if (left < 0)
        left = 0;
    if (wait_ms >= 0 && left > wait_ms)
        return wait_ms;
    return left > 3600000 ? 3600000 : (int)left;
}

static void run_timers(struct loop *l)
{
    while (l->timers.count > 0 && l->timers.nodes[0]->key <= l->now_ms) {
        struct loop_timer *t = LOOP_OWNER(l->timers.nodes[0], struct loop_timer, node);

        loop_unset(l, t);
        t->on_time(t);
    }
}

static void run_ready(struct loop *l, int ready)
{
    /*
     * Backwards: whichever io a handler forgets, the last one moves into the gap, and the last one
     * has been looked at already (or is the handler's own).
     */
    for (size_t i = l->io_count; i-- > 0 && ready > 0;) {
        short events;

        if (i >= l->io_count)
            continue;
        events = l->polls[i].revents;
        if (!events)
            continue;
        ready--;
        l->polls[i].revents = 0;
        l->ios[i]->on_ready(l->ios[i], events);
    }
}

bool loop_turn(struct loop *l, int wait_ms, struct err *err)
{
    int n = poll(l->polls, (nfds_t)l->io_count, wait_time(l, wait_ms));

    if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOMEM) {
        err_set(err, ERR_SYSTEM, "poll: %s", strerror(errno));
        return false;
    }
    l->now_ms = clock_mono_ms();
    l->turns++;
    if (l->on_wake)
        l->on_wake(l);
    if (n > 0)
        run_ready(l, n);
    run_timers(l);
    bury_all(l);
    return true;
}

bool loop_run(struct loop *l, struct err *err)
{
    while (!l->stopped)
        if (!loop_turn(l, -1, err))
            return false;
    return true;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}
