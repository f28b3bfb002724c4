#include "format/toml.h"

#include "base/buf.h"
#include "page.h"
#include "tap.h"

static struct page page;
static struct buf seen; /* what the handler was told, as text */

static void show(struct slice s)
{
    buf_append_string(&seen, "<");
    buf_append_slice(&seen, s);
    buf_append_string(&seen, ">");
}

static bool on_value(void *ctx, struct slice table, struct slice key, const struct toml_value *v,
                     unsigned line, struct err *err)
{
    (void)ctx;
    if (slice_eq(key, SLICE("stop"))) {
        err_set(err, ERR_CONFIG, "stopped");
        return false;
    }
    buf_appendf(&seen, "%u:%.*s|%.*s=", line, (int)table.n, table.n ? table.p : "", (int)key.n,
                key.p);
    switch (v->type) {
    case TOML_STRING:
        show(v->string);
        break;
    case TOML_INTEGER:
        buf_appendf(&seen, "%" PRId64, v->integer);
        break;
    case TOML_BOOLEAN:
        buf_append_string(&seen, v->boolean ? "true" : "false");
        break;
    case TOML_STRINGS:
        buf_append_string(&seen, "[");
        for (size_t i = 0; i < v->count; i++)
            show(v->strings[i]);
        buf_append_string(&seen, "]");
        break;
    }
    buf_append_string(&seen, ";");
    return true;
}

static bool on_table(void *ctx, struct slice table, unsigned line, struct err *err)
{
    (void)ctx;
    (void)err;
    buf_appendf(&seen, "%u:[%.*s];", line, (int)table.n, table.p);
    return true;
}

static const char *lookup(void *ctx, struct slice name)
{
    (void)ctx;
    if (slice_eq(name, SLICE("KEY")))
        return "s\"ec\\ret${KEY}";
    if (slice_eq(name, SLICE("E_1")))
        return "";
    if (slice_eq(name, SLICE("LONG"))) {
        static char value[LIMIT_STRING];

        memset(value, 'x', sizeof value - 1);
        return value;
    }
    return NULL;
}

static const struct toml_handler handler = {
    .on_value = on_value, .on_table = on_table, .lookup = lookup};

static bool parse(struct slice text, struct err *err)
{
    buf_clear(&seen);
    memset(err, 0, sizeof *err);
    return toml_parse(page_put(&page, text), "f.toml", &handler, err);
}

