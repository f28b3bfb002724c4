/*
 * What went wrong, where, and how to mend it: one object, filled once by the layer that knows the
 * cause and passed up unchanged. Only the owner of a connection logs it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/limits.h"

#include <stdbool.h>

/* Results of I/O, and of parsers that are fed pieces. */
enum io { IO_OK, IO_AGAIN, IO_EOF, IO_ERR };
enum parse { PARSE_DONE, PARSE_MORE, PARSE_BAD };

/* What kind of failure: decides exit codes and statuses, never what the text says. */
enum err_code {
    ERR_NONE,
    ERR_USAGE,       /* command line: exit 64 */
    ERR_CONFIG,      /* configuration or a file it names: exit 78 */
    ERR_UNREACHABLE, /* the license server gives no answer: exit 69 */
    ERR_CREATE,      /* can't create state: exit 73 */
    ERR_PERMISSION,  /* permission, or license key refused: exit 77 */
    ERR_SYSTEM,      /* a system call failed for another reason: exit 71 */
    ERR_MEMORY,      /* out of memory or descriptors */
    ERR_LIMIT,       /* a bound of limits.h was exceeded */
    ERR_SYNTAX,      /* malformed input */
    ERR_TIMEOUT,     /* a deadline passed */
    ERR_CLOSED,      /* the peer closed or reset the connection too early */
    ERR_TLS          /* handshake, certificate or record failure */
};

/* The part of a relay that failed, in the order in which they happen. */
enum err_stage {
    STAGE_NONE,
    STAGE_DNS,
    STAGE_CONNECT,
    STAGE_PROXY,
    STAGE_TLS,
    STAGE_SEND,
    STAGE_HEAD,
    STAGE_BODY,
    STAGE_STATUS /* a complete response whose status is not an answer */
};

struct err {
    enum err_code code;
    enum err_stage stage;
    int status;                /* HTTP status that fits, 0 where none does */
    char text[LIMIT_ERR_TEXT]; /* one line, no secrets, "" while code is ERR_NONE */
};

/* Fills *e unless it is filled already: the first, most specific text stays. e may be NULL. */
__attribute__((format(printf, 3, 4))) void err_set(struct err *e, enum err_code code,
                                                   const char *fmt, ...);

/* As err_set, with the HTTP status that fits. */
__attribute__((format(printf, 4, 5))) void err_set_http(struct err *e, enum err_code code,
                                                        int status, const char *fmt, ...);

/* As err_set, with the stage of the relay. */
__attribute__((format(printf, 4, 5))) void
err_set_stage(struct err *e, enum err_code code, enum err_stage stage, const char *fmt, ...);

/* Empties *e. */
void err_clear(struct err *e);

static inline bool err_is_set(const struct err *e)
{
    return e->code != ERR_NONE;
}

/* "dns", "connect", "proxy", "tls", "send", "head", "body", "status"; "" for STAGE_NONE. */
const char *err_stage_name(enum err_stage stage);

/* The sysexits code of a program that ends with this error (never 0). */
int err_exit_code(const struct err *e);

#endif
