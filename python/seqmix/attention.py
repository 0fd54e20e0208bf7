# SPDX-License-Identifier: Apache-2.0
"""Softmax attention, and the merging of its partial results."""

from __future__ import annotations

from ctypes import addressof
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Optional,
    Sequence,
    Tuple,
    TypedDict,
    TypeVar,
    Union,
    overload,
)

import numpy as np

from ._abi import AttentionArgs, AttentionMergeArgs, ScoresMode, Tensor
from ._arguments import HEAD_SHARING, Integers, Numbers, Renaming, fill, named, run
from ._arrays import Array, Operands
from ._library import library
from ._results import Results, stack
from ._staging import call
from .context import Context, chosen_context

if TYPE_CHECKING:
    from typing_extensions import Unpack

A = TypeVar("A", bound=Array)
Scores = Literal["raw", "softcap", "bias", "probabilities"]

_SCORES = {mode.name.lower(): int(mode) for mode in ScoresMode}

# The arguments that seqmix_attention_args has under other names.
_in_python = Renaming(
    {
        "block_map_queries": "block_size[0]",
        "block_map_keys": "block_size[1]",
        "block_map": "block_mask",
        "query_offsets": "query_offset",
        "window_left": "window[0]",
        "window_right": "window[1]",
    }
)


class AttentionOptions(TypedDict, total=False):
    """The keywords of attention() that do not change what it returns."""

    scale: Optional[float]
    causal: bool
    window: Optional[Tuple[Optional[int], Optional[int]]]
    bias: Optional[Array]
    mask: Optional[Array]
    block_mask: Optional[Array]
    block_size: Optional[Tuple[int, int]]
    alibi_slopes: Optional[Numbers]
    softcap: float
    sinks: Optional[Numbers]
    query_offset: Optional[Union[int, Integers]]
    key_lengths: Optional[Integers]
    query_lengths: Optional[Integers]
    cu_seqlens_q: Optional[Integers]
    cu_seqlens_k: Optional[Integers]
    max_seqlen_q: int
    max_seqlen_k: int
    block_table: Optional[Union[Integers, Sequence[Sequence[int]]]]
    head_sharing: Literal["interleaved", "tiled"]
    context: Optional[Context]


@overload
def attention(
    q: A,
    k: Array,
    v: Array,
    *,
    scores: None = None,
    return_lse: Literal[False] = False,
    out: Optional[A] = None,
    lse: None = None,
    **options: Unpack[AttentionOptions],
) -> A: ...
@overload
def attention(
    q: A,
    k: Array,
    v: Array,
    *,
    scores: None = None,
    return_lse: Literal[True],
    out: Optional[A] = None,
    lse: Optional[A] = None,
    **options: Unpack[AttentionOptions],
) -> Tuple[A, A]: ...
@overload
def attention(
    q: A,
    k: Array,
    v: Array,
    *,
    scores: None = None,
    return_lse: bool = False,
    out: Optional[A] = None,
    lse: A,
    **options: Unpack[AttentionOptions],
) -> Tuple[A, A]: ...
@overload
def attention(
    q: A,
    k: Array,
    v: Array,
    *,
    scores: Scores,
    return_lse: Literal[False] = False,
    out: Optional[A] = None,
    lse: None = None,
    **options: Unpack[AttentionOptions],
) -> Tuple[A, A]: ...
@overload
def attention(
    q: A,
    k: Array,
    v: Array,
    *,
    scores: Scores,
    return_lse: Literal[True],
    out: Optional[A] = None,
    lse: Optional[A] = None,
    **options: Unpack[AttentionOptions],
) -> Tuple[A, A, A]: ...
@overload
def attention(
    q: A,
    k: Array,
    v: Array,
    *,
    scores: Optional[str] = None,
    return_lse: bool = False,
    out: Optional[A] = None,
    lse: Optional[A] = None,
    **options: Unpack[AttentionOptions],
) -> Union[A, Tuple[A, ...]]: ...


