#!/bin/bash
# An HTTP proxy that hangs, closes at each byte of its answer, floods, or says what it should not:
# the stage and the words are right, trust serves, and nothing is left behind.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server --set keep_alive=0
start_script p
proxy=http://127.0.0.1:$PEER_PORT
named="egress proxy $proxy \\(HTTPS_PROXY\\)"
open='send HTTP/1.1 200 Connection established\r\n\r\n'
script p head "$open" "tunnel $SERVER_PORT"
start_by "HTTPS_PROXY=$proxy" run connect-timeout=1s tls-timeout=1s checkin-interval=1h
fetch /v1/license -d a
is "$CODE" 200 "an approval"
approved=$SERIAL
is "$(head -n 2 "$work/p.says")" "connection
CONNECT localhost:$SERVER_PORT HTTP/1.1" "it was asked for a tunnel to the license server's name"
before=$(descriptors)

# passes WHAT: a request gets through.
passes() {
    fetch "/v1/passes/$tests"
    is "$CODE" 200 "$1: a tunnel like any other"
}

# ---- answers in pieces, and with more than is needed

script p head 'drip HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n' "tunnel $SERVER_PORT"
passes "a byte at a time"
script p head 'send HTTP/1.0 200\r\n\r\n' "tunnel $SERVER_PORT"
passes "no reason phrase"
script p head 'send HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n' "tunnel $SERVER_PORT"
passes "another 2xx"
script p head 'send HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n' \
    "tunnel $SERVER_PORT"
passes "fields about a body, which mean nothing"
script p head 'repeat 16 HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n' "$open" "tunnel $SERVER_PORT"
passes "sixteen interim answers"

# ---- refusals

refused() {
    script p head "send HTTP/1.1 $1\\r\\nContent-Length: 0\\r\\n\\r\\n"
    fetch "/v1/other/$tests"
    like "$BODY" "$2" "status $1: the answer says why"
    details_tell proxy "$2" "status $1"
}
target="localhost port $SERVER_PORT"
refused "407 Authenticate" "$named asks for a user and a password \\(407 Authenticate\\)"
refused "403 Policy says no" "$named forbids a tunnel to $target \\(403 Policy says no\\)"
refused "404 Not Found" "$named finds no such host"
refused "405 Method" "$named takes no CONNECT"
refused "500 Oops" "$named opens no tunnel to $target: it answered 500 Oops"
refused "502 Bad Gateway" "$named got no connection to $target \\(502 Bad Gateway\\)"
refused "503 Unavailable" "$named got no connection to $target \\(503 Unavailable\\)"
refused "504 Timeout" "$named got no connection in time to $target \\(504 Timeout\\)"
refused "302 Elsewhere" "$named opens no tunnel to $target: it answered 302 Elsewhere"
refused "101 Switching" "$named opens no tunnel to $target: it answered 101 Switching"

# ---- silence, each for a second

script p hang
is_told proxy "$named gave no answer in time" "silent from the first"
script p head 'send HTTP/1.1 200 Conn' hang
is_told proxy "$named gave no answer in time" "silent in its answer"
script p head 'repeat 3 HTTP/1.1 100 Continue\r\n\r\n' hang
is_told proxy "$named gave no answer in time" "silent after interim answers"
script p head "$open" hang
is_told tls "localhost:$SERVER_PORT: no TLS handshake in time" "silent in the tunnel"

# ---- ends

script p reset
# Which may come before the connection has been looked at.
is_told proxy "($named closed the connection|connecting to .* failed: Connection reset by peer)" \
    "reset on accepting"
script p head reset
is_told proxy "$named closed the connection" "reset after the request"
text="HTTP/1.1 200 OK"
pieces=()
for ((i = 0; i < ${#text}; i++)); do
    pieces+=("${text:i:1}")
done
pieces+=("\\r" "\\n" "\\r" "\\n")
part=
for piece in "${pieces[@]}"; do
    script p head "send $part"
    fetch "/v1/cut/$tests"
    like "$CODE $BODY" "^504 .*$named closed the connection" "closed after '$part'"
    part+=$piece
done
details_tell proxy "closed the connection" "closed in its answer"
script p head "send $part"
is_told tls "localhost:$SERVER_PORT: the peer closed the connection during the TLS handsh" \
    "closed when the tunnel was open"

# ---- more than there should be

script p head 'send HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n' hang
is_told tls "localhost:$SERVER_PORT: the peer does not speak TLS here" "words behind its answer"
script p head 'send HTTP/1.1 200 OK\r\n\r\n\x15\x03\x03\x00\x02\x02\x28' hang
is_told tls "localhost:$SERVER_PORT: .*alert handshake_failure" "an alert behind its answer"
script p head 'send HTTP/1.1 200 OK\r\n\r\n' 'repeat 20000 \x16\x03\x03\x40\x00\x02\x00' hang
is_told tls "localhost:$SERVER_PORT: " "140 kB behind its answer"
script p head 'send HTTP/1.1 200 OK\r\n' \
    'repeat 1000 X-Filler: 0123456789012345678901234567890123456789012345678\r\n' hang
is_told proxy "$named does not answer as an HTTP proxy does" "64 kB of header"
script p head 'repeat 70000 x' hang
is_told proxy "$named does not answer as an HTTP proxy does" "64 kB of one line"
script p head 'repeat 1000 HTTP/1.1 102 Processing\r\n\r\n' hang
is_told proxy "$named sends interim answers \\(102\\) without end" "interim answers"
script p 'send HTTP/1.1 200 OK\r\n\r\n' head "tunnel $SERVER_PORT"
fetch "/v1/early/$tests"
is "$CODE" 200 "an answer before it was asked: taken"

# ---- garbage

script p head 'send \x00\x01\x02\xff\xfe\r\n\r\n' hang
is_told proxy "$named does not answer as an HTTP proxy does" "zeros"
script p head 'send \x15\x03\x01\x00\x02\x02\x46' hang
is_told proxy "$named .*it seems to speak TLS" "a TLS alert"
script p head 'send SSH-2.0-OpenSSH_9.2\r\n' hang
is_told proxy "$named does not answer as an HTTP proxy does" "SSH"
script p head 'send HTTP/1.1 200 OK\nX: y\n\n' hang
is_told proxy "$named does not answer as an HTTP proxy does" "bare line feeds"
script p head 'send HTTP/1.1 403 \x1b[31mred\x07\xe9\r\nContent-Length: 0\r\n\r\n'
is_told proxy "$named does not answer as an HTTP proxy does" "control characters in its words"
unlike "$(cat "$LOG")" $'[\x01-\x08\x1b\x07]' "they are not in the log"

# ---- afterwards

script p head "$open" "tunnel $SERVER_PORT"
fetch /v1/license -d b
is "$CODE" 200 "a proxy that works again: a request goes through"
settled
left_none_behind "$before"

finish
