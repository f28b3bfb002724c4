/*
 * The subset of TOML 1.0 that configuration files here use: [tables], bare and quoted keys, dotted
 * keys, basic and literal strings (also multi-line), integers, booleans, arrays of strings (over
 * several lines, trailing comma), comments. Everything else is a clear error with its line.
 */
#ifndef FORMAT_TOML_H
#define FORMAT_TOML_H

#include "base/err.h"
#include "base/slice.h"

enum toml_type { TOML_STRING, TOML_INTEGER, TOML_BOOLEAN, TOML_STRINGS };

struct toml_value {
    enum toml_type type;
    int64_t integer;
    bool boolean;
    struct slice string;         /* decoded; borrowed for the call. Holds no NUL. */
    const struct slice *strings; /* decoded; borrowed for the call */
    size_t count;                /* of strings: at most LIMIT_LIST */
};

struct toml_handler {
    /*
     * Called for each key in order. table is the full dotted name of its table ("" at the top), key
     * the last part. False stops the parse: err then holds the text, to which the parser adds
     * nothing.
     */
    bool (*on_value)(void *ctx, struct slice table, struct slice key,
                     const struct toml_value *value, unsigned line, struct err *err);
    /* Called for each [table] header, also of an empty one. */
    bool (*on_table)(void *ctx, struct slice table, unsigned line, struct err *err);
    /*
     * The value of ${NAME} in a basic string; NULL if unset, which is an error that names it. "$$"
     * is a plain "$". NULL handler: ${…} stays as it is.
     */
    const char *(*lookup)(void *ctx, struct slice name);
    void *ctx;
};

/*
 * Parses a whole file. name stands in messages: "name:line: what is wrong". Duplicate keys and
 * tables are errors. ERR_CONFIG. The text never shows a string's value (it may be a key).
 */
bool toml_parse(struct slice text, const char *name, const struct toml_handler *handler,
                struct err *err);

#endif
