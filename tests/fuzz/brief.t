#!/bin/sh
# Every fuzz target from its corpus, in turn, for FUZZ_SECONDS (60) in all. A promise that breaks
# leaves its input in build/fuzz/found/. What was reached is kept in build/fuzz/corpus/, so that
# the next run goes on from there.
set -u
found=build/fuzz/found
n=0
bad=0
mkdir -p "$found"
targets=$(find tests/fuzz -name '*.c' | wc -l)
seconds=$(((${FUZZ_SECONDS:-60} + targets - 1) / targets))

for source in tests/fuzz/*.c; do
    name=$(basename "$source" .c)
    kept=build/fuzz/corpus/$name
    log=build/fuzz/$name.log
    mkdir -p "$kept"
    n=$((n + 1))
    set -- "$kept"
    [ -d "tests/fuzz/corpus/$name" ] && set -- "$kept" "tests/fuzz/corpus/$name"
    if "build/fuzz/$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        -artifact_prefix="$found/$name-" -print_final_stats=1 "$@" >"$log" 2>&1; then
        echo "ok $n - $name ($(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs)"
    else
        echo "not ok $n - $name"
        tail -n 60 "$log" | sed 's/^/# /'
        bad=1
    fi
done

echo "1..$n"
exit $bad
