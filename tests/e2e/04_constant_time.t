#!/bin/bash
# Runs once. What time and memory accesses tell of secrets: the shipped arithmetic of curves runs
# under valgrind with its secrets marked undefined, so that it reports every branch and every address
# that depends on one. (What instructions take for themselves it can't see.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root" || bail "no tree"

if [ "$(getconf LONG_BIT)" != 64 ]; then
    echo "1..0 # SKIP a machine of 32 bits has BearSSL's arithmetic"
    exit 0
fi

# The objects of the release build, in a program with this machine's own library for valgrind's sake.
gcc -std=gnu11 -g -O1 -Isrc -isystem build/bearssl/inc -o "$work/program" tests/e2e/constant_time.c \
    build/release/libproxy.a build/release/libbearssl.a >"$work/log" 2>&1
status=$?
ok $status "the test program is built of the release's objects"
[ $status = 0 ] || sed 's/^/# /' "$work/log"

# Status 99 for an error that valgrind saw, 3 for a result that no mark of a secret reached.
run() {
    valgrind -q --error-exitcode=99 "$work/program" "$1" >"$work/log" 2>&1
}

for what in branch address; do
    run $what
    [ $? = 99 ]
    ok $? "control: $what that depends on a secret, seen"
done

for what in p256_mul p256_mulgen p256_muladd p256_muladd_generator c25519_mul c25519_mulgen \
    ecdsa_sign; do
    run $what
    status=$?
    ok $status "$what has neither"
    [ $status = 0 ] || sed 's/^/# /' "$work/log" | head -40
done

finish
