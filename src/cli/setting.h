/*
 * The table of all settings of `serve`: where each may be written, what it takes, and what help
 * says of it. Parsing of file, environment and flags, and the help, all come from it.
 */
#ifndef CLI_SETTING_H
#define CLI_SETTING_H

#include "base/config.h"
#include "base/err.h"
#include "base/slice.h"

enum setting_type {
    SETTING_STRING,
    SETTING_SECRET,
    SETTING_LIST,
    SETTING_INTEGER,
    SETTING_BOOLEAN,
    SETTING_DURATION, /* 90s, 15m, 12h, 7d; kept in seconds */
    SETTING_ADDRESS,  /* a numeric IPv4 or IPv6 address */
    SETTING_ENUM      /* the index of one of choices */
};

/* Further rules for the text of a string, or for each element of a list. */
enum setting_rule {
    RULE_NONE,
    RULE_PREFIX,     /* a path that is made to begin and end with '/' */
    RULE_TARGET,     /* a request target in origin-form */
    RULE_TOKEN,      /* RFC 9110 section 5.6.2 */
    RULE_CREDENTIAL, /* may stand behind the scheme in Authorization */
    RULE_SCHEME,     /* a token, or nothing */
    RULE_SERVER,     /* https URL of a license server */
    RULE_NAME,       /* a host name or address for a certificate */
    RULE_KEY_PART,   /* of [trust] key */
    RULE_PIN,        /* SHA-256 of a public key */
    RULE_NETWORK,    /* an address, or a network of them */
    RULE_OR_NONE     /* anything; empty says "none", whatever weaker layers say */
};

struct setting {
    const char *table, *key;    /* in the file */
    const char *name;           /* the flag without its dashes; the variable is spelled from it */
    bool is_flag;               /* else it has only the variable and the key */
    uint8_t type;               /* enum setting_type */
    uint8_t rule;               /* enum setting_rule */
    uint16_t offset;            /* of the field in struct config */
    int32_t least, most;        /* of integers and durations (seconds); most: elements of lists */
    const char *fallback;       /* the default as text, NULL if there is none */
    const char *const *choices; /* of SETTING_ENUM, ended by NULL */
    const char *argument;       /* what help calls the value */
    const char *help;
};

extern const struct setting setting_table[];
extern const size_t setting_count;

/* More than there are settings, for arrays that go beside the table. */
#define SETTING_MAX 64

/* The settings at the three levels of a name; NULL if there is none. */
const struct setting *setting_by_key(struct slice table, struct slice key);
const struct setting *setting_by_flag(struct slice name);

/* The setting that fills the field of struct config at that offset, which must be one. */
const struct setting *setting_by_field(size_t offset);

/* Whether any setting stands in that table. */
bool setting_has_table(struct slice table);

/* "LICENSE_PROXY_STATUS_PORT". */
#define SETTING_VARIABLE_SIZE 64
void setting_variable(const struct setting *s, char out[SETTING_VARIABLE_SIZE]);

/*
 * Reads text (its bytes hold no NUL) as the setting's value into config: replaces a value, or adds
 * an element to a list. On an error config's field keeps its old value, and err says what is
 * wrong, then "; " and how to mend it, without showing text. ERR_CONFIG, or ERR_MEMORY.
 */
bool setting_read(const struct setting *s, struct slice text, struct config *config,
                  struct err *err);

/* Seconds of "90s", "15m", "12h", "7d". False, with err as above, outside of least to most. */
bool setting_read_duration(struct slice text, int64_t least, int64_t most, int64_t *seconds,
                           struct err *err);

/* "90s", "15m", "12h", "7d": the largest unit that divides it. */
void setting_format_duration(int64_t seconds, char out[24]);

/* A name as messages may show it, since a terminal must not obey what it holds: out. */
const char *setting_show(struct slice name, char out[SETTING_VARIABLE_SIZE]);

/* Empties the setting's field. */
void setting_clear(const struct setting *s, struct config *config);

/* Frees and wipes all fields; config is then all zero. */
void config_fini(struct config *config);

#endif
