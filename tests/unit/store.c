/*
 * Approvals in the state directory, through the real helper process, in a folder of the test's
 * own and with clocks that it turns: processes, boots and other instances follow each other on it.
 */
#include "trust/store.h"

#include "tap.h"

#include "base/fs.h"
#include "shell.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define S CLOCK_NS_PER_S
#define MINUTE (60 * S)
#define HOUR (3600 * S)
#define DAY (86400 * S)
#define START (4000000000LL * S) /* later than any build */
#define WINDOW_S (7 * 86400L)
#define PATIENCE_MS 20000

static struct spawn spawn = {.run = {[SPAWN_STORAGE] = storage_helper_run}};
static int64_t wall, boot;
static uint8_t boot_name;

static int64_t read_wall(void)
{
    return wall;
}

static int64_t read_boot(void)
{
    return boot;
}

/* One instance: what a process has. */
struct instance {
    struct loop loop;
    struct log log;
    struct clock clock;
    struct tls_profile profile;
    struct cache cache;
    struct state state;
    struct store store;
    int loaded;
};

static void on_loaded(struct store *s)
{
    ((struct instance *)s->ctx)->loaded++;
}

static bool is_idle(const struct instance *p)
{
    const struct storage *s = &p->store.storage;

    return p->loaded && !p->store.writes && s->queued == 0 && !s->current;
}

/* Turns until nothing is under way. */
static bool settle(struct instance *p)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;

    while (!is_idle(p) && clock_mono_ms() < end)
        loop_turn(&p->loop, 50, NULL);
    return is_idle(p);
}

/* Begins to load. */
static bool begin_with(struct instance *p, const char *key, long window_s, size_t most)
{
    struct err err = {0};
    uint8_t id[16];

    memset(p, 0, sizeof *p);
    loop_init(&p->loop);
    p->log = (struct log){.fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR};
    clock_init_with(&p->clock, read_wall, read_boot);
    memset(id, boot_name, sizeof id);
    clock_set_boot(&p->clock, id);
    cache_init(&p->cache, most, LIMIT_TRUST_BYTES);
    state_init(&p->state, window_s);
    p->store = (struct store){.loop = &p->loop,
                              .log = &p->log,
                              .clock = &p->clock,
                              .profile = &p->profile,
                              .cache = &p->cache,
                              .state = &p->state,
                              .ctx = p,
                              .on_loaded = on_loaded};
    return ok(tls_profile_init(&p->profile, &err) &&
                  store_init(&p->store, shell_path("state"), slice_of(key), &spawn, &err),
              "a process starts%s%s", err.text[0] ? ": " : "", err.text);
}

static bool begin(struct instance *p)
{
    return begin_with(p, "key", WINDOW_S, 20000) && settle(p);
}

static void end(struct instance *p)
{
    store_fini(&p->store);
    cache_fini(&p->cache);
    loop_fini(&p->loop);
    tls_profile_fini(&p->profile);
    close(p->log.fd);
}

/* As if the power were cut: nothing more is written. */
static void crash(struct instance *p)
{
    p->store.loaded = false;
    end(p);
}

static void make_key(uint8_t key[KEY_SIZE], unsigned n)
{
    memset(key, 0, KEY_SIZE);
    memcpy(key, &n, sizeof n);
    key[31] = 1;
}

static struct cache_entry *approve(struct instance *p, unsigned n, const char *body)
{
    struct cache_entry *e;
    uint8_t key[KEY_SIZE];

    make_key(key, n);
    e = cache_put(&p->cache, key, 200, SLICE("OK"), SLICE("A: b\r\n"), slice_of(body),
                  clock_boot_ns(&p->clock), WINDOW_S);
    if (e)
        store_approved(&p->store, e);
    return e;
}

static const struct cache_entry *entry(struct instance *p, unsigned n)
{
    uint8_t key[KEY_SIZE];

    make_key(key, n);
    return cache_peek(&p->cache, key);
}

