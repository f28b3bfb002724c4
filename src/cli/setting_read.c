#include "cli/setting.h"

#include "format/cidr.h"
#include "format/http_parse.h"
#include "format/uri.h"
#include "tls/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    char letter;
    int64_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define UNITS (sizeof units / sizeof units[0])

static bool bad(struct err *err, const char *text)
{
    err_set(err, ERR_CONFIG, "%s", text);
    return false;
}

static bool out_of_memory(struct err *err)
{
    err_set(err, ERR_MEMORY, "out of memory");
    return false;
}

static void *field_of(const struct setting *s, struct config *config)
{
    return (char *)config + s->offset;
}

/* ---- scalars ------------------------------------------------------------------------------ */

void setting_format_duration(int64_t seconds, char out[24])
{
    size_t i = 0;

    while (i + 1 < UNITS && (seconds == 0 || seconds % units[i].seconds != 0))
        i++;
    snprintf(out, 24, "%" PRId64 "%c", seconds / units[i].seconds, units[i].letter);
}

bool setting_read_duration(struct slice text, int64_t least, int64_t most, int64_t *seconds,
                           struct err *err)
{
    char low[24], high[24];
    uint64_t number;

    if (slice_to_u64(text, INT64_MAX, &number))
        return bad(err, "the unit is missing; write 90s, 15m, 12h or 7d");
    for (size_t i = 0; i < UNITS; i++) {
        if (text.n < 2 || text.p[text.n - 1] != units[i].letter ||
            !slice_to_u64(slice_make(text.p, text.n - 1), INT64_MAX, &number))
            continue;
        if (number <= (uint64_t)(most / units[i].seconds) &&
            (int64_t)number * units[i].seconds >= least) {
            *seconds = (int64_t)number * units[i].seconds;
            return true;
        }
        setting_format_duration(least, low);
        setting_format_duration(most, high);
        err_set(err, ERR_CONFIG, "out of bounds; from %s to %s is possible", low, high);
        return false;
    }
    return bad(err, "not a duration; write 90s, 15m, 12h or 7d, a whole number and one unit");
}

static bool read_integer(const struct setting *s, struct slice text, int64_t *out, struct err *err)
{
    uint64_t number;

    if (slice_to_u64(text, (uint64_t)s->most, &number) && (int64_t)number >= s->least) {
        *out = (int64_t)number;
        return true;
    }
    err_set(err, ERR_CONFIG, "not a possible number; write one from %" PRId64 " to %" PRId64,
            (int64_t)s->least, (int64_t)s->most);
    return false;
}

static bool read_boolean(struct slice text, bool *out, struct err *err)
{
    bool yes = slice_eq(text, SLICE("true"));

    if (!yes && !slice_eq(text, SLICE("false")))
        return bad(err, "neither yes nor no; write true or false");
    *out = yes;
    return true;
}

static bool read_enum(const struct setting *s, struct slice text, void *field, struct err *err)
{
    char list[128] = "";
    size_t n = 0;

    for (unsigned i = 0; s->choices[i]; i++) {
        if (slice_eq(text, slice_of(s->choices[i]))) {
            memcpy(field, &i, sizeof i);
            return true;
        }
        if (n < sizeof list)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s",
                                  i == 0              ? ""
                                  : s->choices[i + 1] ? ", "
                                                      : " or ",
                                  s->choices[i]);
    }
    err_set(err, ERR_CONFIG, "not one of the possible words; write %s", list);
    return false;
}

/* ---- strings ------------------------------------------------------------------------------ */

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
            return true;
    return false;
}

static bool has_high_byte(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] >= 0x80)
            return true;
    return false;
}

static bool check_credential(struct slice text, struct err *err)
{
    if (text.n == 0)
        return bad(err, "the license key is empty; give one, or leave the setting out");
    if (text.n > LIMIT_SECRET)
        return bad(err, "the license key is too long; is it the right file?");
    if (!http_is_field_value(text))
        return bad(err,
                   "the license key holds a byte that can't stand in a header field; is it the "
                   "right file, and a single line?");
    if (slice_trim(text).n != text.n)
        return bad(err, "the license key begins or ends with white space; take that away");
    return true;
}

static bool check_target(struct slice text, struct err *err)
{
    struct err cause = {0};
    struct slice path;

    if (text.p[0] != '/')
        return bad(err, "must begin with /; write the path only");
    if (!uri_target_path(text, &path, &cause)) {
        err_set(err, ERR_CONFIG, "not a usable path (%s); write one such as /v1/license",
                cause.text);
        return false;
    }
    return true;
}

/* For a path to which '/' was added at both ends. */
static bool check_prefix(struct slice text, struct err *err)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '?' || (text.p[i] == '/' && i + 1 < text.n && text.p[i + 1] == '/'))
            return bad(err, "not a plain path; write one such as / or /v1/");
    return check_target(text, err);
}

