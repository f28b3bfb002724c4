#!/bin/bash
# Through squid: by CONNECT, with and without Basic authentication, and as an https proxy. What it
# refuses is told in words, at start and while running.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
make_cert proxy ca DNS:localhost,IP:127.0.0.1
make_cert elsewhere ca DNS:elsewhere.example

start_squid open proxy
plain=127.0.0.1:$PEER_PORT tls=localhost:$TLS_PORT
starts_not "HTTPS_PROXY=http://$tls" r1 "http where https is spoken" proxy \
    "egress proxy http://$tls .* closed the connection when it was asked for a tunnel"
starts_not "HTTPS_PROXY=https://$plain" r2 "https where http is spoken" proxy \
    "egress proxy https://$plain: the peer does not speak TLS here"
free_port
starts_not "HTTPS_PROXY=http://$plain" r3 "a target that refuses" proxy \
    "got no connection to localhost port $FREE_PORT \(503 Service Unavailable\)" \
    "server-url=https://localhost:$FREE_PORT"
starts_not "HTTPS_PROXY=http://$plain" r4 "a target that squid can't resolve" proxy \
    "license.invalid port 8443.* 50[03] " \
    server-url=https://license.invalid:8443 startup-timeout=3s
starts_not "HTTPS_PROXY=http://$plain" r5 "a port that squid forbids" proxy \
    "forbids a tunnel to localhost port 443 \(403 Forbidden\)" server-url=https://localhost
goes_through "HTTPS_PROXY=http://$plain" p1 "HTTPS_PROXY"
goes_through "https_proxy=$plain" p2 "https_proxy without a scheme"
goes_through "ALL_PROXY=http://$plain/" p3 "ALL_PROXY"
goes_through "proxy=http://localhost:$PEER_PORT" p4 "[upstream] proxy"
goes_through "HTTPS_PROXY=https://$tls" p5 "an https proxy"
goes_through "HTTPS_PROXY=https://127.0.0.1:$TLS_PORT" p6 "an https proxy, by address"
pin=$(openssl x509 -in "$work/server.crt" -noout -pubkey | openssl pkey -pubin -outform der |
    openssl dgst -sha256 -binary | base64)
goes_through "HTTPS_PROXY=https://$tls" p9 "an https proxy, and the server's pin" \
    pin-sha256="$pin"
judge_refusals

start_squid locked elsewhere "http_access deny !users"
plain=127.0.0.1:$PEER_PORT tls=localhost:$TLS_PORT
starts_not "HTTPS_PROXY=http://user:wr0ng@$plain" r6 "a wrong password" proxy \
    "egress proxy http://$plain \(HTTPS_PROXY\) refuses the user or the password \(407.*mend them"
starts_not "HTTPS_PROXY=http://$plain" r7 "no password" proxy \
    "egress proxy http://$plain \(HTTPS_PROXY\) asks for a user and a password \(407.*USER:PASS"
starts_not "HTTPS_PROXY=https://$tls" r8 "an https proxy with another's certificate" proxy \
    "egress proxy https://$tls: .* for another name"
starts_not "HTTPS_PROXY=https://127.0.0.1:$TLS_PORT" r9 "an address with another's certificate" \
    proxy "egress proxy https://127.0.0.1:$TLS_PORT: .* does not carry its IP address"
goes_through "HTTPS_PROXY=http://user:right@$plain" p7 "user and password"
goes_through "HTTPS_PROXY=http://us%65r:%72ight@$plain" p8 "user and password, percent-encoded"
judge_refusals wr0ng

# While running: the proxy begins to ask for a password, forbids, goes away, and comes back.
start_squid changing ""
port=$PEER_PORT
start_by "HTTPS_PROXY=http://127.0.0.1:$port" run connect-timeout=1s
fetch /v1/license -d a
is "$CODE" 200 "while running: an approval"
approved=$SERIAL
stop_peer "$PEER_PID"
restart_squid changing "$port" "http_access deny !users"
is_told proxy "asks for a user and a password \\(407" "authentication now asked for"
stop_peer "$PEER_PID"
restart_squid changing "$port" "http_access deny CONNECT"
is_told proxy "forbids a tunnel to localhost port $SERVER_PORT \\(403 Forbidden\\)" "now denied"
stop_peer "$PEER_PID"
is_told proxy "connecting to 127.0.0.1:$port failed: Connection refused" "squid has gone"
restart_squid changing "$port"
fetch "/v1/other/$tests"
is "$CODE" 200 "squid is back: a request goes through again"

finish
