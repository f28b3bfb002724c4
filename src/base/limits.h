/*
 * Every bound of the program, each with its reason. Licensing messages are small (a few kB), so
 * the bounds are too: what exceeds one is refused clearly, and the port can't carry bulk data.
 * Sizes are bytes, times are milliseconds, unless a name says otherwise.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* HTTP messages (design: bounds). */
#define LIMIT_HEAD 16384  /* a request or response head; 431 beyond. One TLS record. */
#define LIMIT_TARGET 8192 /* a request target; 414 beyond. RFC 9112 section 3 asks for 8000. */
#define LIMIT_FIELDS 100  /* fields in one head; 431 beyond. Browsers send about 20. */
#define LIMIT_REQUEST_BODY 262144   /* 413 beyond. Licensing requests are a few kB. */
#define LIMIT_RESPONSE_BODY 1048576 /* an upstream answer; beyond it is a bad answer (502). */
#define LIMIT_CHUNK_OVERHEAD                                                                       \
    65536                     /* chunk sizes, extensions and trailers of one body together.        \
                               */
#define LIMIT_CHUNK_LINE 4096 /* one chunk-size line or trailer line. */
#define LIMIT_INTERIM 16      /* 1xx responses before the final one. */

/* Connections and work in flight. */
#define LIMIT_CLIENTS 16384 /* licensing connections; a silent one costs half a kilobyte. */
#define LIMIT_TALKING 4096  /* of them not silent: 25 kB each with TLS, 5 kB at rest. */
#define LIMIT_SLOW_MS 2000  /* a message's way, before the connection may have to make room. */
#define LIMIT_SUITES 6      /* cipher suites; BearSSL's server looks at as many places. */
#define LIMIT_HANDSHAKE_STEPS                                                                      \
    8                           /* of one host in one turn: about 4 ms, then it is others' turn.   \
                                 */
#define LIMIT_STATUS_CLIENTS 64 /* status connections: probes, a scraper, a few people. */
#define LIMIT_ACCEPT_BATCH 32   /* accepts in one turn, so that a flood can't starve the rest. */
#define LIMIT_RELAYS 64         /* relays under way to license servers at one time. */
#define LIMIT_WAITING 1024      /* requests that wait for a relay slot; 503 beyond. */
#define LIMIT_IDLE_UPSTREAM 16  /* kept-alive connections to license servers. */
#define LIMIT_BODY_MEMORY (64L << 20) /* request and response bodies in memory at one time. */
#define LIMIT_FD_RESERVE 128          /* descriptors kept for upstream, status port and files. */
#define LIMIT_SERVERS 8               /* server_url entries. */
#define LIMIT_ADDRESSES 16            /* addresses tried of one name. */
#define LIMIT_HOST 253        /* a host name (RFC 1035 section 2.3.4, without the last dot). */
#define LIMIT_URL 2048        /* a configured URL. */
#define LIMIT_NO_PROXY 256    /* entries of NO_PROXY; a cluster's list has dozens. */
#define LIMIT_RESOLVES 8      /* look-ups under way at one time, one small process each. */
#define LIMIT_DNS_CACHE 30000 /* how long a looked-up address is used again. */
#define LIMIT_PUMP_TURNS 64   /* TLS records handled for one connection before others' turn. */

#define LIMIT_SESSIONS 1024     /* TLS sessions kept for resumption: 100 kB, locked in memory. */
#define LIMIT_SESSION_MS 600000 /* how long: a check-in a minute, and some missed. */

/* Trust. */
#define LIMIT_TRUST_ENTRIES 20000         /* stored approvals: twice the largest site known. */
#define LIMIT_TRUST_BYTES (64L << 20)     /* of stored approvals, with their overhead. */
#define LIMIT_TRUST_WINDOW (366L * 86400) /* seconds; a longer window is a typing error. */
#define LIMIT_KEY_PARTS 16                /* parts of [trust] key. */
#define LIMIT_HISTORY_SLOTS 288           /* a day, in memory, for the status page. */
#define LIMIT_HISTORY_SLOT_S 300          /* seconds; about a pixel's width of the page. */
#define LIMIT_HISTORY_LOOK_MS 240000      /* the state is looked at, so that no slot has none. */

