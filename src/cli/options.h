/*
 * What the command line, the environment and the configuration file say, put together: a flag
 * beats a variable, which beats the file, which beats the default. struct options keeps what must
 * be read only once, so that a reload can put everything together anew.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/config.h"
#include "base/err.h"
#include "cli/setting.h"
#include "cli/variables.h"
#include "net/egress.h"

#define OPTIONS_FLAGS 64 /* flags with a value on one command line */

enum options_layer { LAYER_DEFAULT, LAYER_FILE, LAYER_ENVIRONMENT, LAYER_FLAG };

struct options_flag {
    const struct setting *setting;
    struct secret text; /* whatever the setting: some are secrets */
};

/* Where a setting's value was found. */
struct options_origin {
    enum options_layer layer;
    unsigned line;        /* LAYER_FILE */
    const char *variable; /* LAYER_ENVIRONMENT: a constant; NULL: the setting's own */
};

struct options {
    char *file;         /* owned; the configuration file's path, NULL if none */
    unsigned verbosity; /* how often -v was given */
    struct options_flag flags[OPTIONS_FLAGS];
    size_t flag_count;
    struct variables variables;
    struct options_origin origins[SETTING_MAX]; /* by the last load, beside setting_table */
};

/*
 * Reads the arguments behind the command's name: at most one file, flags, -v (added to verbosity).
 * Copies them, and overwrites the license key in argv and in the environment, where other
 * processes could read it. ERR_USAGE (also for an unknown flag, with the nearest one), ERR_MEMORY;
 * *o is then to be ended all the same.
 */
bool options_init(struct options *o, int argc, char **argv, unsigned verbosity, struct err *err);

/*
 * Makes a validated configuration from all layers, reading the file and the license key's file
 * anew. log_level has -v in it already. True: *out is the caller's, to be ended by config_fini.
 * False: *out is empty and err has the first fault (ERR_USAGE for a flag's value, ERR_CONFIG,
 * ERR_PERMISSION, ERR_MEMORY); its text says where the value came from and never shows it.
 */
bool options_load(struct options *o, struct config *out, struct err *err);

/* One fault; text is borrowed for the call. */
typedef void options_report(void *ctx, enum err_code code, const char *text);

/*
 * As options_load, but goes on after a fault and reports each. Returns how many there were; *out is
 * the caller's in any case, with lacking or default values where there was a fault.
 */
size_t options_examine(struct options *o, struct config *out, options_report *report, void *ctx);

/* "FILE:LINE: [table] key", "--flag", "environment variable NAME": where the value came from. */
#define OPTIONS_WHERE_SIZE 256
void options_where(const struct options *o, const struct setting *s, char out[OPTIONS_WHERE_SIZE]);

/*
 * The way out that the configuration and the environment ask for. False: ERR_CONFIG, the text
 * naming the setting or variable without its value; or ERR_MEMORY.
 */
bool options_egress(const struct options *o, const struct config *config, struct egress *out,
                    struct err *err);

/* Wipes and frees. */
void options_fini(struct options *o);

#endif
