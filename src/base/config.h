/*
 * Every setting of `serve` as plain data: filled by cli/options from flags, environment, file and
 * defaults, read by all floors. Whoever holds a struct config owns what it points to.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/limits.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdint.h>

struct config_list {
    char *items[LIMIT_LIST]; /* owned */
    size_t count;
};

enum journal_mode {
    JOURNAL_OFF,
    JOURNAL_RECORD, /* requests answered from trust are recorded */
    JOURNAL_REPLAY  /* and sent to the license server when it is back */
};

struct config {
    /* [server] */
    char *host;        /* owned; a numeric address, IPv4 or IPv6 */
    char *status_host; /* owned; as host */
    int64_t port;      /* 0 to 65535; 0 lets the system choose (tests), the log tells which */
    int64_t status_port;
    char *base_url; /* owned; starts and ends with '/' after validation */
    int64_t startup_timeout_s;
    int64_t drain_delay_s; /* from unready to the closing of the licensing port */

    /* [license] */
    struct secret license_key;      /* unset: check-ins carry no Authorization */
    char *license_key_file;         /* owned, NULL if none; read again on reload */
    struct config_list server_urls; /* at least one; https only, validated */

    /* [tls] */
    bool tls_enabled;
    char *tls_cert, *tls_key;     /* owned, both or neither; PEM paths */
    char *client_ca;              /* owned, NULL if none */
    struct config_list tls_names; /* further names of the self-made certificate */

    /* [upstream] */
    char *ca_file;                  /* owned, NULL if none */
    struct config_list pin_sha256;  /* SPKI pins */
    char *client_cert, *client_key; /* owned, both or neither; PEM paths */
    struct secret proxy;            /* egress proxy URL (may hold a password); unset if none */
    char *no_proxy;                 /* owned, NULL if none */
    int64_t resolve_timeout_s, connect_timeout_s, tls_timeout_s, answer_timeout_s;
    int64_t relay_timeout_s; /* one relay over all servers */

    /* [trust] */
    int64_t trust_window_s; /* 0: nothing is trusted in an outage */
    bool honor_no_store;
    struct config_list trust_key; /* parts, see trust/key.h; empty: the default */

    /* [checkin] */
    char *checkin_path;      /* owned; starts with '/' */
    bool checkin_path_named; /* the operator set it: a refused key at start is fatal */
    char *checkin_method;    /* owned; a token */
    int64_t checkin_interval_s;
    char *auth_scheme; /* owned; "Token", "Bearer", or "" for the bare key */

    /* [access] networks and addresses; empty: all */
    struct config_list allow, status_allow;

    /* [limits] */
    int64_t max_clients;   /* licensing connections */
    int64_t host_clients;  /* of one address; of an IPv6 network of 64 bits */
    int64_t trust_entries; /* stored approvals */
    int64_t drain_timeout_s;

    /* [sandbox] */
    enum sandbox_mode sandbox;
    char *user; /* owned, NULL if none: NAME or NUMBER, and :GROUP */

    /* [state] */
    char *state_dir; /* owned, NULL if none */

    /* [journal] */
    enum journal_mode journal_mode;
    int64_t journal_max_bytes; /* of its files */

    /* [log] */
    enum log_format log_format;
    enum log_level log_level;
};

#endif
