#include "cli/variables.h"

#include <stdlib.h>
#include <string.h>

const struct variables_key variables_keys[VARIABLES_KEYS] = {
    {"LICENSE_PROXY_LICENSE_KEY", "LICENSE_PROXY_LICENSE_KEY_FILE"},
    {"DEEPGRAM_API_KEY", "DEEPGRAM_API_KEY_FILE"},
    {"LICENSE_KEY", "LICENSE_KEY_FILE"},
};

bool variables_capture(struct variables *v, const char *name)
{
    char *value = getenv(name);
    struct secret copy = {0};
    char *name_copy;

    if (!value)
        return true;
    if (v->count == VARIABLES_MAX)
        return false;
    name_copy = strdup(name);
    if (!name_copy || !secret_set(&copy, value, strlen(value))) {
        free(name_copy);
        return false;
    }
    v->items[v->count].name = name_copy;
    secret_take(&v->items[v->count].value, &copy);
    v->count++;
    secret_wipe(value, strlen(value));
    unsetenv(name);
    return true;
}

const char *variables_get(const struct variables *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->items[i].name, name) == 0)
            return v->items[i].value.data;
    return getenv(name);
}

void variables_fini(struct variables *v)
{
    for (size_t i = 0; i < v->count; i++) {
        free(v->items[i].name);
        secret_fini(&v->items[i].value);
    }
    v->count = 0;
}
