#!/bin/bash
# Runs once. The units of tools/deploy/systemd as "make install" puts them: systemd takes them, finds
# little that they could do, and, as the first process of namespaces with an /etc and /run of their own,
# runs them as they stand: state in words, reload, a restart under load that refuses nobody, a stuck
# process, and faults that no restart mends. 17 s.
# shellcheck disable=SC2317 # functions called by wait_for
if [ -z "${TEST_IS_ALONE:-}" ]; then
    unshare --mount --net true 2>/dev/null || {
        echo "1..0 # SKIP no rights to make network and mount namespaces"
        exit
    }
    TEST_IS_ALONE=1 exec unshare --mount --net "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cgroup=
trap 'stop_systemd 2>/dev/null; cleanup' EXIT
ip link set lo up || bail "the loopback interface doesn't come up"

stop_systemd() {
    [ -n "$cgroup" ] || return 0
    echo 1 >"$cgroup/cgroup.kill"
    wait_for 10 grep -q 'populated 0' "$cgroup/cgroup.events"
    find "$cgroup" -depth -type d -exec rmdir {} +
    cgroup=
    wait "$unshared"
}

# What the units name is made here, and nowhere else: /etc as it is, with our folder; an empty /run.
mkdir "$work/etc"
if ! { cp -a /etc/. "$work/etc" && mkdir -p "$work/etc/license-proxy" &&
    mount --bind "$work/etc" /etc && mount -t tmpfs -o mode=755 tmpfs /run; }; then
    bail "no /etc and /run of our own"
fi
MAKEFLAGS='' make -s -C "$root" install PREFIX=/run/installed >"$work/made" 2>&1
ok $? "make install" || note "$(<"$work/made")"
units=/run/installed/lib/systemd/system

# ---- what systemd says of them

is "$(cd "$units" && systemd-analyze verify --man=no -- * 2>&1)" "" "systemd-analyze verify: no complaint"
sed -i 's/^WatchdogSec/WatchdogsSec/' "$units/license-proxy.service"
like "$(systemd-analyze verify --man=no "$units/license-proxy.service" 2>&1)" 'WatchdogsSec' \
    "it would complain"
sed -i 's/^WatchdogsSec/WatchdogSec/' "$units/license-proxy.service"
says=$(systemd-analyze security --offline=true "$units/license-proxy.service" 2>&1)
exposure=$(sed -n 's/.*exposure level for license-proxy.service: \([0-9]*\)\.\([0-9]*\).*/\1\2/p' <<<"$says")
at_most "${exposure:-100}" 19 "systemd-analyze security: exposure below 2.0, in tenths" || note "$says"

# ---- how it runs them

# start_systemd: in a control group of its own, which is the root of what it sees.
start_systemd() {
    local mount
    mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    mkdir "${mount:-/nowhere}/license-proxy-test-$$" 2>/dev/null || return 1
    cgroup=$mount/license-proxy-test-$$
    cat >"$work/first" <<'END'
set -e
echo 0 >"$1/cgroup.procs"
exec unshare --cgroup --mount --pid --fork --kill-child=KILL --uts --ipc sh -ec '
    mount --make-rprivate /
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /sys/fs/cgroup || true
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    for dir in /tmp /var/tmp /var/lib; do
        mount -t tmpfs -o mode=755 tmpfs $dir
    done
    mount --make-rshared /
    exec /lib/systemd/systemd --system --unit=basic.target --show-status=no --log-target=null
    '
END
    env -i PATH="$PATH" container=test SYSTEMD_UNIT_PATH="/run/units:$units" sh "$work/first" \
        "$cgroup" >"$work/systemd.log" 2>&1 &
    unshared=$!
    started="$started $unshared"
    wait_for 20 has_first && wait_for 20 systemctl list-units
}
has_first() {
    FIRST=$(head -n 1 "$cgroup/init.scope/cgroup.procs") && [ -n "$FIRST" ] && [ -S /run/systemd/private ]
}
as_root() {
    nsenter --target "$FIRST" --mount --pid "$@"
}
systemctl() {
    as_root timeout 30 /bin/systemctl "$@"
}
property() {
    systemctl show --value --property "$1" license-proxy.service
}
is_property() {
    [ "$(property "$1")" = "$2" ]
}

# Of the system's own units none, but the names that others wait for.
mkdir -p /run/units/license-proxy.service.d
for target in sysinit basic sockets multi-user network-online shutdown; do
    printf '[Unit]\nDefaultDependencies=no\n' >"/run/units/$target.target"
