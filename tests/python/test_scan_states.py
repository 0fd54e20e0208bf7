# SPDX-License-Identifier: Apache-2.0
"""What the scans with a state share: states, pools, packing, results and threads."""

import numpy as np
import pytest

import producers
import scan_calls
import seqmix
from scan_calls import bounds, expected, library, out_dtype
from support import BF16, F16, F32, assert_scanned


@pytest.fixture(params=scan_calls.CALLS)
def make(request):
    return scan_calls.CALLS[request.param]


def test_states(context, rng, dtype, make):
    call = make(rng, dtype)
    past = scan_calls.state(rng, call)
    wanted = expected(call, past_state=past)
    out, present = library(call, past_state=past, return_state=True, context=context)
    assert out.dtype == out_dtype(call) and present.dtype == call.state_dtype
    assert_scanned(out, wanted.out, bounds(out.dtype))
    assert_scanned(present, wanted.state, bounds(present.dtype))


def test_a_first_state(context, rng, dtype, make):
    call = make(rng, dtype)
    out, present = library(call, return_state=True, context=context)
    wanted = expected(call)
    assert out.dtype == out_dtype(call) and present.dtype == call.state_dtype
    assert_scanned(out, wanted.out, bounds(out.dtype))
    assert_scanned(present, wanted.state, bounds(present.dtype))
    np.testing.assert_array_equal(out, library(call, context=context))


def test_in_place(context, rng, dtype, make):
    call = make(rng, dtype)
    past = scan_calls.state(rng, call)
    wanted = expected(call, past_state=past)
    out, present = library(call, past_state=past, present_state=past, context=context)
    assert present is past
    assert_scanned(out, wanted.out, bounds(out.dtype))
    assert_scanned(past, wanted.state, bounds(past.dtype))


def test_token_by_token(context, rng, dtype, make):
    """A prefill, then single tokens in place, are one call."""
    call = make(rng, dtype)
    whole, end = library(call, return_state=True, context=context)
    parts, past = [], None
    for first, last in [(0, 3), (3, 4), (4, 5), (5, 7)]:
        more = dict(return_state=True) if past is None else dict(past_state=past, present_state=past)
        out, past = library(scan_calls.tokens(call, first, last), context=context, **more)
        parts.append(out)
    assert_scanned(np.concatenate(parts, axis=1), whole, bounds(whole.dtype))
    assert_scanned(past, end, bounds(end.dtype))


def test_packed(context, rng, dtype, make):
    call = make(rng, dtype, b=1, t=23)
    where = dict(cu_seqlens=[0, 9, 9, 10, 23])
    past = scan_calls.state(rng, call, 4)
    wanted = expected(call, past_state=past, **where)
    where["max_seqlen"] = 13
    out, present = library(call, past_state=past, return_state=True, context=context, **where)
    assert_scanned(out, wanted.out, bounds(out.dtype))
    assert_scanned(present, wanted.state, bounds(present.dtype))
    np.testing.assert_array_equal(present[1], past[1])


def test_rows_of_a_pool(context, rng, dtype, make):
    """Rows 4 and 1 are read, rows 1 and 0 written; the others, and sequence 1, are left alone."""
    call = make(rng, dtype, b=3)
    past = scan_calls.state(rng, call, 5)
    options = dict(past_state=past, state_indices=[4, -1, 1])
    wanted = expected(call, **options)
    present = np.full(past.shape, -7, past.dtype)
    out, written = library(
        call, present_state=present, state_out_indices=np.array([1, -1, 0]), context=context, **options
    )
    assert written is present
    assert_scanned(out, wanted.out, bounds(out.dtype))
    assert_scanned(present[[1, 0]], wanted.state[[0, 2]], bounds(present.dtype))
    assert (present[2:] == -7).all()


def test_a_pool_in_place(context, rng, dtype, make):
    call = make(rng, dtype)
    pool = scan_calls.state(rng, call, 4)
    kept = pool[[0, 2]]
    wanted = expected(call, past_state=pool, state_indices=[3, 1])
    library(call, past_state=pool, present_state=pool, state_indices=[3, 1], context=context)
    assert_scanned(pool[[3, 1]], wanted.state, bounds(pool.dtype))
    np.testing.assert_array_equal(pool[[0, 2]], kept)


def test_a_new_state_of_a_sequence_left_out_is_zero(context, rng, dtype, make):
    call = make(rng, dtype)
    past = scan_calls.state(rng, call, 3)
    options = dict(past_state=past, state_indices=[-1, 2])
    out, present = library(call, return_state=True, context=context, **options)
    wanted = expected(call, **options)
    assert (out[0] == 0).all() and (present[0] == 0).all() and len(present) == 2
    assert_scanned(out, wanted.out, bounds(out.dtype))
    assert_scanned(present, wanted.state, bounds(present.dtype))


