# SPDX-License-Identifier: Apache-2.0
"""Draws what `seqmix-bench --json` wrote: throughput over length (of a --sweep), a roofline with the
measured ceilings, bars against the baseline, and time over length of attention and linear attention.

  plot_bench.py result.json [more.json ...] -o folder

Results of several files on one machine are drawn together; each device with each number of threads
gets pictures of its own.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from plot_crossing import draw_crossing
from plot_results import (
    GREY,
    PHASE_COLOURS,
    PHASE_MARKERS,
    STYLE,
    TYPE_COLOURS,
    TYPE_MARKERS,
    TYPES,
    WIDTH,
    Result,
    Run,
    Station,
    finish,
    is_swept,
    length_of,
    set_log_axis,
    time_text,
)

# ---- throughput over length ----------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """What the vertical axis counts."""

    name: str
    of: Callable[[Result], float]
    baseline: Callable[[Result], float]
    ceiling: Callable[[Result], float]


GFLOPS = Unit(
    "GFLOP/s",
    lambda r: float(r["flops_per_second"]) / 1e9,
    lambda r: float(r["flops"] / r["baseline"]["seconds"]) / 1e9,
    lambda r: float(r["ceiling"]["flops"]) / 1e9,
)
GBYTES = Unit(
    "GB/s",
    lambda r: float(r["bytes_per_second"]) / 1e9,
    lambda r: float(r["bytes"] / r["baseline"]["seconds"]) / 1e9,
    lambda r: float(r["ceiling"]["flops"] / r["flops"] * r["bytes"]) / 1e9,
)


def unit_of(results: list[Result]) -> Unit:
    memory = sum(r.get("ceiling", {}).get("bound") == "memory" for r in results)
    return GBYTES if 2 * memory > len(results) else GFLOPS


def draw_type(axes: Axes, results: list[Result], dtype: str, unit: Unit) -> None:
    results = sorted((r for r in results if r["type"] == dtype), key=length_of)
    colour, marker = TYPE_COLOURS[dtype], TYPE_MARKERS[dtype]
    lengths = [length_of(r) for r in results]
    axes.plot(lengths, [unit.of(r) for r in results], color=colour, marker=marker, linewidth=2.2)
    with_baseline = [r for r in results if r["baseline"]["outcome"] == "measured"]
    axes.plot(
        [length_of(r) for r in with_baseline],
        [unit.baseline(r) for r in with_baseline],
        color=colour, marker=marker, markerfacecolor="white", linestyle=(0, (4, 2)), linewidth=1.4,
    )  # fmt: skip
    with_ceiling = [r for r in results if "ceiling" in r]
    axes.plot(
        [length_of(r) for r in with_ceiling],
        [unit.ceiling(r) for r in with_ceiling],
        color=colour, linestyle=":", linewidth=1.8,
    )  # fmt: skip


def describe_shape(result: Result) -> str:
    """The parameters that make a sweep's shape, without its lengths and what is not used."""
    parameters = result["parameters"]
    skipped = {"Tq", "Tk", "T", "live", "causal"}
    if parameters.get("states") == "none":
        skipped.add("state_type")
    usual = (0, "none", "btc")
    used = {n: v for n, v in parameters.items() if v not in usual and n not in skipped}
    parts = [f"{n} {v}" if isinstance(v, str) else f"{n} {v:g}" for n, v in used.items()]
    return ", ".join(parts + (["causal"] if parameters.get("causal") else []))


def draw_sweep(axes: Axes, name: str, results: list[Result]) -> None:
    unit = unit_of(results)
    types = [dtype for dtype in TYPES if any(r["type"] == dtype for r in results)]
    for dtype in types:
        draw_type(axes, results, dtype, unit)
    axes.set_xscale("log", base=2)
    set_log_axis(axes.xaxis, (length_of(r) for r in results), 2)
    axes.set_ylim(bottom=0)
    is_attention = results[0]["operator"] == "attention"
    axes.set_xlabel("keys per sequence" if is_attention else "tokens per sequence")
    axes.set_ylabel(unit.name)
    axes.set_title(name, loc="left", fontweight="bold", pad=22)
    axes.text(0, 1.02, describe_shape(results[0]), transform=axes.transAxes, color=GREY, fontsize=11)
    handles = [
        Line2D([], [], color=TYPE_COLOURS[t], marker=TYPE_MARKERS[t], linewidth=2.2, label=t)
        for t in types
    ]
    baseline = "unfused, f32 BLAS" if is_attention else "token by token, f32"
    handles += [
        Line2D([], [], color=GREY, linewidth=2.2, label="seqmix"),
        Line2D([], [], color=GREY, linestyle=(0, (4, 2)), linewidth=1.4, label=baseline),
        Line2D([], [], color=GREY, linestyle=":", linewidth=1.8, label="ceiling"),
    ]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))


