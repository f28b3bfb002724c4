#include "proxy/hosts.h"

#include "base/limits.h"

#include <stdlib.h>
#include <sys/random.h>

/* Hosts that are looked at, those with most first, before nobody is found. */
#define LOOKS 64

void hosts_init(struct hosts *h)
{
    /* Even without entropy it works; an attacker could then make it slow. */
    (void)!getrandom(&h->seed, sizeof h->seed, 0);
    h->seed |= 1;
}

void hosts_fini(struct hosts *h)
{
    for (enum host_measure m = HOST_ALL; m < HOST_MEASURES; m++)
        heap_fini(&h->order[m]);
}

/* The bucket of an address; the host stands in it or at its end. */
static struct host **find(struct hosts *h, uint64_t address)
{
    struct host **at = &h->buckets[(address * h->seed >> 32) % HOST_BUCKETS];

    while (*at && (*at)->address != address)
        at = &(*at)->next;
    return at;
}

static uint64_t number_of(const struct cidr_address *a)
{
    uint64_t n = a->v6 ? 0 : 0xffff;

    for (int i = 0; i < (a->v6 ? 8 : 4); i++)
        n = n << 8 | a->bytes[i];
    return n;
}

static void append(struct host_place *place, enum host_use use, int64_t now_ms)
{
    struct host *host = place->host;

    place->use = use;
    place->since_ms = now_ms;
    place->next = NULL;
    place->prev = host->uses[use].last;
    *(place->prev ? &place->prev->next : &host->uses[use].first) = place;
    host->uses[use].last = place;
}

static void take_out(struct host_place *place)
{
    struct host *host = place->host;

    *(place->prev ? &place->prev->next : &host->uses[place->use].first) = place->next;
    *(place->next ? &place->next->prev : &host->uses[place->use].last) = place->prev;
}

/* A host that is in order moves without taking memory, so this can't fail. */
static void count(struct hosts *h, struct host *host, enum host_measure measure, int change)
{
    h->count[measure] += (size_t)change;
    (void)heap_set(&h->order[measure], &host->order[measure], host->order[measure].key - change);
}

static void end(struct hosts *h, struct host **at)
{
    struct host *host = *at;

    *at = host->next;
    for (enum host_measure m = HOST_ALL; m < HOST_MEASURES; m++)
        heap_unset(&h->order[m], &host->order[m]);
    free(host);
}

static struct host *begin(struct hosts *h, struct host **at, uint64_t address)
{
    struct host *host = *at = calloc(1, sizeof *host);

    if (!host)
        return NULL;
    host->address = address;
    for (enum host_measure m = HOST_ALL; m < HOST_MEASURES; m++)
        if (!heap_set(&h->order[m], &host->order[m], 0)) {
            end(h, at);
            return NULL;
        }
    return host;
}

bool hosts_enter(struct hosts *h, struct host_place *place, const struct cidr_address *from,
                 int64_t now_ms)
{
    uint64_t address = number_of(from);
    struct host **at = find(h, address);

    place->host = *at ? *at : begin(h, at, address);
    if (!place->host)
        return false;
    append(place, HOST_SILENT, now_ms);
    count(h, place->host, HOST_ALL, 1);
    return true;
}

void hosts_use(struct hosts *h, struct host_place *place, enum host_use use, int64_t now_ms)
{
    if (place->use == HOST_SILENT)
        count(h, place->host, HOST_TALKING, 1);
    take_out(place);
    append(place, use, now_ms);
}

void hosts_leave(struct hosts *h, struct host_place *place)
{
    struct host *host = place->host;

    take_out(place);
    place->host = NULL;
    if (place->use != HOST_SILENT)
        count(h, host, HOST_TALKING, -1);
    count(h, host, HOST_ALL, -1);
    if (host->order[HOST_ALL].key == 0)
        end(h, find(h, host->address));
}

size_t hosts_count(const struct host_place *place)
{
    return (size_t)-place->host->order[HOST_ALL].key;
}

struct host_place *hosts_spare_of(const struct host *host, enum host_measure measure,
                                  const struct host_place *but, int64_t now_ms)
{
    struct host_place *oldest = NULL;

    for (enum host_use use = measure == HOST_ALL ? HOST_SILENT : HOST_IDLE; use <= HOST_BUSY;
         use++) {
        struct host_place *p = host->uses[use].first;

        if (p && p == but)
            p = p->next;
        if (use == HOST_BUSY && (oldest || (p && now_ms - p->since_ms < LIMIT_SLOW_MS)))
            break;
        if (p && (!oldest || p->since_ms < oldest->since_ms))
            oldest = p;
    }
    return oldest;
}

struct host_place *hosts_spare(const struct hosts *h, enum host_measure measure,
                               const struct host_place *but, int64_t now_ms)
{
    const struct heap *order = &h->order[measure];
    struct host_place *p = NULL;

    for (size_t i = 0; i < LOOKS && i < order->count && !p; i++) {
        const struct heap_node *node = order->nodes[i], *first = node - measure;
        const struct host *host =
            (const void *)((const char *)first - offsetof(struct host, order));

        if (node->key <= order->nodes[0]->key / 2)
            p = hosts_spare_of(host, measure, but, now_ms);
    }
    return p;
}
