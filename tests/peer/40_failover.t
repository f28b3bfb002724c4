#!/bin/bash
# Several addresses of one name, several license servers behind one egress proxy, an egress proxy
# that goes away, and one whose target does: within one time budget, each told with its stage in
# /v1/details, and in the log once per change.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"
alone

free_port
nobody=$FREE_PORT
start_dns license.test=127.0.0.2,127.0.0.1 slow.test=127.0.0.4,127.0.0.1 \
    none.test=127.0.0.2,127.0.0.3 \
    silent.test=127.0.0.4 egress.test=127.0.0.3,127.0.0.1
make_ca ca
make_cert server ca DNS:localhost,DNS:license.test,DNS:slow.test,DNS:none.test,DNS:silent.test
start_server server --set keep_alive=0 --set serial=1000
port=$SERVER_PORT control=$CONTROL
rm -f "$work/silent"
perl "$root/tests/peer/silent.pl" 127.0.0.4 "$port" "$work/silent" &
started="$started $!"
wait_for 10 test -f "$work/silent" || bail "no silent address"

# took FROM_MS: sets TOOK.
took() {
    now_ms
    TOOK=$((NOW - $1))
}

# timed TARGET: a fetch, and how long it took in TOOK.
timed() {
    now_ms
    local from=$NOW
    fetch "$@"
    took "$from"
}

# upstream N: what the details tell of the Nth license server.
upstream() {
    curl -s -m 5 "$STATUS/v1/details" |
        perl -ne 'my @s = /(\{"server":.*?(?:null|"at":"[^"]*"\})\})/g; print $s['"$1"'-1]'
}

# warnings: how often the log tells of a failed license server where everybody sees it.
warnings() {
    grep -c 'level=warn msg="license server failed"' "$LOG"
}

# ---- several addresses of a name

start_proxy refused server-url="https://license.test:$port"
timed /v1/a
is "$CODE" 200 "the first address refuses: the second is tried"
at_most "$TOOK" 1000 "at once (ms)"
is "$(warnings)" 0 "and that is no failure"
stop_proxy refused

start_proxy slow server-url="https://slow.test:$port"
timed /v1/a
is "$CODE" 200 "the first address is silent: the second is tried beside it"
at_most "$TOOK" 1800 "and not at the deadline (ms)"
stop_proxy slow

launch_proxy none server-url="https://none.test:$port" startup-timeout=1s
ends "$PID" 10
is "$CODE" 69 "no address answers: exit code 69"
like "$(grep 'giving up' "$LOG")" 'stage=connect .*127.0.0.[23]:.* failed: Connection refused' \
    "the log tells an address and why"
launch_proxy silent server-url="https://silent.test:$port" startup-timeout=3s connect-timeout=1s
silent=$PID

# SOCKS5 with addresses that are looked up here: the proxy refuses the first one.
start_microsocks socks
start_by "ALL_PROXY=socks5://127.0.0.1:$PEER_PORT" socks server-url="https://license.test:$port"
fetch /v1/a
is "$CODE" 200 "a SOCKS5 proxy reaches only the second address: that one is used"
is "$(warnings)" 0 "and that is no failure"
stop_proxy socks

# A wrong password is told once, not once per address.
start_script counted
script counted 'read 4' 'send \x05\x02' 'read 9' 'send \x01\x01'
launch_by "ALL_PROXY=socks5://ab:wron@127.0.0.1:$PEER_PORT" wrong startup-timeout=1s \
    server-url="https://license.test:$port"
ends "$PID" 10
is "$CODE" 69 "a wrong password: exit code 69"
is "$(grep -c connection "$work/counted.says")" "$(grep -c 'msg="check-in"' "$LOG")" \
    "the password goes there once in each attempt, not once per address"

# ---- an egress proxy with several addresses, then with a dead target

start_tinyproxy egress
egress=$PEER_PORT
egress_pid=$PEER_PID
start_by "HTTPS_PROXY=http://egress.test:$egress" behind connect-timeout=1s checkin-interval=1h \
    server-url="https://localhost:$nobody,https://localhost:$port" relay-timeout=2s
timed /v1/license -d a
is "$CODE" 200 "the first server is gone, behind an egress proxy: the second answers"
at_most "$TOOK" 1000 "at once (ms)"
approved=$SERIAL
for i in 1 2 3 4 5; do fetch "/v1/more/$i"; done
is "$CODE $(warnings)" "200 1" "the log tells it once, not with every request"
like "$(upstream 1)" \
    "\"failing\":true,.*\"stage\":\"proxy\",\"message\":\"egress proxy .* to localhost port $nobody" \
    "the details tell the first server's stage and error"
like "$(upstream 2)" '"failing":false' "and that the second doesn't fail"

CONTROL=$control
server_set listening=0
timed /v1/license -d a
is "$CODE $SERIAL" "200 $approved" "both gone: trust serves"
at_most "$TOOK" 2500 "within the budget (ms)"
for i in 1 2 3 4 5; do fetch "/v1/none/$i"; done
is "$CODE $(warnings)" "504 2" "the log tells the second once, too"
like "$(upstream 2)" \
    "\"failing\":true,.*\"stage\":\"proxy\",\"message\":\"egress proxy .* to localhost port $port" \
    "the details tell the second server's stage and error"

server_set listening=1
fetch "/v1/back"
is "$CODE" 200 "the second is back"
like "$(grep -c 'license server answers again' "$LOG")" '^1$' "and the log says so"

# ---- the egress proxy itself

stop_peer "$egress_pid"
timed /v1/license -d a
is "$CODE $SERIAL" "200 $approved" "no egress proxy: trust serves"
at_most "$TOOK" 2500 "within the budget (ms)"
# On a busy machine that request may have ended before the second server was tried.
second_fails() {
    fetch /v1/gone/0
    [[ $(upstream 2) == *'"failing":true'* ]]
}
wait_for 10 second_fails
seen=$(warnings)
for i in 1 2 3 4 5; do
    timed "/v1/gone/$i"
    like "$CODE $BODY" \
        '^504 .*egress proxy egress.test:[0-9]+: connecting to .* failed: Conn.* refused' \
        "no egress proxy: another request is told"
    at_most "$TOOK" 2500 "within the budget (ms)"
done
is "$(warnings)" "$seen" "and the log doesn't repeat it"
like "$(upstream 1)" '"stage":"proxy","message":"egress proxy egress.test:' \
    "the first server's error"
like "$(upstream 2)" '"stage":"proxy","message":"egress proxy egress.test:' \
    "the second server's error"
ends "$silent" 10
LOG=$work/silent.log
is "$CODE" 69 "a silent address: exit code 69"
like "$(grep 'giving up' "$LOG")" 'stage=connect .*no connection in time: no answer from any' \
    "the log tells so"
LOG=$work/behind.log

# An egress proxy that hangs costs each server its share, and no more.
start_script hanging
script hanging head 'send HTTP/1.1 200 OK\r\n\r\n' "tunnel $port"
start_by "HTTPS_PROXY=http://127.0.0.1:$PEER_PORT" shares connect-timeout=5s checkin-interval=1h \
    relay-timeout=2s server-url="https://localhost:$port,https://license.test:$port"
script hanging hang
timed /v1/x
like "$CODE $BODY" "^504 .*egress proxy http://127.0.0.1:$PEER_PORT .* gave no answer in time" \
    "a proxy that hangs: 504"
at_least "$TOOK" 1800 "after the budget (ms)"
at_most "$TOOK" 3000 "and not later (ms)"
like "$(upstream 1)$(upstream 2)" '"stage":"proxy".*"stage":"proxy"' \
    "both servers were tried, stage proxy"

finish
