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

/* Takes bytes with their length off the table. BearSSL's fields aren't const, but nobody writes. */
static unsigned char *take(const unsigned char **at, size_t *size)
{
    const unsigned char *bytes = *at + 2;

    *size = (size_t)(*at)[0] << 8 | (*at)[1];
    *at = bytes + *size;
    return (unsigned char *)(uintptr_t)bytes;
}

bool roots_bundle(struct pem_anchors *out, struct err *err)
{
    const unsigned char *at = roots_data;

    memset(out, 0, sizeof *out);
    out->borrowed = true;
    out->items = calloc(roots_data_count, sizeof *out->items);
    if (!out->items) {
        err_set(err, ERR_MEMORY, "out of memory for the trust anchors");
        return false;
    }
    while (at < roots_data + roots_data_size && out->count < roots_data_count) {
        br_x509_trust_anchor *ta = &out->items[out->count++];
        int curve = *at & ~ROOTS_CA;

        ta->flags = *at++ & ROOTS_CA ? BR_X509_TA_CA : 0;
        ta->dn.data = take(&at, &ta->dn.len);
        ta->pkey.key_type = curve ? BR_KEYTYPE_EC : BR_KEYTYPE_RSA;
        if (curve) {
            ta->pkey.key.ec.curve = curve;
            ta->pkey.key.ec.q = take(&at, &ta->pkey.key.ec.qlen);
        } else {
            ta->pkey.key.rsa.n = take(&at, &ta->pkey.key.rsa.nlen);
            ta->pkey.key.rsa.e = take(&at, &ta->pkey.key.rsa.elen);
        }
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
