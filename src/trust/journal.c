/*
 * Our chain's records are written one at a time, so that a sequence number is used again when its
 * writing failed: there are no gaps. Beside that one job at a time is under way with the records
 * that are there: listing, taking the first to be sent, removing it, sealing one anew.
 */
#include "trust/journal.h"

#include "crypto/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A full journal takes records again when an eighth is free: else it would change all the time. */
#define ROOM(bound) ((bound) - (bound) / 8)

static void start_list(struct journal *j);
static void reseal_next(struct journal *j);
static void write_next(struct journal *j);

/* ---- names and order ----------------------------------------------------------------------- */

const char *journal_mode_text(enum journal_mode mode)
{
    static const char *const texts[] = {"off", "record", "replay"};

    return texts[mode];
}

void journal_name(const struct journal_item *item, char out[JOURNAL_NAME_SIZE])
{
    snprintf(out, JOURNAL_NAME_SIZE, JOURNAL_PREFIX "%08" PRIx32 "-%016" PRIx64, item->chain,
             item->sequence);
}

bool journal_read_name(const char *name, struct journal_item *out)
{
    char again[JOURNAL_NAME_SIZE];
    uint64_t chain;

    if (strlen(name) != JOURNAL_NAME_SIZE - 1 ||
        !slice_hex_to_u64(slice_make(name + 2, 8), &chain) ||
        !slice_hex_to_u64(slice_make(name + 11, 16), &out->sequence))
        return false;
    out->chain = (uint32_t)chain;
    journal_name(out, again);
    return strcmp(name, again) == 0;
}

bool journal_open(const struct seal *seal, struct tls_profile *profile, const char *name,
                  struct slice sealed, struct buf *text, struct record_usage *usage)
{
    struct journal_item item;

    return journal_read_name(name, &item) && seal_open(seal, profile, name, sealed, text) &&
           record_read_usage(buf_slice(text), usage) && usage->sequence == item.sequence;
}

typedef bool before(const struct journal_item *a, const struct journal_item *b);

static bool by_chain(const struct journal_item *a, const struct journal_item *b)
{
    return a->chain != b->chain ? a->chain < b->chain : a->sequence < b->sequence;
}

static bool by_time(const struct journal_item *a, const struct journal_item *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : by_chain(a, b);
}

/* Shell's: what is listed is in order for the most part, and the C library's costs two kilobytes.
 */
static void sort(struct journal_item *items, size_t count, before *comes_before)
{
    for (size_t gap = count; gap > 1;) {
        gap = gap < 4 ? 1 : gap * 4 / 9;
        for (size_t i = gap; i < count; i++) {
            struct journal_item item = items[i];
            size_t at = i;

            for (; at >= gap && comes_before(&item, &items[at - gap]); at -= gap)
                items[at] = items[at - gap];
            items[at] = item;
        }
    }
}

void journal_sort(struct journal_item *items, size_t count)
{
    if (count < 2)
        return;
    sort(items, count, by_chain);
    for (size_t i = 1; i < count; i++)
        if (items[i].chain == items[i - 1].chain)
            items[i].time_ns = items[i - 1].time_ns;
    sort(items, count, by_time);
}

/* ---- what is there ------------------------------------------------------------------------- */

static struct journal_item *item_at(const struct journal *j, size_t i)
{
    return &j->items[j->first + i];
}

/* Room for one more behind the last. */
static bool reserve(struct journal *j)
{
    struct journal_item *items;
    size_t cap = j->cap ? j->cap * 2 : 64;

    if (j->first + j->count < j->cap)
        return true;
    if (j->first > j->cap / 2) {
        memmove(j->items, j->items + j->first, j->count * sizeof *j->items);
        j->first = 0;
        return true;
    }
    items = realloc(j->items, cap * sizeof *items);
    if (!items)
        return false;
    j->items = items;
    j->cap = cap;
    return true;
}

