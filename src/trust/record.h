/*
 * What stands in the state directory's files once they are opened: an approval, the time, or a
 * request that was answered from trust. A fixed layout, little-endian, read strictly: every byte is
 * accounted for.
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

/* A request answered from trust: one link of the usage journal (trust/journal.h). */
struct record_usage {
    uint64_t sequence;    /* in its chain; the first is 1 */
    uint8_t previous[32]; /* SHA-256 of the record before it, as written; zero for the first */
    struct clock_mark at;
    int64_t wall_ns; /* the same moment as people saw it */
    uint8_t key[KEY_SIZE];
    bool has_body;
    struct slice method, target, fields, body; /* fields: end-to-end ones, the credential too */
};

bool record_write_entry(const struct record_entry *e, struct buf *out);
bool record_read_entry(struct slice text, struct record_entry *out);
bool record_write_time(const struct record_time *t, struct buf *out);
bool record_read_time(struct slice text, struct record_time *out);
bool record_write_usage(const struct record_usage *u, struct buf *out);
bool record_read_usage(struct slice text, struct record_usage *out);

#endif
