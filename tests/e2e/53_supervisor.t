#!/bin/bash
# Under a supervisor such as systemd: it is told how the service is (sd_notify(3)), and may hold the
# listening sockets (sd_listen_fds(3)), so that a restart refuses nobody. Takes 20 seconds.
# shellcheck disable=SC2317 # functions called by wait_for
if [ -z "${HELD_PORTS:-}" ]; then
    # This shell, and so each proxy it starts, has two listening sockets as descriptors 3 and 4.
    exec perl -MIO::Socket::INET -MPOSIX=dup2 -e '
        $^F = 99;
        for (3, 4) {
            my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 128) or die $!;
            dup2(fileno $s, $_) or die $!;
            push @keep, $s;
            $ENV{HELD_PORTS} .= $s->sockport . " ";
        }
        exec @ARGV' "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
read -r held_a held_b <<<"$HELD_PORTS"
real=$LICENSE_PROXY

# ---- it is told how the service is

# listen_for ADDRESS: what is sent to it goes to $work/told, a line a message, "|" between lines.
listen_for() {
    : >"$work/told"
    perl -MSocket -e '
        my ($address, $out) = @ARGV;
        $address =~ s/^@/\0/;
        socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!;
        bind($s, pack_sockaddr_un($address)) or die $!;
        open(my $f, ">>", $out) or die $!;
        $f->autoflush;
        print $f "listening\n";
        while (defined recv($s, my $m, 4096, 0)) {
            $m =~ s/\n/|/g;
            print $f "$m\n";
        }' "$1" "$work/told" 2>"$work/listener" &
    LISTENER=$!
    started="$started $LISTENER"
    wait_for 10 grep -q listening "$work/told" || bail "nobody listens: $(<"$work/listener")"
}

# told ERE: whether a message was such; told_times ERE: how many.
told() {
    grep -Eq -- "$1" "$work/told"
}
told_times() {
    grep -Ec -- "$1" "$work/told"
}
at_least_told() {
    [ "$(told_times "$2")" -ge "$1" ]
}

# has_told ERE WHAT: now or soon.
has_told() {
    wait_for 10 told "$1"
    ok $? "$2" || note "$(<"$work/told")"
}

start_server server
server_set listening=0
listen_for "$work/notify"
echo first-license-key >"$work/license.key"
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=400000 launch_proxy path startup-timeout=60s \
    license-key-file="$work/license.key" drain-timeout=30s
has_told '^EXTEND_TIMEOUT_USEC=70000000\|STATUS=Ready: waiting' "at the start: what it waits for, and how long"
has_told '^STATUS=Failed: ' "while the license server doesn't answer: the state"
has_told '^WATCHDOG=1$' "and that the loop turns"
! told READY
ok $? "but not that it is ready"
server_set listening=1
find_ports || bail "it doesn't serve"
programs="path:$PID"
has_told '^READY=1\|STATUS=Connected: ' "ready once it serves"
fetch /v1/a
server_set listening=0
fetch /v1/a
has_told '^STATUS=TrustBased: .* until 20[0-9-]*T[0-9:.]*Z$' "TrustBased, and until when"
server_reset
monotonic() {
    perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e 'printf "%d", 1e6 * clock_gettime(CLOCK_MONOTONIC)'
}
before=$(monotonic)
kill -HUP "$PID"
wait_for 10 at_least_told 2 'READY=1'
stamp=$(sed -n 's/^RELOADING=1|MONOTONIC_USEC=//p' "$work/told")
at_least "${stamp:-0}" "$before" "a reload: told, with a stamp not before the order"
at_most "${stamp:-0}" "$(monotonic)" "and not after now"
like "$(grep -A 9 RELOADING "$work/told")" '^READY=1' "then ready again"
rm "$work/license.key"
kill -HUP "$PID"
has_told '^READY=1\|STATUS=reload failed: .*license.key' "a reload that failed: ready, and why"
count=$(told_times WATCHDOG)
wait_for 10 at_least_told $((count + 3)) WATCHDOG
ok $? "WATCHDOG=1 goes on"
stop_proxy path
has_told '^STOPPING=1\|EXTEND_TIMEOUT_USEC=40000000\|STATUS=draining; ' "the end, and how long it may take"
! told first-license-key
ok $? "no license key in any message"
kill "$LISTENER"

