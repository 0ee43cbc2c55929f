#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the shells complete: commands, their options as --help has them, and values.
. "$(dirname "$0")/lib.bash" "$@"
completions=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../packaging/completions")
PATH=$(dirname "$vlmc"):$PATH

mapfile -t commands < <("$vlmc" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
check "help names commands" test "${#commands[@]}" -ge 14

# One option for each row of a command's --help: the long form where there is one.
options_of() { # COMMAND
    [ "$1" = help ] || "$vlmc" "$1" --help | awk '/^  *-/ {
        sub(/^ */, ""); sub(/   .*/, ""); sub(/ [A-Z].*/, ""); gsub(/=[^ ,]*/, "")
        n = split($0, form, ", "); long = 0
        for (i = 1; i <= n; i++) if (form[i] ~ /^--/) { print form[i]; long = 1 }
        for (i = 1; i <= n && !long; i++) print form[i]
    }' | sort
}

# COMPLETE LINE… prints what a shell offers for the last word, one a line.
in_bash() {
    bash -c '
        compopt() { :; } # works in an interactive shell only
        . "$0/vlmc.bash"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _vlmc
        printf "%s\n" "${COMPREPLY[@]}"' "$completions" "$@" | sed '/^$/d' | sort
}
in_fish() {
    HOME=$HOME fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' \
        "$completions/vlmc.fish" "$*" | cut -f1 | sort
}
# The specifications that zsh gets, without its own machinery, which needs a terminal.
in_zsh() { # COMMAND
    zsh -f -c '
        _arguments() { print -rl -- "$@"; }
        _describe() { print -rl -- ${commands%%:*}; }
        source $1/_vlmc >/dev/null
        if [[ -n $2 ]]; then _vlmc_arguments $2; else _vlmc_commands; fi' zsh "$completions" "$1"
}

# Of what a shell offers: the long forms, and short ones that have no long form.
without_short_twins() { grep -E -- '^(--..*|-[1-9])$' | sort -u; }

same() { diff <(printf '%s\n' "$1") <(printf '%s\n' "$2"); }

shells=(bash)
for shell in zsh fish; do
    if command -v $shell >/dev/null; then
        shells+=($shell)
    else
        echo "NOT CHECKED: the completion of $shell, which is not installed"
        check "(only where CI is not set)" test -z "${CI:-}"
    fi
done

commands_in() { # SHELL
    case $1 in
    bash) in_bash vlmc '' | grep -v '^-' ;;
    zsh) in_zsh '' | sort ;;
    fish) in_fish 'vlmc ' ;;
    esac
}
options_in() { # SHELL COMMAND
    case $1 in
    bash) in_bash vlmc "$2" - ;;
    zsh) in_zsh "$2" | sed -n 's/^([^)]*)//; s/^\*\(-\)/\1/; s/^\(-[-[:alnum:]]*\).*/\1/p' | without_short_twins ;;
    fish) in_fish "vlmc $2 -" | without_short_twins ;;
    esac
}
for shell in "${shells[@]}"; do
    check "$shell knows every command" \
        same "$(printf '%s\n' "${commands[@]}" | sort)" "$(commands_in "$shell")"
    for command in "${commands[@]}"; do
        [ "$command" != help ] || continue
        check "$shell knows the options of $command, and no others" \
            same "$(options_of "$command" | grep -v '^-?$')" "$(options_in "$shell" "$command")"
    done
done

mkdir -p data/sub
touch data/a.vlmc data/b.txt 'data/with space.vlmc' plugin.so model.gguf
offers() { # WANTED… -- COMMAND…
    local wanted=()
    while [ "$1" != -- ]; do
        wanted+=("$1")
        shift
    done
    shift
    same "$(printf '%s\n' "${wanted[@]}")" "$("$@")"
}
check "bash: archives and folders after extract" \
    offers data/a.vlmc data/sub 'data/with space.vlmc' -- in_bash vlmc extract data/
check "bash: names that were typed with a backslash" \
    offers 'data/with space.vlmc' -- in_bash vlmc extract 'data/with\ s'
check "bash: any file to create" offers data/b.txt -- in_bash vlmc create -o x.vlmc data/b
check "bash: folders for -C" offers data/sub -- in_bash vlmc extract a.vlmc -C data/
check "bash: words for --overwrite" offers always different never newer -- in_bash vlmc extract --overwrite ''
check "bash: words after =" offers newer -- in_bash vlmc extract --overwrite = new
check "bash: models" offers none tiny -- \
    eval 'in_bash vlmc create -m "" | grep -x "none\|tiny"'
check "bash: a file for a model" offers ./model.gguf -- in_bash vlmc create -m ./m
check "bash: a model to describe" offers tiny -- in_bash vlmc model info ti
check "bash: devices" offers cpu cpu:reference -- \
    eval 'in_bash vlmc create -d c | grep -x "cpu\|cpu:reference"'
check "bash: devices with a colon" offers reference -- in_bash vlmc create -d cpu : ref
check "bash: the actions of catalog" eval 'in_bash vlmc catalog "" | grep -qx list'
check "bash: an option before the action" eval 'in_bash vlmc catalog --json "" | grep -qx list'
check "bash: a plugin to check" offers plugin.so -- eval 'in_bash vlmc plugin check p'
check "bash: commands after help" offers extract -- in_bash vlmc help ext
check "bash: levels" offers -9 -- in_bash vlmc create -9
check "bash: nothing for an unknown command" offers '' -- in_bash vlmc frobnicate ''
if [[ " ${shells[*]} " == *" fish "* ]]; then
    check "fish: words for --overwrite" offers always different never newer -- \
        in_fish 'vlmc extract --overwrite '
    check "fish: models" offers none tiny -- eval 'in_fish "vlmc create -m " | grep -x "none\|tiny"'
    check "fish: the actions of model" offers info list verify -- \
        eval 'in_fish "vlmc model " | grep -x "info\|list\|verify"'
    check "fish: archives" offers data/a.vlmc -- \
        eval 'in_fish "vlmc info data/a" | grep -x "data/a.*"'
fi
if [[ " ${shells[*]} " == *" zsh "* ]]; then
    check "zsh: the file parses" zsh -n "$completions/_vlmc"
    check "zsh: words for --overwrite" eval 'in_zsh extract | grep -q "(never always newer different)"'
fi
finish
