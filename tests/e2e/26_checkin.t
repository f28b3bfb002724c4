#!/bin/bash
# The proxy's own check-in, rule 8: what it sends, how often, and what a refused key leads to.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

key=lic-0123456789-secret
start_server server

start_proxy default license-key=$key
seen=$(server_saw)
like "$seen" '^GET / HTTP/1\.1$' "the check-in is GET / by default"
like "$seen" "^Authorization: Token $key\$" "with the key as Authorization: Token"
like "$seen" "^Host: localhost:$SERVER_PORT\$" "and the license server's Host"
is "$(details last_status)" 200 "/v1/details tells how it was answered"
fetch /v1/client
unlike "$(server_saw /v1/client)" "$key|^Authorization" "the key isn't lent to clients' requests"
fetch /v1/client2 -H 'Authorization: Bearer of-the-client'
like "$(server_saw /v1/client2)" '^Authorization: Bearer of-the-client$' "a client's own credential passes untouched"
stop_proxy default
unlike "$(<"$LOG")" "$key" "the key isn't in the log"

start_proxy bearer license-key=$key auth-scheme=Bearer checkin-path=/v2/check?in=1 checkin-method=POST
seen=$(server_saw /v2/check)
like "$seen" '^POST /v2/check\?in=1 HTTP/1\.1$' "path and method are configurable"
like "$seen" "^Authorization: Bearer $key\$" "the scheme, too"
like "$seen" '^Content-Length: 0$' "a POST has a length"
stop_proxy bearer
start_proxy bare license-key=$key auth-scheme= checkin-path=/v3
like "$(server_saw /v3)" "^Authorization: $key\$" "an empty scheme sends the bare key"
stop_proxy bare
start_proxy keyless checkin-path=/v4
unlike "$(server_saw /v4)" '^Authorization' "without a key there is no Authorization"
stop_proxy keyless

# The interval: 1 s, with a tenth of jitter, so four check-ins take 2.7 s or more.
start_proxy often checkin-interval=1s checkin-path=/v5
at_least_seen() {
    [ "$(server_count seen "$1")" -ge "$2" ]
}
now_ms
from=$NOW
wait_for 20 at_least_seen /v5 4
ok $? "the proxy checks in again and again"
now_ms
at_least $((NOW - from)) 2500 "not sooner than the interval (ms)"
at_most $((NOW - from)) 8000 "nor much later (ms)"

# The key is refused at run time: a warning at each change, not each time.
refusals() {
    grep -c 'level=warn msg="the license server refuses the license key' "$LOG"
}
server_set deny_status=402 status=402
has_refusals() {
    [ "$(details license_key_refused)" = "$1" ]
}
wait_for 10 has_refusals true
ok $? "a refused key is told in /v1/details"
is "$(state)" Connected "and is an answer: the state stays Connected"
fetch_url "$STATUS/readyz"
is "$CODE" 200 "ready"
count=$(server_count seen /v5)
wait_for 10 at_least_seen /v5 $((count + 2))
is "$(refusals)" 1 "one warning, however often it is refused"
server_set status=200
wait_for 10 has_refusals false
ok $? "an accepted key is told, too"
wait_for 2 logged 'accepts the license key again'
ok $? "and logged"
server_set status=403
wait_for 10 has_refusals true
is "$(refusals)" 2 "refused again: a second warning"
server_reset
stop_proxy often

# At the start: fatal only if the operator named the path.
for status in 401 402 403; do
    server_set status=$status
    launch_proxy named license-key=$key checkin-path=/v6
    ends "$PID" 10
    is "$CODE" 77 "a key refused with $status at start, path named: exit code 77"
    logged "level=error msg=\"the license server refuses the license key.*status=$status"
    ok $? "and says so"
    unlike "$(<"$LOG")" "$key" "without the key"
done
server_set status=404
start_proxy notfound license-key=$key checkin-path=/v6
ok $? "404 is an answer: the proxy starts"
stop_proxy notfound
server_set status=401
start_proxy unnamed license-key=$key
is "$(state)" Connected "a key refused at /, unnamed: the proxy starts"
is "$(refusals)" 1 "with a warning"
stop_proxy unnamed
finish
