# SPDX-License-Identifier: Apache-2.0
"""Exchange of complex arrays: by every protocol, without copies, and as pairs of real numbers."""

import gc

import numpy as np
import pytest

import numpy_scans
import producers
import seqmix
from scan_calls import turning
from support import BF16, F16, F32, assert_scanned, complex_normal, in_pairs

COMPLEX64 = np.dtype(np.complex64)
WRAPPERS = {
    "numpy": lambda array: array,
    "dlpack": producers.NumPyBacked,
    "old_dlpack": producers.OldNumPyBacked,
    "array_interface": producers.ArrayInterface,
}


def hand_made(array):
    return producers.HandMade(array, code=producers.COMPLEX)


def hand_made_with_offset(array):
    return producers.HandMade(array, code=producers.COMPLEX, byte_offset=24, version=None)


@pytest.fixture
def arrays(rng):
    return turning(rng, 2, 9, 4), complex_normal(rng, 2, 9, 4), complex_normal(rng, 2, 4)


@pytest.fixture
def expected(arrays):
    a, b, past = arrays
    return numpy_scans.linear_recurrence(a, b, past_state=past)


@pytest.mark.parametrize("wrap", [*WRAPPERS.values(), hand_made, hand_made_with_offset])
def test_inputs(context, arrays, expected, wrap):
    a, b, past = map(wrap, arrays)
    h = seqmix.linear_recurrence(a, b, past_state=past, context=context)
    assert type(h) is np.ndarray and h.dtype == COMPLEX64
    assert_scanned(h, expected.out)


def test_capsules_are_given_back(context, arrays):
    wrapped = [hand_made(array) for array in arrays[:2]]
    seqmix.linear_recurrence(*wrapped, context=context)
    gc.collect()
    assert [(one.given, one.returned) for one in wrapped] == [(1, 1)] * 2


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_written_in_place(context, arrays, expected, wrap):
    a, b, past = arrays
    memory = np.full((2, 4, 18), np.nan, COMPLEX64)
    view, state = memory[:, :, ::2].swapaxes(1, 2), np.asfortranarray(past)
    out, present = wrap(view), wrap(state)
    returned = seqmix.linear_recurrence(
        a, b, past_state=present, present_state=present, out=out, context=context
    )
    assert returned[0] is out and returned[1] is present
    assert_scanned(view, expected.out)
    assert_scanned(state, expected.state)
    assert np.isnan(memory[:, :, 1::2]).all()


def test_members_of_records(context, arrays, expected):
    """Strides are counted in real numbers: three here from one complex number to the next."""
    a, b, past = arrays
    records = np.zeros(b.shape, [("number", COMPLEX64), ("more", F32)])
    records["number"] = b
    assert records["number"].strides[-1] == 12
    h = seqmix.linear_recurrence(a, records["number"], past_state=past, context=context)
    assert_scanned(h, expected.out)


def test_pairs_of_real_numbers(context, arrays, expected):
    a, b, past = map(in_pairs, arrays)
    h, state = seqmix.linear_recurrence(
        a, b, past_state=past, is_complex=True, return_state=True, context=context
    )
    assert h.shape == (2, 9, 4, 2) and state.shape == (2, 4, 2)
    assert h.dtype == state.dtype == F32
    assert_scanned(h, in_pairs(expected.out))
    assert_scanned(state, in_pairs(expected.state))


@pytest.mark.parametrize("dtype", [F16, BF16], ids=str)
def test_pairs_of_halves(context, arrays, dtype):
    a, b, past = (in_pairs(array).astype(dtype) for array in arrays)
    h, state = seqmix.linear_recurrence(a, b, is_complex=True, return_state=True, context=context)
    whole = [pairs.astype(F32).view(COMPLEX64)[..., 0] for pairs in (a, b)]
    wanted = numpy_scans.linear_recurrence(*whole)
    assert h.dtype == dtype and state.dtype == F32
    assert_scanned(h, in_pairs(wanted.out), dtype)
    assert_scanned(state, in_pairs(wanted.state))


def test_both_forms_in_one_call(context, arrays, expected):
    """Each array comes in its own form; the result has b's, a state its own or that of the past."""
    a, b, past = arrays
    h, state = seqmix.linear_recurrence(
        in_pairs(a), b, past_state=in_pairs(past), return_state=True, context=context
    )
    assert h.dtype == COMPLEX64 and state.dtype == F32 and state.shape == (2, 4, 2)
    assert_scanned(h, expected.out)
    assert_scanned(state, in_pairs(expected.state))
    out = np.empty((2, 9, 4, 2), F32)
    seqmix.linear_recurrence(a, b, past_state=past, out=out, context=context)
    assert_scanned(out, in_pairs(expected.out))


def test_selective_scan_in_pairs(context, rng):
    u, delta = rng.standard_normal((1, 8, 3)).astype(F32), rng.random((1, 8, 3)).astype(F32)
    A, B, C = -turning(rng, 3, 2), complex_normal(rng, 1, 8, 1, 2), complex_normal(rng, 1, 8, 1, 2)
    wanted = numpy_scans.selective_scan(u, delta, A, B, C)
    for arrays, is_complex in [((A, B, C), False), (map(in_pairs, (A, B, C)), True)]:
        y, state = seqmix.selective_scan(
            u, delta, *arrays, is_complex=is_complex, return_state=True, context=context
        )
        assert state.shape == ((1, 3, 2, 2) if is_complex else (1, 3, 2))
        assert_scanned(y, wanted.out)
        assert_scanned(in_pairs(state), in_pairs(wanted.state))


def test_too_many_axes(context):
    for wrap in (WRAPPERS["numpy"], producers.NumPyBacked):
        b = wrap(np.zeros((1,) * 8, COMPLEX64))
        with pytest.raises(seqmix.InvalidArgument, match="^linear_recurrence: a is .*rank"):
            seqmix.linear_recurrence(b, b, context=context)


def test_real_torch_tensors(context, arrays, expected):
    torch = pytest.importorskip("torch")
    a, b, past = map(torch.from_numpy, arrays)
    h, state = seqmix.linear_recurrence(
        a, b, past_state=past, return_state=True, context=context
    )
    assert h.dtype == state.dtype == torch.complex64
    assert_scanned(h.numpy(), expected.out)
    assert_scanned(state.numpy(), expected.state)
