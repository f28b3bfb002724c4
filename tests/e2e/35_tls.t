#!/bin/bash
# TLS on the licensing port: certificates of both kinds, TLS 1.2 and nothing else, the self-made
# identity, plain HTTP where it is configured, and the hint where it isn't.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server

# client OPTION...: what openssl's client tells of a handshake.
client() {
    timeout 10 openssl s_client -connect "127.0.0.1:$PORT" "$@" </dev/null 2>&1
}

# ---- the self-made identity

start_proxy self tls-names=proxy.example,other.example
client </dev/null | openssl x509 -out "$work/self.pem" 2>/dev/null
for name in localhost proxy.example other.example license-proxy "$(hostname)"; do
    openssl x509 -in "$work/self.pem" -noout -checkhost "$name" | grep -q 'does match'
    ok $? "the self-made certificate is for $name"
    CODE=$(curl -s -o /dev/null -m 10 -w '%{http_code}' --cacert "$work/self.pem" \
        --connect-to "::127.0.0.1:$PORT" "https://$name/v1/x")
    is "$CODE" 200 "and a client that pins it is content with https://$name"
done
CODE=$(curl -s -o /dev/null -m 10 -w '%{http_code}' --cacert "$work/self.pem" "$URL/v1/x")
is "$CODE" 200 "and with https://127.0.0.1"
CODE=$(curl -s -o /dev/null -m 10 -w '%{http_code}' --cacert "$work/self.pem" \
    --connect-to "::127.0.0.1:$PORT" "https://another.example/v1/x")
is "$CODE" 000 "but not with another name"
logged 'level=warn msg="the certificate is self-made and kept in memory only'
ok $? "the log warns that it is kept in memory only"

# ---- versions and suites

like "$(client -tls1_2)" 'Protocol *: TLSv1\.2' "TLS 1.2"
for version in -tls1_3 -tls1_1 -tls1; do
    unlike "$(client $version -cipher 'ALL:@SECLEVEL=0')" 'Cipher *: (ECDHE|AES|TLS_)' "not ${version#-}"
done
for cipher in ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305; do
    like "$(client -tls1_2 -cipher "$cipher")" "Cipher *: $cipher" "$cipher"
done
for cipher in ECDHE-ECDSA-AES128-SHA ECDHE-ECDSA-AES128-SHA256 ECDH-ECDSA-AES128-GCM-SHA256 NULL; do
    unlike "$(client -tls1_2 -cipher "$cipher:@SECLEVEL=0")" "Cipher *: $cipher" "not $cipher"
done
like "$(client -tls1_2)" 'Compression: NONE' "no compression"
renegotiate() {
    wait_for 1 false # after the handshake
    printf 'R\n'
    wait_for 2 false
}
like "$(renegotiate | timeout 10 openssl s_client -tls1_2 -connect "127.0.0.1:$PORT" 2>&1)" \
    'no renegotiation' "renegotiation is refused"

# ---- resumption

# session FILE: what a client that has a session in FILE tells of a handshake; FILE keeps it after.
session() {
    local known=()
    [ ! -f "$1" ] || known=(-sess_in "$1")
    client -tls1_2 -no_ticket -sess_out "$1.new" "${known[@]}"
    [ ! -f "$1.new" ] || mv "$1.new" "$1"
}
is_counted() {
    curl -s "$STATUS/metrics" | grep -qxF "license_proxy_tls_handshakes_total{side=\"server\",result=\"resumed\"} $1"
}
like "$(session "$work/session")" '^New, TLSv1\.2' "a client's first handshake is a full one"
like "$(session "$work/session")" '^Reused, TLSv1\.2' "its second resumes the session"
wait_for 5 is_counted 1 # the proxy's end of the handshake is the later one
ok $? "which /metrics counts"
for ((i = 0; i < 10; i++)); do
    session "$work/session"
done >"$work/more"
is "$(grep -c '^Reused, TLSv1\.2' "$work/more")" 10 "and so do ten more"
wait_for 5 is_counted 11
ok $? "which all count, though the client ends them at once"
cp "$work/session" "$work/kept"
like "$(session "$work/other")" '^New, TLSv1\.2' "another client's is a full one"

