#!/bin/bash
# Runs once. README.md does what it says: its blocks are run, in a network of their own where the
# license servers that it names are the development server; what it names exists. A block or command
# that this test doesn't know fails, and is then entered here: in run_command, or with the reason why it
# can't be run in why_not. 10 s.
#
# What is replaced in a block, and nothing else:
#   /etc/license-proxy, /var/lib/license-proxy, /run/secrets, /license-proxy.toml, /usr/local, /state
#             are in a folder of the test's
#   =… and "…"   are a license key, and a public key's pin
# A command line finds build/license-proxy as license-proxy, and README's tree as its folder.
# shellcheck disable=SC2317 # functions called by wait_for
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/scratch.sh
. "$(dirname "$0")/scratch.sh"
readme=${README:-$root/README.md}

# ---- the world that README speaks of ---------------------------------------------------------

vendors="license.example.com license2.example.com license.deepgram.com"
make_ca ca
names=
hosts=()
for vendor in $vendors; do
    names="$names${names:+,}DNS:$vendor"
    hosts+=("$vendor=127.0.0.1")
done
make_cert server ca "$names"
start_server server --port 443
name_server "${hosts[@]}"
echo "nameserver 127.0.0.1" >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf || bail "no resolv.conf of our own"
export SSL_CERT_FILE=$work/ca.crt PROXY_USER=user PROXY_PASSWORD=password
pin=$(openssl pkey -in "$work/server.key" -pubout -outform DER | openssl dgst -sha256 -binary | base64)

there=$work/there
mkdir -p "$there/etc/license-proxy" "$there/var/lib" "$there/run/secrets" "$work/bin" "$work/tree"
make_cert proxy self "DNS:localhost,IP:127.0.0.1"
cp "$work/proxy.crt" "$there/etc/license-proxy/cert.pem"
cp "$work/proxy.key" "$there/etc/license-proxy/key.pem"
cp "$work/ca.crt" "$there/etc/license-proxy/ca.pem"
cp "$work/ca.crt" "$there/etc/license-proxy/clients.pem"
echo the-license-key >"$there/run/secrets/license-key"
chmod 600 "$there/run/secrets/license-key" "$there/etc/license-proxy/key.pem"
# The vendors' file, as they publish it.
cat >"$there/license-proxy.toml" <<'END'
[server]
host = "0.0.0.0"
port = 8443
base_url = "/"
status_port = 8080
[license]
key = "${DEEPGRAM_API_KEY}"
server_url = "https://license.deepgram.com"
END
ln -s "$LICENSE_PROXY" "$work/bin/license-proxy"
PATH=$work/bin:$PATH
for name in "$root"/*; do
    ln -s "$name" "$work/tree/"
done
rm "$work/tree/build"
mkdir "$work/tree/build"
ln -s "$LICENSE_PROXY" "$work/tree/build/license-proxy"
cd "$work/tree" || bail "no tree"
echo the-license-key >key.txt
chmod 600 key.txt

# replace TEXT: sets TEXT.
replace() {
    local path
    TEXT=$1
    for path in /etc/license-proxy /var/lib/license-proxy /run/secrets /license-proxy.toml /usr/local /state; do
        TEXT=$(sed -E "s#(^|[ \"'=])$path#\1$there$path#g" <<<"$TEXT")
    done
    TEXT=${TEXT//=… /=the-license-key }
    TEXT=${TEXT//\"…\"/\"$pin\"}
}

# ---- blocks ----------------------------------------------------------------------------------

# Files block.N, the language of each in block.N.language; README without them in prose.
awk -v out="$work/block." -v prose="$work/prose" '
/^ *```/ && !inside { inside = 1; n++; sub(/^ *```/, ""); print > (out n ".language"); printf "" > (out n); next }
/^ *```/ { inside = 0; close(out n); next }
inside { print > (out n); next }
{ print > prose }' "$readme"

# why_not COMMAND: sets WHY, the reason for which it isn't run here, or fails.
why_not() {
    case $1 in
    docker\ * | podman\ * | "sudo docker "*) WHY="needs a container engine; 50_scratch.t runs the images" ;;
    "kubectl "*) WHY="needs a cluster; 51_deploy.t runs what tools/deploy/kubernetes says" ;;
    *systemctl\ * | *journalctl\ * | *systemd-*) WHY="needs systemd as first process" ;;
    *useradd\ * | *groupadd\ * | *"apt-get "* | "sudo "* | "install "*) WHY="changes the machine" ;;
    *haproxy* | *prometheus* | *promtool*) WHY="that program has a test of its own" ;;
    "tools/verify "*) WHY="03_release.t runs it, on a release" ;;
    '$EDITOR '* | "scp "* | "ssh "*) WHY="is for a person" ;;
    *) return 1 ;;
    esac
}

# Paths of this tree that a text names and that aren't there.
absent() {
    grep -oE '(^|[ `(=:])(src|tests|tools)/[A-Za-z0-9_./-]*' <<<"$1" | sed -E 's/^[^a-z]*//; s/[.:,)]*$//' |
        sort -u | while IFS= read -r path; do
        [ -e "$root/$path" ] || echo "$path"
    done
}

