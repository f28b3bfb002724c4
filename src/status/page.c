#include "status/page.h"

#include "crypto/sha256.h"
#include "format/base64.h"
#include "status/words.h"
#include "tls/identity.h"

#include <stdio.h>

struct page {
    const struct endpoint *e;
    const struct core *core;
    struct buf *out;
    int64_t now_ns; /* boot time */
    enum state_name state;
    const struct server *blamed; /* whose error is told as the reason; NULL: none */
    bool reasons;                /* there are some to be looked at */
    bool failed;                 /* no room: the page is incomplete */
};

/* A short text made for one use. */
struct text {
    char s[96];
};

/* Of a state, and of no record: its name, its class in page.css, and how high it stands in the
 * chart, so that the chart can be read without its colours. */
static const struct kind {
    const char *name;
    char class[2];
    uint8_t height;
} kinds[] = {{"no record", "n", 1},
             {"Ready", "r", 5},
             {"Connected", "c", 40},
             {"TrustBased", "t", 24},
             {"Failed", "f", 12}};

#define KINDS (sizeof kinds / sizeof kinds[0])

static void add(struct page *p, struct slice s)
{
    if (!buf_append_slice(p->out, s))
        p->failed = true;
}

static void add_escaped(struct page *p, const char *value)
{
    for (; *value; value++)
        add(p, *value == '&'    ? SLICE("&amp;")
               : *value == '<'  ? SLICE("&lt;")
               : *value == '>'  ? SLICE("&gt;")
               : *value == '"'  ? SLICE("&quot;")
               : *value == '\'' ? SLICE("&#39;")
                                : slice_make(value, 1));
}

/* Appends HTML; each '~' in it takes the next value, escaped: nothing gets in as it is. */
static void put(struct page *p, const char *html, const char *const *values)
{
    for (const char *end; *html; html = end) {
        end = html + 1;
        if (*html == '~') {
            add_escaped(p, *values++);
            continue;
        }
        while (*end && *end != '~')
            end++;
        add(p, slice_make(html, (size_t)(end - html)));
    }
}

#define PUT(p, html, ...) put((p), (html), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static struct text number(int64_t n)
{
    struct text t;

    snprintf(t.s, sizeof t.s, "%lld", (long long)n);
    return t;
}

static struct text duration(int64_t ns)
{
    struct text t;

    words_duration(ns / CLOCK_NS_PER_S, t.s);
    return t;
}

/* "2022-01-01 22:10:48 UTC" */
static struct text date(int64_t wall_s)
{
    struct text t;

    words_date(wall_s, t.s);
    return t;
}

/* The same of a boot time, and how long ago that is, or how long it still takes. */
static struct text moment(const struct page *p, int64_t boot_ns)
{
    struct text t;

    words_moment(clock_wall_at(&p->core->clock, boot_ns) / CLOCK_NS_PER_S,
                 (p->now_ns - boot_ns) / CLOCK_NS_PER_S, t.s);
    return t;
}

/* The latest error of all servers; NULL if there is none. */
static const struct server *last_failed(const struct core *core)
{
    const struct server *found = NULL;

    for (size_t i = 0; i < core->upstream.server_count; i++) {
        const struct server *s = &core->upstream.servers[i];

        if (err_is_set(&s->last_error) && (!found || s->last_error_ns > found->last_error_ns))
            found = s;
    }
    return found;
}

static void put_state(struct page *p)
{
    const struct state *s = &p->core->state;
    int64_t left_ns = s->answered ? state_expires_ns(s) - p->now_ns : 0;
    char headline[WORDS_HEADLINE_SIZE];

    words_headline(p->state, p->e->licensing->draining, left_ns / CLOCK_NS_PER_S,
                   s->answered ? (p->now_ns - s->answered_ns) / CLOCK_NS_PER_S : -1, headline);
    PUT(p,
        "<section class=hero><p id=state class=state role=status>~</p><h1 id=head>~</h1>"
        "<div id=since>Since ~.",
        state_text(p->state), headline, moment(p, p->core->told_ns).s);
    if (p->state == STATE_TRUST_BASED)
        PUT(p, " Trust ends in <b data-left=~>~</b>, at ~.", number(left_ns / CLOCK_NS_PER_S).s,
            duration(left_ns).s,
            date(clock_wall_at(&p->core->clock, state_expires_ns(s)) / CLOCK_NS_PER_S).s);
    PUT(p, "</div></section>");
}

