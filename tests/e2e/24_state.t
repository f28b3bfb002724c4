#!/bin/bash
# The state (rule 6) as the status port tells it, byte for byte as vendors' services read it, and
# readiness beside it: Ready, Connected, TrustBased, Failed, Connected.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

time='"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z"'

# exact STATE TIME WHAT: what /v1/status says; TIME is a pattern for both times.
exact() {
    fetch_url "$STATUS/v1/status"
    is "$CODE" 200 "$3: always 200"
    like "$BODY" "^\\{\"state\":\"$1\",\"last_successful_checkin\":$2,\"trust_expiration\":$2\\}\$" \
        "$3: the three members, one line, no spaces"
    is "$(wc -c <"$work/body")" "${#BODY}" "$3: and nothing behind it"
}

# probe: what a deployed readiness probe does.
probe() {
    curl -s "$STATUS/v1/status" | grep -q '^{.*"state":"\(Connected\|TrustBased\)".*}$'
}

# ready CODE TEXT WHAT
ready() {
    fetch_url "$STATUS/readyz"
    is "$CODE $BODY" "$1 $2" "$3"
}

# find_status: the status port, before the proxy serves.
find_status() {
    line=$(grep 'msg="starting"' "$LOG") || return 1
    STATUS=http://${line##* status=}
    curl -s "$STATUS/livez"
}

# epoch MEMBER: a time of the last /v1/status, in seconds.
epoch() {
    [[ $BODY =~ \"$1\":\"([^\"]*)\" ]] && date -d "${BASH_REMATCH[1]}" +%s
}

start_server server

# Ready: the first check-in is held, so that the process stays before its first relay's end.
server_set fault=hold
launch_proxy p trust-window=4s startup-timeout=20s answer-timeout=15s relay-timeout=15s
programs="$programs p:$PID"
wait_for 10 find_status || bail "the status port isn't there before the license server answers"
exact Ready null "Ready"
ready 200 Ready "Ready is ready"
! probe
ok $? "the vendors' readiness probe waits for Connected"
! logged 'msg="serving"'
ok $? "the licensing port isn't served before the license server answered"
server_set fault=none
wait_for 15 is_state Connected
find_ports || bail "the proxy doesn't serve"

exact Connected "$time" "Connected"
expires=$(epoch trust_expiration)
is "$((expires - $(epoch last_successful_checkin)))" 4 "trust expires a window after the last check-in"
at_most "$(($(date +%s) - $(epoch last_successful_checkin)))" 5 "which was just now"
ready 200 Connected "Connected is ready"
probe
ok $? "the vendors' readiness probe is satisfied"
fetch /v1/license
later=$(curl -s "$STATUS/v1/status")
[[ $later > $BODY ]]
ok $? "a client's answer moves last_successful_checkin on"

# A denial is an answer: the license server is there.
server_set status=403
fetch /v1/denied
is "$CODE $(state)" "403 Connected" "a denial leaves the state Connected"
server_set status=200

fetch /v1/license
before=$(curl -s "$STATUS/v1/status")
server_set listening=0
fetch /v1/license
is "$CODE" 200 "served from trust"
exact TrustBased "$time" "TrustBased"
is "${BODY#*,}" "${before#*,}" "an outage leaves both times as they were"
ready 200 TrustBased "TrustBased is ready"
probe
ok $? "the vendors' readiness probe is satisfied by TrustBased"

# It turns Failed by itself at the deadline: nothing asks but the status port.
wait_for 15 is_state Failed
now=$(date +%s)
exact Failed "$time" "Failed"
at_least "$now" "$(epoch trust_expiration)" "Failed not before trust_expiration"
at_most "$((now - $(epoch trust_expiration)))" 3 "and not long after it"
ready 503 Failed "Failed isn't ready"
! probe
ok $? "the vendors' readiness probe fails"
fetch_url "$STATUS/livez"
is "$CODE" 200 "but the proxy lives"

server_set listening=1
wait_for 20 is_state Connected
exact Connected "$time" "Connected again"
ready 200 Connected "and ready again"
wait_for 5 logged 'from=Failed to=Connected'
for change in "Ready to=Connected" "Connected to=TrustBased" "TrustBased to=Failed" "Failed to=Connected"; do
    is "$(grep -c "msg=\"state changed\" from=$change" "$LOG")" 1 "the log tells of from=$change, once"
done
finish
