# SPDX-License-Identifier: Apache-2.0
"""Side contexts as the codec computes them: its own (text) and a plugin's (image, audio)."""

import ctypes
import os

import numpy as np

import native

NGRAM, WORD, LINE, RECALL, PLUGIN = 1, 2, 3, 4, 5  # enum vlmc_context_kind
EMBED = 1  # enum vlmc_context_flags
BOS = 256


class Spec(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint32) for n in ("kind", "order", "rows", "slots_log2")]


class ContextRows:
    """The codec's side contexts through ctypes."""

    def __init__(self, contexts, build_dir):
        self.lib = native.context_rows(build_dir)
        self.n = len(contexts)
        self.specs = (Spec * self.n)(*[Spec(*c) for c in contexts])

    def __call__(self, data):
        """data: (streams, length) uint8 -> rows (streams, length, contexts) int32."""
        streams, length = data.shape
        data = np.ascontiguousarray(data)
        rows = np.empty((streams, length, self.n), np.int32)
        status = self.lib.vlmc_training_rows(
            self.specs, self.n, data.ctypes.data_as(ctypes.c_void_p), streams, length,
            rows.ctypes.data_as(ctypes.c_void_p))
        if status:
            raise MemoryError("side contexts")
        return rows


class PluginContexts:
    """The symbols and side contexts of a plugin's tokenizer."""

    def __init__(self, plugin, tokenizer, build_dir):
        self.lib = native.plugin_rows(build_dir)
        self.lib.vlmc_training_open.restype = ctypes.c_void_p
        self.tokenizer = self.lib.vlmc_training_open(os.path.abspath(plugin).encode(), tokenizer.encode())
        if not self.tokenizer:
            raise OSError(f"{plugin} has no tokenizer {tokenizer}")
        rows, flags = (ctypes.c_uint32 * 64)(), (ctypes.c_uint32 * 64)()
        self.n = self.lib.vlmc_training_declared(ctypes.c_void_p(self.tokenizer), rows, flags)
        self.embedded = [i for i in range(self.n) if flags[i] & EMBED]
        self.contexts = [(PLUGIN, i, rows[i], 0) for i in self.embedded]

    def __call__(self, params, tokens, first=None):
        """tokens: (streams, length) uint8 -> symbols (streams, length) uint8 and the embedded rows
        (streams, length, contexts) int32, of one group of streams in lock step."""
        streams, length = tokens.shape
        tokens = np.ascontiguousarray(tokens)
        first = np.zeros(streams, np.uint64) if first is None else np.asarray(first, np.uint64)
        symbols = np.empty((streams, length), np.uint8)
        rows = np.empty((streams, length, self.n), np.int32)
        at = lambda a: a.ctypes.data_as(ctypes.c_void_p)
        status = self.lib.vlmc_training_plugin_rows(
            ctypes.c_void_p(self.tokenizer), params, len(params), streams, at(first), at(tokens),
            length, at(symbols), at(rows))
        if status:
            raise ValueError(f"the tokenizer refused with {status}")
        return symbols, rows[:, :, self.embedded]


def windows(symbols, rows, t):
    """All windows of t positions of a group: symbols before, rows, symbols."""
    before = np.concatenate([np.full((len(symbols), 1), BOS, np.int16),
                             symbols[:, :-1].astype(np.int16)], 1)
    n = symbols.shape[1] // t
    cut = lambda a: a[:, :n * t].reshape((len(symbols) * n, t) + a.shape[2:])
    return cut(before), cut(rows), cut(symbols)


def shuffled(parts, rng):
    order = rng.permutation(sum(len(p[0]) for p in parts))
    return [np.concatenate(a)[order] for a in zip(*parts)]
