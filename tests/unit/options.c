#include "cli/options.h"

#include "tap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/options-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        exit(1);
}

/* No variable of an earlier case is left. */
static void clear_environment(void)
{
    static const char *const names[] = {
        "DEEPGRAM_API_KEY",
        "DEEPGRAM_API_KEY_FILE",
        "LICENSE_KEY",
        "LICENSE_KEY_FILE",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
        "OTHER",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    for (size_t i = 0; i < setting_count; i++) {
        char name[SETTING_VARIABLE_SIZE];

        setting_variable(&setting_table[i], name);
        unsetenv(name);
    }
}

#define ARGS 16

/* One case: a file's text (NULL: none), arguments separated by '|' ("" none). */
struct run {
    struct options options;
    struct config config;
    char text[512]; /* the arguments, as one block like argv's */
    char *argv[ARGS];
    int argc;
    struct err err;
    bool good;
};

static struct run run;

static bool start(const char *arguments, const char *file)
{
    char *p = run.text;

    memset(&run, 0, sizeof run);
    snprintf(run.text, sizeof run.text, "%s", arguments);
    if (file) {
        static char path[128];

        write_file("f.toml", file);
        snprintf(path, sizeof path, "%s", path_of("f.toml"));
        run.argv[run.argc++] = path;
    }
    while (*p) {
        run.argv[run.argc++] = p;
        p += strcspn(p, "|");
        if (*p)
            *p++ = '\0';
    }
    run.good = options_init(&run.options, run.argc, run.argv, 0, &run.err) &&
               options_load(&run.options, &run.config, &run.err);
    return run.good;
}

static void end(void)
{
    config_fini(&run.config);
    options_fini(&run.options);
}

/* ---- every setting, every layer ----------------------------------------------------------- */

/* A field as text, however it is typed. */
static const char *field(const struct setting *s, const struct config *config)
{
    static char text[512];
    const char *at = (const char *)config + s->offset;
    const struct config_list *list = (const void *)at;
    size_t n = 0;
    int64_t number;
    unsigned index;

    text[0] = '\0';
    switch (s->type) {
    case SETTING_STRING:
    case SETTING_ADDRESS:
        return *(char *const *)(const void *)at ? *(char *const *)(const void *)at : "(none)";
    case SETTING_SECRET:
        return secret_is_set((const void *)at) ? ((const struct secret *)(const void *)at)->data
                                               : "(none)";
    case SETTING_LIST:
        for (size_t i = 0; i < list->count; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "," : "", list->items[i]);
        return text;
    case SETTING_INTEGER:
    case SETTING_DURATION:
        memcpy(&number, at, sizeof number);
        snprintf(text, sizeof text, "%" PRId64, number);
        return text;
    case SETTING_BOOLEAN:
        return *(const bool *)(const void *)at ? "true" : "false";
    case SETTING_ENUM:
        memcpy(&index, at, sizeof index);
        return s->choices[index];
    }
    return text;
}

/* Three values of each setting, as written; what they become, where that differs. */
static const struct {
    const char *name, *written[3], *read[3];
} values[] = {
    {"license-key", {"kf", "ke", "kx"}, {0}},
    {"license-key-file", {"@", "@", "@"}, {0}},
    {"server-url", {"https://a.example", "https://b.example/x", "https://c.example:444"}, {0}},
    {"host", {"127.0.0.1", "[::1]", "localhost"}, {"127.0.0.1", "::1", "127.0.0.1"}},
    {"port", {"1", "0", "65535"}, {0}},
    {"status-host", {"127.0.0.2", "::", "10.0.0.1"}, {0}},
    {"status-port", {"1", "0", "65535"}, {0}},
    {"base-url", {"v1", "/v2", "/v3/"}, {"/v1/", "/v2/", "/v3/"}},
    {"startup-timeout", {"1s", "2m", "1h"}, {"1", "120", "3600"}},
    {"drain-delay", {"0s", "5s", "1h"}, {"0", "5", "3600"}},
    {"tls-enabled", {"false", "true", "false"}, {0}},
    {"tls-cert", {"a.pem", "b.pem", "c.pem"}, {0}},
    {"tls-key", {"a.key", "b.key", "c.key"}, {0}},
    {"tls-client-ca", {"a.pem", "b.pem", "c.pem"}, {0}},
    {"tls-names", {"a.example", "*.b.example", "10.1.2.3"}, {0}},
    {"ca-file", {"a.pem", "b.pem", "c.pem"}, {0}},
    {"pin-sha256",
     {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
      "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
     {0}},
    {"client-cert", {"a.pem", "b.pem", "c.pem"}, {0}},
    {"client-key", {"a.key", "b.key", "c.key"}, {0}},
    {"proxy", {"http://a.example", "b.example:3128", "socks5://c.example"}, {0}},
    {"no-proxy", {"a.example", "10.0.0.0/8, .b.example", "*"}, {0}},
    {"resolve-timeout", {"1s", "2s", "5m"}, {"1", "2", "300"}},
    {"connect-timeout", {"1s", "2s", "3s"}, {"1", "2", "3"}},
    {"tls-timeout", {"1s", "2s", "3s"}, {"1", "2", "3"}},
    {"answer-timeout", {"1s", "2s", "3s"}, {"1", "2", "3"}},
    {"relay-timeout", {"1s", "2s", "3s"}, {"1", "2", "3"}},
    {"trust-window", {"0s", "12h", "366d"}, {"0", "43200", "31622400"}},
    {"trust-key", {"method", "json:a.b", "body"}, {0}},
    {"honor-no-store", {"false", "true", "false"}, {0}},
    {"trust-entries", {"1", "2", "3"}, {0}},
    {"checkin-path", {"/a", "/b?c=d", "/c"}, {0}},
    {"checkin-method", {"POST", "HEAD", "PUT"}, {0}},
    {"checkin-interval", {"1s", "2m", "1d"}, {"1", "120", "86400"}},
    {"auth-scheme", {"Bearer", "", "Basic"}, {0}},
    {"access-allow", {"10.0.0.0/8", "fd00::/8", "192.0.2.1"}, {0}},
    {"status-allow", {"10.0.0.1", "0.0.0.0/0", "::/0"}, {0}},
    {"max-clients", {"1", "2", "3"}, {0}},
    {"clients-per-address", {"1", "2", "3"}, {0}},
    {"drain-timeout", {"0s", "2s", "3s"}, {"0", "2", "3"}},
    {"state-dir", {"/a", "b", "/c/d"}, {0}},
    {"journal-mode", {"record", "off", "replay"}, {0}},
    {"journal-max-bytes", {"1048576", "2000000", "268435456"}, {0}},
    {"sandbox", {"kill", "off", "errno"}, {0}},
    {"user", {"nobody", "65534", "1:2"}, {0}},
    {"log-format", {"json", "text", "json"}, {0}},
    {"log-level", {"error", "trace", "warn"}, {0}},
};

#define VALUES (sizeof values / sizeof values[0])

static const struct setting *by_name(const char *name)
{
    for (size_t i = 0; i < setting_count; i++)
        if (strcmp(setting_table[i].name, name) == 0)
            return &setting_table[i];
    return NULL;
}

/* What needs another setting beside it. */
static const char *companion(const struct setting *s)
{
    return strcmp(s->name, "tls-cert") == 0      ? "key=\"k\"\n"
           : strcmp(s->name, "tls-key") == 0     ? "cert=\"c\"\n"
           : strcmp(s->name, "client-cert") == 0 ? "client_key=\"k\"\n"
           : strcmp(s->name, "client-key") == 0  ? "client_cert=\"c\"\n"
           : strcmp(s->name, "no-proxy") == 0    ? "proxy=\"p.example\"\n"
                                                 : "";
}

static void test_layer(const struct setting *s, size_t v, int layers)
{
    const char *written[3], *want = values[v].read[0] ? values[v].read[layers] : NULL;
    char file[512], variable[SETTING_VARIABLE_SIZE], arguments[256] = "", place[OPTIONS_WHERE_SIZE];
    bool number = s->type == SETTING_INTEGER || s->type == SETTING_BOOLEAN;
    char key_path[128];

    snprintf(key_path, sizeof key_path, "%s", path_of("key"));
    for (int i = 0; i < 3; i++)
        written[i] = strcmp(values[v].written[i], "@") == 0 ? key_path : values[v].written[i];
    if (!want)
        want = written[layers];
    clear_environment();
    if (strcmp(s->name, "journal-mode") == 0)
        setenv("LICENSE_PROXY_STATE_DIR", "/a", 1);
    setting_variable(s, variable);
    snprintf(file, sizeof file, "[%s]\n%s%s = %s%s%s\n", s->table, companion(s), s->key,
             number ? "" : "\"", written[0], number ? "" : "\"");
    if (layers >= 1)
        setenv(variable, written[1], 1);
    if (layers >= 2)
        snprintf(arguments, sizeof arguments, "--%s=%s", s->name, written[2]);
    if (ok(start(arguments, file), "--%s, %d layers: accepted", s->name, layers + 1)) {
        is_str(field(s, &run.config), want, "the highest layer's value counts");
        options_where(&run.options, s, place);
        ok(strstr(place, layers == 0   ? "f.toml:"
                         : layers == 1 ? variable
                                       : s->name) != NULL,
           "and it is known where it came from: %s", place);
    } else {
        printf("# %s\n", run.err.text);
    }
    end();
}

static void test_layers(void)
{
    write_file("key", "from-file\n");
    for (size_t v = 0; v < VALUES; v++) {
        const struct setting *s = by_name(values[v].name);

        if (!ok(s != NULL, "%s is a setting", values[v].name))
            continue;
        test_layer(s, v, 0);
        test_layer(s, v, 1);
        if (s->is_flag)
            test_layer(s, v, 2);
    }
    is_int(setting_count, VALUES, "every setting was tried");
    clear_environment();
}

static void test_defaults(void)
{
    static const struct {
        const char *name, *want;
    } defaults[] = {
        {"license-key", "(none)"},
        {"license-key-file", "(none)"},
        {"host", "0.0.0.0"},
        {"port", "8443"},
        {"status-host", "0.0.0.0"},
        {"status-port", "8080"},
        {"base-url", "/"},
        {"startup-timeout", "30"},
        {"drain-delay", "0"},
        {"tls-enabled", "true"},
        {"tls-cert", "(none)"},
        {"ca-file", "(none)"},
        {"trust-window", "604800"},
        {"trust-key", ""},
        {"honor-no-store", "true"},
        {"checkin-path", "/"},
        {"checkin-interval", "60"},
        {"auth-scheme", "Token"},
        {"log-format", "text"},
        {"log-level", "info"},
        {"server-url", "https://license.deepgram.com"},
    };

    ok(start("", NULL), "nothing given at all");
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        is_str(field(by_name(defaults[i].name), &run.config), defaults[i].want, defaults[i].name);
    ok(!run.config.checkin_path_named, "the check-in's path isn't named by the operator");
    end();
    ok(start("", "[checkin]\npath = \"/\"\n") && run.config.checkin_path_named,
       "the same path in the file is");
    end();
    ok(start("--host|10.0.0.1", NULL), "flag and value as two arguments");
    is_str(run.config.status_host, "10.0.0.1", "the status port's address follows");
    end();
}

static void test_vendor_file(void)
{
    setenv("DEEPGRAM_API_KEY", "vendor-key", 1);
    ok(start("-v", "### key by the environment\n\n[server]\n### where\nhost = \"0.0.0.0\"\n\n"
                   "port = 8443\n\nbase_url = \"/\"\n\nstatus_port = 8080\n"),
       "a file as published, with -v");
    is_str(run.config.license_key.data, "vendor-key", "the key is the environment's");
    is_int(run.config.log_level, LOG_DEBUG, "-v shows more");
    end();
    setenv("DEEPGRAM_API_KEY", "vendor-key", 1);
    ok(start("",
             "[server]\nhost = \"0.0.0.0\"\nport = 443\nbase_url = \"/v1\"\nstatus_port = 8089\n"
             "[license]\nkey = \"${DEEPGRAM_API_KEY}\"\n"
             "server_url = [\"https://a.example\", \"https://b.example\"]\n"),
       "key and servers in the file");
    is_str(run.config.license_key.data, "vendor-key", "the key by ${...}");
    is_int(run.config.server_urls.count, 2, "two servers");
    is_str(run.config.server_urls.items[1], "https://b.example", "in their order");
    end();
    clear_environment();
    ok(start("-v|--license-key|K|--host|0.0.0.0|--port|8443|--status-port|8089", NULL),
       "the documented flags");
    is_int(run.config.status_port, 8089, "the status port");
    is_str(run.config.license_key.data, "K", "the key");
    end();
    ok(start("", "license.server_url = 'https://a.example'"), "server_url as one string");
    is_int(run.config.server_urls.count, 1, "replaces the default");
    end();
}

/* ---- the key ------------------------------------------------------------------------------ */

static void test_key_wiped(void)
{
    char key_flag[] = "s3cret-one", both[] = "--license-key=s3cret-two", name[] = "--license-key";
    char *argv[] = {name, key_flag, both};
    struct options o;
    struct config config;
    struct err err = {0};
    char *in_environment, *other;

    clear_environment();
    setenv("DEEPGRAM_API_KEY", "s3cret-three", 1);
    setenv("LICENSE_KEY", "s3cret-four", 1);
    in_environment = getenv("DEEPGRAM_API_KEY");
    other = getenv("LICENSE_KEY");
    ok(options_init(&o, 3, argv, 0, &err), "keys in arguments and environment");
    ok(memcmp(key_flag, "\0\0\0\0\0\0\0\0\0\0", 10) == 0, "--license-key KEY is wiped");
    ok(memcmp(both + 14, "\0\0\0\0\0\0\0\0\0\0", 10) == 0, "--license-key=KEY is wiped");
    is_str(name, "--license-key", "the flag's name stays");
    ok(getenv("DEEPGRAM_API_KEY") == NULL && getenv("LICENSE_KEY") == NULL,
       "the variables are gone");
#if defined(__GLIBC__)
    /* glibc never frees a variable's bytes, so that they can be looked at. */
    ok(strstr(in_environment, "cret") == NULL && strstr(other, "cret") == NULL,
       "and their bytes, too");
#else
    (void)in_environment;
    (void)other;
#endif
    for (int i = 0; i < 2; i++) {
        ok(options_load(&o, &config, &err), "load %d", i + 1);
        is_str(config.license_key.data, "s3cret-two", "the last flag's key, again and again");
        config_fini(&config);
    }
    options_fini(&o);

    setenv("DEEPGRAM_API_KEY", "s3cret-three", 1);
    setenv("LICENSE_KEY", "s3cret-four", 1);
    ok(options_init(&o, 0, argv, 0, &err), "keys in the environment alone");
    for (int i = 0; i < 2; i++) {
        ok(options_load(&o, &config, &err), "load %d", i + 1);
        is_str(config.license_key.data, "s3cret-three", "the vendor's own name wins");
        config_fini(&config);
    }
    options_fini(&o);
}

static void test_key_by_variable_in_file(void)
{
    struct config again;
    struct err err = {0};

    clear_environment();
    setenv("OTHER", "s3cret-five", 1);
    ok(start("", "[license]\nkey = \"${OTHER}\"\n"), "a key by any variable");
    ok(getenv("OTHER") == NULL, "which is taken out of the environment");
    ok(options_load(&run.options, &again, &err), "a reload");
    is_str(again.license_key.data, "s3cret-five", "still knows it");
    config_fini(&again);
    end();
    setenv("OTHER", "127.0.0.1", 1);
    ok(start("", "[server]\nhost = \"${OTHER}\"\n"), "an address by a variable");
    ok(getenv("OTHER") != NULL, "which stays in the environment");
    end();
    clear_environment();
}

static void test_key_files(void)
{
    static const struct {
        const char *content, *want, *what;
    } table[] = {
        {"abc", "abc", "without a line's end"},
        {"abc\n", "abc", "with LF"},
        {"abc\r\n", "abc", "with CRLF"},
        {"a b\n", "a b", "a space within"},
        {"", NULL, "empty"},
        {"\n", NULL, "an empty line"},
        {"abc\n\n", NULL, "two line's ends"},
        {"abc\ndef\n", NULL, "two lines"},
        {" abc\n", NULL, "a space before"},
        {"abc \n", NULL, "a space behind"},
        {"a\x01s3cret\n", NULL, "a control character"},
    };
    char arguments[256], key[128];
    struct config again;
    struct err err = {0};

    clear_environment();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        write_file("key", table[i].content);
        snprintf(arguments, sizeof arguments, "--license-key-file|%s", path_of("key"));
        ok(start(arguments, NULL) == (table[i].want != NULL), "key file: %s", table[i].what);
        if (table[i].want)
            is_str(run.config.license_key.data, table[i].want, table[i].what);
        else
            ok(run.err.code == ERR_CONFIG && !strstr(run.err.text, "s3cret") &&
                   strstr(run.err.text, path_of("key")),
               "says which file, not what is in it: %s", run.err.text);
        end();
    }
    write_file("key", "one\n");
    snprintf(key, sizeof key, "%s", path_of("key"));
    setenv("DEEPGRAM_API_KEY_FILE", key, 1);
    ok(start("", NULL), "DEEPGRAM_API_KEY_FILE");
    is_str(run.config.license_key.data, "one", "is read");
    write_file("key", "two\n");
    ok(options_load(&run.options, &again, &err), "a reload");
    is_str(again.license_key.data, "two", "reads it again");
    config_fini(&again);
    end();
    clear_environment();
    setenv("LICENSE_KEY_FILE", key, 1);
    ok(start("", NULL) && strcmp(run.config.license_key.data, "two") == 0, "LICENSE_KEY_FILE");
    end();
    ok(start("--license-key|flag", NULL), "a flag's key beats the environment's file");
    is_str(run.config.license_key.data, "flag", "and is what counts");
    ok(run.config.license_key_file == NULL, "the file is forgotten");
    end();
    clear_environment();
    setenv("LICENSE_KEY", "env", 1);
    snprintf(arguments, sizeof arguments, "[license]\nkey_file = \"%s\"\n", key);
    ok(start("", arguments) && strcmp(run.config.license_key.data, "env") == 0,
       "the environment's key beats the configuration's file");
    end();
    clear_environment();
    snprintf(arguments, sizeof arguments, "--license-key-file|%s", key);
    ok(start(arguments, "[license]\nkey = \"file\"\n") &&
           strcmp(run.config.license_key.data, "two") == 0,
       "a flag's file beats the configuration's key");
    end();
    ok(!start("--license-key-file|/nonexistent/key", NULL) &&
           strstr(run.err.text, "--license-key-file") && strstr(run.err.text, "/nonexistent/key"),
       "a key file that isn't there is named");
    end();
}

/* ---- what is refused ---------------------------------------------------------------------- */

static const struct {
    const char *arguments, *file;
    enum err_code code;
    const char *want; /* within the message */
} refused[] = {
    /* the command line */
    {"--prot|1", NULL, ERR_USAGE, "did you mean --port?"},
    {"--licence-key=s3cret", NULL, ERR_USAGE, "did you mean --license-key?"},
    {"--port=1|--zzzzzzzzzz", NULL, ERR_USAGE, "unknown option --zzzzzzzzzz"},
    {"-x", NULL, ERR_USAGE, "unknown option -x"},
    {"--port", NULL, ERR_USAGE, "--port needs a value"},
    {"--license-key|--port|1", NULL, ERR_USAGE, "--license-key needs a value"},
    {"a.toml|b.toml", NULL, ERR_USAGE, "more than one configuration file"},
    {"--log-level=debug", NULL, ERR_USAGE, "unknown option --log-level"},
    {"--port=65536", NULL, ERR_USAGE, "--port: not a possible number; write one from 0 to 65535"},
    {"--port=-1", NULL, ERR_USAGE, "--port: not a possible number"},
    {"--port=", NULL, ERR_USAGE, "--port: not a possible number"},
    {"--host=example.com", NULL, ERR_USAGE, "--host: not an address"},
    {"--host=", NULL, ERR_USAGE, "--host: not an address"},
    {"--host=[1::2", NULL, ERR_USAGE, "--host: not an address"},
    {"--host=1.2.3", NULL, ERR_USAGE, "--host: not an address"},
    {"--trust-window=90", NULL, ERR_USAGE, "the unit is missing"},
    {"--trust-window=367d", NULL, ERR_USAGE, "from 0s to 366d"},
    {"--trust-window=99999999999999999999d", NULL, ERR_USAGE, "not a duration"},
    {"--trust-window=9223372036854775807d", NULL, ERR_USAGE, "out of bounds"},
    {"--trust-window=1.5h", NULL, ERR_USAGE, "not a duration"},
    {"--trust-window=-1h", NULL, ERR_USAGE, "not a duration"},
    {"--trust-window=1h30m", NULL, ERR_USAGE, "not a duration"},
    {"--trust-window=s", NULL, ERR_USAGE, "not a duration"},
    {"--trust-window=", NULL, ERR_USAGE, "not a duration"},
    {"--startup-timeout=0s", NULL, ERR_USAGE, "from 1s to 1h"},
    {"--log-format=xml", NULL, ERR_USAGE, "write text or json"},
    {"--base-url=/a/../b", NULL, ERR_USAGE, "--base-url: not a usable path"},
    {"--base-url=/a//b", NULL, ERR_USAGE, "not a plain path"},
    {"--base-url=/a?b", NULL, ERR_USAGE, "not a plain path"},
    {"--base-url=https://a.example/", NULL, ERR_USAGE, "not a plain path"},
    {"--base-url=/a b", NULL, ERR_USAGE, "--base-url"},
    {"--license-key=", NULL, ERR_CONFIG, "the license key is empty"},
    {"--license-key=a\x01s3cret", NULL, ERR_CONFIG, "can't stand in a header field"},
    {"--license-key|k|--license-key-file|f", NULL, ERR_CONFIG, "leave out one"},
    {"--tls-cert=c", NULL, ERR_CONFIG, "--tls-cert: a certificate without its key"},
    {"--tls-key=k", NULL, ERR_CONFIG, "--tls-key: a key without its certificate"},
    {"--port=80|--status-port=80", NULL, ERR_CONFIG, "the same as the licensing port"},
    {"/nonexistent.toml", NULL, ERR_CONFIG, "/nonexistent.toml"},
    /* servers */
    {"--server-url=http://a.example", NULL, ERR_USAGE, "in the clear"},
    {"--server-url=ftp://a.example", NULL, ERR_USAGE, "not an https URL"},
    {"--server-url=a.example", NULL, ERR_USAGE, "--server-url"},
    {"--server-url=https://u:s3cret@a.example", NULL, ERR_USAGE, "user or password"},
    {"--server-url=https://10.0.0.1", NULL, ERR_CONFIG, "pin_sha256"},
    {"--server-url=https://[::1]/", NULL, ERR_CONFIG, "pin_sha256"},
    {"--server-url=https://a.example/?q", NULL, ERR_USAGE, "a query"},
    {"--server-url=https://a.example/../b", NULL, ERR_USAGE, "not a usable path"},
    {"--server-url=https://b\xc3\xbc"
     "cher.example",
     NULL, ERR_USAGE, "xn-- form"},
    {"--server-url=https://a.example|--server-url=https://A.example:443/", NULL, ERR_USAGE,
     "named twice"},
    {"", "[license]\nserver_url = []", ERR_CONFIG, "at least one"},
    {"",
     "[license]\nserver_url = ['https://a.b','https://b.b','https://c.b','https://d.b',"
     "'https://e.b','https://f.b','https://g.b','https://h.b','https://i.b']",
     ERR_CONFIG, "at most 8"},
    /* the file */
    {"", "[server]\nprot = 1", ERR_CONFIG,
     "f.toml:2: [server] prot: unknown key; did you mean port?"},
    {"", "\n[sever]\nport = 1", ERR_CONFIG,
     "f.toml:2: [sever]: unknown table; did you mean [server]?"},
    {"", "sever.port = 1", ERR_CONFIG, "f.toml:1: [sever]: unknown table"},
    {"", "[license]\nport = 1", ERR_CONFIG, "it belongs in [server]"},
    {"", "port = 1", ERR_CONFIG, "f.toml:1: port: unknown key; it belongs in [server]"},
    {"", "[server]\n\"p\\u001b[1m\" = 1", ERR_CONFIG, "f.toml:2: [server] p?[1m: unknown key"},
    {"", "[server]\nport = 65536", ERR_CONFIG, "f.toml:2: [server] port: not a possible number"},
    {"", "[server]\nport = -1", ERR_CONFIG, "not a possible number"},
    {"", "[server]\nport = true", ERR_CONFIG, "write a number"},
    {"", "[server]\nport = ['1']", ERR_CONFIG, "without brackets"},
    {"", "[server]\nhost = 1", ERR_CONFIG, "write text in quotes"},
    {"", "[server]\nhost = false", ERR_CONFIG, "write text in quotes"},
    {"", "[server]\nstartup_timeout = 30", ERR_CONFIG, "the unit is missing"},
    {"", "[tls]\nenabled = 1", ERR_CONFIG, "write true or false"},
    {"", "[tls]\nenabled = 'yes'", ERR_CONFIG, "write true or false"},
    {"", "[tls]\nnames = ['a b']", ERR_CONFIG, "neither a host name nor an address"},
    {"", "[tls]\nnames = ['https://a.example']", ERR_CONFIG, "neither a host name nor an address"},
    {"", "[tls]\nnames = ['a.*.example']", ERR_CONFIG, "neither a host name nor an address"},
    {"", "[license]\nkey = ''", ERR_CONFIG, "f.toml:2: [license] key: the license key is empty"},
    {"", "[license]\nkey = \"s3cret\\n\"", ERR_CONFIG, "can't stand in a header field"},
    {"", "[license]\nkey = \"${UNSET_VARIABLE}\"", ERR_CONFIG, "UNSET_VARIABLE is not set"},
    {"", "[license]\nkey = 's3cret'\nkey_file = 'x'", ERR_CONFIG, "leave out one"},
    {"", "[trust]\nkey = ['body', 'json:id']", ERR_CONFIG, "body is the whole body"},
    {"", "[trust]\nkey = ['json:id', 'body']", ERR_CONFIG, "body is the whole body"},
    {"", "[trust]\nkey = ['path']", ERR_CONFIG, "not a part of a request"},
    {"", "[trust]\nkey = ['method', 'method']", ERR_CONFIG, "named twice"},
    {"", "[trust]\nkey = ['json:']", ERR_CONFIG, "member's name"},
    {"", "[trust]\nkey = ['json:a..b']", ERR_CONFIG, "member's name"},
    {"", "[trust]\nkey = ['json:a.']", ERR_CONFIG, "member's name"},
    {"", "[checkin]\npath = 'v1'", ERR_CONFIG, "must begin with /"},
    {"", "[checkin]\npath = ''", ERR_CONFIG, "empty"},
    {"", "[checkin]\nmethod = 'G T'", ERR_CONFIG, "not a method"},
    {"", "[checkin]\nauth_scheme = 'a b'", ERR_CONFIG, "not a scheme"},
    {"", "[log]\nlevel = 'loud'", ERR_CONFIG, "error, warn, info, debug or trace"},
    {"", "[access]\nallow = ['10.0.0.0/8', '10.0.0.0/33']", ERR_CONFIG,
     "f.toml:2: [access] allow: not a network"},
    {"", "[access]\nallow = ['localhost']", ERR_CONFIG, "not a network"},
    {"", "[access]\nallow = ['10.0.0.1', '10.0.0.1']", ERR_CONFIG, "named twice"},
    {"", "[tls]\nenabled = false\nclient_ca = 'x'", ERR_CONFIG, "[tls] client_ca: without TLS"},
    {"", "[access]\nallow = []", ERR_CONFIG, "f.toml:2: [access] allow: empty"},
    {"", "[access]\nstatus_allow = []", ERR_CONFIG, "status_allow: empty"},
    {"", "[limits]\nclients = 0", ERR_CONFIG, "from 1 to 16384"},
    {"", "[upstream]\nca_file = \"a\\tb\"", ERR_CONFIG, "control character"},
    {"", "[server]\nport = 1\nport = 2", ERR_CONFIG, "f.toml:3:"},
};

static void test_refused(void)
{
    clear_environment();
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *shown = refused[i].file ? refused[i].file : refused[i].arguments;
        char what[80] = "";

        for (size_t k = 0; shown[k] && k < sizeof what - 1; k++)
            what[k] = (char)(shown[k] < ' ' || shown[k] > '~' || shown[k] == '#' ? ' ' : shown[k]);
        ok(!start(refused[i].arguments, refused[i].file), "refused: %s", what);
        is_int(run.err.code, refused[i].code, what);
        if (!ok(strstr(run.err.text, refused[i].want) != NULL, "says: %s", refused[i].want))
            printf("# %s\n", run.err.text);
        ok(strstr(run.err.text, "s3cret") == NULL, "and shows no secret");
        end();
    }
}