runs_now() {
    [ -n "$served" ] && ! has_ended "$served"
}

served=
end_served() {
    [ -n "$served" ] || return 0
    end_proxy "$served"
    is "$CODE" 0 "it ends with exit code 0"
    served=
}

# serve COMMAND
serve() {
    end_served
    rm -f "$work/serve.log"
    launch serve env LICENSE_KEY=another-key sh -c "exec env $1"
    served=$PID
    find_ports && fetch /v1/license && [ "$CODE" = 200 ]
    ok $? "serves and relays: $1" || {
        note "$(tail -n 5 "$LOG")"
        served=
    }
}

# run_command COMMAND
run_command() {
    local command=$1
    is "$(absent "$command")" "" "what it names is there: $command"
    if why_not "$command"; then
        note "not run, $WHY: $command"
        # What it has done in a container is done here.
        [[ $TEXT =~ ^(docker|podman|kubectl)\ .*\ /?(license-proxy\ (serve|cert|probe|status|check|cache|version)(\ .*)?)$ ]] ||
            return
        command=${BASH_REMATCH[2]}
        TEXT=$command
    fi
    case $command in
    make | make\ *) # whose targets are looked at below; running them would be a build in a test
        return ;;
    *license-proxy\ *serve\ *)
        serve "$TEXT"
        return ;;
    *license-proxy\ probe* | *license-proxy\ status* | curl\ *)
        runs_now || serve "license-proxy serve --license-key-file key.txt --server-url https://license.example.com" ;;
    *license-proxy\ *) ;;
    *)
        ok 1 "README has a command that tests/e2e/52_readme.t doesn't know how to run: $command"
        return
        ;;
    esac
    timeout 20 sh -c "$TEXT" >"$work/said" 2>&1
    ok $? "runs: $command" || note "$(<"$work/said")"
}

# shell_block FILE: each command of it, continued lines joined, comments dropped.
shell_block() {
    local line
    while IFS= read -r line; do
        line=$(sed -E 's/(^| +)# .*$//; s/ +$//; s/^ +//' <<<"$line")
        [ -n "$line" ] || continue
        replace "$line"
        run_command "$line"
    done < <(sed -E ':a; /\\$/ { N; s/ *\\\n */ /; ta }' "$1")
    end_served
}

toml_block() {
    replace "$(<"$1")"
    printf '%s\n' "$TEXT" >"$work/block.toml"
    license-proxy check "$work/block.toml" >"$work/said" 2>&1
    ok $? "license-proxy check takes it: $(grep -m 1 . "$1")" || note "$(<"$work/said")"
    # What is commented out, one setting at a time.
    grep -nE '^# [a-z_0-9]+ = ' "$work/block.toml" | cut -d: -f1 | while read -r n; do
        sed "${n}s/^# //" "$work/block.toml" >"$work/with.toml"
        license-proxy check "$work/with.toml" >"$work/said" 2>&1 || sed -n "${n}p" "$work/block.toml"
    done >"$work/refused"
    is "$(<"$work/refused")" "" "and what is commented out in it"
}

