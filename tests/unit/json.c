#include "format/json.h"

#include "tap.h"

static struct buf out;
static struct json j;

static const char *text(void)
{
    static char copy[4096];

    slice_copy(buf_slice(&out), copy, sizeof copy);
    return copy;
}

static void start(size_t bound)
{
    buf_fini(&out);
    buf_init(&out, bound);
    json_init(&j, &out);
}

static void test_structure(void)
{
    start(1000);
    ok(!json_done(&j), "nothing yet is no complete text");
    json_begin_object(&j);
    json_key(&j, "state");
    json_cstring(&j, "Connected");
    json_key(&j, "none");
    json_cstring(&j, NULL);
    json_key(&j, "numbers");
    json_begin_array(&j);
    json_int(&j, INT64_MIN);
    json_int(&j, 0);
    json_int(&j, INT64_MAX);
    json_end_array(&j);
    json_key(&j, "empty");
    json_begin_array(&j);
    json_end_array(&j);
    json_key(&j, "nested");
    json_begin_array(&j);
    json_begin_object(&j);
    json_end_object(&j);
    json_begin_object(&j);
    json_key(&j, "a\"b");
    json_bool(&j, true);
    json_end_object(&j);
    json_bool(&j, false);
    json_null(&j);
    json_end_array(&j);
    ok(!json_done(&j), "an open object is no complete text");
    json_end_object(&j);
    ok(json_done(&j), "closed: complete");
    is_str(text(),
           "{\"state\":\"Connected\",\"none\":null,\"numbers\":[-9223372036854775808,0,"
           "9223372036854775807],\"empty\":[],\"nested\":[{},{\"a\\\"b\":true},false,null]}",
           "commas, nesting, numbers, null, no spaces");
}

static void test_strings(void)
{
    static const struct {
        struct slice in;
        const char *want, *what;
    } table[] = {
        {SLICE(""), "\"\"", "empty"},
        {SLICE("plain"), "\"plain\"", "plain"},
        {SLICE("\"\\/"), "\"\\\"\\\\/\"", "quote and backslash; a slash stays"},
        {SLICE("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"", "controls with short escapes"},
        {SLICE("\x01\x1f\x7f"), "\"\\u0001\\u001f\\u007f\"", "other controls and DEL"},
        {SLICE("a\0b"), "\"a\\u0000b\"", "NUL"},
        {SLICE("\xc2\x80\xc2\x9f\xc2\xa0"), "\"\\u0080\\u009f\xc2\xa0\"", "C1 controls"},
        {SLICE("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
         "characters of 2, 3 and 4 bytes stay"},
        {SLICE("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\"", "the last code point"},
        {SLICE("\x80"), "\"\xef\xbf\xbd\"", "a lone continuation byte"},
        {SLICE("a\xc3"), "\"a\xef\xbf\xbd\"", "cut short at the end"},
        {SLICE("\xc3(b"), "\"\xef\xbf\xbd(b\"", "what follows a bad byte is kept"},
        {SLICE("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"", "an overlong slash"},
        {SLICE("\xe0\x80\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "overlong, 3 bytes"},
        {SLICE("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "a surrogate"},
        {SLICE("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
         "beyond U+10FFFF"},
        {SLICE("\xff"), "\"\xef\xbf\xbd\"", "a byte that UTF-8 never has"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        start(1000);
        json_string(&j, table[i].in);
        is_str(text(), table[i].want, table[i].what);
        ok(json_done(&j), "%s: complete", table[i].what);
    }
}

static void test_failures(void)
{
    start(1000);
    for (int i = 0; i < JSON_DEPTH; i++)
        json_begin_array(&j);
    for (int i = 0; i < JSON_DEPTH; i++)
        json_end_array(&j);
    ok(json_done(&j), "the depth that is allowed");

    start(1000);
    for (int i = 0; i < JSON_DEPTH + 1; i++)
        json_begin_array(&j);
    for (int i = 0; i < JSON_DEPTH + 1; i++)
        json_end_array(&j);
    ok(!json_done(&j), "one level more fails");

    start(8);
    json_cstring(&j, "123456");
    ok(json_done(&j), "a text of exactly the bound");
    start(8);
    json_cstring(&j, "1234567");
    ok(!json_done(&j), "one byte more fails");
    ok(buf_slice(&out).n <= 8, "and the bound is kept");

    start(100);
    json_int(&j, 1);
    json_int(&j, 2);
    ok(!json_done(&j), "two values at the top fail");
    start(100);
    json_begin_object(&j);
    json_key(&j, "a");
    json_end_object(&j);
    ok(!json_done(&j), "a key without its value fails");
    start(100);
    json_end_object(&j);
    ok(!json_done(&j), "closing what isn't open fails");
    start(100);
    json_key(&j, "a");
    json_int(&j, 1);
    ok(!json_done(&j), "a key outside of an object fails");
}

int main(void)
{
    buf_init(&out, 0);
    test_structure();
    test_strings();
    test_failures();
    buf_fini(&out);
    return done_testing();
}
