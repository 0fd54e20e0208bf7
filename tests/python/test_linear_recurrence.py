# SPDX-License-Identifier: Apache-2.0
"""seqmix.linear_recurrence against its definition; test_scan_states.py has its states."""

import numpy as np
import pytest

import numpy_scans
import seqmix
from scan_calls import turning
from support import F32, assert_scanned, complex_normal, normal


def test_by_hand(context):
    a, b = (np.array(x, F32).reshape(1, 3, 1) for x in ([2, 3, -1], [1, 1, 5]))

    def calls(**options):
        return seqmix.linear_recurrence(a, b, context=context, **options).ravel()

    np.testing.assert_array_equal(calls(), [1, 4, 1])
    np.testing.assert_array_equal(calls(past_state=np.full((1, 1), 10, F32)), [21, 64, -59])
    np.testing.assert_array_equal(calls(reverse=True), [33, 16, 5])
    # 1j 1 + 2 = 2 + 1j, then 1j (2 + 1j) + 0 = -1 + 2j
    h = seqmix.linear_recurrence(
        np.array([1j], np.complex64), np.array([[[1], [2], [0]]], np.complex64), context=context
    )
    assert h.dtype == np.complex64
    np.testing.assert_array_equal(h.ravel(), [1, 2 + 1j, -1 + 2j])


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 7, 5), (1, 130, 33), (3, 64, 1), (1, 1, 19)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("is_constant", [False, True])
def test_shapes(context, rng, dtype, shape, reverse, is_constant):
    a = (2 * rng.random(shape[2:] if is_constant else shape) - 1).astype(dtype)
    b = normal(rng, *shape, dtype=dtype)
    h = seqmix.linear_recurrence(a, b, reverse=reverse, context=context)
    assert h.shape == shape and h.dtype == dtype
    assert_scanned(h, numpy_scans.linear_recurrence(a, b, reverse=reverse).out, dtype)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("is_constant", [False, True])
def test_complex(context, rng, reverse, is_constant):
    shape = 2, 75, 5
    a = turning(rng, *(shape[2:] if is_constant else shape))
    b, past = complex_normal(rng, *shape), complex_normal(rng, 2, 5)
    options = dict(reverse=reverse, past_state=past)
    h, present = seqmix.linear_recurrence(a, b, return_state=True, context=context, **options)
    wanted = numpy_scans.linear_recurrence(a, b, **options)
    assert h.dtype == present.dtype == np.complex64
    assert_scanned(h, wanted.out)
    assert_scanned(present, wanted.state)


def test_factors_in_f32_beside_halves(context, rng, dtype):
    a, b = rng.random((2, 50, 3)).astype(F32), normal(rng, 2, 50, 3, dtype=dtype)
    h = seqmix.linear_recurrence(a, b, context=context)
    assert_scanned(h, numpy_scans.linear_recurrence(a, b).out, dtype)


def test_long_memory(context, rng):
    """Factors near 1: rounding may not pile up over thousands of tokens."""
    a, b = np.full(2, 0.9999, F32), 1 + normal(rng, 1, 5000, 2)
    h = seqmix.linear_recurrence(a, b, context=context)
    assert_scanned(h, numpy_scans.linear_recurrence(a, b).out)


def test_a_zero_forgets_everything(context, rng):
    a, b = rng.random((1, 9, 4)).astype(F32), normal(rng, 1, 9, 4)
    a[:, 4] = 0
    past = normal(rng, 1, 4)
    h = seqmix.linear_recurrence(a, b, past_state=past, context=context)
    np.testing.assert_array_equal(h[:, 4], b[:, 4])
