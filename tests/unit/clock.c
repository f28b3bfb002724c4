#include "base/clock.h"
#include "tap.h"

#define S CLOCK_NS_PER_S
#define MS CLOCK_NS_PER_MS

/* Later than any build. */
#define START (4000000000LL * S)

static int64_t wall, boot;

static int64_t read_wall(void)
{
    return wall;
}

static int64_t read_boot(void)
{
    return boot;
}

/* Both clocks go on, the wall clock by drift more. */
static int64_t pass(struct clock *c, int64_t ns, int64_t drift)
{
    boot += ns;
    wall += ns + drift;
    return clock_tick(c);
}

static void start(struct clock *c, int64_t at_wall, int64_t at_boot)
{
    wall = at_wall;
    boot = at_boot;
    clock_init_with(c, read_wall, read_boot);
}

static void check_steady(void)
{
    struct clock c;
    int64_t then;

    start(&c, START, 50 * S);
    ok(clock_boot_ns(&c) == 50 * S && clock_wall_at(&c, 50 * S) == START, "the clocks as read");
    is_int(clock_never_back_s(&c), START / S, "never-back time is wall time at first");
    then = clock_wall_at(&c, 60 * S);
    is_int(then, START + 10 * S, "wall time at another boot time");
    for (int i = 0; i < 100; i++)
        pass(&c, 10 * MS, i % 2 ? 3 * MS : -3 * MS);
    is_int(clock_wall_at(&c, 60 * S), then, "shown times stand still while clocks waver");
    for (int i = 0; i < 100; i++)
        pass(&c, 10 * MS, i % 2 ? -3 * MS : 3 * MS);
    is_int(clock_wall_at(&c, 60 * S), then, "to either side");
    ok(c.steps == 0, "wavering is no step");
    boot += 5 * S;
    is_int(clock_never_back_s(&c), START / S + 7, "never-back time goes on between ticks");
}

static void check_slew(void)
{
    struct clock c;
    int64_t moved = 0;

    start(&c, START, 0);
    for (int i = 0; i < 1000; i++)
        moved |= pass(&c, 1 * S, 500000);
    ok(moved == 0 && c.steps == 0, "a slewed clock never steps");
    ok(wall - clock_wall_at(&c, boot) <= 10 * MS && clock_wall_at(&c, boot) <= wall,
       "and is followed within its slack");
}

static void check_steps(void)
{
    struct clock c;
    int64_t shown;

    start(&c, START, 0);
    is_int(pass(&c, S, CLOCK_STEP_NS), 0, "five minutes are no step yet");
    is_int(clock_wall_at(&c, boot), wall, "but followed at once");
    is_int(pass(&c, S, CLOCK_STEP_NS + 1), CLOCK_STEP_NS + 1, "a step forward is told");
    is_int(pass(&c, S, 0), 0, "once");
    is_int(clock_wall_at(&c, boot), wall, "and followed");
    is_int(clock_never_back_s(&c), wall / S, "by never-back time, too");
    shown = clock_never_back_s(&c);
    is_int(pass(&c, S, -CLOCK_STEP_NS), 0, "five minutes back are no step yet");
    is_int(pass(&c, S, -CLOCK_STEP_NS - 1), -CLOCK_STEP_NS - 1, "a step back is told");
    is_int(clock_wall_at(&c, boot), wall, "and followed");
    is_int(clock_never_back_s(&c), shown + 2, "but not by never-back time");
    is_int(pass(&c, S, 0), 0, "once as well");
    is_int(c.steps, 2, "both are counted");
    pass(&c, S, -2000000000LL * S);
    is_int(clock_never_back_s(&c), shown + 4, "not even by a step of decades");
    is_int(pass(&c, 10 * S, 2000000000LL * S), 2000000000LL * S, "the way back is a step, too");
    is_int(clock_never_back_s(&c), shown + 14, "that never-back time doesn't notice");
}

/* An appliance without a battery: 1970, until NTP answers. */
static void check_no_battery(void)
{
    int64_t build = clock_build_date_s();
    struct clock c;

    start(&c, 5 * S, 5 * S);
    is_int(clock_never_back_s(&c), build > 5 ? build : 5, "never before the build date");
    pass(&c, 10 * S, 0);
    is_int(clock_never_back_s(&c), (build > 5 ? build : 5) + 10, "and on from there");
    is_int(pass(&c, S, START), START, "NTP's answer is a step");
    is_int(clock_never_back_s(&c), wall / S, "that is followed");
    is_int(clock_boot_ns(&c), 16 * S, "while boot time knows nothing of it");
}

