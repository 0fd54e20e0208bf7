# SPDX-License-Identifier: Apache-2.0
"""Writes FOLDER/tidy/compile_commands.json: one command of FOLDER's per file.

Kernels are compiled once per level of instruction sets, and clang-tidy would look at each of them
as often; the widest level has the most code of its own.
"""

import json
import sys
from pathlib import Path


def main() -> int:
    folder = Path(sys.argv[1])
    commands = json.loads((folder / "compile_commands.json").read_text())
    # The last one of a file is taken: tests compile some of the library's in ways of their own.
    commands.sort(key=lambda command: not command["output"].startswith("tests/"))
    commands.sort(key=lambda command: "avx512bf16" not in command["output"])
    chosen = {command["file"]: command for command in commands}
    (folder / "tidy").mkdir(exist_ok=True)
    (folder / "tidy" / "compile_commands.json").write_text(json.dumps(list(chosen.values())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
