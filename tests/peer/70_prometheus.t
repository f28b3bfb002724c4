#!/bin/bash
# tools/deploy/prometheus and tools/deploy/grafana: the rules by promtool's tests, and both beside a
# real Prometheus that scrapes a proxy through an outage.
# Runs once.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/peer/lib.sh
. "$(dirname "$0")/lib.sh"
deploy=$root/tools/deploy
dashboard=$deploy/grafana/license-proxy.json
promtool=$peers/usr/bin/promtool

# passes WHAT COMMAND...
passes() {
    local what=$1 says
    shift
    says=$("$@" 2>&1)
    ok $? "$what" || note "$says"
}

passes "promtool check rules" "$promtool" check rules "$deploy/prometheus/rules.yml"
passes "promtool check config: the scrape configuration, with the rules it names" \
    "$promtool" check config "$deploy/prometheus/scrape.yml"
passes "promtool test rules" "$promtool" test rules "$deploy/prometheus/rules_test.yml"
while read -r alert; do
    grep -q "alertname=\"$alert\"" "$deploy/prometheus/rules_test.yml"
    ok $? "a scenario has $alert fire"
done < <(sed -n 's/^ *- alert: //p' "$deploy/prometheus/rules.yml")
for part in summary description action; do
    is "$(grep -c "^ *$part: " "$deploy/prometheus/rules.yml")" \
        "$(grep -c '^ *- alert: ' "$deploy/prometheus/rules.yml")" "each alert has one $part"
done

# ---- a Prometheus --------------------------------------------------------------------------

start_server server
start_proxy p license-key=k trust-window=8s checkin-interval=1s state-dir="$work/state" \
    journal-mode=record
fetch /v1/a
curl -s --cacert "$work/ca.crt" "$URL/" # a handshake that fails
peer_dir prometheus
sed 's/^\( *for:\) .*/\1 1s/' "$deploy/prometheus/rules.yml" >"$DIR/rules.yml"
sed "s/_interval: .*/_interval: 1s/; s/license-proxy.example:8080/127.0.0.1:$STATUS_PORT/" \
    "$deploy/prometheus/scrape.yml" >"$DIR/scrape.yml"
free_port
start_peer prometheus "$FREE_PORT" "$peers/usr/bin/prometheus" --config.file="$DIR/scrape.yml" \
    --storage.tsdb.path="$DIR/data" --web.listen-address="127.0.0.1:$FREE_PORT"
api=http://127.0.0.1:$FREE_PORT/api/v1

# ask QUERY: ANSWER is what Prometheus says; false if that is an error, or has no samples.
ask() {
    ANSWER=$(curl -s -m 10 -G "$api/query" --data-urlencode "query=$1")
    [[ $ANSWER == '{"status":"success"'*'"value":['* ]]
}

# fired ALERT: whether it has fired since the start. fires: whether it does now.
fired() {
    ask "max_over_time(ALERTS{alertname=\"$1\",alertstate=\"firing\"}[10m])"
}
fires() {
    ask "ALERTS{alertname=\"$1\",alertstate=\"firing\"}"
}
fires_not() {
    ! fires "$1"
}

# will_fire ALERT WHAT
will_fire() {
    wait_for 40 fired "$1"
    ok $? "$2: $1 fires" || note "$(curl -s "$api/alerts")"
}

wait_for 30 ask 'min_over_time(up{job="license-proxy"}[5s]) == 1'
ok $? "Prometheus scrapes the proxy" || note "$(cat "$work/prometheus.says")"
wait_for 20 ask 'license_proxy_state{license_proxy_state="Connected"} == 1'
ok $? "and knows that it is connected"
metadata=$(curl -s "$api/targets/metadata")
for wanted in '"license_proxy_state","type":"stateset"' '"license_proxy_build","type":"info"' \
    '"license_proxy_cache_bytes","type":"gauge","help":"[^"]*","unit":"bytes"'; do
    like "$metadata" "$wanted" "it asked for OpenMetrics: $wanted"
done
! ask 'ALERTS{alertname!="LicenseProxyAbsent",alertstate="firing"}'
ok $? "no alert fires" || note "$ANSWER"

fetch /v1/a # anew: a Prometheus may take longer to start than trust lasts
server_set listening=0
fetch /v1/a
is "$CODE" 200 "an outage"
will_fire LicenseProxyTrustBased "services run from trust"
will_fire LicenseProxyTrustEndsSoon "which is about to end"

# ---- the dashboard, meanwhile --------------------------------------------------------------

/usr/bin/python3 - "$dashboard" >"$work/queries" <<'END'
import json, sys

def expressions(node):
    if isinstance(node, dict):
        if "expr" in node:
            yield node["expr"]
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)

for expr in expressions(json.load(open(sys.argv[1]))):
    print(expr.removesuffix(" > 0").replace("$__rate_interval", "10s").replace("$instance", ".*"))
END
ok $? "the dashboard is JSON"
at_least "$(wc -l <"$work/queries")" 40 "its queries"
empty=0
while read -r query; do
    [[ $query != *'$'* ]] && ask "$query" && continue
    empty=$((empty + 1))
    note "nothing for: $query
$ANSWER"
done <"$work/queries"
is "$empty" 0 "Prometheus has samples for each of them"

# ---- and that the names are there ----------------------------------------------------------

curl -s "$STATUS/metrics" | sed -n 's/^\([a-z_]*\)[{ ].*/\1/p' | sort -u >"$work/names"
for file in "$deploy/prometheus/rules.yml" "$deploy/prometheus/rules_test.yml" "$dashboard"; do
    missing=$(grep -oE '\b(license_proxy|process)_[a-z_]+' "$file" | sort -u |
        comm -23 - "$work/names")
    is "$missing" "" "each metric that ${file#"$deploy/"} names is one of the proxy's"
done

# ---- the end of trust, and of the proxy ----------------------------------------------------

will_fire LicenseProxyFailed "trust has ended"
server_reset
wait_for 40 fires_not LicenseProxyFailed
ok $? "the license server is back: it doesn't fire any more"
stop_proxy p
will_fire LicenseProxyDown "no proxy"
finish
