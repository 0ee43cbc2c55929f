# SPDX-License-Identifier: Apache-2.0
"""Model files (docs/models.md): the float twin as integers, and back, to train on from a shipped model."""

import math
import struct

import numpy as np
import torch

import twin as T

ALIGNMENT = 32
TYPES = {24: np.dtype("<i1"), 25: np.dtype("<i2"), 26: np.dtype("<i4")}
CODES = {dtype: code for code, dtype in TYPES.items()}


def fixed_point(factor):
    """factor > 0 as multiplier (16 bits) and shift (16..46)."""
    multiplier, shift = np.zeros(len(factor), np.int32), np.full(len(factor), 46, np.int32)
    for i, f in enumerate(factor):
        exponent = 16 - math.frexp(f)[1]  # f * 2^exponent in [2^15, 2^16)
        s = min(46, max(16, exponent))
        m = round(math.ldexp(f, s))
        if m > 65535 and s > 16:
            m, s = round(math.ldexp(f, s - 1)), s - 1
        if m > 65535:
            raise ValueError(f"scale {f} is too large")
        multiplier[i], shift[i] = m, s
    return multiplier, shift


def linear(name, weight, in_scale, out_scale):
    step = T.weight_step(weight)
    wi = (weight / step).round().clamp(-127, 127).to(torch.int8).numpy()
    multiplier, shift = fixed_point((step[:, 0].double() * out_scale / in_scale).tolist())
    return [(name + ".weight", wi), (name + ".multiplier", multiplier), (name + ".shift", shift)]


def rounded(x, scale, limit, dtype):
    return (x.double() * scale).round().clamp(-limit, limit).numpy().astype(dtype)


def tensors(model):
    """Every tensor in the canonical order of host/model/layout.c."""
    out = [("token_embd.weight", rounded(model.token, T.RESIDUAL_SCALE, 32767, np.int16))]
    for i, table in enumerate(model.tables):
        out.append((f"context_embd.{i}.weight", rounded(table.weight, T.ROW_SCALE, 127, np.int8)))
    out += linear("context_proj", model.context, T.ROW_SCALE, T.RESIDUAL_SCALE)
    for i in range(model.cfg["layers"]):
        b = f"blk.{i}."
        out += linear(b + "attn_q", model.q[i], T.NORM_SCALE, T.QK_SCALE)
        out += linear(b + "attn_k", model.k[i], T.NORM_SCALE, T.QK_SCALE)
        out += linear(b + "attn_v", model.v[i], T.NORM_SCALE, T.V_SCALE)
        out += linear(b + "attn_output", model.o[i], T.MIX_SCALE, T.RESIDUAL_SCALE)
        out += linear(b + "ffn_up", model.up[i], T.NORM_SCALE, T.UP_SCALE)
        out += linear(b + "ffn_down", model.down[i], model.down_scale, T.RESIDUAL_SCALE)
        out.append((b + "attn_bias", rounded(model.bias[i], T.SCORE_SCALE, 1 << 24, np.int32)))
    return out + linear("output", model.head, T.NORM_SCALE, T.LOGIT_SCALE)


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def pairs(model, name, modality):
    cfg = model.cfg
    out = [("general.architecture", "vlmc"), ("general.name", name), ("general.alignment", ALIGNMENT),
           ("vlmc.numerics", 0), ("vlmc.vocab_size", T.VOCAB), ("vlmc.embedding_length", cfg["width"]),
           ("vlmc.block_count", cfg["layers"]), ("vlmc.attention.head_count", cfg["heads"]),
           ("vlmc.attention.head_count_kv", cfg["kv_heads"]),
           ("vlmc.attention.key_length", T.HEAD_DIM),
           ("vlmc.attention.sliding_window", cfg["window"]),
           ("vlmc.feed_forward_length", cfg["hidden"]), ("vlmc.feed_forward_kind", int(model.gated)),
           ("vlmc.context.embedding_length", model.context_dim)]
    if modality != "text":
        out.append(("vlmc.modality", modality))
    for field, key in enumerate(("kinds", "orders", "rows", "slots_log2")):
        out.append(("vlmc.context." + key, [c[field] for c in model.contexts]))
    return out


