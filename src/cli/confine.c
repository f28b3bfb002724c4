#include "cli/confine.h"

#include "base/fs.h"
#include "base/sandbox.h"
#include "tls/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 0xffffffffU /* what setresuid takes for "unchanged" */

/* 32-bit machines have calls of the same name that know 65,536 users. musl's change each thread. */
#ifdef SYS_setresuid32
#define SET_USER SYS_setresuid32
#define SET_GROUP SYS_setresgid32
#define SET_GROUPS SYS_setgroups32
#else
#define SET_USER SYS_setresuid
#define SET_GROUP SYS_setresgid
#define SET_GROUPS SYS_setgroups
#endif

/* ---- the user ----------------------------------------------------------------------------- */

/* name:password:user:group:… of passwd(5), looked up by name or by number. */
static bool find_user(struct slice passwd, struct slice wanted, uint64_t *user, uint64_t *group)
{
    while (passwd.n > 0) {
        struct slice line = slice_cut(&passwd, '\n');
        struct slice name = slice_cut(&line, ':'), number;

        (void)slice_cut(&line, ':');
        number = slice_cut(&line, ':');
        if ((slice_eq(name, wanted) || slice_eq(number, wanted)) &&
            slice_to_u64(number, NOBODY - 1, user) &&
            slice_to_u64(slice_cut(&line, ':'), NOBODY - 1, group))
            return true;
    }
    return false;
}

/* NAME, NUMBER, either with :GROUP; a number needs no entry in /etc/passwd. */
static bool read_user(const char *text, uint64_t *user, uint64_t *group, struct err *err)
{
    struct slice rest = slice_of(text), wanted = slice_cut(&rest, ':');
    bool known;
    struct buf passwd;

    buf_init(&passwd, LIMIT_PEM_FILE);
    (void)fs_read_file("/etc/passwd", &passwd, NULL);
    known = find_user(buf_slice(&passwd), wanted, user, group);
    buf_fini(&passwd);
    if (!known && slice_to_u64(wanted, NOBODY - 1, user)) {
        *group = *user;
        known = true;
    }
    if (known && (rest.n == 0 || slice_to_u64(rest, NOBODY - 1, group)))
        return true;
    err_set(err, ERR_CONFIG,
            "user %s: not in /etc/passwd; write a name from there or a number, and behind it, if "
            "need be, ':' and a group's number",
            text);
    return false;
}

/* What the state directory's own check says later is said before its files can't be read. */
static bool owns_state(const char *dir, struct err *err)
{
    struct stat st;
    unsigned user = geteuid();

    if (stat(dir, &st) < 0 || st.st_uid == user)
        return true;
    err_set(err, ERR_PERMISSION,
            "%s: the state directory belongs to user %u, this is user %u (chown -R %u %s)", dir,
            st.st_uid, user, user, dir);
    return false;
}

static bool become(const struct config *config, bool made_dir, struct err *err)
{
    uint64_t user, group;
    long uid, gid;
    gid_t none = 0;

    if (!read_user(config->user, &user, &group, err))
        return false;
    if (user == geteuid() && group == getegid())
        return true;
    if (made_dir)
        (void)!chown(config->state_dir, (uid_t)user, (gid_t)group);
    /* Each argument of a system call is a word: wider ones would take the place of two. */
    uid = (long)user;
    gid = (long)group;
    if (syscall(SET_GROUPS, 0, &none) == 0 && syscall(SET_GROUP, gid, gid, gid) == 0 &&
        syscall(SET_USER, uid, uid, uid) == 0)
        return true;
    err_set(err, ERR_PERMISSION, "user %s: %s (only root may become another user)", config->user,
            strerror(errno));
    return false;
}

/* ---- what a reload reads ------------------------------------------------------------------ */

#define FILES 24

/* Borrowed; how many. */
static size_t list_files(const struct options *o, const struct config *c, const char *out[FILES])
{
    const char *const files[] = {
        o->file,      c->license_key_file, c->tls_cert,   c->tls_key,
        c->client_ca, c->client_cert,      c->client_key, c->ca_file,
    };
    const char *named = getenv("SSL_CERT_FILE");
    size_t n = 0;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i])
            out[n++] = files[i];
    for (size_t i = 0; roots_file(i) && n < FILES - 1; i++)
        out[n++] = roots_file(i);
    if (named)
        out[n++] = named;
    return n;
}

/* The first that can't be opened for want of permission; NULL: none. */
static const char *first_denied(const char *const *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int fd = open(files[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0 && errno == EACCES)
            return files[i];
        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

bool confine_user(const struct options *options, const struct config *config, struct log *log,
                  struct err *err)
{
    const char *files[FILES + 1], *denied;
    size_t count;
    uint64_t kept;
    bool made_dir;

    /* What can't be made is told by those who need it. */
    made_dir = config->state_dir && mkdir(config->state_dir, 0700) == 0;
    if (config->user && (!become(config, made_dir, err) ||
                         (config->state_dir && !owns_state(config->state_dir, err))))
        return false;
#ifndef SANDBOX_WIDE
    (void)prctl(PR_SET_DUMPABLE, 0); /* which the change of user may have reset */
#endif
    count = list_files(options, config, files);
    kept = sandbox_suspend_capabilities();
    if (kept && config->state_dir)
        files[count++] = config->state_dir;
    denied = first_denied(files, count);
    sandbox_drop_capabilities(denied ? kept : 0);
    if (denied && kept)
        log_event(log, LOG_WARN,
                  "a capability to read others' files is kept, for this one (make it readable for "
                  "the user that the proxy runs as)",
                  LOG_STR("file", denied));
    else if (denied)
        log_event(log, LOG_WARN,
                  "a reload will fail: the user that the proxy runs as can't read this file",
                  LOG_STR("file", denied));
    return true;
}

void confine_proxy(const struct options *options, const struct config *config, struct log *log)
{
    const char *files[FILES];
    size_t count = list_files(options, config, files);
    struct sandbox sandbox;
    unsigned lacking;
    int dir = config->state_dir ? open(config->state_dir, O_PATH | O_CLOEXEC) : -1;

    sandbox_init(&sandbox, config->sandbox, SANDBOX_PROXY);
    for (size_t i = 0; i < count; i++)
        sandbox_let_reread(&sandbox, files[i]);
    if (dir >= 0) {
        sandbox_let_write(&sandbox, dir);
        close(dir);
    }
    lacking = sandbox_enter(&sandbox);
    if (!secret_guard(&sandbox, sizeof sandbox))
        log_event(log, LOG_INFO,
                  "keys may be swapped out: raise the limit of locked memory (ulimit -l)");
    if (config->sandbox == SANDBOX_OFF)
        log_event(log, LOG_WARN, "the sandbox is off");
    if (lacking & SANDBOX_NO_SECCOMP)
        log_event(log, LOG_WARN, "no sandbox for system calls: the kernel has no seccomp filters");
    if (lacking & SANDBOX_NO_LANDLOCK)
        log_event(log, LOG_INFO, "no sandbox for files: the kernel has no Landlock");
}
