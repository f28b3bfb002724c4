#!/bin/bash
# Two proxies on one state directory: what one has validated serves the other in an outage, what one
# has seen denied is denied by both at once, and neither is held up by the other, or by storage.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

state=$work/state

# ask A|B NAME: one service's request, through that instance.
ask() {
    local url=URL_$1
    fetch_url "${!url}/v1/$2" -H "Authorization: Token $2" -d '{"license":"a"}'
}

# use A|B: the functions of lib.sh are about that instance.
use() {
    local v
    for v in PID LOG PORT STATUS_PORT URL STATUS; do
        local from=${v}_$1
        declare -g "$v=${!from:-}"
    done
}

keep() {
    local v
    for v in PID LOG PORT STATUS_PORT URL STATUS; do
        declare -g "${v}_$1=${!v:-}"
    done
}

settings=(state-dir="$state" startup-timeout=5s license-key=k)

stored() {
    [ "$(find "$state" -name 'e-*' | wc -l)" = "$1" ]
}

fingerprint() {
    openssl s_client -connect "${1#https://}" </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint -sha256
}

# storage_fails: true or false, as /v1/details tells.
storage_fails() {
    [[ $(curl -s -m 5 "$STATUS/v1/details") =~ \"state_directory\":\{\"failing\":([a-z]+) ]]
    echo "${BASH_REMATCH[1]:-}"
}

start_server server

# ---- both at one time, on nothing

equal=0
for n in 1 2 3 4 5; do
    rm -rf "$state"
    launch_proxy "a$n" "${settings[@]}"
    PID_A=$PID LOG_A=$LOG
    launch_proxy "b$n" "${settings[@]}"
    keep B
    PID=$PID_A LOG=$LOG_A
    find_ports || bail "the first of two doesn't serve"
    keep A
    use B
    find_ports || bail "the second of two doesn't serve"
    keep B
    first=$(fingerprint "$URL_A")
    [ -n "$first" ] && [ "$first" = "$(fingerprint "$URL_B")" ] && equal=$((equal + 1))
    [ "$n" = 5 ] && break
    end_proxy "$PID_A"
    end_proxy "$PID"
done
is "$equal" 5 "two that start at one time on nothing have one identity, each time"

# ---- approvals, denials, purges

ask A one
one=$SERIAL
ask B two
two=$SERIAL
wait_for 10 stored 2
ok $? "each has stored one"
ask A denied
ask B denied
wait_for 10 stored 3
server_set deny=denied deny_status=403
ask A denied
is "$CODE" 403 "one is told that it is denied"
server_set listening=0
ask B denied
is "$CODE" 504 "the other, which had it approved, serves it no more at once"
ask B one
is "$CODE $SERIAL" "200 $one" "B serves in an outage what A has validated"
ask A two
is "$CODE $SERIAL" "200 $two" "and A what B has"
ask B one
ask A one
is "$CODE" 200 "both have it now"
cache() {
    LICENSE_PROXY_LICENSE_KEY=k "$LICENSE_PROXY" cache "$@" --state-dir "$state"
}
cache purge "$(cache ls | head -n 1 | cut -d' ' -f1)" >"$work/purged"
for i in A B; do
    codes=
    for name in one two; do
        ask $i $name
        codes="$codes $CODE"
    done
    is "$(tr ' ' '\n' <<<"$codes" | sort | tr '\n' ' ')" " 200 504 " "$i serves no more what was purged"
done
server_reset
for i in A B; do
    use $i
    wait_for 20 is_settled
done

# ---- one crashes

ask A crash
crash=$SERIAL
use A
written() {
    [ "$(find "$state" -name 'e-*' | wc -l)" -ge 2 ]
}
wait_for 10 written
{
    kill -KILL "$PID_A"
    ends "$PID_A" 10
} 2>/dev/null
server_set listening=0
ask B crash
is "$CODE $SERIAL" "200 $crash" "when one has crashed the other serves what it had validated"
use B
is "$(storage_fails)" false "and is not held up"
server_reset
start_proxy next "${settings[@]}"
is "$(fingerprint "$URL")" "$first" "the next one starts beside it, with the same identity"
stop_proxy next
use B
end_proxy "$PID"
is "$CODE" 0 "the other ends well"

# ---- storage that hangs

if [ -z "${SAN:-}" ]; then
    note "the release build has no storage that hangs: see the sanitizers' pass"
    finish
fi

# hanging NAME: a proxy whose storage hangs from the first approval on.
hanging() {
    rm -rf "$state"
    # The first look at the directory takes an open; then come the time's 5 calls.
    export LP_FAULT="hang:${2:-9}"
    start_proxy "$1" "${settings[@]}"
    unset LP_FAULT
    ask_it approved
    is "$CODE" 200 "storage that hangs: approvals pass"
}
ask_it() {
    fetch "/v1/$1" -H "Authorization: Token $1" -d '{"license":"a"}'
}
hanging hung
now_ms
before=$NOW
for n in 1 2 3 4 5; do
    ask_it "relay$n"
    is "$CODE" 200 "storage that hangs: relay $n"
    curl -sf -m 2 "$STATUS/livez" >"$work/livez"
    ok $? "storage that hangs: the status port answers"
done
now_ms
at_most $((NOW - before)) 2500 "none of it was held up (ms)"
server_set deny=approved deny_status=403
now_ms
before=$NOW
ask_it approved
is "$CODE" 503 "storage that hangs: a denial is withheld"
like "$BODY" '"error":"storage"' "and the reason told"
now_ms
at_most $((NOW - before)) 8000 "within the time that storage has (ms)"
is "$(details denials_withheld)" 1 "and counted"
logged 'a denial is withheld'
ok $? "and logged"
server_set deny= listening=0
now_ms
before=$NOW
ask_it approved
is "$CODE" 504 "what was to be denied is not served from memory"
ask_it relay1
is "$CODE" 200 "memory serves the others"
now_ms
at_most $((NOW - before)) 6000 "in good time (ms)"
curl -sf -m 2 "$STATUS/readyz" >"$work/readyz"
ok $? "the status port answers still"
is "$(storage_fails)" true "and tells of it"
server_reset
stop_proxy hung

finish
