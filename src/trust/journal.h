/*
 * The usage journal: requests that were answered from trust, which the vendor never saw. Each is
 * a sealed file of the state directory (trust/seal.h, trust/record.h), named
 * "j-CHAIN-SEQUENCE" by 8 and 16 hexadecimal digits. Each process writes a chain of its own, so
 * that two instances on one directory don't meet; a record holds the SHA-256 of the one before it.
 * So a record that was changed, exchanged or taken out of the middle is found by `journal verify`.
 * Those missing at a chain's front are the ones that were sent already; whether some are missing at
 * its end can't be told.
 *
 * A record is durable before its request is answered: a journal that is full, or can't be written,
 * refuses requests and says so, and loses nothing silently. It may hold more than was served (the
 * client had gone, the license server answered late, the process ended just then), never less.
 *
 * Another license key: records are sealed anew, one by one, while the program runs; each is opened
 * by the key that it was sealed with until then. Records that don't open at a start (another key,
 * changed files) stay where they are, unlike other files: nobody else has what they tell, and the
 * right key opens them again. They are counted, told, and take their room.
 */
#ifndef TRUST_JOURNAL_H
#define TRUST_JOURNAL_H

#include "base/config.h"
#include "trust/store.h"

#define JOURNAL_PREFIX "j-"
#define JOURNAL_NAME_SIZE (2 + 8 + 1 + 16 + 1)

/* A record in the directory. */
struct journal_item {
    uint64_t sequence;
    int64_t time_ns; /* never-back time; journal_sort makes it that of the chain's first record */
    uint32_t chain;
    uint32_t size : 24; /* of its file */
    uint32_t seal : 8;  /* which of the journal's seals opens it */
};

/* Why requests are refused. */
enum journal_trouble {
    JOURNAL_WELL,
    JOURNAL_UNREAD, /* what it holds isn't known yet */
    JOURNAL_FULL,
    JOURNAL_FAILING /* storage fails */
};

/* A request to be recorded; embedded in its owner, zeroed before the first use. */
struct journal_append {
    struct journal_append *next;
    struct record_usage usage; /* its slices are borrowed until on_done */
    bool active;
    /* Called once, never from inside journal_append: recorded durably, or refused. */
    void (*on_done)(struct journal_append *a, bool recorded);
};

enum journal_job {
    JOURNAL_IDLE,
    JOURNAL_LIST,
    JOURNAL_TAKE,
    JOURNAL_HELD, /* the first record is taken */
    JOURNAL_DROP,
    JOURNAL_RESEAL
};

struct journal {
    struct store *store; /* borrowed for its life */
    enum journal_mode mode;
    size_t max_bytes;
    uint32_t chain;       /* ours */
    uint64_t sequence;    /* of our next record */
    uint8_t previous[32]; /* SHA-256 of our last one's plain text, which the next one holds */
    struct seal seals[LIMIT_JOURNAL_SEALS]; /* the last is the one to seal with; secret */
    size_t seal_count;
    struct journal_item *items; /* owned; those from `first` on are there, the first goes first */
    size_t first, count, cap;
    size_t bytes;  /* of files, those that don't open among them */
    size_t bad;    /* files that don't open */
    bool overflow; /* there are more than LIMIT_JOURNAL_RECORDS */
    enum journal_trouble trouble;
    int64_t hung_until_ms;
    /* Our next record. */
    struct journal_append *waiting, **waiting_end; /* borrowed */
    struct journal_append *current; /* borrowed: being written; NULL when it was cancelled */
    bool writing;
    struct storage_request put;
    struct buf put_text;
    struct journal_item put_item;
    uint8_t put_hash[32];
    /* Records that were written before. */
    enum journal_job job;
    struct storage_request request; /* of the job */
    unsigned list_failures;
    size_t resealing; /* which item, from `first` on */
    struct buf text;  /* the record that is taken (wiped), or the one that is sealed anew */
    struct loop_timer retry;
    bool ending;
    uint64_t recorded, refused, replayed, denied;
    void *ctx;                           /* those below */
    void (*on_items)(struct journal *j); /* there are records to be taken; or NULL */
    /* u: borrowed until journal_drop or journal_put_back; NULL: not now, look again later. */
    void (*on_taken)(struct journal *j, const struct record_usage *u);
    void (*on_dropped)(struct journal *j, bool durable);
};

/* Reads what is there. store is open; mode isn't JOURNAL_OFF. j must not be moved afterwards. */
void journal_init(struct journal *j, struct store *store, const struct config *config,
                  struct slice secret);

/* Starts nothing any more: before store_fini, which ends what is under way. */
void journal_end(struct journal *j);

/* Frees; after store_fini. */
void journal_fini(struct journal *j);

/* Wipes the seals: in a process that was forked off. */
void journal_forget_seals(struct journal *j);

/*
 * Records usage (sequence, previous and times are filled in here). False, and no on_done: refused
 * at once; journal_refusal says why.
 */
bool journal_append(struct journal *j, struct journal_append *a, const struct record_usage *usage);

/* Forgets it: no on_done; it may be recorded all the same. Does nothing if it isn't under way. */
void journal_cancel(struct journal *j, struct journal_append *a);

/* What a client whose request was refused is told. */
const char *journal_refusal(const struct journal *j);

/* Reads the first record that is there, for on_taken. False: there is none, or something else is
 * under way. */
bool journal_take(struct journal *j);

/* The record that was taken is done with: removes it, then calls on_dropped. */
void journal_drop(struct journal *j);

/* It stays the first. */
void journal_put_back(struct journal *j);

/*
 * Seals with another secret from now on, and what is there anew. False: so many keys at once that
 * the records of the first are still sealed with it; nothing was changed.
 */
bool journal_rotate(struct journal *j, struct slice secret);

/* "off", "record", "replay". */
const char *journal_mode_text(enum journal_mode mode);

void journal_name(const struct journal_item *item, char out[JOURNAL_NAME_SIZE]);

/* Fills chain and sequence from a file's name. False: it isn't a record's. */
bool journal_read_name(const char *name, struct journal_item *out);

/*
 * Opens the record in a file: its plain text is appended to text, which usage points into. False:
 * it does not verify, or isn't what its name says.
 */
bool journal_open(const struct seal *seal, struct tls_profile *profile, const char *name,
                  struct slice sealed, struct buf *text, struct record_usage *usage);

/* In the order of replay: the chain with the oldest first record first, then by sequence. */
void journal_sort(struct journal_item *items, size_t count);

#endif
