#include "cli/command.h"
#include "cli/setting.h"

#include <stdio.h>

static const struct {
    const char *command, *text;
} details[] = {
    {"serve", "Relays licensing requests to the license server, and answers from its cache, for\n"
              "a bounded time, when the server can't be reached. Works with a file, with flags,\n"
              "or both; a flag beats a variable, which beats the file, which beats the default.\n"
              "DEEPGRAM_API_KEY and LICENSE_KEY are taken for the license key, too, and with\n"
              "_FILE behind each of the three variables' names, for its file.\n"
              "Durations are written 90s, 15m, 12h, 7d.\n"},
    {"check", "Puts the configuration together as serve would, from the same file, flags and\n"
              "variables, looks at every file that it names, and serves nothing. Each fault is\n"
              "one line that says where it is and how to mend it. Exit code 0, or 78.\n"
              "\n"
              "The options are those of serve.\n"},
    {"probe", "Asks a running proxy's status port; exit code 0 if it is as told, else 1. For\n"
              "health checks in images that have neither shell nor curl.\n"
              "\n"
              "  ready            the proxy can serve (/readyz answers 200); the default\n"
              "  live             the proxy runs (/livez answers 200)\n"
              "  STATE...         its state is one of these: Ready, Connected, TrustBased,\n"
              "                   Failed\n"
              "\n"
              "  --url URL        the status port; default http://HOST:PORT, of the variables\n"
              "                   LICENSE_PROXY_STATUS_HOST, else LICENSE_PROXY_HOST, and\n"
              "                   LICENSE_PROXY_STATUS_PORT as serve has them, else\n"
              "                   http://127.0.0.1:8080\n"
              "  --timeout DUR    for all of it; default 5s\n"},
    {"status", "Shows a running proxy's state, why it is so, and what to do about it. Exit code\n"
               "0 while services are kept running (Ready, Connected, TrustBased); 1 when it has\n"
               "Failed, shuts down, or doesn't answer.\n"
               "\n"
               "  --json           what the status port has at /v1/details\n"
               "  --watch          again every second, until told to end: on a terminal the\n"
               "                   whole, else a line at each change of the state\n"
               "  --url URL        as of probe\n"
               "  --timeout DUR    for one answer; default 5s\n"
               "\n"
               "Colours are for terminals, unless NO_COLOR is set or TERM is dumb.\n"},
    {"journal", "Looks into the usage journal ([journal] mode) of a state directory.\n"
                "\n"
                "  ls               one line for each record: chain, sequence, time, request\n"
                "  verify           whether each record opens, and follows the one before it;\n"
                "                   exit code 1 if not\n"
                "  export           one line of JSON for each, with its body, for the vendor;\n"
                "                   no header field but the content type\n"
                "\n"
                "The options are those of serve; it needs the license key that serve has.\n"},
    {"version", "Prints the program's version and what it was built from.\n"},
    {"help", "Prints the commands, or what one of them does.\n"},
};

/* Prints words, indented, in lines that fit the width. */
static void print_wrapped(const char *text, int indent)
{
    struct buf lines;

    buf_init(&lines, 2048);
    command_wrap(&lines, NULL, text, indent);
    printf("%.*s\n", (int)lines.len, buf_slice(&lines).p);
    buf_fini(&lines);
}

static void print_setting(const struct setting *s)
{
    char variable[SETTING_VARIABLE_SIZE], text[512];

    setting_variable(s, variable);
    snprintf(text, sizeof text, "%s%s%s", s->help, s->fallback ? "; default " : "",
             s->fallback ? s->fallback : "");
    if (s->is_flag)
        printf("  --%s %s\n", s->name, s->argument);
    else
        printf("  [%s] %s = %s\n", s->table, s->key, s->argument);
    print_wrapped(text, 8);
    if (s->is_flag)
        snprintf(text, sizeof text, "%s, [%s] %s", variable, s->table, s->key);
    print_wrapped(s->is_flag ? text : variable, 8);
}

static void print_settings(void)
{
    printf("\nOptions, each with its variable and its [table] and key in the file:\n\n");
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].is_flag)
            print_setting(&setting_table[i]);
    printf("  -v, --verbose\n        more log; -vv for still more\n");
    printf("\nFurther settings, which only the file and variables have:\n\n");
    for (size_t i = 0; i < setting_count; i++)
        if (!setting_table[i].is_flag)
            print_setting(&setting_table[i]);
    printf("\nIn the file, ${NAME} inside \"text\" stands for an environment variable.\n");
}

static void print_overview(void)
{
    printf("Usage: license-proxy [-v]... COMMAND [ARGUMENTS]\n\n");
    for (const struct command *c = command_table; c->name; c++)
        printf("  %-8s %s\n", c->name, c->summary);
    printf("\n\"license-proxy help COMMAND\" tells more of each.\n\n"
           "Exit codes: 64 usage, 69 license server unreachable at the start, 73 can't\n"
           "create state, 77 permission or license key refused, 78 configuration.\n");
}

static void print_command(const struct command *c)
{
    printf("Usage: license-proxy %s%s%s\n\n", c->name, c->arguments[0] ? " " : "", c->arguments);
    for (size_t i = 0; i < sizeof details / sizeof details[0]; i++)
        if (strcmp(details[i].command, c->name) == 0)
            printf("%s", details[i].text);
    if (strcmp(c->name, "serve") == 0)
        print_settings();
}

int cli_help(int argc, char **argv, unsigned verbosity)
{
    const struct command *c;

    (void)verbosity;
    if (argc > 1)
        return command_fail_usage("help takes one command");
    if (argc == 0) {
        print_overview();
        return 0;
    }
    c = command_find(argv[0]);
    if (!c)
        return command_fail_unknown(argv[0]);
    print_command(c);
    return 0;
}
