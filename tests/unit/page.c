/*
 * The page for people, rendered of made-up proxies: all states, what has to be escaped, the chart,
 * and that it stays within its bound. (How browsers like it is tests/peer's.)
 */
#include "status/page.h"

#include "tap.h"

#include <stdlib.h>

#define S CLOCK_NS_PER_S
#define NOW (5000000 * S)
#define WALL (1700000000 * S) /* 2023-11-14 22:13:20 UTC */

static struct loop loop;
static struct log quiet = {.fd = -1, .level = LOG_ERROR};
static struct core core;
static struct checkin checkin;
static struct client_port licensing;
static struct endpoint subject;
static int64_t boot_ns;
static char page[PAGE_MAX + 1];

static int64_t read_boot(void)
{
    return boot_ns;
}

static int64_t read_wall(void)
{
    return boot_ns - NOW + WALL;
}

/* A proxy that started an hour ago, with a license server that was not asked yet. */
static void make(void)
{
    memset(&core, 0, sizeof core);
    memset(&checkin, 0, sizeof checkin);
    memset(&licensing, 0, sizeof licensing);
    boot_ns = NOW;
    core.loop = &loop;
    core.log = &quiet;
    clock_init_with(&core.clock, read_wall, read_boot);
    state_init(&core.state, 7 * 86400L);
    history_init(&core.history, NOW);
    core.told_ns = NOW - 3600 * S;
    core.upstream.server_count = 1;
    snprintf(core.upstream.servers[0].name, sizeof core.upstream.servers[0].name, "one.example");
    subject = (struct endpoint){.core = &core,
                                .checkin = &checkin,
                                .licensing = &licensing,
                                .version = "9.9.9",
                                .started_ns = NOW - 3600 * S};
}

static void relay_ended(bool answered, int64_t ago_s)
{
    struct server *s = &core.upstream.servers[0];

    s->attempts++;
    s->failing = !answered;
    if (answered) {
        s->last_answer_ns = boot_ns - ago_s * S;
    } else {
        err_clear(&s->last_error);
        err_set_stage(&s->last_error, ERR_TLS, STAGE_TLS, "from no trusted authority");
        s->last_error_ns = boot_ns - ago_s * S;
    }
    state_relay_ended(&core.state, answered, boot_ns - ago_s * S);
}

static bool render(void)
{
    struct buf body;
    bool rv;

    buf_init(&body, PAGE_MAX);
    rv = page_render(&subject, &body);
    memcpy(page, buf_slice(&body).p, body.len);
    page[body.len] = '\0';
    buf_fini(&body);
    return rv;
}

#define has(part, what)                                                                            \
    do {                                                                                           \
        if (!ok(strstr(page, (part)), "%s", (what)))                                               \
            printf("# not in the page: %s\n", (part));                                             \
    } while (0)
#define has_not(part, what) ok(!strstr(page, (part)), "%s", (what))

