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

static void put_at(struct loop *l, size_t i, struct pollfd polled, struct loop_io *io)
{
    l->polls[i] = polled;
    l->ios[i] = io;
    io->slot = i + 1;
}

static void swap(struct loop *l, size_t i, size_t k)
{
    struct pollfd polled = l->polls[i];
    struct loop_io *io = l->ios[i];

    put_at(l, i, l->polls[k], l->ios[k]);
    put_at(l, k, polled, io);
}

static void touch(struct loop *l, struct loop_io *io)
{
    io->used_ms = l->now_ms;
    if (io->slot > l->busy)
        swap(l, io->slot - 1, l->busy++);
}

/* Those to which nothing has happened for a while go behind the others. */
static void part(struct loop *l)
{
    for (size_t i = l->busy; i-- > 0;)
        if (l->now_ms - l->ios[i]->used_ms > LOOP_BUSY_MS)
            swap(l, i, --l->busy);
}

bool loop_watch(struct loop *l, struct loop_io *io, short want)
{
    if (io->slot == 0) {
        if (l->io_count == l->io_cap && !grow_polls(l))
            return false;
        put_at(l, l->io_count++, (struct pollfd){.fd = io->fd}, io);
    }
    io->want = want;
    l->polls[io->slot - 1].events = want;
    touch(l, io);
    return true;
}

void loop_forget(struct loop *l, struct loop_io *io)
{
    if (io->slot == 0)
        return;
    /* The last one of its part takes its place, which keeps the set dense. */
    if (io->slot <= l->busy)
        swap(l, io->slot - 1, --l->busy);
    swap(l, io->slot - 1, --l->io_count);
    io->slot = 0;
    io->want = 0;
}

bool loop_is_silent(const struct loop *l, const struct loop_io *io)
{
    return io->slot > 0 && io->slot <= l->busy && !l->polls[io->slot - 1].revents;
}

bool loop_set(struct loop *l, struct loop_timer *timer, int64_t delay_ms)
{
    /* Each request sets some deadlines, which needn't be exact. */
    int64_t coarse_ms = clock_mono_coarse_ms();
    int64_t at_ms = (coarse_ms > l->now_ms ? coarse_ms : l->now_ms) + delay_ms;

    /* Never in this turn, so that a turn always ends. */
    return heap_set(&l->timers, &timer->node, at_ms > l->now_ms ? at_ms : l->now_ms + 1);
}

void loop_unset(struct loop *l, struct loop_timer *timer)
{
    if (loop_is_set(timer))
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

/* Of the first `count`, which were polled. */
static void run_ready(struct loop *l, size_t count, int ready)
{
    /*
     * Backwards: one that a handler, or touch(), moves to a place before this one comes from behind
     * it. Where two are swapped, the other may come to stand here, or is passed over: poll tells of
     * it again.
     */
    for (size_t i = count; i-- > 0 && ready > 0;) {
        while (i < l->io_count && l->polls[i].revents) {
            struct loop_io *io = l->ios[i];
            short events = l->polls[i].revents;

            l->polls[i].revents = 0;
            ready--;
            touch(l, io);
            io->on_ready(io, events);
        }
    }
}

bool loop_turn(struct loop *l, int wait_ms, struct err *err)
{
    int64_t look_ms = l->looked_ms + LOOP_LOOK_MS - clock_mono_ms();
    size_t count = l->io_count;
    int n, wait = wait_time(l, wait_ms);

    if (l->busy + LOOP_FEW < count && look_ms > 0) {
        count = l->busy;
        if (wait < 0 || wait > look_ms)
            wait = (int)look_ms;
    }
    n = poll(l->polls, (nfds_t)count, wait);
    if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOMEM) {
        err_set(err, ERR_SYSTEM, "poll: %s", strerror(errno));
        return false;
    }
    l->now_ms = clock_mono_ms();
    l->turns++;
    if (count == l->io_count) {
        l->looked_ms = l->now_ms;
        part(l);
    }
    if (l->on_wake)
        l->on_wake(l);
    if (n > 0)
        run_ready(l, count, n);
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
