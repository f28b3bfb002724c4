#include "cli/options.h"

#include "base/fs.h"
#include "cli/nearest.h"
#include "format/toml.h"
#include "format/uri.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define PENDING 4 /* variables in one string of the file, as far as they may hold a key */

/* One making of a configuration. */
struct load {
    struct options *options;
    struct config *config;
    options_report *report;
    void *ctx;
    size_t faults;
    char pending[PENDING][SETTING_VARIABLE_SIZE]; /* variables that the file's next value holds */
    size_t pending_count;
    struct slice unknown_table; /* reported already; borrowed from unknown_text */
    char unknown_text[SETTING_VARIABLE_SIZE];
};

static size_t index_of(const struct setting *s)
{
    return (size_t)(s - setting_table);
}

static bool out_of_memory(struct err *err)
{
    err_set(err, ERR_MEMORY, "out of memory");
    return false;
}

/* ---- faults ------------------------------------------------------------------------------- */

static void where(const struct options *o, const struct setting *s, struct options_origin origin,
                  char out[OPTIONS_WHERE_SIZE])
{
    char variable[SETTING_VARIABLE_SIZE];

    switch (origin.layer) {
    case LAYER_FLAG:
        snprintf(out, OPTIONS_WHERE_SIZE, "--%s", s->name);
        break;
    case LAYER_ENVIRONMENT:
        setting_variable(s, variable);
        snprintf(out, OPTIONS_WHERE_SIZE, "environment variable %s",
                 origin.variable ? origin.variable : variable);
        break;
    case LAYER_FILE:
        snprintf(out, OPTIONS_WHERE_SIZE, "%s:%u: [%s] %s", o->file, origin.line, s->table, s->key);
        break;
    case LAYER_DEFAULT:
        snprintf(out, OPTIONS_WHERE_SIZE, "[%s] %s", s->table, s->key);
        break;
    }
}

void options_where(const struct options *o, const struct setting *s, char out[OPTIONS_WHERE_SIZE])
{
    where(o, s, o->origins[index_of(s)], out);
}

static void report(struct load *l, enum err_code code, const char *text)
{
    l->faults++;
    l->report(l->ctx, code, text);
}

static void report_setting(struct load *l, const struct setting *s, struct options_origin origin,
                           enum err_code code, const char *what)
{
    char place[OPTIONS_WHERE_SIZE], text[LIMIT_ERR_TEXT];

    where(l->options, s, origin, place);
    snprintf(text, sizeof text, "%s: %s", place, what);
    report(l, code, text);
}

/* ---- the environment ---------------------------------------------------------------------- */

/*
 * Kubernetes gives every pod variables that tell of services: one named "license-proxy" yields
 * LICENSE_PROXY_PORT=tcp://10.0.0.1:8443. Those aren't meant for this program.
 */
static bool is_service_link(const struct setting *s, const char *value)
{
    return s->type == SETTING_INTEGER &&
           (strncmp(value, "tcp://", 6) == 0 || strncmp(value, "udp://", 6) == 0);
}

/* ---- applying ----------------------------------------------------------------------------- */

/*
 * Takes a value from a layer. first: it replaces what lower layers said; else it is a further
 * element of a list.
 */
static void apply(struct load *l, const struct setting *s, struct options_origin origin,
                  struct slice text, bool first)
{
    struct err err = {0};

    if (first) {
        l->options->origins[index_of(s)] = origin;
        if (s->type == SETTING_LIST)
            setting_clear(s, l->config);
    }
    if (setting_read(s, text, l->config, &err))
        return;
    /* A flag's bad value is a mistake on the command line; a bad key is one of configuration. */
    if (err.code == ERR_CONFIG && origin.layer == LAYER_FLAG && s->type != SETTING_SECRET)
        err.code = ERR_USAGE;
    report_setting(l, s, origin, err.code, err.text);
}

