#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What "vlmc help" shows is in the man pages and in the completion of each shell, and the other
# way round.
. "$(dirname "$0")/lib.bash" "$@"
packaging=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../packaging")
man=$packaging/man

# Options in a command's --help, one a line, in the order of the help.
options_of() { # COMMAND
    "$vlmc" "$1" --help | sed -n '/^  *-/{s/^ *//;s/   .*//;s/  [A-Z].*//;p}' |
        grep -oE -- '(^|, )(--?[[:alnum:]?][-[:alnum:]]*)' | sed 's/^, //' | sort -u
}

# Options that head an item of a page, with the levels spelt out.
options_on_page() { # PAGE
    sed -n '/^# OPTIONS/,/^# EXIT STATUS/p' "$1" | grep -E '^\*-' |
        sed 's/\*-1\* \.\.\. \*-9\*/*-1* *-2* *-3* *-4* *-5* *-6* *-7* *-8* *-9*/' |
        grep -oE -- '\*--?[[:alnum:]?][-[:alnum:]]*\*' | tr -d '*' | sort -u
}

same_options() { # COMMAND PAGE
    diff <(options_of "$1") <(options_on_page "$2")
}

mapfile -t commands < <("$vlmc" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -vx help)
check "help names commands" test "${#commands[@]}" -ge 13
for command in "${commands[@]}"; do
    check "the help of $command ends with examples" eval '"$vlmc" $command --help |
        sed -n "/^Examples*:/,\$p" | grep -qE "(^|\| ) *vlmc $command( |\$)"'
    page=$man/vlmc-$command.1.scd
    check "$command has a man page" test -f "$page"
    [ -f "$page" ] || continue
    check "which names it and says in short what it does" \
        grep -q "^vlmc-$command - ." "$page"
    check "which has the options of its help and no others" same_options "$command" "$page"
    check "which has examples" grep -qE "(^|\| )vlmc $command( |$)" \
        <(sed -n '/^# EXAMPLES/,/^# SEE ALSO/p' "$page")
    check "which says what it exits with" grep -q '^\*64\*$' <(sed -n '/^# EXIT STATUS/,$p' "$page")
    check "which the front page names" grep -q "^\*vlmc-$command\*(1)$" "$man/vlmc.1.scd"
done
no_strangers() {
    local page name
    for page in "$man"/vlmc-*.1.scd; do
        name=$(basename "$page" .1.scd)
        [[ " ${commands[*]} " == *" ${name#vlmc-} "* ]] || {
            echo "$name"
            return 1
        }
    done
}
check "each page is of a command that help names" no_strangers

# The Debian package is built with what packages.sh has to build with.
depends_on_all() {
    local package
    # shellcheck source=packaging/packages.sh
    . "$packaging/packages.sh"
    for package in "${build_packages[@]}"; do
        [ "$package" = build-essential ] || grep -qx " $package," "$packaging/deb/debian/control" || {
            echo "$package"
            return 1
        }
    done
}
check "the Debian package names every package to build with" depends_on_all
finish
