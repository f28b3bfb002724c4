#include "base/log.h"
#include "base/limits.h"
#include "page.h"
#include "tap.h"

#include <fcntl.h>
#include <signal.h>

static int pipe_fds[2];
static struct log text, json;

/* All that was logged since the last call. */
static const char *logged(void)
{
    static char line[2 * LIMIT_LOG_LINE];
    ssize_t n = read(pipe_fds[0], line, sizeof line - 1);

    line[n > 0 ? n : 0] = '\0';
    return line;
}

/* What follows the level. */
static const char *message(void)
{
    const char *line = logged();
    const char *at = strstr(line, "msg");

    return at ? at : line;
}

/* Takes a string off *p: quotes, escapes, no control characters. */
static bool skip_string(const char **p)
{
    if (*(*p)++ != '"')
        return false;
    for (; **p != '"'; (*p)++) {
        unsigned char c = (unsigned char)**p;

        if (c < 0x20 || c >= 0x7f)
            return false;
        if (c != '\\')
            continue;
        (*p)++;
        if (**p == 'u') {
            if (strspn(*p + 1, "0123456789abcdef") < 4)
                return false;
            *p += 4;
        } else if (!**p || !strchr("\"\\/bfnrt", **p)) {
            return false;
        }
    }
    (*p)++;
    return true;
}

/* One object of strings and integers on one line. */
static bool is_json_line(const char *p)
{
    if (*p != '{')
        return false;
    do {
        p++;
        if (!skip_string(&p) || *p++ != ':')
            return false;
        if (*p == '"') {
            if (!skip_string(&p))
                return false;
        } else {
            p += *p == '-';
            if (strspn(p, "0123456789") == 0)
                return false;
            p += strspn(p, "0123456789");
        }
    } while (*p == ',');
    return strcmp(p, "}\n") == 0;
}

static void check_lines(void)
{
    char masked[128] = "";
    const char *line;

    log_event(&text, LOG_INFO, "state changed", LOG_STR("from", "Ready"), LOG_NUM("ms", -12));
    line = logged();
    for (size_t i = 0; i + 1 < sizeof masked && line[i]; i++)
        masked[i] = line[i] >= '0' && line[i] <= '9' ? '0' : line[i];
    is_str(masked,
           "time=0000-00-00T00:00:00.000Z level=info msg=\"state changed\" from=Ready ms=-00\n",
           "a text line has time, level, message and fields");
    ok(strstr(line, " ms=-12\n"), "with their values");
    log_event(&json, LOG_ERROR, "state changed", LOG_STR("from", "Ready"), LOG_NUM("ms", 12));
    line = logged();
    ok(is_json_line(line), "a JSON line is JSON");
    ok(strstr(line,
              "Z\",\"level\":\"error\",\"msg\":\"state changed\",\"from\":\"Ready\",\"ms\":12}\n"),
       "with all its fields");
    log_event(&text, LOG_WARN, "alone");
    is_str(message(), "msg=\"alone\"\n", "a message without fields");
    log_event(&text, LOG_WARN, "some", LOG_STR("", "left out"), LOG_STR("b", "c"));
    is_str(message(), "msg=\"some\" b=c\n", "a field without a key is left out");
    log_event(&text, LOG_WARN, "n", LOG_NUM("min", INT64_MIN), LOG_NUM("max", INT64_MAX));
    is_str(message(), "msg=\"n\" min=-9223372036854775808 max=9223372036854775807\n",
           "the smallest and the largest number");
}

static void check_levels(void)
{
    struct log quiet = text;

    quiet.level = LOG_INFO;
    log_event(&quiet, LOG_DEBUG, "hidden");
    is_str(logged(), "", "what is too talkative is not written");
    log_event(&quiet, LOG_INFO, "shown");
    is_str(message(), "msg=\"shown\"\n", "the rest is");
    ok(log_shows(&quiet, LOG_ERROR) && !log_shows(&quiet, LOG_TRACE), "and one can ask before");
}

