#!/bin/sh
# Runs once. What the shipped executable is: static, position independent, hardened, stripped,
# small, and free of the folder it was built in. All of it is read off the file itself.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${LICENSE_PROXY:-$root/build/license-proxy}
n=0
bad=0

# ok STATUS WHAT
ok() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        bad=1
    fi
}

# has/hasnt WHAT PATTERN TEXT
has() {
    printf '%s\n' "$3" | grep -Eq -- "$2"
    ok $? "$1"
}

hasnt() {
    ! printf '%s\n' "$3" | grep -Eq -- "$2"
    ok $? "$1"
}

# at_least WHAT MINIMUM COUNT
at_least() {
    [ "$3" -ge "$2" ]
    ok $? "$1 ($3)"
}

header=$(readelf -hW "$bin")
segments=$(readelf -lW "$bin")
dynamic=$(readelf -dW "$bin")
sections=$(readelf -SW "$bin")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
objdump -d --no-show-raw-insn "$bin" >"$work/code"

has "file says it is statically linked" "static-pie linked|statically linked" "$(file "$bin")"
has "position independent" "Type: +DYN" "$header"
hasnt "asks for no loader" "INTERP" "$segments"
hasnt "needs no library" "NEEDED" "$dynamic"
has "flagged as PIE" "FLAGS_1.*PIE" "$dynamic"
has "all symbols bound at start" "BIND_NOW" "$dynamic"
has "relocations read-only after start" "GNU_RELRO" "$segments"
has "stack not executable" "GNU_STACK .* RW +0x" "$segments"
hasnt "no segment both writable and executable" "LOAD .* (RWE|WE) " "$segments"
has "constants outside the executable segment" "LOAD +0x0+ .* R +0x" "$segments"
hasnt "stripped of symbols" "[.]symtab" "$sections"
hasnt "stripped of debug information" "[.]debug" "$sections"

if [ "$(uname -m)" = x86_64 ]; then
    at_least "stack protector in use" 100 "$(grep -c '%fs:0x28' "$work/code")"
    at_least "indirect branches marked for CET" 100 "$(grep -c endbr64 "$work/code")"
    at_least "stack growth probed" 1 "$(grep -Ec 'or[lq] +\$0x0,(0x[0-9a-f]+)?\(%rsp' "$work/code")"
    at_least "registers zeroed on return" 100 \
        "$(grep -B1 -E '\sret' "$work/code" | grep -Ec 'xor +%e([a-z]+),%e\1')"
else
    echo "# instruction checks are for x86_64"
fi

size=$(stat -c %s "$bin")
[ "$size" -lt 500000 ]
ok $? "smaller than 500 kB ($size bytes)"

! grep -Fq -- "$(pwd -P)" "$bin"
ok $? "doesn't name the folder it was built in"

! grep -Eq 'LP_FAULT|LP_CLOCK' "$bin"
ok $? "has no faults for tests in it"

(cd / && env -i "$bin" version) >"$work/version" 2>&1
ok $? "runs with an empty environment"
has "version names the BearSSL source" "0\.6\+dfsg\.1|source tree" "$(cat "$work/version")"

echo "1..$n"
exit $bad
