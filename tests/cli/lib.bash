# SPDX-License-Identifier: Apache-2.0
# Shared by the tests of the command line: . "$(dirname "$0")/lib.bash" "$@"
# Each check prints the sentence that it checks; finish ends the test.
set -u
export LC_ALL=C
vlmc=$(realpath "$1")
scratch=$(realpath "$2")
models=$(realpath "$(dirname "${BASH_SOURCE[0]}")")/models
cd "$scratch" || exit 1

# Nothing of the machine's own setup takes part.
unset VLMC_MODEL XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME
export TERM=xterm SHELL=/bin/sh
export HOME="$scratch/home" VLMC_MODEL_PATH="$models" VLMC_CATALOG="$scratch/catalog.db"
export VLMC_DEVICE=cpu TMPDIR="$scratch"
export VK_ICD_FILENAMES=/nonexistent VK_DRIVER_FILES=/nonexistent
mkdir -p "$HOME"

failures=0
checks=0

report() { # 0|1 SENTENCE
    checks=$((checks + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok: $2"
    else
        echo "FAILED: $2"
        failures=$((failures + 1))
    fi
}

# damage FILE AT [BYTES]: changes so many bytes (1), each for certain.
damage() {
    dd if="$1" bs=1 skip="$2" count="${3:-1}" status=none >damage.bytes
    tr '\000-\377' '\200-\377\000-\177' <damage.bytes |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
    rm damage.bytes
}

# check SENTENCE COMMAND…: the command succeeds.
check() {
    local sentence=$1
    shift
    "$@" >check.out 2>&1
    local code=$?
    report $((code != 0)) "$sentence"
    [ $code -eq 0 ] || sed 's/^/    /' check.out
}

# refute SENTENCE COMMAND…: the command fails.
refute() {
    local sentence=$1
    shift
    if "$@" >check.out 2>&1; then
        report 1 "$sentence"
        sed 's/^/    /' check.out
    else
        report 0 "$sentence"
    fi
}

# expect CODE SENTENCE COMMAND…: the exit code is CODE; leaves stdout and stderr in files
# named so.
expect() {
    local wanted=$1 sentence=$2
    shift 2
    "$@" >stdout 2>stderr
    local code=$?
    report $((code != wanted)) "$sentence (exit code $wanted)"
    if [ $code -ne "$wanted" ]; then
        echo "    got $code from: $*"
        sed 's/^/    /' stdout stderr | head -20
    fi
}

# says TEXT: the last expect's stderr contains TEXT and begins "vlmc: ".
says() {
    grep -q "^vlmc: " stderr && grep -qF -- "$1" stderr
    report $? "the message says \"$1\""
    grep -qF -- "$1" stderr || sed 's/^/    /' stderr
}

# Mode and time of every path below a folder.
metadata() { (cd "$1" && find . -mindepth 1 ! -type l -printf '%p %m %T@\n' | sort); }

# nothing_left FOLDER: no temporary or partial file of an archive or of an extraction.
nothing_left() { [ -z "$(find "$1" -name '*.tmp-*' -o -name '.vlmc-*' -o -name '.*.part-*')" ]; }

# Text that a model packs better than zstd: lines of words of random syllables.
make_text() { # LINES SEED
    awk -v lines="$1" -v seed="$2" 'BEGIN {
        n = split("an ar ba be bo che da de el en fi go ha in ka la le ma ne no or pa qui ra re " \
                  "sa si ta te ti to tra u ve wo zen", syllable, " ");
        srand(seed);
        for (i = 0; i < lines; i++) {
            line = "";
            for (k = 0; k < 24; k++) {
                line = line syllable[int(rand() * n) + 1] (rand() < 0.6 ? "" : " ");
            }
            print line;
        }
    }'
}

# Runs a command as somebody who is not root; root reads everything.
as_nobody() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$@"
    fi
}

finish() {
    echo "$checks checks, $failures failed"
    [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
    exit
}
