#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which architecture is best for the same work: trains variants of one text model on the same data order.

  architectures.py --corpus corpus/text --compute 3e11 1e12 --text FILE --report ../../docs/architectures -- --batch 4

Each variant is trained once for each budget of multiply-adds, counted as in study.py. BENCH_MODEL
(tests/bench/bench_model of build/release) then says how fast the integer engine runs it on two threads, and what it
makes of TEXT alone and beside the mixer. An interrupted comparison goes on. What stands in the report from
"## Reading it" on is kept when it is written again."""

import argparse
import os
import re
import subprocess
import sys

import study
import svg

BASE = dict(width=192, layers=2, heads=3, kv_heads=1, hidden=768, window=256)
VARIANTS = {  # name: what differs from the first; "contexts" names a set of text_corpus.py
    "192x2": {},
    "gated ReLU, 512": dict(hidden=512, gated=1),
    "one layer, 256": dict(width=256, layers=1, heads=4, hidden=1024),
    "four layers, 128": dict(width=128, layers=4, heads=2, hidden=512),
    "window 64": dict(window=64),
    "window 512": dict(window=512),
    "a key head each, 640": dict(kv_heads=3, hidden=640),
    "no side contexts but the line": dict(contexts="nano-line"),
    "tables, no recall": dict(contexts="nano-tables"),
    "recall, no tables": dict(contexts="nano-recall"),
    "with orders 5, 8, word": dict(contexts="nano-orders"),
    "tables four times as large": dict(contexts="nano-large"),
}


def folder(name, compute):
    return re.sub("[^a-z0-9]+", "-", name.lower()) + f"-{compute:.3g}"


def engine(args, out):
    """Bytes a second of the engine, bits per byte of TEXT alone and mixed."""
    said = subprocess.run([args.bench, os.path.join(out, "text-nano.gguf"), args.text], check=True, capture_output=True,
                          text=True).stdout
    alone, mixed, speed = re.search(r"alone ([0-9.]+) bpb +mixed ([0-9.]+) bpb.* engine +([0-9.]+) KB/s", said).groups()
    return float(speed), float(alone), float(mixed)


def measure(args, name, compute):
    changes = dict(BASE, **VARIANTS[name])
    contexts = changes.pop("contexts", "nano")
    out = os.path.join(args.out, folder(name, compute))
    result = study.trained(args, out, "nano", changes, compute, ["--contexts", contexts])
    if not result:
        return None
    speed, alone, mixed = engine(args, out)
    return dict(result, name=name, compute=compute, speed=speed, alone=alone, mixed=mixed)


def table(results):
    first = results[0]
    rows = ["| Variant | Multiply-adds a symbol | Engine, KB/s | Model file | Symbols seen | Held out | Against the first | "
            "Text, alone | Text, mixed |", "|---" * 9 + "|"]
    for r in results:
        rows.append(f"| {r['name']} | {r['compute'] / r['symbols'] / 1e6:.2f} M | {r['speed']:.0f} | {r['bytes']:,} | "
                    f"{r['symbols'] / 1e6:.2f} M | {r['loss']:.3f} | {r['loss'] - first['loss']:+.3f} | "
                    f"{r['alone']:.3f} | {r['mixed']:.3f} |")
    return rows


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--out", default="architectures")
    ap.add_argument("--compute", type=float, nargs="+", required=True, metavar="MULTIPLY-ADDS")
    root = os.path.join(study.HERE, "..", "..")
    ap.add_argument("--bench", default=os.path.join(root, "build", "release", "tests", "bench_model"))
    ap.add_argument("--text", required=True, help="a file that is not in the corpus, some 100 KB")
    ap.add_argument("--measured", action="store_true", help="train nothing: report what is there")
    ap.add_argument("--report", metavar="PATH", help="PATH.md; OUT/architectures unless given")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = ap.parse_args(sys.argv[1:split])
    args.modality, args.more = "text", sys.argv[split + 1:]  # after --: options of train.py
    os.makedirs(args.out, exist_ok=True)
    path = (args.report or os.path.join(args.out, "architectures")) + ".md"
    lines = ["# Architectures of text models", ""]
    for compute in sorted(args.compute):
        results = [r for r in (measure(args, name, compute) for name in VARIANTS) if r]
        if results:
            lines += [f"## {svg.short(compute, ' ')} multiply-adds", "", *table(results), ""]
    after = study.kept(path)
    with open(path, "w") as f:
        f.write("\n".join(lines) + ("\n" + after if after else ""))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
