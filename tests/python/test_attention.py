# SPDX-License-Identifier: Apache-2.0
"""seqmix.attention against attention written from its definition."""

import inspect

import numpy as np
import pytest

import numpy_attention
import seqmix
from support import F32, assert_close, normal

CASES = {}


def case(function):
    """Registers a function (rng, dtype) -> (q, k, v, options)."""
    CASES[function.__name__] = function
    return function


def qkv(rng, dtype, b=2, tq=5, tk=9, hq=4, hkv=2, d=8, dv=8):
    return (
        normal(rng, b, tq, hq, d, dtype=dtype),
        normal(rng, b, tk, hkv, d, dtype=dtype),
        normal(rng, b, tk, hkv, dv, dtype=dtype),
    )


def some(rng, *shape):
    """Booleans, three of four true."""
    return rng.random(shape) < 0.75


@case
def plain(rng, dtype):
    return *qkv(rng, dtype), {}


@case
def odd_sizes(rng, dtype):
    return *qkv(rng, dtype, b=1, tq=3, tk=19, hq=3, hkv=1, d=5, dv=7), {}


@case
def long_keys(rng, dtype):
    return *qkv(rng, dtype, b=1, tq=2, tk=700, hq=1, hkv=1, d=72, dv=40), {}


@case
def one_of_everything(rng, dtype):
    return *qkv(rng, dtype, b=1, tq=1, tk=1, hq=1, hkv=1, d=1, dv=1), {}


@case
def no_batch(rng, dtype):
    return *qkv(rng, dtype, b=0), {}


@case
def no_queries(rng, dtype):
    return *qkv(rng, dtype, tq=0), {}


@case
def no_keys(rng, dtype):
    return *qkv(rng, dtype, tk=0), {}


@case
def scale(rng, dtype):
    return *qkv(rng, dtype), dict(scale=0.21)


@case
def tiled_heads(rng, dtype):
    return *qkv(rng, dtype, hq=6, hkv=3), dict(head_sharing="tiled")


@case
def interleaved_heads(rng, dtype):
    return *qkv(rng, dtype, hq=6, hkv=3), dict(head_sharing="interleaved")


@case
def causal_at_the_end(rng, dtype):
    return *qkv(rng, dtype), dict(causal=True)


@case
def causal_more_queries_than_keys(rng, dtype):
    return *qkv(rng, dtype, tq=9, tk=4), dict(causal=True)


@case
def causal_at_the_start(rng, dtype):
    return *qkv(rng, dtype), dict(causal=True, query_offset=0)


@case
def causal_before_the_start(rng, dtype):
    return *qkv(rng, dtype), dict(causal=True, query_offset=-2)


@case
def causal_offset_per_sequence(rng, dtype):
    return *qkv(rng, dtype, b=3), dict(causal=True, query_offset=[4, -7, 0])


@case
def offset_array(rng, dtype):
    offsets = np.array([1, 2], np.int32)
    return *qkv(rng, dtype), dict(window=(2, 0), query_offset=offsets)


@case
def window(rng, dtype):
    return *qkv(rng, dtype), dict(window=(2, 1))


@case
def window_open_to_the_right(rng, dtype):
    return *qkv(rng, dtype), dict(window=(3, None))


@case
def window_and_causal(rng, dtype):
    return *qkv(rng, dtype), dict(window=(0, 3), causal=True, query_offset=2)


@case
def key_lengths(rng, dtype):
    q, k, v = qkv(rng, dtype, b=4)
    lengths = [0, 1, 6, 9]
    for n, length in enumerate(lengths):
        k[n, length:], v[n, length:] = np.nan, np.inf
    return q, k, v, dict(key_lengths=lengths, causal=True)


@case
def query_lengths(rng, dtype):
    q, k, v = qkv(rng, dtype, b=4)
    return q, k, v, dict(query_lengths=np.array([0, 1, 3, 5]), causal=True)


