# SPDX-License-Identifier: Apache-2.0
"""Photographs: grey pieces as small as the chunks of the chunk protocol, and colour rows.

The corpus is a folder of photographs (JPEG; djpeg of libjpeg-turbo reads them). Those in its folder
`clean`, and all others at half size, stand for pictures that never were JPEG files."""

import glob
import lzma
import os
import shutil
import struct
import subprocess

import numpy as np

from contexts import PluginContexts, shuffled, windows

NO_BLOCKS = 255
CHUNK = (32, 64)  # rows and columns of a grey piece


def read_photo(path):
    """(height, width, 3) uint8, or None."""
    run = subprocess.run(["djpeg", "-rgb", "-pnm", path], capture_output=True)
    if run.returncode:
        return None
    magic, size, _, data = run.stdout.split(b"\n", 3)
    width, height = map(int, size.split())
    pixels = np.frombuffer(data, np.uint8)
    if magic == b"P5":
        return np.repeat(pixels[:height * width].reshape(height, width, 1), 3, 2)
    return pixels[:height * width * 3].reshape(height, width, 3)


def shrunk(photo, k):
    h, w = photo.shape[0] // k, photo.shape[1] // k
    sums = photo[:h * k, :w * k].astype(np.uint32).reshape(h, k, w, k, 3).sum((1, 3))
    return ((sums + k * k // 2) // (k * k)).astype(np.uint8)


def grey(photo):
    return (photo.astype(np.uint16).sum(2) // 3).astype(np.uint8)


def layout(width, channels, phase=None):
    """The parameters of image.pixels (plugins/image/layout.h)."""
    x, y = (NO_BLOCKS, NO_BLOCKS) if phase is None else phase
    return struct.pack("<IIBBBBBBBB", width, 0, channels, 1, 0, 0, x, y, 0, 0)


def read(folder, build_dir):
    """Photographs and clean pictures, from the folder's photos.npz, or from what was kept of it, or from its files."""
    carried, cache = os.path.join(folder, "photos.npz"), os.path.join(build_dir, "photos.npz")
    for path in (carried, cache):
        if os.path.exists(path):
            with np.load(path) as store:
                return tuple([store[k] for k in store.files if k.startswith(p)] for p in ("photo", "clean"))
    names = sorted(glob.glob(os.path.join(folder, "*.*")))
    photos = [p for p in map(read_photo, names) if p is not None]
    clean = [shrunk(p, 2) for p in photos]
    for name in sorted(glob.glob(os.path.join(folder, "clean", "*.*"))):
        p = read_photo(name)
        clean += [shrunk(p, 2), shrunk(p, 3)] if p is not None else []
    np.savez(cache, **{f"photo{i}": p for i, p in enumerate(photos)}, **{f"clean{i}": p for i, p in enumerate(clean)})
    return photos, clean


def pack(folder, out):
    """The pictures' pixels, for a machine without djpeg."""
    read(folder, out)
    path = os.path.join(out, "photos.npz")
    with open(path, "rb") as f, lzma.open(path + ".xz", "wb", preset=3) as packed:
        shutil.copyfileobj(f, packed)
    os.remove(path)


class Corpus:
    def __init__(self, folder, plugin, build_dir, size=None):
        self.rows = PluginContexts(plugin, "image.pixels", build_dir)
        self.contexts = self.rows.contexts
        photos, clean = read(folder, build_dir)
        enough = lambda a: [p for p in a if p.shape[0] >= 64 and p.shape[1] >= 128]
        photos, clean = enough(photos), enough(clean)
        split = lambda a: ([p for i, p in enumerate(a) if i % 12], a[::12])
        (self.photos, self.held_photos), (self.clean, self.held_clean) = split(photos), split(clean)

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def crop(self, photos, rng, height, width, on_grid):
        # A large photograph is seen more often, within limits.
        sizes = np.minimum([p.size for p in photos], 600_000).astype(float)
        while True:
            p = photos[rng.choice(len(photos), p=sizes / sizes.sum())]
            if p.shape[0] >= height and p.shape[1] >= width:
                y = int(rng.integers(0, p.shape[0] - height + 1))
                x = int(rng.integers(0, p.shape[1] - width + 1))
                if on_grid:
                    y, x = y // 8 * 8, x // 8 * 8
                return p[y:y + height, x:x + width], (x & 7, y & 7)

    def chunk(self, photos, rng, blocks):
        """One grey piece, coded alone."""
        piece, phase = self.crop(photos, rng, *CHUNK, on_grid=blocks)
        return self.rows(layout(CHUNK[1], 1, phase if blocks else None), grey(piece).reshape(1, -1))

    def colour(self, photos, rng, blocks):
        """Streams of rows of one photograph in lock step."""
        streams, height = 4, 16
        width = int(rng.choice([64, 96, 128]))
        if blocks:
            piece, phase = self.crop(photos, rng, streams * height, width, on_grid=False)
        else:
            piece, phase = self.crop(photos, rng, streams * height, width, False)[0], None
        stride = width * 3
        first = np.arange(streams) * height * stride
        return self.rows(layout(width, 3, phase), piece.reshape(streams, -1), first)

    def pool(self, t, n_groups=120):
        parts = []
        for _ in range(n_groups):
            kind = self.rng.random()
            if kind < 0.68:
                group = self.chunk(self.photos, self.rng, True)
            elif kind < 0.76:
                group = self.chunk(self.clean, self.rng, False)
            elif kind < 0.86:
                group = self.colour(self.photos, self.rng, self.rng.random() < 0.7)
            else:
                group = self.colour(self.clean, self.rng, False)
            cut = windows(*group, t)
            keep = self.rng.permutation(len(cut[0]))[:24]  # colour groups are larger
            parts.append([a[keep] for a in cut])
        return shuffled(parts, self.rng)

    def sample(self):
        """Held-out chunks for the proof: symbols (chunks, length) and rows."""
        rng = np.random.default_rng(7)
        return [np.concatenate(a) for a in zip(*[self.chunk(self.held_photos, rng, True) for _ in range(12)])]

    def held_out(self, t):
        rng = np.random.default_rng(7)
        many = lambda make, photos, blocks, n: [np.concatenate(a) for a in zip(
            *[windows(*make(photos, rng, blocks), t) for _ in range(n)])]
        return {"grey": many(self.chunk, self.held_photos, True, 60),
                "colour": many(self.colour, self.held_photos, True, 24),
                "clean": many(self.colour, self.held_clean, False, 24)}
