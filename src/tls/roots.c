#include "tls/roots.h"

#include "format/der_read.h"

#include <stdlib.h>

/* Debian and Alpine, Red Hat, BSD and older Alpine, SUSE, and Red Hat's generated bundle. */
static const char *const system_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
};

static unsigned take_two(const unsigned char **at)
{
    unsigned high = *(*at)++;

    return high << 8 | *(*at)++;
}

/* The names of the table. Returns where the keys begin. */
static const unsigned char *unpack_names(unsigned char *out)
{
    const unsigned char *at = roots_data, *end = out + roots_names_size;

    while (out < end) {
        unsigned code = *at++;
        size_t back;

        if (code <= ROOTS_NEXT) {
            *out++ = code == ROOTS_NEXT ? *at++ : (unsigned char)code;
            continue;
        }
        back = 1 + (code & ROOTS_FAR ? take_two(&at) : *at++);
        for (size_t n = 1 + (code & ROOTS_SIZE); n > 0; n--, out++)
            *out = *(out - back);
    }
    return at;
}

/* Takes bytes with their length off the table. BearSSL's fields aren't const, but nobody writes. */
static unsigned char *take(const unsigned char **at, size_t *size)
{
    const unsigned char *bytes;

    *size = take_two(at);
    bytes = *at;
    *at += *size;
    return (unsigned char *)(uintptr_t)bytes;
}

bool roots_bundle(struct pem_anchors *out, struct err *err)
{
    static const unsigned char exponent[] = {1, 0, 1};
    const unsigned char *at;
    struct slice names, contents;

    memset(out, 0, sizeof *out);
    out->borrowed = true;
    /* The names lie behind the items. */
    out->items = calloc(1, roots_data_count * sizeof *out->items + roots_names_size);
    if (!out->items) {
        err_set(err, ERR_MEMORY, "out of memory for the trust anchors");
        return false;
    }
    names = slice_make((const char *)(out->items + roots_data_count), roots_names_size);
    at = unpack_names((unsigned char *)(out->items + roots_data_count));
    while (at < roots_data + roots_data_size && out->count < roots_data_count) {
        br_x509_trust_anchor *ta = &out->items[out->count++];
        unsigned kind = *at++;
        uint8_t tag;

        ta->flags = kind & ROOTS_CA ? BR_X509_TA_CA : 0;
        ta->dn.data = (unsigned char *)(uintptr_t)names.p;
        ta->dn.len = names.n;
        (void)der_read_element(&names, &tag, &contents);
        ta->dn.len -= names.n;
        if (kind & ROOTS_CURVE) {
            ta->pkey.key_type = BR_KEYTYPE_EC;
            ta->pkey.key.ec.curve = kind & ROOTS_CURVE;
            ta->pkey.key.ec.q = take(&at, &ta->pkey.key.ec.qlen);
            continue;
        }
        ta->pkey.key_type = BR_KEYTYPE_RSA;
        ta->pkey.key.rsa.n = take(&at, &ta->pkey.key.rsa.nlen);
        ta->pkey.key.rsa.e = (unsigned char *)(uintptr_t)exponent;
        ta->pkey.key.rsa.elen = sizeof exponent;
        if (kind & ROOTS_EXPONENT)
            ta->pkey.key.rsa.e = take(&at, &ta->pkey.key.rsa.elen);
    }
    return true;
}

const char *roots_file(size_t i)
{
    return i < sizeof system_files / sizeof system_files[0] ? system_files[i] : NULL;
}

bool roots_load_with(const char *ca_file, const char *ssl_cert_file, const char *const *paths,
                     size_t count, struct pem_anchors *out, const char **source, struct err *err)
{
    const char *named = ca_file;

    if (!named && ssl_cert_file && ssl_cert_file[0] != '\0')
        named = ssl_cert_file;
    if (named) {
        *source = named;
        return pem_load_anchors(named, out, err);
    }
    for (size_t i = 0; i < count; i++) {
        struct err why;

        err_clear(&why);
        *source = paths[i];
        if (pem_load_anchors(paths[i], out, &why))
            return true;
        /* Want of memory must not decide whom to trust. */
        if (why.code == ERR_MEMORY) {
            err_set(err, why.code, "%s", why.text);
            return false;
        }
    }
    *source = "the compiled-in Mozilla bundle";
    return roots_bundle(out, err);
}

bool roots_load(const char *ca_file, const char *ssl_cert_file, struct pem_anchors *out,
                const char **source, struct err *err)
{
    return roots_load_with(ca_file, ssl_cert_file, system_files,
                           sizeof system_files / sizeof system_files[0], out, source, err);
}
