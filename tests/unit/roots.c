/* The compiled-in bundle is compared with the files it was made of, where they are. */
#include "tap.h"

#include "shell.h"

#include "tls/roots.h"

#include <dirent.h>

#define MOZILLA "/usr/share/ca-certificates/mozilla"

static bool is_usable(const br_x509_trust_anchor *ta)
{
    const br_x509_pkey *pk = &ta->pkey;

    if (ta->dn.len < 4 || ta->dn.data[0] != 0x30 || ta->flags != BR_X509_TA_CA)
        return false;
    if (pk->key_type == BR_KEYTYPE_RSA)
        return pk->key.rsa.nlen >= 256 && pk->key.rsa.nlen <= 512 && pk->key.rsa.n[0] & 0x80 &&
               pk->key.rsa.elen > 0 && pk->key.rsa.e[pk->key.rsa.elen - 1] & 1;
    if (pk->key_type == BR_KEYTYPE_EC) {
        const br_ec_impl *ec = br_ec_get_default();
        uint8_t q[BR_EC_KBUF_PUB_MAX_SIZE], one = 1;

        /* The multiplication tells whether the point is on the curve. */
        if (pk->key.ec.qlen > sizeof q)
            return false;
        memcpy(q, pk->key.ec.q, pk->key.ec.qlen);
        return ec->mul(q, pk->key.ec.qlen, &one, 1, pk->key.ec.curve) == 1;
    }
    return false;
}

static bool is_same(const br_x509_trust_anchor *a, const br_x509_trust_anchor *b)
{
    const br_x509_pkey *p = &a->pkey, *q = &b->pkey;

    if (a->flags != b->flags || a->dn.len != b->dn.len ||
        memcmp(a->dn.data, b->dn.data, a->dn.len) != 0 || p->key_type != q->key_type)
        return false;
    if (p->key_type == BR_KEYTYPE_EC)
        return p->key.ec.curve == q->key.ec.curve && p->key.ec.qlen == q->key.ec.qlen &&
               memcmp(p->key.ec.q, q->key.ec.q, p->key.ec.qlen) == 0;
    return p->key.rsa.nlen == q->key.rsa.nlen && p->key.rsa.elen == q->key.rsa.elen &&
           memcmp(p->key.rsa.n, q->key.rsa.n, p->key.rsa.nlen) == 0 &&
           memcmp(p->key.rsa.e, q->key.rsa.e, p->key.rsa.elen) == 0;
}

static bool is_in_bundle(const struct pem_anchors *bundle, const br_x509_trust_anchor *ta)
{
    for (size_t i = 0; i < bundle->count; i++)
        if (is_same(ta, &bundle->items[i]))
            return true;
    return false;
}

/* What the keys take up in the table. */
static size_t bytes_of_keys(const struct pem_anchors *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->count; i++) {
        const br_x509_pkey *pk = &a->items[i].pkey;
        size_t exponent = pk->key.rsa.elen;

        n += 3;
        if (pk->key_type == BR_KEYTYPE_EC)
            n += pk->key.ec.qlen;
        else
            n += pk->key.rsa.nlen +
                 (exponent == 3 && memcmp(pk->key.rsa.e, "\1\0\1", 3) == 0 ? 0 : 2 + exponent);
    }
    return n;
}

static size_t bytes_of_names(const struct pem_anchors *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->count; i++)
        n += a->items[i].dn.len;
    return n;
}

