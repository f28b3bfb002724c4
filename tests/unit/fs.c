/* Whole files: read with a bound, written so that there is the old one or the new one. */
#include "base/fs.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/license-proxy-fs.XXXXXX";
static char path[256];

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* What reading says: "" and the text, or the error. */
static void check_read(const char *name, size_t max, enum err_code code, const char *want,
                       const char *what)
{
    struct err err = {0};
    struct buf text;

    buf_init(&text, max);
    if (fs_read_file(name, &text, &err)) {
        ok(code == ERR_NONE && slice_eq(buf_slice(&text), slice_of(want)), "%s", what);
    } else {
        is_int(err.code, code, what);
        ok(strstr(err.text, name) && strstr(err.text, want), "told: %s", err.text);
    }
    buf_fini(&text);
}

static void reading(void)
{
    int pipes[2];
    char name[64];

    ok(pipe(pipes) == 0 && write(pipes[1], "from a pipe", 11) == 11 && close(pipes[1]) == 0,
       "a pipe with something in it");
    snprintf(name, sizeof name, "/dev/fd/%d", pipes[0]);
    check_read(name, 100, ERR_NONE, "from a pipe", "a pipe is read to its end");
    close(pipes[0]);
    check_read(in_dir("nothing"), 100, ERR_CONFIG, "No such file", "no file");
    check_read(dir, 100, ERR_CONFIG, "is a directory", "a directory");
    check_read("/proc/self/mem", 100, ERR_CONFIG, strerror(EIO), "a file that can't be read");
}

static bool write_file(const char *folder, const char *name, const char *text, struct err *err)
{
    return fs_write_file(folder, name, slice_of(text), 0640, err);
}

static void writing(void)
{
    struct err err = {0};
    struct stat st;
    char long_name[300];

    umask(077);
    ok(write_file(dir, "file", "the first", &err), "written");
    check_read(in_dir("file"), 9, ERR_NONE, "the first", "and read, as large as its bound");
    check_read(in_dir("file"), 8, ERR_CONFIG, "larger than the 8 bytes", "it is larger than that");
    ok(stat(in_dir("file"), &st) == 0 && (st.st_mode & 07777) == 0640, "with its mode");
    ok(write_file(dir, "file", "the second", &err), "written over");
    check_read(in_dir("file"), 100, ERR_NONE, "the second", "which is there now");
    ok(fs_create_file(dir, "file", SLICE("the third"), 0600, &err), "not created where one is");
    check_read(in_dir("file"), 100, ERR_NONE, "the second", "which stays");
    ok(fs_create_file(dir, "new", SLICE("the fourth"), 0600, &err), "created where none is");
    check_read(in_dir("new"), 100, ERR_NONE, "the fourth", "with what it was given");

    ok(!write_file(in_dir("nowhere"), "file", "x", &err), "not where there is no directory");
    is_int(err.code, ERR_CREATE, "which is told");
    err_clear(&err);
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    ok(!write_file(dir, long_name, "x", &err), "not under a name that is too long");
    ok(mkdir(in_dir("taken"), 0700) == 0 && !write_file(dir, "taken", "x", &err),
       "not over a directory");
    is_int(err.code, ERR_CREATE, "which is told, too");
    snprintf(long_name, sizeof long_name, "taken/.file.%ld.tmp", (long)getpid());
    ok(mkdir(in_dir(long_name), 0700) == 0 && !write_file(in_dir("taken"), "file", "x", &err),
       "not where a directory has the temporary name");
    rmdir(in_dir(long_name));
}

/* Nothing is left over, whatever failed before. */
static void ending(void)
{
    ok(rmdir(in_dir("taken")) == 0 && unlink(in_dir("file")) == 0 && unlink(in_dir("new")) == 0 &&
           rmdir(dir) == 0,
       "no temporary file is left");
}

int main(void)
{
    if (!mkdtemp(dir))
        return 1;
    reading();
    writing();
    ending();
    return done_testing();
}
