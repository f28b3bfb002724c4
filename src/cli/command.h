/*
 * The commands of the program. Each gets the arguments behind its name and how often -v was given
 * before it, and returns the exit code.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/buf.h"
#include "base/err.h"

struct command {
    const char *name;
    const char *arguments; /* as help shows them, "" if none */
    const char *summary;
    int (*run)(int argc, char **argv, unsigned verbosity);
};

/* Every command, in the order of help; ended by a NULL name. Defined in main.c. */
extern const struct command command_table[];

int cli_serve(int argc, char **argv, unsigned verbosity);
int cli_probe(int argc, char **argv, unsigned verbosity);
int cli_status(int argc, char **argv, unsigned verbosity);
int cli_check(int argc, char **argv, unsigned verbosity);
int cli_cert(int argc, char **argv, unsigned verbosity);
int cli_cache(int argc, char **argv, unsigned verbosity);
int cli_journal(int argc, char **argv, unsigned verbosity);
int cli_version(int argc, char **argv, unsigned verbosity);
int cli_help(int argc, char **argv, unsigned verbosity);

/* "0.1.0". Defined in version.c. */
const char *command_version(void);

/* Prints the error to stderr as "license-proxy: text" and returns the exit code for it. */
int command_fail(const struct err *err);

/* As command_fail for a mistake on the command line (64); says how to get help. */
__attribute__((format(printf, 1, 2))) int command_fail_usage(const char *fmt, ...);

/* The command of that name; NULL if there is none. */
const struct command *command_find(const char *name);

/*
 * Appends words in lines of less than 80 columns: the label, and they from indent on; a word that
 * is longer than that is broken. The last line isn't ended. label NULL is none.
 */
void command_wrap(struct buf *out, const char *label, const char *words, int indent);

/* As command_fail_usage: there is no such command; names the nearest one. */
int command_fail_unknown(const char *name);

#endif
