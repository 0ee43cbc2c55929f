# SPDX-License-Identifier: Apache-2.0
"""Sound: 8-bit pieces as small as the chunks of the chunk protocol, and longer 16-bit streams.

The corpus is a folder of FLAC files with 16-bit samples (`flac` reads them); those in its folder
`music` are music, the others speech."""

import glob
import io
import lzma
import os
import struct
import subprocess
import wave

import numpy as np

from contexts import PluginContexts, shuffled, windows

CHUNK = 2048  # samples


def layout(sample_bytes, channels, rate):
    """The parameters of audio.pcm (plugins/audio/layout.h); tokens are made here."""
    return struct.pack("<BBBBI", sample_bytes, channels, 0, 0, rate)


def decoded(path):
    """(rate, samples (n, channels) int16)"""
    run = subprocess.run(["flac", "-dcs", path], capture_output=True, check=True)
    with wave.open(io.BytesIO(run.stdout)) as w:
        if w.getsampwidth() != 2:
            raise ValueError(f"{path} has samples of {8 * w.getsampwidth()} bits; 16 are wanted")
        return w.getframerate(), np.frombuffer(w.readframes(w.getnframes()), "<i2").reshape(-1, w.getnchannels())


def read(folder):
    """Speech and music, lists of (rate, samples), from sounds.npz or from FLAC files."""
    carried = os.path.join(folder, "sounds.npz")
    if os.path.exists(carried):
        with np.load(carried) as store:
            kinds = [[k for k in store.files if k.startswith(kind)] for kind in ("speech", "music")]
            return tuple([(int(k.split("-")[2]), store[k]) for k in names] for names in kinds)
    names = sorted(glob.glob(os.path.join(folder, "**", "*.flac"), recursive=True))
    music = os.path.join(folder, "music", "")
    return tuple([decoded(n) for n in names if n.startswith(music) == wanted] for wanted in (False, True))


def pack(folder, out):
    """The samples, for a machine without flac."""
    kinds = zip(("speech", "music"), read(folder))
    sounds = {f"{kind}-{i}-{rate}": s for kind, found in kinds for i, (rate, s) in enumerate(found)}
    with lzma.open(os.path.join(out, "sounds.npz.xz"), "wb", preset=3) as packed:
        np.savez(packed, **sounds)


class Corpus:
    def __init__(self, folder, plugin, build_dir, size=None):
        self.rows = PluginContexts(plugin, "audio.pcm", build_dir)
        self.contexts = self.rows.contexts
        speech, music = read(folder)
        if not speech:
            raise FileNotFoundError(f"{folder} has no FLAC files of speech")
        split = lambda a: ([s for i, s in enumerate(a) if i % 12], a[::12])
        (self.speech, self.held_speech), (self.music, self.held_music) = split(speech), split(music)

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def piece(self, sounds, rng, samples):
        """rate, (samples, channels) from anywhere, longer sounds more often."""
        lengths = np.array([len(s) for _, s in sounds], float)
        while True:
            rate, s = sounds[rng.choice(len(sounds), p=lengths / lengths.sum())]
            if len(s) >= samples:
                start = int(rng.integers(0, len(s) - samples + 1))
                return rate, s[start:start + samples].astype(np.int32)

    def chunk(self, sounds, rng):
        """The high bytes of 16-bit samples of one channel, coded alone."""
        rate, piece = self.piece(sounds, rng, CHUNK)
        bytes8 = ((piece[:, 0] >> 8) + 128).astype(np.uint8)
        return self.rows(layout(1, 1, rate), bytes8[None])

    def streams(self, sounds, rng):
        """16-bit samples of one sound in two lock-step streams."""
        rate, piece = self.piece(sounds, rng, 8192)
        channels = piece.shape[1]
        offset = (piece + 32768).reshape(2, -1)
        return self.rows(layout(2, channels, rate),
                         np.stack([offset >> 8, offset & 255], 2).astype(np.uint8).reshape(2, -1))

    def pool(self, t, n_groups=120):
        parts = []
        for _ in range(n_groups):
            sounds = self.music if self.music and self.rng.random() < 0.15 else self.speech
            group = self.chunk if self.rng.random() < (0.2 if sounds is self.music else 0.85) else self.streams
            cut = windows(*group(sounds, self.rng), t)
            keep = self.rng.permutation(len(cut[0]))[:32]  # long groups are larger
            parts.append([a[keep] for a in cut])
        return shuffled(parts, self.rng)

    def sample(self):
        """Held-out chunks for the proof: symbols (chunks, length) and rows."""
        rng = np.random.default_rng(7)
        return [np.concatenate(a) for a in zip(*[self.chunk(self.held_speech, rng) for _ in range(12)])]

    def held_out(self, t):
        rng = np.random.default_rng(7)
        many = lambda make, sounds, n: [np.concatenate(a) for a in zip(
            *[windows(*make(sounds, rng), t) for _ in range(n)])]
        held = {"bytes": many(self.chunk, self.held_speech, 60), "samples": many(self.streams, self.held_speech, 12)}
        if self.held_music:
            held["music"] = many(self.streams, self.held_music, 12)
        return held