static void apply_defaults(struct load *l)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *s = &setting_table[i];

        l->options->origins[i] = (struct options_origin){.layer = LAYER_DEFAULT};
        if (s->fallback)
            apply(l, s, l->options->origins[i], slice_of(s->fallback), true);
    }
}

static void apply_variable(struct load *l, const struct setting *s, const char *name,
                           const char *value)
{
    struct options_origin origin = {.layer = LAYER_ENVIRONMENT, .variable = name};
    struct slice rest = slice_of(value), element;
    bool first = true;

    if (s->type != SETTING_LIST) {
        apply(l, s, origin, rest, true);
        return;
    }
    while (slice_next_element(&rest, &element)) {
        apply(l, s, origin, element, first);
        first = false;
    }
}

static void apply_key_variables(struct load *l)
{
    const struct setting *key = setting_by_field(offsetof(struct config, license_key));
    const struct setting *file = setting_by_field(offsetof(struct config, license_key_file));

    for (size_t i = 0; i < VARIABLES_KEYS; i++) {
        const char *value = variables_get(&l->options->variables, variables_keys[i].key);
        const char *path = variables_get(&l->options->variables, variables_keys[i].file);

        if (path && path[0] == '\0')
            path = NULL;
        if (value)
            apply_variable(l, key, variables_keys[i].key, value);
        if (path)
            apply_variable(l, file, variables_keys[i].file, path);
        if (value || path)
            return;
    }
}

static bool is_key_setting(const struct setting *s)
{
    return s->offset == offsetof(struct config, license_key) ||
           s->offset == offsetof(struct config, license_key_file);
}

static void apply_environment(struct load *l)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *s = &setting_table[i];
        char name[SETTING_VARIABLE_SIZE];
        const char *value;

        if (is_key_setting(s))
            continue;
        setting_variable(s, name);
        value = variables_get(&l->options->variables, name);
        /* An empty variable is one that somebody left empty, unless empty has a meaning. */
        if (value && (value[0] != '\0' || s->rule == RULE_SCHEME) && !is_service_link(s, value))
            apply_variable(l, s, NULL, value);
    }
    apply_key_variables(l);
}

static void apply_flags(struct load *l)
{
    struct options_origin origin = {.layer = LAYER_FLAG};

    for (size_t i = 0; i < l->options->flag_count; i++) {
        const struct options_flag *flag = &l->options->flags[i];
        bool first = flag->setting->type != SETTING_LIST ||
                     l->options->origins[index_of(flag->setting)].layer != LAYER_FLAG;

        apply(l, flag->setting, origin, slice_make(flag->text.data, flag->text.size), first);
    }
}

/* ---- the file ----------------------------------------------------------------------------- */

static const char *on_lookup(void *ctx, struct slice name)
{
    struct load *l = ctx;
    char text[SETTING_VARIABLE_SIZE];

    if (!slice_copy(name, text, sizeof text))
        return NULL;
    if (l->pending_count < PENDING)
        memcpy(l->pending[l->pending_count++], text, sizeof text);
    return variables_get(&l->options->variables, text);
}

/* Reported once, whether by its header or by its first key. */
static void report_table(struct load *l, struct slice table, unsigned line)
{
    struct nearest nearest;
    char text[LIMIT_ERR_TEXT], name[SETTING_VARIABLE_SIZE];

    if (l->unknown_table.n > 0 && slice_eq(l->unknown_table, slice_of(setting_show(table, name))))
        return;
    l->unknown_table = slice_of(setting_show(table, l->unknown_text));
    nearest_init(&nearest, table);
    for (size_t i = 0; i < setting_count; i++)
        nearest_offer(&nearest, setting_table[i].table);
    if (nearest.best)
        snprintf(text, sizeof text, "%s:%u: [%s]: unknown table; did you mean [%s]?",
                 l->options->file, line, l->unknown_text, nearest.best);
    else
        snprintf(text, sizeof text,
                 "%s:%u: [%s]: unknown table; \"license-proxy help serve\" lists them",
                 l->options->file, line, l->unknown_text);
    report(l, ERR_CONFIG, text);
}

