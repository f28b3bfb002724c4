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

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[CLOCK_RFC3339_SIZE + 1];

        memset(out, 'x', sizeof out);
        clock_format(cases[i].ns, out);
        ok(out[CLOCK_RFC3339_SIZE] == 'x', "stays in its room");
        is_str(out, cases[i].want, "a time as RFC 3339 writes it");
    }
}

int main(void)
{
    check_steady();
    check_slew();
    check_steps();
    check_no_battery();
    check_suspend();
    check_system();
    check_format();
    return done_testing();
}
