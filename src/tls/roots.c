#include "tls/roots.h"

#include <stdlib.h>

/* Debian and Alpine, Red Hat, BSD and older Alpine, SUSE, and Red Hat's generated bundle. */
static const char *const system_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
};

static void unpack(unsigned char *out)
{
    const unsigned char *at = roots_packed;

    for (size_t n = 0; n < roots_unpacked_size;) {
        const unsigned char *from = at + 1;
        size_t count = *at;

        if (count < ROOTS_COPY) {
            at += 1 + count;
        } else {
            count -= ROOTS_COPY - ROOTS_COPY_LEAST;
            from = out + n - (at[1] << 8 | at[2]);
            at += 3;
        }
        /* Byte by byte, since a copy may reach into itself. */
        while (count-- > 0)
            out[n++] = *from++;
    }
}

static size_t take_length(unsigned char **at)
{
    *at += 2;
    return (size_t)(*at)[-2] << 8 | (*at)[-1];
}

/* Takes bytes with their length before them. */
static unsigned char *take(unsigned char **at, size_t *size)
{
    *size = take_length(at);
    *at += *size;
    return *at - *size;
}

bool roots_bundle(struct pem_anchors *out, struct err *err)
{
    /* BearSSL's fields aren't const, but nobody writes. */
    unsigned char *at, *key = (unsigned char *)(uintptr_t)roots_keys;

    memset(out, 0, sizeof *out);
    out->borrowed = true;
    /* The names lie behind the anchors. */
    out->items = calloc(1, roots_count * sizeof *out->items + roots_unpacked_size);
    if (!out->items) {
        err_set(err, ERR_MEMORY, "out of memory for the trust anchors");
        return false;
    }
    at = (unsigned char *)(out->items + roots_count);
    unpack(at);
    while (out->count < roots_count) {
        br_x509_trust_anchor *ta = &out->items[out->count++];
        int curve = *at & ~ROOTS_CA;
        size_t size;

        ta->flags = *at++ & ROOTS_CA ? BR_X509_TA_CA : 0;
        size = take_length(&at);
        ta->pkey.key_type = curve ? BR_KEYTYPE_EC : BR_KEYTYPE_RSA;
        if (curve) {
            ta->pkey.key.ec = (br_ec_public_key){curve, key, size};
        } else {
            ta->pkey.key.rsa.n = key;
            ta->pkey.key.rsa.nlen = size;
            ta->pkey.key.rsa.e = take(&at, &ta->pkey.key.rsa.elen);
        }
        key += size;
        ta->dn.data = take(&at, &ta->dn.len);
    }
    return true;
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
