#!/bin/bash
# Shared by the tests that run the proxy in a root that holds nothing else, read-only, as user 65532
# and first process, in namespaces of their own; with root's rights, or by user namespaces. Read
# after lib.sh.
#
#   enter NAME    $scratch gets what is in $work/NAME; the test's function furnish then adds mounts
#   run_with      sets in_root, the words that run a command there with the words of settings
#   start NAME    runs the words of command; serving waits until it does, and sets FIRST
#
# These are the tests':
# shellcheck disable=SC2154
unset LICENSE_KEY DEEPGRAM_API_KEY

if [ -z "${TEST_IS_ALONE:-}" ]; then
    cleanup
    user=
    [ "$(id -u)" = 0 ] || user='--user --map-root-user'
    # shellcheck disable=SC2086 # two words
    TEST_IS_ALONE=${user:-root} unshare $user --mount --net --pid --fork --kill-child --mount-proc \
        "$0" && exit
    [ -n "$user" ] && ! unshare --user true &&
        echo "Bail out! can't make namespaces: be root, or have user namespaces allowed"
    exit 1
fi
ip link set lo up || bail "the loopback interface doesn't come up"
chmod 711 "$work"
scratch=$work/root
trap 'umount -lR "$scratch" 2>/dev/null; cleanup' EXIT

# mount_tmpfs MODE PATH: an empty file system at the path of the root.
mount_tmpfs() {
    mkdir -p "$scratch$2"
    mount -t tmpfs -o "mode=$1" license-proxy "$scratch$2" || bail "no tmpfs at $2"
}

# read_only PATH
read_only() {
    mount -o remount,bind,ro "$scratch$1" || bail "$1 can't be made read-only"
}

# for_user FILE...: makes them user 65532's. In user namespaces whoever makes a file is that user.
for_user() {
    [ "$TEST_IS_ALONE" != root ] || chown -R 65532:65532 "$@"
}

enter() {
    mkdir "$scratch"
    mount_tmpfs 755 ""
    cp -a "$work/$1/." "$scratch/"
    furnish
    read_only ""
    # shellcheck disable=SC2119
    run_with
}

# run_with [SETTING...]
# shellcheck disable=SC2120 # tests pass some
run_with() {
    local as_user=(--setuid 65532 --setgid 65532)
    [ "$TEST_IS_ALONE" = root ] || as_user=(--user --map-user=65532 --map-group=65532)
    in_root=(env -i "${settings[@]}" "$@" setpriv --no-new-privs unshare "${as_user[@]}"
        --root="$scratch" --wd=/)
}

leave() {
    umount -R "$scratch"
    rmdir "$scratch"
}

# start WHAT: its entry point and command as first process of a PID namespace, with what it does to
# files recorded. Sets FIRST, its PID here.
start() {
    launch "$1" strace -D -f -qq -e trace=%file -e signal=none -o "$work/$1.trace" \
        "${in_root[@]}" --pid --fork --kill-child "${command[@]}"
    started_as=$1
}

children_of() {
    cat "/proc/$1/task/$1/children" 2>/dev/null
}

# serving: waits until it does.
serving() {
    find_ports || bail "$started_as doesn't serve"
    read -r FIRST _ <<<"$(children_of "$PID")"
}

# end WHAT: tells it to end.
end() {
    kill -TERM "$FIRST"
    ends "$PID" 15
    is "$CODE" 0 "$1: SIGTERM ends it with exit code 0"
}

# name_server NAME=ADDRESS...: answers where a root without resolv.conf asks. Sets dns, its PID.
name_server() {
    rm -f "$work/dns.ready"
    perl "$root/tests/peer/dns.pl" 127.0.0.1 "$work/dns.ready" "$@" >>"$work/dns.asked" 2>"$work/dns.says" &
    dns=$!
    started="$started $dns"
    wait_for 10 test -f "$work/dns.ready" || bail "no name server: $(cat "$work/dns.says")"
}
