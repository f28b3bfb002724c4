#include "status/endpoint.h"

#include "format/http_emit.h"
#include "format/json.h"
#include "status/metrics.h"
#include "status/page.h"
#include "tls/identity.h"

#include <stdio.h>

/* /v1/details: a few kB, and up to LISTED entries of about 80 bytes. */
#define DETAILS_MAX 65536
#define LISTED 200

static const struct slice json_fields =
    SLICE("Content-Type: application/json\r\nCache-Control: no-store\r\n");
static const struct slice text_fields =
    SLICE("Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n");

/* A member with wall time worked out from boot time; null if there is none. */
static void add_time(struct json *j, const char *name, const struct core *core, bool there,
                     int64_t boot_ns)
{
    char text[CLOCK_RFC3339_SIZE];

    json_key(j, name);
    if (there) {
        clock_format(clock_wall_at(&core->clock, boot_ns), text);
        json_cstring(j, text);
    } else {
        json_null(j);
    }
}

static void add_string(struct json *j, const char *name, const char *value)
{
    json_key(j, name);
    json_cstring(j, value);
}

static void add_int(struct json *j, const char *name, int64_t value)
{
    json_key(j, name);
    json_int(j, value);
}

static void add_count(struct json *j, const char *name, uint64_t value)
{
    add_int(j, name, (int64_t)value);
}

static void add_bool(struct json *j, const char *name, bool value)
{
    json_key(j, name);
    json_bool(j, value);
}

/* The vendors' contract: these three members, in this order, and nothing else. */
static void respond_json(struct client *c, const struct json *j)
{
    if (json_done(j))
        client_respond_page(c, 200, json_fields, buf_slice(j->out));
    else
        client_respond_short(c);
}

static void status(const struct endpoint *e, struct client *c)
{
    const struct state *s = &e->core->state;
    struct buf body;
    struct json j;

    buf_init(&body, 1024);
    json_init(&j, &body);
    json_begin_object(&j);
    add_string(&j, "state", state_text(core_state(e->core)));
    add_time(&j, "last_successful_checkin", e->core, s->answered, s->answered_ns);
    add_time(&j, "trust_expiration", e->core, s->answered, state_expires_ns(s));
    json_end_object(&j);
    respond_json(c, &j);
    buf_fini(&body);
}

static void add_servers(struct json *j, const struct core *core)
{
    json_key(j, "upstreams");
    json_begin_array(j);
    for (size_t i = 0; i < core->upstream.server_count; i++) {
        const struct server *s = &core->upstream.servers[i];

        json_begin_object(j);
        add_string(j, "server", s->name);
        add_bool(j, "failing", s->failing);
        add_count(j, "attempts", s->attempts);
        add_count(j, "failures", s->failures);
        add_time(j, "last_answer", core, s->last_answer_ns != 0, s->last_answer_ns);
        json_key(j, "last_error");
        if (err_is_set(&s->last_error)) {
            json_begin_object(j);
            add_string(j, "stage", err_stage_name(s->last_error.stage));
            add_string(j, "message", s->last_error.text);
            add_time(j, "at", core, true, s->last_error_ns);
            json_end_object(j);
        } else {
            json_null(j);
        }
        json_end_object(j);
    }
    json_end_array(j);
}

