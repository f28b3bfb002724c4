#!/bin/bash
# Which way is taken: the order of the settings, what is excepted, and values that end the start.
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server
start_script p
script p head 'send HTTP/1.1 200 OK\r\n\r\n' "tunnel $SERVER_PORT"
good=http://127.0.0.1:$PEER_PORT
free_port
dead=http://127.0.0.1:$FREE_PORT

# tunnels: how many the scripted proxy was asked for.
tunnels() {
    grep -c '^CONNECT ' "$work/p.says"
}

# goes NAME HOW WHAT VARIABLE=VALUE...: a request goes through, by the egress proxy or directly.
goes() {
    local name=$1 how=$2 what=$3 before after variable
    shift 3
    before=$(tunnels)
    for variable; do
        export "${variable?}"
    done
    start_proxy "$name" ${setting:+"$setting"}
    for variable; do
        unset "${variable%%=*}"
    done
    fetch /v1/license
    is "$CODE" 200 "$what: a request goes through"
    fetch /v1/license
    after=$(tunnels)
    case $how in
    proxied) is "$((after - before))" 1 "$what: by the egress proxy, in one kept tunnel" ;;
    directly) is "$((after - before))" 0 "$what: directly" ;;
    esac
    stop_proxy "$name"
}

setting=
goes a proxied "https_proxy before HTTPS_PROXY" https_proxy="$good" HTTPS_PROXY="$dead"
goes b proxied "HTTPS_PROXY before all_proxy" HTTPS_PROXY="$good" all_proxy="$dead"
goes c proxied "all_proxy before ALL_PROXY" all_proxy="$good" ALL_PROXY="$dead"
goes d proxied "an empty variable is none" https_proxy= HTTPS_PROXY="$good"
goes e directly "HTTP_PROXY is for others" HTTP_PROXY="$dead" http_proxy="$dead"
goes f directly "NO_PROXY with the name" HTTPS_PROXY="$dead" NO_PROXY=example.com,localhost
goes g directly "NO_PROXY with the port" HTTPS_PROXY="$dead" NO_PROXY="localhost:$SERVER_PORT"
goes h proxied "NO_PROXY with another port" HTTPS_PROXY="$good" NO_PROXY=localhost:443
goes i proxied "no_proxy before NO_PROXY" HTTPS_PROXY="$good" no_proxy=example.com NO_PROXY='*'
setting=proxy=$good
goes j proxied "[upstream] proxy before all variables" https_proxy="$dead" HTTPS_PROXY="$dead"
setting=no-proxy=localhost
goes l directly "[upstream] no_proxy before the variables" https_proxy="$dead" no_proxy=example.com
setting='no-proxy=*'
goes k directly "[upstream] no_proxy for all" https_proxy="$dead"

# ends_at_start VARIABLE VALUE: exit 78, the variable is named, and the password isn't.
ends_at_start() {
    export "$1=$2"
    n=$((${n:-0} + 1))
    launch_proxy "bad$n"
    unset "$1"
    ends "$PID" 10
    is "$CODE" 78 "$1=$2: exit code 78"
    like "$(cat "$LOG")" "(^|[^a-z])$1[^a-z]" "$1=$2: the variable is named"
    unlike "$(cat "$LOG")" hunter "$1=$2: the password isn't"
    unlike "$(cat "$LOG")" 'serving' "$1=$2: and nothing was served"
}
for value in socks4://user:hunter2@127.0.0.1:1080 http://user:hunter2@ http://user:hunter2@host:0 \
    http://user:hunter2@host:65536 http://user:hunter2@host:port http://user:hunter%zz@host \
    http://user:hunter2@host/path http://user:hunter2@ho\ st http://user:hunter2@[::1 \
    http://user:hunter2@::1:3128 ftp://user:hunter2@host ://user:hunter2@host; do
    ends_at_start HTTPS_PROXY "$value"
done
ends_at_start all_proxy socks5h://user:@host
ends_at_start ALL_PROXY socks5://:hunter2@host
export HTTPS_PROXY=$good
ends_at_start NO_PROXY "localhost,10.0.0.0/33"
ends_at_start no_proxy "exa mple..com"
unset HTTPS_PROXY

finish
