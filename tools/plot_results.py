# SPDX-License-Identifier: Apache-2.0
"""What `seqmix-bench --json` wrote, and what its pictures have in common."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator  # noqa: E402

Result = dict[str, Any]

# Okabe and Ito's colours, which people tell apart whatever their eyes; shapes and hatches say the
# same again.
TYPE_COLOURS = {"f32": "#0072B2", "f16": "#E69F00", "bf16": "#009E73"}
TYPE_MARKERS = {"f32": "o", "f16": "^", "bf16": "s"}
PHASE_COLOURS = {"encode": "#E69F00", "prefill": "#0072B2", "decode": "#D55E00", "call": "#CC79A7"}
PHASE_MARKERS = {"encode": "D", "prefill": "o", "decode": "s", "call": "^"}
GREY = "#555555"
TYPES = ("f32", "f16", "bf16")

# 1600 pixels wide, so that 800 in a README are sharp.
DPI = 160
WIDTH = 10.0
STYLE: dict[Any, Any] = {
    "font.size": 12,
    "axes.titlesize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Station:
    """A device with a number of threads: what one picture is about."""

    device: str
    threads: int

    def holds(self, result: Result) -> bool:
        return bool(result["device"] == self.device and result["threads"] == self.threads)

    def __str__(self) -> str:
        return f"{self.device}, {self.threads} thread{'s' if self.threads > 1 else ''}"


class Run:
    """All results of the files, with what the first says about the machine."""

    def __init__(self, paths: Iterable[Path]) -> None:
        files = [load(path) for path in paths]
        self.head = files[0]
        models = {file["machine"]["model"] for file in files}
        if len(models) > 1:
            sys.exit(f"plot_bench: the files are of different machines: {', '.join(sorted(models))}")
        self.results: list[Result] = [
            r for file in files for r in file["results"] if r["outcome"] == "measured"
        ]
        self.ceilings: dict[int, dict[str, Any]] = {}
        for file in files:
            for ceiling in file["ceilings"]:
                kept = self.ceilings.setdefault(ceiling["threads"], ceiling)
                keep_higher(kept, ceiling)

    def stations(self) -> list[Station]:
        return list(dict.fromkeys(Station(r["device"], r["threads"]) for r in self.results))

    def caption(self, station: Station) -> str:
        head, build = self.head, self.head["build"]
        device = head["devices"].get(station.device, station.device)
        threads = f"{station.threads} thread{'s' if station.threads > 1 else ''}"
        lines = f"{device} ({station.device}, {threads})\nseqmix {build['version']}, "
        return lines + f"{build['compiler']}, {head['date'][:10]}"


def load(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"plot_bench: {path}: {error}")
    if data.get("program") != "seqmix-bench" or data.get("format") != 1:
        sys.exit(f"plot_bench: {path} must be a file that `seqmix-bench --json` wrote (format 1)")
    return data


def keep_higher(kept: dict[str, Any], other: dict[str, Any]) -> None:
    """A ceiling is the most that was ever seen."""
    for name in ("read", "copy", "copy_add", "update", "bf16_dot"):
        if name in other:
            kept[name] = max(kept.get(name, 0), other[name])
    for level, flops in other["multiply_add"].items():
        kept["multiply_add"][level] = max(kept["multiply_add"].get(level, 0), flops)


def is_swept(result: Result) -> bool:
    return "@" in result["case"]


def length_of(result: Result) -> float:
    """Keys or tokens per sequence."""
    parameters = result["parameters"]
    return float(parameters["Tk"] if "Tk" in parameters else parameters["T"])


def plain(value: float, _position: object = None) -> str:
    """0.25 as 0.25, 512 as 512, 2048 as 2k: all ticks are powers."""
    return f"{value / 1024:g}k" if value >= 1024 and value % 1024 == 0 else f"{value:g}"


def time_text(seconds: float) -> str:
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds * 1e9:.3g} ns"


def set_log_axis(axis: Any, values: Iterable[float], base: int) -> None:
    """Ticks at powers of the base, in plain numbers."""
    numbers = [value for value in values if value > 0]
    low = math.floor(math.log(min(numbers), base))
    high = math.ceil(math.log(max(numbers), base))
    axis.set_major_locator(FixedLocator([float(base) ** i for i in range(low, high + 1)]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(plain))


def finish(figure: Figure, caption: str, path: Path) -> None:
    """The caption goes below everything, at a distance that does not depend on the height."""
    height = figure.get_figheight()
    figure.text(0.5, 0.1 / height, caption, ha="center", va="bottom", fontsize=10, color=GREY)
    figure.savefig(path, dpi=DPI)
    plt.close(figure)
    print(path)
