#!/bin/bash
# Runs once. The executable as the only file there is: in a read-only root, as user 65532 and first
# process, with a folder for its state and one with the mounted secrets, and neither /proc, /dev nor
# /etc. What is run there is build/license-proxy, then the image that tools/image makes, by its own
# entry point, user and health check, then the image named by OTHER_IMAGE (an archive as of "docker
# save"; "make image-check" gives the one that Dockerfile.scratch builds). 5 s for each.
#
# All of it is in namespaces of its own, so without root's rights it needs user namespaces.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/scratch.sh
. "$(dirname "$0")/scratch.sh"

make_ca ca
make_ca proxyca
make_cert proxy proxyca IP:127.0.0.1
make_cert server ca DNS:license.test
mkdir "$work/images"

# unpack NAME IMAGE.tar: the files of its layers into $work/NAME, its configuration to NAME.json.
unpack() {
    local image=$work/images/$1 layer
    mkdir "$image" "$work/$1"
    tar -xf "$2" -C "$image" || bail "$2 doesn't unpack"
    perl -MJSON::PP -e 'local $/; my $image = decode_json(<STDIN>)->[0];
        print "$_\n" for $image->{Config}, @{ $image->{Layers} }' \
        <"$image/manifest.json" >"$image/files" || bail "$2 has no manifest"
    {
        read -r config
        cp "$image/$config" "$work/$1.json"
        while read -r layer; do
            tar -xf "$image/$layer" -C "$work/$1"
        done
    } <"$image/files"
}

# configured NAME KEY: a list or text of the image's configuration, its members a line each.
configured() {
    perl -MJSON::PP -e 'my $c = do { local $/; decode_json(<STDIN>)->{config} };
        $c = $c->{$_} for split /[.]/, $ARGV[0];
        print "$_\n" for ref $c eq "HASH" ? sort keys %$c : ref $c ? @$c : $c // ()' "$2" \
        <"$work/$1.json"
}

# furnish: the state directory, and what a container would be given.
furnish() {
    mount_tmpfs 700 /state
    mount_tmpfs 755 /run/secrets
    printf 'the-license-key\n' >"$scratch/run/secrets/license-key"
    cp "$work/ca.crt" "$scratch/run/secrets/ca.pem"
    cp "$work/proxy.crt" "$scratch/run/secrets/cert.pem"
    cp "$work/proxy.key" "$scratch/run/secrets/key.pem"
    chmod 400 "$scratch/run/secrets/license-key" "$scratch/run/secrets/key.pem"
    for_user "$scratch/state" "$scratch/run/secrets/"*
    read_only /run/secrets
}

# probe WANTED [ARGUMENT...]: the exit code of the image's health check, with those arguments.
probe() {
    local wanted=$1
    shift
    "${in_root[@]}" "${health[@]}" "$@" >"$work/probe" 2>&1
    is "$?" "$wanted" "$it: probe $* says $wanted" || note "$(<"$work/probe")"
}

# is_unready: by the health check.
is_unready() {
    ! "${in_root[@]}" "${health[@]}"
}

one_in_flight() {
    [ "$(server_count in_flight)" = 1 ]
}

license() {
    fetch "/v1/license/$1" --cacert "$work/proxyca.crt" --no-insecure -d '{"id":1}'
}

