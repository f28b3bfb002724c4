#include "base/log.h"

#include "base/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* How long a line waits for a reader that has fallen behind, before it is dropped. */
#define WAIT_MS 10

/*
 * A line being made. What doesn't fit is left out, or cut inside a value, so that the line stays
 * well-formed; room for its end is always kept.
 */
struct line {
    char text[LIMIT_LOG_LINE];
    size_t len;
};

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};

static size_t room(const struct line *l)
{
    return sizeof l->text - strlen("}\n") - l->len;
}

/* All of it or, returning false, nothing. */
static bool put(struct line *l, const char *s, size_t n)
{
    if (n > room(l))
        return false;
    memcpy(l->text + l->len, s, n);
    l->len += n;
    return true;
}

static bool put_string(struct line *l, const char *s)
{
    return put(l, s, strlen(s));
}

/* At least the quotes. */
static bool put_quoted(struct line *l, struct slice s)
{
    if (room(l) < 2)
        return false;
    put_string(l, "\"");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char piece[8] = {(char)c};

        if (c == '"' || c == '\\')
            snprintf(piece, sizeof piece, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            snprintf(piece, sizeof piece, "\\u%04x", c);
        if (strlen(piece) >= room(l))
            break;
        put_string(l, piece);
    }
    return put_string(l, "\"");
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

static bool put_value(struct line *l, enum log_format format, const struct log_field *f)
{
    char number[24];

    if (f->is_number) {
        snprintf(number, sizeof number, "%" PRId64, f->number);
        return put_string(l, number);
    }
    if (format == LOG_TEXT && is_bare(f->value))
        return put(l, f->value.p, f->value.n < room(l) ? f->value.n : room(l));
    return put_quoted(l, f->value);
}

static void put_field(struct line *l, enum log_format format, const struct log_field *f)
{
    size_t before = l->len;

    if (!put_string(l, format == LOG_JSON ? ",\"" : " ") || !put_string(l, f->key) ||
        !put_string(l, format == LOG_JSON ? "\":" : "=") || !put_value(l, format, f))
        l->len = before;
}

/* Ready pipes take a line of this size whole (PIPE_BUF); one that isn't would block us. */
static bool is_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return poll(&p, 1, WAIT_MS) > 0;
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
    /* Room for both was kept. */
    if (log->format == LOG_JSON)
        l.text[l.len++] = '}';
    l.text[l.len++] = '\n';
    /* Nobody reads: the services' trust matters more than the line. */
    while (done < l.len && is_writable(log->fd)) {
        ssize_t n = write(log->fd, l.text + done, l.len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
}