static void test_environment(void)
{
    clear_environment();
    setenv("LICENSE_PROXY_SERVER_URL", "https://a.example, https://b.example", 1);
    ok(start("", NULL) && run.config.server_urls.count == 2, "a list by commas");
    end();
    ok(start("--server-url|https://c.example|--server-url|https://d.example", NULL) &&
           run.config.server_urls.count == 2 &&
           strcmp(run.config.server_urls.items[0], "https://c.example") == 0,
       "flags replace it, and add to each other");
    end();
    clear_environment();
    setenv("LICENSE_PROXY_PORT", "", 1);
    ok(start("", NULL) && run.config.port == 8443, "an empty variable is none");
    end();
    setenv("LICENSE_PROXY_PORT", "tcp://10.0.0.1:8443", 1);
    setenv("LICENSE_PROXY_STATUS_PORT", "udp://10.0.0.1:8443", 1);
    ok(start("", NULL) && run.config.port == 8443, "nor is a service link of Kubernetes");
    end();
    setenv("LICENSE_PROXY_PORT", "x", 1);
    ok(!start("", NULL) && run.err.code == ERR_CONFIG &&
           strstr(run.err.text, "environment variable LICENSE_PROXY_PORT: not a possible number"),
       "a bad variable is named");
    end();
    clear_environment();
    setenv("DEEPGRAM_API_KEY", "", 1);
    ok(!start("", NULL) && strstr(run.err.text, "DEEPGRAM_API_KEY: the license key is empty"),
       "an empty key is refused");
    end();
    setenv("LICENSE_KEY", "k", 1);
    setenv("LICENSE_KEY_FILE", "f", 1);
    ok(!start("", NULL) && strstr(run.err.text, "LICENSE_KEY_FILE") &&
           strstr(run.err.text, "leave out one"),
       "a key and its file are refused together");
    end();
    clear_environment();
}

