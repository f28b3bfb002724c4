/*
 * Finds a member of a JSON text without building a tree: for trust keys that are made from members
 * of the request's body. Strict RFC 8259; depth is bounded by JSON_PICK_DEPTH; no recursion, no
 * allocation.
 */
#ifndef FORMAT_JSON_PICK_H
#define FORMAT_JSON_PICK_H

#include "base/slice.h"

#define JSON_PICK_DEPTH 64

enum json_pick {
    JSON_PICK_FOUND,
    JSON_PICK_ABSENT, /* the text is JSON but has no such member */
    JSON_PICK_BAD     /* not JSON, nested too deep, or the member's name occurs twice */
};

/*
 * path names members of nested objects, separated by dots: "license.id". *value is the member's
 * value as it stands in text (strings with their quotes and escapes), without white space around
 * it. Names are compared after decoding their escapes. The whole text is checked even after the
 * member was found.
 */
enum json_pick json_pick(struct slice text, struct slice path, struct slice *value);

/*
 * Goes through an array that json_pick found: *rest is its value at first, and what is left of it
 * afterwards. *element as *value above. False at the end.
 */
bool json_pick_next(struct slice *rest, struct slice *element);

#endif
