#!/bin/bash
# Through microsocks and dante: SOCKS5 with and without user and password, names resolved here
# (socks5) and there (socks5h), and what they refuse.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server

start_microsocks open
open=127.0.0.1:$PEER_PORT
free_port
starts_not "ALL_PROXY=socks5h://$open" r1 "a target that refuses" proxy \
    "socks5h://$open \(ALL_PROXY\) opens no .* to localhost port $FREE_PORT: .*refused \(reply 5\)" \
    "server-url=https://localhost:$FREE_PORT"
starts_not "ALL_PROXY=socks5://$open" r2 "an address that refuses" proxy \
    "socks5://$open \(ALL_PROXY\) opens no .* to 127.0.0.1 port $FREE_PORT: .*refused \(reply 5\)" \
    "server-url=https://localhost:$FREE_PORT"
starts_not "ALL_PROXY=socks5h://$open" r3 "a name that the proxy can't resolve" proxy \
    "socks5h://$open \(ALL_PROXY\) opens no tunnel to license.invalid port 443: .*\(reply [14]\)" \
    server-url=https://license.invalid startup-timeout=8s relay-timeout=7s connect-timeout=6s
starts_not "ALL_PROXY=socks5://$open" r4 "a name that can't be resolved here" dns \
    "license.invalid" server-url=https://license.invalid startup-timeout=3s
starts_not "HTTPS_PROXY=http://$open" r5 "http where SOCKS5 is spoken" proxy \
    "egress proxy http://$open \(HTTPS_PROXY\) (closed the connection|gave no answer|does not ans)"
goes_through "ALL_PROXY=socks5h://$open" p1 "socks5h, no authentication"
goes_through "all_proxy=socks5://$open" p2 "socks5, no authentication"
goes_through "HTTPS_PROXY=socks5h://user:unasked@$open" p3 "a password that nobody asks for"

start_microsocks locked -u user -P right
locked=127.0.0.1:$PEER_PORT
starts_not "ALL_PROXY=socks5h://user:wr0ng@$locked" r6 "a wrong password" proxy \
    "socks5h://$locked \(ALL_PROXY\) refuses the user or the password"
starts_not "ALL_PROXY=socks5://user:wr0ng@$locked" r7 "a wrong password, by address" proxy \
    "socks5://$locked \(ALL_PROXY\) refuses the user or the password"
starts_not "ALL_PROXY=socks5h://$locked" r8 "no password" proxy \
    "socks5h://$locked \(ALL_PROXY\) takes no client without authentication: write USER:PASSWORD@"
goes_through "ALL_PROXY=socks5h://user:right@$locked" p4 "socks5h, user and password"
goes_through "proxy=socks5://us%65r:righ%74@localhost:$PEER_PORT" p5 "socks5, percent-encoded"

start_dante dante "socks pass { from: 0/0 to: 0/0 port = $SERVER_PORT }" \
    "socks block { from: 0/0 to: 0/0 }"
dante=127.0.0.1:$PEER_PORT
starts_not "ALL_PROXY=socks5h://$dante" r9 "a target that dante forbids" proxy \
    "socks5h://$dante \(ALL_PROXY\) opens no tunnel to localhost port $FREE_PORT: not allowed" \
    "server-url=https://localhost:$FREE_PORT"
goes_through "ALL_PROXY=socks5h://$dante" p6 "dante, socks5h"
goes_through "ALL_PROXY=socks5://$dante" p7 "dante, socks5"
judge_refusals wr0ng

# While running, socks5h: the proxy goes away, and so does the target.
start_by "ALL_PROXY=socks5h://$open" run connect-timeout=1s
fetch /v1/license -d a
is "$CODE" 200 "while running: an approval"
approved=$SERIAL
server_set listening=0
is_told proxy "opens no tunnel to localhost port $SERVER_PORT: .*refused \\(reply 5\\)" "no server"
server_set listening=1
fetch "/v1/other/$tests"
is "$CODE" 200 "the server is back: a request goes through again"

finish