/* The rules of the choice itself are tests/unit/egress.c's. */
static void test_egress(void)
{
    static const char *const names[] = {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"};
    struct egress egress = {0};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        clear_environment();
        setenv(names[i], "ftp://u:s3cret@proxy.example", 1);
        ok(!start("", NULL) && run.err.code == ERR_CONFIG && strstr(run.err.text, names[i]) &&
               !strstr(run.err.text, "s3cret"),
           "a malformed %s is refused, by name alone", names[i]);
        end();
        setenv(names[i], "http://u:s3cret@proxy.example:3128", 1);
        ok(start("", NULL) && options_egress(&run.options, &run.config, &egress, NULL),
           "%s is taken", names[i]);
        is_str(egress.url, "http://proxy.example:3128", "without its credentials in messages");
        is_str(egress.source, names[i], "and named as the source");
        egress_fini(&egress);
        end();
    }
    setenv("NO_PROXY", "a b,10.0.0.0/99", 1);
    ok(!start("", NULL) && strstr(run.err.text, "NO_PROXY"), "a malformed NO_PROXY is refused");
    end();
    clear_environment();
    setenv("HTTPS_PROXY", "http://proxy.example", 1);
    ok(start("", "[upstream]\nproxy = \"socks5h://10.0.0.1\"\nno_proxy = \".example\"\n") &&
           options_egress(&run.options, &run.config, &egress, NULL),
       "the file's proxy beats the environment's");
    is_str(egress.url, "socks5h://10.0.0.1:1080", "and is the one used");
    ok(egress_for(&egress, "a.example", 443) == NULL, "but not for what its no_proxy names");
    egress_fini(&egress);
    end();
    clear_environment();
}

