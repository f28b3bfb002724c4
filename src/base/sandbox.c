/*
 * The seccomp filter is written by hand from one table: for each system call, who makes it, and
 * with what arguments. A call that a role doesn't make runs to the end of the program, which
 * refuses. x86-64's x32 calls have numbers of their own, and so end there, too.
 *
 * The kernel's headers aren't part of musl, so the few numbers of its interfaces stand here.
 */
#include "base/sandbox.h"

#include "base/limits.h"
#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- seccomp ------------------------------------------------------------------------------ */

#if defined(__x86_64__)
#define ARCH 0xc000003eU
#elif defined(__aarch64__)
#define ARCH 0xc00000b7U
#elif defined(__arm__)
#define ARCH 0x40000028U
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH 0xc00000f3U
#elif defined(__i386__)
#define ARCH 0x40000003U
#else
#define ARCH 0 /* not known: no filter */
#endif

#define RET_KILL 0x80000000U /* SECCOMP_RET_KILL_PROCESS; the thread before Linux 4.14 */
#define RET_ERRNO 0x00050000U
#define RET_ALLOW 0x7fff0000U
#define SECCOMP_MODE_FILTER 2
#define SECCOMP_SET_MODE_FILTER 1
#define FILTER_FLAG_LOG 2

#define BPF_LOAD 0x20 /* BPF_LD | BPF_W | BPF_ABS */
#define BPF_IF_EQ 0x15
#define BPF_IF_SET 0x45
#define BPF_AND_K 0x54
#define BPF_RETURN 0x06

/* struct seccomp_data; the low half of an argument is all that the calls look at here. */
#define DATA_NR 0
#define DATA_ARCH 4
#define DATA_ARG(n) (16 + 8 * (n))

struct instruction { /* struct sock_filter */
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

struct program {
    uint16_t length; /* struct sock_fprog begins so */
    const struct instruction *code;
};

struct writer {
    struct instruction code[4 + 4 * 128];
    size_t length;
    uint32_t refused; /* what it returns for all else */
};

static void emit(struct writer *w, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
    if (w->length < sizeof w->code / sizeof w->code[0])
        w->code[w->length++] = (struct instruction){code, jt, jf, k};
}

#ifdef SANDBOX_WIDE

/* What is refused: nobody's to call, whatever watches the program. */
static const uint16_t calls[] = {
    SYS_execve, SYS_execveat, SYS_unshare, SYS_setns,  SYS_mount,       SYS_umount2, SYS_pivot_root,
    SYS_bpf,    SYS_add_key,  SYS_keyctl,  SYS_chroot, SYS_init_module, SYS_swapon,  SYS_reboot,
};

static void write_calls(struct writer *w, enum sandbox_role role)
{
    (void)role;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        emit(w, BPF_IF_EQ, calls[i], 0, 1);
        emit(w, BPF_RETURN, w->refused, 0, 0);
    }
    emit(w, BPF_RETURN, RET_ALLOW, 0, 0);
}

#else

/* A bit for each role. What a helper makes, the spawner must be allowed to: its filter goes on. */
#define P 1
#define W 2
#define R (4 | W)
#define S (8 | W)
#define ALL 15

_Static_assert(P == 1 << SANDBOX_PROXY && W == 1 << SANDBOX_SPAWNER &&
                   R == (1 << SANDBOX_RESOLVER | W) && S == (1 << SANDBOX_STORAGE | W),
               "bits are those of the roles");

/* What arguments must be, beside the roles. */
#define NO_CODE 0x10     /* memory that isn't executable */
#define NEW_PROCESS 0x20 /* no thread, no namespace */
#define ASK_INDEX 0x30   /* of an interface */
#define ANY_SOCKET 0x40  /* of the internet, or for local datagrams, as ASK_INDEX needs it */
#define RULES 0xf0

