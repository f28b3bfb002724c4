/*
 * The state directory, through the real helper process in a folder of its own. A helper that hangs
 * is one that is stopped by a signal; full and read-only file systems are small ones of memory,
 * mounted where nobody else sees them. Built with LP_FAULTS, single system calls fail too.
 */
#include "trust/storage.h"

#include "tap.h"

#include "base/clock.h"
#include "base/fs.h"
#include "shell.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static struct loop loop;
static struct storage storage;
static unsigned *helpers; /* shared with the helpers: how many were started */

/* ---- asking -------------------------------------------------------------------------------- */

struct ask {
    struct storage_request q;
    int done;  /* times */
    int place; /* in the order in which requests ended */
    enum storage_result result;
    struct err err;
    char *data;
    size_t n;
    int files, bad_files;
    int cancel_after; /* files */
};

static int ended;

static void on_done(struct storage_request *q, enum storage_result result, struct slice data,
                    const struct err *err)
{
    struct ask *a = LOOP_OWNER(q, struct ask, q);

    a->done++;
    a->place = ++ended;
    a->result = result;
    if (err)
        a->err = *err;
    if (data.n > 0) {
        a->data = malloc(data.n);
        memcpy(a->data, data.p, data.n);
        a->n = data.n;
    }
}

static void on_file(struct storage_request *q, const char *name, struct slice data)
{
    struct ask *a = LOOP_OWNER(q, struct ask, q);

    a->files++;
    /* Files of the test hold their name, and more. */
    a->bad_files += data.n < strlen(name) || memcmp(data.p, name, strlen(name)) != 0;
    if (a->files == a->cancel_after)
        storage_cancel(&storage, q);
}

static void prepare(struct ask *a, enum storage_op op, const char *name, struct slice data)
{
    memset(a, 0, sizeof *a);
    a->q.op = op;
    snprintf(a->q.name, sizeof a->q.name, "%s", name);
    a->q.data = data;
    a->q.on_done = on_done;
    a->q.on_file = op == STORAGE_LIST ? on_file : NULL;
}

static bool start(struct ask *a, enum storage_op op, const char *name, struct slice data,
                  int64_t timeout_ms)
{
    prepare(a, op, name, data);
    return storage_start(&storage, &a->q, timeout_ms);
}

static bool wait_for(const struct ask *a)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;

    while (!a->done && clock_mono_ms() < end)
        loop_turn(&loop, 50, NULL);
    return a->done > 0;
}

static void forget(struct ask *a)
{
    free(a->data);
    a->data = NULL;
}

/* Asked and answered; FAILED also when there was no answer. */
static enum storage_result ask(struct ask *a, enum storage_op op, const char *name,
                               struct slice data)
{
    if (!start(a, op, name, data, PATIENCE_MS) || !wait_for(a))
        return STORAGE_FAILED;
    return a->result;
}

static bool puts_it(const char *name, const char *text)
{
    struct ask a;

    return ask(&a, STORAGE_PUT, name, slice_of(text)) == STORAGE_OK;
}

static bool dels(const char *name)
{
    struct ask a;

    return ask(&a, STORAGE_DEL, name, (struct slice){0}) == STORAGE_OK;
}

/* What is under the name: NULL nothing, "?" a failure. Good until the next call. */
static const char *gets_it(const char *name)
{
    static char text[64];
    struct ask a;
    enum storage_result result = ask(&a, STORAGE_GET, name, (struct slice){0});

    snprintf(text, sizeof text, "%.*s", (int)a.n, a.data ? a.data : "");
    forget(&a);
    return result == STORAGE_OK ? text : result == STORAGE_ABSENT ? NULL : "?";
}

#define is_there(name, text, what) is_str(gets_it(name), (text), (what))
#define is_absent(name, what) ok(gets_it(name) == NULL, "%s", (what))

/* Whether it fails with that code and those words. */
static bool fails(enum storage_op op, const char *name, enum err_code code, const char *words)
{
    struct ask a;
    enum storage_result result = ask(&a, op, name, SLICE("new"));
    bool rv = result == STORAGE_FAILED && a.err.code == code && strstr(a.err.text, words);

    if (!rv)
        printf("# result %d, code %d: %s\n", result, a.err.code, a.err.text);
    forget(&a);
    return rv;
}

static void in_helper(void *ctx)
{
    (void)ctx;
    ++*helpers;
}

static struct spawn spawn = {.run = {[SPAWN_STORAGE] = storage_helper_run}, .in_helper = in_helper};
static struct spawn quiet_spawn = {.run = {[SPAWN_STORAGE] = storage_helper_run}};

static bool begin(const char *dir)
{
    struct err err = {0}, warning = {0};

    loop_init(&loop);
    return ok(storage_init(&storage, &loop, dir, &spawn, &warning, &err) && !err_is_set(&err) &&
                  !err_is_set(&warning),
              "starts %s", err.text);
}

