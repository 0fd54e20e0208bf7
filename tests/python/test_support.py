# SPDX-License-Identifier: Apache-2.0
"""The judgement of results can fail."""

import sys
import types

import numpy as np
import pytest

from support import BF16, F16, F32, assert_close, needed, normal


@pytest.fixture
def expected(rng):
    values = normal(rng, 20, 30).astype(np.float64)
    values[3, 4], values[5, 6], values[7, 8] = 0, -np.inf, np.nan
    return values


@pytest.mark.parametrize("dtype", [F32, F16, BF16], ids=str)
def test_roundings_pass(expected, dtype):
    assert_close(expected.astype(dtype), expected, dtype)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ((0, 0), np.nan),
        ((0, 0), np.inf),
        ((0, 0), 0.0),
        ((3, 4), 1e-30),
        ((5, 6), np.inf),
        ((5, 6), -1e30),
        ((7, 8), 0.0),
    ],
    ids=str,
)
def test_a_planted_value_fails(expected, at, value):
    expected[0, 0] = 1
    actual = expected.astype(F32)
    actual[at] = value
    with pytest.raises(AssertionError):
        assert_close(actual, expected)


@pytest.mark.parametrize(("dtype", "error"), [(F32, 1e-4), (F16, 1e-2), (BF16, 1e-1)], ids=str)
def test_one_wrong_element_fails(rng, dtype, error):
    expected = normal(rng, 20, 3000).astype(np.float64)
    actual = expected.copy()
    actual[1, 2] += error * np.abs(expected).max()
    with pytest.raises(AssertionError):
        assert_close(actual, expected, dtype)


@pytest.mark.parametrize(("dtype", "error"), [(F32, 1e-5), (F16, 2e-3), (BF16, 1e-2)], ids=str)
def test_many_small_errors_fail(rng, dtype, error):
    expected = normal(rng, 20, 300).astype(np.float64)
    with pytest.raises(AssertionError):
        assert_close(expected * (1 + error), expected, dtype)


def test_another_shape_fails():
    with pytest.raises(AssertionError):
        assert_close(np.zeros((2, 1)), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("ci", "python", "outcome"),
    [
        ("true", (3, 11), pytest.fail.Exception),
        ("true", (3, 10), pytest.skip.Exception),
        ("", (3, 11), pytest.skip.Exception),
    ],
)
@pytest.mark.parametrize("version", [None, "1.22"], ids=["missing", "old"])
def test_what_ci_needs_is_not_skipped(monkeypatch, ci, python, outcome, version):
    if version is not None:
        package = types.ModuleType("abacus")
        package.__version__ = version
        monkeypatch.setitem(sys.modules, "abacus", package)
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(sys, "version_info", python)
    with pytest.raises(outcome, match="abacus"):
        needed("abacus", minversion="1.23")
