# SPDX-License-Identifier: Apache-2.0
"""What the tests share: types, random values and the judgement of results."""

import os
import re
import sys

import ml_dtypes
import numpy as np
import pytest

# SEQMIX_DEVICE names the device under test; the reference backend is judged beside it.
DEVICE = os.environ.get("SEQMIX_DEVICE", "cpu")
SEED = int(os.environ.get("SEQMIX_SEED", 20240229))

F32 = np.dtype(np.float32)
F16 = np.dtype(np.float16)
BF16 = np.dtype(ml_dtypes.bfloat16)

# Relative error in the 2-norm, and largest error over the largest value (docs/operators.md).
TOLERANCES = {F32: (2e-6, 2e-5), F16: (5e-4, 2e-3), BF16: (4e-3, 1.6e-2)}


# The bounds of scans and convolutions, as multiples of attention's above.
SCAN_FACTORS = {F32: 0.5, F16: 1.0, BF16: 1.0}


def needed(module, **conditions):
    """pytest.importorskip for what ./dev installs: in CI its absence is a failure.

    Not for Pythons before 3.11, which the packages have begun to leave behind.
    """
    try:
        return pytest.importorskip(module, **conditions)
    except pytest.skip.Exception as skipped:
        if os.environ.get("CI") and sys.version_info >= (3, 11):
            pytest.fail(f"in CI nothing may be missing: {skipped}", pytrace=False)
        raise


def tool():
    """The command `seqmix` of the build under test."""
    path = os.environ.get("SEQMIX_TOOL")
    if not path:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("SEQMIX_TOOL names no command")
    return path


def is_named(error, operator, sentence):
    """Checks what an error says, and returns whether it was said before anything was written.

    What index arrays hold lies in the memory of a device that has its own, which says of a whole
    array that it is wrong, and afterwards.
    """
    text = str(error)
    found = "(found on the device" in text
    start = re.match(r"\w+", sentence).group() if found else sentence
    assert re.search(rf"^{operator}: (.*\W)?({start})", text), text
    return not found


def skip_unless_looked_for(context, sentence):
    """No GPU looks for a row of states that two sequences write."""
    if "(out_)" in sentence and context.device.startswith(("opencl", "cuda")):
        pytest.skip("rows that two sequences write: a device does not look for them")


def load(run, name, dtype):
    """A result. NumPy knows no name for bf16: its files hold two nameless bytes per element."""
    array = np.load(run.folder / f"{name}.npy")
    return array.view(BF16) if dtype == BF16 else array


def on_the_command_line(options):
    """The words of options, whose arrays are in files of their names, and these arrays."""
    arrays = {name: value for name, value in options.items() if isinstance(value, np.ndarray)}
    words = []
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}"]
        words += [f"{name}.npy"] if name in arrays else [value] if isinstance(value, str) else []
    return words, arrays


def normal(rng, *shape, dtype=F32):
    """Standard normal values of a type."""
    return rng.standard_normal(shape).astype(dtype)


def assert_close(actual, expected, dtype=F32, factor=1.0):
    """Infinities, NaN and exact zeros stand where they must, and errors are in bounds."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~finite], expected[~finite])
    assert np.isfinite(actual[finite]).all()
    assert (actual[expected == 0] == 0).all()
    actual, expected = actual[finite], expected[finite]
    if expected.size == 0:
        return
    in_norm, at_most = (bound * factor for bound in TOLERANCES[np.dtype(dtype)])
    # Few elements do not average their roundings.
    in_norm = max(in_norm, 4 * float(ml_dtypes.finfo(dtype).eps) / expected.size**0.5)
    # Below the smallest subnormal (results of a row that a sink takes nearly whole) no relative
    # bound can hold.
    step = float(ml_dtypes.finfo(dtype).smallest_subnormal)
    error = np.maximum(np.abs(actual - expected) - step, 0)
    assert np.linalg.norm(error) <= in_norm * np.linalg.norm(expected)
    assert error.max() <= at_most * np.abs(expected).max()


def assert_scanned(actual, expected, dtype=F32):
    """The same to the bounds of scans. Complex numbers are judged as pairs."""
    dtype = np.dtype(dtype)
    assert_close(in_pairs(actual), in_pairs(expected), dtype, SCAN_FACTORS[dtype])


def in_pairs(array):
    """Complex numbers with their parts along a further axis; real ones as they are."""
    array = np.asarray(array)
    if array.dtype.kind != "c":
        return array
    return np.stack((array.real, array.imag), axis=-1)


def complex_normal(rng, *shape):
    """Complex64 values whose parts are standard normal."""
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
