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

static void put(struct buf *b, const unsigned char *bytes, size_t n)
{
    if (!buf_append(b, bytes, n)) {
        fprintf(stderr, "roots: out of memory\n");
        exit(1);
    }
}

static void put_length(struct buf *b, size_t n)
{
    unsigned char length[2] = {(unsigned char)(n >> 8), (unsigned char)n};

    put(b, length, sizeof length);
}

/* The layout is told in src/tls/roots.h. */
static void put_anchor(struct buf *table, struct buf *keys, const br_x509_trust_anchor *ta)
{
    unsigned char kind = (unsigned char)(ta->flags & BR_X509_TA_CA ? ROOTS_CA : 0);

    if (ta->pkey.key_type == BR_KEYTYPE_EC) {
        kind = (unsigned char)(kind | ta->pkey.key.ec.curve);
        put(table, &kind, 1);
        put_length(table, ta->pkey.key.ec.qlen);
        put(keys, ta->pkey.key.ec.q, ta->pkey.key.ec.qlen);
    } else {
        put(table, &kind, 1);
        put_length(table, ta->pkey.key.rsa.nlen);
        put(keys, ta->pkey.key.rsa.n, ta->pkey.key.rsa.nlen);
        put_length(table, ta->pkey.key.rsa.elen);
        put(table, ta->pkey.key.rsa.e, ta->pkey.key.rsa.elen);
    }
    put_length(table, ta->dn.len);
    put(table, ta->dn.data, ta->dn.len);
}

/* The longest copy there is for what stands at n: how long, and from how far back. */
static size_t find_copy(struct slice s, size_t n, size_t *back)
{
    size_t most = ROOTS_COPY_LEAST + 0xff - ROOTS_COPY, best = 0;

    if (most > s.n - n)
        most = s.n - n;
    for (size_t far = 1; far <= n && far <= 0xffff && best < most; far++) {
        size_t same = 0;

        while (same < most && s.p[n + same] == s.p[n + same - far])
            same++;
        if (same > best) {
            best = same;
            *back = far;
        }
    }
    return best;
}

static void put_plain(struct buf *b, const char *bytes, size_t n)
{
    unsigned char count = (unsigned char)n;

    if (n > 0) {
        put(b, &count, 1);
        put(b, (const unsigned char *)bytes, n);
    }
}

static void pack(struct buf *packed, struct slice s)
{
    size_t plain = 0, back = 0;

    for (size_t n = 0; n < s.n;) {
        size_t same = find_copy(s, n, &back), later = 0, unused;

        /* What begins one byte later may be longer. */
        if (same >= ROOTS_COPY_LEAST && n + 1 < s.n)
            later = find_copy(s, n + 1, &unused);
        if (same >= ROOTS_COPY_LEAST && later <= same) {
            unsigned char code = (unsigned char)(same - ROOTS_COPY_LEAST + ROOTS_COPY);

            put_plain(packed, s.p + n - plain, plain);
            plain = 0;
            put(packed, &code, 1);
            put_length(packed, back);
            n += same;
        } else {
            n++;
            if (++plain == ROOTS_COPY - 1) {
                put_plain(packed, s.p + n - plain, plain);
                plain = 0;
            }
        }
    }
    put_plain(packed, s.p + s.n - plain, plain);
}

static void print_bytes(const char *name, struct slice s)
{
    printf("const unsigned char %s[] = {", name);
    for (size_t i = 0; i < s.n; i++)
        printf("%s%u,", i % 24 == 0 ? "\n    " : "", (unsigned char)s.p[i]);
    printf("\n};\n");
}

/* File names stand in comments, so nothing in them may end one. */
static void print_name(const char *name)
{
    for (; *name != '\0'; name++)
        putchar(*name >= ' ' && *name < 0x7f && *name != '*' && *name != '/' ? *name : '?');
}

static size_t print_all(const struct source *sources, size_t count)
{
    struct buf table, keys, packed;
    size_t number = 0;

    buf_init(&table, LIMIT_PEM_FILE);
    buf_init(&keys, LIMIT_PEM_FILE);
    buf_init(&packed, LIMIT_PEM_FILE);
    printf("/* Made by tools/roots.c: trust anchors, from Mozilla's list. */\n"
           "#include \"tls/roots.h\"\n\n");
    for (size_t i = 0; i < count; i++) {
        printf("/* ");
        print_name(sources[i].name);
        printf("%s */\n",
               err_is_set(&sources[i].unusable) ? ": left out, its key can't be used" : "");
        for (size_t k = 0; k < sources[i].anchors.count; k++)
            put_anchor(&table, &keys, &sources[i].anchors.items[k]);
        number += sources[i].anchors.count;
    }
    pack(&packed, buf_slice(&table));
    print_bytes("roots_packed", buf_slice(&packed));
    print_bytes("roots_keys", buf_slice(&keys));
    printf("const size_t roots_unpacked_size = %zu;\n"
           "const size_t roots_keys_size = sizeof roots_keys;\n"
           "const size_t roots_count = %zu;\n",
           table.len, number);
    buf_fini(&table);
    buf_fini(&keys);
    buf_fini(&packed);
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
        fprintf(stderr, "roots: no trust anchor in the files given\n");
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