static bool check_server(struct slice text, struct err *err)
{
    struct uri uri;

    if (has_high_byte(text))
        return bad(err, "the host's name isn't ASCII; write its xn-- form");
    if (!uri_parse(text, &uri, err))
        return false;
    if (slice_eq_nocase(uri.scheme, SLICE("http")))
        return bad(err, "http:// would send licenses and keys in the clear; write https://");
    if (!slice_eq_nocase(uri.scheme, SLICE("https")))
        return bad(err, "not an https URL; write https://HOST");
    if (uri.has_userinfo)
        return bad(err, "a user or password has no place in it; take out what stands before @");
    if (uri.path.n > 0 && memchr(uri.path.p, '?', uri.path.n))
        return bad(err, "a query has no place in it; take out what stands behind ?");
    return uri.path.n == 0 || check_target(uri.path, err);
}

static bool is_host_name(struct slice text)
{
    size_t label = 0;

    if (text.n == 0 || text.n > LIMIT_HOST)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        /* A wildcard is a whole label, the first. */
        if (c == '.'
                ? label == 0
                : !letter && c != '-' && !(c == '*' && i == 0 && text.n > 2 && text.p[1] == '.'))
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return label > 0;
}

static bool check_key_part(struct slice text, struct err *err)
{
    static const char *const parts[] = {"method", "target", "credential", "body"};
    struct slice member;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (slice_eq(text, slice_of(parts[i])))
            return true;
    if (!slice_starts_with(text, SLICE("json:")))
        return bad(err, "not a part of a request; write method, target, credential, body or "
                        "json:NAME");
    member = slice_make(text.p + 5, text.n - 5);
    for (size_t i = 0, label = 0; i <= member.n; i++) {
        if (i < member.n && member.p[i] != '.') {
            label++;
            continue;
        }
        if (label == 0)
            return bad(err, "json: needs a member's name, or several with dots between; write "
                            "json:NAME.NAME");
        label = 0;
    }
    return true;
}

static bool check_text(const struct setting *s, struct slice text, struct err *err)
{
    uint8_t pin[32];
    struct cidr network;

    if (s->rule == RULE_CREDENTIAL)
        return check_credential(text, err);
    if (text.n == 0 && s->rule != RULE_SCHEME && s->rule != RULE_OR_NONE)
        return bad(err, "empty; give a value, or leave the setting out");
    if (text.n > LIMIT_STRING)
        return bad(err, "too long; at most 4096 bytes are possible");
    if (has_control(text))
        return bad(err, "holds a control character; take it out");
    switch (s->rule) {
    case RULE_PREFIX:
        return check_prefix(text, err);
    case RULE_TARGET:
        return check_target(text, err);
    case RULE_TOKEN:
        return http_is_token(text) || bad(err, "not a method; write one such as GET or POST");
    case RULE_SCHEME:
        return text.n == 0 || http_is_token(text) ||
               bad(err, "not a scheme; write a word such as Token or Bearer");
    case RULE_SERVER:
        return check_server(text, err);
    case RULE_NAME:
        return uri_is_ip(text) || is_host_name(text) ||
               bad(err, "neither a host name nor an address; write one, without scheme or port");
    case RULE_KEY_PART:
        return check_key_part(text, err);
    case RULE_PIN:
        return verify_read_pin(text, pin) ||
               bad(err, "no SHA-256 in base64 or hexadecimal; \"license-proxy cert\" of the other "
                        "proxy prints it, or openssl");
    case RULE_NETWORK:
        return cidr_read(text, &network) ||
               bad(err, "not a network of addresses; write 10.0.0.0/8, fd00::/8 or one address");
    case RULE_NONE:
    case RULE_OR_NONE:
    case RULE_CREDENTIAL:
        break;
    }
    return true;
}

static char *copy_of(struct slice text)
{
    char *copy = malloc(text.n + 1);

    if (copy) {
        if (text.n > 0)
            memcpy(copy, text.p, text.n);
        copy[text.n] = '\0';
    }
    return copy;
}

static bool set_string(char **field, struct slice text, struct err *err)
{
    char *copy = copy_of(text);

    if (!copy)
        return out_of_memory(err);
    free(*field);
    *field = copy;
    return true;
}

/* "v1", "/v1" and "/v1/" are the same prefix. */
static bool read_prefix(const struct setting *s, struct slice text, char **field, struct err *err)
{
    char whole[LIMIT_TARGET];
    bool before, after;
    int n;

    if (text.n == 0)
        text = SLICE("/");
    if (text.n > LIMIT_STRING)
        return check_text(s, text, err);
    before = text.p[0] != '/';
    after = text.p[text.n - 1] != '/';
    n = snprintf(whole, sizeof whole, "%s%.*s%s", before ? "/" : "", (int)text.n, text.p,
                 after ? "/" : "");
    text = slice_make(whole, (size_t)n);
    return check_text(s, text, err) && set_string(field, text, err);
}

