#!/bin/bash
# Exit codes of mistakes on the command line (64), in the configuration and the files it names (78),
# and of missing permission (77), each with a message that says where the mistake is.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_server server

# exits CODE ERE WHAT COMMAND...
exits() {
    wanted=$1 pattern=$2 what=$3
    shift 3
    launch "exits" "$@"
    ends "$PID" 10
    is "$CODE" "$wanted" "$what: exit code $wanted"
    like "$(<"$LOG")" "$pattern" "$what: says why"
    rm -f "$LOG"
}

serve=("$LICENSE_PROXY" serve --host 127.0.0.1 --port 0 --status-port 0 --server-url "$SERVER" --ca-file "$work/ca.crt")
exits 64 'command is missing' "no command" "$LICENSE_PROXY"
exits 64 'serve' "a misspelt command" "$LICENSE_PROXY" servr
exits 64 '--bogus' "an unknown option" "${serve[@]}" --bogus
exits 64 '--port' "a port that is none" "${serve[@]}" --port 70000
exits 64 '--trust-window' "a duration that is none" "${serve[@]}" --trust-window 7x
exits 78 'no/such/file' "a configuration file that isn't there" "$LICENSE_PROXY" serve /no/such/file.toml
printf '[server]\nprot = 1\n' >"$work/typo.toml"
exits 78 'typo\.toml:2: \[server\] prot: unknown key; did you mean port' "an unknown key" "$LICENSE_PROXY" serve "$work/typo.toml"
printf '[sever]\nport = 1\n' >"$work/table.toml"
exits 78 'table\.toml:1: \[sever\]: unknown table; did you mean \[server\]' "an unknown table" "$LICENSE_PROXY" serve "$work/table.toml"
printf '[server\n' >"$work/syntax.toml"
exits 78 'syntax\.toml:1' "a syntax error" "$LICENSE_PROXY" serve "$work/syntax.toml"
exits 78 'ca\.none' "a ca_file that isn't there" "${serve[@]}" --ca-file "$work/ca.none"
echo garbage >"$work/garbage.pem"
exits 78 'garbage\.pem' "a ca_file that is none" "${serve[@]}" --ca-file "$work/garbage.pem"
exits 78 'garbage\.pem' "a certificate that is none" "${serve[@]}" --tls-cert "$work/garbage.pem" --tls-key "$work/server.key"
exits 78 'server\.crt.*ca\.key|ca\.key.*server\.crt' "a key of another certificate" "${serve[@]}" --tls-cert "$work/server.crt" --tls-key "$work/ca.key"
exits 78 "give the key's file, too" "a certificate without its key" "${serve[@]}" --tls-cert "$work/server.crt"
exits 64 'https' "a license server without TLS" "${serve[@]}" --server-url http://localhost
start_proxy running
exits 78 "port $PORT" "a port in use" "${serve[@]}" --port "$PORT"
exits 78 "port $STATUS_PORT" "a status port in use" "${serve[@]}" --status-port "$STATUS_PORT"
if [ "$(id -u)" != 0 ]; then
    : >"$work/unreadable"
    chmod 000 "$work/unreadable"
    exits 77 'unreadable' "a key file that may not be read" "${serve[@]}" --license-key-file "$work/unreadable"
fi
finish
