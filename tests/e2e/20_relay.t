#!/bin/bash
# What is relayed and how: requests and answers as they come out at the other side, connections and
# their reuse, framings.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
start_proxy p base-url=/

# ---- the request, as it arrives

fetch '/v1/one?q=%20a&b=' -H 'Authorization: Token t' -H 'X-Custom: Wert ' -H 'Accept: text/x' \
    -H 'User-Agent: service/1' -H 'Content-Type: application/x' -H 'Connection: X-Named, close' \
    -H 'X-Named: n' -H 'Keep-Alive: 5' -H 'TE: trailers' -H 'Upgrade: h2c' \
    -H 'Proxy-Authorization: Basic eA==' -H 'Proxy-Connection: close' -H 'Via: 1.0 before' \
    -H 'Range: bytes=0-3' -H 'If-None-Match: "x"' -H 'Host: proxy.local' --data-binary 'a body'
is "$CODE" 200 "a licensing request is answered"
saw=$(server_saw /v1/one)
like "$saw" '^POST /v1/one\?q=%20a&b= HTTP/1\.1$' "method and target arrive as they were"
like "$saw" "^Host: localhost:$SERVER_PORT\$" "Host is the license server's"
is "$(grep -ci '^host:' <<<"$saw")" 1 "once"
for field in 'Authorization: Token t' 'X-Custom: Wert' 'Accept: text/x' 'User-Agent: service/1' \
    'Content-Type: application/x' 'Content-Length: 6' 'Via: 1.0 before'; do
    is "$(grep -cx "$field" <<<"$saw")" 1 "forwarded: $field"
done
like "$saw" '^a body$' "the body, too"
like "$saw" '^Via: 1\.1 license-proxy-[0-9a-f]{8}$' "Via is added"
for field in Connection X-Named Keep-Alive TE Upgrade Proxy-Authorization Proxy-Connection \
    Range If-None-Match Transfer-Encoding; do
    unlike "$saw" "^$field:" "not forwarded: $field"
done

for method in GET PUT PATCH DELETE OPTIONS BREW; do
    fetch "/v1/method/$method" -X "$method"
    is "$CODE" 200 "$method is relayed"
    like "$(server_saw "/v1/method/$method")" "^$method /v1/method/$method HTTP" "as $method"
