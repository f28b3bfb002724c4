#include "status/words.h"

#include "base/clock.h"

#include <stdio.h>

void words_duration(int64_t seconds, char out[WORDS_DURATION_SIZE])
{
    static const struct {
        int seconds;
        char name[4];
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    int64_t left = seconds > 0 ? seconds : 0;
    size_t i = 0;
    int n;

    while (i < 3 && left < units[i].seconds)
        i++;
    n = snprintf(out, WORDS_DURATION_SIZE, "%lld %s", (long long)(left / units[i].seconds),
                 units[i].name);
    left %= units[i].seconds;
    if (i < 3 && left >= units[i + 1].seconds)
        snprintf(out + n, WORDS_DURATION_SIZE - (size_t)n, " %d %s",
                 (int)left / units[i + 1].seconds, units[i + 1].name);
}

void words_date(int64_t wall_s, char out[WORDS_MOMENT_SIZE])
{
    clock_format_s(wall_s, out);
    out[10] = ' ';
    memcpy(out + 19, " UTC", sizeof " UTC");
}

void words_distance(int64_t ago_s, char out[WORDS_DISTANCE_SIZE])
{
    char duration[WORDS_DURATION_SIZE];

    words_duration(ago_s < 0 ? -ago_s : ago_s, duration);
    snprintf(out, WORDS_DISTANCE_SIZE, ago_s < 0 ? "in %s" : "%s ago", duration);
}

void words_moment(int64_t wall_s, int64_t ago_s, char out[WORDS_MOMENT_SIZE])
{
    char distance[WORDS_DISTANCE_SIZE];

    words_date(wall_s, out);
    words_distance(ago_s, distance);
    snprintf(out + 23, WORDS_MOMENT_SIZE - 23, ", %s", distance);
}

void words_headline(enum state_name state, bool draining, int64_t trust_left_s,
                    int64_t since_answer_s, char out[WORDS_HEADLINE_SIZE])
{
    char left[WORDS_DURATION_SIZE];
    const char *text;

    words_duration(trust_left_s, left);
    if (draining)
        text = "Shutting down: requests under way are finished, new ones refused";
    else if (state == STATE_READY)
        text = "Starting: the license server has not answered yet";
    else if (state == STATE_CONNECTED)
        text = "Connected: the license server answers";
    else if (state == STATE_TRUST_BASED)
        text = "Services keep running for %s without the license server";
    else if (since_answer_s < 0)
        text = "Services are refused: the license server has never answered";
    else
        text = "Trust has ended: services are refused until the license server answers";
    snprintf(out, WORDS_HEADLINE_SIZE, text, left);
}

const char *words_advice(enum err_stage stage)
{
    switch (stage) {
    case STAGE_DNS:
        return "Check server_url for a typing error, and this machine's DNS. If only an egress "
               "proxy knows outside names, set HTTPS_PROXY.";
    case STAGE_CONNECT:
        return "A firewall may be in the way: let this machine reach that address and port, or "
               "set HTTPS_PROXY if only a proxy leads out.";
    case STAGE_PROXY:
        return "Check the egress proxy's address, user and password, and that it allows the "
               "license server's name and port.";
    case STAGE_TLS:
        return "No secure connection: if a device on the way opens TLS, or the license server "
               "has its own authority, name that authority's file as ca_file.";
    case STAGE_SEND:
    case STAGE_HEAD:
    case STAGE_BODY:
        return "The connection was made, but no whole answer came. If it lasts, look for a "
               "firewall or proxy that cuts connections, then ask the vendor.";
    case STAGE_STATUS:
        return "The license server was reached, but is overloaded or has a fault of its own. "
               "Wait; if it lasts, ask the vendor.";
    case STAGE_NONE:
        break;
    }
    return "";
}

bool words_to_state(struct slice text, enum state_name *state)
{
    for (*state = STATE_READY; *state <= STATE_FAILED; (*state)++)
        if (slice_eq(text, slice_of(state_text(*state))))
            return true;
    return false;
}

enum err_stage words_to_stage(struct slice name)
{
    for (enum err_stage stage = STAGE_DNS; stage <= STAGE_STATUS; stage++)
        if (slice_eq(name, slice_of(err_stage_name(stage))))
            return stage;
    return STAGE_NONE;
}
