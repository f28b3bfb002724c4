#!/bin/bash
# A certificate towards a license server that requires one: EC and RSA, signed by either kind,
# through an intermediate, to openssl's server; and who shows none, or a stranger's, is told.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

make_ca ca
make_ca clients
make_ca rsaclients rsa
make_ca strangers
make_cert server ca DNS:localhost
make_cert rsaserver ca DNS:localhost rsa
# make_client NAME CA [ec|rsa]
make_client() {
    make_key "$1" "${3:-ec}"
    openssl req -new -key "$work/$1.key" -subj "/CN=$1" -out "$work/$1.csr"
    openssl x509 -req -in "$work/$1.csr" -CA "$work/$2.crt" -CAkey "$work/$2.key" -days 5 \
        -extfile "$work/client.ext" -out "$work/$1.crt" 2>/dev/null || bail "no certificate $1"
}
echo extendedKeyUsage=clientAuth >"$work/client.ext"
make_client ec clients
make_client rsa clients rsa
make_client ecbyrsa rsaclients
make_client rsabyrsa rsaclients rsa
make_client stranger strangers
cat "$work/clients.crt" "$work/rsaclients.crt" >"$work/accepted.crt"

# P-384, and an authority in between.
openssl ecparam -name secp384r1 -genkey -noout -out "$work/p384.key"
openssl req -new -key "$work/p384.key" -subj /CN=p384 -out "$work/p384.csr"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/between.key" 2>/dev/null
openssl req -new -key "$work/between.key" -subj /CN=between -out "$work/between.csr"
printf 'basicConstraints=critical,CA:TRUE\n' >"$work/between.ext"
openssl x509 -req -in "$work/between.csr" -CA "$work/clients.crt" -CAkey "$work/clients.key" \
    -days 5 -extfile "$work/between.ext" -out "$work/between.crt" 2>/dev/null
openssl x509 -req -in "$work/p384.csr" -CA "$work/between.crt" -CAkey "$work/between.key" \
    -days 5 -out "$work/p384.one" 2>/dev/null
cat "$work/p384.one" "$work/between.crt" >"$work/p384.crt"

# verifying NAME CERT: openssl's server, which takes only clients with an accepted certificate.
verifying() {
    free_port
    start_peer "$1" "$FREE_PORT" openssl s_server -accept "127.0.0.1:$FREE_PORT" -tls1_2 -www \
        -cert "$work/$2.crt" -key "$work/$2.key" -CAfile "$work/accepted.crt" -Verify 3 \
        -verify_return_error
    SERVER=https://localhost:$FREE_PORT
}

verifying ecpeer server
ecpeer=$SERVER
verifying rsapeer rsaserver
for client in ec rsa ecbyrsa rsabyrsa p384; do
    start_proxy "$client" server-url="$ecpeer" client-cert="$work/$client.crt" \
        client-key="$work/$client.key"
    fetch "/v1/$client"
    like "$CODE $BODY" '^200 ' "$client: taken by a server with an EC key"
    stop_proxy "$client"
    start_proxy "$client-rsa" server-url="$SERVER" client-cert="$work/$client.crt" \
        client-key="$work/$client.key"
    stop_proxy "$client-rsa"
done

starts_not NONE=x none "no certificate" tls \
    "localhost:[0-9]+: .*(TLS alert handshake_failure|certificate_required)" server-url="$ecpeer"
starts_not NONE=x stranger "a stranger's certificate" tls \
    "localhost:[0-9]+: the peer refused with .* alert (unknown_ca|bad_cert|certificate_unk)" \
    server-url="$ecpeer" client-cert="$work/stranger.crt" client-key="$work/stranger.key"
launch_proxy mismatch client-cert="$work/ec.crt" client-key="$work/rsa.key"
ends "$PID" 10
is "$CODE" 78 "a key that isn't the certificate's: exit code 78"
like "$(cat "$LOG")" "$work/rsa.key" "and the file is named"
launch_proxy half client-cert="$work/ec.crt"
ends "$PID" 10
is "$CODE" 78 "a certificate without a key: exit code 78"
like "$(cat "$LOG")" "certificate without its key" "and what is missing is named"
judge_refusals

# Through an egress proxy, and one that speaks TLS: the certificate is for the license server.
make_cert proxy ca DNS:localhost
start_tinyproxy plain
plain=$PEER_PORT
start_stunnel tls proxy "$plain"
n=0
for way in "http://localhost:$plain" "https://localhost:$PEER_PORT"; do
    n=$((n + 1))
    start_by "HTTPS_PROXY=$way" "through$n" server-url="$ecpeer" client-cert="$work/ec.crt" \
        client-key="$work/ec.key"
    fetch "/v1/through"
    is "$CODE" 200 "through $way"
    stop_proxy "through$n"
done

finish
