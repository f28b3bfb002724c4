#!/bin/bash
# Through tinyproxy, with and without Basic authentication, and behind stunnel as an https proxy.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
make_cert proxy ca DNS:localhost
make_cert self self DNS:localhost

start_tinyproxy open
plain=127.0.0.1:$PEER_PORT
start_stunnel tls proxy "$PEER_PORT"
tls=localhost:$PEER_PORT
start_stunnel unknown self "${plain#*:}"
unknown=localhost:$PEER_PORT
free_port
starts_not "HTTPS_PROXY=http://$plain" r1 "a target that refuses" proxy \
    "egress proxy http://$plain \(HTTPS_PROXY\) .* to localhost port $FREE_PORT: it answered 500 Unable to connect" \
    "server-url=https://localhost:$FREE_PORT"
starts_not "HTTPS_PROXY=https://$unknown" r2 "an https proxy from no known authority" proxy \
    "egress proxy https://$unknown: .* from no trusted authority"
starts_not "ALL_PROXY=socks5h://$plain" r3 "socks5h where http is spoken" proxy \
    "egress proxy socks5h://$plain \(ALL_PROXY\) (closed the connection|gave no answer) .*" \
    startup-timeout=4s relay-timeout=4s connect-timeout=1s
goes_through "HTTPS_PROXY=http://$plain" p1 "tinyproxy"
goes_through "HTTPS_PROXY=https://$tls" p2 "tinyproxy behind stunnel"
goes_through "all_proxy=$plain" p3 "all_proxy, without a scheme"

start_tinyproxy locked "BasicAuth user right" "ConnectPort $SERVER_PORT"
plain=127.0.0.1:$PEER_PORT
start_stunnel tlslocked proxy "$PEER_PORT"
tls=localhost:$PEER_PORT
starts_not "HTTPS_PROXY=http://user:wr0ng@$plain" r4 "a wrong password" proxy \
    "egress proxy http://$plain \(HTTPS_PROXY\) asks for the right user and password .*\(401"
starts_not "HTTPS_PROXY=http://$plain" r5 "no password" proxy \
    "egress proxy http://$plain \(HTTPS_PROXY\) .*\(407"
starts_not "HTTPS_PROXY=https://user:wr0ng@$tls" r6 "a wrong password, by TLS" proxy \
    "egress proxy https://$tls \(HTTPS_PROXY\) asks for the right user and password .*\(401"
starts_not "HTTPS_PROXY=http://user:right@$plain" r7 "a port that tinyproxy forbids" proxy \
    "forbids a tunnel to localhost port $FREE_PORT \(403" \
    "server-url=https://localhost:$FREE_PORT"
goes_through "HTTPS_PROXY=http://user:right@$plain" p4 "user and password"
goes_through "proxy=https://user:right@$tls" p5 "user and password, by TLS"
judge_refusals wr0ng

finish
