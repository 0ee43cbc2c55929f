#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a checkpoint of train.py into integers: a GGUF file as docs/models.md describes it.

  export.py run/last.pt text.gguf
  export.py run/last.pt text.gguf --twin-bits FILE    # also: bits of the float twin on FILE,
                                                      # cut into streams as the codec cuts it
  export.py run/last.pt image.gguf --twin-bits FILE --plugin image.so \\
      --chunks image.pixels:4000000000000000010100000000000000    # FILE in 2048-byte chunks"""

import argparse
import math
import struct
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

import contexts as C
import train as T

ALIGNMENT = 32
TYPES = {np.dtype(np.int8): 24, np.dtype(np.int16): 25, np.dtype(np.int32): 26}


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
        out += linear(b + "ffn_down", model.down[i], T.UP_SCALE ** 2 / 256, T.RESIDUAL_SCALE)
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
           ("vlmc.feed_forward_length", cfg["hidden"]), ("vlmc.feed_forward_kind", 0),
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
        head += struct.pack("<IQ", TYPES[array.dtype], offset)
        blob = array.astype(array.dtype.newbyteorder("<")).tobytes()
        blobs.append(blob + b"\0" * (-len(blob) % ALIGNMENT))
        offset += len(blobs[-1])
    head += b"\0" * (-len(head) % ALIGNMENT)
    with open(path, "wb") as f:
        f.write(head + b"".join(blobs))


def text_streams(contexts, path):
    """Symbols and rows of a file of up to 1 MiB, cut as the codec cuts it."""
    data = np.fromfile(path, np.uint8)[:1 << 20]
    streams = min(128, max(1, -(-len(data) // 6144)))
    length = len(data) // streams
    data = data[:streams * length].reshape(streams, length)
    with tempfile.TemporaryDirectory() as folder:
        rows = C.ContextRows(contexts, folder)(data)
    return data, rows


def chunk_streams(plugin, spec, path):
    """The same of 2048-byte chunks that are coded alone; spec: TOKENIZER:PARAMETERS in hexadecimal."""
    tokenizer, params = spec.split(":")
    data = np.fromfile(path, np.uint8)
    data = data[:len(data) // 2048 * 2048].reshape(-1, 1, 2048)[:512]
    with tempfile.TemporaryDirectory() as folder:
        rows = C.PluginContexts(plugin, tokenizer, folder)
        parts = [rows(bytes.fromhex(params), chunk) for chunk in data]
    return tuple(np.concatenate(a) for a in zip(*parts))


@torch.no_grad()
def twin_bits(model, symbols, rows):
    """Bits that the float twin spends on streams: symbols (streams, length)."""
    before = np.concatenate([np.full((len(symbols), 1), T.BOS), symbols[:, :-1]], 1).astype(np.int64)
    bits = 0.0
    for s in range(len(symbols)):
        logits = model(torch.from_numpy(before[s:s + 1]), torch.from_numpy(rows[s:s + 1].astype(np.int64)))
        target = torch.from_numpy(symbols[s].astype(np.int64))
        bits += F.cross_entropy(logits * math.log(2), target, reduction="sum").item() / math.log(2)
    return bits, symbols.size


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint")
    ap.add_argument("model")
    ap.add_argument("--name", help="general.name; the modality's unless given")
    ap.add_argument("--twin-bits", metavar="FILE")
    ap.add_argument("--plugin", help="with --twin-bits for image and audio: the built plugin")
    ap.add_argument("--chunks", metavar="SPEC", help="and how its chunks are seen: image.pixels:HEX")
    args = ap.parse_args()
    state = torch.load(args.checkpoint, map_location="cpu")
    model = T.Twin(state["cfg"], state["contexts"])
    model.load_state_dict(state["model"])
    model.eval()
    modality = state.get("modality", "text")
    with torch.no_grad():
        write_gguf(args.model, pairs(model, args.name or modality, modality), tensors(model))
    if args.twin_bits:
        streams = (chunk_streams(args.plugin, args.chunks, args.twin_bits) if args.plugin
                   else text_streams(state["contexts"], args.twin_bits))
        bits, size = twin_bits(model, *streams)
        print(f"float twin: {bits / 8:.0f} bytes for {size} symbols, {bits / size:.4f} bits each")


if __name__ == "__main__":
    main()
