#include "base/clock.h"
#include "cli/command.h"
#include "cli/fetch.h"
#include "format/der_read.h"
#include "format/json_pick.h"
#include "status/words.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/*
 * /v1/details for a person. Whatever it says may come from somebody else than a license-proxy, so
 * what goes to a terminal is printable ASCII, by show() or print_json(), and nothing else.
 */

#define INDENT 16     /* where values stand */
#define EVERY_MS 1000 /* of --watch */

struct view {
    struct fetch fetch;
    bool json, watch;
    bool screen; /* stdout is a terminal that knows escape sequences */
    bool colour;
    int told;            /* the look of the state last told by tell(); -1: none yet */
    struct slice answer; /* JSON; borrowed from the fetched body until the next one */
    enum state_name state;
    int64_t now_s; /* the proxy's wall clock */
    struct buf out;
};

/* A short text made for one use. */
struct text {
    char s[LIMIT_ERR_TEXT];
};

enum colour { PLAIN = 0, RED = 31, GREEN = 32, YELLOW = 33 };

/* ---- reading the answer ------------------------------------------------------------------- */

/* The member's value, n is 0 if there is none. */
static struct slice pick(struct slice json, const char *path)
{
    struct slice value = {NULL, 0};

    if (json_pick(json, slice_of(path), &value) != JSON_PICK_FOUND)
        value.n = 0;
    return value;
}

/* Whether there is such a member, and it says more than nothing. */
static bool is_set(struct slice json, const char *path)
{
    struct slice value = pick(json, path);

    return value.n > 0 && !slice_eq(value, SLICE("null")) && !slice_eq(value, SLICE("false")) &&
           !slice_eq(value, SLICE("0"));
}

/*
 * A string or number: each character that isn't ASCII is '?', and the escapes of controls stay as
 * they are.
 */
static struct text show(struct slice json, const char *path)
{
    struct slice value = pick(json, path);
    struct text t;
    size_t n = 0;

    for (size_t i = 0; i < value.n && n + 1 < sizeof t.s; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c == '"')
            continue;
        if (c == '\\' && strchr("\"\\/", value.p[i + 1]))
            c = (unsigned char)value.p[++i];
        if (c < 0x80 || c >= 0xc0)
            t.s[n++] = (char)(c < ' ' || c >= 0x7f ? '?' : c);
    }
    t.s[n] = '\0';
    return t;
}

/* A time of RFC 3339, in seconds since 1970; 0 if there is none. */
static int64_t seconds(struct slice json, const char *path)
{
    struct slice value = pick(json, path), der;
    /* The same digits as an ASN.1 GeneralizedTime, which there is a reader for. */
    char text[18] = {DER_GENERALIZED_TIME, 15};
    int64_t s;
    size_t n = 2;

    for (size_t i = 1; i < value.n && i <= 19 && n < 16; i++)
        if (value.p[i] >= '0' && value.p[i] <= '9')
            text[n++] = value.p[i];
    text[n] = 'Z';
    der = slice_make(text, n + 1);
    return n == 16 && der_read_time(&der, &s) ? s : 0;
}

/* ---- the block ---------------------------------------------------------------------------- */

/*
 * Rows: "condition|label|text\n". The condition is the names of members that are all set, or not
 * ('!'); '*' in front of the label makes the row red. In the text, a member's name behind '$' is
 * its value, behind '@' its time, behind '&' how long ago that is, behind '~' its seconds in words;
 * '^' is the URL.
 */
static const char server_rows[] =
    "failing|*License server|$server fails, last answer &last_answer\n"
    "!failing last_answer|License server|$server answers, last &last_answer\n"
    "!failing !last_answer|License server|$server was not asked yet\n";

static const char proxy_rows[] =
    "|State|$state since @state_since\n"
    "|Last check-in|@last_successful_checkin\n"
    "|Trust until|@trust_expiration\n"
    "checkin.license_key_refused|*License key|refused (status $checkin.last_status): check it, and "
    "whether it has ended\n"
    "!checkin.license_key_refused checkin.last_status|License key|not refused\n"
    "|Stored answers|$cache.entries, which served $relays.served_from_trust requests\n"
    "!state_directory|State directory|none: trust is lost at a restart\n"
    "state_directory !state_directory.failing|State directory|in use\n"
    "state_directory.failing|*State directory|fails: full, read-only or hung? See the log\n"
    "journal !journal.refusing|Usage journal|$journal.mode, $journal.depth records, $journal.bytes "
    "of $journal.max_bytes bytes\n"
    "journal.refusing|*Usage journal|can't be written: full, or its storage fails\n"
    "|Services|$clients.connections connections of $clients.max_connections, $clients.requests "
    "requests\n"
    "!certificate|Certificate|none: plain HTTP\n"
    "certificate.ends_soon|*Certificate|renew it: it ends at @certificate.not_after\n"
    "certificate.self_made|Certificate|renews itself before @certificate.not_after\n"
    "certificate !certificate.self_made !certificate.ends_soon|Certificate|until "
    "@certificate.not_after\n"
    "certificate||$certificate.sha256_fingerprint\n"
    "clock_steps|Clock|stepped $clock_steps times, which trust doesn't mind\n"
    "|Proxy|^, version $version, running for ~uptime_s\n";

