#include "trust/key.h"

#include "crypto/sha256.h"
#include "format/json_pick.h"

bool key_policy_init(struct key_policy *out, const struct config_list *parts)
{
    memset(out, 0, sizeof *out);
    out->sha256 = sha256_choose();
    if (parts->count == 0) {
        out->method = out->target = out->credential = out->body = true;
        return true;
    }
    for (size_t i = 0; i < parts->count; i++) {
        struct slice part = slice_of(parts->items[i]);

        if (slice_eq(part, SLICE("method")))
            out->method = true;
        else if (slice_eq(part, SLICE("target")))
            out->target = true;
        else if (slice_eq(part, SLICE("credential")))
            out->credential = true;
        else if (slice_eq(part, SLICE("body")))
            out->body = true;
        else if (slice_starts_with(part, SLICE("json:")) && part.n > 5 &&
                 out->member_count < LIMIT_KEY_PARTS)
            out->members[out->member_count++] = slice_make(part.p + 5, part.n - 5);
        else
            return false;
    }
    return !(out->body && out->member_count > 0);
}

/* Each part: its kind, its length, its bytes. Kinds keep parts apart that others left out. */
static void add(br_sha256_context *sha, char kind, struct slice bytes)
{
    uint8_t head[9] = {(uint8_t)kind};

    for (unsigned i = 0; i < 8; i++)
        head[8 - i] = (uint8_t)((uint64_t)bytes.n >> 8 * i);
    sha->vtable->update(&sha->vtable, head, sizeof head);
    sha->vtable->update(&sha->vtable, bytes.p, bytes.n);
}

static void add_credential(br_sha256_context *sha, const struct http_head *request,
                           struct slice client_cert)
{
    static const struct {
        char kind;
        const char *name;
    } fields[] = {{'a', "authorization"}, {'x', "x-api-key"}, {'k', "api-key"}};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct http_field *f;
        size_t from = 0;

        while ((f = http_head_next(request, slice_of(fields[i].name), &from)))
            add(sha, fields[i].kind, f->value);
    }
    add(sha, 'c', client_cert);
}

static void add_members(br_sha256_context *sha, const struct key_policy *p, struct slice body)
{
    struct slice values[LIMIT_KEY_PARTS];

    for (size_t i = 0; i < p->member_count; i++) {
        if (json_pick(body, p->members[i], &values[i]) != JSON_PICK_FOUND) {
            add(sha, 'b', body);
            return;
        }
    }
    for (size_t i = 0; i < p->member_count; i++) {
        add(sha, 'n', p->members[i]);
        add(sha, 'j', values[i]);
    }
}

void key_compute(const struct key_policy *p, const struct http_head *request, struct slice target,
                 struct slice client_cert, struct slice body, uint8_t out[KEY_SIZE])
{
    br_sha256_context sha;

    p->sha256->init(&sha.vtable);
    if (p->method)
        add(&sha, 'm', request->method);
    if (p->target)
        add(&sha, 't', target);
    if (p->credential)
        add_credential(&sha, request, client_cert);
    if (p->body)
        add(&sha, 'b', body);
    if (p->member_count > 0)
        add_members(&sha, p, body);
    p->sha256->out(&sha.vtable, out);
}
