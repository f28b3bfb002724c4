#!/bin/bash
# SIGHUP: certificate, key, roots, license key file and log level are read again; a bad reload keeps
# the old ones and says so. Nobody's connection or trust is lost.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

make_ca ca
make_ca newca rsa
make_cert old ca DNS:localhost
make_cert new ca DNS:localhost rsa
start_server server
cat "$work/ca.crt" >"$work/roots.pem"
cp "$work/old.crt" "$work/tls.crt"
cp "$work/old.key" "$work/tls.key"
echo first-license-key >"$work/license.key"
cat >"$work/proxy.toml" <<END
[server]
host = "127.0.0.1"
port = 0
status_port = 0
[license]
server_url = "$SERVER"
key_file = "$work/license.key"
[tls]
cert = "$work/tls.crt"
key = "$work/tls.key"
[upstream]
ca_file = "$work/roots.pem"
[checkin]
path = "/check"
[trust]
window = "1h"
[log]
level = "info"
END
launch p "$LICENSE_PROXY" serve "$work/proxy.toml"
find_ports || bail "the proxy doesn't serve"
programs="p:$PID"

# shown: the fingerprint of the certificate on the licensing port.
shown() {
    openssl s_client -connect "127.0.0.1:$PORT" </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint -sha256
}

print_of() {
    openssl x509 -in "$work/$1.crt" -noout -fingerprint -sha256
}

# reload ERE: SIGHUP, and the log's next line about it, which must match.
reloads=0
reload() {
    reloads=$((reloads + 1))
    kill -HUP "$PID"
    wait_for 10 has_reloaded
    like "$(grep -E 'msg="?reload' "$LOG" | tail -n 1)" "$1" "$2"
}

has_reloaded() {
    [ "$(grep -cE 'msg="?reload' "$LOG")" -ge "$reloads" ]
}

is "$(shown)" "$(print_of old)" "the certificate of the start"
fetch /v1/kept
kept=$SERIAL

# ---- certificate and key
cp "$work/new.crt" "$work/tls.crt"
cp "$work/new.key" "$work/tls.key"
is "$(shown)" "$(print_of old)" "a new file alone changes nothing"
reload 'level=info msg="reloaded' "SIGHUP reloads and says so"
is "$(shown)" "$(print_of new)" "a new certificate and key (RSA) serve new connections"
fetch /v1/after
is "$CODE" 200 "and requests are relayed"

# A connection from before goes on.
rm -f "$work/step"
{
    printf 'GET /v1/before HTTP/1.1\r\nHost: a\r\n\r\n'
    wait_for 20 test -f "$work/step"
    printf 'GET /v1/behind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    wait_for 20 test -f "$work/over"
} | openssl s_client -quiet -connect "127.0.0.1:$PORT" >"$work/long" 2>/dev/null &
client=$!
wait_for 10 grep -q /v1/before "$work/long"
cp "$work/old.crt" "$work/tls.crt"
cp "$work/old.key" "$work/tls.key"
reload 'level=info msg="reloaded' "reloaded again"
: >"$work/step"
wait_for 10 grep -q /v1/behind "$work/long"
ok $? "a connection from before the reload goes on"
: >"$work/over"
wait "$client"

# ---- bad reloads
echo garbage >"$work/tls.crt"
reload 'level=error msg="reload failed.*old configuration.*tls\.crt' "a bad certificate: the old goes on, and why"
is "$(shown)" "$(print_of old)" "the old certificate serves on"
cp "$work/new.crt" "$work/tls.crt"
reload 'level=error .*tls\.(crt|key)' "a certificate whose key is another's"
is "$(shown)" "$(print_of old)" "the old certificate serves on"
cp "$work/old.crt" "$work/tls.crt"
rm "$work/roots.pem"
reload 'level=error .*roots\.pem' "roots that have gone"
cp "$work/ca.crt" "$work/roots.pem"
cp "$work/proxy.toml" "$work/good.toml"
echo 'nonsense' >>"$work/proxy.toml"
reload 'level=error .*proxy\.toml:' "a configuration that isn't one any more"
cp "$work/good.toml" "$work/proxy.toml"
mv "$work/license.key" "$work/license.away"
reload 'level=error .*license\.key' "a license key file that has gone"
mv "$work/license.away" "$work/license.key"
fetch /v1/after-all
is "$CODE $(state)" "200 Connected" "the proxy is well after all of them"

# ---- the license key file
seen_key() {
    server_saw /check | grep -q "^Authorization: Token $1\$"
}
seen_key first-license-key
ok $? "the license key of the start"
echo second-license-key >"$work/license.key"
reload 'level=info msg="reloaded' "a new license key"
wait_for 10 seen_key second-license-key
ok $? "the next check-in, at once, carries it"

# ---- the log level
unlike "$(<"$LOG")" 'level=debug' "log level info: no debug lines"
sed -i 's/level = "info"/level = "debug"/' "$work/proxy.toml"
reload 'level=info msg="reloaded' "a new log level"
fetch /v1/debug
wait_for 5 logged 'level=debug msg="?relay"?.*path=/v1/debug'
ok $? "log level debug: relays are logged"

# ---- the roots
port=$SERVER_PORT
stop_server
make_cert newserver newca DNS:localhost
start_server newserver --port "$port" --set serial=5000
fetch /v1/kept
is "$CODE $SERIAL" "200 $kept" "a server of an unknown authority isn't trusted: the kept answer serves"
cp "$work/newca.crt" "$work/roots.pem"
reload 'level=info msg="reloaded' "new roots"
settled
fetch /v1/kept
like "$CODE $SERIAL" '^200 50' "and the server is trusted"
unlike "$(<"$LOG")" '(first|second)-license-key' "no license key is in the log"
finish
