#include "trust/policy.h"

enum policy_outcome policy_classify(unsigned status)
{
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return POLICY_OUTAGE;
    return status >= 200 && status < 300 ? POLICY_APPROVAL : POLICY_DENIAL;
}

/* An unreadable number of seconds counts as none: in doubt, an answer is trusted for less. */
static int64_t shortened(int64_t window_s, struct slice argument)
{
    uint64_t seconds;

    if (argument.n == 0)
        return 0;
    for (size_t i = 0; i < argument.n; i++)
        if (argument.p[i] < '0' || argument.p[i] > '9')
            return 0;
    if (!slice_to_u64(argument, INT64_MAX, &seconds))
        return window_s; /* digits, but more than any window */
    return (int64_t)seconds < window_s ? (int64_t)seconds : window_s;
}

int64_t policy_window_s(const struct policy *p, const struct http_head *answer)
{
    int64_t window_s = p->window_s;
    const struct http_field *field;
    size_t from = 0;

    if (policy_classify(answer->status) != POLICY_APPROVAL || answer->status == 206)
        return 0;
    while ((field = http_head_next(answer, SLICE("cache-control"), &from))) {
        struct slice rest = field->value, directive;

        while (slice_next_element(&rest, &directive)) {
            struct slice name = slice_cut(&directive, '=');

            if (slice_eq_nocase(name, SLICE("stale-if-error")))
                window_s = shortened(window_s, slice_unquote(directive));
            else if (p->honor_no_store && (slice_eq_nocase(name, SLICE("no-store")) ||
                                           slice_eq_nocase(name, SLICE("no-cache")) ||
                                           slice_eq_nocase(name, SLICE("must-revalidate"))))
                window_s = 0;
        }
    }
    return window_s;
}

int64_t policy_age_s(const struct http_head *answer)
{
    const struct http_field *f = http_head_only(answer, SLICE("age"));
    uint64_t age;

    /* RFC 9111 section 1.2.2: what is too large counts as the largest. */
    if (!f || f->value.n == 0)
        return 0;
    for (size_t i = 0; i < f->value.n; i++)
        if (f->value.p[i] < '0' || f->value.p[i] > '9')
            return 0;
    return slice_to_u64(f->value, INT32_MAX, &age) ? (int64_t)age : INT32_MAX;
}
