#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct err *e, enum err_code code, enum err_stage stage, int status,
                const char *fmt, va_list ap)
{
    if (!e || e->code != ERR_NONE)
        return;
    e->code = code;
    e->stage = stage;
    e->status = status;
    vsnprintf(e->text, sizeof e->text, fmt, ap);
}

void err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set(e, code, STAGE_NONE, 0, fmt, ap);
    va_end(ap);
}

void err_set_http(struct err *e, enum err_code code, int status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set(e, code, STAGE_NONE, status, fmt, ap);
    va_end(ap);
}

void err_set_stage(struct err *e, enum err_code code, enum err_stage stage, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set(e, code, stage, 0, fmt, ap);
    va_end(ap);
}

void err_clear(struct err *e)
{
    memset(e, 0, sizeof *e);
}

const char *err_stage_name(enum err_stage stage)
{
    switch (stage) {
    case STAGE_DNS:
        return "dns";
    case STAGE_CONNECT:
        return "connect";
    case STAGE_PROXY:
        return "proxy";
    case STAGE_TLS:
        return "tls";
    case STAGE_SEND:
        return "send";
    case STAGE_HEAD:
        return "head";
    case STAGE_BODY:
        return "body";
    case STAGE_STATUS:
        return "status";
    case STAGE_NONE:
        break;
    }
    return "";
}

int err_exit_code(const struct err *e)
{
    switch (e->code) {
    case ERR_USAGE:
        return 64; /* EX_USAGE */
    case ERR_CONFIG:
    case ERR_SYNTAX:
    case ERR_LIMIT:
        return 78; /* EX_CONFIG */
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
    case ERR_CLOSED:
    case ERR_TLS:
        return 69; /* EX_UNAVAILABLE */
    case ERR_CREATE:
        return 73; /* EX_CANTCREAT */
    case ERR_PERMISSION:
        return 77; /* EX_NOPERM */
    case ERR_NONE:
    case ERR_SYSTEM:
    case ERR_MEMORY:
        break;
    }
    return 71; /* EX_OSERR */
}