/* The member's name at the start of text. */
static size_t take_name(const char *text, char name[64])
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_.0123456789");

    (void)slice_copy(slice_make(text, n), name, 64);
    return n;
}

/* Moves *row behind its condition. */
static bool holds(struct slice json, const char **row)
{
    bool rv = true;
    char name[64];

    while (**row != '|') {
        bool no = **row == '!';

        *row += no;
        *row += take_name(*row, name);
        if (is_set(json, name) == no)
            rv = false;
        *row += strspn(*row, " ");
    }
    ++*row;
    return rv;
}

static struct text value_of(const struct view *v, struct slice json, char kind, const char *name)
{
    struct text t = show(json, name);
    int64_t s = seconds(json, name);
    uint64_t number = 0;

    if (kind == '~') {
        (void)slice_to_u64(slice_of(t.s), INT64_MAX, &number);
        words_duration((int64_t)number, t.s);
    } else if (kind != '$' && !s) {
        t = (struct text){"never"};
    } else if (kind == '@') {
        words_moment(s, v->now_s - s, t.s);
    } else if (kind == '&') {
        words_distance(v->now_s - s, t.s);
    }
    return t;
}

static void put_line(struct view *v, enum colour colour, const char *label, const char *text)
{
    if (!*text)
        return;
    if (v->colour && colour)
        (void)buf_appendf(&v->out, "\033[1;%dm", (int)colour);
    command_wrap(&v->out, label, text, label ? INDENT : 0);
    if (v->colour && colour)
        (void)buf_append_string(&v->out, "\033[m");
    (void)buf_append_string(&v->out, "\n");
}

/* One row, up to its end. */
static void put_row(struct view *v, struct slice json, const char *row)
{
    char label[INDENT], text[2 * LIMIT_ERR_TEXT], name[64];
    enum colour colour = *row == '*' ? RED : PLAIN;
    size_t n;

    row += colour != PLAIN;
    n = strcspn(row, "|");
    (void)slice_copy(slice_make(row, n), label, sizeof label);
    row += n + 1;
    for (n = 0; *row != '\n' && n + 1 < sizeof text;) {
        char c = *row++;

        if (!strchr("$@&~^", c)) {
            text[n++] = c;
            continue;
        }
        row += take_name(row, name);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                              c == '^' ? v->fetch.url : value_of(v, json, c, name).s);
    }
    text[n < sizeof text ? n : sizeof text - 1] = '\0';
    put_line(v, colour, label, text);
}

static void put_rows(struct view *v, struct slice json, const char *row)
{
    for (; *row; row = strchr(row, '\n') + 1)
        if (holds(json, &row))
            put_row(v, json, row);
}

static void put_headline(struct view *v, enum colour colour)
{
    char text[WORDS_HEADLINE_SIZE];
    int64_t answered = seconds(v->answer, "last_successful_checkin");

    words_headline(v->state, is_set(v->answer, "draining"),
                   seconds(v->answer, "trust_expiration") - v->now_s,
                   answered ? v->now_s - answered : -1, text);
    put_line(v, colour, NULL, text);
}

/* Why the state isn't better: the latest error of all license servers. */
static void put_reason(struct view *v)
{
    struct slice rest = pick(v->answer, "upstreams"), server, error = {NULL, 0};

    while (json_pick_next(&rest, &server))
        if (seconds(server, "last_error.at") > (error.n ? seconds(error, "at") : 0))
            error = pick(server, "last_error");
    if (error.n > 0) {
        put_row(v, error, "Why|stage $stage: $message\n");
        put_line(v, PLAIN, "", words_advice(words_to_stage(slice_of(show(error, "stage").s))));
    }
}

static void put_all(struct view *v)
{
    struct slice rest = pick(v->answer, "upstreams"), server;
    bool well = v->state == STATE_CONNECTED && !is_set(v->answer, "draining");

    put_headline(v, v->state == STATE_FAILED ? RED : well ? GREEN : YELLOW);
    if (v->state != STATE_CONNECTED)
        put_reason(v);
    while (json_pick_next(&rest, &server))
        put_rows(v, server, server_rows);
    put_rows(v, v->answer, proxy_rows);
}

/* ---- output ------------------------------------------------------------------------------- */

/* Lines of the terminal that is stdout, 0 if it is none. */
static int lines_of_terminal(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    /* A serial line doesn't know. */
    return size.ws_row > 1 ? size.ws_row : 1000;
}

static void use_terminal(struct view *v)
{
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");

    v->screen = lines_of_terminal() && term && term[0] && strcmp(term, "dumb") != 0;
    v->colour = v->screen && !(no_colour && no_colour[0]);
}

