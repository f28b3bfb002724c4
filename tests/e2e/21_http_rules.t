#!/bin/bash
# The licensing port's strictness, over TLS with raw bytes: what is malformed or ambiguous is refused
# with the fitting status, and never reaches the license server.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
start_proxy p

# refuses STATUS WHAT BYTES (printf escapes)
refuses() {
    answer=$(raw "$3")
    answer=${answer//$'\r'/}
    like "$answer" "^HTTP/1\\.1 $1 " "$2: $1"
    matches "$answer" '^Connection: close$' && matches "$answer" '^\{"error":"[a-z_]+","message":".+","state":"Connected"\}$'
    ok $? "$2: says why and closes" || note "$answer"
}

# accepts WHAT BYTES
accepts() {
    like "$(raw "$2")" '^HTTP/1\.1 200 ' "$1: accepted"
}

get='GET /bad HTTP/1.1\r\nHost: a\r\n'
post='POST /bad HTTP/1.1\r\nHost: a\r\n'

refuses 400 "Content-Length and Transfer-Encoding" "${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
refuses 400 "two lengths that differ" "${post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"
refuses 400 "two lengths alike" "${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"
refuses 400 "a list of lengths" "${post}Content-Length: 3, 3\r\n\r\nabc"
refuses 400 "a signed length" "${post}Content-Length: +3\r\n\r\nabc"
refuses 400 "a hexadecimal length" "${post}Content-Length: 0x3\r\n\r\nabc"
refuses 501 "an unknown coding" "${post}Transfer-Encoding: gzip\r\n\r\nabc"
refuses 501 "a coding before chunked" "${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
refuses 501 "chunked twice" "${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
refuses 400 "Transfer-Encoding in HTTP/1.0" "POST /bad HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
refuses 400 "a bare LF after the request line" "GET /bad HTTP/1.1\nHost: a\r\n\r\n"
refuses 400 "a bare LF after a field" "GET /bad HTTP/1.1\r\nHost: a\n\r\n"
refuses 400 "a bare CR in a field" "${get}X: a\rb\r\n\r\n"
refuses 400 "a NUL in a field" "${get}X: a\\0b\r\n\r\n"
refuses 400 "a folded field" "${get}X: a\r\n b\r\n\r\n"
refuses 400 "a space before the colon" "${get}X : a\r\n\r\n"
refuses 400 "a field without a colon" "${get}X\r\n\r\n"
refuses 400 "an empty field name" "${get}: a\r\n\r\n"
refuses 400 "no Host" "GET /bad HTTP/1.1\r\n\r\n"
refuses 400 "two Hosts" "${get}Host: a\r\n\r\n"
refuses 400 "a Host that is none" "GET /bad HTTP/1.1\r\nHost: a b\r\n\r\n"
refuses 400 "two spaces in the request line" "GET  /bad HTTP/1.1\r\nHost: a\r\n\r\n"
refuses 400 "no version" "GET /bad\r\nHost: a\r\n\r\n"
refuses 505 "HTTP/2.0" "GET /bad HTTP/2.0\r\nHost: a\r\n\r\n"
refuses 400 "a method that is no token" "G@T /bad HTTP/1.1\r\nHost: a\r\n\r\n"
refuses 400 "a target with a fragment" "GET /bad#x HTTP/1.1\r\nHost: a\r\n\r\n"
refuses 400 "a bad chunk size" "${post}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"
refuses 400 "a chunk longer than it says" "${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"
refuses 400 "a chunk ended by LF" "${post}Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"
refuses 417 "an expectation that is unknown" "${post}Expect: a-miracle\r\nContent-Length: 0\r\n\r\n"
refuses 413 "a declared body over 256 KiB" "${post}Content-Length: 262145\r\n\r\n"
refuses 413 "a declared body far over it" "${post}Content-Length: 99999999999999999999\r\n\r\n"

long=$(printf '%09000d' 0)
refuses 414 "a target over 8 KiB" "GET /bad/$long HTTP/1.1\r\nHost: a\r\n\r\n"
refuses 431 "a head over 16 KiB" "${get}X: $long\r\nY: $long\r\n\r\n"
many=$(printf 'X: %s\\r\\n' {1..120})
refuses 431 "more than 100 fields" "$get$many\r\n"
head -c 262145 /dev/zero >"$work/over"
fetch /bad -H 'Transfer-Encoding: chunked' --data-binary "@$work/over"
is "$CODE" 413 "a chunked body over 256 KiB: 413"
fetch /bad -X CONNECT
is "$CODE" 405 "CONNECT: 405" || note "$BODY"

is "$(server_count seen /bad)" 0 "none of them reached the license server"
unlike "$(server_saw)" 'bad' "nor anything of them"

accepts "an empty line before the request" "\r\nGET /good/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
accepts "a chunk extension and a trailer" "POST /good/2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n"
unlike "$(server_saw /good/2)" '^T: u' "the trailer isn't passed on"
accepts "an IPv6 Host" "GET /good/3 HTTP/1.1\r\nHost: [::1]:8443\r\nConnection: close\r\n\r\n"

# A smuggled second request is refused with the first, not answered.
answer=$(raw 'POST /good/4 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
is "$(grep -c '^HTTP/' <<<"$answer")" 1 "what follows a refused message isn't looked at"
is "$(server_count seen /smuggled)" 0 "and doesn't reach the license server"

fetch /good/5
is "$CODE" 200 "the proxy is well after it all"
at_least "$(details bad_requests)" 30 "and has counted the bad requests"
finish
