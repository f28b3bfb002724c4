/*
 * A second reading of a head's framing, from its bytes and by other means than the program's: line
 * by line, into counts. Two readers who agree leave nothing to be smuggled between them.
 */
#ifndef FUZZ_FRAMING_H
#define FUZZ_FRAMING_H

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct framing {
    unsigned lengths, codings; /* fields of either name */
    bool plain;                /* the length: digits and nothing else */
    bool huge;                 /* of more digits than any bound has */
    unsigned long length;
    bool chunked; /* the coding: that one, alone */
};

static inline void framing_read_length(const char *value, struct framing *f)
{
    f->plain = value[0] && strspn(value, "0123456789") == strlen(value);
    value += strspn(value, "0");
    f->huge = f->plain && strlen(value) > 9;
    f->length = f->plain && !f->huge ? strtoul(value[0] ? value : "0", NULL, 10) : 0;
}

/* head: all of it, with its empty line. */
static inline void framing_read(struct slice head, struct framing *f)
{
    char *text = malloc(head.n + 1), *line = text, *end;

    memset(f, 0, sizeof *f);
    memcpy(text, head.p, head.n);
    text[head.n] = '\0';
    /* An empty line may come before a request. */
    line += strspn(line, "\r\n");
    while ((end = strstr(line, "\r\n"))) {
        char *colon = memchr(line, ':', (size_t)(end - line));
        char *value = colon ? colon + 1 : end;

        *end = '\0';
        if (colon)
            *colon = '\0';
        value += strspn(value, " \t");
        for (size_t n = strlen(value); n > 0 && strchr(" \t", value[n - 1]); n--)
            value[n - 1] = '\0';
        if (colon && strcasecmp(line, "content-length") == 0) {
            f->lengths++;
            framing_read_length(value, f);
        } else if (colon && strcasecmp(line, "transfer-encoding") == 0) {
            f->codings++;
            f->chunked = strcasecmp(value, "chunked") == 0;
        }
        line = end + 2;
    }
    free(text);
}

/* Whether it says one thing, to a reader of HTTP/1.minor. */
static inline bool framing_is_clear(const struct framing *f, unsigned minor)
{
    if (f->codings > 0)
        return f->codings == 1 && f->chunked && f->lengths == 0 && minor > 0;
    return f->lengths == 0 || (f->lengths == 1 && f->plain);
}

#endif
