#include "format/json_pick.h"

#include "page.h"
#include "tap.h"

static struct page page;

static const struct {
    const char *text, *path, *want; /* want: the value, NULL absent, "!" bad */
} table[] = {
    /* found */
    {"{\"id\":1}", "id", "1"},
    {" \t\r\n{ \"id\" : -1.5e+10 } \n", "id", "-1.5e+10"},
    {"{\"a\":0,\"id\":\"x\\\"y\",\"b\":[1,2]}", "id", "\"x\\\"y\""},
    {"{\"id\":{\"a\":[1,{\"id\":2}]} }", "id", "{\"a\":[1,{\"id\":2}]}"},
    {"{\"id\":[ 1 , 2 ]}", "id", "[ 1 , 2 ]"},
    {"{\"id\":[]}", "id", "[]"},
    {"{\"id\":{}}", "id", "{}"},
    {"{\"id\":null}", "id", "null"},
    {"{\"id\":true}", "id", "true"},
    {"{\"id\":false , \"b\":0}", "id", "false"},
    {"{\"license\":{\"x\":1,\"id\":7}}", "license.id", "7"},
    {"{\"a\":{\"b\":{\"c\":\"d\"}}}", "a.b.c", "\"d\""},
    {"{\"a\":{\"b\":1},\"c\":{\"b\":2}}", "c.b", "2"},
    {"{\"x\":{\"id\":1},\"id\":2}", "id", "2"},
    {"{\"x\":[{\"id\":1}],\"id\":2}", "id", "2"},
    {"{\"\":5}", "", "5"},
    {"{\"a\":{\"\":5}}", "a.", "5"},
    /* escapes in names */
    {"{\"\\u0069d\":3}", "id", "3"},
    {"{\"\\u0069\\u0064\":3}", "id", "3"},
    {"{\"\\u00e9\":3}", "\xc3\xa9", "3"},
    {"{\"\xc3\xa9\":3}", "\xc3\xa9", "3"},
    {"{\"\\ud83d\\ude00\":3}", "\xf0\x9f\x98\x80", "3"},
    {"{\"a\\/b\\n\":3}", "a/b\n", "3"},
    {"{\"i\\u0000d\":3}", "id", NULL},
    {"{\"\\ud83d\":3}", "\xed\xa0\xbd", NULL},
    /* absent */
    {"{}", "id", NULL},
    {"[]", "id", NULL},
    {"1", "id", NULL},
    {"\"id\"", "id", NULL},
    {"{\"ID\":1}", "id", NULL},
    {"{\"idx\":1}", "id", NULL},
    {"{\"i\":1}", "id", NULL},
    {"[{\"id\":1}]", "id", NULL},
    {"{\"a\":[{\"id\":1}]}", "a.id", NULL},
    {"{\"a\":1}", "a.id", NULL},
    {"{\"a\":{\"b\":1}}", "b", NULL},
    {"{\"a\":{\"b\":{\"id\":1}},\"id\":2}", "a.id", NULL},
    {"{\"b\":{\"a\":{\"id\":1}}}", "a.id", NULL},
    {"{\"a\":\"id\"}", "id", NULL},
    /* twice */
    {"{\"id\":1,\"id\":1}", "id", "!"},
    {"{\"id\":1,\"\\u0069d\":2}", "id", "!"},
    {"{\"a\":{\"id\":1},\"a\":{\"id\":2}}", "a.id", "!"},
    {"{\"a\":{\"id\":1},\"a\":5}", "a.id", "!"},
    {"{\"a\":{\"id\":1,\"id\":2}}", "a.id", "!"},
    {"{\"id\":{\"x\":1,\"x\":2}}", "id", "{\"x\":1,\"x\":2}"},
    {"{\"b\":1,\"b\":2,\"id\":3}", "id", "3"},
    {"{\"b\":{\"id\":1,\"id\":2},\"id\":3}", "id", "3"},
    /* not JSON, before and after the member */
    {"", "id", "!"},
    {" ", "id", "!"},
    {"{", "id", "!"},
    {"{\"id\":1", "id", "!"},
    {"{\"id\":1}}", "id", "!"},
    {"{\"id\":1} x", "id", "!"},
    {"{\"id\":1}{}", "id", "!"},
    {"{\"id\":1,}", "id", "!"},
    {"{,\"id\":1}", "id", "!"},
    {"{\"id\" 1}", "id", "!"},
    {"{\"id\":}", "id", "!"},
    {"{\"id\"}", "id", "!"},
    {"{id:1}", "id", "!"},
    {"{'id':1}", "id", "!"},
    {"{\"id\":1]", "id", "!"},
    {"[1}", "id", "!"},
    {"[1,]", "id", "!"},
    {"[1 2]", "id", "!"},
    {"{\"id\":1 \"b\":2}", "id", "!"},
    {"{\"id\":01}", "id", "!"},
    {"{\"id\":1.}", "id", "!"},
    {"{\"id\":.5}", "id", "!"},
    {"{\"id\":+1}", "id", "!"},
    {"{\"id\":-}", "id", "!"},
    {"{\"id\":1e}", "id", "!"},
    {"{\"id\":1e+}", "id", "!"},
    {"{\"id\":0x1}", "id", "!"},
    {"{\"id\":NaN}", "id", "!"},
    {"{\"id\":True}", "id", "!"},
    {"{\"id\":tru}", "id", "!"},
    {"{\"id\":nulls}", "id", "!"},
    {"{\"id\":\"a\nb\"}", "id", "!"},
    {"{\"id\":\"a\\x\"}", "id", "!"},
    {"{\"id\":\"a\\u12g4\"}", "id", "!"},
    {"{\"id\":\"a\\u12\"}", "id", "!"},
    {"{\"id\":\"a\\\"}", "id", "!"},
    {"{\"id\":\"a}", "id", "!"},
    {"{\"id\":\"\xff\"}", "id", "!"},
    {"{\"id\":\"\xc0\xaf\"}", "id", "!"},
    {"{\"\xff\":1,\"id\":2}", "id", "!"},
    {"\xef\xbb\xbf{\"id\":1}", "id", "!"},
    {"{\"id\":1,\"b\":[1,2}", "id", "!"},
    {"{\"id\":1/*c*/}", "id", "!"},
    {"{\"id\":1}\v", "id", "!"},
};

