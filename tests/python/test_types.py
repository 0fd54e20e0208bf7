# SPDX-License-Identifier: Apache-2.0
"""The package's annotations, as users' type checkers see them."""

import pathlib
import subprocess
import sys

import pytest

from support import needed

needed("mypy", reason="mypy is not installed: annotations go unchecked")

PACKAGE = pathlib.Path(__file__).parents[2] / "python" / "seqmix"

USE = """
from typing import Any, Dict, List, Tuple
import numpy as np
import numpy.typing as npt
from typing_extensions import assert_type
import seqmix

Floats = npt.NDArray[np.float32]
q: Floats = np.ones((1, 2, 3, 4), np.float32)
assert_type(seqmix.attention(q, q, q, causal=True, window=(3, None)), Floats)
assert_type(seqmix.attention(q, q, q, return_lse=True), Tuple[Floats, Floats])
assert_type(seqmix.attention(q, q, q, lse=q, key_lengths=[1, 2]), Tuple[Floats, Floats])
assert_type(seqmix.attention(q, q, q, scores="raw", query_offset=3), Tuple[Floats, Floats])
assert_type(
    seqmix.attention(q, q, q, scores="bias", return_lse=True), Tuple[Floats, Floats, Floats]
)
out, lse = seqmix.attention_merge([q, q], [q, q], [0.5])
assert_type(out, Floats)
assert_type(seqmix.linear_attention(q, q, q, update_rule="gated", decay=[0.5]), Floats)
assert_type(seqmix.linear_attention(q, q, q, normalize="sum", input_gate=q), Floats)
assert_type(seqmix.linear_attention(q, q, q, return_state=True), Tuple[Floats, Floats])
y, (s, z) = seqmix.linear_attention(q, q, q, normalize="sum", return_state=True)
assert_type((y, s, z), Tuple[Floats, Floats, Floats])
y, state = seqmix.linear_attention(
    q, q, q, normalize="abs_max", input_gate=q, return_state=True, past_state=(s, z, z)
)
assert_type(state, Tuple[Floats, Floats, Floats])
halves: npt.NDArray[np.float16] = np.ones((1, 3, 4, 4), np.float16)
y, half = seqmix.linear_attention(q, q, q, past_state=halves, present_state=halves)
assert_type(half, npt.NDArray[np.float16])
y, pair = seqmix.linear_attention(q, q, q, normalize="sum", present_state=(s, z))
assert_type(pair, Tuple[Floats, Floats])
x: Floats = np.ones((1, 2, 3), np.float32)
assert_type(seqmix.linear_recurrence(x, x, reverse=True), Floats)
assert_type(seqmix.linear_recurrence(x, x, return_state=True), Tuple[Floats, Floats])
waves: npt.NDArray[np.complex64] = np.ones((1, 2, 3), np.complex64)
assert_type(seqmix.linear_recurrence(waves, waves), npt.NDArray[np.complex64])
y, half = seqmix.linear_recurrence(x, x, past_state=halves, present_state=halves)
assert_type(half, npt.NDArray[np.float16])
assert_type(seqmix.selective_scan(x, x, x, q, q, D=x, delta_softplus=True), Floats)
y, half = seqmix.selective_scan(x, x, x, q, q, present_state=halves)
assert_type(half, npt.NDArray[np.float16])
assert_type(seqmix.causal_conv1d(x, x, x, activation="silu", cu_seqlens=[0, 2]), Floats)
assert_type(seqmix.causal_conv1d(x, x, return_state=True), Tuple[Floats, Floats])
assert_type(seqmix.prefix_scan(halves, "logsumexp", axis=0), npt.NDArray[np.float16])
assert_type(seqmix.devices(), List[Dict[str, Any]])
with seqmix.Context("cpu", threads=2) as context:
    context.threads = 3
    assert_type(context.variants(), List[str])
    seqmix.attention(q, q, q, context=context, block_size=(1, 2), block_mask=q, sinks=[1.0])
try:
    pass
except seqmix.Error as error:
    assert_type(error.status, seqmix.Status)
"""

MISUSE = """
import numpy as np
import seqmix
q = np.ones((1, 2, 3, 4), np.float32)
seqmix.attention(q, q, 3)
seqmix.attention(q, q, q, casual=True)
seqmix.attention(q, q, q, head_sharing="shared")
seqmix.attention_merge(q)
seqmix.Context(threads="2")
seqmix.linear_attention(q, q)
seqmix.linear_attention(q, q, q, update_rule="gate")
seqmix.linear_attention(q, q, q, feature_map="elu")
seqmix.linear_attention(q, q, q, normalize=3)
seqmix.linear_attention(q, q, q, present_state=q, head_sharing="shared")
seqmix.linear_recurrence(q)
seqmix.linear_recurrence(q, q, backwards=True)
seqmix.selective_scan(q, q, q, q)
seqmix.prefix_scan(q, "prod")
seqmix.causal_conv1d(q, q, activation="swish")
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


def mypy(cache, path):
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), str(path)],
        env={"MYPYPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
    )


def test_the_package_itself(cache):
    done = mypy(cache, PACKAGE)
    assert done.returncode == 0, done.stdout


def test_a_program_that_uses_it(cache, tmp_path):
    (tmp_path / "use.py").write_text(USE)
    done = mypy(cache, tmp_path / "use.py")
    assert done.returncode == 0, done.stdout


def test_a_program_that_misuses_it(cache, tmp_path):
    (tmp_path / "misuse.py").write_text(MISUSE)
    lines = {
        int(line.split(":")[1])
        for line in mypy(cache, tmp_path / "misuse.py").stdout.splitlines()
        if ": error:" in line
    }
    assert lines == set(range(5, 20))
