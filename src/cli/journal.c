/*
 * `journal`: looks into the usage journal of a state directory, whether a proxy runs on it or not,
 * in the order in which its records are sent. What is printed holds no field but the content type,
 * so no credential; a body, and a target with its query, only in the export.
 */
#include "trust/journal.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/state_files.h"

#include "base/fs.h"
#include "crypto/sha256.h"
#include "format/base64.h"
#include "format/json.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_SIZE (LIMIT_STRING + JOURNAL_NAME_SIZE + 2)
#define NAMES_MAX (LIMIT_JOURNAL_RECORDS * 4) /* of some instances, each full */
#define LINE_MAX (LIMIT_HEAD * 12 + BASE64_SIZE(LIMIT_REQUEST_BODY) + 4096)

enum journal_verb { JOURNAL_LS, JOURNAL_VERIFY, JOURNAL_EXPORT };

struct journal_command {
    enum journal_verb verb;
    struct options options;
    struct config config;
    struct tls_profile profile;
    struct seal seal;
    struct journal_item *items; /* owned */
    size_t count, bad, gaps;
    /* The file that is looked at. */
    char name[JOURNAL_NAME_SIZE];
    struct buf text; /* wiped; what usage points into */
    struct record_usage usage;
    /* verify: the record before, if it is of the same chain. */
    struct journal_item before;
    bool before_good;
    uint8_t before_hash[32];
};

enum found { FOUND_GOOD, FOUND_BAD, FOUND_GONE };

/* Reads a record into text and usage. */
static enum found read_record(struct journal_command *c, const struct journal_item *item)
{
    enum found rv = FOUND_BAD;
    char path[PATH_SIZE];
    struct buf sealed;

    journal_name(item, c->name);
    snprintf(path, sizeof path, "%s/%s", c->config.state_dir, c->name);
    buf_init(&sealed, LIMIT_STATE_FILE);
    buf_wipe(&c->text);
    if (fs_read_file(path, &sealed, NULL)) {
        if (journal_open(&c->seal, &c->profile, c->name, buf_slice(&sealed), &c->text, &c->usage))
            rv = FOUND_GOOD;
    } else if (access(path, F_OK) < 0) {
        rv = FOUND_GONE; /* sent meanwhile */
    }
    buf_fini(&sealed);
    return rv;
}

/* All names, in the order of replay. */
static bool list(struct journal_command *c, struct err *err)
{
    DIR *dir = opendir(c->config.state_dir);
    struct journal_item item = {0};
    struct dirent *d;
    size_t cap = 0;

    if (!dir) {
        err_set(err, errno == EACCES ? ERR_PERMISSION : ERR_CONFIG, "%s: %s", c->config.state_dir,
                strerror(errno));
        return false;
    }
    while ((d = readdir(dir))) {
        if (!slice_starts_with(slice_of(d->d_name), SLICE(JOURNAL_PREFIX)) ||
            !journal_read_name(d->d_name, &item))
            continue;
        if (c->count == cap) {
            struct journal_item *more;

            cap = cap ? cap * 2 : 64;
            more = cap <= NAMES_MAX ? realloc(c->items, cap * sizeof item) : NULL;
            if (!more) {
                err_set(err, ERR_LIMIT, "more records than can be handled");
                closedir(dir);
                return false;
            }
            c->items = more;
        }
        item.time_ns = 0;
        if (read_record(c, &item) == FOUND_GOOD)
            item.time_ns = c->usage.at.never_back_ns;
        c->items[c->count++] = item;
    }
    closedir(dir);
    journal_sort(c->items, c->count);
    return true;
}

static void show_record(const struct journal_command *c, const struct journal_item *item)
{
    const struct record_usage *u = &c->usage;
    struct slice query = u->target, path = slice_cut(&query, '?');
    char time[CLOCK_RFC3339_SIZE];

    clock_format(u->wall_ns, time);
    printf("%08" PRIx32 "  %" PRIu64 "  %s  %.*s %.*s  %zu bytes\n", item->chain, item->sequence,
           time, (int)u->method.n, u->method.p, (int)path.n, path.p, u->body.n);
}

/* The value of the first field of that name; empty if there is none. */
static struct slice field_of(struct slice fields, struct slice name)
{
    while (fields.n > 0) {
        const char *end = memchr(fields.p, '\n', fields.n);
        size_t n = end ? (size_t)(end - fields.p) + 1 : fields.n;

        if (n > name.n + 2 && fields.p[name.n] == ':' &&
            slice_eq_nocase(slice_make(fields.p, name.n), name))
            return slice_trim(slice_make(fields.p + name.n + 1, n - name.n - 3));
        fields = slice_make(fields.p + n, fields.n - n);
    }
    return (struct slice){0};
}

static void add_string(struct json *j, const char *key, struct slice value)
{
    json_key(j, key);
    json_string(j, value);
}

