#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#ifndef LP_BUILD_DATE
#define LP_BUILD_DATE 0
#endif

/*
 * Wall minus boot time is kept and only taken over anew when it moved by more than this, so that
 * the timestamps shown stand still between two changes instead of wavering by the nanoseconds
 * that pass between reading the two clocks.
 */
#define OFFSET_SLACK_NS (10 * CLOCK_NS_PER_MS)

static int64_t read_clock(clockid_t id)
{
    struct timespec ts = {0};

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

static int64_t system_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_boot(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC) / CLOCK_NS_PER_MS;
}

int64_t clock_build_date_s(void)
{
    return LP_BUILD_DATE;
}

void clock_init(struct clock *c)
{
    clock_init_with(c, system_wall, system_boot);
}

void clock_init_with(struct clock *c, int64_t (*read_wall)(void), int64_t (*read_boot)(void))
{
    int64_t build = clock_build_date_s() * CLOCK_NS_PER_S;
    int64_t wall = read_wall();

    memset(c, 0, sizeof *c);
    c->read_wall = read_wall;
    c->read_boot = read_boot;
    c->never_back_boot_ns = read_boot();
    c->offset_ns = wall - c->never_back_boot_ns;
    c->never_back_ns = wall > build ? wall : build;
}

int64_t clock_tick(struct clock *c)
{
    int64_t boot = c->read_boot();
    int64_t wall = c->read_wall();
    int64_t moved = wall - boot - c->offset_ns;

    if (moved > OFFSET_SLACK_NS || moved < -OFFSET_SLACK_NS)
        c->offset_ns += moved;
    c->never_back_ns += boot - c->never_back_boot_ns;
    c->never_back_boot_ns = boot;
    if (wall > c->never_back_ns)
        c->never_back_ns = wall;
    if (moved <= CLOCK_STEP_NS && moved >= -CLOCK_STEP_NS)
        return 0;
    c->steps++;
    return moved;
}

int64_t clock_boot_ns(const struct clock *c)
{
    return c->read_boot();
}

int64_t clock_wall_at(const struct clock *c, int64_t boot_ns)
{
    return boot_ns + c->offset_ns;
}

int64_t clock_never_back_s(const struct clock *c)
{
    return (c->never_back_ns + c->read_boot() - c->never_back_boot_ns) / CLOCK_NS_PER_S;
}

void clock_format(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE])
{
    int64_t ns = wall_ns % CLOCK_NS_PER_S;
    time_t s = (time_t)(wall_ns / CLOCK_NS_PER_S);
    struct tm tm = {0};
    char text[80];

    if (ns < 0) {
        ns += CLOCK_NS_PER_S;
        s--;
    }
    gmtime_r(&s, &tm);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long long)ns);
    memcpy(out, text, CLOCK_RFC3339_SIZE - 1);
    out[CLOCK_RFC3339_SIZE - 1] = '\0';
}
