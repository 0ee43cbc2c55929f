#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# compile_alone.sh FOLDER: each header of FOLDER/vlmc must compile by itself as C11, C17 and
# C++17, since third parties include them in that order or any other.
set -euo pipefail
folder=${1:?usage: compile_alone.sh FOLDER}
headers=0
for header in "$folder"/vlmc/*.h; do
    headers=$((headers + 1))
    name=vlmc/$(basename "$header")
    for language in c11 c17 c++17; do
        compiler=${CC:-cc}
        kind=c
        if [ $language = c++17 ]; then
            compiler=${CXX:-c++}
            kind=c++
        fi
        if ! echo "#include <$name>" | "$compiler" -x $kind -std=$language -pedantic -Wall \
            -Wextra -Werror -fsyntax-only -I "$folder" -; then
            echo "$name does not compile alone as $language" >&2
            exit 1
        fi
    done
done
[ "$headers" -gt 0 ]
echo "$headers headers checked"
