# SPDX-License-Identifier: Apache-2.0
"""Kernels on small shapes in Oclgrind, which sees every access: no data race, no access outside an
allocation, nothing read before it was written, no wrong call of OpenCL's own functions."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

LIBRARIES = ("/usr/lib/oclgrind/liboclgrind-rt.so", "/usr/lib/x86_64-linux-gnu/oclgrind/liboclgrind-rt.so")

# Of each operator cases that together take every way through its kernels; small ones, as this is a
# thousand times slower than a device.
CASES = {
    "linear_recurrence": [
        "t9",
        "complex_f16",
        "reverse_packed_complex",
        "layout_time_packed_bf16",
        "pool_other_rows_absences",
        "t512_c1",
    ],
    "prefix_scan": ["sum_f16", "product_segments", "max_t9", "logsumexp_exclusive_reverse", "rank_4_axis_2"],
}

# Shapes of kernels: work-items of a GPU, and threads of a CPU.
SHAPES = ("gpu", "cpu")

COMPLAINT = re.compile(r"^(Invalid|Uninitialized|.*data race|OCLGRIND|Oclgrind - ).*$", re.MULTILINE | re.IGNORECASE)


def environment(library: str, shape: str) -> dict[str, str]:
    # Shuffles of vectors are more than its check of what was written survives.
    checks = {"OCLGRIND_UNINITIALIZED": "1"} if shape == "gpu" else {}
    return {
        **os.environ,
        **checks,
        "SEQMIX_OPENCL": library,
        "SEQMIX_OPENCL_AS": shape,
        "SEQMIX_CACHE_DIR": "",
        "OCLGRIND_DATA_RACES": "1",
        "OCLGRIND_CHECK_API": "1",
        # It has no word for what optimising leaves of inlined functions, and its threads may hang.
        "OCLGRIND_BUILD_OPTIONS": "-cl-opt-disable",
        "OCLGRIND_NUM_THREADS": "1",
    }


def complaint(tool: Path, library: str, shape: str, operator: str, case: str) -> str:
    """What is wrong with a case; "" if nothing."""
    command = [str(tool), "verify", "--device", "opencl:0", "--operator", operator, "--case", case]
    try:
        done = subprocess.run(
            command, env=environment(library, shape), capture_output=True, text=True, timeout=300
        )
    except subprocess.TimeoutExpired:
        return "not done after 300 s"
    found = COMPLAINT.search(done.stderr) or COMPLAINT.search(done.stdout)
    if found or done.returncode:
        return f"exit status {done.returncode}: {found.group() if found else done.stdout + done.stderr}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", type=Path, help="the seqmix command")
    tool = parser.parse_args().tool
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    if library is None:
        print("SKIP oclgrind: it is not installed")
        print("totals: 0 passed, 0 failed, 1 skipped")
        return 0
    passed = failed = 0
    for shape in SHAPES:
        for operator, cases in CASES.items():
            for case in cases:
                wrong = complaint(tool, library, shape, operator, case)
                passed, failed = passed + (not wrong), failed + bool(wrong)
                if wrong:
                    print(f"{operator} {case}, as on a {shape}: {wrong}")
    print(f"totals: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
