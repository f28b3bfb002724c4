#include "trust/record.h"

enum { KIND_ENTRY = 'e', KIND_TIME = 't', KIND_USAGE = 'u' };

static bool put_number(struct buf *out, uint64_t value, unsigned bytes)
{
    uint8_t text[8];

    for (unsigned i = 0; i < bytes; i++)
        text[i] = (uint8_t)(value >> 8 * i);
    return buf_append(out, text, bytes);
}

static bool put_mark(struct buf *out, const struct clock_mark *m)
{
    return buf_append(out, m->boot_id, sizeof m->boot_id) &&
           put_number(out, (uint64_t)m->boot_ns, 8) &&
           put_number(out, (uint64_t)m->never_back_ns, 8);
}

static bool put_slice(struct buf *out, struct slice s)
{
    return put_number(out, s.n, 4) && buf_append_slice(out, s);
}

static bool take(struct slice *rest, size_t n, struct slice *out)
{
    if (rest->n < n)
        return false;
    *out = slice_make(rest->p, n);
    *rest = slice_make(rest->p + n, rest->n - n);
    return true;
}

static bool take_number(struct slice *rest, unsigned bytes, uint64_t *value)
{
    struct slice s;

    if (!take(rest, bytes, &s))
        return false;
    *value = 0;
    for (unsigned i = bytes; i-- > 0;)
        *value = *value << 8 | (uint8_t)s.p[i];
    return true;
}

static bool take_signed(struct slice *rest, int64_t *value)
{
    uint64_t u;

    if (!take_number(rest, 8, &u))
        return false;
    *value = (int64_t)u;
    return true;
}

static bool take_mark(struct slice *rest, struct clock_mark *m)
{
    struct slice id;

    if (!take(rest, sizeof m->boot_id, &id))
        return false;
    memcpy(m->boot_id, id.p, sizeof m->boot_id);
    return take_signed(rest, &m->boot_ns) && take_signed(rest, &m->never_back_ns);
}

static bool take_slice(struct slice *rest, struct slice *out)
{
    uint64_t n;

    return take_number(rest, 4, &n) && take(rest, (size_t)n, out);
}

static bool take_kind(struct slice *rest, uint64_t kind)
{
    uint64_t found;

    return take_number(rest, 1, &found) && found == kind;
}

bool record_write_entry(const struct record_entry *e, struct buf *out)
{
    return put_number(out, KIND_ENTRY, 1) && buf_append(out, e->key, KEY_SIZE) &&
           put_mark(out, &e->validated) && put_number(out, (uint64_t)e->window_s, 8) &&
           put_number(out, e->status, 2) && put_slice(out, e->reason) &&
           put_slice(out, e->fields) && put_slice(out, e->body);
}

bool record_read_entry(struct slice text, struct record_entry *out)
{
    struct slice key;
    uint64_t status;

    if (!take_kind(&text, KIND_ENTRY) || !take(&text, KEY_SIZE, &key) ||
        !take_mark(&text, &out->validated) || !take_signed(&text, &out->window_s) ||
        !take_number(&text, 2, &status) || !take_slice(&text, &out->reason) ||
        !take_slice(&text, &out->fields) || !take_slice(&text, &out->body) || text.n > 0)
        return false;
    memcpy(out->key, key.p, KEY_SIZE);
    out->status = (unsigned)status;
    return out->window_s >= 0 && out->window_s <= LIMIT_TRUST_WINDOW && status >= 200 &&
           status < 300;
}

bool record_write_time(const struct record_time *t, struct buf *out)
{
    return put_number(out, KIND_TIME, 1) && put_mark(out, &t->now) &&
           put_number(out, t->answered, 1) && put_mark(out, &t->answer);
}

bool record_read_time(struct slice text, struct record_time *out)
{
    uint64_t answered;

    if (!take_kind(&text, KIND_TIME) || !take_mark(&text, &out->now) ||
        !take_number(&text, 1, &answered) || answered > 1 || !take_mark(&text, &out->answer) ||
        text.n > 0)
        return false;
    out->answered = answered == 1;
    return true;
}

bool record_write_usage(const struct record_usage *u, struct buf *out)
{
    return put_number(out, KIND_USAGE, 1) && put_number(out, u->sequence, 8) &&
           buf_append(out, u->previous, sizeof u->previous) && put_mark(out, &u->at) &&
           put_number(out, (uint64_t)u->wall_ns, 8) && buf_append(out, u->key, KEY_SIZE) &&
           put_number(out, u->has_body, 1) && put_slice(out, u->method) &&
           put_slice(out, u->target) && put_slice(out, u->fields) && put_slice(out, u->body);
}

bool record_read_usage(struct slice text, struct record_usage *out)
{
    struct slice previous, key;
    uint64_t has_body;

    if (!take_kind(&text, KIND_USAGE) || !take_number(&text, 8, &out->sequence) ||
        !take(&text, sizeof out->previous, &previous) || !take_mark(&text, &out->at) ||
        !take_signed(&text, &out->wall_ns) || !take(&text, KEY_SIZE, &key) ||
        !take_number(&text, 1, &has_body) || has_body > 1 || !take_slice(&text, &out->method) ||
        !take_slice(&text, &out->target) || !take_slice(&text, &out->fields) ||
        !take_slice(&text, &out->body) || text.n > 0)
        return false;
    memcpy(out->previous, previous.p, sizeof out->previous);
    memcpy(out->key, key.p, KEY_SIZE);
    out->has_body = has_body == 1;
    return out->sequence > 0 && out->method.n > 0 && out->target.n > 0 &&
           (out->has_body || out->body.n == 0);
}
