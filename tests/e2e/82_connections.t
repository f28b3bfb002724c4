#!/bin/bash
# Connections that are reset, closed or half closed at every stage, and ten thousand that are opened
# to be reset: the service goes on, and nothing of them stays behind.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

make_ca ca
make_cert server ca DNS:localhost
export FLOOD=${FLOOD:-$([ -n "${SAN:-}" ] && echo 2000 || echo 10000)}
for scheme in https http; do
    start_script connections.py "$work/server.crt" "$work/server.key" "$work/$scheme" $scheme
    wait_for 10 test -f "$work/$scheme" || bail "no license server"
    SERVER=https://localhost:$(<"$work/$scheme")
    start_proxy $scheme tls-enabled="$([ $scheme = https ] && echo true || echo false)" log-level=info
    echo "$PORT $PID $STATUS_PORT" >"$work/port" && mv "$work/port" "$work/$scheme.proxy"
    take_results
    unlike "$(<"$LOG")" 'level=(warn|error) .*client' "$scheme: nobody is warned of it"
    stop_proxy $scheme
done
finish
