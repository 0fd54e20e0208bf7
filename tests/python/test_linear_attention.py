# SPDX-License-Identifier: Apache-2.0
"""seqmix.linear_attention against linear attention written from its definition."""

import inspect
import pathlib
import re

import numpy as np
import pytest

import numpy_linear_attention
import producers
import seqmix
from linear_attention_cases import CASES, logs, qkv, stateful
from support import BF16, F16, F32, assert_close, normal

# The bounds of linear attention, as multiples of attention's (docs/operators.md).
FACTOR = 2.5


def test_by_hand(context):
    """Two tokens of one head with one channel: q = 1, k = 2, 3 and v = 5, 7."""
    q, k, v = (np.array(x, F32).reshape(1, 2, 1, 1) for x in ([1, 1], [2, 3], [5, 7]))
    options = dict(scale=1.0, context=context)
    half = [float(np.log(0.5))]

    def calls(**more):
        return seqmix.linear_attention(q, k, v, **options, **more).ravel()

    np.testing.assert_allclose(calls(), [10, 31], rtol=1e-6)
    np.testing.assert_allclose(calls(update_rule="gated", decay=half), [10, 26], rtol=1e-6)
    # 10, then 10 + 3 (7 - 3 * 10)
    np.testing.assert_allclose(calls(update_rule="delta"), [10, -59], rtol=1e-6)
    np.testing.assert_allclose(calls(normalize="sum"), [5, 31 / 5], rtol=1e-6)
    np.testing.assert_allclose(calls(reverse=True), [31, 21], rtol=1e-6)
    np.testing.assert_allclose(calls(bidirectional=True), [31, 31], rtol=1e-6)
    np.testing.assert_allclose(calls(bonus=np.array([[0.5]], F32)), [5, 20.5], rtol=1e-6)


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def assert_state(state, expected, dtypes):
    """Each array to the bounds of its own type."""
    state = parts(state)
    assert len(state) == len(expected)
    assert [part.dtype for part in state] == list(dtypes)
    for part, wanted in zip(state, expected):
        assert_close(part, wanted, part.dtype, FACTOR)


def state_types(options):
    """The types of a new present state: those of the past, and f32 without one."""
    count = 1 + (options.get("normalize") is not None) + (options.get("input_gate") is not None)
    past = options.get("past_state")
    return [F32] * count if past is None else [part.dtype for part in parts(past)]


@pytest.mark.parametrize("name", CASES)
def test_output_and_state(context, rng, dtype, name):
    q, k, v, options = CASES[name](rng, dtype)
    expected = numpy_linear_attention.linear_attention(q, k, v, **options)
    out = np.full(expected.out.shape, np.nan, q.dtype)
    options |= dict(out=out, context=context)
    if options.get("bidirectional"):
        assert seqmix.linear_attention(q, k, v, **options) is out
    else:
        returned = seqmix.linear_attention(q, k, v, return_state=True, **options)
        assert returned[0] is out
        assert_state(returned[1], expected.state, state_types(options))
    assert_close(out, expected.out, dtype, FACTOR)


def test_every_option_has_a_case():
    rng = np.random.default_rng(0)
    used = set().union(*(make(rng, F32)[3] for make in CASES.values()))
    keywords = inspect.signature(seqmix.linear_attention).parameters.keys()
    others = {"q", "k", "v", "return_state", "present_state", "state_out_indices", "out", "context"}
    assert used == keywords - others


FORMS = ["S", "S, z", "S, z, m"]


@pytest.mark.parametrize("form", FORMS)
def test_states_in_place(context, rng, dtype, form):
    q, k, v, options, past = stateful(rng, dtype, form)
    expected = numpy_linear_attention.linear_attention(q, k, v, past_state=past, **options)
    out, present = seqmix.linear_attention(
        q, k, v, past_state=past, present_state=past, context=context, **options
    )
    assert all(written is given for written, given in zip(parts(present), parts(past)))
    assert_state(past, expected.state, [F32] * len(parts(past)))
    assert_close(out, expected.out, dtype, FACTOR)


@pytest.mark.parametrize("form", FORMS)
def test_present_of_another_type(context, rng, dtype, form):
    q, k, v, options, past = stateful(rng, dtype, form)
    expected = numpy_linear_attention.linear_attention(q, k, v, past_state=past, **options)
    # Given as a list, it comes back as a tuple.
    given = [np.full(part.shape, np.nan, dtype) for part in parts(past)[:2]]
    given += [np.full(part.shape, np.nan, F32) for part in parts(past)[2:]]
    _, present = seqmix.linear_attention(
        q,
        k,
        v,
        past_state=past,
        present_state=given[0] if form == "S" else given,
        context=context,
        **options,
    )
    assert all(written is array for written, array in zip(parts(present), given))
    assert_state(present, expected.state, [part.dtype for part in given])