static const struct {
    const char *text, *want;
} good[] = {
    {"", ""},
    {"\n\n", ""},
    {"# only a comment", ""},
    {"\t # comment \xc3\xa9\n", ""},
    {"\xef\xbb\xbf"
     "a=1",
     "1:|a=1;"},
    {"a = 1", "1:|a=1;"},
    {"a=1\r\nb=2\r\n", "1:|a=1;2:|b=2;"},
    {"  a  =  1  # c\n", "1:|a=1;"},
    {"[t]\na=1", "1:[t];2:t|a=1;"},
    {"[ t . u ]\na=1", "1:[t.u];2:t.u|a=1;"},
    {"[t]#c\n\n[u]\na=1", "1:[t];3:[u];4:u|a=1;"},
    {"t.a = 1", "1:t|a=1;"},
    {"t . u . a = 1\nt.u.b = 2", "1:t.u|a=1;2:t.u|b=2;"},
    {"[a.b]\n[a]\nc=1", "1:[a.b];2:[a];3:a|c=1;"},
    {"[a]\n[a.b]\n", "1:[a];2:[a.b];"},
    {"\"quoted\" = 1\n'lit' = 2", "1:|quoted=1;2:|lit=2;"},
    {"[\"t\"]\n1-2_A = 1", "1:[t];2:t|1-2_A=1;"},
    /* numbers and booleans */
    {"a=0\nb=-0\nc=+5\nd=1_000", "1:|a=0;2:|b=0;3:|c=5;4:|d=1000;"},
    {"a=0xfF\nb=0o17\nc=0b101", "1:|a=255;2:|b=15;3:|c=5;"},
    {"a=9223372036854775807\nb=-9223372036854775808",
     "1:|a=9223372036854775807;2:|b=-9223372036854775808;"},
    {"a=true\nb=false", "1:|a=true;2:|b=false;"},
    /* strings */
    {"a=\"\"\nb=''", "1:|a=<>;2:|b=<>;"},
    {"a=\"x\\t\\\"\\\\\\u00e9\\U0001F600\"", "1:|a=<x\t\"\\\xc3\xa9\xf0\x9f\x98\x80>;"},
    {"a='C:\\n ${KEY} \"'", "1:|a=<C:\\n ${KEY} \">;"},
    {"a=\"# no comment\" # comment", "1:|a=<# no comment>;"},
    {"a=\"\"\"\nx\ny\"\"\"\nb=1", "1:|a=<x\ny>;4:|b=1;"},
    {"a=\"\"\"x\\\n   \n  y\"\"\"", "1:|a=<xy>;"},
    {"a=\"\"\"x\\  \n  y\"\"\"", "1:|a=<xy>;"},
    {"a=\"\"\"\"x\"\" y\"\"\"\"\"", "1:|a=<\"x\"\" y\"\">;"},
    {"a=\"\"\"\"\"\"", "1:|a=<>;"},
    {"a=\"\"\"x\r\ny\"\"\"", "1:|a=<x\ny>;"},
    {"a='''\nx\\n''y'''\nb=1", "1:|a=<x\\n''y>;3:|b=1;"},
    /* variables */
    {"a=\"<${KEY}>\"", "1:|a=<<s\"ec\\ret${KEY}>>;"},
    {"a=\"${KEY}${E_1}!\"", "1:|a=<s\"ec\\ret${KEY}!>;"},
    {"a=\"$$ $ $x $${KEY} 5$\"", "1:|a=<$ $ $x ${KEY} 5$>;"},
    {"a=\"\\u0024{KEY}\"", "1:|a=<${KEY}>;"},
    {"a=\"\"\"${E_1}\"\"\"", "1:|a=<>;"},
    {"a=[\"${KEY}\"]", "1:|a=[<s\"ec\\ret${KEY}>];"},
    /* arrays */
    {"a=[]", "1:|a=[];"},
    {"a=[ \"x\" , 'y' ]", "1:|a=[<x><y>];"},
    {"a = [ # c\n \"x\", # d\n\n \"y\",\n]\nb=1", "1:|a=[<x><y>];6:|b=1;"},
    {"a=[\"\",\"\"]", "1:|a=[<><>];"},
};

