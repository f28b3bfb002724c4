#!/bin/bash
# The command line: what each command prints and its exit code, what is refused and in which words,
# that the license key leaves no trace in /proc, and the health check beside a real proxy.
# shellcheck source=tests/e2e/lib.sh disable=SC2317
. "$(dirname "$0")/lib.sh"

# run_it ARGUMENT...: sets CODE, OUT and ERR.
run_it() {
    "$LICENSE_PROXY" "$@" >"$work/out" 2>"$work/err" </dev/null
    CODE=$?
    OUT=$(<"$work/out")
    ERR=$(<"$work/err")
}

# fails CODE ERE ARGUMENT...: ends so, says so on stderr, and nothing on stdout.
fails() {
    code=$1
    pattern=$2
    shift 2
    run_it "$@"
    is "$CODE" "$code" "exit $code: $*"
    like "$ERR" "$pattern" "says: $pattern"
    is "$OUT" "" "nothing on stdout"
}

# prints ERE ARGUMENT...: succeeds, says so on stdout, and nothing on stderr.
prints() {
    pattern=$1
    shift
    run_it "$@"
    is "$CODE" 0 "exit 0: $*"
    like "$OUT" "$pattern" "prints: $pattern"
    is "$ERR" "" "nothing on stderr"
}

# ---- help and version

prints '^Usage: license-proxy' help
for command in serve check probe status version help; do
    prints "^Usage: license-proxy $command" help "$command"
    is "$(awk 'length > 80' "$work/out")" "" "help $command fits 80 columns"
    page=$OUT
    prints "^Usage: license-proxy $command" "$command" --help
    is "$OUT" "$page" "$command --help is the same"
