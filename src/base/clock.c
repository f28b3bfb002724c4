#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
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

#ifdef LP_FAULTS

/* The file is read at each look, so that a test's change counts at once. False: no such clocks. */
static bool read_seam(struct clock_seam *out)
{
    const char *path = getenv("LP_CLOCK");
    FILE *f = path ? fopen(path, "re") : NULL;
    char line[128] = "", *at = line;

    if (!f)
        return false;
    (void)!fgets(line, sizeof line, f);
    fclose(f);
    out->wall_ns = strtoll(at, &at, 10);
    out->boot_ns = strtoll(at, &at, 10);
    if (*at++ != ' ')
        return false;
    snprintf(out->boot_id, sizeof out->boot_id, "%.*s", (int)strcspn(at, " \n"), at);
    return out->boot_id[0] != '\0';
}

bool clock_seam_boot_id(uint8_t id[16])
{
    struct clock_seam seam;

    if (!read_seam(&seam))
        return false;
    memset(id, 0, 16);
    memcpy(id, seam.boot_id, strnlen(seam.boot_id, 16));
    return true;
}

static int64_t system_wall(void)
{
    struct clock_seam seam;

    return read_clock(CLOCK_REALTIME) + (read_seam(&seam) ? seam.wall_ns : 0);
}

static int64_t system_boot(void)
{
    struct clock_seam seam;

    return read_clock(CLOCK_BOOTTIME) + (read_seam(&seam) ? seam.boot_ns : 0);
}

#else

static int64_t system_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_boot(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

#endif

int64_t clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t clock_mono_ms(void)
{
    return clock_mono_ns() / CLOCK_NS_PER_MS;
}

int64_t clock_mono_coarse_ms(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE) / CLOCK_NS_PER_MS;
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

int64_t clock_never_back_ns(const struct clock *c)
{
    return c->never_back_ns + c->read_boot() - c->never_back_boot_ns;
}

int64_t clock_never_back_s(const struct clock *c)
{
    return clock_never_back_ns(c) / CLOCK_NS_PER_S;
}

void clock_set_boot(struct clock *c, const uint8_t id[16])
{
    memcpy(c->boot_id, id, sizeof c->boot_id);
}

bool clock_same_boot(const struct clock *c, const struct clock_mark *m)
{
    static const uint8_t unknown[16];

    return memcmp(c->boot_id, unknown, sizeof unknown) != 0 &&
           memcmp(c->boot_id, m->boot_id, sizeof unknown) == 0 && m->boot_ns <= c->read_boot();
}

void clock_make_mark(const struct clock *c, int64_t boot_ns, struct clock_mark *out)
{
    memcpy(out->boot_id, c->boot_id, sizeof out->boot_id);
    out->boot_ns = boot_ns;
    out->never_back_ns = clock_never_back_ns(c) - (c->read_boot() - boot_ns);
}

void clock_recall(struct clock *c, const struct clock_mark *m)
{
    int64_t boot = c->read_boot();
    int64_t least = m->never_back_ns;

    if (clock_same_boot(c, m)) {
        c->boot_recalled = true;
        least += boot - m->boot_ns;
    }
    if (clock_never_back_ns(c) >= least)
        return;
    c->never_back_ns = least;
    c->never_back_boot_ns = boot;
}

void clock_charge_boot(struct clock *c)
{
    int64_t charge = CLOCK_RECORD_S * CLOCK_NS_PER_S;

    if (!c->boot_recalled && clock_never_back_ns(c) - c->read_wall() > charge)
        c->never_back_ns += charge;
}

int64_t clock_boot_of(const struct clock *c, const struct clock_mark *m)
{
    int64_t age;

    if (clock_same_boot(c, m))
        return m->boot_ns;
    age = clock_never_back_ns(c) - m->never_back_ns;
    return c->read_boot() - (age > 0 ? age : 0);
}

static void format(time_t s, int64_t ns, char out[CLOCK_RFC3339_SIZE])
{
    struct tm tm = {0};
    char text[80];

    gmtime_r(&s, &tm);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long long)ns);
    memcpy(out, text, CLOCK_RFC3339_SIZE - 1);
    out[CLOCK_RFC3339_SIZE - 1] = '\0';
}

void clock_format(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE])
{
    int64_t ns = wall_ns % CLOCK_NS_PER_S;
    int64_t s = wall_ns / CLOCK_NS_PER_S;

    if (ns < 0) {
        ns += CLOCK_NS_PER_S;
        s--;
    }
    format((time_t)s, ns, out);
}

void clock_format_s(int64_t wall_s, char out[CLOCK_RFC3339_SIZE])
{
    format((time_t)wall_s, 0, out);
}
