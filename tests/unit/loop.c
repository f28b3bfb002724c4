/* The loop: timers in order, handlers that remove anything, and corpses freed at the end. */
#include "net/loop.h"

#include "base/clock.h"

#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMERS = 500, PAIRS = 40 };

static struct loop loop;
static int64_t last_at;
static int fired;
static bool in_order = true;

static void on_time(struct loop_timer *t)
{
    in_order = in_order && t->node.key >= last_at;
    last_at = t->node.key;
    fired++;
}

static void test_timers(void)
{
    static struct loop_timer timers[TIMERS];
    int unset = 0;
    struct err err = {0};

    loop_init(&loop);
    srand(2);
    for (int i = 0; i < TIMERS; i++) {
        timers[i].on_time = on_time;
        loop_set(&loop, &timers[i], rand() % 50);
    }
    for (int i = 0; i < TIMERS; i += 3) {
        loop_unset(&loop, &timers[i]);
        unset++;
    }
    for (int i = 1; i < TIMERS; i += 3)
        loop_set(&loop, &timers[i], rand() % 60);
    while (loop.timers.count > 0)
        loop_turn(&loop, -1, &err);
    ok(in_order, "timers fire in the order of their deadlines");
    is_int(fired, TIMERS - unset, "each that is set fires once, the others not");
    loop_fini(&loop);
}

static struct loop_timer again;
static int again_fired;

static void on_again(struct loop_timer *t)
{
    again_fired++;
    loop_set(&loop, t, 0);
}

static void test_no_starvation(void)
{
    struct err err = {0};

    loop_init(&loop);
    again.on_time = on_again;
    loop_set(&loop, &again, 0);
    for (int i = 0; i < 5; i++)
        loop_turn(&loop, 100, &err);
    is_int(again_fired, 5, "a timer that sets itself to 0 fires once a turn");
    loop_fini(&loop);
}

struct end {
    struct loop_io io;
    struct loop_corpse corpse;
    int ready;
    bool freed;
};

static struct end ends[PAIRS];
static int calls_after_forget;

static void on_free(struct loop_corpse *corpse)
{
    LOOP_OWNER(corpse, struct end, corpse)->freed = true;
}

/* Each handler forgets itself and two others, watched or not. */
static void on_ready(struct loop_io *io, short ready)
{
    struct end *e = LOOP_OWNER(io, struct end, io);
    int i = (int)(e - ends);

    (void)ready;
    if (e->freed || e->io.slot == 0)
        calls_after_forget++;
    e->ready++;
    loop_forget(&loop, &e->io);
    loop_forget(&loop, &ends[(i * 7 + 3) % PAIRS].io);
    loop_forget(&loop, &ends[(i * 11 + 5) % PAIRS].io);
    loop_bury(&loop, &e->corpse);
}

static void test_removal(void)
{
    int pairs[PAIRS][2];
    struct err err = {0};
    int ready = 0, freed = 0;

    loop_init(&loop);
    for (int i = 0; i < PAIRS; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) < 0)
            return;
        ends[i].io = (struct loop_io){.fd = pairs[i][0], .on_ready = on_ready};
        ends[i].corpse.free = on_free;
        loop_watch(&loop, &ends[i].io, POLLIN);
        if (write(pairs[i][1], "x", 1) != 1)
            return;
    }
    loop_turn(&loop, 0, &err);
    for (int i = 0; i < PAIRS; i++) {
        ready += ends[i].ready;
        freed += ends[i].freed;
    }
    is_int(calls_after_forget, 0, "no handler is called after it was forgotten");
    is_int(freed, ready, "each that ran is freed at the end of the turn");
    ok(ready > 0 && ready < PAIRS, "some ran, some were removed by others");
    is_int(loop.io_count, 0, "nothing is left to watch");
    for (int i = 0; i < PAIRS; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    loop_fini(&loop);
}

enum { ALWAYS = 600 };

static struct loop_io always[ALWAYS];
static int turns_of[ALWAYS];

static void on_always(struct loop_io *io, short ready)
{
    (void)ready;
    turns_of[io - always]++;
}

/* What is ready stays so. */
static void test_turns(void)
{
    struct err err = {0};
    int never = 0, most = 0;

    loop_init(&loop);
    for (int i = 0; i < ALWAYS; i++) {
        always[i] = (struct loop_io){.fd = eventfd(1, 0), .on_ready = on_always};
        if (!loop_watch(&loop, &always[i], POLLIN))
            printf("# loop_watch: %s\n", strerror(errno));
    }
    for (int i = 0; i < 4; i++)
        loop_turn(&loop, 0, &err);
    for (int i = 0; i < ALWAYS; i++) {
        never += turns_of[i] == 0;
        most = turns_of[i] > most ? turns_of[i] : most;
        loop_forget(&loop, &always[i]);
        close(always[i].fd);
    }
    is_int(never, 0, "of many that are always ready, each has its turn");
    ok(most <= 4, "and none more than one in each");
    loop_fini(&loop);
}