done
prints '^Usage: license-proxy serve' -v serve --port 1 -h
prints '^Usage: license-proxy \[' --help
prints '^Usage: license-proxy \[' -h
help=$("$LICENSE_PROXY" help serve)
for flag in license-key license-key-file host port status-port status-host base-url server-url \
    ca-file tls-cert tls-key state-dir trust-window startup-timeout log-format; do
    variable=${flag//-/_}
    like "$help" "^  --$flag " "help serve tells of --$flag"
    like "$help" "LICENSE_PROXY_${variable^^}, \[" "and of its variable and key"
done
prints '^license-proxy [0-9]+\.[0-9]+\.[0-9]+$' version
like "$OUT" 'BearSSL +.*(sha256:)?[0-9a-f]{64}$' "version names the BearSSL source"
like "$OUT" 'trust anchors [1-9][0-9]+,' "and how many roots there are"
like "$OUT" 'built +20[0-9]{2}-[0-9]{2}-[0-9]{2}$' "and when it was built"
version=$OUT
prints '^license-proxy' --version
is "$OUT" "$version" "--version is the same"

# ---- usage

fails 64 'a command is missing'
fails 64 'unknown command; did you mean "serve"\?' serv
fails 64 'unknown command; did you mean "probe"\?' porbe
fails 64 'unknown command "zzzzzz"' zzzzzz
fails 64 'unknown command' help zzzzzz
fails 64 'a command must come before' --port 1 serve
fails 64 'did you mean --port\?' serve --prot 1
fails 64 'did you mean --license-key\?' serve --licence-key=s3cret
unlike "$ERR" s3cret "and doesn't show the value"
fails 64 '--port needs a value: --port N' serve --port
fails 64 'unknown option' serve -x
fails 64 'more than one configuration file' serve a.toml b.toml
fails 64 '--port: not a possible number; write one from 0 to 65535' serve --port 70000
fails 64 'takes no arguments' version x
fails 64 'takes one command' help a b

# ---- configuration

fails 78 '/nonexistent\.toml: No such file' serve /nonexistent.toml
LICENSE_PROXY_TLS_CLIENT_CA=$work/ca.pem LICENSE_PROXY_TLS_ENABLED=false \
    fails 78 'TLS_CLIENT_CA: .*without TLS' serve
fails 78 'the license key is empty' serve --license-key=
fails 78 'the license key is empty' serve --license-key ''
fails 78 'header field' serve --license-key $'s3cret\nx'
unlike "$ERR" s3cret "and doesn't show the key"
fails 78 'leave out one' serve --license-key k --license-key-file f
HTTPS_PROXY=ftp://user:s3cret@proxy.example fails 78 'HTTPS_PROXY: ' serve
unlike "$ERR" s3cret "and doesn't show the proxy's password"
LICENSE_PROXY_PORT=x fails 78 'environment variable LICENSE_PROXY_PORT: not a possible' serve
printf '[server]\nprot = 1\n' >"$work/bad.toml"
fails 78 'bad\.toml:2: \[server\] prot: unknown key; did you mean port\?' serve "$work/bad.toml"
if [ "$(id -u)" != 0 ]; then
    : >"$work/unreadable.toml"
    chmod 0 "$work/unreadable.toml"
    fails 77 'unreadable\.toml: Permission denied' serve "$work/unreadable.toml"
fi

# ---- check

cat >"$work/vendor.toml" <<'END'
### The key comes by DEEPGRAM_API_KEY.

[server]
### All interfaces, since this is in a container.
host = "0.0.0.0"

### Licensing requests.
port = 8443

base_url = "/"

### Health checks.
status_port = 8080
END
export SSL_CERT_FILE=$work/ca.crt
make_ca ca
DEEPGRAM_API_KEY=s3cret prints '^ok$' check "$work/vendor.toml"
unlike "$OUT" s3cret "check shows no key"
like "$OUT" 'license key +set, by environment variable DEEPGRAM_API_KEY' "but where it is from"
like "$OUT" 'license server +https://license\.deepgram\.com$' "and the license server"
like "$OUT" 'licensing port +0\.0\.0\.0:8443, HTTPS' "and the licensing port"
like "$OUT" 'status port +0\.0\.0\.0:8080' "and the status port"
like "$OUT" 'trust window +7d' "and the trust window"
like "$OUT" "trust anchors +1, from $work/ca.crt" "and the authorities"
prints '^ok$' check
# shellcheck disable=SC2016 # the file's own variable
printf '[license]\nkey = "${MY_KEY}"\nserver_url = ["https://a.example", "https://b.example/x"]\n' \
    >"$work/servers.toml"
MY_KEY=s3cret prints '^ok$' check "$work/servers.toml"
like "$OUT" 'https://b\.example/x$' "all license servers are named"
unlike "$OUT" s3cret "and no key"
fails 78 'servers\.toml:2: the environment variable MY_KEY is not set' check "$work/servers.toml"

make_cert good ca DNS:localhost
make_cert rsa ca DNS:localhost rsa
make_cert expired ca DNS:localhost ec 20200101000000Z 20210101000000Z
make_key other
prints "^  certificate +$work/good.crt, valid to 20" \
    check --tls-cert "$work/good.crt" --tls-key "$work/good.key"
prints '^ok$' check --tls-cert "$work/rsa.crt" --tls-key "$work/rsa.key"
fails 78 "^--tls-cert: .*expired\.crt: certificate 1 expired on 2021-01-01; renew it" \
    check --tls-cert "$work/expired.crt" --tls-key "$work/expired.key"
fails 78 '^--tls-key: .*other\.key' check --tls-cert "$work/good.crt" --tls-key "$work/other.key"
fails 78 '^--tls-cert: .*nothing\.crt' \
    check --tls-cert "$work/nothing.crt" --tls-key "$work/good.key"
fails 78 '^--ca-file: .*good\.key' check --ca-file "$work/good.key"
SSL_CERT_FILE=/nonexistent fails 78 '^environment variable SSL_CERT_FILE: /nonexistent' check
fails 78 '^--server-url: .* pin' check --server-url https://10.0.0.1
fails 78 '^--license-key-file: /nonexistent' check --license-key-file /nonexistent

cat >"$work/bad.toml" <<END
prot = 1
[server]
prot = 2
port = "x"
startup_timeout = 30
[sever]
port = 1
more = 2
[license]
key_file = "$work/nothing"
server_url = ["http://a.example", "https://u:p@b.example"]
[tls]
cert = "$work/expired.crt"
key = "$work/other.key"
client_ca = "x"
[upstream]
ca_file = "$work/nothing.crt"
[log]
level = "loud"
format = "
END
LICENSE_PROXY_HOST=example.com fails 78 '15 faults found' check "$work/bad.toml"
for fault in ':1: prot: .*did you mean port, in its' ':3: \[server\] prot: .*did you mean port' \
    ':4: \[server\] port: .*0 to 65535' ':5: \[server\] startup_timeout: the unit' \
    ':6: \[sever\]: .*did you mean \[server\]' ':10: \[license\] key_file: .*/nothing: No such' \
    ':11: \[license\] server_url: http://' ':11: \[license\] server_url: .*user or password' \
    ':13: \[tls\] cert: .*expired' ':14: \[tls\] key: ' ':15: \[tls\] client_ca: x: No such' \
    ':17: \[upstream\] ca_file: .*nothing\.crt' ':19: \[log\] level: .*trace' \
    ':20: a string without' 'environment variable LICENSE_PROXY_HOST: not an address'; do
    like "$ERR" "$fault" "check finds: $fault"
done

# ---- the key in /proc

# has_key PID: whether another process could read it.
has_key() {
    tr '\0' '\n' <"/proc/$1/cmdline" | grep -q s3cret || tr '\0' '\n' <"/proc/$1/environ" |
        grep -q s3cret
}
key_is_gone() {
    is_started && ! has_key "$PID"
}
is_started() {
    grep -q 'msg="\?starting"\?' "$LOG"
}

for form in "--license-key=s3cret-flag" "--license-key s3cret-flag" ""; do
    # shellcheck disable=SC2086 # two words or none
    launch key env DEEPGRAM_API_KEY=s3cret-one LICENSE_KEY=s3cret-two \
        LICENSE_PROXY_LICENSE_KEY=s3cret-three "$LICENSE_PROXY" serve $form --host 127.0.0.1 \
        --port 0 --status-port 0 --server-url https://localhost:1 --startup-timeout 60s
    wait_for 10 key_is_gone
    ok $? "the key can't be read in /proc: ${form:-only in the environment}"
    like "$(tr '\0' ' ' <"/proc/$PID/cmdline")" 'serve .*--port 0' "the other arguments can"
    ! has_ended "$PID"
    ok $? "and the proxy still runs"
    kill -TERM "$PID"
    ends "$PID" 10
    ! grep -q s3cret "$LOG"
    ok $? "nor is it in the log"
    rm -f "$LOG"
done
cat >"$work/key.toml" <<'END'
[license]
key = "${SOME_KEY}"
server_url = "https://localhost:1"
[server]
host = "127.0.0.1"
port = 0
status_port = 0
startup_timeout = "60s"
END
launch key env SOME_KEY=s3cret-four "$LICENSE_PROXY" serve "$work/key.toml"
wait_for 10 key_is_gone
ok $? "nor a key that the file takes from a variable"

# ---- probe, beside a proxy without its server

status_of() {
    sed -n 's/.*msg="\?starting"\?.* status=\([^ ]*\).*/http:\/\/\1/p' "$LOG"
}

# probes CODE ERE ARGUMENT...
probes() {
    code=$1
    pattern=$2
    shift 2
    run_it probe "$@"
    is "$CODE" "$code" "exit $code: probe $*"
    like "$OUT" "$pattern" "prints: $pattern"
    is "$(wc -l <"$work/out")" 1 "on one line"
}
is_failed() {
    "$LICENSE_PROXY" probe --url "$(status_of)" failed
}

wait_for 10 is_failed
ok $? "probe failed: the state after a first relay without an answer"
url=$(status_of)
probes 0 '^probe: live ' --url "$url" live
probes 1 '^probe: not ready \(status 503\)' --url "$url"
probes 1 '^probe: Failed, which is not as wanted' --url "$url" Connected TrustBased
probes 0 '^probe: Failed$' --url "$url/" CONNECTED fAILED
kill -TERM "$PID"
ends "$PID" 10
probes 1 "^probe: can't connect: Connection refused" --url "$url"

# ---- probe, beside a proxy that serves

start_server server
start_proxy main
probes 0 '^probe: ready \(status 200\)' --url "$STATUS"
probes 0 '^probe: live \(status 200\)' --url "$STATUS" live
probes 0 '^probe: Connected$' "--url=$STATUS" ready connected
probes 0 '^probe: ready ' --url "http://localhost:$STATUS_PORT" ready
LICENSE_PROXY_STATUS_PORT=$STATUS_PORT probes 0 '^probe: ready '
LICENSE_PROXY_STATUS_PORT=tcp://10.0.0.1:80 run_it probe --timeout 1s
isnt "$CODE" 64 "probe isn't misled by a service link of Kubernetes"
export LICENSE_PROXY_STATUS_PORT=$STATUS_PORT
LICENSE_PROXY_STATUS_HOST=127.0.0.2 probes 1 "^probe: can't connect"
LICENSE_PROXY_HOST=127.0.0.2 probes 1 "^probe: can't connect"
LICENSE_PROXY_HOST=127.0.0.2 LICENSE_PROXY_STATUS_HOST=127.0.0.1 probes 0 '^probe: ready '
LICENSE_PROXY_HOST=0.0.0.0 probes 0 '^probe: ready '
LICENSE_PROXY_HOST=license-proxy.example probes 0 '^probe: ready '
unset LICENSE_PROXY_STATUS_PORT
probes 1 '^probe: not ready \(status 404\)' --url "$STATUS/nowhere"
probes 1 'tells no state|no answer|ended' --url "http://127.0.0.1:$PORT" Ready
kill -STOP "$PID"
now_ms
before=$NOW
probes 1 '^probe: no answer in time' --url "$STATUS" --timeout 1s
now_ms
at_most $((NOW - before)) 4000 "the probe keeps its deadline"
kill -CONT "$PID"

fails 64 'unknown state; did you mean Connected\?' probe Conected
fails 64 'live stands alone' probe live Connected
fails 64 'http:// only' probe --url https://localhost
fails 64 '--url' probe --url localhost:8080
fails 64 '--url needs a value' probe --url
fails 64 'user or password' status --url http://u:p@localhost
fails 64 'user or password' probe --url http://u:p@localhost
fails 64 '--timeout: the unit is missing' probe --timeout 5
fails 64 'from 1s to' probe --timeout 0s
fails 64 'unknown option' probe --uri x

# ---- exit 69

launch refused "$LICENSE_PROXY" serve --host 127.0.0.1 --port 0 --status-port 0 \
    --server-url https://localhost:1 --startup-timeout 1s
ends "$PID" 15
is "$CODE" 69 "exit 69: the license server can't be reached"

finish
