#include "base/log.h"

#include "base/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* A line being made; what doesn't fit is cut, the newline always fits. */
struct line {
    char text[LIMIT_LOG_LINE];
    size_t len;
};

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};

static void put(struct line *l, const char *s, size_t n)
{
    size_t room = sizeof l->text - 2 - l->len;

    if (n > room)
        n = room;
    memcpy(l->text + l->len, s, n);
    l->len += n;
}

static void put_string(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

static void put_quoted(struct line *l, struct slice s)
{
    put_string(l, "\"");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char escaped[8];

        if (c == '"' || c == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", c);
            put_string(l, escaped);
        } else if (c < 0x20 || c >= 0x7f) {
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
            put_string(l, escaped);
        } else {
            put(l, s.p + i, 1);
        }
    }
    put_string(l, "\"");
}

/* logfmt leaves plain words bare, which is what people grep for. */
static bool is_bare(struct slice s)
{
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\')
            return false;
    return true;
}

static void put_time(struct line *l)
{
    char text[96];
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
    put_string(l, text);
}

static void put_field(struct line *l, enum log_format format, const struct log_field *f)
{
    char number[24];

    if (format == LOG_JSON) {
        put_string(l, ",\"");
        put_string(l, f->key);
        put_string(l, "\":");
    } else {
        put_string(l, " ");
        put_string(l, f->key);
        put_string(l, "=");
    }
    if (f->is_number) {
        snprintf(number, sizeof number, "%" PRId64, f->number);
        put_string(l, number);
    } else if (format == LOG_TEXT && is_bare(f->value)) {
        put(l, f->value.p, f->value.n);
    } else {
        put_quoted(l, f->value);
    }
}

void log_write(const struct log *log, enum log_level level, const char *message,
               const struct log_field *fields)
{
    struct line l = {.len = 0};
    size_t done = 0;

    put_string(&l, log->format == LOG_JSON ? "{\"time\":\"" : "time=");
    put_time(&l);
    put_string(&l, log->format == LOG_JSON ? "\",\"level\":\"" : " level=");
    put_string(&l, level_names[level]);
    put_string(&l, log->format == LOG_JSON ? "\",\"msg\":" : " msg=");
    put_quoted(&l, slice_of(message));
    for (; fields->key; fields++)
        if (fields->key[0])
            put_field(&l, log->format, fields);
    /* Room for both was left by put(). */
    if (log->format == LOG_JSON)
        l.text[l.len++] = '}';
    l.text[l.len++] = '\n';
    while (done < l.len) {
        ssize_t n = write(log->fd, l.text + done, l.len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nobody reads: the services' trust matters more than the line */
        done += (size_t)n;
    }
}
