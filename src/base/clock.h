/*
 * Three clocks. Wall time is shown to people and never decides about trust. Boot time
 * (CLOCK_BOOTTIME, counting suspend) measures how long trust lasts. Never-back time, for
 * certificates, is the largest of wall time, the highest time known before, and the build date,
 * and goes on with boot time: turning the wall clock back gains nothing.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_NS_PER_S 1000000000LL
#define CLOCK_NS_PER_MS 1000000LL

/* A step of the wall clock beyond this is told and counted. */
#define CLOCK_STEP_NS (300 * CLOCK_NS_PER_S)

/*
 * A moment that outlives the process and the boot: what is written down of it. Within the boot it
 * was made in, boot time says how long ago it is; after another boot only never-back time does.
 */
struct clock_mark {
    uint8_t boot_id[16]; /* all zero: the boot is not known */
    int64_t boot_ns;
    int64_t never_back_ns;
};

/*
 * The distance between two recordings of the time, and what a boot costs whose wall clock is
 * further behind the highest time known: so much may have passed unrecorded. Without that, a
 * machine without a battery clock that is switched off again and again would stand still.
 */
#define CLOCK_RECORD_S 600

struct clock {
    int64_t (*read_wall)(void); /* nanoseconds since 1970; the system's unless a test sets it */
    int64_t (*read_boot)(void); /* nanoseconds since boot */
    int64_t offset_ns;          /* wall minus boot time, as last taken over */
    int64_t never_back_ns;      /* never-back time when boot time was never_back_boot_ns */
    int64_t never_back_boot_ns;
    uint8_t boot_id[16]; /* of this boot; all zero if it is not known */
    bool boot_recalled;  /* a mark of this boot was recalled */
    uint64_t steps;      /* steps seen */
};

/* CLOCK_MONOTONIC: for deadlines, and for how long something took. */
int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);

/* The same, up to ten milliseconds behind, and read in a fraction of the time. */
int64_t clock_mono_coarse_ms(void);

/* Nanoseconds of processor time that this process has used. */
int64_t clock_cpu_ns(void);

/* Starts with the system's clocks. */
void clock_init(struct clock *c);

/* Starts with other clocks: for tests. */
void clock_init_with(struct clock *c, int64_t (*read_wall)(void), int64_t (*read_boot)(void));

/*
 * Follows the wall clock; called once in every turn of the loop. Returns the step in nanoseconds
 * when the wall clock jumped by more than CLOCK_STEP_NS since the last call, else 0.
 */
int64_t clock_tick(struct clock *c);

/* Nanoseconds since boot. */
int64_t clock_boot_ns(const struct clock *c);

/* Wall time in nanoseconds since 1970 at the given boot time, by the current wall clock. */
int64_t clock_wall_at(const struct clock *c, int64_t boot_ns);

/* Never-back time in seconds since 1970. */
int64_t clock_never_back_s(const struct clock *c);

/* This boot's id, 16 bytes: marks of the same boot are then compared by boot time. */
void clock_set_boot(struct clock *c, const uint8_t id[16]);

/* The moment of this boot at boot_ns (not after now), to be written down. */
void clock_make_mark(const struct clock *c, int64_t boot_ns, struct clock_mark *out);

/* Takes a mark that was written down into account: never-back time is not before it. */
void clock_recall(struct clock *c, const struct clock_mark *m);

/*
 * Once at start, when all marks were recalled: the cost of a boot with a wall clock that is behind
 * (see CLOCK_RECORD_S), unless a mark of this boot was among them.
 */
void clock_charge_boot(struct clock *c);

/*
 * The mark's boot time in this boot: exact for a mark of this boot, else by never-back time, and
 * then perhaps negative. Never after now.
 */
int64_t clock_boot_of(const struct clock *c, const struct clock_mark *m);

/* Whether the mark is of this boot. */
bool clock_same_boot(const struct clock *c, const struct clock_mark *m);

/* Never-back time in nanoseconds since 1970. */
int64_t clock_never_back_ns(const struct clock *c);

/* The date on which this program was built, seconds since 1970. */
int64_t clock_build_date_s(void);

#ifdef LP_FAULTS
/*
 * Built for tests, the system's clocks are as far ahead of the real ones as the file says that the
 * environment's LP_CLOCK names: "wall_ns boot_ns boot_id", the last one up to 32 letters.
 */
struct clock_seam {
    int64_t wall_ns, boot_ns;
    char boot_id[33];
};

/* The boot id of that file. False: there is none. */
bool clock_seam_boot_id(uint8_t id[16]);
#endif

/* "2022-01-01T22:10:48.744573703Z" (RFC 3339) and its NUL. */
#define CLOCK_RFC3339_SIZE 31
void clock_format(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE]);

/* The same of whole seconds since 1970: a certificate's end may be later than nanoseconds reach. */
void clock_format_s(int64_t wall_s, char out[CLOCK_RFC3339_SIZE]);

#endif
