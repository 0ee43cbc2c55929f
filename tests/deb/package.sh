#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# package.sh SOURCE SCRATCH: builds the Debian packages, unpacks them into a folder that stands
# for the root of a machine, and uses what is there. Nothing of this machine is changed.
set -u
source=$(realpath "${1:?usage: package.sh SOURCE SCRATCH}")
scratch=$(realpath "$2")
for tool in dpkg-buildpackage dh fakeroot lintian scdoc man; do
    command -v $tool >/dev/null || {
        echo "$tool is not installed"
        [ -z "${CI:-}" ] && exit 77 || exit 1
    }
done
umask 022
export DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$(nproc)"
command -v ccache >/dev/null && export CCACHE=1
root=$scratch/root
before=$(cd "$source" && find . -path ./build -prune -o -path ./.git -prune -o -type f -print | sort)
if ! "$source/packaging/deb/build" "$scratch/packages" >"$scratch/build.log" 2>&1; then
    cat "$scratch/build.log"
    exit 1
fi
cat "$scratch/build.log"
for package in "$scratch"/packages/vlmc*.deb; do
    dpkg-deb -x "$package" "$root" || exit 1
done
# shellcheck source=tests/cli/lib.bash
. "$source/tests/cli/lib.bash" "$root/usr/bin/vlmc" "$scratch"
unset VLMC_MODEL_PATH VLMC_PLUGIN_PATH VLMC_MODEL

check "the build leaves the tree as it was" test "$before" = "$(
    cd "$source" && find . -path ./build -prune -o -path ./.git -prune -o -type f -print | sort)"
check "there are three packages" test "$(find packages -name 'vlmc*.deb' | wc -l)" -eq 3
check "each says what it is" eval 'for p in packages/vlmc*.deb; do
    dpkg-deb -f "$p" Description | grep -q . || exit 1; done'
expect 0 "the installed program says its version" "$vlmc" --version
check "which is the package's" test \
    "$(cut -d' ' -f2 stdout)" = "$(dpkg-deb -f packages/vlmc_*.deb Version)"

for model in text image audio; do
    expect 0 "the model $model is found where it was installed" "$vlmc" model info $model
done
expect 0 "the plugins are found where they were installed" "$vlmc" plugin list
for plugin in text image audio; do
    check "among them $plugin" grep -q "^$plugin .*$root/usr/lib/.*/vlmc/1/$plugin.so" stdout
done
mkdir files
head -c 40000 "$source/packaging/samples/tz-news.txt" >files/news.txt
cp "$source"/tests/fuzz/corpus/image/rgb.png "$source"/tests/fuzz/corpus/audio/s16-64.wav files
expect 0 "they take files of their kinds" "$vlmc" plugin probe files/*
for tokenizer in text.utf8 image.png audio.pcm; do
    check "and make tokens of them, $tokenizer" grep -q " $tokenizer " stdout
done
expect 0 "it packs" "$vlmc" create -q -o files.vlmc files
expect 0 "with a model and a plugin" "$vlmc" info files.vlmc
for needs in 'model text' 'tokenizer text.utf8'; do
    check "that are installed: $needs" grep -q "^needs *$needs" stdout
done
expect 0 "it unpacks" "$vlmc" extract -q files.vlmc -C back
check "what it packed" diff -r files back/files

man_has() { MANPATH=$root/usr/share/man man "$1" >page 2>&1 && grep -q "NAME" page; }
check "man finds vlmc" man_has vlmc
for command in $("$vlmc" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -vx help); do
    check "man finds vlmc-$command" man_has "vlmc-$command"
done
for file in bash-completion/completions/vlmc fish/vendor_completions.d/vlmc.fish \
    zsh/vendor-completions/_vlmc doc/vlmc/json.md doc/vlmc/copyright doc/vlmc-models/text.md; do
    check "there is $file" test -s "$root/usr/share/$file" -o -s "$root/usr/share/$file.gz"
done

PKG_CONFIG_LIBDIR=$(dirname "$(find "$root" -name vlmc-plugin.pc)")
export PKG_CONFIG_LIBDIR
check "pkg-config knows vlmc-plugin" pkg-config --exists vlmc-plugin
check "whose folder of plugins is that of the package" \
    test -f "$(pkg-config --variable=plugindir vlmc-plugin)/text.so"
cp -r "$root/usr/share/vlmc/sdk" mine
check "the template builds" make -C mine CFLAGS="-O1 -Werror"
check "and is found" eval 'VLMC_PLUGIN_PATH=mine "$vlmc" plugin list | grep -q records'
finish
