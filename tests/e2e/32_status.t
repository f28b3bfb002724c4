#!/bin/bash
# The status port, row by row (the state itself is in 24_state.t): paths, methods, and that nothing
# on it changes anything or reveals a secret.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
start_proxy p license-key=the-proxys-key trust-window=1h
fetch '/v1/secret-target?token=in-the-query' -H 'Authorization: Token of-the-client' -d 'secret-body'

fetch_url "$STATUS/livez"
is "$CODE $BODY" "200 ok" "/livez"
fetch_url "$STATUS/readyz"
is "$CODE $BODY" "200 Connected" "/readyz"
fetch_url "$STATUS/v1/status?x=1"
is "$CODE $(field content-type)" "200 application/json" "/v1/status, with a query or without"
is "$(field cache-control)" no-store "is not to be cached"
fetch_url "$STATUS/v1/details"
is "$CODE $(field content-type)" "200 application/json" "/v1/details"
for member in '"version":"[^"]+"' '"uptime_s":[0-9]+' '"state":"Connected","state_since":"20[0-9T:.-]+Z"' '"trust_window_s":3600' \
    '"circuit_open":false' '"draining":false' '"upstreams":\[\{"server":"localhost:[0-9]+","failing":false,' \
    '"last_error":null' '"cache":\{"entries":1,"bytes":[0-9]+' '"trust_left_s":3[56][0-9][0-9]' \
    '"certificate":\{"not_before":"20[0-9-]+T' '"self_made":true' '"license_key_refused":false' \
    '"last_status":200' '"served_from_trust":0' '"handshakes":[0-9]+'; do
    like "$BODY" "$member" "/v1/details has $member"
done
server_set listening=0
fetch /v1/down
fetch_url "$STATUS/v1/details"
like "$BODY" '"last_error":\{"stage":"connect","message":"[^"]*refused[^"]*","at":"20' \
    "/v1/details tells the last error, its stage and time"
for path in /v1/status /v1/details /v1/certificates /livez /readyz /nothing /; do
    fetch_url "$STATUS$path"
    unlike "$BODY$HEAD" 'the-proxys-key|of-the-client|secret-target|in-the-query|secret-body' \
        "$path reveals no key, credential, target or body"
done
recover

for path in /nothing /v1 /v1/status/ /V1/STATUS; do
    fetch_url "$STATUS$path"
    is "$CODE" 404 "$path isn't there"
done
for path in / /v1/status /v1/details /v1/certificates /livez /readyz; do
    fetch_url "$STATUS$path" -I
    like "$CODE $(field content-length)" '^200 [0-9]+$' "HEAD $path"
    for method in POST PUT DELETE OPTIONS PATCH; do
        fetch_url "$STATUS$path" -X "$method"
        is "$CODE $(field allow)" "405 GET, HEAD" "$method $path: 405 with Allow"
    done
done
fetch_url "$STATUS/v1/status" -d 'a body'
like "$CODE" '^4(05|13)$' "a body is refused"
is "$(curl -s -o /dev/null -o /dev/null -w '%{num_connects} ' "$STATUS/livez" "$STATUS/readyz")" "1 0 " \
    "connections are kept"
fetch_url "https://127.0.0.1:$STATUS_PORT/livez"
is "$CODE" 000 "it speaks no TLS"
fetch_url "$URL/v1/status"
is "$CODE" 200 "the licensing port knows nothing of these paths: /v1/status there is a licensing request"
like "$BODY" '^\{"serial":' "which the license server answers"
at_least "$(server_count seen /v1/status)" 1 "it was relayed"
finish
