#!/bin/bash
# Nothing but the egress proxy is ever connected to or sent a datagram: every such call of the proxy
# and its helpers is recorded, in a network namespace where the license server could be reached
# directly, and so could a name server that writes down what it is asked.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"
alone

# Leaks can't be looked for while another program traces.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
program=$LICENSE_PROXY
LICENSE_PROXY=$work/traced
cat >"$LICENSE_PROXY" <<END
#!/bin/sh
exec strace -D -f -qq -yy -e signal=none -e trace=connect,sendto,sendmsg,sendmmsg -o "\$TRACE" \
    "$program" "\$@"
END
chmod +x "$LICENSE_PROXY"

# The egress proxies know the license server's name from a hosts file that only they see.
echo "127.0.0.1 localhost license.test" >"$work/hosts"
start_dns license.test=127.0.0.1 egress.test=127.0.0.1
make_ca ca
make_cert server ca DNS:license.test
start_server server --set keep_alive=0
SERVER=https://license.test:$SERVER_PORT

# behind_hosts COMMAND...: runs it where license.test is in /etc/hosts.
cat >"$work/behind_hosts" <<END
#!/bin/sh
mount --bind "$work/hosts" /etc/hosts && exec "\$@"
END
chmod +x "$work/behind_hosts"
free_port
http=$FREE_PORT
peer_dir http
printf '%s\n' "Port $http" "Listen 127.0.0.1" "Timeout 20" >"$DIR/conf"
start_peer http "$http" unshare -m "$work/behind_hosts" "$peers/usr/bin/tinyproxy" -d -c "$DIR/conf"
http_pid=$PEER_PID
free_port
socks=$FREE_PORT
start_peer socks "$socks" unshare -m "$work/behind_hosts" "$peers/usr/bin/microsocks" \
    -i 127.0.0.1 -p "$socks"
socks_pid=$PEER_PID

# Each address and port that is told in such lines, once.
addresses() {
    sed -n \
        's/.*sin6\{0,1\}_port=htons(\([0-9]*\)).*\(inet_addr(\|inet_pton(AF_INET6, \)"\([^"]*\)".*/\3:\1/p'
}

# connected: where TCP connections went. A datagram socket that is connected and then unused, to
# find out about routes, sends nothing.
connected() {
    grep -E 'connect\([0-9]+<TCP' "$TRACE" | addresses | sort -u | tr '\n' ' '
}

# told: where datagrams went, to an address in the call or to the one that was connected.
told() {
    grep -E 'send(to|msg|mmsg)\([0-9]+<UDP' "$TRACE" >"$work/datagrams"
    {
        sed -n 's/.*<UDP[^>]*->\([^]]*\)\]>.*/\1/p' "$work/datagrams"
        grep -v '<UDP[^>]*->' "$work/datagrams" | addresses
    } | sort -u | tr '\n' ' '
}

# others: calls on any other kind of socket.
others() {
    grep -vE 'TCP|UDP|UNIX|NETLINK|AF_UNIX' "$TRACE" | head -n 3
}

# case WAY NAME WHAT TCP DATAGRAMS NAMES: one run with a start, requests, the end of what is in
# between, and requests again.
case_of() {
    local way=$1 name=$2 what=$3 tcp=$4 udp=$5 names=$6
    export TRACE=$work/$name.trace
    : >"$work/dns.asked"
    start_by "$way" "$name" checkin-interval=1s
    fetch /v1/license -d a
    is "$CODE" 200 "$what: a licensing request goes through"
    fetch /v1/license -d b
    is "$CODE" 200 "$what: another"
    [ -z "${7:-}" ] || {
        kill -STOP "$7"
        fetch /v1/license -d a
        is "$CODE" 200 "$what: with the way blocked, trust serves"
        fetch /v1/license -d c
        is "$CODE" 504 "$what: with the way blocked, nothing else goes"
        kill -CONT "$7"
    }
    stop_proxy "$name"
    is "$(connected)" "$tcp" "$what: TCP connections went to nobody else"
    is "$(told)" "$udp" "$what: datagrams went to nobody else"
    is "$(others)" "" "$what: no other kind of socket was used"
    is "$(sed "s/ .*//" "$work/dns.asked" | sort -u | tr "\n" " ")" "$names" \
        "$what: the name server was asked for nothing else"
}

case_of "HTTPS_PROXY=http://127.0.0.1:$http" p1 "http" "127.0.0.1:$http " "" "" "$http_pid"
case_of "ALL_PROXY=socks5h://127.0.0.1:$socks" p2 "socks5h" "127.0.0.1:$socks " "" "" "$socks_pid"
case_of "HTTPS_PROXY=http://egress.test:$http" p3 "http by name" "127.0.0.1:$http " \
    "127.0.0.53:53 " "egress.test "
case_of "ALL_PROXY=socks5://127.0.0.1:$socks" p4 "socks5" "127.0.0.1:$socks " "127.0.0.53:53 " \
    "license.test "
case_of "NO_PROXY=*" p5 "directly" "127.0.0.1:$SERVER_PORT " "127.0.0.53:53 " "license.test "
export HTTPS_PROXY=http://127.0.0.1:$http
case_of "NO_PROXY=.test" p6 "excepted by NO_PROXY" "127.0.0.1:$SERVER_PORT " "127.0.0.53:53 " \
    "license.test "

finish