def draw_throughput(run: Run, station: Station, path: Path) -> bool:
    sweeps: dict[str, list[Result]] = {}
    for result in run.results:
        if station.holds(result) and is_swept(result):
            sweeps.setdefault(result["case"].split("@")[0], []).append(result)
    if not sweeps:
        return False
    height = 4.6 * len(sweeps) + 0.7
    figure, grid = plt.subplots(len(sweeps), 1, figsize=(WIDTH, height), squeeze=False)
    for axes, (name, results) in zip(grid[:, 0], sweeps.items()):
        draw_sweep(axes, name, results)
    figure.tight_layout(rect=(0, 0.55 / height, 1, 1), h_pad=2)
    finish(figure, run.caption(station), path)
    return True


# ---- roofline ------------------------------------------------------------------------------------


def spread_labels(
    axes: Axes, points: list[tuple[float, float]], texts: list[str], distance: float
) -> None:
    """Writes the texts beside the points: labels push each other and foreign points away."""
    at = [tuple(map(float, axes.transData.transform(point))) for point in points]
    # A little to both sides in turn, so that labels of equal points do not stay in one line.
    place = [(x + (4 if i % 2 else -4), y + distance) for i, (x, y) in enumerate(at)]
    for _ in range(400):
        for i, (x, y) in enumerate(place):
            push_x, push_y = (at[i][0] - x) * 0.02, (at[i][1] + distance - y) * 0.02
            for other_x, other_y in [p for j, p in enumerate(place) if j != i] + at:
                dx, dy = x - other_x, y - other_y
                gap = math.hypot(dx, dy)
                if gap < distance:
                    angle = math.atan2(dy, dx) if gap > 1e-6 else 2.4 * i
                    push_x += (distance - gap) * 0.3 * math.cos(angle)
                    push_y += (distance - gap) * 0.3 * math.sin(angle)
            place[i] = (x + push_x, y + push_y)
    back = axes.transData.inverted()
    for text, start, end in zip(texts, points, place):
        arrow = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
        label = axes.annotate(text, xy=start, xytext=tuple(back.transform(end)), ha="center",
                              va="center", fontsize=11, arrowprops=arrow, zorder=4)  # fmt: skip
        label.set_path_effects([withStroke(linewidth=3, foreground="white")])


def intensity(result: Result) -> float:
    return float(result["flops"] / result["bytes"])


def ceiling_of(run: Run, station: Station, results: list[Result]) -> dict[str, Any] | None:
    """What was measured with as many threads; of a GPU what its data sheet says."""
    sheets = [r["ceiling"] for r in results if r["ceiling"].get("peak_name") == "data sheet"]
    if not sheets:
        return run.ceilings.get(station.threads)
    return {"multiply_add": {"f32": sheets[0]["peak"]}, "read": sheets[0]["bandwidth"]}


def roofs_of(ceiling: dict[str, Any], dtype: str) -> dict[str, float]:
    roofs = {f"{level} FMA": flops / 1e9 for level, flops in ceiling["multiply_add"].items()}
    if dtype == "bf16" and "bf16_dot" in ceiling:
        roofs["bf16 dot"] = ceiling["bf16_dot"] / 1e9
    return roofs


def memory_of(ceiling: dict[str, Any], results: list[Result]) -> str:
    """The bandwidth beyond all caches that bounds most of the results: one line is enough.
    Results of before bandwidths had names were held to reading.
    """
    names = [name for name in ("read", "copy", "copy_add") if name in ceiling]
    bound = [r["ceiling"].get("bandwidth_name", "read") for r in results]
    return max(names, key=bound.count)


def draw_roofs(
    axes: Axes, ceiling: dict[str, Any], memory: str, dtype: str, low: float, high: float
) -> None:
    """Labels stand outside on the right, where no point can be."""
    bandwidth = ceiling[memory] / 1e9
    roofs = roofs_of(ceiling, dtype)
    top = max(roofs.values())
    for name, flops in roofs.items():
        width = 1.8 if flops == top else 0.9
        axes.plot([flops / bandwidth, high], [flops, flops], color=GREY, linewidth=width)
        axes.text(1.02, flops, f"{name}\n{flops:.0f}", transform=axes.get_yaxis_transform(),
                  fontsize=10, color=GREY, va="center", linespacing=1.0)  # fmt: skip
    axes.plot([low, top / bandwidth], [low * bandwidth, top], color=GREY, linewidth=1.8)


