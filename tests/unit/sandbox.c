/*
 * The very sandboxes of the processes, each entered by a child of this program that then makes one
 * system call. Under an old kernel: a filter that a child sets up first says that there is no such
 * call.
 */
#include "base/sandbox.h"

#include "shell.h"
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const role_names[] = {"proxy", "spawner", "resolver", "storage"};
static int family[2]; /* a socket pair that is there before the sandbox is */

/* ---- what a call comes to ------------------------------------------------------------------ */

/* The errno of -1, or 0. */
static int errno_of(long result)
{
    return result == -1 ? errno : 0;
}

static int try_socket(int domain, int type)
{
    return errno_of(socket(domain, type, 0));
}

static int call_execve(void)
{
    char *const none[] = {NULL};

    return errno_of(execve("/bin/true", none, none));
}

static int call_map(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                   MAP_FAILED
               ? errno
               : 0;
}

static int call_map_code(void)
{
    int error =
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
            ? errno
            : 0;

    /* musl takes EPERM for this error. */
    return error == ENOMEM ? EPERM : error;
}

static int call_make_code(void)
{
    static char page[8192] __attribute__((aligned(4096)));

    return errno_of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int call_fork(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    return errno_of(pid);
}

static int call_namespace(void)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    return errno_of(pid);
}

static int call_packet(void)
{
    return try_socket(AF_PACKET, SOCK_RAW);
}

static int call_netlink(void)
{
    return try_socket(AF_NETLINK, SOCK_RAW);
}

static int call_local_stream(void)
{
    return try_socket(AF_UNIX, SOCK_STREAM);
}

static int call_local_datagram(void)
{
    return try_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC);
}

static int call_tcp(void)
{
    return try_socket(AF_INET, SOCK_STREAM);
}

static int call_udp6(void)
{
    return try_socket(AF_INET6, SOCK_DGRAM);
}

static int call_bind(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};

    return errno_of(bind(family[0], (struct sockaddr *)&any, sizeof any)) == EPERM ? EPERM : 0;
}

static int call_accept(void)
{
    return errno_of(accept4(family[0], NULL, NULL, SOCK_CLOEXEC)) == EPERM ? EPERM : 0;
}

static int call_send(void)
{
    return errno_of(send(family[0], "x", 1, MSG_DONTWAIT));
}

static int call_index(void)
{
    struct ifreq request = {.ifr_name = "lo"};

    return errno_of(ioctl(family[0], SIOCGIFINDEX, &request)) == EPERM ? EPERM : 0;
}

static int call_terminal(void)
{
    char byte = 'x';

    return errno_of(ioctl(0, TIOCSTI, &byte)) == ENOTTY ? 0 : EPERM;
}

static int call_kill(void)
{
    return errno_of(kill(getpid(), 0));
}

static int call_wait(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == EPERM ? EPERM : 0;
}

static int call_open(void)
{
    return errno_of(open("/nowhere", O_RDONLY)) == EPERM ? EPERM : 0;
}

static int call_list(void)
{
    char entries[256];

    return errno_of(syscall(SYS_getdents64, family[0], entries, sizeof entries)) == EPERM ? EPERM
                                                                                          : 0;
}

static int call_remove(void)
{
    return errno_of(unlinkat(AT_FDCWD, "/nowhere/x", 0)) == EPERM ? EPERM : 0;
}

static int call_link(void)
{
    return errno_of(linkat(-1, "x", -1, "y", 0)) == EPERM ? EPERM : 0;
}

static int call_symlink(void)
{
    return errno_of(symlinkat("x", -1, "y")) == EPERM ? EPERM : 0;
}

static int call_mkdir(void)
{
    return errno_of(mkdirat(AT_FDCWD, "/nowhere/x", 0700)) == EPERM ? EPERM : 0;
}

static int call_chmod(void)
{
    return errno_of(fchmod(family[0], 0600)) == EPERM ? EPERM : 0;
}

static int call_prctl(void)
{
    return errno_of(prctl(PR_GET_DUMPABLE));
}

static int call_capset(void)
{
    return errno_of(syscall(SYS_capset, NULL, NULL)) == EPERM ? EPERM : 0;
}

static int call_ptrace(void)
{
    return errno_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int call_peek(void)
{
    return errno_of(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0));
}