n=0
while [ -f "$work/block.$((n + 1))" ]; do
    n=$((n + 1))
    block=$work/block.$n
    case $(<"$block.language") in
    sh | bash | console) shell_block "$block" ;;
    toml) toml_block "$block" ;;
    yaml)
        PYTHONPATH=$root/build/fetched/peers/usr/lib/python3/dist-packages /usr/bin/python3 -c \
            'import sys, yaml; list(yaml.safe_load_all(sys.stdin))' <"$block" 2>"$work/said"
        ok $? "a block of YAML is well-formed" || note "$(<"$work/said")"
        ;;
    json)
        perl -MJSON::PP -e 'local $/; decode_json(<STDIN>)' <"$block" 2>"$work/said"
        ok $? "a block of JSON is well-formed" || note "$(<"$work/said")"
        ;;
    text) note "text: $(head -n 1 "$block")" ;;
    *) ok 1 "README has a block in a language that tests/e2e/52_readme.t doesn't know: $(<"$block.language"): $(head -n 1 "$block")" ;;
    esac
done
at_least "$n" 3 "blocks"

# ---- what is named ---------------------------------------------------------------------------

# each ERE [FILE]: what matches in it, each once.
each() {
    grep -oE -- "$1" "${2:-$readme}" | sort -u
}

for target in $(each '(^|`|, |; )make [a-z][a-z-]*' | sed 's/.*make //'); do
    grep -qE "^([a-z-]+ )*$target( [a-z-]+)*:" "$root/Makefile"
    ok $? "make $target is a target"
done
license-proxy help >"$work/help" 2>&1
: >"$work/options"
while read -r command; do
    license-proxy help "$command" >>"$work/options" 2>&1
done < <(sed -n 's/^  \([a-z]*\)  .*/\1/p' "$work/help")
for command in $(each 'license-proxy [a-z]+' | grep -vE ' (is|may|and|or|for|checks|takes|runs|has)$' |
    cut -d' ' -f2); do
    # In prose a sentence may go on after the name.
    grep -qE "license-proxy $command" <<<"$(each '`[^`]*`')" || continue
    grep -q "^  $command  " "$work/help"
    ok $? "license-proxy $command is a command"
done
for option in $(each '`[^`]*`' "$work/prose" | grep -v 'curl\|docker\|systemd' | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
    grep -q -- "$option" "$work/options"
    ok $? "$option is an option"
done
while IFS= read -r setting; do
    [ -n "$setting" ] || continue
    grep -qF "${setting#\`}" "$work/options"
    ok $? "${setting#\`} is a setting"
done <<<"$(each '`\[[a-z]+\] [a-z_0-9]+' | grep -v '^`\[server\]$')"
for code in $(each 'exit (code )?[0-9]+' | grep -oE '[0-9]+' | sort -u); do
    [ "$code" -le 1 ] || grep -qE "(^|[ ,:])$code " "$work/help"
    ok $? "$code is an exit code"
done
is "$(absent "$(<"$readme")")" "" "files that it names are there"
links=$(each '\]\([^)#]+' | sed 's/^](//' | grep -v '://' | while IFS= read -r link; do
    [ -e "$root/$link" ] || echo "$link"
done)
is "$links" "" "so are those to which it links"

# The status port, by the table of its paths.
serve "license-proxy serve --license-key-file key.txt --server-url https://license.example.com"
for path in $(each '^\| `/[a-z0-9/]*`' | grep -o '/[a-z0-9/]*'); do
    fetch_url "$STATUS$path"
    is "$CODE" 200 "the status port has $path"
    case $path in
    /v1/status)
        wanted=$(sed -n 's/^| `\/v1\/status` | `\([^`]*\)`.*/\1/p' "$readme" | sed 's/[{}]/[&]/g; s/…/[^,]+/g')
        like "$BODY" "^$wanted\$" "and $path looks as it is told"
        ;;
    /readyz | /livez)
        grep -E "^\| \`$path\`.*200" "$readme" >/dev/null
        ok $? "and $path is told to be 200"
        ;;
    esac
done
states=$(each '^\| (Ready|Connected|TrustBased|Failed) \|' | grep -oE '[A-Za-z]+' | tr '\n' ' ')
is "$states" "Connected Failed Ready TrustBased " "all states are told"
for state in $states; do
    license-proxy probe "$state" >/dev/null 2>&1
    [ $? -le 1 ]
    ok $? "probe knows $state"
done
end_served

finish