# body NAME: everything, with the root $work/NAME and the words command and health.
body() {
    it=$1
    start_server server
    port=$SERVER_PORT
    settings=(LICENSE_PROXY_LICENSE_KEY_FILE=/run/secrets/license-key
        LICENSE_PROXY_SERVER_URL="https://license.test:$port"
        LICENSE_PROXY_CA_FILE=/run/secrets/ca.pem
        LICENSE_PROXY_TLS_CERT=/run/secrets/cert.pem LICENSE_PROXY_TLS_KEY=/run/secrets/key.pem
        LICENSE_PROXY_STATE_DIR=/state LICENSE_PROXY_RELAY_TIMEOUT=3s
        LICENSE_PROXY_STARTUP_TIMEOUT=15s)
    enter "$it"
    is "$(cd "$scratch" && find . -xdev ! -type d) $(cd "$scratch" && find . -type d | sort | tr '\n' ' ')" \
        "./license-proxy . ./run ./run/secrets ./state " "$it: the root holds the executable alone"
    touch "$scratch/a" "$scratch/license-proxy" 2>/dev/null
    is $? 1 "$it: and is read-only, even for root"
    "${in_root[@]}" /license-proxy version >"$work/version" 2>&1
    is "$? $(cut -d' ' -f1 "$work/version" | head -n 1)" "0 license-proxy" "$it: it runs"

    # No resolv.conf and no name server.
    probe 1
    run_with LICENSE_PROXY_STARTUP_TIMEOUT=1s
    start "$it-nameless"
    ends "$PID" 20
    is "$CODE" 69 "$it: without a name server: exit code 69"
    logged 'stage=dns error=.*license\.test'
    ok $? "$it: and the reason" || note "$(<"$LOG")"

    run_with
    name_server license.test=127.0.0.1
    start "$it"
    serving
    is "$PORT $STATUS_PORT" "8443 8080" "$it: serves on the ports that the image exposes"
    is "$(awk '/^NSpid:/ { print $NF }' "/proc/$FIRST/status")" 1 "$it: as first process"
    is "$(awk '/^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)/ { print $2 }' "/proc/$FIRST/status" | sort -u |
        tr '\n' ' ')" "0000000000000000 1 " "$it: without capabilities, nor ways to get any"
    if [ "$TEST_IS_ALONE" = root ]; then
        is "$(awk '/^[UG]id:/ { print $2, $3 }  /^Groups:/ { print NF }' "/proc/$FIRST/status" |
            tr '\n' ' ')" "65532 65532 65532 65532 1 " "$it: as user 65532, in no other group"
    else
        is "$(awk '{ print $1, $3 }' "/proc/$FIRST/uid_map")" "65532 1" "$it: as user 65532"
    fi
    wait_for 10 is_state Connected
    probe 0
    probe 0 live
    probe 0 Connected
    probe 1 TrustBased Failed
    license a
    is "$CODE $(field cache-status)" "200 license-proxy; fwd=miss; stored" "$it: relays"
    answer=$BODY
    stored() {
        [ -n "$(find "$scratch/state" -name 'e-*')" ]
    }
    wait_for 10 stored
    ok $? "$it: and stores the answer in its state directory"
    is "$(find "$scratch/state" -type f ! -perm 600 | head -n 1)" "" "$it: for nobody else to read"
    "${in_root[@]}" /license-proxy cache ls --state-dir /state \
        --license-key-file /run/secrets/license-key >"$work/ls" 2>&1
    is $? 0 "$it: cache ls" || note "$(<"$work/ls")"

    stop_server
    license a
    is "$CODE $BODY" "200 $answer" "$it: in an outage the stored answer serves"
    like "$(field cache-status)" 'license-proxy; hit; fwd=stale; ttl=' "$it: and says so"
    probe 0 TrustBased
    probe 0
    probe 1 Connected
    end "$it in an outage"

    start "$it-again"
    serving
    license a
    is "$CODE $BODY" "200 $answer" "$it: started in an outage, it serves what it had stored"
    start_server server --port "$port"
    wait_for 70 is_state Connected
    ok $? "$it: and is Connected when the server is back"

    server_set fault=hold
    license b >"$work/in-flight.body" &
    asking=$!
    # In a shell of its own, since fetch leaves its results in variables.
    wait_for 10 one_in_flight
    kill -TERM "$FIRST"
    wait_for 10 is_unready
    ok $? "$it: told to end with a request in flight, it is unready"
    probe 0 live
    server_reset
    wait "$asking"
    ends "$PID" 15
    is "$CODE" 0 "$it: and ends with exit code 0"
    is "$(head -n 1 "$work/head" | tr -d '\r')" "HTTP/1.1 200 OK" "$it: when that one is answered"

    cat "$work/$it.trace" "$work/$it-again.trace" >"$work/trace"
    is "$(grep -cE ' = -1 E(ROFS|ACCES|PERM)' "$work/trace")" 0 \
        "$it: nothing was written elsewhere, nor was that tried" ||
        note "$(grep -E ' = -1 E(ROFS|ACCES|PERM)' "$work/trace")"
    at_least "$(grep -cE '(open|openat)\(.*O_CREAT' "$work/trace")" 3 "$it: (files were made)"
    note "looked for in vain: $(grep ' = -1 ENOENT' "$work/trace" | grep -o '"/[^"]*"' | grep -vE '/state|/usr|preload' |
        sort -u | tr '\n' ' ')"
    leave
    stop_server
    kill "$dns"
    ends "$dns" 5
}

mkdir "$work/executable"
install -m 555 "$LICENSE_PROXY" "$work/executable/license-proxy"
command=(/license-proxy serve)
health=(/license-proxy probe)
body executable

# image NAME: the same with an unpacked image.
image() {
    mapfile -t command < <(configured "$1" Entrypoint && configured "$1" Cmd)
    mapfile -t health < <(configured "$1" Healthcheck.Test | sed 1d)
    is "$(configured "$1" User)" 65532:65532 "$1: its user"
    is "$(tar --numeric-owner -tvf "$work/images/$1/$(tail -n 1 "$work/images/$1/files")" |
        grep -o '^d.*state/$' | tr -s ' ' | cut -d' ' -f1,2)" "drwx------ 65532/65532" \
        "$1: /state is that user's, for volumes"
    is "${command[*]} ${health[*]}" "/license-proxy serve /license-proxy probe" "$1: its commands"
    is "$(sha256sum <"$work/$1/license-proxy")" "$(sha256sum <"$LICENSE_PROXY")" \
        "$1: the same executable, to the bit"
    body "$1"
}

"$root/tools/image" "$LICENSE_PROXY" "$work/image.tar" >/dev/null || bail "tools/image makes no image"
unpack image "$work/image.tar"
image image

if [ -n "${OTHER_IMAGE:-}" ]; then
    unpack other "$OTHER_IMAGE"
    for key in User Entrypoint Cmd ExposedPorts Healthcheck.Test Healthcheck.Interval \
        Healthcheck.Timeout; do
        is "$(configured other "$key")" "$(configured image "$key")" \
            "both images have the same $key"
    done
    image other
else
    note "NOT tried here: the image that Dockerfile.scratch builds; make image-check does"
fi

finish