static const struct {
    const char *text, *want; /* want: within the message */
} bad[] = {
    {"a", "f.toml:1: expected ="},
    {"a =", "f.toml:1: a value is missing"},
    {"\na = # c", "f.toml:2: a value is missing"},
    {"= 1", "f.toml:1: expected a name"},
    {"a b = 1", "f.toml:1: expected ="},
    {"a. = 1", "f.toml:1: expected a name"},
    {".a = 1", "f.toml:1: expected a name"},
    {"\xc3\xa9 = 1", "f.toml:1: expected a name"},
    {"a = 1 b = 2", "f.toml:1: something stands behind"},
    {"[t] a = 1", "f.toml:1: something stands behind"},
    {"[t", "f.toml:1: expected ]"},
    {"[]", "f.toml:1: expected a name"},
    {"[t.]", "f.toml:1: expected a name"},
    {"[[t]]", "f.toml:1: arrays of tables"},
    {"a = {}", "f.toml:1: inline tables"},
    {"\"\"\"a\"\"\" = 1", "f.toml:1: a multi-line string"},
    {"a.b.c.d.e.f.g.h.i = 1", "f.toml:1: a name of more than"},
    /* twice */
    {"a=1\na=2", "f.toml:2: \"a\" is defined already, on line 1"},
    {"a=1\n\"\\u0061\"=2", "f.toml:2: \"a\" is defined already, on line 1"},
    {"[t]\na=1\na=1", "f.toml:3: \"t.a\" is defined already, on line 2"},
    {"[t]\n[u]\n[t]", "f.toml:3: \"t\" is defined already, on line 1"},
    {"t.a=1\n[t]", "f.toml:2: \"t\" is defined already"},
    {"t=1\n[t]", "f.toml:2: \"t\" is defined already"},
    {"t=1\n[t.u]", "f.toml:2: \"t\" is a value already, on line 1"},
    {"t=1\nt.a=2", "f.toml:2: \"t\" is a value already, on line 1"},
    {"[t]\na=1\n[t.a]", "f.toml:3: \"t.a\" is defined already"},
    {"[t.u]\n[t]\nu.a=1", "f.toml:3: \"t.u\" is a table already"},
    {"[t.u]\n[t]\nu=1", "f.toml:3: \"t.u\" is defined already"},
    {"\"a\\u001b\"=1\n\"a\\u001b\"=1", "\"a?\" is defined"},
    /* values */
    {"a=01", "leading zero"},
    {"a=1__0", "not an integer"},
    {"a=_1", "a value must be"},
    {"a=1_", "not an integer"},
    {"a=0x", "not an integer"},
    {"a=+0x1", "not an integer"},
    {"a=0o8", "not an integer"},
    {"a=--1", "not an integer"},
    {"a=-", "not an integer"},
    {"a=1a", "not an integer"},
    {"a=15m", "not an integer; text needs quotes"},
    {"a=9223372036854775808", "beyond 64 bits"},
    {"a=-9223372036854775809", "beyond 64 bits"},
    {"a=99999999999999999999999", "beyond 64 bits"},
    {"a=1.5", "fraction"},
    {"a=1979-05-27", "dates"},
    {"a=07:32:00", "dates"},
    {"a=True", "a value must be"},
    {"a=inf", "a value must be"},
    {"a=bare", "a value must be"},
    {"a=${KEY}", "a value must be"},
    /* strings */
    {"a=\"x", "f.toml:1: a string without its closing quote"},
    {"a=\"x\ny\"", "f.toml:1: a string without its closing quote"},
    {"a='x\n'", "f.toml:1: a string without its closing quote"},
    {"\na=\"\"\"x\ny\"\"", "f.toml:2: a string without its closing three quotes"},
    {"a='''x", "three quotes"},
    {"a=\"\"\"x\"\"\"\"\"\"", "something stands behind"},
    {"a=\"\\x\"", "unknown escape"},
    {"a=\"\\", "unknown escape"},
    {"a=\"\\ \n\"", "unknown escape"},
    {"a=\"\"\"\\ x\"\"\"", "unknown escape"},
    {"a=\"\\u12g4\"", "hexadecimal"},
    {"a=\"\\u12", "hexadecimal"},
    {"a=\"\\ud800\"", "no character"},
    {"a=\"\\u0000\"", "no character"},
    {"a=\"\\U00110000\"", "no character"},
    {"a=\"\\Uffffffff\"", "no character"},
    {"a=\"\x01\"", "control character in a string"},
    {"a='\x7f'", "control character in a string"},
    {"a=\"x\rb\"", "control character in a string"},
    {"# \x01", "control character in a comment"},
    {"a=1 # x\ry", "control character in a comment"},
    {"a=1\rb=2", "carriage return"},
    {"a=\"\xff\"", "f.toml:1: not UTF-8"},
    {"\n# \xc0\xaf", "f.toml:2: not UTF-8"},
    /* variables */
    {"a=\"${UNSET}\"", "f.toml:1: the environment variable UNSET is not set"},
    {"a=\"${}\"", "${…} must hold"},
    {"a=\"${KEY\"", "${…} must hold"},
    {"a=\"${1}\"", "${…} must hold"},
    {"a=\"${K-Y}\"", "${…} must hold"},
    {"a=\"${KEY", "${…} must hold"},
    {"a=\"${LONG}xx\"", "a string of more than"},
    /* arrays */
    {"\na=[\"x\"\n", "f.toml:2: an array without its closing ]"},
    {"a=[", "an array without its closing ]"},
    {"a=[\"x\" \"y\"]", "expected a comma"},
    {"a=[,]", "arrays hold text"},
    {"a=[\"x\",,]", "arrays hold text"},
    {"a=[1]", "arrays hold text"},
    {"a=[[\"x\"]]", "arrays hold text"},
    {"a=[\"x\"] b", "something stands behind"},
};

