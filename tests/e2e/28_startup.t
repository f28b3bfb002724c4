#!/bin/bash
# Starting (rule 9): a fresh install must reach its license server. Each reason why it doesn't ends
# in exit code 69 and one clear message that names the stage.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

make_ca ca
make_ca otherca
past='20240101000000Z 20240601000000Z'
future='20400101000000Z 20410101000000Z'

# unreachable WHAT STAGE ERE [SETTING=VALUE...]: the proxy gives up with 69.
unreachable() {
    what=$1 stage=$2 pattern=$3
    shift 3
    launch_proxy refusal startup-timeout=1s "$@"
    ends "$PID" 15
    is "$CODE" 69 "$what: exit code 69"
    last=$(grep 'could not be reached at start' "$LOG")
    like "$last" "level=error .* stage=$stage error=" "$what: names the stage ($stage)"
    like "$last" "$pattern" "$what: says what is wrong" || note "$(<"$LOG")"
    ! logged 'msg="serving"'
    ok $? "$what: serves nothing"
    rm -f "$LOG"
}

# Nobody listens: a port that was free a moment ago.
start_server server
gone=$SERVER
stop_server
SERVER=$gone
unreachable "connection refused" connect 'localhost:[0-9]+.*[Cc]onnection refused'
SERVER=https://no-such-license-server.invalid
unreachable "name that doesn't resolve" dns 'no-such-license-server\.invalid'

# with_cert NAME WHAT ERE: a server that shows that certificate.
with_cert() {
    start_server "$1"
    unreachable "$2" tls "$3"
    stop_server
}

make_cert wrongname ca DNS:license.example
with_cert wrongname "wrong name" 'name'
# shellcheck disable=SC2086 # two words
make_cert expired ca DNS:localhost ec $past
with_cert expired "expired certificate" 'certificate has expired, by'
# shellcheck disable=SC2086 # two words
make_cert early ca DNS:localhost ec $future
with_cert early "certificate not yet valid" 'certificate is not valid yet, by'
make_cert untrusted otherca DNS:localhost
with_cert untrusted "untrusted root" 'trust'
make_cert selfsigned self DNS:localhost
with_cert selfsigned "self-signed certificate" 'trust|self-signed'

messages=$(for c in wrongname expired early untrusted; do
    start_server $c
    launch_proxy distinct startup-timeout=1s
    ends "$PID" 15
    grep -o 'error=.*' "$LOG" | tail -n 1 | tr -d '0-9'
    rm -f "$LOG"
    stop_server
done)
is "$(sort -u <<<"$messages" | grep -c .)" 4 "each kind of bad certificate has its own message" || note "$messages"

start_server server
server_set fault=hang at=accept
unreachable "silent before TLS" tls 'the server is silent' startup-timeout=2s tls-timeout=1s
server_set fault=hang at=request
unreachable "silent after the request" head 'no response in time' startup-timeout=2s answer-timeout=1s
server_reset
server_set odd=garbage
unreachable "not HTTP" head 'response head: malformed'
server_reset
server_set status=503
unreachable "503 at start" status '503'
server_reset

# Only TLS 1.3: says so in words.
port=$SERVER_PORT
stop_server
openssl s_server -quiet -accept "127.0.0.1:$port" -tls1_3 -cert "$work/server.crt" \
    -key "$work/server.key" </dev/null >"$work/s_server" 2>&1 &
started="$started $!"
tls13=$!
listens() {
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}
wait_for 10 listens
unreachable "a server with TLS 1.3 only" tls 'TLS 1\.[23]'
kill "$tls13"
ends "$tls13" 10

# Within startup_timeout it keeps on trying.
SERVER=https://localhost:$port
launch_proxy late startup-timeout=15s
programs="$programs late:$PID"
wait_for 10 logged 'stage=connect'
start_server server --port "$port"
find_ports
ok $? "a license server that comes up within startup_timeout is found"
stop_proxy late

# SIGTERM while starting ends it at once, well.
server_set fault=hold
launch_proxy starting startup-timeout=30s
wait_for 10 logged 'msg="starting"'
end_proxy "$PID"
is "$CODE" 0 "SIGTERM while it starts: exit code 0"
server_reset

finish