static int call_ring(void)
{
    return errno_of(syscall(SYS_io_uring_setup, 0, NULL)) == EPERM ? EPERM : 0;
}

static int call_mount(void)
{
    return errno_of(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL)) == EPERM ? EPERM : 0;
}

static int call_unshare(void)
{
    return errno_of(unshare(0));
}

static int call_setuid(void)
{
    return errno_of(syscall(SYS_setuid, getuid()));
}

static int call_keys(void)
{
    return errno_of(syscall(SYS_keyctl, 0xffff, 0)) == EPERM ? EPERM : 0;
}

/* 32-bit machines have the calls under names that tell the width of their time. */
#ifndef SYS_clock_gettime
#define SYS_clock_gettime SYS_clock_gettime64
#define SYS_gettimeofday SYS_gettimeofday_time32
#endif

/* The system calls themselves, which the kernel's page of time falls back to. */
static int call_clock(void)
{
    struct timespec now;

    return errno_of(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now));
}

static int call_time_of_day(void)
{
    struct timeval now;

    return errno_of(syscall(SYS_gettimeofday, &now, NULL));
}

static int call_random(void)
{
    uint8_t byte;

    return errno_of(syscall(SYS_getrandom, &byte, 1, 0));
}

#if defined(__x86_64__)
static int call_x32(void)
{
    return errno_of(syscall(0x40000000L + SYS_getpid)) == EPERM ? EPERM : 0;
}
#endif

#define PROXY (1 << SANDBOX_PROXY)
#define SPAWNER (1 << SANDBOX_SPAWNER)
#define RESOLVER (1 << SANDBOX_RESOLVER)
#define STORAGE (1 << SANDBOX_STORAGE)
#define ALL (PROXY | SPAWNER | RESOLVER | STORAGE)

/* Who may; WIDE: refused where tests watch the program, too. */
#define WIDE 0x80
static const struct {
    const char *name;
    int (*call)(void);
    unsigned roles;
} calls[] = {
    {"execve", call_execve, WIDE},
    {"mount", call_mount, WIDE},
    {"unshare", call_unshare, WIDE},
    {"keyctl", call_keys, WIDE},
    {"memory", call_map, ALL},
    {"memory for code", call_map_code, 0},
    {"turning data into code", call_make_code, 0},
    {"fork", call_fork, SPAWNER | RESOLVER},
    {"a namespace", call_namespace, 0},
    {"a packet socket", call_packet, 0},
    {"a netlink socket", call_netlink, 0},
    {"a local stream socket", call_local_stream, 0},
    {"a local datagram socket", call_local_datagram, PROXY | SPAWNER | RESOLVER},
    {"a TCP socket", call_tcp, PROXY | SPAWNER | RESOLVER},
    {"a UDP socket", call_udp6, PROXY | SPAWNER | RESOLVER},
    {"bind", call_bind, SPAWNER | RESOLVER},
    {"accept", call_accept, PROXY},
    {"send", call_send, ALL},
    {"an interface's index", call_index, SPAWNER | RESOLVER},
    {"typing for others", call_terminal, 0},
    {"kill", call_kill, PROXY},
    {"wait", call_wait, PROXY},
    {"open", call_open, ALL},
    {"reading a directory", call_list, SPAWNER | STORAGE},
    {"unlink", call_remove, PROXY | SPAWNER | STORAGE},
    {"link", call_link, PROXY},
    {"symlink", call_symlink, 0},
    {"mkdir", call_mkdir, 0},
    {"chmod", call_chmod, PROXY},
    {"prctl", call_prctl, SPAWNER},
    {"capset", call_capset, SPAWNER},
    {"ptrace", call_ptrace, 0},
    {"reading a process's memory", call_peek, 0},
    {"io_uring", call_ring, 0},
    {"setuid", call_setuid, 0},
    {"clock_gettime", call_clock, ALL},
    {"gettimeofday", call_time_of_day, ALL},
    {"getrandom", call_random, PROXY},
#if defined(__x86_64__)
    {"a call of the x32 kind", call_x32, 0},
#endif
};

/* ---- running ------------------------------------------------------------------------------- */

#define SIGNALLED 1000 /* plus the signal */

