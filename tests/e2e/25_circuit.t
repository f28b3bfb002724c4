#!/bin/bash
# The circuit, rule 10: an outage must not slow the services down. Once a relay has failed, who has
# a trusted answer gets it at once, while one probe at a time looks for the server.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

relay_ms=2000
start_server server
start_proxy p tls-timeout=1s answer-timeout=2s relay-timeout=2s
for i in 1 2 3; do
    fetch "/v1/known/$i"
    is "$CODE" 200 "approved: $i"
done

# timed PATH: a fetch; sets TOOK, in ms.
timed() {
    now_ms
    TOOK=$NOW
    fetch "$1"
    now_ms
    TOOK=$((NOW - TOOK))
}

server_set fault=hang
timed /v1/known/1
is "$CODE" 200 "the first request in an outage is served from trust"
at_least "$TOOK" $((relay_ms - 500)) "after it has waited for the server (ms)"
is "$(details circuit_open)" true "the circuit is open"
seen=$(server_count seen /v1/known)
for i in 1 2 3 1 2 3; do
    timed "/v1/known/$i"
    like "$CODE $(field cache-status)" '^200 .*; hit; fwd=stale; ttl=[0-9]+; detail=circuit-open$' \
        "an open circuit serves from trust"
    at_most "$TOOK" $((relay_ms / 2)) "without waiting for the server (ms)"
done
is "$(server_count seen /v1/known)" "$seen" "and without asking it"

# Requests that wait when the circuit opens are released at once, too.
has_in_flight() {
    [ "$(server_count in_flight)" -ge "$1" ]
}
recover
server_set fault=hang
for i in 1 2 3; do
    curl -sk -m 20 -o /dev/null -w '%{http_code} %{time_total}\n' "$URL/v1/known/$i" >"$work/w$i" &
    waiting[i]=$!
    # One after the other, a good part of the deadline apart.
    wait_for 5 has_in_flight "$i"
    now_ms
    from=$NOW
    while [ $((NOW - from)) -lt 400 ]; do
        pause
        now_ms
    done
done
for i in 1 2 3; do
    wait "${waiting[i]}"
    read -r code took <"$work/w$i"
    is "$code" 200 "waiting request $i is served from trust"
done
took=${took%.*}${took#*.}
at_most "$((10#$took / 1000))" $((relay_ms - 300)) "the last one when the first has failed, not at its own deadline (ms)"

# Requests without a trusted answer still try.
timed /v1/unknown
like "$CODE" '^50[24]$' "no trusted answer: no answer"
is "$(server_count seen /v1/unknown)" 1 "but the license server was asked"

# One probe at a time, at growing distances.
recover
server_set fault=hang at=accept drop=1
before=$(server_count connections)
fetch /v1/known/1
most=0
probes_have_come() {
    running=$(details running)
    [ "$running" -le "$most" ] || most=$running
    [ "$(server_count connections)" -ge $((before + 3)) ]
}
wait_for 20 probes_have_come
ok $? "probes look for the server"
is "$most" 1 "one at a time"

# The first success closes it.
server_reset
wait_for 30 settled
fetch /v1/known/1
is "$CODE $(field cache-status)" "200 license-proxy; fwd=miss; stored" "the circuit closes: fresh answers"
is "$(state)" Connected "and the state is Connected"

# A client's success closes it as well.
server_set listening=0
fetch /v1/known/1
is "$(details circuit_open)" true "open again"
server_set listening=1
fetch /v1/fresh
is "$CODE $(details circuit_open)" "200 false" "a client's request without a trusted answer closes it"

# Requests that wait in line for a place go when their clients do; those under way go on, since
# their answers tell of the server.
start_proxy flood relay-timeout=60s answer-timeout=60s
server_set fault=hang
for i in {1..90}; do
    printf 'url = "%s/v1/flood/%d"\noutput = "/dev/null"\n' "$URL" "$i"
done >"$work/flood"
curl -sk -m 30 -Z --parallel-max 90 --parallel-immediate -K "$work/flood" 2>/dev/null &
flood=$!
started="$started $flood"
has_waiting() {
    [ "$(details running)" = 64 ] && [ "$(details waiting)" = 26 ]
}
wait_for 25 has_waiting
ok $? "64 requests are under way, 26 wait in line"
kill "$flood"
wait "$flood" 2>/dev/null
none_waits() {
    [ "$(details waiting)" = 0 ]
}
wait_for 10 none_waits
is "$? $(details running)" "0 64" "when their clients have gone, none waits, and 64 are still under way"
finish
