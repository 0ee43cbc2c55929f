# SPDX-License-Identifier: Apache-2.0
"""The proof that a model file is the twin: both read the same streams, and their bits are compared."""

import ctypes
import math

import numpy as np
import torch
import torch.nn.functional as F

import native
import twin as T

LIMIT = 0.01


def inputs(symbols, rows):
    """What the twin reads for each stream: tokens before (1, length) and rows."""
    before = np.concatenate([np.full((len(symbols), 1), T.BOS), symbols[:, :-1]], 1).astype(np.int64)
    for s in range(len(symbols)):
        yield torch.from_numpy(before[s:s + 1]), torch.from_numpy(rows[s:s + 1].astype(np.int64))


def settle(model, symbols, rows):
    """Before a model file is written: see Twin.settle."""
    model.cpu().eval()
    for stream in inputs(symbols, rows):
        model.settle(*stream)


@torch.no_grad()
def twin_bits(model, symbols, rows):
    """Bits that the float twin spends on streams: symbols (streams, length)."""
    bits = 0.0
    for s, stream in enumerate(inputs(symbols, rows)):
        logits = model(*stream)
        target = torch.from_numpy(symbols[s].astype(np.int64))
        bits += F.cross_entropy(logits * math.log(2), target, reduction="sum").item() / math.log(2)
    return bits


def engine_bits(path, symbols, rows, build_dir):
    at = lambda a: a.ctypes.data_as(ctypes.c_void_p)
    symbols, rows = np.ascontiguousarray(symbols, np.uint8), np.ascontiguousarray(rows, np.uint32)
    bits = native.engine_bits(build_dir).vlmc_training_engine_bits(
        path.encode(), *symbols.shape, at(symbols), at(rows))
    if bits < 0:
        raise ValueError(f"the engine refused {path}")
    return bits


def prove(model, path, symbols, rows, build_dir):
    """Prints both; True when they are at most LIMIT apart. symbols (streams, length)."""
    model = model.cpu().eval()
    twin = twin_bits(model, symbols, rows)
    engine = engine_bits(path, symbols, rows, build_dir)
    apart = engine / twin - 1
    print(f"{symbols.size} symbols in {len(symbols)} streams: float twin {twin / symbols.size:.4f} bits each, "
          f"integer engine {engine / symbols.size:.4f} ({apart:+.2%})", flush=True)
    return abs(apart) <= LIMIT
