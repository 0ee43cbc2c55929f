# SPDX-License-Identifier: Apache-2.0
"""Text: regions of the corpora, cut into lock-step groups as the codec cuts files."""

import lzma
import os
import shutil

import numpy as np

from contexts import LINE, NGRAM, RECALL, WORD, ContextRows, shuffled, windows

PLACES, PLACE = 24, 8192  # held out of each part, and the bytes of each
RECALLS = [(RECALL, n, 4097, 20) for n in (4, 6, 9, 14)]


def tables(*log2_rows):
    """kind, order, rows, slots_log2; rows for n-grams of 2, 3, 4, 6 bytes and for word pairs."""
    kinds = [(NGRAM, 2), (NGRAM, 3), (NGRAM, 4), (NGRAM, 6), (WORD, 2)]
    return [(*k, 1 << n, 0) for k, n in zip(kinds, log2_rows)] + [(LINE, 0, 2048, 0)] + RECALLS


def orders(five, eight, word):
    """kind, order, rows, slots_log2; rows for n-grams of 5 and 8 bytes and for the word so far."""
    kinds = [(NGRAM, 5), (NGRAM, 8), (WORD, 1)]
    return [(*k, 1 << n, 0) for k, n in zip(kinds, (five, eight, word))]


# Model files of the sizes small and base are to stay below 12 and 40 MB.
CONTEXTS = {"nano": tables(13, 14, 14, 14, 14), "small": tables(15, 16, 16, 16, 16) + orders(13, 12, 13),
            "base": tables(16, 17, 17, 18, 18) + orders(14, 14, 14)}
# What studies compare with those of nano.
_NANO = CONTEXTS["nano"]
CONTEXTS.update({"nano-line": _NANO[5:6], "nano-tables": _NANO[:6], "nano-recall": _NANO[5:],
                 "nano-orders": orders(14, 14, 14) + _NANO, "nano-large": tables(15, 16, 16, 16, 16)})


def rewrap(raw, rng):
    """Prose as people keep it: paragraphs wrapped at some width, plain quotes, sometimes CRLF."""
    text = raw.decode("utf-8", "ignore")
    if rng.random() < 0.5:
        for a, b in (("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"), ("—", "--"), ("…", "...")):
            text = text.replace(a, b)
    style = rng.random()
    if style > 0.3:
        width = int(rng.integers(58, 81))
        blank = "\n\n" if style < 0.8 else "\n" + " " * int(rng.integers(1, 6))
        out = []
        for para in text.split("\n"):
            line, lines = "", []
            for word in para.split():
                if line and len(line) + 1 + len(word) > width:
                    lines.append(line)
                    line = word
                else:
                    line = line + " " + word if line else word
            out.append("\n".join(lines + [line]))
        text = blank.join(out)
        if rng.random() < 0.1:
            text = text.replace("\n", "\r\n")
    return text.encode("utf-8")


def read(path):
    """The file, or path.xz, or None."""
    if os.path.exists(path):
        return np.fromfile(path, np.uint8)
    if os.path.exists(path + ".xz"):
        with lzma.open(path + ".xz") as f:
            return np.frombuffer(f.read(), np.uint8)
    return None


def pack(folder, out):
    """The corpus as files that a machine without this project's tools can read, below out."""
    for name in Corpus.MIX:
        path = os.path.join(folder, name + ".txt")
        if os.path.exists(path + ".xz"):
            shutil.copy(path + ".xz", out)
        elif os.path.exists(path):
            with open(path, "rb") as f, lzma.open(os.path.join(out, name + ".txt.xz"), "wb") as packed:
                shutil.copyfileobj(f, packed)


def split(data):
    """What is trained on, and places all over it that are held out: the end of a corpus may be one long table."""
    n = max(1, min(PLACES, len(data) // 10 // PLACE))
    starts = [len(data) * (2 * i + 1) // (2 * n) for i in range(n)]
    held = [data[start:start + PLACE] for start in starts]
    ends = [0] + [start + PLACE for start in starts]
    return np.concatenate([data[a:b] for a, b in zip(ends, starts + [len(data)])]), held


class Corpus:
    """Regions of the corpora, cut into lock-step groups as the codec cuts files."""

    # share of the training bytes, is prose
    MIX = {"prose_en": (0.42, True), "prose_fr": (0.05, True), "reference_en": (0.12, False),
           "source_code": (0.11, False), "technical_en": (0.20, False), "technical_multi": (0.10, False)}

    def __init__(self, folder, plugin, build_dir, size="small"):
        self.contexts, self.rows = CONTEXTS[size], ContextRows(CONTEXTS[size], build_dir)
        self.parts = []
        for name, (share, prose) in self.MIX.items():
            data = read(os.path.join(folder, name + ".txt"))
            if data is not None:
                self.parts.append((name, share, prose, *split(data)))
        if not self.parts:
            raise FileNotFoundError(f"{folder} has none of {', '.join(n + '.txt' for n in self.MIX)}")

    def group(self, data, prose, streams, length, start, rng):
        want = streams * length
        raw = data[start:start + want + want // 16].tobytes()
        if prose:
            raw = rewrap(raw, rng)
        raw = np.frombuffer(raw, np.uint8)
        streams = min(streams, len(raw) // length)
        return raw[:streams * length].reshape(streams, length)

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def windows(self, data, t):
        return windows(data, self.rows(data), t)

    def pool(self, t, n_groups=256, keep=1 / 4):
        """A shuffled pool of windows from n_groups random places, a quarter of each: with few places the
        last batches of a training would be of few documents."""
        parts = []
        shares = np.array([p[1] for p in self.parts])
        for i in self.rng.choice(len(self.parts), n_groups, p=shares / shares.sum()):
            _, _, prose, data, _ = self.parts[i]
            streams = int(self.rng.choice([8, 16, 32, 64, 128], p=[.15, .2, .25, .25, .15]))
            length = int(self.rng.choice([2048, 4096]))
            start = int(self.rng.integers(0, max(1, len(data) - streams * length * 17 // 16)))
            cut = self.windows(self.group(data, prose, streams, length, start, self.rng), t)
            kept = self.rng.permutation(len(cut[0]))[:max(1, int(len(cut[0]) * keep))]
            parts.append([a[kept] for a in cut])
        return shuffled(parts, self.rng)

    def sample(self):
        """Held-out streams for the proof: symbols (streams, length) and rows."""
        parts = [self.group(held[0], prose, 4, 1024, 0, np.random.default_rng(7))
                 for _, _, prose, _, held in self.parts]
        symbols = np.concatenate(parts)
        return symbols, self.rows(symbols)

    def held_out(self, t, length=4096):
        """A stream from each place."""
        rng, result = np.random.default_rng(7), {}
        for name, _, prose, _, held in self.parts:
            raw = [rewrap(place.tobytes(), rng) if prose else place.tobytes() for place in held]
            streams = np.stack([np.frombuffer(r[:length], np.uint8) for r in raw])
            result[name] = self.windows(streams, t)
        return result
