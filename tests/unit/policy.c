/* The trust policy as a table: what each status means, and how long an approval is trusted. */
#include "trust/policy.h"

#include "tap.h"

static void test_classify(void)
{
    for (unsigned status = 200; status < 600; status++) {
        enum policy_outcome want = POLICY_DENIAL;

        if (status < 300)
            want = POLICY_APPROVAL;
        if (status == 408 || status == 425 || status == 429 || status >= 500)
            want = POLICY_OUTAGE;
        if (policy_classify(status) != want)
            ok(false, "status %u is classified", status);
    }
    is_int(policy_classify(200), POLICY_APPROVAL, "200 is an approval");
    is_int(policy_classify(204), POLICY_APPROVAL, "204 is an approval");
    is_int(policy_classify(302), POLICY_DENIAL, "302 is a denial: any other answer");
    is_int(policy_classify(403), POLICY_DENIAL, "403 is a denial");
    is_int(policy_classify(408), POLICY_OUTAGE, "408 is an outage");
    is_int(policy_classify(425), POLICY_OUTAGE, "425 is an outage");
    is_int(policy_classify(429), POLICY_OUTAGE, "429 is an outage");
    is_int(policy_classify(503), POLICY_OUTAGE, "503 is an outage");
}

static const struct {
    unsigned status;
    const char *first, *second; /* Cache-Control fields; NULL: none */
    bool honor;
    int64_t want;
} windows[] = {
    {200, NULL, NULL, true, 1000},
    {200, "max-age=60", NULL, true, 1000},
    {200, "stale-if-error=10", NULL, true, 10},
    {200, "Stale-If-Error=10", NULL, true, 10},
    {200, "stale-if-error=\"10\"", NULL, true, 10},
    {200, "stale-if-error=0", NULL, true, 0},
    {200, "stale-if-error=5000", NULL, true, 1000},
    {200, "stale-if-error=99999999999999999999999999", NULL, true, 1000},
    {200, "stale-if-error=-1", NULL, true, 0},
    {200, "stale-if-error=1.5", NULL, true, 0},
    {200, "stale-if-error", NULL, true, 0},
    {200, "stale-if-error=", NULL, true, 0},
    {200, "stale-if-error= 10", NULL, true, 0},
    {200, "stale-if-error=30, stale-if-error=20", NULL, true, 20},
    {200, "stale-if-error=20", "stale-if-error=30", true, 20},
    {200, "private, stale-if-error=20 , max-age=1", NULL, true, 20},
    {200, "ext=\"a, stale-if-error=5\"", NULL, true, 1000},
    {200, "no-store", NULL, true, 0},
    {200, "No-Cache", NULL, true, 0},
    {200, "no-cache=\"Set-Cookie\"", NULL, true, 0},
    {200, "must-revalidate", NULL, true, 0},
    {200, "max-age=5", "must-revalidate", true, 0},
    {200, "no-store, stale-if-error=50", NULL, true, 0},
    {200, "stale-if-error=50, no-store", NULL, true, 0},
    {200, "no-store", NULL, false, 1000},
    {200, "no-store, stale-if-error=50", NULL, false, 50},
    {200, "no-stored", NULL, true, 1000},
    {200, "proxy-revalidate", NULL, true, 1000},
    {204, NULL, NULL, true, 1000},
    {206, NULL, NULL, true, 0},
    {302, NULL, NULL, true, 0},
    {403, "stale-if-error=50", NULL, true, 0},
    {503, NULL, NULL, true, 0},
};

static void test_windows(void)
{
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        static struct http_head head;
        struct policy p = {.window_s = 1000, .honor_no_store = windows[i].honor};
        const char *values[] = {windows[i].first, windows[i].second};

        memset(&head, 0, sizeof head);
        head.status = windows[i].status;
        for (size_t k = 0; k < 2; k++)
            if (values[k])
                head.fields[head.field_count++] =
                    (struct http_field){SLICE("Cache-Control"), slice_of(values[k])};
        if (!ok(policy_window_s(&p, &head) == windows[i].want, "window of %u, %s, %s%s",
                windows[i].status, values[0] ? values[0] : "-", values[1] ? values[1] : "-",
                windows[i].honor ? "" : ", honor_no_store off"))
            printf("# got %lld, want %lld\n", (long long)policy_window_s(&p, &head),
                   (long long)windows[i].want);
    }
}

static void test_no_window(void)
{
    static struct http_head head;
    struct policy p = {.window_s = 0, .honor_no_store = true};

    head.status = 200;
    is_int(policy_window_s(&p, &head), 0, "a window of 0 trusts nothing");
}

static void test_age(void)
{
    static const struct {
        const char *age;
        int64_t want;
    } ages[] = {{NULL, 0}, {"0", 0},   {"17", 17},  {"", 0},
                {"-1", 0}, {"1.5", 0}, {"1, 2", 0}, {"99999999999999999999", INT32_MAX}};

    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        static struct http_head head;

        memset(&head, 0, sizeof head);
        if (ages[i].age)
            head.fields[head.field_count++] =
                (struct http_field){SLICE("Age"), slice_of(ages[i].age)};
        is_int(policy_age_s(&head), ages[i].want, ages[i].age ? ages[i].age : "no Age");
    }
}

int main(void)
{
    test_classify();
    test_windows();
    test_no_window();
    test_age();
    return done_testing();
}
