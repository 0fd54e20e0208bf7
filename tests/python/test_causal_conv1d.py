# SPDX-License-Identifier: Apache-2.0
"""seqmix.causal_conv1d against its definition; test_scan_states.py has its states."""

import numpy as np
import pytest

import numpy_scans
import seqmix
from support import F32, assert_scanned, normal


def test_by_hand(context):
    x = np.array([1, 2, 3], F32).reshape(1, 3, 1)
    weight = np.array([[10, 1]], F32)  # ten times the token before, and the token itself

    def calls(*more, **options):
        return seqmix.causal_conv1d(x, weight, *more, context=context, **options).ravel().tolist()

    assert calls() == [1, 12, 23]
    assert calls(np.array([0.5], F32)) == [1.5, 12.5, 23.5]
    assert calls(past_state=np.full((1, 1, 1), 4, F32)) == [41, 12, 23]


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 9, 17])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 7, 6), (1, 40, 33)])
@pytest.mark.parametrize("activation", [None, "silu"])
def test_shapes(context, rng, dtype, width, sizes, activation):
    x, weight = normal(rng, *sizes, dtype=dtype), normal(rng, sizes[2], width, dtype=dtype)
    bias, past = normal(rng, sizes[2], dtype=dtype), normal(rng, sizes[0], width - 1, sizes[2], dtype=dtype)
    options = dict(activation=activation, past_state=past)
    y, present = seqmix.causal_conv1d(x, weight, bias, return_state=True, context=context, **options)
    wanted = numpy_scans.causal_conv1d(x, weight, bias, **options)
    assert y.shape == sizes and y.dtype == present.dtype == dtype
    assert_scanned(y, wanted.out, dtype)
    np.testing.assert_array_equal(present.astype(np.float64), wanted.state)  # copies: no rounding


def test_weights_in_f32_beside_halves(context, rng, dtype):
    x, weight, bias = normal(rng, 2, 9, 5, dtype=dtype), normal(rng, 5, 4), normal(rng, 5)
    y = seqmix.causal_conv1d(x, weight, bias, context=context)
    assert y.dtype == dtype
    assert_scanned(y, numpy_scans.causal_conv1d(x, weight, bias).out, dtype)


def test_channels_before_time(context, rng, dtype):
    """[B, C, T] goes in, and comes out, as transposed views; so do its states."""
    x, weight = normal(rng, 2, 6, 21, dtype=dtype), normal(rng, 6, 4)
    out, past = np.empty_like(x), normal(rng, 2, 6, 3, dtype=dtype)
    wanted = numpy_scans.causal_conv1d(x.swapaxes(1, 2), weight, past_state=past.swapaxes(1, 2))
    state = past.swapaxes(1, 2)
    seqmix.causal_conv1d(
        x.swapaxes(1, 2),
        weight,
        past_state=state,
        present_state=state,
        out=out.swapaxes(1, 2),
        context=context,
    )
    assert_scanned(out.swapaxes(1, 2), wanted.out, dtype)
    np.testing.assert_array_equal(past.swapaxes(1, 2).astype(np.float64), wanted.state)


def test_columns_of_one_projection(context, rng, dtype):
    """Some of the channels of [B, T, channels], where they lie."""
    joined, weight = normal(rng, 2, 9, 20, dtype=dtype), normal(rng, 7, 3)
    y = seqmix.causal_conv1d(joined[:, :, 5:12], weight, context=context)
    assert_scanned(y, numpy_scans.causal_conv1d(joined[:, :, 5:12], weight).out, dtype)
