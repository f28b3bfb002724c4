#!/bin/bash
# Draining: told to end, the proxy is unready at once, finishes what is in flight within a deadline,
# and ends with exit code 0.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# in_flight N: whether the license server has that many requests.
in_flight() {
    [ "$(server_count in_flight)" -ge "$1" ]
}

# requests N: starts so many at one time, on a connection each; answers go to $work/answers.
requests() {
    for ((i = 1; i <= $1; i++)); do
        printf 'url = "%s/v1/drain/%s"\noutput = "%s/answer.%s"\n' "$URL" "$i" "$work" "$i"
    done >"$work/list"
    curl -sk -m 60 --no-keepalive -H 'Connection: close' -Z --parallel-immediate --parallel-max 100 \
        -w '%{http_code} %{size_download}\n' -K "$work/list" >"$work/answers" 2>/dev/null &
    asked=$!
}

for signal in TERM INT; do
    start_server server
    start_proxy "$signal" tls-timeout=30s relay-timeout=60s answer-timeout=60s drain-timeout=30s
    server_set fault=hold only=/v1/drain
    requests 50
    wait_for 50 in_flight 50
    ok $? "50 requests are in flight"
    kill "-$signal" "$PID"
    wait_for 5 logged 'msg="draining"'
    ok $? "SIG$signal: drains"
    fetch_url "$STATUS/readyz"
    is "$CODE $BODY" "503 draining" "unready at once"
    fetch_url "$STATUS/livez"
    is "$CODE" 200 "but living"
    fetch_url "$STATUS/v1/status"
    like "$CODE $BODY" '^200 .*"state":"Connected"' "and telling its state"
    is "$(details draining)" true "/v1/details tells of the draining"
    fetch /v1/late
    is "$CODE" 000 "new connections are refused"
    ! has_ended "$PID"
    ok $? "it waits for what is in flight"
    server_reset
    ends "$PID" 30
    is "$CODE" 0 "then ends with exit code 0"
    wait "$asked"
    is "$(grep -c '^200 ' "$work/answers")" 50 "50 answers"
    whole=0
    for ((i = 1; i <= 50; i++)); do
        [[ $(<"$work/answer.$i") == '{"serial":'*"\"target\":\"/v1/drain/$i\""*'}' ]] && whole=$((whole + 1))
    done
    is "$whole" 50 "each of them whole, and the right one"
    programs=
    stop_server
done

# An idle connection ends at once; the proxy doesn't wait for it.
start_server server
start_proxy idle
{
    printf 'GET /v1/idle HTTP/1.1\r\nHost: a\r\n\r\n'
    wait_for 20 test -f "$work/idle.over"
} | openssl s_client -quiet -connect "127.0.0.1:$PORT" >"$work/idle" 2>/dev/null &
client=$!
wait_for 10 grep -q '"target":"/v1/idle"' "$work/idle"
now_ms
from=$NOW
end_proxy "$PID"
now_ms
is "$CODE" 0 "with an idle connection: exit code 0"
at_most $((NOW - from)) 4000 "without waiting for it (ms)"
: >"$work/idle.over"
wait "$client"
programs=

# One that has just connected is about to ask; what it asks is answered.
start_proxy fresh
{
    wait_for 20 test -f "$work/fresh.drains"
    printf 'GET /v1/fresh HTTP/1.1\r\nHost: a\r\n\r\n'
    wait_for 20 test -f "$work/fresh.over"
} | openssl s_client -quiet -connect "127.0.0.1:$PORT" >"$work/fresh" 2>/dev/null &
client=$!
has_connected() {
    [ "$(details handshakes)" = 1 ]
}
wait_for 10 has_connected
kill -TERM "$PID"
wait_for 5 logged 'msg="draining"'
: >"$work/fresh.drains"
ends "$PID" 15
is "$CODE" 0 "with a connection that was just made: exit code 0"
: >"$work/fresh.over"
wait "$client"
like "$(<"$work/fresh")" '"target":"/v1/fresh"' "its request, sent while draining, is answered"
programs=

# The delay: unready at once, but serving, so that load balancers notice before anybody is refused.
start_proxy delay drain-delay=2s
now_ms
from=$NOW
kill -TERM "$PID"
wait_for 5 logged 'msg="unready;'
fetch_url "$STATUS/readyz"
is "$CODE $BODY" "503 draining" "with drain_delay: unready at once"
fetch /v1/delay
is "$CODE" 200 "new connections are served"
is "$(field connection)" close "and not kept"
ends "$PID" 15
now_ms
is "$CODE" 0 "then it ends, exit code 0"
at_least $((NOW - from)) 1900 "after the delay (ms)"
programs=
start_proxy impatient drain-delay=60s
kill -TERM "$PID"
wait_for 5 logged 'msg="unready;'
end_proxy "$PID"
is "$CODE" 0 "told twice it doesn't wait"
programs=

# The deadline: what isn't answered gets 503, and the exit code is still 0.
start_proxy deadline relay-timeout=60s answer-timeout=60s drain-timeout=1s
server_set fault=hold only=/v1/drain
requests 5
wait_for 20 in_flight 5
now_ms
from=$NOW
end_proxy "$PID"
now_ms
is "$CODE" 0 "at the drain deadline: exit code 0"
at_least $((NOW - from)) 900 "not before it (ms)"
at_most $((NOW - from)) 6000 "and soon after it (ms)"
wait "$asked"
is "$(grep -c '^503 ' "$work/answers")" 5 "unanswered requests get 503" || note "$(<"$work/answers")"
like "$(cat "$work"/answer.1)" '^\{"error":"draining",' "that says why"
programs=
server_reset

# Told twice, it ends now.
start_proxy twice relay-timeout=60s answer-timeout=60s drain-timeout=60s
server_set fault=hold only=/v1/drain
requests 1
wait_for 20 in_flight 1
kill -TERM "$PID"
wait_for 5 logged 'msg="draining"'
kill -TERM "$PID"
ends "$PID" 10
is "$CODE" 0 "told twice it ends at once, exit code 0"
wait "$asked"
programs=
finish