/* While one is busy, many rest: looked at from time to time, and again in each turn once awake. */
static void test_rest(void)
{
    struct err err = {0};
    int64_t until, woken = 0;
    int looks = 0;
    bool kept = true;

    memset(turns_of, 0, sizeof turns_of);
    loop_init(&loop);
    for (int i = 0; i < ALWAYS; i++) {
        always[i] = (struct loop_io){.fd = eventfd(i == 0, 0), .on_ready = on_always};
        loop_watch(&loop, &always[i], POLLIN);
    }
    is_int(loop.busy, ALWAYS, "at first none rests");
    until = clock_mono_ms() + LOOP_BUSY_MS + 200;
    while (clock_mono_ms() < until)
        loop_turn(&loop, -1, &err);
    is_int(loop.busy, 1, "later all but the busy one do");
    for (int i = 1; i < ALWAYS; i++)
        kept = kept && loop.ios[always[i].slot - 1] == &always[i] && turns_of[i] == 0;
    ok(kept, "each is in its place, and none was called");
    (void)!write(always[300].fd, &(uint64_t){1}, 8);
    until = clock_mono_ms() + 1000;
    while (turns_of[300] == 0 && clock_mono_ms() < until)
        loop_turn(&loop, -1, &err);
    ok(turns_of[300] == 1, "one that rests is told of");
    until = clock_mono_ms() + 200;
    while (clock_mono_ms() < until) {
        int64_t looked = loop.looked_ms;

        loop_turn(&loop, -1, &err);
        looks += loop.looked_ms != looked;
    }
    ok(looks <= 200 / LOOP_LOOK_MS + 1, "they are looked at from time to time (%d)", looks);
    is_int(loop.busy, 2, "and is busy then");
    loop_watch(&loop, &always[500], POLLIN);
    is_int(loop.busy, 3, "so is one whose want is set");
    for (int i = 0; i < ALWAYS; i += 2)
        loop_forget(&loop, &always[i]);
    is_int(loop.busy, 0, "what is forgotten leaves its part");
    is_int(loop.io_count, ALWAYS / 2, "and the others stay");
    kept = true;
    for (int i = 1; i < ALWAYS; i += 2)
        kept = kept && loop.ios[always[i].slot - 1] == &always[i];
    ok(kept, "each in its place");
    (void)!write(always[1].fd, &(uint64_t){1}, 8);
    until = clock_mono_ms();
    loop_turn(&loop, 1000, &err);
    if (turns_of[1] == 0)
        loop_turn(&loop, 1000, &err);
    woken = clock_mono_ms() - until;
    ok(turns_of[1] == 1 && woken < 500, "when none is busy, poll waits for all of them");
    for (int i = 0; i < ALWAYS; i++) {
        loop_forget(&loop, &always[i]);
        close(always[i].fd);
    }
    is_int(loop.io_count, 0, "none is left");
    loop_fini(&loop);
}

static struct loop_io asker, asked;
static bool was_silent[2];
static int asks;

static void on_asked(struct loop_io *io, short ready)
{
    const struct loop_io *other = io == &asker ? &asked : &asker;

    (void)ready;
    was_silent[asks++ == 0] = loop_is_silent(&loop, other);
    (void)!read(io->fd, &(uint64_t){0}, 8);
}

/* What poll has told of one that isn't run yet, or runs in the same turn, isn't silence. */
static void test_silence(void)
{
    struct err err = {0};

    loop_init(&loop);
    asker = (struct loop_io){.fd = eventfd(1, 0), .on_ready = on_asked};
    asked = (struct loop_io){.fd = eventfd(1, 0), .on_ready = on_asked};
    ok(!loop_is_silent(&loop, &asker), "of one that isn't watched nothing is known");
    loop_watch(&loop, &asker, POLLIN);
    loop_watch(&loop, &asked, POLLIN);
    loop_turn(&loop, 0, &err);
    ok(asks == 2 && !was_silent[1] && was_silent[0], "one whose turn comes is not silent, then is");
    loop_turn(&loop, 0, &err);
    ok(loop_is_silent(&loop, &asker) && loop_is_silent(&loop, &asked), "without events, both are");
    loop.ios[asker.slot - 1]->used_ms -= 2 * LOOP_BUSY_MS;
    loop_turn(&loop, 0, &err);
    ok(!loop_is_silent(&loop, &asker), "one at rest is not looked at in every turn");
    loop_forget(&loop, &asker);
    loop_forget(&loop, &asked);
    close(asker.fd);
    close(asked.fd);
    loop_fini(&loop);
}

int main(void)
{
    test_silence();
    test_timers();
    test_no_starvation();
    test_removal();
    test_turns();
    test_rest();
    return done_testing();
}