static void end(void)
{
    storage_fini(&storage, PATIENCE_MS);
    loop_fini(&loop);
}

/* Files in a directory whose names start so. */
static int count(const char *dir, const char *prefix)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int n = 0;

    while (d && (e = readdir(d)))
        n += strncmp(e->d_name, prefix, strlen(prefix)) == 0 && strcmp(e->d_name, ".") != 0 &&
             strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return d ? n : -1;
}

static void stop_helper(void)
{
    int status;

    kill(storage.helper, SIGSTOP);
    waitpid(storage.helper, &status, WUNTRACED);
}

static void continue_helper(void)
{
    kill(storage.helper, SIGCONT);
}

/* ---- start --------------------------------------------------------------------------------- */

static bool refuses(const char *dir, enum err_code code, const char *words)
{
    struct err err = {0}, warning = {0};
    bool rv;

    loop_init(&loop);
    rv = !storage_init(&storage, &loop, dir, &quiet_spawn, &warning, &err) && err.code == code &&
         strstr(err.text, dir) && strstr(err.text, words);
    if (!rv)
        printf("# code %d: %s\n", err.code, err.text);
    loop_fini(&loop);
    return rv;
}

static void test_start(void)
{
    const char *dir = shell_path("made");
    struct stat st;

    if (begin(dir)) {
        ok(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700, "a directory is made, mode 0700");
        ok(fcntl(storage.io.fd, F_GETFD) & FD_CLOEXEC, "our end of the pair isn't handed on");
    }
    end();
    if (begin(dir))
        ok(puts_it("a", "x"), "and is used when it is there");
    end();
    ok(chmod(dir, 0770) == 0 && refuses(dir, ERR_PERMISSION, "chmod 0700"),
       "one that the group can write to is refused");
    ok(chmod(dir, 0702) == 0 && refuses(dir, ERR_PERMISSION, "chmod 0700"),
       "one that all can write to, too");
    ok(chmod(dir, 0755) == 0 && begin(dir), "one that all can read is taken: it holds no secrets");
    end();
    if (geteuid() == 0) {
        ok(chown(dir, 12345, 0) == 0 && refuses(dir, ERR_PERMISSION, "chown 0"),
           "one of another user is refused");
        ok(chown(dir, 0, 0) == 0, "it is ours again");
    } else {
        ok(chmod(dir, 0500) == 0 && refuses(dir, ERR_PERMISSION, "chmod 0700"),
           "one that we can't write to is refused");
        ok(chmod(dir, 0700) == 0, "it is as it was");
    }
    ok(refuses(shell_path("no/such"), ERR_CREATE, "make the directory that it is to be in"),
       "one in a directory that isn't there is refused");
    ok(shell("echo x >file") && refuses(shell_path("file"), ERR_CREATE, "name a directory"),
       "a file is refused");
    ok(shell("ln -s made link") && begin(shell_path("link")),
       "the way to the directory may be a link");
    end();
}

static void test_start_tidies(void)
{
    ok(shell("mkdir -m 700 tidy && touch -d '2 hours ago' tidy/.tmp-e-1-9-1 && "
             "touch tidy/.tmp-e-2-9-1 && touch -d '2 hours ago' tidy/e-3"),
       "leftovers");
    if (begin(shell_path("tidy")))
        is_absent("none", "the helper is up");
    is_int(count(shell_path("tidy"), ".tmp-"), 1,
           "an old temporary file is removed, a new one not");
    is_int(count(shell_path("tidy"), "e-3"), 1, "other files stay");
    end();
}

/* ---- operations ---------------------------------------------------------------------------- */

