/*
 * The usage journal: names, order, the chain, what a changed file does, bounds, another license
 * key, and storage that fails. Through the real helper process in a folder of its own.
 */
#include "trust/journal.h"

#include "tap.h"

#include "base/fs.h"
#include "crypto/sha256.h"
#include "shell.h"

#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define KEY SLICE("a license key")
#define OTHER_KEY SLICE("another license key")

static struct spawn spawn = {.run = {[SPAWN_STORAGE] = storage_helper_run}};
static struct loop loop;
static struct clock wall;
static struct tls_profile profile;
static struct log quiet = {.fd = -1, .level = LOG_ERROR};
static struct store store; /* only what the journal uses of it */
static struct journal journal;
static char dir[128];

/* ---- a journal and its use ----------------------------------------------------------------- */

struct request {
    struct journal_append append;
    int done; /* times */
    bool recorded;
    bool was_there; /* the file, when it was told to be recorded */
    int place;
};

static int told;

static const char *name_of(uint32_t chain, uint64_t sequence)
{
    static char names[4][JOURNAL_NAME_SIZE];
    static unsigned turn;
    char *name = names[turn++ % 4];

    journal_name(&(struct journal_item){.chain = chain, .sequence = sequence}, name);
    return name;
}

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static bool exists(const char *name)
{
    struct stat st;

    return stat(path_of(name), &st) == 0;
}

static void on_recorded(struct journal_append *a, bool recorded)
{
    struct request *r = LOOP_OWNER(a, struct request, append);

    r->done++;
    r->recorded = recorded;
    r->place = ++told;
    r->was_there = recorded && exists(name_of(journal.chain, journal.sequence - 1));
}

static struct record_usage usage_of(const char *body)
{
    struct record_usage u = {.has_body = true,
                             .method = SLICE("POST"),
                             .target = SLICE("/v1/license?x=1"),
                             .fields = SLICE("Authorization: Token secret\r\n"),
                             .body = slice_of(body)};

    memset(u.key, 7, sizeof u.key);
    return u;
}

static bool append(struct request *r, const char *body)
{
    struct record_usage u = usage_of(body);

    memset(r, 0, sizeof *r);
    r->append.on_done = on_recorded;
    return journal_append(&journal, &r->append, &u);
}

static bool turn_until(const int *count, int wanted)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;

    while (*count < wanted && clock_mono_ms() < end)
        loop_turn(&loop, 50, NULL);
    return *count >= wanted;
}

static bool records(const char *body)
{
    struct request r;

    return append(&r, body) && turn_until(&r.done, 1) && r.recorded;
}

static bool is_read(void)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;

    while (journal.trouble == JOURNAL_UNREAD && clock_mono_ms() < end)
        loop_turn(&loop, 50, NULL);
    return journal.trouble != JOURNAL_UNREAD;
}

static void open_store(void)
{
    struct err warning = {0}, err = {0};

    store = (struct store){.loop = &loop, .log = &quiet, .clock = &wall, .profile = &profile};
    ok(storage_init(&store.storage, &loop, dir, &spawn, &warning, &err), "storage %s", err.text);
}

static void begin(struct slice key, int64_t max_bytes)
{
    struct config config = {.journal_mode = JOURNAL_REPLAY, .journal_max_bytes = max_bytes};

    open_store();
    journal_init(&journal, &store, &config, key);
}

static void end(void)
{
    journal_end(&journal);
    storage_fini(&store.storage, PATIENCE_MS);
    journal_fini(&journal);
}

/* An empty directory for the next test. */
static void fresh(const char *name)
{
    snprintf(dir, sizeof dir, "%s", shell_path(name));
}

/* ---- the first record ---------------------------------------------------------------------- */

static int taken, dropped;
static char taken_body[64]; /* "": there was none */
static bool dropped_durably;

static void on_taken(struct journal *j, const struct record_usage *u)
{
    (void)j;
    taken++;
    taken_body[0] = '\0';
    if (u)
        (void)slice_copy(u->body, taken_body, sizeof taken_body);
}