static void report_key(struct load *l, struct slice table, struct slice key, unsigned line)
{
    struct nearest nearest;
    const char *home = NULL;
    char text[LIMIT_ERR_TEXT], place[OPTIONS_WHERE_SIZE];
    char table_name[SETTING_VARIABLE_SIZE], name[SETTING_VARIABLE_SIZE];

    nearest_init(&nearest, key);
    for (size_t i = 0; i < setting_count; i++) {
        /* Outside of all tables, any key may be meant. */
        if (table.n == 0 || slice_eq(slice_of(setting_table[i].table), table))
            nearest_offer(&nearest, setting_table[i].key);
        if (slice_eq(slice_of(setting_table[i].key), key) && !home)
            home = setting_table[i].table;
    }
    if (table.n > 0)
        snprintf(place, sizeof place, "%s:%u: [%s] %s", l->options->file, line,
                 setting_show(table, table_name), setting_show(key, name));
    else
        snprintf(place, sizeof place, "%s:%u: %s", l->options->file, line, setting_show(key, name));
    if (home)
        snprintf(text, sizeof text, "%s: unknown key; it belongs in [%s]", place, home);
    else if (nearest.best)
        snprintf(text, sizeof text, "%s: unknown key; did you mean %s%s?", place, nearest.best,
                 table.n > 0 ? "" : ", in its [table]");
    else
        snprintf(text, sizeof text, "%s: unknown key; \"license-proxy help serve\" lists them",
                 place);
    report(l, ERR_CONFIG, text);
}

static bool on_table(void *ctx, struct slice table, unsigned line, struct err *err)
{
    (void)err;
    if (!setting_has_table(table))
        report_table(ctx, table, line);
    return true;
}

/* What is wrong about the kind of value that the file has for a setting; NULL if nothing. */
static const char *type_fault(const struct setting *s, const struct toml_value *value)
{
    switch (value->type) {
    case TOML_STRING:
        return NULL;
    case TOML_STRINGS:
        return s->type == SETTING_LIST ? NULL : "takes one value; write it without brackets";
    case TOML_INTEGER:
        /* A duration gets its own, better message from its reader. */
        return s->type == SETTING_INTEGER || s->type == SETTING_DURATION
                   ? NULL
                   : (s->type == SETTING_BOOLEAN ? "not a number; write true or false"
                                                 : "not a number; write text in quotes");
    case TOML_BOOLEAN:
        return s->type == SETTING_BOOLEAN   ? NULL
               : s->type == SETTING_INTEGER ? "not true or false; write a number"
                                            : "not true or false; write text in quotes";
    }
    return NULL;
}

static void apply_value(struct load *l, const struct setting *s, const struct toml_value *value,
                        struct options_origin origin)
{
    const char *fault = type_fault(s, value);
    char number[24];

    if (fault) {
        l->options->origins[index_of(s)] = origin;
        report_setting(l, s, origin, ERR_CONFIG, fault);
        return;
    }
    switch (value->type) {
    case TOML_STRING:
        apply(l, s, origin, value->string, true);
        break;
    case TOML_INTEGER:
        snprintf(number, sizeof number, "%" PRId64, value->integer);
        apply(l, s, origin, slice_of(number), true);
        break;
    case TOML_BOOLEAN:
        apply(l, s, origin, slice_of(value->boolean ? "true" : "false"), true);
        break;
    case TOML_STRINGS:
        if (value->count == 0) {
            l->options->origins[index_of(s)] = origin;
            setting_clear(s, l->config);
        }
        for (size_t i = 0; i < value->count; i++)
            apply(l, s, origin, value->strings[i], i == 0);
        break;
    }
}

