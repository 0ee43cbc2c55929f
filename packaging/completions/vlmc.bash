# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Completion for bash. Needs nothing of bash-completion. tests/cli/completions.sh compares the
# options below with those of each command's --help.

_vlmc_commands='create extract list info verify protect repair diff rekey jobs find catalog model plugin device estimate bench help'

# The options of a command; those that have a long form by it alone.
_vlmc_options() { # COMMAND
    local output='--json --quiet --help --usage' compute='--device --threads'
    local levels='-1 -2 -3 -4 -5 -6 -7 -8 -9'
    case $1 in
    create) echo "$output $compute $levels --output --force --verify --recovery --stdin-name --no-catalog --exclude --one-file-system --verbose --model --no-plugins --group-size" ;;
    extract) echo "$output $compute --directory --stdout --overwrite --dry-run --no-catalog --max-output --same-owner --no-same-owner --numeric-owner --same-permissions" ;;
    list) echo "$output --long" ;;
    find) echo "$output --glob --regex --exact --hash --ignore-case --null" ;;
    catalog) echo "$output --all-files --limit --missing" ;;
    info | model) echo "$output" ;;
    verify) echo "$output $compute --level --time-limit --due" ;;
    jobs) echo "$output $compute" ;;
    protect) echo "$output --recovery --remove" ;;
    repair) echo "$output --output --in-place --force" ;;
    diff) echo "$output --directory --same-owner --no-same-owner" ;;
    plugin) echo "$output --long --time --seed --as --only --from" ;;
    device) echo "$output --device --force" ;;
    estimate) echo "$output $compute $levels --model --no-plugins" ;;
    bench) echo "$output $compute --size --as --limit --model --verify" ;;
    esac
    case $1 in # encrypted archives
    create) echo "--encrypt --passphrase-file --kdf-memory --kdf-passes --catalog-names" ;;
    rekey) echo "$output --passphrase-file --new-passphrase-file --kdf-memory --kdf-passes" ;;
    extract | list | info | verify | diff | jobs) echo "--passphrase-file" ;;
    esac
}

# What an option wants as its value; nothing for one that takes none.
_vlmc_value_of() { # COMMAND OPTION
    case $2 in
    -d | --device) echo device ;;
    -m | --model) echo model ;;
    -o | --output) echo archive ;;
    -C | --directory) echo folder ;;
    --overwrite) echo words never always newer different ;;
    --passphrase-file | --new-passphrase-file) echo file ;;
    --kdf-memory | --kdf-passes) echo words ;;
    --recovery) echo words 5% 10% 20% 30% ;;
    --level) echo words header blocks decode ;;
    -t | --threads | --stdin-name | --max-output | --group-size | --time-limit | --due | --time | --seed | --only | --from | --size | --limit | --as)
        echo words
        ;;
    esac
}

# What the Nth argument of a command that is no option may be.
_vlmc_argument_of() { # COMMAND N FIRST
    case $1,$2,$3 in
    help,1,*) echo words "${_vlmc_commands% help}" ;;
    create,* | estimate,*) echo file ;;
    extract,1,* | list,1,* | info,1,* | verify,* | protect,1,* | repair,1,* | diff,1,* | rekey,1,*) echo archive ;;
    jobs,1,*) echo words list resume cancel ;;
    jobs,*,resume | jobs,*,cancel) echo words "$(vlmc jobs list 2>/dev/null | cut -d' ' -f1)" ;;
    catalog,1,*) echo words list dups stats needs-model scan rebuild check backup forget volumes name ;;
    catalog,2,needs-model) echo model ;;
    catalog,*,scan | catalog,*,rebuild | catalog,2,name) echo folder ;;
    catalog,*,forget) echo archive ;;
    catalog,2,backup) echo file ;;
    model,1,*) echo words list info verify ;;
    model,2,info | model,2,verify) echo model ;;
    plugin,1,*) echo words list probe check ;;
    plugin,2,check) echo file '*.so' ;;
    plugin,*,probe | plugin,*,check) echo file ;;
    device,1,*) echo words list selftest ;;
    bench,1,*) echo words chunks ;;
    bench,2,chunks) echo file ;;
    *) echo words ;;
    esac
}

# Fills COMPREPLY with words that begin as $1 does.
_vlmc_words() { # CURRENT WORD…
    local current=$1
    shift
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current")
}

# Files that match a pattern, and folders on the way to one.
_vlmc_files() { # CURRENT PATTERN
    local current=${1//\\/} # readline hands on what it was typed as
    current=${current#[\'\"]}
    compopt -o filenames
    mapfile -t COMPREPLY < <({
        compgen -f -X "!$2" -- "$current"
        compgen -d -- "$current"
    } | sort -u)
}

_vlmc_fill() { # CURRENT KIND WORD…
    local current=$1 kind=$2
    shift 2
    case $kind in
    words) _vlmc_words "$current" "$@" ;;
    archive) _vlmc_files "$current" '*.vlmc' ;;
    file) _vlmc_files "$current" "${1:-*}" ;;
    folder)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        ;;
    device) _vlmc_words "$current" auto cpu vulkan "$(vlmc device list 2>/dev/null | cut -d' ' -f1)" ;;
    model)
        if [[ $current == */* ]]; then
            _vlmc_files "$current" '*.gguf'
        else
            _vlmc_words "$current" auto none "$(vlmc model list 2>/dev/null | cut -d' ' -f1)"
        fi
        ;;
    esac
}

_vlmc() {
    local words=() word i joined=0
    # "vulkan:0" and "--overwrite=newer" are one word for the program, three for readline.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -gt 0 && ($word == [:=] || $joined -eq 1) ]]; then
            words[-1]+=$word
            joined=0
            [[ $word != [:=] ]] || joined=1
        else
            words+=("$word")
        fi
    done
    local current=${words[-1]} command=${words[1]} n=0 first='' value=''
    COMPREPLY=()
    if [ ${#words[@]} -le 2 ]; then
        _vlmc_words "$current" "$_vlmc_commands --help --version"
        return
    fi
    # What came before the word: arguments are counted, an option may wait for its value.
    for word in "${words[@]:2:${#words[@]}-3}"; do
        if [ -n "$value" ]; then
            value=
        elif [[ $word == --*=* ]]; then
            :
        elif [[ $word == -?* ]]; then
            value=$(_vlmc_value_of "$command" "$word")
        else
            n=$((n + 1))
            [ $n -gt 1 ] || first=$word
        fi
    done
    if [ -z "$value" ] && [[ $current == --*=* ]]; then
        value=$(_vlmc_value_of "$command" "${current%%=*}")
        current=${current#*=}
    elif [ -z "$value" ] && [[ $current == -* ]]; then
        _vlmc_words "$current" "$(_vlmc_options "$command")"
        return
    fi
    local kind
    read -ra kind <<<"${value:-$(_vlmc_argument_of "$command" $((n + 1)) "$first")}"
    _vlmc_fill "$current" "${kind[@]}"
    # Readline replaces what follows the last colon only.
    local before=${current%"${current##*:}"}
    [ -z "$before" ] || COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

complete -F _vlmc vlmc
