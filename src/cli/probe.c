#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/nearest.h"

#include <stdio.h>

#define STATES (STATE_FAILED + 1)

struct probe {
    struct fetch fetch;
    bool live, ready;
    bool wanted[STATES]; /* any: asks for the state */
    bool asks_state;
};

static int read_word(struct probe *p, const char *word)
{
    struct nearest nearest;

    if (strcmp(word, "live") == 0) {
        p->live = true;
        return 0;
    }
    if (strcmp(word, "ready") == 0) {
        p->ready = true;
        return 0;
    }
    nearest_init(&nearest, slice_of(word));
    nearest_offer(&nearest, "live");
    nearest_offer(&nearest, "ready");
    for (enum state_name s = STATE_READY; s < STATES; s++) {
        if (slice_eq_nocase(slice_of(word), slice_of(state_text(s)))) {
            p->wanted[s] = p->asks_state = true;
            return 0;
        }
        nearest_offer(&nearest, state_text(s));
    }
    if (nearest.best)
        return command_fail_usage("probe: unknown state; did you mean %s?", nearest.best);
    return command_fail_usage("probe: unknown state; there are live, ready, Ready, Connected, "
                              "TrustBased and Failed");
}

/* 0, or the exit code. */
static int read_arguments(struct probe *p, int argc, char **argv)
{
    int words = 0;

    for (int i = 0; i < argc; i++) {
        int code = fetch_read_option(&p->fetch, argc, argv, &i);

        if (code == FETCH_OTHER && argv[i][0] == '-')
            return command_fail_usage("probe: unknown option; there are --url and --timeout");
        if (code == FETCH_OTHER) {
            words++;
            code = read_word(p, argv[i]);
        }
        if (code)
            return code;
    }
    if (p->live && words > 1)
        return command_fail_usage("probe: live stands alone");
    /* Among states it is one, too. */
    if (p->ready)
        p->wanted[STATE_READY] = true;
    return fetch_read_end(&p->fetch);
}

static int judge(const struct probe *p, unsigned status, const struct buf *body)
{
    enum state_name state;
    bool good;

    if (!p->asks_state) {
        good = status == 200;
        printf("probe: %s%s (status %u)\n", good ? "" : "not ", p->live ? "live" : "ready", status);
        return good ? 0 : 1;
    }
    if (status != 200 || !fetch_state(body, &state)) {
        printf("probe: the answer (status %u) tells no state; is this the status port?\n", status);
        return 1;
    }
    printf("probe: %s%s\n", state_text(state), p->wanted[state] ? "" : ", which is not as wanted");
    return p->wanted[state] ? 0 : 1;
}

int cli_probe(int argc, char **argv, unsigned verbosity)
{
    struct probe p = {.live = false};
    struct err err = {0};
    struct buf body;
    unsigned status;
    int rv;

    (void)verbosity;
    fetch_init(&p.fetch, "probe");
    rv = read_arguments(&p, argc, argv);
    if (rv)
        return rv;
    fetch_set_backstop(&p.fetch);
    buf_init(&body, FETCH_BODY);
    if (fetch_get(&p.fetch,
                  p.asks_state ? "/v1/status"
                  : p.live     ? "/livez"
                               : "/readyz",
                  &status, &body, &err)) {
        rv = judge(&p, status, &body);
    } else {
        printf("probe: %s\n", err.text);
        rv = 1;
    }
    buf_fini(&body);
    return rv;
}