static bool on_value(void *ctx, struct slice table, struct slice key,
                     const struct toml_value *value, unsigned line, struct err *err)
{
    struct load *l = ctx;
    const struct setting *s = setting_by_key(table, key);
    bool captured = true;

    if (s && s->type == SETTING_SECRET)
        for (size_t i = 0; i < l->pending_count; i++)
            if (getenv(l->pending[i]))
                captured = variables_capture(&l->options->variables, l->pending[i]) && captured;
    l->pending_count = 0;
    if (!captured)
        return out_of_memory(err);
    if (s)
        apply_value(l, s, value, (struct options_origin){.layer = LAYER_FILE, .line = line});
    else if (table.n > 0 && !setting_has_table(table))
        report_table(l, table, line);
    else
        report_key(l, table, key, line);
    return true;
}

static void apply_file(struct load *l)
{
    const struct toml_handler handler = {
        .on_value = on_value, .on_table = on_table, .lookup = on_lookup, .ctx = l};
    const char *path = l->options->file;
    struct err err = {0};
    struct buf text;

    if (!path)
        return;
    buf_init(&text, LIMIT_CONFIG_FILE);
    if (!fs_read_file(path, &text, &err) || !toml_parse(buf_slice(&text), path, &handler, &err))
        report(l, err.code, err.text);
    buf_wipe(&text);
}

/* ---- together ----------------------------------------------------------------------------- */

static void report_field(struct load *l, size_t field, const char *what)
{
    const struct setting *s = setting_by_field(field);

    report_setting(l, s, l->options->origins[index_of(s)], ERR_CONFIG, what);
}

static enum options_layer layer_of(const struct load *l, size_t field)
{
    return l->options->origins[index_of(setting_by_field(field))].layer;
}

