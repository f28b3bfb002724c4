/*
 * `serve`: puts the parts together, and sees them through start, reload and drain.
 *
 * Start: the status port answers from the first moment. The licensing port has its address then,
 * but lets nobody in before the license server has answered one check-in. Without an answer within
 * startup_timeout the process ends with 69 and says at which stage it failed.
 * End: SIGTERM or SIGINT drains, drain_delay after it has become unready. Reload: SIGHUP; a
 * configuration with a fault changes nothing. A supervisor is told of each step, and of each change
 * of the state.
 */
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/material.h"
#include "cli/options.h"
#include "cli/state_files.h"
#include "cli/supervisor.h"
#include "proxy/exchange.h"
#include "proxy/replay.h"
#include "status/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How often the self-made certificate's age is looked at. */
#define RENEWAL_CHECK_MS 3600000

/* Asked of the supervisor beyond our own deadlines. */
#define SUPERVISOR_SLACK_S 10

/* After the drain deadline: for the last answers (503) to reach their clients. */
#define LAST_WORDS_MS 500

enum serve_phase {
    SERVE_STARTING,
    SERVE_RUNNING,
    SERVE_LEAVING, /* unready, but serving until load balancers have noticed */
    SERVE_DRAINING
};

struct serve {
    enum serve_phase phase;
    struct options options;
    struct config config;   /* of the start: most of it can't change while running */
    struct config reloaded; /* of the last reload; material borrows from it */
    struct log log;
    struct loop loop;
    struct spawn spawn;
    struct resolve resolve;
    struct tls_profile profile;
    struct egress egress;
    struct material material;
    struct core core;
    struct store store;
    struct journal journal;
    struct replay replay;
    struct secret sealed_with; /* what stored trust is sealed with */
    struct checkin checkin;
    struct client_port licensing, status;
    struct supervisor supervisor;
    enum state_name told; /* to the supervisor */
    struct endpoint endpoint;
    size_t body_memory;
    struct loop_io signals;
    struct loop_timer startup, drain, renewal;
    struct err last; /* why the last check-in of the start failed */
    bool gave_up;    /* the drain deadline has passed */
    int exit_code;
};

static void end(struct serve *s, int exit_code)
{
    s->exit_code = exit_code;
    loop_stop(&s->loop);
}

/*
 * No core dump, no ptrace by others: keys are in this memory. musl's setrlimit brings with it what
 * synchronises threads.
 */
static void harden(void)
{
    struct rlimit none = {0, 0};

    (void)prlimit(0, RLIMIT_CORE, &none, NULL);
#if !defined(__SANITIZE_ADDRESS__)
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
    signal(SIGPIPE, SIG_IGN);
}

/* As many descriptors as the bounds can ask for; fewer only mean fewer clients. */
static size_t client_room(const struct serve *s)
{
    size_t want = (size_t)s->config.max_clients + LIMIT_STATUS_CLIENTS + LIMIT_FD_RESERVE;
    size_t room;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return (size_t)s->config.max_clients;
    if (files.rlim_cur < want) {
        files.rlim_cur = files.rlim_max < want ? files.rlim_max : want;
        (void)prlimit(0, RLIMIT_NOFILE, &files, NULL);
    }
    if (files.rlim_cur >= want)
        return (size_t)s->config.max_clients;
    room = files.rlim_cur > LIMIT_STATUS_CLIENTS + LIMIT_FD_RESERVE + 1
               ? (size_t)files.rlim_cur - LIMIT_STATUS_CLIENTS - LIMIT_FD_RESERVE
               : 1;
    log_event(&s->log, LOG_WARN, "fewer clients than configured: raise the limit of open files",
              LOG_NUM("clients", room), LOG_NUM("open_files", files.rlim_cur));
    return room;
}

static int64_t never_back(const struct serve *s)
{
    return clock_never_back_s(&s->core.clock);
}

