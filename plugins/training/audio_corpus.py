# SPDX-License-Identifier: Apache-2.0
"""Sound: 8-bit pieces as small as the chunks of the chunk protocol, and longer 16-bit streams.

The corpus is a folder of FLAC files with 16-bit samples (`flac` reads them)."""

import glob
import lzma
import os
import struct
import subprocess

import numpy as np

from contexts import PluginContexts, shuffled, windows

CHUNK = 2048  # samples


def layout(sample_bytes, channels, rate):
    """The parameters of audio.pcm (plugins/audio/layout.h); tokens are made here."""
    return struct.pack("<BBBBI", sample_bytes, channels, 0, 0, rate)


def read(folder):
    """The samples of each sound, from sounds.npz or from FLAC files."""
    carried = os.path.join(folder, "sounds.npz")
    if os.path.exists(carried):
        with np.load(carried) as store:
            return [store[f"sound{i}"] for i in range(len(store.files))]
    names = sorted(glob.glob(os.path.join(folder, "**", "*.flac"), recursive=True))
    raw = ["flac", "-dcs", "--force-raw-format", "--endian=little", "--sign=signed"]
    return [np.frombuffer(subprocess.run(raw + [n], capture_output=True, check=True).stdout, "<i2") for n in names]


def pack(folder, out):
    """The samples, for a machine without flac."""
    with lzma.open(os.path.join(out, "sounds.npz.xz"), "wb", preset=3) as packed:
        np.savez(packed, **{f"sound{i}": s for i, s in enumerate(read(folder))})


class Corpus:
    def __init__(self, folder, plugin, build_dir, size=None):
        self.rows = PluginContexts(plugin, "audio.pcm", build_dir)
        self.contexts = self.rows.contexts
        sounds = read(folder)
        self.sounds = [s for i, s in enumerate(sounds) if i % 12]
        self.held = sounds[::12]

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def piece(self, sounds, rng, samples):
        lengths = np.array([len(s) for s in sounds], float)
        while True:
            s = sounds[rng.choice(len(sounds), p=lengths / lengths.sum())]
            if len(s) >= samples:
                start = int(rng.integers(0, len(s) - samples + 1))
                return s[start:start + samples].astype(np.int32)

    def chunk(self, sounds, rng):
        """The high bytes of 16-bit samples, coded alone."""
        bytes8 = ((self.piece(sounds, rng, CHUNK) >> 8) + 128).astype(np.uint8)
        return self.rows(layout(1, 1, 16000), bytes8[None])

    def streams(self, sounds, rng):
        """16-bit samples of one sound in two lock-step streams."""
        offset = (self.piece(sounds, rng, 8192) + 32768).reshape(2, -1)
        return self.rows(layout(2, 1, 16000), np.stack([offset >> 8, offset & 255], 2).astype(np.uint8)
                         .reshape(2, -1))

    def pool(self, t, n_groups=120):
        parts = []
        for _ in range(n_groups):
            group = self.chunk if self.rng.random() < 0.85 else self.streams
            cut = windows(*group(self.sounds, self.rng), t)
            keep = self.rng.permutation(len(cut[0]))[:32]  # long groups are larger
            parts.append([a[keep] for a in cut])
        return shuffled(parts, self.rng)

    def sample(self):
        """Held-out chunks for the proof: symbols (chunks, length) and rows."""
        rng = np.random.default_rng(7)
        return [np.concatenate(a) for a in zip(*[self.chunk(self.held, rng) for _ in range(12)])]

    def held_out(self, t):
        rng = np.random.default_rng(7)
        many = lambda make, n: [np.concatenate(a) for a in zip(
            *[windows(*make(self.held, rng), t) for _ in range(n)])]
        return {"bytes": many(self.chunk, 60), "samples": many(self.streams, 4)}
