# SPDX-License-Identifier: Apache-2.0
"""The twin on a processor: the same loss and gradients as twin.Twin, whose operations between two
matrix products are one pass over memory each (fused.c). Twice as fast and more where memory is slow."""

import ctypes
import math

import torch

import native
import twin as T

BF16 = torch.bfloat16


class Kernels:
    def __init__(self, build_dir):
        self.library = native.fused(build_dir)

    def __call__(self, name, *args):
        convert = lambda a: (ctypes.c_void_p(a.data_ptr()) if torch.is_tensor(a) else
                             ctypes.c_float(a) if isinstance(a, float) else
                             ctypes.c_void_p(None) if a is None else ctypes.c_int64(a))
        assert all(a.is_contiguous() for a in args if torch.is_tensor(a)), name
        getattr(self.library, "fused_" + name)(*map(convert, args))


RUN = None


def open_kernels(build_dir):
    """False where they cannot be had: no compiler, or no fast bf16."""
    global RUN
    if T.EXACT != BF16:
        return False
    try:
        RUN = Kernels(build_dir)
    except OSError:
        return False
    return True


class Weights:
    """A matrix of trained weights as int8 in bf16, remembered until it changes."""
    known = {}

    def __init__(self, *parts):
        self.parts = parts
        weight = torch.cat([p.detach() for p in parts]) if len(parts) > 1 else parts[0].detach()
        self.step = T.weight_step(weight)
        self.integers = (weight / self.step).round_().clamp_(-127, 127).to(BF16)
        self.versions = [p._version for p in parts]

    @classmethod
    def of(cls, *parts):
        key = tuple(id(p) for p in parts)
        held = cls.known.get(key)
        if held is None or held.versions != [p._version for p in parts] or held.parts != parts:
            held = cls.known[key] = cls(*parts)
        return held

    def factor(self, *scales):
        """For each row: what its sums are multiplied by; a scale for each part."""
        sizes = [len(p) for p in self.parts]
        return torch.cat([s * scale for s, scale in zip(self.step[:, 0].split(sizes), scales)])

    def gradient(self, gz, x):
        """Of the weights, from that of the sums (in bf16) and what they multiplied."""
        g = torch.mm(gz.T, x).float().div_(self.step)
        return g.split([len(p) for p in self.parts])


class Begin(torch.autograd.Function):
    @staticmethod
    def forward(ctx, before, rows, token, context, *tables):
        n, k = rows.shape
        d = tables[0].shape[1]
        w = Weights.of(context)
        f = w.factor(1 / T.ROW_SCALE)
        wide = torch.empty(n, k * d, dtype=BF16)
        for i, table in enumerate(tables):
            RUN("gather", table, rows[:, i].contiguous(), n, d, T.ROW_SCALE,
                k * d, wide.view(-1)[i * d:])
        z = torch.mm(wide, w.integers.T)
        x = torch.empty(n, token.shape[1])
        RUN("begin", token, before, z, f, n, token.shape[1], x)
        ctx.save_for_backward(before, rows, wide, f, *tables)
        ctx.w, ctx.shape = w, token.shape
        return x

    @staticmethod
    def backward(ctx, g):
        before, rows, wide, f, *tables = ctx.saved_tensors
        n, m = g.shape
        d = tables[0].shape[1]
        g = g.contiguous()
        g_token = torch.zeros(ctx.shape).index_add_(0, before, g)
        gz = torch.empty(n, m, dtype=BF16)
        RUN("scale", g, f, n, m, gz)
        g_wide = torch.mm(gz, ctx.w.integers)
        g_tables = []
        for i, table in enumerate(tables):
            at = rows[:, i].contiguous()
            out = torch.empty(n, d)
            RUN("gather_back", table, at, g_wide.view(-1)[i * d:], n, d, T.ROW_SCALE, g_wide.shape[1], out)
            if len(table) > T.SPARSE_ROWS:
                g_tables.append(torch.sparse_coo_tensor(at[None], out, table.shape))
            else:
                g_tables.append(torch.zeros_like(table).index_add_(0, at, out))
        return (None, None, g_token, *ctx.w.gradient(gz, wide), *g_tables)


