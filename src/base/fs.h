/*
 * Whole small files: read at once, written so that a power cut leaves the old or the new one.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/*
 * Appends the whole file to out. ERR_CONFIG (no such file, not a regular file or pipe, larger than
 * out's bound) or ERR_PERMISSION, the text naming the path and the cause.
 */
bool fs_read_file(const char *path, struct buf *out, struct err *err);

/*
 * Writes data to dir/name: temporary file, fsync, rename, fsync of the directory. The file has
 * the given mode. ERR_CREATE or ERR_PERMISSION.
 */
bool fs_write_file(const char *dir, const char *name, struct slice data, mode_t mode,
                   struct err *err);

/* As fs_write_file, but a file that is there already stays as it is, which is a success, too. */
bool fs_create_file(const char *dir, const char *name, struct slice data, mode_t mode,
                    struct err *err);

#endif
