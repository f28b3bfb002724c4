# From a one-line .list file ("deb [options] URI suite component..."), the entries that are
# Debian's own, as sources of source packages. Debian's own are those whose suite is this release
# (codename), or stable, testing, unstable.

$1 == "deb" || $1 == "deb-src" {
    rest = $0
    sub(/^[ \t]*deb(-src)?[ \t]+/, "", rest)
    options = ""
    if (match(rest, /^\[[^]]*\][ \t]*/)) {
        options = substr(rest, 1, RLENGTH)
        rest = substr(rest, RLENGTH + 1)
    }
    split(rest, field, /[ \t]+/)
    suite = field[2]
    if (index(suite, codename) != 1 && suite !~ /^(old)?stable|^testing|^unstable|^sid$/)
        next
    line = "deb-src " options rest
    if (!seen[line]++)
        print line
}