listen_for "@license-proxy-test-$$"
NOTIFY_SOCKET="@license-proxy-test-$$" WATCHDOG_USEC=400000 WATCHDOG_PID=1 start_proxy abstract
has_told '^READY=1' "an abstract socket"
fetch /v1/a
stop_proxy abstract
has_told '^STOPPING=1' "until the end"
! told WATCHDOG
ok $? "no WATCHDOG=1 if another process is watched"

for nowhere in "$work/nobody" relative "/$(printf 'a%.0s' {1..200})" vsock:2:1; do
    NOTIFY_SOCKET=$nowhere start_proxy "nowhere$tests"
    fetch /v1/a
    is "$CODE" 200 "serves when there is nobody at NOTIFY_SOCKET=${nowhere:0:20}"
    stop_proxy "$name"
done

# ---- it holds the sockets

cat >"$work/activated" <<END
#!/bin/sh
LISTEN_PID=\${LISTENER_PID:-\$\$} exec "$real" "\$@"
END
chmod +x "$work/activated"
LICENSE_PROXY=$work/activated
export LISTEN_FDS LISTEN_FDNAMES

LISTEN_FDS=2 start_proxy order host=192.0.2.1
is "$PORT $STATUS_PORT" "$held_a $held_b" "without names the first is the licensing port, then status"
fetch /v1/a
is "$CODE" 200 "and serves"
is "$(state)" Connected "as does the status port"
stop_proxy order
LISTEN_FDS=2 LISTEN_FDNAMES=status:licensing start_proxy names
is "$PORT $STATUS_PORT" "$held_b $held_a" "with names it goes by them"
stop_proxy names
LISTEN_FDS=1 LISTEN_FDNAMES=status start_proxy one
is "$STATUS_PORT" "$held_a" "one alone is taken"
isnt "$PORT" "$held_b" "the other bound"
stop_proxy one
LISTEN_FDS=2 LISTENER_PID=1 start_proxy others
isnt "$PORT" "$held_a" "sockets meant for another process are left alone"
stop_proxy others

# refused WHAT ERE [NAME=VALUE...] with descriptor 3 as given.
refused() {
    local what=$1 pattern=$2
    shift 2
    LISTEN_FDS=1 launch refused env "$@" "$LICENSE_PROXY" serve --server-url "$SERVER"
    ends "$PID" 10
    is "$CODE" 78 "$what: exit code 78"
    like "$(<"$LOG")" "$pattern" "$what: says why"
    rm "$LOG"
}
refused "too many sockets" 'LISTEN_FDS: more than' LISTEN_FDS=3
refused "an unknown name" 'LISTEN_FDNAMES: name one socket licensing' LISTEN_FDNAMES=http
refused "one name twice" 'LISTEN_FDNAMES: name one' LISTEN_FDS=2 LISTEN_FDNAMES=status:status
refused "no socket" 'the licensing socket is no listening TCP' 3</dev/null
refused "a socket that doesn't listen" 'the status socket is no listening TCP' \
    LISTEN_FDNAMES=status 3<>"/dev/tcp/127.0.0.1/$SERVER_PORT"

# ---- who connects while nobody serves waits

export LISTEN_FDS=2
URL=https://127.0.0.1:$held_a
STATUS=http://127.0.0.1:$held_b
server_set listening=0
launch_proxy wait startup-timeout=60s
is_starting() {
    [ "$(details outages)" -ge 1 ]
}
wait_for 10 is_starting
curl -sk -m 60 -o /dev/null -w '%{http_code}' "$URL/v1/a" >"$work/waited" 2>/dev/null &
waiter=$!
server_reset
find_ports
ends "$waiter" 60
is "$(<"$work/waited")" 200 "who connected before it served is answered when it does"

for n in 1 2 3; do
    start_load "$URL/v1/load/$n"
done
start_load "$STATUS/v1/status" statuses
for n in 1 2 3 4 5; do
    load_goes_on 10
    end_proxy "$PID"
    [ "$CODE" = 0 ] || note "ended with $CODE"
    launch_proxy "again$n"
    find_ports || bail "it doesn't serve again"
done
load_goes_on 10
stop_load
at_least "$(grep -c '^200 ' "$work/answers")" 60 "five restarts under load"
is "$(grep -v '^200 ' "$work/answers")" "" "no request failed"
at_least "$(grep -c '^200 ' "$work/statuses")" 5 "and on the status port"
is "$(grep -v '^200 ' "$work/statuses")" "" "none either"
end_proxy "$PID"
is "$CODE" 0 "it ends well"
finish