/* Trust that is left, seconds; -1: no entry. */
static int64_t left_s(struct instance *p, unsigned n)
{
    const struct cache_entry *e = entry(p, n);

    return e ? cache_left_ns(e, boot) / S : -1;
}

static const char *file_name(struct instance *p, unsigned n)
{
    static char name[STORAGE_NAME + 1];
    uint8_t key[KEY_SIZE];

    make_key(key, n);
    seal_name(&p->store.seal, STORE_ENTRY_PREFIX, key, name, sizeof name);
    return name;
}

static const char *file_path(struct instance *p, unsigned n)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", shell_path("state"), file_name(p, n));
    return path;
}

static bool has_file(struct instance *p, unsigned n)
{
    return access(file_path(p, n), F_OK) == 0;
}

static int count_files(const char *prefix)
{
    DIR *dir = opendir(shell_path("state"));
    const struct dirent *d;
    int n = 0;

    while (dir && (d = readdir(dir)))
        n += strncmp(d->d_name, prefix, strlen(prefix)) == 0;
    if (dir)
        closedir(dir);
    return n;
}

/* ---- asking -------------------------------------------------------------------------------- */

struct ask {
    struct store_query q;
    int done;
    bool durable;
};

static void on_done(struct store_query *q, bool durable)
{
    struct ask *a = LOOP_OWNER(q, struct ask, q);

    a->done++;
    a->durable = durable;
}

static void prepare(struct ask *a)
{
    memset(a, 0, sizeof *a);
    a->q.on_done = on_done;
}

static bool look_up(struct instance *p, unsigned n)
{
    struct ask a;
    uint8_t key[KEY_SIZE];

    make_key(key, n);
    prepare(&a);
    return store_look_up(&p->store, &a.q, key) && settle(p) && a.done == 1;
}

/* As an exchange does it. */
static bool deny(struct instance *p, unsigned n)
{
    struct ask a;
    uint8_t key[KEY_SIZE];

    make_key(key, n);
    prepare(&a);
    (void)cache_remove(&p->cache, key);
    store_remove(&p->store, &a.q, key);
    return settle(p) && a.done == 1 && a.durable;
}

static void fresh(void)
{
    ok(shell("chmod -R u+w state; rm -rf state; mkdir -m 700 state"), "an empty directory");
    wall = START;
    boot = 100 * S;
    boot_name = 1;
}

/* The machine is off for a while, and its clock then says what it says. */
static void reboot(int64_t wall_then)
{
    boot = 20 * S;
    wall = wall_then;
    boot_name++;
}

static void pass(int64_t ns)
{
    boot += ns;
    wall += ns;
}

/* ---- loading ------------------------------------------------------------------------------- */

static void test_restart(void)
{
    struct instance p;

    fresh();
    begin(&p);
    is_int(p.cache.count, 0, "nothing at first");
    ok(!p.state.answered, "and no answer");
    state_relay_ended(&p.state, true, boot);
    approve(&p, 1, "one");
    approve(&p, 2, "two");
    ok(settle(&p) && has_file(&p, 1) && has_file(&p, 2), "two approvals are written");
    pass(HOUR);
    end(&p);
    begin(&p);
    is_int(p.cache.count, 2, "both are there after a restart");
    is_int(left_s(&p, 1), WINDOW_S - 3600, "with what is left of their trust");
    ok(entry(&p, 2) && slice_eq(entry(&p, 2)->body, SLICE("two")) &&
           slice_eq(entry(&p, 2)->fields, SLICE("A: b\r\n")) && entry(&p, 2)->status == 200,
       "and what they say");
    ok(p.state.answered && p.state.answered_ns == boot - HOUR && !p.state.relayed,
       "the last answer is known, but no relay of this process");
    crash(&p);
    wall -= 3650 * DAY;
    begin(&p);
    is_int(left_s(&p, 1), WINDOW_S - 3600, "within the boot the wall clock says nothing");
    crash(&p);
    wall += 7300 * DAY;
    begin(&p);
    is_int(left_s(&p, 1), WINDOW_S - 3600, "either way");
    end(&p);
}

