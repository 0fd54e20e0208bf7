# SPDX-License-Identifier: Apache-2.0
"""Exchange of arrays: every protocol, without copies, and the same kind back."""

import gc
import subprocess
import sys
import types
import weakref

import ml_dtypes
import numpy as np
import pytest

import numpy_attention
import producers
import seqmix
from support import BF16, F32, assert_close, normal


@pytest.fixture
def arrays(rng):
    return tuple(normal(rng, 2, 5, 3, 8) for _ in "qkv")


@pytest.fixture
def expected(arrays):
    return numpy_attention.attention(*arrays).out


WRAPPERS = [
    producers.NumPyBacked,
    producers.OldNumPyBacked,
    producers.ArrayInterface,
    producers.HandMade,
    lambda array: producers.HandMade(array, version=None),
    lambda array: producers.HandMade(array, byte_offset=24),
]
IDS = ["dlpack", "old_dlpack", "array_interface", "hand_made", "hand_made_old", "byte_offset"]


@pytest.mark.parametrize("wrap", WRAPPERS, ids=IDS)
def test_inputs(context, arrays, expected, wrap):
    out = seqmix.attention(*map(wrap, arrays), context=context)
    assert type(out) is np.ndarray and out.dtype == F32
    assert_close(out, expected)


@pytest.mark.parametrize("wrap", WRAPPERS[:3], ids=IDS[:3])
def test_strides_pass_through(context, arrays, wrap):
    q, k, v = (array.transpose(2, 1, 0, 3)[:, ::-1] for array in arrays)
    out = seqmix.attention(wrap(q), wrap(k), wrap(v), context=context)
    assert_close(out, numpy_attention.attention(q, k, v).out)


@pytest.mark.parametrize("wrap", WRAPPERS[:3], ids=IDS[:3])
def test_outputs_are_written_in_place_and_returned_as_they_are(context, arrays, expected, wrap):
    memory = np.full(expected.shape, np.nan, F32)
    out = wrap(memory)
    assert seqmix.attention(*arrays, out=out, context=context) is out
    assert_close(memory, expected)


@pytest.mark.parametrize("wrap", WRAPPERS[:4], ids=IDS[:4])
def test_keyword_arrays(context, arrays, wrap):
    def options(wrap, integers):
        return dict(
            bias=wrap(np.arange(5, dtype=F32)),
            sinks=wrap(np.ones(3, F32)),
            key_lengths=integers(np.array([5, 2])),
            query_offset=integers(np.array([0, 1])),
            causal=True,
        )

    # HandMade makes floats only.
    integers = (lambda array: array) if wrap is producers.HandMade else wrap
    out = seqmix.attention(*arrays, context=context, **options(wrap, integers))
    plain = options(lambda array: array, lambda array: array)
    assert_close(out, numpy_attention.attention(*arrays, **plain).out)


def test_bfloat16_by_dlpack(context, rng):
    arrays = [normal(rng, 1, 4, 2, 8, dtype=BF16) for _ in "qkv"]
    wrapped = [producers.HandMade(array, code=producers.BFLOAT) for array in arrays]
    out = seqmix.attention(*wrapped, context=context)
    assert out.dtype == BF16
    assert_close(out, numpy_attention.attention(*arrays).out, BF16)


def test_bfloat16_needs_ml_dtypes_only_where_one_is_made(context, rng, monkeypatch):
    q = normal(rng, 1, 4, 2, 8, dtype=BF16)
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    assert seqmix.attention(q, q, q, context=context).dtype == BF16
    wrapped = producers.HandMade(q, code=producers.BFLOAT)
    with pytest.raises(seqmix.Unsupported, match="attention: .*ml_dtypes"):
        seqmix.attention(wrapped, wrapped, wrapped, context=context)


@pytest.mark.parametrize("version", [(1, 0), None], ids=["versioned", "old"])
def test_capsules_are_given_back_once_and_not_before_the_end(context, arrays, expected, version):
    wrapped = [producers.HandMade(array, version=version) for array in arrays]
    assert_close(seqmix.attention(*wrapped, context=context), expected)
    gc.collect()
    assert [(one.given, one.returned) for one in wrapped] == [(1, 1)] * 3


