#include "base/err.h"
#include "tap.h"

static void check_first_stays(void)
{
    struct err e = {0};

    ok(!err_is_set(&e), "nothing is set at first");
    err_set(&e, ERR_CONFIG, "%s:%d", "file", 3);
    ok(err_is_set(&e) && e.code == ERR_CONFIG && e.stage == STAGE_NONE && e.status == 0, "set");
    is_str(e.text, "file:3", "with its text");
    err_set(&e, ERR_TLS, "later");
    err_set_http(&e, ERR_LIMIT, 431, "later");
    err_set_stage(&e, ERR_TIMEOUT, STAGE_DNS, "later");
    ok(e.code == ERR_CONFIG && e.stage == STAGE_NONE && e.status == 0 &&
           strcmp(e.text, "file:3") == 0,
       "the first one stays");
    err_clear(&e);
    ok(!err_is_set(&e) && e.text[0] == '\0', "until it is cleared");
    err_set_http(&e, ERR_LIMIT, 431, "too %s", "large");
    ok(e.code == ERR_LIMIT && e.status == 431 && e.stage == STAGE_NONE, "with a status");
    err_clear(&e);
    err_set_stage(&e, ERR_TIMEOUT, STAGE_HEAD, "none in %d s", 10);
    ok(e.code == ERR_TIMEOUT && e.stage == STAGE_HEAD && e.status == 0, "with a stage");
    is_str(e.text, "none in 10 s", "and its text");
    err_set(NULL, ERR_TLS, "nobody asked");
    err_set_http(NULL, ERR_TLS, 500, "nobody asked");
    err_set_stage(NULL, ERR_TLS, STAGE_TLS, "nobody asked");
}

static void check_bound(void)
{
    char text[LIMIT_ERR_TEXT * 2];
    struct err e = {0};

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&e, ERR_SYSTEM, "%s", text);
    is_int(strlen(e.text), LIMIT_ERR_TEXT - 1, "a long text is cut at its bound");
}

static void check_names(void)
{
    static const char *const names[] = {"",     "dns",  "connect", "proxy", "tls",
                                        "send", "head", "body",    "status"};

    for (int i = STAGE_NONE; i <= STAGE_STATUS; i++)
        is_str(err_stage_name((enum err_stage)i), names[i], "the name of a stage");
}

static void check_exit_codes(void)
{
    static const int codes[] = {71, 64, 78, 69, 73, 77, 71, 71, 78, 78, 69, 69, 69};

    for (int i = ERR_NONE; i <= ERR_TLS; i++) {
        struct err e = {.code = (enum err_code)i};

        is_int(err_exit_code(&e), codes[i], "an exit code of sysexits");
    }
}

int main(void)
{
    check_first_stays();
    check_bound();
    check_names();
    check_exit_codes();
    return done_testing();
}
