#!/bin/bash
# What the running processes may do, as the kernel tells it: the proxy, the process that starts
# helpers, the resolver and the storage helper. Which system calls and files each list admits is
# tests/unit/sandbox.c's to show; that none is forgotten, every other test's, for they all run with
# the sandbox in kill mode.
# Runs once.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

nobody=65534
chmod 711 "$work"

# helpers: those of the proxy started last, in the order of their start.
helpers() {
    tr ' ' '\n' <"/proc/$PID/task/$PID/children" | grep . | sort -n
}

# status_of PID NAME
status_of() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# replaced PID: whether there are three helpers, and it is none of them.
replaced() {
    [ "$(helpers | wc -l)" = 3 ] && ! helpers | grep -qx "$1"
}

# is_confined PID WHAT FILTERS
is_confined() {
    is "$(status_of "$1" NoNewPrivs)" 1 "$2: no new privileges"
    is "$(status_of "$1" Seccomp) $(status_of "$1" Seccomp_filters)" "2 $3" "$2: system calls are filtered"
    is "$(grep -c '^Cap...:.0000000000000000$' "/proc/$1/status")" 5 "$2: no capabilities in any set"
    like "$(<"/proc/$1/limits")" 'Max core file size +0 +0' "$2: no core"
}

start_server server

# ---- what each may do

start_proxy confined state-dir="$work/state" port=0
fetch /approved
is "$CODE" 200 "it relays"
read -r spawner resolver storage <<<"$(helpers | tr '\n' ' ')"
is_confined "$PID" proxy 1
is_confined "$spawner" spawner 1
is_confined "$resolver" resolver 2
is_confined "$storage" storage 2
# Which lines ran (tests/coverage) is told in files, so that build's sandbox is wider.
if [ -z "${COVERAGE:-}" ]; then
    like "$(<"/proc/$resolver/limits")" 'Max file size +0 +0' "the resolver writes no file"
    like "$(<"/proc/$storage/limits")" 'Max processes +0 +0' "the storage helper starts no process"
fi
is "$(find /proc/"$spawner"/fd -mindepth 1 -printf '%l\n' | grep -vc "^pipe:\|^/\|^socket:")" 0 "spawner: nothing odd is open"
is "$(find "/proc/$spawner/fd" -mindepth 1 | wc -l)" 4 "spawner: its socket alone, beside the standard ones"

at_least "$(status_of "$PID" VmLck | tr -dc 0-9)" 4 "kB of the proxy's memory are locked"

# ---- helpers that end

for pid in $resolver $storage; do
    kill -KILL "$pid"
    wait_for 10 replaced "$pid"
    ok $? "a helper that ended is replaced"
done
for pid in $(helpers | tail -n 2); do
    is_confined "$pid" "its successor" 2
done
fetch /approved
is "$CODE" 200 "and it relays on"
kill -SYS "$(helpers | tail -n 1)"
wait_for 10 logged 'level=error msg="a helper process was ended, for it made a system call'
ok $? "one that the sandbox ended is told of"

rm -rf "$work/state"
fetch /while-gone
mkdir -m 700 "$work/state"
is_stored() {
    fetch "/again/$RANDOM"
    [ -n "$(find "$work/state" -name 'e-*' | head -n 1)" ]
}
wait_for 20 is_stored
ok $? "a state directory that was made anew is used"
unlike "$(<"$LOG")" 'level=error msg="the process that starts' "the spawner goes on"

fetch /last -o /dev/null
kill -KILL "$(helpers | head -n 1)"
ends "$PID" 15
is "$CODE" 70 "without the process that starts helpers the proxy ends"
like "$(<"$LOG")" 'level=error msg="the process that starts helper processes ended' "and says so"
programs=

# ---- reload