def test_capsules_are_given_back_after_a_failure(context, arrays):
    q, k, v = map(producers.HandMade, arrays)
    with pytest.raises(seqmix.InvalidArgument):
        seqmix.attention(q, k, v, scale=float("nan"), context=context)
    gc.collect()
    assert [(one.given, one.returned) for one in (q, k, v)] == [(1, 1)] * 3


def test_nothing_keeps_arrays_alive_after_the_call(context, rng):
    q = normal(rng, 1, 4, 2, 8)
    seen = weakref.ref(q)
    out = seqmix.attention(q, q, q, context=context)
    del q
    gc.collect()
    assert seen() is None and np.isfinite(out).all()


def test_results_are_of_the_same_package(context, arrays, expected):
    q, k, v = map(producers.ImmutableArray, arrays)
    out, lse, scores = seqmix.attention(q, k, v, return_lse=True, scores="raw", context=context)
    for result in (out, lse, scores):
        assert type(result) is producers.ImmutableArray
    assert_close(out.array, expected)
    merged, _ = seqmix.attention_merge([out, out], [lse, lse], context=context)
    assert type(merged) is producers.ImmutableArray
    assert_close(merged.array, expected, factor=2)


def test_results_in_bfloat16_of_the_same_package(context, rng):
    q = producers.ImmutableArray(normal(rng, 1, 4, 2, 8, dtype=BF16))
    out = seqmix.attention(q, q, q, context=context)
    assert type(out) is producers.ImmutableArray and out.dtype == BF16


class FakeTorchTensor(producers.NumPyBacked):
    """As much of torch.Tensor as seqmix may use."""

    device = "cpu"

    @property
    def dtype(self):
        return self.array.dtype

    @property
    def shape(self):
        return self.array.shape


@pytest.fixture
def torch_like(monkeypatch):
    torch = types.ModuleType("torch")
    torch.Tensor = FakeTorchTensor
    torch.float32 = F32
    torch.empty = lambda shape, *, dtype, device: FakeTorchTensor(np.full(shape, np.nan, dtype))
    torch.stack = lambda tensors: FakeTorchTensor(np.stack([one.array for one in tensors]))
    monkeypatch.setitem(sys.modules, "torch", torch)
    return torch


def test_results_are_torch_tensors(context, arrays, expected, torch_like):
    q, k, v = map(FakeTorchTensor, arrays)
    out, lse = seqmix.attention(q, k, v, return_lse=True, context=context)
    assert type(out) is FakeTorchTensor and type(lse) is FakeTorchTensor
    assert_close(out.array, expected)
    merged, _ = seqmix.attention_merge([out, out], [lse, lse], context=context)
    assert_close(merged.array, expected, factor=2)


def test_real_torch_tensors(context, arrays, expected):
    torch = pytest.importorskip("torch")
    q, k, v = map(torch.from_numpy, arrays)
    out = seqmix.attention(q, k, v, context=context)
    assert isinstance(out, torch.Tensor)
    assert_close(out.numpy(), expected)
    q, k, v = (tensor.to(torch.bfloat16) for tensor in (q, k, v))
    out = seqmix.attention(q, k, v, context=context)
    assert out.dtype == torch.bfloat16
    rounded = [tensor.float().numpy() for tensor in (q, k, v)]
    assert_close(out.float().numpy(), numpy_attention.attention(*rounded).out, BF16)


def test_torch_is_never_imported():
    code = (
        "import sys, seqmix, numpy\n"
        "q = numpy.ones((1, 2, 1, 4), numpy.float32)\n"
        "seqmix.attention(q, q, q)\n"
        "assert 'torch' not in sys.modules and 'ml_dtypes' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("wrap", "why"),
    [
        (read_only, "read-only"),
        (lambda array: producers.ArrayInterface(read_only(array)), "read-only"),
        (lambda array: producers.HandMade(array, flags=producers.READ_ONLY), "read-only"),
        (
            lambda array: producers.HandMade(array, flags=producers.IS_COPIED),
            "handed out as a copy",
        ),
    ],
    ids=["numpy", "array_interface", "dlpack", "dlpack_copy"],
)
@pytest.mark.parametrize("member", ["out", "lse"])
def test_outputs_must_be_writable(context, arrays, wrap, why, member):
    shape = (2, 5, 3, 8) if member == "out" else (2, 3, 5)
    given = {member: wrap(np.zeros(shape, F32))}
    with pytest.raises(ValueError, match=f"^attention: {member} is {why}, must be writable$"):
        seqmix.attention(*arrays, context=context, **given)


