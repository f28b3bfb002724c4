#!/bin/bash
# TLS as nobody should speak it, towards the licensing port and from license servers: other versions
# and suites, records and handshake messages of every wrong kind, renegotiation, cuts. What is odd
# and right works; the rest ends soon, and harms nobody.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- clients

start_server server
start_proxy p
start_script tls_clients.py "$PORT" "$CONTROL"
take_results
fetch /v1/after
is "$CODE" 200 "the proxy is well after it all"
unlike "$(<"$LOG")" 'level=(warn|error) .*(handshake|client)' "and warns of nobody: port scanners are common"
stop_proxy p
stop_server

# ---- license servers

start_script tls_servers.py "$work/server.crt" "$work/server.key" "$work/upstream"
wait_for 10 test -f "$work/upstream" || bail "no license server"
SERVER=https://localhost:$(<"$work/upstream")
start_proxy r tls-enabled=false tls-timeout=1s answer-timeout=1s relay-timeout=2s
echo "$PORT" >"$work/port" && mv "$work/port" "$work/upstream.proxy"
take_results
finish
