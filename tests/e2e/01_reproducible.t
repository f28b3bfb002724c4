#!/bin/sh
# Runs once. The executable under test comes out the same, to the bit, when this tree is built
# anew from clean in a folder of another name and length, with another umask, locale, time zone
# and parallelism. (What was edited since the executable was built shows as a difference.)
set -u
bin=${LICENSE_PROXY:-build/license-proxy}
date=$(sed -n 's/^#define LP_BUILD_DATE //p' build/gen/version.h)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset SAN
tree=$work/somewhere/else/entirely

umask 077
mkdir -p "$tree/build"
tar -cf - Makefile src tools | tar -xf - -C "$tree"
# The archive, so that nothing is fetched; or the source tree that was given.
[ -d build/fetched ] && cp -R build/fetched "$tree/build"
case ${BEARSSL:-} in
/* | "") ;;
*) BEARSSL=$(pwd)/$BEARSSL ;;
esac

echo "1..2"
status=0
if LC_ALL=C.UTF-8 TZ=Pacific/Apia SOURCE_DATE_EPOCH=$date BEARSSL=${BEARSSL:-} \
    make -C "$tree" -j3 >"$work/log" 2>&1; then
    echo "ok 1 - built in another folder"
else
    echo "not ok 1 - built in another folder"
    sed 's/^/# /' "$work/log"
    status=1
fi
if cmp "$bin" "$tree/build/license-proxy"; then
    echo "ok 2 - the executables are identical"
else
    echo "not ok 2 - the executables are identical"
    status=1
fi
exit $status
