/*
 * Prints the C source of the compiled-in trust anchors, made of the PEM files named on the command
 * line. The output depends on the files' contents and base names alone, whatever their order.
 *
 *   roots FILE.crt... >build/gen/roots_data.c
 *
 * A certificate whose key BearSSL can't use becomes a comment, and a note on standard error; a file
 * that can't be read, or holds no certificate, ends the run with 1.
 */
#include "tls/roots.h"
#include "base/fs.h"
#include "tls/pem.h"

#include <stdio.h>
#include <stdlib.h>

struct source {
    const char *path; /* borrowed from argv */
    const char *name; /* borrowed: its last part */
    struct pem_anchors anchors;
    struct err unusable; /* set when the certificates are well-formed, and no key can be used */
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int by_name(const void *a, const void *b)
{
    const struct source *s = a, *t = b;
    int names = strcmp(s->name, t->name);

    return names ? names : strcmp(s->path, t->path);
}

/* False: not a file of certificates at all, err says why. */
static bool read_source(struct source *s, struct err *err)
{
    struct pem_chain chain;
    struct buf text;
    bool rv;

    buf_init(&text, LIMIT_PEM_FILE);
    /* A chain's certificates must be well-formed, but may have any key. */
    rv =
        fs_read_file(s->path, &text, err) && pem_read_chain(buf_slice(&text), s->path, &chain, err);
    if (rv) {
        pem_chain_fini(&chain);
        if (!pem_read_anchors(buf_slice(&text), s->name, &s->anchors, &s->unusable) &&
            s->unusable.code != ERR_CONFIG) {
            err_set(err, s->unusable.code, "%s", s->unusable.text);
            rv = false;
        }
    }
    buf_fini(&text);
    return rv;
}

/* Bytes of the table, some on a line. */
static void print_bytes(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s%u,", i % 24 == 0 ? "\n    " : "", bytes[i]);
}

/* Two bytes of length before them, the high one first. */
static void print_counted(const unsigned char *bytes, size_t n)
{
    unsigned char length[2] = {(unsigned char)(n >> 8), (unsigned char)n};

    print_bytes(length, sizeof length);
    print_bytes(bytes, n);
}

/* ---- the layout, told in src/tls/roots.h --------------------------------------------------- */

/* How bytes of the names are written: as they are (back is 0), or as others further up. */
struct step {
    size_t cost; /* of these and all that follow */
    size_t n, back;
};

/* Finds the cheapest step at each place; those after it must have been found. */
static void find_step(const unsigned char *names, size_t size, size_t at, struct step *steps)
{
    struct step *best = &steps[at];
    size_t longest = 0;

    *best = (struct step){(names[at] < ROOTS_NEXT ? 1 : 2) + steps[at + 1].cost, 1, 0};
    for (size_t back = 1; back <= at; back++) {
        size_t n = 0, cost = back <= 0x100 ? 2 : 3;

        while (n <= ROOTS_SIZE && at + n < size && names[at + n] == names[at + n - back])
            n++;
        /* Shorter ones were found nearer. One byte, from near, would be written as ROOTS_NEXT. */
        for (; longest < n; longest++)
            if (longest > 0 && cost + steps[at + longest + 1].cost < best->cost)
                *best = (struct step){cost + steps[at + longest + 1].cost, longest + 1, back};
    }
}

static bool put_step(struct buf *out, const struct step *step, const unsigned char *bytes)
{
    bool is_far = step->back > 0x100;
    unsigned code = ROOTS_NEXT | (is_far ? ROOTS_FAR : 0) | (unsigned)(step->n - 1);
    size_t back = step->back - 1;
    unsigned char copied[] = {(unsigned char)code, (unsigned char)(back >> 8), (unsigned char)back};
    unsigned char next[] = {ROOTS_NEXT, bytes[0]};

    if (step->back == 0)
        return bytes[0] < ROOTS_NEXT ? buf_append(out, bytes, 1) : buf_append(out, next, 2);
    if (is_far)
        return buf_append(out, copied, 3);
    copied[1] = copied[2];
    return buf_append(out, copied, 2);
}

/* False: out of memory. */
static bool print_names(struct slice names)
{
    const unsigned char *bytes = (const unsigned char *)names.p;
    struct step *steps = calloc(names.n + 1, sizeof *steps);
    struct buf out;
    bool rv = steps != NULL;

    buf_init(&out, 2 * names.n);
    for (size_t at = names.n; rv && at-- > 0;)
        find_step(bytes, names.n, at, steps);
    for (size_t at = 0; rv && at < names.n; at += steps[at].n)
        rv = put_step(&out, &steps[at], bytes + at);
    if (rv)
        print_bytes((const unsigned char *)buf_slice(&out).p, buf_slice(&out).n);
    buf_fini(&out);
    free(steps);
    return rv;
}

static void print_key(const br_x509_trust_anchor *ta)
{
    static const unsigned char common[] = {1, 0, 1};
    const br_rsa_public_key *rsa = &ta->pkey.key.rsa;
    bool is_common = rsa->elen == sizeof common && memcmp(rsa->e, common, sizeof common) == 0;
    unsigned char kind = (unsigned char)(ta->flags & BR_X509_TA_CA ? ROOTS_CA : 0);

    if (ta->pkey.key_type == BR_KEYTYPE_EC) {
        kind = (unsigned char)(kind | ta->pkey.key.ec.curve);
        print_bytes(&kind, 1);
        print_counted(ta->pkey.key.ec.q, ta->pkey.key.ec.qlen);
        return;
    }
    kind = (unsigned char)(kind | (is_common ? 0 : ROOTS_EXPONENT));
    print_bytes(&kind, 1);
    print_counted(rsa->n, rsa->nlen);
    if (!is_common)
        print_counted(rsa->e, rsa->elen);
}

/* File names stand in comments, so nothing in them may end one. */
static void print_name(const char *name)
{
    for (; *name != '\0'; name++)
        putchar(*name >= ' ' && *name < 0x7f && *name != '*' && *name != '/' ? *name : '?');
}

/* Returns how many anchors there are; 0, too, when there is no room for their names. */
static size_t print_all(const struct source *sources, size_t count)
{
    struct buf names;
    size_t number = 0;

    /* The furthest that two bytes reach back. */
    buf_init(&names, 0x10000);
    printf("/* Made by tools/roots.c: trust anchors, from Mozilla's list. */\n"
           "#include \"tls/roots.h\"\n\n"
           "const unsigned char roots_data[] = {\n"
           "    /* names */");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sources[i].anchors.count; k++) {
            const br_x509_trust_anchor *ta = &sources[i].anchors.items[k];

            if (!buf_append(&names, ta->dn.data, ta->dn.len))
                goto done;
        }
    if (!print_names(buf_slice(&names)))
        goto done;
    for (size_t i = 0; i < count; i++) {
        printf("\n    /* ");
        print_name(sources[i].name);
        printf("%s */",
               err_is_set(&sources[i].unusable) ? ": left out, its key can't be used" : "");
        for (size_t k = 0; k < sources[i].anchors.count; k++)
            print_key(&sources[i].anchors.items[k]);
        number += sources[i].anchors.count;
    }
    printf("\n};\n\n"
           "const size_t roots_data_size = sizeof roots_data;\n"
           "const size_t roots_data_count = %zu;\n"
           "const size_t roots_names_size = %zu;\n",
           number, buf_slice(&names).n);
done:
    buf_fini(&names);
    return number;
}

