#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pack.sh BUILD OUTPUT [INPUTS]
# Collects in the new folder OUTPUT all that a machine with a GPU needs to run the scripts beside
# this one without a network: the programs of the build folder BUILD, the shared libraries that
# they link beyond glibc, the Vulkan loader, the shipped models, the files of INPUTS (default:
# packaging/samples) and their archives, made on this machine's CPU. BYTES=2048 takes the beginning
# of each input only.
set -euo pipefail
[ $# -eq 2 ] || [ $# -eq 3 ] || {
    sed -n 's/^# //p' "$0" | sed -n 2,7p >&2
    exit 64
}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/gpu/common.bash
. "$here/common.bash"
most_mib=60
build=$(realpath "$1")
inputs=$(realpath "${3:-$root/packaging/samples}")
[ ! -e "$2" ] || die "$2 exists already"
mkdir -p "$2"/{bin,lib,loader,inputs,archives,share/vlmc/models}
folder=$(realpath "$2")
# shellcheck disable=SC2034 # make_archive uses it
vlmc=$folder/bin/vlmc
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cp "$build/bin/vlmc" "$build/tests/bench_gemm_gpu" "$folder/bin"
cp -L "$build"/share/vlmc/models/*.gguf "$folder/share/vlmc/models"
cp "$here"/{README.md,common.bash,1-same-bits.sh,3-speed.sh} "$folder"

# Shared libraries, but those of glibc, which must be the machine's own.
glibc='^(linux-vdso|ld-linux.*|libc|libm|libdl|librt|libpthread|libresolv|libutil)\.so'
ldd "$folder"/bin/* | awk '$2 == "=>" { print $1, $3 }' | sort -u | while read -r name path; do
    [[ $name =~ $glibc ]] || cp -L "$path" "$folder/lib/$name"
done
loader=$(/sbin/ldconfig -p | awk '$1 == "libvulkan.so.1" && !n++ { print $NF }')
[ -n "$loader" ] || die "install the Vulkan loader (libvulkan1), which is carried along"
cp -L "$loader" "$folder/loader/libvulkan.so.1"

find "$inputs" -maxdepth 1 -type f ! -name '*.vlmc' | while read -r file; do
    head -c "${BYTES:-1T}" "$file" >"$folder/inputs/$(basename "$file")"
done
copy_inputs "$folder/inputs" "$scratch/inputs"
export VLMC_MODEL_PATH="$folder/share/vlmc/models"
archive() { # INPUT NAME
    make_archive cpu "$1" "$folder/archives/$2.vlmc" >"$scratch/log" 2>&1 || die "$(cat "$scratch/log")"
}
cd "$scratch/inputs"
for file in *; do
    archive "$file" "$file"
done
cd "$scratch"
archive inputs all-of-them

needed=$(grep -aoh 'GLIBC_2\.[0-9]*' "$folder"/bin/* "$folder"/lib/* | sort -uV | tail -1)
size=$(du -sm "$folder" | cut -f1)
(cd "$folder" && find . -type f -size +100k -printf '%9s %p\n' | sort -n)
echo "$folder: $size MiB; needs $needed or newer"
[ "$size" -lt $most_mib ] || die "the folder is above $most_mib MiB; leave out models or inputs"