@case
def mask(rng, dtype):
    return *qkv(rng, dtype), dict(mask=some(rng, 2, 4, 5, 9))


@case
def mask_of_keys(rng, dtype):
    return *qkv(rng, dtype), dict(mask=some(rng, 9))


@case
def mask_per_batch(rng, dtype):
    return *qkv(rng, dtype), dict(mask=some(rng, 2, 1, 1, 9), causal=True)


@case
def short_mask(rng, dtype):
    return *qkv(rng, dtype), dict(mask=some(rng, 4, 1, 6))


@case
def mask_of_nothing(rng, dtype):
    return *qkv(rng, dtype), dict(mask=np.zeros((5, 9), bool))


@case
def bias(rng, dtype):
    return *qkv(rng, dtype), dict(bias=normal(rng, 2, 4, 5, 9, dtype=dtype))


@case
def bias_in_f32(rng, dtype):
    return *qkv(rng, dtype), dict(bias=normal(rng, 5, 9))


@case
def bias_per_head(rng, dtype):
    return *qkv(rng, dtype), dict(bias=normal(rng, 4, 1, 9))


@case
def short_bias(rng, dtype):
    return *qkv(rng, dtype), dict(bias=normal(rng, 2, 1, 5, 7))


@case
def bias_that_masks(rng, dtype):
    values = normal(rng, 2, 1, 5, 9)
    values[~some(rng, 2, 1, 5, 9)] = -np.inf
    values[1, 0, 2] = -np.inf
    return *qkv(rng, dtype), dict(bias=values)


@case
def strided_bias(rng, dtype):
    values = normal(rng, 9, 5, 4, 2)
    return *qkv(rng, dtype), dict(bias=values.transpose(3, 2, 1, 0)[:, ::-1])


@case
def alibi(rng, dtype):
    return *qkv(rng, dtype), dict(alibi_slopes=[0.5, 0.25, 0.125, 0.0625], causal=True)


@case
def softcap(rng, dtype):
    q, k, v = qkv(rng, dtype)
    return q, k, v, dict(softcap=1.5, bias=normal(rng, 5, 9))


@case
def sinks(rng, dtype):
    q, k, v = qkv(rng, dtype)
    return q, k, v, dict(sinks=normal(rng, 4), causal=True, query_offset=-2)


@case
def sinks_of_the_same_type(rng, dtype):
    return *qkv(rng, dtype), dict(sinks=normal(rng, 4, dtype=dtype))


@case
def block_mask(rng, dtype):
    blocks = some(rng, 2, 4, 2, 5)
    return *qkv(rng, dtype), dict(block_mask=blocks, block_size=(3, 2))


@case
def block_mask_of_bytes(rng, dtype):
    blocks = some(rng, 1, 1, 5, 3).astype(np.uint8)
    return *qkv(rng, dtype), dict(block_mask=blocks, block_size=(1, 4), causal=True)


@case
def packed(rng, dtype):
    q, k, v = qkv(rng, dtype, b=1, tq=11, tk=17)
    starts_q, starts_k = [0, 3, 3, 10, 11], np.array([0, 6, 8, 8, 17], np.int32)
    hints = dict(max_seqlen_q=7, max_seqlen_k=9)
    return q, k, v, dict(cu_seqlens_q=starts_q, cu_seqlens_k=starts_k, causal=True, **hints)


@case
def packed_with_offsets_sinks_and_blocks(rng, dtype):
    q, k, v = qkv(rng, dtype, b=1, tq=8, tk=12)
    options = dict(cu_seqlens_q=[0, 5, 8], cu_seqlens_k=[0, 4, 12], query_offset=[1, 3])
    blocks = dict(block_mask=some(rng, 2, 4, 2, 2), block_size=(4, 5))
    return q, k, v, dict(window=(3, 1), sinks=normal(rng, 4), **options, **blocks)


