# SPDX-License-Identifier: Apache-2.0
"""Calls of the three scans that have a state, for tests of what they have in common."""

import collections

import numpy as np

import numpy_scans
import seqmix
from support import F32, complex_normal, normal

# time: which arrays have tokens along axis 1. shape: of one row of the state.
Call = collections.namedtuple("Call", "name arrays time shape state_dtype options", defaults=({},))

B, T, C = 2, 7, 6


def linear_recurrence(rng, dtype, b=B, t=T):
    arrays = dict(a=rng.random((b, t, C)).astype(dtype), b=normal(rng, b, t, C, dtype=dtype))
    return Call("linear_recurrence", arrays, ("a", "b"), (C,), F32)


def complex_linear_recurrence(rng, dtype, b=B, t=T):
    arrays = dict(a=turning(rng, b, t, C), b=complex_normal(rng, b, t, C))
    return Call("linear_recurrence", arrays, ("a", "b"), (C,), np.dtype(np.complex64))


def selective_scan(rng, dtype, b=B, t=T):
    arrays = dict(
        u=normal(rng, b, t, C, dtype=dtype),
        delta=rng.random((b, t, C)).astype(dtype),
        A=-rng.random((C, 3)).astype(F32),
        B=normal(rng, b, t, 2, 3, dtype=dtype),
        C=normal(rng, b, t, 2, 3, dtype=dtype),
        z=normal(rng, b, t, C, dtype=dtype),
    )
    return Call("selective_scan", arrays, ("u", "delta", "B", "C", "z"), (C, 3), F32)


def complex_selective_scan(rng, dtype, b=B, t=T):
    call = selective_scan(rng, dtype, b, t)
    more = {name: complex_normal(rng, b, t, 2, 3) for name in "BC"}
    more["A"] = -rng.random((C, 3)) + 1j * rng.standard_normal((C, 3))
    more["A"] = more["A"].astype(np.complex64)
    return call._replace(arrays=call.arrays | more, state_dtype=np.dtype(np.complex64))


def causal_conv1d(rng, dtype, b=B, t=T):
    arrays = dict(
        x=normal(rng, b, t, C, dtype=dtype),
        weight=normal(rng, C, 4, dtype=dtype),
        bias=normal(rng, C),
    )
    return Call("causal_conv1d", arrays, ("x",), (3, C), dtype, dict(activation="silu"))


CALLS = {
    make.__name__: make
    for make in (
        linear_recurrence,
        complex_linear_recurrence,
        selective_scan,
        complex_selective_scan,
        causal_conv1d,
    )
}


def turning(rng, *shape):
    """Complex factors of magnitude below 1."""
    return (rng.random(shape) * np.exp(2j * np.pi * rng.random(shape))).astype(np.complex64)


def state(rng, call, rows=B):
    """A past state of so many rows."""
    if call.state_dtype.kind == "c":
        return complex_normal(rng, rows, *call.shape)
    return normal(rng, rows, *call.shape, dtype=call.state_dtype)


def library(call, **options):
    return getattr(seqmix, call.name)(**call.arrays, **call.options, **options)


def expected(call, **options):
    return getattr(numpy_scans, call.name)(**call.arrays, **call.options, **options)


def out_dtype(call):
    """The type of results: that of the array they are made like."""
    first = {"linear_recurrence": "b", "selective_scan": "u", "causal_conv1d": "x"}[call.name]
    return call.arrays[first].dtype


def bounds(dtype):
    """The type whose bounds hold for results of a type."""
    return F32 if np.dtype(dtype) == np.complex64 else dtype


def tokens(call, first, last):
    """The call of some tokens alone."""
    cut = {name: call.arrays[name][:, first:last] for name in call.time}
    return call._replace(arrays=call.arrays | cut)
