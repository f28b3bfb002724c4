/*
 * In place of musl's: its other functions that print call these two. What they know of printf's
 * formats is told in src/base/print.h.
 */
#include "base/print.h"

#include <stdio.h>
#include <stdlib.h>

int vsnprintf(char *restrict out, size_t cap, const char *restrict format, va_list args)
{
    return print_text(out, cap, format, args);
}

/* In one piece, so that another process's line on the same stream isn't torn. */
int vfprintf(FILE *restrict f, const char *restrict format, va_list args)
{
    int n = print_text(NULL, 0, format, args);
    char *text = malloc((size_t)n + 1);

    if (!text)
        return -1;
    print_text(text, (size_t)n + 1, format, args);
    n = fwrite(text, 1, (size_t)n, f) == (size_t)n ? n : -1;
    free(text);
    return n;
}
