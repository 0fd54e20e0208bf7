# SPDX-License-Identifier: Apache-2.0
"""tools/plot_bench.py draws what a file holds, and says what it lacks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

PROGRAM = Path(__file__).parents[2] / "tools" / "plot_bench.py"
PNG = b"\x89PNG\r\n\x1a\n"


def result(case, dtype, threads=2, length=1024, speed_up=1.5, phase="prefill"):
    seconds, flops, size = 1e-3 * length / 1024, 1e5 * length, 100.0 * length
    return {
        "operator": "attention", "case": case, "phase": phase, "type": dtype, "device": "cpu",
        "threads": threads, "outcome": "measured", "flops": flops, "bytes": size,
        "parameters": {"B": 1, "Tq": length, "Tk": length, "D": 64, "causal": 1, "softcap": 0},
        "seconds": seconds, "flops_per_second": flops / seconds, "bytes_per_second": size / seconds,
        "ceiling": {"flops": 3e11, "bound": "compute"},
        "baseline": {"outcome": "measured", "seconds": seconds * speed_up, "speed_up": speed_up},
    }  # fmt: skip


def linear_result(case, length, seconds, dtype="f32"):
    """A case of a sweep of linear attention."""
    made = result(f"{case}@{length}", dtype, length=length)
    made["operator"], made["seconds"] = "linear_attention", seconds
    made["parameters"] = {
        "B": 1, "T": length, "H": 16, "D": 128, "rule": "gated_delta", "decay": "none", "bonus": 0,
    }  # fmt: skip
    return made


def attention_result(length, seconds, dtype="f32"):
    made = result(f"p@{length}", dtype, length=length)
    made["seconds"], made["parameters"]["Hq"] = seconds, 16
    return made


def document(results, model="a processor"):
    levels = {"generic": 7e10, "avx2": 2e11}
    return {
        "format": 1, "program": "seqmix-bench", "date": "2024-02-29T12:00:00Z",
        "machine": {"model": model}, "build": {"version": "0.1.0", "compiler": "cc"},
        "devices": {"cpu": "a processor"}, "results": results,
        "ceilings": [{"threads": 2, "multiply_add": levels, "read": 2e10, "copy": 2e10}],
    }  # fmt: skip


def plot(folder, *documents):
    paths = []
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(documents):
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps(data))
    command = [sys.executable, PROGRAM, *paths, "-o", folder / "pictures"]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    pictures = {path.name for path in (folder / "pictures").glob("*")}
    assert all((folder / "pictures" / name).read_bytes().startswith(PNG) for name in pictures)
    return run.returncode, run.stdout + run.stderr, pictures


def test_all_pictures(tmp_path):
    sweep = [result(f"p@{n}", "f32", length=n) for n in (128, 256, 512)]
    cases = [result("p", "f32"), result("p", "bf16"), result("d", "f32", 2, 64, 0.3, "decode")]
    cases[0]["best_seconds"], cases[0]["baseline"]["best_seconds"] = 5e-4, 1.2e-3
    status, output, pictures = plot(tmp_path, document(sweep), document(cases))
    assert status == 0, output
    assert pictures == {"throughput.png", "roofline.png", "bars.png"}, output


def test_a_picture_per_number_of_threads(tmp_path):
    status, output, pictures = plot(
        tmp_path, document([result("p@64", "f16", n, 64) for n in (1, 2)])
    )
    assert status == 0, output
    assert pictures == {"throughput-cpu-1.png", "throughput-cpu-2.png"}, output
    assert "bars-cpu-1: not drawn" in output


def test_cases_without_baseline_or_ceiling(tmp_path):
    bare = result("p", "f32")
    bare["baseline"] = {"outcome": "skipped", "message": "not asked for"}
    status, output, pictures = plot(tmp_path, document([bare]))
    assert (status, pictures) == (0, {"roofline.png"}), output
    del bare["ceiling"]
    swept = dict(bare, case="p@1024")
    assert plot(tmp_path, document([swept]))[0] == 0


LENGTHS = (256, 1024, 4096)


def test_crossing(tmp_path):
    """Time as T^2 / 1e9 s and T / 1e6 s: equal at 1000. Between 256 and 1024 lines of logarithms are
    straight, so that the crossing is exact."""
    sweep = [attention_result(n, n * n * 1e-9) for n in LENGTHS]
    sweep += [linear_result("delta", n, n * 1e-6) for n in LENGTHS]
    sweep += [linear_result("never", n, n * 1e-2) for n in LENGTHS]
    sweep += [linear_result("other", n, n * 1e-6, "bf16") for n in LENGTHS]
    status, output, pictures = plot(tmp_path, document(sweep))
    assert status == 0, output
    assert pictures == {"throughput.png", "crossing.png"}, output
    assert "delta f32 overtakes attention p f32 at 1000 tokens" in output
    assert output.count("overtakes") == 1, output


def test_crossing_of_files_and_threads(tmp_path):
    """Both operators may come from files of their own, in any order; threads do not mix."""
    linear = [linear_result("gated", n, n * 1e-6) for n in reversed(LENGTHS)]
    attention = [attention_result(n, n * n * 1e-9) for n in (64, *LENGTHS)]
    output = plot(tmp_path, document(linear), document(attention))[1]
    assert "gated f32 overtakes attention p f32 at 1000 tokens" in output
    for made in attention:
        made["threads"] = 1
    status, output, pictures = plot(tmp_path / "again", document(linear), document(attention))
    assert status == 0 and "crossing-cpu-1: not drawn" in output, output
    assert "crossing-cpu-2: not drawn" in output and "overtakes" not in output


def test_no_crossing_without_attention(tmp_path):
    status, output, pictures = plot(tmp_path, document([linear_result("gated", 256, 1e-3)]))
    assert (status, pictures) == (0, {"throughput.png"}), output
    assert "crossing: not drawn, no --sweep of attention and linear_attention" in output


@pytest.mark.parametrize(
    "documents, words",
    [
        ([{"format": 2}], "seqmix-bench --json"),
        ([document([])], "no measured case"),
        ([document([result("p", "f32")]), document([], "another")], "different machines"),
    ],
)
def test_refusals(tmp_path, documents, words):
    status, output, pictures = plot(tmp_path, *documents)
    assert status == 1 and words in output and not pictures


def test_no_file(tmp_path):
    command = [sys.executable, str(PROGRAM), str(tmp_path / "none.json")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1 and "none.json" in run.stderr
