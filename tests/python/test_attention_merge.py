# SPDX-License-Identifier: Apache-2.0
"""seqmix.attention_merge: attention over parts of the keys, joined, is attention over all."""

import numpy as np
import pytest

import numpy_attention
import seqmix
from support import F32, assert_close, normal


def parts(rng, dtype, context, ends, **options):
    """Inputs, and the partial results over keys that end at `ends`."""
    q = normal(rng, 2, 3, 4, 8, dtype=dtype)
    k, v = (normal(rng, 2, ends[-1], 2, 8, dtype=dtype) for _ in "kv")
    results = []
    for start, end in zip([0, *ends], ends):
        # The offset counts from the part's first key.
        partial = dict(options, query_offset=ends[-1] - 3 - start)
        results.append(
            seqmix.attention(
                q, k[:, start:end], v[:, start:end], return_lse=True, context=context, **partial
            )
        )
    outs, lses = zip(*results)
    return q, k, v, list(outs), list(lses)


@pytest.mark.parametrize("ends", [[9], [4, 9], [1, 1, 5, 20]], ids=str)
@pytest.mark.parametrize("stacked", [True, False])
def test_merged_parts_are_the_whole(context, rng, dtype, ends, stacked):
    q, k, v, outs, lses = parts(rng, dtype, context, ends, causal=True)
    if stacked:
        outs, lses = np.stack(outs), np.stack(lses)
    out, lse = seqmix.attention_merge(outs, lses, context=context)
    expected = numpy_attention.attention(q, k, v, causal=True)
    assert out.dtype == dtype and lse.dtype == F32
    assert_close(out, expected.out, dtype, factor=2)
    assert_close(lse, expected.lse, factor=2)


def test_sinks_once(context, rng, dtype):
    q, k, v, outs, lses = parts(rng, dtype, context, [4, 9])
    sinks = [0.5, -1.0, 2.0, 0.0]
    out, lse = seqmix.attention_merge(outs, lses, sinks, context=context)
    expected = numpy_attention.attention(q, k, v, sinks=sinks)
    assert_close(out, expected.out, dtype, factor=2)
    assert_close(lse, expected.lse, factor=2)


def test_dead_parts_count_for_nothing(context):
    outs, lses = np.full((2, 1, 2, 1, 3), np.nan, F32), np.full((2, 1, 1, 2), -np.inf, F32)
    outs[0, 0, 0], lses[0, 0, 0, 0] = 5, 1.5
    out, lse = seqmix.attention_merge(outs, lses, context=context)
    np.testing.assert_array_equal(out[0, :, 0], [[5, 5, 5], [0, 0, 0]])
    np.testing.assert_array_equal(lse[0, 0], np.array([1.5, -np.inf], F32))


def test_no_part_at_all(context):
    out, lse = seqmix.attention_merge(
        np.empty((0, 1, 2, 3, 4), F32),
        np.empty((0, 1, 3, 2), F32),
        [0.0, 1.0, -np.inf],
        context=context,
    )
    assert (out == 0).all() and out.shape == (1, 2, 3, 4)
    np.testing.assert_array_equal(lse[0, :, 0], np.array([0, 1, -np.inf], F32))


def test_given_arrays_are_written_and_returned(context, rng):
    outs, lses = normal(rng, 2, 1, 3, 2, 4), normal(rng, 2, 1, 2, 3)
    out, lse = np.full((1, 3, 2, 4), np.nan, F32), np.full((1, 2, 3), np.nan, F32)
    returned = seqmix.attention_merge(outs, lses, out=out, lse=lse, context=context)
    assert returned[0] is out and returned[1] is lse
    assert_close(lse, np.logaddexp(*lses.astype(np.float64)), factor=2)
    weights = np.exp(lses - lse).transpose(0, 1, 3, 2)[..., None]
    np.testing.assert_allclose(out, (weights * outs).sum(0), rtol=1e-4, atol=1e-6)


def test_sequences_must_agree(context):
    lses = [np.zeros((1, 1, 2), F32)] * 2
    different = [np.zeros((1, 2, 1, 4), F32), np.zeros((1, 3, 1, 4), F32)]
    with pytest.raises(
        seqmix.InvalidArgument, match=r"attention_merge: outs\[1\] is float32 \(1, 3"
    ):
        seqmix.attention_merge(different, lses, context=context)
    with pytest.raises(seqmix.InvalidArgument, match="attention_merge: outs is an empty sequence"):
        seqmix.attention_merge([], [], context=context)
    with pytest.raises(seqmix.InvalidArgument, match=r"attention_merge: outs\[0\] is a int"):
        seqmix.attention_merge([1], lses, context=context)
