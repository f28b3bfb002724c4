#!/bin/bash
# Descriptors run out: connections wait or the oldest idle ones end, what is open goes on, the status
# port answers, nothing spins, and it is over when there are descriptors again.
# Runs once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
server_set keep_alive=0
printf '#!/bin/sh\nexec prlimit --nofile=256:256 "%s" "$@"\n' "$LICENSE_PROXY" >"$work/limited"
chmod +x "$work/limited"
LICENSE_PROXY=$work/limited start_proxy p
like "$(<"$LOG")" 'fewer clients than configured.*clients=64 open_files=256' "the log tells of the limit"
if [ ! -r "/proc/$PID/fd" ]; then
    note "others may not look at its descriptors: not tested further"
    finish
fi
start_script descriptors.py "$PORT" "$STATUS_PORT" "$CONTROL" "$PID"
take_results
finish
