#!/bin/bash
# The status port's page in headless Chromium, in each of the four states: on a phone and a desktop,
# light and dark, with script and without; held against axe-core's rules of accessibility; and open
# while the state changes. Screenshots go to build/screenshots.
# Runs once. About 40 s.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
axe=$root/build/fetched/axe/node_modules/axe-core/axe.min.js
[ -f "$axe" ] || bail "axe-core is missing: run tools/setup check"

# browse ARGUMENT...: page.js; each of its findings is a check.
browse() {
    local what
    while read -r result what; do
        [ "$result" = ok ] || what=${what#ok }
        [ "$result" = ok ]
        ok $? "${what:0:600}"
    done < <(timeout -k 5 200 node "$root/tests/peer/browser/page.js" "$axe" \
        "$root/build/screenshots" "$@" 2>"$work/browser.log" || echo "not ok the browser's run ended well")
}

# status_port: sets STATUS of a proxy that doesn't serve yet.
status_port() {
    wait_for 20 logged 'msg="starting"' || bail "no status port"
    STATUS=$(sed -n 's/.* msg="starting" .* status=\([^ ]*\).*/http:\/\/\1/p' "$LOG")
}

start_server hanging --set fault=hang --set at=accept
launch_proxy ready startup-timeout=200s tls-timeout=200s answer-timeout=200s relay-timeout=200s
ready_pid=$PID
status_port
ready=$STATUS

start_server steady
start_proxy connected state-dir="$work/state"
fetch /v1/a
connected=$STATUS

start_server coming
control=$CONTROL
start_proxy trust license-key=k checkin-interval=1s trust-window=1h
trust=$STATUS trust_pid=$PID trust_url=$URL
fetch /v1/a
start_proxy failed checkin-interval=1s trust-window=1s
failed=$STATUS
server_set listening=0
wait_for 20 is_state Failed || bail "the state isn't Failed"
STATUS=$trust
wait_for 20 is_state TrustBased || bail "the state isn't TrustBased"

browse look Ready "$ready/" Connected "$connected/" TrustBased "$trust/" Failed "$failed/"
programs=${programs/trust:$trust_pid/}
# A request without a trusted answer finds the server at once; the check-in might take a minute.
browse watch "$trust/" TrustBased Connected "$trust_pid" "$control/set?listening=1" "$trust_url/v1/b"
kill -TERM "$ready_pid"
finish
