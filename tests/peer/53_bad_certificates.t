#!/bin/bash
# Certificates that are refused although a trusted authority signed them: openssl's server shows
# each in a handshake, the proxy tells why, stays in an outage, and sends the fitting alert. And
# chains as public authorities make them, with RSA 4096, are taken.
# Runs once.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

# sign NAME ISSUER EXTENSION…: NAME.crt for NAME.key, an extension a line; DIGEST, sha256 unless set.
sign() {
    local name=$1 issuer=$2
    shift 2
    printf '%s\n' "$@" >"$work/$name.ext"
    openssl req -new -key "$work/$name.key" -subj "/CN=$name" -out "$work/$name.csr"
    openssl x509 -req -in "$work/$name.csr" -CA "$work/$issuer.crt" -CAkey "$work/$issuer.key" \
        -days 5 "-${DIGEST:-sha256}" -extfile "$work/$name.ext" -out "$work/$name.crt" \
        2>"$work/openssl" || bail "no certificate $name: $(cat "$work/openssl")"
}

# leaf NAME ISSUER EXTENSION…: a server's, except for what is said last.
leaf() {
    local name=$1 issuer=$2
    shift 2
    [ -f "$work/$name.key" ] || make_key "$name"
    sign "$name" "$issuer" basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
        extendedKeyUsage=serverAuth subjectAltName=DNS:localhost "$@"
    cp "$work/$issuer.crt" "$work/$name.chain"
}

# authority NAME ISSUER EXTENSION…
authority() {
    local name=$1 issuer=$2
    shift 2
    make_key "$name"
    sign "$name" "$issuer" basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign,cRLSign \
        "$@"
}

# showing NAME: openssl's server with that chain. PEER_PID, SERVER.
showing() {
    free_port
    start_peer "$1" "$FREE_PORT" openssl s_server -accept "127.0.0.1:$FREE_PORT" -tls1_2 -www \
        -cert "$work/$1.crt" -key "$work/$1.key" -cert_chain "$work/$1.chain" \
        -cipher DEFAULT@SECLEVEL=0
    SERVER=https://localhost:$FREE_PORT
}

make_ca ca
authority clients ca extendedKeyUsage=clientAuth
authority elsewhere ca 'nameConstraints=permitted;DNS:other.example'
authority weak ca
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$work/short.key"

leaf purpose ca extendedKeyUsage=clientAuth
leaf issuer clients
leaf constraint elsewhere
leaf names ca subjectAltName=email:a@b.example
leaf short ca
leaf critical ca 1.2.3.4=critical,ASN1:NULL
DIGEST=sha1 leaf sha1 ca
make_key none
sign none ca basicConstraints=critical,CA:FALSE
cp "$work/ca.crt" "$work/none.chain"

# What is shown, the words, and the alert as openssl calls it.
cases=(
    purpose "server's certificate is for other purposes" 'unsupported certificate'
    issuer "certificate 2 of the server's chain is of an authority for other purposes" \
    'unsupported certificate'
    constraint "certificate 2 of the server's chain is of an authority not permitted" \
    'bad certificate'
    names "server's certificate is for another name" 'bad certificate'
    none "server's certificate has no subjectAltName" 'bad certificate'
    short "server's certificate has a key that is too weak" 'unsupported certificate'
    critical "server's certificate has a critical extension" 'unsupported certificate'
    sha1 "server's certificate is signed with a hash weaker than SHA-256" 'bad certificate'
)
for ((i = 0; i < ${#cases[@]}; i += 3)); do
    showing "${cases[i]}"
    starts_not NONE=x "proxy-${cases[i]}" "${cases[i]}" tls "${cases[i + 1]}" server-url="$SERVER"
done
judge_refusals
for ((i = 0; i < ${#cases[@]}; i += 3)); do
    like "$(cat "$work/${cases[i]}.says")" "alert ${cases[i + 2]}" \
        "${cases[i]}: openssl's server was told by its alert"
done

# A proxy that runs stays in an outage, serves what is trusted, and comes back.
make_cert server ca DNS:localhost
start_server server --set keep_alive=0
start_script way
script way "tunnel $SERVER_PORT"
SERVER=https://localhost:$PEER_PORT
start_proxy running checkin-interval=1h
fetch /v1/license -d a
approved=$SERIAL
good=$SERVER_PORT
showing purpose
script way "tunnel $FREE_PORT"
is_told tls "certificate is for other purposes \\(extKeyUsage\\)" "a certificate changed for a bad one"
is_state TrustBased
ok $? "the state is TrustBased"
script way "tunnel $good"
recover
fetch /v1/again -d a
is "$CODE" 200 "with the good one again all is well"
stop_proxy running

# As a public authority makes them: RSA 4096 above RSA 2048 above P-256, everything in it.
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out "$work/root.key"
openssl req -x509 -new -key "$work/root.key" -subj "/O=Public/CN=Root X1" -days 30 \
    -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/root.crt"
make_key r11 rsa
sign r11 root basicConstraints=critical,CA:TRUE,pathlen:0 \
    keyUsage=critical,digitalSignature,keyCertSign,cRLSign extendedKeyUsage=clientAuth,serverAuth \
    certificatePolicies=2.23.140.1.2.1 crlDistributionPoints=URI:http://x1.example/ \
    authorityInfoAccess='caIssuers;URI:http://x1.example/' subjectKeyIdentifier=hash \
    authorityKeyIdentifier=keyid 'nameConstraints=critical,excluded;DNS:mil,permitted;DNS:localhost'
leaf public r11 extendedKeyUsage=serverAuth,clientAuth certificatePolicies=2.23.140.1.2.1 \
    authorityInfoAccess='OCSP;URI:http://x1.example/' 1.3.6.1.4.1.11129.2.4.2=ASN1:OCTETSTRING:x \
    subjectAltName="$(printf 'DNS:a%s.localhost,' {1..50})DNS:localhost" \
    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid
# And the root, cross-signed by an old one with SHA-1 and RSA 1024 that nobody trusts.
openssl req -x509 -new -key "$work/short.key" -sha1 -subj /CN=Old -days 30 -out "$work/short.crt"
openssl x509 -req -in <(openssl req -new -key "$work/root.key" -subj "/O=Public/CN=Root X1") \
    -CA "$work/short.crt" -CAkey "$work/short.key" -sha1 -days 30 \
    -extfile <(printf 'basicConstraints=critical,CA:TRUE\n') -out "$work/cross.crt" 2>/dev/null
cat "$work/r11.crt" "$work/cross.crt" "$work/short.crt" >"$work/public.chain"
showing public
start_proxy public ca-file="$work/root.crt"
fetch /v1/public
is "$CODE" 200 "a public authority's chain, with its root cross-signed by an old one, is taken"
stop_proxy public

finish
