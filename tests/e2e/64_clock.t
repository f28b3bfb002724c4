#!/bin/bash
# Turned clocks, with the program itself: the wall clock steps back and forward within a boot, across
# restarts of the process and across boots. Trust never lengthens, and a machine without a battery
# clock keeps what it has. The sanitizer build takes its clocks from a file; the machine's own are
# never touched.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

if [ -z "${SAN:-}" ]; then
    ! grep -q LP_CLOCK "$LICENSE_PROXY"
    ok $? "the release build has no clock that could be turned"
    note "all else is tried with the sanitizers' build"
    finish
fi

minute=60
day=86400
decade=315360000
now=$(date +%s)
read -r uptime _ </proc/uptime
uptime=${uptime%.*}
window=604800
state=$work/state
export LP_CLOCK=$work/clock

# turn WALL_S BOOT_S: from now on the wall clock is so far ahead, and the time since boot.
turn() {
    wall=$1 boot=$2
    echo "${wall}000000000 ${boot}000000000 $boot_name" >"$LP_CLOCK.new"
    mv "$LP_CLOCK.new" "$LP_CLOCK"
}

# step SECONDS: of the wall clock alone. pass SECONDS: of all clocks.
step() {
    turn $((wall + $1)) "$boot"
}
pass() {
    turn $((wall + $1)) $((boot + $1))
}

# reboot WALL_S: the machine is on again, for a minute.
boots=0
reboot() {
    boots=$((boots + 1))
    boot_name=boot$boots
    turn "$1" $((60 - uptime))
}

ask() {
    fetch /v1/a -d '{"license":"a"}'
    TTL=
    [[ $(field cache-status) =~ ttl=([0-9]+) ]] && TTL=${BASH_REMATCH[1]}
}

# left WANTED WHAT: how long the stored answer is trusted, give or take what the test takes.
left() {
    ask
    if [ "$2" = none ]; then
        isnt "$CODE" 200 "$3"
        return
    fi
    [ "$CODE" = 200 ] && [ "$TTL" -le "$1" ] && [ "$TTL" -ge $(($1 - 60)) ]
    ok $? "$3" || note "$CODE, ttl=$TTL instead of $1 or a bit less"
}

on() {
    start_proxy "$1" state-dir="$state" startup-timeout=3s license-key=k
}

# fresh NAME: an approval, stored now; then an outage.
fresh() {
    server_reset
    rm -rf "$state"
    reboot 0
    on "$1"
    ask
    [ "$CODE" = 200 ] || bail "no approval: $CODE $BODY"
    wait_for 10 stored
    server_set listening=0
    ask
}
stored() {
    compgen -G "$state/e-*"
}

start_server server

# ---- within a boot

fresh within
left $window "" "at first"
for by in $minute $day $decade; do
    for sign in + -; do
        step "$sign$by"
        left $window "" "the wall clock steps by $sign$by s: nothing changes"
        step $((0 - $sign$by))
        left $window "" "and back: nothing changes"
    done
done
step "-$now"
left $window "" "the wall clock steps to 1970: nothing changes"
like "$(curl -s "$STATUS/v1/status")" '"state":"TrustBased"' "nor does the state"
logged 'the wall clock was stepped'
ok $? "steps are told"
at_least "$(details clock_steps)" 5 "and counted"
pass $day
left $((window - day)) "" "a day passes"
stop_proxy within

on restarted
left $((window - day)) "" "a restart in 1970: nothing changes"
step $((now + decade))
left $((window - day)) "" "ten years ahead: nothing changes"
stop_proxy restarted
on again
left $((window - day)) "" "nor after another restart"
stop_proxy again
step $((-decade))
on back
left $((window - day)) "" "nor when the clock is right again"
pass $((window - day))
ask
isnt "$CODE" 200 "trust ends when its time has passed"
is "$(state)" Failed "and the state is Failed"
stop_proxy back

# ---- across boots

fresh first_boot
pass $day
stop_proxy first_boot
least=$((window - day))
for by in -$minute $minute $day -$minute -$day -$decade; do
    reboot $((wall + by))
    on "boot$boots"
    ask
    [ "$CODE" = 200 ] && [ "$TTL" -le "$least" ]
    ok $? "a boot with a wall clock that is $by s away: trust is no longer" ||
        note "$CODE ttl=$TTL after $least"
    least=$TTL
    # The power is cut.
    {
        kill -KILL "$PID"
        ends "$PID" 10
    } 2>/dev/null
    programs=
done
at_least "$least" $((window - 3 * day)) "and no shorter than it must be"
reboot $((-now))
on nineteen_seventy
ask
[ "$CODE" = 200 ] && [ "$TTL" -le "$least" ] && [ "$TTL" -ge $((least - 1300)) ]
ok $? "a boot in 1970 keeps what was left but for minutes" || note "$CODE ttl=$TTL after $least"
least=$TTL
step $((now + 2 * day))
ask
[ "$CODE" = 200 ] && [ "$TTL" -le "$least" ] && [ "$TTL" -ge $((least - 60)) ]
ok $? "when NTP answers it keeps what it has" || note "$CODE ttl=$TTL after $least"
server_reset
wait_for 70 is_state Connected
ask
is "$CODE" 200 "and with the server back all is as before"
stop_proxy nineteen_seventy

# Again and again, with the power cut a moment after each start: time goes on all the same.
server_set listening=0
before=
shorter=0
for n in 1 2 3 4; do
    reboot $((-now))
    on "cut$n"
    ask
    [ "$CODE" = 200 ] && [ -n "$before" ] && [ $((before - TTL)) -ge 590 ] && shorter=$((shorter + 1))
    before=${TTL:-0}
    {
        kill -KILL "$PID"
        ends "$PID" 10
    } 2>/dev/null
    programs=
done
is "$shorter" 3 "each boot in 1970 costs its ten minutes, though the power is cut at once"

reboot $decade
launch_proxy expired state-dir="$state" startup-timeout=1s license-key=k
ends "$PID" 15
is "$CODE" 69 "a boot ten years later trusts nothing: exit code 69"

finish
