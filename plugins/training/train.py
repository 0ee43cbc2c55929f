#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a vlmc model: the float twin of the integer transformer of
docs/numerics.md, with weights and activations rounded as the engine rounds them.

  train.py --modality text --corpus DIR --hours 2 --out run/       # trains, checkpoints, resumes
  export.py run/last.pt text.gguf                                  # integers only

Needs Python 3, PyTorch >= 1.13, numpy and a C compiler; no network. The side contexts
come from the codec's own code (host/model/context.c) and from the plugins."""

import argparse
import importlib
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

SIZES = {  # context_dim is 32 where nothing is said
    "pico": dict(width=96, layers=2, heads=2, kv_heads=1, hidden=384, window=128, context_dim=16),
    "nano": dict(width=128, layers=2, heads=2, kv_heads=1, hidden=512, window=256),
    "small": dict(width=192, layers=2, heads=3, kv_heads=1, hidden=768, window=256),
    "base": dict(width=384, layers=6, heads=6, kv_heads=2, hidden=1536, window=512),
}
HEAD_DIM, VOCAB, BOS = 64, 256, 256
SPARSE_ROWS = 4096  # larger context tables have sparse gradients

# Fixed-point formats (docs/numerics.md): value = integer / scale.
NORM_SCALE = 32.0      # normalised activations, int8
ROW_SCALE = 64.0       # context table rows, int8
QK_SCALE = 32.0        # queries and keys, int8
SCORE_SCALE = 4096.0   # attention scores in log2 units
V_SCALE = 32.0         # values, int8
MIX_SCALE = 64.0       # attention output, int8
UP_SCALE = 64.0        # feed-forward before squaring, 0..180
RESIDUAL_SCALE = 64.0     # trained residuals stay within ±350; int16 reaches ±512
LOGIT_SCALE = 1024.0   # log2 units



def exact_dtype():
    """What matrices are multiplied in. Both carry int8 values exactly; bfloat16 is the faster one
    only where the processor has instructions for it."""
    def seconds(dtype):
        a, b = torch.ones(1024, 256, dtype=dtype), torch.ones(256, 256, dtype=dtype)
        torch.mm(a, b)
        start = time.monotonic()
        torch.mm(a, b)
        return time.monotonic() - start
    return torch.bfloat16 if seconds(torch.bfloat16) < seconds(torch.float32) else torch.float32


EXACT = exact_dtype()


class Round(torch.autograd.Function):
    """clamp(round(x * scale), lo, hi), in integer units; straight-through gradient."""

    @staticmethod
    def forward(ctx, x, scale, lo, hi):
        y = x.float() * scale
        ctx.save_for_backward(y)
        ctx.scale, ctx.lo, ctx.hi = scale, lo, hi
        return y.round().clamp_(lo, hi)

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(g, y, ctx.lo, ctx.hi).mul_(ctx.scale), None, None, None


class IntegerLinear(torch.autograd.Function):
    """x @ W.T / in_scale with int8 weights per output channel. x holds int8 values,
    which EXACT carries exactly. x: (n, k), weight: (m, k) -> (n, m) float32."""

    @staticmethod
    def forward(ctx, x, weight, in_scale):
        step = weight_step(weight)
        wi = (weight / step).round_().clamp_(-127, 127).to(EXACT)
        xb = x.to(EXACT)
        gain = (step / in_scale).T  # (1, m)
        ctx.save_for_backward(xb, wi, step)
        ctx.in_scale = in_scale
        return torch.mm(xb, wi.T).float().mul_(gain)

    @staticmethod
    def backward(ctx, g):
        xb, wi, step = ctx.saved_tensors
        gs = (g * (step / ctx.in_scale).T).to(EXACT)
        gx = torch.mm(gs, wi).float()
        gw = torch.mm(gs.T, xb).float() / step
        return gx, gw, None


