# From a deb822 .sources file, the stanzas that are Debian's own, as sources of source packages.
# Debian's own are those whose suites are this release (codename), or stable, testing, unstable.

function flush_stanza()
{
    if (stanza != "" && enabled && debian)
        printf "Types: deb-src\n%s\n", stanza
    stanza = ""
    enabled = 1
    debian = 0
}

BEGIN {
    enabled = 1
}

/^#/ {
    next
}

/^[ \t]*$/ {
    flush_stanza()
    next
}

# A line that begins with a blank continues the field before it.
!/^[ \t]/ {
    field = tolower($1)
    sub(/:.*/, "", field)
}

field == "types" {
    next
}

field == "enabled" && tolower($2) ~ /^(no|false|0|off|without|disable)$/ {
    enabled = 0
}

field == "suites" {
    for (i = 1; i <= NF; i++)
        if (index($i, codename) == 1 || $i ~ /^(old)?stable|^testing|^unstable|^sid$/)
            debian = 1
}

{
    stanza = stanza $0 "\n"
}

END {
    flush_stanza()
}
