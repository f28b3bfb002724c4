#!/bin/bash
# Who may connect: the networks of [access], each port its own, without a byte for anybody else.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# from ADDRESS URL: CODE of a request from one of this machine's addresses.
from() {
    fetch_url "$2" --interface "$1"
}

# hears ADDRESS PORT: prints what comes over a connection from there on which nothing is said.
hears() {
    perl -MSocket -e '
        socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
        bind($s, sockaddr_in(0, inet_aton($ARGV[0]))) or die "bind";
        connect($s, sockaddr_in($ARGV[1], inet_aton("127.0.0.1"))) or die "connect";
        alarm 10;
        my $n = sysread($s, my $bytes, 1000);
        print defined $n ? "$n bytes" : "reset";' "$1" "$2" 2>&1
}

# counted NAME PORT: a family of /metrics.
counted() {
    curl -s -m 5 "$STATUS/metrics" | sed -n "s/^license_proxy_$1_total{port=\"$2\"} //p"
}

start_server server

# ---- everybody, unless told --------------------------------------------------------------------

start_proxy open
from 127.0.0.9 "$URL/v1/open"
is "$CODE" 200 "without [access], every address is served"
from 127.0.0.9 "$STATUS/livez"
is "$CODE" 200 "by the status port, too"
stop_proxy open

# ---- lists -------------------------------------------------------------------------------------

cat >"$work/p.toml" <<END
[access]
allow = ["127.0.0.2", "127.0.1.0/24", "2001:db8::/32"]
status_allow = ["10.0.0.0/8"]
END
LICENSE_PROXY_REAL=$LICENSE_PROXY
cat >"$work/with-file" <<END
#!/bin/sh
exec "$LICENSE_PROXY_REAL" "\$@" "$work/p.toml"
END
chmod +x "$work/with-file"
LICENSE_PROXY=$work/with-file start_proxy listed
for address in 127.0.0.2 127.0.1.0 127.0.1.255; do
    from $address "$URL/v1/listed"
    is "$CODE" 200 "$address is listed"
done
for address in 127.0.0.1 127.0.0.3 127.0.2.0; do
    from $address "$URL/v1/unlisted"
    is "$CODE" 000 "$address isn't"
done
is "$(server_count seen /v1/unlisted)" 0 "and nothing of it is relayed"
is "$(hears 127.0.0.3 "$PORT")" "0 bytes" "it hears not a byte"
is "$(counted connections_denied licensing)" 4 "they are counted"
is "$(counted connections_denied status)" 0 "at their port"
is "$(counted connections_accepted licensing)" 3 "and not among those that were taken"
for ((i = 0; i < 50; i++)); do
    hears 127.0.0.4 "$PORT" >/dev/null
done
is "$(counted connections_denied licensing)" 54 "each of them"
at_most "$(grep -c 'msg="a client was turned away: \[access\] does not allow its address"' "$LOG")" 3 \
    "but the log has a few lines at most"
logged 'level=warn msg="a client was turned away.* client=127\.0\.0\.1 port=127\.0\.0\.1:[0-9]+ so_far=1$'
ok $? "which name the address"
from 127.0.0.9 "$STATUS/livez"
is "$CODE" 200 "the status port always serves this machine: its own probe must reach it"
LICENSE_PROXY_STATUS_HOST=127.0.0.1 LICENSE_PROXY_STATUS_PORT=$STATUS_PORT "$LICENSE_PROXY" probe live
ok $? "as the probe does"

# ---- reload ------------------------------------------------------------------------------------

# One connection stays open from before, one has a request under way.
keep=$work/keep
mkfifo "$keep"
openssl s_client -quiet -bind 127.0.0.2:0 -connect "127.0.0.1:$PORT" <"$keep" >"$work/kept" 2>/dev/null &
kept=$!
started="$started $kept"
exec {to_kept}>"$keep"
printf 'GET /v1/kept HTTP/1.1\r\nHost: a\r\n\r\n' >&"$to_kept"
wait_for 10 grep -q '"target":"/v1/kept"' "$work/kept"
ok $? "a connection is open"
server_set fault=hold only=/v1/held
curl -sk -m 20 --interface 127.0.0.2 -D "$work/held.head" "$URL/v1/held" >"$work/held" &
held=$!
holds() {
    [ "$(server_count in_flight)" -ge 1 ]
}
wait_for 10 holds
sed -i 's/"127.0.0.2"/"127.0.0.3"/' "$work/p.toml"
kill -HUP "$PID"
wait_for 10 logged 'msg="reloaded:'
from 127.0.0.3 "$URL/v1/reloaded"
is "$CODE" 200 "SIGHUP: the new list counts"
from 127.0.0.2 "$URL/v1/reloaded"
is "$CODE" 000 "and the old one no more"
wait_for 10 has_ended "$kept"
ok $? "who isn't allowed any more is cut off"
exec {to_kept}>&-
server_reset
wait "$held"
like "$(<"$work/held")" '"target":"/v1/held"' "after the answer that he waits for"
like "$(tr -d '\r' <"$work/held.head")" '^Connection: close$' "which is his last"
sed -i 's/"127.0.0.3"/"127.0.0.300"/' "$work/p.toml"
kill -HUP "$PID"
wait_for 10 logged 'msg="reload failed:.*p.toml:2: \[access\] allow: not a network'
ok $? "a list with a fault changes nothing"
from 127.0.0.3 "$URL/v1/still"
is "$CODE" 200 "who was allowed still is"
"$LICENSE_PROXY" check "$work/p.toml" 2>"$work/err"
is $? 78 "check finds it"
like "$(<"$work/err")" "^$work/p.toml:2: \[access\] allow: not a network of addresses; write 10" \
    "and names file, line and key"
stop_proxy listed

# ---- one socket for both families --------------------------------------------------------------

if [ -e /proc/net/if_inet6 ]; then
    start_proxy both host=:: access-allow=127.0.0.2,::1 status-allow=127.0.0.0/8
    from 127.0.0.2 "https://127.0.0.1:$PORT/v1/both"
    is "$CODE" 200 "on [::], an IPv4 address is the one that is listed"
    from 127.0.0.3 "https://127.0.0.1:$PORT/v1/both"
    is "$CODE" 000 "or not"
    fetch_url "https://[::1]:$PORT/v1/both"
    is "$CODE" 200 "and IPv6 beside it"
    stop_proxy both
    start_proxy mapped host=:: access-allow=::ffff:127.0.0.2/128
    from 127.0.0.2 "https://127.0.0.1:$PORT/v1/mapped"
    is "$CODE" 200 "it may be written as IPv6"
    fetch_url "https://[::1]:$PORT/v1/mapped"
    is "$CODE" 000 "which no other address is"
    stop_proxy mapped
fi
finish