@pytest.mark.parametrize("form", FORMS)
def test_token_by_token(context, rng, dtype, form):
    """A prefill, then single tokens in place, are one call."""
    q, k, v, options, past = stateful(rng, dtype, form)
    whole, end = seqmix.linear_attention(
        q, k, v, past_state=past, return_state=True, context=context, **options
    )

    def tokens(first, last):
        over_time = {name: options[name] for name in ("decay", "input_gate") if name in options}
        cut = {name: array[:, first:last] for name, array in over_time.items()}
        return *(x[:, first:last] for x in (q, k, v)), dict(options, context=context, **cut)

    out = np.empty_like(whole)
    for first, last in [(0, 3), (3, 4), (4, 5), (5, 6), (6, 7)]:
        *inputs, more = tokens(first, last)
        more.update(dict(return_state=True) if first == 0 else dict(present_state=past))
        out[:, first:last], past = seqmix.linear_attention(*inputs, past_state=past, **more)
    assert_close(out, whole, dtype, 2 * FACTOR)
    for part, wanted in zip(parts(past), parts(end)):
        assert_close(part, wanted, F32, 2 * FACTOR)


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_a_pool(context, rng, dtype, form):
    """Rows 4 and 1 are read, rows 1 and 0 written; the others, and sequence 1, are left alone."""
    q, k, v, options, _ = stateful(rng, dtype, form, sequences=3)
    *_, past = stateful(rng, dtype, form, sequences=5)
    options.update(past_state=past, state_indices=[4, -1, 1])
    expected = numpy_linear_attention.linear_attention(q, k, v, **options)
    present = tuple(np.full(part.shape, -7, F32) for part in parts(past))
    seqmix.linear_attention(
        q,
        k,
        v,
        present_state=present[0] if form == "S" else present,
        state_out_indices=np.array([1, -1, 0]),
        context=context,
        **options,
    )
    for part, wanted in zip(present, expected.state):
        assert_close(part[[1, 0]], wanted[[0, 2]], F32, FACTOR)
        assert (part[2:] == -7).all()


def test_a_pool_in_place(context, rng, dtype):
    q, k, v, options, pool = stateful(rng, dtype, "S", sequences=4)
    kept = pool[[0, 2]]
    inputs = q[:2], k[:2], v[:2]
    options.update(decay=options["decay"][:2], past_state=pool, state_indices=[3, 1])
    expected = numpy_linear_attention.linear_attention(*inputs, **options)
    out, _ = seqmix.linear_attention(*inputs, present_state=pool, context=context, **options)
    assert_close(out, expected.out, dtype, FACTOR)
    assert_close(pool[[3, 1]], expected.state[0], F32, FACTOR)
    np.testing.assert_array_equal(pool[[0, 2]], kept)


@pytest.mark.parametrize("layout", ["heads_first", "one_packed_array", "broadcast", "backwards"])
def test_strides(context, rng, dtype, layout):
    if layout == "heads_first":  # [B, H, T, D] in memory
        q, k, v = (normal(rng, 2, 3, 6, 8, dtype=dtype).transpose(0, 2, 1, 3) for _ in range(3))
    elif layout == "one_packed_array":  # [B, T, 3, H, D] in memory
        q, k, v = normal(rng, 2, 6, 3, 3, 8, dtype=dtype).transpose(2, 0, 1, 3, 4)
    elif layout == "broadcast":  # the same keys and values for every batch row and head
        q = normal(rng, 2, 6, 3, 8, dtype=dtype)
        k, v = (np.broadcast_to(normal(rng, 1, 6, 1, 8, dtype=dtype), (2, 6, 3, 8)) for _ in "kv")
    else:
        q, k, v = (normal(rng, 2, 6, 3, 8, dtype=dtype)[:, ::-1] for _ in range(3))
    assert not k.flags.c_contiguous
    out = seqmix.linear_attention(q, k, v, context=context)
    assert_close(out, numpy_linear_attention.linear_attention(q, k, v).out, dtype, FACTOR)


