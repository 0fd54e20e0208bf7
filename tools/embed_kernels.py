# SPDX-License-Identifier: Apache-2.0
"""Writes kernel texts as a C table: each with what it includes in it, for one dialect.

A text includes other files of the kernels' folder by their path in it; `shared/dialect.h` stands for
the file of the dialect. Comments are left out, lines keep their numbers, so that a compiler's
messages lead to the sources."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

INCLUDE = re.compile(r'^#include "([^"]+)"$')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FNV_START, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


def without_comments(text: str) -> str:
    return COMMENT.sub(lambda found: "\n" * found.group().count("\n"), text)


def expanded(name: str, folder: Path, dialect: str, around: tuple[str, ...] = ()) -> list[str]:
    """The lines of a file, with those of the files it includes, which a compiler takes once."""
    path = dialect if name == "shared/dialect.h" else name
    if path in around:
        raise SystemExit(f"kernels/{path} includes itself")
    guard = "INCLUDED_" + re.sub(r"\W", "_", path)
    lines = [f"#ifndef {guard}", f"#define {guard}", f'#line 1 "kernels/{path}"']
    for number, line in enumerate(without_comments((folder / path).read_text()).split("\n"), 1):
        found = INCLUDE.match(line)
        if found:
            lines += expanded(found.group(1), folder, dialect, (*around, path))
            lines.append(f'#line {number + 1} "kernels/{path}"')
        else:
            lines.append(line.rstrip())
    return [*lines, "#endif"]


def hash_of(data: bytes) -> int:
    value = FNV_START
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return value


def array_of(symbol: str, data: bytes) -> str:
    rows = [", ".join(str(byte) for byte in data[i : i + 24]) for i in range(0, len(data), 24)]
    return f"static const char {symbol}[] = {{\n  " + ",\n  ".join([*rows, "0"]) + "};\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--dialect", required=True, help="file that stands for shared/dialect.h")
    parser.add_argument("--symbol", required=True, help="name of the table")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("texts", nargs="+", help="files of the folder")
    arguments = parser.parse_args()
    arrays, rows = [], []
    for number, text in enumerate(arguments.texts):
        lines = expanded(text, arguments.folder, arguments.dialect)
        data = ("\n".join(lines) + "\n").encode("ascii")
        arrays.append(array_of(f"text_{number}", data))
        name = Path(text).with_suffix("").as_posix()
        rows.append(f'  {{"{name}", text_{number}, {len(data)}u, 0x{hash_of(data):016x}u}},\n')
    table = "".join(rows) + "  {0, 0, 0, 0},\n"
    arguments.output.write_text(
        '#include "gpu/device.h"\n\n' + "".join(arrays) + f"const gpu_text {arguments.symbol}[] = {{\n{table}}};\n"
    )


if __name__ == "__main__":
    main()