static void all_states(void)
{
    make();
    ok(render(), "a page before the first relay");
    has("<title>Ready - ", "its title tells Ready");
    has("<body class=r>", "as does its class");
    has("role=status>Ready<", "and its text");
    has("Starting: the license server has not answered yet</h1>", "with a headline");
    has("one.example</b> <em class=r>no answer yet</em>", "the license server has not answered");
    has("check-in<dd>none yet", "there is no check-in");
    has_not("Trust until", "and no trust");
    has_not("What to look at", "nothing is wrong");
    has("Since 2023-11-14 21:13:20 UTC, 1 h ago.", "since when is told");
    has("plain HTTP", "without a certificate it says so");

    relay_ended(true, 60);
    core.told = STATE_CONNECTED;
    ok(render(), "a page when connected");
    has("<title>Connected - ", "title");
    has("<body class=c>", "class");
    has("<em class=c>answers</em><p>Last answer: 2023-11-14 22:12:20 UTC, 1 min ago.", "server");
    has("check-in<dd>2023-11-14 22:12:20 UTC, 1 min ago", "check-in");
    has("Trust until<dd>2023-11-21 22:12:20 UTC, in 6 d 23 h", "trust");
    has_not("What to look at", "nothing is wrong");

    relay_ended(false, 5);
    ok(render(), "a page when trust serves");
    has("<title>TrustBased - ", "title");
    has("<body class=t>", "class");
    has("<h1 id=head>Services keep running for 6 d 23 h without the license server</h1>",
        "headline");
    has("Since 2023-11-14 22:13:20 UTC, 0 s ago. Trust ends in <b data-left=604740>6 d 23 h</b>, "
        "at "
        "2023-11-21 22:12:20 UTC.",
        "since when, and the countdown");
    has("Stage tls:</b> from no trusted authority<p>No secure connection", "why, and what to do");
    has("<em class=f>fails</em><p>Last answer: 2023-11-14 22:12:20 UTC, 1 min ago.<br>Last "
        "failure: "
        "2023-11-14 22:13:15 UTC, 5 s ago (tls): see above",
        "the server");

    boot_ns += 8 * 86400 * S;
    ok(render(), "a page when trust has ended");
    has("<title>Failed - ", "title");
    has("<body class=f>", "class");
    has("<h1 id=head>Trust has ended: services are refused until", "headline");
    has("Since 2023-11-21 22:12:20 UTC, 1 d ago.", "since the end of trust, not since the look");
    has_not("data-left=", "nothing is counted down");

    licensing.draining = true;
    ok(render(), "a page while draining");
    has("<title>Draining - ", "title");
    has("<h1 id=head>Shutting down: ", "headline");

    make();
    relay_ended(false, 0);
    ok(render(), "a page when there never was an answer");
    has("<h1 id=head>Services are refused: the license server has never answered</h1>", "headline");
}

static void escaping(void)
{
    struct server *s = &core.upstream.servers[0];

    make();
    relay_ended(false, 1);
    snprintf(s->name, sizeof s->name, "<script>alert('1')</script>");
    err_clear(&s->last_error);
    err_set_stage(&s->last_error, ERR_SYNTAX, STAGE_HEAD, "~<img src=x onerror=\"a\" & '%%s~");
    core.upstream.servers[1] = *s;
    s->last_error_ns++;
    core.upstream.server_count = 2;
    subject.version = "1<2";
    ok(render(), "a page of names and errors with markup in them");
    has("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;</b>", "a server's name is escaped");
    has("Stage head:</b> ~&lt;img src=x onerror=&quot;a&quot; &amp; &#39;%s~<p>", "an error, too");
    has("(head): ~&lt;img src=x onerror=&quot;a&quot; &amp; &#39;%s~", "wherever it stands");
    has("1&lt;2", "and the version");
    has_not("<script>alert", "nothing gets in as it is");
    has_not("<img", "of either");
}

static void reasons(void)
{
    struct store *store = calloc(1, sizeof *store);
    struct journal *journal = calloc(1, sizeof *journal);
    unsigned char der[1] = {0};
    struct tls_identity identity = {.refs = 1};

    identity.chain.certs[0] = (br_x509_certificate){.data = der, .data_len = sizeof der};
    identity.chain.count = 1;
    make();
    relay_ended(true, 1);
    checkin.last_status = 200;
    core.store = store;
    core.journal = journal;
    licensing.identity = &identity;
    identity.facts.not_after = clock_never_back_s(&core.clock) + 15 * 86400L;
    ok(store && journal && render(), "a page of a proxy that has everything");
    has_not("What to look at", "nothing is wrong");
    has("License key<dd>not refused", "the key is well");
    has_not("Steps of the wall clock", "the clock was not stepped");
    has("fingerprint<dd>6E:34:0B:9C:FF:B3:7A:98:<wbr>9C:A5:44:E6:BB:78:0A:2C:<wbr>78:90:1D:3F:B3:"
        "37:"
        "38:76:<wbr>85:11:A3:06:17:AF:A0:1D</div>",
        "the certificate's SHA-256");
    has("Certificate until<dd>", "and when it ends");
    checkin.key_refused = true;
    checkin.last_status = 402;
    store->failing_to_write = true;
    journal->trouble = JOURNAL_FULL;
    core.clock.steps = 3;
    identity.facts.not_after -= 2 * 86400L;
    ok(render(), "a page of one where everything is wrong");
    has("license key is refused</b> (status 402)", "the key");
    has("License key<dd>refused", "twice");
    has("The state directory fails", "the state directory");
    has("The usage journal can't be written", "the journal");
    has("The certificate ends at", "the certificate");
    has("not affected)<dd>3", "the clock");
    subject.self_made = true;
    identity.facts.not_after = 253402300799;
    ok(render(), "a certificate that never ends");
    has("(renews itself) until<dd>9999-12-31 23:59:59 UTC", "is told as it is");
    has_not("The certificate ends at", "and one that renews itself is no worry");
    free(store);
    free(journal);
}

