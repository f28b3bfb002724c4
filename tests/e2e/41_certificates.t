#!/bin/bash
# What the status port tells of the licensing port's certificate, held against openssl's view of the
# one that services are shown: /v1/certificates, in one vendor's members, and /v1/details.
# shellcheck source=tests/e2e/lib.sh disable=SC2317
. "$(dirname "$0")/lib.sh"

# shown: sets FINGERPRINT, and FROM and UNTIL (seconds since 1970), of the certificate shown now.
shown() {
    openssl s_client -connect "127.0.0.1:$PORT" </dev/null 2>/dev/null |
        openssl x509 -out "$work/shown.crt" 2>/dev/null || bail "no certificate is shown"
    FINGERPRINT=$(openssl x509 -in "$work/shown.crt" -noout -fingerprint -sha256)
    FINGERPRINT=${FINGERPRINT#*=}
    dates=$(openssl x509 -in "$work/shown.crt" -noout -dates)
    FROM=$(date -d "$(sed -n 's/^notBefore=//p' <<<"$dates")" +%s)
    UNTIL=$(date -d "$(sed -n 's/^notAfter=//p' <<<"$dates")" +%s)
}

# at SECONDS [FORMAT]: as the vendor writes it.
at() {
    date -u -d "@$1" "+${2:-%Y-%m-%d %H:%M:%S.0 +00:00:00}"
}

# member NAME
member() {
    local text=${BODY#*"\"$1\":\""}
    echo "${text%%\"*}"
}

# tells SECONDS WHAT: the certificate shown is that of /v1/certificates, supported until SECONDS
# before its end, and that of /v1/details. INSTANCE is its instance.
tells() {
    shown
    fetch_url "$STATUS/v1/certificates"
    is "$CODE $(field content-type)" "200 application/json" "$2: /v1/certificates answers"
    INSTANCE=$(member instance_id)
    is "$BODY" "{\"beginning_of_support\":\"$(at "$FROM")\",\"end_of_support\":\"$(at "$((UNTIL - $1))")\",\"end_of_life\":\"$(at "$UNTIL")\",\"instance_id\":\"$INSTANCE\"}" \
        "$2: the vendor's four members tell of the certificate that services see"
    like "$INSTANCE" '^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' \
        "$2: the instance is a UUID"
    is "$(details sha256_fingerprint)" "$FINGERPRINT" "$2: its fingerprint is in /v1/details"
    is "$(details not_before) $(details not_after)" \
        "$(at "$FROM" %Y-%m-%dT%H:%M:%S.000000000Z) $(at "$UNTIL" %Y-%m-%dT%H:%M:%S.000000000Z)" \
        "$2: and its dates"
}

start_server server
mkdir -m 0700 "$work/state"
start_proxy made state-dir="$work/state"
tells $((30 * 86400)) "self-made"
made=$INSTANCE
is "$("$LICENSE_PROXY" cert --state-dir "$work/state" | sed -n 's/^# SHA-256 fingerprint //p')" \
    "$FINGERPRINT" "the command cert prints that fingerprint"
pin=$("$LICENSE_PROXY" cert --state-dir "$work/state" | sed -n 's/.*pin_sha256 = \["\(.*\)"\]/\1/p' |
    base64 -d | od -An -v -tx1 | tr -d ' \n')
is "${made//-/}" "${pin:0:12}8${pin:13:3}${made:19:1}${pin:17:15}" \
    "the instance is made from the key, as a pin is"
stop_proxy made
start_proxy again state-dir="$work/state"
tells $((30 * 86400)) "after a restart"
is "$INSTANCE" "$made" "the instance stays"

make_cert own ca DNS:localhost
make_cert other ca DNS:localhost rsa 20240131235959Z 20991231235958Z
start_proxy own tls-cert="$work/own.crt" tls-key="$work/own.key"
tells 0 "the operator's own"
first=$INSTANCE
isnt "$first" "$made" "another key is another instance"
cp "$work/other.crt" "$work/own.crt"
cp "$work/other.key" "$work/own.key"
kill -HUP "$PID"
replaced() {
    fetch_url "$STATUS/v1/certificates"
    [ "$(member instance_id)" != "$first" ]
}
wait_for 10 replaced
tells 0 "replaced while it runs, until 2099"

start_proxy plain tls-enabled=false
fetch_url "$STATUS/v1/certificates"
like "$CODE $BODY" '^404 .*no certificate' "plain HTTP has none"
is "$(details certificate)" null "and none in /v1/details"
finish