/* State directory. */
#define LIMIT_STATE_FILE (LIMIT_RESPONSE_BODY + LIMIT_HEAD * 2 + 4096) /* one sealed entry. */
#define LIMIT_STORAGE_QUEUE 25000      /* requests that wait for storage: each entry, and more. */
#define LIMIT_STORAGE_BYTES (8L << 20) /* of writings that wait for storage. */
#define LIMIT_ASIDE 64                 /* files set aside that are kept to be looked at. */
#define LIMIT_LOAD_MS 30000            /* reading all entries at start. */
#define LIMIT_STORAGE_LAST_MS 1000     /* at the end, for what still waits to be written. */
#define LIMIT_STORAGE_MS 5000          /* a request to storage; longer is hung. */
#define LIMIT_STORAGE_WRITE_MS 60000   /* a writing: it waits behind others, nobody waits for it. */

/* Usage journal, in the state directory. */
#define LIMIT_JOURNAL_RECORDS                                                                      \
    16384 /* two instances' fit into what is listed (see storage_helper) */
#define LIMIT_JOURNAL_BYTES 67108864       /* its files, unless configured: 4 kB for each record. */
#define LIMIT_JOURNAL_BYTES_LEAST 1048576  /* so that the largest request fits. */
#define LIMIT_JOURNAL_BYTES_MOST 268435456 /* all of it is read at the start. */
#define LIMIT_JOURNAL_SEALS 8       /* license keys that its records are sealed with, until anew. */
#define LIMIT_JOURNAL_RETRY_MS 5000 /* before the journal's storage is tried again. */
#define LIMIT_REPLAY_MS 100 /* between two records sent: a server that came back needs room. */

/* Deadlines. */
#define LIMIT_HANDSHAKE_MS 15000 /* a client's TLS handshake, all of it. */
#define LIMIT_HEAD_MS                                                                              \
    30000                    /* a client's request head, from its first byte, however it dribbles. \
                              */
#define LIMIT_BODY_MS 60000  /* a client's request body, all of it. */
#define LIMIT_WRITE_MS 60000 /* a client's reading of the response, all of it. */
#define LIMIT_IDLE_MS                                                                              \
    75000 /* a kept-alive connection between requests: over a check-in's minute. */
#define LIMIT_LINGER_MS 2000 /* reading on after a refusal, so that the client sees the answer. */
#define LIMIT_UPSTREAM_IDLE_MS                                                                     \
    55000                     /* an idle upstream connection; servers commonly close at 60 s. */
#define LIMIT_RESOLVE_MS 5000 /* a look-up. */
#define LIMIT_CONNECT_MS 5000 /* connecting to any of a name's addresses. */
#define LIMIT_CONNECT_STEP_MS                                                                      \
    250                       /* before the next address is tried beside it (RFC 8305 section 5). */
#define LIMIT_TLS_MS 5000     /* the handshake with a license server. */
#define LIMIT_ANSWER_MS 10000 /* from the request's last byte to the response's first. */
#define LIMIT_RELAY_MS 15000  /* one relay over all servers: clients give up at 30 s or so. */
#define LIMIT_DRAIN_MS 8000   /* shutting down: below the 10 s that container engines wait. */
#define LIMIT_DRAIN_IDLE_MS                                                                        \
    1000                    /* shutting down: for a request of who connected or asked lately. */
#define LIMIT_TELL_MS 10000 /* between two log lines about clients that are turned away. */
#define LIMIT_ACCEPT_PAUSE_MS 100 /* before accepting again when descriptors ran out. */
#define LIMIT_SUPERVISOR_MS 500   /* for a supervisor to be told; clients wait meanwhile. */
#define LIMIT_BACKOFF_MIN_MS 1000 /* between probes in an outage, growing to the next. */
#define LIMIT_BACKOFF_MAX_MS 60000

/* Files and configuration. */
#define LIMIT_CONFIG_FILE 65536 /* a configuration file; the published ones are 2 kB. */
#define LIMIT_PEM_FILE 1048576  /* certificates; the system's bundle is about 220 kB. */
#define LIMIT_CA_FILE 4194304   /* anchors, so that a large corporate bundle fits. */
#define LIMIT_SECRET 4096       /* a license key or key file. */
#define LIMIT_STRING 4096       /* a configured string. */
#define LIMIT_LIST 32           /* elements of a configured array. */
#define LIMIT_CERTIFICATE 16384 /* a peer's certificate; long lists of names make 8 kB. */
#define LIMIT_CHAIN 8           /* certificates in a chain, served or verified; 4 are usual. */
#define LIMIT_EXTENSIONS 32     /* of a certificate; 10 are usual. */
#define LIMIT_NAME_CHECKS 50000 /* of a chain's names with its constraints: a few milliseconds. */
#define LIMIT_NAMES 32          /* names in the self-made certificate. */
#define LIMIT_ERR_TEXT 320      /* an error's text. */
#define LIMIT_LOG_LINE 2048     /* one log line, cut beyond. */

#endif