/* Over what is there: a screen that is cleared before flickers. What is too long is cut. */
static void draw(struct view *v)
{
    struct slice rest = buf_slice(&v->out);
    int lines = lines_of_terminal();

    printf("\033[H");
    while (rest.n > 0 && --lines > 0) {
        struct slice line = slice_cut(&rest, '\n');

        printf("%.*s\033[K\n", (int)line.n, line.p);
    }
    printf("\033[J");
}

/* The JSON text as it is; a terminal gets '?' for what isn't printable ASCII. */
static void print_json(const struct view *v)
{
    for (size_t i = 0; i < v->answer.n; i++)
        putchar(v->screen && (v->answer.p[i] < ' ' || v->answer.p[i] > '~') ? '?' : v->answer.p[i]);
    putchar('\n');
}

/* A line, when there is something new to tell; err: there was no answer. */
static void tell(struct view *v, const struct err *err)
{
    int look = err_is_set(err) ? 0 : 1 + (int)v->state + 8 * is_set(v->answer, "draining");
    char date[WORDS_MOMENT_SIZE];

    if (look == v->told)
        return;
    v->told = look;
    words_date(time(NULL), date);
    if (err_is_set(err)) {
        printf("%s  no answer from %s: %s\n", date, v->fetch.url, err->text);
        return;
    }
    printf("%s  %-10s  ", date, state_text(v->state));
    put_headline(v, PLAIN);
}

static void output(struct view *v, const struct err *err)
{
    char text[2 * LIMIT_ERR_TEXT];

    buf_clear(&v->out);
    if (err_is_set(err) && (!v->watch || v->json)) {
        fprintf(stderr, "license-proxy: no answer from %s: %s\n", v->fetch.url, err->text);
    } else if (v->json) {
        print_json(v);
    } else if (v->watch && !v->screen) {
        tell(v, err);
    } else if (err_is_set(err)) {
        snprintf(text, sizeof text, "No answer from %s: %s; still trying", v->fetch.url, err->text);
        put_line(v, RED, NULL, text);
    } else {
        put_all(v);
    }
    if (v->watch && v->screen && !v->json)
        draw(v);
    else if (v->out.len > 0)
        fwrite(buf_slice(&v->out).p, 1, v->out.len, stdout);
}

/* ---- asking ------------------------------------------------------------------------------- */

/* Fills the view. False: there is no answer, or it tells no state. */
static bool look(struct view *v, struct buf *body, struct err *err)
{
    unsigned status = 0;

    buf_clear(body);
    if (!fetch_get(&v->fetch, "/v1/details", &status, body, err))
        return false;
    v->answer = buf_slice(body);
    if (status != 200 || !fetch_state(body, &v->state)) {
        err_set(err, ERR_SYNTAX, "status %u, and no state: is this the status port?", status);
        return false;
    }
    v->now_s = seconds(v->answer, "now");
    /* Earlier versions don't tell. */
    if (!v->now_s)
        v->now_s = time(NULL);
    return true;
}

/* Nothing is held that the system doesn't give back, and each output is whole. */
static void on_end(int sig)
{
    (void)sig;
    _exit(0);
}

static int run(struct view *v)
{
    struct sigaction end = {.sa_handler = on_end};
    struct buf body;
    int rv;

    if (v->watch) {
        sigaction(SIGINT, &end, NULL);
        sigaction(SIGTERM, &end, NULL);
    } else {
        fetch_set_backstop(&v->fetch);
    }
    buf_init(&body, FETCH_BODY);
    for (;;) {
        struct err err = {0};

        rv = look(v, &body, &err) && v->state != STATE_FAILED && !is_set(v->answer, "draining") ? 0
                                                                                                : 1;
        output(v, &err);
        /* Nobody reads on. */
        if (fflush(stdout) != 0)
            rv = 71;
        if (!v->watch || rv == 71)
            break;
        (void)poll(NULL, 0, EVERY_MS);
    }
    buf_fini(&body);
    return rv;
}

int cli_status(int argc, char **argv, unsigned verbosity)
{
    struct view v = {.told = -1};
    int rv;

    (void)verbosity;
    fetch_init(&v.fetch, "status");
    for (int i = 0; i < argc; i++) {
        rv = fetch_read_option(&v.fetch, argc, argv, &i);
        if (rv == FETCH_OTHER && strcmp(argv[i], "--json") == 0)
            v.json = true;
        else if (rv == FETCH_OTHER && strcmp(argv[i], "--watch") == 0)
            v.watch = true;
        else if (rv == FETCH_OTHER)
            return command_fail_usage("status: unknown option; there are --url, --json, --watch "
                                      "and --timeout");
        else if (rv)
            return rv;
    }
    rv = fetch_read_end(&v.fetch);
    if (rv)
        return rv;
    use_terminal(&v);
    buf_init(&v.out, FETCH_BODY);
    rv = run(&v);
    buf_fini(&v.out);
    return rv;
}
