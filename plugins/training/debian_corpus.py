#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds a text corpus from Debian packages: documentation, man pages, dictionaries, source code.

  debian_corpus.py corpus/text                          # some 270 MB to download
  debian_corpus.py corpus/text --benchmarks bench/*     # and without what it shares with these files
  debian_corpus.py /tmp/small --only fortunes dict-vera

Needs apt, dpkg-deb, a C compiler for --benchmarks, and a network. Writes one file for each kind of text
in debian_packages.tsv, packages.tsv (version, bytes taken, licences named by the package) and the
copyright file of each package. The packages are read, not installed. The same versions of the packages
give the same files."""

import argparse
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = re.compile(r"\.(js|css|svg|json|map|xcf|po|pot|idx|tmpl|inv|index|patch|diff|sum)$|changelog|/copyright$|searchindex|genindex",
                     re.IGNORECASE)
SOURCES = re.compile(r"\.(c|h|S|rst|py|sh|dts|dtsi|pl|go|txt)$|/(Kconfig|Makefile)$")
LARGEST = 64 << 20


def listed(only):
    with open(os.path.join(HERE, "debian_packages.tsv")) as f:
        rows = [line.rstrip("\n").split("\t") for line in f if line.strip() and not line.startswith("#")]
    return [(kind, package, float(most)) for kind, package, most in rows if not only or package in only]


def download(package, folder):
    """The .deb file, or None where the archive has no such package."""
    run = subprocess.run(["apt-get", "download", package], cwd=folder, capture_output=True, text=True)
    found = [f for f in os.listdir(folder) if f.startswith(package + "_")]
    if run.returncode or not found:
        print(f"{package}: {run.stderr.strip().splitlines()[-1] if run.stderr.strip() else 'not found'}", file=sys.stderr)
        return None
    return os.path.join(folder, found[0])


def members(archive):
    """Path and bytes of each regular file of a tar stream; archives inside are opened."""
    for member in archive:
        if not member.isfile() or member.size > LARGEST * 4:
            continue
        data = archive.extractfile(member).read()
        if member.name.endswith((".tar.xz", ".tar.gz")):
            with tarfile.open(fileobj=io.BytesIO(data)) as inner:
                yield from members(inner)
        elif member.size <= LARGEST:
            yield member.name.lstrip("./"), data


def text_of(path, data, sources_only):
    """The file as UTF-8 text, or None."""
    if path.endswith((".gz", ".dz")):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError):
            return None
        path = path[:-3]
    if SKIPPED.search(path) or sources_only and not SOURCES.search(path) or len(data) < 512 or b"\0" in data:
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return data if data.endswith(b"\n") else data + b"\n"


def licences(copyright_file):
    names = re.findall(rb"^License:[ \t]*(\S[^\n]*)$", copyright_file or b"", re.MULTILINE)
    named = sorted({n.decode("utf-8", "replace").strip() for n in names})
    return "; ".join(named) or "see the copyright file"


def take(deb, kind, most_bytes, seen):
    """Texts of a package by the hash of their path, up to most_bytes, none twice; and the copyright file."""
    unpack = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
    texts, rights = [], None
    with tarfile.open(fileobj=unpack.stdout, mode="r|") as archive:
        for path, data in members(archive):
            if re.fullmatch(r"usr/share/doc/[^/]*/copyright", path):
                rights = data
            text = text_of(path, data, kind == "source_code")
            digest = hashlib.sha256(text).digest() if text else None
            if text and digest not in seen:
                texts.append((hashlib.sha256(path.encode()).digest(), digest, text))
    if unpack.wait():
        raise OSError(f"{deb} cannot be unpacked")
    taken, size = [], 0
    for order, digest, text in sorted(texts, key=lambda t: t[0]):
        room = int(most_bytes) - size
        text = text[:text.rfind(b"\n", 0, room) + 1] if len(text) > room else text
        if text and digest not in seen:
            seen.add(digest)
            taken.append((order, text))
            size += len(text)
    return taken, size, rights


def without_overlaps(out, kinds, benchmarks):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "overlap")
        subprocess.run(["cc", "-O2", "-o", program, os.path.join(HERE, "overlap.c")], check=True)
        clean = os.path.join(out, "clean")
        os.mkdir(clean)
        files = [os.path.join(out, kind + ".txt") for kind in kinds]
        subprocess.run([program, "-w", clean, *benchmarks, "--", *files], check=True)
        for path in files:
            os.replace(os.path.join(clean, os.path.basename(path)), path)
        os.rmdir(clean)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--only", nargs="+", metavar="PACKAGE")
    ap.add_argument("--benchmarks", nargs="+", metavar="FILE", help="unpacked files that models are measured with")
    args = ap.parse_args()
    os.makedirs(os.path.join(args.out, "copyright"), exist_ok=True)
    kinds, seen, rows = {}, set(), []
    for kind, package, most in listed(args.only):
        with tempfile.TemporaryDirectory() as folder:
            deb = download(package, folder)
            if not deb:
                continue
            taken, size, rights = take(deb, kind, most * 1e6, seen)
            version = os.path.basename(deb).split("_")[1].replace("%3a", ":")
        kinds.setdefault(kind, []).extend(taken)
        rows.append((kind, package, version, str(size), licences(rights)))
        if rights:
            with open(os.path.join(args.out, "copyright", package), "wb") as f:
                f.write(rights)
        print(f"{kind}: {size / 1e6:.1f} MB of {package} {version}", flush=True)
    for kind, texts in kinds.items():
        with open(os.path.join(args.out, kind + ".txt"), "wb") as f:
            f.writelines(text for _, text in sorted(texts, key=lambda t: t[0]))
    with open(os.path.join(args.out, "packages.tsv"), "w") as f:
        f.write("kind\tpackage\tversion\tbytes\tlicences\n")
        f.writelines("\t".join(row) + "\n" for row in rows)
    if args.benchmarks and kinds:
        without_overlaps(args.out, kinds, args.benchmarks)
    return 0 if kinds else 1


if __name__ == "__main__":
    if not all(map(shutil.which, ("apt-get", "dpkg-deb"))):
        sys.exit("debian_corpus.py: this needs apt-get and dpkg-deb")
    sys.exit(main())
