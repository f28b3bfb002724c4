/*
 * A folder for one test program, and shell scripts run in it: for tests that ask the openssl
 * command. Scripts are fixed strings. Included after tap.h, by exactly one file per program.
 */
#ifndef TESTS_UNIT_SHELL_H
#define TESTS_UNIT_SHELL_H

#include <stdio.h>
#include <stdlib.h>

static char shell_dir[] = "/tmp/unit-test-XXXXXX";

/* Makes the folder. */
static bool shell_init(void)
{
    return mkdtemp(shell_dir) != NULL;
}

/* The path of a file in the folder; good for the next three calls. */
static const char *shell_path(const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", shell_dir, name);
    return path;
}

/* Whether the script succeeds; what it says is shown, as comments, when it fails. */
static bool shell(const char *script)
{
    char command[4096];
    int n =
        snprintf(command, sizeof command,
                 "cd %s && { %s\n} >log 2>&1 || { sed 's/^/# /' log; exit 1; }", shell_dir, script);

    fflush(stdout);
    /* NOLINTNEXTLINE(cert-env33-c) */
    return n > 0 && (size_t)n < sizeof command && system(command) == 0;
}

/* Removes the folder. */
static bool shell_fini(void)
{
    return shell("rm -rf \"$PWD\"");
}

#endif