/* Tells the supervisor how the service is, behind lines of `change`. */
static void tell(struct serve *s, const char *change)
{
    static const char *const words[] = {
        [STATE_READY] = "waiting for the license server's first answer",
        [STATE_CONNECTED] = "the license server answers",
        [STATE_TRUST_BASED] = "no license server answers; stored answers serve until ",
        [STATE_FAILED] = "no license server answers, and none is stored that is trusted",
    };
    char until[CLOCK_RFC3339_SIZE] = "";

    s->told = s->core.told;
    if (s->told == STATE_TRUST_BASED)
        clock_format(clock_wall_at(&s->core.clock, state_expires_ns(&s->core.state)), until);
    supervisor_tell(&s->supervisor, "%sSTATUS=%s%s: %s%s", change,
                    s->phase >= SERVE_LEAVING ? "draining; " : "", state_text(s->told),
                    words[s->told], until);
}

/* As tell, at the start and the end, which take a time that the supervisor must allow. */
static void tell_phase(struct serve *s, const char *change, int64_t seconds)
{
    char text[80];

    snprintf(text, sizeof text, "%sEXTEND_TIMEOUT_USEC=%lld000000\n", change,
             (long long)seconds + SUPERVISOR_SLACK_S);
    tell(s, text);
}

static void close_licensing(struct serve *s)
{
    s->phase = SERVE_DRAINING;
    log_event(&s->log, LOG_INFO, "draining", LOG_NUM("connections", s->licensing.count));
    client_port_drain(&s->licensing);
    loop_set(&s->loop, &s->drain, s->config.drain_timeout_s * 1000);
}

static void start_drain(struct serve *s)
{
    if (s->phase != SERVE_RUNNING) {
        end(s, s->exit_code); /* nothing is in flight, or told twice: now */
        return;
    }
    s->phase = SERVE_LEAVING;
    tell_phase(s, "STOPPING=1\n", s->config.drain_delay_s + s->config.drain_timeout_s);
    s->licensing.draining = true;
    if (s->config.drain_delay_s == 0) {
        close_licensing(s);
        return;
    }
    log_event(&s->log, LOG_INFO, "unready; goes on serving for drain_delay",
              LOG_NUM("seconds", s->config.drain_delay_s));
    loop_set(&s->loop, &s->drain, s->config.drain_delay_s * 1000);
}

static void on_drain(struct loop_timer *timer)
{
    struct serve *s = LOOP_OWNER(timer, struct serve, drain);

    if (s->phase == SERVE_LEAVING) {
        close_licensing(s);
        return;
    }
    if (s->gave_up) {
        end(s, s->exit_code);
        return;
    }
    log_event(&s->log, LOG_WARN, "the drain deadline has passed: unanswered requests get 503",
              LOG_NUM("connections", s->licensing.count));
    s->gave_up = true;
    exchange_give_up(&s->core);
    loop_set(&s->loop, &s->drain, LAST_WORDS_MS);
}

/* Whether there is stored trust that has not expired: then a start in an outage serves. */
static bool has_trust(const struct serve *s)
{
    return s->core.store && s->store.loaded && store_has_trust(&s->store);
}

/* Hands the loaded files to those who use them. */
static void use_material(struct serve *s)
{
    upstream_trust(&s->core.upstream, tls_trust_hold(s->material.trust),
                   tls_trust_hold(s->material.proxy_trust));
    if (s->material.identity)
        client_port_identity(&s->licensing, tls_identity_hold(s->material.identity),
                             s->material.clients ? tls_trust_hold(s->material.clients) : NULL);
    s->endpoint.roots = s->material.roots;
    s->endpoint.self_made = s->material.self_made;
}

static void use_log(struct serve *s, const struct config *config)
{
    s->log.level = config->log_level;
    s->log.format = config->log_format;
}

/* Stored trust follows the license key. */
static bool reseal(struct serve *s, const struct config *config, struct err *err)
{
    struct secret secret = {0};

    if (!s->core.store)
        return true;
    if (!state_files_seal_secret(s->config.state_dir, &config->license_key, &s->profile, &secret,
                                 err))
        return false;
    if (secret.size != s->sealed_with.size ||
        memcmp(secret.data, s->sealed_with.data, secret.size) != 0) {
        if (s->core.journal && !journal_rotate(&s->journal, slice_make(secret.data, secret.size))) {
            err_set(err, ERR_LIMIT, "the usage journal is still being sealed with earlier keys");
            secret_fini(&secret);
            return false;
        }
        store_rotate(&s->store, slice_make(secret.data, secret.size));
        secret_take(&s->sealed_with, &secret);
    }
    secret_fini(&secret);
    return true;
}

