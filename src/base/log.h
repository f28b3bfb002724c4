/*
 * One line per event that an operator cares about, on stderr: logfmt text or JSON. Values are
 * escaped, so that no peer's bytes can forge a line. Callers pass no secrets.
 *
 *   log_event(log, LOG_INFO, "state changed", LOG_STR("from", "Ready"), LOG_NUM("ms", 12));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"

#include <stdint.h>

/* Shown always: ERROR, WARN, INFO; with -v DEBUG (each relay); with -vv TRACE (bytes, stages). */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format { LOG_TEXT, LOG_JSON };

struct log {
    int fd;
    enum log_level level; /* the most talkative level that is written */
    enum log_format format;
};

struct log_field {
    const char *key; /* NULL ends a list of fields; a field with an empty key is left out */
    bool is_number;
    int64_t number;
    struct slice value; /* borrowed for the call */
};

#define LOG_STR(k, v) ((struct log_field){.key = (k), .value = slice_of(v)})
#define LOG_SLICE(k, v) ((struct log_field){.key = (k), .value = (v)})
#define LOG_NUM(k, v) ((struct log_field){.key = (k), .is_number = true, .number = (int64_t)(v)})

static inline bool log_shows(const struct log *log, enum log_level level)
{
    return level <= log->level;
}

#define log_event(log, level, message, ...)                                                        \
    do {                                                                                           \
        if (log_shows((log), (level)))                                                             \
            log_write((log), (level), (message),                                                   \
                      (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}});        \
    } while (0)

/* Writes the line at once, whatever the level; what log_event calls. Never blocks for long. */
void log_write(const struct log *log, enum log_level level, const char *message,
               const struct log_field *fields);

#endif
