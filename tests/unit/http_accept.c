/* Accept fields: which quality a media type gets. */
#include "format/http_accept.h"

#include "tap.h"

/* The quality of a type by one or two Accept fields; "" for none. */
static unsigned quality(const char *first, const char *second, const char *type, bool *by_name)
{
    struct http_head head = {0};

    if (first[0])
        head.fields[head.field_count++] = (struct http_field){SLICE("Accept"), slice_of(first)};
    if (second[0])
        head.fields[head.field_count++] = (struct http_field){SLICE("ACCEPT"), slice_of(second)};
    return http_accept_quality(&head, type, "1.0.0", by_name);
}

int main(void)
{
    static const struct {
        const char *accept, *more;
        unsigned open, plain;
        bool by_name;
    } cases[] = {
        {"", "", 1000, 1000, false},
        {"*/*", "", 1000, 1000, false},
        {"text/plain", "", 0, 1000, false},
        {"text/*;q=0.3", "", 0, 300, false},
        {"application/openmetrics-text", "", 1000, 0, true},
        {"Application/OpenMetrics-Text ; VERSION=1.0.0 ; Q=0.5", "", 500, 0, true},
        {"application/openmetrics-text; version=\"1.0.0\"", "", 1000, 0, true},
        {"application/openmetrics-text;version=0.0.1", "", 0, 0, false},
        {"application/openmetrics-text;version=2.0.0,*/*;q=0.1", "", 100, 100, false},
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=1.0.0;q=0.5,*/*;q=0.1",
         "", 1000, 500, true},
        {"application/openmetrics-text;q=0,*/*", "", 0, 1000, true},
        {"*/*,application/openmetrics-text;q=0.1", "", 100, 1000, true},
        {"*/*;q=0.9,text/*;q=0.2,application/*;q=0.4", "", 400, 200, false},
        {"text/plain;q=0.1,text/plain;q=0.9", "", 0, 900, false},
        {"text/plain;q=0.1", "application/openmetrics-text;q=0.2", 200, 100, true},
        {"text/html, application/xml", "", 0, 0, false},
        {"text/plain;q=1.000", "", 0, 1000, false},
        {"text/plain;q=0.123", "", 0, 123, false},
        {"text/plain;q=", "", 0, 0, false},
        {"text/plain;q=2", "", 0, 0, false},
        {"text/plain;q=1.001", "", 0, 0, false},
        {"text/plain;q=0.1234", "", 0, 0, false},
        {"text/plain;q=-1", "", 0, 0, false},
        {"text/plain;q=.5", "", 0, 0, false},
        {"text/plain;q=05", "", 0, 0, false},
        {"text/plain;;q=0.5;", "", 0, 500, false},
        {"text/", "", 0, 0, false},
        {"text", "", 0, 0, false},
        {"*", "", 0, 0, false},
        {"/*", "", 0, 0, false},
        {",,;,=,;q=1", "", 0, 0, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool by_name = false;

        is_int(quality(cases[i].accept, cases[i].more, "application/openmetrics-text", &by_name),
               cases[i].open, cases[i].accept);
        is_int(by_name, cases[i].by_name, "by name or by a wildcard");
        is_int(quality(cases[i].accept, cases[i].more, "text/plain", NULL), cases[i].plain,
               "text/plain");
    }
    return done_testing();
}
