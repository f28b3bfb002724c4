#include "cli/state_files.h"

#include "base/clock.h"
#include "base/fs.h"
#include "tls/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_NAME "identity.key"
#define SEAL_SIZE 32
#define PATH_SIZE (LIMIT_STRING + 32)

static void path_of(const char *dir, const char *name, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/%s", dir, name);
}

static bool exists(const char *dir, const char *name)
{
    char path[PATH_SIZE];

    path_of(dir, name, path);
    return access(path, F_OK) == 0;
}

bool state_files_prepare(const char *dir, struct err *err)
{
    if (mkdir(dir, 0700) == 0 || errno == EEXIST)
        return true;
    err_set(err, errno == EACCES || errno == EPERM ? ERR_PERMISSION : ERR_CREATE,
            "state directory %s: %s: make it, owned by the user that the proxy runs as", dir,
            strerror(errno));
    return false;
}

static bool write_certificate(const char *dir, const struct pem_chain *chain, bool renew,
                              struct err *err)
{
    struct buf pem;
    bool rv;

    buf_init(&pem, LIMIT_PEM_FILE);
    rv = pem_write(&pem, "CERTIFICATE", chain->certs[0].data, chain->certs[0].data_len);
    if (!rv)
        err_set(err, ERR_MEMORY, "out of memory for the certificate");
    else if (renew)
        rv = fs_write_file(dir, STATE_FILES_CERTIFICATE, buf_slice(&pem), 0644, err);
    else
        rv = fs_create_file(dir, STATE_FILES_CERTIFICATE, buf_slice(&pem), 0644, err);
    buf_fini(&pem);
    return rv;
}

bool state_files_renew(const char *dir, const struct pem_chain *chain, struct err *err)
{
    return write_certificate(dir, chain, true, err);
}

/*
 * The key, and nothing but the key: another instance may be first, and its key is the one that
 * counts. The certificate that came with this one is given up.
 */
static bool write_new_key(const char *dir, const struct state_files_maker *maker, struct err *err)
{
    struct pem_chain chain;
    struct pem_key key;
    struct buf pem;
    bool rv;

    if (!maker->make(maker->ctx, &chain, &key, err))
        return false;
    buf_init(&pem, LIMIT_SECRET);
    rv = identity_write_key(&key, &pem);
    if (!rv)
        err_set(err, ERR_MEMORY, "out of memory for the identity's key");
    rv = rv && fs_create_file(dir, KEY_NAME, buf_slice(&pem), 0600, err);
    buf_wipe(&pem);
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    return rv;
}

static bool write_new_certificate(const char *dir, const struct state_files_maker *maker,
                                  const struct pem_key *key, struct err *err)
{
    struct pem_chain chain;
    bool rv;

    if (!maker->certify(maker->ctx, key, &chain, err))
        return false;
    rv = write_certificate(dir, &chain, false, err);
    pem_chain_fini(&chain);
    return rv;
}

static bool check_mode(const char *path, struct err *err)
{
    struct stat st;

    if (stat(path, &st) < 0 || (st.st_mode & 077) == 0)
        return true; /* whether it can be read is told when it is */
    err_set(err, ERR_PERMISSION, "%s: others can read or write it: chmod 600 %s", path, path);
    return false;
}

bool state_files_identity(const char *dir, const struct state_files_maker *maker,
                          struct pem_chain *chain, struct pem_key *key, struct err *err)
{
    char key_path[PATH_SIZE], cert_path[PATH_SIZE];

    *chain = (struct pem_chain){.count = 0};
    *key = (struct pem_key){.type = 0};
    path_of(dir, KEY_NAME, key_path);
    path_of(dir, STATE_FILES_CERTIFICATE, cert_path);
    if ((exists(dir, KEY_NAME) || write_new_key(dir, maker, err)) && check_mode(key_path, err) &&
        pem_load_key(key_path, key, err) &&
        (exists(dir, STATE_FILES_CERTIFICATE) || write_new_certificate(dir, maker, key, err)) &&
        pem_load_chain(cert_path, chain, err) && pem_match(chain, cert_path, key, key_path, err))
        return true;
    pem_chain_fini(chain);
    pem_key_fini(key);
    return false;
}

bool state_files_seal_secret(const char *dir, const struct secret *license_key,
                             struct tls_profile *profile, struct secret *out, struct err *err)
{
    char path[PATH_SIZE];
    uint8_t random[SEAL_SIZE];
    struct buf content;
    bool rv = false;

    if (secret_is_set(license_key)) {
        if (secret_set(out, license_key->data, license_key->size))
            return true;
        err_set(err, ERR_MEMORY, "out of memory");
        return false;
    }
    path_of(dir, STATE_FILES_SEAL_KEY, path);
    if (!exists(dir, STATE_FILES_SEAL_KEY)) {
        tls_profile_random(profile, random, sizeof random);
        rv = fs_create_file(dir, STATE_FILES_SEAL_KEY, slice_make((char *)random, sizeof random),
                            0600, err);
        secret_wipe(random, sizeof random);
        if (!rv)
            return false;
    }
    buf_init(&content, LIMIT_SECRET);
    rv = check_mode(path, err) && fs_read_file(path, &content, err);
    if (rv && content.len != SEAL_SIZE) {
        err_set(err, ERR_CONFIG,
                "%s: not the 32 bytes that it was made with: put the right one back, or remove it "
                "and lose the stored trust",
                path);
        rv = false;
    }
    if (rv && !secret_set(out, buf_slice(&content).p, content.len)) {
        err_set(err, ERR_MEMORY, "out of memory");
        rv = false;
    }
    buf_wipe(&content);
    return rv;
}

bool state_files_boot_id(uint8_t id[16])
{
    struct slice text;
    struct buf content;
    size_t n = 0;

#ifdef LP_FAULTS
    if (clock_seam_boot_id(id))
        return true;
#endif
    buf_init(&content, 64);
    (void)fs_read_file("/proc/sys/kernel/random/boot_id", &content, NULL);
    text = buf_slice(&content);
    while (n < 16 && text.n >= 2) {
        size_t step = text.p[0] == '-' ? 1 : 2;
        uint64_t byte;

        if (step == 2 && !slice_hex_to_u64(slice_make(text.p, 2), &byte))
            break;
        if (step == 2)
            id[n++] = (uint8_t)byte;
        text = slice_make(text.p + step, text.n - step);
    }
    buf_fini(&content);
    return n == 16;
}
