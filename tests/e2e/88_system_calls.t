#!/bin/bash
# What a request costs in system calls: on kept connections one that reads and one that writes, on
# either side, and none for memory; and that a closed connection's last bytes leave together.
# Runs once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
start_proxy p
# Two connections' worth of what is made once.
for _ in 1 2 3; do fetch /v1/license; done
is "$CODE" 200 "it serves"

# trace OPTION... -- CURL_ARGUMENT...: what the proxy calls while curl is at work, in $work/calls.
trace() {
    local options=()

    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    rm -f "$work/calls"
    strace -q "${options[@]}" -o "$work/calls" -p "$PID" 2>"$work/strace" &
    tracer=$!
    started="$started $tracer"
    if ! wait_for 10 grep -q '^TracerPid:.*[1-9]' "/proc/$PID/status"; then
        note "$(<"$work/strace")"
        note "nobody may trace here: not tested"
        finish
    fi
    curl -sk -m 60 -o "$work/bodies" "$@"
    ok $? "requests while it is traced"
    kill -INT "$tracer"
    ends "$tracer" 10
}

# (Lines of the log are writes, not sends.)
# calls NAME...: how often one of these was made by the last trace with -c.
calls() {
    awk -v names=" $* " 'index(names, " " $2 " ") { n += $1 } END { print n + 0 }' "$work/calls"
}

count=(-c -S calls -U "calls,name")
trace "${count[@]}" -- "$URL/v1/license?[1-20]"
reads=$(calls recvfrom) writes=$(calls sendto) memory=$(calls mmap munmap madvise brk)
trace "${count[@]}" -- "$URL/v1/license?[1-120]"
reads=$(($(calls recvfrom) - reads)) writes=$(($(calls sendto) - writes))
memory=$(($(calls mmap munmap madvise brk) - memory))
note "$(<"$work/calls")"
# The proxy's own check-in may fall between.
at_least "$reads" 195 "100 more requests are read from two connections"
at_most "$reads" 210 "with one call for each"
at_least "$writes" 195 "and written to two"
at_most "$writes" 210 "with one call for each"
at_most "$memory" 20 "and cost no calls for memory"

trace -e trace=sendto,shutdown -e abbrev=all -- -H 'Connection: close' "$URL/v1/license"
note "$(<"$work/calls")"
last=$(tail -n 3 "$work/calls")
like "$last" 'sendto.*MSG_MORE.*= [1-9]' "the last answer waits…"
like "$last" 'sendto.* 31, .*MSG_MORE.*= 31' "…with its close_notify…"
like "$(tail -n 1 "$work/calls")" 'shutdown.*SHUT_WR.*= 0' "…for the end of the connection"
changes=$(grep -c 'sendto.* 6, .*MSG_MORE.*= 6' "$work/calls")
is "$changes" 1 "and ChangeCipherSpec for Finished"
finish