static void check_escapes(void)
{
    static const struct {
        struct slice value;
        const char *text, *json;
    } cases[] = {
        {SLICE("plain-word/1.2:3"), "plain-word/1.2:3", "\"plain-word/1.2:3\""},
        {SLICE(""), "\"\"", "\"\""},
        {SLICE("two words"), "\"two words\"", "\"two words\""},
        {SLICE("a=b"), "\"a=b\"", "\"a=b\""},
        {SLICE("a\"b"), "\"a\\\"b\"", "\"a\\\"b\""},
        {SLICE("a\\b"), "\"a\\\\b\"", "\"a\\\\b\""},
        {SLICE("a\nlevel=error"), "\"a\\u000alevel=error\"", "\"a\\u000alevel=error\""},
        {SLICE("\r\t\x1b\0\x7f"), "\"\\u000d\\u0009\\u001b\\u0000\\u007f\"",
         "\"\\u000d\\u0009\\u001b\\u0000\\u007f\""},
        {SLICE("\x80\xff"), "\"\\u0080\\u00ff\"", "\"\\u0080\\u00ff\""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_field fields[] = {LOG_SLICE("v", cases[i].value), {.key = NULL}};
        char want[128];

        log_write(&text, LOG_INFO, "m", fields);
        snprintf(want, sizeof want, "msg=\"m\" v=%s\n", cases[i].text);
        is_str(message(), want, "a value as text");
        log_write(&json, LOG_INFO, "m", fields);
        snprintf(want, sizeof want, "msg\":\"m\",\"v\":%s}\n", cases[i].json);
        is_str(message(), want, "the same as JSON");
    }
    log_event(&text, LOG_INFO, "a\nb \"c\"");
    is_str(message(), "msg=\"a\\u000ab \\\"c\\\"\"\n", "a message is escaped as well");
}

static void check_every_byte(void)
{
    unsigned wrong = 0;

    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        const char *line;

        log_event(&json, LOG_INFO, "m", LOG_SLICE("v", slice_make(&byte, 1)));
        wrong += !is_json_line(logged());
        log_event(&text, LOG_INFO, "m", LOG_SLICE("v", slice_make(&byte, 1)));
        line = logged();
        wrong += strchr(line, '\n') != line + strlen(line) - 1;
    }
    is_int(wrong, 0, "no byte breaks out of its line");
}

/* Values around the length at which the line is full, of bytes that take one, two or six. */
static void check_cut(void)
{
    static const char bytes[] = {'x', '"', '\n'};
    char value[LIMIT_LOG_LINE * 2];
    unsigned wrong = 0, cut = 0, whole = 0;

    for (unsigned k = 0; k < 3; k++) {
        memset(value, bytes[k], sizeof value);
        for (size_t n = LIMIT_LOG_LINE / 6 - 40; n < LIMIT_LOG_LINE + 20; n++) {
            struct log_field fields[] = {LOG_SLICE("v", slice_make(value, n)),
                                         LOG_STR("after", "it"),
                                         LOG_NUM("n", 123456),
                                         {.key = NULL}};
            const char *line;
            size_t length;

            log_write(&json, LOG_INFO, "m", fields);
            line = logged();
            length = strlen(line);
            wrong += !is_json_line(line) || length > LIMIT_LOG_LINE;
            whole += strstr(line, "\"n\":123456}") != NULL;
            cut += length > LIMIT_LOG_LINE - 8 && !strstr(line, "\"n\":");
            log_write(&text, LOG_INFO, "m", fields);
            line = logged();
            length = strlen(line);
            wrong += length > LIMIT_LOG_LINE || length == 0 || line[length - 1] != '\n';
            wrong += strchr(line, '\n') != line + length - 1;
        }
    }
    is_int(wrong, 0, "a line that is cut is still a line, and JSON");
    ok(cut > 100 && whole > 100, "lines were cut and were not");
    for (unsigned k = 0; k < 3; k++) {
        memset(value, bytes[k], sizeof value);
        for (size_t n = LIMIT_LOG_LINE / 6 - 40; n < LIMIT_LOG_LINE + 20; n++) {
            value[n] = '\0';
            log_event(&json, LOG_INFO, value, LOG_STR("a", "b"));
            wrong += !is_json_line(logged());
            value[n] = bytes[k];
        }
    }
    is_int(wrong, 0, "a message that fills the line is cut as well");
}

static void check_no_reader(void)
{
    char block[4096] = "";
    struct log full = text;
    ssize_t n, stuffed = 0;
    int fds[2];

    if (pipe(fds) < 0)
        abort();
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    while ((n = write(fds[1], block, sizeof block)) > 0)
        stuffed += n;
    fcntl(fds[1], F_SETFL, 0);
    full.fd = fds[1];
    alarm(20); /* the program dies if the line waits for its reader */
    log_event(&full, LOG_INFO, "nobody reads");
    alarm(0);
    while ((n = read(fds[0], block, sizeof block)) > 0)
        stuffed -= n;
    is_int(stuffed, 0, "a line that nobody reads is dropped");
    log_event(&full, LOG_INFO, "somebody reads again");
    n = read(fds[0], block, sizeof block - 1);
    block[n > 0 ? n : 0] = '\0';
    ok(strstr(block, "msg=\"somebody reads again\"\n"), "the next one is not");
    close(fds[0]);
    log_event(&full, LOG_INFO, "nobody listens");
    close(fds[1]);
    log_event(&full, LOG_INFO, "nowhere");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (pipe(pipe_fds) < 0 || fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) < 0)
        return 1;
    text = (struct log){.fd = pipe_fds[1], .level = LOG_TRACE, .format = LOG_TEXT};
    json = (struct log){.fd = pipe_fds[1], .level = LOG_TRACE, .format = LOG_JSON};
    check_lines();
    check_levels();
    check_escapes();
    check_every_byte();
    check_cut();
    check_no_reader();
    return done_testing();
}
