/*
 * `cache`: looks into a state directory, whether a proxy runs on it or not. What it lists and
 * verifies it reads as `serve` does at start; what it purges, a running proxy serves no more from
 * the next outage on, since it looks at the files before it serves from trust.
 */
#include "cli/command.h"
#include "cli/options.h"
#include "cli/state_files.h"
#include "trust/store.h"

#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ID_DIGITS 16
#define IDS_MAX 256
#define PATH_SIZE (LIMIT_STRING + STORAGE_NAME + 2)

enum cache_verb { CACHE_LS, CACHE_VERIFY, CACHE_PURGE };

struct cache_command {
    enum cache_verb verb;
    bool all;
    const char *ids[IDS_MAX]; /* borrowed from argv */
    size_t id_count;
    struct options options;
    struct config config;
    struct tls_profile profile;
    struct secret secret;
    struct seal seal;
    struct clock clock;
    size_t entries, bad, purged, expired;
};

/* An entry that verifies, while its file is looked at. */
struct found {
    const char *name;
    struct record_entry record;
    char id[ID_DIGITS + 1];
};

static bool is_id(const char *s)
{
    return strlen(s) == ID_DIGITS && strspn(s, "0123456789abcdef") == ID_DIGITS;
}

/* Takes the verb, --all and ids out of argv; the rest is for options_init. */
static bool take_arguments(struct cache_command *c, int *argc, char **argv, struct err *err)
{
    static const char *const verbs[] = {"ls", "verify", "purge"};
    size_t verb = 0;
    int kept = 0;

    while (*argc > 0 && verb < 3 && strcmp(argv[0], verbs[verb]) != 0)
        verb++;
    if (*argc == 0 || verb == 3) {
        err_set(err, ERR_USAGE, "cache takes one of ls, verify and purge");
        return false;
    }
    c->verb = (enum cache_verb)verb;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--all") == 0)
            c->all = true;
        else if (is_id(argv[i]) && c->id_count < IDS_MAX)
            c->ids[c->id_count++] = argv[i];
        else
            argv[kept++] = argv[i];
    }
    *argc = kept;
    if (c->verb != CACHE_PURGE && (c->all || c->id_count > 0)) {
        err_set(err, ERR_USAGE, "cache %s takes neither ids nor --all", verbs[verb]);
        return false;
    }
    if (c->verb == CACHE_PURGE && c->all == (c->id_count > 0)) {
        err_set(err, ERR_USAGE,
                "cache purge takes either ids, as cache ls shows them, or --all for everything");
        return false;
    }
    return true;
}

static bool is_chosen(const struct cache_command *c, const char *id)
{
    for (size_t i = 0; i < c->id_count; i++)
        if (strcmp(c->ids[i], id) == 0)
            return true;
    return c->all;
}

/* Calls visit for each entry's file; f is NULL for one that does not verify. */
static bool for_each(struct cache_command *c,
                     bool (*visit)(struct cache_command *c, const char *name, struct found *f,
                                   struct err *err),
                     struct err *err)
{
    DIR *dir = opendir(c->config.state_dir);
    struct dirent *d;
    bool rv = true;

    if (!dir) {
        err_set(err, errno == EACCES ? ERR_PERMISSION : ERR_CONFIG, "%s: %s", c->config.state_dir,
                strerror(errno));
        return false;
    }
    while (rv && (d = readdir(dir))) {
        struct buf sealed, plain;
        struct found f = {.name = d->d_name};
        char path[PATH_SIZE], own_name[STORAGE_NAME + 1];
        bool good;

        if (!slice_starts_with(slice_of(d->d_name), SLICE(STORE_ENTRY_PREFIX)) ||
            strlen(d->d_name) > STORAGE_NAME)
            continue;
        snprintf(path, sizeof path, "%s/%s", c->config.state_dir, d->d_name);
        buf_init(&sealed, LIMIT_STATE_FILE);
        buf_init(&plain, LIMIT_STATE_FILE);
        good = fs_read_file(path, &sealed, NULL) &&
               seal_open(&c->seal, &c->profile, d->d_name, buf_slice(&sealed), &plain) &&
               record_read_entry(buf_slice(&plain), &f.record);
        if (good) {
            seal_name(&c->seal, STORE_ENTRY_PREFIX, f.record.key, own_name, sizeof own_name);
            good = strcmp(own_name, d->d_name) == 0;
            slice_write_hex(f.record.key, ID_DIGITS / 2, f.id);
        }
        rv = visit(c, d->d_name, good ? &f : NULL, err);
        buf_wipe(&plain);
        buf_fini(&sealed);
    }
    closedir(dir);
    return rv;
}

static bool recall(struct cache_command *c, const char *name, struct found *f, struct err *err)
{
    (void)name;
    (void)err;
    if (f)
        clock_recall(&c->clock, &f->record.validated);
    return true;
}

