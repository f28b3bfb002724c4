#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

const struct command command_table[] = {
    {"serve", "[CONFIG.toml] [options]", "runs the proxy", cli_serve},
    {"check", "[CONFIG.toml] [options]", "looks for faults in a configuration, serves nothing",
     cli_check},
    {"probe", "[--url URL] [--timeout DUR] [live|ready|STATE...]",
     "asks whether a running proxy is well: exit code 0 or 1", cli_probe},
    {"status", "[--url URL] [--json] [--watch] [--timeout DUR]",
     "shows a running proxy's state to a person", cli_status},
    {"cert", "[CONFIG.toml] [options]",
     "prints the certificate that services see, with its fingerprint and pin", cli_cert},
    {"cache", "ls|verify|purge [ID...|--all] [CONFIG.toml] [options]",
     "lists, verifies or removes the answers stored in the state directory", cli_cache},
    {"journal", "ls|verify|export [CONFIG.toml] [options]",
     "lists, verifies or exports requests that were answered from trust", cli_journal},
    {"version", "", "tells the version and what it was built from", cli_version},
    {"help", "[COMMAND]", "tells of all commands, or more of one", cli_help},
    {NULL, NULL, NULL, NULL},
};

static bool is_help(const char *argument)
{
    return strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0;
}

/* -v, -vv, ...: how many; 0 if it is something else. */
static unsigned verbosity_of(const char *argument)
{
    size_t n = argument[0] == '-' ? strspn(argument + 1, "v") : 0;

    if (strcmp(argument, "--verbose") == 0)
        return 1;
    return n > 0 && argument[n + 1] == '\0' ? (unsigned)n : 0;
}

static int run(int argc, char **argv)
{
    const struct command *command;
    unsigned verbosity = 0;
    int i = 1;

    while (i < argc && verbosity_of(argv[i]) > 0)
        verbosity += verbosity_of(argv[i++]);
    if (i == argc)
        return command_fail_usage("a command is missing");
    if (is_help(argv[i]))
        return cli_help(0, NULL, verbosity);
    if (strcmp(argv[i], "--version") == 0)
        return cli_version(0, NULL, verbosity);
    if (argv[i][0] == '-')
        return command_fail_usage("a command must come before its options");
    command = command_find(argv[i]);
    if (!command)
        return command_fail_unknown(argv[i]);
    for (int j = i + 1; j < argc; j++)
        if (is_help(argv[j]))
            return cli_help(1, &argv[i], verbosity);
    return command->run(argc - i - 1, argv + i + 1, verbosity);
}

int main(int argc, char **argv)
{
    int code;

    /* A reader that went away must not end the program in the midst of something. */
    signal(SIGPIPE, SIG_IGN);
    code = run(argc, argv);
    /* Output that got lost (a full disk) is a failure, too. */
    if (fflush(stdout) != 0 && code == 0)
        code = 71;
    return code;
}
