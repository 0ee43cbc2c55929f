# SPDX-License-Identifier: Apache-2.0
"""The float twin of the integer transformer of docs/numerics.md: weights and activations are rounded
in the forward pass as the engine rounds them, and the gradient goes straight through."""

import math

import torch
import torch.nn.functional as F

HEAD_DIM, VOCAB, BOS = 64, 256, 256
SPARSE_ROWS = 4096  # larger context tables have sparse gradients

SIZES = {
    "text": {
        "nano": dict(width=128, layers=1, heads=2, kv_heads=1, hidden=512, window=64, context_dim=32),
        "small": dict(width=192, layers=2, heads=3, kv_heads=1, hidden=1024, window=64, context_dim=32),
        "base": dict(width=384, layers=6, heads=6, kv_heads=2, hidden=1536, window=512, context_dim=32),
    },
    "image": {
        "nano": dict(width=96, layers=2, heads=2, kv_heads=1, hidden=640, window=64, context_dim=16),
        "small": dict(width=192, layers=2, heads=3, kv_heads=1, hidden=768, window=128, context_dim=16),
        "base": dict(width=256, layers=4, heads=4, kv_heads=2, hidden=1024, window=256, context_dim=32),
    },
}
SIZES["audio"] = SIZES["image"]
DEFAULT_SIZE = {"text": "small", "image": "nano", "audio": "nano"}  # of the model that is named after its modality


def model_name(modality, size):
    """general.name, by which vlmc finds a model."""
    return modality if size == DEFAULT_SIZE[modality] else f"{modality}-{size}"

# Fixed-point formats (docs/numerics.md): value = integer / scale.
NORM_SCALE = 32.0      # normalised activations, int8
ROW_SCALE = 64.0       # context table rows, int8
QK_SCALE = 32.0        # queries and keys, int8
SCORE_SCALE = 4096.0   # attention scores in log2 units
V_SCALE = 32.0         # values, int8
MIX_SCALE = 64.0       # attention output, int8
UP_SCALE = 64.0        # feed-forward before squaring, 0..180
RESIDUAL_SCALE = 64.0     # int16 reaches ±512
RESIDUAL_MOST, RESIDUAL_WANTED = 480.0, 350.0  # in a model file: what held-out symbols may reach, and what they are brought back to
LOGIT_SCALE = 1024.0   # log2 units
HEAD_MOST = 127 * NORM_SCALE / LOGIT_SCALE * 65535 / 65536  # a multiplier is less than 1


