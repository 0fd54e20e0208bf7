# SPDX-License-Identifier: Apache-2.0
"""seqmix.prefix_scan against its definition."""

import inspect
import itertools

import numpy as np
import pytest

import numpy_scans
import producers
import seqmix
from support import F16, F32, assert_scanned, normal

F64, I32 = np.dtype(np.float64), np.dtype(np.int32)
OPS = ["sum", "product", "max", "logsumexp"]
DIRECTIONS = dict(forward={}, exclusive=dict(exclusive=True), reverse=dict(reverse=True),
                  both=dict(exclusive=True, reverse=True))  # fmt: skip


@pytest.fixture(params=DIRECTIONS)
def direction(request):
    return DIRECTIONS[request.param]


def values(rng, op, *shape, dtype=F32):
    """Of a product's results most must be numbers that the type has."""
    if op == "product":
        signs = rng.choice([-1, 1], shape)
        return (signs * 2 ** rng.uniform(-0.3, 0.3, shape)).astype(dtype)
    return normal(rng, *shape, dtype=dtype)


def test_by_hand(context):
    x = np.array([3, -1, 4, 1], F32)

    def calls(op, **options):
        return seqmix.prefix_scan(x, op, context=context, **options).tolist()

    assert calls("sum") == [3, 2, 6, 7]
    assert calls("sum", reverse=True) == [7, 4, 5, 1]
    assert calls("product", exclusive=True) == [1, 3, -3, -12]
    assert calls("max", exclusive=True) == [-np.inf, 3, 3, 4]
    assert calls("max", reverse=True, cu_seqlens=[0, 2, 4]) == [3, -1, 4, 1]
    assert calls("logsumexp", exclusive=True)[:2] == [-np.inf, 3]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 150])
def test_lengths(context, rng, dtype, op, direction, length):
    x = values(rng, op, 3, length, dtype=dtype)
    y = seqmix.prefix_scan(x, op, context=context, **direction)
    assert y.dtype == dtype
    assert_scanned(y, numpy_scans.prefix_scan(x, op, **direction), dtype)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("axis", range(-3, 3))
def test_axes(context, rng, op, direction, axis):
    x = values(rng, op, 4, 5, 9)
    y = seqmix.prefix_scan(x, op, axis=axis, context=context, **direction)
    assert_scanned(y, numpy_scans.prefix_scan(x, op, axis=axis, **direction))


