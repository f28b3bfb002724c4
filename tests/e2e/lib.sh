#!/bin/bash
# Shared by the end-to-end tests: TAP, certificates, and both programs under test on ports that the
# system chooses, in a folder of the test's own. A test file reads it first, and ends with finish.
#
# What the functions leave behind:
#   start_proxy     PID LOG PORT STATUS_PORT, URL (licensing port), STATUS (status port)
#   start_server    SERVER_PID SERVER_PORT, SERVER (its URL), CONTROL (its control port's URL)
#   fetch           CODE (000: no response), HEAD (its lines), BODY, and SERIAL, which answer of the
#                   license server it is
# A test with two of a kind copies them in between.
#
# These are read by the tests:
# shellcheck disable=SC2034
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
LICENSE_PROXY=${LICENSE_PROXY:-$root/build/license-proxy}
LICENSE_SERVER=${LICENSE_SERVER:-$root/build/license-server}
# A system call that the sandbox's lists forget ends the process, which no test passes over.
export LICENSE_PROXY_SANDBOX=kill
work=$(mktemp -d)
tests=0
failures=0
exec {idle}<> <(:) # never has anything to read
programs=              # NAME:PID of the proxies that must end well
started=               # pids to be ended whatever happens
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

cleanup() {
    local IFS=' ' pid
    {
        for pid in $started; do
            kill -KILL "$pid" && wait "$pid"
        done
    } 2>/dev/null
    rm -rf "$work"
}

# ---- TAP -----------------------------------------------------------------------------------

# ok STATUS WHAT: STATUS is an exit code, such as $?.
ok() {
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        echo "not ok $tests - $2"
        failures=$((failures + 1))
        return 1
    fi
}

# note TEXT: a TAP comment, each line of it, cut where it is long.
note() {
    while IFS= read -r line; do
        echo "# ${line:0:300}"
    done <<<"$1"
}

# is GOT WANTED WHAT
is() {
    [ "$1" = "$2" ]
    ok $? "$3" || note "got:    $1
wanted: $2"
}

# isnt GOT UNWANTED WHAT
isnt() {
    [ "$1" != "$2" ]
    ok $? "$3" || note "got: $1"
}

# matches TEXT ERE: whether a line of the text does.
matches() {
    while IFS= read -r line; do
        [[ $line =~ $2 ]] && return
    done <<<"$1"
    return 1
}

# like TEXT ERE WHAT; unlike the same, with no line that matches.
like() {
    matches "$1" "$2"
    ok $? "$3" || note "pattern: $2
text:    $1"
}

unlike() {
    ! matches "$1" "$2"
    ok $? "$3" || note "matched: $2
by:      $line"
}

# at_most NUMBER BOUND WHAT; at_least the same.
at_most() {
    [ "$1" -le "$2" ]
    ok $? "$3 ($1, at most $2)"
}

at_least() {
    [ "$1" -ge "$2" ]
    ok $? "$3 ($1, at least $2)"
}