static void test_operations(void)
{
    const char *dir = shell_path("files");
    struct stat st;
    struct ask a;
    char path[256];
    char *large = malloc(LIMIT_STATE_FILE + 1);

    memset(large, 'L', LIMIT_STATE_FILE + 1);
    if (!begin(dir))
        return;
    is_absent("e-1", "nothing is there at first");
    ok(start(&a, STORAGE_PUT, "e-1", SLICE("one"), PATIENCE_MS) && a.done == 0,
       "on_done isn't called from inside storage_start");
    ok(wait_for(&a) && a.result == STORAGE_OK && a.done == 1, "a file is written");
    is_there("e-1", "one", "and read");
    snprintf(path, sizeof path, "%s/e-1", dir);
    ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "its mode is 0600");
    ok(puts_it("e-1", "two"), "it is replaced");
    is_there("e-1", "two", "by the new one");
    ok(puts_it("e-1", ""), "an empty one is written");
    is_there("e-1", "", "and read");
    is_int(count(dir, ""), 1, "no temporary file is left");
    ok(ask(&a, STORAGE_ASIDE, "e-1", (struct slice){0}) == STORAGE_OK, "it is set aside");
    is_absent("e-1", "and isn't there any more");
    is_int(count(dir, "aside-e-1"), 1, "but under the other name");
    ok(ask(&a, STORAGE_ASIDE, "e-1", (struct slice){0}) == STORAGE_OK,
       "what isn't there is set aside already");
    ok(puts_it("e-2", "x") && dels("e-2"), "one is removed");
    is_absent("e-2", "and is gone");
    ok(dels("e-2"), "to remove what isn't there is a success");

    ok(ask(&a, STORAGE_PUT, "e-3", slice_make(large, LIMIT_STATE_FILE)) == STORAGE_OK,
       "the largest file is written");
    ok(ask(&a, STORAGE_GET, "e-3", (struct slice){0}) == STORAGE_OK && a.n == LIMIT_STATE_FILE &&
           memcmp(a.data, large, a.n) == 0,
       "and read");
    forget(&a);
    ok(!start(&a, STORAGE_PUT, "e-3", slice_make(large, LIMIT_STATE_FILE + 1), PATIENCE_MS),
       "a larger one is refused at once");
    ok(shell("head -c 1085441 /dev/zero >files/e-4") &&
           fails(STORAGE_GET, "e-4", ERR_LIMIT, "larger than"),
       "one that lies there isn't read");
    is_int(storage.failures, 1, "which is counted");

    ok(fails(STORAGE_GET, "../file", ERR_CREATE, "Invalid"), "no name leads out: ../file");
    ok(fails(STORAGE_PUT, "../out", ERR_CREATE, "Invalid"), "nor when writing");
    ok(fails(STORAGE_DEL, "../file", ERR_CREATE, "Invalid"), "nor when removing");
    ok(fails(STORAGE_DEL, "a/b", ERR_CREATE, "Invalid"), "no name has a slash");
    ok(fails(STORAGE_DEL, ".tmp-x", ERR_CREATE, "Invalid"), "or starts with a dot");
    ok(fails(STORAGE_PUT, "", ERR_CREATE, "Invalid"), "or is empty");
    is_int(count(shell_path(""), "out"), 0, "nothing was written outside");
    is_int(count(shell_path(""), "file"), 2, "and nothing removed");
    end();
    free(large);
}

static void test_links(void)
{
    const char *dir = shell_path("links");

    if (!begin(dir))
        return;
    ok(shell("echo secret >target && ln -s ../target links/e-1 && ln -s ../target links/e-2 &&"
             "ln -s nowhere links/e-3 && mkdir links/e-4 && mkfifo links/e-5"),
       "links");
    ok(fails(STORAGE_GET, "e-1", ERR_CREATE, "isn't a regular file"), "a link isn't read");
    ok(fails(STORAGE_GET, "e-3", ERR_CREATE, "isn't a regular file"), "one to nowhere neither");
    ok(fails(STORAGE_GET, "e-4", ERR_CREATE, "isn't a regular file"), "nor a directory");
    ok(fails(STORAGE_GET, "e-5", ERR_CREATE, "isn't a regular file"), "nor a pipe, for ever");
    ok(puts_it("e-1", "new") && shell("grep -qx secret target && test ! -L links/e-1"),
       "writing replaces a link, not what it leads to");
    ok(dels("e-2") && shell("grep -qx secret target && test ! -L links/e-2"),
       "removing removes the link");
    ok(fails(STORAGE_DEL, "e-4", ERR_CREATE, "e-4"), "a directory isn't removed");
    ok(fails(STORAGE_PUT, "e-4", ERR_CREATE, "e-4") && count(dir, ".tmp-") == 0,
       "nor replaced, and no temporary file is left");
    end();
}

static void test_aside_bound(void)
{
    const char *dir = shell_path("aside");
    struct ask a;
    int done = 0;

    if (!begin(dir))
        return;
    ok(shell("i=1; while [ $i -le 70 ]; do echo x >aside/e-$i; i=$((i + 1)); done"), "70 files");
    for (int i = 1; i <= 70; i++) {
        char name[16];

        snprintf(name, sizeof name, "e-%d", i);
        done += ask(&a, STORAGE_ASIDE, name, (struct slice){0}) == STORAGE_OK;
    }
    is_int(done, 70, "all are set aside");
    is_int(count(dir, "e-"), 0, "and aren't read again");
    is_int(count(dir, "aside-"), LIMIT_ASIDE, "so many are kept");
    end();
    ok(shell("echo x >aside/e-1"), "one more");
    if (begin(dir))
        ok(ask(&a, STORAGE_ASIDE, "e-1", (struct slice){0}) == STORAGE_OK, "set aside later");
    is_int(count(dir, "aside-"), LIMIT_ASIDE, "no more are kept by the next process");
    end();
}