static void test_bundle(void)
{
    size_t usable = 0, files = 0, found = 0, skipped = 0;
    DIR *d = opendir(MOZILLA);
    struct pem_anchors bundle;

    ok(roots_bundle(&bundle, NULL) && bundle.count == roots_data_count, "the table unpacks");
    is_int(bytes_of_names(&bundle), roots_names_size, "all names are there");
    ok(roots_data_size - bytes_of_keys(&bundle) < roots_names_size / 2, "in half their room");
    ok(roots_data_count >= 100 && roots_data_count < 300, "%zu anchors are compiled in",
       roots_data_count);
    for (size_t i = 0; i < bundle.count; i++)
        usable += is_usable(&bundle.items[i]);
    is_int(usable, roots_data_count, "each has a name, is a CA, and has a sound key");
    if (!d) {
        printf("# no " MOZILLA " here to compare with\n");
        pem_anchors_fini(&bundle);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);
        struct pem_anchors a;
        char path[512];

        if (n < 4 || strcmp(e->d_name + n - 4, ".crt") != 0)
            continue;
        files++;
        snprintf(path, sizeof path, MOZILLA "/%s", e->d_name);
        if (!pem_load_anchors(path, &a, NULL))
            skipped++;
        else if (is_in_bundle(&bundle, &a.items[0]))
            found++;
        else
            printf("# %s is missing\n", e->d_name);
        pem_anchors_fini(&a);
    }
    closedir(d);
    pem_anchors_fini(&bundle);
    is_int(found + skipped, files, "each of the files' usable anchors is in the bundle");
    is_int(roots_data_count, found, "and no others are");
}

static void test_order(void)
{
    const char *named = shell_path("named.crt"), *other = shell_path("other.crt");
    const char *broken = shell_path("broken.crt"), *missing = shell_path("missing.crt");
    const char *paths[3] = {missing, broken, other}, *source = NULL;
    struct pem_anchors a;
    struct err err;

    err_clear(&err);
    ok(roots_load_with(named, other, paths, 3, &a, &source, &err) && source == named &&
           a.count == 1 && a.items[0].pkey.key_type == BR_KEYTYPE_EC,
       "the file that is named comes first");
    pem_anchors_fini(&a);
    ok(roots_load_with(NULL, other, paths, 0, &a, &source, &err) && source == other &&
           a.items[0].pkey.key_type == BR_KEYTYPE_RSA,
       "then SSL_CERT_FILE");
    pem_anchors_fini(&a);
    ok(roots_load_with(NULL, "", paths, 3, &a, &source, &err) && source == other && a.count == 1 &&
           !a.borrowed,
       "then the first system file that can be read");
    pem_anchors_fini(&a);
    ok(!err_is_set(&err), "... what is passed over is no error");
    ok(roots_load_with(NULL, NULL, paths, 2, &a, &source, &err) && a.borrowed &&
           a.count == roots_data_count && strstr(source, "compiled-in"),
       "then the bundle");
    pem_anchors_fini(&a);
    ok(a.count == 0 && !a.items, "... which is let go of");
    ok(!roots_load_with(missing, other, paths, 3, &a, &source, &err) && a.count == 0 &&
           err.code == ERR_CONFIG && strstr(err.text, missing),
       "a named file that is missing is an error: %s", err.text);
    err_clear(&err);
    ok(!roots_load_with(broken, NULL, paths, 3, &a, &source, &err) && a.count == 0 &&
           strstr(err.text, broken),
       "a named file without certificates is an error: %s", err.text);
    err_clear(&err);
    ok(!roots_load_with(NULL, missing, paths, 3, &a, &source, &err) && a.count == 0 &&
           strstr(err.text, missing),
       "so it is with SSL_CERT_FILE: %s", err.text);
    err_clear(&err);
    ok(roots_load(named, NULL, &a, &source, &err) && source == named, "roots_load takes a file");
    pem_anchors_fini(&a);
    ok(roots_load(NULL, NULL, &a, &source, &err) && a.count > 0, "roots_load without one: %s",
       source);
    pem_anchors_fini(&a);
}

int main(void)
{
    if (!ok(shell_init(), "a folder"))
        return done_testing();
    ok(shell(
           "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key "
           "-subj /CN=named -out named.crt\n"
           "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -subj /CN=other -out other.crt\n"
           "echo nothing >broken.crt"),
       "certificates are made");
    test_bundle();
    test_order();
    ok(shell_fini(), "the folder is removed");
    return done_testing();
}
