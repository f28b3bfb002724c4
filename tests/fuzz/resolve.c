/*
 * Messages of the process that looks names up: whatever it says, each look-up gets at most one
 * answer, only the one that was asked and those that wait for the same name get it, and it is
 * addresses that can be connected to, or an error in words.
 *
 * The input is cut into messages: a byte that says how (whole, cut, too long, or arbitrary bytes
 * laid over a good one), then what it holds.
 */
#include "net/resolve.h"

#include <stdlib.h>
#include <string.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define QUERIES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct waiter {
    struct resolve_query query;
    unsigned answers;
    size_t count; /* addresses */
};

/* Names 0 and 2 are the same. */
static const char *const hosts[QUERIES] = {"a.example", "b.example", "a.example", "c.example"};

static void on_answer(struct resolve_query *q, const struct resolve_answer *answer,
                      const struct err *err)
{
    struct waiter *w = LOOP_OWNER(q, struct waiter, query);

    w->answers++;
    MUST(w->answers == 1 && !answer == !!err);
    if (!answer) {
        MUST(err->stage == STAGE_DNS && err->code == ERR_UNREACHABLE);
        MUST(strncmp(err->text, q->host, strlen(q->host)) == 0);
        return;
    }
    MUST(answer->count > 0 && answer->count <= LIMIT_ADDRESSES);
    for (size_t i = 0; i < answer->count; i++) {
        struct sockaddr_storage sa;
        socklen_t n = resolve_sockaddr(&answer->list[i], 443, &sa);

        MUST(sa.ss_family == AF_INET
                 ? n == sizeof(struct sockaddr_in)
                 : sa.ss_family == AF_INET6 && n == sizeof(struct sockaddr_in6));
    }
    w->count = answer->count;
}

static struct slice take(struct slice *rest, size_t n)
{
    struct slice s = slice_make(rest->p, n < rest->n ? n : rest->n);

    *rest = slice_make(rest->p + s.n, rest->n - s.n);
    return s;
}

/* Which queries the message must answer: those with the host of the one it names. */
static void check(const struct waiter *w, const unsigned before[QUERIES],
                  const struct resolve_reply *reply, bool whole)
{
    size_t asked = QUERIES;

    for (size_t i = 0; i < QUERIES; i++)
        if (whole && before[i] == 0 && w[i].query.id == reply->id)
            asked = i;
    for (size_t i = 0; i < QUERIES; i++) {
        bool meant = asked < QUERIES && strcmp(hosts[i], hosts[asked]) == 0;

        MUST(w[i].answers == (meant ? 1 : before[i]));
        if (meant && before[i] == 0 && w[i].count > 0)
            MUST(reply->error == 0 && w[i].count == reply->answer.count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct resolve r;
    struct slice rest = slice_make((const char *)data, size);
    struct waiter w[QUERIES];
    struct loop loop;

    loop_init(&loop);
    memset(&r, 0, sizeof r);
    memset(w, 0, sizeof w);
    r.loop = &loop;
    r.helper = r.io.fd = -1;
    for (size_t i = 0; i < QUERIES; i++) {
        w[i].query.on_answer = on_answer;
        resolve_ask(&r, &w[i].query, hosts[i], 1000);
    }
    while (rest.n > 0) {
        struct slice how = take(&rest, 1), bytes;
        char message[sizeof(struct resolve_reply) + 8] = {0};
        struct resolve_reply reply;
        unsigned before[QUERIES];
        size_t n = sizeof reply;

        memset(&reply, 0, sizeof reply);
        reply.id = (unsigned char)how.p[0] % (QUERIES + 2);
        reply.answer.count = 1;
        memcpy(message, &reply, sizeof reply);
        bytes = take(&rest, how.p[0] & 64 ? sizeof reply : 20);
        if (how.p[0] & 32 && bytes.n > 0)
            memcpy(message, bytes.p, bytes.n);
        else if (bytes.n > sizeof reply.id) /* all but the number */
            memcpy(message + sizeof reply.id, bytes.p, bytes.n - sizeof reply.id);
        if (how.p[0] & 16 && bytes.n > 0)
            n = (unsigned char)bytes.p[0] % sizeof message;
        memcpy(&reply, message, sizeof reply);
        for (size_t i = 0; i < QUERIES; i++)
            before[i] = w[i].answers;
        resolve_take(&r, slice_make(message, n));
        check(w, before, &reply, n == sizeof reply);
        if (how.p[0] & 8) /* what is known serves the next who asks, once the loop turns */
            MUST(r.asked == 0);
    }
    for (size_t i = 0; i < QUERIES; i++)
        resolve_cancel(&r, &w[i].query);
    MUST(!r.queries);
    loop_unset(&loop, &r.tick);
    loop_fini(&loop);
    return 0;
}