static void test_list(void)
{
    struct ask a, b;
    int most = 0, before = 0;
    int64_t until = clock_mono_ms() + PATIENCE_MS;

    ok(shell("mkdir -m 700 list && cd list && awk 'BEGIN { for (i = 0; i < 3000; i++) "
             "{ f = \"e-\" i; printf \"%s%1000s\", f, \"\" >f; close(f) } }' && "
             "echo x >f-1 && echo x >.tmp-e-1-1-1 && echo x >aside-e-1 && ln -s e-1 e-link && "
             "mkdir e-dir && mkfifo e-pipe"),
       "3000 files and others");
    if (!begin(shell_path("list")))
        return;
    ok(start(&a, STORAGE_LIST, "e-", (struct slice){0}, PATIENCE_MS), "listing starts");
    while (!a.done && clock_mono_ms() < until) {
        before = a.files;
        loop_turn(&loop, 50, NULL);
        most = a.files - before > most ? a.files - before : most;
    }
    ok(a.done == 1 && a.result == STORAGE_OK, "listing ends");
    is_int(a.files, 3000, "with all files of the prefix, and nothing else");
    is_int(a.bad_files, 0, "each with its contents");
    ok(most > 1 && most <= 300, "a bounded number in one turn of the loop (%d)", most);
    ok(ask(&a, STORAGE_LIST, "f-", (struct slice){0}) == STORAGE_OK && a.files == 1,
       "another prefix has others");
    ok(ask(&a, STORAGE_LIST, "g-", (struct slice){0}) == STORAGE_OK && a.files == 0,
       "one that nothing has ends, too");
    ok(ask(&a, STORAGE_LIST, "", (struct slice){0}) == STORAGE_OK && a.files == 3001,
       "without a prefix all are listed but temporary ones and those set aside");

    prepare(&a, STORAGE_LIST, "e-", (struct slice){0});
    a.cancel_after = 10;
    ok(storage_start(&storage, &a.q, PATIENCE_MS) && puts_it("f-2", "x"),
       "a listing that is cancelled in on_file leaves the way free");
    ok(a.files == 10 && a.done == 0, "and nobody is called any more");

    ok(shell("head -c 1085441 /dev/zero >list/h-1"), "a file that is too large");
    ok(ask(&b, STORAGE_LIST, "h-", (struct slice){0}) == STORAGE_OK && b.files == 1 &&
           b.bad_files == 1,
       "is listed without its contents");
    end();
}

/* ---- order, bounds, deadlines -------------------------------------------------------------- */

static void test_priority(void)
{
    struct ask first, put, aside, get, del, other;
    struct slice none = {0};

    if (!begin(shell_path("order")))
        return;
    ok(puts_it("x", "old") && puts_it("y", "old"), "files");
    stop_helper();
    ended = 0;
    start(&first, STORAGE_PUT, "z", SLICE("z"), PATIENCE_MS);
    start(&put, STORAGE_PUT, "x", SLICE("new"), PATIENCE_MS);
    start(&aside, STORAGE_ASIDE, "none", none, PATIENCE_MS);
    start(&get, STORAGE_GET, "x", none, PATIENCE_MS);
    start(&del, STORAGE_DEL, "y", none, PATIENCE_MS);
    ok(first.q.sent && !put.q.sent && !del.q.sent, "one request is with the helper");
    continue_helper();
    ok(wait_for(&put) && wait_for(&aside), "all are done");
    ok(first.place == 1 && del.place == 2 && get.place == 3 && put.place == 4 && aside.place == 5,
       "removals before readings before writings (%d %d %d %d %d)", first.place, del.place,
       get.place, put.place, aside.place);
    ok(get.n == 3 && memcmp(get.data, "old", 3) == 0, "the reading saw the old file");
    forget(&get);

    stop_helper();
    start(&first, STORAGE_PUT, "z", SLICE("z"), PATIENCE_MS);
    start(&put, STORAGE_PUT, "x", SLICE("approval"), PATIENCE_MS);
    start(&other, STORAGE_PUT, "y", SLICE("other"), PATIENCE_MS);
    start(&del, STORAGE_DEL, "x", none, PATIENCE_MS);
    ok(put.done == 0, "the overtaken isn't told from inside storage_start");
    ok(wait_for(&put) && put.result == STORAGE_FAILED && strstr(put.err.text, "removed") &&
           first.done == 0,
       "a writing is ended by the removal that overtakes it, even while storage hangs");
    continue_helper();
    ok(wait_for(&other) && other.result == STORAGE_OK && del.result == STORAGE_OK,
       "the others are done");
    is_absent("x", "and the removal stands");
    is_int(storage.failures, 0, "which is no failure");

    stop_helper();
    start(&put, STORAGE_PUT, "x", SLICE("approval"), PATIENCE_MS);
    start(&del, STORAGE_DEL, "x", none, PATIENCE_MS);
    start(&other, STORAGE_PUT, "x", SLICE("again"), PATIENCE_MS);
    continue_helper();
    ok(wait_for(&other) && put.result == STORAGE_OK && del.result == STORAGE_OK,
       "a writing that the helper is busy with comes before the removal");
    is_there("x", "again", "and what is written after it stays");
    end();
}

