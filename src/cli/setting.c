#include "cli/setting.h"

#include <stddef.h>

#define AT(field) offsetof(struct config, field)
#define TEXT(n) TEXT_(n)
#define TEXT_(n) #n

static const char *const journal_modes[] = {"off", "record", "replay", NULL};
static const char *const sandbox_modes[] = {"off", "errno", "kill", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", "trace", NULL};

/* Ports and bounds need no rule of their own: least and most say it. */
const struct setting setting_table[] = {
    {"license", "key", "license-key", .is_flag = true, .type = SETTING_SECRET,
     .rule = RULE_CREDENTIAL, .offset = AT(license_key), .argument = "KEY",
     .help = "the license key, for the proxy's own check-ins; a file is safer"},
    {"license", "key_file", "license-key-file", .is_flag = true, .offset = AT(license_key_file),
     .argument = "FILE", .help = "the file that holds the license key"},
    {"license", "server_url", "server-url", .is_flag = true, .type = SETTING_LIST,
     .rule = RULE_SERVER, .offset = AT(server_urls), .most = LIMIT_SERVERS,
     .fallback = "https://license.deepgram.com", .argument = "URL",
     .help = "a license server; give it again for more, in order of preference"},

    {"server", "host", "host", .is_flag = true, .type = SETTING_ADDRESS, .offset = AT(host),
     .fallback = "0.0.0.0", .argument = "ADDR",
     .help = "the address on which services reach the proxy, IPv4 or IPv6"},
    {"server", "port", "port", .is_flag = true, .type = SETTING_INTEGER, .offset = AT(port),
     .most = 65535, .fallback = "8443", .argument = "N", .help = "the licensing port (HTTPS)"},
    {"server", "status_host", "status-host", .is_flag = true, .type = SETTING_ADDRESS,
     .offset = AT(status_host), .argument = "ADDR",
     .help = "the address of the status port; as --host unless given"},
    {"server", "status_port", "status-port", .is_flag = true, .type = SETTING_INTEGER,
     .offset = AT(status_port), .most = 65535, .fallback = "8080", .argument = "N",
     .help = "the status port (HTTP)"},
    {"server", "base_url", "base-url", .is_flag = true, .rule = RULE_PREFIX, .offset = AT(base_url),
     .fallback = "/", .argument = "PREFIX", .help = "the path under which licensing requests come"},
    {"server", "startup_timeout", "startup-timeout", .is_flag = true, .type = SETTING_DURATION,
     .offset = AT(startup_timeout_s), .least = 1, .most = 3600, .fallback = "30s",
     .argument = "DUR", .help = "how long the license server may take to answer at the start"},
    {"server", "drain_delay", "drain-delay", .type = SETTING_DURATION, .offset = AT(drain_delay_s),
     .most = 3600, .fallback = "0s", .argument = "DUR",
     .help = "told to end: how long to serve on while unready, so that load balancers notice"},

    {"tls", "enabled", "tls-enabled", .type = SETTING_BOOLEAN, .offset = AT(tls_enabled),
     .fallback = "true", .argument = "BOOL",
     .help = "HTTPS on the licensing port; false behind something that ends TLS"},
    {"tls", "cert", "tls-cert", .is_flag = true, .offset = AT(tls_cert), .argument = "FILE",
     .help = "the certificate chain (PEM) shown to services; else self-made"},
    {"tls", "key", "tls-key", .is_flag = true, .offset = AT(tls_key), .argument = "FILE",
     .help = "the certificate's private key (PEM)"},
    {"tls", "client_ca", "tls-client-ca", .offset = AT(client_ca), .argument = "FILE",
     .help = "the authorities (PEM) of client certificates, which are then required of services"},
    {"tls", "names", "tls-names", .type = SETTING_LIST, .rule = RULE_NAME, .offset = AT(tls_names),
     .most = LIMIT_NAMES - 8, .argument = "NAMES",
     .help = "further names of the self-made certificate"},

    {"upstream", "ca_file", "ca-file", .is_flag = true, .offset = AT(ca_file), .argument = "FILE",
     .help = "the authorities (PEM) trusted to certify the license server"},
    {"upstream", "pin_sha256", "pin-sha256", .type = SETTING_LIST, .rule = RULE_PIN,
     .offset = AT(pin_sha256), .most = LIMIT_LIST, .argument = "PINS",
     .help = "SHA-256 of public keys, one of which the license server must have"},
    {"upstream", "client_cert", "client-cert", .offset = AT(client_cert), .argument = "FILE",
     .help = "the certificate shown to the license server"},
    {"upstream", "client_key", "client-key", .offset = AT(client_key), .argument = "FILE",
     .help = "that certificate's private key"},
    {"upstream", "proxy", "proxy", .type = SETTING_SECRET, .rule = RULE_OR_NONE,
     .offset = AT(proxy), .argument = "URL", .help = "the egress proxy"},
    {"upstream", "no_proxy", "no-proxy", .rule = RULE_OR_NONE, .offset = AT(no_proxy),
     .argument = "HOSTS", .help = "hosts reached without the egress proxy"},
    {"upstream", "resolve_timeout", "resolve-timeout", .type = SETTING_DURATION,
     .offset = AT(resolve_timeout_s), .least = 1, .most = 300, .fallback = "5s", .argument = "DUR",
     .help = "for looking up the license server's name"},
    {"upstream", "connect_timeout", "connect-timeout", .type = SETTING_DURATION,
     .offset = AT(connect_timeout_s), .least = 1, .most = 300, .fallback = "5s", .argument = "DUR",
     .help = "for connecting to one of its addresses"},
    {"upstream", "tls_timeout", "tls-timeout", .type = SETTING_DURATION,
     .offset = AT(tls_timeout_s), .least = 1, .most = 300, .fallback = "5s", .argument = "DUR",
     .help = "for the TLS handshake with it"},
    {"upstream", "answer_timeout", "answer-timeout", .type = SETTING_DURATION,
     .offset = AT(answer_timeout_s), .least = 1, .most = 300, .fallback = "10s", .argument = "DUR",
     .help = "from the request to the first byte of the answer"},
    {"upstream", "relay_timeout", "relay-timeout", .type = SETTING_DURATION,
     .offset = AT(relay_timeout_s), .least = 1, .most = 300, .fallback = "15s", .argument = "DUR",
     .help = "for one request, over all license servers"},

    {"trust", "window", "trust-window", .is_flag = true, .type = SETTING_DURATION,
     .offset = AT(trust_window_s), .most = LIMIT_TRUST_WINDOW, .fallback = "7d", .argument = "DUR",
     .help = "how long an approval serves while no server answers; 0s: never"},
    {"trust", "key", "trust-key", .type = SETTING_LIST, .rule = RULE_KEY_PART,
     .offset = AT(trust_key), .most = LIMIT_KEY_PARTS, .argument = "PARTS",
     .help = "what makes two requests the same: method, target, credential, body or json:NAME"},
    {"trust", "honor_no_store", "honor-no-store", .type = SETTING_BOOLEAN,
     .offset = AT(honor_no_store), .fallback = "true", .argument = "BOOL",
     .help = "don't trust answers marked no-store, no-cache or must-revalidate"},
    {"trust", "entries", "trust-entries", .type = SETTING_INTEGER, .offset = AT(trust_entries),
     .least = 1, .most = LIMIT_TRUST_ENTRIES, .fallback = TEXT(LIMIT_TRUST_ENTRIES),
     .argument = "N", .help = "approvals kept at most"},

    {"checkin", "path", "checkin-path", .rule = RULE_TARGET, .offset = AT(checkin_path),
     .fallback = "/", .argument = "PATH", .help = "what the proxy's own check-in asks for"},
    {"checkin", "method", "checkin-method", .rule = RULE_TOKEN, .offset = AT(checkin_method),
     .fallback = "GET", .argument = "METHOD", .help = "its method"},
    {"checkin", "interval", "checkin-interval", .type = SETTING_DURATION,
     .offset = AT(checkin_interval_s), .least = 1, .most = 86400, .fallback = "60s",
     .argument = "DUR", .help = "time between check-ins"},
    {"checkin", "auth_scheme", "auth-scheme", .rule = RULE_SCHEME, .offset = AT(auth_scheme),
     .fallback = "Token", .argument = "SCHEME",
     .help = "what stands before the key in Authorization; empty for the bare key"},

    {"access", "allow", "access-allow", .type = SETTING_LIST, .rule = RULE_NETWORK,
     .offset = AT(allow), .most = LIMIT_LIST, .argument = "NETWORKS",
     .help = "who may use the licensing port, such as 10.0.0.0/8; all unless given"},
    {"access", "status_allow", "status-allow", .type = SETTING_LIST, .rule = RULE_NETWORK,
     .offset = AT(status_allow), .most = LIMIT_LIST, .argument = "NETWORKS",
     .help = "who may use the status port, beside this machine; all unless given"},

    {"limits", "clients", "max-clients", .type = SETTING_INTEGER, .offset = AT(max_clients),
     .least = 1, .most = LIMIT_CLIENTS, .fallback = TEXT(LIMIT_CLIENTS), .argument = "N",
     .help = "licensing connections at one time; when they are full, the address that has most "
             "loses its longest idle one"},
    {"limits", "clients_per_address", "clients-per-address", .type = SETTING_INTEGER,
     .offset = AT(host_clients), .least = 1, .most = LIMIT_CLIENTS, .fallback = TEXT(LIMIT_CLIENTS),
     .argument = "N",
     .help = "of them from one address, or from one IPv6 /64, even when there is room"},
    {"limits", "drain_timeout", "drain-timeout", .type = SETTING_DURATION,
     .offset = AT(drain_timeout_s), .most = 3600, .fallback = "8s", .argument = "DUR",
     .help = "how long requests under way may take when the proxy is told to end"},

    {"state", "dir", "state-dir", .is_flag = true, .offset = AT(state_dir), .argument = "DIR",
     .help = "keeps trust and certificate over restarts"},

    {"journal", "mode", "journal-mode", .type = SETTING_ENUM, .offset = AT(journal_mode),
     .fallback = "off", .choices = journal_modes, .argument = "MODE",
     .help = "record: requests are written down before they are answered from trust, or refused; "
             "replay: and sent to the license server when it is back; off"},
    {"journal", "max_bytes", "journal-max-bytes", .type = SETTING_INTEGER,
     .offset = AT(journal_max_bytes), .least = LIMIT_JOURNAL_BYTES_LEAST,
     .most = LIMIT_JOURNAL_BYTES_MOST, .fallback = TEXT(LIMIT_JOURNAL_BYTES), .argument = "N",
     .help = "of the journal's files; when it is full, requests aren't answered from trust"},

    {"sandbox", "mode", "sandbox", .type = SETTING_ENUM, .offset = AT(sandbox), .fallback = "errno",
     .choices = sandbox_modes, .argument = "MODE",
     .help = "what a system call meets that the proxy never makes: errno: it fails; kill: the "
             "process ends; off: nothing is confined"},
    {"sandbox", "user", "user", .is_flag = true, .offset = AT(user), .argument = "USER[:GID]",
     .help = "who to become once the ports are bound: a name or a number"},

    {"log", "format", "log-format", .is_flag = true, .type = SETTING_ENUM, .offset = AT(log_format),
     .fallback = "text", .choices = log_formats, .argument = "text|json",
     .help = "how log lines are written"},
    {"log", "level", "log-level", .type = SETTING_ENUM, .offset = AT(log_level), .fallback = "info",
     .choices = log_levels, .argument = "LEVEL",
     .help = "error, warn, info, debug (as -v) or trace (as -vv)"},
};

const size_t setting_count = sizeof setting_table / sizeof setting_table[0];

_Static_assert(sizeof setting_table / sizeof setting_table[0] <= SETTING_MAX,
               "SETTING_MAX must grow with the table");

const struct setting *setting_by_key(struct slice table, struct slice key)
{
    for (size_t i = 0; i < setting_count; i++)
        if (slice_eq(slice_of(setting_table[i].table), table) &&
            slice_eq(slice_of(setting_table[i].key), key))
            return &setting_table[i];
    return NULL;
}

const struct setting *setting_by_flag(struct slice name)
{
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].is_flag && slice_eq(slice_of(setting_table[i].name), name))
            return &setting_table[i];
    return NULL;
}

const struct setting *setting_by_field(size_t offset)
{
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].offset == offset)
            return &setting_table[i];
    return NULL;
}

bool setting_has_table(struct slice table)
{
    for (size_t i = 0; i < setting_count; i++)
        if (slice_eq(slice_of(setting_table[i].table), table))
            return true;
    return false;
}

void setting_variable(const struct setting *s, char out[SETTING_VARIABLE_SIZE])
{
    static const char prefix[] = "LICENSE_PROXY_";
    size_t n = sizeof prefix - 1;

    memcpy(out, prefix, n);
    for (const char *p = s->name; *p && n + 1 < SETTING_VARIABLE_SIZE; p++)
        out[n++] = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    out[n] = '\0';
}

const char *setting_show(struct slice name, char out[SETTING_VARIABLE_SIZE])
{
    if (name.n >= SETTING_VARIABLE_SIZE)
        name.n = SETTING_VARIABLE_SIZE - 1;
    for (size_t i = 0; i < name.n; i++)
        out[i] = (char)(name.p[i] > ' ' && name.p[i] < 0x7f ? name.p[i] : '?');
    out[name.n] = '\0';
    return out;
}