static void check(struct slice text, struct slice path, const char *want, const char *what)
{
    struct slice value = {NULL, 0};
    enum json_pick got = json_pick(text, path, &value);

    if (!want)
        is_int(got, JSON_PICK_ABSENT, what);
    else if (strcmp(want, "!") == 0)
        is_int(got, JSON_PICK_BAD, what);
    else
        ok(got == JSON_PICK_FOUND && slice_eq(value, slice_of(want)), "%s", what);
}

static void test_table(void)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char what[400];

        snprintf(what, sizeof what, "%s in %s", table[i].path, page_show(slice_of(table[i].text)));
        check(page_put(&page, slice_of(table[i].text)), slice_of(table[i].path), table[i].want,
              what);
    }
}

/* A valid object cut anywhere is none. */
static void test_cut(void)
{
    struct slice whole =
        SLICE("{\"a\":{\"id\":[true,-1.5e3,\"\\u00e9\\n\xc3\xa9\",null,{}]},\"b\":1}");
    size_t bad = 0;

    for (size_t n = 0; n < whole.n; n++) {
        struct slice value;

        bad += json_pick(page_put(&page, slice_make(whole.p, n)), SLICE("a.id"), &value) ==
               JSON_PICK_BAD;
    }
    is_int(bad, whole.n, "every proper beginning of a text is bad, and nothing is read behind it");
}

static void test_depth(void)
{
    char text[2 * JSON_PICK_DEPTH + 8], path[2 * JSON_PICK_DEPTH + 8];
    size_t n = 0;

    for (size_t depth = JSON_PICK_DEPTH; depth <= JSON_PICK_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        check(page_put(&page, slice_make(text, 2 * depth)), SLICE("id"),
              depth > JSON_PICK_DEPTH ? "!" : NULL,
              depth > JSON_PICK_DEPTH ? "one level too deep" : "as deep as allowed");
    }
    for (size_t i = 0; i < JSON_PICK_DEPTH + 1; i++) {
        path[n++] = 'a';
        path[n++] = '.';
    }
    check(SLICE("{\"a\":{\"a\":{\"a\":1}}}"), slice_make(path, n - 1), NULL,
          "a path longer than any text is deep");
}

static void check_elements(const char *array, const char *want)
{
    struct slice rest = page_put(&page, slice_of(array)), element;
    char got[100];
    size_t n = 0;

    while (n + 40 < sizeof got && json_pick_next(&rest, &element))
        n += (size_t)snprintf(got + n, sizeof got - n, "<%.*s>", (int)element.n, element.p);
    got[n] = '\0';
    is_str(got, want, array);
    ok(!json_pick_next(&rest, &element), "... and no more");
}

static void test_elements(void)
{
    check_elements("[]", "");
    check_elements("[ \n]", "");
    check_elements("[1]", "<1>");
    check_elements("[1,\"a\",null]", "<1><\"a\"><null>");
    check_elements("[ 1 , 2\r\n, 3 ]", "<1><2><3>");
    check_elements("[[1,2],{\"a\":[3,4]},[]]", "<[1,2]><{\"a\":[3,4]}><[]>");
    check_elements("[\"a,]}\",\"\\\"],\\\\\",\"[\"]", "<\"a,]}\"><\"\\\"],\\\\\"><\"[\">");
    check_elements("7", "");
    check_elements("", "");
}

int main(void)
{
    page = page_new(4096);
    test_table();
    test_cut();
    test_depth();
    test_elements();
    page_free(&page);
    return done_testing();
}