int main(int argc, char **argv)
{
    size_t count = argc > 0 ? (size_t)argc - 1 : 0;
    struct source *sources = calloc(count + 1, sizeof *sources);
    struct err err;
    int rv = 1;

    err_clear(&err);
    if (!sources) {
        fprintf(stderr, "roots: out of memory\n");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        sources[i].path = argv[i + 1];
        sources[i].name = base_name(argv[i + 1]);
    }
    qsort(sources, count, sizeof *sources, by_name);
    for (size_t i = 0; i < count; i++) {
        if (!read_source(&sources[i], &err)) {
            fprintf(stderr, "roots: %s\n", err.text);
            goto done;
        }
        if (err_is_set(&sources[i].unusable))
            fprintf(stderr, "roots: left out: %s\n", sources[i].unusable.text);
        else if (sources[i].anchors.skipped > 0)
            fprintf(stderr, "roots: %s: %zu of its certificates left out: keys can't be used\n",
                    sources[i].name, sources[i].anchors.skipped);
    }
    if (print_all(sources, count) == 0)
        fprintf(stderr, "roots: no trust anchor in the files given, or too many\n");
    else if (fflush(stdout) != 0 || ferror(stdout))
        fprintf(stderr, "roots: can't write the output\n");
    else
        rv = 0;
done:
    for (size_t i = 0; i < count; i++)
        pem_anchors_fini(&sources[i].anchors);
    free(sources);
    return rv;
}
