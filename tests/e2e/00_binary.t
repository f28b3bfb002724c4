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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# hardened FILE [WHOSE]: what an executable for any machine says of itself.
hardened() {
    whose=${2:+$2: }
    header=$(readelf -hW "$1")
    segments=$(readelf -lW "$1")
    dynamic=$(readelf -dW "$1")
    sections=$(readelf -SW "$1")
    has "${whose}file says it is statically linked" "static-pie linked|statically linked" "$(file "$1")"
    has "${whose}position independent" "Type: +DYN" "$header"
    hasnt "${whose}asks for no loader" "INTERP" "$segments"
    hasnt "${whose}needs no library" "NEEDED" "$dynamic"
    has "${whose}flagged as PIE" "FLAGS_1.*PIE" "$dynamic"
    has "${whose}all symbols bound at start" "BIND_NOW" "$dynamic"
    has "${whose}relocations read-only after start" "GNU_RELRO" "$segments"
    has "${whose}stack not executable" "GNU_STACK .* RW +0x" "$segments"
    hasnt "${whose}no segment both writable and executable" "LOAD .* (RWE|WE) " "$segments"
    has "${whose}constants outside the executable segment" "LOAD +0x0+ .* R +0x" "$segments"
    hasnt "${whose}stripped of symbols" "[.]symtab" "$sections"
    hasnt "${whose}stripped of debug information" "[.]debug" "$sections"
}

hardened "$bin"
objdump -d --no-show-raw-insn "$bin" >"$work/code"
if [ "$(uname -m)" = x86_64 ]; then
    at_least "stack protector in use" 100 "$(grep -c '%fs:0x28' "$work/code")"
    at_least "indirect branches marked for CET" 100 "$(grep -c endbr64 "$work/code")"
    at_least "stack growth probed" 1 "$(grep -Ec 'or[lq] +\$0x0,(0x[0-9a-f]+)?\(%rsp' "$work/code")"
    at_least "registers zeroed on return" 100 \
        "$(grep -B1 -E '\sret' "$work/code" | grep -Ec 'xor +%e([a-z]+),%e\1')"
else
    echo "# instruction checks are for x86_64"
fi

# The one for another machine that every check builds, where it is there.
other=$root/build/aarch64/license-proxy
if [ -f "$other" ] && command -v aarch64-linux-gnu-objdump >/dev/null; then
    hardened "$other" aarch64
    aarch64-linux-gnu-objdump -d --no-show-raw-insn "$other" >"$work/other"
    at_least "aarch64: return addresses signed and checked" 100 \
        "$(grep -c autiasp "$work/other")"
    at_least "aarch64: targets of indirect branches marked" 100 \
        "$(grep -Ec '\s(bti|paciasp)' "$work/other")"
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
