#!/bin/bash
# An IP address as server_url: with a CA file when the certificate carries the address, by pin, and
# never otherwise.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

make_ca ca
make_cert good ca IP:127.0.0.1,DNS:localhost
make_cert v6 ca IP:::1
make_cert dns ca DNS:127.0.0.1
make_cert another ca IP:127.0.0.2,IP:127.0.0.10
make_cert mapped ca IP:::ffff:127.0.0.1
make_cert localhost ca DNS:localhost
# Only a common name, of that text.
make_key cn
openssl req -new -key "$work/cn.key" -subj /CN=127.0.0.1 -out "$work/cn.csr"
openssl x509 -req -in "$work/cn.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -days 5 \
    -extfile <(echo basicConstraints=CA:FALSE) -out "$work/cn.crt" 2>/dev/null

start_server good
start_proxy good server-url="https://127.0.0.1:$SERVER_PORT"
fetch /v1/license
is "$CODE" 200 "the certificate carries the address"
like "$(server_saw /v1/license)" "^Host: 127.0.0.1:$SERVER_PORT\$" "Host tells the address"
stop_proxy good
start_proxy name server-url="https://localhost:$SERVER_PORT"
stop_proxy name
stop_server

start_server v6 --listen ::1
start_proxy v6 server-url="https://[::1]:$SERVER_PORT"
fetch /v1/license
is "$CODE" 200 "the certificate carries the IPv6 address"
like "$(server_saw /v1/license)" "^Host: \\[::1\\]:$SERVER_PORT\$" "Host tells it in brackets"
# Through egress proxies: the address is written as each protocol wants it.
start_tinyproxy http
start_by "HTTPS_PROXY=http://127.0.0.1:$PEER_PORT" v6http server-url="https://[::1]:$SERVER_PORT"
fetch /v1/license
is "$CODE" 200 "an IPv6 address by CONNECT"
stop_proxy v6http
start_microsocks socks
start_by "ALL_PROXY=socks5://127.0.0.1:$PEER_PORT" v6socks server-url="https://[::1]:$SERVER_PORT"
fetch /v1/license
is "$CODE" 200 "an IPv6 address by SOCKS5"
stop_proxy v6socks
stop_proxy v6
stop_server

told='does not carry its IP address'
for cert in dns another mapped localhost cn; do
    [ $cert != cn ] || told='has no subjectAltName'
    start_server "$cert"
    starts_not NONE=x "$cert" "a certificate without the address ($cert)" tls \
        "127.0.0.1:$SERVER_PORT: .*$told" \
        server-url="https://127.0.0.1:$SERVER_PORT"
done
starts_not NONE=x neither "neither pin nor CA file" none "" \
    ca-file= server-url="https://127.0.0.1:$SERVER_PORT"
refusals=("${refusals[@]:0:${#refusals[@]}-5}")
neither=$PID neither_log=$LOG
pin=$(openssl x509 -in "$work/cn.crt" -noout -pubkey | openssl pkey -pubin -outform der |
    openssl dgst -sha256 -binary | base64)
starts_not NONE=x both "the right pin, a CA file, and a certificate without the address" tls \
    "127.0.0.1:$SERVER_PORT: .*$told" \
    server-url="https://127.0.0.1:$SERVER_PORT" pin-sha256="$pin"
start_proxy pinned ca-file= server-url="https://127.0.0.1:$SERVER_PORT" pin-sha256="$pin"
fetch /v1/license
is "$CODE" 200 "by pin alone"
stop_proxy pinned
judge_refusals
ends "$neither" 10
is "$CODE" 78 "neither pin nor CA file: exit code 78"
like "$(cat "$neither_log")" 'pin_sha256' "and says what to set"

finish