def normal(x):
    n, d = x.shape
    out, inverse = torch.empty(n, d, dtype=BF16), torch.empty(n)
    RUN("norm", x, n, d, T.NORM_SCALE, out, inverse)
    return out, inverse


def normal_back(x, inverse, g, residual):
    out = torch.empty_like(x)
    RUN("norm_back", x, inverse, g, residual, *x.shape, T.NORM_SCALE, out)
    return out


def scaled(g, f):
    out = torch.empty(g.shape, dtype=BF16)
    RUN("scale", g.contiguous(), f, *g.shape, out)
    return out


def added(x, z, f):
    out = torch.empty_like(x)
    RUN("residual", x, z, f, *x.shape, out)
    return out


class Feed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, up, down, down_scale):
        wu, wd = Weights.of(up), Weights.of(down)
        fu = wu.factor(T.UP_SCALE / T.NORM_SCALE)
        fd = wd.factor(1 / down_scale)
        n8, inverse = normal(x)
        z = torch.mm(n8, wu.integers.T)
        h = torch.empty(len(x), down.shape[1], dtype=BF16)
        RUN("square" if len(up) == down.shape[1] else "gate", z, fu, *h.shape, h)
        ctx.save_for_backward(x, inverse, n8, z, h, fu, fd)
        ctx.wu, ctx.wd = wu, wd
        return added(x, torch.mm(h, wd.integers.T), fd)

    @staticmethod
    def backward(ctx, g):
        x, inverse, n8, z, h, fu, fd = ctx.saved_tensors
        g = g.contiguous()
        gd = scaled(g, fd)
        gz = gh = torch.mm(gd, ctx.wd.integers)
        if z.shape == h.shape:
            RUN("square_back", z, fu, *h.shape, gz)
        else:
            gz = torch.empty_like(z)
            RUN("gate_back", z, fu, gh, *h.shape, gz)
        gx = normal_back(x, inverse, torch.mm(gz, ctx.wu.integers), g)
        return (gx, *ctx.wu.gradient(gz, n8), *ctx.wd.gradient(gd, h), None)