/* The highest time that the directory knows, as serve works it out. */
static bool recall_time(struct cache_command *c, struct err *err)
{
    char path[PATH_SIZE];
    struct buf sealed, plain;
    struct record_time t;
    uint8_t boot_id[16];

    clock_init(&c->clock);
    if (state_files_boot_id(boot_id))
        clock_set_boot(&c->clock, boot_id);
    snprintf(path, sizeof path, "%s/" STORE_TIME_NAME, c->config.state_dir);
    buf_init(&sealed, LIMIT_STATE_FILE);
    buf_init(&plain, LIMIT_STATE_FILE);
    if (fs_read_file(path, &sealed, NULL) &&
        seal_open(&c->seal, &c->profile, STORE_TIME_NAME, buf_slice(&sealed), &plain) &&
        record_read_time(buf_slice(&plain), &t))
        clock_recall(&c->clock, &t.now);
    buf_fini(&plain);
    buf_fini(&sealed);
    if (!for_each(c, recall, err))
        return false;
    clock_charge_boot(&c->clock);
    return true;
}

static int64_t left_s(const struct cache_command *c, const struct found *f)
{
    int64_t age_ns = clock_boot_ns(&c->clock) - clock_boot_of(&c->clock, &f->record.validated);

    return f->record.window_s - age_ns / CLOCK_NS_PER_S;
}

static bool list(struct cache_command *c, const char *name, struct found *f, struct err *err)
{
    (void)err;
    if (!f) {
        c->bad++;
        printf("%-16s  does not verify: %s\n", "-", name);
        return true;
    }
    c->entries++;
    if (left_s(c, f) > 0) {
        printf("%s  status %u, %zu bytes, trusted for %" PRId64 " s more\n", f->id,
               f->record.status, f->record.body.n, left_s(c, f));
    } else {
        c->expired++;
        printf("%s  status %u, %zu bytes, trust has expired\n", f->id, f->record.status,
               f->record.body.n);
    }
    return true;
}

static bool verify(struct cache_command *c, const char *name, struct found *f, struct err *err)
{
    (void)err;
    c->entries++;
    if (f)
        return true;
    c->bad++;
    printf("%s: does not verify: it was changed, or sealed with another license key\n", name);
    return true;
}

/* A running proxy has to find the file gone, also after a power cut. */
static bool purge(struct cache_command *c, const char *name, struct found *f, struct err *err)
{
    int dir;
    bool rv;

    if (f ? !is_chosen(c, f->id) : !c->all)
        return true;
    dir = open(c->config.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rv = dir >= 0 && (unlinkat(dir, name, 0) == 0 || errno == ENOENT) && fsync(dir) == 0;
    if (rv)
        c->purged++;
    else
        err_set(err, errno == EACCES || errno == EPERM ? ERR_PERMISSION : ERR_SYSTEM, "%s/%s: %s",
                c->config.state_dir, name, strerror(errno));
    if (dir >= 0)
        close(dir);
    return rv;
}

/* Looking makes no key: a new one would open nothing. */
static bool find_secret(struct cache_command *c, struct err *err)
{
    const char *dir = c->config.state_dir;
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/" STATE_FILES_SEAL_KEY, dir);
    if (!secret_is_set(&c->config.license_key) && access(path, R_OK) != 0) {
        err_set(err, errno == EACCES ? ERR_PERMISSION : ERR_CONFIG,
                "%s: %s: give the license key that the proxy has", path, strerror(errno));
        return false;
    }
    return state_files_seal_secret(dir, &c->config.license_key, &c->profile, &c->secret, err);
}

static bool run(struct cache_command *c, struct err *err)
{
    if (!c->config.state_dir) {
        err_set(err, ERR_CONFIG, "no state directory: give --state-dir DIR");
        return false;
    }
    if (!tls_profile_init(&c->profile, err) || !find_secret(c, err))
        return false;
    seal_init(&c->seal, slice_make(c->secret.data, c->secret.size));
    switch (c->verb) {
    case CACHE_LS:
        if (!recall_time(c, err) || !for_each(c, list, err))
            return false;
        printf("%zu entries, %zu expired, %zu that do not verify\n", c->entries, c->expired,
               c->bad);
        return true;
    case CACHE_VERIFY:
        if (!for_each(c, verify, err))
            return false;
        printf("%zu entries, %zu that do not verify\n", c->entries, c->bad);
        return true;
    case CACHE_PURGE:
        if (!for_each(c, purge, err))
            return false;
        printf("%zu entries purged\n", c->purged);
        return true;
    }
    return false;
}

int cli_cache(int argc, char **argv, unsigned verbosity)
{
    struct cache_command *c = calloc(1, sizeof *c);
    struct err err = {0};
    int rv = 0;

    if (!c) {
        err_set(&err, ERR_MEMORY, "out of memory");
        return command_fail(&err);
    }
    if (!take_arguments(c, &argc, argv, &err) ||
        !options_init(&c->options, argc, argv, verbosity, &err) ||
        !options_load(&c->options, &c->config, &err) || !run(c, &err))
        rv = command_fail(&err);
    else if (c->verb == CACHE_VERIFY)
        rv = c->bad > 0;
    else if (c->verb == CACHE_PURGE)
        rv = !c->all && c->purged == 0; /* none of the ids was there */
    seal_fini(&c->seal);
    secret_fini(&c->secret);
    tls_profile_fini(&c->profile);
    config_fini(&c->config);
    options_fini(&c->options);
    free(c);
    return rv;
}
