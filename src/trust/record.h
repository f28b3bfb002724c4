/*
 * What stands in the state directory's files once they are opened: an approval, or the time. A
 * fixed layout, little-endian, read strictly: every byte is accounted for.
 */
#ifndef TRUST_RECORD_H
#define TRUST_RECORD_H

#include "base/buf.h"
#include "base/clock.h"
#include "trust/key.h"

/* An approval. The slices point into the text it was read from, or is written from. */
struct record_entry {
    uint8_t key[KEY_SIZE];
    struct clock_mark validated; /* when the license server gave the answer */
    int64_t window_s;
    unsigned status;
    struct slice reason, fields, body;
};

/* The highest time, and the last answer of a license server. */
struct record_time {
    struct clock_mark now;
    bool answered;
    struct clock_mark answer; /* holds while answered */
};

bool record_write_entry(const struct record_entry *e, struct buf *out);
bool record_read_entry(struct slice text, struct record_entry *out);
bool record_write_time(const struct record_time *t, struct buf *out);
bool record_read_time(struct slice text, struct record_time *out);

#endif
