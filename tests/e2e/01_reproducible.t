#!/bin/sh
# Runs once. Two builds of this tree, in folders of different names and lengths, with different
# parallelism, umask, locale and time zone, are the same to the bit.
set -u
root=$(pwd -P)
bearssl=${BEARSSL:-$root/build/bearssl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset SAN

# build FOLDER [MAKE-ARGUMENT...]
build() {
    mkdir -p "$1"
    tar -cf - Makefile src tools | tar -xf - -C "$1"
    dir=$1
    shift
    make -C "$dir" BEARSSL="$bearssl" SOURCE_DATE_EPOCH=1700000000 "$@" >"$work/log" 2>&1 ||
        sed 's/^/# /' "$work/log"
    sha256sum <"$dir/build/license-proxy"
}

first=$(build "$work/a" -j2)
second=$(umask 077 && LC_ALL=C.UTF-8 TZ=Pacific/Apia build "$work/somewhere/else/entirely" -j1)

echo "1..2"
status=0
if [ -x "$work/a/build/license-proxy" ] && [ -x "$work/somewhere/else/entirely/build/license-proxy" ]
then
    echo "ok 1 - built in both folders"
else
    echo "not ok 1 - built in both folders"
    status=1
fi
if [ -n "$first" ] && [ "$first" = "$second" ]; then
    echo "ok 2 - the executables are identical"
else
    echo "not ok 2 - the executables are identical"
    echo "# $first"
    echo "# $second"
    status=1
fi
exit $status
