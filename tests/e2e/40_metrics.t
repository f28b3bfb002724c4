#!/bin/bash
# /metrics: both formats, as Prometheus' own tools and parsers read them, and that what happens is
# counted where it belongs.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
peers=$root/build/fetched/peers
[ -x "$peers/usr/bin/promtool" ] || bail "promtool is missing: run tools/setup check"
open='application/openmetrics-text;version=1.0.0'

# scrape [CURL_OPTION...]: METRICS is the text.
scrape() {
    METRICS=$(curl -s -m 5 "$STATUS/metrics" "$@")
}

# value SERIES: of the last scrape, "" when it isn't there.
value() {
    awk -v series="$1" 'substr($0, 1, length(series) + 1) == series " " { print $NF }' <<<"$METRICS"
}

# shows SERIES VALUE WHAT; the names' common start is left out.
shows() {
    is "$(value "license_proxy_$1")" "$2" "$3"
}

# series: the names of the text on standard input, without the values.
series() {
    sed 's/ [^ ]*$//'
}

# is_shown SERIES VALUE: for wait_for.
is_shown() {
    scrape
    [ "$(value "license_proxy_$1")" = "$2" ]
}

# passes_check WHAT: the text that was scraped is one that promtool doesn't object to.
passes_check() {
    is "$("$peers/usr/bin/promtool" check metrics <<<"$METRICS" 2>&1)" "" "$1: promtool has no objection"
}

# parse_open: prints "FAMILY TYPE UNIT" of the OpenMetrics text on standard input.
parse_open() {
    PYTHONPATH=$peers/usr/lib/python3/dist-packages /usr/bin/python3 -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for f in text_string_to_metric_families(sys.stdin.read()):
    print(f.name, f.type, f.unit, len(f.samples))' 2>&1
}

start_server server
start_proxy p license-key=the-proxys-key trust-window=1h checkin-interval=1h \
    state-dir="$work/state" journal-mode=record

# ---- formats -------------------------------------------------------------------------------

fetch_url "$STATUS/metrics"
is "$CODE $(field content-type)" "200 text/plain; version=0.0.4; charset=utf-8" "the text format, by default"
is "$(field vary) $(field cache-control)" "Accept no-store" "Vary and Cache-Control"
scrape
passes_check "at the start"
first=$METRICS
unlike "$METRICS" '^# (EOF|UNIT)| (info|stateset)$' "nothing of OpenMetrics is in it"
for accept in 'text/plain' '*/*' 'text/html' 'application/openmetrics-text;version=0.0.1' \
    'application/openmetrics-text;q=0' 'application/openmetrics-text;q=0.1,text/plain' \
    'text/plain;version=0.0.4;q=1,*/*;q=0.1'; do
    fetch_url "$STATUS/metrics" -H "Accept: $accept"
    like "$(field content-type)" '^text/plain; version=0.0.4;' "the text format for: $accept"
done
for accept in "$open" 'application/openmetrics-text' 'text/plain, application/openmetrics-text' \
    "$open,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1" \
    "$open;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"; do
    fetch_url "$STATUS/metrics" -H "Accept: $accept"
    is "$CODE $(field content-type)" "200 application/openmetrics-text; version=1.0.0; charset=utf-8" \
        "OpenMetrics for: $accept"
done
is "$(field vary)" Accept "with Vary"
is "${BODY##*$'\n'}" "# EOF" "which ends with EOF"
families=$(parse_open <<<"$BODY")
for family in 'build info  1' 'state stateset  4' 'relays counter  30' \
    'upstream_duration_seconds histogram seconds 19' 'cache_bytes gauge bytes 1' \
    'trust_expiration_timestamp_seconds gauge seconds 1'; do
    like "$families" "^license_proxy_$family\$" "a parser of OpenMetrics finds: $family"
done
like "$families" '^process_cpu_seconds counter seconds 1$' "and the process's counters"
is "$(parse_open <<<"${BODY%$'\n'*}" | tail -n 1)" "ValueError: Missing # EOF at end" \
    "(it would object to a text that was cut)"
fetch_url "$STATUS/metrics" -I
like "$CODE $(field content-length)" '^200 [0-9]+$' "HEAD"
fetch_url "$STATUS/metrics" -X POST
is "$CODE $(field allow)" "405 GET, HEAD" "POST: 405"

