/*
 * The one poll(2) loop: descriptors, timers, and objects to be freed after the handlers ran.
 * Handlers may add and remove anything, their own object included.
 *
 * poll's cost grows with the set, and most of a large one rests. So while others are busy, what has
 * been at rest for LOOP_BUSY_MS is looked at every LOOP_LOOK_MS only.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"
#include "base/heap.h"

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#define LOOP_BUSY_MS 1000 /* since something happened to it */
#define LOOP_LOOK_MS 10   /* a client's first byte, in time: a look at 15,000 takes one or two */
#define LOOP_FEW 128      /* that rest: not worth leaving out */

/* The object that holds a member: for handlers, which are given the member. */
#define LOOP_OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* A descriptor that is watched; embedded in its owner. */
struct loop_io {
    int fd;          /* the owner's to close; -1 if none */
    short want;      /* POLLIN, POLLOUT, POLLRDHUP; set by loop_watch */
    size_t slot;     /* place in the poll set plus one; 0: not in it */
    int64_t used_ms; /* when it was last ready, or its want set */
    void (*on_ready)(struct loop_io *io, short ready); /* ready may hold POLLERR and POLLHUP */
};

/* A deadline; embedded in its owner. */
struct loop_timer {
    struct heap_node node; /* its key: when, by clock_mono_ms */
    void (*on_time)(struct loop_timer *timer);
};

/* An object to be freed after the current handlers; embedded in its owner. */
struct loop_corpse {
    struct loop_corpse *next;
    void (*free)(struct loop_corpse *corpse);
};

struct loop {
    struct pollfd *polls; /* owned; dense, in step with ios */
    struct loop_io **ios; /* owned array of borrowed: each removes itself */
    size_t io_count, io_cap;
    size_t busy;        /* those at the front of both that don't rest */
    int64_t looked_ms;  /* when all were last polled */
    struct heap timers; /* each removes itself, likewise */
    struct loop_corpse *corpses;
    bool stopped;
    void (*on_wake)(struct loop *l); /* called when poll returned, before any handler; or NULL */
    void *ctx;                       /* on_wake's */
    int64_t now_ms;                  /* clock_mono_ms when the current turn began */
    uint64_t turns;                  /* that have begun */
};

void loop_init(struct loop *l);
void loop_fini(struct loop *l);

/*
 * Watches io->fd for `want` (0: only errors and hang-ups), or changes what is watched for. False,
 * with nothing changed, when out of memory (only possible for an io that wasn't watched before).
 */
bool loop_watch(struct loop *l, struct loop_io *io, short want);
void loop_forget(struct loop *l, struct loop_io *io); /* does nothing if it isn't watched */

/* Whether this turn's poll has looked at it and had nothing to tell. */
bool loop_is_silent(const struct loop *l, const struct loop_io *io);

/*
 * Calls timer->on_time once, delay_ms from now (at least in the next turn); set again it moves.
 * False when out of memory (only possible for a timer that wasn't set).
 */
bool loop_set(struct loop *l, struct loop_timer *timer, int64_t delay_ms);
void loop_unset(struct loop *l, struct loop_timer *timer); /* does nothing if it isn't set */

static inline bool loop_is_set(const struct loop_timer *timer)
{
    return timer->node.place != 0;
}

/* Frees the object after the handlers of this turn. */
void loop_bury(struct loop *l, struct loop_corpse *corpse);

/* One turn: waits (at most wait_ms, -1 without limit) and runs what is ready and due. */
bool loop_turn(struct loop *l, int wait_ms, struct err *err);

/* Turns until loop_stop. */
bool loop_run(struct loop *l, struct err *err);
void loop_stop(struct loop *l);

#endif
