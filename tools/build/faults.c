/*
 * Linked into the sanitizers' executable alone: allocations that fail when a test says so. The
 * environment's LP_MEMORY names a file of four numbers (struct plan), which is mapped when the
 * program starts, so that the test counts and arms while it runs, sandboxed as it is. Of the first
 * process only: helpers see no plan.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct plan {
    uint64_t count;  /* of allocations */
    uint64_t from;   /* the first that fails; 0: none does */
    uint64_t number; /* of those that fail, one after the other */
    uint64_t failed;
};

/* In memory that a fork wipes: NULL in helpers. */
static struct plan **plan;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *data, size_t size);
void *__real_reallocarray(void *data, size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *data, size_t size);
void *__wrap_reallocarray(void *data, size_t count, size_t size);
char *__wrap_strdup(const char *text);

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("LP_MEMORY");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *file, *page;

    if (fd < 0)
        return;
    file = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (file == MAP_FAILED || page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK) < 0)
        abort();
    plan = page;
    *plan = file;
}

static int fails(void)
{
    struct plan *p = plan ? *plan : NULL;

    if (!p)
        return 0;
    p->count++;
    if (p->from == 0 || p->count < p->from || p->count - p->from >= p->number)
        return 0;
    p->failed++;
    errno = ENOMEM;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *data, size_t size)
{
    return fails() ? NULL : __real_realloc(data, size);
}

void *__wrap_reallocarray(void *data, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(data, count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}