done
fetch /v1/head -I
is "$CODE" 200 "HEAD is relayed"
like "$(field content-length)" '^[0-9]+$' "with the Content-Length of its GET"
head=$(raw 'HEAD /v1/head HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
is "${head: -1}" $'\r' "and no body"
fetch /v1/trace -X TRACE
is "$CODE $(server_count seen /v1/trace)" "405 0" "TRACE is not relayed"
fetch "//evil.example/v1/x"
unlike "$(server_saw //evil)" '^Host: evil' "a target that looks like another host goes to the license server"
like "$(raw "GET https://any.example/v1/absolute?x HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n")" \
    '^HTTP/1.1 200 ' "a target in absolute form"
like "$(server_saw /v1/absolute)" '^GET /v1/absolute\?x HTTP/1\.1$' "is forwarded in origin form"

# ---- request bodies

head -c 262144 /dev/zero | tr '\0' x >"$work/largest"
fetch /v1/chunked -H 'Transfer-Encoding: chunked' --data-binary "@$work/largest"
is "$CODE" 200 "a chunked request of 256 KiB"
saw=$(server_saw /v1/chunked)
like "$saw" '^Content-Length: 262144$' "is forwarded with its length"
like "$BODY" '"body_size":262144,' "whole"
fetch /v1/continue -H 'Expect: 100-continue' --data-binary "@$work/largest" --expect100-timeout 15
is "$CODE" 200 "Expect: 100-continue"
like "$HEAD" '^HTTP/1.1 100 ' "is answered with 100"
unlike "$(server_saw /v1/continue)" '^Expect:' "by the proxy itself"
fetch /v1/empty -X POST -H 'Content-Length: 0'
like "$(server_saw /v1/empty)" '^Content-Length: 0$' "an empty POST stays one with a length"

# ---- the answer, as it arrives

server_set header=X-Answer:%20yes header=Connection:%20X-Hop header=X-Hop:%20h \
    header=Keep-Alive:%20timeout=5 header=Set-Cookie:%20a=1 header=Set-Cookie:%20b=2 \
    header=Proxy-Authenticate:%20x header=Via:%201.1%20origin header=Age:%203
fetch /v1/answer
is "$(field x-answer)" yes "fields of the answer are passed on"
is "$(field set-cookie)" "a=1
b=2" "repeated ones in their order"
is "$(field content-type)" application/json "its type, too"
is "$(field age)" 3 "and its Age"
for field in connection x-hop keep-alive proxy-authenticate; do
    is "$(field $field)" "" "not passed on: $field"
done
like "$(field via)" '^1\.1 license-proxy-[0-9a-f]{8}$' "Via is added"
like "$(field via)" '^1\.1 origin$' "to what was there"
server_reset
server_set status=204
fetch /v1/none
is "$CODE $(field content-length)$(field transfer-encoding)" "204 " "204 has no body and no framing"
server_set status=304
fetch /v1/304
is "$CODE" 304 "304 is passed on"
server_set status=302 header=Location:%20https://elsewhere.example/
fetch /v1/302
is "$CODE $(field location)" "302 https://elsewhere.example/" "a redirection is passed on, not followed"
server_reset

for framing in length chunked close http10; do
    server_set framing=$framing
    fetch "/v1/framing/$framing"
    like "$CODE $BODY" "^200 .*\"/v1/framing/$framing\"" "an answer with framing $framing"
    is "$(field content-length) $(field transfer-encoding)" "$(wc -c <"$work/body") " "is passed on with its length"
done
server_reset
server_set interims=3 interim=103
fetch /v1/interim
is "$CODE $(grep -c '^HTTP/' <<<"$HEAD")" "200 1" "interim responses are skipped"
server_set interim=100
fetch /v1/interim
is "$CODE" 200 "100 as well"
server_reset
server_set dribble=2
fetch /v1/dribble
like "$CODE $BODY" '^200 .*"/v1/dribble"' "an answer byte by byte"
server_reset

# ---- the services' connections

like "$(raw 'GET /v1/old HTTP/1.0\r\n\r\n')" '^HTTP/1.1 200 ' "HTTP/1.0 is answered"
two=$(raw 'GET /v1/p/1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /v1/p/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /v1/p/3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
is "$(grep -o '/v1/p/[123]' <<<"$two" | tr '\n' ' ')" "/v1/p/1 /v1/p/2 /v1/p/3 " "pipelined requests are answered in order"
is "$(grep -c '^HTTP/1.1 200 ' <<<"$two")" 3 "each of them"
is "$(curl -sk -o /dev/null -o /dev/null -w '%{num_connects} ' "$URL/v1/k/1" "$URL/v1/k/2")" "1 0 " \
    "a service's connection is kept for the next request"

# ---- connections to the license server

connections=$(server_count connections)
for i in 1 2 3 4 5; do fetch "/v1/reuse/$i"; done
is "$(server_count connections)" "$connections" "connections to the license server are reused"
server_set keep_alive=0
fetch /v1/reuse/6
fetch /v1/reuse/7
is "$(server_count connections)" $((connections + 1)) "unless it closes them"
server_reset

# A kept connection that the server closes as the next request comes: sent again, once, unnoticed.
fetch /v1/kept
for how in close reset fin; do
    server_set fault=$how at=reused times=1
    fetch "/v1/retry/$how" -d 'body'
    is "$CODE $(field cache-status)" "200 license-proxy; fwd=miss; stored" "a kept connection that died ($how): sent again"
    is "$(server_count seen "/v1/retry/$how")" 2 "on a fresh one"
done
server_set fault=reset at=head times=1
fetch /v1/noretry -d 'body'
is "$CODE $(server_count seen /v1/noretry)" "502 1" "once a byte of the answer came, it isn't sent again"
server_reset
server_set fault=close at=request drop=1
fetch /v1/fresh-closed -d 'body'
is "$(server_count seen /v1/fresh-closed)" 1 "nor if the connection was a fresh one"
recover
is "$(details circuit_open)" false "and the proxy is well after it all"

# Bytes behind a complete answer: the connection isn't used again. There is but the one.
server_set drop=1
fetch /v1/alone
server_set odd=extra
fetch /v1/extra
is "$CODE" 200 "an answer with bytes behind it"
server_reset
connections=$(server_count connections)
fetch /v1/after-extra
like "$CODE $BODY" '^200 .*/v1/after-extra' "the next request gets its own answer"
is "$(server_count connections)" $((connections + 1)) "on another connection"

# ---- loops (rule 12) and what isn't under base_url

[[ $(field via) =~ license-proxy-[0-9a-f]+ ]]
me=${BASH_REMATCH[0]}
fetch /v1/loop -H "Via: 1.1 other, 1.1 $me"
is "$CODE $(server_count seen /v1/loop)" "508 0" "a request that came round is 508"
fetch /v1/loop2 -H "Via: 1.1 $me-more"
is "$CODE" 200 "another proxy's Via is none of ours"
stop_proxy p

start_proxy based base-url=/license/ server-url="$SERVER/prefix/"
fetch /license/v1/x
is "$CODE" 200 "a request under base_url"
like "$(server_saw /prefix)" '^GET /prefix/v1/x HTTP' "goes to server_url's path, without base_url"
fetch /v1/x
is "$CODE" 404 "one outside is 404"
fetch /licenses/v1/x
is "$CODE" 404 "also when it begins the same"
for path in /license/../v1/x /license/%2e%2e/x /license/a/%2E./%2e%2e/x; do
    fetch "$path"
    is "$CODE" 400 "$path does not climb out"
done
stop_proxy based

# Proxies chain: one is the other's license server.
make_cert chain ca DNS:localhost
start_proxy inner tls-cert="$work/chain.crt" tls-key="$work/chain.key"
inner_port=$PORT
start_proxy outer server-url="https://localhost:$inner_port"
fetch /v1/chained -d x
is "$CODE" 200 "a proxy behind a proxy"
is "$(grep -c '^Via: 1.1 license-proxy-' <<<"$(server_saw /v1/chained)")" 2 "both in Via"
stop_proxy outer
finish