static void remove_item(struct journal *j, size_t i)
{
    if (i == 0)
        j->first++;
    else
        memmove(item_at(j, i), item_at(j, i + 1), (j->count - i - 1) * sizeof *j->items);
    /* What is being written has its place already. */
    if (--j->count > 0 || j->writing)
        return;
    free(j->items);
    j->items = NULL;
    j->first = j->cap = 0;
}

static struct seal *newest_seal(struct journal *j)
{
    return &j->seals[j->seal_count - 1];
}

/* Tells once per change. */
static void set_trouble(struct journal *j, enum journal_trouble trouble, const struct err *err)
{
    if (trouble == j->trouble)
        return;
    if (trouble == JOURNAL_FULL)
        log_event(j->store->log, LOG_ERROR,
                  "the usage journal is full: requests are refused that would be answered from "
                  "trust, until its records were sent (mode replay), or exported and their files "
                  "removed before a restart; or raise max_bytes",
                  LOG_NUM("records", j->count), LOG_NUM("bytes", j->bytes),
                  LOG_NUM("max_bytes", j->max_bytes));
    else if (trouble == JOURNAL_FAILING)
        log_event(
            j->store->log, LOG_ERROR,
            "the usage journal can't be written: requests are refused that would be answered from "
            "trust",
            LOG_STR("error", err ? err->text : "out of memory"));
    else if (j->trouble != JOURNAL_UNREAD)
        log_event(j->store->log, LOG_INFO, "the usage journal takes records again");
    j->trouble = trouble;
}

const char *journal_refusal(const struct journal *j)
{
    switch (j->trouble) {
    case JOURNAL_FULL:
        return "there is a trusted answer, but the usage journal, which has to record it, is full: "
               "have its records sent or exported";
    case JOURNAL_UNREAD:
        return "there is a trusted answer, but the usage journal, which has to record it, is still "
               "being read: try again";
    case JOURNAL_WELL:
    case JOURNAL_FAILING:
        break;
    }
    return "there is a trusted answer, but the usage journal, which has to record it, can't be "
           "written: look at the state directory";
}

/* A record that doesn't open stays where it is. */
static void note_bad(struct journal *j, const char *name)
{
    j->bad++;
    log_event(j->store->log, j->bad == 1 ? LOG_ERROR : LOG_DEBUG,
              "a record of the usage journal does not verify: it was changed, or sealed with "
              "another license key; it is left there, and not sent",
              LOG_STR("file", name));
}

static void start_request(struct journal *j, enum journal_job job, enum storage_op op,
                          void (*on_done)(struct storage_request *q, enum storage_result result,
                                          struct slice data, const struct err *err),
                          int64_t timeout_ms)
{
    j->job = job;
    j->request.op = op;
    j->request.on_done = on_done;
    if (!storage_start(&j->store->storage, &j->request, timeout_ms)) {
        j->job = JOURNAL_IDLE;
        (void)loop_set(j->store->loop, &j->retry, LIMIT_JOURNAL_RETRY_MS);
    }
}

static void name_request(struct journal *j, size_t i)
{
    buf_wipe(&j->text);
    memset(&j->request, 0, sizeof j->request);
    journal_name(item_at(j, i), j->request.name);
}

/* ---- listing ------------------------------------------------------------------------------- */

static void pick_chain(struct journal *j)
{
    tls_profile_random(j->store->profile, &j->chain, sizeof j->chain);
}

static void on_listed_file(struct storage_request *q, const char *name, struct slice data)
{
    struct journal *j = LOOP_OWNER(q, struct journal, request);
    struct journal_item item;
    struct record_usage usage;
    bool good = false;

    if (!journal_read_name(name, &item))
        return; /* not ours */
    if (item.chain == j->chain)
        pick_chain(j);
    j->bytes += data.n;
    if (!seal_has_memory(data, &j->text)) {
        j->overflow = true;
        return;
    }
    for (size_t i = j->seal_count; i-- > 0 && !good;) {
        buf_clear(&j->text);
        good = journal_open(&j->seals[i], j->store->profile, name, data, &j->text, &usage);
        item.seal = i & 0xff;
    }
    if (!good) {
        note_bad(j, name);
        return;
    }
    if (j->count >= LIMIT_JOURNAL_RECORDS || !reserve(j)) {
        j->overflow = true;
        return;
    }
    item.size = data.n & 0xffffff;
    item.time_ns = usage.at.never_back_ns;
    j->items[j->first + j->count++] = item;
}