# ---- plain HTTP to it, and noise

answer=$(curl -s -m 10 -i "http://127.0.0.1:$PORT/v1/plain")
like "${answer//$'\r'/}" '^HTTP/1\.1 400 ' "plain HTTP gets 400"
like "$answer" 'this port speaks HTTPS: use https://' "and a hint"
is "$(server_count seen /v1/plain)" 0 "and isn't relayed"
head -c 2000 /dev/urandom >"$work/noise"
(exec 3<>"/dev/tcp/127.0.0.1/$PORT" && cat "$work/noise" >&3 && timeout 5 cat <&3 >/dev/null) 2>/dev/null
(exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
fetch /v1/after-noise
is "$CODE" 200 "noise harms nobody"
unlike "$(<"$LOG")" 'level=(warn|error) .*handshake' "and is no warning: port scanners are common"
stop_proxy self
start_proxy again
like "$(session "$work/kept")" '^New, TLSv1\.2' "a session doesn't outlive the proxy"
stop_proxy again

# ---- PEM files, EC and RSA, with a chain

for kind in ec rsa; do
    make_cert "mine-$kind" ca DNS:proxy.example $kind
    start_proxy "$kind" tls-cert="$work/mine-$kind.crt" tls-key="$work/mine-$kind.key"
    CODE=$(curl -s -o /dev/null -m 10 -w '%{http_code}' --cacert "$work/ca.crt" \
        --connect-to "::127.0.0.1:$PORT" "https://proxy.example/v1/$kind")
    is "$CODE" 200 "a certificate of one's own: $kind"
    like "$(client -tls1_2)" "Cipher *: ECDHE-$([ $kind = rsa ] && echo RSA || echo ECDSA)-" "with a fitting suite"
    session "$work/$kind" >/dev/null
    like "$(session "$work/$kind")" '^Reused' "sessions are resumed"
    kill -HUP "$PID"
    wait_for 5 logged 'msg="?reloaded'
    like "$(session "$work/$kind")" '^New' "... and none that was made before a reload"
    stop_proxy "$kind"
done
cat "$work/mine-ec.crt" "$work/ca.crt" >"$work/chain.crt"
start_proxy chain tls-cert="$work/chain.crt" tls-key="$work/mine-ec.key"
is "$(client -showcerts | grep -c 'BEGIN CERTIFICATE')" 2 "the chain is sent whole"
is "$(details self_made)" false "/v1/details: not self-made"
stop_proxy chain

# ---- RSA and EC license servers

make_cert rsaserver ca DNS:localhost rsa
make_ca rsaca rsa
make_cert ecunderrsa rsaca DNS:localhost ec
stop_server
start_server rsaserver
start_proxy to-rsa
fetch /v1/rsa
is "$CODE" 200 "a license server with an RSA key"
stop_proxy to-rsa
stop_server
start_server ecunderrsa
start_proxy to-rsaca ca-file="$work/rsaca.crt"
fetch /v1/rsaca
is "$CODE" 200 "a license server with an EC key, certified by an RSA authority"
stop_proxy to-rsaca

# ---- [tls] enabled = false

start_proxy plain ca-file="$work/rsaca.crt" tls-enabled=false
like "$(<"$LOG")" 'msg="?serving"?.* scheme=http ' "the log says that it is plain HTTP"
fetch_url "http://127.0.0.1:$PORT/v1/plain"
is "$CODE" 200 "[tls] enabled = false: plain HTTP is relayed"
fetch /v1/tls
is "$CODE" 000 "and TLS isn't spoken"
unlike "$(<"$LOG")" 'level=warn msg="plain HTTP' "no warning on loopback"
stop_proxy plain
start_proxy open ca-file="$work/rsaca.crt" tls-enabled=false host=0.0.0.0
logged 'level=warn msg="plain HTTP on an address that isn.t loopback'
ok $? "a warning on another address"
finish