# bail WHAT: nothing after this would tell anything.
bail() {
    echo "not ok $((tests + 1)) - $1"
    echo "1..$((tests + 1))"
    for log in "$work"/*.log; do
        [ ! -f "$log" ] || tail -n 20 "$log" | sed "s|^|# $(basename "$log"): |"
    done
    exit 1
}

# finish: ends the proxies that still run, and the test.
finish() {
    for program in $programs; do
        end_proxy "${program#*:}"
        is "$CODE" 0 "the proxy '${program%%:*}' ends with exit code 0 when told to"
    done
    for pid in $started; do
        kill -TERM "$pid" 2>/dev/null
        ends "$pid" 10
    done
    for log in "$work"/*.log; do
        [ -f "$log" ] || continue
        ! grep -E 'ERROR: AddressSanitizer|LeakSanitizer|runtime error:' "$log" | sed 's/^/# /' |
            grep .
        ok $? "no sanitizer report in $(basename "$log")"
    done
    echo "1..$tests"
    [ "$failures" = 0 ]
    exit $?
}

# start_script SCRIPT [ARGUMENT...]: a Python script of this folder. take_results waits for it: its
# lines "ok WHAT" and "not ok WHAT" are results of this test.
start_script() {
    script=$1
    PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$root/tests/e2e/$script" "${@:2}" \
        >"$work/results" 2>"$work/complaints" </dev/null &
    SCRIPT_PID=$!
    started="$started $SCRIPT_PID"
}

take_results() {
    local line count=0
    ends "$SCRIPT_PID" 120
    is "$CODE" 0 "$script ends well" || note "$(tail -n 5 "$work/complaints")"
    while IFS= read -r line; do
        case $line in
        "ok "*) ok 0 "${line#ok }" ;;
        "not ok "*) ok 1 "${line#not ok }" ;;
        *)
            echo "$line"
            continue
            ;;
        esac
        count=$((count + 1))
    done <"$work/results"
    at_least "$count" 1 "$script tells results"
}

# ---- waiting -------------------------------------------------------------------------------

# now_ms: sets NOW, milliseconds of the wall clock, for durations.
now_ms() {
    NOW=${EPOCHREALTIME/[.,]/}
    NOW=$((NOW / 1000))
}

# wait_for SECONDS COMMAND...: runs it until it succeeds. False at the deadline.
wait_for() {
    local deadline=$(($1 * 1000))
    now_ms
    deadline=$((NOW + deadline))
    shift
    until "$@" >/dev/null 2>&1; do
        now_ms
        [ "$NOW" -lt "$deadline" ] || return 1
        pause
    done
    return 0
}

# pause: lets others run for a moment, between two looks at the same thing.
pause() {
    read -r -t 0.05 -u "$idle"
}

# has_ended PID: a child counts as ended before it is waited for.
has_ended() {
    local stat
    ! read -r stat 2>/dev/null <"/proc/$1/stat" || [[ $stat == *") Z "* ]]
}

# ends PID SECONDS: waits for a child; CODE is its exit code, or "none" if it did not end.
ends() {
    CODE=none
    wait_for "$2" has_ended "$1" || return 1
    wait "$1"
    CODE=$?
}

# ---- certificates --------------------------------------------------------------------------

# make_key NAME [ec|rsa]
make_key() {
    if [ "${2:-ec}" = rsa ]; then
        openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/$1.key"
    else
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/$1.key"
    fi 2>/dev/null || bail "openssl makes no key"
}

# make_ca NAME [ec|rsa]: NAME.crt, NAME.key
make_ca() {
    make_key "$1" "${2:-ec}"
    openssl req -x509 -new -key "$work/$1.key" -out "$work/$1.crt" -days 30 -subj "/CN=Test $1" \
        -addext "basicConstraints=critical,CA:TRUE" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" 2>"$work/openssl" ||
        bail "openssl makes no CA: $(cat "$work/openssl")"
}

# make_cert NAME CA SAN [ec|rsa [FROM UNTIL]]: NAME.crt, NAME.key. SAN as in "DNS:localhost"; the
# times as in 20240131000000Z. CA "self": signed by itself. PURPOSE=clientAuth: a client's.
make_cert() {
    make_key "$1" "${4:-ec}"
    if [ "$2" = self ]; then
        openssl req -x509 -new -key "$work/$1.key" -out "$work/$1.crt" -days 30 -subj "/CN=$1" \
            -addext "subjectAltName=$3" 2>"$work/openssl" || bail "$(cat "$work/openssl")"
        return
    fi
    mkdir "$work/$1.ca"
    : >"$work/$1.ca/index"
    cat >"$work/$1.ca/conf" <<END
[ca]
default_ca = it
[it]
dir = $work/$1.ca
new_certs_dir = $work/$1.ca
database = $work/$1.ca/index
default_md = sha256
rand_serial = yes
policy = any
x509_extensions = leaf
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = ${PURPOSE:-serverAuth}
subjectAltName = $3
END
    openssl req -new -key "$work/$1.key" -subj "/CN=$1" -out "$work/$1.csr" 2>/dev/null ||
        bail "openssl makes no request"
    openssl ca -batch -notext -config "$work/$1.ca/conf" -cert "$work/$2.crt" \
            -keyfile "$work/$2.key" -in "$work/$1.csr" -out "$work/$1.crt" \
            -startdate "${5:-$(date -u -d '-1 hour' +%Y%m%d%H%M%SZ)}" \
            -enddate "${6:-$(date -u -d '10 days' +%Y%m%d%H%M%SZ)}" 2>"$work/openssl" ||
        bail "openssl makes no certificate: $(cat "$work/openssl")"
}

# ---- the license server --------------------------------------------------------------------

# start_server CERT [OPTION...]: with the certificate CERT.crt, made when there is none, for
# localhost and signed by "ca".
start_server() {
    cert=$1
    shift
    [ -f "$work/ca.crt" ] || make_ca ca
    [ -f "$work/$cert.crt" ] || make_cert "$cert" ca DNS:localhost
    rm -f "$work/ports"
    "$LICENSE_SERVER" --cert "$work/$cert.crt" --key "$work/$cert.key" --port-file "$work/ports" \
        "$@" 2>>"$work/server.log" &
    SERVER_PID=$!
    started="$started $SERVER_PID"
    wait_for 10 test -f "$work/ports" || bail "the license server doesn't start"
    read -r SERVER_PORT control_port <"$work/ports"
    SERVER=https://localhost:$SERVER_PORT
    CONTROL=http://127.0.0.1:$control_port
}

# stop_server: the one that was started last.
stop_server() {
    kill -TERM "$SERVER_PID"
    ends "$SERVER_PID" 10
}

# server_set KNOB=VALUE...: see tools/license-server.c; values percent-encoded.
server_set() {
    local query
    query=$(IFS='&' && echo "$*")
    [ "$(curl -s "$CONTROL/set?$query")" = ok ] || bail "the license server doesn't take: $*"
}

server_reset() {
    [ "$(curl -s "$CONTROL/reset")" = ok ] || bail "the license server doesn't reset"
}

# server_saw [TARGET_PREFIX]: the requests that reached it, as it read them.
server_saw() {
    curl -sf "$CONTROL/requests${1:+?$1}" | tr -d '\r'
}

# server_count NAME [TARGET_PREFIX]: a number of /stats; "seen" counts requests for the targets.
server_count() {
    if [ "$1" = seen ]; then
        server_saw "${2:-}" | grep -c '^==== request'
    else
        curl -sf "$CONTROL/stats" | sed "s/.*\"$1\":\([0-9]*\).*/\1/"
    fi
}

