# SPDX-License-Identifier: Apache-2.0
"""How many programs the suite has had compiled, by the kernels' texts: each combination of constants
is one, which costs somebody seconds. Too many for a backend are a failure."""

from __future__ import annotations

import argparse
import re
import struct
import sys
from collections import Counter
from pathlib import Path

MOST = 150
HEADER = struct.Struct("<16sQQQ")


def program_of(entry: Path) -> tuple[str, str]:
    """The backend and "scan/scan KIND=1 ITEMS=64" of a kept program; nothing of what is none."""
    with entry.open("rb") as file:
        start = file.read(HEADER.size)
        if len(start) < HEADER.size:
            return "", ""
        magic, key_size, _, _ = HEADER.unpack(start)
        if not magic.startswith(b"seqmix cache"):
            return "", ""
        lines = file.read(key_size).decode().splitlines()
    # Behind the device, and before the hash of a text that may have changed since.
    backend = "cuda" if lines and lines[0].startswith("cuda;") else "opencl"
    return (backend, lines[1]) if len(lines) > 2 else ("", "")


def shape_of(program: str) -> str:
    """Work-items of a CPU are threads: their groups are of one."""
    items = re.search(r"\bITEMS=(\d+)", program)
    return "cpu" if items and items.group(1) == "1" else "gpu"


def count(backend: str, programs: set[str]) -> int:
    """Says how many there are of each text; whether they are too many."""
    for shape in ("cpu", "gpu"):
        texts = Counter(program.split()[0] for program in programs if shape_of(program) == shape)
        each = ", ".join(f"{text} {number}" for text, number in sorted(texts.items()))
        if texts:
            print(f"{backend}, {shape}: {sum(texts.values())} specialisations: {each}")
    print(f"{backend}: {len(programs)} specialisations in all, of at most {MOST}")
    return int(len(programs) > MOST)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="where the suite keeps programs")
    folders = [folder for folder in parser.parse_args().folders if folder.is_dir()]
    entries = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    programs = {program_of(entry) for entry in entries} - {("", "")}
    if not programs:
        print("SKIP specialisations: no program was kept")
        print("totals: 0 passed, 0 failed, 1 skipped")
        return 0
    failed = 0
    backends = sorted({backend for backend, _ in programs})
    for backend in backends:
        failed += count(backend, {program for of, program in programs if of == backend})
    print(f"totals: {len(backends) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
