#!/bin/bash
# Runs once. The deployment files for containers: docker-compose and kubectl take them, every name and
# type is in Kubernetes' published API, what one object says of another holds, and what they start
# with what they mount serves, is found well by their probes, and keeps trust over a restart, in a root
# with nothing else. 12 s.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck disable=SC2154 # set by what manifests.py writes
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/scratch.sh
. "$(dirname "$0")/scratch.sh"
peers=$root/build/fetched/peers
[ -e "$peers/complete" ] || {
    echo "Bail out! docker-compose and kubectl are missing: run tools/setup check"
    exit 1
}
python() {
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$peers/usr/lib/python3/dist-packages /usr/bin/python3 "$@"
}
manifests() {
    python "$root/tests/e2e/manifests.py" "$@"
}
models=$peers/usr/lib/python3/dist-packages/kubernetes/client/models
# It may be the machine's own.
[ -d "$models" ] || models=/usr/lib/python3/dist-packages/kubernetes/client/models

cp -r "$root/tools/deploy" "$work/deploy"
cd "$work/deploy" || bail "no tools/deploy"
printf 'the-license-key\n' >license.key
: >proxy.pem
cp license.key kubernetes/
# As kustomization.yaml says.
sed -n '/^#   openssl req/,/^# *\$EDITOR/{/EDITOR/!s/^#//p}' kubernetes/kustomization.yaml >"$work/openssl.sh"
(cd kubernetes && sh "$work/openssl.sh" 2>"$work/openssl")
ok $? "Kubernetes: the certificate is made as the file says" || note "$(<"$work/openssl")"

"$peers/usr/bin/kubectl" kustomize kubernetes >"$work/rendered" 2>"$work/says"
ok $? "Kubernetes: kubectl takes the folder" || note "$(<"$work/says")"
faults=$(manifests kubernetes "$models" <"$work/rendered" 2>&1)
is "$? $faults" "0 " "Kubernetes: as the published API says, and consistent"
# That it would have been told.
for edit in 's/runAsNonRoot/runAsNonRot/' 's/periodSeconds: 2$/periodSeconds: "2"/' '/serviceName:/d' \
    's/drop:/add:/' 's/targetPort: licensing/targetPort: license/'; do
    sed "$edit" "$work/rendered" | manifests kubernetes "$models" >"$work/says" 2>&1
    is $? 1 "Kubernetes: a fault is told ($edit)"
done
python "$peers/usr/bin/docker-compose" -f compose.yaml config >"$work/composed.yaml" 2>"$work/says"
ok $? "compose: docker-compose takes the file" || note "$(<"$work/says")"
faults=$(manifests compose <"$work/composed.yaml" 2>&1)
is "$? $faults" "0 " "compose: hardened, and the service has no other way out"

# What surrounds them: the license server that the configurations name.
make_ca ca
make_cert server ca DNS:license.example.com
start_server server --port 443
name_server license.example.com=127.0.0.1
# The log as text, which the functions of lib.sh read.
settings=(LICENSE_PROXY_CA_FILE=/ca.pem LICENSE_PROXY_LOG_FORMAT=text)
mkdir "$work/image"
install -m 555 "$LICENSE_PROXY" "$work/image/license-proxy"

# furnish: what $given names. A volume is as kubelet makes it for fsGroup, or as an engine from the
# image's folder.
furnish() {
    . "$work/$given/words"
    cp -a "$work/$given/root/." "$scratch/"
    cp "$work/ca.crt" "$scratch/ca.pem"
    for state in "${states[@]}"; do
        mount_tmpfs 700 "$state"
        [ -d "$work/$given/kept" ] || continue
        cp -a "$work/$given/kept/." "$scratch$state/"
    done
    for secret in "${secrets[@]}"; do
        if [ "$given" = pod ]; then
            chmod 440 "$scratch$secret"
            [ "$TEST_IS_ALONE" != root ] || chown 0:65532 "$scratch$secret"
            chmod 2775 "$scratch${states[0]}"
            [ "$TEST_IS_ALONE" != root ] || chown 0:65532 "$scratch${states[0]}"
        else
            chmod 400 "$scratch$secret"
            for_user "$scratch$secret" "$scratch${states[0]}"
        fi
    done
}

# passes WORD...: whether such a probe succeeds.
passes() {
    "${in_root[@]}" "$@" >"$work/probe" 2>&1
}

# deploy NAME HOST: starts it, with what a service at HOST sees.
deploy() {
    given=$1 host=$2
    mkdir "$work/$given" || bail "no folder for $given"
    manifests "$3" "$work/$given" <"$4" || bail "$given: can't be laid out"
    # As the image has it.
    enter image
    "${in_root[@]}" /license-proxy check "${command[-1]}" >"$work/says" 2>&1
    ok $? "$given: its configuration has no fault" || note "$(<"$work/says")"
    start "$given"
    serving
    wait_for 20 passes "${startup[@]}"
    ok $? "$given: started, says ${startup[*]}"
    passes "${live[@]}"
    ok $? "$given: lives, says ${live[*]}"
    passes "${ready[@]}"
    ok $? "$given: is ready, says ${ready[*]}"
}

# used AUTHORITY: by a service that knows it by its name.
used() {
    fetch_url "https://$host:8443/v1/license" --no-insecure --cacert "$1" \
        --resolve "$host:8443:127.0.0.1" -d '{"id":1}'
}

# restarted: in an outage, with what the volume kept.
restarted() {
    end "$given"
    mkdir "$work/$given/kept"
    cp -a "$scratch${states[0]}/." "$work/$given/kept/"
    leave
    stop_server
    enter image
    start "$given-again"
    serving
    wait_for 20 passes "${startup[@]}"
    ok $? "$given: started again in an outage, says ${startup[*]}"
    used "$1"
    is "$CODE" 200 "$given: and serves what the volume kept"
    like "$(field cache-status)" 'hit; fwd=stale' "$given: from trust"
    passes "${ready[@]}"
    ok $? "$given: and is ready"
    end "$given again"
    leave
    start_server server --port 443
}

deploy pod license-proxy.licensing pod "$work/rendered"
used kubernetes/tls.crt
is "$CODE $(field cache-status)" "200 license-proxy; fwd=miss; stored" \
    "pod: a service reaches it by its name and certificate, and is relayed"
restarted kubernetes/tls.crt

deploy composed license-proxy service "$work/composed.yaml"
# As compose.yaml says.
read -r -a cert <<<"$(sed -n 's/^#.*exec license-proxy \(.*\) >proxy.pem$/\1/p' compose.yaml)"
"${in_root[@]}" "${cert[@]}" >proxy.pem 2>"$work/says"
ok $? "composed: tells its certificate" || note "$(<"$work/says")"
used proxy.pem
is "$CODE $(field cache-status)" "200 license-proxy; fwd=miss; stored" \
    "composed: a service reaches it by its name and certificate, and is relayed"
restarted proxy.pem

finish