def label_memory(
    axes: Axes, ceiling: dict[str, Any], memory: str, dtype: str, low: float, high: float
) -> None:
    """Along the line of memory, on its upper side: needs the final layout."""
    bandwidth = ceiling[memory] / 1e9
    middle = math.sqrt(low * min(max(roofs_of(ceiling, dtype).values()) / bandwidth, high))
    text = f"{memory.replace('_', ' and ')} {bandwidth:.0f} GB/s"
    axes.annotate(text, xy=(middle, middle * bandwidth), xytext=(-4, 4),
                  textcoords="offset points", ha="center", va="bottom", fontsize=10, color=GREY,
                  rotation_mode="anchor", rotation=slope(axes, low, bandwidth))  # fmt: skip


def slope(axes: Axes, low: float, bandwidth: float) -> float:
    """Degrees of the line of memory on the picture."""
    line = [(low, low * bandwidth), (2 * low, 2 * low * bandwidth)]
    (x0, y0), (x1, y1) = axes.transData.transform(line)
    return math.degrees(math.atan2(y1 - y0, x1 - x0))


def limits(values: Iterable[float]) -> tuple[float, float]:
    numbers = list(values)
    return min(numbers) / 2, max(numbers) * 2


def set_limits(axes: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=10)
    set_log_axis(axes.xaxis, x, 4)
    set_log_axis(axes.yaxis, y, 10)
    axes.set_xlim(x)
    axes.set_ylim(y)


def draw_points(axes: Axes, results: list[Result], names: list[str]) -> None:
    points = [(intensity(r), float(r["flops_per_second"]) / 1e9) for r in results]
    for result, (x, y) in zip(results, points):
        axes.plot(x, y, PHASE_MARKERS[result["phase"]], color=PHASE_COLOURS[result["phase"]],
                  markersize=9, markeredgecolor="white")  # fmt: skip
    spread_labels(axes, points, [str(names.index(r["case"]) + 1) for r in results], 22)


def add_case_legend(figure: Figure, results: list[Result], names: list[str], bottom: float) -> None:
    phases = {r["case"]: r["phase"] for r in results}
    handles = [
        Line2D([], [], linestyle="", marker=PHASE_MARKERS[phases[name]], markersize=8,
               color=PHASE_COLOURS[phases[name]], label=f"{number}  {name}")
        for number, name in enumerate(names, 1)
    ]  # fmt: skip
    figure.legend(handles=handles, ncols=3, loc="lower center", bbox_to_anchor=(0.5, bottom),
                  fontsize=11, handletextpad=0.2, columnspacing=1.5)  # fmt: skip


def draw_roofline(run: Run, station: Station, path: Path) -> bool:
    results = [r for r in run.results if station.holds(r) and not is_swept(r) and "ceiling" in r]
    ceiling = ceiling_of(run, station, results)
    if not results or ceiling is None:
        return False
    types = [dtype for dtype in TYPES if any(r["type"] == dtype for r in results)]
    names = list(dict.fromkeys(r["case"] for r in results))
    below = 0.27 * math.ceil(len(names) / 3) + 0.65
    height = 5.2 + below
    figure, grid = plt.subplots(1, len(types), figsize=(WIDTH, height), sharey=True, squeeze=False)
    roofs = [roof for dtype in types for roof in roofs_of(ceiling, dtype).values()]
    memory = memory_of(ceiling, results)
    x = limits([intensity(r) for r in results] + [max(roofs) * 1e9 / ceiling[memory]])
    y = limits([r["flops_per_second"] / 1e9 for r in results] + roofs)
    for axes, dtype in zip(grid[0], types):
        set_limits(axes, x, y)
        axes.set_xlabel("flop per byte that must move")
        axes.set_title(dtype, loc="left", fontweight="bold")
    grid[0][0].set_ylabel("GFLOP/s")
    for axes, dtype in zip(grid[0], types):
        draw_roofs(axes, ceiling, memory, dtype, *x)
    add_case_legend(figure, results, names, 0.5 / height)
    figure.tight_layout(rect=(0, below / height, 1, 1))
    for axes, dtype in zip(grid[0], types):
        label_memory(axes, ceiling, memory, dtype, *x)
        draw_points(axes, [r for r in results if r["type"] == dtype], names)
    finish(figure, run.caption(station), path)
    return True