static void test_other_boot(void)
{
    struct instance p;

    fresh();
    begin(&p);
    approve(&p, 1, "one");
    pass(2 * DAY);
    approve(&p, 2, "two");
    settle(&p);
    pass(HOUR);
    end(&p);
    reboot(wall + DAY);
    begin(&p);
    is_int(left_s(&p, 1), WINDOW_S - 3 * 86400 - 3600, "after another boot the wall clock counts");
    is_int(left_s(&p, 2), WINDOW_S - 86400 - 3600, "for each");
    pass(4 * DAY);
    end(&p);
    begin(&p);
    is_int(left_s(&p, 1), -1, "what has expired is not there");
    is_int(left_s(&p, 2), WINDOW_S - 5 * 86400 - 3600, "what has not, is");
    ok(settle(&p) && !has_file(&p, 1) && has_file(&p, 2), "an expired file is removed");
    end(&p);
}

/* A machine without a battery clock: 1970 at each boot. */
static void test_no_battery(void)
{
    struct instance p;
    int64_t left = WINDOW_S, lost = 0;

    fresh();
    begin(&p);
    approve(&p, 1, "one");
    settle(&p);
    pass(DAY);
    end(&p);
    for (int i = 0; i < 20; i++) {
        int64_t now;

        reboot(10 * S);
        begin(&p);
        now = left_s(&p, 1);
        if (i == 0)
            is_int(now, WINDOW_S - 86400 - CLOCK_RECORD_S, "1970 costs a boot's time, no more");
        else
            lost += left - now == CLOCK_RECORD_S;
        left = now;
        crash(&p);
        begin(&p);
        if (left_s(&p, 1) > left)
            lost = -1000;
        crash(&p);
    }
    is_int(lost, 19, "each boot costs as much, also when the power is cut right after it");
    reboot(START + 2 * DAY);
    begin(&p);
    ok(left_s(&p, 1) <= left && left_s(&p, 1) == WINDOW_S - 2 * 86400,
       "a right clock then tells the truth (%" PRId64 ")", left_s(&p, 1));
    end(&p);
}

/* NTP answers while it runs: what was loaded keeps what it had, what is approved is dated anew. */
static void test_ntp(void)
{
    struct instance p;

    fresh();
    begin(&p);
    approve(&p, 1, "one");
    approve(&p, 2, "two");
    settle(&p);
    end(&p);
    reboot(10 * S);
    begin(&p);
    approve(&p, 2, "two");
    settle(&p);
    pass(MINUTE);
    wall = START + 3 * DAY;
    clock_tick(&p.clock);
    is_int(left_s(&p, 1), WINDOW_S - CLOCK_RECORD_S - 60, "NTP's answer takes nothing away");
    pass(MINUTE);
    approve(&p, 2, "two");
    ok(settle(&p), "an approval after it");
    crash(&p);
    reboot(START + 3 * DAY + HOUR);
    begin(&p);
    is_int(left_s(&p, 2), WINDOW_S - 3600 + 60, "is dated by the right time");
    is_int(left_s(&p, 1), WINDOW_S - 3 * 86400 - 3600, "as is the older one, after this boot");
    end(&p);
}

static void test_time_file(void)
{
    struct instance p;

    fresh();
    begin(&p);
    approve(&p, 1, "one");
    settle(&p);
    pass(5 * DAY);
    approve(&p, 2, "two");
    settle(&p);
    pass(HOUR);
    end(&p);
    ok(shell("cp -a state kept && rm state/time"), "the time is lost");
    reboot(10 * S);
    begin(&p);
    is_int(left_s(&p, 1), WINDOW_S - 5 * 86400 - CLOCK_RECORD_S,
           "entries tell each other's age, in whatever order they are read");
    is_int(left_s(&p, 2), WINDOW_S - CLOCK_RECORD_S, "the newest one tells the time");
    ok(count_files("time") == 1, "which is written again");
    crash(&p);
    ok(shell("rm -rf state && mv kept state && printf x >>state/time"), "the time is corrupt");
    begin(&p);
    is_int(left_s(&p, 1), WINDOW_S - 5 * 86400 - CLOCK_RECORD_S, "it is the same");
    is_int(p.store.counts.set_aside, 1, "and counted");
    is_int(count_files("aside-time"), 1, "and set aside");
    end(&p);
}

