#!/bin/bash
# The command status: each state in words, its reason, exit codes, colours, --json, --watch on a
# terminal and on a pipe, and answers of somebody who isn't a license-proxy.
# shellcheck source=tests/e2e/lib.sh disable=SC2317
. "$(dirname "$0")/lib.sh"
unset NO_COLOR
export TERM=xterm

# shows CODE [OPTION...]: sets OUT and ERR.
shows() {
    code=$1
    shift
    "$LICENSE_PROXY" status "$@" >"$work/out" 2>"$work/err" </dev/null
    CODE=$?
    OUT=$(<"$work/out")
    ERR=$(<"$work/err")
    is "$CODE" "$code" "exit $code: status $*"
    [[ $* == *--json* ]] || is "$(LC_ALL=C awk 'length >= 80' "$work/out")" "" "it fits 80 columns"
    is "$(LC_ALL=C tr -d ' -~\n' <"$work/out" | od -An -c)" "" "nothing but printable ASCII"
}

# on_terminal COMMAND: what a terminal gets, whose lines end in CR LF, into OUT; escapes as ^[.
on_terminal() {
    OUT=$(script -qec "$1" /dev/null </dev/null | tr -d '\r' | sed 's/\x1b/^[/g')
}

# ---- the states

start_server server
mkdir -m 0700 "$work/state"
start_proxy p license-key=the-key state-dir="$work/state" journal-mode=record trust-window=6d
fetch /one -d body
shows 0 --url "$STATUS"
like "$OUT" '^Connected: the license server answers$' "Connected in words"
like "$OUT" '^State +Connected since 20[0-9-]+ [0-9:]+ UTC, [0-9]+ (s|min.*) ago$' "since when"
like "$OUT" '^Last check-in +20[0-9-]+ [0-9:]+ UTC, [0-9]+ s ago$' "the last check-in"
like "$OUT" '^Trust until +20[0-9-]+ [0-9:]+ UTC, in (6 d|5 d 23 h)$' "how long trust lasts"
like "$OUT" "^License server  localhost:$SERVER_PORT answers, last [0-9]+ s ago\$" "the license server"
like "$OUT" '^License key +not refused$' "the license key"
like "$OUT" '^Stored answers  1, which served 0 requests$' "the cache"
like "$OUT" '^State directory in use$' "the state directory"
like "$OUT" '^Usage journal +record, 0 records, [0-9]+ of [0-9]+ bytes$' "the journal"
like "$OUT" '^Services +[01] connections of [0-9]+, 1 requests$' "connections"
like "$OUT" '^Certificate +renews itself before 20[0-9-]+ [0-9:]+ UTC, in 82[0-9] d' "the certificate"
is "$(grep -A 2 '^Certificate' <<<"$OUT" | tail -n 2 | tr -d ' \n')" \
    "$("$LICENSE_PROXY" cert --state-dir "$work/state" | sed -n 's/^# SHA-256 fingerprint //p')" \
    "and its fingerprint"
like "$OUT" "^Proxy +$STATUS, version $("$LICENSE_PROXY" version | sed -n 's/license-proxy //p'), running for [0-9]+ s\$" \
    "the proxy"
unlike "$OUT" '^Why' "no reason is needed"
LICENSE_PROXY_STATUS_PORT=$STATUS_PORT shows 0
like "$OUT" '^Connected: ' "the default URL is that of probe"

on_terminal "$LICENSE_PROXY status --url $STATUS"
like "$OUT" '^\^\[\[1;32mConnected: the license server answers\^\[\[m$' "green on a terminal"
unlike "$OUT" '\^\[\[1;3[13]m' "and nothing else has a colour"
on_terminal "NO_COLOR=1 $LICENSE_PROXY status --url $STATUS"
like "$OUT" '^Connected: ' "not with NO_COLOR"
unlike "$OUT" '\^\[' "in which there are no escapes"
on_terminal "TERM=dumb $LICENSE_PROXY status --url $STATUS"
like "$OUT" '^Connected: ' "not on a dumb terminal"
unlike "$OUT" '\^\[' "in which there are no escapes"

shows 0 --json --url "$STATUS"
is "${OUT//[0-9]/}" "$(curl -s "$STATUS/v1/details" | tr -d 0-9)" "--json is /v1/details (but for numbers)"

