#!/bin/bash
# The commands beside serve, when what they are given, find or are answered is wrong: cert, cache,
# and probe, whose small HTTP client meets every framing. 4 s.
# shellcheck source=tests/e2e/lib.sh disable=SC2317
. "$(dirname "$0")/lib.sh"

# says CODE ERE COMMAND...: with that exit code, and a line that matches on either stream.
says() {
    local code=$1 pattern=$2
    shift 2
    BODY=$("$LICENSE_PROXY" "$@" 2>&1 </dev/null)
    is $? "$code" "exit $code: $(cut -c -70 <<<"$*")"
    like "$BODY" "$pattern" "says so"
}

# ---- cert

start_server server
make_cert given self DNS:localhost
says 0 "^# SHA-256 fingerprint $(openssl x509 -in "$work/given.crt" -noout -fingerprint -sha256 |
    cut -d= -f2)\$" cert --tls-cert "$work/given.crt" --tls-key "$work/given.key"
is "$(grep -v '^#' <<<"$BODY")" "$(<"$work/given.crt")" "the certificate itself is printed"
says 78 'give --state-dir DIR to serve and here' cert
mkdir -m 0700 "$work/empty"
says 78 'no certificate yet: the first start of serve makes it' cert --state-dir "$work/empty"
echo "no certificate" >"$work/bad.crt"
says 78 'bad\.crt: ' cert --tls-cert "$work/bad.crt" --tls-key "$work/given.key"

# ---- cache, with one entry that ended, one that was changed

export LICENSE_PROXY_LICENSE_KEY=the-key
says 64 'cache takes one of ls, verify and purge' cache
says 64 'cache takes one of ls, verify and purge' cache list
says 64 'cache ls takes neither ids nor --all' cache ls --all
says 64 'cache purge takes either ids' cache purge --all 0123456789abcdef
says 78 'no state directory: give --state-dir DIR' cache ls
says 78 'nowhere' cache ls --state-dir "$work/nowhere"
says 64 . cache ls --state-dir "$work/empty" --no-such-setting
start_proxy p state-dir="$work/state" trust-window=1s license-key=the-key
fetch /one
is "$CODE" 200 "an approval"
fetch /two
both_stored() {
    entries=("$work"/state/e-*)
    [ ${#entries[@]} = 2 ]
}
wait_for 10 both_stored
ok $? "and another, both stored"
stop_proxy p
printf x | dd of="${entries[0]}" bs=1 seek=60 conv=notrunc status=none
ends_trust() {
    [[ $("$LICENSE_PROXY" cache ls --state-dir "$work/state" --trust-window 1s) == *"trust has expired"* ]]
}
wait_for 10 ends_trust
ok $? "cache ls tells of trust that has ended"
says 0 "does not verify: ${entries[0]##*/}" cache ls --state-dir "$work/state"
says 1 '^2 entries, 1 that do not verify$' cache verify --state-dir "$work/state"
says 0 '^2 entries purged$' cache purge --all --state-dir "$work/state"

# ---- probe

says 64 '^probe: --url needs a value$|probe: --url' probe --url
says 64 'probe: --timeout' probe --timeout soon
says 64 'probe: --url: http:// only' probe --url https://localhost
says 64 'probe: --url: http:// only' probe --url http://user:password@localhost
says 64 'did you mean live\?|did you mean "live"\?' probe lve
says 64 'probe: unknown option' probe --nothing
says 64 'probe: live stands alone' probe live ready
label=$(head -c 64 /dev/zero | tr '\0' a)
says 64 'not a usable URL' probe --url "http://$label.invalid"
says 64 'longer than allowed' probe --url "http://127.0.0.1:1/$(head -c 20000 /dev/zero | tr '\0' a)"
LICENSE_PROXY_STATUS_HOST=:: says 1 "probe: " probe --timeout 2s

# answers CODE ERE BYTES [WORD...]: what probe says to an answer of these bytes (printf escapes), one
# byte at a time, after which the connection is closed.
cat >"$work/answer.pl" <<'END'
use strict;
use warnings;
use IO::Socket::INET;
my ($answer, $port) = @ARGV;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die;
open my $out, '>', "$port.new" or die;
print $out $listen->sockport;
close $out;
rename "$port.new", $port;
my $client = $listen->accept;
$client->autoflush(1);
my $head = '';
while ($head !~ /\r\n\r\n/) { sysread($client, $head, 4096, length $head) or exit }
open my $in, '<:raw', $answer or die;
local $/;
my $bytes = <$in>;
if (length $bytes < 1000) { syswrite($client, $_) for split //, $bytes }
else { print $client $bytes }
END
answers() {
    local code=$1 pattern=$2 bytes=$3
    shift 3
    # shellcheck disable=SC2059 # the bytes are a format
    printf "$bytes" >"$work/answer"
    rm -f "$work/port"
    perl "$work/answer.pl" "$work/answer" "$work/port" 2>>"$work/answer.log" &
    started="$started $!"
    wait_for 10 test -f "$work/port" || bail "the answering server doesn't start"
    says "$code" "$pattern" probe --url "http://127.0.0.1:$(<"$work/port")" --timeout 10s "$@"
}
ok='HTTP/1.1 200 OK\r\n'
state='{"state":"Connected"}'
answers 0 '^probe: Connected$' "${ok}Content-Length: 21\r\n\r\n$state" Connected
answers 0 '^probe: Connected$' "${ok}Transfer-Encoding: chunked\r\n\r\na\r\n${state:0:10}\r\nb\r\n${state:10}\r\n0\r\n\r\n" Connected
answers 0 '^probe: Connected$' "${ok}Connection: close\r\n\r\n$state" Connected
answers 1 '^probe: Connected, which is not as wanted$' "${ok}\r\n$state" Failed
answers 0 '^probe: ready \(status 200\)$' "${ok}Content-Length: 0\r\n\r\n"
answers 1 '^probe: not ready \(status 204\)$' 'HTTP/1.1 204 No Content\r\n\r\n'
answers 1 'tells no state; is this the status port' "${ok}Content-Length: 2\r\n\r\n{}" Ready
answers 1 'tells no state' 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' Ready
answers 1 'ended before the answer did' "${ok}Content-Length: 22\r\n\r\n$state" Connected
answers 1 'ended before the answer did' "${ok}Content-Le" Connected
answers 1 'ended before the answer did' '' Connected
answers 1 '^probe: ' 'SSH-2.0-OpenSSH_9.2\r\n' Connected
answers 1 '^probe: ' "${ok}Transfer-Encoding: chunked\r\n\r\nx\r\n" Connected
answers 1 '^probe: ' "${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\n" Connected
answers 1 "larger than a status port's" "${ok}Connection: close\r\n\r\n%0200000d" Connected
answers 1 '^probe: ' "${ok}X: %020000d\r\n\r\n" Connected
finish