static void on_listed(struct storage_request *q, enum storage_result result, struct slice data,
                      const struct err *err)
{
    struct journal *j = LOOP_OWNER(q, struct journal, request);

    (void)data;
    buf_wipe(&j->text);
    j->job = JOURNAL_IDLE;
    if (result == STORAGE_FAILED) {
        /* A part of it won't do: what is there couldn't be bounded. */
        j->list_failures++;
        log_event(j->store->log, j->list_failures == 1 ? LOG_ERROR : LOG_DEBUG,
                  "the usage journal can't be read: requests are refused that would be answered "
                  "from trust",
                  LOG_STR("error", err->text));
        (void)loop_set(j->store->loop, &j->retry, LIMIT_JOURNAL_RETRY_MS);
        return;
    }
    journal_sort(j->items + j->first, j->count);
    set_trouble(j, JOURNAL_WELL, NULL);
    log_event(j->store->log, LOG_INFO, "the usage journal was read",
              LOG_STR("mode", journal_mode_text(j->mode)), LOG_NUM("records", j->count),
              LOG_NUM("bytes", j->bytes));
    if (j->bad > 0)
        log_event(j->store->log, LOG_ERROR,
                  "records of the usage journal don't verify, stay where they are and take room: "
                  "start with the license key that they were sealed with, or remove their files",
                  LOG_NUM("records", j->bad));
    if (j->overflow)
        log_event(j->store->log, LOG_ERROR,
                  "the usage journal holds more records than are handled at one time: the others "
                  "stay until the next start",
                  LOG_NUM("records", j->count));
    reseal_next(j);
    if (j->count > 0 && j->on_items)
        j->on_items(j);
}

static void start_list(struct journal *j)
{
    j->count = j->first = j->bytes = j->bad = 0;
    j->overflow = false;
    memset(&j->request, 0, sizeof j->request);
    memcpy(j->request.name, JOURNAL_PREFIX, sizeof JOURNAL_PREFIX);
    j->request.on_file = on_listed_file;
    start_request(j, JOURNAL_LIST, STORAGE_LIST, on_listed, LIMIT_LOAD_MS);
}

static void on_retry(struct loop_timer *timer)
{
    struct journal *j = LOOP_OWNER(timer, struct journal, retry);

    if (j->ending || j->job != JOURNAL_IDLE)
        return;
    if (j->trouble == JOURNAL_UNREAD)
        start_list(j);
    else
        reseal_next(j);
}

/* ---- recording ----------------------------------------------------------------------------- */

static void on_put(struct storage_request *q, enum storage_result result, struct slice data,
                   const struct err *err)
{
    struct journal *j = LOOP_OWNER(q, struct journal, put);
    struct journal_append *a = j->current;

    (void)data;
    j->writing = false;
    j->current = NULL;
    buf_fini(&j->put_text);
    if (result == STORAGE_OK) {
        j->items[j->first + j->count++] = j->put_item;
        j->bytes += j->put_item.size;
        j->sequence++;
        memcpy(j->previous, j->put_hash, sizeof j->previous);
        j->recorded++;
        if (j->trouble == JOURNAL_FAILING)
            set_trouble(j, JOURNAL_WELL, NULL);
        if (j->on_items && !j->ending)
            j->on_items(j);
    } else {
        set_trouble(j, JOURNAL_FAILING, err);
        if (err->code == ERR_TIMEOUT)
            j->hung_until_ms = j->store->loop->now_ms + LIMIT_JOURNAL_RETRY_MS;
    }
    if (a) {
        j->refused += result != STORAGE_OK;
        a->active = false;
        a->on_done(a, result == STORAGE_OK);
    }
    write_next(j);
}

