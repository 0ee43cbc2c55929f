#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a model of vlmc, from a corpus to a proven model file.

  train.py --modality text --size small --hours 2        # run again after an interruption: it goes on
  train.py --modality text --size small --hours 1 --start ../text/text.gguf --rates 0.4

Reads CORPUS (corpus/MODALITY), writes checkpoints, log.tsv, curve.svg and MODALITY-SIZE.gguf to
OUT (run-MODALITY-SIZE), and compares the bits of the integer engine with those of the float twin.
Needs Python 3, PyTorch >= 1.13, numpy and a C compiler; no network. Exit code 1: the engine
is more than 1 % off."""

import argparse
import ctypes
import fcntl
import importlib
import math
import os
import sys
import time

import numpy as np
import torch

import fused
import gguf
import native
import proof
import svg
import twin as T
from feeder import Feeder
from optimizers import Optimizers

# Windows for a step, positions of a window, windows at a time; on a processor as many as stay in its cache.
BATCHES = {("text", "cpu"): (16, 512, 8), ("text", "cuda"): (128, 512, 128),
           ("image", "cpu"): (64, 128, 16), ("image", "cuda"): (256, 128, 256)}


def arguments():
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--modality", default="text", choices=["text", "image", "audio"])
    ap.add_argument("--size", default="small", choices=["nano", "small", "base"])
    ap.add_argument("--hours", type=float, default=2.0, help="wall time; the schedule follows it")
    ap.add_argument("--steps", type=int, help="a schedule of so many steps instead")
    ap.add_argument("--compute", type=float, metavar="MULTIPLY-ADDS", help="a schedule of so many instead")
    ap.add_argument("--shape", default="", metavar="KEY=N,…", help="what differs from the size: width=64,layers=1,…")
    ap.add_argument("--contexts", metavar="NAME", help="text: the side contexts of another size, or a set of text_corpus.py")
    ap.add_argument("--corpus", help="folder with the unpacked corpora of the modality")
    ap.add_argument("--out", help="folder for checkpoints, log and model file")
    ap.add_argument("--plugin", help="image.so or audio.so, whose contexts are used; that of build/release")
    ap.add_argument("--start", metavar="GGUF", help="go on from a model file; --shape can make its window shorter and hidden wider, --contexts add some")
    ap.add_argument("--rates", type=float, default=1.0, help="what all learning rates are multiplied by")
    ap.add_argument("--decay", type=float, default=0.6, help="share of the time in which the rates fall to zero")
    ap.add_argument("--batch", type=int, help="windows for a step")
    ap.add_argument("--length", type=int, help="positions of a window")
    ap.add_argument("--micro-batch", type=int, help="windows at a time")
    ap.add_argument("--save", type=float, default=4, metavar="MINUTES", help="between checkpoints")
    ap.add_argument("--evaluate", type=float, default=30, metavar="MINUTES", help="between evaluations")
    ap.add_argument("--held", type=int, metavar="SYMBOLS", help="evaluate on so many of each part at most")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])
    ap.add_argument("--workers", type=int, help="processes that make batches; 0: none, as on a processor")
    ap.add_argument("--threads", type=int, help="of the processor; all that the process may use unless given")
    ap.add_argument("--plain", action="store_true", help="no fused kernels and no compiled graph")
    ap.add_argument("--stop", type=int, metavar="STEP", help="stop there, as if interrupted")
    ap.add_argument("--pause", type=float, metavar="MINUTES", help="stop after so many, with a model file of what there is")
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    name = f"{args.modality}-{args.size}"
    args.corpus = args.corpus or os.path.join("corpus", args.modality)
    args.out = args.out or "run-" + name
    args.model = os.path.join(args.out, name + ".gguf")
    if args.modality != "text":
        built = os.path.join(here, "..", "..", "build", "release", "lib", "vlmc", "1", args.modality + ".so")
        args.plugin = args.plugin or built
    defaults = BATCHES["text" if args.modality == "text" else "image", args.device]
    args.batch = args.batch or defaults[0]
    args.length = args.length or defaults[1]
    args.micro_batch = min(args.batch, args.micro_batch or defaults[2])
    if args.workers is None:
        args.workers = max(1, (os.cpu_count() or 2) - 2) if args.device == "cuda" else 0
    return args


def keep_freed_memory():
    """Tensors take the memory of those before them. With glibc's own settings many are a system call and new pages,
    which cost 3 to 21 % of the time."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # another C library
    mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD, the most there is
    mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD


