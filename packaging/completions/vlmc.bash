# SPDX-License-Identifier: Apache-2.0
# Completion for bash.

_vlmc_models() {
    vlmc model list 2>/dev/null | cut -d' ' -f1
    echo none
}

_vlmc_devices() {
    echo auto cpu vulkan
    vlmc device list 2>/dev/null | cut -d' ' -f1
}

_vlmc() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local common='--help --json --quiet' compute='--device --threads' words=
    local levels='-1 -2 -3 -4 -5 -6 -7 -8 -9'
    # "vulkan:0" is one word for the program, three for readline.
    if declare -F _get_comp_words_by_ref >/dev/null; then
        local cur prev
        _get_comp_words_by_ref -n : cur prev
        current=$cur previous=$prev
    fi
    COMPREPLY=()
    case $COMP_CWORD,${COMP_WORDS[1]},$previous in
    1,*) words='create extract list info verify diff find catalog model plugin estimate bench device help --version' ;;
    2,help,*) words='create extract list info verify diff find catalog model plugin estimate bench device' ;;
    *,-d | *,--device) words=$(_vlmc_devices) ;;
    *,-m | *,--model) words=$(_vlmc_models) ;;
    *,--overwrite) words='never always newer' ;;
    2,catalog,*) words='list check' ;;
    2,model,*) words='list info verify' ;;
    *,model,info | *,model,verify) words=$(_vlmc_models) ;;
    2,plugin,*) words='list probe check' ;;
    2,bench,*) words='chunks' ;;
    2,device,*) words='list selftest' ;;
    *)
        if [[ $current == -* ]]; then
            case ${COMP_WORDS[1]} in
            create) words="$common $compute $levels --output --force --model --verify --stdin-name --no-catalog --no-plugins --verbose" ;;
            extract) words="$common $compute --directory --stdout --overwrite --dry-run --max-output" ;;
            verify) words="$common $compute" ;;
            list) words="$common --long" ;;
            diff) words="$common --directory" ;;
            plugin) words="$common --long --time --seed --as --only --from" ;;
            estimate) words="$common $compute $levels --model --no-plugins" ;;
            bench) words="$common $compute --size --as --limit --model --verify" ;;
            device) words="$common --device --force" ;;
            *) words=$common ;;
            esac
        fi
        ;;
    esac
    if [ -n "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        ! declare -F __ltrim_colon_completions >/dev/null || __ltrim_colon_completions "$current"
    else
        compopt -o default
    fi
}

complete -F _vlmc vlmc