server_set status=403
refused() {
    [ "$(details license_key_refused)" = true ]
}
fetch /ask
start_proxy refused license-key=the-key checkin-interval=1s
wait_for 10 refused
shows 0 --url "$STATUS"
like "$OUT" '^License key +refused \(status 403\): check it' "a refused license key"
on_terminal "$LICENSE_PROXY status --url $STATUS"
like "$OUT" '^\^\[\[1;31mLicense key +refused .*\^\[\[m$|^\^\[\[1;31mLicense key +refused' "is red"
stop_proxy refused

server_reset
make_cert soon ca DNS:localhost ec "$(date -u -d '-1 hour' +%Y%m%d%H%M%SZ)" \
    "$(date -u -d '+3 days' +%Y%m%d%H%M%SZ)"
start_proxy fails license-key=the-key trust-window=3s tls-cert="$work/soon.crt" \
    tls-key="$work/soon.key" checkin-interval=1s
shows 0 --url "$STATUS"
like "$OUT" '^Certificate +renew it: it ends at 20[0-9-]+ [0-9:]+ UTC, in (3 d|2 d 23 h)$' \
    "a certificate that ends soon"
like "$OUT" '^State directory none: trust is lost at a restart$' "no state directory"
unlike "$OUT" '^Usage journal' "no journal"
server_set listening=0
fetch /down
wait_for 20 is_state Failed
shows 1 --url "$STATUS"
like "$OUT" '^Trust has ended: services are refused until the license server answers$' \
    "Failed in words, exit code 1"
like "$OUT" '^Trust until +20[0-9-]+ [0-9:]+ UTC, [0-9]+ s ago$' "when trust ended"
on_terminal "$LICENSE_PROXY status --url $STATUS"
like "$OUT" '^\^\[\[1;31mTrust has ended.*\^\[\[m$' "in red"
stop_proxy fails

# ---- --watch beside a proxy that comes and goes

mkfifo "$work/pipe"
cat "$work/pipe" >"$work/lines" &
started="$started $!"
dead=http://127.0.0.1:$STATUS_PORT
"$LICENSE_PROXY" status --watch --url "$dead" >"$work/pipe" 2>>"$work/watch.log" &
watcher=$!
started="$started $watcher"
# seen ERE [FILE]
seen() {
    grep -Eq -- "$1" "$work/${2:-lines}"
}
wait_for 10 seen "^20[0-9-]+ [0-9:]+ UTC  no answer from $dead: can't connect: Connection refused\$"
ok $? "--watch tells that there is no answer" || note "$(cat "$work/lines")"
server_reset
start_proxy comes license-key=the-key status-port="$STATUS_PORT" trust-window=6d drain-delay=60s
wait_for 20 seen '^20.* UTC  Connected +Connected: the license server answers$'
ok $? "goes on trying, and tells of the proxy that came"
script -qfc "stty rows 5 cols 80; echo \$\$ >$work/terminal.pid; exec $LICENSE_PROXY status --watch --url $dead" \
    "$work/terminal" </dev/null >/dev/null 2>&1 &
terminal=$!
started="$started $terminal"
wait_for 10 seen 'Connected: the license server' terminal
server_set listening=0
fetch /outage
wait_for 20 seen '^20.* UTC  TrustBased +Services keep running for (6 d|5 d 23 h) without' || note "$(cat "$work/lines")"
ok $? "tells of the outage"
shows 0 --url "$STATUS"
like "$OUT" '^Why +stage connect: localhost:[0-9]+: ' "status tells the stage and the error"
like "$OUT" 'Connection *$|refused' "in the words of the error"
is "$(tr -s ' \n' '  ' <<<"$OUT" | grep -c 'let this machine reach that address and port')" 1 \
    "and what to do"
like "$OUT" "^License server  localhost:$SERVER_PORT fails, last answer [0-9]+ (s|min.*) ago\$" \
    "which server fails"
