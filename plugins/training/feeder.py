# SPDX-License-Identifier: Apache-2.0
"""Batches of windows. Pool number i is made of the seed and i alone, so that a resumed training goes on
with the very windows that an uninterrupted one would see, and any number of workers makes the same."""

import multiprocessing
import os

import numpy as np
import torch


def make_pool(corpus, seed, length, i):
    corpus.seed((seed, i))
    before, rows, after = corpus.pool(length)
    return before.astype(np.int16), rows.astype(np.int32), after.astype(np.uint8)


def work(corpus, seed, length, folder, first, every, room):
    """A worker: pools first, first + every, … as files, at most `room` ahead."""
    i = first
    while True:
        room.acquire()
        path = os.path.join(folder, f"pool-{i}.npz")
        with open(path + ".tmp", "wb") as f:
            np.savez(f, *make_pool(corpus, seed, length, i))
        os.replace(path + ".tmp", path)
        i += every


class Feeder:
    """position: (pool, window) of the next batch; batches of torch tensors."""

    def __init__(self, corpus, seed, length, batch, workers, folder, position=(0, 0)):
        self.corpus, self.seed, self.length, self.batch = corpus, seed, length, batch
        self.pool, self.at = position
        self.arrays, self.folder, self.workers = None, os.path.join(folder, "pools"), []
        if workers:
            os.makedirs(self.folder, exist_ok=True)
            for name in os.listdir(self.folder):
                os.remove(os.path.join(self.folder, name))
            context = multiprocessing.get_context("fork")
            self.room = [context.Semaphore(2) for _ in range(workers)]
            self.first = self.pool
            self.workers = [context.Process(target=work, daemon=True, args=(
                corpus, seed, length, self.folder, self.pool + w, workers, self.room[w])) for w in range(workers)]
            for w in self.workers:
                w.start()

    def load(self, i):
        if not self.workers:
            return make_pool(self.corpus, self.seed, self.length, i)
        worker = (i - self.first) % len(self.workers)
        path = os.path.join(self.folder, f"pool-{i}.npz")
        while not os.path.exists(path):
            self.workers[worker].join(0.02)
            if self.workers[worker].exitcode is not None:
                raise RuntimeError("a worker that makes batches has ended")
        with np.load(path) as f:
            arrays = [f[k] for k in f.files]
        os.remove(path)
        self.room[worker].release()
        return arrays

    def next(self):
        """before, rows, after // (batch, length[, contexts])"""
        if self.arrays is None:
            self.arrays = self.load(self.pool)
        while self.at + self.batch > len(self.arrays[0]):
            if self.at == 0:
                raise ValueError(f"a batch of {self.batch} windows is more than a pool of {len(self.arrays[0])}")
            self.pool, self.at = self.pool + 1, 0
            self.arrays = self.load(self.pool)
        part = slice(self.at, self.at + self.batch)
        self.at += self.batch
        return [torch.from_numpy(a[part]) for a in self.arrays]

    def position(self):
        return self.pool, self.at

    def close(self):
        for w in self.workers:
            w.terminate()