def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    scale: Optional[float] = None,
    causal: bool = False,
    window: Optional[Tuple[Optional[int], Optional[int]]] = (-1, -1),
    bias: Any = None,
    mask: Any = None,
    block_mask: Any = None,
    block_size: Optional[Tuple[int, int]] = None,
    alibi_slopes: Any = None,
    softcap: float = 0.0,
    sinks: Any = None,
    query_offset: Any = None,
    key_lengths: Any = None,
    query_lengths: Any = None,
    cu_seqlens_q: Any = None,
    cu_seqlens_k: Any = None,
    max_seqlen_q: int = 0,
    max_seqlen_k: int = 0,
    block_table: Any = None,
    head_sharing: str = "interleaved",
    scores: Optional[str] = None,
    return_lse: bool = False,
    out: Any = None,
    lse: Any = None,
    context: Optional[Context] = None,
) -> Any:
    """Softmax attention of q [B, Tq, Hq, D] to k [B, Tk, Hkv, D] and v [B, Tk, Hkv, Dv].

    Arrays are f32, f16 or bf16, of any strides but a contiguous last axis, and are not copied.
    Returns out [B, Tq, Hq, Dv], of q's kind and type; with `return_lse` (or `lse=`) and `scores`
    a tuple (out[, lse][, scores]). Over the keys j that no mask removes:

        s[i,j] = scale * dot(q[i], k[j])
        s      = softcap * tanh(s / softcap)                     if softcap > 0
        s     += bias[i,j] - alibi_slopes[h] * |i + offset - j|
        lse[i] = log(sum_j exp(s[i,j]) + exp(sinks[h]))
        out[i] = sum_j exp(s[i,j] - lse[i]) v[j]

    scale: None means 1/sqrt(D).
    causal: key j <= i + offset.
    window: (left, right): i + offset - left <= j <= i + offset + right; -1 or None is open.
    bias: right-aligned to [B, Hq, Tq, Tk] and broadcast; keys beyond its end are masked.
    mask: booleans in the same shapes, True where a key is attended.
    block_mask, block_size: booleans or bytes [B|1, Hq|1, ceil(Tq/bq), ceil(Tk/bk)], true for live
        blocks, and (bq, bk).
    alibi_slopes: f32 [Hq].
    sinks: [Hq], a logit per head that takes part in the softmax without having a value.
    query_offset: position of query 0 among the keys, one integer or one per sequence; None: the
        last query stands at the last key.
    key_lengths, query_lengths: live keys and queries per sequence. Queries beyond: out 0, lse
        -inf.
    cu_seqlens_q, cu_seqlens_k: [N+1], where packed sequences begin and end; then B is 1.
        max_seqlen_q and max_seqlen_k may say how long the longest is.
    block_table: [N, max_pages], each sequence's pages of k [pages, page_size, Hkv, D] and of v;
        needs key_lengths.
    head_sharing: query head h reads key/value head h // (Hq / Hkv) ("interleaved") or h % Hkv
        ("tiled").
    scores: also returns [B, Hq, Tq, Tk]: "raw", after the "softcap", after "bias", ALiBi and
        masks, or the "probabilities".
    out, lse: arrays to write: out of q's type or f32, lse f32 [B, Hq, Tq].
    context: where to run; None: default_context().

    What is per sequence or per head may be a list. A row without a live key is 0. Raises Error.
    """
    operands = Operands("attention")
    context = chosen_context("attention", context)
    args = AttentionArgs.initial()
    q_tensor, k_tensor, v_tensor = (
        operands.input("q", q),
        operands.input("k", k),
        operands.input("v", v),
    )
    args.q, args.k, args.v = addressof(q_tensor), addressof(k_tensor), addressof(v_tensor)
    if scale is not None:
        args.scale = operands.number("scale", scale)
    args.softcap = operands.number("softcap", softcap)
    args.causal = bool(causal)
    args.head_sharing = named(operands, "head_sharing", head_sharing, HEAD_SHARING)
    _set_window(args, operands, window)
    _set_query_offset(args, operands, query_offset)
    _set_block_mask(args, operands, block_mask, block_size)
    args.max_seqlen_q = operands.integer("max_seqlen_q", max_seqlen_q)
    args.max_seqlen_k = operands.integer("max_seqlen_k", max_seqlen_k)
    fill(args, operands.input, mask=mask, bias=bias)
    fill(args, operands.floats, alibi_slopes=alibi_slopes, sinks=sinks)
    fill(
        args,
        operands.index,
        key_lengths=key_lengths,
        query_lengths=query_lengths,
        cu_seqlens_q=cu_seqlens_q,
        cu_seqlens_k=cu_seqlens_k,
        block_table=block_table,
    )

    # Axes that a wrong q, k or v lacks are 0 here; the library then says what is wrong with it.
    batch, queries, heads, _ = q_tensor.shape[:4]
    results = Results(operands, q, q_tensor)
    shape = (batch, queries, heads, v_tensor.shape[3])
    args.out = addressof(results.add("out", out, shape))
    if return_lse or lse is not None:
        args.lse = addressof(results.add("lse", lse, (batch, heads, queries), f32=True))
    if scores is not None:
        args.scores_mode = named(operands, "scores", scores, _SCORES)
        keys = k_tensor.shape[1]
        if args.block_table:
            keys *= Tensor.from_address(args.block_table).shape[1]
        args.scores = addressof(results.add("scores", None, (batch, heads, queries, keys)))

    run(context, operands, library.seqmix_attention, args, _in_python)
    return results.finished()