def test_strided_outputs_and_nothing_between_is_touched(context, rng, dtype, make):
    call = make(rng, dtype)
    wanted = expected(call)
    memory = np.full((9, 3, 2 * wanted.out.shape[1]), -7, out_dtype(call))
    states = np.full((8, 7, 2, 3), -7, call.state_dtype)
    out = memory[1:7, :2, ::2].transpose(1, 2, 0)  # [B, C, T] in memory, with gaps
    present = states[: wanted.state.shape[-1], : wanted.state.shape[1], :, 1].T
    present = present if wanted.state.ndim == 3 else present[:, 0]
    assert out.shape == wanted.out.shape and present.shape == wanted.state.shape
    returned = library(call, out=out, present_state=present, context=context)
    assert returned[0] is out and returned[1] is present
    assert_scanned(out, wanted.out, bounds(out.dtype))
    assert_scanned(present, wanted.state, bounds(present.dtype))
    out[...], present[...] = -7, -7
    assert (memory == -7).all() and (states == -7).all()


@pytest.mark.parametrize("layout", ["time_last", "backwards", "broadcast"])
def test_strides(context, rng, dtype, make, layout):
    call = make(rng, dtype)

    def laid_out(array):
        if layout == "time_last":
            return np.moveaxis(np.moveaxis(array, 1, -1).copy(), -1, 1)
        if layout == "backwards":
            return np.flip(np.flip(array, axis=(1, 2)).copy(), axis=(1, 2))
        return np.broadcast_to(array[:, :1], array.shape)

    call = call._replace(
        arrays=call.arrays | {name: laid_out(call.arrays[name]) for name in call.time}
    )
    assert not any(call.arrays[name].flags.c_contiguous for name in call.time)
    out = library(call, context=context)
    assert_scanned(out, expected(call).out, bounds(out.dtype))


@pytest.mark.parametrize("name", ["linear_recurrence", "selective_scan", "causal_conv1d"])
def test_out_in_f32(context, rng, dtype, name):
    call = scan_calls.CALLS[name](rng, dtype)
    wanted = expected(call)
    out = np.full(wanted.out.shape, np.nan, F32)
    assert library(call, out=out, context=context) is out
    assert_scanned(out, wanted.out, F32)


@pytest.mark.parametrize("name", ["linear_recurrence", "selective_scan"])
@pytest.mark.parametrize("state_dtype", [F32, F16, BF16], ids=str)
def test_states_of_another_type(context, rng, name, state_dtype):
    call = scan_calls.CALLS[name](rng, F32)._replace(state_dtype=state_dtype)
    past = scan_calls.state(rng, call)
    out, present = library(call, past_state=past, return_state=True, context=context)
    wanted = expected(call, past_state=past)
    assert out.dtype == F32 and present.dtype == state_dtype
    assert_scanned(out, wanted.out, F32)
    assert_scanned(present, wanted.state, state_dtype)


def test_sequences_without_tokens_keep_their_state(context, rng, make):
    call = make(rng, F32, t=0)
    past = scan_calls.state(rng, call)
    out, present = library(call, past_state=past, return_state=True, context=context)
    assert out.shape[:2] == (2, 0)
    np.testing.assert_array_equal(present, past)


def test_results_are_of_the_same_package(context, rng, make):
    """As JAX's arrays are."""
    call = make(rng, F32)
    wanted = expected(call)
    theirs = {name: producers.ImmutableArray(array) for name, array in call.arrays.items()}
    call = call._replace(arrays=theirs)
    out, present = library(call, return_state=True, context=context)
    assert type(out) is type(present) is producers.ImmutableArray
    assert out.dtype == out_dtype(call) and present.dtype == call.state_dtype
    assert_scanned(out.array, wanted.out)
    assert_scanned(present.array, wanted.state)
    _, again = library(call, past_state=present, return_state=True, context=context)
    assert type(again) is producers.ImmutableArray


@pytest.mark.parametrize("time", [1, 40])
def test_every_variant(context, rng, make, time):
    """Each that takes the call gives its result."""
    call = make(rng, F32, t=time)
    past = scan_calls.state(rng, call)
    wanted = expected(call, past_state=past)
    names = [name for name in context.variants() if name.startswith(f"{call.name}__")]
    taken = 0
    for name in names:
        context.set_variant(name)
        try:
            out, state = library(call, past_state=past, return_state=True, context=context)
            assert_scanned(out, wanted.out)
            assert_scanned(state, wanted.state)
            taken += 1
        except seqmix.Unsupported:
            pass
        finally:
            context.set_variant(None)
    assert taken > 0


def test_threads_do_not_change_a_bit(rng, dtype, make):
    call = make(rng, dtype, b=3, t=190)
    with seqmix.Context(threads=1) as context:
        once = library(call, return_state=True, context=context)
        context.threads = 5
        again = library(call, return_state=True, context=context)
    assert [x.tobytes() for x in once] == [x.tobytes() for x in again]
