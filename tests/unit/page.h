/*
 * Puts an input so that its last byte is the last before an unreadable page: a parser that reads
 * on dies there. And shows inputs in the names of checks.
 */
#ifndef TESTS_UNIT_PAGE_H
#define TESTS_UNIT_PAGE_H

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct page {
    char *map; /* owned */
    size_t size;
    char *end; /* the first unreadable byte */
};

/* Room for inputs of up to max bytes. */
__attribute__((unused)) static struct page page_new(size_t max)
{
    size_t unit = (size_t)sysconf(_SC_PAGESIZE);
    struct page page = {.size = (max / unit + 2) * unit};

    page.map = mmap(NULL, page.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page.map == MAP_FAILED)
        abort();
    page.end = page.map + page.size - unit;
    if (mprotect(page.end, unit, PROT_NONE) < 0)
        abort();
    return page;
}

__attribute__((unused)) static void page_free(struct page *page)
{
    munmap(page->map, page->size);
}

/* A copy of s that ends at the unreadable page; valid until the next call on the same page. */
__attribute__((unused)) static struct slice page_put(const struct page *page, struct slice s)
{
    if (s.n > (size_t)(page->end - page->map))
        abort();
    if (s.n > 0)
        memcpy(page->end - s.n, s.p, s.n);
    return slice_make(page->end - s.n, s.n);
}

/* s on one printable line, cut when long; valid until the next call. */
__attribute__((unused)) static const char *page_show(struct slice s)
{
    static char text[320];
    size_t n = 0;

    for (size_t i = 0; i < s.n && n < 200; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '\r')
            n += (size_t)snprintf(text + n, sizeof text - n, "\\r");
        else if (c == '\n')
            n += (size_t)snprintf(text + n, sizeof text - n, "\\n");
        else if (c < 0x20 || c >= 0x7f || c == '#' || c == '\\')
            n += (size_t)snprintf(text + n, sizeof text - n, "\\x%02x", c);
        else
            text[n++] = (char)c;
    }
    snprintf(text + n, sizeof text - n, "%s", n >= 200 ? "..." : "");
    return text;
}

#endif
