/*
 * Answers of the process that reads and writes the state directory: whatever it says, and however
 * it is cut, a request gets one end, its files before it, and nothing that isn't in the input; a
 * second, simple reader sees the same. The first byte chooses the request.
 */
#include "trust/storage.h"

#include "base/limits.h"

#include <stdlib.h>

/* abort() in words: assert() would vanish with NDEBUG. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define FRAME sizeof(struct storage_frame)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct storage_request request;
    unsigned files, ends;
    enum storage_result result;
    size_t bytes;   /* of all contents */
    unsigned names; /* a sum of them */
    bool failed;    /* nonsense was noticed */
};

static void note_contents(struct seen *s, struct slice data)
{
    s->bytes += data.n;
    for (size_t i = 0; i < data.n; i++)
        s->names = s->names * 31 + (unsigned char)data.p[i];
}

static void on_file(struct storage_request *q, const char *name, struct slice data)
{
    struct seen *s = LOOP_OWNER(q, struct seen, request);

    MUST(s->ends == 0 && strlen(name) <= STORAGE_NAME);
    s->files++;
    for (size_t i = 0; name[i]; i++)
        s->names = s->names * 31 + (unsigned char)name[i];
    note_contents(s, data);
}

static void on_done(struct storage_request *q, enum storage_result result, struct slice data,
                    const struct err *err)
{
    struct seen *s = LOOP_OWNER(q, struct seen, request);

    s->ends++;
    s->result = result;
    MUST(s->ends == 1 && (result == STORAGE_FAILED) == (err != NULL));
    MUST(result == STORAGE_OK || result == STORAGE_ABSENT || result == STORAGE_FAILED);
    MUST(!err || (err->text[0] && data.n == 0));
    note_contents(s, data);
}

/* Feeds the input in steps, to a storage that waits for the answer to that request. */
static void read_in_steps(struct slice input, size_t step, enum storage_op op, struct seen *s)
{
    struct storage storage;

    memset(&storage, 0, sizeof storage);
    memset(s, 0, sizeof *s);
    s->request =
        (struct storage_request){.op = op, .name = "e-1", .on_file = on_file, .on_done = on_done};
    if (op != STORAGE_LIST)
        s->request.on_file = NULL;
    storage.dir = (char *)(uintptr_t) "/state";
    storage.io.fd = -1;
    storage.busy = true;
    storage.current = &s->request;
    buf_init(&storage.in, FRAME + LIMIT_STATE_FILE + 65536);
    for (size_t i = 0; i < input.n && !s->failed; i += step) {
        size_t n = input.n - i < step ? input.n - i : step;

        MUST(buf_append(&storage.in, input.p + i, n));
        s->failed = !storage_take(&storage);
        MUST(s->failed || storage.in.len < FRAME + LIMIT_STATE_FILE);
    }
    MUST(s->ends > 0 ? !storage.current && !storage.busy : storage.current && storage.busy);
    buf_fini(&storage.in);
}

/* The same by offsets, in one go. */
static void read_simply(struct slice input, enum storage_op op, struct seen *s)
{
    size_t i = 0;
    bool busy = true;

    memset(s, 0, sizeof *s);
    while (input.n - i >= FRAME) {
        struct storage_frame f;

        memcpy(&f, input.p + i, FRAME);
        if (f.size > LIMIT_STATE_FILE || !busy) {
            s->failed = true;
            return;
        }
        if (input.n - i - FRAME < f.size)
            return;
        if (f.more && op == STORAGE_LIST) {
            s->files++;
            for (size_t k = 0; k < STORAGE_NAME && f.name[k]; k++)
                s->names = s->names * 31 + (unsigned char)f.name[k];
            note_contents(s, slice_make(input.p + i + FRAME, f.size));
        } else if (!f.more) {
            busy = false;
            s->ends++;
            s->result = f.result <= STORAGE_ABSENT ? f.result : STORAGE_FAILED;
            if (s->result != STORAGE_FAILED)
                note_contents(s, slice_make(input.p + i + FRAME, f.size));
        }
        i += FRAME + f.size;
    }
}

static void check_same(const struct seen *a, const struct seen *b)
{
    MUST(a->files == b->files && a->ends == b->ends && a->result == b->result);
    MUST(a->bytes == b->bytes && a->names == b->names && a->failed == b->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole, cut, simple;
    struct slice input;
    enum storage_op op;

    if (size == 0)
        return 0;
    op = (enum storage_op)(data[0] % (STORAGE_LIST + 1));
    input = slice_make((const char *)data + 1, size - 1);
    read_in_steps(input, input.n > 0 ? input.n : 1, op, &whole);
    read_in_steps(input, 1, op, &cut);
    read_simply(input, op, &simple);
    check_same(&whole, &cut);
    check_same(&whole, &simple);
    return 0;
}