# ---- what is there from the start ----------------------------------------------------------

shows 'build_info{version="'"$("$LICENSE_PROXY" version | sed -n 's/^license-proxy *//p')"'"}' 1 "the version"
shows 'state{license_proxy_state="Connected"}' 1 "the state"
shows 'state{license_proxy_state="Failed"}' 0 "and the others, 0"
shows 'relays_total{source="checkin",outcome="approved",stage="none"}' 1 "the first check-in is counted"
shows 'relays_total{source="client",outcome="outage",stage="dns"}' 0 "what has not happened is 0"
shows trust_window_seconds 3600.0 "the trust window"
last=$(value license_proxy_last_successful_checkin_timestamp_seconds)
printf -v until '%.3f' "$(value license_proxy_trust_expiration_timestamp_seconds)"
is "$(awk -v a="$last" -v b="$until" 'BEGIN { printf "%.0f", b - a }')" 3600 "trust ends a window after the last answer"
at_most "$(($(date +%s) - ${last%.*}))" 60 "which was now (seconds ago)"
expiry=$(openssl s_client -connect "127.0.0.1:$PORT" </dev/null 2>/dev/null |
    openssl x509 -noout -enddate | sed 's/.*=//')
shows certificate_expiry_timestamp_seconds "$(date -d "$expiry" +%s).0" "the certificate's end is what clients see"
at_least "$(value process_resident_memory_bytes)" 100000 "the resident memory"
at_most "$(($(date +%s) - $(value process_start_time_seconds | sed 's/\..*//')))" 60 "the start (seconds ago)"

# ---- relays and trust ----------------------------------------------------------------------

scrape
handshakes=$(value 'license_proxy_tls_handshakes_total{side="server",result="full"}')
fetch /v1/a
fetch /v1/b -H 'Authorization: Token soon-denied'
is "$CODE" 200 "two requests are approved"
server_set deny=denied deny_status=403
fetch /v1/b -H 'Authorization: Token soon-denied'
is "$CODE" 403 "then one is denied"
scrape
shows 'relays_total{source="client",outcome="approved",stage="none"}' 2 "approvals"
shows 'relays_total{source="client",outcome="denied",stage="none"}' 1 "denials"
shows cache_denied_total 1 "the stored answer that it ended"
shows cache_entries 1 "the one that is left"
shows 'tls_handshakes_total{side="server",result="full"}' $((handshakes + 3)) "three handshakes"
shows 'requests_total{port="licensing"}' 3 "three requests"
shows 'upstream_duration_seconds_count' 4 "four relays were timed"
shows 'upstream_duration_seconds_bucket{le="+Inf"}' 4 "the last bucket has all of them"
shows 'added_duration_seconds_count' 3 "three requests were timed"

server_reset
server_set delay=1500
fetch /v1/a
scrape
shows 'upstream_duration_seconds_count' 5 "a slow relay"
at_most "$(value 'license_proxy_upstream_duration_seconds_bucket{le="1.0"}')" 4 "isn't among the quick ones"
like "$(value license_proxy_upstream_duration_seconds_sum)" '^(1\.[5-9]|[2-9])' "it is in their sum"
like "$(value license_proxy_added_duration_seconds_sum)" '^(0|1\.[0-4])' "and not in the proxy's own time"

server_reset
server_set listening=0
fetch /v1/a
is "$CODE" 200 "an outage: served from trust"
fetch /v1/unknown
is "$CODE" 504 "and what isn't trusted isn't served"
scrape
shows cache_served_total 1 "served"
shows cache_missed_total 1 "missed"
at_least "$(value 'license_proxy_relays_total{source="client",outcome="outage",stage="connect"}')" 1 \
    "outages, by their stage"
