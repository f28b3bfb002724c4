#!/bin/bash
# A license server's name that has IPv6 addresses, or both families: each is tried, and one that
# refuses, can't be reached or never answers costs no relay. In a network of its own, with /etc/hosts of
# its own. 2 s.
# shellcheck source=tests/e2e/lib.sh disable=SC2317
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/e2e/scratch.sh
. "$root/tests/e2e/scratch.sh"

make_ca ca
make_cert server ca DNS:six.example,DNS:both.example,DNS:far.example
cat >"$work/hosts" <<END
127.0.0.1 localhost
::1 six.example
::1 both.example
127.0.0.1 both.example
2001:db8:1::1 far.example
127.0.0.1 far.example
END
mount --bind "$work/hosts" /etc/hosts || bail "no /etc/hosts of our own"
echo 'nameserver 127.0.0.1' >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf || bail "no /etc/resolv.conf of our own"

# relays NAME WHAT: by a proxy of its own, whose license server has that name.
relays() {
    local name=${2//[ ,]/_}
    now_ms
    before=$NOW
    start_proxy "$name" server-url="https://$1:$SERVER_PORT" connect-timeout=10s
    fetch /v1/license
    now_ms
    is "$CODE" 200 "$2"
    at_most $((NOW - before)) 6000 "which needs no deadline to pass, in ms, from the start"
    is "$(details circuit_open)" false "and is no outage"
    stop_proxy "$name"
}

start_server server --listen ::1
relays six.example "a name with an IPv6 address alone"
relays both.example "a name with both, whose server has IPv6"
stop_server

start_server server --listen 127.0.0.1
relays both.example "a name with both, whose IPv6 address refuses"
relays far.example "a name whose IPv6 address has no route"
launch_proxy none server-url="https://six.example:$SERVER_PORT" startup-timeout=2s
ends "$PID" 20
is "$CODE" 69 "a name whose only address refuses is no server"
logged "connecting to \[::1\]:$SERVER_PORT failed: Connection refused"
ok $? "which is told, with the address" || note "$(<"$LOG")"
perl "$root/tests/peer/silent.pl" ::1 "$SERVER_PORT" "$work/silent" 2>"$work/silent.says" &
started="$started $!"
wait_for 10 test -f "$work/silent" || bail "no silent address: $(<"$work/silent.says")"
relays both.example "a name whose IPv6 address never answers"
finish
