# SPDX-License-Identifier: Apache-2.0
"""README's operator table is what `seqmix operators --markdown` prints; --write makes it so."""

from __future__ import annotations

import argparse
import difflib
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- operators -->", "<!-- /operators -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", help="path of the seqmix command")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    command = [arguments.tool, "operators", "--markdown"]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    text = README.read_text()
    if text.count(START) != 1 or text.count(END) != 1 or not table:
        print(f"README.md needs one {START} and one {END}, and the command must print a table")
        return 1
    before, rest = text.split(START)
    after = rest.split(END)[1]
    wanted = f"{before}{START}\n{table}\n{END}{after}"
    if arguments.write:
        README.write_text(wanted)
    elif text != wanted:
        lines = (text.splitlines(), wanted.splitlines(), "README.md", "as generated")
        print("\n".join(difflib.unified_diff(*lines, lineterm="", n=1)))
        print("run ./dev table")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
