#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

static void put_at(struct heap *h, size_t i, struct heap_node *node)
{
    h->nodes[i] = node;
    node->place = i + 1;
}

static void sift(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];

    while (i > 0 && h->nodes[(i - 1) / 2]->key > node->key) {
        put_at(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < h->count && h->nodes[child + 1]->key < h->nodes[child]->key)
            child++;
        if (child >= h->count || h->nodes[child]->key >= node->key)
            break;
        put_at(h, i, h->nodes[child]);
        i = child;
    }
    put_at(h, i, node);
}

bool heap_set(struct heap *h, struct heap_node *node, int64_t key)
{
    if (node->place == 0) {
        if (h->count == h->cap) {
            size_t cap = h->cap ? h->cap * 2 : 32;
            struct heap_node **nodes = reallocarray(h->nodes, cap, sizeof(struct heap_node *));

            if (!nodes)
                return false;
            h->nodes = nodes;
            h->cap = cap;
        }
        put_at(h, h->count++, node);
    }
    node->key = key;
    sift(h, node->place - 1);
    return true;
}

void heap_unset(struct heap *h, struct heap_node *node)
{
    size_t i = node->place;
    struct heap_node *last;

    if (i == 0)
        return;
    node->place = 0;
    last = h->nodes[--h->count];
    if (last == node)
        return;
    put_at(h, i - 1, last);
    sift(h, i - 1);
}

void heap_fini(struct heap *h)
{
    free(h->nodes);
    memset(h, 0, sizeof *h);
}