kill -TERM "$PID"
wait_for 20 seen '^20.* UTC  TrustBased +Shutting down: '
ok $? "tells that it shuts down"
shows 1 --url "$STATUS"
like "$OUT" '^Shutting down: ' "exit code 1 while it does"
stop_proxy comes
wait_for 20 eval '[ "$(grep -c "no answer from" "$work/lines")" = 2 ]'
ok $? "and that it is gone"
is "$(wc -l <"$work/lines")" 5 "a line at each change, and no more" || note "$(cat "$work/lines")"
kill -TERM "$watcher"
ends "$watcher" 10
is "$CODE" 0 "told to end, it does: exit code 0"

wait_for 20 seen "No answer from $dead: can't connect: Connection refused; still" terminal
ok $? "on a terminal it tells that the proxy is gone"
terminal_pid=$(<"$work/terminal.pid")
kill -INT "$terminal_pid"
ends "$terminal" 10
is "$CODE" 0 "and ends well by SIGINT"
OUT=$(tr -d '\r' <"$work/terminal" | sed 's/\x1b/^[/g')
like "$OUT" '\^\[\[H\^\[\[1;32mConnected: the license server answers\^\[\[m\^\[\[K$' \
    "drawn from the first line on, each line over the old one"
like "$OUT" '^\^\[\[J' "what was below is cleared"
is "$(awk '/\^\[\[H/ { n = 0 } /\^\[\[K$/ { if (++n > 4) print }' <<<"$OUT")" "" \
    "no more lines than the terminal has"

# ---- no answer, and answers of others

shows 1 --url "$dead"
is "$OUT" "" "no answer: nothing on stdout"
is "$ERR" "license-proxy: no answer from $dead: can't connect: Connection refused" "but on stderr"
shows 1 --json --url "$dead"
is "$OUT$(grep -c "^license-proxy: no answer" <<<"$ERR")" 1 "--json likewise"

# imposter [FILE]: see imposter.py; sets PORT.
imposter() {
    rm -f "$work/port"
    "$(dirname "$0")/imposter.py" "$@" "$work/port" 2>>"$work/imposter.log" &
    started="$started $!"
    wait_for 20 test -f "$work/port" || bail "the imposter doesn't start"
    PORT=$(<"$work/port")
}

printf '{"state":"Connected","state_since":"\033]0;x\007"}' >"$work/raw"
imposter "$work/raw"
shows 1 --url "http://127.0.0.1:$PORT"
like "$ERR" 'status 200, and no state: is this the status port\?' "what isn't JSON is refused"
long=$(head -c 3000 /dev/zero | tr '\0' 'x')
printf '{"state":"Failed","version":"\\u001b[2J\302\233\302\2052J\342\200\256\177\\"\\\\","now":"2026-01-01T00:00:00Z","upstreams":[{"server":"%s","failing":true,"last_error":{"at":"2025-12-31T23:59:00Z","stage":"\\n\\u009b","message":"a\\r\303\251,]} %s"}},7,[[]],{"server":"b]"}],"uptime_s":99999999999999999999,"trust_expiration":"2026-02-30T00:00:00Z","checkin":[],"certificate":{"not_after":"9999-12-31T23:59:59Z"}}' \
    "$long" "$long" >"$work/hostile"
imposter "$work/hostile"
shows 1 --url "http://127.0.0.1:$PORT"
like "$OUT" 'version \\u001b\[2J\?\?2J\?\?"\\,' "escapes are shown, other characters are not"
like "$OUT" '^Why +stage \\n\\u009b: a\\r\?,\]\}$' "in the reason, too"
like "$OUT" '^License server  b\] was not asked yet$' "each license server is shown"
unlike "$OUT" '^$' "no row is empty"
like "$OUT" '^Trust until +never$' "dates that don't exist are no dates"
on_terminal "$LICENSE_PROXY status --json --url http://127.0.0.1:$PORT"
unlike "$OUT" $'[^ -~]|\\^\\[' "a terminal gets no control character by --json either"
like "$OUT" '"version":"\\u001b\[2J\?+2J\?+\\"\\\\"' "but what it can show"
imposter
now_ms
before=$NOW
shows 1 --url "http://127.0.0.1:$PORT" --timeout 1s
like "$ERR" ': no answer in time$' "an answer that never ends is given up"
now_ms
at_most $((NOW - before)) 8000 "at the deadline, in ms"
finish