shows circuit_open 1 "the circuit is open"
shows 'state{license_proxy_state="TrustBased"}' 1 "TrustBased"
shows 'state{license_proxy_state="Connected"}' 0 "and nothing else"
shows 'upstream_failing{index="0",server="'"${SERVER#https://}"'"}' 1 "the license server fails"
at_least "$(value 'license_proxy_upstream_failures_total{index="0",server="'"${SERVER#https://}"'"}')" 2 "its failures"
shows journal_depth 1 "the request that was served is in the journal"
shows journal_recorded_total 1 "and counted"
recover
server_set status=503
fetch /v1/status
scrape
shows 'relays_total{source="client",outcome="outage",stage="status"}' 1 "a 503 of the license server is an outage, too"
shows cache_missed_total 2 "nothing was trusted"
recover
server_set fault=hang at=accept drop=1
fetch /v1/hang
scrape
at_least "$(value 'license_proxy_tls_handshake_failures_total{side="client",reason="timeout"}')" 1 \
    "a license server that is silent: a handshake of ours was given up"
at_least "$(value 'license_proxy_relays_total{source="client",outcome="outage",stage="tls"}')" 1 "at stage tls"
recover
server_set deny=the-proxys-key deny_status=401
kill -HUP "$PID"
wait_for 10 is_shown license_key_refused 1
scrape
shows license_key_refused 1 "a refused license key"
shows 'relays_total{source="checkin",outcome="denied",stage="none"}' 1 "by a check-in that was denied"
server_reset

# ---- clients -------------------------------------------------------------------------------

curl -s "http://127.0.0.1:$PORT/" -o /dev/null
curl -s --cacert "$work/ca.crt" "$URL/" -o /dev/null
openssl s_client -tls1_3 -connect "127.0.0.1:$PORT" </dev/null >/dev/null 2>&1
(exec 3<>"/dev/tcp/127.0.0.1/$PORT" && printf '\x16\x03\x01' >&3)
fetch /v1/large -H "X: $(printf '%020000d' 0)"
is "$CODE" 431 "a request that is too large"
for reason in not_tls certificate_rejected nothing_in_common closed; do
    wait_for 10 is_shown 'tls_handshake_failures_total{side="server",reason="'$reason'"}' 1
    shows 'tls_handshake_failures_total{side="server",reason="'$reason'"}' 1 "a handshake that failed: $reason"
done
shows 'tls_handshake_failures_total{side="server",reason="other"}' 0 "and no other"
shows 'tls_handshakes_total{side="server",result="failed"}' 4 "four in all"
at_least "$(value 'license_proxy_bad_requests_total{port="licensing"}')" 1 "bad requests"
at_least "$(value 'license_proxy_requests_total{port="status"}')" 5 "requests to the status port"
at_least "$(value 'license_proxy_connections{port="status"}')" 1 "its connections"
wait_for 10 is_shown 'connections{port="licensing"}' 0
shows 'connections{port="licensing"}' 0 "none to the licensing port is left"

# ---- in the end ----------------------------------------------------------------------------

scrape
passes_check "after all that"
is "$(series <<<"$METRICS")" "$(series <<<"$first")" "no series has come or gone"
unlike "$METRICS" 'the-proxys-key|soon-denied|/v1/' "no key, credential or target is told"
scrape -H "Accept: $open"
like "$(parse_open <<<"$METRICS")" '^license_proxy_relays counter  30$' "OpenMetrics after all that"
fetch_url "$STATUS/v1/details"
like "$BODY" '"handshakes_failed":4' "the details count the same handshakes"

start_server second
start_proxy two server-url="$SERVER,https://localhost:1" journal-mode=off
scrape
is "$(grep -c '^license_proxy_upstream_failing{' <<<"$METRICS")" 2 "two license servers: two series"
unlike "$METRICS" '^license_proxy_(storage|journal)' "without a state directory there is nothing of it"
stop_proxy two

if [ -z "${SAN:-}" ] && unshare -m true 2>/dev/null; then
    printf '#!/bin/sh\nexec unshare -m sh -c "mount -t tmpfs none /proc && exec \\"\\$@\\"" sh "%s" "$@"\n' \
        "$LICENSE_PROXY" >"$work/without-proc"
    chmod +x "$work/without-proc"
    LICENSE_PROXY=$work/without-proc start_proxy three
    scrape
    shows 'state{license_proxy_state="Connected"}' 1 "without /proc it works"
    is "$(value process_resident_memory_bytes)" "" "and leaves the memory out"
    passes_check "without /proc"
    stop_proxy three
fi
finish