/* The sealed text of the next record. */
static bool seal_usage(struct journal *j, const struct record_usage *usage)
{
    const struct clock *clock = j->store->clock;
    int64_t now = clock_boot_ns(clock);
    struct record_usage u = *usage;
    struct buf plain;
    bool rv;

    u.sequence = j->sequence;
    memcpy(u.previous, j->previous, sizeof u.previous);
    clock_make_mark(clock, now, &u.at);
    u.wall_ns = clock_wall_at(clock, now);
    buf_init(&plain, LIMIT_STATE_FILE);
    buf_init(&j->put_text, LIMIT_STATE_FILE);
    rv = record_write_usage(&u, &plain) && seal_close(newest_seal(j), j->store->profile,
                                                      j->put.name, buf_slice(&plain), &j->put_text);
    sha256(buf_slice(&plain), j->put_hash);
    buf_wipe(&plain);
    j->put_item.time_ns = u.at.never_back_ns;
    j->put_item.size = j->put_text.len & 0xffffff;
    return rv;
}

/* Starts writing. False: refused, for the trouble that j has now. */
static bool write_record(struct journal *j, struct journal_append *a)
{
    if (j->trouble == JOURNAL_UNREAD || j->trouble == JOURNAL_FULL ||
        (j->trouble == JOURNAL_FAILING && j->hung_until_ms > j->store->loop->now_ms))
        return false;
    memset(&j->put, 0, sizeof j->put);
    j->put_item = (struct journal_item){
        .chain = j->chain, .sequence = j->sequence, .seal = (j->seal_count - 1) & 0xff};
    journal_name(&j->put_item, j->put.name);
    if (!reserve(j) || !seal_usage(j, &a->usage)) {
        buf_fini(&j->put_text);
        set_trouble(j, JOURNAL_FAILING, NULL);
        return false;
    }
    if (j->overflow || j->count >= LIMIT_JOURNAL_RECORDS ||
        j->bytes + j->put_text.len > j->max_bytes) {
        buf_fini(&j->put_text);
        set_trouble(j, JOURNAL_FULL, NULL);
        return false;
    }
    j->put.op = STORAGE_PUT;
    j->put.data = buf_slice(&j->put_text);
    j->put.on_done = on_put;
    if (!storage_start(&j->store->storage, &j->put, LIMIT_STORAGE_MS)) {
        struct err err = {0};

        buf_fini(&j->put_text);
        err_set(&err, ERR_LIMIT, "too much waits to be written to the state directory");
        set_trouble(j, JOURNAL_FAILING, &err);
        return false;
    }
    j->writing = true;
    j->current = a;
    return true;
}

static struct journal_append *take_waiting(struct journal *j)
{
    struct journal_append *a = j->waiting;

    j->waiting = a->next;
    if (!j->waiting)
        j->waiting_end = &j->waiting;
    a->next = NULL;
    return a;
}

static void write_next(struct journal *j)
{
    while (!j->writing && j->waiting) {
        struct journal_append *a = take_waiting(j);

        if (write_record(j, a))
            return;
        j->refused++;
        a->active = false;
        a->on_done(a, false);
    }
}

bool journal_append(struct journal *j, struct journal_append *a, const struct record_usage *usage)
{
    a->usage = *usage;
    a->next = NULL;
    if (!j->writing && !j->waiting) {
        a->active = write_record(j, a);
        j->refused += !a->active;
        return a->active;
    }
    a->active = true;
    *j->waiting_end = a;
    j->waiting_end = &a->next;
    return true;
}

void journal_cancel(struct journal *j, struct journal_append *a)
{
    if (!a->active)
        return;
    a->active = false;
    if (j->current == a) {
        j->current = NULL; /* it is written all the same: others may follow it already */
        return;
    }
    for (struct journal_append **p = &j->waiting; *p; p = &(*p)->next) {
        if (*p != a)
            continue;
        *p = a->next;
        if (!*p)
            j->waiting_end = p;
        return;
    }
}

