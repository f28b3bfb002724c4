#!/bin/bash
# A SOCKS5 proxy that hangs in each message, closes at each byte, refuses with each code, or says
# what it should not: the stage and the words are right, trust serves, and nothing is left behind.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server --set keep_alive=0
start_script p
proxy=socks5h://127.0.0.1:$PEER_PORT
named="egress proxy $proxy \\(ALL_PROXY\\)"
target="localhost port $SERVER_PORT"
printf -v port '%04x' "$SERVER_PORT"

# What the proxy sends, and what it reads before: greeting, credentials, request for "localhost".
greeting='read 4' choice='send \x05\x02'
credentials='read 13' welcome='send \x01\x00'
request='read 16' opened='send \x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50'
works=("$greeting" "$choice" "$credentials" "$welcome" "$request" "$opened" "tunnel $SERVER_PORT")

script p "${works[@]}"
start_by "ALL_PROXY=socks5h://user:secret@127.0.0.1:$PEER_PORT" run connect-timeout=1s \
    tls-timeout=1s checkin-interval=1h
fetch /v1/license -d a
is "$CODE" 200 "an approval"
approved=$SERIAL
is "$(head -n 4 "$work/p.says")" "connection
05020002
01047573657206736563726574
05010003096c6f63616c686f7374$port" "its messages are as RFC 1928 and 1929 say" ||
    note "(the name goes to the proxy)"
before=$(descriptors)

# passes WHAT
passes() {
    fetch "/v1/passes/$tests"
    is "$CODE" 200 "$1: a tunnel like any other"
}

script p "$greeting" 'drip \x05\x02' "$credentials" 'drip \x01\x00' "$request" \
    'drip \x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50' "tunnel $SERVER_PORT"
passes "a byte at a time"
script p "$greeting" 'send \x05\x00' "$request" "$opened" "tunnel $SERVER_PORT"
passes "no authentication asked for"
script p "$greeting" "$choice" "$credentials" "$welcome" "$request" \
    'send \x05\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x50' \
    "tunnel $SERVER_PORT"
passes "bound to an IPv6 address"
script p "$greeting" "$choice" "$credentials" "$welcome" "$request" \
    'send \x05\x00\x00\x03\x04name\x00\x50' "tunnel $SERVER_PORT"
passes "bound to a name"
script p "$greeting" "$choice" "$credentials" "$welcome" "$request" \
    'send \x05\x00\x00\x03\x00\x00\x50' "tunnel $SERVER_PORT"
passes "bound to an empty name"

# ---- refusals

# refused STEP... TEXT
refused() {
    local what=$1 text=$2
    shift 2
    script p "$@"
    fetch "/v1/other/$tests"
    like "$BODY" "$named $text" "$what: the answer says why"
    details_tell proxy "$text" "$what"
}
refused "no way to authenticate" "takes neither a user and a password nor" \
    "$greeting" 'send \x05\xff'
refused "GSSAPI, which nobody offered" "does not answer as a SOCKS5 proxy does" \
    "$greeting" 'send \x05\x01' hang
refused "a wrong password" "refuses the user or the password \\(status 1\\)" \
    "$greeting" "$choice" "$credentials" 'send \x01\x01'
code=0
for words in "general failure" "not allowed" "network unreachable" "host unreachable" \
    "connection refused" "TTL expired" "command not supported" "address type not supp" "unknown"; do
    code=$((code + 1))
    refused "reply $code" "opens no tunnel to $target: .*$words.* \\(reply $code\\)|$words" \
        "$greeting" "$choice" "$credentials" "$welcome" "$request" \
        "send \\x05\\x0$code\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00"
done
refused "SOCKS4" "does not answer as a SOCKS5 proxy does.*SOCKS4" "$greeting" \
    'send \x00\x5b\x00\x00\x00\x00\x00\x00' hang
refused "HTTP" "does not answer as a SOCKS5 proxy does.*HTTP proxy" "$greeting" \
    'send HTTP/1.1 400 Bad Request\r\n\r\n' hang
