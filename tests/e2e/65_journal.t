#!/bin/bash
# The usage journal: requests that are answered from trust are recorded first, or refused; they are
# sent to the license server when it is back, in order, at least once, and shown by `journal`.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

secret=Wd7-client-credential
key=Lk9-license-key
start_server server

# use PATH [CURL_OPTION...]: a licensing request of a client.
use() {
    path=$1
    shift
    fetch "$path" -H "Authorization: Token $secret" -H 'X-Api-Key: also-secret' \
        -H 'Content-Type: application/json' "$@"
}
records() {
    find "$1" -name 'j-*' | wc -l
}
depth_is() {
    [ "$(details depth)" = "$1" ]
}
# journal DIR VERB [OPTION...]: OUT, and CODE
journal() {
    in=$1
    verb=$2
    shift 2
    OUT=$("$LICENSE_PROXY" journal "$verb" --state-dir "$in" --license-key "$key" "$@" 2>&1)
    CODE=$?
}
# outage, over: no license server, and one again that the proxy has found.
outage() {
    server_set listening=0
    fetch /v1/outage
}
over() {
    server_set listening=1
    wait_for 30 is_settled
}
# server_order PREFIX: the last parts of the targets that reached the server, in their order.
server_order() {
    server_saw "$1" | sed -n "s|^POST $1/\([^ ?]*\)[? ].*|\1|p" | tr '\n' ' '
}

# ---- off ------------------------------------------------------------------------------------

start_proxy off state-dir="$work/off"
use /v1/use/1 -d '{"n":1}'
outage
use /v1/use/1 -d '{"n":1}'
is "$CODE" 200 "by default a request is served from trust"
is "$(records "$work/off")" 0 "and not recorded"
like "$(curl -s "$STATUS/v1/details")" '"journal":null' "which the details tell"
server_set listening=1
stop_proxy off

launch_proxy nowhere journal-mode=record
ends "$PID" 10
is "$CODE" 78 "a journal without a state directory is a fault of the configuration"
like "$(<"$LOG")" 'journal needs a state directory' "that is told"

# ---- record ---------------------------------------------------------------------------------

start_proxy record state-dir="$work/state" journal-mode=record license-key=$key
for i in 1 2 3; do
    use "/v1/use/$i?q=query" -d "{\"n\":$i}"
    is "$CODE" 200 "approved: $i"
done
is "$(records "$work/state")" 0 "what the server has answered is not recorded"
outage
for i in 3 1 2; do
    use "/v1/use/$i?q=query" -d "{\"n\":$i}"
    like "$CODE $(field cache-status)" '^200 .*; hit' "served from trust: $i"
done
is "$(records "$work/state")" 3 "each is recorded"
is "$(details depth) $(details recorded) $(details refusing)" "3 3 false" "and counted"
fetch /v1/nothing-trusted
is "$CODE" 504 "what isn't trusted is not served"
is "$(records "$work/state")" 3 "and not recorded"
! grep -qr -e "$secret" -e use/1 "$work/state"
ok $? "the files tell nothing to others"

journal "$work/state" ls
is "$CODE" 0 "journal ls, beside a running proxy"
is "$(grep -oE 'POST /v1/use/[0-9]  7 bytes' <<<"$OUT" | grep -oE '/[0-9]' | tr -d '\n')" /3/1/2 \
    "lists them in their order"
like "$OUT" '^[0-9a-f]{8}  2  20[0-9-]+T[0-9:.]+Z  POST /v1/use/1  7 bytes$' "with time and size"
unlike "$OUT" "query|$secret|also-secret|$key" "without query or credentials"
journal "$work/state" verify
is "$CODE $OUT" "0 3 records, 0 that do not verify" "journal verify finds them well"
OUT=$("$LICENSE_PROXY" journal export --state-dir "$work/state" --license-key $key)
is "$(wc -l <<<"$OUT")" 3 "journal export gives a line for each"
like "$(sed -n 1p <<<"$OUT")" '^\{"chain":"[0-9a-f]{8}","sequence":1,"time":"[^"]*","method":"POST",'\
'"target":"/v1/use/3\?q=query","content_type":"application/json","body":"eyJuIjozfQ=="\}$' \
    "of JSON, with the body"
unlike "$OUT" "$secret|also-secret|$key|[Aa]uthorization" "without credentials"
unlike "$(<"$LOG")" "$secret|also-secret|$key" "nor are any in the log"
"$LICENSE_PROXY" journal verify --state-dir "$work/state" --license-key wrong >"$work/wrong"
is "$?" 1 "another license key opens none"
like "$(<"$work/wrong")" '3 that do not verify' "as it says"
"$LICENSE_PROXY" journal purge --state-dir "$work/state" 2>/dev/null
is "$?" 64 "there is no other verb"

