#include "base/clock.h"
#include "cli/command.h"
#include "cli/options.h"
#include "tls/roots.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* What check found out on its way, for the summary. */
struct findings {
    struct options *options; /* borrowed */
    struct config config;
    size_t faults;
    int64_t cert_end_s; /* of the certificate shown to services; 0 if it is self-made */
    size_t anchors;
    const char *anchors_source; /* borrowed from config, the environment or a constant */
};

static void print_fault(void *ctx, enum err_code code, const char *text)
{
    (void)ctx;
    (void)code;
    fprintf(stderr, "%s\n", text);
}

/* A fault of what a setting points to. */
static void fault(struct findings *f, size_t field, const char *what)
{
    char place[OPTIONS_WHERE_SIZE];

    options_where(f->options, setting_by_field(field), place);
    fprintf(stderr, "%s: %s\n", place, what);
    f->faults++;
}

static void format_day(int64_t seconds, char out[CLOCK_RFC3339_SIZE])
{
    clock_format(seconds * CLOCK_NS_PER_S, out);
    out[10] = '\0';
}

/* A certificate with its key: which settings name them, and what they say. */
struct pair {
    size_t cert_field, key_field;
    const char *cert, *key; /* borrowed from the configuration */
};

/* When the leaf ends; 0 if that can't be read. */
static int64_t check_validity(struct findings *f, const struct pair *p,
                              const struct pem_chain *chain)
{
    char text[LIMIT_ERR_TEXT], day[CLOCK_RFC3339_SIZE];
    struct pem_facts facts;
    struct err err = {0};
    struct clock clock;
    int64_t now, end_s = 0;

    clock_init(&clock);
    now = clock_never_back_s(&clock);
    for (size_t i = 0; i < chain->count; i++) {
        if (!pem_read_facts(&chain->certs[i], &facts, &err)) {
            fault(f, p->cert_field, err.text);
            return 0;
        }
        if (i == 0)
            end_s = facts.not_after;
        if (now >= facts.not_before && now <= facts.not_after)
            continue;
        format_day(now < facts.not_before ? facts.not_before : facts.not_after, day);
        snprintf(text, sizeof text, "%.180s: certificate %zu %s %s; %s", p->cert, i + 1,
                 now < facts.not_before ? "is not valid before" : "expired on", day,
                 now < facts.not_before ? "check this machine's clock" : "renew it");
        fault(f, p->cert_field, text);
    }
    return end_s;
}

/* When the pair's certificate ends; 0 if there is none. */
static int64_t check_pair(struct findings *f, const struct pair *p)
{
    struct pem_chain chain = {.count = 0};
    struct pem_key key = {.type = 0};
    struct err cert_err = {0}, key_err = {0}, match_err = {0};
    int64_t end_s = 0;

    if (p->cert && !pem_load_chain(p->cert, &chain, &cert_err))
        fault(f, p->cert_field, cert_err.text);
    if (p->key && !pem_load_key(p->key, &key, &key_err))
        fault(f, p->key_field, key_err.text);
    if (chain.count > 0)
        end_s = check_validity(f, p, &chain);
    if (chain.count > 0 && key.type != 0 && !pem_match(&chain, p->cert, &key, p->key, &match_err))
        fault(f, p->key_field, match_err.text);
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    return end_s;
}

static void check_pairs(struct findings *f)
{
    const struct config *c = &f->config;

    f->cert_end_s =
        check_pair(f, &(struct pair){offsetof(struct config, tls_cert),
                                     offsetof(struct config, tls_key), c->tls_cert, c->tls_key});
    (void)check_pair(f, &(struct pair){offsetof(struct config, client_cert),
                                       offsetof(struct config, client_key), c->client_cert,
                                       c->client_key});
}

