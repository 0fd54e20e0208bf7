# SPDX-License-Identifier: Apache-2.0
"""Every kernel on small shapes in Oclgrind, which sees every access: no data race, no access outside
an allocation, nothing read before it was written, no wrong call of OpenCL's own functions."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ("/usr/lib/oclgrind/liboclgrind-rt.so", "/usr/lib/x86_64-linux-gnu/oclgrind/liboclgrind-rt.so")

# Of each operator cases that together take every way through its kernels, all variants of each; small
# ones, as this is a thousand times slower than a device. Those of a GPU's shape have many work-items
# and are slower still.
CASES = {
    "cpu": {
        "attention": ["one_of_everything", "small_packed", "small_paged", "small_tables", "small_scores"],
        "attention_merge": ["merge_dim_1", "merge_one_part"],
        "linear_attention": [
            "one_token",
            "small_gated_delta",
            "small_channel",
            "small_dplr",
            "small_bidirectional",
            "small_input_gate",
        ],
        "linear_recurrence": [
            "t9",
            "complex_f16",
            "reverse_packed_complex",
            "layout_time_packed_bf16",
            "pool_other_rows_absences",
            "t512_c1",
        ],
        "prefix_scan": [
            "sum_f16",
            "product_segments",
            "max_t9",
            "logsumexp_exclusive_reverse",
            "rank_4_axis_2",
            "i32_product_zeros",
        ],
        "selective_scan": ["s3_t1", "small", "small_complex_f16", "small_cut", "small_cut_complex"],
        "causal_conv1d": ["width_4_t2", "width_4_packed", "width_8_t3_in_place", "width_4_spread"],
    },
    "gpu": {
        "attention": ["one_of_everything", "small_paged", "small_tables"],
        "attention_merge": ["merge_dim_1", "merge_one_part"],
        "linear_attention": ["one_token", "small_gated_delta", "small_dplr", "small_input_gate"],
        "linear_recurrence": ["t9", "small_complex", "reverse_packed_complex"],
        "prefix_scan": ["sum_f16", "max_t9"],
        "selective_scan": ["small", "small_complex_f16", "small_cut"],
        "causal_conv1d": ["width_4_t2", "width_4_packed"],
    },
}

COMPLAINT = re.compile(r"^(Invalid|Uninitialized|.*data race|OCLGRIND|Oclgrind - ).*$", re.MULTILINE | re.IGNORECASE)
LAUNCH = re.compile(r"^seqmix: debug: launch (\w+) ", re.MULTILINE)
KERNEL = re.compile(r"^KERNEL void (\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Libraries:
    """Oclgrind's; the same with buffers that live on; and products computed on the host, as CLBlast's
    own kernels do not work there. The last two were linked to the first by a name in `folder`."""

    oclgrind: Path
    folder: Path
    keeping: Path
    blas: Path


def environment(libraries: Libraries, shape: str) -> dict[str, str]:
    chosen = {"SEQMIX_OPENCL": str(libraries.oclgrind), "SEQMIX_CLBLAST": str(libraries.blas)}
    # Its check of what was written does not survive shuffles of 16 floats, nor follow what the host
    # writes between kernels.
    if shape == "gpu":
        chosen = {
            "SEQMIX_OPENCL": str(libraries.keeping),
            "SEQMIX_CLBLAST": "/nowhere",
            "OCLGRIND_UNINITIALIZED": "1",
        }
    return {
        **os.environ,
        **chosen,
        "LD_LIBRARY_PATH": str(libraries.folder),
        "SEQMIX_LOG": "debug",
        "SEQMIX_OPENCL_AS": shape,
        "SEQMIX_CACHE_DIR": "",
        "OCLGRIND_DATA_RACES": "1",
        "OCLGRIND_CHECK_API": "1",
        # It has no word for what optimising leaves of inlined functions, and its threads may hang.
        "OCLGRIND_BUILD_OPTIONS": "-cl-opt-disable",
        "OCLGRIND_NUM_THREADS": "1",
    }


def examine(tool: Path, variables: dict[str, str], operator: str, case: str) -> tuple[str, set[str]]:
    """What is wrong with a case, "" if nothing; and the kernels it launched."""
    command = [str(tool), "verify", "--device", "opencl:0", "--operator", operator, "--case", case]
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "not done after 300 s", set()
    launched = set(LAUNCH.findall(done.stderr))
    found = COMPLAINT.search(done.stderr) or COMPLAINT.search(done.stdout)
    if found or done.returncode:
        said = done.stderr[found.start() :][:800] if found and found.string is done.stderr else done.stdout
        return f"exit status {done.returncode}: {said}", launched
    return "", launched


def all_cases() -> Iterator[tuple[str, str, str]]:
    for shape, operators in CASES.items():
        for operator, cases in operators.items():
            for case in cases:
                yield shape, operator, case


def kernels_of(folder: Path) -> set[str]:
    return {name for path in folder.rglob("*.c") for name in KERNEL.findall(path.read_text())}


def run(tool: Path, libraries: Libraries, kernels: set[str]) -> tuple[int, int]:
    """How many checks passed and failed: the cases, and that no kernel was left out."""
    passed = failed = 0
    launched: set[str] = set()
    for shape, operator, case in all_cases():
        start = time.monotonic()
        wrong, of_case = examine(tool, environment(libraries, shape), operator, case)
        launched |= of_case
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print(f"{shape} {operator} {case}: {time.monotonic() - start:.1f} s", wrong, flush=True)
    missing = sorted(kernels - launched)
    print(f"{len(launched)} of {len(kernels)} kernels launched; never:", *missing or ["none"])
    return passed + (not missing), failed + bool(missing)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", type=Path, help="the seqmix command")
    parser.add_argument("kernels", type=Path, help="the folder of texts")
    parser.add_argument("modules", type=Path, nargs="*", help="keep_buffers.so and host_blas.so")
    options = parser.parse_args()
    library = next((Path(path) for path in LIBRARIES if Path(path).exists()), None)
    if library is None or not options.modules:
        print("SKIP oclgrind: it is not installed, or was not when this was configured")
        print("totals: 0 passed, 0 failed, 1 skipped")
        return 0
    keeping, blas = options.modules
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "libOpenCL.so").symlink_to(library)
        libraries = Libraries(library, Path(name), keeping, blas)
        passed, failed = run(options.tool, libraries, kernels_of(options.kernels))
    print(f"totals: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
