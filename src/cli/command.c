#include "cli/command.h"

#include "cli/nearest.h"

#include <stdarg.h>
#include <stdio.h>

int command_fail(const struct err *err)
{
    fprintf(stderr, "license-proxy: %s\n", err->text);
    if (err->code == ERR_USAGE)
        fprintf(stderr, "\"license-proxy help\" tells what is possible\n");
    return err_exit_code(err);
}

int command_fail_usage(const char *fmt, ...)
{
    struct err err = {.code = ERR_USAGE};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err.text, sizeof err.text, fmt, ap);
    va_end(ap);
    return command_fail(&err);
}

const struct command *command_find(const char *name)
{
    for (const struct command *c = command_table; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

int command_fail_unknown(const char *name)
{
    struct nearest nearest;

    nearest_init(&nearest, slice_of(name));
    for (const struct command *c = command_table; c->name; c++)
        nearest_offer(&nearest, c->name);
    if (nearest.best)
        return command_fail_usage("unknown command; did you mean \"%s\"?", nearest.best);
    /* A word that may be anything, a key among it, is shown only when it looks like a command. */
    if (strlen(name) < 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name))
        return command_fail_usage("unknown command \"%s\"", name);
    return command_fail_usage("unknown command");
}