def attention_merge(
    outs: Union[A, Sequence[A]],
    lses: Union[A, Sequence[A]],
    sinks: Optional[Numbers] = None,
    *,
    out: Optional[A] = None,
    lse: Optional[A] = None,
    context: Optional[Context] = None,
) -> Tuple[A, A]:
    """Joins attention over disjoint sets of keys into attention over their union.

        lse = log(sum_n exp(lses[n]) + exp(sinks))        out = sum_n exp(lses[n] - lse) outs[n]

    outs, lses: what attention() returned for each set; one array each, [P, B, T, H, Dv] and
        [P, B, H, T], or sequences of P arrays, which are copied together.
    sinks: [H], if none of the parts has counted them.
    out, lse: arrays to write.

    Returns (out, lse), of outs' kind. Raises Error.
    """
    operands = Operands("attention_merge")
    context = chosen_context("attention_merge", context)
    args = AttentionMergeArgs.initial()
    outs = _one_array(operands, "outs", outs)
    lses = _one_array(operands, "lses", lses)
    outs_tensor = operands.input("outs", outs)
    args.outs, args.lses = addressof(outs_tensor), addressof(operands.input("lses", lses))
    fill(args, operands.floats, sinks=sinks)

    _, batch, time, heads, value_dim = outs_tensor.shape[:5]
    results = Results(operands, outs, outs_tensor)
    args.out = addressof(results.add("out", out, (batch, time, heads, value_dim)))
    args.lse = addressof(results.add("lse", lse, (batch, heads, time), f32=True))
    call(context, operands, library.seqmix_attention_merge, args)
    merged: Tuple[A, A] = results.finished()
    return merged


def _set_window(args: AttentionArgs, operands: Operands, window: Any) -> None:
    if window is None:
        return
    left, right = _pair(operands, "window", window, "(left, right)")
    args.window_left = -1 if left is None else operands.integer("window[0]", left)
    args.window_right = -1 if right is None else operands.integer("window[1]", right)


def _set_query_offset(args: AttentionArgs, operands: Operands, offset: Any) -> None:
    if isinstance(offset, (int, np.integer)):
        args.query_offset = operands.integer("query_offset", offset)
    elif isinstance(offset, (float, str, np.generic)):
        raise operands.refused(
            "query_offset", f"{offset!r}, must be an integer or an array of integers"
        )
    elif offset is not None:
        args.query_offsets = addressof(operands.index("query_offset", offset))


def _set_block_mask(args: AttentionArgs, operands: Operands, block_mask: Any, size: Any) -> None:
    if block_mask is None and size is None:
        return
    bq, bk = _pair(operands, "block_size", size, "(queries, keys) of a block of block_mask")
    args.block_map_queries = operands.integer("block_size[0]", bq)
    args.block_map_keys = operands.integer("block_size[1]", bk)
    if block_mask is not None:
        args.block_map = addressof(operands.input("block_mask", block_mask))


def _pair(operands: Operands, name: str, value: Any, meaning: str) -> Tuple[Any, Any]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise operands.refused(name, f"{value!r}, must be {meaning}")
    return value[0], value[1]


def _one_array(operands: Operands, name: str, arrays: Any) -> Any:
    return stack(operands, name, arrays) if isinstance(arrays, (list, tuple)) else arrays