static void use_access(struct serve *s, const struct config *config)
{
    client_port_allow(&s->licensing, &config->allow);
    client_port_allow(&s->status, &config->status_allow);
}

static bool load_anew(struct serve *s, struct err *err)
{
    struct config config;
    struct material material = {0};

    if (!options_load(&s->options, &config, err))
        return false;
    if (!material_load(&material, &config, &s->profile, never_back(s), &s->material, err) ||
        !checkin_set_key(&s->checkin, &config, err) || !reseal(s, &config, err)) {
        material_fini(&material);
        config_fini(&config);
        return false;
    }
    material_fini(&s->material);
    s->material = material;
    use_material(s);
    use_log(s, &config);
    use_access(s, &config);
    config_fini(&s->reloaded);
    s->reloaded = config;
    checkin_start(&s->checkin);
    return true;
}

static void reload(struct serve *s)
{
    struct err err = {0};

    if (s->phase == SERVE_RUNNING)
        supervisor_tell_reload(&s->supervisor);
    if (load_anew(s, &err))
        log_event(&s->log, LOG_INFO,
                  "reloaded: certificate, roots, license key, access and log level");
    else
        log_event(&s->log, LOG_ERROR, "reload failed: the old configuration goes on",
                  LOG_STR("error", err.text),
                  LOG_STR(err.code == ERR_PERMISSION ? "hint" : "",
                          "files in other folders than those of the start take a restart"));
    if (s->phase != SERVE_RUNNING)
        return;
    if (err_is_set(&err))
        supervisor_tell(&s->supervisor, "READY=1\nSTATUS=reload failed: %s", err.text);
    else
        tell(s, "READY=1\n");
}