def test_strided_outputs_and_nothing_between_is_touched(context, rng, dtype):
    q, k, v = qkv(rng, dtype)
    memory, states = np.full((2, 3, 9, 8), -7, dtype), np.full((5, 6, 4, 3), -7, F32)
    out = memory[:, :2, 1:8, 2:7].transpose(0, 2, 1, 3)
    present = states.transpose(3, 2, 1, 0)[:2, ::2]
    seqmix.linear_attention(q, k, v, out=out, present_state=present, context=context)
    expected = numpy_linear_attention.linear_attention(q, k, v)
    assert_close(out, expected.out, dtype, FACTOR)
    assert_close(present, expected.state[0], F32, FACTOR)
    out[...], present[...] = -7, -7
    assert (memory == -7).all() and (states == -7).all()


def test_out_in_f32(context, rng, dtype):
    q, k, v = qkv(rng, dtype)
    out = np.full((2, 7, 2, 5), np.nan, F32)
    assert seqmix.linear_attention(q, k, v, out=out, context=context) is out
    assert_close(out, numpy_linear_attention.linear_attention(q, k, v).out, F32, FACTOR)


def test_what_is_returned(context, rng, dtype):
    q, k, v, options, past = stateful(rng, dtype, "S, z")
    options["context"] = context
    out = seqmix.linear_attention(q, k, v, **options)
    assert isinstance(out, np.ndarray) and out.shape == (2, 7, 2, 5) and out.dtype == dtype
    _, (s, z) = seqmix.linear_attention(q, k, v, return_state=True, **options)
    assert s.shape == (2, 2, 6, 5) and z.shape == (2, 2, 6) and s.dtype == z.dtype == F32
    past = past[0].astype(BF16), past[1].astype(F16)
    _, (s, z) = seqmix.linear_attention(q, k, v, return_state=True, past_state=past, **options)
    assert s.dtype == BF16 and z.dtype == F16
    options.update(normalize=None)
    out, s = seqmix.linear_attention(q, k, v, return_state=True, **options)
    assert s.shape == (2, 2, 6, 5) and s.dtype == F32


def test_a_new_state_of_a_sequence_left_out_is_no_past(context, rng):
    q, k, v, options, past = stateful(rng, F32, "S, z, m")
    options.update(past_state=past, state_indices=[-1, 0], context=context)
    out, (s, z, m) = seqmix.linear_attention(q, k, v, return_state=True, **options)
    assert (out[0] == 0).all() and (s[0] == 0).all() and (z[0] == 0).all() and (m[0] == -np.inf).all()
    assert (out[1] != 0).any() and (s[1] != 0).any() and np.isfinite(m[1]).all()


@pytest.mark.parametrize("form", FORMS)
def test_results_are_of_the_same_package(context, rng, form):
    """As JAX's arrays are: out and a first state are of q's package, a further state of the past's."""
    q, k, v, options, past = stateful(rng, F32, form)
    options.update(context=context, return_state=True)
    theirs = producers.ImmutableArray
    out, state = seqmix.linear_attention(theirs(q), k, v, **options)
    expected = numpy_linear_attention.linear_attention(q, k, v, **options)
    assert all(type(part) is theirs for part in (out, *parts(state)))
    assert_close(out.array, expected.out, F32, FACTOR)
    assert_state(tuple(part.array for part in parts(state)), expected.state, [F32] * len(parts(past)))

    options.update(state_indices=[1, -1])
    given = tuple(map(theirs, parts(past)))
    given = given[0] if form == "S" else given
    out, state = seqmix.linear_attention(q, k, v, past_state=given, **options)
    expected = numpy_linear_attention.linear_attention(q, k, v, past_state=past, **options)
    assert type(out) is np.ndarray and all(type(part) is theirs for part in parts(state))
    assert_state(tuple(part.array for part in parts(state)), expected.state, [F32] * len(parts(past)))


def test_the_example_of_the_documents():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "python.md").read_text()
    names = {}
    exec(re.search(r"```python\n(import numpy.*?)```", text, re.DOTALL)[1], names)
    assert names["out"].shape == (2, 1, 4, 64) and names["state"].shape == (2, 4, 64, 64)
    assert np.isfinite(names["out"]).all() and np.isfinite(names["state"]).all()


def test_threads_do_not_change_a_bit(rng, dtype):
    q, k, v = qkv(rng, dtype, b=3, t=90)
    options = dict(update_rule="gated", decay=logs(rng, 3, 90, 2), return_state=True)
    with seqmix.Context(threads=1) as context:
        once = seqmix.linear_attention(q, k, v, context=context, **options)
        context.threads = 5
        again = seqmix.linear_attention(q, k, v, context=context, **options)
    assert [x.tobytes() for x in once] == [x.tobytes() for x in again]