def weight_step(weight):
    """Quantisation step per output channel, (m, 1)."""
    return weight.detach().abs().amax(1, keepdim=True).clamp_(min=1e-6) / 127


def int8(x, scale):
    return Round.apply(x, scale, -127.0, 127.0)


class Twin(torch.nn.Module):
    def __init__(self, cfg, contexts):
        super().__init__()
        self.cfg, self.contexts = cfg, contexts
        self.context_dim = cfg.get("context_dim", 32)
        d, h, kv, ff = cfg["width"], cfg["heads"], cfg["kv_heads"], cfg["hidden"]

        def matrix(m, k, gain=1.0):
            return torch.nn.Parameter(torch.randn(m, k) * gain / math.sqrt(k))

        self.token = torch.nn.Parameter(torch.randn(VOCAB + 1, d) * 0.5)
        self.tables = torch.nn.ModuleList()
        for _, _, rows, _ in contexts:
            table = torch.nn.Embedding(rows, self.context_dim, sparse=rows > SPARSE_ROWS)
            torch.nn.init.normal_(table.weight, std=0.1)
            self.tables.append(table)
        self.context = matrix(d, self.context_dim * len(contexts), 4.0)
        self.q = torch.nn.ParameterList([matrix(h * HEAD_DIM, d, 0.5) for _ in range(cfg["layers"])])
        self.k = torch.nn.ParameterList([matrix(kv * HEAD_DIM, d, 0.5) for _ in range(cfg["layers"])])
        self.v = torch.nn.ParameterList([matrix(kv * HEAD_DIM, d) for _ in range(cfg["layers"])])
        self.o = torch.nn.ParameterList([matrix(d, h * HEAD_DIM, 0.5) for _ in range(cfg["layers"])])
        self.up = torch.nn.ParameterList([matrix(ff, d, 0.8) for _ in range(cfg["layers"])])
        self.down = torch.nn.ParameterList([matrix(d, ff, 0.3) for _ in range(cfg["layers"])])
        self.head = torch.nn.Parameter(torch.zeros(VOCAB, d))
        # Additive position: one learned score per head and distance, log2 units.
        slope = torch.tensor([2.0 ** -(2 + 3 * i) for i in range(h)])
        bias = -slope[:, None] * torch.arange(cfg["window"]).float()
        self.bias = torch.nn.ParameterList([bias.clone() for _ in range(cfg["layers"])])

    def matrices(self):
        groups = [self.q, self.k, self.v, self.o, self.up, self.down]
        return [self.context] + [p for g in groups for p in g]

    def norm(self, x):
        rms = torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6)
        return int8(x * rms, NORM_SCALE)

    def attend(self, x, i, b, t):
        h, kv, w = self.cfg["heads"], self.cfg["kv_heads"], self.cfg["window"]
        n = self.norm(x)
        q = int8(IntegerLinear.apply(n, self.q[i], NORM_SCALE), QK_SCALE)
        k = int8(IntegerLinear.apply(n, self.k[i], NORM_SCALE), QK_SCALE)
        v = int8(IntegerLinear.apply(n, self.v[i], NORM_SCALE), V_SCALE)
        g = h // kv
        q = q.view(b, t, kv, g, HEAD_DIM).permute(0, 2, 3, 1, 4).reshape(b * kv, g * t, HEAD_DIM)
        k = k.view(b, t, kv, HEAD_DIM).transpose(1, 2).reshape(b * kv, t, HEAD_DIM)
        v = v.view(b, t, kv, HEAD_DIM).transpose(1, 2).reshape(b * kv, t, HEAD_DIM)
        scores = torch.bmm(q.to(EXACT), k.to(EXACT).transpose(1, 2)).float()
        distance = torch.arange(t)[:, None] - torch.arange(t)[None, :]
        hidden = (distance < 0) | (distance >= w)
        bias = self.bias[i][:, distance.clamp(0, w - 1)].masked_fill(hidden, -1e9)  # (h, t, t)
        scores = scores.view(b, kv, g, t, t).mul(math.log(2) / SCORE_SCALE)
        scores = scores + bias.view(1, kv, g, t, t) * math.log(2)
        p = torch.softmax(scores, -1).view(b * kv, g * t, t)
        y = torch.bmm(p.to(EXACT), v.to(EXACT)).float()
        y = y.view(b, kv, g, t, HEAD_DIM).permute(0, 3, 1, 2, 4).reshape(b * t, h * HEAD_DIM)
        y = int8(y, MIX_SCALE / V_SCALE)
        return IntegerLinear.apply(y, self.o[i], MIX_SCALE)

    def feed(self, x, i):
        n = self.norm(x)
        u = Round.apply(IntegerLinear.apply(n, self.up[i], NORM_SCALE), UP_SCALE, 0.0, 180.0)
        h = Round.apply(u * u, 1.0 / 256, 0.0, 127.0)
        return IntegerLinear.apply(h, self.down[i], UP_SCALE * UP_SCALE / 256)

    def forward(self, tokens, rows):
        """tokens: (b, t) previous tokens; rows: (b, t, contexts) -> logits (b*t, 256), log2."""
        b, t = tokens.shape
        rows = rows.reshape(b * t, -1)
        wide = torch.cat([int8(table(rows[:, i]), ROW_SCALE)
                          for i, table in enumerate(self.tables)], 1)
        x = self.token[tokens.reshape(-1)] + IntegerLinear.apply(wide, self.context, ROW_SCALE)
        for i in range(self.cfg["layers"]):
            x = x + self.attend(x, i, b, t)
            x = x + self.feed(x, i)
        return IntegerLinear.apply(self.norm(x), self.head, NORM_SCALE)


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised by Newton-Schulz iterations (Jordan et al., 2024)."""

    def __init__(self, params, lr, momentum=0.95):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                buf = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buf.lerp_(p.grad, 1 - group["momentum"])
                u = p.grad.lerp(buf, group["momentum"])
                tall = u.shape[0] > u.shape[1]
                u = u.T if tall else u
                u = (u / (u.norm() + 1e-7)).to(EXACT)
                for _ in range(5):
                    a = u @ u.T
                    u = 3.4445 * u + (-4.7750 * a + 2.0315 * a @ a) @ u
                u = u.T if tall else u
                p.add_(u.float(), alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


@torch.no_grad()
def evaluate(model, held):
    model.eval()
    result = {}
    for name, (before, rows, after) in held.items():
        bits, count = 0.0, 0
        for i in range(0, len(before), 32):
            tok = torch.from_numpy(before[i:i + 32].astype(np.int64))
            row = torch.from_numpy(rows[i:i + 32].astype(np.int64))
            out = torch.from_numpy(after[i:i + 32].astype(np.int64)).reshape(-1)
            logits = model(tok, row)
            bits += F.cross_entropy(logits * math.log(2), out, reduction="sum").item() / math.log(2)
            count += len(out)
        result[name] = bits / count
    model.train()
    return result


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--modality", default="text", choices=["text", "image", "audio"])
    ap.add_argument("--corpus", required=True, help="folder with the unpacked corpora of the modality")
    ap.add_argument("--plugin", help="the built plugin (image.so, audio.so), whose contexts are used")
    ap.add_argument("--out", required=True, help="folder for checkpoints and the log")
    ap.add_argument("--size", default="small", choices=SIZES)
    ap.add_argument("--hours", type=float, default=2.0, help="wall time; the schedule follows it")
    ap.add_argument("--batch", type=int, default=32, help="windows per step")
    ap.add_argument("--length", type=int, default=256, help="positions per window")
    ap.add_argument("--lr-matrix", type=float, default=0.02)
    ap.add_argument("--lr-table", type=float, default=4e-3)
    ap.add_argument("--lr-other", type=float, default=2e-3)
    ap.add_argument("--optimizer", default="muon", choices=["muon", "adamw"])
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=0)
    args = ap.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    os.makedirs(args.out, exist_ok=True)
    torch.manual_seed(args.seed)

    cfg = SIZES[args.size]
    corpora = importlib.import_module(args.modality + "_corpus")
    corpus = corpora.Corpus(args.corpus, args.plugin, args.out)
    contexts = corpus.contexts
    model = Twin(cfg, contexts)
    matrices = model.matrices()
    tables = [t.weight for t in model.tables if t.sparse]
    special = set(map(id, matrices + tables))
    others = [p for p in model.parameters() if id(p) not in special]
    if args.optimizer == "muon":
        dense = Muon(matrices, lr=args.lr_matrix)
    else:
        dense = torch.optim.AdamW(matrices, lr=args.lr_other, betas=(0.9, 0.95), weight_decay=0.0)
    optimizers = [dense, torch.optim.AdamW(others, lr=args.lr_other, betas=(0.9, 0.95), weight_decay=0.0)]
    if tables:
        optimizers.append(torch.optim.SparseAdam(tables, lr=args.lr_table, betas=(0.9, 0.98)))
    base = [[g["lr"] for g in o.param_groups] for o in optimizers]

    path = os.path.join(args.out, "last.pt")
    step, spent, seen = 0, 0.0, 0
    if os.path.exists(path):
        state = torch.load(path)
        model.load_state_dict(state["model"])
        for o, s in zip(optimizers, state["optimizers"]):
            o.load_state_dict(s)
        step, spent, seen = state["step"], state["spent"], state["seen"]
    corpus.seed(args.seed + step)
    held = corpus.held_out(args.length)
    log = open(os.path.join(args.out, "log.tsv"), "a", buffering=1)

    def save():
        torch.save(dict(model=model.state_dict(), optimizers=[o.state_dict() for o in optimizers],
                        cfg=cfg, contexts=contexts, modality=args.modality, step=step, spent=spent, seen=seen), path + ".tmp")
        os.replace(path + ".tmp", path)

    budget = args.hours * 3600
    clock = time.monotonic()
    last_save, running, pool, at = clock, 0.0, None, 0
    while spent < budget:
        if pool is None or at + args.batch > len(pool[0]):
            pool, at = corpus.pool(args.length), 0
        part = slice(at, at + args.batch)
        at += args.batch
        tok, row, out = (torch.from_numpy(a[part].astype(np.int64)) for a in pool)
        progress = spent / budget
        scale = min(1.0, (step + 1) / 100, max(0.01, (1 - progress) / 0.6))
        for o, lrs in zip(optimizers, base):
            for g, lr in zip(o.param_groups, lrs):
                g["lr"] = lr * scale
        for o in optimizers:
            o.zero_grad(set_to_none=True)
        logits = model(tok, row)
        loss = F.cross_entropy(logits * math.log(2), out.reshape(-1))
        loss.backward()
        for o in optimizers:
            o.step()
        step += 1
        seen += out.numel()
        now = time.monotonic()
        spent += now - clock
        clock = now
        bits = loss.item() / math.log(2)
        running = bits if step == 1 else running * 0.98 + bits * 0.02
        if step % 100 == 0:
            print(f"step {step} {spent:.0f}s {seen / 1e6:.1f}MB {running:.4f} bpb", flush=True)
        if now - last_save > 240:
            save()
            scores = evaluate(model, held)
            line = "\t".join([f"{step}", f"{spent:.0f}", f"{seen}", f"{running:.4f}"] +
                             [f"{n}={v:.4f}" for n, v in scores.items()])
            log.write(line + "\n")
            print(line, flush=True)
            last_save = time.monotonic()
    save()
    scores = evaluate(model, held)
    log.write(f"{step}\t{spent:.0f}\t{seen}\t{running:.4f}\t" +
              "\t".join(f"{n}={v:.4f}" for n, v in scores.items()) + "\n")
    print(scores)


if __name__ == "__main__":
    main()
