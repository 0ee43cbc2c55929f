# SPDX-License-Identifier: Apache-2.0
"""Text: regions of the corpora, cut into lock-step groups as the codec cuts files."""

import os

import numpy as np

from contexts import LINE, NGRAM, RECALL, WORD, ContextRows, shuffled, windows

CONTEXTS = [  # kind, order, rows, slots_log2
    (NGRAM, 2, 1 << 15, 0), (NGRAM, 3, 1 << 16, 0), (NGRAM, 4, 1 << 16, 0),
    (NGRAM, 6, 1 << 16, 0), (WORD, 2, 1 << 16, 0), (LINE, 0, 2048, 0),
    (RECALL, 4, 4097, 20), (RECALL, 6, 4097, 20), (RECALL, 9, 4097, 20), (RECALL, 14, 4097, 20),
]


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


class Corpus:
    """Regions of the corpora, cut into lock-step groups as the codec cuts files."""

    # share of the training bytes, is prose
    MIX = {"prose_en": (0.42, True), "prose_fr": (0.05, True), "reference_en": (0.12, False),
           "source_code": (0.11, False), "technical_en": (0.20, False), "technical_multi": (0.10, False)}

    def __init__(self, folder, plugin, build_dir):
        self.contexts, self.rows = CONTEXTS, ContextRows(CONTEXTS, build_dir)
        self.parts = []
        for name, (share, prose) in self.MIX.items():
            data = np.fromfile(os.path.join(folder, name + ".txt"), np.uint8)
            held = len(data) - len(data) // 100
            self.parts.append((name, share, prose, data[:held], data[held:]))

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

    def pool(self, t, n_groups=16):
        """A shuffled pool of windows from n_groups random places."""
        parts = []
        shares = np.array([p[1] for p in self.parts])
        for i in self.rng.choice(len(self.parts), n_groups, p=shares / shares.sum()):
            _, _, prose, data, _ = self.parts[i]
            streams = int(self.rng.choice([8, 16, 32, 64, 128], p=[.15, .2, .25, .25, .15]))
            length = int(self.rng.choice([2048, 4096]))
            start = int(self.rng.integers(0, max(1, len(data) - streams * length * 17 // 16)))
            parts.append(self.windows(self.group(data, prose, streams, length, start, self.rng), t))
        return shuffled(parts, self.rng)

    def held_out(self, t, streams=24, length=4096):
        rng = np.random.default_rng(7)
        return {name: self.windows(self.group(held, prose, streams, length, 0, rng), t)
                for name, _, prose, _, held in self.parts}
