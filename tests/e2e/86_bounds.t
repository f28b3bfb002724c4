#!/bin/bash
# The bounds, as figures: what a silent connection costs, and 15,000 of them; deadlines that hold
# however the bytes dribble; and a good client's service while others hold connections and abort
# handshakes. Most of it is waiting, at one time.
# Runs once.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
hold=$root/tests/e2e/hold.py

# rss: kB of memory that is the process's in RAM; cpu: its processor time, in ms.
rss() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$PID/status"
}
cpu() {
    awk -v hz="$(getconf CLK_TCK)" '{ printf "%d", ($14 + $15) * 1000 / hz }' "/proc/$PID/stat"
}

# said FILE NAME: the words behind the name in a line of the file.
said() {
    sed -n "s/^$2 //p" "$work/$1"
}

# hold_on NAME ARGUMENT...: hold.py beside the test; what it says is in the file NAME, its pid in
# HELD. Its input ends when the test closes HOLDING.
hold_on() {
    local file=$1
    shift
    mkfifo "$work/$file.in"
    "$hold" "$@" <"$work/$file.in" >"$work/$file" 2>"$work/$file.err" &
    HELD=$!
    started="$started $HELD"
    exec {HOLDING}>"$work/$file.in"
}

ulimit -n "$(ulimit -H -n)"
at_least "$(ulimit -n)" 16384 "the test needs open files" || bail "raise the limit of open files"
start_server server
fill=$(printf '%01400d' 0)
for i in 1 2 3 4 5 6 7 8 9 10; do
    server_set "header=X-Fill-$i:%20$fill" only=/v1/large
done

# ---- deadlines: they go on beside all the rest ---------------------------------------------------

start_proxy p log-level=info
dl_pid=$PID dl_url=$URL dl_port=$PORT dl_status=$STATUS dl_status_port=$STATUS_PORT
hold_on deadlines deadlines "$PORT" silence handshake head body chunked read
deadlines=$HELD

# ---- 15,000 silent connections -------------------------------------------------------------------

start_proxy many log-level=info
fetch /v1/first
before=$(rss)
many_status_port=$STATUS_PORT
hold_on silent silent "$PORT" 15000 16
silent=$HELD holding=$HOLDING
wait_for 14 grep -q '^held 15000$' "$work/silent"
are_there() {
    [ "$(details connections)" -ge 15000 ]
}
wait_for 2 are_there
is "$(details connections)" 15000 "15,000 silent connections are held" || note "$(<"$work/silent.err")"
at_most $((($(rss) - before) * 1024 / 15000)) 2047 "bytes of memory for each"
quick=0
times=
for ((i = 0; i < 20; i++)); do
    time=$(curl -sk -m 10 -o /dev/null -w '%{http_code} %{time_total}' "$URL/v1/good")
    times="$times ${time#* }"
    [[ $time != "200 0.0"* ]] || quick=$((quick + 1))
done
at_least "$quick" 19 "of 20 good requests are answered within 100 ms" || note "$times"
are_there
ok $? "and they are still held"
exec {holding}>&-
ends "$silent" 10

# ---- framing -------------------------------------------------------------------------------------

PID=$dl_pid URL=$dl_url PORT=$dl_port STATUS=$dl_status STATUS_PORT=$dl_status_port LOG=$work/p.log
# chunked EXTENSION_BYTES COUNT: a body of so many chunks of one byte, each with an extension.
chunked() {
    perl -e 'print "POST /v1/overhead HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
        print "1", $ARGV[0] ? ";" . "x" x $ARGV[0] : "", "\r\nX\r\n" for 1 .. $ARGV[1];
        print "0\r\n\r\n";' "$1" "$2" |
        timeout 10 openssl s_client -quiet -connect "127.0.0.1:$PORT" 2>/dev/null | tr -d '\r' | head -n 1
}
like "$(chunked 4000 15)" '^HTTP/1\.1 200 ' "60,000 bytes of chunk extensions are passed over"
like "$(chunked 4000 17)" '^HTTP/1\.1 4[0-9][0-9] ' "68,000 are refused"
like "$(chunked 0 9000)" '^HTTP/1\.1 200 ' "9,000 chunks of a byte are taken"
like "$(chunked 0 15000)" '^HTTP/1\.1 4[0-9][0-9] ' "15,000 aren't: their framing is too much"
"$hold" bytes "$PORT" >"$work/bytes"
is "$(grep -c '^same ' "$work/bytes")" 18 "no request is read differently when it comes byte by byte" ||
    note "$(<"$work/bytes")"
is "$(grep -cE '^same .* HTTP/1\.1 (400|501|505) ' "$work/bytes")" 14 "the bad ones among them are refused"

# ---- a siege -------------------------------------------------------------------------------------

hold_on siege siege "$PORT" 65
siege=$HELD
wait_for 60 grep -q '^ready$' "$work/siege" || bail "the siege isn't there: $(<"$work/siege.err")"
from=$(cpu)
"$hold" good "$PORT" "$STATUS_PORT" "$many_status_port" 60 >"$work/good"
used=$(($(cpu) - from))
read -r relays well half most nearly_all <<<"$(said good relays)"
at_least "$relays" 100 "relays beside it"
is "$well" "$relays" "each of them succeeds"
note "relays: $half ms the median, $most ms 95 %, $nearly_all ms 99 %"
read -r lives well half most nearly_all <<<"$(said good livez)"
at_least "$lives" 300 "questions to /livez"
is "$well" "$lives" "each is answered"
read -r lives _ _ _ calm <<<"$(said good calm)"
# What this machine's other work costs meanwhile is the same for a proxy that nobody besieges.
at_most $((nearly_all - calm)) 100 "ms for 99 % of them, beyond what an idle proxy takes here and now"
note "livez: $half ms the median, $most ms 95 %, $nearly_all ms 99 %; an idle proxy's: $calm ms"
note "the proxy's processor time: $used ms in 60 s"
ends "$siege" 30
at_least "$(said siege least)" 2200 "of 2,430 connections that were held, idle and slow, at the least"
at_least "$(said siege aborted)" 3000 "aborted handshakes"
at_most "$(said siege failed)" 20 "that could not connect"

# ---- and how the deadlines went ------------------------------------------------------------------

ends "$deadlines" 60
while read -r name least most code what; do
    read -r taken answer <<<"$(said deadlines "$name")"
    at_least "${taken:-0}" "$least" "$what: not before it (ms)"
    at_most "${taken:-999999}" "$most" "cut off"
    is "$answer" "$code" "what it hears then"
done <<END
silence 14500 18000 none a client that says nothing has 15 s
handshake 14500 18000 none a handshake that dribbles, as well
head 29500 33000 408 a head that dribbles has 30 s from its first byte
body 59500 63000 408 a body that dribbles has 60 s
chunked 59500 63000 408 in chunks, too
read 59500 64000 none an answer that isn't read has 60 s
END
finish
