/*
 * One forward pass. Every step looks at bytes in the order in which they arrive and returns at the
 * first one that decides, so the verdict on an input is that of its shortest decided prefix and
 * cannot depend on how the input was cut. *scanned is where the first incomplete line begins: a
 * pass that starts there knows that all before is well-formed, but has not seen its fields, which
 * is why a head that ends in such a pass is read once more from the start.
 */
#include "format/http_parse.h"

enum {
    TOKEN = 1,  /* tchar, RFC 9110 section 5.6.2 */
    TARGET = 2, /* visible ASCII: the request target's grammar is looked at in uri */
    VALUE = 4,  /* field-vchar, SP and HTAB, RFC 9110 section 5.5 */
    ANY_TOKEN = TOKEN | TARGET | VALUE,
    VISIBLE = TARGET | VALUE
};

static const uint8_t classes[256] = {
    ['\t'] = VALUE,
    [' '] = VALUE,
    ['!'] = ANY_TOKEN,
    ['"'] = VISIBLE,
    ['#' ... '\''] = ANY_TOKEN,
    ['(' ... ')'] = VISIBLE,
    ['*' ... '+'] = ANY_TOKEN,
    [','] = VISIBLE,
    ['-' ... '.'] = ANY_TOKEN,
    ['/'] = VISIBLE,
    ['0' ... '9'] = ANY_TOKEN,
    [':' ... '@'] = VISIBLE,
    ['A' ... 'Z'] = ANY_TOKEN,
    ['[' ... ']'] = VISIBLE,
    ['^' ... 'z'] = ANY_TOKEN,
    ['{'] = VISIBLE,
    ['|'] = ANY_TOKEN,
    ['}'] = VISIBLE,
    ['~'] = ANY_TOKEN,
    [0x80 ... 0xff] = VALUE,
};

struct reader {
    const char *start; /* borrowed: the head's first byte */
    const char *p;     /* the next byte to read */
    const char *end;   /* at most LIMIT_HEAD behind start */
    bool full;         /* end is the limit: nothing behind it can belong to the head */
    bool response;
    struct err *err; /* borrowed; may be NULL */
};

static bool is(char c, unsigned class)
{
    return (classes[(unsigned char)c] & class) != 0;
}

static enum parse refuse(struct reader *r, enum err_code code, int status, const char *text)
{
    if (r->response)
        err_set_stage(r->err, code, STAGE_HEAD, "response head: %s", text);
    else
        err_set_http(r->err, code, status, "request head: %s", text);
    return PARSE_BAD;
}

static enum parse malformed(struct reader *r, const char *text)
{
    return refuse(r, ERR_SYNTAX, 400, text);
}

/* What running out of bytes means. */
static enum parse need_more(struct reader *r)
{
    if (r->full)
        return refuse(r, ERR_LIMIT, 431, "larger than allowed");
    return PARSE_MORE;
}

/* Passes over bytes of a class, up to a byte that is none, which is then at r->p. */
static enum parse read_run(struct reader *r, unsigned class)
{
    const char *p = r->p;

    while (p < r->end && is(*p, class))
        p++;
    r->p = p;
    return p < r->end ? PARSE_DONE : need_more(r);
}

static enum parse read_byte(struct reader *r, char c, const char *text)
{
    if (r->p == r->end)
        return need_more(r);
    if (*r->p != c)
        return malformed(r, text);
    r->p++;
    return PARSE_DONE;
}

static enum parse read_crlf(struct reader *r)
{
    enum parse rv = read_byte(r, '\r', "a byte that has no place in its line");

    return rv == PARSE_DONE ? read_byte(r, '\n', "a carriage return without line feed") : rv;
}

static enum parse read_digit(struct reader *r, char low, char high, unsigned *digit,
                             const char *text)
{
    if (r->p == r->end)
        return need_more(r);
    if (*r->p < low || *r->p > high)
        return malformed(r, text);
    *digit = (unsigned)(*r->p++ - '0');
    return PARSE_DONE;
}