# What is changed, exchanged or missing is found.
cp -r "$work/state" "$work/copy"
second=$(find "$work/copy" -name 'j-*2')
third=$(find "$work/copy" -name 'j-*3')
mv "$second" "$work/second"
journal "$work/copy" verify
like "$CODE $OUT" '^1 .*the records before it are missing' "one that is missing in the middle"
cp "$third" "$second"
journal "$work/copy" verify
like "$CODE $OUT" '^1 .*j-[0-9a-f-]*2: does not verify' "one under another's name"
cp "$work/second" "$second"
printf x | dd of="$second" bs=1 seek=100 conv=notrunc 2>/dev/null
journal "$work/copy" verify
like "$CODE $OUT" '^1 .*j-[0-9a-f-]*2: does not verify' "one with a byte changed"
cp "$work/second" "$second"
rm "$work/copy"/j-*1
journal "$work/copy" verify
is "$CODE" 0 "but those that are missing at the front were sent"

server_set listening=1
settled
is "$(server_count seen /v1/use)" 4 "mode record sends nothing when the server is back"
stop_proxy record
is "$(records "$work/state")" 3 "and keeps what it has over its end"

# ---- replay ---------------------------------------------------------------------------------

# The server's list begins anew: what it saw before has other targets.
server_set listening=0
start_proxy replay state-dir="$work/state" journal-mode=replay license-key=$key
is "$(details depth)" 3 "a start in an outage finds the records"
use '/v1/use/2?q=query' -d '{"n":2}'
is "$CODE $(details depth)" "200 4" "and adds to them"
over
wait_for 20 depth_is 0
ok $? "when the server is back they are sent"
is "$(server_order /v1/use)" "1 1 2 3 3 1 2 2 " "in their order"
is "$(details replayed)" 4 "and counted"
is "$(records "$work/state")" 0 "none is left"
last=$(server_saw /v1/use | tail -n 20)
like "$last" "^Authorization: Token $secret" "with the credential that the client had"
is "$(server_saw /v1/use | grep -c '^Via: 1.1 license-proxy-')" 8 "with one Via each"
is "$(server_saw /v1/use | grep -c '{"n":2}')" 3 "with their bodies"
wait_for 5 logged 'the usage journal was sent.* records=4'
ok $? "which is told once"
journal "$work/state" verify
is "$CODE $OUT" "0 0 records, 0 that do not verify" "journal verify finds none"

# A denial of what was answered from trust ends the trust.
use /v1/denied -d '{}'
outage
use /v1/denied -d '{}'
is "$CODE" 200 "served from trust"
server_set deny="$secret"
over
wait_for 20 depth_is 0
is "$(details replayed_denials)" 1 "but denied when it is sent"
outage
use /v1/denied -d '{}'
is "$CODE" 504 "then it is trusted no more"
server_set deny=
over

# ---- the server, and the proxy, die in the middle --------------------------------------------

for i in {01..20}; do
    use "/v1/many/$i" -d "$i"
done
seen=$(server_count seen /v1/many)
outage
for i in {01..20}; do
    use "/v1/many/$i" -d "$i"
done
is "$(details depth)" 20 "twenty are recorded"
saw_more() {
    [ "$(server_count seen /v1/many)" -ge $((seen + $1)) ]
}
server_set listening=1
wait_for 30 saw_more 5
server_set listening=0
wait_for 10 logged 'msg="?replay"? outcome=outage'
ok $? "the server goes away in the middle"
left=$(details depth)
at_least "$left" 1 "some are left"
at_most "$left" 15 "some were sent"
server_set listening=1
wait_for 30 saw_more $((20 - left + 3))
{
    kill -KILL "$PID"
    wait "$PID"
} 2>/dev/null
programs=$(printf '%s' "$programs" | sed "s/replay:$PID//")
at_least "$(records "$work/state")" 1 "the proxy is killed in the middle"
journal "$work/state" verify
is "$CODE" 0 "what it leaves is well"
start_proxy again state-dir="$work/state" journal-mode=replay license-key=$key
wait_for 20 depth_is 0
ok $? "the next one sends the rest"
is "$(records "$work/state")" 0 "and leaves none"
order=$(server_order /v1/many | cut -d' ' -f21-)
is "$(tr ' ' '\n' <<<"$order" | grep . | uniq | sort -u | tr '\n' ' ')" "$(echo {01..20}) " \
    "the server has seen all of them"
is "$(tr ' ' '\n' <<<"$order" | grep . | uniq | tr '\n' ' ')" "$(echo {01..20}) " \
    "in order, each at least once"