static void test_good(void)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct err err;
        char what[400], text[512];

        snprintf(what, sizeof what, "good: %s", page_show(slice_of(good[i].text)));
        if (!ok(parse(slice_of(good[i].text), &err), "%s", what))
            printf("# %s\n", err.text);
        slice_copy(buf_slice(&seen), text, sizeof text);
        is_str(text, good[i].want, what);
    }
}

static void test_bad(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err;
        char what[400];

        snprintf(what, sizeof what, "bad: %s", page_show(slice_of(bad[i].text)));
        ok(!parse(slice_of(bad[i].text), &err) && err.code == ERR_CONFIG, "%s", what);
        if (!ok(strstr(err.text, bad[i].want) != NULL, "%s: says \"%s\"", what, bad[i].want))
            printf("# %s\n", err.text);
    }
}

/* A key in the wrong place must not get into a message. */
static void test_silence(void)
{
    static const char *const texts[] = {
        "k=\"s3cret\" x", "k=\"s3cret", "k=['s3cret'",          "k=\"s3cret\\x\"", "k=s3cret",
        "k='''s3cret",    "k=[s3cret]", "k=\"s3cret${UNSET}\"", "k=1s3cret"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err;

        ok(!parse(slice_of(texts[i]), &err) && !strstr(err.text, "s3cret"), "not shown: %s",
           texts[i]);
    }
}

static void test_bounds(void)
{
    static char text[LIMIT_CONFIG_FILE + 2];
    struct err err;
    struct buf b;

    memset(text, '\n', sizeof text);
    ok(parse(slice_make(text, LIMIT_CONFIG_FILE), &err), "a file of the bound's size");
    ok(!parse(slice_make(text, LIMIT_CONFIG_FILE + 1), &err), "one byte more is refused");

    buf_init(&b, sizeof text);
    buf_append_string(&b, "a=[");
    for (int i = 0; i < LIMIT_LIST; i++)
        buf_append_string(&b, "\"x\",");
    buf_append_string(&b, "]");
    ok(parse(buf_slice(&b), &err), "as many elements as allowed");
    b.len--;
    buf_append_string(&b, "\"x\"]");
    ok(!parse(buf_slice(&b), &err) && strstr(err.text, "elements"), "one more is refused");

    for (size_t n = LIMIT_STRING; n <= LIMIT_STRING + 1; n++) {
        buf_clear(&b);
        buf_append_string(&b, "a='");
        memset(buf_reserve(&b, n), 'x', n);
        buf_commit(&b, n);
        buf_append_string(&b, "'");
        ok(parse(buf_slice(&b), &err) == (n == LIMIT_STRING), "a string of %zu bytes", n);
    }

    buf_clear(&b);
    for (int i = 0; b.len < LIMIT_CONFIG_FILE - 16; i++)
        buf_appendf(&b, "k%d=1\n", i);
    ok(!parse(buf_slice(&b), &err) && strstr(err.text, "more keys"), "too many keys are refused");
    buf_fini(&b);

    ok(!parse(SLICE("a=\"x\0y\""), &err) && strstr(err.text, "NUL"), "a NUL byte is refused");
}

static void test_handler(void)
{
    struct toml_handler plain = handler;
    struct err err = {0};
    char text[64];

    ok(!parse(SLICE("a=1\nstop=1\nb=2"), &err), "the handler can stop the parser");
    is_str(err.text, "stopped", "and its text stays as it is");
    plain.lookup = NULL;
    buf_clear(&seen);
    ok(toml_parse(SLICE("a=\"${KEY} $$\""), "f", &plain, &err), "without a lookup");
    slice_copy(buf_slice(&seen), text, sizeof text);
    is_str(text, "1:|a=<${KEY} $$>;", "variables stay as they are");
}

int main(void)
{
    page = page_new(LIMIT_CONFIG_FILE + 4096);
    buf_init(&seen, 1 << 20);
    test_good();
    test_bad();
    test_silence();
    test_bounds();
    test_handler();
    buf_fini(&seen);
    page_free(&page);
    return done_testing();
}