static void test_bounds(void)
{
    enum { ROOM = LIMIT_STORAGE_BYTES / LIMIT_STATE_FILE };
    struct ask *many = calloc(LIMIT_STORAGE_QUEUE + 1, sizeof *many);
    char *large = malloc(LIMIT_STATE_FILE);
    struct slice data = slice_make(large, LIMIT_STATE_FILE);
    struct ask first, del;
    int taken = 0;

    memset(large, 'x', LIMIT_STATE_FILE);
    if (!begin(shell_path("bounds")))
        return;
    stop_helper();
    start(&first, STORAGE_PUT, "first", SLICE("x"), PATIENCE_MS);
    while (taken < 100 && start(&many[taken], STORAGE_PUT, "large", data, PATIENCE_MS))
        taken++;
    is_int(taken, ROOM, "writings are taken up to LIMIT_STORAGE_BYTES");
    ok(start(&del, STORAGE_DEL, "other", (struct slice){0}, PATIENCE_MS), "then removals still");
    storage_cancel(&storage, &many[0].q);
    ok(start(&many[0], STORAGE_PUT, "large", data, PATIENCE_MS),
       "what is cancelled makes room again");
    for (int i = 0; i < taken; i++)
        storage_cancel(&storage, &many[i].q);
    is_int(storage.queued_bytes, 0, "nothing counts any more");
    storage_cancel(&storage, &del.q);

    taken = 0;
    while (taken <= LIMIT_STORAGE_QUEUE &&
           start(&many[taken], STORAGE_GET, "x", (struct slice){0}, PATIENCE_MS))
        taken++;
    is_int(taken, LIMIT_STORAGE_QUEUE, "requests are taken up to LIMIT_STORAGE_QUEUE");
    ok(start(&del, STORAGE_DEL, "other", (struct slice){0}, PATIENCE_MS), "then removals still");
    ok(!start(&many[LIMIT_STORAGE_QUEUE], STORAGE_PUT, "x", (struct slice){0}, PATIENCE_MS),
       "and no writing, however small");
    for (int i = 0; i < taken; i++)
        storage_cancel(&storage, &many[i].q);
    is_int(storage.queued, 1, "cancelled, they don't wait any more");
    continue_helper();
    ok(wait_for(&del) && first.done == 1, "the queue goes on");
    ended = 0;
    for (int i = 0; i < taken; i++)
        ended += many[i].done;
    is_int(ended, 0, "and nobody else is called");
    end();
    free(many);
    free(large);
}

static void test_hang(void)
{
    struct ask put, get, del, many[600];
    char *data = malloc(800000);
    int64_t began, took;
    int late = 0;

    if (!begin(shell_path("hang")))
        return;
    memset(data, 'd', 800000);
    stop_helper();
    began = clock_mono_ms();
    start(&put, STORAGE_PUT, "x", slice_make(data, 800000), 300);
    start(&get, STORAGE_GET, "y", (struct slice){0}, 300);
    start(&del, STORAGE_DEL, "y", (struct slice){0}, 300);
    ok(wait_for(&put) && wait_for(&get) && wait_for(&del), "everything ends while storage hangs");
    took = clock_mono_ms() - began;
    ok(took >= 300 && took < 3000, "at the deadlines (%d ms)", (int)took);
    ok(put.result == STORAGE_FAILED && put.err.code == ERR_TIMEOUT &&
           strstr(put.err.text, "hangs") && get.result == STORAGE_FAILED &&
           del.result == STORAGE_FAILED,
       "as failures that say so");
    is_int(storage.failures, 3, "which are counted");
    /* Its owner has the data back: none of it may be read any more. */
    memset(data, 'e', 800000);
    free(data);
    for (int i = 0; i < 600; i++)
        start(&many[i], STORAGE_GET, "y", (struct slice){0}, 100);
    for (int i = 0; i < 600; i++)
        late += wait_for(&many[i]) && many[i].err.code == ERR_TIMEOUT;
    is_int(late, 600, "what comes meanwhile ends, too, however much");
    is_int(storage.queued, 0, "nothing is left waiting");
    start(&get, STORAGE_GET, "x", (struct slice){0}, PATIENCE_MS);
    continue_helper();
    ok(wait_for(&get) && get.result == STORAGE_OK && get.n == 800000 && put.done == 1,
       "when it goes on, the late answer is dropped and the queue goes on");
    data = memchr(get.data, 'e', get.n);
    ok(get.n == 800000 && get.data[0] == 'd' && !data, "the writing was done with what was given");
    forget(&get);

    stop_helper();
    start(&put, STORAGE_PUT, "x", SLICE("two"), PATIENCE_MS);
    storage_cancel(&storage, &put.q);
    start(&del, STORAGE_DEL, "x", (struct slice){0}, PATIENCE_MS);
    storage_cancel(&storage, &put.q);
    continue_helper();
    ok(wait_for(&del) && del.result == STORAGE_OK && put.done == 0,
       "a request that the helper is busy with can be cancelled");
    is_absent("x", "and what comes after it comes after it");
    end();
}