def write_gguf(path, meta, data):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(data), len(meta))
    for key, value in meta:
        head += text(key)
        if isinstance(value, str):
            head += struct.pack("<I", 8) + text(value)
        elif isinstance(value, int):
            head += struct.pack("<II", 4, value)
        else:
            head += struct.pack("<IIQ", 9, 4, len(value)) + struct.pack(f"<{len(value)}I", *value)
    offset, blobs = 0, []
    for name, array in data:
        dims = array.shape[::-1]
        head += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        head += struct.pack("<IQ", CODES[array.dtype.newbyteorder("<")], offset)
        blob = array.astype(array.dtype.newbyteorder("<")).tobytes()
        blobs.append(blob + b"\0" * (-len(blob) % ALIGNMENT))
        offset += len(blobs[-1])
    head += b"\0" * (-len(head) % ALIGNMENT)
    with open(path, "wb") as f:
        f.write(head + b"".join(blobs))


@torch.no_grad()
def write(path, model, modality, name=None):
    write_gguf(path, pairs(model, name or modality, modality), tensors(model))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values[0] if len(values) == 1 else values

    def text(self):
        size = self.take("Q")
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def value(self):
        kind = self.take("I")
        if kind == 4:
            return self.take("I")
        if kind == 8:
            return self.text()
        if kind == 9:
            element, count = self.take("IQ")
            if element == 4:
                self.at += 4 * count
                return list(struct.unpack_from(f"<{count}I", self.data, self.at - 4 * count))
        raise ValueError(f"a value of type {kind} is not what export.py writes")


def read(path):
    """The pairs and the tensors of a file, both by name."""
    with open(path, "rb") as f:
        r = Reader(f.read())
    magic, version, n_tensors, n_pairs = r.take("4sIQQ")
    if magic != b"GGUF" or version != 3:
        raise ValueError(f"{path} is not a GGUF file of version 3")
    pairs = {r.text(): r.value() for _ in range(n_pairs)}
    infos = []
    for _ in range(n_tensors):
        name, rank = r.text(), r.take("I")
        dims = struct.unpack_from(f"<{rank}Q", r.data, r.at)
        r.at += 8 * rank
        infos.append((name, dims[::-1], *r.take("IQ")))
    alignment = pairs["general.alignment"]
    start = -(-r.at // alignment) * alignment
    tensors = {name: np.frombuffer(r.data, TYPES[kind], int(np.prod(dims)), start + offset).reshape(dims)
               for name, dims, kind, offset in infos}
    return pairs, tensors


def shape(pairs):
    """What train.SIZES holds, and the contexts, from the pairs of a file."""
    cfg = dict(width=pairs["vlmc.embedding_length"], layers=pairs["vlmc.block_count"],
               heads=pairs["vlmc.attention.head_count"], kv_heads=pairs["vlmc.attention.head_count_kv"],
               hidden=pairs["vlmc.feed_forward_length"], window=pairs["vlmc.attention.sliding_window"],
               context_dim=pairs["vlmc.context.embedding_length"], gated=pairs["vlmc.feed_forward_kind"])
    fields = [pairs["vlmc.context." + k] for k in ("kinds", "orders", "rows", "slots_log2")]
    return cfg, list(zip(*fields))


@torch.no_grad()
def twin(path):
    """The float twin whose export is the file again, but for the last bit of a multiplier."""
    pairs, tensors = read(path)
    cfg, contexts = shape(pairs)
    model = T.Twin(cfg, contexts)

    def put(parameter, values):
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values, np.float32)))

    def linear(parameter, name, in_scale, out_scale):
        factor = tensors[name + ".multiplier"] * np.exp2(-tensors[name + ".shift"].astype(np.float64))
        put(parameter, tensors[name + ".weight"] * (factor * in_scale / out_scale)[:, None])

    put(model.token, tensors["token_embd.weight"] / T.RESIDUAL_SCALE)
    for i, table in enumerate(model.tables):
        put(table.weight, tensors[f"context_embd.{i}.weight"] / T.ROW_SCALE)
    linear(model.context, "context_proj", T.ROW_SCALE, T.RESIDUAL_SCALE)
    for i in range(cfg["layers"]):
        b = f"blk.{i}."
        linear(model.q[i], b + "attn_q", T.NORM_SCALE, T.QK_SCALE)
        linear(model.k[i], b + "attn_k", T.NORM_SCALE, T.QK_SCALE)
        linear(model.v[i], b + "attn_v", T.NORM_SCALE, T.V_SCALE)
        linear(model.o[i], b + "attn_output", T.MIX_SCALE, T.RESIDUAL_SCALE)
        linear(model.up[i], b + "ffn_up", T.NORM_SCALE, T.UP_SCALE)
        linear(model.down[i], b + "ffn_down", model.down_scale, T.RESIDUAL_SCALE)
        put(model.bias[i], tensors[b + "attn_bias"] / T.SCORE_SCALE)
    linear(model.head, "output", T.NORM_SCALE, T.LOGIT_SCALE)
    return model
