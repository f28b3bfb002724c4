#!/bin/bash
# Whoever can write to the state directory but has no key: every byte of a stored entry is changed,
# two entries change places, an older version is put back. What is and isn't prevented by that is in
# SECURITY.md.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

state=$work/state
kept=$work/kept
mkdir "$kept"

ask() {
    fetch "/v1/$1" -H "Authorization: Token $1" -d '{"license":"a"}'
}

# start_on NAME [SETTING=VALUE...]: a proxy with the state directory.
start_on() {
    start_proxy "$@" state-dir="$state" startup-timeout=3s license-key=k
}

stored() {
    [ "$(find "$state" -name 'e-*' | wc -l)" = "$1" ]
}

verify() {
    OUT=$(env LICENSE_PROXY_LICENSE_KEY=k "$LICENSE_PROXY" cache verify --state-dir "$state" 2>&1)
    CODE=$?
}

# newest: the entry that was written last.
newest() {
    find "$state" -name 'e-*' -printf '%T@ %f\n' | sort -n | tail -n 1 | cut -d' ' -f2
}

start_server server
start_on writer
ask one
one=$SERIAL
wait_for 10 stored 1
one_file=$(newest)
ask two
wait_for 10 stored 2
two_file=$(newest)
stop_proxy writer
cp -p "$state"/e-* "$kept"

# read_bytes FILE: of what was kept, as numbers in bytes.
read_bytes() {
    mapfile -t bytes < <(od -An -v -tu1 -w1 "$kept/$1" | tr -d ' ')
}

# flip FILE BYTE BIT: changes it, from what was kept and read.
flip() {
    cp -p "$kept/$1" "$state/$1"
    # shellcheck disable=SC2059 # an octal escape
    printf "\\$(printf %03o $((bytes[$2] ^ 1 << $3)))" |
        dd of="$state/$1" bs=1 seek="$2" conv=notrunc status=none
}

# ---- each byte: of many entries of one size another one in each round

start_on many
for i in {10..49}; do
    printf 'url = "%s/v1/many?%s"\noutput = "/dev/null"\n' "$URL" "$i"
done >"$work/urls"
curl -sk -m 20 -Z -K "$work/urls" 2>/dev/null
wait_for 10 stored 42
ok $? "40 more are stored"
stop_proxy many
cp -p "$state"/e-* "$kept"
size=$(stat -c %s "$kept/$one_file")
at_least "$size" 200 "bytes of an entry"
verify
is "$CODE $OUT" "0 42 entries, 0 that do not verify" "as they are, all verify"
# flip_all FIRST: in each file a bit of another byte, from FIRST on; prints which bytes.
flip_all() {
    perl -e '
        my ($from, $to, $at) = @ARGV;
        for my $path (glob "$from/e-*") {
            my ($name) = $path =~ m{([^/]+)$};
            local $/;
            open my $in, "<:raw", $path or die "$path: $!";
            my $bytes = <$in>;
            my $i = $at++ % length $bytes;
            substr($bytes, $i, 1) ^= chr(1 << $i * 5 % 8);
            open my $out, ">:raw", "$to/$name" or die "$name: $!";
            print $out $bytes;
            print "$i\n";
        }' "$kept" "$state" "$1"
}
missed=0
for ((first = 0; first < size + 16; first += 42)); do
    flip_all $first >>"$work/flipped"
    verify
    if [ "$CODE" != 1 ] || [[ $OUT != *"42 entries, 42 that do not verify" ]]; then
        missed=$((missed + 1))
        note "$CODE $OUT"
    fi
done
whole=$(sort -un "$work/flipped" | head -n "$size" | wc -l)
is "$missed" 0 "no entry with a changed byte verifies"
is "$whole" "$size" "each of its bytes was changed"

# ---- a running proxy: it knows nothing of the entry but what the file says

rm "$state"/e-*
server_set listening=0
cp -p "$kept/$two_file" "$state"
read_bytes "$one_file"
start_on reader
served=0 looked=0
for ((i = 0; i < size; i += size / 24)); do
    flip "$one_file" "$i" $((i % 8))
    ask one
    [ "$CODE" = 504 ] || served=$((served + 1))
    looked=$((looked + 1))
done
is "$served" 0 "none of $looked changed files is served"
is "$(details set_aside)" "$looked" "each is counted"
truncate -s 100 "$state/$one_file"
ask one
is "$CODE" 504 "nor one that is cut"
: >"$state/$one_file"
ask one
is "$CODE" 504 "nor an empty one"
cp "$kept/$two_file" "$state/$one_file"
ask one
is "$CODE" 504 "nor another entry under its name"
rm -f "$state/$one_file"
ln -s "$kept/$one_file" "$state/$one_file"
ask one
is "$CODE" 504 "nor one that a symbolic link leads to"
rm "$state/$one_file"
cp -p "$kept/$one_file" "$state"
ask one
is "$CODE $SERIAL" "200 $one" "the genuine one is"
stop_proxy reader

cp "$kept/$two_file" "$state/$one_file"
cp "$kept/$one_file" "$state/$two_file"
launch_proxy swapped state-dir="$state" startup-timeout=1s license-key=k
ends "$PID" 15
# The last answer is known still, from the time: it starts, or gives up; neither serves.
if [ "$CODE" = none ]; then
    find_ports
    for name in one two; do
        ask $name
        is "$CODE" 504 "two that changed places are not served: $name"
    done
    end_proxy "$PID"
fi
logged 'set_aside=2'
ok $? "both are set aside"
server_reset

# ---- an older version: genuine, so it is taken for what it is

rm -f "$state"/e-* "$state"/aside-*
start_on older trust-window=10s
ask one
old=$SERIAL
now_ms
approved=$NOW
wait_for 10 stored 1
old_file=$(newest)
cp -p "$state/$old_file" "$work/old"
server_set status=403 only=/v1/one
ask one
is "$CODE" 403 "it is denied"
[ ! -e "$state/$old_file" ]
ok $? "and forgotten"
server_set listening=0
ask one
is "$CODE" 504 "for good, in an outage"
cp -p "$work/old" "$state/$old_file"
ask one
is "$CODE $SERIAL" "200 $old" "put back by somebody who can write there, it is served again"
over() {
    cp -p "$work/old" "$state/$old_file"
    ask one
    [ "$CODE" != 200 ]
}
wait_for 20 over
now_ms
at_least $((NOW - approved)) 9500 "until its own trust ends (ms)"
at_most $((NOW - approved)) 13000 "and no longer, however often it is put back (ms)"
cp -p "$work/old" "$state/$old_file"
wait_for 20 is_state Failed
stop_proxy older
launch_proxy again state-dir="$state" startup-timeout=1s license-key=k trust-window=10s
ends "$PID" 15
is "$CODE" 69 "nor after a restart"

# What is newer in memory stays.
server_reset
start_on newer
ask one
wait_for 10 stored 1
cp -p "$work/old" "$state/$old_file"
server_set listening=0
newest_serial=$SERIAL
ask one
is "$CODE $SERIAL" "200 $newest_serial" \
    "a newer answer that the proxy knows is not replaced by an older"
stop_proxy newer

finish
