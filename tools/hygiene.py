# SPDX-License-Identifier: Apache-2.0
"""What every file of the repository must keep to, whatever is in it; prints what does not.

Looks at tracked files and at new ones that git does not ignore."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAX_BYTES = 1_000_000
# Pictures that documents show; all others are made when somebody wants them.
PICTURE = re.compile(r"docs/images/[^/]+\.png")
MAX_PICTURE_BYTES = 200_000
PNG = b"\x89PNG\r\n\x1a\n"
MAX_LINES = {".c": 600, ".h": 600, ".py": 600, ".pyi": 600, ".cl": 600, ".cu": 600, ".build": 250}
MAX_COLUMNS = {".c": 100, ".h": 100, ".py": 120, ".pyi": 120, ".build": 120}
RESULT = re.compile(r"bench/results/[a-z0-9-]+\.json")
GENERATED = re.compile(r"\.(o|a|so[.\d]*|pyc|whl|egg-info|class|log|png|orig|rej)$")
# Their own format leaves no room for the line.
NO_LICENCE_LINE = {"LICENSE", "examples/sentence_similarity/sample.txt"}
# Words that unfinished work leaves behind; spelled apart so that this file does not name itself.
UNFINISHED = re.compile(rb"\b(TO" rb"DO|FIX" rb"ME|XX" rb"X)\b")


def names() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return sorted(set(output.decode().rstrip("\0").split("\0")))


def problems_of_text(name: str, data: bytes) -> list[str]:
    found = []
    lines = data.decode().split("\n")
    if name not in NO_LICENCE_LINE:
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
            found.append("has no SPDX line at its start")
    if lines[-1] or (len(lines) > 1 and not lines[-2].strip()):
        found.append("does not end in exactly one newline")
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            found.append(f"line {number} ends in white space")
        if "\t" in line and Path(name).name != "Makefile":
            found.append(f"line {number} holds a tab")
        if len(line) > MAX_COLUMNS.get(Path(name).suffix, 10_000):
            found.append(f"line {number} has {len(line)} columns")
    if len(lines) - 1 > MAX_LINES.get(Path(name).suffix, 100_000):
        found.append(f"has {len(lines) - 1} lines")
    if UNFINISHED.search(data):
        found.append("holds a mark of unfinished work")
    return found


def problems_of_picture(data: bytes) -> list[str]:
    found = [] if data.startswith(PNG) else ["is no PNG file"]
    if len(data) > MAX_PICTURE_BYTES:
        found.append(f"has {len(data)} bytes, more than {MAX_PICTURE_BYTES}")
    return found


def problems(name: str) -> list[str]:
    path = ROOT / name
    if path.is_symlink():
        return ["is a symbolic link"]
    data = path.read_bytes()
    if RESULT.fullmatch(name):  # kept as the program wrote it
        return [] if len(data) <= MAX_BYTES else [f"has {len(data)} bytes"]
    if PICTURE.fullmatch(name):
        return problems_of_picture(data)
    found = []
    if len(data) > MAX_BYTES:
        found.append(f"has {len(data)} bytes")
    if GENERATED.search(name) or b"\0" in data:
        return found + ["looks generated or binary"]
    return found + (problems_of_text(name, data) if data else [])


def main() -> int:
    bad = 0
    for name in names():
        if (ROOT / name).exists():
            for problem in problems(name):
                print(f"{name}: {problem}")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