static void add_cache(struct json *j, const struct core *core)
{
    int64_t now = clock_boot_ns(&core->clock);
    size_t listed = 0;

    json_key(j, "cache");
    json_begin_object(j);
    add_count(j, "entries", core->cache.count);
    add_count(j, "bytes", core->cache.bytes);
    add_count(j, "max_entries", core->cache.max_count);
    add_count(j, "evicted", core->cache.evicted);
    /* An entry is named by the start of its key, a hash: its target might hold a credential. */
    json_key(j, "newest");
    json_begin_array(j);
    for (const struct cache_entry *e = core->cache.newest; e && listed < LISTED;
         e = e->older, listed++) {
        char id[17];
        int64_t left = cache_left_ns(e, now);
        slice_write_hex(e->key, 8, id);
        json_begin_object(j);
        add_string(j, "id", id);
        add_int(j, "status", e->status);
        add_int(j, "bytes", (int64_t)e->body.n);
        add_int(j, "trust_left_s", left > 0 ? left / CLOCK_NS_PER_S : 0);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void add_store(struct json *j, const struct store *store)
{
    json_key(j, "state_directory");
    if (!store) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    add_bool(j, "failing", store->failing_to_read || store->failing_to_write);
    add_count(j, "failures", store->counts.failures);
    add_count(j, "written", store->counts.written);
    add_count(j, "removed", store->counts.removed);
    add_count(j, "read", store->counts.read);
    add_count(j, "set_aside", store->counts.set_aside);
    json_end_object(j);
}

static void add_journal(struct json *j, const struct journal *journal)
{
    json_key(j, "journal");
    if (!journal) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    add_string(j, "mode", journal_mode_text(journal->mode));
    add_bool(j, "refusing", journal->trouble != JOURNAL_WELL);
    add_count(j, "depth", journal->count);
    add_count(j, "bytes", journal->bytes);
    add_count(j, "max_bytes", journal->max_bytes);
    add_count(j, "recorded", journal->recorded);
    add_count(j, "refused", journal->refused);
    add_count(j, "replayed", journal->replayed);
    add_count(j, "replayed_denials", journal->denied);
    add_count(j, "not_verified", journal->bad);
    json_end_object(j);
}

static void add_certificate(struct json *j, const struct endpoint *e)
{
    const struct tls_identity *identity = e->licensing->identity;
    char text[IDENTITY_FINGERPRINT_SIZE];

    json_key(j, "certificate");
    if (!identity) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    clock_format_s(identity->facts.not_before, text);
    add_string(j, "not_before", text);
    clock_format_s(identity->facts.not_after, text);
    add_string(j, "not_after", text);
    identity_fingerprint(&identity->chain.certs[0], text);
    add_string(j, "sha256_fingerprint", text);
    add_bool(j, "self_made", e->self_made);
    add_bool(j, "ends_soon", subject_certificate_ends(e));
    json_end_object(j);
}

/* As one vendor's containers write it: "2025-11-13 15:25:28.0 +00:00:00". */
static void add_vendor_time(struct json *j, const char *name, int64_t wall_s)
{
    char text[CLOCK_RFC3339_SIZE + 4];

    clock_format_s(wall_s, text);
    text[10] = ' ';
    memcpy(text + 19, ".0 +00:00:00", 13);
    add_string(j, name, text);
}

/*
 * The licensing port's certificate, in the members by which one vendor's containers tell of theirs.
 * A self-made one is renewed from end_of_support on. The instance is the key: a UUID (RFC 9562,
 * version 8) of what a pin holds, which stays over renewals and, in a state directory, restarts.
 */
static void certificates(const struct endpoint *e, struct client *c)
{
    const struct tls_identity *identity = e->licensing->identity;
    char hex[33], id[37];
    uint8_t pin[32];
    struct buf body;
    struct json j;

    if (!identity || !identity_spki_pin(&identity->chain.certs[0], pin)) {
        client_respond_error(c, 404, "not_found", "the licensing port has no certificate",
                             (struct slice){0});
        return;
    }
    pin[6] = (uint8_t)(0x80 | (pin[6] & 0x0f));
    pin[8] = (uint8_t)(0x80 | (pin[8] & 0x3f));
    slice_write_hex(pin, 16, hex);
    snprintf(id, sizeof id, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    buf_init(&body, 1024);
    json_init(&j, &body);
    json_begin_object(&j);
    add_vendor_time(&j, "beginning_of_support", identity->facts.not_before);
    add_vendor_time(&j, "end_of_support",
                    identity->facts.not_after - (e->self_made ? IDENTITY_RENEW_DAYS * 86400 : 0));
    add_vendor_time(&j, "end_of_life", identity->facts.not_after);
    add_string(&j, "instance_id", id);
    json_end_object(&j);
    respond_json(c, &j);
    buf_fini(&body);
}

static void add_clients(struct json *j, const struct client_port *p)
{
    const struct tls_counts *tls = &p->profile->handshakes[TLS_SERVER];

    json_key(j, "clients");
    json_begin_object(j);
    add_count(j, "connections", p->count);
    add_count(j, "max_connections", p->max_clients);
    add_count(j, "accepted", p->counts.accepted);
    add_count(j, "closed_for_room", p->counts.refused);
    add_count(j, "handshakes", tls->done + tls->resumed);
    add_count(j, "handshakes_failed", tls_counts_failed(tls));
    add_count(j, "requests", p->counts.requests);
    add_count(j, "bad_requests", p->counts.bad_requests);
    json_end_object(j);
}

static void add_relays(struct json *j, const struct core *core)
{
    const struct core_counts *n = &core->counts;

    json_key(j, "relays");
    json_begin_object(j);
    add_count(j, "answers", n->answers);
    add_count(j, "outages", n->outages);
    add_count(j, "approvals", n->relays[RELAY_OF_CLIENT].approved);
    add_count(j, "denials", n->relays[RELAY_OF_CLIENT].denied);
    add_count(j, "served_from_trust", n->served_from_trust);
    add_count(j, "refused_for_want_of_trust", n->refused_for_want_of_trust);
    add_count(j, "shed", n->shed);
    add_count(j, "denials_withheld", n->denials_withheld);
    add_count(j, "running", core->upstream.running);
    add_count(j, "waiting", core->upstream.waiting_count);
    json_end_object(j);
}

static void add_checkin(struct json *j, const struct checkin *ch)
{
    json_key(j, "checkin");
    json_begin_object(j);
    add_int(j, "interval_s", ch->interval_ms / 1000);
    add_count(j, "answers", ch->answers);
    add_count(j, "outages", ch->outages);
    json_key(j, "last_status");
    if (ch->last_status)
        json_int(j, ch->last_status);
    else
        json_null(j);
    add_bool(j, "license_key_refused", ch->key_refused);
    json_end_object(j);
}

static void details(const struct endpoint *e, struct client *c)
{
    const struct core *core = e->core;
    const struct state *s = &core->state;
    int64_t now = clock_boot_ns(&core->clock);
    struct buf body;
    struct json j;

    buf_init(&body, DETAILS_MAX);
    json_init(&j, &body);
    json_begin_object(&j);
    add_string(&j, "version", e->version);
    add_time(&j, "now", core, true, now);
    add_int(&j, "uptime_s", (now - e->started_ns) / CLOCK_NS_PER_S);
    add_string(&j, "state", state_text(core_state(e->core)));
    add_time(&j, "state_since", core, true, core->told_ns);
    add_time(&j, "last_successful_checkin", core, s->answered, s->answered_ns);
    add_time(&j, "trust_expiration", core, s->answered, state_expires_ns(s));
    add_int(&j, "trust_window_s", s->window_ns / CLOCK_NS_PER_S);
    add_bool(&j, "circuit_open", core->circuit.open);
    add_bool(&j, "draining", e->licensing->draining);
    add_string(&j, "roots", e->roots);
    add_count(&j, "clock_steps", core->clock.steps);
    add_checkin(&j, e->checkin);
    add_servers(&j, core);
    add_relays(&j, core);
    add_cache(&j, core);
    add_store(&j, core->store);
    add_journal(&j, core->journal);
    add_clients(&j, e->licensing);
    add_certificate(&j, e);
    json_end_object(&j);
    respond_json(c, &j);
    buf_fini(&body);
}

static void ready(const struct endpoint *e, struct client *c)
{
    enum state_name state = core_state(e->core);

    if (e->licensing->draining)
        client_respond_page(c, 503, text_fields, SLICE("draining\n"));
    else if (state == STATE_FAILED)
        client_respond_page(c, 503, text_fields, SLICE("Failed\n"));
    else if (state == STATE_READY)
        client_respond_page(c, 200, text_fields, SLICE("Ready\n"));
    else if (state == STATE_CONNECTED)
        client_respond_page(c, 200, text_fields, SLICE("Connected\n"));
    else
        client_respond_page(c, 200, text_fields, SLICE("TrustBased\n"));
}

static void live(const struct endpoint *e, struct client *c)
{
    (void)e;
    client_respond_page(c, 200, text_fields, SLICE("ok\n"));
}

static const struct {
    const char *path;
    void (*answer)(const struct endpoint *e, struct client *c);
} paths[] = {
    {"/", page_answer},
    {"/v1/status", status},
    {"/v1/details", details},
    {"/v1/certificates", certificates},
    {"/livez", live},
    {"/readyz", ready},
    {"/metrics", metrics_answer},
};

void endpoint_on_request(struct client_port *port, struct client *c)
{
    const struct endpoint *e = port->ctx;
    struct slice method = c->request->head.method;
    struct slice query = c->request->path, path = slice_cut(&query, '?');

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (!slice_eq(path, slice_of(paths[i].path)))
            continue;
        if (slice_eq(method, SLICE("GET")) || slice_eq(method, SLICE("HEAD")))
            paths[i].answer(e, c);
        else
            client_respond_error(c, 405, "method_not_allowed",
                                 "nothing on this port changes anything: use GET or HEAD",
                                 SLICE("Allow: GET, HEAD\r\n"));
        return;
    }
    client_respond_error(c, 404, "not_found",
                         "this port has /, /v1/status, /v1/details, /v1/certificates, /livez, "
                         "/readyz and /metrics",
                         (struct slice){0});
}
