#!/bin/sh
# Runs once. The executable under test comes out the same, to the bit, when a clone of this
# repository is built from clean: in a folder of another name and length, from files of other dates
# (years ago), with another umask, locale, time zone and parallelism. The clone finds its build date
# by itself, in the commit. What was not committed is carried over, so that a tree that is worked on
# passes, too; outside a repository its files are copied.
set -u
bin=${LICENSE_PROXY:-build/license-proxy}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset SAN
tree=$work/somewhere/else/entirely

umask 077
mkdir -p "$work/somewhere/else"
if [ -e .git ]; then
    git clone -q --no-hardlinks . "$tree" &&
        git diff --binary HEAD >"$work/changes" &&
        git ls-files -z --others --exclude-standard >"$work/untracked" &&
        tar -cf - --null -T "$work/untracked" | tar -xf - -C "$tree" || exit 1
    [ ! -s "$work/changes" ] || git -C "$tree" apply "$work/changes" || exit 1
else
    SOURCE_DATE_EPOCH=$(sed -n 's/^#define LP_BUILD_DATE //p' build/gen/version.h)
    export SOURCE_DATE_EPOCH
    mkdir "$tree"
    tar -cf - Makefile src tools | tar -xf - -C "$tree"
fi
find "$tree/Makefile" "$tree/src" "$tree/tools" -exec touch -d '2011-11-11 11:11:11' {} +
# The archive, so that nothing is fetched; or the source tree that was given.
mkdir -p "$tree/build/fetched"
find build/fetched -maxdepth 1 -name 'bearssl_*' -exec cp {} "$tree/build/fetched" \;
case ${BEARSSL:-} in
/* | "") ;;
*) BEARSSL=$(pwd)/$BEARSSL ;;
esac

echo "1..2"
status=0
if LC_ALL=C.UTF-8 TZ=Pacific/Apia BEARSSL=${BEARSSL:-} make -C "$tree" -j3 >"$work/log" 2>&1; then
    echo "ok 1 - a clone in another folder is built"
else
    echo "not ok 1 - a clone in another folder is built"
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
