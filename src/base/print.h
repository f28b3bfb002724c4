/*
 * The part of printf that this program uses. The C library's, which knows floating point, takes
 * 10 kB more; in the musl builds its vsnprintf and vfprintf are made of this
 * (tools/build/printf.c).
 */
#ifndef BASE_PRINT_H
#define BASE_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * As vsnprintf (C11 section 7.21.6.12): writes at most cap bytes with the NUL (out may be NULL if
 * cap is 0), and returns how many there would have been without it. Knows %% c s d u x X o, the
 * lengths l, ll, z, the flags - and 0, width, and the precision of s; any other conversion ends the
 * text. "make lint" finds those.
 */
int print_text(char *out, size_t cap, const char *format, va_list args);

#endif