/* A minor version this program doesn't know is read as the highest it does (RFC 9110 2.5). */
static enum parse read_version(struct reader *r, unsigned *major, unsigned *minor)
{
    static const char text[] = "malformed protocol version";
    enum parse rv;

    for (const char *c = "HTTP/"; *c; c++) {
        rv = read_byte(r, *c, text);
        if (rv != PARSE_DONE)
            return rv;
    }
    rv = read_digit(r, '0', '9', major, text);
    if (rv == PARSE_DONE)
        rv = read_byte(r, '.', text);
    if (rv == PARSE_DONE)
        rv = read_digit(r, '0', '9', minor, text);
    if (rv == PARSE_DONE && *minor > 1)
        *minor = 1;
    return rv;
}

static enum parse read_target(struct reader *r, struct slice *target)
{
    const char *start = r->p;
    const char *p = start;

    while (p < r->end && is(*p, TARGET)) {
        if (p - start == LIMIT_TARGET)
            return refuse(r, ERR_LIMIT, 414, "request target larger than allowed");
        p++;
    }
    r->p = p;
    *target = slice_make(start, (size_t)(p - start));
    if (p == r->end)
        return need_more(r);
    return p > start ? PARSE_DONE : malformed(r, "no request target");
}

/* RFC 9112 section 3. */
static enum parse read_request_line(struct reader *r, struct http_head *head)
{
    unsigned major;
    enum parse rv;

    if (r->p < r->end && *r->p == '\r') {
        rv = read_crlf(r);
        if (rv != PARSE_DONE)
            return rv;
    }
    head->method.p = r->p;
    rv = read_run(r, TOKEN);
    if (rv != PARSE_DONE)
        return rv;
    head->method.n = (size_t)(r->p - head->method.p);
    if (head->method.n == 0)
        return malformed(r, "no method");
    rv = read_byte(r, ' ', "the method is not a token");
    if (rv == PARSE_DONE)
        rv = read_target(r, &head->target);
    if (rv == PARSE_DONE)
        rv = read_byte(r, ' ', "a byte that has no place in a request target");
    if (rv == PARSE_DONE)
        rv = read_version(r, &major, &head->minor);
    if (rv == PARSE_DONE)
        rv = read_crlf(r);
    if (rv == PARSE_DONE && major != 1)
        return refuse(r, ERR_SYNTAX, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return rv;
}

/* RFC 9112 section 4. */
static enum parse read_status_line(struct reader *r, struct http_head *head)
{
    static const char text[] = "malformed status";
    unsigned major, digits[3];
    enum parse rv = read_version(r, &major, &head->minor);

    if (rv == PARSE_DONE && major != 1)
        return malformed(r, "not HTTP/1.1 or HTTP/1.0");
    if (rv == PARSE_DONE)
        rv = read_byte(r, ' ', text);
    for (unsigned i = 0; i < 3 && rv == PARSE_DONE; i++)
        rv = read_digit(r, i ? '0' : '1', i ? '9' : '5', &digits[i], text);
    if (rv != PARSE_DONE)
        return rv;
    head->status = digits[0] * 100 + digits[1] * 10 + digits[2];
    if (r->p == r->end)
        return need_more(r);
    head->reason = slice_make(r->p, 0);
    /* The space is due even without a reason, but real servers leave both out. */
    if (*r->p == ' ') {
        head->reason.p = ++r->p;
        rv = read_run(r, VALUE);
        if (rv != PARSE_DONE)
            return rv;
        head->reason.n = (size_t)(r->p - head->reason.p);
    }
    return read_crlf(r);
}

/* RFC 9112 section 5. */
static enum parse read_field(struct reader *r, struct http_head *head)
{
    struct http_field *field;
    enum parse rv;