at_most "$(wc -w <<<"$order")" 22 "and no more than two of them twice"

# A record that the server never answers holds up the others, but not the services.
use /v1/poison -d 1
use /v1/behind -d 1
outage
use /v1/poison -d 1
use /v1/behind -d 1
server_set status=500 only=/v1/poison
over
tried_twice() {
    [ "$(grep -cE 'msg="?replay"? outcome=outage status=500' "$LOG")" -ge 2 ]
}
wait_for 30 tried_twice
ok $? "a record that gets no answer is tried again"
is "$(details depth)" 2 "and stays the first"
server_set status=200 only=
wait_for 30 depth_is 0
ok $? "until there is an answer"

# ---- two instances on one directory -----------------------------------------------------------

outage
use /v1/shared/1 -d 1
is "$CODE" 504 "nothing is trusted yet"
server_set listening=1
for i in 1 2 3; do
    use "/v1/shared/$i" -d 1
done
outage
for i in 1 2 3; do
    use "/v1/shared/$i" -d 1
done
first_status=$STATUS
start_proxy other state-dir="$work/state" journal-mode=replay license-key=$key
is "$(details depth)" 3 "a second instance finds what the first has recorded"
use /v1/shared/2 -d 1
is "$CODE $(details depth)" "200 4" "serves it from trust and records it in a chain of its own"
over
wait_for 20 depth_is 0
STATUS=$first_status
wait_for 20 depth_is 0
is "$(details depth) $(records "$work/state")" "0 0" "with the server back, both leave none"
seen=$(server_saw /v1/shared | grep -c '^POST')
at_least "$seen" 7 "all reached it"
stop_proxy other

# ---- another license key -----------------------------------------------------------------------

stop_proxy again
printf '%s' "$key" >"$work/key"
start_proxy rotate state-dir="$work/state" journal-mode=record license-key-file="$work/key"
use /v1/use/9 -d 9
outage
use /v1/use/9 -d 9
use /v1/use/9 -d 9
is "$(details depth)" 2 "two are recorded"
printf 'another key' >"$work/key"
kill -HUP "$PID"
wait_for 10 logged 'journal is sealed anew'
ok $? "a reload with another license key seals them anew"
"$LICENSE_PROXY" journal verify --state-dir "$work/state" --license-key 'another key' >"$work/out"
is "$?" 0 "then they open with it"
use /v1/use/9 -d 9
"$LICENSE_PROXY" journal verify --state-dir "$work/state" --license-key 'another key' >"$work/out"
is "$? $(<"$work/out")" "0 3 records, 0 that do not verify" "and the chain goes on"
server_set listening=1
settled
stop_proxy rotate
start_proxy strange state-dir="$work/state" journal-mode=replay license-key=$key
wait_for 10 logged "records of the usage journal don't verify"
ok $? "a start with the old key tells of records that it can't open"
is "$(details not_verified) $(records "$work/state")" "3 3" "counts them, and leaves them there"
stop_proxy strange
rm "$work/state"/j-*

# ---- full, and storage that fails ------------------------------------------------------------

head -c 200000 /dev/zero | tr '\0' x >"$work/large"
start_proxy full state-dir="$work/full" journal-mode=replay journal-max-bytes=1048576
use /v1/large -d "@$work/large"
use /v1/small -d 1
is "$CODE" 200 "approved"
outage
for i in 1 2 3 4 5; do
    use /v1/large -d "@$work/large"
    is "$CODE" 200 "a large one is recorded: $i"
done
for i in 1 2; do
    use /v1/large -d "@$work/large"
    is "$CODE" 503 "one that the journal can't take is refused: $i"
done
like "$BODY" '^\{"error":"journal","message":"[^"]*journal[^"]*is full[^"]*","state":"TrustBased"\}' \
    "for that reason"
is "$(field retry-after)" 5 "with a time to come again"
is "$(grep -c 'usage journal is full' "$LOG")" 1 "which is logged once"
is "$(details refused) $(details refusing)" "2 true" "and counted"
use /v1/small -d 1
is "$CODE" 503 "so are small ones then"
is "$(records "$work/full")" 5 "nothing was lost"
over
wait_for 20 depth_is 0
ok $? "when they were sent"
wait_for 5 logged 'takes records again'
ok $? "the journal takes records again"
outage
use /v1/small -d 1
is "$CODE" 200 "and the request is served"
rm -r "$work/full"
use /v1/small -d 1
is "$CODE" 503 "a state directory that is gone"
like "$BODY" '"error":"journal"' "refuses what can't be recorded"
logged "level=error .*usage journal can't be written"
ok $? "and tells"
server_set listening=1
settled
finish
