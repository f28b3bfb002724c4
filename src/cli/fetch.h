/*
 * A blocking client of a running proxy's status port, for commands that have nothing else to do
 * meanwhile, and the options that they share.
 */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "format/uri.h"
#include "trust/state.h"

#define FETCH_BODY 65536 /* what the status port's answers are at most */

struct fetch {
    const char *command; /* for messages; borrowed for the life, as is url */
    const char *url;     /* NULL: default_url */
    int64_t timeout_s;   /* of one answer */
    char default_url[80];
    struct uri uri; /* of url; its path without '/' at the end */
};

void fetch_init(struct fetch *f, const char *command);

/*
 * Takes argv[*i], and its value behind it, if it is --url, --timeout or -v. Returns 0; FETCH_OTHER,
 * with nothing taken, for anything else; or the exit code after a mistake, which was told.
 */
#define FETCH_OTHER (-1)
int fetch_read_option(struct fetch *f, int argc, char **argv, int *i);

/*
 * After the options: checks the URL, or makes the default one, which is where serve listens when it
 * is given the same environment. f must not be moved from here on. 0, or the exit code.
 */
int fetch_read_end(struct fetch *f);

/*
 * Gets a path below the URL: the status and the body (appended; its bound holds). False:
 * ERR_TIMEOUT, ERR_UNREACHABLE, ERR_CLOSED, ERR_SYNTAX, ERR_LIMIT, ERR_CONFIG. Only looking up a
 * host's name may take longer than the timeout.
 */
bool fetch_get(const struct fetch *f, const char *path, unsigned *status, struct buf *body,
               struct err *err);

/* The state that the answer to /v1/status or /v1/details tells. False: it tells none. */
bool fetch_state(const struct buf *body, enum state_name *state);

/* Ends the process with exit code 1, and a line on stdout, a second after the timeout. */
void fetch_set_backstop(const struct fetch *f);

#endif