/* ---- the first record ---------------------------------------------------------------------- */

/* Something was removed: a journal that was full may have room. */
static void note_room(struct journal *j)
{
    if (j->trouble == JOURNAL_FULL && !j->overflow &&
        j->count <= ROOM((size_t)LIMIT_JOURNAL_RECORDS) && j->bytes <= ROOM(j->max_bytes))
        set_trouble(j, JOURNAL_WELL, NULL);
}

/* The job has ended; another key may wait for its turn. */
static void end_job(struct journal *j)
{
    buf_wipe(&j->text);
    j->job = JOURNAL_IDLE;
    reseal_next(j);
}

/* An item whose file is not there, or no good. */
static void lose_item(struct journal *j, size_t i, bool absent)
{
    if (absent)
        j->bytes -= item_at(j, i)->size; /* another instance has sent it, or a person removed it */
    else
        note_bad(j, j->request.name);
    remove_item(j, i);
    note_room(j);
}

static void on_read(struct storage_request *q, enum storage_result result, struct slice data,
                    const struct err *err)
{
    struct journal *j = LOOP_OWNER(q, struct journal, request);
    struct record_usage usage;

    (void)err;
    if (result == STORAGE_OK && !seal_has_memory(data, &j->text))
        result = STORAGE_FAILED;
    if (result == STORAGE_OK && journal_open(&j->seals[item_at(j, 0)->seal], j->store->profile,
                                             q->name, data, &j->text, &usage)) {
        j->job = JOURNAL_HELD;
        j->on_taken(j, &usage);
        return;
    }
    if (result != STORAGE_FAILED)
        lose_item(j, 0, result == STORAGE_ABSENT);
    end_job(j);
    /* Of what another instance has sent there may be thousands. */
    if (result == STORAGE_FAILED || !journal_take(j))
        j->on_taken(j, NULL);
}

bool journal_take(struct journal *j)
{
    if (j->ending || j->job != JOURNAL_IDLE || j->count == 0)
        return false;
    name_request(j, 0);
    start_request(j, JOURNAL_TAKE, STORAGE_GET, on_read, LIMIT_STORAGE_MS);
    return j->job == JOURNAL_TAKE;
}

static void on_dropped(struct storage_request *q, enum storage_result result, struct slice data,
                       const struct err *err)
{
    struct journal *j = LOOP_OWNER(q, struct journal, request);
    bool durable = result != STORAGE_FAILED;

    (void)data;
    (void)err;
    if (durable)
        lose_item(j, 0, true);
    if (j->ending)
        return;
    end_job(j);
    j->on_dropped(j, durable);
}

void journal_drop(struct journal *j)
{
    name_request(j, 0);
    /* A removal is always taken. */
    start_request(j, JOURNAL_DROP, STORAGE_DEL, on_dropped, LIMIT_STORAGE_MS);
}

void journal_put_back(struct journal *j)
{
    end_job(j);
}

/* ---- another license key ------------------------------------------------------------------- */

static void on_resealed(struct storage_request *q, enum storage_result result, struct slice data,
                        const struct err *err)
{
    struct journal *j = LOOP_OWNER(q, struct journal, request);

    (void)data;
    (void)err;
    buf_fini(&j->text);
    j->job = JOURNAL_IDLE;
    if (result == STORAGE_OK) {
        item_at(j, j->resealing)->seal = (j->seal_count - 1) & 0xff;
        reseal_next(j);
    } else {
        (void)loop_set(j->store->loop, &j->retry, LIMIT_JOURNAL_RETRY_MS);
    }
}

static void on_read_to_reseal(struct storage_request *q, enum storage_result result,
                              struct slice data, const struct err *err)
{
    struct journal *j = LOOP_OWNER(q, struct journal, request);
    struct record_usage usage;
    struct buf plain;
    bool opened, sealed = false;