static const struct {
    uint16_t number;
    uint8_t roles;
} calls[] = {
    /* Memory, signals, the end. */
    {SYS_brk, ALL},
    {SYS_munmap, ALL},
    {SYS_mremap, ALL},
    {SYS_madvise, ALL},
    {SYS_mlock, P},
    {SYS_mprotect, ALL | NO_CODE},
#ifdef SYS_mmap
    {SYS_mmap, ALL | NO_CODE},
#endif
#ifdef SYS_mmap2
    {SYS_mmap2, ALL | NO_CODE},
#endif
    {SYS_futex, ALL},
#ifdef SYS_futex_time64
    {SYS_futex_time64, ALL},
#endif
    {SYS_rt_sigprocmask, ALL},
    {SYS_rt_sigaction, ALL},
    {SYS_rt_sigreturn, ALL},
#ifdef SYS_sigreturn
    {SYS_sigreturn, ALL},
#endif
    {SYS_restart_syscall, ALL},
    {SYS_getpid, ALL},
    {SYS_gettid, ALL},
    {SYS_tkill, ALL}, /* at a fault that the C library finds */
    {SYS_exit, ALL},
    {SYS_exit_group, ALL},
    {SYS_kill, P},
    {SYS_wait4, P},

/* Time: where the kernel's page of it can't be used, these are called. */
#ifdef SYS_clock_gettime
    {SYS_clock_gettime, ALL},
#endif
#ifdef SYS_clock_gettime32
    {SYS_clock_gettime32, ALL},
#endif
#ifdef SYS_clock_gettime64
    {SYS_clock_gettime64, ALL},
#endif
#ifdef SYS_gettimeofday
    {SYS_gettimeofday, ALL},
#endif
#ifdef SYS_gettimeofday_time32
    {SYS_gettimeofday_time32, ALL},
#endif
#ifdef SYS_time
    {SYS_time, ALL},
#endif
    {SYS_getrandom, P},

    /* Descriptors. */
    {SYS_close, ALL},
    {SYS_read, ALL},
    {SYS_readv, R},
    {SYS_write, P | S},
    {SYS_writev, P},
#ifdef SYS_fcntl
    {SYS_fcntl, ALL},
#endif
#ifdef SYS_fcntl64
    {SYS_fcntl64, ALL},
#endif
#ifdef SYS_poll
    {SYS_poll, ALL},
#endif
#ifdef SYS_ppoll
    {SYS_ppoll, ALL},
#endif
#ifdef SYS_ppoll_time64
    {SYS_ppoll_time64, ALL},
#endif

/* Files. */
#ifdef SYS_open
    {SYS_open, ALL},
#endif
    {SYS_openat, ALL},
#ifdef SYS_fstat
    {SYS_fstat, ALL},
#endif
#ifdef SYS_fstat64
    {SYS_fstat64, ALL},
#endif
#ifdef SYS_newfstatat
    {SYS_newfstatat, ALL},
#endif
#ifdef SYS_fstatat64
    {SYS_fstatat64, ALL},
#endif
#ifdef SYS_stat
    {SYS_stat, P | S},
#endif
#ifdef SYS_stat64
    {SYS_stat64, P | S},
#endif
#ifdef SYS_statx
    {SYS_statx, ALL},
#endif
#ifdef SYS_access
    {SYS_access, P},
#endif
    {SYS_faccessat, P},
#ifdef SYS_lseek
    {SYS_lseek, R},
#endif
#ifdef SYS__llseek
    {SYS__llseek, R},
#endif
    {SYS_getdents64, S},
    {SYS_fsync, P | S},
    {SYS_fchmod, P},
    {SYS_linkat, P},
    {SYS_unlinkat, P | S},
#ifdef SYS_renameat
    {SYS_renameat, P | S},
#endif
    {SYS_renameat2, P | S},
    {SYS_geteuid, S},
#ifdef SYS_geteuid32
    {SYS_geteuid32, S},
#endif

    /* Sockets. */
    {SYS_socket, P | R | ANY_SOCKET},
    {SYS_socketpair, P},
    {SYS_connect, P | R},
    {SYS_bind, R},
    {SYS_listen, P},
    {SYS_accept4, P},
#ifdef SYS_accept
    {SYS_accept, P}, /* what musl tries when that one refuses */
#endif
    {SYS_shutdown, P},
    {SYS_setsockopt, P | R},
    {SYS_getsockopt, P | R},
    {SYS_getsockname, P | R},
    {SYS_recvfrom, ALL},
    {SYS_sendto, ALL},
    {SYS_recvmsg, R},
    {SYS_sendmsg, P | R},
    {SYS_ioctl, R | ASK_INDEX},

    {SYS_uname, P},     /* the host's name, for a renewed certificate */
    {SYS_pread64, P},   /* metrics: a file of /proc */
#ifdef SYS_setitimer
    {SYS_setitimer, R}, /* a look-up's last deadline */
#endif
#ifdef SYS_fork
    {SYS_fork, R},
#endif
    {SYS_clone, R | NEW_PROCESS},

    /* The spawner, for a helper on its way into its own sandbox. */
    {SYS_getppid, W},
#ifdef SYS_readlink
    {SYS_readlink, W},
#endif
    {SYS_readlinkat, W},
    {SYS_umask, W},
    {SYS_capset, W},
    {SYS_prctl, W},
    {SYS_seccomp, W},
    {SYS_prlimit64, W},
    {SYS_close_range, W},
    {SYS_landlock_create_ruleset, W},
    {SYS_landlock_add_rule, W},
    {SYS_landlock_restrict_self, W},
};