def accelerate(model, args):
    """One pass over memory between matrix products: own kernels on a processor, a compiled graph on a GPU."""
    if args.plain:
        return "plain"
    if args.device == "cpu":
        if fused.open_kernels(args.out):
            model.fused = fused
            return "fused kernels"
        return "plain"
    if not hasattr(torch, "compile"):
        return "plain: this PyTorch has no torch.compile"
    try:
        torch._dynamo.config.cache_size_limit = 64
        model.layer = torch.compile(model.layer)
        before = torch.zeros(2, args.length, dtype=torch.long, device=args.device)
        rows = torch.zeros(2, args.length, len(model.contexts), dtype=torch.long, device=args.device)
        model.loss(before, rows, before).backward()
        model.zero_grad(set_to_none=True)
        return "compiled graph"
    except Exception as e:  # whatever the compiler of that version stumbles over
        del model.layer
        model.zero_grad(set_to_none=True)
        return f"plain: torch.compile failed ({type(e).__name__})"


@torch.no_grad()
def evaluate(model, held, args):
    """Bits per symbol of each held-out part."""
    result = {}
    for name, arrays in held.items():
        bits, count = 0.0, 0
        for i in range(0, len(arrays[0]), args.micro_batch):
            part = [torch.from_numpy(a[i:i + args.micro_batch].astype(np.int64)).to(args.device) for a in arrays]
            bits += model.loss(*part).item() / math.log(2) * part[0].numel()
            count += part[0].numel()
        result[name] = bits / count
    return result


@torch.no_grad()
def matrix_rate(device, n=2048, seconds=1.0):
    """Multiply-adds a second of matrix products (n, n) by (n, n) alone, in the type that the twin multiplies in."""
    a, b = (torch.randn(n, n, device=device).to(T.EXACT) for _ in range(2))
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for count in (2, 0):  # the first ones warm up
        wait()
        begun, done = time.monotonic(), 0
        while done < count or not count and time.monotonic() - begun < seconds:
            torch.mm(a, b)
            done += 1
            wait()
    return n ** 3 * done / (time.monotonic() - begun)


def alone_in(folder):
    """A lock on the folder, as long as what is returned lives: two trainings would overwrite each other's checkpoints.
    Workers do not inherit it, so what is left of a killed training does not keep the next one out."""
    lock = open(os.path.join(folder, "lock"), "w")
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise SystemExit(f"train: another training runs in {folder}; wait for it or give another --out") from None
    return lock


