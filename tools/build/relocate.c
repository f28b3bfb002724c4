/*
 * Linked into each musl executable: relocates packed pointers (DT_RELR), which take bits of the
 * file where DT_RELA's take 24 bytes each. The start files of musl before 1.2.4 know only the
 * latter; they call this in place of __libc_start_main. So nothing works yet: no stack protector,
 * no pointer in a table, no function of the C library.
 */
/* All that is named here is in the executable itself, and so found without such a table. */
#pragma GCC visibility push(hidden)

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR 36
#endif

int main(int argc, char **argv);
typedef int start(int (*run)(int, char **), int argc, char **argv, void (*init)(void),
                  void (*fini)(void), void (*unused)(void));
start __real___libc_start_main;
__attribute__((no_stack_protector)) start __wrap___libc_start_main;

extern ElfW(Ehdr) __ehdr_start;
extern ElfW(Dyn) _DYNAMIC[];

/* Points to itself once relocated: a newer musl has done it, or the linker packs none. */
static const void *const volatile sample = (const void *)&sample;

/*
 * The generic ABI, "Relative Relocation Table": an even entry is where a pointer lies; an odd one
 * is a map, above its lowest bit, of which of the words that follow are pointers, too.
 */
static void relocate(const size_t *entry, size_t count)
{
    const size_t bits = 8 * sizeof *entry - 1;
    size_t base = (size_t)&__ehdr_start, *at = NULL;

    for (; count > 0; count--, entry++) {
        if (*entry & 1) {
            for (size_t i = 0; i < bits; i++)
                if (*entry >> (i + 1) & 1)
                    at[i] += base;
            at += bits;
        } else {
            at = (size_t *)(base + *entry);
            *at++ += base;
        }
    }
}

int __wrap___libc_start_main(int (*run)(int, char **), int argc, char **argv, void (*init)(void),
                             void (*fini)(void), void (*unused)(void))
{
    const size_t *table = NULL;
    size_t size = 0;

    for (const ElfW(Dyn) *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_RELR)
            table = (const size_t *)((size_t)&__ehdr_start + d->d_un.d_ptr);
        else if (d->d_tag == DT_RELRSZ)
            size = d->d_un.d_val;
    }
    if (sample != (const void *)&sample)
        relocate(table, size / sizeof *table);
    /* run may have been read from a table that wasn't relocated yet. */
    (void)run;
    return __real___libc_start_main(main, argc, argv, init, fini, unused);
}

/*
 * What needed relocating is read-only from here on. musl does this for what it loads, but not for
 * an executable that relocates itself.
 */
__attribute__((constructor)) static void protect(void)
{
    size_t base = (size_t)&__ehdr_start, page = getauxval(AT_PAGESZ);
    const ElfW(Phdr) *p = (const ElfW(Phdr) *)(base + __ehdr_start.e_phoff);

    for (size_t n = __ehdr_start.e_phnum; n > 0; n--, p++) {
        size_t from = (base + p->p_vaddr) & -page, to = (base + p->p_vaddr + p->p_memsz) & -page;

        if (p->p_type == PT_GNU_RELRO)
            (void)mprotect((char *)from, to - from, PROT_READ);
    }
}