/* The part of a rule that looks at one argument: it goes on where that is as it must be. */
static void write_test(struct writer *w, unsigned rule)
{
    const uint32_t fork_flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | 0xff;

    switch (rule) {
    case NO_CODE:
        emit(w, BPF_LOAD, DATA_ARG(2), 0, 0);
        emit(w, BPF_IF_SET, PROT_EXEC, 1, 0);
        break;
    case NEW_PROCESS:
        emit(w, BPF_LOAD, DATA_ARG(0), 0, 0);
        emit(w, BPF_IF_SET, ~fork_flags, 1, 0);
        break;
    case ASK_INDEX:
        emit(w, BPF_LOAD, DATA_ARG(1), 0, 0);
        emit(w, BPF_IF_EQ, SIOCGIFINDEX, 0, 1);
        break;
    case ANY_SOCKET:
        emit(w, BPF_LOAD, DATA_ARG(0), 0, 0);
        emit(w, BPF_IF_EQ, AF_INET, 5, 0);
        emit(w, BPF_IF_EQ, AF_INET6, 4, 0);
        emit(w, BPF_IF_EQ, AF_UNIX, 0, 4);
        emit(w, BPF_LOAD, DATA_ARG(1), 0, 0);
        emit(w, BPF_AND_K, 0xf, 0, 0);
        emit(w, BPF_IF_EQ, SOCK_DGRAM, 0, 1);
        break;
    }
}

static void write_calls(struct writer *w, enum sandbox_role role)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        unsigned rule = calls[i].roles & RULES;
        size_t at = w->length;

        if (!(calls[i].roles >> role & 1))
            continue;
        emit(w, BPF_IF_EQ, calls[i].number, 0, 0);
        write_test(w, rule);
        emit(w, BPF_RETURN, RET_ALLOW, 0, 0);
        if (rule)
            emit(w, BPF_RETURN, w->refused, 0, 0);
        w->code[at].jf = (uint8_t)(w->length - at - 1);
    }
    emit(w, BPF_RETURN, w->refused, 0, 0);
}

#endif

