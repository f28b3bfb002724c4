/*
 * What an answer means for trust: pure decisions, as in the design's section on trust.
 */
#ifndef TRUST_POLICY_H
#define TRUST_POLICY_H

#include "format/http_parse.h"

enum policy_outcome {
    POLICY_APPROVAL, /* 2xx: stored, and served in an outage while its window lasts */
    POLICY_DENIAL,   /* any other answer: removes what is stored under its key */
    POLICY_OUTAGE    /* 408, 425, 429, 5xx: the server gave no verdict */
};

/* Of a complete response's status. */
enum policy_outcome policy_classify(unsigned status);

struct policy {
    int64_t window_s;    /* the configured trust window */
    bool honor_no_store; /* no-store, no-cache and must-revalidate answers are not trusted */
};

/*
 * For how many seconds an approval may be served in an outage, counted from its validation: the
 * configured window, shortened by Cache-Control: stale-if-error (RFC 5861 section 4), never
 * lengthened. 0: not at all (also for 206, which is a part of an answer).
 */
int64_t policy_window_s(const struct policy *p, const struct http_head *answer);

/*
 * How many seconds ago the answer was validated, by its Age field: a cache on the way, such as
 * another license-proxy that serves from trust, gains no trust by passing it on. 0 without one.
 */
int64_t policy_age_s(const struct http_head *answer);

#endif