/* What a child's work comes to: what it returns, or SIGNALLED. */
static int in_child(int (*work)(const void *), const void *ctx)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(work(ctx));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

struct attempt {
    enum sandbox_mode mode;
    enum sandbox_role role;
    int (*call)(void);
};

static int attempt(const void *ctx)
{
    const struct attempt *a = ctx;
    struct sandbox sandbox;

    sandbox_init(&sandbox, a->mode, a->role);
    if (sandbox_enter(&sandbox) != 0)
        return 255;
    return a->call();
}

static void test_calls(enum sandbox_role role)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct attempt a = {SANDBOX_KILL, role, calls[i].call};
        bool allowed = calls[i].roles >> role & 1;
        int killed, failed;

#ifdef SANDBOX_WIDE
        if (calls[i].roles != WIDE)
            continue;
#endif
        killed = in_child(attempt, &a);
        a.mode = SANDBOX_ERRNO;
        failed = in_child(attempt, &a);
        if (!ok(killed == (allowed ? 0 : SIGNALLED + SIGSYS) && failed == (allowed ? 0 : EPERM),
                "%s: %s %s", role_names[role], calls[i].name, allowed ? "is made" : "is refused"))
            printf("# to kill: %d; to fail: %d\n", killed, failed);
    }
}

#if defined(__x86_64__) && !defined(SANDBOX_WIDE)
static int call_i386(void)
{
    long number = 20; /* getpid, which is another call in the numbers of x86-64 */

    __asm__ __volatile__("int $0x80" : "+a"(number) : : "memory");
    return 0;
}

static void test_architecture(void)
{
    struct attempt a = {SANDBOX_ERRNO, SANDBOX_PROXY, call_i386};

    ok(in_child(attempt, &a) > SIGNALLED, "a call by another architecture's convention ends it");
}
#endif

static void test_off(void)
{
    struct attempt a = {SANDBOX_OFF, SANDBOX_PROXY, call_netlink};

    is_int(in_child(attempt, &a), 0, "switched off, nothing is refused");
}

#ifndef SANDBOX_WIDE

/* ---- files --------------------------------------------------------------------------------- */

enum { READ, WRITE, MAKE, REMOVE, RENAME, LIST, LISTEN };

struct access {
    enum sandbox_role role;
    const char *read, *reread, *write, *root; /* what is let; root: chroot to it before */
    const char *replace;                      /* then this is run */
    int how;
    const char *path;
};

