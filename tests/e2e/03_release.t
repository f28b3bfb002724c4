#!/bin/bash
# Runs once. What "make release" puts together: the same bytes and dates each time, bills of
# materials that are valid CycloneDX and tell the truth, and tools/verify, which notices when anything
# in it was changed.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root" || exit 1
unset SAN MAKEFLAGS MAKELEVEL
cpu=$(uname -m)
others=
[ ! -f build/aarch64/license-proxy ] || others=aarch64
dist=$work/dist

# release DIR: $others is one word, or none.
release() {
    make release DIST="$1" ARCHES="$others" >"$work/make" 2>&1 || bail "$(tail -n 20 "$work/make")"
}

# facts DIR: what a copy of it would carry along.
facts() {
    (cd "$1" && stat -c '%n %a %Y %s' -- * && sha256sum -- *)
}

# seal DIR: SHA256SUMS as somebody writes them who changed the files.
seal() {
    (cd "$1" && rm SHA256SUMS && sha256sum -- * >"$work/new" && mv "$work/new" SHA256SUMS)
}

# changed NAME: a copy of the release, to be changed; sets COPY.
changed() {
    COPY=$work/$1
    cp -a "$dist" "$COPY"
}

# verify DIR [OPTION]: sets CODE and BODY.
verify() {
    BODY=$(tools/verify "$@" 2>&1)
    CODE=$?
}

# set_byte FILE OFFSET: to another value.
set_byte() {
    local old
    old=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the byte is a format
    printf "\\$(printf %o $((old ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# property FILE NAME
property() {
    sed -n "s/.*\"license-proxy:$2\", \"value\": \"\([^\"]*\)\".*/\1/p" "$1"
}

release "$dist"
(umask 077 && TZ=Pacific/Apia LC_ALL=C.UTF-8 release "$work/again")
is "$(facts "$work/again")" "$(facts "$dist")" "made twice, with the same bytes, modes and dates"
cmp -s "$dist/license-proxy-$cpu" build/license-proxy
ok $? "the program is the one that is tested"
bill=$dist/license-proxy-$cpu.cdx.json

# ---- the bill of materials

BODY=$(node tests/e2e/bom/validate.js build/fetched/cyclonedx "$dist"/*.cdx.json 2>&1)
is "$?$BODY" 0 "the bills of materials are valid CycloneDX 1.5"
sed 's/"library"/"libary"/' "$bill" >"$work/bad.json"
BODY=$(node tests/e2e/bom/validate.js build/fetched/cyclonedx "$work/bad.json" 2>&1)
is $? 1 "which can't be said of one with a slip"
version=$(build/license-proxy version)
. tools/build/bearssl.conf
for fact in "license-proxy \"version\": \"${version#license-proxy }" \
    "BearSSL \"content\": \"$BEARSSL_SHA256\"" \
    "musl \"content\": \"$(sha256sum "/usr/lib/$cpu-linux-musl/libc.a" | cut -d' ' -f1)\"" \
    "certificates \"version\": \"$(dpkg-query -W -f '${Version}' ca-certificates)\"" \
    "their number \"license-proxy:roots\", \"value\": \"$(sed -n \
        's/^trust anchors \([0-9]*\),.*/\1/p' <<<"$version")\""; do
    text=\"${fact#*\"}
    grep -qF "${text%%$'\n'*}" "$bill"
    ok $? "the bill tells of ${fact%%\"*}what is so" || note "no $text in $bill"
done
bytes=$(tail -c "+$(($(property "$bill" offset) + 1))" build/license-proxy |
    head -c "$(property "$bill" size)" | od -An -v -tu1 | tr -s ' \n' ' ')
wanted=$(sed -n '/roots_data\[\]/,/^};/{/^const/d;/^};/d;s|/\*.*\*/||;p}' build/gen/roots_data.c |
    tr -cs '0-9' ' ')
is "${bytes# }" "${wanted# }" "the trust anchors are where the bill says"

# ---- verified

verify "$dist"
is "$CODE" 0 "tools/verify: all of it holds" || note "$BODY"
like "$BODY" "^holds +license-proxy-$cpu: made anew from this clone, the same to the bit" \
    "the program is made anew"
verify "$dist" --no-rebuild
is "$CODE" 2 "without that, it is told as unchecked"
verify "$work/nothing"
is "$CODE" 64 "no release is no release"

# ---- changed in some way

changed byte
set_byte "$COPY/license-proxy-$cpu" 300000
verify "$COPY" --no-rebuild
is "$CODE" 1 "a changed byte of the program is noticed"
like "$BODY" "license-proxy-$cpu: FAILED" "by its sum"
like "$BODY" "^FAILS +license-proxy-$cpu: its bill of materials" "and by the bill"
old=$(sha256sum "$dist/license-proxy-$cpu" | cut -d' ' -f1)
new=$(sha256sum "$COPY/license-proxy-$cpu" | cut -d' ' -f1)
sed -i "s/$old/$new/" "$COPY/license-proxy-$cpu.cdx.json"
seal "$COPY"
verify "$COPY"
is "$CODE" 1 "and when sums and bill were changed with it"
like "$BODY" "^FAILS +license-proxy-$cpu: made anew" "by making it anew"
like "$BODY" "^holds +LICENSE: made anew" "beside files that are the same"

changed roots
set_byte "$COPY/license-proxy-$cpu" $(($(property "$bill" offset) + 5000))
new=$(sha256sum "$COPY/license-proxy-$cpu" | cut -d' ' -f1)
sed -i "s/$old/$new/" "$COPY/license-proxy-$cpu.cdx.json"
seal "$COPY"
verify "$COPY" --no-rebuild
is "$CODE" 1 "a changed trust anchor is noticed without making anything anew"
like "$BODY" "^FAILS +license-proxy-$cpu: the trust anchors" "by the anchors' own sum"

changed bill
sed -i "s/$BEARSSL_SHA256/${BEARSSL_SHA256%?}e/; s/12\./11./" "$COPY/license-proxy-$cpu.cdx.json"
seal "$COPY"
verify "$COPY"
is "$CODE" 1 "a changed bill is noticed"
like "$BODY" "^FAILS +license-proxy-$cpu: BearSSL" "another BearSSL, by the pin"
like "$BODY" "^FAILS +license-proxy-$cpu.cdx.json: made anew" "the rest, by making it anew"
like "$BODY" "^ +release: +compiler: .*11\." "which says what was other there"
like "$BODY" "^ +here: +compiler: .*12\." "and here"

changed more
echo more >"$COPY/more"
verify "$COPY" --no-rebuild
like "$BODY" "^FAILS +SHA256SUMS: names all" "a file more is noticed"
changed less
rm "$COPY/NOTICE"
verify "$COPY" --no-rebuild
like "$BODY" "^FAILS +SHA256SUMS: every file" "a file less is noticed"
changed bare
rm "$COPY/license-proxy-$cpu.cdx.json"
seal "$COPY"
verify "$COPY" --no-rebuild
like "$BODY" "^FAILS +license-proxy-$cpu: has no bill" "and a program without its bill"
finish
