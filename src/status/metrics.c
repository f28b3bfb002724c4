/*
 * Most families are rows of one table: where the value lies, and what it is called. Names are
 * written without what the formats add to them: the program's name before, "_total" behind. What
 * ends in "_seconds" is held in nanoseconds, and written as seconds.
 */
#include "status/metrics.h"

#include "format/http_accept.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#define METRICS_MAX 65536 /* it is about 20 kB, with eight license servers */

enum type { COUNTER, GAUGE, HISTOGRAM, INFO, STATESET };

/* Values that lie nowhere: worked out for each answer. ABSENT leaves the family out. */
struct derived {
    int64_t answered, expires, expiry, storage_failing, resident, cpu, start;
};

#define ABSENT INT64_MIN

/* Where a row's field lies. Of servers and ports there is more than one. */
enum place {
    DERIVED,
    CHECKIN,
    CORE,
    STORE,
    JOURNAL,
    LICENSING,
    SINGLE, /* those before */
    PORT = SINGLE,
    SERVER
};
#define DERIVED_TYPE struct derived
#define CHECKIN_TYPE struct checkin
#define CORE_TYPE struct core
#define STORE_TYPE struct store
#define JOURNAL_TYPE struct journal
#define LICENSING_TYPE struct client_port
#define PORT_TYPE struct client_port
#define SERVER_TYPE struct server

/* ROW(type, place, field, name, help); a field is bool, or 32 or 64 bits wide. */
#define ROWS                                                                                       \
    ROW(GAUGE, DERIVED, answered, "last_successful_checkin_timestamp_seconds", "Last answer")      \
    ROW(GAUGE, DERIVED, expires, "trust_expiration_timestamp_seconds", "End of trust")             \
    ROW(GAUGE, CORE, state.window_ns, "trust_window_seconds", "Configured trust window")           \
    ROW(GAUGE, CHECKIN, key_refused, "license_key_refused", "By the last check-in")                \
    ROW(GAUGE, CORE, circuit.open, "circuit_open", "Trusted answers are given at once")            \
    ROW(GAUGE, LICENSING, draining, "draining", "It is shutting down")                             \
    ROW(GAUGE, CORE, upstream.running, "relays_running", "Relays under way")                       \
    ROW(GAUGE, CORE, upstream.waiting_count, "relays_waiting", "Requests that wait for a place")   \
    ROW(COUNTER, CORE, counts.shed, "shed", "Requests refused for want of room")                   \
    ROW(GAUGE, SERVER, failing, "upstream_failing", "The last attempt failed")                     \
    ROW(COUNTER, SERVER, attempts, "upstream_attempts", "Attempts with a license server")          \
    ROW(COUNTER, SERVER, failures, "upstream_failures", "Attempts that failed")                    \
    ROW(COUNTER, CORE, counts.served_from_trust, "cache_served", "Served in an outage")            \
    ROW(COUNTER, CORE, counts.refused_for_want_of_trust, "cache_missed",                           \
        "Requests in an outage with no trusted answer")                                            \
    ROW(COUNTER, CORE, counts.ended_by_denial, "cache_denied", "Stored answers denied since")      \
    ROW(COUNTER, CORE, cache.evicted, "cache_evicted", "Dropped for want of room")                 \
    ROW(GAUGE, CORE, cache.count, "cache_entries", "Stored answers")                               \
    ROW(GAUGE, CORE, cache.bytes, "cache_bytes", "Memory of stored answers")                       \
    ROW(COUNTER, CORE, counts.denials_withheld, "denials_withheld", "For want of storage")         \
    ROW(GAUGE, PORT, count, "connections", "Open connections")                                     \
    ROW(COUNTER, PORT, counts.accepted, "connections_accepted", "Connections")                     \
    ROW(COUNTER, PORT, counts.refused, "connections_refused", "Idle ones closed to make room")     \
    ROW(COUNTER, PORT, counts.denied, "connections_denied", "From addresses that aren't allowed")  \
    ROW(COUNTER, PORT, counts.requests, "requests", "Whole requests")                              \
    ROW(COUNTER, PORT, counts.bad_requests, "bad_requests", "Malformed, late or too large")        \
    ROW(GAUGE, DERIVED, expiry, "certificate_expiry_timestamp_seconds", "Of the served one")       \
    ROW(COUNTER, CORE, clock.steps, "clock_steps", "Steps of the wall clock past 5 minutes")       \
    ROW(GAUGE, DERIVED, storage_failing, "storage_failing", "The last use failed")                 \
    ROW(COUNTER, STORE, counts.failures, "storage_errors", "Failures of the state directory")      \
    ROW(COUNTER, STORE, counts.set_aside, "storage_set_aside", "Files that did not verify")        \
    ROW(GAUGE, JOURNAL, count, "journal_depth", "Recorded requests")                               \
    ROW(GAUGE, JOURNAL, bytes, "journal_bytes", "Size of its files")                               \
    ROW(COUNTER, JOURNAL, recorded, "journal_recorded", "Requests recorded")                       \
    ROW(COUNTER, JOURNAL, refused, "journal_refused", "Requests refused for want of a record")     \
    ROW(COUNTER, JOURNAL, replayed, "journal_replayed", "Records sent to a license server")        \
    ROW(GAUGE, DERIVED, resident, "process_resident_memory_bytes", "Resident memory")              \
    ROW(COUNTER, DERIVED, cpu, "process_cpu_seconds", "Processor time, without helpers")           \
    ROW(GAUGE, DERIVED, start, "process_start_time_seconds", "Start of the process")

