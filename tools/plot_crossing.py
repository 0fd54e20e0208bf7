# SPDX-License-Identifier: Apache-2.0
"""Milliseconds over length of attention and of linear attention, and where their lines cross."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from plot_results import (
    GREY,
    TYPE_MARKERS,
    WIDTH,
    Result,
    Run,
    Station,
    finish,
    is_swept,
    length_of,
    set_log_axis,
)

# Okabe and Ito's, without the black that attention has.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]

# One case of a sweep in one type: (length, milliseconds), by rising length.
Points = list[tuple[float, float]]


class Line:
    """What one line shows."""

    def __init__(self, results: list[Result]) -> None:
        self.first = results[0]
        self.operator = str(self.first["operator"])
        self.type = str(self.first["type"])
        self.name = f"{self.first['case'].split('@')[0]} {self.type}"
        self.points: Points = sorted((length_of(r), 1e3 * float(r["seconds"])) for r in results)

    def heads(self) -> str:
        parameters = self.first["parameters"]
        heads = parameters["H"] if "H" in parameters else parameters["Hq"]
        return f"{parameters['B']:g} × {heads:g} heads of {parameters['D']:g}"


def lines_of(run: Run, station: Station) -> list[Line]:
    """Attention first."""
    found: dict[tuple[str, str, str], list[Result]] = {}
    for result in run.results:
        is_meant = result["operator"] in ("attention", "linear_attention")
        if is_meant and station.holds(result) and is_swept(result):
            key = (result["operator"], result["case"].split("@")[0], result["type"])
            found.setdefault(key, []).append(result)
    return sorted((Line(results) for results in found.values()), key=lambda line: line.operator)


def crossing_of(attention: Points, linear: Points) -> tuple[float, float] | None:
    """The shortest length from which on linear attention takes less time, with that time: between two
    lengths both were measured at, on straight lines of logarithms."""
    times = dict(linear)
    both = [(n, math.log(ms), math.log(times[n])) for n, ms in attention if n in times]
    for (n0, a0, l0), (n1, a1, l1) in zip(both, both[1:]):
        before, after = a0 - l0, a1 - l1
        if before < 0 <= after:
            share = before / (before - after)
            length = math.exp(math.log(n0) + share * (math.log(n1) - math.log(n0)))
            return length, math.exp(l0 + share * (l1 - l0))
    return None


def mark_crossing(axes: Axes, attention: Line, linear: Line, colour: str) -> None:
    crossing = crossing_of(attention.points, linear.points)
    if crossing is None:
        return
    length, milliseconds = crossing
    axes.plot(length, milliseconds, "o", markersize=13, markerfacecolor="none", markeredgecolor=colour,
              markeredgewidth=2)  # fmt: skip
    text = axes.annotate(f"{float(f'{length:.2g}'):g} tokens", xy=crossing, xytext=(10, -14),
                         textcoords="offset points", fontsize=11, color=colour)  # fmt: skip
    text.set_path_effects([withStroke(linewidth=3, foreground="white")])
    print(f"{linear.name} overtakes attention {attention.name} at {length:.0f} tokens")


def draw_line(axes: Axes, line: Line, colour: str) -> None:
    is_attention = line.operator == "attention"
    label = f"{'attention: ' if is_attention else ''}{line.name}\n{line.heads()}"
    axes.plot(*zip(*line.points), color=colour, marker=TYPE_MARKERS[line.type], label=label,
              linewidth=2.8 if is_attention else 2.0)  # fmt: skip


def draw_crossing(run: Run, station: Station, path: Path) -> bool:
    lines = lines_of(run, station)
    attention = [line for line in lines if line.operator == "attention"]
    linear = [line for line in lines if line.operator == "linear_attention"]
    if not attention or not linear:
        return False
    figure, axes = plt.subplots(figsize=(WIDTH, 6.2))
    for line in attention:
        draw_line(axes, line, "black" if line is attention[0] else GREY)
    for number, line in enumerate(linear):
        colour = COLOURS[number % len(COLOURS)]
        draw_line(axes, line, colour)
        for other in attention:
            if other.type == line.type:
                mark_crossing(axes, other, line, colour)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=10)
    points = [point for line in attention + linear for point in line.points]
    set_log_axis(axes.xaxis, (n for n, _ in points), 2)
    set_log_axis(axes.yaxis, (ms for _, ms in points), 10)
    axes.set_xlabel("tokens per sequence")
    axes.set_ylabel("milliseconds per call")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=11, labelspacing=0.8)
    figure.tight_layout(rect=(0, 0.55 / 6.2, 1, 1))
    finish(figure, run.caption(station), path)
    return True