    if (!is(*r->p, TOKEN))
        return malformed(r, *r->p == ' ' || *r->p == '\t' ? "a folded line"
                                                          : "a field name that is not a token");
    if (head->field_count == LIMIT_FIELDS)
        return refuse(r, ERR_LIMIT, 431, "more fields than allowed");
    field = &head->fields[head->field_count];
    field->name.p = r->p;
    rv = read_run(r, TOKEN);
    if (rv != PARSE_DONE)
        return rv;
    field->name.n = (size_t)(r->p - field->name.p);
    rv = read_byte(r, ':', "a field name that is not a token followed by a colon");
    if (rv != PARSE_DONE)
        return rv;
    field->value.p = r->p;
    rv = read_run(r, VALUE);
    if (rv != PARSE_DONE)
        return rv;
    field->value.n = (size_t)(r->p - field->value.p);
    field->value = slice_trim(field->value);
    rv = read_crlf(r);
    if (rv == PARSE_DONE)
        head->field_count++;
    return rv;
}

/* Fields in the complete lines before r->p. */
static size_t count_fields(const struct reader *r)
{
    size_t lines = 0;
    size_t others = 1 + (*r->start == '\r');

    for (const char *p = r->start; p < r->p; lines++) {
        p = memchr(p, '\n', (size_t)(r->p - p));
        if (!p)
            break;
        p++;
    }
    return lines > others ? lines - others : 0;
}

static enum parse read_head(struct reader *r, size_t *scanned, struct http_head *head)
{
    enum parse rv = PARSE_DONE;

    if (*scanned == 0)
        rv = r->response ? read_status_line(r, head) : read_request_line(r, head);
    while (rv == PARSE_DONE) {
        *scanned = (size_t)(r->p - r->start);
        if (r->p == r->end)
            return need_more(r);
        if (*r->p == '\r')
            return read_crlf(r);
        rv = read_field(r, head);
    }
    return rv;
}

static enum parse parse(struct slice input, bool response, size_t *scanned, struct http_head *head,
                        size_t *used, struct err *err)
{
    bool resumed = *scanned > 0;
    struct reader r = {.start = input.p, .response = response, .err = err};
    enum parse rv;

    if (input.n == 0)
        return PARSE_MORE;
    r.full = input.n >= LIMIT_HEAD;
    r.end = input.p + (r.full ? LIMIT_HEAD : input.n);
    r.p = input.p + *scanned;
    head->method = head->target = head->reason = slice_make(NULL, 0);
    head->status = 0;
    head->field_count = resumed ? count_fields(&r) : 0;
    rv = read_head(&r, scanned, head);
    if (rv == PARSE_DONE && resumed) {
        *scanned = 0;
        r.p = input.p;
        head->field_count = 0;
        rv = read_head(&r, scanned, head);
    }
    if (rv == PARSE_DONE) {
        *used = (size_t)(r.p - input.p);
        *scanned = 0;
    }
    return rv;
}

enum parse http_parse_request(struct slice input, size_t *scanned, struct http_head *head,
                              size_t *used, struct err *err)
{
    return parse(input, false, scanned, head, used, err);
}

enum parse http_parse_response(struct slice input, size_t *scanned, struct http_head *head,
                               size_t *used, struct err *err)
{
    return parse(input, true, scanned, head, used, err);
}

const struct http_field *http_head_next(const struct http_head *head, struct slice name,
                                        size_t *from)
{
    for (size_t i = *from; i < head->field_count; i++) {
        if (slice_eq_nocase(head->fields[i].name, name)) {
            *from = i + 1;
            return &head->fields[i];
        }
    }
    *from = head->field_count;
    return NULL;
}

const struct http_field *http_head_only(const struct http_head *head, struct slice name)
{
    size_t from = 0;
    const struct http_field *field = http_head_next(head, name, &from);

    return field && !http_head_next(head, name, &from) ? field : NULL;
}

bool http_head_lists(const struct http_head *head, struct slice name, struct slice element)
{
    const struct http_field *field;
    size_t from = 0;

    while ((field = http_head_next(head, name, &from))) {
        struct slice rest = field->value, item;

        while (slice_next_element(&rest, &item))
            if (slice_eq_nocase(item, element))
                return true;
    }
    return false;
}

static bool all_are(struct slice s, unsigned class)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is(s.p[i], class))
            return false;
    return true;
}

bool http_is_token(struct slice s)
{
    return s.n > 0 && all_are(s, TOKEN);
}

bool http_is_field_value(struct slice s)
{
    return all_are(s, VALUE);
}