static void test_smaller_window(void)
{
    struct instance p;

    fresh();
    begin(&p);
    approve(&p, 1, "one");
    settle(&p);
    pass(HOUR);
    end(&p);
    ok(begin_with(&p, "key", 2 * 3600, 100) && settle(&p), "a smaller window");
    is_int(left_s(&p, 1), 3600, "caps what was stored");
    end(&p);
    ok(begin_with(&p, "key", 1800, 100) && settle(&p), "one that is over");
    is_int(p.cache.count, 0, "trusts nothing");
    ok(!store_has_trust(&p.store), "and says so");
    end(&p);
    fresh();
    begin(&p);
    approve(&p, 1, "one");
    settle(&p);
    end(&p);
    ok(begin_with(&p, "key", 4 * WINDOW_S, 100) && settle(&p), "a larger window");
    is_int(left_s(&p, 1), WINDOW_S, "lengthens nothing");
    end(&p);
}

static void test_corrupt(void)
{
    struct instance p;
    char command[1024];
    char other[STORAGE_NAME + 1];

    fresh();
    begin(&p);
    for (unsigned n = 0; n < 5; n++)
        approve(&p, n, "x");
    settle(&p);
    snprintf(command, sizeof command, "cd state; truncate -s 0 %s", file_name(&p, 0));
    ok(shell(command), "one is empty");
    snprintf(command, sizeof command, "cd state; truncate -s 40 %s", file_name(&p, 1));
    ok(shell(command), "one is cut");
    snprintf(other, sizeof other, "%s", file_name(&p, 2));
    snprintf(command, sizeof command, "cd state; cp %s %s", other, file_name(&p, 3));
    ok(shell(command), "one is another's");
    end(&p);
    begin(&p);
    is_int(p.cache.count, 2, "those that verify are loaded");
    is_int(p.store.counts.set_aside, 3, "the others are counted");
    ok(settle(&p) && count_files("aside-") == 3 && !has_file(&p, 0), "and set aside");
    end(&p);
    ok(begin_with(&p, "another key", WINDOW_S, 100) && settle(&p), "with another key");
    is_int(p.cache.count, 0, "none is loaded");
    is_int(p.store.counts.set_aside, 3, "all are set aside, and the time");
    end(&p);
}

/* ---- one entry ----------------------------------------------------------------------------- */

