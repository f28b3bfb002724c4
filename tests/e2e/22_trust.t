#!/bin/bash
# Trust, rules 1 to 5 and 11: the server comes first, approvals are kept, denials remove them, every
# status that is an outage is bridged by the kept answer, and two requests that differ never share one.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

hit='^license-proxy; hit; fwd=stale; (fwd-status=[0-9]+; )?ttl=[0-9]+(; detail=[a-z-]+)?$'

# ask TARGET [CURL_OPTION...]: the licensing request that the tests below repeat.
ask() {
    target=$1
    shift
    fetch "$target" -H 'Authorization: Token client-secret' -d '{"license":"a"}' "$@"
}

# approve TARGET [CURL_OPTION...]: sets approved to the answer's serial number.
approve() {
    ask "$@"
    approved=$SERIAL
    [[ "$CODE $approved" =~ ^200\ [0-9]+$ ]] || bail "no approval of $*: $CODE $BODY"
}

# bridged WHAT: the last response is the approved one, from trust.
bridged() {
    is "$CODE $SERIAL" "200 $approved" "$1: the kept answer serves"
    like "$(field cache-status)" "$hit" "$1: Cache-Status says so"
    like "$(field age)" '^[0-9]+$' "$1: Age tells how old it is"
}

# refused WHAT: there was nothing kept for the last request.
refused() {
    like "$CODE" '^50[24]$' "$1: no answer"
}

start_server server
start_proxy week

# ---- upstream first (rule 1), approvals kept (rule 2), answers marked (rule 11)

approve /v1/first
is "$(field cache-status)" "license-proxy; fwd=miss; stored" "an approval is marked as stored"
is "$(field age)" "" "a fresh answer has no Age"
first=$approved
approve /v1/first
isnt "$approved" "$first" "with the server there, the same request is answered afresh"

# ---- statuses that are outages; without trust the server's own response is passed on

for status in 408 425 429 500 502 503 504 599; do
    approve /v1/first
    server_set status=$status header=Retry-After:%207
    ask /v1/first
    bridged "status $status"
    like "$(field cache-status)" "fwd-status=$status;" "status $status: told in Cache-Status"
    is "$(field retry-after)" "" "status $status: the kept answer's fields, not the refusal's"
    ask "/v1/unheard/$status"
    is "$CODE $(field retry-after)" "$status 7" "status $status, nothing kept: passed on whole"
    like "$BODY" '^\{"serial":' "status $status, nothing kept: with the server's body"
    recover
done

# ---- denials (rule 2)

for status in 400 401 402 403 404 302; do
    approve /v1/denied
    server_set status=$status
    ask /v1/denied
    is "$CODE" $status "a denial ($status) is passed on"
    is "$(field cache-status)" "license-proxy; fwd=miss" "a denial ($status) is not stored"
    server_set status=200 listening=0
    ask /v1/denied
    refused "after a denial ($status), in an outage"
    recover
done
approve /v1/deny-one
server_set deny=client-secret deny_status=403
ask /v1/deny-one
is "$CODE" 403 "a denied key"
server_set listening=0
ask /v1/deny-one
refused "a denied key, in an outage"
recover

# ---- whose answer it is (rule 5)

