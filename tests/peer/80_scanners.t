#!/bin/bash
# sslscan finds nothing on the licensing port but what is wanted, whether the certificate is the
# proxy's own (P-256) or given (RSA-2048): TLS 1.2 alone, no renegotiation, no compression, the six
# suites with ECDHE and AEAD in the order of the proxy, SHA-2 signatures. What it tells is compared
# whole, so that anything more is a failure. testssl.sh takes minutes, and has "make scan". 12 s, all
# of it waiting: the scanner asks for a renegotiation and gets none.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
make_cert rsa ca DNS:localhost,IP:127.0.0.1 rsa
start_proxy own state-dir="$work/state"
own=$PORT
start_proxy given tls-cert="$work/rsa.crt" tls-key="$work/rsa.key"
given=$PORT

# scan NAME PORT
scan() {
    timeout 60 sslscan --no-colour --show-sigs --xml="$work/$1.xml" "127.0.0.1:$2" >"$work/$1.text" 2>&1 &
    started="$started $!"
    scanners="$scanners $!"
}

# facts NAME: what the scanner found, without what depends on the moment.
facts() {
    sed -n '/<protocol/,/<certificates>/p' "$work/$1.xml" | sed '/certificates>/d; s/^ *//'
}

# wanted KEY SIGNATURES
wanted() {
    local version bits=128 status=preferred suite
    echo '<protocol type="ssl" version="2" enabled="0" />'
    echo '<protocol type="ssl" version="3" enabled="0" />'
    for version in 1.0=0 1.1=0 1.2=1 1.3=0; do
        echo "<protocol type=\"tls\" version=\"${version%=*}\" enabled=\"${version#*=}\" />"
    done
    echo '<renegotiation supported="0" secure="0" />'
    echo '<heartbleed sslversion="TLSv1.2" vulnerable="0" />'
    for suite in $2; do
        printf '<cipher status="%s" sslversion="TLSv1.2" bits="%s" cipher="ECDHE-%s" ' \
            $status $bits "$1-${suite%=*}"
        printf 'id="0x%s" strength="strong" curve="25519" ecdhebits="253" />\n' "${suite#*=}"
        bits=256 status=accepted
    done
    for signature in $3; do
        printf '<connection-signature-algorithm sslversion="TLSv1.2" name="%s" id="0x%s" />\n' \
            "${signature%=*}" "${signature#*=}"
    done
}

scanners=
scan own "$own"
scan given "$given"
for scanner in $scanners; do
    ends "$scanner" 70
    is "$CODE" 0 "a scan ends"
done

is "$(facts own)" "$(wanted ECDSA \
    "AES128-GCM-SHA256=C02B CHACHA20-POLY1305=CCA9 AES256-GCM-SHA384=C02C" \
    "ecdsa_secp256r1_sha256=0403 ecdsa_secp384r1_sha384=0503 ecdsa_secp521r1_sha512=0603")" \
    "with its own certificate, nothing is found but what is wanted"
is "$(facts given)" "$(wanted RSA \
    "AES128-GCM-SHA256=C02F CHACHA20-POLY1305=CCA8 AES256-GCM-SHA384=C030" \
    "rsa_pkcs1_sha256=0401 rsa_pkcs1_sha384=0501 rsa_pkcs1_sha512=0601")" \
    "with one that it was given, neither"
for name in own given; do
    like "$(<"$work/$name.text")" "Server supports TLS Fallback SCSV" "$name: a downgrade by force is refused"
    like "$(<"$work/$name.xml")" "<expired>false" "$name: the certificate is valid now"
    like "$(<"$work/$name.xml")" "ignature-algorithm>ecdsa-with-SHA256" "$name: and signed with SHA-256"
done
like "$(<"$work/own.xml")" '<pk error="false" type="EC" curve_name="prime256v1" bits="128"' "its own key: P-256"
like "$(<"$work/given.xml")" '<pk error="false" type="RSA" bits="2048"' "the given key: RSA-2048"
finish