static int use(const struct access *a)
{
    struct sockaddr_in local = {.sin_family = AF_INET};
    int fd;

    switch (a->how) {
    case READ:
        return errno_of(open(a->path, O_RDONLY));
    case WRITE:
        return errno_of(open(a->path, O_WRONLY));
    case MAKE:
        return errno_of(open(a->path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    case REMOVE:
        return errno_of(unlinkat(AT_FDCWD, a->path, 0));
    case RENAME:
        return errno_of(renameat(AT_FDCWD, a->path, AT_FDCWD, "in/renamed"));
    case LIST:
        return errno_of(open(a->path, O_RDONLY | O_DIRECTORY));
    default:
        fd = socket(AF_INET, SOCK_STREAM, 0);
        local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return errno_of(bind(fd, (struct sockaddr *)&local, sizeof local));
    }
}

static int enter_and_use(const void *ctx)
{
    const struct access *a = ctx;
    struct sandbox sandbox;
    int go[2];
    pid_t other = -1;

    if (chdir(shell_dir) != 0 || (a->root && chroot(shell_dir) != 0) || pipe(go) != 0)
        return 254;
    /* What changes the files afterwards isn't in the sandbox. */
    if (a->replace) {
        other = fork();
        if (other == 0) {
            char byte;

            close(go[1]);
            (void)!read(go[0], &byte, 1);
            /* NOLINTNEXTLINE(cert-env33-c) */
            _exit(system(a->replace) != 0);
        }
    }
    sandbox_init(&sandbox, SANDBOX_KILL, a->role);
    if (a->read)
        sandbox_let_read(&sandbox, a->read);
    if (a->reread)
        sandbox_let_reread(&sandbox, a->reread);
    if (a->write)
        sandbox_let_write(&sandbox, open(a->write, O_PATH | O_CLOEXEC));
    if (sandbox_enter(&sandbox) != 0)
        return 255;
    close(go[1]);
    if (other > 0)
        waitpid(other, NULL, 0);
    return use(a);
}

static void is_access(struct access a, int want, const char *what)
{
    is_int(in_child(enter_and_use, &a), want, what);
}

static void test_files(void)
{
    ok(shell("rm -rf in out; mkdir in out out/deep; for f in in/a in/b out/a out/deep/a a; do "
             "echo x >$f; done; ln -s ../out/deep/a in/link"),
       "files");
    is_access((struct access){.role = SANDBOX_PROXY, .read = "in", .how = READ, .path = "in/a"}, 0,
              "a file is read where that is let");
    is_access((struct access){.role = SANDBOX_PROXY, .read = "in", .how = READ, .path = "out/a"},
              EACCES, "and not elsewhere");
    is_access((struct access){.role = SANDBOX_PROXY, .read = "in", .how = WRITE, .path = "in/a"},
              EACCES, "nor written");
    is_access((struct access){.role = SANDBOX_PROXY, .read = "in", .how = REMOVE, .path = "in/a"},
              EACCES, "nor removed");
    is_access((struct access){.role = SANDBOX_PROXY, .read = "in", .how = READ, .path = "in/link"},
              EACCES, "nor what it is a link to");
    is_access((struct access){.role = SANDBOX_PROXY, .read = "in/a", .how = READ, .path = "in/a"},
              0, "a single file may be let");
    is_access((struct access){.role = SANDBOX_PROXY, .read = "in/a", .how = READ, .path = "in/b"},
              EACCES, "without its neighbour");

    is_access((struct access){.role = SANDBOX_PROXY,
                              .reread = "in/b",
                              .how = READ,
                              .path = "in/b",
                              .replace = "echo y >in/new && mv in/new in/b"},
              0, "a file that is replaced by renaming is read again");
    is_access((struct access){.role = SANDBOX_PROXY,
                              .reread = "in/link",
                              .how = READ,
                              .path = "in/link",
                              .replace = "echo y >out/deep/new && mv out/deep/new out/deep/a"},
              0, "so is one that is reached by a link");
    is_access(
        (struct access){.role = SANDBOX_PROXY, .reread = "in/link", .how = READ, .path = "out/a"},
        EACCES, "which doesn't open the folder above it");
    is_access((struct access){.role = SANDBOX_PROXY, .reread = "a", .how = READ, .path = "a"}, 0,
              "a name without a folder is one in the working directory");
    if (geteuid() == 0) {
        is_access(
            (struct access){
                .role = SANDBOX_PROXY, .root = "", .reread = "/a", .how = READ, .path = "/a"},
            0, "of a file in the root directory itself");
        is_access(
            (struct access){
                .role = SANDBOX_PROXY, .root = "", .reread = "/a", .how = READ, .path = "/in/a"},
            EACCES, "the file alone is let, not everything");
    }

    is_access((struct access){.role = SANDBOX_STORAGE, .write = "in", .how = MAKE, .path = "in/c"},
              0, "in a directory to be written, a file is made");
    is_access(
        (struct access){.role = SANDBOX_STORAGE, .write = "in", .how = RENAME, .path = "in/c"}, 0,
        "renamed");
    is_access(
        (struct access){
            .role = SANDBOX_STORAGE, .write = "in", .how = REMOVE, .path = "in/renamed"},
        0, "and removed");
    is_access((struct access){.role = SANDBOX_STORAGE, .write = "in", .how = LIST, .path = "in"}, 0,
              "it is listed");
    is_access((struct access){.role = SANDBOX_STORAGE, .write = "in", .how = MAKE, .path = "out/c"},
              EACCES, "elsewhere none is made");
    is_access((struct access){.role = SANDBOX_STORAGE, .write = "in", .how = LIST, .path = "."},
              EACCES, "nor is anything listed");
    is_access(
        (struct access){.role = SANDBOX_STORAGE, .write = "in", .how = RENAME, .path = "out/a"},
        EACCES, "or moved");
}

/* Landlock's version; 0: none. */
static long landlock(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

    return version < 0 ? 0 : version;
}

#endif

/* ---- the rest ------------------------------------------------------------------------------ */

/* An old kernel's answer to one call, then whether sandbox_enter goes on and says so. */
struct lack {
    long call;
    int error;
    unsigned lacking;
    long also; /* another call that fails likewise, or 0 */
};

static void pretend(long call, int error)
{
    struct {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } code[] = {{0x20, 0, 0, 0},
                {0x15, 0, 1, (uint32_t)call},
                {0x06, 0, 0, 0x50000U | (uint32_t)error},
                {0x06, 0, 0, 0x7fff0000U}};
    struct {
        uint16_t length;
        const void *code;
    } program = {4, code};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, 1, 0, &program) != 0)
        _exit(253);
}

