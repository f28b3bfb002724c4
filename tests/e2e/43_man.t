#!/bin/bash
# Runs once. The man page: made and installed by make, without a word from mandoc's lint, and all of
# what the program knows is in it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

make -C "$root" install DESTDIR="$work/root" PREFIX=/opt/x >"$work/make" 2>&1
ok $? "make install" || note "$(cat "$work/make")"
page=$work/root/opt/x/share/man/man1/license-proxy.1
is "$(cd "$work/root" && find . -type f -printf '%m %p\n' | sort)" \
    "644 ./opt/x/lib/systemd/system/license-proxy-status.socket
644 ./opt/x/lib/systemd/system/license-proxy.service
644 ./opt/x/lib/systemd/system/license-proxy.socket
644 ./opt/x/share/man/man1/license-proxy.1
755 ./opt/x/bin/license-proxy" "installs the program, its page and the units, and no more"
cmp -s "$root/build/license-proxy" "$work/root/opt/x/bin/license-proxy"
ok $? "the program is the one that was built"
is "$("$root/tools/man" "$root/build/license-proxy" | cksum)" "$(cksum <"$page")" \
    "the page is what the program says now"
is "$(mandoc -T lint "$page" 2>&1)" "" "mandoc finds nothing"
is "$(LC_ALL=C tr -d ' -~\n' <"$page" | od -An -c)" "" "the page is printable ASCII"
text=$(mandoc -T ascii -O width=90 "$page" 2>&1 | col -b -x)
is "$(grep -E '^[A-Z]' <<<"$text" | sed 1d | tr '\n' ,)" \
    "NAME,SYNOPSIS,DESCRIPTION,COMMANDS,OPTIONS,ENVIRONMENT,FILES,SIGNALS,EXIT STATUS,EXAMPLES,SECURITY," \
    "its sections"
unlike "$text" '\\[fe-]|^ *[.][A-Z]' "no markup shows"

# section NAME
section() {
    sed -n "/^$1\$/,/^[A-Z]/p" <<<"$text"
}

# has SECTION TEXT WHAT: words in their order, however the lines are broken.
has() {
    [[ $(section "$1" | tr -s ' \n' ' ') == *"$2"* ]]
    ok $? "$3 is in $1"
}

help=$("$root/build/license-proxy" help)
commands=$(sed -n 's/^  \([a-z]*\) .*/\1/p' <<<"$help")
at_least "$(wc -l <<<"$commands")" 9 "commands"
for command in $commands; do
    like "$(section COMMANDS)" "^   $command\$" "the command $command"
    usage=$("$root/build/license-proxy" help "$command" | sed -n 's/^Usage: //p')
    has SYNOPSIS " $usage" "the usage of $command"
    last=$("$root/build/license-proxy" help "$command" | sed '1,2d;/^Options, each/,$d' |
        grep . | tail -n 1 | tr -s ' ')
    has COMMANDS "${last# }" "the help of $command to its last line"
done
serve=$("$root/build/license-proxy" help serve)
settings=$(grep -E '^  (-|\[)' <<<"$serve" | sed 's/^ *//')
at_least "$(wc -l <<<"$settings")" 40 "settings"
options=$(section OPTIONS)
while IFS= read -r setting; do
    grep -Fxq "       $setting" <<<"$options"
    ok $? "the setting $setting"
done <<<"$settings"
variables=$(grep -oE 'LICENSE_PROXY_[A-Z0-9_]+' <<<"$serve" | sort -u)
at_least "$(wc -l <<<"$variables")" 40 "variables"
for variable in $variables; do
    like "$options" "^ +$variable(, \\[[a-z]+\\] [a-z_0-9]+)?\$" "$variable has a line of its own"
done
while IFS= read -r variable; do
    case $variable in
    LP_*) ;; # for tests
    WATCHDOG_PID) has ENVIRONMENT WATCHDOG_ "$variable" ;;
    LICENSE_PROXY_*) has OPTIONS "$variable" "$variable" ;;
    *) has ENVIRONMENT "$variable" "$variable" ;;
    esac
done < <(grep -rhoE 'getenv\("[A-Z_]+"\)' "$root/src" | cut -d'"' -f2 | sort -u)
for variable in DEEPGRAM_API_KEY LICENSE_KEY _FILE HTTPS_PROXY ALL_PROXY NO_PROXY; do
    has ENVIRONMENT "$variable" "$variable"
done
codes=$(tr '\n' ' ' <<<"$help" | sed 's/.*Exit codes: //' | grep -oE '[0-9]+')
is "$(wc -l <<<"$codes")" 5 "exit codes"
for code in $codes; do
    like "$(section 'EXIT STATUS')" "^ +$code  " "exit code $code"
done
while IFS= read -r line; do
    read -r _ command rest <<<"$line"
    grep -Fxq "$command" <<<"$commands"
    ok $? "the example $command $rest is of a command"
done < <(section EXAMPLES | grep '^ *license-proxy ')
finish