/* One line of JSON. */
static bool export_record(struct journal_command *c, const struct journal_item *item)
{
    const struct record_usage *u = &c->usage;
    size_t size = BASE64_SIZE(u->body.n) + 1;
    char chain[9], time[CLOCK_RFC3339_SIZE], *body = malloc(size);
    struct buf line;
    struct json j;
    bool rv;

    buf_init(&line, LINE_MAX);
    json_init(&j, &line);
    snprintf(chain, sizeof chain, "%08" PRIx32, item->chain);
    clock_format(u->wall_ns, time);
    json_begin_object(&j);
    add_string(&j, "chain", slice_of(chain));
    json_key(&j, "sequence");
    json_int(&j, (int64_t)item->sequence);
    add_string(&j, "time", slice_of(time));
    add_string(&j, "method", u->method);
    add_string(&j, "target", u->target);
    add_string(&j, "content_type", field_of(u->fields, SLICE("content-type")));
    if (body && base64_encode(u->body, body, size))
        add_string(&j, "body", slice_make(body, size - 1));
    json_end_object(&j);
    rv = body && json_done(&j);
    if (rv)
        printf("%.*s\n", (int)line.len, buf_slice(&line).p);
    buf_fini(&line);
    free(body);
    return rv;
}

static void tell_fault(struct journal_command *c, const char *what)
{
    c->gaps++;
    printf("%s: %s\n", c->name, what);
}

/* Whether the record links to the one before. */
static void verify_link(struct journal_command *c, const struct journal_item *item, bool good)
{
    static const uint8_t zero[32];
    const struct journal_item *before = &c->before;
    bool same = before->chain == item->chain && before->sequence != 0;

    if (same && before->sequence + 1 != item->sequence)
        tell_fault(c, "the records before it are missing");
    else if (good && (same ? c->before_good : item->sequence == 1) &&
             memcmp(c->usage.previous, same ? c->before_hash : zero, 32) != 0)
        tell_fault(c, "does not follow the record before it");
    c->before = *item;
    c->before_good = good;
    if (good)
        sha256(buf_slice(&c->text), c->before_hash);
}

static bool visit_all(struct journal_command *c)
{
    size_t there = 0;

    for (size_t i = 0; i < c->count; i++) {
        enum found found = read_record(c, &c->items[i]);

        if (found == FOUND_GONE)
            continue;
        there++;
        if (found == FOUND_BAD) {
            c->bad++;
            fprintf(c->verb == JOURNAL_EXPORT ? stderr : stdout,
                    "%s: does not verify: it was changed, or sealed with another license key\n",
                    c->name);
        }
        if (c->verb == JOURNAL_VERIFY)
            verify_link(c, &c->items[i], found == FOUND_GOOD);
        else if (found == FOUND_GOOD && c->verb == JOURNAL_LS)
            show_record(c, &c->items[i]);
        else if (found == FOUND_GOOD && !export_record(c, &c->items[i]))
            return false;
    }
    if (c->verb != JOURNAL_EXPORT)
        printf("%zu records, %zu that do not verify\n", there, c->bad);
    if (c->verb == JOURNAL_VERIFY && c->gaps > 0)
        printf("%zu breaks in their chains\n", c->gaps);
    return true;
}

static bool run(struct journal_command *c, struct err *err)
{
    struct secret secret = {0};

    if (!c->config.state_dir) {
        err_set(err, ERR_CONFIG, "no state directory: give --state-dir DIR");
        return false;
    }
    if (!tls_profile_init(&c->profile, err) ||
        !state_files_seal_secret(c->config.state_dir, &c->config.license_key, &c->profile, &secret,
                                 err))
        return false;
    seal_init(&c->seal, slice_make(secret.data, secret.size));
    secret_fini(&secret);
    if (!list(c, err))
        return false;
    if (visit_all(c))
        return true;
    err_set(err, ERR_MEMORY, "out of memory");
    return false;
}

static bool take_verb(struct journal_command *c, int argc, char **argv)
{
    static const char *const verbs[] = {"ls", "verify", "export"};

    for (size_t i = 0; i < 3 && argc > 0; i++) {
        if (strcmp(argv[0], verbs[i]) == 0) {
            c->verb = (enum journal_verb)i;
            return true;
        }
    }
    return false;
}

int cli_journal(int argc, char **argv, unsigned verbosity)
{
    struct journal_command *c = calloc(1, sizeof *c);
    struct err err = {0};
    int rv = 0;

    if (!c)
        return command_fail_usage("out of memory");
    buf_init(&c->text, LIMIT_STATE_FILE);
    if (!take_verb(c, argc, argv))
        rv = command_fail_usage("journal takes one of ls, verify and export");
    else if (!options_init(&c->options, argc - 1, argv + 1, verbosity, &err) ||
             !options_load(&c->options, &c->config, &err) || !run(c, &err))
        rv = command_fail(&err);
    else if (c->bad > 0 || c->gaps > 0)
        rv = c->verb == JOURNAL_LS ? 0 : 1;
    buf_wipe(&c->text);
    free(c->items);
    seal_fini(&c->seal);
    tls_profile_fini(&c->profile);
    config_fini(&c->config);
    options_fini(&c->options);
    free(c);
    return rv;
}
