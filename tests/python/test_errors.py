# SPDX-License-Identifier: Apache-2.0
"""Exceptions: the right class, the library's sentence, no output touched."""

import pickle
import sys

import numpy as np
import pytest

import seqmix
from support import F32, is_named, normal, skip_unless_looked_for

CLASSES = {
    seqmix.InvalidArgument: (seqmix.Status.INVALID_ARGUMENT, ValueError),
    seqmix.Unsupported: (seqmix.Status.UNSUPPORTED, NotImplementedError),
    seqmix.OutOfMemory: (seqmix.Status.OUT_OF_MEMORY, MemoryError),
    seqmix.DeviceError: (seqmix.Status.DEVICE, RuntimeError),
    seqmix.NoDevice: (seqmix.Status.NO_DEVICE, LookupError),
    seqmix.InternalError: (seqmix.Status.INTERNAL, RuntimeError),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_classes(kind):
    status, builtin = CLASSES[kind]
    error = kind("attention: a sentence")
    assert isinstance(error, seqmix.Error) and isinstance(error, builtin)
    assert error.status is status
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind and str(copy) == "attention: a sentence"


def test_every_status_has_its_class():
    assert {status for status, _ in CLASSES.values()} == set(seqmix.Status) - {seqmix.Status.OK}


BAD = [
    (dict(scale=float("nan")), "scale"),
    (dict(softcap=-1.0), "softcap"),
    (dict(window=(-2, 0)), r"window\[0\] is -2"),
    (dict(window=(0, -2)), r"window\[1\] is -2"),
    (dict(key_lengths=[1, 2, 3]), "key_lengths"),
    (dict(key_lengths=[1, 10]), "key_lengths"),
    (dict(query_lengths=[-1, 1]), "query_lengths"),
    (dict(query_offset=np.zeros(2, F32)), r"query_offset\b"),
    (dict(query_offset=[0, -(2**62) * 2 + 1]), r"query_offset\[1\] is"),
    (dict(mask=np.ones((5, 10), bool)), "mask"),
    (dict(mask=np.ones((5, 9), F32)), "mask"),
    (dict(bias=np.ones((3, 5, 9), F32)), "bias"),
    (dict(alibi_slopes=[1.0]), "alibi_slopes"),
    (dict(sinks=np.ones(4)), "sinks"),
    (dict(block_mask=np.ones((1, 1, 2, 2), bool), block_size=(0, 1)), r"block_size\[0\] is 0"),
    (dict(block_mask=np.ones((1, 1, 2, 2), bool), block_size=(1, 0)), r"block_size\[1\] is 0"),
    (dict(block_mask=np.ones((1, 1, 2, 2), bool), block_size=(5, 9)), "block_mask "),
    (dict(block_mask=np.ones((1, 1, 1, 1)), block_size=(5, 9)), "block_mask "),
    (dict(context="cpu"), "context is 'cpu', must be a seqmix.Context"),
    (dict(context=0), "context is 0, must be a seqmix.Context"),
    (dict(cu_seqlens_q=[0, 5]), "cu_seqlens_q"),
    (dict(block_table=[[0], [1]]), "block_table|key_lengths"),
    (dict(out=np.zeros((2, 5, 4, 7), F32)), "out"),
    (dict(out=np.zeros((2, 5, 4, 8))), "out"),
    (dict(lse=np.zeros((2, 5, 4), F32)), "lse"),
]


@pytest.mark.parametrize(
    ("options", "name"), BAD, ids=[f"{name}-{i}" for i, (_, name) in enumerate(BAD)]
)
def test_bad_arguments_are_named_and_nothing_is_written(context, rng, options, name):
    q, k, v = normal(rng, 2, 5, 4, 8), normal(rng, 2, 9, 2, 8), normal(rng, 2, 9, 2, 8)
    options = dict(out=np.full((2, 5, 4, 8), 3, F32), lse=np.full((2, 4, 5), 3, F32)) | options
    before = options["out"].tobytes(), options["lse"].tobytes()
    with pytest.raises(seqmix.InvalidArgument) as caught:
        seqmix.attention(q, k, v, **(dict(context=context) | options))
    if not is_named(caught.value, "attention", name):
        return
    assert (options["out"].tobytes(), options["lse"].tobytes()) == before


def test_the_librarys_sentence(context, rng):
    q, k = normal(rng, 1, 2, 32, 8), normal(rng, 1, 2, 6, 8)
    with pytest.raises(ValueError) as caught:
        seqmix.attention(q, k, k, context=context)
    assert str(caught.value) == "attention: k has 6 heads, which does not divide q's 32"


def test_overlapping_output(context, rng):
    q = normal(rng, 1, 4, 2, 8)
    with pytest.raises(seqmix.InvalidArgument, match="^attention: out"):
        seqmix.attention(q, q, q, out=q, context=context)


def test_sentences_name_the_arguments_python_has():
    in_python = sys.modules["seqmix.attention"]._in_python
    assert in_python("attention: block_map_queries is 0, window_left_over, my_block_map") == (
        "attention: block_size[0] is 0, window_left_over, my_block_map"
    )
    assert in_python("attention: query_offsets[1] is 9, beside block_map, query_offset") == (
        "attention: query_offset[1] is 9, beside block_mask, query_offset"
    )


GATED = dict(update_rule="gated", decay=[-1.0, -1.0])
SUM, MLSTM = dict(normalize="sum"), dict(**GATED, normalize="sum", input_gate=np.ones((2, 5, 2), F32))
S, Z, M = np.zeros((2, 2, 8, 4), F32), np.zeros((2, 2, 8), F32), np.zeros((2, 2), F32)

BAD_LINEAR = [
    (dict(update_rule="gate"), "update_rule is 'gate', must be one of 'linear', 'gated', 'delta',"),
    (dict(update_rule=1), "update_rule is 1, must be one of"),
    (dict(feature_map="none"), "feature_map is 'none', must be one of 'elu1', 'relu',"),
    (dict(normalize="max"), "normalize is 'max', must be one of 'sum', 'abs_max'"),
    (dict(head_sharing=None), "head_sharing is None, must be one of 'interleaved', 'tiled'"),
    (dict(scale=float("nan")), "scale"),
    (dict(eps=-1.0, **SUM), "eps"),
    (dict(floor=-1.0, normalize="abs_max"), "floor"),
    (dict(chunk_size=-1), "chunk_size"),
    (dict(chunk_size=1.5), "chunk_size is 1.5, must be an integer"),
    (dict(max_seqlen=2**63), "max_seqlen is 9223372036854775808, must fit 64 bits"),
    (dict(decay=[-1.0, -1.0]), "decay"),
    (dict(update_rule="gated"), "decay"),
    (dict(update_rule="gated", decay=np.ones((2, 4, 2), F32)), "decay"),
    (dict(update_rule="gated", decay=["x"]), "decay is no list of numbers"),
    (dict(beta=np.ones((2, 5, 2), F32)), "beta"),
    (dict(update_rule="delta", beta=np.ones((2, 5, 3), F32)), "beta"),
    (dict(update_rule="delta", erase=np.ones((2, 5, 2, 7), F32)), "erase"),
    (dict(update_rule="delta", normalize="sum"), "normalize"),
    (dict(update_rule="dplr"), r"\b[ab]\b"),
    (dict(update_rule="dplr", a=S, b=S), r"\b[ab]\b"),
    (dict(bonus=np.ones((2, 7), F32)), "bonus"),
    (dict(input_gate=np.ones((2, 5, 2), F32), past_state=(S, Z, M)), "input_gate"),
    (dict(bidirectional=True, reverse=True), "bidirectional|reverse"),
    (dict(bidirectional=True, past_state=S), "past_state|bidirectional"),
    (dict(decay_reverse=[-1.0, -1.0], **GATED), "decay_reverse"),
    (dict(causal=False, update_rule="delta"), "causal"),
    (dict(past_state=S[:1]), "past_state"),
    (dict(past_state=(S, Z)), "past_state is a tuple of 2, must be one array S"),
    (dict(past_state=[S]), "past_state is a list of 1, must be one array S"),
    (dict(past_state=3), "past_state is a int, must be an array"),
    (dict(past_state=S, **SUM), r"past_state is a ndarray, must be arrays \(S, z\) with normalize"),
    (dict(past_state=(S, Z[:1]), **SUM), r"past_state\[1\]"),
    (dict(past_state=(S[:1], Z), **SUM), r"past_state\[0\]"),
    (dict(past_state=(S, None), **SUM), r"past_state\[1\] is a NoneType, must be an array"),
    (dict(past_state=(S, Z), **MLSTM), r"past_state is a tuple of 2, must be arrays \(S, z, m\)"),
    (dict(past_state=(S, Z, M.astype(np.float16)), **MLSTM), r"past_state\[2\]"),
    (dict(present_state=(S, Z, np.zeros((2, 3), F32)), **MLSTM), r"present_state\[2\]"),
    (dict(present_state=(S, Z)), "present_state is a tuple of 2, must be one array S"),
    (dict(present_state=S.astype(np.int32)), "present_state"),
    (dict(present_state=np.broadcast_to(S[:1], S.shape)), "present_state is read-only"),
    (dict(past_state=S, state_indices=[0, 2]), r"state_indices\[1\] is 2"),
    (dict(past_state=S, state_indices=[0, -2]), r"state_indices\[1\] is -2"),
    (dict(past_state=S, state_indices=[0]), "state_indices"),
    (dict(past_state=S, present_state=S, state_indices=[1, 1]), "state_(out_)?indices"),
    (dict(return_state=True, state_out_indices=[0, 1]), "state_out_indices is given, but names"),
    (dict(cu_seqlens=[0, 5]), "cu_seqlens"),
    (dict(context="cpu"), "context is 'cpu', must be a seqmix.Context"),
    (dict(out=np.zeros((2, 5, 2, 3), F32)), "out"),
    (dict(out=np.zeros((2, 5, 2, 4))), "out"),
]


@pytest.mark.parametrize(
    ("options", "name"), BAD_LINEAR, ids=[f"{name}-{i}" for i, (_, name) in enumerate(BAD_LINEAR)]
)
def test_bad_linear_attention(context, rng, options, name):
    q, k, v = (normal(rng, 2, 5, 2, width) for width in (8, 8, 4))
    options = dict(out=np.full((2, 5, 2, 4), 3, F32)) | options
    before = options["out"].tobytes()
    skip_unless_looked_for(context, name)
    with pytest.raises(seqmix.InvalidArgument) as caught:
        seqmix.linear_attention(q, k, v, **(dict(context=context) | options))
    if not is_named(caught.value, "linear_attention", name):
        S[...] = Z[...] = M[...] = 0
        return
    assert options["out"].tobytes() == before
    assert not S.any() and not Z.any() and not M.any()


def test_linear_attention_has_the_librarys_sentences(context, rng):
    q, k, v = (normal(rng, 1, 2, heads, 8) for heads in (2, 4, 6))
    with pytest.raises(ValueError, match="^linear_attention: k .*4"):
        seqmix.linear_attention(q, k, v, context=context)
    vector = np.zeros(3, F32)
    with pytest.raises(seqmix.InvalidArgument, match="^linear_attention: q "):
        seqmix.linear_attention(vector, vector, vector, return_state=True, context=context)


def test_bad_merge(context, rng):
    outs, lses = normal(rng, 2, 1, 3, 2, 4), normal(rng, 2, 1, 3, 2)
    with pytest.raises(seqmix.InvalidArgument, match="^attention_merge: .*lses"):
        seqmix.attention_merge(outs, lses, context=context)
    with pytest.raises(seqmix.InvalidArgument, match="^attention_merge: context is 'cpu', must be"):
        seqmix.attention_merge(outs, lses[..., 0], context="cpu")


def test_wrong_ranks_are_the_librarys_to_tell(context):
    vector = np.zeros(3, F32)
    with pytest.raises(seqmix.InvalidArgument, match="^attention: q "):
        seqmix.attention(vector, vector, vector, context=context)
    with pytest.raises(seqmix.InvalidArgument, match="^attention_merge: outs "):
        seqmix.attention_merge(vector, vector, context=context)


def test_an_unknown_device():
    with pytest.raises(seqmix.NoDevice, match="^context_create: .*abacus.*cpu"):
        seqmix.Context("abacus")
    with pytest.raises(seqmix.InvalidArgument, match="^context_create: device is 7, must be"):
        seqmix.Context(7)


def test_an_unknown_variant(context):
    with pytest.raises(seqmix.InvalidArgument, match="^context_set_variant: .*attention__"):
        context.set_variant("attention__by_abacus")
