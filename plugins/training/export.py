#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a checkpoint of train.py into a model file, and compares the bits of both.

  export.py run/last.pt text.gguf
  export.py run/last.pt text.gguf --proof FILE    # FILE (256 KiB of it) cut into streams
  export.py run/last.pt image.gguf --proof FILE --plugin image.so \\
      --chunks image.pixels:4000000000000000010100000000000000    # FILE in 2048-byte chunks
  export.py text.gguf text.gguf --proof FILE      # a model file and the twin read from it"""

import argparse
import sys
import tempfile

import numpy as np
import torch

import contexts as C
import gguf
import proof
import twin as T


def text_streams(contexts, path, build_dir):
    """Symbols and rows of a file of up to 256 KiB, cut into streams in lock step as the codec cuts it, but
    shorter ones: the twin looks at all pairs of positions."""
    data = np.fromfile(path, np.uint8)[:1 << 18]
    streams = min(128, max(1, -(-len(data) // 2048)))
    length = len(data) // streams
    data = data[:streams * length].reshape(streams, length)
    return data, C.ContextRows(contexts, build_dir)(data)


def chunk_streams(plugin, spec, path, build_dir):
    """The same of 2048-byte chunks that are coded alone; spec: TOKENIZER:PARAMETERS in hexadecimal."""
    tokenizer, params = spec.split(":")
    data = np.fromfile(path, np.uint8)
    data = data[:len(data) // 2048 * 2048].reshape(-1, 1, 2048)[:512]
    rows = C.PluginContexts(plugin, tokenizer, build_dir)
    parts = [rows(bytes.fromhex(params), chunk) for chunk in data]
    return tuple(np.concatenate(a) for a in zip(*parts))


def load(path):
    """The twin of a checkpoint or of a model file, its modality, and its name where that is not the modality."""
    if path.endswith(".gguf"):
        pairs = gguf.read(path)[0]
        return gguf.twin(path), pairs.get("vlmc.modality", "text"), pairs["general.name"]
    state = torch.load(path, map_location="cpu")
    model = T.Twin(state["cfg"], [tuple(c) for c in state["contexts"]])
    model.load_state_dict(state["model"])
    return model, state.get("modality", "text"), None


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint")
    ap.add_argument("model")
    ap.add_argument("--name", help="general.name; that of a model file, else the modality, unless given")
    ap.add_argument("--proof", metavar="FILE")
    ap.add_argument("--plugin", help="with --proof for image and audio: the built plugin")
    ap.add_argument("--chunks", metavar="SPEC", help="and how its chunks are seen: image.pixels:HEX")
    args = ap.parse_args()
    model, modality, name = load(args.checkpoint)
    name = args.name or name
    if not args.proof:
        gguf.write(args.model, model, modality, name)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        streams = (chunk_streams(args.plugin, args.chunks, args.proof, folder) if args.plugin
                   else text_streams(model.contexts, args.proof, folder))
        proof.settle(model, *streams)
        gguf.write(args.model, model, modality, name)
        return 0 if proof.prove(model, args.model, *streams, folder) else 1


if __name__ == "__main__":
    sys.exit(main())
