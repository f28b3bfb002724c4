#!/bin/bash
# The forms in which vendors publish this program's configuration, as they stand, and that keys are
# seen by nobody: not in the argument vector, the environment, the log or an error.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

key=published-form-secret-key
start_server server

# free_port: one that nobody uses at the moment. The published forms name their ports.
free_port() {
    while port=$((20000 + RANDOM % 12000)); (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    echo "$port"
}

# family: the proxy and its helper processes.
family() {
    echo "$PID"
    cat "/proc/$PID/task/$PID/children" 2>/dev/null || pgrep -P "$PID"
}

# hides_key WHAT: nobody finds the key from outside.
hides_key() {
    for pid in $(family); do
        unlike "$(tr '\0' '\n' <"/proc/$pid/cmdline")" "$key" "$1: the key isn't in the command line of $pid" ||
            note "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
        [ -r "/proc/$pid/environ" ] && {
            unlike "$(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null)" "$key" "$1: nor in the environment of $pid"
        }
    done
    unlike "$(<"$LOG")" "$key" "$1: nor in the log"
}

# ---- the published file, with the key in DEEPGRAM_API_KEY

port=$(free_port)
status_port=$(free_port)
cat >"$work/license-proxy.toml" <<END
# Keep in mind that all paths are in-container paths, and do not need to exist
# on the host machine.

### Configure the server to listen for requests from API and Engine.
[server]
  ### The IP address to listen on. Since this is likely running in a Docker
  ### container, you will probably want to listen on all interfaces.
  host = "127.0.0.1"
  ### The port to listen on.
  port = $port
  ### The base URL (prefix) for requests.
  base_url = "/"
  ### The port for the status endpoint
  status_port = $status_port

[license]
  key = "\${DEEPGRAM_API_KEY}"
  server_url = ["$SERVER"]
END
launch file env "DEEPGRAM_API_KEY=$key" "SSL_CERT_FILE=$work/ca.crt" \
    "$LICENSE_PROXY" -v serve "$work/license-proxy.toml"
find_ports
ok $? "license-proxy -v serve license-proxy.toml" || bail "$(<"$LOG")"
programs="file:$PID"
is "$PORT $STATUS_PORT" "$port $status_port" "on the ports of the file"
like "$(server_saw /)" "^Authorization: Token $key\$" "the key is the one in DEEPGRAM_API_KEY"
fetch /v1/file
is "$CODE" 200 "requests are relayed"
wait_for 5 logged 'level=debug msg="?relay"?'
ok $? "-v before the command logs each relay"
hides_key "file form"
stop_proxy file

# Without [license] at all, and LICENSE_KEY or a file instead.
sed -i '/^\[license\]/,$d' "$work/license-proxy.toml"
for form in DEEPGRAM_API_KEY LICENSE_KEY LICENSE_PROXY_LICENSE_KEY; do
    launch "$form" env "$form=$key" "LICENSE_PROXY_SERVER_URL=$SERVER" "LICENSE_PROXY_CA_FILE=$work/ca.crt" \
        LICENSE_PROXY_CHECKIN_PATH="/by/$form" "$LICENSE_PROXY" serve "$work/license-proxy.toml"
    find_ports || bail "$(<"$LOG")"
    programs="$form:$PID"
    like "$(server_saw "/by/$form")" "^Authorization: Token $key\$" "$form is accepted for the key"
    hides_key "$form"
    stop_proxy "$form"
    echo "$key" >"$work/key"
    launch "${form}_FILE" env "${form}_FILE=$work/key" "LICENSE_PROXY_SERVER_URL=$SERVER" \
        "LICENSE_PROXY_CA_FILE=$work/ca.crt" LICENSE_PROXY_CHECKIN_PATH="/by/file/$form" \
        "$LICENSE_PROXY" serve "$work/license-proxy.toml"
    find_ports || bail "$(<"$LOG")"
    programs="${form}_FILE:$PID"
    like "$(server_saw "/by/file/$form")" "^Authorization: Token $key\$" "${form}_FILE, too"
    stop_proxy "${form}_FILE"
done

# ---- the published flags

port=$(free_port)
status_port=$(free_port)
launch flags "$LICENSE_PROXY" -v serve --license-key "$key" --host 127.0.0.1 --port "$port" \
    --status-port "$status_port" --server-url "$SERVER" --ca-file "$work/ca.crt"
wait_for 5 logged starting
hides_key "flag form, while it starts"
find_ports
ok $? "license-proxy -v serve --license-key K --host H --port N --status-port N" || bail "$(<"$LOG")"
programs="flags:$PID"
is "$PORT $STATUS_PORT" "$port $status_port" "on the ports of the flags"
hides_key "flag form"
stop_proxy flags

launch equals "$LICENSE_PROXY" serve "--license-key=$key" --host=127.0.0.1 --port=0 --status-port=0 \
    "--server-url=$SERVER" "--ca-file=$work/ca.crt"
find_ports
ok $? "the flags with =" || bail "$(<"$LOG")"
programs="equals:$PID"
hides_key "flag form with ="
stop_proxy equals

# ---- precedence: flag, environment, file, default

cat >"$work/precedence.toml" <<END
[server]
host = "127.0.0.1"
port = 0
status_port = 0
[license]
server_url = "$SERVER"
[upstream]
ca_file = "$work/ca.crt"
[trust]
window = "3h"
[checkin]
path = "/from/file"
END
launch precedence env LICENSE_PROXY_TRUST_WINDOW=2h LICENSE_PROXY_CHECKIN_PATH=/from/environment \
    "$LICENSE_PROXY" serve "$work/precedence.toml" --trust-window 1h
find_ports || bail "$(<"$LOG")"
programs="precedence:$PID"
is "$(details trust_window_s)" 3600 "a flag beats the environment"
is "$(server_count seen /from/environment)" 1 "the environment beats the file"
stop_proxy precedence

# ---- nothing that is said too much

start_proxy talkative license-key=$key log-level=trace checkin-interval=1s
fetch '/v1/talk?q=query-secret' -H 'Authorization: Token client-secret' -H 'Cookie: c=cookie-secret' -d 'body-secret'
server_set status=403
fetch /v1/talk -H 'Authorization: Token client-secret' -d 'body-secret'
server_set listening=0
fetch /v1/talk -H 'Authorization: Token client-secret' -d 'body-secret'
raw 'GET /v1/bad HTTP/1.1\r\nAuthorization: Token client-secret\r\nBad Field: x\r\n\r\n' >"$work/answer"
recover
stop_proxy talkative
unlike "$(<"$LOG")" "$key|client-secret|cookie-secret|body-secret|query-secret" \
    "even at the most talkative level the log has no key, credential, query or body"
like "$(<"$LOG")" 'path=/v1/talk' "though it has the path"
launch badkey "$LICENSE_PROXY" serve --license-key "$key"$'\n'"x" --server-url "$SERVER"
ends "$PID" 10
is "$CODE" 78 "a key with a line break is refused: exit code 78"
unlike "$(<"$LOG")" "$key" "without showing it"
finish