@pytest.mark.parametrize("rank", range(1, 9))
def test_ranks(context, rng, rank):
    x = normal(rng, *([2] * (rank - 1)), 5)
    for axis in (0, rank // 2):
        y = seqmix.prefix_scan(x, axis=axis, context=context)
        assert_scanned(y, np.cumsum(x, axis=axis, dtype=np.float64))


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("axis", [0, 1])
def test_segments(context, rng, dtype, op, direction, axis):
    x = values(rng, op, 40, 40, dtype=dtype)
    options = dict(axis=axis, cu_seqlens=[0, 3, 3, 20, 21, 40], **direction)
    y = seqmix.prefix_scan(x, op, context=context, max_seqlen=19, **options)
    assert_scanned(y, numpy_scans.prefix_scan(x, op, **options), dtype)


@pytest.mark.parametrize("op", OPS)
def test_f64(context, rng, op, direction):
    x = values(rng, op, 5, 70, dtype=F64)
    y = seqmix.prefix_scan(x, op, context=context, **direction)
    assert y.dtype == F64
    np.testing.assert_allclose(y, numpy_scans.prefix_scan(x, op, **direction), 1e-11, 1e-12)


@pytest.mark.parametrize("op", OPS[:3])
def test_int32_wraps_around(context, rng, op, direction):
    x = rng.integers(-(2**31), 2**31, (4, 33)).astype(I32)
    y = seqmix.prefix_scan(x, op, context=context, **direction)
    assert y.dtype == I32
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(y, numpy_scans.prefix_scan(x, op, **direction))


def test_a_product_may_pass_through_what_f32_has_not(context):
    x = np.array([1e30] * 10 + [1e-30] * 10, F32)
    y = seqmix.prefix_scan(x, "product", context=context)
    np.testing.assert_allclose(y[[0, -2, -1]], [1e30, 1e30, 1], rtol=1e-5)
    assert np.isinf(y[1:-2]).all()


def test_nan_stays(context):
    x = np.array([1, np.nan, 2, 3], F32)
    for op in OPS:
        y = seqmix.prefix_scan(x, op, context=context)
        np.testing.assert_array_equal(np.isnan(y), [False, True, True, True])


def test_long_sums_are_as_good_as_their_last_rounding(context, rng):
    x = rng.random(50000).astype(F32)
    y = seqmix.prefix_scan(x, context=context)
    np.testing.assert_allclose(y, np.cumsum(x, dtype=F64), rtol=2.5e-7)


@pytest.mark.parametrize("layout", ["transposed", "backwards", "gaps", "broadcast"])
def test_strides(context, rng, dtype, layout):
    x = normal(rng, 6, 8, 10, dtype=dtype)
    x = {
        "transposed": x.transpose(2, 0, 1),
        "backwards": x[:, ::-1, ::-1],
        "gaps": x[::2, ::3, ::4],
        "broadcast": np.broadcast_to(x[:, :1, :1], x.shape),
    }[layout]
    for axis in range(3):
        y = seqmix.prefix_scan(x, axis=axis, context=context)
        assert_scanned(y, np.cumsum(x.astype(F64), axis=axis), dtype)


def test_outputs(context, rng, dtype):
    x = normal(rng, 3, 20, dtype=dtype)
    wanted = np.cumsum(x.astype(F64), axis=-1)
    memory = np.full((40, 5), -7, dtype)
    out = memory[::2, 1:4].T
    assert seqmix.prefix_scan(x, out=out, context=context) is out
    assert_scanned(out, wanted, dtype)
    out[...] = -7
    assert (memory == -7).all()
    out = np.full((3, 20), np.nan, F32)
    assert seqmix.prefix_scan(x, out=out, context=context) is out
    assert_scanned(out, wanted)


def test_nothing_to_scan(context):
    for shape in [(0,), (3, 0), (0, 3)]:
        assert seqmix.prefix_scan(np.zeros(shape, F16), context=context).shape == shape


def test_the_same_package(context, rng):
    x = normal(rng, 3, 4)
    y = seqmix.prefix_scan(producers.ImmutableArray(x), context=context)
    assert type(y) is producers.ImmutableArray
    assert_scanned(y.array, np.cumsum(x, axis=-1))


def test_every_option_is_used_here():
    keywords = inspect.signature(seqmix.prefix_scan).parameters.keys()
    source = inspect.getsource(inspect.getmodule(test_by_hand))
    assert all(f"{name}=" in source for name in keywords - {"x", "op"})


@pytest.mark.parametrize("op", OPS)
def test_every_variant(context, rng, op):
    x = values(rng, op, 5, 70)
    names = [name for name in context.variants() if name.startswith("prefix_scan__")]
    taken = 0
    for name in names:
        context.set_variant(name)
        try:
            for axis in (0, 1):
                y = seqmix.prefix_scan(x, op, axis=axis, context=context)
                assert_scanned(y, numpy_scans.prefix_scan(x, op, axis=axis))
            taken += 1
        except seqmix.Unsupported:
            pass
        finally:
            context.set_variant(None)
    assert taken > 0


def test_threads_do_not_change_a_bit(rng):
    x = normal(rng, 3, 5000)
    with seqmix.Context(threads=1) as context:
        for op, axis in itertools.product(OPS, [0, 1]):
            context.threads = 1
            once = seqmix.prefix_scan(x, op, axis=axis, context=context)
            context.threads = 5
            assert seqmix.prefix_scan(x, op, axis=axis, context=context).tobytes() == once.tobytes()
