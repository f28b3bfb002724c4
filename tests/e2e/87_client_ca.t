#!/bin/bash
# [tls] client_ca: a service must show a certificate of that authority, made for clients; which one
# it is, counts for trust.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# with NAME PATH [CURL_OPTION...]: a request with the certificate NAME.
with() {
    local name=$1
    shift
    fetch "$@" --cert "$work/$name.crt" --key "$work/$name.key"
}

# tells NAME: what openssl's client tells of a handshake with the certificate NAME ("": none).
tells() {
    timeout 10 openssl s_client -tls1_2 -connect "127.0.0.1:$PORT" ${1:+-cert "$work/$1.crt" -key "$work/$1.key"} \
        </dev/null 2>&1
}

# counted REASON: handshakes that failed so.
counted() {
    curl -s -m 5 "$STATUS/metrics" |
        sed -n "s/^license_proxy_tls_handshake_failures_total{side=\"server\",reason=\"$1\"} //p"
}

make_ca clients
make_ca others
make_ca rsaclients rsa
for name in one two; do
    PURPOSE=clientAuth make_cert $name clients DNS:$name.example
done
PURPOSE=clientAuth make_cert rsa clients DNS:rsa.example rsa
PURPOSE=clientAuth make_cert underrsa rsaclients DNS:underrsa.example
PURPOSE=clientAuth make_cert stranger others DNS:one.example
PURPOSE=clientAuth make_cert self self DNS:self.example
PURPOSE=clientAuth make_cert expired clients DNS:one.example ec 20240101000000Z 20240201000000Z
PURPOSE=clientAuth make_cert future clients DNS:one.example ec 20480101000000Z 20490201000000Z
PURPOSE=serverAuth make_cert server-only clients DNS:one.example
PURPOSE=codeSigning make_cert signs clients DNS:one.example

start_server server
start_proxy p tls-client-ca="$work/clients.crt" trust-window=1h

# ---- who is let in -------------------------------------------------------------------------------

for name in one rsa; do
    with $name /v1/$name
    is "$CODE" 200 "a client with a certificate of that authority: $name"
done
like "$(tells one)" '^CN *= *Test clients$' "the authority is named to clients"
before=$(counted certificate_rejected)
fetch /v1/refused
is "$CODE" 000 "without a certificate nobody is served"
like "$(tells '')" 'alert handshake failure' "and told by an alert"
logged 'level=warn msg="TLS handshake with a client failed" client=127\.0\.0\.1 error="no client certificate was given'
ok $? "the log says so"
while read -r name alert words; do
    with "$name" /v1/refused
    is "$CODE" 000 "not served: $name"
    like "$(tells "$name")" "alert .*$alert" "it is told so: $alert"
    logged "error=\"the client's certificate $words"
    ok $? "the log says: $words"
done <<'END'
stranger unknown.ca is from no trusted authority
self unknown.ca is from no trusted authority
underrsa unknown.ca is from no trusted authority
expired certificate.expired has expired
future certificate.expired is not valid yet
server-only unsupported.certificate is for other purposes
signs unsupported.certificate is for other purposes
END
is $(($(counted certificate_rejected) - before)) 16 "each is counted"
is "$(server_count seen /v1/refused)" 0 "nothing of theirs was relayed"
at_most "$(grep -c 'level=warn msg="TLS handshake with a client failed"' "$LOG")" 3 \
    "the log's warnings don't grow with them"
# The certificate of one with the key of another.
fetch /v1/refused --cert "$work/one.crt" --key "$work/two.key"
is "$CODE" 000 "a certificate without its key doesn't do"
curl -s -m 5 "http://127.0.0.1:$PORT/" | grep -q 'use https'
ok $? "plain HTTP gets its hint"

# A session is never taken up again: what counts is shown each time.
timeout 10 openssl s_client -tls1_2 -reconnect -no_ticket -cert "$work/one.crt" -key "$work/one.key" \
    -connect "127.0.0.1:$PORT" </dev/null >"$work/reconnect" 2>&1
is "$(grep -c '^New, TLSv1.2' "$work/reconnect")" 6 "each connection is verified anew"
unlike "$(<"$work/reconnect")" '^Reused' "none resumes a session"

# ---- trust ---------------------------------------------------------------------------------------

with one /v1/trusted
stored=$SERIAL
isnt "$stored" "" "a client's answer is stored"
server_set listening=0
with one /v1/trusted
is "$CODE $SERIAL" "200 $stored" "in an outage it gets it again"
with two /v1/trusted
is "$CODE" 504 "another client, with the same request, doesn't"
recover_with() {
    server_reset
    with one "/recover/$tests"
    settled
}
recover_with
with two /v1/trusted
other=$SERIAL
server_set listening=0
with two /v1/trusted
is "$CODE $SERIAL" "200 $other" "it has its own"
with one /v1/trusted
is "$CODE $SERIAL" "200 $stored" "beside the other's"
recover_with

# ---- reload --------------------------------------------------------------------------------------

cp "$work/clients.crt" "$work/ca-file.crt"
cp "$work/server.crt" "$work/shown.crt"
cp "$work/server.key" "$work/shown.key"
stop_proxy p
start_proxy reload tls-client-ca="$work/ca-file.crt" tls-cert="$work/shown.crt" tls-key="$work/shown.key"
mkfifo "$work/keep"
openssl s_client -quiet -tls1_2 -cert "$work/one.crt" -key "$work/one.key" -connect "127.0.0.1:$PORT" \
    <"$work/keep" >"$work/kept" 2>/dev/null &
kept=$!
started="$started $kept"
exec {to_kept}>"$work/keep"
printf 'GET /v1/kept HTTP/1.1\r\nHost: a\r\n\r\n' >&"$to_kept"
wait_for 10 grep -q '"target":"/v1/kept"' "$work/kept"
ok $? "a connection is open"
cat "$work/others.crt" "$work/rsaclients.crt" >"$work/ca-file.crt"
kill -HUP "$PID"
wait_for 10 logged 'msg="reloaded:'
wait_for 10 has_ended "$kept"
ok $? "SIGHUP, another authority: who was there is cut off"
exec {to_kept}>&-
for name in stranger underrsa; do
    with $name /v1/reloaded
    is "$CODE" 200 "its clients are served: $name"
done
with one /v1/reloaded
is "$CODE" 000 "the old one's no more"
echo rubbish >"$work/ca-file.crt"
kill -HUP "$PID"
wait_for 10 logged 'msg="reload failed:.*ca-file.crt'
ok $? "a file with a fault changes nothing"
with stranger /v1/reloaded
is "$CODE" 200 "who was served is served"
printf '[tls]\nclient_ca = "%s"\n' "$work/ca-file.crt" >"$work/bad.toml"
"$LICENSE_PROXY" check "$work/bad.toml" 2>"$work/err"
is $? 78 "check finds it"
like "$(<"$work/err")" "^$work/bad.toml:2: \[tls\] client_ca: .*ca-file.crt" "and names file, line and key"
finish
