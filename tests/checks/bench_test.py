# SPDX-License-Identifier: Apache-2.0
"""seqmix-bench as a program: files, exit statuses and messages, on a shape that takes no time.

  bench_test.py PROGRAM [--no-gpus] [--no-baseline]
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROGRAM, *EXTRA = (argument for argument in sys.argv[1:] if argument != "--no-gpus")
HAS_GPUS = "--no-gpus" not in sys.argv
SHAPE = "Tq=40,Hq=4,Hkv=2,D=16,causal=1"
QUICK = ["--shape", SHAPE, "--threads", "1", "--min-time", "0", "--min-samples", "1", *EXTRA]


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)


def expect(result: subprocess.CompletedProcess[str], status: int, *parts: str) -> None:
    output = result.stdout + result.stderr
    if result.returncode != status or any(part not in output for part in parts):
        sys.exit(f"{result.args}: status {result.returncode}, must be {status} with {parts}\n{output}")


def check_result(result: dict[str, Any], dtype: str) -> None:
    assert result["operator"] == "attention" and result["type"] == dtype, result
    assert result["outcome"] == "measured" and result["threads"] == 1, result
    assert result["parameters"]["Tk"] == 40 and result["parameters"]["Hkv"] == 2, result
    assert result["variant"].startswith("attention__"), result
    assert result["verified_rows"] >= 64 and 0 <= result["error_over_tolerance"] <= 1, result
    assert result["flops"] == 4 * (40 * 41 // 2) * (2 * 16 + 2 * 16), result
    assert result["seconds"] > 0 and 0 <= result["spread"], result
    assert abs(result["flops_per_second"] * result["seconds"] / result["flops"] - 1) < 1e-9, result
    ceiling = result["ceiling"]
    by_memory = ceiling["bandwidth"] * result["flops"] / result["bytes"]
    assert ceiling["bound"] == ("memory" if by_memory < ceiling["peak"] else "compute"), result
    assert abs(ceiling["flops"] / min(by_memory, ceiling["peak"]) - 1) < 1e-9, result
    assert abs(result["fraction"] * ceiling["flops"] / result["flops_per_second"] - 1) < 1e-9
    assert 0 < result["best_seconds"] <= result["low"] <= result["seconds"], result
    best = result["flops"] / result["best_seconds"]
    assert abs(result["best_fraction"] * ceiling["flops"] / best - 1) < 1e-9, result
    baseline = result["baseline"]
    if EXTRA:
        assert baseline["outcome"] == "skipped", result
    else:
        assert baseline["outcome"] == "measured" and baseline["verified_rows"] >= 64, result
        assert abs(baseline["speed_up"] * result["seconds"] / baseline["seconds"] - 1) < 1e-9


def check_file(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    assert data["format"] == 1 and data["program"] == "seqmix-bench", data
    assert data["machine"]["model"] and data["build"]["compiler"] and data["date"], data
    assert "cpu" in data["devices"] and data["build"]["version"], data
    assert data["ceilings"][0]["threads"] == 1 and data["ceilings"][0]["read"] > 0, data
    assert data["ceilings"][0]["multiply_add"]["generic"] > 0, data
    assert len(data["results"]) == 3, data
    for result, dtype in zip(data["results"], ("f32", "f16", "bf16")):
        check_result(result, dtype)
    return data


def check_compare(folder: Path, data: dict[str, Any]) -> None:
    """Against figures that no machine reaches, and that none misses."""
    for factor, status, word in ((1e6, 3, "SLOWER"), (1e-6, 0, "faster")):
        for result in data["results"]:
            result["spread"] = result["ceiling"]["drift"] = 0
            result["fraction"] = factor
        (folder / "old.json").write_text(json.dumps(data))
        expect(bench(*QUICK, "--compare", folder / "old.json"), status, word, "1 of 1 cases")
    data["results"] = []
    (folder / "old.json").write_text(json.dumps(data))
    expect(bench(*QUICK, "--compare", folder / "old.json"), 2, "0 of 1 cases", "no case is in both")


def check_linear_attention(folder: Path) -> None:
    """Choices by name, and states in place against a ceiling of their own."""
    shape = "linear_attention:B=2,T=1,H=40,D=16,rule=gated_delta,beta=head"
    command = ["--shape", shape, *QUICK[2:]]
    file = folder / "linear.json"
    expect(bench(*command, "--json", file), 0, "gated_delta-head-decode")
    (result,) = json.loads(file.read_text())["results"]
    assert result["operator"] == "linear_attention" and result["outcome"] == "measured", result
    assert result["parameters"]["rule"] == "gated_delta", result
    assert result["parameters"]["states"] == "update", result
    assert result["variant"].startswith("linear_attention__"), result
    assert result["flops"] == 2 * 40 * 6 * 16 * 16, result
    assert result["bytes"] == 2 * 40 * 4 * (4 * 16 + 2 + 2 * 16 * 16), result
    assert result["ceiling"]["bandwidth_name"] == "update", result
    assert result["verified_rows"] >= 64 and result["baseline"]["what"].startswith("a plain"), result
    assert result["baseline"]["outcome"] == ("skipped" if EXTRA else "measured"), result
    expect(bench(*command, "--no-baseline", "--json", folder / "alone.json"), 0, "gated_delta-head-decode")
    (alone,) = json.loads((folder / "alone.json").read_text())["results"]
    assert alone["baseline"]["outcome"] == "skipped", alone
    assert alone["baseline"]["what"] == result["baseline"]["what"], alone
    again = bench(*command, "--compare", file)
    if "1 of 1 cases compared" not in again.stdout:
        sys.exit(f"{again.args}: {again.stdout}{again.stderr}")


# Shape, flops, bytes and what bounds it where memory does.
SCANS = (
    ("linear_recurrence:B=2,T=50,C=16,constant=1,complex=1", 8 * 1600, 4 * (4 * 1600 + 32), "copy"),
    ("linear_recurrence:B=2,T=50,C=16,layout=bct,reverse=1", 2 * 1600, 4 * 3 * 1600, "copy_add"),
    (
        "selective_scan:B=2,T=1,C=40,S=16",
        7 * 1280,
        4 * (4 * 80 + 2 * 32 + 640 + 80 + 2 * 1280),
        "update",
    ),
    ("prefix_scan:B=2,T=50,C=16,op=logsumexp,axis=last", 1600, 4 * 2 * 1600, "copy"),
    ("causal_conv1d:T=100,C=16,W=4,bias=0", 8 * 1600, 4 * (2 * 1600 + 64), "copy"),
)


def check_scans(folder: Path) -> None:
    """One case of each operator: its work, and which bandwidth it is measured by."""
    file = folder / "scans.json"
    shapes = [part for shape, *_ in SCANS for part in ("--shape", shape)]
    expect(bench(*shapes, *QUICK[2:], "--json", file), 0, "copy_add", "G state updates/s")
    data = json.loads(file.read_text())
    assert 0 < data["ceilings"][0]["copy_add"] and 0 < data["ceilings"][0]["copy"], data["ceilings"]
    assert len(data["results"]) == len(SCANS), data
    for (shape, flops, size, bandwidth), result in zip(SCANS, data["results"]):
        assert result["operator"] == shape.split(":")[0] and result["outcome"] == "measured", result
        assert result["variant"].startswith(result["operator"] + "__"), result
        assert (result["flops"], result["bytes"]) == (flops, size), result
        assert result["ceiling"]["bandwidth_name"] == bandwidth, result
        assert result["verified_rows"] >= 64 and result["error_over_tolerance"] <= 1, result
        assert result["baseline"]["outcome"] == ("skipped" if EXTRA else "measured"), result
        assert ("state_updates" in result) == (result["operator"] == "selective_scan"), result
    (selective,) = (r for r in data["results"] if "state_updates" in r)
    per_second = selective["state_updates_per_second"]
    assert abs(per_second * selective["seconds"] / (2 * 40 * 16) - 1) < 1e-9, selective


def check_devices(folder: Path) -> None:
    """Devices take turns, and are compared with the first; one alone is compared with none."""
    json_file, csv_file = folder / "two.json", folder / "two.csv"
    files: list[str | Path] = ["--json", json_file, "--csv", csv_file]
    command = [*QUICK, "--shape", "prefix_scan:T=50,C=16", "--device", "reference,cpu", *files]
    expect(bench(*command), 0, "x reference")
    results = json.loads(json_file.read_text())["results"]
    rows = list(csv.DictReader(csv_file.open()))
    assert [r["device"] for r in results] == ["reference", "cpu"] * 2, results
    assert results[0]["case"] == results[1]["case"] != results[2]["case"], results
    for i, (result, row) in enumerate(zip(results, rows)):
        first = results[i - i % 2]
        relative = result["relative"]
        assert relative["to"] == row["relative_to"] == "reference", (result, row)
        assert abs(relative["speed_up"] * result["seconds"] / first["seconds"] - 1) < 1e-9, result
        assert abs(float(row["relative_speed_up"]) / relative["speed_up"] - 1) < 1e-3, row
        assert "kernels" not in result and "bounds" not in result, result
    alone = bench(*QUICK, "--device", "cpu", *files)
    assert "x cpu" not in alone.stdout, alone.stdout
    assert "relative" not in json.loads(json_file.read_text())["results"][0]


def check_bound(bound: dict[str, Any], gpu: dict[str, Any], work: dict[str, Any]) -> None:
    compute, memory = work["flops"] / gpu["flops"], work["bytes"] / gpu["bandwidth"]
    assert abs(bound["seconds"] / max(compute, memory) - 1) < 1e-9, (bound, gpu, work)
    assert bound["bound"] == ("compute" if compute > memory else "memory"), (bound, gpu, work)


def check_plans(folder: Path) -> None:
    """What GPUs that are not here would be given, and what bounds it."""
    file = folder / "gpus.json"
    shapes = [part for shape, *_ in SCANS for part in ("--shape", shape)]
    command = ["--gpus", "--shape", SHAPE, *shapes, "--type", "bf16", "--json", str(file)]
    if not HAS_GPUS:
        expect(bench(*command), 2, "plans for no GPUs")
        return
    expect(bench(*command), 0, "H200 SXM", "attention_prefill", "by memory", "FLOP/B")
    data = json.loads(file.read_text())
    assert data["results"] == [] and len(data["plans"]) == 1 + len(SCANS), data
    for plan in data["plans"]:
        assert plan["type"] == "bf16" and set(plan["gpus"]) == set(data["gpus"]), plan
        for name, gpu in plan["gpus"].items():
            check_bound(gpu, data["gpus"][name], plan)
            assert gpu["variant"].startswith(plan["operator"] + "__"), gpu
            assert gpu["kernels"], gpu
            for kernel in gpu["kernels"]:
                assert kernel["groups"] >= 1 and kernel["items"] >= 1, kernel
                assert kernel["launches"] >= 1 and "LANES=" in kernel["program"], kernel
                assert kernel["local_bytes"] <= data["gpus"][name]["local_bytes"], kernel
                assert "compile_seconds" not in kernel, kernel
    assert data["plans"][0]["flops"] == 4 * (40 * 41 // 2) * (2 * 16 + 2 * 16), data["plans"][0]
    expect(bench(*command, "--variant", "attention__guess"), 2, "attention__guess")
    expect(bench("--gpus", "--shape", SHAPE, "--csv", folder / "no.csv"), 2, "--gpus", "--csv")


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files: list[str | Path] = ["--json", folder / "run.json", "--csv", folder / "run.csv"]
        expect(bench(*QUICK, "--type", "f32,f16,bf16", *files), 0, "ceilings with 1 thread", "f16")
        data = check_file(folder / "run.json")
        rows = list(csv.DictReader((folder / "run.csv").open()))
        assert [row["type"] for row in rows] == ["f32", "f16", "bf16"], rows
        assert all(None not in row and row["outcome"] == "measured" for row in rows), rows
        assert all(float(r["best_fraction"]) >= float(r["fraction"]) > 0 for r in rows), rows
        assert all(0 < float(r["best_seconds"]) <= float(r["seconds"]) for r in rows), rows
        check_compare(folder, data)
        check_linear_attention(folder)
        check_scans(folder)
        check_devices(folder)
        check_plans(folder)
        expect(bench(*QUICK, "--json", folder / "none" / "run.json"), 2, "--json", "none")
        expect(bench(*QUICK, "--compare", folder / "none.json"), 2, "--compare", "none.json")
    expect(bench(*QUICK, "--variant", "attention__guess"), 2, "attention__guess")
    expect(bench(*QUICK, "--device", "abacus"), 2, "abacus")
    expect(bench("--list"), 0, "llama3-70b-prefill", "softcap", "kimi-linear-decode", "gated_delta")
    expect(bench("--list"), 0, "mamba-2.8b-conv-decode", "logsumexp", "lru-path-x", "bct")
    expect(bench("--help"), 0, "usage", "--compare")
    expect(bench("--version"), 0, "seqmix-bench ")
    expect(bench("--preset", "nothing"), 2, "nothing", "small-call")
    return 0


if __name__ == "__main__":
    sys.exit(main())
