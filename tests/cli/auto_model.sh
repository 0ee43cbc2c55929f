#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# -m auto: the largest model of text that is fast enough for what there is to pack.
. "$(dirname "$0")/lib.bash" "$@"

# A model of text beside one that is called nano and is many times faster.
source=${VLMC_TEST_SOURCE:-$(dirname "$models")/../..}
mkdir both fast tiny empty
cp "$source/plugins/text/text.gguf" both/text.gguf
cp "$models/tiny.gguf" both/text-nano.gguf
cp "$models/tiny.gguf" fast/text.gguf
cp "$models/tiny.gguf" tiny/text.gguf
cp "$models/other/tiny.gguf" tiny/text-nano.gguf
cat "$source"/packaging/samples/*.txt >text
bytes=$(stat -c %s text)

auto() { # FOLDER SECONDS COMMAND… with the models in FOLDER, which may take so long
    env VLMC_MODEL_PATH="$scratch/$1" VLMC_AUTO_SECONDS="$2" "$vlmc" "${@:3}"
}
# What was said: "the model NAME, for SIZE of text: it does SPEED KB a second here".
bytes_second() {
    awk '/ does .* a second here/ {
        for (i = 1; i < NF; i++)
            if ($i == "does")
                print int($(i + 1) * ($(i + 2) == "KB" ? 1e3 : $(i + 2) == "MB" ? 1e6 : 1))
    }' stderr
}

expect 0 "with much time" auto both 1e6 create --no-catalog -m auto -o large.vlmc text
says "the model text, for"
slow=$(bytes_second)
check "and is used" grep -q "^needs     model text," <("$vlmc" info large.vlmc)
expect 0 "the model can be asked for by name" auto both 0 create -q --no-catalog -m text -o text.vlmc text
check "to the same archive" cmp large.vlmc text.vlmc
expect 0 "an estimate says how fast a model is, too" auto fast 1e6 estimate -m auto -5 text
fast=$(bytes_second)
check "which is faster than the large one ($slow, $fast bytes a second)" test "$fast" -gt $((slow * 2))

between=$(awk -v bytes="$bytes" -v a="$slow" -v b="$fast" 'BEGIN { print bytes / sqrt(a * b) }')
expect 0 "with time for the fast one only" auto both "$between" create --no-catalog -m auto -o small.vlmc text
says "the model text-nano, for"
expect 0 "so it is used" auto both 0 create -q --no-catalog -m text-nano -o nano.vlmc text
check "as if it had been named" cmp small.vlmc nano.vlmc
expect 0 "an estimate goes by the same rule" auto both "$between" estimate -m auto -5 text
says "the model text-nano, for"

expect 0 "with no time for either" auto both 1e-9 create --no-catalog -m auto -o none.vlmc text
says "no model of text, for"
refute "no model is needed" grep -q "^needs     model" <("$vlmc" info none.vlmc)
check "context models have coded it" grep -q "^model " <("$vlmc" info none.vlmc)
expect 0 "without models it opens" env VLMC_MODEL_PATH="$scratch/empty" "$vlmc" verify none.vlmc
expect 0 "VLMC_MODEL may say auto" env VLMC_MODEL=auto VLMC_MODEL_PATH="$scratch/both" \
    VLMC_AUTO_SECONDS=1e-9 "$vlmc" create -q --no-catalog -o again.vlmc text
check "which is the same" cmp none.vlmc again.vlmc

head -c 3000000 /dev/urandom >random
expect 0 "what is stored is not counted" auto both "$between" create --no-catalog -f -m auto -o x.vlmc random text
says "the model text-nano, for"
expect 0 "nor does nothing need a model" auto both 1e-9 create --no-catalog -f -m auto -o x.vlmc empty

expect 0 "a file as standard input" sh -c 'exec "$@" <text' - env VLMC_MODEL_PATH="$scratch/both" \
    VLMC_AUTO_SECONDS="$between" "$vlmc" create --no-catalog -f -m auto -o x.vlmc -
says "the model text-nano, for"
expect 0 "a pipe" sh -c 'cat text | "$@"' - env VLMC_MODEL_PATH="$scratch/both" VLMC_AUTO_SECONDS=1e-9 \
    "$vlmc" create --no-catalog -f -m auto -o x.vlmc -
says "it is not known beforehand"
check "has the default" grep -q "^needs     model text," <("$vlmc" info x.vlmc)

cp "$vlmc" ./alone
expect 5 "no model of text anywhere" env VLMC_MODEL_PATH="$scratch/empty" ./alone create --no-catalog \
    -m auto -o missing.vlmc text
says "text"
refute "leaves no archive" test -e missing.vlmc

# An interrupted job goes on with what it chose, however fast the machine is then.
mkdir tree
cp "$models/said" tree/a # which the small model predicts better than the mixer alone does
head -c 400000 /dev/urandom >tree/b
create=(create -q --no-catalog --group-size 64K -m auto)
for first in 1e6 1e-9; do
    then=$([ $first = 1e6 ] && echo 1e-9 || echo 1e6)
    expect 0 "a whole archive" auto tiny $first "${create[@]}" -f -o whole.vlmc tree
    needed=$("$vlmc" info whole.vlmc | grep -c "^needs     model tiny")
    check "has a model where there is time" test "$needed" -eq "$([ $first = 1e6 ] && echo 1 || echo 0)"
    (ulimit -f 250 && auto tiny $first "${create[@]}" -o cut.vlmc tree 2>/dev/null)
    refute "an interrupted job" test -e cut.vlmc
    expect 0 "goes on" auto tiny $then jobs resume
    says "were taken over"
    check "to the same archive" cmp cut.vlmc whole.vlmc
    rm cut.vlmc
done
finish