def exact_dtype():
    """What matrices are multiplied in. Both carry int8 values exactly; bfloat16 is the faster one
    only where a GPU or the processor has instructions for it."""
    if torch.cuda.is_available():
        return torch.bfloat16
    try:
        with open("/proc/cpuinfo") as f:
            flags = next((line for line in f if line.startswith("flags")), "").split()
    except OSError:
        flags = []
    return torch.bfloat16 if {"avx512_bf16", "amx_bf16"} & set(flags) else torch.float32


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
    fused = None  # the module fused, where its kernels are open

    def __init__(self, cfg, contexts):
        super().__init__()
        self.cfg, self.contexts = cfg, contexts
        self.context_dim = cfg.get("context_dim", 32)
        self.gated = bool(cfg.get("gated", 0))  # the feed-forward kind
        self.down_scale = UP_SCALE * UP_SCALE / (128 if self.gated else 256)
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
        self.up = torch.nn.ParameterList([matrix(2 * ff if self.gated else ff, d, 0.8) for _ in range(cfg["layers"])])
        self.down = torch.nn.ParameterList([matrix(d, ff, 0.3) for _ in range(cfg["layers"])])
        self.head = torch.nn.Parameter(torch.zeros(VOCAB, d))
        # Additive position: one learned score per head and distance, log2 units.
        slope = torch.tensor([2.0 ** -(2 + 3 * i) for i in range(h)])
        bias = -slope[:, None] * torch.arange(cfg["window"]).float()
        self.bias = torch.nn.ParameterList([bias.clone() for _ in range(cfg["layers"])])

    @torch.no_grad()
    def grown(self, changes, contexts):
        """This model with a shorter window; with a wider feed-forward and further side contexts that change nothing
        until they are trained."""
        cfg = {**self.cfg, **changes}
        fixed = lambda c: {k: v for k, v in c.items() if k not in ("window", "hidden")}
        if fixed(cfg) != fixed(self.cfg) or self.gated or cfg["window"] > self.cfg["window"] or cfg["hidden"] < self.cfg["hidden"]:
            raise ValueError("of a model to start from, only the window can become shorter and the feed-forward wider")
        if not set(self.contexts) <= set(contexts):
            raise ValueError("the model to start from has side contexts that this corpus and size have not")
        model, old = Twin(cfg, contexts), self.state_dict()
        e, places = self.context_dim, {c: i for i, c in enumerate(self.contexts)}
        model.context.zero_()
        for i, c in enumerate(contexts):
            if c in places:
                model.tables[i].weight.copy_(self.tables[places[c]].weight)
                model.context[:, i * e:(i + 1) * e] = self.context[:, places[c] * e:(places[c] + 1) * e]
        for name, p in model.named_parameters():
            if name == "context" or name.startswith("tables."):
                continue
            if name.startswith("down."):
                p.zero_()
            shared = tuple(slice(0, min(n, m)) for n, m in zip(p.shape, old[name].shape))
            p[shared] = old[name][shared]
        return model

    @torch.no_grad()
    def bound(self):
        """Keeps weights within what a model file can say: those of bytes that never come would grow for ever."""
        self.head.clamp_(-HEAD_MOST, HEAD_MOST)

    @torch.no_grad()
    def settle(self, tokens, rows):
        """Scales all that is added to the residual stream where it leaves RESIDUAL_MOST on these symbols. That changes
        nothing but where int16 ends, which training knows nothing of: every reader of the stream normalises it first."""
        b, t = tokens.shape
        x = self.embed(tokens, rows.reshape(b * t, -1))
        most = x.abs().max()
        for i in range(self.cfg["layers"]):
            for part in (self.attend, lambda x, i, b, t: self.feed(x, i)):
                added = part(x, i, b, t)
                x = x + added
                most = torch.stack([most, added.abs().max(), x.abs().max()]).max()
        if most > RESIDUAL_MOST:
            for p in (self.token, self.context, *self.o, *self.down):
                p.mul_(RESIDUAL_WANTED / most)

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
        place = torch.arange(t, device=x.device)
        distance = place[:, None] - place[None, :]
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
        up = IntegerLinear.apply(self.norm(x), self.up[i], NORM_SCALE)
        if self.gated:
            gate, u = int8(up, UP_SCALE).chunk(2, 1)
            h = int8(torch.relu(gate) * u, 1.0 / 128)
        else:
            u = Round.apply(up, UP_SCALE, 0.0, 180.0)
            h = Round.apply(u * u, 1.0 / 256, 0.0, 127.0)
        return IntegerLinear.apply(h, self.down[i], self.down_scale)

    def multiply_adds(self):
        """For one symbol, with half a window of attention."""
        dense = sum(p.numel() for p in self.matrices()) + self.head.numel()
        return dense + self.cfg["layers"] * self.cfg["heads"] * HEAD_DIM * self.cfg["window"]

    def layer(self, x, i, b, t):
        x = x + self.attend(x, i, b, t)
        return x + self.feed(x, i)

    def embed(self, tokens, rows):
        """tokens: (b, t); rows: (b*t, contexts) -> the residual stream (b*t, width)."""
        wide = torch.cat([int8(table(rows[:, i]), ROW_SCALE)
                          for i, table in enumerate(self.tables)], 1)
        return self.token[tokens.reshape(-1)] + IntegerLinear.apply(wide, self.context, ROW_SCALE)

    def forward(self, tokens, rows):
        """tokens: (b, t) previous tokens; rows: (b, t, contexts) -> logits (b*t, 256), log2."""
        b, t = tokens.shape
        x = self.embed(tokens, rows.reshape(b * t, -1))
        for i in range(self.cfg["layers"]):
            x = self.layer(x, i, b, t)
        return IntegerLinear.apply(self.norm(x), self.head, NORM_SCALE)

    def loss(self, tokens, rows, targets):
        """Mean nats of the targets // (b, t)."""
        if self.fused:
            return self.fused.loss(self, tokens, rows, targets)
        return F.cross_entropy(self(tokens, rows) * math.log(2), targets.reshape(-1))
