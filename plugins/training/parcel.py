#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training on a machine that can be used for minutes at a time, has no network, and takes and gives files
of at most 64 MiB.

  parcel.py pack FOLDER --modality text --size base --corpus corpus/text [--start FILE.gguf]
      # FOLDER: run.py and pieces below 60 MiB: code, corpora (xz), libraries, model to begin with
  python3 FOLDER/run.py OUTPUT --minutes 30 [--slice 9] [-- further options of train.py]
      # there: unpacks, trains, leaves int8 weights and logs below 60 MiB in OUTPUT/result;
      # with --slice it stops after so many minutes, and the same command goes on
  parcel.py pack NEXT … --start OUTPUT/result/text-base.gguf    # and at home, for the next time

There it needs Python 3, PyTorch >= 1.13 and numpy; a C compiler is used where there is one."""

import argparse
import hashlib
import importlib
import json
import os
import shutil
import sys
import tarfile
import tempfile

import native

HERE = os.path.dirname(os.path.abspath(__file__))
PIECE = 56 << 20
TREES = ["plugins/training", "host/cpu", "host/model", "host/util", "host/include", "shaders"]


class Pieces:
    """A file object that cuts what is written to it into numbered files."""

    def __init__(self, folder):
        self.folder, self.sums, self.file, self.room = folder, [], None, 0

    def write(self, data):
        view = memoryview(data)
        while view:
            if not self.room:
                self.close()
                self.file, self.room = open(self.path(len(self.sums)), "wb"), PIECE
            part = view[:self.room]
            self.file.write(part)
            self.room -= len(part)
            view = view[len(part):]
        return len(data)

    def path(self, i):
        return os.path.join(self.folder, f"piece-{i:03}")

    def close(self):
        if self.file:
            self.file.close()
            with open(self.path(len(self.sums)), "rb") as f:
                self.sums.append(hashlib.sha256(f.read()).hexdigest())
            self.file = None


def plain(info):
    """Members say nothing of who packed them and when."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    skip = info.name.endswith((".gguf", ".pyc", ".o")) and not info.name.startswith("start")
    return None if skip or "__pycache__" in info.name or "/run-" in info.name else info


def pack(args):
    os.makedirs(args.folder)
    corpora = importlib.import_module(args.modality + "_corpus")
    pieces = Pieces(args.folder)
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(fileobj=pieces, mode="w|") as tar:
        for tree in TREES:
            tar.add(os.path.join(native.ROOT, tree), "tree/" + tree, filter=plain)
        carried = os.path.join(scratch, "carried")
        for build in (native.context_rows, native.plugin_rows):
            build(carried)
        if args.modality != "text":
            plugin = args.plugin or os.path.join(native.ROOT, "build", "release", "lib", "vlmc", "1", args.modality + ".so")
            shutil.copy(plugin, os.path.join(carried, args.modality + ".so"))
        tar.add(carried, "tree/plugins/training/carried", filter=plain)
        packed = os.path.join(scratch, "corpus")
        os.mkdir(packed)
        corpora.pack(args.corpus, packed)
        if not os.listdir(packed):
            sys.exit(f"parcel.py: {args.corpus} holds nothing to train {args.modality} on")
        tar.add(packed, "corpus", filter=plain)
        if args.start:
            tar.add(args.start, "start.gguf", filter=plain)
    pieces.close()
    shutil.copy(os.path.join(HERE, "parcel_run.py"), os.path.join(args.folder, "run.py"))
    with open(os.path.join(args.folder, "parcel.json"), "w") as f:
        json.dump(dict(modality=args.modality, size=args.size, start=bool(args.start), sha256=pieces.sums), f)
    for name in sorted(os.listdir(args.folder)):
        print(f"{os.path.getsize(os.path.join(args.folder, name)):>10} {os.path.join(args.folder, name)}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("command", choices=["pack"])
    ap.add_argument("folder")
    ap.add_argument("--modality", default="text", choices=["text", "image", "audio"])
    ap.add_argument("--size", default="small", choices=["nano", "small", "base"])
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--start", metavar="GGUF")
    ap.add_argument("--plugin", help="image.so or audio.so; that of build/release")
    pack(ap.parse_args())


if __name__ == "__main__":
    main()