static bool filter_calls(enum sandbox_mode mode, enum sandbox_role role)
{
    struct writer w = {.refused = mode == SANDBOX_KILL ? RET_KILL : RET_ERRNO | EPERM};
    struct program program = {.code = w.code};

    emit(&w, BPF_LOAD, DATA_ARCH, 0, 0);
    emit(&w, BPF_IF_EQ, ARCH, 1, 0);
    emit(&w, BPF_RETURN, RET_KILL, 0, 0);
    emit(&w, BPF_LOAD, DATA_NR, 0, 0);
    write_calls(&w, role);
    program.length = (uint16_t)w.length;
    /* Before Linux 4.14 nothing could be logged. */
    return ARCH != 0 &&
           (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, FILTER_FLAG_LOG, &program) == 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

/* ---- Landlock ----------------------------------------------------------------------------- */

#define LL_WRITE_FILE 0x2U
#define LL_READ_FILE 0x4U
#define LL_READ_DIR 0x8U
#define LL_REMOVE_FILE 0x20U
#define LL_MAKE_REG 0x100U

#define LL_VERSION 1 /* the flag that asks for it */
#define LL_PATH_BENEATH 1
#define LL_BIND_TCP 1
#define LL_CONNECT_TCP 2

struct ruleset { /* struct landlock_ruleset_attr, as of version 4 */
    uint64_t files, net;
};

struct rule { /* struct landlock_path_beneath_attr */
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

/* What each version of Landlock can refuse to do with files; the later ones add nothing. */
static uint64_t all_rights(long version)
{
    static const uint16_t rights[] = {0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};
    size_t last = sizeof rights / sizeof rights[0];

    return rights[(size_t)version < last ? (size_t)version - 1 : last - 1];
}

static void allow(struct sandbox *s, int fd, uint64_t rights)
{
    struct rule rule = {.allowed = rights, .fd = fd};

    if (s->ruleset < 0)
        return;
    /* Of what is no directory there is nothing but its contents to allow. */
    if (syscall(SYS_landlock_add_rule, s->ruleset, LL_PATH_BENEATH, &rule, 0) < 0 &&
        errno == EINVAL) {
        rule.allowed = LL_READ_FILE;
        (void)syscall(SYS_landlock_add_rule, s->ruleset, LL_PATH_BENEATH, &rule, 0);
    }
}

void sandbox_init(struct sandbox *s, enum sandbox_mode mode, enum sandbox_role role)
{
    struct ruleset ruleset = {0};
    long version = -1;

    *s = (struct sandbox){.mode = mode, .role = role, .ruleset = -1};
    if (mode != SANDBOX_OFF && role != SANDBOX_SPAWNER)
        version = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_VERSION);
    if (version < 1)
        return;
    ruleset.files = all_rights(version);
    /* The ports are bound; who is let in is not to change. */
    if (version >= 4)
        ruleset.net = role == SANDBOX_STORAGE ? LL_BIND_TCP | LL_CONNECT_TCP : LL_BIND_TCP;
    s->ruleset = (int)syscall(SYS_landlock_create_ruleset, &ruleset,
                              version < 4 ? sizeof ruleset.files : sizeof ruleset, 0);
#ifdef SANDBOX_WIDE
    int root = open("/", O_PATH | O_CLOEXEC);

    allow(s, root, ruleset.files);
    close(root);
#endif
}

void sandbox_let_read(struct sandbox *s, const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return;
    allow(s, fd, LL_READ_FILE | LL_READ_DIR);
    close(fd);
}

void sandbox_let_reread(struct sandbox *s, const char *path)
{
    char real[PATH_MAX], folder[PATH_MAX];
    const char *paths[] = {path, realpath(path, real)};

    for (size_t i = 0; i < 2 && paths[i]; i++) {
        const char *slash = strrchr(paths[i], '/');
        size_t n = slash ? (size_t)(slash - paths[i]) : 0;

        if (!slash)
            sandbox_let_read(s, ".");
        else if (n == 0)
            sandbox_let_read(s, paths[i]);
        else if (slice_copy(slice_make(paths[i], n), folder, sizeof folder))
            sandbox_let_read(s, folder);
    }
}

void sandbox_let_write(struct sandbox *s, int dir_fd)
{
    /* What this version doesn't know it doesn't refuse, either, and it won't take it. */
    allow(s, dir_fd, LL_READ_FILE | LL_READ_DIR | LL_WRITE_FILE | LL_REMOVE_FILE | LL_MAKE_REG);
}

/* ---- capabilities ------------------------------------------------------------------------- */

#define CAPABILITY_VERSION 0x20080522U
#define DAC_OVERRIDE 2U
#define DAC_READ_SEARCH 4U

static struct {
    uint32_t version;
    int pid;
} const this_process = {CAPABILITY_VERSION, 0};

/* The lower and upper halves of the sets. */
struct capabilities {
    uint32_t effective, permitted, inheritable;
};

uint64_t sandbox_suspend_capabilities(void)
{
    struct capabilities sets[2] = {{0}};
    uint32_t permitted;

    if (syscall(SYS_capget, &this_process, sets) < 0)
        return 0;
    /* Bounds fall while CAP_SETPCAP lasts; without it they can't, which no_new_privs makes up for.
     */
    for (unsigned long i = 0; prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0; i++)
        ;
    sets[0].effective = sets[1].effective = 0;
    (void)syscall(SYS_capset, &this_process, sets);
    permitted = sets[0].permitted;
    return permitted & DAC_READ_SEARCH ? DAC_READ_SEARCH : permitted & DAC_OVERRIDE;
}

void sandbox_drop_capabilities(uint64_t kept)
{
    struct capabilities sets[2] = {{(uint32_t)kept, (uint32_t)kept, 0}};

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)syscall(SYS_capset, &this_process, sets);
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* What seccomp keeps from them holds where the kernel lacks it, too. */
static void limit(enum sandbox_role role)
{
#ifdef SANDBOX_WIDE
    (void)role;
#else
    struct rlimit none = {0, 0}, file = {LIMIT_STATE_FILE, LIMIT_STATE_FILE};

    if (role == SANDBOX_RESOLVER)
        (void)prlimit(0, RLIMIT_FSIZE, &none, NULL);
    else if (role == SANDBOX_STORAGE)
        (void)prlimit(0, RLIMIT_FSIZE, &file, NULL);
    if (role == SANDBOX_PROXY || role == SANDBOX_STORAGE)
        (void)prlimit(0, RLIMIT_NPROC, &none, NULL);
#endif
}

unsigned sandbox_enter(struct sandbox *s)
{
    unsigned lacking = 0;

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (s->role != SANDBOX_PROXY)
        sandbox_drop_capabilities(0);
    if (s->mode == SANDBOX_OFF)
        return 0;
    limit(s->role);
    if (s->role != SANDBOX_SPAWNER &&
        (s->ruleset < 0 || syscall(SYS_landlock_restrict_self, s->ruleset, 0) < 0))
        lacking |= SANDBOX_NO_LANDLOCK;
    if (s->ruleset >= 0)
        close(s->ruleset);
    s->ruleset = -1;
    if (!filter_calls(s->mode, s->role))
        lacking |= SANDBOX_NO_SECCOMP;
    return lacking;
}
