#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How large a model should be: trains shapes for equal compute, fits loss against parameters and data.

  study.py --modality text --corpus corpus/text --compute 2e12 8e12 3e13 --out study
  study.py … --report docs/scaling-text      # also writes docs/scaling-text.svg, -data.svg and .md

Compute is counted in multiply-adds of the forward pass: multiply-adds a symbol times symbols seen. Each
shape is trained once for each budget, with its own schedule to the end; an interrupted study goes on.
The fit is loss = E + A / parameters^a + B / symbols^b. Parameters are those outside the context tables,
which cost bytes but no multiply-adds; shapes with other tables than the first are shown and not fitted.
Rates are bits per symbol, the mean of the held-out parts; adjusted ones count the model file once for
a file of that size. What stands in the report from "## Reading it" on is kept when it is written again."""

import argparse
import json
import math
import os
import subprocess
import sys

import numpy as np

import svg

HERE = os.path.dirname(os.path.abspath(__file__))


def shape(width, layers, heads, kv_heads, hidden, window):
    return dict(width=width, layers=layers, heads=heads, kv_heads=kv_heads, hidden=hidden, window=window)


SHAPES = {  # name: the size whose tables it has, and the shape
    "text": {"64x1": ("nano", shape(64, 1, 1, 1, 256, 256)), "128x2": ("nano", shape(128, 2, 2, 1, 512, 256)),
             "192x2": ("nano", shape(192, 2, 3, 1, 768, 256)), "192x2-tables": ("nano-large", shape(192, 2, 3, 1, 768, 256)),
             "256x4": ("nano", shape(256, 4, 4, 2, 1024, 256)), "384x6": ("nano", shape(384, 6, 6, 2, 1536, 512))},
    "image": {"64x1": ("nano", shape(64, 1, 1, 1, 256, 128)), "96x2": ("nano", shape(96, 2, 2, 1, 384, 128)),
              "192x2": ("small", {}), "256x4": ("base", {})},
}
SHAPES["audio"] = SHAPES["image"]
FILES = (1e6, 1e8, 1e9)
# Symbols of each held-out part that are looked at: at a small budget all of them cost more than the training.
HELD = dict(text=24_576, image=98_304, audio=98_304)
FEWEST = 8  # runs that are fitted: the law has five constants
READING = "## Reading it"


def collect(out, model):
    """What a finished training in `out` came to: symbols, parameters, model bytes, loss."""
    import torch
    with open(os.path.join(out, "log.tsv")) as f:
        fields = f.readlines()[-1].split("\t")
    state = torch.load(os.path.join(out, "last.pt"), map_location="cpu")
    held = {k: float(v) for k, v in (part.split("=") for part in fields[4:])}
    tables = sum(p.numel() for k, p in state["model"].items() if k.startswith("tables."))
    return dict(symbols=int(fields[2]), held=held, loss=sum(held.values()) / len(held), tables=tables,
                parameters=sum(p.numel() for p in state["model"].values()) - tables,
                bytes=os.path.getsize(os.path.join(out, model)))


def trained(args, out, size, changes, compute, more=()):
    """Trains a shape for a budget, or reads what was trained. None: not trained, and not to be trained now."""
    done = os.path.join(out, "result.json")
    if not os.path.exists(done) and args.measured:
        return None
    if not os.path.exists(done):
        command = [sys.executable, os.path.join(HERE, "train.py"), "--modality", args.modality, "--size", size,
                   "--corpus", args.corpus, "--out", out, "--compute", str(compute),
                   "--shape", ",".join(f"{k}={v}" for k, v in changes.items()), "--held", str(HELD[args.modality]),
                   *more, *args.more]
        subprocess.run(command, check=True)
        with open(done + ".tmp", "w") as f:
            json.dump(collect(out, f"{args.modality}-{size}.gguf"), f)
        os.replace(done + ".tmp", done)
    with open(done) as f:
        return json.load(f)


def measure(args, name, compute):
    size, changes = SHAPES[args.modality][name]
    out = os.path.join(args.out, f"{args.modality}-{name}-{compute:.3g}")
    result = trained(args, out, size, changes, compute)
    return result and dict(result, shape=name, compute=compute)


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


def fitted(results):
    return [r for r in results if r["tables"] == results[0]["tables"]]


def law_of(results):
    """None where the runs are too few to say."""
    return fit(fitted(results)) if len(fitted(results)) >= FEWEST else None


def predicted(law, parameters, symbols):
    e, big_a, a, big_b, b, _ = law
    return e + big_a * parameters ** -a + big_b * symbols ** -b


def adjusted(result, size):
    return result["loss"] + 8 * result["bytes"] / size


def table(results, law, first):
    heads = ["Shape", "Parameters", "of tables", "Model file", "Symbols seen", "Raw"] + ["Fit"] * bool(law)
    heads += [f"Adjusted, {svg.short(s, ' ')}B" for s in FILES]
    rows = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for r in results:
        cells = [r["shape"], f"{r['parameters']:,}", f"{r['tables']:,}", f"{r['bytes']:,}", f"{r['symbols'] / 1e6:.2f} M",
                 f"{r['loss']:.3f}"]
        if law:
            same = r["tables"] == first["tables"]
            cells.append(f"{predicted(law, r['parameters'], r['symbols']):.3f}" if same else "–")
        rows.append("| " + " | ".join(cells + [f"{adjusted(r, s):.3f}" for s in FILES]) + " |")
    return rows


def kept(path):
    """What somebody has written below the tables."""
    if not os.path.exists(path):
        return ""
    with open(path) as f:
        text = f.read()
    return text[text.index(READING):] if READING in text else ""


def charts(path, modality, results):
    budgets, shapes = (list(dict.fromkeys(r[k] for r in results)) for k in ("compute", "shape"))
    by_size = [(f"{svg.short(c, ' ')} multiply-adds",
                sorted((r["parameters"], r["loss"]) for r in fitted(results) if r["compute"] == c), False) for c in budgets]
    svg.chart(path + ".svg", f"{modality}: equal compute, by size", "parameters outside the tables",
              "bits per symbol, held out", by_size)
    by_data = [(s, [(r["symbols"], r["loss"]) for r in results if r["shape"] == s], False) for s in shapes]
    svg.chart(path + "-data.svg", f"{modality}: by data", "symbols seen", "bits per symbol, held out", by_data)


def report(path, modality, results, law):
    charts(path, modality, results)
    name, after = os.path.basename(path), kept(path + ".md")
    lines = [f"# Scaling of {modality} models", "", f"![by size]({name}.svg)", "", f"![by data]({name}-data.svg)", ""]
    if law:
        e, big_a, a, big_b, b, error = law
        lines += [f"Fit of {len(fitted(results))} runs: {e:.3f} + {big_a:.4g} / parameters^{a:.2f} + {big_b:.4g} / "
                  f"symbols^{b:.2f}, {error:.4f} bits off in the root mean square.", ""]
    else:
        lines += [f"{len(results)} runs are too few to fit a law of five constants.", ""]
    for c in dict.fromkeys(r["compute"] for r in results):
        part = [r for r in results if r["compute"] == c]
        lines += [f"## {svg.short(c, ' ')} multiply-adds", "", *table(part, law, results[0]), ""]
        for size in FILES:
            best = min(part, key=lambda r: adjusted(r, size))
            lines.append(f"- Best for a file of {svg.short(size, ' ')}B that brings its model along: {best['shape']}.")
        lines += [f"- Best where the model is there anyway: {min(part, key=lambda r: r['loss'])['shape']}.", ""]
    with open(path + ".md", "w") as f:
        f.write("\n".join(lines) + ("\n" + after if after else ""))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--modality", default="text", choices=list(SHAPES))
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--out", default="study")
    ap.add_argument("--compute", type=float, nargs="+", required=True, metavar="MULTIPLY-ADDS")
    ap.add_argument("--shapes", nargs="+", help="some of " + ", ".join(SHAPES["text"]))
    ap.add_argument("--measured", action="store_true", help="train nothing: report what is there")
    ap.add_argument("--report", metavar="PATH", help="PATH.md, PATH.svg, PATH-data.svg; OUT/MODALITY unless given")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = ap.parse_args(sys.argv[1:split])
    args.more = sys.argv[split + 1:]  # after --: options of train.py
    os.makedirs(args.out, exist_ok=True)
    results = [measure(args, name, c) for c in sorted(args.compute) for name in args.shapes or SHAPES[args.modality]]
    results = [r for r in results if r]
    if not results:
        raise SystemExit("study: nothing has been measured yet")
    law = law_of(results)
    report(args.report or os.path.join(args.out, args.modality), args.modality, results, law)
    print("\n".join(table(results, law, results[0])))


if __name__ == "__main__":
    main()
