#include "cli/command.h"
#include "cli/options.h"
#include "cli/state_files.h"
#include "format/base64.h"
#include "tls/identity.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* The certificate that `serve` shows with this configuration. */
static bool load(const struct config *config, struct pem_chain *chain, struct err *err)
{
    char path[LIMIT_STRING + 32];

    if (config->tls_cert)
        return pem_load_chain(config->tls_cert, chain, err);
    if (!config->state_dir) {
        err_set(err, ERR_CONFIG,
                "without tls_cert or state_dir the certificate is made anew at each start and kept "
                "in memory: give --state-dir DIR to serve and here");
        return false;
    }
    snprintf(path, sizeof path, "%s/" STATE_FILES_CERTIFICATE, config->state_dir);
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        err_set(err, ERR_CONFIG, "%s: no certificate yet: the first start of serve makes it", path);
        return false;
    }
    return pem_load_chain(path, chain, err);
}

/* Lines that start with '#' are passed over by whoever reads the PEM text behind them. */
static bool print(const struct pem_chain *chain, struct err *err)
{
    uint8_t pin[32];
    char fingerprint[IDENTITY_FINGERPRINT_SIZE], text[BASE64_SIZE(32) + 1];
    struct buf pem;
    bool rv;

    if (!identity_spki_pin(&chain->certs[0], pin)) {
        err_set(err, ERR_CONFIG, "the certificate is malformed");
        return false;
    }
    identity_fingerprint(&chain->certs[0], fingerprint);
    (void)base64_encode(slice_make((char *)pin, sizeof pin), text, sizeof text);
    printf("# SHA-256 fingerprint %s\n# pin_sha256 = [\"%s\"]\n", fingerprint, text);
    buf_init(&pem, LIMIT_PEM_FILE);
    rv = true;
    for (size_t i = 0; i < chain->count && rv; i++)
        rv = pem_write(&pem, "CERTIFICATE", chain->certs[i].data, chain->certs[i].data_len);
    if (rv)
        fwrite(buf_slice(&pem).p, 1, pem.len, stdout);
    else
        err_set(err, ERR_MEMORY, "out of memory");
    buf_fini(&pem);
    return rv;
}

int cli_cert(int argc, char **argv, unsigned verbosity)
{
    struct options options;
    struct config config = {0};
    struct pem_chain chain = {.count = 0};
    struct err err = {0};
    int rv = 0;

    if (!options_init(&options, argc, argv, verbosity, &err) ||
        !options_load(&options, &config, &err) || !load(&config, &chain, &err) ||
        !print(&chain, &err))
        rv = command_fail(&err);
    pem_chain_fini(&chain);
    config_fini(&config);
    options_fini(&options);
    return rv;
}
