#!/bin/bash
# Several license servers (rule 12): tried in order, within one time budget.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server --set serial=1000
# shellcheck disable=SC2034 # used by their names
first=$SERVER first_control=$CONTROL
start_server second --set serial=2000
# shellcheck disable=SC2034
second=$SERVER second_control=$CONTROL

# on WHICH COMMAND...: a server_ function for the first or second one.
on() {
    CONTROL=${1}_control
    CONTROL=${!CONTROL}
    shift
    "$@"
}

start_proxy p server-url="$first,$second" tls-timeout=2s answer-timeout=4s relay-timeout=4s
fetch /v1/a
like "$SERIAL" '^10' "the first server is asked"
is "$(on second server_count requests)" 0 "and the second isn't, while the first answers"

on first server_set listening=0
fetch /v1/b
like "$CODE $SERIAL" '^200 20' "the first gone: the second answers"
is "$(state)" Connected "which is no outage"
like "$(field cache-status)" 'fwd=miss; stored$' "nor a cached answer"
like "$(curl -s "$STATUS/v1/details")" '"upstreams":\[\{"server":"localhost:[0-9]+","failing":true,.*"failing":false' \
    "/v1/details tells which one fails"
is "$(details stage)" connect "and at which stage"

# Which one answered last is remembered; the first one is looked for again now and then.
for i in 1 2 3; do fetch "/v1/c/$i"; done
like "$SERIAL" '^20' "further requests go to the second at once"
on first server_set listening=1
is_first_again() {
    fetch "/v1/d/$((++n))"
    [[ $SERIAL == 10* ]]
}
n=0
wait_for 20 is_first_again
ok $? "once it is back, the first one serves again"
logged 'msg="license server answers again" server=localhost'
ok $? "and the log says so"

on first server_set status=503
fetch /v1/e
like "$CODE $SERIAL" '^200 20' "a 503 from the first: the second answers"
on first server_reset
wait_for 20 is_first_again

# A denial is an answer: nobody else is asked for a better one.
on first server_set status=403
seen=$(on second server_count requests)
fetch /v1/f
is "$CODE $(on second server_count requests)" "403 $seen" "a denial from the first is final"
on first server_reset

# Both gone: the kept answer, at once afterwards.
fetch /v1/g
approved=$SERIAL
on first server_set listening=0
on second server_set listening=0
fetch /v1/g
is "$CODE $SERIAL" "200 $approved" "both gone: served from trust"
is "$(state)" TrustBased "an outage"
on first server_set listening=1
on second server_set listening=1
fetch /v1/h
is "$CODE" 200 "both back"
wait_for 20 is_first_again

# One budget: the first hangs, the second still has its share of relay_timeout.
on first server_set fault=hang drop=1
now_ms
from=$NOW
fetch /v1/i
now_ms
like "$CODE $SERIAL" '^200 20' "the first hangs: the second answers"
at_least $((NOW - from)) 1500 "after the first had its share (ms)"
at_most $((NOW - from)) 3900 "within relay_timeout (ms)"
on second server_set fault=hang drop=1
from=$NOW
fetch /v1/j
now_ms
is "$CODE" 504 "both hang: 504"
at_most $((NOW - from)) 6000 "when relay_timeout is over (ms)"
finish
