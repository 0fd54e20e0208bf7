# SPDX-License-Identifier: Apache-2.0
"""Bad arguments of the scans and the convolution: named, and no output is touched."""

import numpy as np
import pytest

import scan_calls
import seqmix
from support import F32, is_named, skip_unless_looked_for

B, T, C = scan_calls.B, scan_calls.T, scan_calls.C
COMPLEX64 = np.dtype(np.complex64)


def zeros(*shape, dtype=F32):
    return np.zeros(shape, dtype)


def states(*row, dtype=F32):
    """What goes wrong with the states of every operator, whose rows are of this shape."""
    good = zeros(B, *row, dtype=dtype)
    return [
        (dict(past_state=3), "past_state is a int, must be an array"),
        (dict(past_state=zeros(3, *row, dtype=dtype)), r"past_state has shape \[3, "),
        (dict(past_state=zeros(B, *row, dtype=np.int32)), "past_state"),
        (dict(past_state=zeros(B, *row, dtype=COMPLEX64)), "past_state is complex64, must be one of"),
        (dict(present_state=zeros(B, *row, 1, dtype=dtype)), "present_state"),
        (dict(present_state=np.broadcast_to(good[:1], good.shape)), "present_state is read-only"),
        (dict(past_state=good, state_indices=[0, 2]), r"state_indices\[1\] is 2"),
        (dict(past_state=good, state_indices=[0, -2]), r"state_indices\[1\] is -2"),
        (dict(past_state=good, state_indices=[0]), "state_indices"),
        (dict(past_state=good, state_indices=[0, 1.5]), r"state_indices\[1\] is 1.5"),
        (dict(past_state=good, present_state=good, state_indices=[1, 1]), "state_(out_)?indices"),
        (dict(return_state=True, state_out_indices=[0, 1]), "state_out_indices is given, but names"),
        (dict(state_indices=[0, 1]), "state_indices"),
        (dict(cu_seqlens=[0, T]), "cu_seqlens"),
        (dict(max_seqlen=-1), "max_seqlen is -1"),
        (dict(max_seqlen=1.5), "max_seqlen is 1.5, must be an integer"),
        (dict(context="cpu"), "context is 'cpu', must be a seqmix.Context"),
        (dict(out=zeros(B, T, C + 1)), "out"),
        (dict(out=zeros(B, T, C, dtype=np.float64)), "out is f64"),
        (dict(out=zeros(B, T, C, dtype=COMPLEX64)), "out is complex64, must be one of float32,"),
    ]


BAD = {
    "linear_recurrence": states(C)
    + [
        (dict(a=zeros(C + 1)), "a "),
        (dict(a=zeros(T, C)), "a has rank 2"),
        (dict(a=[0.5] * C), "a is a list, must be an array"),
        (dict(a=zeros(B, T, C, dtype=np.complex128)), "a is complex128, must be .* or complex64"),
        (dict(a=zeros(C, dtype=COMPLEX64)), r"b has .*3.* is_complex"),
        (dict(is_complex=True), r"b has .*3.* is_complex"),
        (dict(b=zeros(B, T, C, dtype=np.float64)), "b is f64"),
        (dict(b=zeros(B, T, C, dtype=">f4")), "b is >f4, must be"),
        (dict(b=zeros(T, C)), "b has rank 2"),
        (dict(b=zeros(C)), "b has rank 1"),
    ],
    "selective_scan": states(C, 3)
    + [
        (dict(u=zeros(B, T, C, dtype=COMPLEX64)), "u is complex64, must be one of float32,"),
        (dict(u=zeros(T, C)), "u "),
        (dict(u=zeros(C)), "u "),
        (dict(delta=zeros(B, T, C + 1)), "delta "),
        (dict(delta=zeros(B, T, C, dtype=COMPLEX64)), "delta is complex64, must be one of"),
        (dict(A=zeros(C)), "A "),
        (dict(A=zeros(C + 1, 3)), "A "),
        (dict(A=zeros(C, 3, dtype=COMPLEX64)), r"[BC] has .*4.* is_complex"),
        (dict(B=zeros(B, T, 4, 3)), "B "),
        (dict(B=zeros(B, T, 3)), "B "),
        (dict(C=zeros(B, T, 2, 4)), "C "),
        (dict(D=zeros(C + 1)), "D "),
        (dict(z=zeros(B, T)), "z "),
        (dict(delta_bias=zeros(1)), "delta_bias "),
    ],
    "causal_conv1d": states(3, C)
    + [
        (dict(x=zeros(B, C)), "x "),
        (dict(x=zeros(C)), "x "),
        (dict(x=zeros(B, T, C, dtype=COMPLEX64)), "x is complex64, must be one of"),
        (dict(weight=zeros(C, 1, 4)), "weight "),
        (dict(weight=zeros(C + 1, 4)), "weight "),
        (dict(weight=zeros(C, 0)), "weight "),
        (dict(weight=zeros(4)), "weight "),
        (dict(bias=zeros(C + 1)), "bias "),
        (dict(activation="swish"), "activation is 'swish', must be one of 'silu'"),
        (dict(activation=1), "activation is 1, must be one of 'silu'"),
        (dict(activation="none"), "activation is 'none', must be one of 'silu'"),
        (dict(past_state=zeros(B, 3, C, dtype=np.float16)), "past_state is f16"),
        (dict(past_state=zeros(B, C, 3)), "past_state has shape"),
    ],
}
ROWS = [(name, *row) for name, rows in BAD.items() for row in rows]


