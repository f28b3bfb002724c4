#include "tls/roots.h"

/* Debian and Alpine, Red Hat, BSD and older Alpine, SUSE, and Red Hat's generated bundle. */
static const char *const system_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
};

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
    memset(out, 0, sizeof *out);
    /* BearSSL's lists of anchors are const, so nobody writes through this pointer. */
    out->items = (br_x509_trust_anchor *)(uintptr_t)roots_data;
    out->count = roots_data_count;
    out->borrowed = true;
    *source = "the compiled-in Mozilla bundle";
    return true;
}

bool roots_load(const char *ca_file, const char *ssl_cert_file, struct pem_anchors *out,
                const char **source, struct err *err)
{
    return roots_load_with(ca_file, ssl_cert_file, system_files,
                           sizeof system_files / sizeof system_files[0], out, source, err);
}
