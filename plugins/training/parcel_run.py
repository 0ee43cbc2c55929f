#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unpacks what parcel.py packed beside this file, trains, and leaves the result below 60 MiB.

  python3 run.py OUTPUT --minutes 30 [--slice 9] [-- options of train.py]"""

import argparse
import hashlib
import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
MOST = 60 << 20


class Joined:
    """The pieces as one file to read; each is checked when it is opened."""

    def __init__(self, sums):
        self.sums, self.i, self.file = sums, 0, None

    def read(self, n):
        data = b""
        while len(data) < n:
            if self.file is None:
                if self.i == len(self.sums):
                    break
                path = os.path.join(HERE, f"piece-{self.i:03}")
                with open(path, "rb") as f:
                    if hashlib.sha256(f.read()).hexdigest() != self.sums[self.i]:
                        sys.exit(f"run.py: {path} is damaged")
                self.file, self.i = open(path, "rb"), self.i + 1
            part = self.file.read(n - len(data))
            if not part:
                self.file.close()
                self.file = None
            data += part
        return data


def unxz(path):
    with lzma.open(path) as packed, open(path[:-3], "wb") as f:
        shutil.copyfileobj(packed, f, 1 << 20)
    os.remove(path)


def unpack(work, sums):
    with tarfile.open(fileobj=Joined(sums), mode="r|") as tar:
        tar.extractall(work + ".tmp")
    corpus = os.path.join(work + ".tmp", "corpus")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(unxz, [os.path.join(corpus, n) for n in os.listdir(corpus) if n.endswith(".xz")]))
    os.rename(work + ".tmp", work)


def collect(run, result):
    """Model file and logs; what would be too much is left out, and said."""
    shutil.rmtree(result, ignore_errors=True)
    os.makedirs(result)
    room = MOST
    for name in sorted(os.listdir(run), key=lambda n: not n.endswith((".tsv", ".txt"))):
        size = os.path.getsize(os.path.join(run, name))
        if not name.endswith((".gguf", ".tsv", ".txt")):
            continue
        if size > room:
            print(f"{name} of {size} bytes is left out: more than {MOST} bytes together")
            continue
        room -= size
        shutil.copy(os.path.join(run, name), result)
        print(f"{size:>10} {os.path.join(result, name)}")


def main():
    begun = time.monotonic()
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("output")
    ap.add_argument("--minutes", type=float, required=True, help="of training, all slices together")
    ap.add_argument("--slice", type=float, help="minutes that this call may take, unpacking and evaluating included")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, more = ap.parse_args(sys.argv[1:split]), sys.argv[split + 1:]
    with open(os.path.join(HERE, "parcel.json")) as f:
        parcel = json.load(f)
    output = os.path.abspath(args.output)
    work, run = os.path.join(output, "work"), os.path.join(output, "run")
    os.makedirs(run, exist_ok=True)
    if not os.path.exists(work):
        shutil.rmtree(work + ".tmp", ignore_errors=True)
        unpack(work, parcel["sha256"])
    print(f"unpacked after {time.monotonic() - begun:.0f} s", flush=True)
    training = os.path.join(work, "tree", "plugins", "training")
    command = [sys.executable, os.path.join(training, "train.py"), "--modality", parcel["modality"],
               "--size", parcel["size"], "--corpus", os.path.join(work, "corpus"), "--out", run,
               "--hours", str(args.minutes / 60), "--save", "2"]
    if parcel["modality"] != "text":
        command += ["--plugin", os.path.join(training, "carried", parcel["modality"] + ".so")]
    if parcel["start"]:
        command += ["--start", os.path.join(work, "start.gguf")]
    if args.slice:
        # A tenth, but at most two minutes, for evaluation, model file and proof.
        left = args.slice - (time.monotonic() - begun) / 60
        command += ["--pause", str(max(0.1, left - min(2, args.slice / 10)))]
    with open(os.path.join(run, "out.txt"), "a") as log:
        process = subprocess.Popen(command + more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stdout:
            print(line, end="", flush=True)
            log.write(line)
    collect(run, os.path.join(output, "result"))
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
