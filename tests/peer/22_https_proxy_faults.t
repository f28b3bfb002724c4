#!/bin/bash
# An https proxy (stunnel before a scripted one) that fails in its TLS handshake, in its answer or
# in the tunnel, and large messages through TLS inside TLS, at any pace.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server --set keep_alive=0
make_cert proxy ca DNS:localhost
start_script p
start_stunnel tls proxy "$PEER_PORT"
tls_pid=$PEER_PID tls_port=$PEER_PORT
proxy=https://localhost:$tls_port
named="egress proxy $proxy( \\(HTTPS_PROXY\\)|:)"
open='send HTTP/1.1 200 Connection established\r\n\r\n'
script p head "$open" "tunnel $SERVER_PORT"
start_by "HTTPS_PROXY=https://user:secret@localhost:$tls_port" run connect-timeout=1s \
    tls-timeout=1s \
    checkin-interval=1h
fetch /v1/license -d a
is "$CODE" 200 "an approval"
approved=$SERIAL
settled
before=$(descriptors)

# ---- large messages, and slow ones

head -c 250000 /dev/zero | tr '\0' a >"$work/large"
fetch /v1/large --data-binary "@$work/large"
is "$CODE" 200 "a request body of 250 kB"
is "$(server_saw /v1/large | tail -n 1 | tr -d '\n' | wc -c)" 250000 "arrives whole" ||
    note "$(server_saw /v1/large | tail -n 1 | head -c 100)"
script p head 'drip HTTP/1.1 200 OK\r\nX: y\r\n\r\n' "tunnel $SERVER_PORT"
server_set dribble=1 only=/v1/dribble
fetch /v1/dribble
is "$CODE" 200 "an answer of the proxy, and one of the server, a byte at a time"
server_set only=
server_set dribble=0
for i in 1 2 3 4 5 6 7 8; do
    curl -sk -o "$work/many.$i" -w '%{http_code}\n' -m 20 --data-binary "@$work/large" \
        "$URL/v1/many/$i" >"$work/code.$i" &
    many="${many:-} $!"
done
# shellcheck disable=SC2086 # a list of pids
wait $many
is "$(cat "$work"/code.* | sort | uniq -c | tr -s ' ')" " 8 200" "eight large ones at one time"

# ---- in its answer

script p hang
is_told proxy "$named gave no answer in time" "silent"
script p head 'send HTTP/1.1 200 Conn' hang
is_told proxy "$named gave no answer in time" "silent in its answer"
text="HTTP/1.1 200 OK"
pieces=()
for ((i = 0; i < ${#text}; i++)); do
    pieces+=("${text:i:1}")
done
pieces+=('\r' '\n' '\r' '\n')
part=
for piece in "${pieces[@]}"; do
    script p head "send $part"
    fetch "/v1/cut/$tests"
    like "$CODE $BODY" "^504 .*$named closed the connection" "closed after '$part'"
    part+=$piece
done
details_tell proxy "$named closed the connection" "closed in its answer"
script p head reset
is_told proxy "$named closed the connection" "reset after the request"
script p head 'send HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n'
is_told proxy "$named refuses the user or the password \\(407 Who; it offers Basic\\)" "status 407"
script p head 'send HTTP/1.1 200 OK\r\n' \
    'repeat 1400 X-Filler: 01234567890123456789012345678901234\r\n' hang
is_told proxy "$named does not answer as an HTTP proxy does" "64 kB of header"
script p head 'repeat 1000 HTTP/1.1 102 Processing\r\n\r\n' hang
is_told proxy "$named sends interim answers \\(102\\) without end" "interim answers"

# ---- in the tunnel

script p head "$open"
is_told tls "localhost:$SERVER_PORT: the peer (closed|ended)" "closed when the tunnel was open"
script p head "$open" hang
is_told tls "localhost:$SERVER_PORT: no TLS handshake in time" "silent in the tunnel"
script p head 'send HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n' hang
is_told tls "localhost:$SERVER_PORT: the peer does not speak TLS here" "words behind its answer"
script p head 'send HTTP/1.1 200 OK\r\n\r\n' 'repeat 20000 \x16\x03\x03\x40\x00\x02\x00' hang
is_told tls "localhost:$SERVER_PORT: " "140 kB behind its answer"

# ---- in its TLS

stop_peer "$tls_pid"
is_told proxy "egress proxy localhost:$tls_port: connecting to .* failed: Connection refused" \
    "no TLS there"
script p head "$open" "tunnel $SERVER_PORT"
start_peer tls "$tls_port" "$peers/usr/bin/stunnel4" "$work/tls/conf"
fetch "/v1/back/$tests"
is "$CODE" 200 "TLS is back: a request goes through"
settled
left_none_behind "$before"
unlike "$(cat "$LOG")" "secret" "the password is not in the log"

# TLS handshakes that fail, each told with the proxy's name. A reset may come before the connection
# has been looked at.
n=0
while IFS="|" read -r answer words; do
    n=$((n + 1))
    start_script "raw$n"
    script "raw$n" "$answer" hang
    starts_not "HTTPS_PROXY=https://localhost:$PEER_PORT" "raw-$n" \
        "a handshake that ends with '$answer'" \
        proxy "egress proxy (https://)?localhost:$PEER_PORT: .*$words" tls-timeout=1s \
        startup-timeout=3s
done <<"END"
hang|no TLS handshake in time
reset|(the peer (reset|closed)|failed: Connection reset by peer)
send \x15\x03\x03\x00\x02\x02\x46|alert protocol_version
send HTTP/1.1 400 Bad Request\r\n\r\n|does not speak TLS here
END
judge_refusals

finish
