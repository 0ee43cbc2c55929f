# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts of this folder: . common.bash; prepare FOLDER OUTPUT
# FOLDER is what pack.sh made. Nothing of the machine's own vlmc setup takes part, and nothing is
# written outside of OUTPUT.
export LC_ALL=C
# In pipelines no "grep -q": it ends early, and pipefail takes that for a failure.

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

say() { printf '\n== %s\n' "$*"; }

# Carried libraries that this machine lacks, or has too old; its own ones stay in use otherwise,
# because its GPU driver may need them.
link_libraries() { # FOLDER OUTPUT
    local needed name
    mkdir -p "$2/lib"
    export LD_LIBRARY_PATH="$2/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    while :; do
        needed=$({ ldd "$vlmc" 2>&1 || true; } | awk '
            /=> not found/ { print $1 }
            /version .* not found/ { sub(/:$/, "", $2); sub(/.*\//, "", $2); print $2 }' | sort -u)
        [ -n "$needed" ] || break
        for name in $needed; do
            [ -e "$1/lib/$name" ] || die "$name is missing here, or too old, and not carried"
            [ ! -e "$2/lib/$name" ] || die "the carried $name does not fit this machine"
            ln -s "$1/lib/$name" "$2/lib/$name"
            echo "carried library: $name"
        done
    done
    if ! /sbin/ldconfig -p 2>/dev/null | grep 'libvulkan\.so\.1 ' >/dev/null; then
        ln -sf "$1/loader/libvulkan.so.1" "$2/lib/libvulkan.so.1"
        echo "carried library: libvulkan.so.1 (the Vulkan loader)"
    fi
}

# Containers often hold NVIDIA's driver without the file that names it to the Vulkan loader.
find_driver() { # OUTPUT
    local library path
    [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0
    for path in /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json; do
        case $path in
        */lvp_icd* | *'*'*) ;;
        *) return 0 ;;
        esac
    done
    for library in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
        path=$(/sbin/ldconfig -p 2>/dev/null | awk -v name=$library '$1 == name && !n++ { print $NF }') || path=''
        if [ -n "$path" ] && ! ldd "$path" 2>&1 | grep 'not found' >/dev/null; then
            printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' \
                "$path" >"$1/nvidia_icd.json"
            export VK_DRIVER_FILES="$1/nvidia_icd.json" VK_ICD_FILENAMES="$1/nvidia_icd.json"
            echo "Vulkan driver without a file that names it: $path"
            return 0
        fi
    done
}

prepare() { # FOLDER OUTPUT
    folder=$(realpath "$1")
    mkdir -p "$2"
    output=$(realpath "$2")
    [ -z "$(ls -A "$output")" ] || die "$output is not empty"
    vlmc=$folder/bin/vlmc
    device=${DEVICE:-vulkan}
    [[ $device =~ ^vulkan(:.+)?$ ]] || die "DEVICE is vulkan, vulkan:INDEX or vulkan:NAME"
    [ -x "$vlmc" ] || die "$vlmc is missing; pack.sh makes such a folder"
    unset VLMC_MODEL VLMC_DEVICE XDG_DATA_HOME
    export HOME="$output/home" XDG_CACHE_HOME="$output/cache" VLMC_CATALOG="$output/catalog.db"
    export VLMC_MODEL_PATH="$folder/share/vlmc/models"
    mkdir -p "$HOME" "$output/logs"
    link_libraries "$folder" "$output"
    find_driver "$output"
    "$vlmc" --version >/dev/null || die "$vlmc does not run here"
}

# Archives hold times and modes: the copies of a file are the same on every machine.
copy_inputs() { # FROM TO
    mkdir -p "$2"
    find "$1" -maxdepth 1 -type f -exec cp {} "$2" \;
    [ -n "$(ls -A "$2")" ] || die "there is no file in $1"
    chmod 644 "$2"/*
    chmod 755 "$2"
    touch -d @1000000000 "$2"/* "$2"
}

make_archive() { # DEVICE INPUT ARCHIVE: INPUT relative, as the archive shall name it
    "$vlmc" create --no-catalog -d "$1" -o "$3" "$2"
}

# on_gpu LOG COMMAND…: fails also when the command has left the GPU for the CPU.
on_gpu() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 && ! grep -q 'using the CPU' "$log"
}

now_ms() { date +%s%3N; }
