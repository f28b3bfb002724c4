/*
 * What the kernel lets a process do once it has what it needs: seccomp admits the system calls that
 * its role makes and no other, Landlock the files that it reads. Both hold for the process and all
 * that it starts, and can't be taken back. A kernel that lacks one, or an architecture that isn't
 * known here, costs that layer alone.
 *
 *   struct sandbox sandbox;
 *   sandbox_init(&sandbox, SANDBOX_KILL, SANDBOX_RESOLVER);
 *   sandbox_let_read(&sandbox, "/etc");
 *   lacking = sandbox_enter(&sandbox);
 *
 * Built with sanitizers or to measure coverage (SANDBOX_WIDE), which read and write files of their
 * own and stop at faults in their own ways, only what nobody ever needs is refused.
 */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) && !defined(SANDBOX_WIDE)
#define SANDBOX_WIDE
#endif

/* What becomes of a system call that isn't admitted. */
enum sandbox_mode {
    SANDBOX_OFF,   /* neither layer */
    SANDBOX_ERRNO, /* it fails with EPERM; the kernel's audit log tells */
    SANDBOX_KILL   /* SIGSYS ends the process */
};

enum sandbox_role {
    SANDBOX_PROXY,    /* connections, reading what a reload reads, renewing the certificate */
    SANDBOX_SPAWNER,  /* starting the helpers, whose own sandboxes are inside this one */
    SANDBOX_RESOLVER, /* a look-up over UDP or TCP, in a process of its own */
    SANDBOX_STORAGE   /* files of one directory */
};

/* What sandbox_enter found lacking. */
enum { SANDBOX_NO_SECCOMP = 1, SANDBOX_NO_LANDLOCK = 2 };

struct sandbox {
    enum sandbox_mode mode;
    enum sandbox_role role;
    int ruleset; /* Landlock's; -1: none */
};

/* The spawner has no Landlock: its children go to places that it can't know. */
void sandbox_init(struct sandbox *s, enum sandbox_mode mode, enum sandbox_role role);

/*
 * All but permitted; returns what may be kept of them for reading any file: CAP_DAC_READ_SEARCH, or
 * the wider CAP_DAC_OVERRIDE, or 0. Then drops the others, for good, in every set.
 */
uint64_t sandbox_suspend_capabilities(void);
void sandbox_drop_capabilities(uint64_t kept);

/* A file, or all that lies beneath a directory; symbolic links are followed now. No such: nothing.
 */
void sandbox_let_read(struct sandbox *s, const char *path);

/*
 * The directory of a file that is read again and again, since a new one takes its place by being
 * renamed; and that of the file it is a link to. Of a file in the root directory, the file alone.
 */
void sandbox_let_reread(struct sandbox *s, const char *path);

/* Regular files of an open directory may be read, made, renamed and removed. */
void sandbox_let_write(struct sandbox *s, int dir_fd);

/*
 * Confines this process; with it go no_new_privs (whatever the mode), helpers' capabilities, their
 * right to write large files, and the ruleset's descriptor. Returns what is lacking, 0 for nothing.
 * Once and for all.
 */
unsigned sandbox_enter(struct sandbox *s);

#endif
