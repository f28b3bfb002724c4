/*
 * In place of musl's, which are for large inputs and all locales, and take 8 kB: here they are
 * called with the lines of small files and by the resolver, which sorts a name's addresses, at most
 * 48, and the compiler puts some where printf stands.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By insertion. */
void qsort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    char *first = items;

    for (size_t i = 1; i < count; i++)
        for (char *at = first + i * size; at > first && compare(at - size, at) > 0; at -= size)
            for (size_t k = 0; k < size; k++) {
                char byte = at[k];

                at[k] = *(at + k - size);
                *(at + k - size) = byte;
            }
}

char *strstr(const char *text, const char *part)
{
    size_t n = strlen(part);

    for (; strncmp(text, part, n) != 0; text++)
        if (*text == '\0')
            return NULL;
    return (char *)text;
}

/* 0 to 35, or more. */
static unsigned digit_value(char c)
{
    unsigned decimal = (unsigned char)c - '0', letter = ((unsigned char)c | 0x20) - 'a';

    return decimal < 10 ? decimal : letter < 26 ? letter + 10 : UINT_MAX;
}

/* most and least without its sign are the same for types that have none. */
static unsigned long long read_number(const char *text, char **end, int base,
                                      unsigned long long most, unsigned long long least)
{
    const char *p = text + strspn(text, " \t\n\v\f\r"), *last = text;
    bool is_minus = *p == '-', is_over = false;
    unsigned long long value = 0, bound = is_minus ? least : most;
    unsigned digit;

    if (*p == '-' || *p == '+')
        p++;
    if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 0x20) == 'x' &&
        digit_value(p[2]) < 16) {
        p += 2;
        base = 16;
    } else if (base == 0) {
        base = *p == '0' ? 8 : 10;
    }
    for (; (digit = digit_value(*p)) < (unsigned)base; last = ++p)
        is_over |= __builtin_mul_overflow(value, (unsigned)base, &value) ||
                   __builtin_add_overflow(value, digit, &value) || value > bound;
    if (end)
        *end = (char *)last;
    if (is_over) {
        errno = ERANGE;
        value = bound;
        is_minus &= most != least;
    }
    return is_minus ? 0 - value : value;
}

long strtol(const char *restrict text, char **restrict end, int base)
{
    return (long)read_number(text, end, base, LONG_MAX, 1ULL + LONG_MAX);
}

long long strtoll(const char *restrict text, char **restrict end, int base)
{
    return (long long)read_number(text, end, base, LLONG_MAX, 1ULL + LLONG_MAX);
}

unsigned long strtoul(const char *restrict text, char **restrict end, int base)
{
    return (unsigned long)read_number(text, end, base, ULONG_MAX, ULONG_MAX);
}

unsigned long long strtoull(const char *restrict text, char **restrict end, int base)
{
    return read_number(text, end, base, ULLONG_MAX, ULLONG_MAX);
}

/* In the only locale here each byte is a character. Asked for is the length alone. */
size_t mbstowcs(wchar_t *restrict out, const char *restrict text, size_t n)
{
    (void)n;
    return out ? (size_t)-1 : strlen(text);
}

/* "%s\n" would be turned into a call of this very function. */
int puts(const char *text)
{
    return printf("%s%c", text, '\n');
}

int putchar(int c)
{
    unsigned char byte = (unsigned char)c;

    return fwrite(&byte, 1, 1, stdout) == 1 ? byte : EOF;
}