static void test_look_up(void)
{
    struct instance a, b;
    char command[512];

    fresh();
    begin(&a);
    begin(&b);
    approve(&a, 1, "a");
    settle(&a);
    ok(look_up(&b, 1) && left_s(&b, 1) == WINDOW_S, "another instance's approval is found");
    ok(look_up(&b, 2) && !entry(&b, 2), "what nobody has is not");
    pass(5 * MINUTE);
    approve(&b, 1, "b");
    settle(&b);
    ok(look_up(&a, 1) && slice_eq(entry(&a, 1)->body, SLICE("a")),
       "a newer one that is not written yet, is not");
    pass(6 * HOUR);
    approve(&b, 1, "b");
    settle(&b);
    ok(look_up(&a, 1) && slice_eq(entry(&a, 1)->body, SLICE("b")) && left_s(&a, 1) == WINDOW_S,
       "a newer one replaces what is known");
    pass(MINUTE);
    approve(&a, 1, "a again");
    settle(&a);
    ok(look_up(&a, 1) && slice_eq(entry(&a, 1)->body, SLICE("a again")), "an older one does not");
    ok(deny(&b, 1) && !has_file(&b, 1), "a denial");
    ok(look_up(&a, 1) && !entry(&a, 1), "is seen by the other at once");
    ok(deny(&b, 77), "a denial of what is not stored is durable at once");

    /* After a denial that another instance has seen, an approval is one again. */
    approve(&a, 3, "x");
    settle(&a);
    ok(deny(&b, 3), "denied");
    pass(MINUTE);
    approve(&a, 3, "x");
    ok(settle(&a) && has_file(&a, 3), "approved again, it is written at once");
    ok(look_up(&a, 3) && entry(&a, 3), "and trusted");
    ok(look_up(&b, 3) && entry(&b, 3), "by both");

    snprintf(command, sizeof command, "cd state; printf x >>%s", file_name(&a, 3));
    ok(shell(command), "its file is changed");
    ok(look_up(&a, 3) && entry(&a, 3) && slice_eq(entry(&a, 3)->body, SLICE("x")),
       "what is known already stays");
    ok(!has_file(&a, 3) && count_files("aside-") == 1, "the file is set aside");
    ok(look_up(&b, 3) && !entry(&b, 3), "another finds it gone");
    pass(MINUTE);
    approve(&a, 3, "x");
    ok(settle(&a) && has_file(&a, 3), "and it is written again");
    end(&a);
    end(&b);
}

/* A denial while the file is being read, by the loading or for another request. */
static void test_denial_while_loading(void)
{
    struct instance p;
    struct ask a, b;
    uint8_t key[KEY_SIZE];
    int64_t until;

    fresh();
    begin(&p);
    for (unsigned n = 0; n < 200; n++)
        approve(&p, n, "x");
    settle(&p);
    end(&p);
    ok(begin_with(&p, "key", WINDOW_S, 1000), "loading");
    until = clock_mono_ms() + PATIENCE_MS;
    while (!(p.store.storage.current == &p.store.load) && clock_mono_ms() < until)
        loop_turn(&p.loop, 50, NULL);
    ok(p.store.storage.current == &p.store.load && p.cache.count < 200, "under way");
    make_key(key, 199);
    ok(deny(&p, 199), "is overtaken by a denial");
    ok(!entry(&p, 199) && p.cache.count == 199, "which counts");
    ok(!has_file(&p, 199), "for the file, too");

    make_key(key, 198);
    cache_remove(&p.cache, key);
    prepare(&a);
    prepare(&b);
    ok(store_look_up(&p.store, &a.q, key), "a look-up");
    pass(S);
    store_remove(&p.store, &b.q, key);
    ok(settle(&p) && a.done && b.done && b.durable, "and a denial behind it");
    ok(!entry(&p, 198), "which counts");
    end(&p);
}

static void test_denial_beside_writes(void)
{
    struct instance p;

    fresh();
    begin(&p);
    for (unsigned n = 0; n < 100; n++)
        approve(&p, n, "x");
    for (unsigned n = 0; n < 100; n += 2)
        ok(n % 10 || deny(&p, n), "a denial behind a writing");
    settle(&p);
    is_int(count_files("e-"), 90, "ends it, whether it was begun or not");
    end(&p);
}

/* ---- wear ---------------------------------------------------------------------------------- */

static void test_due(void)
{
    struct instance p;
    uint64_t written;

    fresh();
    begin(&p);
    approve(&p, 1, "x");
    settle(&p);
    written = p.store.counts.written;
    for (int i = 0; i < 359; i++) {
        pass(MINUTE);
        approve(&p, 1, "x");
        settle(&p);
    }
    is_int(p.store.counts.written, written, "an approval that says the same is not written");
    pass(MINUTE);
    approve(&p, 1, "x");
    settle(&p);
    is_int(p.store.counts.written, written + 1, "for six hours, of seven days");
    pass(9 * MINUTE);
    approve(&p, 1, "y");
    settle(&p);
    is_int(p.store.counts.written, written + 1, "one that says something else, neither");
    pass(MINUTE);
    approve(&p, 1, "z");
    settle(&p);
    is_int(p.store.counts.written, written + 2, "for ten minutes");
    pass(10 * MINUTE);
    approve(&p, 1, "z");
    settle(&p);
    is_int(p.store.counts.written, written + 2, "then it is the same again");
    end(&p);
}

