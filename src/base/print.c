#include "base/print.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct sink {
    char *out; /* borrowed */
    size_t cap, n;
};

/* A list that a function called can take from, whatever type the machine gives it. */
struct arguments {
    va_list list;
};

struct conversion {
    bool left, zero;
    int width, precision; /* precision: -1 for none */
    int longs; /* how many l; z counts as one, size_t being as wide on all machines here */
};

static void put(struct sink *s, const char *text, size_t n)
{
    for (; n > 0; n--, text++, s->n++)
        if (s->n + 1 < s->cap)
            s->out[s->n] = *text;
}

static void put_padded(struct sink *s, const struct conversion *c, const char *text, size_t n)
{
    size_t width = c->width > 0 ? (size_t)c->width : 0, fill = width > n ? width - n : 0;

    /* Zeros go behind the sign. */
    if (c->zero && n > 0 && *text == '-') {
        put(s, text++, 1);
        n--;
    }
    for (; !c->left && fill > 0; fill--)
        put(s, c->zero ? "0" : " ", 1);
    put(s, text, n);
    for (; fill > 0; fill--)
        put(s, " ", 1);
}

static int read_count(const char **format, struct arguments *args)
{
    int n = 0;

    if (**format == '*') {
        ++*format;
        return va_arg(args->list, int);
    }
    for (; **format >= '0' && **format <= '9'; ++*format)
        n = n * 10 + (**format - '0');
    return n;
}

/* What stands between '%' and the letter of the conversion; *format is left at the latter. */
static struct conversion read_conversion(const char **format, struct arguments *args)
{
    struct conversion c = {.precision = -1};

    for (;; ++*format) {
        if (**format == '-')
            c.left = true;
        else if (**format == '0')
            c.zero = true;
        else
            break;
    }
    c.width = read_count(format, args);
    if (**format == '.') {
        ++*format;
        c.precision = read_count(format, args);
    }
    for (; **format == 'l' || **format == 'z'; ++*format)
        c.longs++;
    return c;
}

static void put_number(struct sink *s, const struct conversion *c, char letter,
                       struct arguments *args)
{
    const char *digits = letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = letter == 'o' ? 8 : letter == 'x' || letter == 'X' ? 16 : 10;
    char text[24], *at = text + sizeof text;
    bool negative = false;
    uint64_t value;

    if (letter == 'd') {
        int64_t n = c->longs == 0   ? va_arg(args->list, int)
                    : c->longs == 1 ? va_arg(args->list, long)
                                    : va_arg(args->list, long long);

        negative = n < 0;
        value = negative ? 0 - (uint64_t)n : (uint64_t)n;
    } else {
        value = c->longs == 0   ? va_arg(args->list, unsigned)
                : c->longs == 1 ? va_arg(args->list, unsigned long)
                                : va_arg(args->list, unsigned long long);
    }
    do {
        *--at = digits[value % base];
        value /= base;
    } while (value > 0);
    if (negative)
        *--at = '-';
    put_padded(s, c, at, (size_t)(text + sizeof text - at));
}

int print_text(char *out, size_t cap, const char *format, va_list list)
{
    struct sink s = {out, cap, 0};
    struct arguments args;

    va_copy(args.list, list);
    for (;; format++) {
        size_t plain = strcspn(format, "%");
        struct conversion c;
        const char *text;
        char letter;

        put(&s, format, plain);
        format += plain;
        if (*format == '\0')
            break;
        format++;
        c = read_conversion(&format, &args);
        if (*format == 's') {
            text = va_arg(args.list, const char *);
            if (!text)
                text = "(null)";
            put_padded(&s, &c, text,
                       c.precision < 0 ? strlen(text) : strnlen(text, (size_t)c.precision));
        } else if (*format == 'c') {
            letter = (char)va_arg(args.list, int);
            put_padded(&s, &c, &letter, 1);
        } else if (*format == '%') {
            put(&s, format, 1);
        } else if (*format != '\0' && strchr("duxXo", *format)) {
            put_number(&s, &c, *format, &args);
        } else {
            break;
        }
    }
    va_end(args.list);
    if (cap > 0)
        out[s.n < cap ? s.n : cap - 1] = '\0';
    return s.n < INT_MAX ? (int)s.n : INT_MAX;
}
