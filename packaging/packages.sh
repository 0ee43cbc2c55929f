# shellcheck shell=bash disable=SC2034 # the lists are used by those that source this
# SPDX-License-Identifier: Apache-2.0
# Debian and Ubuntu packages, and how to install those that are missing. Sourced by
# packaging/quickstart and packaging/check.

# To build and to run.
build_packages=(
    build-essential cmake ninja-build pkg-config
    glslc libvulkan-dev libvulkan-volk-dev
    libarchive-dev libzstd-dev libxxhash-dev libjansson-dev libsodium-dev libsqlite3-dev
    libisal-dev
    zlib1g-dev libjpeg-dev
)
# To compare ratios with.
compare_packages=(xz-utils zstd)
# To test: Criterion, libpng and libFLAC (which make files to read), acl and attr (to compare what was
# extracted), the Vulkan loader, its validation layer and one driver.
test_packages=(
    acl attr libcriterion-dev libpng-dev libflac-dev spirv-tools clang-format libvulkan1 vulkan-validationlayers
    mesa-vulkan-drivers
)
# To test what surrounds the program: man pages (scdoc), completions, JSON, the Debian package.
test_packages+=(scdoc man-db zsh fish jq debhelper lintian fakeroot)
# To test as well, where the distribution has it: SwiftShader, the second driver.
driver_packages=(chromium-common)

heading() {
    printf '\n== %s\n' "$*"
}

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 2
}

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# True if apt knows a version of the package that it could install.
available() {
    local policy # no pipe: under pipefail, apt-cache would fail when grep stops reading
    policy=$(apt-cache policy "$1" 2>/dev/null) || return 1
    grep -q '^ *Candidate: [^(]' <<<"$policy"
}

# Sets `root`, what to put before a command that root must run.
root=()
become_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null || fail "needs $*: run it as root or install sudo"
    root=(sudo)
}

# install_packages PACKAGE…: installs those that are missing, as root or through sudo.
install_packages() {
    local package missing=() log
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        echo "all $# packages are there"
        return
    fi
    command -v apt-get >/dev/null ||
        fail "needs ${missing[*]}, and can install packages on Debian and Ubuntu only"
    become_root "${missing[@]}"
    echo "missing: ${missing[*]}"
    log=$(mktemp)
    # A machine without package lists knows no package, one with old lists gets a refusal.
    for package in "${missing[@]}"; do
        if ! available "$package"; then
            update_lists "$log"
            break
        fi
    done
    if ! apt_install "$log" "${missing[@]}"; then
        update_lists "$log"
        if ! apt_install "$log" "${missing[@]}"; then
            tail -n 20 "$log" >&2
            fail "apt-get could not install ${missing[*]}; its full output is in $log"
        fi
    fi
    rm -f "$log"
    echo "installed ${#missing[@]} packages"
}

# install_if_available PACKAGE…: the same for packages that not every distribution has.
install_if_available() {
    local package
    for package in "$@"; do
        if ! installed "$package" && ! available "$package"; then
            become_root "$package"
            update_lists /dev/null # the lists may be missing or old
        fi
        if installed "$package" || available "$package"; then
            install_packages "$package"
        else
            echo "this distribution has no package $package: what needs it is not tested"
        fi
    done
}

update_lists() {
    echo "updating the package lists"
    "${root[@]}" apt-get update >>"$1" 2>&1 || echo "apt-get update failed, going on" >&2
}

apt_install() {
    local log=$1
    shift
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1
}

# build_preset PRESET [CMAKE OPTION…]: configures and builds into build/PRESET, in few lines.
build_preset() {
    local preset=$1
    shift
    cmake --preset "$preset" -Wno-dev "$@" >/dev/null
    # Ninja's own choice of jobs is the number of processors and two.
    cmake --build "build/$preset" --parallel "$(nproc)"
}
