# SPDX-License-Identifier: Apache-2.0
"""C code for the trainer, compiled for the machine at hand and called through ctypes. A folder that was
carried to a machine without a compiler brings its objects along."""

import ctypes
import os
import platform
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
CARRIED = os.path.join(HERE, "carried")  # objects built elsewhere


def library(name, build_dir, sources, flags=(), libraries=()):
    """Sources: relative to the root of the tree, or (path, flags). An OSError where it cannot be had."""
    if not shutil.which("cc"):
        return ctypes.CDLL(os.path.join(CARRIED, name + ".so"))
    os.makedirs(build_dir, exist_ok=True)
    stem = os.path.abspath(os.path.join(build_dir, name))
    objects = []
    try:
        for i, source in enumerate(sources):
            path, own = source if isinstance(source, tuple) else (source, ())
            objects.append(f"{stem}-{i}.o")
            subprocess.run(["cc", "-std=gnu17", "-O2", "-fPIC", *flags, *own,
                            "-I", os.path.join(ROOT, "host", "include"), "-I", os.path.join(ROOT, "host"),
                            "-c", "-o", objects[-1], os.path.join(ROOT, path)], check=True)
        # Linked without the flags: with -Ofast the linker adds code that changes how the process rounds.
        subprocess.run(["cc", "-shared", "-o", stem + ".so", *objects, *libraries], check=True)
    except subprocess.CalledProcessError as e:
        raise OSError(f"{name} cannot be compiled: {e}") from e
    finally:
        for path in objects:
            if os.path.exists(path):
                os.remove(path)
    return ctypes.CDLL(stem + ".so")


def context_rows(build_dir):
    return library("context_rows", build_dir, ["plugins/training/context_rows.c", "host/model/context.c"])


def plugin_rows(build_dir):
    return library("plugin_rows", build_dir, ["plugins/training/plugin_rows.c"], libraries=["-ldl"])


def fused(build_dir):
    return library("fused", build_dir, ["plugins/training/fused.c"],
                   ["-Ofast", "-march=native", "-fopenmp"], ["-fopenmp", "-lm"])


def engine_bits(build_dir):
    x86 = platform.machine() in ("x86_64", "AMD64")
    wide = {"_avx2.c": ["-mavx2", "-mbmi", "-mbmi2", "-mlzcnt", "-mpopcnt"],
            "_avx512.c": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni"]}
    sources = ["plugins/training/engine_bits.c", "host/util/status.c", "host/util/thread_pool.c"]
    for folder in ("host/cpu", "host/model"):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            own = [flags for end, flags in wide.items() if name.endswith(end)]
            other = own and not x86 or name.endswith("_neon.c") and platform.machine() not in ("aarch64", "arm64")
            if name.endswith(".c") and not other and name != "search.c":
                sources.append((f"{folder}/{name}", own[0] if own else []))
    made = library("engine_bits", build_dir, sources, ["-D_GNU_SOURCE"], ["-lsodium", "-lpthread", "-lm"])
    made.vlmc_training_engine_bits.restype = ctypes.c_double
    return made