static void test_crash(void)
{
    struct ask put, get;
    pid_t old;

    *helpers = 0;
    if (!begin(shell_path("crash")))
        return;
    ok(puts_it("x", "kept"), "a file");
    is_int(*helpers, 1, "in_helper ran in the helper");
    stop_helper();
    old = storage.helper;
    start(&put, STORAGE_PUT, "y", SLICE("lost"), PATIENCE_MS);
    start(&get, STORAGE_GET, "x", (struct slice){0}, PATIENCE_MS);
    kill(old, SIGKILL);
    ok(wait_for(&put) && put.result == STORAGE_FAILED && strstr(put.err.text, "process ended"),
       "a helper that is killed fails the request that it had");
    ok(wait_for(&get) && get.result == STORAGE_OK && get.n == 4,
       "the next is done by a new helper");
    forget(&get);
    ok(storage.helper > 0 && storage.helper != old, "which is another process");
    is_int(*helpers, 2, "in which in_helper ran, too");
    ok(waitpid(old, NULL, WNOHANG) < 0 && errno == ECHILD, "the old one is reaped");

    for (int i = 0; i < 3; i++) {
        kill(storage.helper, SIGKILL);
        ok(puts_it("z", "x") || puts_it("z", "x"), "killed again, it is back");
    }
    end();
}

/* Entries of /proc/PID/fd that are beyond the standard ones. */
static int descriptors(pid_t pid)
{
    char path[64];
    int n;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    n = count(path, "");
    return n < 0
               ? n
               : n - (fcntl(0, F_GETFD) >= 0) - (fcntl(1, F_GETFD) >= 0) - (fcntl(2, F_GETFD) >= 0);
}

