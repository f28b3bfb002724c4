/* What a person is told: durations, headlines, advice. */
#include "status/words.h"

#include "tap.h"

static void check_duration(int64_t seconds, const char *want)
{
    char text[WORDS_DURATION_SIZE];

    words_duration(seconds, text);
    is_str(text, want, text);
}

static void check_headline(enum state_name state, bool draining, int64_t left, int64_t since,
                           const char *want)
{
    char text[WORDS_HEADLINE_SIZE];

    words_headline(state, draining, left, since, text);
    is_str(text, want, text);
}

static void durations(void)
{
    char text[WORDS_DURATION_SIZE];

    check_duration(0, "0 s");
    check_duration(-5, "0 s");
    check_duration(INT64_MIN, "0 s");
    check_duration(45, "45 s");
    check_duration(59, "59 s");
    check_duration(60, "1 min");
    check_duration(61, "1 min 1 s");
    check_duration(3599, "59 min 59 s");
    check_duration(3600, "1 h");
    check_duration(3659, "1 h");
    check_duration(3 * 3600 + 12 * 60 + 59, "3 h 12 min");
    check_duration(86399, "23 h 59 min");
    check_duration(86400 + 3599, "1 d");
    check_duration(6 * 86400 + 4 * 3600 + 3599, "6 d 4 h");
    check_duration(366 * 86400, "366 d");
    words_duration(INT64_MAX, text);
    is_str(text, "106751991167300 d 15 h", "the longest there is");
}

static void moments(void)
{
    char text[WORDS_MOMENT_SIZE];

    words_moment(1641075048, 725, text);
    is_str(text, "2022-01-01 22:10:48 UTC, 12 min 5 s ago", "a moment that is past");
    words_moment(1641075048, 0, text);
    is_str(text, "2022-01-01 22:10:48 UTC, 0 s ago", "now");
    words_moment(1641075048, -86400, text);
    is_str(text, "2022-01-01 22:10:48 UTC, in 1 d", "one to come");
    words_moment(253402300799, -INT64_MAX, text);
    is_str(text, "9999-12-31 23:59:59 UTC, in 106751991167300 d 15 h", "the longest");
    words_date(0, text);
    is_str(text, "1970-01-01 00:00:00 UTC", "a date");
}

static void headlines(void)
{
    check_headline(STATE_READY, false, 0, -1, "Starting: the license server has not answered yet");
    check_headline(STATE_CONNECTED, false, 604800, 3, "Connected: the license server answers");
    check_headline(STATE_TRUST_BASED, false, 6 * 86400 + 4 * 3600 + 5, 60,
                   "Services keep running for 6 d 4 h without the license server");
    check_headline(STATE_FAILED, false, -5, 90,
                   "Trust has ended: services are refused until the license server answers");
    check_headline(STATE_FAILED, false, 0, -1,
                   "Services are refused: the license server has never answered");
    check_headline(STATE_CONNECTED, true, 604800, 3,
                   "Shutting down: requests under way are finished, new ones refused");
    check_headline(STATE_TRUST_BASED, false, INT64_MAX, 0,
                   "Services keep running for 106751991167300 d 15 h without the license server");
}

static void advice(void)
{
    is_str(words_advice(STAGE_NONE), "", "no advice where nothing failed");
    for (enum err_stage s = STAGE_DNS; s <= STAGE_STATUS; s++) {
        const char *text = words_advice(s);
        size_t n = strlen(text);

        ok(n > 20 && n < 200 && text[n - 1] == '.', "%s: %s", err_stage_name(s), text);
        is_int(words_to_stage(slice_of(err_stage_name(s))), s, "the stage of that name");
    }
    is_int(words_to_stage(SLICE("")), STAGE_NONE, "no stage has no name");
    is_int(words_to_stage(SLICE("DNS")), STAGE_NONE, "nor another spelling");
}

static void states(void)
{
    enum state_name got;

    for (enum state_name s = STATE_READY; s <= STATE_FAILED; s++) {
        ok(words_to_state(slice_of(state_text(s)), &got), "%s is a state", state_text(s));
        is_int(got, s, "and that one");
    }
    ok(!words_to_state(SLICE("Connecte"), &got), "a part of a name is none");
    ok(!words_to_state(SLICE(""), &got), "nor is nothing");
}

int main(void)
{
    durations();
    moments();
    headlines();
    advice();
    states();
    return done_testing();
}