@pytest.mark.parametrize(("name", "options", "sentence"), ROWS)
def test_bad_arguments(context, rng, name, options, sentence):
    call = scan_calls.CALLS[name](rng, F32)
    given = dict(out=np.full((B, T, C), 3, F32), context=context) | call.arrays | options
    before = given["out"].tobytes()
    skip_unless_looked_for(context, sentence)
    with pytest.raises(seqmix.InvalidArgument) as caught:
        getattr(seqmix, name)(**given)
    if not is_named(caught.value, name, sentence):
        return
    assert given["out"].tobytes() == before
    states = [options.get(f"{time}_state") for time in ("past", "present")]
    assert not any(state.any() for state in states if isinstance(state, np.ndarray))


BAD_SCANS = [
    (dict(op="prod"), "op is 'prod', must be one of 'sum', 'product', 'max', 'logsumexp'"),
    (dict(op=0), "op is 0, must be one of"),
    (dict(axis=2), "axis is 2"),
    (dict(axis=-3), "axis is -3"),
    (dict(axis=0.5), "axis is 0.5, must be an integer"),
    (dict(axis=2**32), "axis is 4294967296, must be an axis of x"),
    (dict(x=zeros()), "x "),
    (dict(x=zeros(3, 5, dtype=np.int64)), "x is int64"),
    (dict(x=zeros(3, 5, dtype=COMPLEX64)), "x is complex64, must be one of"),
    (
        dict(x=zeros(3, 5, dtype=np.int32), out=zeros(3, 5, dtype=np.int32), op="logsumexp"),
        "op|logsumexp",
    ),
    (dict(cu_seqlens=[0, 4]), "cu_seqlens"),
    (dict(cu_seqlens=[0, 4, 3, 5]), "cu_seqlens goes from 4 to 3"),
    (dict(max_seqlen=-1), "max_seqlen is -1"),
    (dict(out=zeros(3, 6)), "out "),
    (dict(out=zeros(3, 5, dtype=np.float64)), "out is f64"),
    (dict(out=np.broadcast_to(zeros(5), (3, 5))), "out is read-only"),
    (dict(context=0), "context is 0, must be a seqmix.Context"),
]


@pytest.mark.parametrize(("options", "sentence"), BAD_SCANS)
def test_bad_prefix_scans(context, options, sentence):
    given = dict(x=np.ones((3, 5), F32), out=np.full((3, 5), 3, F32), context=context) | options
    before = given["out"].tobytes()
    with pytest.raises(seqmix.InvalidArgument) as caught:
        seqmix.prefix_scan(**given)
    if not is_named(caught.value, "prefix_scan", sentence):
        return
    assert given["out"].tobytes() == before


def test_overlapping_outputs(context):
    x = np.ones((2, 5, 5), F32)
    with pytest.raises(seqmix.InvalidArgument, match="^prefix_scan: out"):
        seqmix.prefix_scan(x, out=x, context=context)
    with pytest.raises(seqmix.InvalidArgument, match="^linear_recurrence: out"):
        seqmix.linear_recurrence(x, x + 1, out=x, context=context)
    with pytest.raises(seqmix.InvalidArgument, match="^causal_conv1d: out"):
        seqmix.causal_conv1d(x, np.ones((5, 3), F32), out=x, context=context)