static void test_no_egress(void)
{
    struct egress egress;

    clear_environment();
    setenv("HTTPS_PROXY", "http://proxy.example", 1);
    ok(start("", "[upstream]\nproxy = \"\"\n") &&
           options_egress(&run.options, &run.config, &egress, NULL),
       "an empty proxy in the file is taken");
    is_int(egress.scheme, EGRESS_DIRECT, "and says none, whatever the environment says");
    egress_fini(&egress);
    end();
    setenv("LICENSE_PROXY_PROXY", "", 1);
    ok(start("", NULL) && options_egress(&run.options, &run.config, &egress, NULL),
       "an empty variable is taken");
    is_str(egress.url, "http://proxy.example:80", "and is as none was set");
    egress_fini(&egress);
    end();
    clear_environment();
}

/* Which license servers can be verified, and how. */
static void test_servers(void)
{
    static const char address[] = "[license]\nserver_url = \"https://10.1.2.3\"\n";
    static const char pinned[] =
        "[license]\nserver_url = \"https://10.1.2.3\"\n[upstream]\n"
        "pin_sha256 = [\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]\n";
    static const char with_ca[] = "[license]\nserver_url = \"https://[2001:db8::1]:8443/x\"\n"
                                  "[upstream]\nca_file = \"/nowhere/ca.pem\"\n";

    ok(!start("", address) && strstr(run.err.text, "pin_sha256"),
       "an address alone is refused, with what would help");
    end();
    ok(start("", pinned), "an address with a pin is taken");
    end();
    ok(start("", with_ca), "and one with an authority");
    end();
    ok(!start("", "[upstream]\npin_sha256 = [\"47DEQpj8HBSa\"]\n") &&
           strstr(run.err.text, "pin_sha256"),
       "a pin that is no SHA-256 is refused");
    end();
    ok(!start("", "[upstream]\nclient_cert = \"x.pem\"\n") && strstr(run.err.text, "client_cert"),
       "a client certificate without its key is refused");
    end();
}

