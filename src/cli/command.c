#include "cli/command.h"

#include "cli/nearest.h"

#include <stdarg.h>
#include <stdio.h>

#define WIDTH 80

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

void command_wrap(struct buf *out, const char *label, const char *words, int indent)
{
    int column = 0;

    for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
        int n = (int)strcspn(words, " ");

        if (n >= WIDTH - indent)
            n = WIDTH - indent - 1;
        if (column > 0 && column + 1 + n < WIDTH) {
            (void)buf_appendf(out, " %.*s", n, words);
            column += 1 + n;
        } else {
            (void)buf_appendf(out, "%s%-*s%.*s", column > 0 ? "\n" : "", indent, label ? label : "",
                              n, words);
            column = indent + n;
        }
        label = "";
        words += n;
    }
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
