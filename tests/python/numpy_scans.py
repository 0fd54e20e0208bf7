# SPDX-License-Identifier: Apache-2.0
"""The scans and the convolution in float64, written from their definitions.

One sequence and token after the other. Functions take the keywords of seqmix's and share no code
with the library. States are those of each sequence; of one left out, 0.
"""

import collections

import numpy as np

Result = collections.namedtuple("Result", "out state")


def wide(array):
    """float64, or complex128; pairs of a real and an imaginary part stay as they are."""
    array = np.asarray(array)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def linear_recurrence(a, b, *, reverse=False, past_state=None, **where):
    """h [B, T, C] and the state [N, C]."""
    a, b = wide(a), wide(b)
    a = np.broadcast_to(a, b.shape)
    first = np.zeros(b.shape[2:], np.result_type(a, b))
    out = np.zeros(b.shape, first.dtype)

    def sequence(row, times, h):
        for t in reversed(times) if reverse else times:
            h = a[row, t] * h + b[row, t]
            out[row, t] = h
        return h

    return Result(out, over_sequences(sequence, b.shape, past_state, first, where))


def selective_scan(
    u, delta, A, B, C, *, D=None, z=None, delta_bias=None, delta_softplus=False, past_state=None, **where
):
    """out [B, T, Din] and the state [N, Din, S]."""
    u, delta, A, B, C = map(wide, (u, delta, A, B, C))
    step = delta if delta_bias is None else delta + wide(delta_bias)
    step = np.logaddexp(0, step) if delta_softplus else step
    # A group of B and C for every channel.
    B, C = (np.repeat(x, u.shape[2] // x.shape[2], axis=2) for x in (B, C))
    first = np.zeros(A.shape, np.result_type(A, B))
    out = np.zeros(u.shape)

    def sequence(row, times, h):
        for t in times:
            steps = step[row, t, :, None]
            h = np.exp(steps * A) * h + steps * B[row, t] * u[row, t, :, None]
            y = np.sum(C[row, t] * h, axis=1)
            out[row, t] = 2 * y.real if np.iscomplexobj(h) else y
            if D is not None:
                out[row, t] += wide(D) * u[row, t]
            if z is not None:
                out[row, t] *= silu(wide(z)[row, t])
        return h

    return Result(out, over_sequences(sequence, u.shape, past_state, first, where))


def causal_conv1d(x, weight, bias=None, *, activation=None, past_state=None, **where):
    """out [B, T, C] and the state [N, W-1, C]."""
    x, weight = wide(x), wide(weight)
    width = weight.shape[1]
    out = np.zeros(x.shape)

    def sequence(row, times, before):
        tokens = np.concatenate((before, x[row, times.start : times.stop]))
        for i, t in enumerate(times):
            out[row, t] = np.sum(weight.T * tokens[i : i + width], axis=0)
            out[row, t] += 0 if bias is None else wide(bias)
            if activation == "silu":
                out[row, t] = silu(out[row, t])
        return tokens[len(tokens) - (width - 1) :]

    first = np.zeros((width - 1, x.shape[2]))
    return Result(out, over_sequences(sequence, x.shape, past_state, first, where))


def over_sequences(sequence, shape, past_state, first, where):
    """Calls sequence(row, times, state) for each that is not left out; returns all last states."""
    ends, indices = where.get("cu_seqlens"), where.get("state_indices")
    parts = [(n, range(shape[1])) for n in range(shape[0])]
    if ends is not None:
        parts = [(0, range(i, j)) for i, j in zip(ends, ends[1:])]
    states = np.zeros((len(parts), *first.shape), first.dtype)
    for n, (row, times) in enumerate(parts):
        index = n if indices is None else indices[n]
        if index != -1:
            past = first if past_state is None else wide(past_state)[index]
            states[n] = sequence(row, times, past)
    return states


STEPS = {"sum": np.add, "product": np.multiply, "max": np.maximum, "logsumexp": np.logaddexp}


def prefix_scan(x, op="sum", *, axis=-1, reverse=False, exclusive=False, cu_seqlens=None):
    """out, of x's shape; of integers in their own arithmetic, which wraps around."""
    x = np.asarray(x)
    x = np.moveaxis(x if x.dtype.kind == "i" else x.astype(np.float64), axis, 0)
    least = np.iinfo(x.dtype).min if x.dtype.kind == "i" else -np.inf
    identity = {"sum": 0, "product": 1}.get(op, least)
    out = np.empty_like(x)
    ends = [0, len(x)] if cu_seqlens is None else cu_seqlens
    for i, j in zip(ends, ends[1:]):
        so_far = np.full(x.shape[1:], identity, x.dtype)
        for t in reversed(range(i, j)) if reverse else range(i, j):
            after = STEPS[op](so_far, x[t])
            out[t] = so_far if exclusive else after
            so_far = after
    return np.moveaxis(out, 0, axis)


def silu(x):
    return x / (1 + np.exp(-x))