static void chart(void)
{
    make();
    for (int i = 0; i < LIMIT_HISTORY_SLOTS; i++) {
        if (i)
            boot_ns += LIMIT_HISTORY_SLOT_S * S;
        if (i < 12)
            continue;
        history_see(&core.history, boot_ns, STATE_CONNECTED);
        history_count(&core.history, boot_ns, true);
        if (i >= 100 && i < 112)
            history_see(&core.history, boot_ns, STATE_TRUST_BASED);
        if (i >= 106 && i < 109)
            history_see(&core.history, boot_ns, STATE_FAILED);
    }
    history_count(&core.history, boot_ns, false);
    relay_ended(true, 0);
    ok(render(), "a page with a day's history");
    has("<rect class=n x=0 y=39 width=12 height=1 /><rect class=c x=12 y=0 width=88 height=40 />"
        "<rect class=t x=100 y=16 width=6 height=24 /><rect class=f x=106 y=28 width=3 height=12 />"
        "<rect class=t x=109 y=16 width=3 height=24 /><rect class=c x=112 y=0 width=176 height=40 "
        "/>"
        "</svg>",
        "the oldest first, the worst of each slot, and equal ones in one bar");
    has("</svg>Failed 15 min<", "how long in words: Failed");
    has("</svg>TrustBased 45 min<", "TrustBased");
    has("</svg>Connected 22 h<", "Connected");
    has("</svg>no record 1 h<", "no record");
    has_not("</svg>Ready ", "what there was not is not there");
    has("Answers: 276. Failures: 1.", "and the counts");
}

/* Nothing is longer than this: each slot another state, eight servers, errors all of markup. */
static void largest(void)
{
    make();
    relay_ended(true, 0);
    relay_ended(false, 0);
    memset(core.upstream.servers[0].name, '"', sizeof core.upstream.servers[0].name - 1);
    memset(core.upstream.servers[0].last_error.text, '"', LIMIT_ERR_TEXT - 1);
    core.upstream.server_count = LIMIT_SERVERS;
    for (int i = 1; i < LIMIT_SERVERS; i++)
        core.upstream.servers[i] = core.upstream.servers[0];
    for (int i = 0; i < LIMIT_HISTORY_SLOTS; i++, boot_ns += LIMIT_HISTORY_SLOT_S * S)
        history_see(&core.history, boot_ns, i % 2 ? STATE_TRUST_BASED : STATE_FAILED);
    ok(render(), "the largest page");
    ok(strlen(page) > 30000 && strlen(page) < PAGE_MAX * 3 / 4, "%zu bytes are well in its bound",
       strlen(page));
    has("</html>\n", "it is whole");
}

static void no_room(void)
{
    struct buf body;

    make();
    for (size_t max = 0; max < 4000; max += 97) {
        buf_init(&body, max);
        if (page_render(&subject, &body) || body.len > max)
            break;
        buf_fini(&body);
    }
    ok(!body.data, "without room for it the page is refused");
}

int main(void)
{
    loop_init(&loop);
    all_states();
    escaping();
    reasons();
    chart();
    largest();
    no_room();
    loop_fini(&loop);
    return done_testing();
}