def test_inputs_may_be_read_only(context, arrays, expected):
    assert_close(seqmix.attention(*map(read_only, arrays), context=context), expected)


def test_a_last_axis_with_gaps_is_refused_not_copied(context, arrays):
    q, k, v = arrays
    gaps = np.repeat(k, 2, axis=-1)[..., ::2]
    with pytest.raises(ValueError, match="^attention: k"):
        seqmix.attention(q, gaps, v, context=context)


def test_strides_between_elements_are_refused(context, arrays):
    q, k, v = arrays
    record = np.zeros(k.shape, np.dtype([("x", "u1"), ("k", "f4")]))
    with pytest.raises(ValueError, match="^attention: k is an array with strides of"):
        seqmix.attention(q, record["k"], v, context=context)


@pytest.mark.parametrize(
    "dtype",
    [
        "float64",
        "int32",
        "int64",
        "uint8",
        "bool",
        "int16",
        "complex64",
        ">f4",
        "datetime64[s]",
        ml_dtypes.float8_e4m3fn,
        "O",
    ],
    ids=str,
)
def test_other_element_types_are_refused(context, arrays, dtype):
    q, k, v = (np.zeros(array.shape, dtype) for array in arrays)
    with pytest.raises(ValueError, match="^attention: q is .*must be"):
        seqmix.attention(q, k, v, context=context)


@pytest.mark.parametrize("thing", [None, 3.5, "q", [[[[1.0]]]], object()], ids=str)
def test_what_is_no_array_is_refused(context, arrays, thing):
    with pytest.raises(ValueError, match="^attention: v is a .*, must be an array"):
        seqmix.attention(arrays[0], arrays[1], thing, context=context)


def test_ranks_beyond_the_library_are_refused(context, arrays):
    q = np.zeros((1,) * 9 + (4,), F32)
    with pytest.raises(ValueError, match="^attention: q is of rank 10, must be"):
        seqmix.attention(q, *arrays[1:], context=context)


class Unwilling:
    def __init__(self, answer):
        self.answer = answer

    def __dlpack__(self, **keywords):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (Unwilling(BufferError("it requires grad")), "is .*not hand out.*it requires grad"),
        (Unwilling("a string"), "is .*no DLPack capsule"),
        (producers.HandMade(np.zeros((1, 1, 1, 1), F32), version=(2, 0)), "is .*DLPack 2.0"),
        (producers.HandMade(np.zeros((1, 1, 1, 1), F32), lanes=4), ": tensor_from_dlpack: .*lanes"),
    ],
    ids=["refuses", "no_capsule", "version_2", "vector_elements"],
)
def test_bad_dlpack(context, arrays, array, words):
    with pytest.raises(
        seqmix.Error, match=f"^attention: k{words if words[0] == ':' else ' ' + words}"
    ):
        seqmix.attention(arrays[0], array, arrays[2], context=context)


@pytest.mark.parametrize(
    "wrap",
    [producers.CudaArrayInterface, lambda array: producers.HandMade(array, device=producers.CUDA)],
    ids=["cuda_array_interface", "dlpack"],
)
def test_cuda_memory_is_refused_on_the_cpu(arrays, wrap):
    with seqmix.Context("cpu") as context:
        with pytest.raises(ValueError, match="^attention: q"):
            seqmix.attention(*map(wrap, arrays), context=context)


def test_lists(context, arrays):
    options = dict(sinks=[1, 2.5, -3], key_lengths=(5, 2), query_lengths=[1, 5])
    out = seqmix.attention(*arrays, context=context, **options)
    assert_close(out, numpy_attention.attention(*arrays, **options).out)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("key_lengths", [1.5, 2]),
        ("key_lengths", ["a", "b"]),
        ("key_lengths", [[1, 2], [3]]),
        ("key_lengths", [2**63, 1]),
        ("query_offset", [True, False]),
        ("query_offset", 1.0),
        ("query_offset", 2**63),
        ("query_offset", -(2**63)),
        ("sinks", ["a"]),
        ("sinks", [[1], [2, 3]]),
        ("scale", "big"),
        ("softcap", None),
        ("window", 3),
        ("window", (1,)),
        ("window", (1.5, 2)),
        ("max_seqlen_q", 1.5),
        ("block_size", (1, 2, 3)),
        ("block_size", (2**70, 2)),
        ("head_sharing", "shared"),
        ("head_sharing", 0),
        ("mask", [True]),
        ("scores", "none"),
        ("scores", 1),
    ],
    ids=str,
)
def test_values_of_the_wrong_kind(context, arrays, name, value):
    with pytest.raises(seqmix.InvalidArgument, match=rf"^attention: {name}(\[\d\])* is "):
        seqmix.attention(*arrays, context=context, **{name: value})


