#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --json prints one object per line, whatever the names are.
. "$(dirname "$0")/lib.bash" "$@"

if ! command -v python3 >/dev/null; then
    echo "NOT CHECKED: that every line parses, because python3 is not installed"
fi

# Every line of stdout is one JSON object.
lines_parse() {
    [ -s stdout ] || return 1
    ! grep -qv '^{.*}$' stdout || return 1
    ! command -v python3 >/dev/null ||
        python3 -c 'import json, sys; [json.loads(line) for line in open("stdout", "rb")]'
}

mkdir -p tree
cp "$models/said" tree/a.txt # which the model predicts better than the mixer alone does
printf b >$'tree/\xff"quoted"\n'
printf c >'tree/ünï'
ln -s $'to\xfe' tree/link

expect 0 "create --json" "$vlmc" create --json -m tiny -o a.vlmc tree
check "parses" lines_parse
check "names the archive and its sizes" grep -q '"archive":"a.vlmc".*"archive_bytes":[0-9]' stdout
expect 0 "list --json" "$vlmc" list --json a.vlmc
check "parses" lines_parse
check "has a line per entry" test "$(wc -l <stdout)" -eq 5
check "gives bytes that are not UTF-8 in base64" \
    grep -q "\"path_b64\":\"$(printf 'tree/\xff"quoted"\n' | base64)\"" stdout
check "gives UTF-8 as it is" grep -q '"path":"tree/ünï"' stdout
check "gives no base64 where it is not needed" \
    test "$(grep -c path_b64 stdout)" -eq 1
check "gives link targets" grep -q "\"link_b64\":\"$(printf 'to\xfe' | base64)\"" stdout
check "gives the SHA-256 of a file" \
    grep -q "\"sha256\":\"$(sha256sum <tree/a.txt | cut -d' ' -f1)\"" stdout
expect 0 "info --json" "$vlmc" info --json a.vlmc
check "parses" lines_parse
check "names the model" grep -q '"models":\[{"name":"tiny","digest":"[0-9a-f]\{64\}"}\]' stdout
expect 0 "verify --json" "$vlmc" verify --json a.vlmc
check "parses" lines_parse
check "counts no damage" grep -q '"damaged":0' stdout
expect 0 "extract --json" "$vlmc" extract --json a.vlmc -C out
check "parses" lines_parse
check "has a line per entry" test "$(grep -c '"result":"extracted"' stdout)" -eq 5
expect 7 "extract --json again" "$vlmc" extract --json a.vlmc -C out
check "says what was refused" test "$(grep -c '"result":"refused"' stdout)" -eq 4
expect 0 "diff --json of equal trees" "$vlmc" diff --json a.vlmc -C out
check "prints nothing" test ! -s stdout
rm out/tree/a.txt
expect 1 "diff --json" "$vlmc" diff --json a.vlmc -C out
check "parses" lines_parse
check "names the difference" grep -q '{"path":"tree/a.txt","difference":"missing"}' stdout
expect 0 "find --json" "$vlmc" find --json a.txt
check "parses" lines_parse
expect 0 "catalog list --json" "$vlmc" catalog list --json
check "parses" lines_parse
expect 0 "model list --json" "$vlmc" model list --json
check "parses" lines_parse
expect 0 "device list --json" "$vlmc" device list --json
check "parses" lines_parse
check "names the plain C reference" grep -q '"device":"cpu:reference"' stdout
expect 64 "create --json to standard output" "$vlmc" create --json -m tiny -o - tree
finish