make_cert first ca DNS:localhost,IP:127.0.0.1
make_cert second ca DNS:localhost,IP:127.0.0.1
mkdir "$work/tls" "$work/elsewhere" "$work/conf"
cp "$work/ca.crt" "$work/conf"
cp "$work/first.crt" "$work/tls/cert"
cp "$work/first.key" "$work/tls/key"
cp "$work/second.crt" "$work/elsewhere/cert"
cp "$work/second.key" "$work/elsewhere/key"
conf() {
    printf '[tls]\ncert = "%s/cert"\nkey = "%s/key"\n' "$1" "$1" >"$work/new" && mv "$work/new" "$work/conf/conf.toml"
}
conf "$work/tls"
launch reload env LICENSE_PROXY_SERVER_URL="$SERVER" LICENSE_PROXY_CA_FILE="$work/conf/ca.crt" LICENSE_PROXY_HOST=127.0.0.1 \
    LICENSE_PROXY_PORT=0 LICENSE_PROXY_STATUS_PORT=0 "$LICENSE_PROXY" serve "$work/conf/conf.toml"
find_ports || bail "it doesn't serve"
programs="reload:$PID"
served() {
    openssl s_client -connect "127.0.0.1:$PORT" </dev/null 2>/dev/null | openssl x509 -noout -serial
}
serial() {
    openssl x509 -noout -serial -in "$1"
}
is_served() {
    [ "$(served)" = "$(serial "$1")" ]
}
for part in crt key; do
    cp "$work/second.$part" "$work/tls/new.$part"
done
mv "$work/tls/new.crt" "$work/tls/cert"
mv "$work/tls/new.key" "$work/tls/key"
kill -HUP "$PID"
wait_for 10 is_served "$work/second.crt"
ok $? "files that were replaced by renaming are read again"
if [ -z "${COVERAGE:-}" ]; then
    conf "$work/elsewhere"
    kill -HUP "$PID"
    wait_for 10 logged 'reload failed.*elsewhere/cert: Permission denied.*restart'
    ok $? "files elsewhere can't be, and the log tells what to do"
    is_served "$work/second.crt"
    ok $? "the old ones serve on"
fi
stop_proxy reload

# ---- modes

start_proxy off sandbox=off
is "$(status_of "$PID" Seccomp)" 0 "switched off, system calls aren't filtered"
is "$(status_of "$PID" NoNewPrivs) $(status_of "$PID" CapEff)" "1 0000000000000000" "but no privileges are left"
logged 'level=warn msg="the sandbox is off"'
ok $? "which it says"
stop_proxy off

real=$LICENSE_PROXY
# shellcheck disable=SC2016
printf '#!/bin/sh\nulimit -l 0\nexec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock %s "$@"\n' "$real" >"$work/wrapped"
chmod 755 "$work/wrapped"
LICENSE_PROXY=$work/wrapped start_proxy errno sandbox=errno
is "$(status_of "$PID" Seccomp)" 2 "with errors, they are"
logged 'level=info msg="keys may be swapped out'
ok $? "without a right to lock memory, it says so"
stop_proxy errno

# old_kernel ERRNO CALL...: runs the program where these calls don't exist; numbers of x86-64.
if [ "$(od -An -tx1 -j18 -N2 "$real")" = ' 3e 00' ]; then
    cat >"$work/old_kernel" <<'END'