static int enter_lacking(const void *ctx)
{
    const struct lack *l = ctx;
    struct sandbox sandbox;

    if (l->also)
        pretend(l->also, l->error);
    pretend(l->call, l->error);
    sandbox_init(&sandbox, SANDBOX_KILL, SANDBOX_RESOLVER);
    sandbox_let_read(&sandbox, "/");
    if (sandbox_enter(&sandbox) != l->lacking)
        return 1;
    return l->lacking & SANDBOX_NO_SECCOMP ? 0 : call_udp6();
}

static void test_lacking(void)
{
    const struct lack create = {SYS_landlock_create_ruleset, ENOSYS, SANDBOX_NO_LANDLOCK, 0};
    const struct lack disabled = {SYS_landlock_create_ruleset, EOPNOTSUPP, SANDBOX_NO_LANDLOCK, 0};
    const struct lack enter = {SYS_landlock_restrict_self, EPERM, SANDBOX_NO_LANDLOCK, 0};
    const struct lack flag = {SYS_seccomp, EINVAL, 0, 0};
    const struct lack drop = {SYS_capset, EPERM, 0, 0};
    const struct lack filters = {SYS_seccomp, EINVAL, SANDBOX_NO_SECCOMP, SYS_prctl};

    is_int(in_child(enter_lacking, &create), 0, "a kernel without Landlock");
    is_int(in_child(enter_lacking, &disabled), 0, "one that has it switched off");
    is_int(in_child(enter_lacking, &enter), 0, "one that refuses to restrict");
    is_int(in_child(enter_lacking, &flag), 0, "one that can't log what it refuses");
    is_int(in_child(enter_lacking, &filters), 0, "one without filters for system calls");
    is_int(in_child(enter_lacking, &drop), 0, "capabilities that can't be dropped");
}

/* All sets are empty then, and new programs get nothing back. */
static int drop_and_look(const void *ctx)
{
    struct sandbox sandbox;
    char text[4096] = "";
    FILE *f;
    size_t n;

    (void)ctx;
    (void)sandbox_suspend_capabilities();
    sandbox_drop_capabilities(0);
    sandbox_init(&sandbox, SANDBOX_OFF, SANDBOX_PROXY);
    (void)sandbox_enter(&sandbox);
    f = fopen("/proc/self/status", "re");
    n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    return !(strstr(text, "CapInh:\t0000000000000000\n") &&
             strstr(text, "CapPrm:\t0000000000000000\n") &&
             strstr(text, "CapEff:\t0000000000000000\n") &&
             strstr(text, "CapAmb:\t0000000000000000\n") &&
             (geteuid() != 0 || strstr(text, "CapBnd:\t0000000000000000\n")) &&
             strstr(text, "NoNewPrivs:\t1\n"));
}

int main(void)
{
    if (!ok(shell_init() && chdir(shell_path("")) == 0 &&
                socketpair(AF_UNIX, SOCK_STREAM, 0, family) == 0,
            "start"))
        return done_testing();
    for (enum sandbox_role role = SANDBOX_PROXY; role <= SANDBOX_STORAGE; role++)
        test_calls(role);
#if defined(__x86_64__) && !defined(SANDBOX_WIDE)
    test_architecture();
#endif
    test_off();
    test_lacking();
    is_int(in_child(drop_and_look, NULL), 0, "no capability is left, nor can one be had again");
#ifndef SANDBOX_WIDE
    if (landlock() > 0)
        test_files();
    else
        printf("# no Landlock here\n");
    if (landlock() >= 4)
        is_access((struct access){.role = SANDBOX_RESOLVER, .how = LISTEN}, EACCES,
                  "no TCP port can be bound");
#endif
    shell_fini();
    return done_testing();
}