static void test_descriptors(void)
{
    int held = open("/dev/null", O_RDONLY);

    if (!begin(shell_path("held")))
        return;
    is_absent("x", "the helper is up");
    is_int(descriptors(storage.helper), 2, "it holds its socket and the directory, nothing else");
    end();
    close(held);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void test_end(void)
{
    struct ask many[50];
    const char *dir = shell_path("end");
    int64_t began;
    int done = 0;
    pid_t helper;

    if (!begin(dir))
        return;
    for (int i = 0; i < 50; i++) {
        char name[16];

        snprintf(name, sizeof name, "e-%d", i);
        start(&many[i], STORAGE_PUT, name, SLICE("x"), PATIENCE_MS);
    }
    end();
    for (int i = 0; i < 50; i++)
        done += many[i].done == 1 && many[i].result == STORAGE_OK;
    is_int(done, 50, "what waits at the end is done");
    is_int(count(dir, "e-"), 50, "and is there");

    if (!begin(dir))
        return;
    helper = storage.helper;
    stop_helper();
    start(&many[0], STORAGE_PUT, "e-60", SLICE("x"), PATIENCE_MS);
    start(&many[1], STORAGE_PUT, "e-61", SLICE("x"), PATIENCE_MS);
    began = clock_mono_ms();
    storage_fini(&storage, 300);
    ok(clock_mono_ms() - began < 3000, "storage that hangs is waited for no longer than asked");
    ok(many[0].done == 0 && many[1].done == 0, "what is left is told nobody");
    ok(kill(helper, 0) < 0 && errno == ESRCH, "its process is gone");
    loop_fini(&loop);

    if (!begin(dir))
        return;
    kill(storage.helper, SIGKILL);
    start(&many[0], STORAGE_PUT, "e-70", SLICE("x"), PATIENCE_MS);
    start(&many[1], STORAGE_PUT, "e-71", SLICE("x"), PATIENCE_MS);
    end();
    is_int(count(dir, "e-71"), 1, "even when the helper has to be started again for it");
}

/* Runs in a child: starts storage, tells the helper's number, and is killed. */
static _Noreturn void die_with_helper(int report)
{
    struct err err = {0}, warning = {0};

    loop_init(&loop);
    if (storage_init(&storage, &loop, shell_path("orphan"), &quiet_spawn, &warning, &err))
        (void)!write(report, &storage.helper, sizeof storage.helper);
    kill(getpid(), SIGKILL);
    _exit(1);
}

static void test_orphan(void)
{
    int report[2] = {-1, -1};
    pid_t child, helper = -1;
    int64_t until = clock_mono_ms() + PATIENCE_MS;

    if (!ok(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && pipe(report) == 0, "a pipe"))
        return;
    fflush(stdout);
    child = fork();
    if (child == 0)
        die_with_helper(report[1]);
    close(report[1]);
    ok(read(report[0], &helper, sizeof helper) == sizeof helper && helper > 0, "a helper");
    close(report[0]);
    waitpid(child, NULL, 0);
    while (helper > 0 && waitpid(helper, NULL, WNOHANG) == 0 && clock_mono_ms() < until)
        poll(NULL, 0, 5);
    ok(helper > 0 && kill(helper, 0) < 0, "a helper ends with the process that started it");
}

/* ---- directories that vanish, fill up or can't be written --------------------------------- */

static void test_removed(void)
{
    const char *dir = shell_path("gone");
    struct ask a;

    if (!begin(dir))
        return;
    ok(puts_it("x", "x") && shell("rm -rf gone"), "a directory is removed under way");
    ok(fails(STORAGE_GET, "x", ERR_CREATE, "was removed"), "what was in it isn't absent");
    ok(fails(STORAGE_PUT, "x", ERR_CREATE, "was removed"), "nothing is written");
    ok(fails(STORAGE_LIST, "x", ERR_CREATE, "was removed"), "nothing is listed");
    ok(fails(STORAGE_ASIDE, "x", ERR_CREATE, "was removed"), "nothing is set aside");
    ok(dels("x"), "what is to be removed is");
    ok(shell("mkdir gone && chmod 777 gone"), "another is made that all can write to");
    ok(fails(STORAGE_PUT, "x", ERR_CREATE, "was removed"), "which isn't taken");
    ok(fails(STORAGE_DEL, "x", ERR_CREATE, "was removed"),
       "and then nothing is known of its files");
    ok(shell("chmod 700 gone") && puts_it("x", "y"), "once it is ours alone it is taken");
    is_there("x", "y", "and used");
    ok(shell("rm gone/x"), "a file is removed by another instance");
    is_absent("x", "then it is absent");

    end();

    if (!begin(dir))
        return;
    ok(shell("mv gone moved && mkdir -m 700 gone") && puts_it("z", "z"),
       "a directory is moved away and another put in its place");
    ok(count(dir, "z") == 0 && count(shell_path("moved"), "z") == 1,
       "the one that was opened stays in use");
    kill(storage.helper, SIGKILL);
    ok(ask(&a, STORAGE_GET, "z", (struct slice){0}) != STORAGE_ABSENT && puts_it("z2", "z") &&
           count(shell_path("moved"), "z2") == 1,
       "by the next helper, too");
    forget(&a);
    end();
}

static bool mounted;

/* A file system of memory in a place that only this process sees. */
static bool mount_small(const char *path)
{
    mounted = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
              mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mkdir(path, 0700) == 0 &&
              mount("small", path, "tmpfs", 0, "size=64k,mode=700") == 0;
    return mounted;
}

static void test_full_and_read_only(void)
{
    const char *dir = shell_path("small");
    struct err err = {0}, warning = {0};
    char *large = malloc(200000);
    struct ask a;

    memset(large, 'x', 200000);
    if (!mount_small(dir)) {
        ok(true, "full and read-only file systems # SKIP mounting one takes root");
        free(large);
        return;
    }
    if (!begin(dir))
        return;
    ok(puts_it("x", "old") && puts_it("y", "old"), "files");
    ok(ask(&a, STORAGE_PUT, "x", slice_make(large, 200000)) == STORAGE_FAILED &&
           strstr(a.err.text, "No space") && strstr(a.err.text, "free some space"),
       "a full file system is told, with what to do");
    is_there("x", "old", "the file is the old one, whole");
    is_int(count(dir, ".tmp-"), 0, "no temporary file fills it further");
    ok(dels("y") && puts_it("z", "small"), "removing goes on, and writing what fits");
    end();

    ok(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0, "it becomes read-only");
    loop_init(&loop);
    if (ok(storage_init(&storage, &loop, dir, &quiet_spawn, &warning, &err) && !err_is_set(&err),
           "it is taken")) {
        ok(strstr(warning.text, "read-only") != NULL, "with a warning");
        is_there("x", "old", "what is there is read");
        ok(fails(STORAGE_PUT, "x", ERR_CREATE, "mounted read-only"), "nothing is written");
        ok(fails(STORAGE_DEL, "x", ERR_CREATE, "mounted read-only"), "nothing is removed");
        ok(mount(NULL, dir, NULL, MS_REMOUNT, NULL) == 0 && puts_it("x", "new"),
           "once it is writable again it is written");
    }
    end();
    umount(dir);
    free(large);
}

/* ---- single system calls that fail --------------------------------------------------------- */

/* Whether the program that runs looks for faults; the word is spelled backwards here. */
static bool holds_fault_code(void)
{
    static const volatile char backwards[] = "TLUAF_PL"; /* not turned by the compiler */
    char word[sizeof backwards - 1];
    struct buf exe;
    bool rv;

    for (size_t i = 0; i < sizeof word; i++)
        word[i] = backwards[sizeof word - 1 - i];
    buf_init(&exe, 64L << 20);
    rv = fs_read_file("/proc/self/exe", &exe, NULL) &&
         memmem(buf_slice(&exe).p, exe.len, word, sizeof word) != NULL;
    buf_fini(&exe);
    return rv;
}

#ifdef LP_FAULTS

static const struct {
    const char *fault;
    enum storage_op op;
    const char *words;
    const char *after; /* what is under the name then; NULL: either */
} faults[] = {
    {"open:1", STORAGE_PUT, "No space", "old"},
    {"write:1", STORAGE_PUT, "No space", "old"},
    {"fsync:1", STORAGE_PUT, "Input/output", "old"},
    {"rename:1", STORAGE_PUT, "Input/output", "old"},
    {"fsync:2", STORAGE_PUT, "Input/output", "new"},
    {"unlink:1", STORAGE_DEL, "Input/output", "old"},
    {"rename:1", STORAGE_ASIDE, "Input/output", "old"},
    {"open:1", STORAGE_GET, "No space", "old"},
    {"open:1", STORAGE_LIST, "No space", "old"},
    {"unlink:9,write:1+", STORAGE_PUT, "No space", "old"},
};

static void set_fault(const char *fault)
{
    if (fault)
        setenv("LP_FAULT", fault, 1);
    else
        unsetenv("LP_FAULT");
}

static void test_faults(void)
{
    const char *dir = shell_path("faults");

    ok(holds_fault_code(), "this build has the faults");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char path[256];
        struct buf file;

        ok(shell("rm -rf faults && mkdir -m 700 faults && printf old >faults/x"), "a file");
        set_fault(faults[i].fault);
        if (begin(dir))
            ok(fails(faults[i].op, "x", ERR_CREATE, faults[i].words), "%s makes operation %d fail",
               faults[i].fault, faults[i].op);
        set_fault(NULL);
        snprintf(path, sizeof path, "%s/x", dir);
        buf_init(&file, 100);
        ok(fs_read_file(path, &file, NULL) && slice_eq(buf_slice(&file), slice_of(faults[i].after)),
           "the file is the %s one", faults[i].after);
        buf_fini(&file);
        is_int(count(dir, ".tmp-"), 0, "no temporary file is left");
        end();
    }
}

