#include "net/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What the handlers are given is what poll calls so. */
_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR &&
                   EPOLLHUP == POLLHUP && EPOLLRDHUP == POLLRDHUP,
               "the bits are the same");

void loop_init(struct loop *l)
{
    memset(l, 0, sizeof *l);
    l->fd = epoll_create1(EPOLL_CLOEXEC); /* without it, watching fails */
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
    if (l->fd >= 0)
        close(l->fd);
    heap_fini(&l->timers);
    memset(l, 0, sizeof *l);
    l->fd = -1;
}

bool loop_watch(struct loop *l, struct loop_io *io, short want)
{
    struct epoll_event event = {.events = (uint16_t)want, .data.ptr = io};

    if (io->watched && io->want == want)
        return true;
    if (epoll_ctl(l->fd, io->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, io->fd, &event) < 0)
        return false;
    l->io_count += !io->watched;
    io->watched = true;
    io->want = want;
    return true;
}

void loop_forget(struct loop *l, struct loop_io *io)
{
    if (!io->watched)
        return;
    (void)epoll_ctl(l->fd, EPOLL_CTL_DEL, io->fd, NULL);
    for (int i = l->ready_at; i < l->ready_count; i++)
        if (l->ready[i].data.ptr == io)
            l->ready[i].data.ptr = NULL;
    io->watched = false;
    io->want = 0;
    l->io_count--;
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

static void run_ready(struct loop *l)
{
    for (l->ready_at = 0; l->ready_at < l->ready_count; l->ready_at++) {
        const struct epoll_event *event = &l->ready[l->ready_at];
        struct loop_io *io = event->data.ptr;

        if (io)
            io->on_ready(io, (short)event->events);
    }
}

bool loop_turn(struct loop *l, int wait_ms, struct err *err)
{
    l->ready_count = epoll_wait(l->fd, l->ready, LOOP_BATCH, wait_time(l, wait_ms));
    if (l->ready_count < 0 && errno != EINTR) {
        err_set(err, ERR_SYSTEM, "epoll: %s", strerror(errno));
        return false;
    }
    l->now_ms = clock_mono_ms();
    l->turns++;
    if (l->on_wake)
        l->on_wake(l);
    run_ready(l);
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