static void check_anchors(struct findings *f)
{
    struct pem_anchors anchors = {.count = 0};
    struct err err = {0}, client_err = {0};
    const char *ignored;

    if (roots_load(f->config.ca_file, getenv("SSL_CERT_FILE"), &anchors, &f->anchors_source,
                   &err)) {
        f->anchors = anchors.count;
    } else if (f->config.ca_file) {
        fault(f, offsetof(struct config, ca_file), err.text);
    } else {
        fprintf(stderr, "environment variable SSL_CERT_FILE: %s\n", err.text);
        f->faults++;
    }
    pem_anchors_fini(&anchors);
    if (f->config.client_ca &&
        !roots_load(f->config.client_ca, NULL, &anchors, &ignored, &client_err))
        fault(f, offsetof(struct config, client_ca), client_err.text);
    pem_anchors_fini(&anchors);
}

/* An IPv6 address gets its brackets. */
static void print_listener(const char *title, const char *host, int64_t port, const char *what)
{
    bool ipv6 = strchr(host, ':') != NULL;

    printf("  %-16s%s%s%s:%" PRId64 ", %s\n", title, ipv6 ? "[" : "", host, ipv6 ? "]" : "", port,
           what);
}

static void print_key(const struct findings *f)
{
    char place[OPTIONS_WHERE_SIZE];
    bool from_file = f->config.license_key_file != NULL;

    if (!secret_is_set(&f->config.license_key)) {
        printf("  license key     none: check-ins carry no Authorization\n");
        return;
    }
    options_where(f->options,
                  setting_by_field(from_file ? offsetof(struct config, license_key_file)
                                             : offsetof(struct config, license_key)),
                  place);
    printf("  license key     set, by %s\n", place);
}

static void print_egress(const struct findings *f)
{
    struct egress egress;

    if (!options_egress(f->options, &f->config, &egress, NULL))
        return; /* told before */
    if (egress.scheme != EGRESS_DIRECT)
        printf("  %-16s%s, by %s\n", "egress proxy", egress.url, egress.source);
    egress_fini(&egress);
}

static void print_summary(const struct findings *f)
{
    const struct config *c = &f->config;
    char window[24], day[CLOCK_RFC3339_SIZE];

    printf("ok\n");
    for (size_t i = 0; i < c->server_urls.count; i++)
        printf("  %-16s%s\n", i == 0 ? "license server" : "", c->server_urls.items[i]);
    printf("  %-16s%zu, from %s\n", "trust anchors", f->anchors, f->anchors_source);
    if (c->pin_sha256.count > 0)
        printf("  %-16s%zu\n", "pinned keys", c->pin_sha256.count);
    print_egress(f);
    print_key(f);
    print_listener("licensing port", c->host, c->port, c->tls_enabled ? "HTTPS" : "plain HTTP");
    if (c->tls_enabled && c->tls_cert) {
        format_day(f->cert_end_s, day);
        printf("  %-16s%s, valid to %s\n", "certificate", c->tls_cert, day);
    } else if (c->tls_enabled) {
        printf("  %-16s%s\n", "certificate", "self-made");
    }
    print_listener("status port", c->status_host, c->status_port, "HTTP");
    setting_format_duration(c->trust_window_s, window);
    printf("  %-16s%s\n", "trust window", window);
}

int cli_check(int argc, char **argv, unsigned verbosity)
{
    struct options options;
    struct findings f = {.options = &options};
    struct err err = {0};
    int rv = 0;

    if (!options_init(&options, argc, argv, verbosity, &err)) {
        rv = command_fail(&err);
        options_fini(&options);
        return rv;
    }
    f.faults = options_examine(&options, &f.config, print_fault, NULL);
    check_pairs(&f);
    check_anchors(&f);
    if (f.faults == 0) {
        print_summary(&f);
    } else {
        fprintf(stderr, "license-proxy: %zu fault%s found\n", f.faults, f.faults == 1 ? "" : "s");
        rv = 78;
    }
    config_fini(&f.config);
    options_fini(&options);
    return rv;
}
