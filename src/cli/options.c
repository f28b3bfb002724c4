#include "cli/options.h"

#include "cli/nearest.h"

#include <stdlib.h>

static bool out_of_memory(struct err *err)
{
    err_set(err, ERR_MEMORY, "out of memory");
    return false;
}

static bool fail_unknown(struct slice name, struct err *err)
{
    struct nearest nearest;
    char text[SETTING_VARIABLE_SIZE];

    nearest_init(&nearest, name);
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].is_flag)
            nearest_offer(&nearest, setting_table[i].name);
    if (nearest.best)
        err_set(err, ERR_USAGE, "unknown option --%s; did you mean --%s?", setting_show(name, text),
                nearest.best);
    else
        err_set(err, ERR_USAGE, "unknown option --%s", setting_show(name, text));
    return false;
}

/* "--name value" or "--name=value"; takes one or two of the arguments. */
static bool take_flag(struct options *o, char **argv, int left, int *taken, struct err *err)
{
    char *equals = strchr(argv[0], '=');
    struct slice name =
        slice_make(argv[0] + 2, equals ? (size_t)(equals - argv[0]) - 2 : strlen(argv[0]) - 2);
    const struct setting *s = setting_by_flag(name);
    char *value = equals ? equals + 1 : left > 1 ? argv[1] : NULL;

    if (!s)
        return fail_unknown(name, err);
    if (!value || (!equals && strncmp(value, "--", 2) == 0)) {
        err_set(err, ERR_USAGE, "--%s needs a value: --%s %s", s->name, s->name, s->argument);
        return false;
    }
    if (o->flag_count == OPTIONS_FLAGS) {
        err_set(err, ERR_USAGE, "too many options; at most %d are possible", OPTIONS_FLAGS);
        return false;
    }
    o->flags[o->flag_count].setting = s;
    if (!secret_set(&o->flags[o->flag_count].text, value, strlen(value)))
        return out_of_memory(err);
    o->flag_count++;
    if (s->type == SETTING_SECRET)
        secret_wipe(value, strlen(value));
    *taken = equals ? 1 : 2;
    return true;
}

static bool take_file(struct options *o, const char *path, struct err *err)
{
    if (o->file) {
        err_set(err, ERR_USAGE, "more than one configuration file is named");
        return false;
    }
    if (path[0] == '\0') {
        err_set(err, ERR_USAGE, "the configuration file's name is empty");
        return false;
    }
    o->file = strdup(path);
    return o->file || out_of_memory(err);
}

static bool take_arguments(struct options *o, int argc, char **argv, struct err *err)
{
    bool only_files = false;

    for (int i = 0; i < argc;) {
        char *a = argv[i];
        int taken = 1;

        if (only_files || a[0] != '-' || a[1] == '\0') {
            if (!take_file(o, a, err))
                return false;
        } else if (strcmp(a, "--") == 0) {
            only_files = true;
        } else if (strcmp(a, "--verbose") == 0) {
            o->verbosity++;
        } else if (a[1] == 'v' && strspn(a + 1, "v") == strlen(a + 1)) {
            o->verbosity += (unsigned)strlen(a + 1);
        } else if (a[1] == '-') {
            if (!take_flag(o, argv + i, argc - i, &taken, err))
                return false;
        } else {
            char text[SETTING_VARIABLE_SIZE];

            err_set(err, ERR_USAGE, "unknown option %s", setting_show(slice_make(a, 2), text));
            return false;
        }
        i += taken;
    }
    return true;
}

bool options_init(struct options *o, int argc, char **argv, unsigned verbosity, struct err *err)
{
    memset(o, 0, sizeof *o);
    o->verbosity = verbosity;
    /* The key comes first, before anything can take long or go wrong. */
    if (!take_arguments(o, argc, argv, err))
        return false;
    for (size_t i = 0; i < VARIABLES_KEYS; i++)
        if (!variables_capture(&o->variables, variables_keys[i].key))
            return out_of_memory(err);
    for (size_t i = 0; i < setting_count; i++) {
        char name[SETTING_VARIABLE_SIZE];

        setting_variable(&setting_table[i], name);
        if (setting_table[i].type == SETTING_SECRET && !variables_capture(&o->variables, name))
            return out_of_memory(err);
    }
    return true;
}

void options_fini(struct options *o)
{
    free(o->file);
    for (size_t i = 0; i < o->flag_count; i++)
        secret_fini(&o->flags[i].text);
    variables_fini(&o->variables);
    secret_wipe(o, sizeof *o);
}
