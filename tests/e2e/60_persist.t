#!/bin/bash
# Trust outlives the process: starts in an outage, other license keys, rotation, the identity, and
# what `cert` and `cache` show of a state directory.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

state=$work/state
key=first # that `cache` is given
hit='^license-proxy; hit; fwd=stale;'

# ask NAME: one service's request.
ask() {
    fetch "/v1/$1" -H "Authorization: Token $1" -d '{"license":"a"}'
}

# start_on DIR NAME [SETTING=VALUE...]: a proxy with that state directory.
start_on() {
    dir=$1
    shift
    start_proxy "$@" state-dir="$dir" startup-timeout=3s
}

# cache ARGUMENT...: the command, on the directory; sets CODE.
cache() {
    OUT=$(env ${key:+"LICENSE_PROXY_LICENSE_KEY=$key"} "$LICENSE_PROXY" cache "$@" \
        --state-dir "$state" 2>&1)
    CODE=$?
}

files() {
    find "$state" -maxdepth 1 -name "$1" | wc -l
}

# has_files PATTERN NUMBER
has_files() {
    [ "$(files "$1")" = "$2" ]
}

# status_s MEMBER: a time of /v1/status in seconds since 1970.
status_s() {
    local text
    text=$(curl -s -m 5 "$STATUS/v1/status")
    text=${text#*\""$1"\":\"}
    date -u -d "${text%%\"*}" +%s
}

# near A B: whether two times are within a second.
near() {
    [ $(($1 - $2)) -ge -1 ] && [ $(($1 - $2)) -le 1 ]
}

start_server server

# ---- an outage at the start

start_on "$state" first license-key=first
ask one
one=$SERIAL
ask two
ask gone
server_set deny=gone deny_status=403
ask gone
is "$CODE" 403 "a denial is passed on"
wait_for 10 has_files 'e-*' 2
ok $? "two approvals are stored, the denied one isn't"
last=$(status_s last_successful_checkin)
until=$(status_s trust_expiration)
stop_proxy first
server_set listening=0

start_on "$state" again license-key=first
is "$(state)" TrustBased "a start in an outage, with stored trust: TrustBased"
near "$(status_s last_successful_checkin)" "$last"
ok $? "since the last answer of the process before"
near "$(status_s trust_expiration)" "$until"
ok $? "until its trust ends"
ask one
is "$CODE $SERIAL" "200 $one" "the stored answer is served"
like "$(field cache-status)" "$hit" "and marked"
ask gone
is "$CODE" 504 "what was denied is not"
programs=
{
    kill -KILL "$PID"
    ends "$PID" 10
} 2>/dev/null

start_on "$state" killed license-key=first
ask one
is "$CODE $SERIAL" "200 $one" "after SIGKILL it is served as well"
stop_proxy killed

launch_proxy none state-dir="$work/nothing" startup-timeout=1s license-key=first
ends "$PID" 15
is "$CODE" 69 "no stored trust: exit code 69"

# The license server has answered there, but approved nothing that could be served.
server_reset
start_on "$work/answered" answered license-key=first
stop_proxy answered
server_set status=503
launch_proxy unapproved state-dir="$work/answered" startup-timeout=1s license-key=first
ends "$PID" 15
is "$CODE" 69 "an answer without an approval is no stored trust: exit code 69"

launch_proxy shorter state-dir="$state" startup-timeout=1s trust-window=1s license-key=first
ends "$PID" 15
is "$CODE" 69 "expired trust: exit code 69"

# Expired entries are given up with their files, so what follows begins anew.
server_reset
start_on "$state" second license-key=first
for name in one two three; do
    ask $name
done
one=$SERIAL
wait_for 10 has_files 'e-*' 3
ok $? "three are stored"

# ---- the cache command, while the proxy runs

cache verify
is "$CODE $OUT" "0 3 entries, 0 that do not verify" "cache verify"
cache ls
is "$CODE" 0 "cache ls"
like "$OUT" '^[0-9a-f]{16}  status 200, [0-9]+ bytes, trusted for 60[0-9]{4} s more$' \
    "shows each entry, and how long it is trusted"
like "$OUT" '^3 entries, 0 expired, 0 that do not verify$' "and how many there are"
unlike "$OUT" 'Token|serial' "and nothing of what they say"
id=${OUT%% *}
server_set listening=0
for name in one two three; do
    ask $name
    is "$CODE" 200 "$name is served"
done
cache purge "$id"
is "$CODE $OUT" "0 1 entries purged" "cache purge ID"
codes=
for name in one two three; do
    ask $name
    codes="$codes $CODE"
done
is "$(tr ' ' '\n' <<<"$codes" | sort | tr '\n' ' ')" " 200 200 504 " \
    "what was purged is served no more"
cache purge "$id"
is "$CODE" 1 "it can't be purged twice"
cache purge
is "$CODE" 64 "cache purge without a choice is a mistake"
cache purge --all
is "$CODE $OUT" "0 2 entries purged" "cache purge --all"
ask two
is "$CODE" 504 "nothing is served any more"
server_reset
wait_for 10 is_state Connected
recover
ask two
is "$CODE" 200 "approved again"
wait_for 10 has_files 'e-*' 2
ok $? "it is stored again at once, with the request before it"
server_set listening=0
ask two
is "$CODE" 200 "and served in an outage"
key=
cache ls
is "$CODE" 78 "without the license key there is nothing to see"
like "$OUT" 'seal\.key' "which is said"
[ ! -e "$state/seal.key" ]
ok $? "and no key is made by looking"
key=other
cache verify
is "$CODE" 1 "another key verifies nothing"
like "$OUT" '^2 entries, 2 that do not verify$' "and tells how many"
stop_proxy second

# ---- another license key

cp -a "$state" "$work/other"
launch_proxy other state-dir="$work/other" startup-timeout=1s license-key=other
ends "$PID" 15
is "$CODE" 69 "a start in an outage with another license key: exit code 69"
logged 'level=error .*set_aside=3'
ok $? "what it can't open is counted and told, with the time"
is "$(find "$work/other" -name 'aside-e-*' | wc -l)" 2 "and set aside"
server_reset
start_on "$work/other" another license-key=other
is "$(details set_aside)" 0 "once"
ask two
server_set listening=0
ask two
is "$CODE" 200 "it stores its own"
stop_proxy another
server_reset

# ---- rotation

printf first >"$work/key"
start_on "$state" rotated license-key-file="$work/key"
for name in one two three four; do
    ask $name
done
wait_for 10 has_files 'e-*' 5
ok $? "five are stored"
old=$(cd "$state" && echo e-*)
printf second >"$work/key"
kill -HUP "$PID"
wait_for 10 logged 'sealed anew'
ok $? "a new license key, by SIGHUP"
none_of_old() {
    for f in $old; do
        [ ! -e "$state/$f" ] || return 1
    done
}
wait_for 10 none_of_old
ok $? "the old files are gone"
wait_for 10 has_files 'e-*' 5
ok $? "all are sealed anew"
is "$(details set_aside)" 0 "nothing was set aside"
server_set listening=0
ask three
is "$CODE" 200 "they serve"
stop_proxy rotated
start_on "$state" second_key license-key=second
ask four
is "$CODE" 200 "and are served by a start with the new key"
stop_proxy second_key
server_reset

# ---- no license key

state=$work/keyless
start_on "$state" keyless
ask one
one=$SERIAL
wait_for 10 has_files 'e-*' 1
is "$(stat -c '%a %s' "$state/seal.key")" "600 32" "without a license key: seal.key"
key=
cache verify
is "$CODE" 0 "which opens what is stored"
fingerprint=$(openssl s_client -connect "127.0.0.1:$PORT" </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha256)
is "$("$LICENSE_PROXY" cert --state-dir "$state" | sed -n 's/^# SHA-256 fingerprint //p')" \
    "${fingerprint#*=}" "cert shows the certificate that clients see"
is "$("$LICENSE_PROXY" cert --state-dir "$state" | openssl x509 -noout -fingerprint -sha256)" \
    "$fingerprint" "and prints it"
stop_proxy keyless
server_set listening=0
start_on "$state" keyless_again
ask one
is "$CODE $SERIAL" "200 $one" "it serves after a restart"
is "$(openssl s_client -connect "127.0.0.1:$PORT" </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha256)" "$fingerprint" "the identity is the same"
stop_proxy keyless_again
server_reset

is "$(stat -c '%a' "$state")" 700 "the directory is the proxy's alone"
is "$(stat -c '%a' "$state/identity.key")" 600 "the key, too"
rm "$state/identity.crt"
start_on "$state" certless
is "$(openssl s_client -connect "127.0.0.1:$PORT" </dev/null 2>/dev/null |
    openssl x509 -noout -pubkey)" "$(openssl pkey -in "$state/identity.key" -pubout)" \
    "a lost certificate is made anew, for the same key"
stop_proxy certless

# refused WHAT CODE ERE: a start on $state that ends.
refused() {
    launch_proxy refused state-dir="$state" startup-timeout=2s
    ends "$PID" 15
    is "$CODE" "$2" "$1: exit code $2"
    like "$(<"$LOG")" "$3" "$1: says what to do"
    rm -f "$LOG"
}

chmod 644 "$state/identity.key"
refused "a key that others can read" 77 'chmod 0?600 .*identity\.key'
chmod 600 "$state/identity.key"
chmod 640 "$state/seal.key"
refused "a seal key that others can read" 77 'chmod 0?600 .*seal\.key'
chmod 600 "$state/seal.key"
cp -p "$state/seal.key" "$work/seal.key"
printf x >>"$state/seal.key"
refused "a seal key of another size" 78 'seal\.key'
cp -p "$work/seal.key" "$state/seal.key"
chmod 770 "$state"
refused "a directory that others can write to" 77 'chmod 0?700'
chmod 700 "$state"
state=$work/missing/deep/state
refused "a directory that can't be made" 73 'missing/deep/state'
state=$work/server.crt
refused "a file in its place" 73 'server\.crt'
state=/proc/state
refused "a place where nothing can be made" 73 'proc/state'

finish