static void test_hanging_calls(void)
{
    for (int n = 1; n <= 5; n++) {
        char fault[32];
        struct ask put, get;

        snprintf(fault, sizeof fault, "hang:%d", n);
        set_fault(fault);
        if (!begin(shell_path("faults")))
            return;
        start(&put, STORAGE_PUT, "x", SLICE("x"), 200);
        ok(wait_for(&put) && put.result == STORAGE_FAILED && put.err.code == ERR_TIMEOUT,
           "call %d of a writing hangs", n);
        set_fault(NULL);
        start(&get, STORAGE_GET, "y", (struct slice){0}, PATIENCE_MS);
        kill(storage.helper, SIGKILL);
        ok(wait_for(&get) && get.result == STORAGE_ABSENT, "ended, another takes over");
        end();
    }
}

/* Runs in a child, which its helper kills before the call n. */
static _Noreturn void write_until_killed(int report)
{
    struct err err = {0}, warning = {0};
    struct ask a;

    loop_init(&loop);
    if (storage_init(&storage, &loop, shell_path("faults"), &quiet_spawn, &warning, &err) &&
        write(report, &storage.helper, sizeof storage.helper) > 0)
        (void)ask(&a, STORAGE_PUT, "x", SLICE("new"));
    _exit(0);
}

static void test_killing_calls(void)
{
    for (int n = 1; n <= 6; n++) {
        char fault[32];
        int report[2] = {-1, -1}, status = 0;
        pid_t child, helper = -1;

        ok(shell("rm -rf faults && mkdir -m 700 faults && printf old >faults/x") &&
               pipe(report) == 0,
           "a file");
        snprintf(fault, sizeof fault, "kill:%d", n);
        set_fault(fault);
        fflush(stdout);
        child = fork();
        if (child == 0)
            write_until_killed(report[1]);
        set_fault(NULL);
        close(report[1]);
        ok(read(report[0], &helper, sizeof helper) == sizeof helper, "a helper");
        close(report[0]);
        waitpid(child, &status, 0);
        if (helper > 0)
            waitpid(helper, NULL, 0);
        ok(n < 6 ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : WIFEXITED(status),
           "killed before call %d, or not when there are fewer", n);
        if (!begin(shell_path("faults")))
            return;
        is_there("x", n < 5 ? "old" : "new", "the file is the old or the new one, whole");
        ok(puts_it("x", "next"), "and the next process writes");
        end();
    }
}

#else

static void test_faults(void)
{
    ok(!holds_fault_code(), "this build has no faults in it");
}

#endif

int main(void)
{
    helpers =
        mmap(NULL, sizeof *helpers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!ok(helpers != MAP_FAILED && shell_init(), "start"))
        return done_testing();
    test_start();
    test_start_tidies();
    test_operations();
    test_links();
    test_aside_bound();
    test_list();
    test_priority();
    test_bounds();
    test_hang();
    test_crash();
    test_descriptors();
    test_end();
    test_orphan();
    test_removed();
    test_faults();
#ifdef LP_FAULTS
    test_hanging_calls();
    test_killing_calls();
#endif
    test_full_and_read_only();
    ok(shell_fini(), "the folder is removed");
    return done_testing();
}