static void test_verbosity(void)
{
    static const struct {
        const char *arguments, *file;
        enum log_level want;
    } table[] = {
        {"", NULL, LOG_INFO},
        {"-v", NULL, LOG_DEBUG},
        {"-vv", NULL, LOG_TRACE},
        {"-v|-v", NULL, LOG_TRACE},
        {"--verbose", NULL, LOG_DEBUG},
        {"-vvvvvvvv", NULL, LOG_TRACE},
        {"", "[log]\nlevel='error'", LOG_ERROR},
        {"-v", "[log]\nlevel='error'", LOG_DEBUG},
        {"-v", "[log]\nlevel='trace'", LOG_TRACE},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        ok(start(table[i].arguments, table[i].file) && run.config.log_level == table[i].want,
           "%s %s: level %d", table[i].arguments, table[i].file ? "with [log] level" : "",
           (int)table[i].want);
        end();
    }
}

static void count(void *ctx, enum err_code code, const char *text)
{
    size_t *lines = ctx;

    (void)code;
    *lines += strchr(text, '\n') == NULL;
}

static void test_examine(void)
{
    struct options o;
    struct config config;
    struct err err = {0};
    size_t lines = 0;
    char path[128];
    char *argv[] = {path};

    write_file("f.toml", "[server]\nprot = 1\nport = 'x'\n[sever]\na = 1\nb = 2\n[log]\n"
                         "level = 1\n[tls]\ncert = 'c'\nx = \"");
    snprintf(path, sizeof path, "%s", path_of("f.toml"));
    setenv("LICENSE_PROXY_HOST", "x", 1);
    ok(options_init(&o, 1, argv, 0, &err), "a file of many faults");
    is_int(options_examine(&o, &config, count, &lines), 7, "each is found");
    is_int(lines, 7, "and reported on one line");
    config_fini(&config);
    options_fini(&o);
    clear_environment();
}

static void test_durations(void)
{
    static const struct {
        int64_t seconds;
        const char *want;
    } table[] = {{0, "0s"},     {1, "1s"},     {90, "90s"},    {60, "1m"},     {3600, "1h"},
                 {5400, "90m"}, {86400, "1d"}, {604800, "7d"}, {90000, "25h"}, {3601, "3601s"}};

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[24];
        int64_t back = -1;
        struct err err = {0};

        setting_format_duration(table[i].seconds, text);
        is_str(text, table[i].want, "written");
        ok(setting_read_duration(slice_of(text), 0, 1 << 30, &back, &err) &&
               back == table[i].seconds,
           "and read back");
    }
}

int main(void)
{
    if (!mkdtemp(dir))
        return 1;
    clear_environment();
    test_defaults();
    test_layers();
    test_vendor_file();
    test_key_wiped();
    test_key_by_variable_in_file();
    test_key_files();
    test_refused();
    test_environment();
    test_egress();
    test_no_egress();
    test_servers();
    test_verbosity();
    test_examine();
    test_durations();
    unlink(path_of("f.toml"));
    unlink(path_of("key"));
    rmdir(dir);
    return done_testing();
}
