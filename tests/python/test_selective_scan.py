# SPDX-License-Identifier: Apache-2.0
"""seqmix.selective_scan against its definition; test_scan_states.py has its states."""

import itertools

import numpy as np
import pytest

import numpy_scans
import seqmix
from support import F32, assert_scanned, complex_normal, normal


def inputs(rng, dtype, b=2, t=11, channels=6, states=4, groups=1):
    return dict(
        u=normal(rng, b, t, channels, dtype=dtype),
        delta=normal(rng, b, t, channels, dtype=dtype) / dtype.type(2),
        A=-np.exp(normal(rng, channels, states)),
        B=normal(rng, b, t, groups, states, dtype=dtype),
        C=normal(rng, b, t, groups, states, dtype=dtype),
    )


def more_inputs(rng, dtype, like):
    return dict(
        D=normal(rng, like.shape[2]),
        z=normal(rng, *like.shape, dtype=dtype),
        delta_bias=normal(rng, like.shape[2]),
        delta_softplus=True,
    )


def test_by_hand(context):
    """One state that is halved by each step of 1: exp(step A) = 1/2."""
    column = np.array([1, 2, 4], F32).reshape(1, 3, 1)
    ones = np.ones((1, 3, 1, 1), F32)
    arrays = dict(u=column, delta=np.ones_like(column), A=np.log(np.array([[0.5]], F32)), B=ones)
    y = seqmix.selective_scan(**arrays, C=2 * ones, context=context)
    np.testing.assert_allclose(y.ravel(), [2, 5, 10.5], rtol=1e-6)
    y = seqmix.selective_scan(**arrays, C=2 * ones, D=np.array([10], F32), context=context)
    np.testing.assert_allclose(y.ravel(), [12, 25, 50.5], rtol=1e-6)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1), (2, 9, 6, 3, 2), (1, 70, 5, 16, 5), (3, 2, 32, 1, 1)])
def test_shapes(context, rng, dtype, sizes):
    arrays = inputs(rng, dtype, *sizes)
    options = more_inputs(rng, dtype, arrays["u"])
    y = seqmix.selective_scan(**arrays, **options, context=context)
    assert y.shape == arrays["u"].shape and y.dtype == dtype
    assert_scanned(y, numpy_scans.selective_scan(**arrays, **options).out, dtype)


@pytest.mark.parametrize("present", list(itertools.product([False, True], repeat=4)), ids=str)
def test_options(context, rng, present):
    arrays = inputs(rng, F32)
    arrays["delta"] = np.abs(arrays["delta"])
    options = more_inputs(rng, F32, arrays["u"])
    options["delta_bias"] = np.abs(options["delta_bias"])
    options = {name: options[name] for name, is_there in zip(options, present) if is_there}
    y = seqmix.selective_scan(**arrays, **options, context=context)
    assert_scanned(y, numpy_scans.selective_scan(**arrays, **options).out)


@pytest.mark.parametrize("groups", [1, 3])
def test_complex(context, rng, dtype, groups):
    arrays = inputs(rng, dtype, t=40, groups=groups)
    arrays["delta"] = np.abs(arrays["delta"])
    arrays["A"] = (-rng.random((6, 4)) + 1j * rng.standard_normal((6, 4))).astype(np.complex64)
    arrays |= {name: complex_normal(rng, 2, 40, groups, 4) for name in "BC"}
    options = dict(past_state=complex_normal(rng, 2, 6, 4), D=normal(rng, 6))
    y, present = seqmix.selective_scan(**arrays, **options, return_state=True, context=context)
    wanted = numpy_scans.selective_scan(**arrays, **options)
    assert y.dtype == dtype and present.dtype == np.complex64
    assert_scanned(y, wanted.out, dtype)
    assert_scanned(present, wanted.state)


def test_everything_but_u_in_f32(context, rng, dtype):
    arrays = inputs(rng, F32)
    arrays["u"] = arrays["u"].astype(dtype)
    y = seqmix.selective_scan(**arrays, delta_softplus=True, context=context)
    assert y.dtype == dtype
    wanted = numpy_scans.selective_scan(**arrays, delta_softplus=True).out
    assert_scanned(y, wanted, dtype)


def test_constant_in_time(context, rng):
    """B and C with a stride of 0 along time, as S4D has them."""
    arrays = inputs(rng, F32)
    for name in "BC":
        arrays[name] = np.broadcast_to(arrays[name][:, :1], arrays[name].shape)
        assert arrays[name].strides[1] == 0
    y = seqmix.selective_scan(**arrays, delta_softplus=True, context=context)
    assert_scanned(y, numpy_scans.selective_scan(**arrays, delta_softplus=True).out)