refused "TLS" "does not answer as a SOCKS5 proxy does.*speak TLS" "$greeting" \
    'send \x15\x03\x01\x00\x02\x02\x46' hang
refused "garbage for the answer to a password" "does not answer as a SOCKS5 proxy does" \
    "$greeting" "$choice" "$credentials" 'send \x05\x00' hang
refused "garbage for the reply" "does not answer as a SOCKS5 proxy does" \
    "$greeting" "$choice" "$credentials" "$welcome" "$request" 'send HTTP/1.1' hang
refused "an unknown type of address" "does not answer as a SOCKS5 proxy does" \
    "$greeting" "$choice" "$credentials" "$welcome" "$request" 'send \x05\x00\x00\x02\x00\x00' hang

# ---- silence, each for a second

script p hang
is_told proxy "$named gave no answer in time before it chose" "silent from the first"
script p "$greeting" 'send \x05' hang
is_told proxy "$named gave no answer in time before it chose" "silent in its choice"
script p "$greeting" "$choice" hang
is_told proxy "$named gave no answer in time when it was sent user" "silent after the password"
script p "$greeting" "$choice" "$credentials" "$welcome" hang
is_told proxy "$named gave no answer in time when it was asked" "silent after the request"
script p "$greeting" "$choice" "$credentials" "$welcome" "$request" 'send \x05\x00\x00\x01' hang
is_told proxy "$named gave no answer in time when it was asked" "silent in its reply"
script p "$greeting" "$choice" "$credentials" "$welcome" "$request" "$opened" hang
is_told tls "localhost:$SERVER_PORT: no TLS handshake in time" "silent in the tunnel"

# ---- ends, at each byte

# cut WHAT BYTES STEP...: the bytes, one less each time, after the steps.
cut() {
    local what=$1 bytes=$2 part=
    shift 2
    while [ "$part" != "$bytes" ]; do
        script p "$@" "send $part"
        fetch "/v1/cut/$tests"
        like "$CODE $BODY" "^504 .*$named closed the connection" "closed in $what after '$part'"
        part=${bytes:0:${#part}+4}
    done
}
cut "its choice" '\x05\x02' "$greeting"
cut "its answer to the password" '\x01\x00' "$greeting" "$choice" "$credentials"
cut "its reply" '\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50' "$greeting" "$choice" "$credentials" \
    "$welcome" "$request"
cut "a reply with a name" '\x05\x00\x00\x03\x02\x61\x62\x00\x50' "$greeting" "$choice" \
    "$credentials" "$welcome" "$request"
script p reset
# Which may come before the connection has been looked at.
is_told proxy "($named closed the connection|connecting to .* failed: Connection reset by peer)" \
    "reset on accepting"
script p "$greeting" "$choice" "$credentials" reset
is_told proxy "$named closed the connection" "reset after the password"
script p "$greeting" "$choice" "$credentials" "$welcome" "$request" "$opened"
is_told tls "localhost:$SERVER_PORT: the peer closed the connection during the TLS handsh" \
    "closed when the tunnel was open"

# ---- more than there should be, and sooner

script p "$greeting" "$choice" "$credentials" "$welcome" "$request" "$opened" \
    'send \x05\x00\x05\x00\x05\x00' hang
is_told tls "localhost:$SERVER_PORT: the peer does not speak TLS here" "bytes behind its reply"
script p "$greeting" "$choice" "$credentials" "$welcome" "$request" \
    'send \x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50\x15\x03\x03\x00\x02\x02\x28' hang
is_told tls "localhost:$SERVER_PORT: .*alert handshake_failure" "an alert behind its reply"
script p 'repeat 70000 \x05' hang
is_told proxy "$named does not answer as a SOCKS5 proxy does" "64 kB of greeting"
script p "$greeting" 'send \x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50' \
    "$credentials" "$request" "tunnel $SERVER_PORT"
passes "all answers before their questions"

# ---- afterwards

script p "${works[@]}"
fetch /v1/license -d b
is "$CODE" 200 "a proxy that works again: a request goes through"
settled
left_none_behind "$before"
unlike "$(cat "$LOG")" "secret" "the password is not in the log"

finish