/* The words stand apart, one behind the other: a pointer to each would cost a relocation. */
static const struct {
    uint8_t type, place, size;
    uint16_t offset;
} rows[] = {
#define ROW(type, place, field, name, help)                                                        \
    {type, place, sizeof(((place##_TYPE *)0)->field), offsetof(place##_TYPE, field)},
    ROWS
#undef ROW
};

static const char words[] =
#define ROW(type, place, field, name, help) name "\0" help "\0"
    ROWS;
#undef ROW

struct out {
    struct buf text;
    bool open;   /* OpenMetrics */
    bool failed; /* the text is incomplete */
    const char *prefix, *name, *suffix;
    bool is_time;
    char labels[LIMIT_HOST + 64]; /* of the next sample; "" for none */
};

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n > m && strcmp(s + n - m, end) == 0;
}

static void head_line(struct out *o, const char *what, const char *text)
{
    o->failed |= !buf_appendf(&o->text, "# %s %s%s%s %s\n", what, o->prefix, o->name,
                              o->open ? "" : o->suffix, text);
}

/* Begins a family. */
static void family(struct out *o, enum type type, const char *name, const char *help)
{
    static const char types[][10] = {"counter", "gauge", "histogram", "info", "stateset"};

    o->prefix = strncmp(name, "process_", 8) == 0 ? "" : "license_proxy_";
    o->name = name;
    o->suffix = type == COUNTER ? "_total" : type == INFO ? "_info" : "";
    o->is_time = ends_with(name, "_seconds");
    o->labels[0] = '\0';
    head_line(o, "HELP", help);
    /* The older format has no more types. */
    head_line(o, "TYPE", types[!o->open && type >= INFO ? GAUGE : type]);
    if (o->open && o->is_time)
        head_line(o, "UNIT", "seconds");
    if (o->open && ends_with(name, "_bytes"))
        head_line(o, "UNIT", "bytes");
}

/* Decimal, in the shortest form that has a point, as in "0.25" and "1.0". */
static void write_seconds(int64_t ns, char out[32])
{
    uint64_t n = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    int end = snprintf(out, 32, "%s%llu.%09llu", ns < 0 ? "-" : "",
                       (unsigned long long)n / 1000000000, (unsigned long long)n % 1000000000);

    while (out[end - 1] == '0' && out[end - 2] != '.')
        out[--end] = '\0';
}

static void put(struct out *o, const char *suffix, bool is_time, int64_t value)
{
    char text[32];

    if (is_time)
        write_seconds(value, text);
    else
        snprintf(text, sizeof text, "%lld", (long long)value);
    o->failed |=
        !buf_appendf(&o->text, "%s%s%s%s %s\n", o->prefix, o->name, suffix, o->labels, text);
}

/* A sample of the family. */
static void sample(struct out *o, int64_t value)
{
    put(o, o->suffix, o->is_time, value);
}

/* One with labels, written as by printf. */
#define LABELLED(o, value, ...)                                                                    \
    (snprintf((o)->labels, sizeof(o)->labels, __VA_ARGS__), sample(o, (int64_t)(value)))

static void histogram(struct out *o, const char *name, const char *help, const struct histogram *h)
{
    int64_t total = 0;

    family(o, HISTOGRAM, name, help);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        char bound[32] = "+Inf";

        if (i < HISTOGRAM_BOUNDS)
            write_seconds(histogram_bound_ns(i), bound);
        snprintf(o->labels, sizeof o->labels, "{le=\"%s\"}", bound);
        total += (int64_t)h->counts[i];
        put(o, "_bucket", false, total);
    }
    o->labels[0] = '\0';
    put(o, "_sum", true, h->sum_ns);
    put(o, "_count", false, total);
}

/* The field of a row in what base points to; ABSENT if there is none. */
static int64_t load(const void *base, size_t row)
{
    const char *from;
    uint32_t narrow;
    int64_t value;

    if (!base)
        return ABSENT;
    from = (const char *)base + rows[row].offset;
    if (rows[row].size == sizeof(bool))
        return *(const bool *)from;
    if (rows[row].size == sizeof narrow) {
        memcpy(&narrow, from, sizeof narrow);
        return narrow;
    }
    memcpy(&value, from, sizeof value);
    return value;
}

static void add_rows(struct out *o, const struct endpoint *e, const struct client_port *status,
                     const struct derived *derived)
{
    const struct core *core = e->core;
    const struct upstream *u = &core->upstream;
    const void *const single[SINGLE] = {derived,     e->checkin,    core,
                                        core->store, core->journal, e->licensing};
    const char *name = words, *help;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++, name = help + strlen(help) + 1) {
        int place = rows[i].place;

        help = name + strlen(name) + 1;
        if (place < SINGLE && load(single[place], i) == ABSENT)
            continue;
        family(o, rows[i].type, name, help);
        if (place < SINGLE) {
            sample(o, load(single[place], i));
        } else if (place == PORT) {
            LABELLED(o, load(e->licensing, i), "{port=\"licensing\"}");
            LABELLED(o, load(status, i), "{port=\"status\"}");
        } else {
            for (size_t k = 0; k < u->server_count; k++)
                LABELLED(o, load(&u->servers[k], i), "{index=\"%zu\",server=\"%s\"}", k,
                         u->servers[k].name);
        }
    }
}

static void add_state(struct out *o, const struct endpoint *e)
{
    enum state_name state = core_state(e->core);

    family(o, INFO, "build", "Version of the program");
    LABELLED(o, 1, "{version=\"%s\"}", e->version);
    family(o, STATESET, "state", "State of trust");
    for (enum state_name i = STATE_READY; i <= STATE_FAILED; i++)
        LABELLED(o, i == state, "{license_proxy_state=\"%s\"}", state_text(i));
}

static void add_relays(struct out *o, const struct core *core)
{
    static const char sources[RELAY_SOURCES][8] = {"client", "checkin", "replay"};

    family(o, COUNTER, "relays", "Attempts to have a license server answer");
    for (int i = 0; i < (core->journal ? RELAY_SOURCES : RELAY_OF_REPLAY); i++) {
        const struct relay_counts *n = &core->counts.relays[i];

        for (enum err_stage stage = STAGE_NONE; stage <= STAGE_STATUS + 1; stage++) {
            bool outage = stage > STAGE_NONE && stage <= STAGE_STATUS;

            LABELLED(o,
                     outage  ? n->outages[stage]
                     : stage ? n->denied
                             : n->approved,
                     "{source=\"%s\",outcome=\"%s\",stage=\"%s\"}", sources[i],
                     outage  ? "outage"
                     : stage ? "denied"
                             : "approved",
                     outage ? err_stage_name(stage) : "none");
        }
    }
}

static void add_handshakes(struct out *o, const struct tls_profile *profile)
{
    static const char sides[TLS_SIDES][7] = {"server", "client"};

    family(o, COUNTER, "tls_handshake_failures", "Failed TLS handshakes");
    for (int side = 0; side < TLS_SIDES; side++)
        for (enum tls_failure i = 0; i < TLS_FAILURES; i++)
            LABELLED(o, profile->handshakes[side].failed[i], "{side=\"%s\",reason=\"%s\"}",
                     sides[side], tls_failure_name(i));
    family(o, COUNTER, "tls_handshakes", "TLS handshakes; side: ours");
    for (int side = 0; side < TLS_SIDES; side++) {
        const struct tls_counts *n = &profile->handshakes[side];

        LABELLED(o, n->done, "{side=\"%s\",result=\"full\"}", sides[side]);
        LABELLED(o, n->resumed, "{side=\"%s\",result=\"resumed\"}", sides[side]);
        LABELLED(o, tls_counts_failed(n), "{side=\"%s\",result=\"failed\"}", sides[side]);
    }
}

/* Bytes of the resident set, from "size resident …" in pages; ABSENT where there is no /proc. */
static int64_t resident(const struct endpoint *e)
{
    char text[256] = "";
    const char *second;

    (void)!pread(e->statm_fd, text, sizeof text - 1, 0);
    second = strchr(text, ' ');
    return second ? strtoll(second, NULL, 10) * (int64_t)getauxval(AT_PAGESZ) : ABSENT;
}

static void derive(struct derived *d, const struct endpoint *e)
{
    const struct core *core = e->core;
    const struct state *s = &core->state;
    const struct store *store = core->store;
    const struct tls_identity *identity = e->licensing->identity;

    d->answered = s->answered ? clock_wall_at(&core->clock, s->answered_ns) : ABSENT;
    d->expires = s->answered ? clock_wall_at(&core->clock, state_expires_ns(s)) : ABSENT;
    d->expiry = identity ? identity->facts.not_after * CLOCK_NS_PER_S : ABSENT;
    d->storage_failing = store ? store->failing_to_read || store->failing_to_write : ABSENT;
    d->resident = resident(e);
    d->cpu = clock_cpu_ns();
    d->start = clock_wall_at(&core->clock, e->started_ns);
}

static bool wants_open(const struct http_head *head)
{
    bool by_name;
    unsigned open = http_accept_quality(head, "application/openmetrics-text", "1.0.0", &by_name);

    return by_name && open > 0 && open >= http_accept_quality(head, "text/plain", "0.0.4", NULL);
}

void metrics_answer(const struct endpoint *e, struct client *c)
{
    struct out o = {.open = wants_open(&c->request->head)};
    struct derived derived;
    char fields[160];

    snprintf(fields, sizeof fields,
             "Content-Type: %s; charset=utf-8\r\nVary: Accept\r\nCache-Control: no-store\r\n",
             o.open ? "application/openmetrics-text; version=1.0.0" : "text/plain; version=0.0.4");
    buf_init(&o.text, METRICS_MAX);
    derive(&derived, e);
    add_state(&o, e);
    add_relays(&o, e->core);
    add_handshakes(&o, e->licensing->profile);
    histogram(&o, "upstream_duration_seconds", "Time of relays", &e->core->upstream.durations);
    histogram(&o, "added_duration_seconds", "Time from request to answer, but the relay's",
              &e->licensing->added);
    add_rows(&o, e, c->port, &derived);
    if (o.open)
        o.failed |= !buf_append_string(&o.text, "# EOF\n");
    if (o.failed)
        client_respond_short(c);
    else
        client_respond_page(c, 200, slice_of(fields), buf_slice(&o.text));
    buf_fini(&o.text);
}
