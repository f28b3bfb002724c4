#!/bin/bash
# Crashes. The proxy is killed while answers are stored, replaced and denied under load, at random
# moments and (the sanitizer build) before each single system call of its storage, and started again
# in an outage. What it then serves is compared with a model:
#   - what was denied, and the denial passed on, is not served;
#   - what is served is an answer that the license server gave to this request, whole;
#   - what an earlier start has served, and nobody has denied since, is served, and is no older.
# Then the same with storage that fails in each way. CRASH_SECONDS: how long the first part goes on.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=${CRASH_SECONDS:-$((${SAN:-0} ? 30 : 60))}
state=$work/state
keys=$(printf '%02d ' {0..23})
seed=${CRASH_SEED:-$RANDOM}
RANDOM=$seed
note "CRASH_SEED=$seed"

declare -A digest # of each key's request: its answers hold it
declare -A shown  # the serial number served by an earlier start in an outage
declare -A denied # the denial was passed on, and nothing was approved since
inside=()         # what a proxy is started by
holder=
exec 2>"$work/stderr" # where the shell tells of each kill
kills=0 resurrected=0 corrupt=0 lost=0 served=0 approvals=0 denials=0 unready=0

# request_all TIMES: each key's request so often, at one time. Leaves "CODE KEY" lines in codes, and
# the bodies beside it.
request_all() {
    local n k
    rm -f "$work"/body.*
    for ((n = 0; n < $1; n++)); do
        for k in $keys; do
            printf 'url = "%s/v1/k/%s"\noutput = "%s"\n' "$URL" "$k" "$work/body.$n.$k"
        done
    done >"$work/urls"
    curl -sk -m 10 -Z --parallel-immediate --parallel-max 12 -d license=a -K "$work/urls" \
        -w '%{http_code} %{url}\n' >"$work/codes" 2>/dev/null
}

kill_it() {
    {
        kill -KILL "$PID"
        ends "$PID" 10
    } 2>/dev/null
    kills=$((kills + 1))
}

# begin [VARIABLE=VALUE]: a start on the directory. False: it didn't come to serve.
begin() {
    LOG=$work/$((kills % 2)).log
    : >"$LOG"
    "${inside[@]}" env "$@" LICENSE_PROXY_HOST=127.0.0.1 LICENSE_PROXY_PORT=0 \
        LICENSE_PROXY_STATUS_PORT=0 LICENSE_PROXY_SERVER_URL="$SERVER" LICENSE_PROXY_CA_FILE="$work/ca.crt" \
        LICENSE_PROXY_STATE_DIR="$state" LICENSE_PROXY_STARTUP_TIMEOUT=5s \
        LICENSE_PROXY_TRUST_WINDOW=366d LICENSE_PROXY_LICENSE_KEY=k ${clock:+"LP_CLOCK=$clock"} \
        "$LICENSE_PROXY" serve </dev/null 2>>"$LOG" &
    PID=$!
    started="$SERVER_PID $holder $PID"
    find_ports
}

# under_load PREFIX [VARIABLE=VALUE]: one life, with denials for the keys that start so, killed
# after a while. Whatever the model knows for certain then is in denied and shown.
under_load() {
    local prefix=$1 code url k wait_ms killer=
    shift
    server_set "only=/v1/k/$prefix" status=403
    if begin "$@"; then
        if [ $# = 0 ]; then
            wait_ms=$((RANDOM % 250))
            {
                read -r -t "0.$(printf '%03d' $wait_ms)" -u "$idle"
                kill -KILL "$PID"
            } 2>/dev/null &
            killer=$!
        fi
        request_all 2
        [ -z "$killer" ] || wait "$killer"
    else
        unready=$((unready + 1))
        : >"$work/codes"
    fi
    kill_it
    for k in $keys; do
        [[ $k != "$prefix"* ]] || unset "shown[$k]" # it may be lost, or not
        # What was denied may be approved now, whether the client got to know it or not.
        [[ $k == "$prefix"* ]] || unset "denied[$k]"
    done
    while read -r code url; do
        k=${url##*/}
        case $code in
        200)
            approvals=$((approvals + 1))
            ! [[ $k == "$prefix"* ]] || corrupt=$((corrupt + 1))
            ;;
        403)
            denials=$((denials + 1))
            denied[$k]=1
            ;;
        esac
    done <"$work/codes"
    server_reset
}