my ($errno, @calls) = split(/,/, shift);
syscall(157, 38, 1, 0, 0, 0);
for my $call (@calls) {
    my $code = pack("SCCL" x 4, 0x20, 0, 0, 0, 0x15, 0, 1, $call, 6, 0, 0, 0x50000 | $errno, 6, 0, 0, 0x7fff0000);
    my $program = pack("Sx6P", 4, $code);
    syscall(317, 1, 0, $program) == 0 or die "seccomp: $!";
}
exec(@ARGV) or die "exec: $!";
END
    # lacking CALLS NAME: a proxy on such a kernel.
    lacking() {
        printf '#!/bin/sh\nexec perl %s %s %s "$@"\n' "$work/old_kernel" "$1" "$real" >"$work/wrapped"
        chmod 755 "$work/wrapped"
        LICENSE_PROXY=$work/wrapped start_proxy "$2" state-dir="$work/$2.state"
        fetch /approved
        is "$CODE" 200 "$2: it serves"
    }
    lacking 38,444 no-landlock
    is "$(grep -c 'level=info msg="no sandbox for files: the kernel has no Landlock"' "$LOG")" 1 "which is said once"
    is "$(status_of "$PID" Seccomp_filters)" 2 "system calls are filtered all the same"
    stop_proxy no-landlock
    lacking 22,157,317 no-seccomp
    is "$(grep -c 'level=warn msg="no sandbox for system calls: the kernel has no seccomp filters"' "$LOG")" 1 "which is said once"
    stop_proxy no-seccomp
fi

# ---- another user

[ "$(id -u)" = 0 ] || finish
chmod 755 "$work"
chmod 644 "$work/ca.crt"
# A port that only root may bind.
for port in 811 823 834 845 856 867 878 889; do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
mkdir -m 777 "$work/open"
printf '#!/bin/sh\nexec setpriv --groups 4,5 %s "$@"\n' "$LICENSE_PROXY" >"$work/wrapped"
LICENSE_PROXY=$work/wrapped start_proxy user user=$nobody port="$port" state-dir="$work/open/state"
is "$PORT" "$port" "ports are bound before the user changes"
for pid in "$PID" $(helpers); do
    is "$(status_of "$pid" Uid | tr '\t' ' ')" "$nobody $nobody $nobody $nobody" "all processes are another user's"
    is "$(status_of "$pid" Gid | tr '\t' ' ')" "$nobody $nobody $nobody $nobody" "and group's"
    is "$(status_of "$pid" Groups)" "" "and in no other"
    is "$(stat -c %u "/proc/$pid/mem")" 0 "and can't be looked into by that user's other processes"
done
is "$(stat -c '%u %a' "$work/open/state")" "$nobody 700" "the state directory is made for it"
fetch /approved
is "$CODE" 200 "it serves"
stop_proxy user

# refused WANTED WORDS SETTING...
refused() {
    wanted=$1 words=$2
    shift 2
    launch_proxy refused "$@"
    ends "$PID" 10
    is "$CODE" "$wanted" "exit code with $1"
    like "$(<"$LOG")" "$words" "and words"
    rm -f "$LOG"
}
refused 78 'user nobody-of-that-name: not in /etc/passwd' user=nobody-of-that-name
refused 78 'user 1:x: not in' user=1:x
mkdir -m 700 "$work/mine"
refused 77 "$work/mine: the state directory belongs to user 0, this is user $nobody .chown -R $nobody" user=$nobody state-dir="$work/mine"
chmod 600 "$work/first.key"
refused 77 'first.key: Permission denied' user=$nobody tls-cert="$work/first.crt" tls-key="$work/first.key"

echo secret >"$work/key.txt"
chmod 600 "$work/key.txt"
start_proxy warned user=nobody license-key-file="$work/key.txt"
logged 'level=warn msg="a reload will fail: the user that the proxy runs as can.t read this file" file=[^ ]*/key.txt'
ok $? "a file that only root reads is told of"
stop_proxy warned

# A container's root reads files of the host's users, which takes a capability.
chown $nobody "$work/first.key"
start_proxy foreign tls-cert="$work/first.crt" tls-key="$work/first.key"
is "$(status_of "$PID" CapEff)" 0000000000000004 "the capability to read others' files is kept where it is needed"
like "$(<"$LOG")" 'level=warn msg="a capability to read.*file=[^ ]*/first.key' "with a warning"
for pid in $(helpers); do
    is "$(status_of "$pid" CapEff)" 0000000000000000 "but not by a helper"
done
kill -HUP "$PID"
wait_for 10 logged 'msg="reloaded:'
ok $? "so that a reload works"
finish
