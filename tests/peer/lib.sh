#!/bin/bash
# Shared by the tests beside other implementations: what tests/e2e/lib.sh has, and the egress
# proxies of build/fetched/peers, each with a configuration of its own in the test's folder.
#
# What the functions leave behind:
#   start_squid, start_tinyproxy, …   PEER_PID, PEER_PORT (start_squid: TLS_PORT, too)
#   start_script                      PEER_PID, PEER_PORT; $work/NAME.says tells what it saw
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
peers=$root/build/fetched/peers
cpu=$(uname -m)
libraries=$peers/usr/lib/$cpu-linux-gnu:$peers/lib/$cpu-linux-gnu
unset HTTPS_PROXY https_proxy ALL_PROXY all_proxy NO_PROXY no_proxy HTTP_PROXY http_proxy

[ -e "$peers/complete" ] || {
    echo "Bail out! the egress proxies are missing: run tools/setup check"
    exit 1
}

# Some of them give root's rights away before they write or read.
chmod 711 "$work"

# free_port: sets FREE_PORT, below the range from which the system takes ports for others.
free_port() {
    for _ in 1 2 3 4 5 6 7 8 9; do
        FREE_PORT=$((RANDOM % 20000 + 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$FREE_PORT") 2>/dev/null || return 0
    done
    bail "no free port"
}

# is_listening PID PORT: whether the process has ended, or something listens on 127.0.0.1:PORT.
is_listening() {
    local hex
    printf -v hex ':%04X 00000000:0000 0A' "$2"
    has_ended "$1" || grep -q "$hex" /proc/net/tcp
}

# start_peer NAME PORT COMMAND...: runs it until the test ends, and waits for its port.
start_peer() {
    local name=$1 port=$2
    shift 2
    LD_LIBRARY_PATH=$libraries "$@" </dev/null >"$work/$name.says" 2>&1 &
    PEER_PID=$!
    PEER_PORT=$port
    started="$started $PEER_PID"
    wait_for 20 is_listening "$PEER_PID" "$port"
    if has_ended "$PEER_PID"; then
        note "$(cat "$work/$name.says")"
        bail "$name does not start"
    fi
}

# stop_peer PID
stop_peer() {
    kill -KILL "$1"
    ends "$1" 5 2>/dev/null
}

# peer_dir NAME: sets DIR, a folder where a program without rights may write.
peer_dir() {
    DIR=$work/$1
    mkdir -p "$DIR"
    chmod 777 "$DIR"
}

# start_squid NAME [CERT] [LINE...]: tunnels to ports at and above 1024, and whatever the lines add
# before that; with CERT ("" for none) also as an https proxy, on TLS_PORT. Users are in $DIR/users.
start_squid() {
    local name=$1 cert=$2 tls=
    shift 2
    peer_dir "$name"
    mkdir "$DIR/errors" "$DIR/icons"
    cp "$peers/usr/share/squid-langpack/templates/"* "$peers/usr/share/squid/errors/templates/"* \
        "$DIR/errors" 2>/dev/null
    cp "$peers/usr/share/squid/mime.conf" "$peers/usr/lib/squid/basic_ncsa_auth" "$DIR"
    printf 'user:%s\n' "$(openssl passwd -apr1 right)" >"$DIR/users"
    chmod -R a+rX "$DIR"
    free_port
    TLS_PORT=$FREE_PORT
    [ -z "$cert" ] || {
        cp "$work/$cert.crt" "$work/$cert.key" "$DIR"
        chmod a+r "$DIR/$cert.key"
        tls="https_port 127.0.0.1:$TLS_PORT tls-cert=$DIR/$cert.crt tls-key=$DIR/$cert.key"
    }
    free_port
    {
        cat <<END
http_port 127.0.0.1:$FREE_PORT
$tls
pid_filename none
cache_log stdio:/dev/null
access_log none
cache deny all
coredump_dir $DIR
error_directory $DIR/errors
icon_directory $DIR/icons
mime_table $DIR/mime.conf
pinger_enable off
unlinkd_program /bin/true
shutdown_lifetime 0 seconds
dns_nameservers 127.0.0.1
dns_timeout 500 milliseconds
dns_retransmit_interval 500 milliseconds
connect_timeout 2 seconds
connect_retries 0
auth_param basic program $DIR/basic_ncsa_auth $DIR/users
auth_param basic realm tests
acl users proxy_auth REQUIRED
acl high port 1024-65535
END
        echo "include $DIR/rules
http_access allow high
http_access deny all"
    } >"$DIR/conf"
    restart_squid "$name" "$FREE_PORT" "$@"
}

# restart_squid NAME PORT [LINE...]: the one that was started so, with other lines.
restart_squid() {
    local name=$1 port=$2 line
    shift 2
    DIR=$work/$name
    for line; do
        echo "$line"
    done >"$DIR/rules"
    start_peer "$name" "$port" "$peers/usr/sbin/squid" -N -n "s$port" -f "$DIR/conf"
}

# start_tinyproxy NAME [LINE...]
start_tinyproxy() {
    local name=$1 line
    shift
    peer_dir "$name"
    free_port
    {
        cat <<END
Port $FREE_PORT
Listen 127.0.0.1
Timeout 20
MaxClients 20
PidFile "$DIR/pid"
DefaultErrorFile "$DIR/none.html"
LogLevel Error
END
        for line; do
            echo "$line"
        done
    } >"$DIR/conf"
    start_peer "$name" "$FREE_PORT" "$peers/usr/bin/tinyproxy" -d -c "$DIR/conf"
}

# start_microsocks NAME [OPTION...]
start_microsocks() {
    local name=$1
    shift
    free_port
    start_peer "$name" "$FREE_PORT" "$peers/usr/bin/microsocks" -i 127.0.0.1 -p "$FREE_PORT" "$@"
}

# start_dante NAME RULE...: a SOCKS5 server without authentication; socks rules, first match wins.
start_dante() {
    local name=$1 rule
    shift
    peer_dir "$name"
    free_port
    {
        cat <<END
logoutput: stderr
internal: 127.0.0.1 port = $FREE_PORT
external: lo
clientmethod: none
socksmethod: none
user.privileged: $(id -un)
user.unprivileged: $(id -un)
client pass { from: 0/0 to: 0/0 }
END
        for rule; do
            echo "$rule"
        done
    } >"$DIR/conf"
    start_peer "$name" "$FREE_PORT" "$peers/usr/sbin/danted" -f "$DIR/conf" -p "$DIR/pid"
}

# start_stunnel NAME CERT PORT: TLS in front of a port.
start_stunnel() {
    local name=$1 cert=$2 behind=$3
    peer_dir "$name"
    free_port
    cat >"$DIR/conf" <<END
foreground = yes
pid =
syslog = no
[proxy]
accept = 127.0.0.1:$FREE_PORT
connect = 127.0.0.1:$behind
cert = $work/$cert.crt
key = $work/$cert.key
END
    start_peer "$name" "$FREE_PORT" "$peers/usr/bin/stunnel4" "$DIR/conf"
}

# start_by WAY NAME [SETTING=VALUE...]: the proxy, told of an egress proxy by WAY, which is a
# variable with its value ("HTTPS_PROXY=http://…") or a setting ("proxy=…").
launch_by() {
    local way=$1
    shift
    case $way in
    proxy=*) launch_proxy "$@" "$way" ;;
    *)
        export "${way%%=*}=${way#*=}"
        launch_proxy "$@"
        unset "${way%%=*}"
        ;;
    esac
}