static void check_suspend(void)
{
    struct clock c;

    start(&c, START, 0);
    is_int(pass(&c, 86400 * S, 0), 0, "a day of suspension is no step");
    is_int(clock_never_back_s(&c), START / S + 86400, "and passes on all clocks");
}

/* ---- marks --------------------------------------------------------------------------------- */

#define MINUTE (60 * S)
#define DAY (86400 * S)
#define YEARS (10 * 365 * DAY)
#define WINDOW (7 * DAY)

static void name_boot(struct clock *c, uint8_t name)
{
    uint8_t id[16];

    memset(id, name, sizeof id);
    clock_set_boot(c, id);
}

/* What is left of the window for something validated at that mark. */
static int64_t left_of(const struct clock *c, const struct clock_mark *m)
{
    return WINDOW - (clock_boot_ns(c) - clock_boot_of(c, m));
}

static void check_mark_of_this_boot(void)
{
    struct clock_mark m, unknown;
    struct clock c;

    start(&c, START, 100 * S);
    clock_make_mark(&c, 90 * S, &unknown);
    ok(!clock_same_boot(&c, &unknown), "a boot without a name is nobody's");
    is_int(clock_boot_of(&c, &unknown), 90 * S, "and its marks are dated by never-back time");
    name_boot(&c, 1);
    clock_make_mark(&c, 90 * S, &m);
    ok(clock_same_boot(&c, &m), "a mark of this boot is known as such");
    is_int(m.never_back_ns, START - 10 * S, "it holds never-back time at that moment");
    is_int(clock_boot_of(&c, &m), 90 * S, "its boot time is exact");
    boot = 80 * S;
    ok(!clock_same_boot(&c, &m), "a mark after now is of another boot, whatever its name");
    ok(clock_boot_of(&c, &m) <= boot, "and never dated after now");
    boot = 100 * S;
    clock_make_mark(&c, -5 * S, &m);
    is_int(clock_boot_of(&c, &m), -5 * S, "a moment before the boot can be written down");
}

static const int64_t steps[] = {MINUTE, -MINUTE, DAY, -DAY, YEARS, -YEARS, -START};

/* The wall clock is stepped within the boot; the process goes on, then a next one starts. */
static void check_steps_within_boot(void)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct clock c;
        struct clock_mark m, now;

        start(&c, START, 100 * S);
        name_boot(&c, 1);
        clock_make_mark(&c, boot, &m);
        pass(&c, DAY, 0);
        pass(&c, 0, steps[i]);
        is_int(left_of(&c, &m), 6 * DAY, "a step within the boot changes nobody's trust");
        clock_make_mark(&c, boot, &now);
        pass(&c, DAY, 0);
        start(&c, wall, boot);
        name_boot(&c, 1);
        clock_recall(&c, &now);
        clock_recall(&c, &m);
        clock_charge_boot(&c);
        is_int(left_of(&c, &m), 5 * DAY, "nor does it after a restart of the process");
        ok(clock_never_back_ns(&c) >= now.never_back_ns + DAY, "and time is not back");
        pass(&c, DAY, -steps[i]);
        is_int(left_of(&c, &m), 4 * DAY, "nor the step back");
    }
}

/* The wall clock is stepped while the machine is off. */
static void check_steps_across_boots(void)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct clock c;
        struct clock_mark m, now;
        int64_t before, after;

        start(&c, START, 100 * S);
        name_boot(&c, 1);
        clock_make_mark(&c, boot, &m);
        pass(&c, DAY, 0);
        clock_make_mark(&c, boot, &now);
        before = left_of(&c, &m);
        start(&c, wall + MINUTE + steps[i], 30 * S);
        name_boot(&c, 2);
        clock_recall(&c, &now);
        clock_recall(&c, &m);
        clock_charge_boot(&c);
        after = left_of(&c, &m);
        ok(after <= before, "a step across boots never lengthens trust");
        if (steps[i] > 0)
            is_int(after, before - MINUTE - steps[i], "forward, it is as long as the wall says");
        else if (steps[i] == -MINUTE)
            is_int(after, before, "a small step back costs nothing");
        else
            is_int(after, before - CLOCK_RECORD_S * S, "a large one back costs one recording");
    }
}

/* Switched off again and again, with a clock that starts in 1970: time goes on all the same. */
static void check_boots_without_battery(void)
{
    struct clock_mark m, now;
    struct clock c;
    int64_t last, lowest = 0;

    start(&c, START, 100 * S);
    name_boot(&c, 0);
    clock_make_mark(&c, boot, &m);
    clock_make_mark(&c, boot, &now);
    last = WINDOW;
    for (int i = 1; i <= 100; i++) {
        int64_t left;

        start(&c, 10 * S, 10 * S);
        name_boot(&c, (uint8_t)i);
        clock_recall(&c, &now);
        clock_charge_boot(&c);
        left = left_of(&c, &m);
        if (last - left > lowest)
            lowest = last - left;
        if (left >= last)
            break;
        last = left;
        clock_make_mark(&c, boot, &now);
    }
    is_int(last, WINDOW - 100 * CLOCK_RECORD_S * S, "each boot costs one recording");
    is_int(lowest, CLOCK_RECORD_S * S, "and none costs more");
    clock_recall(&c, &now);
    clock_charge_boot(&c);
    is_int(left_of(&c, &m), last, "a restart of the process costs nothing");
}

