/*
 * The objects of a PEM text (RFC 7468), one after the other. What stands between them is passed
 * over; lines may end in CRLF, and the last one without an end.
 */
#ifndef TLS_PEM_TEXT_H
#define TLS_PEM_TEXT_H

#include "base/buf.h"
#include "base/err.h"

struct pem_text {
    struct slice rest; /* borrowed: what comes next */
    const char *name;  /* borrowed: the file, for messages */
    char label[128];   /* of the object that was read last */
    struct buf der;    /* its contents */
    bool no_memory;    /* an append failed: contents are incomplete */
};

/* pem and name (a file's, for messages) are borrowed until pem_text_fini. */
void pem_text_init(struct pem_text *t, struct slice pem, const char *name);

/* Wipes and frees. */
void pem_text_fini(struct pem_text *t);

/*
 * Reads the next object. DONE: label and der are its; MORE: no more are there; BAD: bad base64 or
 * cut short (ERR_CONFIG), or ERR_MEMORY.
 */
enum parse pem_text_next(struct pem_text *t, struct err *err);

/* Whether the last object read (even if it was bad) has this label, in capitals. */
bool pem_text_is(const struct pem_text *t, const char *label);

#endif
