/*
 * A binary heap of objects that others own: the least key first. What is in it knows its place, so
 * that it can be moved and taken out.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in its owner. */
struct heap_node {
    int64_t key;
    size_t place; /* in the heap plus one; 0: not in it */
};

struct heap {
    struct heap_node **nodes; /* owned array of borrowed: each is taken out by its owner */
    size_t count, cap;
};

/* Puts it in, or moves it. False when out of memory (only possible for one that isn't in it). */
bool heap_set(struct heap *h, struct heap_node *node, int64_t key);

/* Takes it out; does nothing if it isn't in it. */
void heap_unset(struct heap *h, struct heap_node *node);

/* Frees the array. */
void heap_fini(struct heap *h);

#endif