start_by() {
    launch_by "$@"
    find_ports || bail "the proxy '$2' doesn't serve"
    programs="$programs $2:$PID"
}

# goes_through WAY NAME WHAT [SETTING=VALUE...]: a licensing request reaches the license server by
# that way, again on a connection that is kept.
goes_through() {
    local way=$1 name=$2 what=$3
    shift 3
    start_by "$way" "$name" "$@"
    fetch /v1/license -d '{"license":"a"}'
    is "$CODE" 200 "$what: a licensing request goes through to the license server"
    like "$(server_saw /v1/license)" '^\{"license":"a"\}' "$what: as it was sent"
    fetch /v1/license -d '{"license":"a"}'
    is "$CODE" 200 "$what: and again"
    stop_proxy "$name"
}

# starts_not WAY NAME WHAT STAGE TEXT [SETTING=VALUE...]: launched only; all of them are judged by
# the next judge_refusals: exit 69, and a log that names the stage and holds the text (a pattern).
refusals=()
starts_not() {
    local way=$1 name=$2
    refusals+=("$name" "$3" "$4" "$5")
    shift 5
    launch_by "$way" "$name" startup-timeout=1s "$@"
    refusals+=("$PID")
}

# judge_refusals [SECRET]: and no log may hold that one.
judge_refusals() {
    local name what stage text
    set -- "${1:-}" "${refusals[@]}"
    secret=$1
    shift
    while [ $# -gt 0 ]; do
        name=$1 what=$2 stage=$3 text=$4
        ends "$5" 20
        is "$CODE" 69 "$what: exit code 69 at start"
        like "$(grep 'giving up' "$work/$name.log")" "stage=$stage error=\"[^\"]*$text" \
            "$what: the log says so, and the stage"
        [ -z "$secret" ] || {
            ! grep -q "$secret" "$work/$name.log"
            ok $? "$what: and not the password"
        }
        shift 5
    done
    refusals=()
}

# last_error: sets ERROR_STAGE and ERROR of the first license server in /v1/details.
last_error() {
    local text
    text=$(curl -s -m 5 "$STATUS/v1/details")
    ERROR_STAGE=
    ERROR=$text
    [[ $text =~ \"last_error\":\{\"stage\":\"([a-z]*)\",\"message\":\"([^\"]*)\" ]] || return
    ERROR_STAGE=${BASH_REMATCH[1]}
    ERROR=${BASH_REMATCH[2]}
}


# start_script NAME: tests/peer/proxy.pl, following what `script NAME` says.
start_script() {
    local name=$1
    : >"$work/$name.script"
    perl "$root/tests/peer/proxy.pl" "$work/$name.port" "$work/$name.script" </dev/null \
        >"$work/$name.says" 2>&1 &
    PEER_PID=$!
    started="$started $PEER_PID"
    wait_for 10 test -s "$work/$name.port" || bail "the scripted proxy doesn't start"
    # shellcheck disable=SC2034 # read by the tests
    PEER_PORT=$(<"$work/$name.port")
}

# script NAME STEP...: what the scripted proxy does with connections from now on.
script() {
    local file=$work/$1.script
    shift
    printf '%s\n' "$@" >"$file.new"
    mv "$file.new" "$file"
}

# has_error STAGE TEXT: whether the details say so. A probe that began before may have the last
# word, so a failure asks for another error.
has_error() {
    last_error
    [ "$ERROR_STAGE" = "$1" ] && matches "$ERROR" "$2" && return
    fetch "/v1/again/$tests"
    return 1
}

# is_told STAGE TEXT WHAT: in an outage, the approval of /v1/license (serial number $approved) is
# served from trust, another request is refused, and the details and the answer say why.
is_told() {
    fetch /v1/license -d a
    is "$CODE $SERIAL" "200 ${approved:-?}" "$3: the approval is served from trust"
    fetch "/v1/other/$tests"
    like "$CODE" '^50[24]$' "$3: another request gets no answer"
    like "$BODY" "$2" "$3: and is told why"
    details_tell "$1" "$2" "$3"
}

# details_tell STAGE TEXT WHAT
details_tell() {
    wait_for 4 has_error "$1" "$2"
    is "$ERROR_STAGE" "$1" "$3: the details name the stage"
    like "$ERROR" "$2" "$3: and say so"
}

# descriptors: how many the proxy launched last has open.
descriptors() {
    find "/proc/$PID/fd" -mindepth 1 | wc -l
}

# left_none_behind COUNT: whether it has as many open again, or one connection to the license server
# more that is kept for later: a probe that the last request met makes one.
left_none_behind() {
    at_most "$(descriptors)" "$(($1 + 1))" "no descriptor was left behind"
}

# alone: runs the test file again in network and mount namespaces of its own, where there is only
# the loopback interface; its address is all of 127.0.0.0/8. Skips the file where that can't be.
alone() {
    if [ -z "${TEST_IS_ALONE:-}" ]; then
        if ! unshare -n -m true 2>/dev/null; then
            echo "1..0 # SKIP no rights to make network and mount namespaces"
            exit
        fi
        cleanup
        TEST_IS_ALONE=1 exec unshare -n -m "$0"
    fi
    ip link set lo up || bail "the loopback interface doesn't come up"
}

# start_dns NAME=ADDRESS...: tests/peer/dns.pl, which everything started later asks (when alone).
start_dns() {
    echo "nameserver 127.0.0.53" >"$work/resolv.conf"
    mount --bind "$work/resolv.conf" /etc/resolv.conf || bail "no resolv.conf of our own"
    perl "$root/tests/peer/dns.pl" 127.0.0.53 "$work/dns.ready" "$@" >>"$work/dns.asked" \
        2>"$work/dns.says" &
    started="$started $!"
    wait_for 10 test -f "$work/dns.ready" || bail "no name server: $(cat "$work/dns.says")"
}
