#include "tls/pem_text.h"

#include "base/secret.h"

void pem_text_init(struct pem_text *t, struct slice pem, const char *name)
{
    memset(t, 0, sizeof *t);
    br_pem_decoder_init(&t->decoder);
    /* Base64 shrinks, so only want of memory can make an append fail. */
    buf_init(&t->der, pem.n);
    t->rest = pem;
    t->name = name;
}

void pem_text_fini(struct pem_text *t)
{
    buf_wipe(&t->der);
    secret_wipe(&t->decoder, sizeof t->decoder);
}

static void take_decoded(void *ctx, const void *data, size_t n)
{
    struct pem_text *t = ctx;

    if (!buf_append(&t->der, data, n))
        t->no_memory = true;
}

/* The next event of the decoder, 0 at the end of the text. */
static int next_event(struct pem_text *t)
{
    for (;;) {
        int event;

        if (t->rest.n > 0) {
            /* BearSSL 0.6 takes the CR after a banner for a part of the label. */
            const char *cr = memchr(t->rest.p, '\r', t->rest.n);
            size_t n = cr ? (size_t)(cr - t->rest.p) : t->rest.n;

            n = n > 0 ? br_pem_decoder_push(&t->decoder, t->rest.p, n) : 1;
            t->rest.p += n;
            t->rest.n -= n;
        } else if (!t->newline_pushed) {
            /* Without it, an END line that ends the file would go unnoticed. */
            t->newline_pushed = br_pem_decoder_push(&t->decoder, "\n", 1) == 1;
        } else {
            return 0;
        }
        event = br_pem_decoder_event(&t->decoder);
        if (event)
            return event;
    }
}

enum parse pem_text_next(struct pem_text *t, struct err *err)
{
    int event = next_event(t);

    if (event == 0)
        return PARSE_MORE;
    if (event == BR_PEM_BEGIN_OBJ) {
        (void)slice_copy(slice_of(br_pem_decoder_name(&t->decoder)), t->label, sizeof t->label);
        buf_clear(&t->der);
        br_pem_decoder_setdest(&t->decoder, take_decoded, t);
        event = next_event(t);
    }
    if (t->no_memory) {
        err_set(err, ERR_MEMORY, "%s: out of memory", t->name);
        return PARSE_BAD;
    }
    if (event == BR_PEM_END_OBJ)
        return PARSE_DONE;
    if (event == 0)
        err_set(err, ERR_CONFIG, "%s: ends inside a \"%s\" block", t->name, t->label);
    else
        err_set(err, ERR_CONFIG, "%s: the \"%s\" block is not valid base64", t->name, t->label);
    return PARSE_BAD;
}

bool pem_text_is(const struct pem_text *t, const char *label)
{
    return strcmp(t->label, label) == 0;
}