@case
def packed_queries_only(rng, dtype):
    q, _, _ = qkv(rng, dtype, b=1, tq=6)
    _, k, v = qkv(rng, dtype, b=3)
    return q, k, v, dict(cu_seqlens_q=[0, 1, 4, 6], key_lengths=[9, 5, 0], causal=True)


def paged_pools(rng, dtype, page_size, pages=7):
    """Pools whose last page, which no table names, is poison."""
    _, k, v = qkv(rng, dtype, b=pages, tk=page_size)
    k[-1], v[-1] = np.nan, np.nan
    return k, v


@case
def paged(rng, dtype):
    q, _, _ = qkv(rng, dtype, b=3, tq=2)
    k, v = paged_pools(rng, dtype, page_size=4)
    table = [[2, 0, 1], [3, 4, 0], [5, 2, 2]]
    return q, k, v, dict(block_table=table, key_lengths=[10, 4, 0], causal=True)


@case
def paged_with_packed_queries(rng, dtype):
    q, _, _ = qkv(rng, dtype, b=1, tq=6)
    k, v = paged_pools(rng, dtype, page_size=3)
    table = np.array([[2, 0], [4, 1], [1, 5]], np.int64)
    options = dict(block_table=table, key_lengths=[6, 1, 5], cu_seqlens_q=[0, 1, 2, 6])
    return q, k, v, dict(causal=True, alibi_slopes=[1, 0.5, 0.25, 0], **options)