static void read_key_file(struct load *l)
{
    const struct setting *file = setting_by_field(offsetof(struct config, license_key_file));
    const struct setting *key = setting_by_field(offsetof(struct config, license_key));
    struct options_origin origin = l->options->origins[index_of(file)];
    char text[LIMIT_ERR_TEXT];
    struct err err = {0};
    struct slice line;
    struct buf content;

    /* Two more for the line's end. */
    buf_init(&content, LIMIT_SECRET + 2);
    if (!fs_read_file(l->config->license_key_file, &content, &err)) {
        report_setting(l, file, origin, err.code, err.text);
    } else {
        line = buf_slice(&content);
        if (line.p && line.n > 0 && line.p[line.n - 1] == '\n')
            line.n--;
        if (line.p && line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (!setting_read(key, line, l->config, &err)) {
            snprintf(text, sizeof text, "%s: %.200s", l->config->license_key_file, err.text);
            report_setting(l, file, origin, err.code, text);
        }
    }
    buf_wipe(&content);
}

static void settle_key(struct load *l)
{
    struct config *c = l->config;
    enum options_layer key = layer_of(l, offsetof(struct config, license_key));
    enum options_layer file = layer_of(l, offsetof(struct config, license_key_file));

    if (key != LAYER_DEFAULT && key == file) {
        report_field(l, offsetof(struct config, license_key_file),
                     "the license key is given beside its file; leave out one");
        return;
    }
    if (key > file) {
        free(c->license_key_file);
        c->license_key_file = NULL;
    } else if (file > key) {
        secret_fini(&c->license_key);
        if (c->license_key_file)
            read_key_file(l);
    }
}

static void settle_hosts(struct load *l)
{
    struct config *c = l->config;
    bool any;

    if (!c->status_host && c->host) {
        c->status_host = strdup(c->host);
        if (!c->status_host)
            report(l, ERR_MEMORY, "out of memory");
    }
    if (!c->status_host || c->port == 0 || c->port != c->status_port)
        return;
    any = strcmp(c->host, "0.0.0.0") == 0 || strcmp(c->host, "::") == 0 ||
          strcmp(c->status_host, "0.0.0.0") == 0 || strcmp(c->status_host, "::") == 0;
    if (any || strcmp(c->host, c->status_host) == 0)
        report_field(l, offsetof(struct config, status_port),
                     "the same as the licensing port; choose another");
}

static const char *look_up(void *ctx, const char *name)
{
    return variables_get(ctx, name);
}

bool options_egress(const struct options *o, const struct config *config, struct egress *out,
                    struct err *err)
{
    return egress_init(out, &config->proxy, config->no_proxy, look_up,
                       (void *)(uintptr_t)&o->variables, err);
}

static void settle_egress(struct load *l)
{
    struct egress egress;
    struct err err = {0};

    if (options_egress(l->options, l->config, &egress, &err))
        egress_fini(&egress);
    else
        report(l, err.code, err.text);
}

/* Both or neither. */
static void settle_pair(struct load *l, const char *cert, const char *key, size_t cert_field,
                        size_t key_field)
{
    if (cert && !key)
        report_field(l, cert_field, "a certificate without its key; give the key's file, too");
    if (key && !cert)
        report_field(l, key_field,
                     "a key without its certificate; give the certificate's file, too");
}

/* The public authorities certify names; for an address the operator must say what it must show. */
static void settle_servers(struct load *l)
{
    struct config *c = l->config;
    struct uri uri;

    if (c->server_urls.count == 0 && l->faults == 0)
        report_field(l, offsetof(struct config, server_urls),
                     "no license server is named; give at least one, or leave the setting out");
    for (size_t i = 0; i < c->server_urls.count; i++)
        if (uri_parse(slice_of(c->server_urls.items[i]), &uri, NULL) && uri.host_is_ip &&
            !c->ca_file && c->pin_sha256.count == 0)
            report_field(l, offsetof(struct config, server_urls),
                         "an address is certified by no public authority; write the server's name, "
                         "or give pin_sha256 or ca_file in [upstream]");
}

/* Nobody, or everybody? One of them is a mistake. */
static void settle_access(struct load *l, const struct config_list *list, size_t field)
{
    if (list->count == 0 && l->faults == 0 && layer_of(l, field) != LAYER_DEFAULT)
        report_field(l, field, "empty; name networks, or leave the setting out to allow all");
}

static void settle(struct load *l)
{
    struct config *c = l->config;
    enum log_level asked = LOG_INFO + (l->options->verbosity < 2 ? l->options->verbosity : 2);

    settle_key(l);
    settle_hosts(l);
    settle_pair(l, c->tls_cert, c->tls_key, offsetof(struct config, tls_cert),
                offsetof(struct config, tls_key));
    settle_pair(l, c->client_cert, c->client_key, offsetof(struct config, client_cert),
                offsetof(struct config, client_key));
    settle_servers(l);
    if (c->client_ca && !c->tls_enabled)
        report_field(l, offsetof(struct config, client_ca),
                     "without TLS no client shows a certificate; leave it out, or enabled");
    settle_access(l, &c->allow, offsetof(struct config, allow));
    settle_access(l, &c->status_allow, offsetof(struct config, status_allow));
    if (c->journal_mode != JOURNAL_OFF && !c->state_dir)
        report_field(l, offsetof(struct config, journal_mode),
                     "the usage journal needs a state directory; name it by dir in [state]");
    c->checkin_path_named = layer_of(l, offsetof(struct config, checkin_path)) != LAYER_DEFAULT;
    if (l->options->verbosity > 0 && asked > c->log_level)
        c->log_level = asked;
    settle_egress(l);
}

size_t options_examine(struct options *o, struct config *out, options_report *to, void *ctx)
{
    struct load l = {.options = o, .config = out, .report = to, .ctx = ctx};

    memset(out, 0, sizeof *out);
    apply_defaults(&l);
    apply_file(&l);
    apply_environment(&l);
    apply_flags(&l);
    settle(&l);
    return l.faults;
}

static void keep_first(void *ctx, enum err_code code, const char *text)
{
    err_set(ctx, code, "%s", text);
}

bool options_load(struct options *o, struct config *out, struct err *err)
{
    if (options_examine(o, out, keep_first, err) == 0)
        return true;
    config_fini(out);
    return false;
}
