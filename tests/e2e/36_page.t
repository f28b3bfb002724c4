#!/bin/bash
# The status port's page for people, as curl sees it: fields, methods, and that its policy allows
# exactly the style sheet and the script in it. (Browsers look at it in tests/peer/71_page.t.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# between FROM TO: the page's bytes between two tags, from which a policy's hash is made.
between() {
    perl -0777 -ne 'print $1 if m{\Q'"$1"'\E(.*?)\Q'"$2"'\E}s' "$work/body"
}

sha256() {
    openssl dgst -sha256 -binary | base64
}

start_server server
make_cert mine ca DNS:proxy.example ec 20200101000000Z 99991231235959Z
start_proxy p license-key=the-proxys-key trust-window=1h tls-cert="$work/mine.crt" \
    tls-key="$work/mine.key"
fetch '/v1/secret-target?token=in-the-query' -H 'Authorization: Token of-the-client' -d 'secret-body'

fetch_url "$STATUS/"
is "$CODE $(field content-type)" "200 text/html; charset=utf-8" "/"
is "$(field cache-control) $(field x-content-type-options) $(field referrer-policy)" \
    "no-store nosniff no-referrer" "isn't kept, guessed at, or told of"
is "$(field content-security-policy)" "default-src 'none'; style-src 'sha256-$(between '<style>' '</style>' |
    sha256)'; script-src 'sha256-$(between '<script>' '</script>' |
    sha256)'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" \
    "the policy allows the page's own style sheet and script by their hashes, and nothing else"
is "$(grep -o '<style>' "$work/body" | wc -l) $(grep -o '<script' "$work/body" | wc -l)" "1 1" "one of each"
unlike "$BODY" ' (style|on[a-z]+)=|(src|href)="?(https?:|//)' "no inline style or handler, nothing from elsewhere"
like "$BODY" '<h1 id=head>Connected: the license server answers</h1>' "it tells the state"
like "${BODY//<wbr>/}" "$(openssl x509 -in "$work/mine.crt" -noout -fingerprint -sha256 | sed 's/.*=//')" \
    "and the certificate's fingerprint, as openssl does"
like "$BODY" 'until<dd>9999-12-31 23:59:59 UTC' "and its end, however late"
is "$(details not_after)" 9999-12-31T23:59:59.000000000Z "as do the details"
length=$(field content-length)
at_most "$length" 16384 "it is small (bytes)"
fetch_url "$STATUS/" -I
is "$CODE $(field content-type)" "200 text/html; charset=utf-8" "HEAD /"
at_least "$(field content-length)" 4000 "has the page's length"
like "$(field content-security-policy)" "^default-src 'none'" "and policy"
fetch_url "$STATUS/?x=1"
is "$CODE" 200 "a query changes nothing"
for method in POST PUT DELETE OPTIONS; do
    fetch_url "$STATUS/" -X "$method"
    is "$CODE $(field allow)" "405 GET, HEAD" "$method /: 405 with Allow"
done

server_set listening=0
fetch /v1/down
fetch_url "$STATUS/"
like "$BODY" '<h1 id=head>Services keep running for 59 min [0-9]+ s without the license server' "in an outage"
like "$BODY" 'Stage connect:</b> localhost:[0-9]+: .*refused.*<p>A firewall may be in the way' \
    "it tells why, and what to do"
unlike "$BODY$HEAD" 'the-proxys-key|of-the-client|secret-target|in-the-query|secret-body' \
    "it reveals no key, credential, target or body"
finish
