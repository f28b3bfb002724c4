#include "base/clock.h"
#include "cli/command.h"
#include "tls/roots.h"

#include <stdio.h>

/* Given by the build to this file alone, so that a new version compiles one file anew. */
#ifndef LP_VERSION
#define LP_VERSION "0.1.0"
#endif
#ifndef LP_BEARSSL
#define LP_BEARSSL "of unknown source"
#endif
#ifndef LP_ROOTS
#define LP_ROOTS "unknown"
#endif

#ifdef __GLIBC__
#define LIBC "glibc (a build for tests)"
#else
#define LIBC "musl"
#endif

const char *command_version(void)
{
    return LP_VERSION;
}

int cli_version(int argc, char **argv, unsigned verbosity)
{
    char date[CLOCK_RFC3339_SIZE];

    (void)argv;
    (void)verbosity;
    if (argc > 0)
        return command_fail_usage("version takes no arguments");
    clock_format(clock_build_date_s() * CLOCK_NS_PER_S, date);
    printf("license-proxy " LP_VERSION "\n"
           "BearSSL       " LP_BEARSSL "\n"
           "C library     " LIBC "\n"
           "trust anchors %zu, Mozilla's, of ca-certificates " LP_ROOTS "\n"
           "built         %.10s\n",
           roots_data_count, date);
    return 0;
}