# look: a start in an outage, compared with the model.
look() {
    local code url k body serial
    server_set listening=0
    if begin; then
        request_all 1
        kill_it
    else
        # Nothing at all is stored: 69.
        kill_it
        : >"$work/codes"
        for k in $keys; do
            echo "504 /$k" >>"$work/codes"
        done
    fi
    while read -r code url; do
        k=${url##*/}
        if [ "$code" != 200 ]; then
            [ -z "${shown[$k]:-}" ] || {
                lost=$((lost + 1))
                note "lost: $k, $code instead of answer ${shown[$k]}"
            }
            continue
        fi
        served=$((served + 1))
        body=$(<"$work/body.0.$k")
        serial=${body#'{"serial":'}
        serial=${serial%%,*}
        [ -z "${denied[$k]:-}" ] || {
            resurrected=$((resurrected + 1))
            note "resurrected: $k, $body"
        }
        if [ "${body#*,}" != "${digest[$k]}" ] || [[ ! $serial =~ ^[0-9]+$ ]]; then
            corrupt=$((corrupt + 1))
            note "corrupt: $k, $body"
        elif [ "$serial" -lt "${shown[$k]:-0}" ]; then
            lost=$((lost + 1))
            note "older: $k, $serial after ${shown[$k]}"
        fi
        shown[$k]=$serial
    done <"$work/codes"
    server_set listening=1
}

verdict() {
    is "$resurrected" 0 "$1: no approval comes back after its denial"
    is "$corrupt" 0 "$1: nothing is served but what the server answered"
    is "$lost" 0 "$1: nothing is lost that was served before"
    note "$kills kills, $unready of them early; passed on: $approvals approvals, $denials denials"
    note "$served answers served after a kill"
    resurrected=0 corrupt=0 lost=0
}

# turn_clock: eleven minutes later, what has changed is written again.
turn_clock() {
    [ -n "$clock" ] || return
    ahead=$((ahead + 660000000000))
    echo "$ahead $ahead boot" >"$clock.new"
    mv "$clock.new" "$clock"
}
clock=
ahead=0
if [ -n "${SAN:-}" ]; then
    clock=$work/clock
    turn_clock
fi

start_server server
mkdir -m 700 "$state"
begin || bail "the proxy doesn't serve"
request_all 1
for k in $keys; do
    digest[$k]=$(sed 's/^[^,]*,//' "$work/body.0.$k")
done
kill_it

# ---- at random moments, and before single system calls

# shellcheck disable=SC2206 # words
prefixes=(0 1 2 03 17 22 x 0 1)
now_ms
deadline=$((NOW + seconds * 1000))
for ((n = 1; NOW < deadline; n++)); do
    prefix=${prefixes[RANDOM % ${#prefixes[@]}]}
    turn_clock
    if [ -n "${SAN:-}" ] && [ $((n % 3)) != 0 ]; then
        under_load "$prefix" LP_FAULT=kill:$((RANDOM % 150 + 1))
    else
        under_load "$prefix"
    fi
    look
    now_ms
done
at_least "$kills" $((seconds / 2)) "kills"
at_least "$served" $((seconds * 3)) "answers served afterwards"
at_least "$denials" $((seconds / 4)) "denials passed on"
verdict "killed"

# ---- storage that fails

# failing VARIABLE=VALUE: a life whose storage fails, then one in which it doesn't.
failing() {
    under_load "${prefixes[RANDOM % ${#prefixes[@]}]}" "$1"
    look
}

if [ -n "${SAN:-}" ]; then
    for fault in write:1 write:5 write:1+ fsync:1 fsync:6 fsync:1+ rename:1 rename:4 rename:1+ \
        unlink:1 unlink:3 unlink:1+ open:3 open:9 open:30+; do
        turn_clock
        failing "LP_FAULT=$fault"
    done
    verdict "system calls that fail"
fi

# A directory that vanishes under load: what is in memory serves, and denials are told.
server_set only=/v1/k/1 status=403
begin || bail "the proxy doesn't serve"
mv "$state" "$work/moved"
rm -rf "$work/moved"
request_all 1
is "$(grep -c '^200' "$work/codes") $(grep -c '^403' "$work/codes")" "14 10" \
    "a directory that vanishes stops neither approvals nor denials"
server_set listening=0
request_all 1
is "$(grep -c '^200' "$work/codes") $(grep -c '^50' "$work/codes")" "14 10" \
    "and memory serves in an outage"
like "$(grep 'level=error' "$LOG")" 'state directory fails.*removed' "which is told"
kill_it
server_reset
shown=() denied=()
mkdir -m 700 "$state"

# A small file system, where there can be one: full, then read-only.
small=$work/small
mkdir -m 700 "$small"
mkfifo "$work/hold"
unshare -rm sh -c \
    'mount -t tmpfs -o size=48k,mode=700 tmpfs "$1" && : >"$1.ready" && exec cat "$2"' - "$small" "$work/hold" >/dev/null &
holder=$!
started="$started $holder"
mounted() {
    has_ended "$holder" || [ -e "$small.ready" ]
}
wait_for 10 mounted
if [ -e "$small.ready" ]; then
    inside=(nsenter -t "$holder" -U -m --preserve-credentials --)
    state=$small
    begin
    ok $? "a small file system: it starts"
    request_all 1
    has_written() {
        [ "$(details written)" -ge 5 ]
    }
    wait_for 10 has_written
    kill_it
    look
    at_least "${#shown[@]}" 4 "a small file system: some answers are stored"
    "${inside[@]}" sh -c "cat /dev/zero >$small/fill"
    rm -f "$work/codes"
    server_set only=/v1/k/1 status=403
    begin
    ok $? "full: it starts"
    request_all 1
    is "$(grep -c '^200' "$work/codes") $(grep -c '^403' "$work/codes")" "14 10" \
        "full: approvals and denials are passed on"
    wait_for 10 grep -q 'state directory fails.*No space' "$LOG"
    ok $? "full: told"
    server_set listening=0
    request_all 1
    is "$(grep -c '^200' "$work/codes") $(grep -c '^50' "$work/codes")" "14 10" \
        "full: memory serves, what was denied is not served"
    kill_it
    for k in $keys; do
        [[ $k != 1* ]] || unset "shown[$k]"
        [[ $k != 1* ]] || denied[$k]=1
    done
    server_reset
    look
    verdict "full"

    "${inside[@]}" mount -o remount,ro "$small"
    kept=${!shown[*]}
    kept=${kept%% *}
    server_set "only=/v1/k/$kept" status=403
    begin
    ok $? "read-only: it starts"
    like "$(<"$LOG")" 'level=warn.*read-only' "read-only: warned of"
    request_all 1
    is "$(grep -c '^200' "$work/codes")" 23 "read-only: approvals are passed on"
    like "$(<"$work/codes")" "^503 .*/$kept" \
        "read-only: a denial is withheld while its approval can't be forgotten"
    kill_it
    server_reset
    server_set only=/v1/never status=403
    begin
    fetch /v1/never
    is "$CODE" 403 "read-only: one of what was never stored is passed on"
    kill_it
    server_reset
    look
    verdict "read-only"
else
    note "no file system can be mounted here: full and read-only ones are not tried"
fi

finish