approve /v1/key?a=1
server_set listening=0
ask "/v1/key?a=1"
bridged "the same request"
ask "/v1/key?a=2"
refused "another query"
ask /v1/key
refused "without the query"
ask "/v1/key?a=1" -X PUT
refused "another method"
ask "/v1/key?a=1" -H 'Authorization: Token another'
refused "another credential beside"
fetch "/v1/key?a=1" -H 'Authorization: Token another' -d '{"license":"a"}'
refused "another credential"
fetch "/v1/key?a=1" -d '{"license":"a"}'
refused "no credential"
ask "/v1/key?a=1" -H 'X-Api-Key: k'
refused "a further credential"
fetch "/v1/key?a=1" -H 'Authorization: Token client-secret' -d '{"license":"b"}'
refused "another body"
fetch "/v1/key?a=1" -H 'Authorization: Token client-secret' -X POST
refused "no body"
ask "/v1/key?a=1" -H 'User-Agent: another' -H 'X-Request-Id: 7'
bridged "fields that say nothing of the license"
recover
head -c 200000 /dev/zero | tr '\0' a >"$work/large"
cp "$work/large" "$work/differs"
printf b >>"$work/differs"
printf a >>"$work/large"
fetch /v1/large --data-binary "@$work/large"
approved=$SERIAL
server_set listening=0
fetch /v1/large --data-binary "@$work/large"
bridged "a body of 200 kB"
fetch /v1/large --data-binary "@$work/differs"
refused "a body that differs in its last byte"
recover

# ---- what may not be kept (rule 4)

for control in no-store no-cache must-revalidate 'private,%20NO-STORE' stale-if-error=0; do
    approve /v1/control
    server_set "header=Cache-Control:%20$control"
    ask /v1/control
    is "$CODE $(field cache-status)" "200 license-proxy; fwd=miss" "$control: not stored"
    server_set header= listening=0
    ask /v1/control
    refused "$control, in an outage"
    recover
done
server_set header=Cache-Control:%20max-age=0,%20private
approve /v1/private
server_set header= listening=0
ask /v1/private
bridged "max-age=0, private"
recover

# An answer that was old already is trusted for less.
server_set header=Age:%20600000
approve /v1/aged
server_set header= listening=0
ask /v1/aged
is "$(field age)" "$(field age | grep -E '^60000[0-9]$')" "an old answer's Age goes on counting"
like "$(field cache-status)" 'ttl=47[0-9][0-9];' "an old answer's trust is shorter by its Age"
recover
stop_proxy week

start_proxy lenient honor-no-store=false trust-key=method,target,json:license
server_set header=Cache-Control:%20no-store
approve /v1/control
server_set header= listening=0
ask /v1/control
bridged "no-store with honor_no_store = false"
fetch /v1/control -H 'Authorization: Token client-secret' -d '{"nonce": 7, "license" : "a"}'
bridged "the same JSON member in another body, with such a trust key"
fetch /v1/control -H 'Authorization: Token client-secret' -d '{"license":"b"}'
refused "another value of the JSON member"
fetch /v1/control -d '{"license":"a"}'
bridged "without the credential, when the trust key leaves it out"
recover
stop_proxy lenient

# ---- the window ends, and serving does not extend it (rules 3 and 4)

start_proxy short trust-window=2s
now_ms
before=$NOW
approve /v1/short
server_set listening=0
ask /v1/short
bridged "within the window"
served=1
while ask /v1/short && [ "$CODE" = 200 ] && [ "$served" -lt 1000 ]; do
    served=$((served + 1))
    age=$(field age)
    pause
done
now_ms
passed=$((NOW - before))
refused "after the window"
like "$BODY" '"state":"Failed"' "the answer says that trust has ended"
at_least "$served" 2 "it was served again and again"
at_least "$passed" 2000 "for the whole window (ms)"
at_most "$passed" 8000 "and no longer, though it was served all the time (ms)"
at_most "${age:-9}" 2 "the last Age is within the window"
recover
stop_proxy short

start_proxy shortened trust-window=1h
server_set header=Cache-Control:%20stale-if-error=1
approve /v1/shortened
server_set header=
server_set header=Cache-Control:%20stale-if-error=999999999
approve /v1/longer
server_set header= listening=0
ask /v1/longer
like "$(field cache-status)" 'ttl=(3600|35[0-9][0-9]);' "stale-if-error never lengthens the window"
has_expired() {
    ask /v1/shortened
    [ "$CODE" != 200 ]
}
wait_for 5 has_expired
refused "stale-if-error=1, a second later"
ask /v1/longer
is "$CODE" 200 "the longer one still serves"
stop_proxy shortened

finish