/* 1,000 clients that check in each minute, for a day. */
static void test_day(void)
{
    enum { CLIENTS = 1000, MINUTES = 1440 };
    struct instance p;
    uint64_t written, read;
    bool settled = true;

    fresh();
    begin(&p);
    for (unsigned n = 0; n < CLIENTS; n++)
        approve(&p, n, "x");
    settle(&p);
    written = p.store.counts.written;
    read = p.store.counts.read;
    for (int m = 0; m < MINUTES; m++) {
        pass(MINUTE);
        for (unsigned n = 0; n < CLIENTS; n++) {
            uint8_t key[KEY_SIZE];

            /* That each is looked at once a minute would only take its time here. */
            make_key(key, n);
            if (n > 0)
                cache_peek(&p.cache, key)->seen_ns = boot;
            approve(&p, n, "x");
        }
        settled = settled && settle(&p);
    }
    ok(settled, "a day passes");
    is_int(p.store.counts.written - written, CLIENTS * 4, "each client's file is written 4 times");
    is_int(p.store.counts.read - read, MINUTES - 4, "and looked at each minute else");
    printf("# %" PRIu64 " writes a day of entries, and %d of the time\n",
           p.store.counts.written - written, 86400 / CLOCK_RECORD_S);
    is_int(count_files("e-"), CLIENTS, "a file for each");
    end(&p);
}

/* What finds no room, or has expired, leaves no file. */
static void test_given_up(void)
{
    struct instance p, other;

    fresh();
    ok(begin_with(&p, "key", WINDOW_S, 50) && settle(&p), "room for 50");
    for (unsigned n = 0; n < 120; n++) {
        approve(&p, n, "x");
        settle(&p);
    }
    is_int(p.cache.count, 50, "50 entries");
    is_int(count_files("e-"), 50, "and as many files");
    ok(!has_file(&p, 0) && has_file(&p, 119), "of the newest");
    begin(&other);
    pass(8 * HOUR);
    approve(&other, 119, "x");
    settle(&other);
    pass(WINDOW_S * S - 7 * HOUR);
    is_int(cache_sweep(&p.cache, boot, 1000), 50, "all expire");
    ok(settle(&p), "and are given up");
    is_int(count_files("e-"), 1, "with their files");
    ok(has_file(&p, 119) && look_up(&p, 119) && entry(&p, 119),
       "but for one that another instance has written since");
    end(&p);
    end(&other);
}

/* ---- rotation ------------------------------------------------------------------------------ */

