/*
 * TAP for the C unit tests: each check prints one line, done_testing() prints the plan, and the
 * exit status is non-zero if any check failed. Included by exactly one file per test program.
 */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_run;
static int tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool tap_check(bool pass, const char *file,
                                                                    int line, const char *fmt, ...)
{
    va_list ap;
    char what[512];

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    tap_run++;
    printf("%sok %d - %s\n", pass ? "" : "not ", tap_run, what);
    if (!pass) {
        tap_failed++;
        printf("# failed at %s:%d\n", file, line);
    }
    return pass;
}

/* ok(condition, "what holds", ...): the format and its arguments name the check. */
#define ok(cond, ...) tap_check((cond), __FILE__, __LINE__, __VA_ARGS__)

#define is_int(got, want, what)                                                                    \
    do {                                                                                           \
        int64_t tap_g = (int64_t)(got), tap_w = (int64_t)(want);                                   \
        if (!ok(tap_g == tap_w, "%s", (what)))                                                     \
            printf("# got %" PRId64 ", want %" PRId64 "\n", tap_g, tap_w);                         \
    } while (0)

#define is_str(got, want, what)                                                                    \
    do {                                                                                           \
        const char *tap_g = (got), *tap_w = (want);                                                \
        if (!ok(tap_g && tap_w && strcmp(tap_g, tap_w) == 0, "%s", (what)))                        \
            printf("# got \"%s\", want \"%s\"\n", tap_g ? tap_g : "(null)",                        \
                   tap_w ? tap_w : "(null)");                                                      \
    } while (0)

__attribute__((unused)) static int done_testing(void)
{
    printf("1..%d\n", tap_run);
    fflush(stdout);
    return tap_failed ? 1 : 0;
}

#endif
