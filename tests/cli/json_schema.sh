#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What --json prints is what docs/json.md says, for every command and every kind of line.
tests=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
. "$tests/lib.bash" "$@"
page=$tests/../../docs/json.md

if ! command -v jq >/dev/null; then
    echo "jq is not installed"
    [ -z "${CI:-}" ] && exit 77 || exit 1
fi

# The tables of the page as lines of JSON: {command, kind, key, type, always}.
awk -F ' *[|] *' '
    /^## / { n = split(substr($0, 4), commands, ", ") }
    /^### / { kind = substr($0, 5) }
    /^[|] `/ {
        key = $2; gsub("`", "", key)
        type = $3; gsub("`", "", type); gsub("\"", "\\\"", type)
        for (i = 1; i <= n; i++)
            printf "{\"command\":\"%s\",\"kind\":\"%s\",\"key\":\"%s\",\"type\":\"%s\",\"always\":%s}\n",
                commands[i], kind, key, type, $4 == "yes" ? "true" : "false"
    }' "$page" >rows
check "the page has tables" test "$(jq -s length rows)" -gt 100
known_types() {
    ! jq -r .type rows | grep -vE \
        '^(path|string|count|number|true or false|digest|time|list|object|("[^"]*"(, | or |$))+)$'
}
check "with types that it explains" known_types

# schema LINES COMMAND: each line of a file is of a kind that the page has for the command.
schema() {
    jq -r --slurpfile rows rows --arg command "$2" -f "$tests/json_schema.jq" "$1" >kinds || return 1
    ! grep -aP '^\t' kinds && [ -s kinds ] || return 1
    sed "s/\t$//; s/^/$2\t/" kinds >>seen
}

# prints CODE COMMAND ARGUMENT…: "vlmc COMMAND ARGUMENT… --json" exits so and prints such lines.
prints() {
    local code=$1 command=$2
    shift 2
    # shellcheck disable=SC2086 # some commands are two words
    expect "$code" "$command --json" "$vlmc" $command "$@" --json
    check "prints lines that docs/json.md allows" schema stdout "$command"
}

# The schema itself must be able to say no.
bad_line_is_found() { # LINE
    echo "$1" >bad
    ! schema bad "verify" >/dev/null
}
good='{"type":"damaged","path":"a","message":"m"}'
check "the schema takes a good line" eval "echo '$good' >good && schema good verify"
check "and no line without a key" bad_line_is_found '{"type":"damaged","path":"a"}'
check "or with another" bad_line_is_found '{"type":"damaged","path":"a","message":"m","x":1}'
check "or with another type" bad_line_is_found '{"type":"damaged","path":1,"message":"m"}'
check "or another word" bad_line_is_found '{"type":"lost","path":"a","message":"m"}'
rm -f seen

mkdir -p tree/sub
cp "$models/said" tree/a.txt
cp "$models/said" tree/sub/copy.txt
printf b >$'tree/\xff.bin'
ln -s $'to\xfe' tree/link
chmod 600 tree/a.txt

prints 0 create -2 -o a.vlmc tree
prints 0 create -m tiny -o m.vlmc tree/a.txt
prints 0 list a.vlmc
prints 0 info a.vlmc
prints 0 info m.vlmc
prints 0 verify a.vlmc
echo open sesame >key
chmod 600 key
"$vlmc" create -q -2 --encrypt --passphrase-file key --kdf-memory 8K --kdf-passes 1 -o e.vlmc tree
prints 0 info e.vlmc
prints 0 info e.vlmc --passphrase-file key
echo close sesame >key2
chmod 600 key2
prints 0 rekey e.vlmc --passphrase-file key --new-passphrase-file key2 --kdf-memory 8K --kdf-passes 1
make_text 300 1 >text1
make_text 300 2 >text2
"$vlmc" create -q --no-catalog -1 --group-size 64K -o slow.vlmc text1 text2
prints 75 verify --time-limit 1ms slow.vlmc
prints 7 extract --dry-run a.vlmc
prints 0 extract a.vlmc -C out
prints 7 extract a.vlmc -C out
echo more >>out/tree/a.txt
prints 1 diff a.vlmc -C out
prints 0 find tree
head -c 400000 /dev/urandom >noise
(
    ulimit -f 200
    "$vlmc" create -q --group-size 64K -m none -o big.vlmc noise 2>/dev/null
)
prints 0 "jobs list"
prints 0 "jobs cancel" "$("$vlmc" jobs | cut -c1-8)"
prints 0 "catalog list"
prints 0 "catalog check"
cp a.vlmc again.vlmc
"$vlmc" create -q -2 -o both.vlmc tree/a.txt
prints 0 "catalog scan" .
prints 0 "catalog rebuild"
prints 0 "catalog dups"
prints 0 "catalog stats"
prints 0 "catalog needs-model"
prints 0 "catalog volumes"
prints 0 "catalog name" / root
prints 0 "catalog backup" backup.db
prints 0 "catalog forget" again.vlmc
prints 0 "model list"
prints 0 "model info" tiny
prints 0 "model verify" tiny
prints 0 "plugin list"
prints 0 "plugin list" --long
prints 0 "plugin probe" tree/a.txt $'tree/\xff.bin'
prints 0 "device list"
prints 0 estimate -1 tree
prints 0 bench chunks tree/a.txt -m none --size 512
cp a.vlmc damaged.vlmc
damage damaged.vlmc 120
prints 3 verify damaged.vlmc
prints 0 protect a.vlmc
prints 0 repair a.vlmc
cp a.vlmc damaged.vlmc
damage damaged.vlmc 120
prints 4 repair damaged.vlmc
prints 0 info a.vlmc
prints 0 "plugin check" "$(find "$(dirname "$vlmc")/../" -name text.so | head -1)" --time 1

# Lines that need a Vulkan driver are left to the tests of drivers.
unseen() {
    sort -u seen >seen.sorted
    jq -r '.command + "\t" + .kind' rows | sort -u | grep -v 'Vulkan device$' |
        comm -23 - seen.sorted
}
check "every kind of line of the page has been seen" test -z "$(unseen)"
[ -z "$(unseen)" ] || unseen
every_command() {
    local command
    for command in $("$vlmc" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
        [ "$command" = help ] || grep -qE "^## (.*, )?$command( |,|$)" "$page" || {
            echo "$command"
            return 1
        }
    done
}
check "the page has every command" every_command
finish
