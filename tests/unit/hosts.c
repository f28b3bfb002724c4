/*
 * Who makes room: the host that has most, with what it uses least. Random comings and goings are
 * compared with what looking at all connections says.
 */
#include "proxy/hosts.h"

#include "base/limits.h"
#include "tap.h"

#include <stdlib.h>

enum { PLACES = 300, HOSTS = 20, STEPS = 200000 };

static struct hosts hosts;
static struct host_place places[PLACES];
static int from[PLACES]; /* the host's number; -1: free */
static int64_t now_ms;

static struct cidr_address address_of(int number)
{
    struct cidr_address a = {.v6 = number % 2, .bytes = {10, 0, 0, (uint8_t)number}};

    /* Whatever the last 64 bits are, it is the same host. */
    if (a.v6)
        a.bytes[8 + rand() % 8] = (uint8_t)rand();
    return a;
}

static void start(void)
{
    memset(&hosts, 0, sizeof hosts);
    memset(places, 0, sizeof places);
    for (int i = 0; i < PLACES; i++)
        from[i] = -1;
    now_ms = 1000000;
    hosts_init(&hosts);
}

static void come(int i, int number)
{
    struct cidr_address a = address_of(number);

    if (!hosts_enter(&hosts, &places[i], &a, now_ms))
        abort();
    from[i] = number;
}

static void go(int i)
{
    hosts_leave(&hosts, &places[i]);
    from[i] = -1;
}

static void stop(void)
{
    for (int i = 0; i < PLACES; i++)
        if (from[i] >= 0)
            go(i);
    is_int(hosts.count[HOST_ALL], 0, "in the end nobody is left");
    is_int(hosts.count[HOST_TALKING], 0, "who talks");
    is_int(hosts.order[HOST_ALL].count + hosts.order[HOST_TALKING].count, 0, "nor a host");
    hosts_fini(&hosts);
}

static bool is_counted(int i, enum host_measure measure)
{
    return from[i] >= 0 && (measure == HOST_ALL || places[i].use != HOST_SILENT);
}

static bool rests(int i, enum host_measure measure)
{
    return is_counted(i, measure) && (places[i].use == HOST_SILENT || places[i].use == HOST_IDLE);
}

static bool is_slow(int i)
{
    return from[i] >= 0 && places[i].use == HOST_BUSY &&
           now_ms - places[i].since_ms >= LIMIT_SLOW_MS;
}

static int connections_of(int number, enum host_measure measure)
{
    int n = 0;

    for (int i = 0; i < PLACES; i++)
        n += from[i] == number && is_counted(i, measure);
    return n;
}

static bool has_spare(int number, enum host_measure measure)
{
    for (int i = 0; i < PLACES; i++)
        if (from[i] == number && (rests(i, measure) || is_slow(i)))
            return true;
    return false;
}

/* Whether what was chosen is what had to be. */
static bool is_right(const struct host_place *p, enum host_measure measure)
{
    int chosen, most = 0;
    bool resting = false;

    for (int n = 0; n < HOSTS; n++)
        if (connections_of(n, measure) > most)
            most = connections_of(n, measure);
    if (!p) {
        for (int n = 0; n < HOSTS; n++)
            if (connections_of(n, measure) >= (most + 1) / 2 && has_spare(n, measure))
                return false;
        return true;
    }
    chosen = from[p - places];
    if (connections_of(chosen, measure) < most / 2)
        return false;
    for (int n = 0; n < HOSTS; n++)
        if (connections_of(chosen, measure) < most && connections_of(n, measure) == most &&
            has_spare(n, measure))
            return false;
    for (int i = 0; i < PLACES; i++)
        resting = resting || (from[i] == chosen && rests(i, measure));
    for (int i = 0; i < PLACES; i++)
        if (from[i] == chosen && (resting ? rests(i, measure) : is_slow(i)) &&
            places[i].since_ms < p->since_ms)
            return false;
    return resting ? rests((int)(p - places), measure) : is_slow((int)(p - places));
}

static void test_random(void)
{
    int wrong = 0, chosen = 0;

    start();
    srand(1);
    for (int step = 0; step < STEPS; step++) {
        /* Some hosts have more than others. */
        int i = rand() % PLACES, number = rand() % (1 + rand() % HOSTS);

        now_ms += rand() % 20;
        if (from[i] < 0)
            come(i, number);
        else if (rand() % 8 == 0)
            go(i);
        else
            hosts_use(&hosts, &places[i], HOST_IDLE + (unsigned)rand() % 3, now_ms);
        if (step % 101 == 0)
            for (enum host_measure m = HOST_ALL; m < HOST_MEASURES; m++) {
                struct host_place *p = hosts_spare(&hosts, m, NULL, now_ms);

                chosen += p != NULL;
                wrong += !is_right(p, m);
            }
    }
    is_int(wrong, 0, "the right one makes room");
    ok(chosen > STEPS / 101, "mostly somebody can (%d)", chosen);
    stop();
}

static void test_rules(void)
{
    start();
    ok(!hosts_spare(&hosts, HOST_ALL, NULL, now_ms), "of none, none can be spared");
    come(0, 0);
    ok(!hosts_spare(&hosts, HOST_ALL, &places[0], now_ms), "nor the only one, for itself");
    is_int(hosts.count[HOST_TALKING], 0, "who is silent doesn't talk");
    come(1, 2);
    come(2, 2);
    ok(hosts_spare(&hosts, HOST_ALL, &places[0], now_ms) == &places[1],
       "who has two makes room, with the older");
    hosts_use(&hosts, &places[1], HOST_KEPT, now_ms);
    ok(hosts_spare(&hosts, HOST_ALL, NULL, now_ms) == &places[2], "who waits for us is kept");
    hosts_use(&hosts, &places[2], HOST_BUSY, now_ms);
    ok(hosts_spare(&hosts, HOST_ALL, NULL, now_ms) == &places[0],
       "before one who is busy, another host's that rests");
    now_ms += LIMIT_SLOW_MS;
    ok(hosts_spare(&hosts, HOST_ALL, NULL, now_ms) == &places[2], "unless he is slow");
    ok(hosts_spare_of(places[0].host, HOST_ALL, NULL, now_ms) == &places[0], "of one host alone");
    is_int(hosts.count[HOST_TALKING], 2, "two talk");
    is_int(hosts_count(&places[1]), 2, "of one host");
    hosts_use(&hosts, &places[2], HOST_KEPT, now_ms);
    ok(!hosts_spare(&hosts, HOST_TALKING, NULL, now_ms), "who is silent makes no room for talk");
    come(3, 3);
    come(4, 3);
    ok(places[3].host == places[4].host, "a network of 64 bits is one host");
    stop();
}

int main(void)
{
    test_rules();
    test_random();
    return done_testing();
}