# ---- bars against the baseline -------------------------------------------------------------------


def speed_ups_of(result: Result) -> list[float]:
    """By the medians, and by the fastest samples, which older files do not have."""
    baseline = result["baseline"]
    speed_ups = [float(baseline["speed_up"])]
    if "best_seconds" in baseline:
        speed_ups.append(float(baseline["best_seconds"] / result["best_seconds"]))
    return speed_ups


def baseline_of(results: list[Result]) -> str:
    """What all have been compared with; older files, which do not say it, hold attention alone."""
    names = {r["baseline"].get("what", "unfused attention with BLAS, in f32") for r in results}
    return names.pop() if len(names) == 1 else "the baseline"


def draw_bar(axes: Axes, place: float, result: Result) -> None:
    speed_up, *best = speed_ups_of(result)
    axes.barh(place, speed_up - 1, left=1, height=0.7, color=PHASE_COLOURS[result["phase"]])
    axes.vlines(best, place - 0.35, place + 0.35, color="black", linewidth=1.4)
    times = f"{time_text(result['seconds'])} : {time_text(result['baseline']['seconds'])}"
    axes.annotate(f"{speed_up:.2f}×  ({times})", xy=(max(speed_up, *best, 1), place),
                  xytext=(5, 0), textcoords="offset points", va="center", fontsize=10.5)  # fmt: skip


def draw_bars(run: Run, station: Station, path: Path) -> bool:
    results = [
        r for r in run.results
        if station.holds(r) and not is_swept(r) and r["baseline"]["outcome"] == "measured"
    ]  # fmt: skip
    if not results:
        return False
    height = 0.36 * len(results) + 2.3
    figure, axes = plt.subplots(figsize=(WIDTH, height))
    for i, result in enumerate(results):
        draw_bar(axes, -i, result)
    speed_ups = [speed_up for r in results for speed_up in speed_ups_of(r)]
    low, high = min([*speed_ups, 1.0]) / 1.3, max([*speed_ups, 2.0])
    axes.set_xscale("log", base=2)
    set_log_axis(axes.xaxis, (low, high), 2)
    # Room for the text behind the longest bar: a share of the width, whatever the bars span.
    axes.set_xlim(low, high * (high / low) ** 0.55)
    axes.set_yticks([-i for i in range(len(results))], [f"{r['case']}  {r['type']}" for r in results])
    axes.set_ylim(0.4 - len(results), 0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.axvline(1, color=GREY, linewidth=1.4)
    axes.set_xlabel(f"times as fast as {baseline_of(results)}  (time : its time)")
    phases = list(dict.fromkeys(r["phase"] for r in results))
    handles: list[Artist] = [Patch(color=PHASE_COLOURS[phase], label=phase) for phase in phases]
    if len(speed_ups) > len(results):
        handles.append(Line2D([], [], color="black", linestyle="", marker="|", markersize=14,
                              markeredgewidth=1.4, label="fastest samples"))  # fmt: skip
    axes.legend(handles=handles, ncols=len(handles), loc="lower left", bbox_to_anchor=(0, 1))
    figure.tight_layout(rect=(0, 0.5 / height, 1, 1))
    finish(figure, run.caption(station), path)
    return True


# ---- all -----------------------------------------------------------------------------------------

PICTURES: list[tuple[str, Callable[[Run, Station, Path], bool], str]] = [
    ("throughput", draw_throughput, "no --sweep"),
    ("roofline", draw_roofline, "no cases with ceilings besides sweeps"),
    ("bars", draw_bars, "no cases with baselines besides sweeps"),
    ("crossing", draw_crossing, "no --sweep of attention and linear_attention"),
]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="+", type=Path, help="files that seqmix-bench --json wrote")
    parser.add_argument("-o", "--output", type=Path, default=Path("."), help="folder for the pictures")
    arguments = parser.parse_args()
    run = Run(arguments.results)
    if not run.results:
        sys.exit("plot_bench: the files hold no measured case")
    arguments.output.mkdir(parents=True, exist_ok=True)
    stations = run.stations()
    with plt.rc_context(STYLE):
        for station in stations:
            suffix = f"-{station.device.replace(':', '-')}-{station.threads}" if len(stations) > 1 else ""
            for name, draw, without in PICTURES:
                if not draw(run, station, arguments.output / f"{name}{suffix}.png"):
                    print(f"{name}{suffix}: not drawn, {without}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