static void on_signal(struct loop_io *io, short ready)
{
    struct serve *s = LOOP_OWNER(io, struct serve, signals);
    struct signalfd_siginfo info;

    (void)ready;
    while (read(io->fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(s);
        else
            start_drain(s);
    }
}

static bool watch_signals(struct serve *s, struct err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signals = (struct loop_io){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
                                  .on_ready = on_signal};
    if (s->signals.fd < 0 || !loop_watch(&s->loop, &s->signals, POLLIN)) {
        err_set(err, ERR_SYSTEM, "signalfd: %s", strerror(errno));
        return false;
    }
    return true;
}

static void on_renewal(struct loop_timer *timer)
{
    struct serve *s = LOOP_OWNER(timer, struct serve, renewal);
    struct tls_identity *identity;
    struct err err = {0};

    loop_set(&s->loop, timer, RENEWAL_CHECK_MS);
    if (!material_is_old(&s->material, never_back(s)))
        return;
    if (!material_renew(&s->material, &s->config, &s->profile, never_back(s), &identity, &err)) {
        log_event(&s->log, LOG_ERROR, "the certificate could not be renewed",
                  LOG_STR("error", err.text));
        return;
    }
    tls_identity_drop(s->material.identity);
    s->material.identity = identity;
    use_material(s);
    log_event(&s->log, LOG_INFO, "the self-made certificate was renewed; its key stays");
}

static void on_startup_timeout(struct loop_timer *timer)
{
    struct serve *s = LOOP_OWNER(timer, struct serve, startup);
    const char *stage = err_stage_name(s->last.stage);

    log_event(&s->log, LOG_ERROR, "the license server could not be reached at start: giving up",
              LOG_NUM("startup_timeout_s", s->config.startup_timeout_s), LOG_STR("stage", stage),
              LOG_STR("error", s->last.text));
    supervisor_tell(&s->supervisor, "STATUS=the license server could not be reached: %s",
                    s->last.text);
    end(s, 69);
}

/* The license server has answered: let the services in. */
static void start_serving(struct serve *s)
{
    struct err err = {0};

    loop_unset(&s->loop, &s->startup);
    if (!client_port_open(&s->licensing, &err)) {
        log_event(&s->log, LOG_ERROR, "the licensing port can't be opened",
                  LOG_STR("error", err.text));
        end(s, err_exit_code(&err));
        return;
    }
    s->phase = SERVE_RUNNING;
    s->core.upstream.relay_ms = s->config.relay_timeout_s * 1000;
    log_event(&s->log, LOG_INFO, "serving", LOG_STR("licensing", s->licensing.listen.address),
              LOG_STR("scheme", s->licensing.identity ? "https" : "http"),
              LOG_STR("status", s->status.listen.address));
    tell(s, "READY=1\n");
}

static void on_checkin(struct checkin *c, bool answered, const struct err *err)
{
    struct serve *s = c->ctx;

    if (s->phase != SERVE_STARTING)
        return;
    if (!answered) {
        s->last = *err;
        if (has_trust(s))
            start_serving(s);
        return;
    }
    if (c->key_refused && s->config.checkin_path_named) {
        log_event(
            &s->log, LOG_ERROR,
            "the license server refuses the license key: check it, and whether it has expired",
            LOG_NUM("status", c->last_status));
        end(s, 77);
        return;
    }
    start_serving(s);
}

/* Stored trust was read; if the license server has failed to answer by now, it counts. */
static void on_loaded(struct store *store)
{
    struct serve *s = store->ctx;

    if (s->phase == SERVE_STARTING && err_is_set(&s->last) && has_trust(s))
        start_serving(s);
}

static void on_wake(struct loop *l)
{
    struct serve *s = l->ctx;

    core_tick(&s->core);
}

/* No helper can be started again: better a new process than one that looks up no more names. */
static void on_spawner_lost(struct spawn *spawn)
{
    struct serve *s = LOOP_OWNER(spawn, struct serve, spawn);

    log_event(&s->log, LOG_ERROR, "the process that starts helper processes ended: start me again");
    s->exit_code = 70;
    if (s->phase == SERVE_STARTING || s->phase == SERVE_RUNNING)
        start_drain(s);
}

/* Helpers look up names and move sealed files. */
static void in_helper(void *ctx)
{
    struct serve *s = ctx;

    options_fini(&s->options);
    config_fini(&s->config);
    config_fini(&s->reloaded);
    egress_fini(&s->egress);
    secret_fini(&s->sealed_with);
    seal_fini(&s->store.seal);
    seal_fini(&s->store.old_seal);
    secret_fini(&s->store.next_secret);
    journal_forget_seals(&s->journal);
    tls_profile_fini(&s->profile);
}

static bool start_store(struct serve *s, struct err *err)
{
    struct store *store = &s->store;
    uint8_t boot_id[16];

    if (!s->config.state_dir)
        return true;
    if (state_files_boot_id(boot_id))
        clock_set_boot(&s->core.clock, boot_id);
    store->loop = &s->loop;
    store->log = &s->log;
    store->clock = &s->core.clock;
    store->profile = &s->profile;
    store->cache = &s->core.cache;
    store->state = &s->core.state;
    store->ctx = s;
    store->on_loaded = on_loaded;
    if (!state_files_seal_secret(s->config.state_dir, &s->config.license_key, &s->profile,
                                 &s->sealed_with, err) ||
        !store_init(store, s->config.state_dir,
                    slice_make(s->sealed_with.data, s->sealed_with.size), &s->spawn, err))
        return false;
    s->core.store = store;
    if (s->config.journal_mode == JOURNAL_OFF)
        return true;
    journal_init(&s->journal, store, &s->config,
                 slice_make(s->sealed_with.data, s->sealed_with.size));
    s->core.journal = &s->journal;
    if (s->config.journal_mode == JOURNAL_REPLAY)
        replay_init(&s->replay, &s->core);
    return true;
}

static bool start_core(struct serve *s, struct err *err)
{
    struct core *core = &s->core;
    const struct config *config = &s->config;
    int64_t startup_ms = config->startup_timeout_s * 1000;

    core->loop = &s->loop;
    core->log = &s->log;
    core->profile = &s->profile;
    core->base_url = config->base_url;
    core->policy = (struct policy){config->trust_window_s, config->honor_no_store};
    if (!key_policy_init(&core->key, &config->trust_key)) {
        err_set(err, ERR_CONFIG, "[trust] key: not a list of known parts");
        return false;
    }
    core->upstream.env = (struct dial_env){
        .loop = &s->loop,
        .resolve = &s->resolve,
        .profile = &s->profile,
        .egress = &s->egress,
        .resolve_ms = config->resolve_timeout_s * 1000,
        .connect_ms = config->connect_timeout_s * 1000,
        .tls_ms = config->tls_timeout_s * 1000,
    };
    core->upstream.log = &s->log;
    core->upstream.clock = &core->clock;
    core->upstream.answer_ms = config->answer_timeout_s * 1000;
    /* At start a relay ends before startup_timeout does, so that its stage can be told. */
    core->upstream.relay_ms = config->relay_timeout_s * 1000;
    if (core->upstream.relay_ms > startup_ms - startup_ms / 10)
        core->upstream.relay_ms = startup_ms - startup_ms / 10;
    core_init(core, config->trust_window_s, (size_t)config->trust_entries);
    return upstream_init(&core->upstream, &config->server_urls, err);
}

static bool bind_ports(struct serve *s, struct err *err)
{
    struct client_port *l = &s->licensing, *t = &s->status;

    l->loop = t->loop = &s->loop;
    l->log = t->log = &s->log;
    return client_port_bind(t, s->supervisor.sockets[SUPERVISOR_STATUS], s->config.status_host,
                            (int)s->config.status_port, err) &&
           client_port_bind(l, s->supervisor.sockets[SUPERVISOR_LICENSING], s->config.host,
                            (int)s->config.port, err);
}

static bool start_spawner(struct serve *s, struct err *err)
{
    s->spawn = (struct spawn){
        .run = {[SPAWN_RESOLVER] = resolve_helper_run, [SPAWN_STORAGE] = storage_helper_run},
        .in_helper = in_helper,
        .ctx = s,
        .sandbox = s->config.sandbox,
        .log = &s->log,
        .on_lost = on_spawner_lost,
    };
    return spawn_start(&s->spawn, &s->loop, err);
}

static bool start_ports(struct serve *s, struct err *err)
{
    struct client_port *l = &s->licensing, *t = &s->status;

    l->profile = &s->profile;
    l->clock = &s->core.clock;
    l->memory = &s->body_memory;
    l->body_max = LIMIT_REQUEST_BODY;
    l->max_clients = client_room(s);
    l->max_of_host = (size_t)s->config.host_clients;
    exchange_init(&s->core, l);
    t->max_clients = LIMIT_STATUS_CLIENTS;
    t->allow_local = true; /* its probes and `status` */
    use_access(s, &s->config);
    t->ctx = &s->endpoint;
    t->on_request = endpoint_on_request;
    s->endpoint.core = &s->core;
    s->endpoint.checkin = &s->checkin;
    s->endpoint.licensing = l;
    s->endpoint.version = command_version();
    s->endpoint.started_ns = clock_boot_ns(&s->core.clock);
    s->endpoint.statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    return client_port_open(t, err);
}

static void tell_start(const struct serve *s)
{
    const struct config *config = &s->config;
    const char *address = s->licensing.listen.address;

    log_event(&s->log, LOG_INFO, "starting", LOG_STR("version", command_version()),
              LOG_STR("server", s->core.upstream.servers[0].name),
              LOG_NUM("servers", s->core.upstream.server_count),
              LOG_NUM("trust_window_s", config->trust_window_s),
              LOG_STR("roots", s->material.roots), LOG_STR("status", s->status.listen.address));
    if (!secret_is_set(&config->license_key))
        log_event(&s->log, LOG_INFO, "no license key: the proxy's own check-ins carry none");
    if (s->material.self_made && !config->state_dir)
        log_event(&s->log, LOG_WARN,
                  "the certificate is self-made and kept in memory only: it changes at each start "
                  "(set state_dir, or tls_cert and tls_key)");
    if (!config->tls_enabled && strncmp(address, "127.", 4) != 0 &&
        strncmp(address, "[::1]", 5) != 0)
        log_event(&s->log, LOG_WARN,
                  "plain HTTP on an address that isn't loopback: licenses pass in clear",
                  LOG_STR("address", address));
}

static bool start(struct serve *s, struct err *err)
{
    loop_init(&s->loop);
    s->loop.on_wake = on_wake;
    s->loop.ctx = s;
    if (!supervisor_init(&s->supervisor, &s->loop, err) || !bind_ports(s, err) ||
        !confine_user(&s->options, &s->config, &s->log, err) ||
        (s->config.state_dir && !state_files_prepare(s->config.state_dir, err)) ||
        !options_egress(&s->options, &s->config, &s->egress, err) || !watch_signals(s, err) ||
        !start_spawner(s, err) || !resolve_start(&s->resolve, &s->loop, &s->spawn, err) ||
        !tls_profile_init(&s->profile, err) || !start_core(s, err) || !start_store(s, err) ||
        !material_load(&s->material, &s->config, &s->profile, never_back(s), NULL, err) ||
        !start_ports(s, err) || !checkin_init(&s->checkin, &s->core, &s->config, err))
        return false;
    use_material(s);
    s->checkin.ctx = s;
    s->checkin.on_end = on_checkin;
    s->startup = (struct loop_timer){.on_time = on_startup_timeout};
    s->drain = (struct loop_timer){.on_time = on_drain};
    s->renewal = (struct loop_timer){.on_time = on_renewal};
    loop_set(&s->loop, &s->startup, s->config.startup_timeout_s * 1000);
    loop_set(&s->loop, &s->renewal, 0);
    tell_start(s);
    tell_phase(s, "", s->config.startup_timeout_s);
    confine_proxy(&s->options, &s->config, &s->log);
    checkin_start(&s->checkin);
    return true;
}

static void run(struct serve *s)
{
    struct err err = {0};

    while (!s->loop.stopped) {
        if (!loop_turn(&s->loop, -1, &err)) {
            log_event(&s->log, LOG_ERROR, "the loop failed", LOG_STR("error", err.text));
            end(s, err_exit_code(&err));
        }
        if (s->told != s->core.told)
            tell(s, "");
        if (s->phase != SERVE_DRAINING || s->licensing.count > 0)
            continue;
        if (!s->status.draining)
            client_port_drain(&s->status);
        if (s->status.count == 0)
            end(s, s->exit_code);
    }
}

/* Also after a start that failed: what was not reached is all zero, and ends as nothing. */
static void stop(struct serve *s)
{
    checkin_fini(&s->checkin);
    client_port_stop(&s->licensing);
    client_port_stop(&s->status);
    exchange_end_all(&s->core);
    replay_fini(&s->replay);
    if (s->core.journal)
        journal_end(&s->journal);
    if (s->core.store)
        store_fini(&s->store);
    if (s->core.journal)
        journal_fini(&s->journal);
    core_fini(&s->core);
    resolve_stop(&s->resolve);
    spawn_fini(&s->spawn);
    supervisor_fini(&s->supervisor);
    material_fini(&s->material);
    loop_fini(&s->loop);
    exchange_fini(&s->core);
    if (s->signals.fd >= 0)
        close(s->signals.fd);
    if (s->endpoint.statm_fd >= 0)
        close(s->endpoint.statm_fd);
    tls_profile_fini(&s->profile);
}

int cli_serve(int argc, char **argv, unsigned verbosity)
{
    struct serve *s = calloc(1, sizeof *s);
    struct err err = {0};
    int rv;

    if (!s) {
        err_set(&err, ERR_MEMORY, "out of memory");
        return command_fail(&err);
    }
    harden();
    s->log = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO};
    s->signals.fd = s->endpoint.statm_fd = s->resolve.io.fd = -1;
    if (!options_init(&s->options, argc, argv, verbosity, &err) ||
        !options_load(&s->options, &s->config, &err)) {
        rv = command_fail(&err);
    } else {
        use_log(s, &s->config);
        if (start(s, &err)) {
            run(s);
            log_event(&s->log, LOG_INFO, "ended", LOG_NUM("exit_code", s->exit_code));
            rv = s->exit_code;
        } else {
            rv = command_fail(&err);
        }
        stop(s);
    }
    options_fini(&s->options);
    config_fini(&s->config);
    config_fini(&s->reloaded);
    egress_fini(&s->egress);
    secret_fini(&s->sealed_with);
    free(s);
    return rv;
}
