#!/bin/bash
# Every kind of outage, one by one: the kept answer serves, and a request that was never approved
# is told what is wrong.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

hit='^license-proxy; hit; fwd=stale; (fwd-status=[0-9]+; )?ttl=[0-9]+(; detail=[a-z-]+)?$'

# ask TARGET [CURL_OPTION...]: the licensing request that the tests below repeat.
ask() {
    target=$1
    shift
    fetch "$target" -H 'Authorization: Token client-secret' -d '{"license":"a"}' "$@"
}

# approve TARGET [CURL_OPTION...]: sets approved to the answer's serial number.
approve() {
    ask "$@"
    approved=$SERIAL
    [[ "$CODE $approved" =~ ^200\ [0-9]+$ ]] || bail "no approval of $*: $CODE $BODY"
}

# bridged WHAT: the last response is the approved one, from trust.
bridged() {
    is "$CODE $SERIAL" "200 $approved" "$1: the kept answer serves"
    like "$(field cache-status)" "$hit" "$1: Cache-Status says so"
    like "$(field age)" '^[0-9]+$' "$1: Age tells how old it is"
}

start_server server
start_proxy p tls-timeout=1s answer-timeout=1s relay-timeout=2s
approve /v1/first

# outage WHAT KNOB...: the server turns bad in that way; then it is well again.
outage() {
    what=$1
    shift
    server_set "$@"
    ask /v1/first
    bridged "$what"
    case $what in silent* | dribbled*) ;; *) unheard "$what" ;; esac
    recover
}

# unheard WHAT: in that outage, a request without a kept answer.
unheard() {
    what=$1
    # A bad answer is 502; none at all 504.
    case $what in
    connection* | *accepting) wanted='^504$' ;;
    *handshake) wanted='^50[24]$' ;;
    *) wanted='^502$' ;;
    esac
    ask "/v1/unheard/$tests"
    like "$CODE" "$wanted" "$what: an unheard request gets $wanted"
    like "$BODY" '^\{"error":"[a-z_]+","message":".+","state":"TrustBased"\}$' "$what: says why"
    like "$(field cache-status)" '^license-proxy; fwd=miss$' "$what: marked as a miss"
}

outage "connection refused" listening=0
outage "reset on accepting" fault=reset at=accept drop=1
outage "closed on accepting" fault=close at=accept drop=1
outage "closed after the handshake" fault=close at=tls drop=1
outage "reset after the request" fault=reset
outage "closed after the request" fault=close
outage "reset in mid head" fault=reset at=head
outage "closed in mid head" fault=close at=head
outage "reset in mid body" fault=reset at=body
outage "closed in mid body" fault=close at=body
outage "body until close, cut" framing=close fault=reset at=body
outage "body until close, without close_notify" framing=close fault=fin at=end
outage "chunked body, cut" framing=chunked fault=close at=body
outage "not HTTP" odd=garbage
outage "Content-Length and Transfer-Encoding" odd=cl_te
outage "two lengths" odd=two_cl
outage "bare line feeds" odd=bare_lf
outage "folded field" odd=obs_fold
outage "space before a colon" odd=space_colon
outage "bad chunk size" odd=bad_chunk framing=chunked
outage "head over the bound" odd=big_head
outage "declared body over the bound" odd=big_body
outage "chunked body over the bound" odd=big_body framing=chunked
outage "head without end" odd=endless_head
outage "body without end" odd=endless_body framing=close
outage "interim responses without end" interims=100
outage "unasked-for 101" interims=1 interim=101
outage "silent before TLS" fault=hang at=accept drop=1
outage "silent after the request" fault=hang
outage "silent in mid head" fault=hang at=head
outage "silent in mid body" fault=hang at=body
outage "dribbled too slowly" dribble=40

# A certificate for another name, at run time.
port=$SERVER_PORT
stop_server
make_cert other ca DNS:other.example
start_server other --port "$port"
ask /v1/first
bridged "another name in the certificate"
stop_server
start_server server --port "$port"
recover

finish