static void on_dropped(struct journal *j, bool durable)
{
    (void)j;
    dropped++;
    dropped_durably = durable;
}

static const char *take(void)
{
    int before = taken;

    journal.on_taken = on_taken;
    journal.on_dropped = on_dropped;
    if (!journal_take(&journal) || !turn_until(&taken, before + 1))
        return "nothing";
    return taken_body;
}

static bool drop(void)
{
    int before = dropped;

    journal_drop(&journal);
    return turn_until(&dropped, before + 1) && dropped_durably;
}

/* Opens a file's record by a key. text: the caller's to wipe. */
static bool opens(struct slice key, const char *name, struct buf *text, struct record_usage *u)
{
    struct buf sealed;
    struct seal seal;
    bool rv;

    buf_init(&sealed, LIMIT_STATE_FILE);
    buf_init(text, LIMIT_STATE_FILE);
    seal_init(&seal, key);
    rv = fs_read_file(path_of(name), &sealed, NULL) &&
         journal_open(&seal, &profile, name, buf_slice(&sealed), text, u);
    seal_fini(&seal);
    buf_fini(&sealed);
    return rv;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void test_names(void)
{
    static const char *const bad[] = {"",
                                      "j-",
                                      "j-00000001-000000000000000",
                                      "j-00000001-00000000000000020",
                                      "j-0000000A-0000000000000002",
                                      "e-00000001-0000000000000002",
                                      "j-00000001.0000000000000002",
                                      "j-0000000g-0000000000000002",
                                      "j-00000001-000000000000000 "};
    char name[JOURNAL_NAME_SIZE];
    struct journal_item item = {.chain = 0xdeadbeef, .sequence = UINT64_MAX - 1};

    journal_name(&item, name);
    is_str(name, "j-deadbeef-fffffffffffffffe", "a name");
    ok(storage_name_is_valid(name), "that a file may have");
    memset(&item, 0, sizeof item);
    ok(journal_read_name(name, &item) && item.chain == 0xdeadbeef &&
           item.sequence == UINT64_MAX - 1,
       "read back");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(!journal_read_name(bad[i], &item), "'%s' is no record's name", bad[i]);
}

static void test_order(void)
{
    struct journal_item items[] = {
        {.chain = 1, .sequence = 3, .time_ns = 30}, {.chain = 9, .sequence = 6, .time_ns = 31},
        {.chain = 1, .sequence = 2, .time_ns = 20}, {.chain = 9, .sequence = 5, .time_ns = 10},
        {.chain = 4, .sequence = 1, .time_ns = 20}, {.chain = 1, .sequence = 10, .time_ns = 9},
    };
    static const char wanted[] = "9.5 9.6 1.2 1.3 1.10 4.1 ";
    char got[64] = "";

    journal_sort(items, 6);
    for (size_t i = 0; i < 6; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%u.%u ", (unsigned)items[i].chain,
                 (unsigned)items[i].sequence);
    is_str(got, wanted, "the chain that began first comes first, each in its sequence");
    journal_sort(NULL, 0);
}

/* Every byte counts: none can be left out, none added. */
static void test_record(void)
{
    struct record_usage u = usage_of("body"), v;
    struct buf text;
    bool same;
    int taken_short = 0;

    u.sequence = 5;
    u.wall_ns = -1;
    u.at.never_back_ns = 1234567890123;
    memset(u.previous, 9, sizeof u.previous);
    buf_init(&text, 4096);
    ok(record_write_usage(&u, &text), "a record is written");
    same = record_read_usage(buf_slice(&text), &v) && v.sequence == 5 && v.wall_ns == -1 &&
           v.at.never_back_ns == u.at.never_back_ns && memcmp(v.previous, u.previous, 32) == 0 &&
           memcmp(v.key, u.key, 32) == 0 && v.has_body && slice_eq(v.method, u.method) &&
           slice_eq(v.target, u.target) && slice_eq(v.fields, u.fields) && slice_eq(v.body, u.body);
    ok(same, "and read back whole");
    for (size_t n = 0; n < text.len; n++)
        taken_short += record_read_usage(slice_make(buf_slice(&text).p, n), &v);
    is_int(taken_short, 0, "no shorter text is one");
    (void)buf_append_string(&text, "x");
    ok(!record_read_usage(buf_slice(&text), &v), "nor a longer one");
    buf_clear(&text);
    u.has_body = false;
    ok(record_write_usage(&u, &text) && !record_read_usage(buf_slice(&text), &v),
       "nor one with a body that says it has none");
    buf_clear(&text);
    u.has_body = true;
    u.sequence = 0;
    ok(record_write_usage(&u, &text) && !record_read_usage(buf_slice(&text), &v),
       "nor one without a number");
    buf_fini(&text);
}

static void test_chain(void)
{
    struct request r[3];
    struct record_usage u;
    uint8_t hash[32] = {0};
    int linked = 0;

    fresh("chain");
    begin(KEY, LIMIT_JOURNAL_BYTES);
    ok(!append(&r[0], "early"), "refused before it is known what there is");
    ok(is_read() && journal.count == 0, "an empty journal is read");
    told = 0;
    for (int i = 0; i < 3; i++)
        ok(append(&r[i], i == 0 ? "one" : i == 1 ? "two" : "three"), "taken");
    ok(!r[0].done, "nothing is told from inside");
    turn_until(&r[2].done, 1);
    for (int i = 0; i < 3; i++)
        ok(r[i].done == 1 && r[i].recorded && r[i].was_there && r[i].place == i + 1,
           "record %d was in the directory when it was told, in its order", i + 1);
    for (unsigned i = 1; i <= 3; i++) {
        struct buf text;

        if (opens(KEY, name_of(journal.chain, i), &text, &u) && u.sequence == i)
            linked += memcmp(u.previous, hash, sizeof hash) == 0;
        sha256(buf_slice(&text), hash);
        buf_wipe(&text);
    }
    is_int(linked, 3, "each holds the hash of the one before, the first none");
    is_int(journal.count, 3, "three are there");
    is_int(journal.recorded, 3, "and counted");
    end();
}

/* The bytes of a file, one changed at a time; and under another's name. */
static void test_changed(void)
{
    struct record_usage u;
    struct buf sealed, text;
    struct seal seal;
    char name[JOURNAL_NAME_SIZE], other[JOURNAL_NAME_SIZE];
    int opened = 0;
    char *bytes;

    fresh("changed");
    begin(KEY, LIMIT_JOURNAL_BYTES);
    is_read();
    ok(records("one") && records("two"), "two records");
    memcpy(name, name_of(journal.chain, 1), sizeof name);
    memcpy(other, name_of(journal.chain, 2), sizeof other);
    end();
    buf_init(&sealed, LIMIT_STATE_FILE);
    buf_init(&text, LIMIT_STATE_FILE);
    seal_init(&seal, KEY);
    ok(fs_read_file(path_of(name), &sealed, NULL), "the first one's file");
    ok(journal_open(&seal, &profile, name, buf_slice(&sealed), &text, &u), "opens");
    buf_clear(&text);
    ok(!journal_open(&seal, &profile, other, buf_slice(&sealed), &text, &u),
       "but not under the second one's name");
    bytes = malloc(sealed.len);
    for (size_t i = 0; i < sealed.len; i++) {
        memcpy(bytes, buf_slice(&sealed).p, sealed.len);
        bytes[i] = (char)(bytes[i] ^ 1);
        buf_clear(&text);
        opened += journal_open(&seal, &profile, name, slice_make(bytes, sealed.len), &text, &u);
    }
    is_int(opened, 0, "nor with any of its bytes changed");
    free(bytes);
    buf_fini(&sealed);
    buf_wipe(&text);
    seal_fini(&seal);
}

static void test_restart(void)
{
    uint32_t chain;
    char first[JOURNAL_NAME_SIZE];
    struct buf text;

    fresh("restart");
    begin(KEY, LIMIT_JOURNAL_BYTES);
    is_read();
    chain = journal.chain;
    ok(records("a1") && records("a2") && records("a3"), "three records");
    end();
    begin(KEY, LIMIT_JOURNAL_BYTES);
    ok(is_read(), "read at a start");
    is_int(journal.count, 3, "all are found");
    ok(journal.chain != chain, "by a process with a chain of its own");
    ok(records("b1"), "which begins");
    is_str(take(), "a1", "the first of the oldest comes first");
    is_str(take(), "nothing", "one at a time");
    journal_put_back(&journal);
    is_str(take(), "a1", "put back, it is the first again");
    memcpy(first, name_of(chain, 1), sizeof first);
    ok(exists(first) && drop() && !exists(first), "dropped, its file is gone");
    ok(unlink(path_of(name_of(chain, 2))) == 0, "the next is taken away by somebody");
    /* Changed after it was found to be good. */
    buf_init(&text, 64);
    (void)buf_append_string(&text, "LPS");
    ok(fs_write_file(dir, name_of(chain, 3), buf_slice(&text), 0600, NULL), "the third is changed");
    buf_fini(&text);
    is_str(take(), "b1", "both are passed over");
    ok(journal.bad == 1 && exists(name_of(chain, 3)),
       "the changed one is counted, and stays where it is");
    ok(drop(), "the last is dropped");
    is_int(journal.count, 0, "none is left");
    ok(records("b2") && unlink(path_of(name_of(journal.chain, 2))) == 0, "one that is taken away");
    is_str(take(), "", "is none to be sent");
    is_int(journal.count, 0, "none is left");
    is_str(take(), "nothing", "nothing to take");
    end();
}

static void test_bound(void)
{
    static char big[50001];
    struct request r;
    int count = 0;

    fresh("bound");
    begin(KEY, LIMIT_JOURNAL_BYTES_LEAST);
    is_read();
    memset(big, 'x', sizeof big - 1);
    while (count < 40 && records(big))
        count++;
    is_int(count, 20, "as many as fit are recorded");
    ok(journal.trouble == JOURNAL_FULL && journal.bytes <= LIMIT_JOURNAL_BYTES_LEAST,
       "then it is full");
    ok(!append(&r, "small"), "also for small ones: it is told once");
    is_int(journal.refused, 2, "the refused are counted");
    ok(strstr(journal_refusal(&journal), "full") != NULL, "and told why");
    end();
    begin(KEY, LIMIT_JOURNAL_BYTES_LEAST);
    is_read();
    is_int(journal.count, 20, "after a restart all are there");
    ok(!records(big) && journal.trouble == JOURNAL_FULL, "and it is as full");
    take();
    ok(drop() && journal.trouble == JOURNAL_FULL, "one was sent: no room yet");
    take();
    ok(drop() && journal.trouble == JOURNAL_WELL, "another: there is room");
    ok(records("small"), "and it takes records");
    end();
}

static void test_storage_fails(void)
{
    struct request r[2];

    fresh("fails");
    begin(KEY, LIMIT_JOURNAL_BYTES);
    is_read();
    ok(records("one"), "a record");
    ok(shell("mv fails away && rm -rf away"), "the directory is removed");
    told = 0;
    ok(append(&r[0], "two") && append(&r[1], "three") && turn_until(&r[1].done, 1),
       "two more are asked for");
    ok(r[0].done == 1 && !r[0].recorded && r[1].done == 1 && !r[1].recorded, "and refused");
    ok(journal.trouble == JOURNAL_FAILING, "since storage fails");
    ok(shell("mkdir -m 700 fails"), "the directory is made again");
    ok(records("four") && journal.trouble == JOURNAL_WELL, "then records are taken again");
    ok(exists(name_of(journal.chain, 2)) && !exists(name_of(journal.chain, 3)),
       "and the chain has no gap");
    end();
}

static void test_cancel(void)
{
    struct request r[3];

    fresh("cancel");
    begin(KEY, LIMIT_JOURNAL_BYTES);
    is_read();
    for (int i = 0; i < 3; i++)
        ok(append(&r[i], "x"), "asked for");
    journal_cancel(&journal, &r[1].append);
    journal_cancel(&journal, &r[0].append);
    ok(turn_until(&r[2].done, 1) && r[2].recorded, "the third is recorded");
    ok(!r[0].done && !r[1].done, "those cancelled are told nothing");
    is_int(journal.count, 2, "the one that was being written is there, the waiting one isn't");
    journal_cancel(&journal, &r[2].append);
    ok(append(&r[0], "x") && append(&r[1], "y"), "asked for when it ends");
    journal_cancel(&journal, &r[0].append);
    journal_cancel(&journal, &r[1].append);
    end();
}

static bool is_resealed(void)
{
    int64_t limit = clock_mono_ms() + PATIENCE_MS;

    while (journal.seal_count > 1 && clock_mono_ms() < limit)
        loop_turn(&loop, 50, NULL);
    return journal.seal_count == 1;
}

static void test_other_key(void)
{
    struct record_usage u;
    struct request r;
    struct buf text;
    uint32_t chain;
    size_t bytes;

    fresh("key");
    begin(KEY, LIMIT_JOURNAL_BYTES);
    is_read();
    chain = journal.chain;
    ok(records("one") && records("two") && append(&r, "three"), "three records");
    is_str(take(), "one", "the first is taken");
    ok(journal_rotate(&journal, SLICE("a key in between")) && journal_rotate(&journal, OTHER_KEY),
       "when other keys come");
    ok(turn_until(&r.done, 1) && r.recorded, "the one being written is recorded");
    ok(records("four"), "so are others");
    journal_put_back(&journal);
    ok(is_resealed(), "all are sealed anew");
    is_int(journal.count, 4, "none is lost");
    for (unsigned i = 1; i <= 4; i++) {
        ok(opens(OTHER_KEY, name_of(chain, i), &text, &u) && u.sequence == i,
           "record %u opens by the new key", i);
        buf_wipe(&text);
    }
    is_str(take(), "one", "it goes on");
    ok(drop(), "with the first");
    bytes = journal.bytes;
    end();

    begin(KEY, LIMIT_JOURNAL_BYTES);
    ok(is_read(), "a start with the old key");
    ok(journal.count == 0 && journal.bad == 3, "finds records that it can't open, and counts them");
    is_int(journal.bytes, bytes, "they take their room");
    is_str(take(), "nothing", "none is sent");
    ok(exists(name_of(chain, 2)) && exists(name_of(chain, 4)), "all stay where they are");
    ok(records("five"), "new ones are recorded");
    end();
    begin(OTHER_KEY, LIMIT_JOURNAL_BYTES);
    is_read();
    ok(journal.count == 3 && journal.bad == 1, "the right key opens them again");
    for (int i = 1; i < LIMIT_JOURNAL_SEALS; i++)
        ok(journal_rotate(&journal, KEY), "key %d at once", i + 1);
    ok(!journal_rotate(&journal, KEY), "there is a bound");
    end();
}

int main(void)
{
    struct err err = {0};

    if (!ok(shell_init() && tls_profile_init(&profile, &err), "start"))
        return done_testing();
    loop_init(&loop);
    clock_init(&wall);
    test_names();
    test_order();
    test_record();
    test_chain();
    test_changed();
    test_restart();
    test_bound();
    test_storage_fails();
    test_cancel();
    test_other_key();
    loop_fini(&loop);
    tls_profile_fini(&profile);
    ok(shell_fini(), "the folder is removed");
    return done_testing();
}