INTEGER_OR_ARRAY = "must be an integer or an array of integers"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("key_lengths", [1, 2**63], f"key_lengths[1] is {2**63}, must fit 64 bits"),
        ("key_lengths", (2**64, 1), f"key_lengths[0] is {2**64}, must fit 64 bits"),
        ("key_lengths", [1, 2.5], "key_lengths[1] is 2.5, must be an integer"),
        ("key_lengths", [True, False], "key_lengths[0] is True, must be an integer"),
        ("block_table", [[1, 2], [3, 2**63]], f"block_table[1][1] is {2**63}, must fit 64 bits"),
        ("query_offset", 1.5, f"query_offset is 1.5, {INTEGER_OR_ARRAY}"),
        ("query_offset", np.float64(1), f"query_offset is {np.float64(1)!r}, {INTEGER_OR_ARRAY}"),
        ("query_offset", "end", f"query_offset is 'end', {INTEGER_OR_ARRAY}"),
        ("window", (1.5, 2), "window[0] is 1.5, must be an integer"),
        ("block_size", (1, 2**70), f"block_size[1] is {2**70}, must fit 64 bits"),
    ],
    ids=str,
)
def test_sentences_about_integers(context, arrays, name, value, sentence):
    with pytest.raises(seqmix.InvalidArgument) as caught:
        seqmix.attention(*arrays, context=context, **{name: value})
    assert str(caught.value) == f"attention: {sentence}"


def test_unsigned_integers_in_a_list(context, arrays):
    out = seqmix.attention(*arrays, key_lengths=[np.uint64(5), np.uint64(2)], context=context)
    expected = seqmix.attention(*arrays, key_lengths=[5, 2], context=context)
    np.testing.assert_array_equal(out, expected)


# Sizes are beyond what NumPy can count: a sanitizer's allocator would end the program over one that
# is only beyond what the machine has.
def test_outputs_beyond_what_numpy_can_count(context):
    q = np.broadcast_to(np.ones(1, F32), (1, 2**57, 1, 1))
    k, v = np.ones((1, 1, 1, 1), F32), np.ones((1, 1, 1, 64), F32)
    words = rf"^attention: out is of shape \(1, {2**57}, 1, 64\), must fit in memory"
    with pytest.raises(seqmix.OutOfMemory, match=words):
        seqmix.attention(q, k, v, context=context)


def test_outputs_beyond_memory(context, arrays, monkeypatch):
    def empty(*_):
        raise MemoryError("Unable to allocate 3.00 EiB")

    monkeypatch.setattr(np, "empty", empty)
    words = r"^attention: out is of shape .*, must fit in memory \(Unable to allocate 3.00 EiB\)$"
    with pytest.raises(seqmix.OutOfMemory, match=words):
        seqmix.attention(*arrays, context=context)


def test_stacks_beyond_memory(context):
    one = np.ones((1, 1, 1, 1), F32)
    outs = np.broadcast_to(one, (1, 2**60, 1, 1))
    with pytest.raises(seqmix.OutOfMemory, match="^attention_merge: outs is 2 arrays of shape"):
        seqmix.attention_merge([outs] * 2, [outs] * 2, context=context)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("CUDA out of memory. Tried to allocate 2 TiB", seqmix.OutOfMemory),
        ("CUDA error: an illegal memory access was encountered", RuntimeError),
    ],
)
def test_torch_without_memory(context, arrays, torch_like, message, kind):
    def empty(*_, **__):
        raise RuntimeError(message)

    torch_like.empty = empty
    with pytest.raises(kind, match=message) as caught:
        seqmix.attention(*map(FakeTorchTensor, arrays), context=context)
    assert type(caught.value) is kind


def test_a_block_mask_needs_its_block_size(context, arrays):
    blocks = np.ones((1, 1, 1, 1), bool)
    with pytest.raises(seqmix.InvalidArgument, match="^attention: block_size is None, must be"):
        seqmix.attention(*arrays, block_mask=blocks, context=context)
