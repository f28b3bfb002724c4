#include "trust/store.h"

#include <stdlib.h>

/* On the way of a request storage may take this long; then the cache counts. */
#define LOOK_UP_MS 500

/* While storage hangs it is tried again this often. */
#define HUNG_MS 5000

/* Files looked at beside the requests at one time, and written by a rotation. */
#define TENDED_MAX 512
#define ROTATING_MAX 32

/* A file being written. */
struct store_write {
    struct store_write *next, *prev;
    struct store *store;
    struct storage_request request;
    uint8_t key[KEY_SIZE];
    int64_t validated_ns; /* what the file will hold */
    bool outdated;        /* sealed with the key before the present one */
    bool rotates;         /* takes the place of a file of that key */
    struct buf text;
};

/* A file that is looked at because its entry was approved again, or given up. */
struct store_tended {
    struct store *store;
    struct storage_request request;
    uint8_t key[KEY_SIZE];
    int64_t validated_ns; /* the entry's */
};

static struct store_write *write_entry(struct store *s, const struct cache_entry *e);
static void write_time(struct store *s);
static void rotate_on(struct store *s);

static void entry_name(const struct store *s, const uint8_t key[KEY_SIZE], char *out, size_t size)
{
    seal_name(&s->seal, STORE_ENTRY_PREFIX, key, out, size);
}

/*
 * Storage was used: tells once when it begins or ceases to fail. Reading and writing are told
 * apart: a full disk still reads.
 */
static void note_result(struct store *s, enum storage_op op, enum storage_result result,
                        const struct err *err)
{
    bool reads = op == STORAGE_GET || op == STORAGE_LIST;
    bool *failing = reads ? &s->failing_to_read : &s->failing_to_write;
    bool failed = result == STORAGE_FAILED;

    if (failed)
        s->counts.failures++;
    if (failed && err->code == ERR_TIMEOUT)
        s->hung_until_ms = s->loop->now_ms + HUNG_MS;
    if (failed == *failing)
        return;
    *failing = failed;
    if (failed)
        log_event(s->log, LOG_ERROR,
                  "the state directory fails: going on from memory, trust would not survive a "
                  "restart",
                  LOG_STR("error", err->text));
    else
        log_event(s->log, LOG_INFO, "the state directory works again",
                  LOG_STR("for", reads ? "reading" : "writing"));
}

static void on_dropped(struct storage_request *q, enum storage_result result, struct slice data,
                       const struct err *err)
{
    (void)result;
    (void)data;
    (void)err;
    free(q);
}

