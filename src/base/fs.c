#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err_code code_of(int error, enum err_code otherwise)
{
    return error == EACCES || error == EPERM ? ERR_PERMISSION : otherwise;
}

bool fs_read_file(const char *path, struct buf *out, struct err *err)
{
    struct stat st;
    bool rv = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        err_set(err, code_of(errno, ERR_CONFIG), "%s: %s", path, strerror(errno));
        return false;
    }
    if (fstat(fd, &st) < 0) {
        err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
        goto done;
    }
    if (S_ISDIR(st.st_mode)) {
        err_set(err, ERR_CONFIG, "%s: is a directory, not a file", path);
        goto done;
    }
    /* A pipe (process substitution) is waited for; regular files ignore the flag anyway. */
    (void)fcntl(fd, F_SETFL, 0);
    for (;;) {
        size_t room = buf_room(out) < 16384 ? buf_room(out) : 16384;
        uint8_t spare[1];
        uint8_t *to = room ? buf_reserve(out, room) : spare;
        ssize_t n;

        if (!to) {
            err_set(err, ERR_MEMORY, "%s: out of memory", path);
            goto done;
        }
        n = read(fd, to, room ? room : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_set(err, code_of(errno, ERR_CONFIG), "%s: %s", path, strerror(errno));
            goto done;
        }
        if (n == 0)
            break;
        if (!room) {
            err_set(err, ERR_CONFIG, "%s: larger than the %zu bytes allowed", path, out->max);
            goto done;
        }
        buf_commit(out, (size_t)n);
    }
    rv = true;
done:
    close(fd);
    return rv;
}

static bool write_all(int fd, struct slice data)
{
    while (data.n > 0) {
        ssize_t n = write(fd, data.p, data.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data.p += n;
        data.n -= (size_t)n;
    }
    return true;
}

static bool put_file(const char *dir, const char *name, struct slice data, mode_t mode,
                     bool replace, struct err *err)
{
    char temporary[NAME_MAX + 1];
    bool made = false, rv = false;
    int fd = -1;
    int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int n = snprintf(temporary, sizeof temporary, ".%s.%ld.tmp", name, (long)getpid());

    if (dirfd < 0 || n < 0 || (size_t)n >= sizeof temporary)
        goto done;
    /* A file of this name can only be a leftover of a crashed process with our number. */
    (void)unlinkat(dirfd, temporary, 0);
    fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        goto done;
    made = true;
    if (fchmod(fd, mode) < 0 || !write_all(fd, data) || fsync(fd) < 0)
        goto done;
    if (replace) {
        if (renameat(dirfd, temporary, dirfd, name) < 0)
            goto done;
        made = false;
    } else if (linkat(dirfd, temporary, dirfd, name, 0) < 0 && errno != EEXIST) {
        goto done;
    }
    if (fsync(dirfd) < 0)
        goto done;
    rv = true;
done:
    if (!rv)
        err_set(err, code_of(errno, ERR_CREATE), "%s/%s: %s", dir, name, strerror(errno));
    if (made)
        (void)unlinkat(dirfd, temporary, 0);
    if (fd >= 0)
        close(fd);
    if (dirfd >= 0)
        close(dirfd);
    return rv;
}

bool fs_write_file(const char *dir, const char *name, struct slice data, mode_t mode,
                   struct err *err)
{
    return put_file(dir, name, data, mode, true, err);
}

bool fs_create_file(const char *dir, const char *name, struct slice data, mode_t mode,
                    struct err *err)
{
    return put_file(dir, name, data, mode, false, err);
}