static void test_rotation(void)
{
    struct instance p;
    struct ask a;
    uint8_t key[KEY_SIZE];

    fresh();
    begin(&p);
    for (unsigned n = 0; n < 500; n++)
        approve(&p, n, "x");
    settle(&p);
    pass(HOUR);
    approve(&p, 1000, "being written");
    store_rotate(&p.store, SLICE("new key"));
    make_key(key, 100);
    prepare(&a);
    (void)cache_remove(&p.cache, key);
    store_remove(&p.store, &a.q, key);
    ok(settle(&p) && a.done && a.durable, "a denial while it goes on");
    is_int(count_files("e-"), 500, "all are sealed anew, the old files are gone");
    is_int(p.store.counts.set_aside, 0, "nothing was set aside");
    ok(!p.store.rotating, "it has ended");
    end(&p);
    ok(begin_with(&p, "key", WINDOW_S, 1000), "the old key");
    end(&p); /* before it has set anything aside */
    ok(begin_with(&p, "new key", WINDOW_S, 1000) && settle(&p), "the new key");
    is_int(left_s(&p, 7), WINDOW_S - 3600, "opens them, with what is left of their trust");
    ok(!entry(&p, 100), "but the one that was denied");
    end(&p);

    fresh();
    begin(&p);
    for (unsigned n = 0; n < 100; n++)
        approve(&p, n, "x");
    settle(&p);
    store_rotate(&p.store, SLICE("second"));
    store_rotate(&p.store, SLICE("third"));
    settle(&p);
    end(&p);
    ok(begin_with(&p, "key", WINDOW_S, 1000), "once more");
    store_rotate(&p.store, SLICE("fourth"));
    settle(&p);
    end(&p);
    ok(shell("rm -rf state && mkdir -m 700 state"), "twice at one time, from a start");
    begin(&p);
    for (unsigned n = 0; n < 100; n++)
        approve(&p, n, "x");
    settle(&p);
    end(&p);
    ok(begin_with(&p, "key", WINDOW_S, 1000), "while it loads");
    store_rotate(&p.store, SLICE("fourth"));
    settle(&p);
    is_int(p.cache.count, 100, "all is loaded with the old key");
    is_int(p.store.counts.set_aside, 0, "nothing is set aside");
    end(&p);
    ok(begin_with(&p, "fourth", WINDOW_S, 1000) && settle(&p), "the new key");
    is_int(p.cache.count, 100, "opens all");
    end(&p);
}

/* ---- faults -------------------------------------------------------------------------------- */

static void test_failing(void)
{
    struct instance p;

    fresh();
    begin(&p);
    approve(&p, 1, "x");
    settle(&p);
    ok(shell("rm -rf state"), "the directory vanishes");
    approve(&p, 2, "x");
    settle(&p);
    ok(p.store.failing_to_write && entry(&p, 2), "approvals stay in memory");
    ok(look_up(&p, 1) && entry(&p, 1), "as does what was stored");
    ok(deny(&p, 1), "a denial is durable: nothing can come back from nowhere");
    ok(shell("mkdir -m 700 state"), "it is made again");
    approve(&p, 2, "x");
    ok(settle(&p) && has_file(&p, 2) && !p.store.failing_to_write, "and used");
    end(&p);
}

#ifdef LP_FAULTS
/* A removal that fails: the denial is not passed on, and the file must not serve either. */
static void test_removal_fails(void)
{
    struct instance p;

    fresh();
    setenv("LP_FAULT", "unlink:1", 1);
    begin(&p);
    unsetenv("LP_FAULT");
    approve(&p, 1, "old");
    approve(&p, 2, "other");
    settle(&p);
    pass(S);
    ok(!deny(&p, 1) && has_file(&p, 1), "a denial whose removal fails is not durable");
    ok(look_up(&p, 1) && !entry(&p, 1), "the file that is still there is not served");
    ok(settle(&p) && !has_file(&p, 1), "and is removed as soon as that works");
    ok(look_up(&p, 2) && entry(&p, 2), "others are");
    pass(S);
    approve(&p, 1, "new");
    ok(settle(&p) && has_file(&p, 1), "a later approval has its file");
    ok(look_up(&p, 1) && entry(&p, 1), "which is served");
    end(&p);
}
#endif

int main(void)
{
    /* Memory waits for no disk. */
    if (access("/dev/shm", W_OK) == 0)
        snprintf(shell_dir, sizeof shell_dir, "/dev/shm/unit-XXXXXX");
    if (!ok(shell_init(), "start"))
        return done_testing();
    test_restart();
    test_other_boot();
    test_no_battery();
    test_ntp();
    test_time_file();
    test_smaller_window();
    test_corrupt();
    test_look_up();
    test_denial_while_loading();
    test_denial_beside_writes();
    test_due();
    test_given_up();
    test_rotation();
    test_failing();
#ifdef LP_FAULTS
    test_removal_fails();
#endif
    test_day();
    shell_fini();
    return done_testing();
}