# ---- the proxy -----------------------------------------------------------------------------

# launch NAME COMMAND...: starts a proxy by its whole command line, and doesn't wait.
launch() {
    name=$1
    LOG=$work/$name.log
    shift
    "$@" </dev/null 2>>"$LOG" >"$work/$name.out" &
    PID=$!
    started="$started $PID"
}

# launch_proxy NAME [SETTING=VALUE...]: serve, with the license server that was started last and
# short deadlines. A setting is given by its variable: trust-window=2s is
# LICENSE_PROXY_TRUST_WINDOW=2s.
launch_proxy() {
    launched=$1
    shift
    set -- host=127.0.0.1 port=0 status-port=0 server-url="$SERVER" ca-file="$work/ca.crt" \
        startup-timeout=10s connect-timeout=2s tls-timeout=2s answer-timeout=2s relay-timeout=3s \
        log-level=debug "$@"
    for setting; do
        shift
        variable=${setting%%=*}
        variable=${variable//-/_}
        set -- "$@" "LICENSE_PROXY_${variable^^}=${setting#*=}"
    done
    launch "$launched" env "$@" "$LICENSE_PROXY" serve
}

# is_serving: whether it tells its ports.
is_serving() {
    has_ended "$PID" || grep -q 'msg="\?serving"\?' "$LOG"
}

# find_ports: waits until the proxy launched last serves. False if it ended, or doesn't.
find_ports() {
    wait_for 20 is_serving
    line=$(grep 'msg="\?serving"\?' "$LOG") || return 1
    PORT=$(printf '%s' "$line" | sed 's/.* licensing=[^ ]*:\([0-9]*\).*/\1/')
    STATUS_PORT=$(printf '%s' "$line" | sed 's/.* status=[^ ]*:\([0-9]*\).*/\1/')
    URL=https://127.0.0.1:$PORT
    STATUS=http://127.0.0.1:$STATUS_PORT
}

# start_proxy NAME [SETTING=VALUE...]: as launch_proxy, and waits until it serves.
start_proxy() {
    launch_proxy "$@"
    find_ports || bail "the proxy '$1' doesn't serve"
    programs="$programs $1:$PID"
}

# end_proxy PID: tells it to end and waits; CODE is its exit code.
end_proxy() {
    kill -TERM "$1"
    ends "$1" 15
}

# stop_proxy NAME: ends it now and looks at its exit code.
stop_proxy() {
    for program in $programs; do
        [ "${program%%:*}" = "$1" ] || continue
        end_proxy "${program#*:}"
        is "$CODE" 0 "the proxy '$1' ends with exit code 0 when told to"
    done
    programs=$(printf '%s\n' "$programs" | tr ' ' '\n' | grep -v "^$1:" | tr '\n' ' ')
}

# fetch PATH [CURL_OPTION...]: one request to the licensing port.
fetch() {
    path=$1
    shift
    fetch_url "$URL$path" "$@"
}

# fetch_url URL [CURL_OPTION...]
fetch_url() {
    rm -f "$work/head" "$work/body"
    CODE=$(curl -sk --path-as-is -m 20 -D "$work/head" -o "$work/body" -w '%{http_code}' "$@" \
        2>/dev/null)
    HEAD=
    BODY=
    [ ! -f "$work/head" ] || HEAD=$(<"$work/head")
    [ ! -f "$work/body" ] || BODY=$(<"$work/body")
    HEAD=${HEAD//$'\r'/}
    SERIAL=
    [[ $BODY != '{"serial":'* ]] || SERIAL=${BODY#*:}
    SERIAL=${SERIAL%%,*}
}

# start_load URL [FILE]: a client that sends one request after another until stop_load, each on its own
# connection and without a second try; a line "STATUS ERROR" for each in $work/FILE (answers).
loads=
start_load() {
    : >>"$work/${2:-answers}"
    while [ ! -f "$work/enough" ]; do
        curl -sk -m 60 -o /dev/null -w '%{http_code} %{errormsg}\n' "$1"
    done >>"$work/${2:-answers}" &
    loads="$loads $!"
    started="$started $!"
}

# load_goes_on NUMBER: waits until so many more lines are in $work/answers.
has_answers() {
    [ "$(grep -c . "$work/answers")" -ge "$1" ]
}
load_goes_on() {
    wait_for 30 has_answers $(($(grep -c . "$work/answers") + $1))
}

stop_load() {
    local load
    : >"$work/enough"
    for load in $loads; do
        ends "$load" 60
    done
}

# field NAME: its values in the last response's head, a line for each.
field() {
    local line
    while IFS= read -r line; do
        [[ ${line,,} != "$1: "* ]] || echo "${line#*: }"
    done <<<"$HEAD"
}

# state: as the status port tells.
state() {
    local text
    text=$(curl -s -m 5 "$STATUS/v1/status")
    text=${text#'{"state":"'}
    echo "${text%%\"*}"
}

# is_state NAME
is_state() {
    [ "$(state)" = "$1" ]
}

# details MEMBER: a number, word or text of /v1/details, the first of that name.
details() {
    local text
    text=$(curl -s -m 5 "$STATUS/v1/details")
    [[ $text =~ \"$1\":(\"[^\"]*\"|[^,}]*) ]] || return
    text=${BASH_REMATCH[1]#\"}
    echo "${text%\"}"
}

# logged ERE: whether the log of the proxy launched last has such a line.
logged() {
    grep -Eq -- "$1" "$LOG"
}

# is_settled, settled: the circuit is closed and no relay runs (the latter waits for it).
is_settled() {
    [[ $(curl -s -m 5 "$STATUS/v1/details") == *'"circuit_open":false'*'"running":0,'* ]]
}
settled() {
    wait_for 15 is_settled
}

# recover: the license server behaves again, and the proxy has noticed.
recover() {
    server_reset
    fetch "/recover/$tests"
    if [ "$CODE" != 200 ] || ! settled; then
        bail "the proxy does not recover: $CODE $BODY"
    fi
}

# raw BYTES [SECONDS]: sends bytes (printf escapes) to the licensing port over TLS, and prints what
# comes back until the proxy closes.
raw() {
    {
        # shellcheck disable=SC2059 # the bytes are a format
        printf "$1"
        wait_for "${2:-5}" test -f "$work/raw.done"
    } | {
        timeout 10 openssl s_client -quiet -connect "127.0.0.1:$PORT" 2>/dev/null
        : >"$work/raw.done"
    }
    rm -f "$work/raw.done"
}