def overlapping(x, block):
    """x // (m, t, d) -> (m * t / block, 2 * block, d): each block of positions behind the one before it."""
    m, t, d = x.shape
    if block == t:
        return x
    padded = torch.cat([torch.zeros(m, block, d, dtype=x.dtype), x], 1)
    return padded.as_strided((m, t // block, 2 * block, d), ((t + block) * d, block * d, d, 1)).reshape(-1, 2 * block, d)


def overlapping_back(g, m, block):
    """The gradient of that."""
    if len(g) == m:
        return g
    before, own = g.view(m, -1, 2, block, g.shape[2]).unbind(2)
    x = own.contiguous()
    x[:, :-1] += before[:, 1:]
    return x.view(m, -1, g.shape[2])


class Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, b, t, q, k, v, o, bias):
        n, size = b * t, T.HEAD_DIM
        heads, kv = len(q) // size, len(k) // size
        g, window = heads // kv, bias.shape[1]
        wi, wo = Weights.of(q, k, v), Weights.of(o)
        fi = wi.factor(T.QK_SCALE / T.NORM_SCALE, T.QK_SCALE / T.NORM_SCALE, T.V_SCALE / T.NORM_SCALE)
        fo = wo.factor(1 / T.MIX_SCALE)
        n8, inverse = normal(x)
        z = torch.mm(n8, wi.integers.T)
        columns = z.shape[1]
        q8 = torch.empty(b * kv, t * g, size, dtype=BF16)
        k8, v8 = torch.empty(b * kv, t, size, dtype=BF16), torch.empty(b * kv, t, size, dtype=BF16)
        parts = ((q8, 0, g), (k8, heads * size, 1), (v8, (heads + kv) * size, 1))
        for out, first, inner in parts:
            RUN("split", z, fi, b, t, columns, first, kv, inner, out)
        # Positions in blocks attend to two blocks of keys, where that is less than all.
        block = window if 2 * window < t and t % window == 0 else t
        q8 = q8.view(b * kv * (t // block), block * g, size)
        k8, v8 = overlapping(k8, block), overlapping(v8, block)
        p = torch.bmm(q8, k8.transpose(1, 2))
        RUN("softmax", p, bias.flip(1), b, kv, t, g, block, window)
        y = torch.bmm(p, v8)
        y8 = torch.empty(n, heads * size, dtype=BF16)
        RUN("join", y, T.MIX_SCALE / T.V_SCALE, b, t, kv, g, y8)
        ctx.save_for_backward(x, inverse, n8, z, q8, k8, v8, p, y, y8, fi, fo)
        ctx.wi, ctx.wo, ctx.dims = wi, wo, (b, t, kv, g, block, window)
        return added(x, torch.mm(y8, wo.integers.T), fo)

    @staticmethod
    def backward(ctx, grad):
        x, inverse, n8, z, q8, k8, v8, p, y, y8, fi, fo = ctx.saved_tensors
        b, t, kv, g, block, window = ctx.dims
        size, heads, columns = T.HEAD_DIM, kv * g, z.shape[1]
        grad = grad.contiguous()
        gd = scaled(grad, fo)
        gy = torch.empty_like(y)
        RUN("join_back", y, T.MIX_SCALE / T.V_SCALE, torch.mm(gd, ctx.wo.integers), b, t, kv, g, gy)
        gs = torch.bmm(gy, v8.transpose(1, 2))
        gv = overlapping_back(torch.bmm(p.transpose(1, 2), gy), b * kv, block)
        by = torch.zeros(torch.get_num_threads(), heads, window)
        RUN("softmax_back", p, gs, by, b, kv, t, g, block, window)
        gq = torch.bmm(gs, k8)
        gk = overlapping_back(torch.bmm(gs.transpose(1, 2), q8), b * kv, block)
        gz = torch.empty_like(z)
        for part, first, inner in ((gq, 0, g), (gk, heads * size, 1), (gv, (heads + kv) * size, 1)):
            RUN("split_back", z, fi, part, b, t, columns, first, kv, inner, gz)
        gx = normal_back(x, inverse, torch.mm(gz, ctx.wi.integers), grad)
        return (gx, None, None, *ctx.wi.gradient(gz, n8), *ctx.wo.gradient(gd, y8), by.sum(0).flip(1))


class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, target, head):
        w = Weights.of(head)
        f = w.factor(1 / T.NORM_SCALE)
        n8, inverse = normal(x)
        z = torch.mm(n8, w.integers.T)
        losses = torch.empty(len(x))
        RUN("loss", z, f, target, len(x), 1.0 / len(x) if ctx.needs_input_grad[0] else 0.0, losses)
        ctx.save_for_backward(x, inverse, n8, z)
        ctx.w = w
        return losses.double().mean()

    @staticmethod
    def backward(ctx, g):
        x, inverse, n8, gz = ctx.saved_tensors
        gx = normal_back(x, inverse, torch.mm(gz, ctx.w.integers), None)
        return gx.mul_(g), None, ctx.w.gradient(gz, n8)[0].mul_(g)


def loss(model, before, rows, target):
    """Mean nats of the targets // (b, t), as model.loss."""
    b, t = before.shape
    x = Begin.apply(before.reshape(-1), rows.reshape(b * t, -1), model.token, model.context,
                    *[table.weight for table in model.tables])
    for i in range(model.cfg["layers"]):
        x = Attend.apply(x, b, t, model.q[i], model.k[i], model.v[i], model.o[i], model.bias[i])
        x = Feed.apply(x, model.up[i], model.down[i], model.down_scale)
    return Loss.apply(x, target.reshape(-1), model.head)


class AdamRows(torch.optim.SparseAdam):
    """SparseAdam in one pass over the rows that have gradients."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.sums = {}  # of the gradients of each row, zero between steps

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), rate = group["betas"], group["lr"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
                state["step"] += 1
                first, second = 1 - beta1 ** state["step"], math.sqrt(1 - beta2 ** state["step"])
                if p not in self.sums:
                    self.sums[p] = torch.zeros_like(p)
                rows, values = p.grad._indices()[0].contiguous(), p.grad._values().contiguous()
                RUN("adam_rows", p, state["exp_avg"], state["exp_avg_sq"], self.sums[p], rows, values, len(rows), p.shape[1],
                    beta1, beta2, rate * second / first, group["eps"])