done
printf '[Service]\nStandardError=append:/run/proxy.log\n' >/run/units/license-proxy.service.d/test.conf
if ! start_systemd; then
    note "$(<"$work/systemd.log")"
    ok 0 "run by systemd # SKIP no control group for a systemd of our own"
    finish
fi
start_server server
cd /etc/license-proxy || bail "no /etc/license-proxy"
cp "$work/ca.crt" ca.pem
sed "s|https://license.example.com|$SERVER|" "$root/tools/deploy/systemd/license-proxy.toml" \
    >license-proxy.toml
printf '[upstream]\nca_file = "/etc/license-proxy/ca.pem"\n' >>license-proxy.toml
chmod 644 ./*
chmod 755 .
echo the-license-key >license-key
chmod 600 license-key
echo LICENSE_PROXY_LOG_LEVEL=debug >environment
chmod 600 environment

sockets="license-proxy.socket license-proxy-status.socket"
# shellcheck disable=SC2086 # two words
says=$(systemctl enable --now $sockets license-proxy.service 2>&1)
LOG=/run/proxy.log
URL=https://127.0.0.1:8443
is "$(property ActiveState)" active "starts" || note "$says
$(systemctl status license-proxy.service 2>&1)
$(tail -n 5 "$LOG" 2>&1)"
is "$(property StatusText)" "Connected: the license server answers" "its state, in words"
fetch /v1/a
is "$CODE" 200 "serves"
like "$(server_saw /)" '^Authorization: Token the-license-key' "with the key that only root can read"
complaints() {
    grep -o 'msg="[^"]*the kernel has no.*' "$LOG"
    grep -E 'level=(warn|error)' "$LOG"
}
kept=$(complaints)
start_proxy plain state-dir="$work/state"
is "$kept" "$(complaints)" "the units keep nothing from it that it asks of the kernel"
stop_proxy plain
LOG=/run/proxy.log
URL=https://127.0.0.1:8443
STATUS=http://127.0.0.1:8080
first=$(property MainPID)
owner=$(as_root stat -c %u "/proc/$first")
isnt "${owner:-0}" 0 "as a user of its own"
stored() {
    as_root sh -c 'ls /var/lib/license-proxy/ | grep -q ^e-'
}
wait_for 10 stored
ok $? "state is in /var/lib/license-proxy"
systemctl reload license-proxy.service
wait_for 10 logged 'msg="reloaded'
ok $? "reloads"
wait_for 10 is_property ActiveState active
ok $? "and is active again"
server_set listening=0
fetch /v1/a
is_trust() {
    [[ $(property StatusText) == "TrustBased: "*" until 20"* ]]
}
wait_for 10 is_trust
ok $? "an outage, in words" || note "$(property StatusText)"
systemctl restart license-proxy.service
fetch /v1/a
is "$CODE" 200 "restarted in the outage it serves what was stored"
server_reset

start_load "$URL/v1/load/1"
start_load "$URL/v1/load/2"
restarts=0
for _ in 1 2 3; do
    load_goes_on 10
    before=$(property MainPID)
    systemctl restart license-proxy.service && [ "$(property MainPID)" != "$before" ] &&
        restarts=$((restarts + 1))
done
load_goes_on 10
stop_load
is "$restarts" 3 "three restarts under load"
is "$(grep -v '^200 ' "$work/answers")" "" "no request failed, of $(grep -c . "$work/answers")"

printf '[Service]\nWatchdogSec=1s\n' >>/run/units/license-proxy.service.d/test.conf
systemctl daemon-reload
systemctl restart license-proxy.service
first=$(property MainPID)
as_root kill -STOP "$first"
is_replaced() {
    [ "$(property MainPID)" != "$first" ] && is_property ActiveState active
}
wait_for 30 is_replaced
ok $? "a stuck process is replaced"
fetch /v1/a
is "$CODE" 200 "and the next one serves"
echo 'windw = "7d"' >>license-proxy.toml
systemctl restart license-proxy.service 2>/dev/null
wait_for 20 is_property SubState failed
is "$(property ExecMainStatus) $(property NRestarts)" "78 0" "a configuration with a fault: no restart mends it"
sed -i '$d' license-proxy.toml
systemctl start license-proxy.service
is "$(property ActiveState)" active "mended, it starts"
systemctl stop license-proxy.service 2>/dev/null
is "$(property Result) $(property ExecMainStatus)" "success 0" "and ends well"
stop_systemd 2>/dev/null
finish
