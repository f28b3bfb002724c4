#!/bin/bash
# Memory, by the kernel's figure: under 3 MB after the start, and after 1,000 requests no larger
# than after 100; an idle TLS connection holds no buffers. (Sanitizers need far more: this is about the release build.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

if [ -n "${SAN:-}" ]; then
    echo "1..0 # SKIP sanitizers need far more memory"
    exit 0
fi

# rss: kB of memory that is the process's in RAM.
rss() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$PID/status"
}

# requests N AT_ONCE: so many, each on a connection of its own: alike, so that what is stored stays
# the same.
requests() {
    for ((i = 0; i < $1; i++)); do
        printf 'url = "%s/v1/memory/%s"\noutput = "/dev/null"\n' "$URL" $((i % 10))
    done >"$work/list"
    curl -sk -m 60 -Z --parallel-max "$2" --parallel-immediate -H 'Connection: close' -d "$(printf '%02000d' 7)" \
        -w '%{http_code}\n' -K "$work/list" 2>/dev/null | grep -c '^200$'
}

start_server server
start_proxy p log-level=info
start=$(rss)
# Others may not look into the process, but root may.
if [ -r "/proc/$PID/maps" ]; then
    is "$(awk '$6 ~ /license-proxy$/ { print $2 }' "/proc/$PID/maps" | xargs)" "r--p r-xp r--p rw-p" \
        "constants, code, then what was relocated, which is read-only, too, and variables"
fi
at_most "$start" 2999 "kB after the start"
# More at one time than later on, so that the heap has been as large as it will be.
is "$(requests 100 25)" 100 "100 requests"
hundred=$(rss)
is "$(requests 900 5)" 900 "900 more"
thousand=$(rss)
at_most "$thousand" "$hundred" "kB after 1,000 requests, against $hundred after 100"
note "start $start kB, after 100 $hundred kB, after 1,000 $thousand kB"
# Connections that have been served, and rest.
before=$(rss)
coproc holder { exec "$root/tests/e2e/hold.py" served "$PORT" 500; }
holder_pid=$!
started="$started $holder_pid"
read -r -t 60 answer <&"${holder[0]}"
is "$answer" "held 500" "500 connections, a request on each"
at_most "$((($(rss) - before) * 1024 / 500))" 6500 "bytes for an idle TLS connection"
fetch /v1/other
is "$CODE" 200 "others are served beside them"
eval "exec ${holder[1]}>&-"
is "$(cat <&"${holder[0]}")" "" "none of them was closed"

helpers=$(cat "/proc/$PID/task/$PID/children" 2>/dev/null)
for pid in $helpers; do
    at_most "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")" 2999 "kB of the helper process"
done
finish
