# SPDX-License-Identifier: Apache-2.0
"""tools/totals.py counts what it is given, and no death of a test escapes it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TOTALS = Path(__file__).parents[2] / "tools" / "totals.py"
GOOD = "totals: 3 passed, 0 failed, 0 skipped\n"
ONE_FAILED = "totals: 3 passed, 1 failed, 0 skipped\n"
ONE_SKIPPED = "SKIP test_gpu: no device\ntotals: 3 passed, 0 failed, 1 skipped\n"
TWO_SKIPPED = "SKIP scan: f64 (2 tests)\ntotals: 3 passed, 0 failed, 2 skipped\n"
TWO_OF_THREE = "SKIP scan: f64 (2 tests)\ntotals: 3 passed, 0 failed, 3 skipped\n"
UNEXPLAINED = "totals: 3 passed, 0 failed, 1 skipped\n"
JUNIT = """<testsuites><testsuite><testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure message="no"/></testcase>
<testcase classname="a" name="broken"><error message="no"/></testcase>
<testcase classname="a" name="left"><skipped message="no torch"/></testcase>
</testsuite></testsuites>"""

# Meson's verdict, exit status, standard output; then passed, failed, skipped.
MESON = [
    (("OK", 0, GOOD), (3, 0, 0)),
    (("OK", 0, ""), (1, 0, 0)),
    (("FAIL", 1, ""), (0, 1, 0)),
    (("FAIL", 1, ONE_FAILED), (3, 1, 0)),
    (("FAIL", 1, GOOD), (3, 1, 0)),
    (("TIMEOUT", -15, "half a li"), (0, 1, 0)),
    (("FAIL", -11, GOOD), (3, 1, 0)),
    (("OK", 0, ONE_SKIPPED), (3, 0, 1)),
    (("OK", 0, TWO_SKIPPED), (3, 0, 2)),
    (("OK", 0, TWO_OF_THREE), (3, 1, 3)),
    (("OK", 0, UNEXPLAINED), (3, 1, 1)),
    (("SKIP", 77, "SKIP it: no compiler\n"), (0, 0, 1)),
]


def call(*arguments: object) -> tuple[str, int]:
    command = [sys.executable, str(TOTALS), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.stdout, result.returncode


def run(
    folder: Path, *, meson: list[tuple[str, int, str]] | None = None, junit: str = ""
) -> tuple[str, int]:
    options: list[object] = ["--append", folder / "sum"]
    if meson is not None:
        keys = ("result", "returncode", "stdout")
        lines = [json.dumps({"name": "t"} | dict(zip(keys, test))) for test in meson]
        (folder / "log.json").write_text("\n".join(lines))
        options += ["--meson", folder / "log.json"]
    if junit:
        (folder / "junit.xml").write_text(junit)
        options += ["--junit", folder / "junit.xml"]
    return call("count", "self", *options)


def expect(what: str, output: tuple[str, int], counts: tuple[int, int, int]) -> None:
    text, status = output
    line = "{} passed, {} failed, {} skipped".format(*counts)
    bad = counts[1] > 0 or counts[0] == 0
    if text.splitlines()[-1:] != [line] or status != int(bad):
        sys.exit(f"{what}: status {status}, expected {line}, but it said:\n{text}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for test, counts in MESON:
            expect(str(test), run(folder, meson=[test]), counts)
        everything = tuple(sum(column) for column in zip(*(counts for _, counts in MESON)))
        expect("all", run(folder, meson=[test for test, _ in MESON]), everything)
        expect("no test", run(folder, meson=[]), (0, 1, 0))
        expect("junit", run(folder, junit=JUNIT), (1, 2, 1))
        expect("junit without tests", run(folder, junit="<testsuite/>"), (0, 1, 0))
        (folder / "sum").write_text("3 0 1 one\n4 1 0 the other\n")
        expect("sum", call("sum", folder / "sum"), (7, 1, 1))
        expect("no log", call("count", "self", "--junit", folder / "none"), (0, 1, 0))


if __name__ == "__main__":
    main()
