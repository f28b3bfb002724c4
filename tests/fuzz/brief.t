#!/bin/sh
# Every fuzz target from its corpus, one on each processor at a time, for FUZZ_SECONDS (60) in all. A
# promise that breaks leaves its input in build/fuzz/found/. What was reached is kept in
# build/fuzz/corpus/, so that the next run goes on from there.
set -u
found=build/fuzz/found
n=0
bad=0
mkdir -p "$found"
targets=$(find tests/fuzz -name '*.c' | wc -l)
seconds=$(((${FUZZ_SECONDS:-60} + targets - 1) / targets))
jobs=$(nproc)

# run NAME NUMBER: its line of TAP, and why it failed, are in build/fuzz/NAME.tap.
run() {
    kept=build/fuzz/corpus/$1
    log=build/fuzz/$1.log
    number=$2 name=$1
    mkdir -p "$kept"
    set -- "$kept"
    [ -d "tests/fuzz/corpus/$name" ] && set -- "$kept" "tests/fuzz/corpus/$name"
    if "build/fuzz/$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        -artifact_prefix="$found/$name-" -print_final_stats=1 "$@" >"$log" 2>&1; then
        echo "ok $number - $name ($(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs)"
    else
        echo "not ok $number - $name"
        tail -n 60 "$log" | sed 's/^/# /'
    fi >"build/fuzz/$name.tap"
}

# tell: waits for those that run, and prints what they came to.
running=
tell() {
    wait
    for name in $running; do
        cat "build/fuzz/$name.tap"
        ! grep -q '^not ok' "build/fuzz/$name.tap" || bad=1
    done
    running=
}

for source in tests/fuzz/*.c; do
    n=$((n + 1))
    name=$(basename "$source" .c)
    run "$name" "$n" &
    running="$running $name"
    [ $((n % jobs)) != 0 ] || tell
done
tell
echo "1..$n"
exit $bad
