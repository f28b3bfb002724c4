#!/bin/bash
# Proxy behind proxy, trusted by CA file or by pinned key; and proxies that lead back to themselves.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

# pin_of FILE: as the manual pages of curl and openssl say.
pin_of() {
    openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform der |
        openssl dgst -sha256 -binary
}

# take NAME FILE: what a TLS server on a port shows.
take() {
    openssl s_client -connect "127.0.0.1:$1" </dev/null 2>/dev/null | openssl x509 >"$2"
}

start_server server
make_cert inner ca DNS:localhost
make_cert other ca DNS:localhost rsa

# ---- by CA file

start_proxy second tls-cert="$work/inner.crt" tls-key="$work/inner.key" trust-window=1h
second_port=$PORT second_pid=$PID
start_proxy first server-url="https://localhost:$second_port" trust-window=2h
fetch /v1/license -d a
is "$CODE" 200 "by CA file: a request goes through both"
like "$(server_saw /v1/license)" \
    '^Via: 1.1 license-proxy-[0-9a-f]+, ?1.1 license-proxy-[0-9a-f]+$|^Via: 1.1 license-proxy' \
    "the license server sees who passed it on"
is "$(server_saw /v1/license | grep -io 'license-proxy-[0-9a-f]*' | sort -u | wc -l)" 2 \
    "which are two different ones"
is "$(field via | grep -io 'license-proxy-[0-9a-f]*' | sort -u | wc -l)" 2 "and so does the client"
approved=$SERIAL
server_set listening=0
fetch /v1/license -d a
is "$CODE $SERIAL" "200 $approved" "without the license server: the answer comes from trust"
like "$(field age)" '^[0-9]+$' "and tells its age"
fetch /v1/other -d a
is "$CODE" 504 "another request: none"
kill -STOP "$second_pid"
fetch /v1/license -d a
is "$CODE $SERIAL" "200 $approved" "without the second proxy: the first one's trust serves"
kill -CONT "$second_pid"
server_set listening=1
stop_proxy first

# ---- by pinned key: the second one makes its own certificate

stop_proxy second
mkdir "$work/state"
start_proxy selfmade state-dir="$work/state"
second_port=$PORT
take "$second_port" "$work/selfmade.crt"
base64=$(pin_of "$work/selfmade.crt" | base64)
hex=$(pin_of "$work/selfmade.crt" | od -An -v -tx1 | tr -d ' \n')
says=$("$LICENSE_PROXY" cert --state-dir "$work/state")
like "$says" "pin_sha256 = \\[\"${base64//+/[+]}\"\\]" \
    "'cert' prints the pin for those who come behind"
openssl x509 -outform der <<<"$says" | cmp -s - <(openssl x509 -outform der -in \
    "$work/selfmade.crt")
ok $? "and the certificate itself"
wrong=$(pin_of "$work/inner.crt" | base64)
url=https://localhost:$second_port

starts_not NONE=x w1 "another key" tls \
    "localhost:$second_port: .*public key that is not the pinned one" \
    ca-file= server-url="$url" pin-sha256="$wrong"
starts_not NONE=x w2 "no pin, and no authority known" tls \
    "localhost:$second_port: .*from no trusted authority" server-url="$url"
starts_not NONE=x w3 "the right key, and a CA file with another authority" tls \
    "localhost:$second_port: .*from no trusted authority" server-url="$url" pin-sha256="$base64"
starts_not NONE=x w4 "the right authority and another key" tls \
    "public key that is not the pinned one" pin-sha256="$wrong"
n=0
for pin in "$base64" "sha256//$base64" "$hex" "${hex^^}" "$wrong,$base64"; do
    n=$((n + 1))
    start_proxy "pinned$n" ca-file= server-url="$url" pin-sha256="$pin"
    fetch "/v1/pinned/$tests"
    is "$CODE" 200 "by pin $pin: a request goes through both"
    stop_proxy "pinned$n"
done
start_proxy pinned ca-file= server-url="https://127.0.0.1:$second_port" pin-sha256="$base64"
stop_proxy pinned
right=$(pin_of "$work/server.crt" | base64)
start_proxy both pin-sha256="$right"
stop_proxy both
judge_refusals

# What the license server's other keys are: RSA, an expired certificate, another name.
stop_server
start_server other
start_proxy rsa ca-file= pin-sha256="$(pin_of "$work/other.crt" | base64)"
stop_proxy rsa
stop_server
make_cert old ca DNS:elsewhere.example ec 20200101000000Z 20210101000000Z
start_server old
start_proxy old ca-file= pin-sha256="$(pin_of "$work/old.crt" | base64)"
stop_proxy old
stop_server

# ---- in a circle: the way to the license server is turned round while running

start_server server --set keep_alive=0
start_script turn
script turn "tunnel $SERVER_PORT"
start_proxy self tls-cert="$work/inner.crt" tls-key="$work/inner.key" checkin-interval=1h \
    server-url="https://localhost:$PEER_PORT"
fetch /v1/license -d a
approved=$SERIAL
script turn "tunnel $PORT"
fetch /v1/round -d a
is "$CODE" 508 "a request that comes back is refused"
like "$BODY" '"error":"loop_detected","message":"[^"]*server_url leads here' "in words"
fetch /v1/license -d a
is "$CODE $SERIAL" "200 $approved" "what was approved before is served from trust"
like "$(field cache-status)" 'fwd-status=508|detail=' "and marked so"
details_tell status "localhost:$PEER_PORT: .*508" "a circle"
self_port=$PORT self_url=$URL

script turn "tunnel $SERVER_PORT"
fetch /v1/back -d a
is "$CODE" 200 "turned back: a request goes through"
start_proxy round tls-cert="$work/inner.crt" tls-key="$work/inner.key" checkin-interval=1h \
    server-url="https://localhost:$self_port"
script turn "tunnel $PORT"
fetch /v1/round2 -d a
is "$CODE" 508 "a circle of two: refused"
fetch_url "$self_url/v1/round2" -d a
is "$CODE" 508 "from wherever it is entered"
script turn "tunnel $SERVER_PORT"

finish
