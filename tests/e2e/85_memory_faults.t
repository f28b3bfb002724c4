#!/bin/bash
# Out of memory, at every allocation in turn: it costs a connection or an answer, never the process,
# and nothing is answered wrongly. At the start it is an exit code with its reason. The sanitizers'
# build alone can make allocations fail (tools/build/faults.c). FAULTS=all: starts without leaving any out.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

if [ -z "${SAN:-}" ]; then
    echo "1..0 # SKIP the release build has no allocations that fail"
    exit 0
fi

# ---- while it serves

head -c 32 /dev/zero >"$work/plan"
start_server server
export LP_MEMORY=$work/plan
start_proxy p state-dir="$work/state" journal-mode=replay license-key=key checkin-interval=1h log-level=info
start_script memory.py "$work/plan" "$PORT" "$STATUS_PORT" "$CONTROL" "$PID" "$LOG"
take_results
stop_proxy p

# ---- at the start

make_cert mine ca DNS:proxy.example
cp "$work/mine.crt" "$work/chain.crt"
cat "$work/ca.crt" >>"$work/chain.crt"
echo key >"$work/license.key"
chmod 600 "$work/license.key"
cat >"$work/proxy.toml" <<END
[server]
host = "127.0.0.1"
port = 0
status_port = 0
[license]
server_url = ["$SERVER", "https://localhost:1/second"]
key_file = "$work/license.key"
[tls]
cert = "$work/chain.crt"
key = "$work/mine.key"
names = ["proxy.example", "other.example"]
[upstream]
ca_file = "$work/ca.crt"
no_proxy = "localhost,10.0.0.0/8"
[trust]
key = ["method", "target", "body"]
[access]
allow = ["127.0.0.0/8", "10.0.0.0/8"]
[state]
dir = "$work/another"
[journal]
mode = "replay"
[log]
level = "info"
END

# plan FROM NUMBER: so many allocations fail, from that one on. A number of eight bytes, lowest first.
number() {
    printf '%b' "$(printf '\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))\0\0\0\0"
}
plan() {
    {
        number 0
        number "$1"
        number "$2"
        number 0
    } 1<>"$work/plan" # a running one has it mapped
}

# begin NAME: with the plan. False if it ends.
begin() {
    launch "$1" env LICENSE_PROXY_STARTUP_TIMEOUT=5s "$LICENSE_PROXY" serve "$work/proxy.toml"
    find_ports
}

# The first makes its keys; from then on there are some approvals and records.
begin first || bail "it doesn't start"
for i in 1 2 3; do
    fetch "/v1/stored/$i"
done
server_set listening=0
fetch /v1/stored/1
server_reset
end_proxy "$PID"
plan 0 0
begin whole || bail "it doesn't start again"
total=$(od -An -t u8 -N 8 "$work/plan" | tr -d ' ')
end_proxy "$PID"
is "$CODE" 0 "without a fault it serves, after $total allocations, and ends well"
step=$((total / 24 + 1))
[ "${FAULTS:-}" != all ] || step=1
ended=0
for number in 1 1000000; do
    for ((at = 1; at <= total; at += step)); do
        plan "$at" "$number"
        if begin "start-$at-$number"; then
            plan 0 0
            fetch /v1/start
            is "$CODE" 200 "allocation $at fails at the start: it serves all the same"
            end_proxy "$PID"
            is "$CODE" 0 "and ends well"
            continue
        fi
        ended=$((ended + 1))
        ends "$PID" 10
        # Those that serve, and have no memory for any connection, give up as without a server.
        like "$CODE $(grep -c memory "$LOG")" "^(71 1$([ $number = 1 ] || echo '|69 [1-9]$'))" \
            "allocation $at fails at the start: exit code, and why" || note "$(tail -n 3 "$LOG")"
    done
done
at_least "$ended" 10 "most of them end the start"
finish