/* 1970 at boot, then NTP answers: what was loaded keeps what it had. */
static void check_battery_less_with_ntp(void)
{
    struct clock_mark m, now, later;
    struct clock c;
    int64_t loaded;

    start(&c, START, 100 * S);
    name_boot(&c, 1);
    clock_make_mark(&c, boot, &m);
    pass(&c, DAY, 0);
    clock_make_mark(&c, boot, &now);
    start(&c, 10 * S, 10 * S);
    name_boot(&c, 2);
    clock_recall(&c, &now);
    clock_charge_boot(&c);
    loaded = clock_boot_of(&c, &m);
    is_int(WINDOW - (boot - loaded), 6 * DAY - CLOCK_RECORD_S * S, "at the boot");
    pass(&c, MINUTE, START + 2 * DAY);
    is_int(WINDOW - (boot - loaded), 6 * DAY - CLOCK_RECORD_S * S - MINUTE,
           "when NTP answers, a day later than it seemed, nothing is lost");
    clock_make_mark(&c, boot, &later);
    start(&c, 10 * S, 10 * S);
    name_boot(&c, 3);
    clock_recall(&c, &later);
    clock_charge_boot(&c);
    ok(left_of(&c, &m) < 5 * DAY, "what NTP told counts at the next boot");
    ok(clock_never_back_ns(&c) > START + 2 * DAY, "for its time was written down");
}

static void check_recall_is_bounded(void)
{
    struct clock_mark m = {.boot_ns = INT64_MAX, .never_back_ns = INT64_MIN};
    struct clock c;

    start(&c, START, 100 * S);
    name_boot(&c, 1);
    memset(m.boot_id, 1, sizeof m.boot_id);
    clock_recall(&c, &m);
    is_int(clock_never_back_ns(&c), START, "a mark from the beginning of time changes nothing");
    m.never_back_ns = START + DAY;
    clock_recall(&c, &m);
    is_int(clock_never_back_ns(&c), START + DAY, "one that is ahead counts");
    clock_charge_boot(&c);
    is_int(clock_never_back_ns(&c), START + DAY + CLOCK_RECORD_S * S, "with what a boot costs");
}

static void check_system(void)
{
    struct clock c;
    int64_t before = clock_mono_ms();

    clock_init(&c);
    ok(clock_tick(&c) == 0 && clock_boot_ns(&c) > 0, "the system's clocks");
    ok(clock_never_back_s(&c) >= clock_build_date_s(), "not before the build");
    ok(clock_mono_ms() >= before, "deadlines don't go back");
}

static void check_format(void)
{
    static const struct {
        int64_t ns;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000000Z"},
        {1, "1970-01-01T00:00:00.000000001Z"},
        {-1, "1969-12-31T23:59:59.999999999Z"},
        {-S, "1969-12-31T23:59:59.000000000Z"},
        {-S - 1, "1969-12-31T23:59:58.999999999Z"},
        {S - 1, "1970-01-01T00:00:00.999999999Z"},
        {1641075048LL * S + 744573703, "2022-01-01T22:10:48.744573703Z"},
        {951782400LL * S, "2000-02-29T00:00:00.000000000Z"},
        {4107542399LL * S + S - 1, "2100-02-28T23:59:59.999999999Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
    };

    char late[CLOCK_RFC3339_SIZE];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[CLOCK_RFC3339_SIZE + 1];

        memset(out, 'x', sizeof out);
        clock_format(cases[i].ns, out);
        ok(out[CLOCK_RFC3339_SIZE] == 'x', "stays in its room");
        is_str(out, cases[i].want, "a time as RFC 3339 writes it");
    }
    clock_format_s(253402300799, late);
    is_str(late, "9999-12-31T23:59:59.000000000Z", "a certificate that doesn't end");
}

int main(void)
{
    check_steady();
    check_slew();
    check_steps();
    check_no_battery();
    check_suspend();
    check_mark_of_this_boot();
    check_steps_within_boot();
    check_steps_across_boots();
    check_boots_without_battery();
    check_battery_less_with_ntp();
    check_recall_is_bounded();
    check_system();
    check_format();
    return done_testing();
}