def thinned(arrays, n):
    """At most n windows, from all over them."""
    n = min(n, len(arrays[0]))
    return [a[np.arange(n) * len(a) // n] for a in arrays]


class Run:
    """A training that can be interrupted at any time."""

    def __init__(self, args, corpus):
        self.args, self.path = args, os.path.join(args.out, "last.pt")
        state = torch.load(self.path, map_location="cpu") if os.path.exists(self.path) else None
        changes = {k: int(v) for k, v in (pair.split("=") for pair in args.shape.split(",") if pair)}
        cfg, contexts = {**T.SIZES[args.modality][args.size], **changes}, corpus.contexts
        if state:
            cfg, contexts = state["cfg"], [tuple(c) for c in state["contexts"]]
        elif args.start:
            started = gguf.twin(args.start).grown(changes, [tuple(c) for c in contexts])
            cfg, contexts = started.cfg, started.contexts
        if list(contexts) != list(corpus.contexts):
            raise ValueError("the model's side contexts are not those of this corpus and size")
        self.model = T.Twin(cfg, contexts)
        if state:
            self.model.load_state_dict(state["model"])
        elif args.start:
            self.model.load_state_dict(started.state_dict())
        self.model.bound()
        self.step, self.spent, self.seen, self.running, position = 0, 0.0, 0, 0.0, (0, 0)
        if state:
            self.step, self.spent, self.seen, self.running = (state[k] for k in ("step", "spent", "seen", "running"))
            position = state["position"]
        if args.compute:
            args.steps = math.ceil(args.compute / (self.model.multiply_adds() * args.batch * args.length))
        self.rising = min(100, args.steps / 5) if args.steps else 100  # a short schedule is not all warm-up
        self.feeder = Feeder(corpus, args.seed, args.length, args.batch, args.workers, args.out, position)
        self.model.to(args.device)
        self.how = accelerate(self.model, args)
        self.optimizers = Optimizers(self.model, args.rates)
        if state:
            self.optimizers.load_state_dict(state["optimizers"])

    def save(self):
        torch.save(dict(model=self.model.state_dict(), optimizers=self.optimizers.state_dict(), cfg=self.model.cfg,
                        contexts=self.model.contexts, modality=self.args.modality, step=self.step, spent=self.spent,
                        seen=self.seen, running=self.running, position=self.feeder.position()), self.path + ".tmp")
        os.replace(self.path + ".tmp", self.path)

    def progress(self):
        if self.args.steps:
            return self.step / self.args.steps
        return self.spent / (self.args.hours * 3600)

    def one_step(self):
        args, total = self.args, 0.0
        windows = [w.to(args.device, torch.int64) for w in self.feeder.next()]
        for part in zip(*(w.split(args.micro_batch) for w in windows)):
            loss = self.model.loss(*part) * (len(part[0]) / args.batch)
            loss.backward()
            total += loss.detach()
        falling = max(0.003, (1 - self.progress()) / args.decay)
        self.optimizers.step(min(1.0, (self.step + 1) / self.rising, falling))
        self.model.bound()
        self.step += 1
        self.seen += args.batch * args.length
        return total

    def train(self, held, log):
        """True when the schedule is at its end."""
        args, clock = self.args, time.monotonic()
        begun, seen = clock, self.seen
        saved = scored = clock
        while self.progress() < 1:
            if args.stop and self.step >= args.stop or args.pause and clock - begun > args.pause * 60:
                self.save()
                return False
            total = self.one_step()
            if self.step % 20 == 0 or args.device == "cpu":
                bits = float(total) / math.log(2)
                self.running = self.running * 0.98 + bits * 0.02 if self.running else bits
            now = time.monotonic()
            self.spent, clock = self.spent + now - clock, now
            if self.step % 100 == 0:
                print(f"step {self.step}, {self.spent:.0f} s, {self.seen / 1e6:.1f} M symbols, "
                      f"{self.running:.4f} bits each", flush=True)
            if now - saved > args.save * 60:
                self.save()
                saved = time.monotonic()
            if now - scored > args.evaluate * 60:
                self.score(held, log)
                scored = time.monotonic()
        self.save()
        # Back-propagation multiplies twice what the forward pass does.
        rate, most = 3 * self.model.multiply_adds() * (self.seen - seen) / (clock - begun + 1e-9), matrix_rate(args.device)
        print(f"{rate / 1e9:.1f} G multiply-adds a second, {100 * rate / most:.0f} % of what matrix products alone have here "
              f"({most / 1e9:.0f} G)", flush=True)
        return True

    def score(self, held, log):
        scores = evaluate(self.model, held, self.args)
        line = "\t".join([f"{self.step}", f"{self.spent:.0f}", f"{self.seen}", f"{self.running:.4f}"] +
                         [f"{n}={v:.4f}" for n, v in scores.items()])
        log.write(line + "\n")
        print(line, flush=True)
        return scores


def draw(folder, title):
    """curve.svg: what log.tsv says of the held-out parts."""
    with open(os.path.join(folder, "log.tsv")) as f:
        lines = [line.rstrip("\n").split("\t") for line in f]
    series = {}
    for _, _, seen, _, *parts in lines:
        for name, bits in (part.split("=") for part in parts):
            series.setdefault(name, []).append((int(seen), float(bits)))
    svg.chart(os.path.join(folder, "curve.svg"), title, "symbols seen", "bits per symbol, held out",
              [(name, points, False) for name, points in series.items()])


def main():
    args = arguments()
    torch.set_num_threads(args.threads or len(os.sched_getaffinity(0)))  # some builds begin with one
    os.makedirs(args.out, exist_ok=True)
    lock = alone_in(args.out)  # held until the end
    keep_freed_memory()
    torch.manual_seed(args.seed)
    module = importlib.import_module(args.modality + "_corpus")
    try:
        corpus = module.Corpus(args.corpus, args.plugin, args.out, args.contexts or args.size)
        held = corpus.held_out(args.length)
        if args.held:
            held = {name: thinned(arrays, max(1, args.held // args.length)) for name, arrays in held.items()}
        run = Run(args, corpus)
    except (OSError, ValueError) as e:
        raise SystemExit(f"train: {e}") from None
    print(f"{args.modality} {args.size}: {sum(p.numel() for p in run.model.parameters()) / 1e6:.2f} M parameters, "
          f"{run.model.multiply_adds() / 1e6:.2f} M multiply-adds a symbol, on {args.device}, {run.how}; "
          f"from step {run.step}", flush=True)
    with open(os.path.join(args.out, "log.tsv"), "a", buffering=1) as log:
        try:
            ended = run.train(held, log)
            if args.stop and not ended:
                return 0
        finally:
            run.feeder.close()
        run.score(held, log)
    draw(args.out, f"{args.modality} {args.size}")
    sample = corpus.sample()
    proof.settle(run.model, *sample)
    if ended:
        run.save()  # the model that ships
    gguf.write(args.model, run.model, args.modality, T.model_name(args.modality, args.size))
    print(f"{args.model}: {os.path.getsize(args.model)} bytes; {'done' if ended else 'paused'} at step {run.step}",
          flush=True)
    try:
        native.engine_bits(args.out)
    except OSError as e:
        print(f"NOT PROVEN: the engine cannot be compiled here ({e}); see export.py --proof")
        return 0
    return 0 if proof.prove(run.model, args.model, *sample, args.out) else 1


if __name__ == "__main__":
    sys.exit(main())
