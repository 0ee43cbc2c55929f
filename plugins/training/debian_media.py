#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds sounds and pictures from Debian packages to corpora: prompts of telephones, music, wallpapers.

  debian_media.py audio corpus/audio     # corpus/audio/telephone, corpus/audio/music
  debian_media.py image corpus/image     # corpus/image/clean

Needs apt, dpkg-deb and a network; for audio `flac`, and `fluidsynth` for the part of the music that is
played from scores. Writes packages.tsv and the copyright files as debian_corpus.py does. Speech that is
recorded well, and photographs, have to come from elsewhere. The packages are read, not installed."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

from debian_corpus import download, licences

# What is taken: folder of the corpus, package, paths within it, every so many of them, in the order of their names.
TAKEN = {
    "audio": [
        ("telephone", "asterisk-core-sounds-en-wav", r"\.wav$", 3),
        ("telephone", "asterisk-core-sounds-es-wav", r"\.wav$", 12),
        ("telephone", "asterisk-core-sounds-fr-wav", r"\.wav$", 12),
        ("music", "sonic-pi-samples", r"\.flac$", 1),
        ("music", "openttd-openmsx", r"\.mid$", 1),
    ],
    "image": [
        ("clean", "mate-backgrounds", r"/(nature/.*|Elephants_3840x2160)\.jpg$", 1),
        ("clean", "plasma-workspace-wallpapers",
         r"/(Autumn|BytheWater|ColdRipple|ColorfulCups|DarkestHour|EveningGlow|FallenLeaf|Flow|Grey|Kite|OneStandsOut|PastelHills|Path"
         r"|SafeLanding|Volna|summer_1am)/contents/images/(2560x1600|3200x2000|5120x2880)\.jpg$", 1),
    ],
}
SOUND_FONT = "fluid-soundfont-gm"
SHORTEST_SPEECH, SHORTEST_MUSIC = 24 << 10, 16384  # bytes, samples
PLAYED = ("0:15", "0:35")  # of a score


def unpacked(package, folder):
    """The folder that the package's files are in, and its version; None where there is no such package."""
    deb = download(package, folder)
    if not deb:
        return None
    root = os.path.join(folder, package)
    subprocess.run(["dpkg-deb", "-x", deb, root], check=True)
    return root, os.path.basename(deb).split("_")[1].replace("%3a", ":")


def found(root, pattern, every):
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    return sorted(p for p in paths if re.search(pattern, p) and os.path.isfile(p))[::every]


def asked(path, what):
    return int(subprocess.run(["metaflac", "--show-" + what, path], check=True, capture_output=True, text=True).stdout)


def add_sound(path, to, font):
    """The file as FLAC in the corpus; False where it is not taken."""
    if path.endswith(".flac"):
        if asked(path, "bps") != 16 or asked(path, "total-samples") < SHORTEST_MUSIC:
            return False
        shutil.copy(path, to)
    elif path.endswith(".wav"):
        if os.path.getsize(path) < SHORTEST_SPEECH:
            return False
        subprocess.run(["flac", "-sf", "-o", to, path], check=True)
    else:
        played = to + ".wav"
        subprocess.run(["fluidsynth", "-ni", "-g", "0.6", "-F", played, "-r", "44100", "-O", "s16", font, path],
                       check=True, capture_output=True)
        subprocess.run(["flac", "-sf", "--skip=" + PLAYED[0], "--until=" + PLAYED[1], "-o", to, played], check=True)
        os.remove(played)
    return True


def add_all(modality, root, paths, folder, font):
    os.makedirs(folder, exist_ok=True)
    size = 0
    for path in paths:
        name = os.path.relpath(path, os.path.join(root, "usr", "share")).replace("/", "-")
        to = os.path.join(folder, name if modality == "image" else os.path.splitext(name)[0] + ".flac")
        if modality == "image":
            shutil.copy(path, to)
        elif not add_sound(path, to, font):
            continue
        size += os.path.getsize(to)
    return size


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("modality", choices=sorted(TAKEN))
    ap.add_argument("corpus")
    args = ap.parse_args()
    wanted = ["apt-get", "dpkg-deb"] + (["flac", "metaflac"] if args.modality == "audio" else [])
    missing = [program for program in wanted if not shutil.which(program)]
    if missing:
        raise SystemExit(f"debian_media.py: this needs {', '.join(missing)}")
    os.makedirs(os.path.join(args.corpus, "copyright"), exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        font = unpacked(SOUND_FONT, folder) if args.modality == "audio" and shutil.which("fluidsynth") else None
        for kind, package, pattern, every in TAKEN[args.modality]:
            played = r"\.mid" in pattern
            if played and not font:
                print(f"{package} is left out: fluidsynth and {SOUND_FONT} play it", file=sys.stderr)
                continue
            there = unpacked(package, folder)
            if not there:
                continue
            root, version = there
            size = add_all(args.modality, root, found(root, pattern, every), os.path.join(args.corpus, kind),
                           played and found(font[0], r"\.sf2$", 1)[0])
            with open(os.path.join(root, "usr/share/doc", package, "copyright"), "rb") as f:
                rights = f.read()
            with open(os.path.join(args.corpus, "copyright", package), "wb") as f:
                f.write(rights)
            rows.append((kind, package, version, str(size), licences(rights)))
            print(f"{kind}: {size / 1e6:.1f} MB of {package} {version}", flush=True)
    with open(os.path.join(args.corpus, "packages.tsv"), "w") as f:
        f.write("kind\tpackage\tversion\tbytes\tlicences\n")
        f.writelines("\t".join(row) + "\n" for row in rows)
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