def draw(rng, dtype):
    """Shapes and options at random, all that go together."""
    b, tq, tk = rng.integers(1, 4), rng.integers(0, 12), rng.integers(0, 40)
    hkv, group = rng.integers(1, 3), rng.integers(1, 4)
    d, dv, hq = rng.integers(1, 40), rng.integers(1, 40), hkv * group
    q, k, v = qkv(rng, dtype, b, tq, tk, hq, hkv, d, dv)
    bq, bk = rng.integers(1, 6, 2)
    candidates = dict(
        causal=True,
        softcap=2.0,
        head_sharing="tiled",
        query_offset=rng.integers(-5, 40, b),
        window=tuple(int(side) for side in rng.integers(-1, 12, 2)),
        key_lengths=rng.integers(0, tk + 1, b),
        query_lengths=rng.integers(0, tq + 1, b),
        mask=some(rng, b, 1, tq, tk),
        bias=normal(rng, hq, 1, tk),
        alibi_slopes=rng.random(hq).astype(F32),
        sinks=normal(rng, hq),
        block_mask=some(rng, 1, hq, -(-tq // bq), -(-tk // bk)),
    )
    options = {name: value for name, value in candidates.items() if rng.random() < 0.3}
    if "block_mask" in options:
        options["block_size"] = (int(bq), int(bk))
    return q, k, v, options


for number in range(12):
    CASES[f"random_{number}"] = draw


def test_by_hand(context):
    """Keys of score log 1 and log 3 weigh 1/4 and 3/4; with a sink of log 4, 1/8 and 3/8."""
    q, k = np.array([2.0], F32), np.log(np.array([1.0, 3.0], F32)) / 2
    v = np.array([[8.0, 16.0], [0.0, 32.0]], F32)
    q, k, v = q.reshape(1, 1, 1, 1), k.reshape(1, 2, 1, 1), v.reshape(1, 2, 1, 2)
    options = dict(scale=1.0, return_lse=True, context=context)
    out, lse = seqmix.attention(q, k, v, **options)
    np.testing.assert_allclose(out.ravel(), [2, 28], rtol=1e-6)
    np.testing.assert_allclose(lse.ravel(), np.log([4]), rtol=1e-6)
    out, lse = seqmix.attention(q, k, v, sinks=[float(np.log(4))], **options)
    np.testing.assert_allclose(out.ravel(), [1, 14], rtol=1e-6)
    np.testing.assert_allclose(lse.ravel(), np.log([8]), rtol=1e-6)


def check(context, q, k, v, options):
    """Output and lse, written over NaN."""
    expected = numpy_attention.attention(q, k, v, **options)
    out = np.full(expected.out.shape, np.nan, q.dtype)
    lse = np.full(expected.lse.shape, np.nan, F32)
    returned = seqmix.attention(q, k, v, out=out, lse=lse, context=context, **options)
    assert returned[0] is out and returned[1] is lse
    assert_close(out, expected.out, q.dtype)
    assert_close(lse, expected.lse, factor=2)


@pytest.mark.parametrize("name", CASES)
def test_output_and_lse(context, rng, dtype, name):
    check(context, *CASES[name](rng, dtype))


def test_every_option_has_a_case():
    rng = np.random.default_rng(0)
    used = set().union(*(make(rng, F32)[3] for make in CASES.values()))
    keywords = inspect.signature(seqmix.attention).parameters.keys()
    assert used == keywords - {"q", "k", "v", "scores", "return_lse", "out", "lse", "context"}


SCORED = [
    "plain",
    "causal_at_the_start",
    "window",
    "bias_that_masks",
    "short_mask",
    "softcap",
    "alibi",
    "sinks",
    "no_keys",
    "tiled_heads",
    "block_mask",
    "key_lengths",
    "query_lengths",
    "paged",
]


@pytest.mark.parametrize("scores", ["raw", "softcap", "bias", "probabilities"])
@pytest.mark.parametrize("name", SCORED)
def test_scores(context, rng, dtype, name, scores):
    q, k, v, options = CASES[name](rng, dtype)
    out, shown = seqmix.attention(q, k, v, scores=scores, context=context, **options)
    expected = numpy_attention.attention(q, k, v, scores=scores, **options)
    assert shown.dtype == dtype
    assert_close(shown, expected.scores, dtype)
    assert_close(out, expected.out, dtype)


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
    check(context, q, k, v, dict(causal=True))


def test_strided_out_and_nothing_between_is_touched(context, rng, dtype):
    q, k, v = qkv(rng, dtype)
    memory = np.full((2, 4, 7, 11), -7, dtype)
    out = memory[:, :, 1:6, 2:10].transpose(0, 2, 1, 3)
    seqmix.attention(q, k, v, out=out, context=context)
    assert_close(out, numpy_attention.attention(q, k, v).out, dtype)
    out[...] = -7
    assert (memory == -7).all()


def test_out_in_f32(context, rng, dtype):
    q, k, v = qkv(rng, dtype)
    out = seqmix.attention(q, k, v, out=np.full(q.shape, np.nan, F32), context=context)
    # Devices may multiply probabilities in the inputs' type, as every tolerance allows.
    assert_close(out, numpy_attention.attention(q, k, v).out, dtype)


def test_what_is_returned(context, rng):
    q, k, v = qkv(rng, F32)
    options = dict(context=context, causal=True)
    out = seqmix.attention(q, k, v, **options)
    assert isinstance(out, np.ndarray) and out.shape == (2, 5, 4, 8) and out.dtype == F32
    _, lse = seqmix.attention(q, k, v, return_lse=True, **options)
    assert lse.shape == (2, 4, 5) and lse.dtype == F32
    _, given = seqmix.attention(q, k, v, lse=np.empty_like(lse), **options)
    np.testing.assert_array_equal(given, lse)
    _, lse, scores = seqmix.attention(q, k, v, return_lse=True, scores="bias", **options)
    assert lse.shape == (2, 4, 5) and scores.shape == (2, 4, 5, 9)
    _, scores = seqmix.attention(q, k, v, scores="raw", **options)
    assert scores.shape == (2, 4, 5, 9)


def test_threads_do_not_change_a_bit(rng, dtype):
    q, k, v = qkv(rng, dtype, b=3, tq=40, tk=70)
    with seqmix.Context(threads=1) as context:
        once = seqmix.attention(q, k, v, causal=True, context=context)
        context.threads = 5
        again = seqmix.attention(q, k, v, causal=True, context=context)
    assert once.tobytes() == again.tobytes()