/* As put: one thing to look at. */
static void put_reason(struct page *p, const char *html, const char *const *values)
{
    if (!p->reasons)
        PUT(p, "<section><h2>What to look at</h2>");
    p->reasons = true;
    put(p, html, values);
}

#define REASON(p, html, ...)                                                                       \
    put_reason((p), (html), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* Why the state is what it is, and what else a person has to mend. */
static void put_reasons(struct page *p)
{
    const struct endpoint *e = p->e;
    const struct core *core = p->core;
    const struct server *s = p->blamed = p->state == STATE_CONNECTED ? NULL : last_failed(core);
    const struct tls_identity *identity = e->licensing->identity;

    PUT(p, "<div id=why>");
    if (s)
        REASON(p, "<p><b>Stage ~:</b> ~<p>~", err_stage_name(s->last_error.stage),
               s->last_error.text, words_advice(s->last_error.stage));
    if (e->checkin->key_refused)
        REASON(
            p,
            "<p><b>The license key is refused</b> (status ~): check it, and whether it has ended.",
            number(e->checkin->last_status).s);
    if (core->store && (core->store->failing_to_read || core->store->failing_to_write))
        REASON(p, "<p><b>The state directory fails:</b> full, read-only or hung? See the log.");
    if (core->journal && core->journal->trouble > JOURNAL_UNREAD)
        REASON(p, "<p><b>The usage journal can't be written:</b> full, or its storage fails.");
    if (subject_certificate_ends(e))
        REASON(p, "<p><b>The certificate ends at ~:</b> renew it.",
               date(identity->facts.not_after).s);
    PUT(p, p->reasons ? "</section></div>" : "</div>");
}

static void put_bar(struct page *p, const struct kind *kind, size_t x, size_t width)
{
    PUT(p, "<rect class=~ x=~ y=~ width=~ height=~ />", kind->class, number((int64_t)x).s,
        number(40 - kind->height).s, number((int64_t)width).s, number(kind->height).s);
}

/* The chart, oldest slot first: what was worst in each. Equal neighbours are one bar. */
static void put_day(struct page *p)
{
    size_t slots[KINDS] = {0}, kind = 0, from = 0;
    int64_t answers = 0, outages = 0;

    PUT(p, "<section><h2>The last 24 hours</h2><div id=day>"
           "<svg viewBox=\"0 0 288 40\" preserveAspectRatio=none aria-hidden=true>");
    for (size_t x = 0; x < LIMIT_HISTORY_SLOTS; x++) {
        struct history_slot slot =
            history_slot(&p->core->history, p->now_ns, LIMIT_HISTORY_SLOTS - 1 - x);
        /* The states are in the order of what is worse. */
        size_t k = slot.seen ? 32U - (unsigned)__builtin_clz(slot.seen) : 0;

        if (k != kind && x > from) {
            put_bar(p, &kinds[kind], from, x - from);
            from = x;
        }
        kind = k;
        slots[k]++;
        answers += slot.answers;
        outages += slot.outages;
    }
    put_bar(p, &kinds[kind], from, LIMIT_HISTORY_SLOTS - from);
    PUT(p, "</svg><div class=axis aria-hidden=true><span>24 h ago</span><span>12 h ago</span>"
           "<span>now</span></div><ul class=key>");
    for (size_t k = KINDS; k-- > 0;) {
        if (slots[k] == 0)
            continue;
        PUT(p, "<li><svg viewBox=\"0 0 1 40\" preserveAspectRatio=none aria-hidden=true>");
        put_bar(p, &kinds[k], 0, 1);
        PUT(p, "</svg>~ ~", kinds[k].name,
            duration((int64_t)slots[k] * LIMIT_HISTORY_SLOT_S * CLOCK_NS_PER_S).s);
    }
    PUT(p,
        "</ul><small>Answers: ~. Failures: ~. Five minutes count as the worst in "
        "them.</small></div></section>",
        number(answers).s, number(outages).s);
}

static void put_servers(struct page *p)
{
    PUT(p, "<section><h2>License servers</h2><ul id=servers>");
    for (size_t i = 0; i < p->core->upstream.server_count; i++) {
        const struct server *s = &p->core->upstream.servers[i];

        PUT(p, "<li><b>~</b> <em class=~>~</em><p>", s->name,
            s->failing           ? "f"
            : !s->last_answer_ns ? "r"
                                 : "c",
            s->failing           ? "fails"
            : !s->last_answer_ns ? "no answer yet"
                                 : "answers");
        if (s->last_answer_ns)
            PUT(p, "Last answer: ~.<br>", moment(p, s->last_answer_ns).s);
        if (err_is_set(&s->last_error))
            PUT(p, "Last failure: ~ (~): ~", moment(p, s->last_error_ns).s,
                err_stage_name(s->last_error.stage),
                s == p->blamed ? "see above" : s->last_error.text);
    }
    PUT(p, "</ul></section>");
}

static void put_fact(struct page *p, const char *name, const char *value)
{
    PUT(p, "<div><dt>~<dd>~</div>", name, value);
}

static void put_certificate(struct page *p)
{
    const struct tls_identity *identity = p->e->licensing->identity;
    char text[IDENTITY_FINGERPRINT_SIZE];
    struct text line;

    if (!identity) {
        put_fact(p, "Certificate", "none: plain HTTP");
        return;
    }
    put_fact(p, p->e->self_made ? "Certificate (renews itself) until" : "Certificate until",
             date(identity->facts.not_after).s);
    identity_fingerprint(&identity->chain.certs[0], text);
    PUT(p, "<div><dt>Its SHA-256 fingerprint<dd>");
    for (size_t i = 0; i < sizeof text; i += 24) {
        snprintf(line.s, sizeof line.s, "%.24s", text + i);
        PUT(p, i ? "<wbr>~" : "~", line.s);
    }
    PUT(p, "</div>");
}

static void put_facts(struct page *p)
{
    const struct endpoint *e = p->e;
    const struct core *core = p->core;
    const struct state *s = &core->state;

    PUT(p, "<section><h2>This proxy</h2><dl id=facts>");
    put_fact(p, "Last successful check-in", s->answered ? moment(p, s->answered_ns).s : "none yet");
    if (s->answered)
        put_fact(p, "Trust until", moment(p, state_expires_ns(s)).s);
    put_fact(p, "License key",
             e->checkin->key_refused        ? "refused"
             : e->checkin->last_status == 0 ? "not asked yet"
                                            : "not refused");
    put_fact(p, "Stored answers", number((int64_t)core->cache.count).s);
    if (core->clock.steps)
        put_fact(p, "Steps of the wall clock (trust is not affected)",
                 number((int64_t)core->clock.steps).s);
    put_certificate(p);
    put_fact(p, "Version", e->version);
    put_fact(p, "Runs for", duration(p->now_ns - e->started_ns).s);
    PUT(p, "</dl></section>");
}

bool page_render(const struct endpoint *e, struct buf *body)
{
    struct page page = {.e = e,
                        .core = e->core,
                        .out = body,
                        .now_ns = clock_boot_ns(&e->core->clock),
                        .state = core_state(e->core)};
    struct page *p = &page;

    PUT(p,
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
        "<title>~ - license-proxy</title><link rel=icon href=\"data:,\">"
        "<noscript><meta http-equiv=refresh content=30></noscript><style>",
        e->licensing->draining ? "Draining" : state_text(p->state));
    add(p, slice_of(page_css));
    PUT(p,
        "</style></head><body class=~><header><b>license-proxy</b></header><main>"
        "<p id=lost class=\"lost f\" role=alert hidden>No contact: what is shown here is old.</p>",
        kinds[p->state + 1].class);
    put_state(p);
    put_reasons(p);
    put_day(p);
    put_servers(p);
    put_facts(p);
    PUT(p, "</main><footer>For programs: <a href=v1/status>/v1/status</a>, "
           "<a href=v1/details>/v1/details</a>, <a href=metrics>/metrics</a></footer><script>");
    add(p, slice_of(page_js));
    PUT(p, "</script></body></html>\n");
    return !p->failed;
}

/* CSP's name of a text: its SHA-256. */
static struct text hash(const char *of)
{
    uint8_t digest[32];
    struct text t;

    sha256(slice_of(of), digest);
    (void)base64_encode(slice_make((char *)digest, sizeof digest), t.s, sizeof t.s);
    return t;
}

void page_answer(const struct endpoint *e, struct client *c)
{
    char fields[512];
    struct buf body;

    snprintf(fields, sizeof fields,
             "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
             "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
             "Content-Security-Policy: default-src 'none'; style-src 'sha256-%s'; script-src "
             "'sha256-%s'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'\r\n",
             hash(page_css).s, hash(page_js).s);
    buf_init(&body, PAGE_MAX);
    if (page_render(e, &body))
        client_respond_page(c, 200, slice_of(fields), buf_slice(&body));
    else
        client_respond_short(c);
    buf_fini(&body);
}