    (void)err;
    buf_init(&plain, LIMIT_STATE_FILE);
    if (result == STORAGE_OK && !seal_has_memory(data, &plain))
        result = STORAGE_FAILED;
    opened = result == STORAGE_OK && journal_open(&j->seals[item_at(j, j->resealing)->seal],
                                                  j->store->profile, q->name, data, &plain, &usage);
    if (opened)
        sealed =
            seal_close(newest_seal(j), j->store->profile, q->name, buf_slice(&plain), &j->text);
    buf_wipe(&plain);
    if (sealed) {
        q->data = buf_slice(&j->text);
        start_request(j, JOURNAL_RESEAL, STORAGE_PUT, on_resealed, LIMIT_STORAGE_MS);
        return;
    }
    j->job = JOURNAL_IDLE;
    if (result == STORAGE_FAILED || opened) {
        (void)loop_set(j->store->loop, &j->retry, LIMIT_JOURNAL_RETRY_MS);
        return;
    }
    lose_item(j, j->resealing, result == STORAGE_ABSENT);
    reseal_next(j);
}

static void forget_old_seals(struct journal *j)
{
    struct seal newest = *newest_seal(j);

    journal_forget_seals(j);
    j->seals[0] = newest;
    j->seal_count = 1;
    seal_fini(&newest);
    for (size_t i = 0; i < j->count; i++)
        item_at(j, i)->seal = 0;
    j->put_item.seal = 0;
    log_event(j->store->log, LOG_INFO, "the usage journal is sealed anew with the new license key",
              LOG_NUM("records", j->count));
}

/* Seals the next record anew that isn't sealed with the newest key. */
static void reseal_next(struct journal *j)
{
    size_t i = 0;

    if (j->ending || j->job != JOURNAL_IDLE || j->seal_count == 1 || j->trouble == JOURNAL_UNREAD)
        return;
    while (i < j->count && item_at(j, i)->seal == j->seal_count - 1)
        i++;
    if (i == j->count) {
        if (!j->writing)
            forget_old_seals(j);
        else
            (void)loop_set(j->store->loop, &j->retry, LIMIT_JOURNAL_RETRY_MS);
        return;
    }
    j->resealing = i;
    name_request(j, i);
    start_request(j, JOURNAL_RESEAL, STORAGE_GET, on_read_to_reseal, LIMIT_STORAGE_MS);
}

bool journal_rotate(struct journal *j, struct slice secret)
{
    if (j->seal_count == LIMIT_JOURNAL_SEALS)
        return false;
    seal_init(&j->seals[j->seal_count++], secret);
    reseal_next(j);
    return true;
}

/* ---- start and end ------------------------------------------------------------------------- */

void journal_init(struct journal *j, struct store *store, const struct config *config,
                  struct slice secret)
{
    memset(j, 0, sizeof *j);
    j->store = store;
    j->mode = config->journal_mode;
    j->max_bytes = (size_t)config->journal_max_bytes;
    j->sequence = 1;
    j->trouble = JOURNAL_UNREAD;
    j->waiting_end = &j->waiting;
    j->retry = (struct loop_timer){.on_time = on_retry};
    buf_init(&j->text, LIMIT_STATE_FILE);
    pick_chain(j);
    seal_init(&j->seals[0], secret);
    j->seal_count = 1;
    start_list(j);
}

void journal_end(struct journal *j)
{
    struct storage *storage = &j->store->storage;

    j->ending = true;
    loop_unset(j->store->loop, &j->retry);
    /* A removal is still done: else the record would be sent once more. */
    if (j->job != JOURNAL_IDLE && j->job != JOURNAL_HELD && j->job != JOURNAL_DROP)
        storage_cancel(storage, &j->request);
    if (j->writing && !j->put.sent) {
        storage_cancel(storage, &j->put);
        j->writing = false;
    }
}

void journal_fini(struct journal *j)
{
    buf_fini(&j->put_text);
    buf_wipe(&j->text);
    free(j->items);
    j->items = NULL;
    journal_forget_seals(j);
}

void journal_forget_seals(struct journal *j)
{
    secret_wipe(j->seals, sizeof j->seals);
}