/* Removes a file that nobody waits for. Left behind, it is looked at again at the next start. */
static void drop_file(struct store *s, const struct seal *seal, const uint8_t key[KEY_SIZE])
{
    struct storage_request *q = calloc(1, sizeof *q);

    if (!q)
        return;
    q->op = STORAGE_DEL;
    q->on_done = on_dropped;
    seal_name(seal, STORE_ENTRY_PREFIX, key, q->name, sizeof q->name);
    if (!storage_start(&s->storage, q, LIMIT_STORAGE_MS))
        free(q);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void free_write(struct store_write *w)
{
    struct store *s = w->store;

    *(w->prev ? &w->prev->next : &s->writes) = w->next;
    if (w->next)
        w->next->prev = w->prev;
    buf_fini(&w->text);
    free(w);
}

static void on_written(struct storage_request *q, enum storage_result result, struct slice data,
                       const struct err *err)
{
    struct store_write *w = LOOP_OWNER(q, struct store_write, request);
    struct store *s = w->store;
    struct cache_entry *e = cache_peek(s->cache, w->key);
    bool rotates = w->rotates, outdated = w->outdated;

    (void)data;
    note_result(s, q->op, result, err);
    if (result == STORAGE_OK)
        s->counts.written++;
    if (result == STORAGE_OK && e && !outdated) {
        e->on_disk = true;
        e->file_ns = w->validated_ns;
        e->seen_ns = clock_boot_ns(s->clock);
        /* Replaced meanwhile: whether by other contents is not known any more. */
        e->changed = e->changed && e->validated_ns != w->validated_ns;
    }
    if (rotates) {
        s->rotating_writes--;
        /* Also when it was not written: under the new key the old file is of no use. */
        drop_file(s, &s->old_seal, w->key);
    }
    free_write(w);
    if (outdated && e && !e->on_disk)
        (void)write_entry(s, e); /* no other was begun beside this one */
    if (rotates)
        rotate_on(s);
}

static struct store_write *find_write(struct store *s, const uint8_t key[KEY_SIZE])
{
    struct store_write *w = s->writes;

    while (w && memcmp(w->key, key, KEY_SIZE) != 0)
        w = w->next;
    return w;
}

/* The sealed text of an entry, under its name. */
static bool seal_entry(const struct store *s, const struct cache_entry *e, const char *name,
                       struct buf *out)
{
    struct record_entry r = {.window_s = e->window_s,
                             .status = e->status,
                             .reason = e->reason,
                             .fields = e->fields,
                             .body = e->body};
    struct buf plain;
    bool rv;

    memcpy(r.key, e->key, KEY_SIZE);
    clock_make_mark(s->clock, e->validated_ns, &r.validated);
    buf_init(&plain, LIMIT_STATE_FILE);
    rv = record_write_entry(&r, &plain) &&
         seal_close(&s->seal, s->profile, name, buf_slice(&plain), out);
    buf_wipe(&plain);
    return rv;
}

/* NULL: not now. */
static struct store_write *write_entry(struct store *s, const struct cache_entry *e)
{
    struct store_write *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->store = s;
    memcpy(w->key, e->key, KEY_SIZE);
    w->validated_ns = e->validated_ns;
    w->next = s->writes;
    if (w->next)
        w->next->prev = w;
    s->writes = w;
    buf_init(&w->text, LIMIT_STATE_FILE);
    w->request.op = STORAGE_PUT;
    w->request.on_done = on_written;
    entry_name(s, e->key, w->request.name, sizeof w->request.name);
    if (!seal_entry(s, e, w->request.name, &w->text)) {
        free_write(w);
        return NULL;
    }
    w->request.data = buf_slice(&w->text);
    /* Not taken: too much waits already. The next validation tries again. */
    if (storage_start(&s->storage, &w->request, LIMIT_STORAGE_WRITE_MS))
        return w;
    free_write(w);
    return NULL;
}

static bool is_due(const struct cache_entry *e)
{
    int64_t refresh_s = e->window_s / STORE_REFRESH;
    int64_t old_s = (e->validated_ns - e->file_ns) / CLOCK_NS_PER_S;

    if (refresh_s < STORE_REFRESH_MIN_S)
        refresh_s = STORE_REFRESH_MIN_S;
    if (refresh_s > STORE_REFRESH_MAX_S)
        refresh_s = STORE_REFRESH_MAX_S;
    if (e->changed && refresh_s > STORE_CHANGED_S)
        refresh_s = STORE_CHANGED_S;
    return !e->on_disk || old_s >= refresh_s;
}

/*
 * Never-back time went ahead of boot time, as when NTP answers on a machine without a battery
 * clock: what was written before would look old after the next boot. So each file is due at its
 * entry's next validation.
 */
static void follow_clock(struct store *s)
{
    int64_t ahead_ns = clock_never_back_ns(s->clock) - clock_boot_ns(s->clock);

    if (ahead_ns - s->ahead_ns <= CLOCK_STEP_NS)
        return;
    s->ahead_ns = ahead_ns;
    for (struct cache_entry *e = s->cache->newest; e; e = e->older)
        e->file_ns -= e->window_s * CLOCK_NS_PER_S;
}

/* ---- reading ------------------------------------------------------------------------------ */

static void on_set_aside(struct storage_request *q, enum storage_result result, struct slice data,
                         const struct err *err)
{
    (void)result;
    (void)data;
    (void)err;
    free(q);
}

static void set_aside(struct store *s, const char *name)
{
    struct storage_request *q = calloc(1, sizeof *q);

    s->counts.set_aside++;
    log_event(s->log, s->counts.set_aside == 1 ? LOG_ERROR : LOG_DEBUG,
              "a file in the state directory does not verify and was set aside: it was changed, or "
              "sealed with another license key",
              LOG_STR("file", name));
    if (!q)
        return;
    q->op = STORAGE_ASIDE;
    q->on_done = on_set_aside;
    memcpy(q->name, name, strlen(name) + 1);
    if (!storage_start(&s->storage, q, LIMIT_STORAGE_MS))
        free(q);
}

/*
 * Puts what a file holds into the cache, unless the cache knows something newer. False: it does
 * not verify. While loading, entries of other boots are dated by one fixed never-back time, and
 * shifted together when all marks are known: see finish_load.
 */
/* Whether a denial came after that validation whose removal of the file failed. */
static bool is_denied(const struct store *s, const uint8_t key[KEY_SIZE], int64_t validated_ns)
{
    size_t n = s->denied_count < STORE_DENIED_MAX ? s->denied_count : STORE_DENIED_MAX;

    for (size_t i = 0; i < n; i++)
        if (memcmp(s->denied[i].key, key, KEY_SIZE) == 0 && validated_ns <= s->denied[i].since_ns)
            return true;
    return false;
}

static void remember_denied(struct store *s, const uint8_t key[KEY_SIZE], int64_t since_ns)
{
    struct store_denied *d = &s->denied[s->denied_count++ % STORE_DENIED_MAX];

    memcpy(d->key, key, KEY_SIZE);
    d->since_ns = since_ns;
    if (s->denied_count == STORE_DENIED_MAX + 1)
        log_event(s->log, LOG_ERROR,
                  "more denials than can be remembered while the state directory fails to forget: "
                  "an approval that the license server has withdrawn may be served in an outage");
}

static bool take_file(struct store *s, const char *name, struct slice sealed)
{
    struct record_entry r;
    struct cache_entry *e;
    char own_name[STORAGE_NAME + 1];
    struct buf plain;
    bool other_boot, rv = false;
    int64_t validated_ns;

    buf_init(&plain, LIMIT_STATE_FILE);
    if (!seal_has_memory(sealed, &plain))
        return true; /* it may be good, and is looked at again when it is needed */
    if (!seal_open(&s->seal, s->profile, name, sealed, &plain) ||
        !record_read_entry(buf_slice(&plain), &r))
        goto done;
    /* The key inside belongs to the name outside: what is found is what was asked for. */
    entry_name(s, r.key, own_name, sizeof own_name);
    if (strcmp(name, own_name) != 0)
        goto done;
    rv = true;
    clock_recall(s->clock, &r.validated);
    other_boot = !clock_same_boot(s->clock, &r.validated);
    validated_ns = clock_boot_of(s->clock, &r.validated);
    if (!s->loaded && other_boot)
        validated_ns = s->load_started_ns - (s->load_never_back_ns - r.validated.never_back_ns);
    if (is_denied(s, r.key, validated_ns)) {
        drop_file(s, &s->seal, r.key);
        goto done;
    }
    e = cache_peek(s->cache, r.key);
    /* What was validated in this process is newer, however the file is dated so far. */
    if (e && (e->validated_ns >= validated_ns || (!s->loaded && !e->other_boot))) {
        e->on_disk = true;
        e->seen_ns = clock_boot_ns(s->clock);
        goto done;
    }
    e = cache_put(s->cache, r.key, r.status, r.reason, r.fields, r.body, validated_ns,
                  r.window_s < s->state->window_ns / CLOCK_NS_PER_S
                      ? r.window_s
                      : s->state->window_ns / CLOCK_NS_PER_S);
    if (!e)
        goto done;
    e->on_disk = true;
    e->changed = false;
    e->file_ns = validated_ns;
    e->seen_ns = clock_boot_ns(s->clock);
    e->other_boot = !s->loaded && other_boot;
done:
    buf_wipe(&plain);
    return rv;
}

static void on_loaded_file(struct storage_request *q, const char *name, struct slice data)
{
    struct store *s = LOOP_OWNER(q, struct store, load);

    s->counts.read++;
    if (!take_file(s, name, data))
        set_aside(s, name);
}

/* The newest validation is an answer that the state must know of. */
static void raise_state(struct store *s)
{
    for (const struct cache_entry *e = s->cache->newest; e; e = e->older)
        state_recall(s->state, e->validated_ns);
}

bool store_has_trust(const struct store *s)
{
    int64_t now_ns = clock_boot_ns(s->clock);

    for (const struct cache_entry *e = s->cache->newest; e; e = e->older)
        if (cache_left_ns(e, now_ns) > 0)
            return true;
    return false;
}

static void finish_load(struct store *s)
{
    int64_t boot_ns = clock_boot_ns(s->clock);
    int64_t passed_ns;

    clock_charge_boot(s->clock);
    /* How much older the entries of other boots are by the never-back time that is known now. */
    passed_ns = clock_never_back_ns(s->clock) - s->load_never_back_ns;
    cache_shift(s->cache, passed_ns - (boot_ns - s->load_started_ns));
    s->ahead_ns = clock_never_back_ns(s->clock) - boot_ns;
    s->loaded = true;
    (void)cache_sweep(s->cache, boot_ns, STORE_SWEEP);
    if (s->answered)
        state_recall(s->state, clock_boot_of(s->clock, &s->answer));
    raise_state(s);
    if (s->counts.set_aside > 0)
        log_event(s->log, LOG_ERROR, "files of the state directory did not verify",
                  LOG_NUM("set_aside", s->counts.set_aside));
    log_event(s->log, LOG_INFO, "stored trust was read", LOG_NUM("entries", s->cache->count),
              LOG_NUM("ms", (boot_ns - s->load_started_ns) / CLOCK_NS_PER_MS));
    /* Not before: what this boot costs has to be in it, or it would be forgotten by the next. */
    write_time(s);
    if (secret_is_set(&s->next_secret)) {
        store_rotate(s, slice_make(s->next_secret.data, s->next_secret.size));
        secret_fini(&s->next_secret);
    }
    if (s->on_loaded)
        s->on_loaded(s);
}

static void on_loaded_all(struct storage_request *q, enum storage_result result, struct slice data,
                          const struct err *err)
{
    struct store *s = LOOP_OWNER(q, struct store, load);

    (void)data;
    note_result(s, q->op, result, err);
    finish_load(s);
}

/* ---- the time ----------------------------------------------------------------------------- */

static void on_time_written(struct storage_request *q, enum storage_result result,
                            struct slice data, const struct err *err)
{
    struct store *s = LOOP_OWNER(q, struct store, time);

    (void)data;
    note_result(s, q->op, result, err);
    if (result == STORAGE_OK)
        s->counts.written++;
    buf_fini(&s->time_text);
    loop_set(s->loop, &s->time_timer, CLOCK_RECORD_S * 1000);
}

/* Fills time_text with the time now. */
static bool seal_time(struct store *s)
{
    struct record_time t = {.answered = s->state->answered};
    struct buf plain;
    bool rv;

    clock_make_mark(s->clock, clock_boot_ns(s->clock), &t.now);
    if (t.answered)
        clock_make_mark(s->clock, s->state->answered_ns, &t.answer);
    buf_init(&plain, 256);
    buf_init(&s->time_text, 512);
    rv = record_write_time(&t, &plain) &&
         seal_close(&s->seal, s->profile, STORE_TIME_NAME, buf_slice(&plain), &s->time_text);
    buf_fini(&plain);
    return rv;
}

static void write_time(struct store *s)
{
    memset(&s->time, 0, sizeof s->time);
    s->time.op = STORAGE_PUT;
    s->time.on_done = on_time_written;
    memcpy(s->time.name, STORE_TIME_NAME, sizeof STORE_TIME_NAME);
    if (seal_time(s)) {
        s->time.data = buf_slice(&s->time_text);
        if (storage_start(&s->storage, &s->time, LIMIT_STORAGE_MS))
            return;
    }
    buf_fini(&s->time_text);
    loop_set(s->loop, &s->time_timer, CLOCK_RECORD_S * 1000);
}

static void take_time(struct store *s, struct slice sealed)
{
    struct record_time t;
    struct buf plain;

    buf_init(&plain, 512);
    if (!seal_open(&s->seal, s->profile, STORE_TIME_NAME, sealed, &plain) ||
        !record_read_time(buf_slice(&plain), &t)) {
        set_aside(s, STORE_TIME_NAME);
    } else {
        clock_recall(s->clock, &t.now);
        if (!s->loaded) {
            s->answered = t.answered;
            s->answer = t.answer;
        }
    }
    buf_fini(&plain);
}

static void load_entries(struct store *s)
{
    s->load.op = STORAGE_LIST;
    s->load.on_file = on_loaded_file;
    s->load.on_done = on_loaded_all;
    memcpy(s->load.name, STORE_ENTRY_PREFIX, sizeof STORE_ENTRY_PREFIX);
    s->load_started_ns = clock_boot_ns(s->clock);
    s->load_never_back_ns = clock_never_back_ns(s->clock);
    if (!storage_start(&s->storage, &s->load, LIMIT_LOAD_MS))
        finish_load(s);
}

static void on_time_read(struct storage_request *q, enum storage_result result, struct slice data,
                         const struct err *err)
{
    struct store *s = LOOP_OWNER(q, struct store, time);

    note_result(s, q->op, result, err);
    if (result == STORAGE_OK)
        take_time(s, data);
    if (s->loaded)
        write_time(s);
    else
        load_entries(s);
}

/* Reads before it writes: another instance may know a higher time, which must not be lowered. */
static void read_time(struct store *s)
{
    storage_cancel(&s->storage, &s->time);
    buf_fini(&s->time_text);
    memset(&s->time, 0, sizeof s->time);
    s->time.op = STORAGE_GET;
    s->time.on_done = on_time_read;
    memcpy(s->time.name, STORE_TIME_NAME, sizeof STORE_TIME_NAME);
    if (!storage_start(&s->storage, &s->time, LIMIT_STORAGE_MS))
        loop_set(s->loop, &s->time_timer, CLOCK_RECORD_S * 1000);
}

static void on_time_due(struct loop_timer *timer)
{
    read_time(LOOP_OWNER(timer, struct store, time_timer));
}

/* ---- files that nobody waits for ---------------------------------------------------------- */

static bool tend(struct store *s, const struct cache_entry *e,
                 void (*on_done)(struct storage_request *q, enum storage_result result,
                                 struct slice data, const struct err *err))
{
    struct store_tended *t = s->tended < TENDED_MAX ? calloc(1, sizeof *t) : NULL;

    if (!t)
        return false;
    t->store = s;
    memcpy(t->key, e->key, KEY_SIZE);
    t->validated_ns = e->validated_ns;
    t->request.op = STORAGE_GET;
    t->request.on_done = on_done;
    entry_name(s, e->key, t->request.name, sizeof t->request.name);
    if (!storage_start(&s->storage, &t->request, LIMIT_STORAGE_MS)) {
        free(t);
        return false;
    }
    s->tended++;
    return true;
}

static bool is_current(const struct store *s, const struct store_tended *t)
{
    char name[STORAGE_NAME + 1];

    entry_name(s, t->key, name, sizeof name);
    return strcmp(name, t->request.name) == 0; /* else the license key changed meanwhile */
}

/* The file of an entry that was approved again. */
static void on_seen(struct storage_request *q, enum storage_result result, struct slice data,
                    const struct err *err)
{
    struct store_tended *t = LOOP_OWNER(q, struct store_tended, request);
    struct store *s = t->store;
    struct cache_entry *e;
    bool good = true;

    note_result(s, q->op, result, err);
    s->tended--;
    if (result == STORAGE_OK && is_current(s, t)) {
        s->counts.read++;
        good = take_file(s, q->name, data);
        if (!good)
            set_aside(s, q->name);
    }
    e = cache_peek(s->cache, t->key);
    if (e && is_current(s, t) && (result == STORAGE_ABSENT || !good) && !find_write(s, t->key)) {
        e->on_disk = false;
        (void)write_entry(s, e);
    }
    free(t);
}

void store_approved(struct store *s, struct cache_entry *e)
{
    int64_t now_ns = clock_boot_ns(s->clock);

    follow_clock(s);
    if (find_write(s, e->key))
        return;
    if (is_due(e))
        (void)write_entry(s, e);
    else if (now_ns - e->seen_ns >= STORE_SEEN_S * CLOCK_NS_PER_S && tend(s, e, on_seen))
        e->seen_ns = now_ns;
}

/* The file of an entry that was given up: unless it is newer, or trusted, it goes as well. */
static void on_given_up_seen(struct storage_request *q, enum storage_result result,
                             struct slice data, const struct err *err)
{
    struct store_tended *t = LOOP_OWNER(q, struct store_tended, request);
    struct store *s = t->store;
    struct record_entry r;
    struct buf plain;

    note_result(s, q->op, result, err);
    s->tended--;
    buf_init(&plain, LIMIT_STATE_FILE);
    if (result == STORAGE_OK && !cache_peek(s->cache, t->key) &&
        seal_open(&s->seal, s->profile, q->name, data, &plain) &&
        record_read_entry(buf_slice(&plain), &r) &&
        clock_boot_of(s->clock, &r.validated) <= t->validated_ns)
        drop_file(s, &s->seal, t->key);
    buf_wipe(&plain);
    free(t);
}

static void stop_write(struct store *s, const uint8_t key[KEY_SIZE]);

static void on_given_up(void *ctx, const struct cache_entry *e)
{
    struct store *s = ctx;

    /* Another instance's may be among what is loaded and finds no room. */
    if (!s->loaded)
        return;
    stop_write(s, e->key);
    rotate_on(s);
    (void)tend(s, e, on_given_up_seen);
}

/* ---- one entry ---------------------------------------------------------------------------- */

static void finish_query(struct store_query *q, bool durable)
{
    q->active = false;
    q->on_done(q, durable);
}

static void on_looked_up(struct storage_request *request, enum storage_result result,
                         struct slice data, const struct err *err)
{
    struct store_query *q = LOOP_OWNER(request, struct store_query, request);
    struct store *s = q->store;
    struct cache_entry *e = cache_peek(s->cache, q->key);

    note_result(s, request->op, result, err);
    if (result == STORAGE_OK) {
        s->counts.read++;
        if (!take_file(s, request->name, data)) {
            set_aside(s, request->name);
            if (e)
                e->on_disk = false;
        }
    } else if (result == STORAGE_ABSENT && e && e->on_disk && !find_write(s, q->key)) {
        /* It was there, and we did not remove it. */
        (void)cache_remove(s->cache, q->key);
    }
    finish_query(q, false);
}

static void start_query(struct store *s, struct store_query *q, const uint8_t key[KEY_SIZE])
{
    memset(&q->request, 0, sizeof q->request);
    q->store = s;
    q->since_ns = clock_boot_ns(s->clock);
    memcpy(q->key, key, KEY_SIZE);
    entry_name(s, key, q->request.name, sizeof q->request.name);
}

bool store_look_up(struct store *s, struct store_query *q, const uint8_t key[KEY_SIZE])
{
    if (s->hung_until_ms > s->loop->now_ms)
        return false;
    start_query(s, q, key);
    q->request.op = STORAGE_GET;
    q->request.on_done = on_looked_up;
    q->active = storage_start(&s->storage, &q->request, LOOK_UP_MS);
    return q->active;
}

static void on_removed(struct storage_request *request, enum storage_result result,
                       struct slice data, const struct err *err)
{
    struct store_query *q = LOOP_OWNER(request, struct store_query, request);
    struct store *s = q->store;
    const struct cache_entry *e = cache_peek(s->cache, q->key);

    (void)data;
    note_result(s, request->op, result, err);
    if (result != STORAGE_FAILED)
        s->counts.removed++;
    else
        remember_denied(s, q->key, q->since_ns);
    /* Read from the file meanwhile, as by the loading or for another request. */
    if (e && (e->other_boot || e->validated_ns <= q->since_ns))
        (void)cache_remove(s->cache, q->key);
    finish_query(q, result != STORAGE_FAILED);
}

/* A writing that still waits would bring the file back after it was removed. */
static void stop_write(struct store *s, const uint8_t key[KEY_SIZE])
{
    struct store_write *w = find_write(s, key);

    if (!w || w->request.sent)
        return;
    storage_cancel(&s->storage, &w->request);
    if (w->rotates) {
        s->rotating_writes--;
        drop_file(s, &s->old_seal, key);
    }
    free_write(w);
}

void store_remove(struct store *s, struct store_query *q, const uint8_t key[KEY_SIZE])
{
    stop_write(s, key);
    /* Before the other: removals are done in their order. */
    if (s->rotating)
        drop_file(s, &s->old_seal, key);
    rotate_on(s);
    start_query(s, q, key);
    q->request.op = STORAGE_DEL;
    q->request.on_done = on_removed;
    q->active = true;
    (void)storage_start(&s->storage, &q->request, LIMIT_STORAGE_MS);
}

void store_cancel(struct store_query *q)
{
    if (!q->active)
        return;
    q->active = false;
    /* A removal happens all the same. */
    storage_cancel(&q->store->storage, &q->request);
}

/* ---- start, rotation, end ----------------------------------------------------------------- */

bool store_init(struct store *s, const char *dir, struct slice secret, struct spawn *spawn,
                struct err *err)
{
    struct err warning = {0};

    if (!storage_init(&s->storage, s->loop, dir, spawn, &warning, err))
        return false;
    if (err_is_set(&warning))
        log_event(s->log, LOG_WARN, "state directory", LOG_STR("warning", warning.text));
    seal_init(&s->seal, secret);
    s->time_timer = (struct loop_timer){.on_time = on_time_due};
    s->cache->on_given_up = on_given_up;
    s->cache->ctx = s;
    read_time(s);
    return true;
}

static void end_rotation(struct store *s)
{
    free(s->rotating);
    s->rotating = NULL;
    seal_fini(&s->old_seal);
}

void store_fini(struct store *s)
{
    loop_unset(s->loop, &s->time_timer);
    storage_cancel(&s->storage, &s->time);
    buf_fini(&s->time_text);
    if (s->loaded)
        write_time(s);
    storage_fini(&s->storage, LIMIT_STORAGE_LAST_MS);
    loop_unset(s->loop, &s->time_timer);
    s->cache->on_given_up = NULL;
    while (s->writes)
        free_write(s->writes);
    buf_fini(&s->time_text);
    end_rotation(s);
    secret_fini(&s->next_secret);
    seal_fini(&s->seal);
}

/* The next entries of a rotation, as long as few are being written. */
static void rotate_on(struct store *s)
{
    while (s->rotating && s->rotating_writes < ROTATING_MAX &&
           s->rotating_next < s->rotating_count) {
        const uint8_t *key = s->rotating[s->rotating_next++];
        const struct cache_entry *e = cache_peek(s->cache, key);
        struct store_write *w = e && !find_write(s, key) ? write_entry(s, e) : NULL;

        if (w) {
            w->rotates = true;
            s->rotating_writes++;
        } else {
            drop_file(s, &s->old_seal, key);
        }
    }
    if (s->rotating && s->rotating_writes == 0 && s->rotating_next == s->rotating_count)
        end_rotation(s);
}

/* What is under way with the present key is of no use any more. */
static void stop_writes(struct store *s)
{
    for (struct store_write *w = s->writes, *next; w; w = next) {
        next = w->next;
        w->outdated = true;
        if (w->rotates && w->request.sent) {
            w->rotates = false;
            s->rotating_writes--;
            drop_file(s, &s->old_seal, w->key);
        }
        stop_write(s, w->key);
    }
    while (s->rotating && s->rotating_next < s->rotating_count)
        drop_file(s, &s->old_seal, s->rotating[s->rotating_next++]);
    end_rotation(s);
}

void store_rotate(struct store *s, struct slice secret)
{
    if (!s->loaded) {
        (void)secret_set(&s->next_secret, secret.p, secret.n);
        return;
    }
    stop_writes(s);
    s->old_seal = s->seal;
    seal_init(&s->seal, secret);
    s->rotating_next = s->rotating_count = 0;
    s->rotating = s->cache->count > 0 ? malloc(s->cache->count * KEY_SIZE) : NULL;
    for (struct cache_entry *e = s->cache->newest; e; e = e->older) {
        e->on_disk = false;
        if (s->rotating)
            memcpy(s->rotating[s->rotating_count++], e->key, KEY_SIZE);
    }
    log_event(s->log, LOG_INFO, "stored trust is sealed anew with the new license key",
              LOG_NUM("entries", s->cache->count));
    rotate_on(s);
    storage_cancel(&s->storage, &s->time);
    buf_fini(&s->time_text);
    write_time(s);
}
