#!/bin/bash
# Messages that two readers might read differently, from services and from license servers: each is
# refused, or has the one reading that was meant. No request gets through inside another, no answer
# is taken for that of another request, and nothing ambiguous is kept for an outage.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# rss: kB that the proxy takes up.
rss() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$PID/status"
}

# ---- from services

start_server server
start_proxy p tls-enabled=false
start_script smuggling_requests.py "$PORT" "$CONTROL"
take_results
fetch_url "http://127.0.0.1:$PORT/v1/after"
is "$CODE" 200 "the proxy is well after it all"
stop_proxy p
stop_server

# ---- from license servers

start_script smuggling_responses.py "$work/server.crt" "$work/server.key" "$work/upstream"
wait_for 10 test -f "$work/upstream" || bail "no license server"
SERVER=https://localhost:$(<"$work/upstream")
start_proxy r tls-enabled=false answer-timeout=1s relay-timeout=2s
echo "$PORT $PID" >"$work/port" && mv "$work/port" "$work/upstream.proxy"
take_results
[ -n "${SAN:-}" ] || at_most "$(rss)" 30000 "kB of memory after it all"
finish