static bool read_address(struct slice text, char **field, struct err *err)
{
    if (slice_eq_nocase(text, SLICE("localhost")))
        text = SLICE("127.0.0.1");
    else if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = slice_make(text.p + 1, text.n - 2);
    if (!uri_is_ip(text))
        return bad(err, "not an address; write a numeric one, such as 0.0.0.0, 127.0.0.1 or ::");
    return set_string(field, text, err);
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Whether two server URLs mean the same: host, port and path. */
static bool same_server(const char *a, const char *b)
{
    struct uri ua, ub;

    if (!uri_parse(slice_of(a), &ua, NULL) || !uri_parse(slice_of(b), &ub, NULL))
        return false;
    while (ua.path.n > 0 && ua.path.p[ua.path.n - 1] == '/')
        ua.path.n--;
    while (ub.path.n > 0 && ub.path.p[ub.path.n - 1] == '/')
        ub.path.n--;
    return slice_eq_nocase(ua.host, ub.host) && slice_eq(ua.path, ub.path) &&
           (ua.port ? ua.port : 443) == (ub.port ? ub.port : 443);
}

static bool clashes(const struct setting *s, const char *there, const char *added, struct err *err)
{
    bool body = strcmp(there, "body") == 0 || strcmp(added, "body") == 0;

    if (s->rule == RULE_SERVER ? same_server(there, added) : strcmp(there, added) == 0)
        return !bad(err, "named twice; take one out");
    if (s->rule == RULE_KEY_PART && body &&
        (strncmp(there, "json:", 5) == 0 || strncmp(added, "json:", 5) == 0))
        return !bad(err, "body is the whole body, so json: adds nothing to it; leave out one");
    return false;
}

static bool read_element(const struct setting *s, struct slice text, struct config_list *list,
                         struct err *err)
{
    char *copy;

    if (!check_text(s, text, err))
        return false;
    if (list->count >= LIMIT_LIST || (int64_t)list->count >= s->most) {
        err_set(err, ERR_CONFIG, "too many; at most %" PRId64 " are possible", (int64_t)s->most);
        return false;
    }
    copy = copy_of(text);
    if (!copy)
        return out_of_memory(err);
    for (size_t i = 0; i < list->count; i++) {
        if (clashes(s, list->items[i], copy, err)) {
            free(copy);
            return false;
        }
    }
    list->items[list->count++] = copy;
    return true;
}

/* ---- all ---------------------------------------------------------------------------------- */

bool setting_read(const struct setting *s, struct slice text, struct config *config,
                  struct err *err)
{
    void *field = field_of(s, config);

    switch (s->type) {
    case SETTING_INTEGER:
        return read_integer(s, text, field, err);
    case SETTING_DURATION:
        return setting_read_duration(text, s->least, s->most, field, err);
    case SETTING_BOOLEAN:
        return read_boolean(text, field, err);
    case SETTING_ENUM:
        return read_enum(s, text, field, err);
    case SETTING_ADDRESS:
        return read_address(text, field, err);
    case SETTING_LIST:
        return read_element(s, text, field, err);
    case SETTING_SECRET:
        return check_text(s, text, err) &&
               (secret_set(field, text.p, text.n) || out_of_memory(err));
    case SETTING_STRING:
        break;
    }
    if (s->rule == RULE_PREFIX)
        return read_prefix(s, text, field, err);
    return check_text(s, text, err) && set_string(field, text, err);
}

void setting_clear(const struct setting *s, struct config *config)
{
    void *field = field_of(s, config);
    struct config_list *list = field;
    char **string = field;

    switch (s->type) {
    case SETTING_SECRET:
        secret_fini(field);
        break;
    case SETTING_LIST:
        for (size_t i = 0; i < list->count; i++)
            free(list->items[i]);
        memset(list, 0, sizeof *list);
        break;
    case SETTING_STRING:
    case SETTING_ADDRESS:
        free(*string);
        *string = NULL;
        break;
    case SETTING_INTEGER:
    case SETTING_DURATION:
        memset(field, 0, sizeof(int64_t));
        break;
    case SETTING_BOOLEAN:
        memset(field, 0, sizeof(bool));
        break;
    case SETTING_ENUM:
        memset(field, 0, sizeof(unsigned));
        break;
    }
}

void config_fini(struct config *config)
{
    for (size_t i = 0; i < setting_count; i++)
        setting_clear(&setting_table[i], config);
    memset(config, 0, sizeof *config);
}
