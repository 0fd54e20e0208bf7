# SPDX-License-Identifier: Apache-2.0
"""Adds up what test programs report, so that one line says how a whole run went.

  totals.py count SUITE [--meson testlog.json] [--junit FILE] [--append FILE]
      prints every skip with its reason, every failure, and the suite's totals
  totals.py sum FILE
      the totals of all suites appended to FILE

A C test program ends with `totals: P passed, F failed, S skipped` and says `SKIP <test>: <reason>`
for each skip; one that dies before its totals, or fails without admitting it, is a failure.
Any other Meson test counts as one.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOTALS = re.compile(r"^totals: (\d+) passed, (\d+) failed, (\d+) skipped\s*$", re.MULTILINE)
SKIP = re.compile(r"^SKIP (.+)$", re.MULTILINE)
GOOD = ("OK", "EXPECTEDFAIL")


@dataclass
class Report:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    lines: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    def skip(self, what: str) -> None:
        self.skipped += 1
        self.lines.append(f"SKIP {what}")

    def fail(self, what: str) -> None:
        self.failed += 1
        self.lines.append(f"FAIL {what}")


def tests_of(reason: str) -> int:
    """A reason that several tests share is told once, with their number."""
    shared = re.search(r" \((\d+) tests\)$", reason)
    return int(shared.group(1)) if shared else 1


def count_meson_test(report: Report, test: dict[str, Any]) -> None:
    name, result, output = test["name"], test["result"], test.get("stdout", "")
    totals = TOTALS.findall(output)
    if not totals:
        if result == "SKIP":
            reasons = SKIP.findall(output)
            report.skip(reasons[-1] if reasons else f"{name}: (no reason given)")
        elif result in GOOD:
            report.passed += 1
        else:
            report.fail(f"{name}: {result}, exit status {test.get('returncode')}, without totals")
        return
    passed, failed, skipped = map(int, totals[-1])
    report.passed += passed
    report.failed += failed
    report.skipped += skipped
    reasons = SKIP.findall(output)
    program = name.split(":")[-1]
    report.lines += [f"SKIP {program}: {reason}" for reason in reasons]
    said = sum(map(tests_of, reasons))
    if said < skipped:
        report.fail(f"{name}: {skipped} skipped, but only {said} say why")
    if failed:
        report.lines.append(f"FAIL {name}: {failed} failed")
    elif result not in GOOD + ("SKIP",):
        report.fail(f"{name}: {result}, exit status {test.get('returncode')}, after its totals")


def count_meson(report: Report, path: Path) -> None:
    tests = [json.loads(line) for line in path.read_text().splitlines()]
    if not tests:
        report.fail(f"{path}: no test ran")
    for test in tests:
        count_meson_test(report, test)


def count_junit(report: Report, path: Path) -> None:
    cases = list(ElementTree.parse(path).iter("testcase"))
    if not cases:
        report.fail(f"{path}: no test ran")
    for case in cases:
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            report.fail(name)
        elif skipped is not None:
            report.skip(f"{name}: {skipped.get('message')}")
        else:
            report.passed += 1


def count(arguments: argparse.Namespace) -> int:
    report = Report()
    for path, counter in ((arguments.meson, count_meson), (arguments.junit, count_junit)):
        if path and path.exists():
            counter(report, path)
        elif path:
            report.fail(f"{path} was not written: the tests did not run to their end")
    for line in report.lines:
        print(line)
    print(report)
    if arguments.append:
        with arguments.append.open("a") as file:
            file.write(f"{report.passed} {report.failed} {report.skipped} {arguments.suite}\n")
    return 1 if report.failed or not report.passed else 0


def add(arguments: argparse.Namespace) -> int:
    report = Report()
    for line in arguments.file.read_text().splitlines():
        passed, failed, skipped, suite = line.split(maxsplit=3)
        print(f"{suite:28} {passed:>6} passed {failed:>4} failed {skipped:>4} skipped")
        report.passed += int(passed)
        report.failed += int(failed)
        report.skipped += int(skipped)
    print(report)
    return 1 if report.failed or not report.passed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    counting = commands.add_parser("count")
    counting.set_defaults(run=count)
    counting.add_argument("suite")
    counting.add_argument("--meson", type=Path)
    counting.add_argument("--junit", type=Path)
    counting.add_argument("--append", type=Path)
    adding = commands.add_parser("sum")
    adding.set_defaults(run=add)
    adding.add_argument("file", type=Path)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
