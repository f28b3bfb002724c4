#!/bin/bash
# tools/deploy/haproxy and tools/deploy/blue-green.md, with a real HAProxy: two instances on one state
# directory change places, in an outage too, and not one of the clients' requests fails. Takes half a
# minute.
# Runs once.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"
deploy=$root/tools/deploy
haproxy=$peers/usr/sbin/haproxy

start_server server
free_port && front=$FREE_PORT
free_port && blue=$FREE_PORT
free_port && blue_status=$FREE_PORT
free_port && green=$FREE_PORT
free_port && green_status=$FREE_PORT
free_port && seen=$FREE_PORT
peer_dir haproxy
sed -e "s/bind :8443/bind 127.0.0.1:$front/" -e "s/:8404\$/:$seen/" \
    -e "s/127.0.0.1:18443 port 18080/127.0.0.1:$blue port $blue_status/" \
    -e "s/127.0.0.1:28443 port 28080/127.0.0.1:$green port $green_status/" \
    "$deploy/haproxy/haproxy.cfg" >"$DIR/conf"
says=$(LD_LIBRARY_PATH=$libraries "$haproxy" -c -f "$DIR/conf" 2>&1)
ok $? "haproxy takes the configuration" || note "$says"
unlike "$says" 'WARNING' "and warns of nothing"
start_peer haproxy "$front" "$haproxy" -db -f "$DIR/conf"

# start NAME PORT STATUS_PORT
start() {
    start_proxy "$1" port="$2" status-port="$3" state-dir="$work/state" license-key=k \
        checkin-interval=1s drain-delay=3s
}

# is_up NAME, is_down NAME: what HAProxy's checks say.
is_up() {
    curl -s -m 5 "http://127.0.0.1:$seen/;csv" | grep -q "^license_proxies,$1,.*,UP,"
}
is_down() {
    curl -s -m 5 "http://127.0.0.1:$seen/;csv" | grep -q "^license_proxies,$1,.*,DOWN,"
}

# goes_on WHAT: more requests are answered, all of them well.
goes_on() {
    load_goes_on 12
    ok $? "$1: requests are answered"
    is "$(grep -v '^200 ' "$work/answers")" "" "$1: no request failed"
}

start blue "$blue" "$blue_status"
blue_pid=$PID
start green "$green" "$green_status"
green_pid=$PID
wait_for 10 is_up blue && wait_for 10 is_up green
ok $? "both are up"
for n in 1 2 3; do
    start_load "https://127.0.0.1:$front/v1/service/$n"
done
goes_on "two instances"

# change NAME PID: one ends and comes back.
change() {
    kill -TERM "$2"
    wait_for 10 is_down "$1"
    ok $? "$1 is told to end: HAProxy notices"
    ! has_ended "$2"
    ok $? "while it still serves"
    ends "$2" 20
    is "$CODE" 0 "$1 ends well"
    programs=$(tr ' ' '\n' <<<"$programs" | grep -v "^$1:" | tr '\n' ' ')
    goes_on "without $1"
}
change blue "$blue_pid"
start blue "$blue" "$blue_status"
blue_pid=$PID
wait_for 10 is_up blue
change green "$green_pid"

# ---- an outage: green comes back in it, by the steps of the document, in blue's place

server_set listening=0
trusts() {
    STATUS=http://127.0.0.1:$blue_status
    is_state TrustBased
}
wait_for 15 trusts
ok $? "an outage: blue serves from trust"
goes_on "in the outage"

# The document's blocks, but the first (which is the reader's to edit), as one script.
awk '/^```sh$/ { inside = 1; block++; next } /^```$/ { inside = 0 } inside && block > 1' \
    "$deploy/blue-green.md" >"$work/steps"
is "$(grep -c . "$work/steps")" 11 "the document's steps"
echo "echo \$GREEN_PID >$work/green.pid" >>"$work/steps"
cat >"$work/conf.toml" <<END
[server]
host = "127.0.0.1"
drain_delay = "3s"
[license]
key = "k"
server_url = "$SERVER"
[upstream]
ca_file = "$work/ca.crt"
[checkin]
interval = "1s"
[state]
dir = "$work/state"
END
(
    cd "$work" && GREEN=$LICENSE_PROXY CONFIG=$work/conf.toml PORT=$green \
        STATUS_PORT=$green_status BLUE_PID=$blue_pid bash -e "$work/steps"
) >"$work/steps.out" 2>&1 &
steps=$!
ends "$blue_pid" 60
is "$CODE" 0 "blue ends well"
ends "$steps" 60
is "$CODE" 0 "the steps end well" || note "$(<"$work/steps.out")"
programs=$(tr ' ' '\n' <<<"$programs" | grep -v '^blue:' | tr '\n' ' ')
like "$(<"$work/steps.out")" 'keep running' "the last one shows the state"
goes_on "green alone, in the outage"
STATUS=http://127.0.0.1:$green_status
is "$(state)" TrustBased "from trust"
stop_load
at_least "$(grep -c . "$work/answers")" 60 "requests in all"
is "$(grep -v '^200 ' "$work/answers")" "" "no request failed"
green_pid=$(<"$work/green.pid")
kill -TERM "$green_pid"
wait_for 20 has_ended "$green_pid"
ok $? "green ends when told to"
finish
