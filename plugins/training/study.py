#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How large a model should be: trains shapes for equal compute, fits loss against parameters and data.

  study.py --modality text --corpus corpus/text --compute 2e12 8e12 3e13 --out study
  study.py … --report docs/scaling-text      # also writes docs/scaling-text.svg, -data.svg and .md

Compute is counted in multiply-adds of the forward pass: multiply-adds a symbol times symbols seen. Each
shape is trained once for each budget, with its own schedule to the end; an interrupted study goes on.
The fit is loss = E + A / parameters^a + B / symbols^b. Rates are bits per symbol, the mean of the
held-out parts; adjusted ones count the model file once for a file of that size."""

import argparse
import json
import math
import os
import subprocess
import sys

import numpy as np

import svg

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = {  # name: the size whose tables it has, and what differs from it
    "text": {"64x1": ("nano", dict(width=64, layers=1, heads=1, hidden=256)), "128x2": ("nano", {}),
             "192x2": ("small", {}), "256x4": ("small", dict(width=256, layers=4, heads=4, kv_heads=2, hidden=1024)),
             "384x6": ("base", {})},
    "image": {"64x1": ("nano", dict(width=64, layers=1, heads=1, hidden=256)), "96x2": ("nano", {}),
              "192x2": ("small", {}), "256x4": ("base", {})},
}
SHAPES["audio"] = SHAPES["image"]
FILES = (1e6, 1e8, 1e9)


def measure(args, name, compute):
    """Trains a shape for a budget, or reads what was trained: parameters, symbols, model bytes, loss."""
    size, changes = SHAPES[args.modality][name]
    out = os.path.join(args.out, f"{args.modality}-{name}-{compute:.3g}")
    done = os.path.join(out, "result.json")
    if not os.path.exists(done):
        command = [sys.executable, os.path.join(HERE, "train.py"), "--modality", args.modality, "--size", size,
                   "--corpus", args.corpus, "--out", out, "--compute", str(compute),
                   "--shape", ",".join(f"{k}={v}" for k, v in changes.items()), *args.more]
        subprocess.run(command, check=True)
        with open(os.path.join(out, "log.tsv")) as f:
            fields = f.readlines()[-1].split("\t")
        import torch
        state = torch.load(os.path.join(out, "last.pt"), map_location="cpu")
        held = {k: float(v) for k, v in (part.split("=") for part in fields[4:])}
        result = dict(shape=name, compute=compute, symbols=int(fields[2]), held=held,
                      loss=sum(held.values()) / len(held),
                      parameters=sum(p.numel() for p in state["model"].values()),
                      bytes=os.path.getsize(os.path.join(out, f"{args.modality}-{size}.gguf")))
        with open(done + ".tmp", "w") as f:
            json.dump(result, f)
        os.replace(done + ".tmp", done)
    with open(done) as f:
        return json.load(f)


def fit(results):
    """E, A, a, B, b with the smallest squared error, none negative; and that error's root mean."""
    n = np.array([r["parameters"] for r in results], float)
    d = np.array([r["symbols"] for r in results], float)
    loss = np.array([r["loss"] for r in results])
    best = None
    for a in np.arange(0.05, 1.01, 0.05):
        for b in np.arange(0.05, 1.01, 0.05):
            columns = np.stack([np.ones_like(n), n ** -a, d ** -b], 1)
            for keep in ((0, 1, 2), (0, 2), (0, 1), (1, 2), (0,)):  # least squares without negative ones
                x = np.zeros(3)
                x[list(keep)] = np.linalg.lstsq(columns[:, keep], loss, rcond=None)[0]
                error = math.sqrt(np.mean((columns @ x - loss) ** 2))
                if (x >= 0).all() and (best is None or error < best[-1] - 1e-12):
                    best = (x[0], x[1], a, x[2], b, error)
    return best


def predicted(law, parameters, symbols):
    e, big_a, a, big_b, b, _ = law
    return e + big_a * parameters ** -a + big_b * symbols ** -b


def table(results, law):
    rows = ["| Shape | Parameters | Model file | Symbols seen | Raw | Fit | " +
            " | ".join(f"Adjusted, {svg.short(s)}B" for s in FILES) + " |", "|---" * (6 + len(FILES)) + "|"]
    for r in results:
        adjusted = [r["loss"] + 8 * r["bytes"] / s for s in FILES]
        rows.append(f"| {r['shape']} | {r['parameters']:,} | {r['bytes']:,} | {r['symbols'] / 1e6:.1f} M | {r['loss']:.3f} | "
                    f"{predicted(law, r['parameters'], r['symbols']):.3f} | " +
                    " | ".join(f"{x:.3f}" for x in adjusted) + " |")
    return rows


def report(path, modality, results, law):
    budgets = sorted({r["compute"] for r in results})
    by_size = [(f"{svg.short(c)} multiply-adds", [(r["parameters"], r["loss"]) for r in results if r["compute"] == c], False)
               for c in budgets]
    svg.chart(path + ".svg", f"{modality}: equal compute, by size", "parameters", "bits per symbol, held out", by_size)
    shapes = list(dict.fromkeys(r["shape"] for r in results))
    by_data = [(s, [(r["symbols"], r["loss"]) for r in results if r["shape"] == s], False) for s in shapes]
    svg.chart(path + "-data.svg", f"{modality}: by data", "symbols seen", "bits per symbol, held out", by_data)
    name = os.path.basename(path)
    e, big_a, a, big_b, b, error = law
    lines = [f"# Scaling of {modality} models", "",
             f"![by size]({name}.svg)", "", f"![by data]({name}-data.svg)", "",
             f"Fit: {e:.3f} + {big_a:.4g} / parameters^{a:.2f} + {big_b:.4g} / symbols^{b:.2f}, "
             f"{error:.4f} bits off in the root mean square.", ""]
    for c in budgets:
        part = [r for r in results if r["compute"] == c]
        lines += [f"## {svg.short(c)} multiply-adds", "", *table(part, law), ""]
        for size in FILES:
            best = min(part, key=lambda r: r["loss"] + 8 * r["bytes"] / size)
            lines.append(f"- Best for a file of {svg.short(size)}B that brings its model along: {best['shape']}.")
        lines += [f"- Best where the model is there anyway: {min(part, key=lambda r: r['loss'])['shape']}.", ""]
    with open(path + ".md", "w") as f:
        f.write("\n".join(lines))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--modality", default="text", choices=list(SHAPES))
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--out", default="study")
    ap.add_argument("--compute", type=float, nargs="+", required=True, metavar="MULTIPLY-ADDS")
    ap.add_argument("--shapes", nargs="+", help="some of " + ", ".join(SHAPES["text"]))
    ap.add_argument("--report", metavar="PATH", help="PATH.md, PATH.svg, PATH-data.svg; OUT/MODALITY unless given")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = ap.parse_args(sys.argv[1:split])
    args.more = sys.argv[split + 1:]  # after --: options of train.py
    os.makedirs(args.out, exist_ok=True)
    results = [measure(args, name, c) for c in sorted(args.compute) for name in args.shapes or SHAPES[args.modality]]
    law = fit(results)
    report(args.report or os.path.join(args.out, args.modality), args.modality, results, law)
    print("\n".join(table(results, law)))


if __name__ == "__main__":
    main()
