# SPDX-License-Identifier: Apache-2.0
"""Linear attention: a matrix per sequence and head that every token changes and reads."""

from __future__ import annotations

import math
from ctypes import addressof
from typing import (
    TYPE_CHECKING,
    Any,
    List,
    Literal,
    Optional,
    Sequence,
    Tuple,
    TypedDict,
    TypeVar,
    Union,
    overload,
)

from . import _abi
from ._abi import LinearAttentionArgs, Tensor
from ._arguments import HEAD_SHARING, Integers, Numbers, Renaming, fill, named, run
from ._arrays import Array, Operands
from ._library import library
from ._results import Results
from ._states import fill_sequences, number_rows, sequence_count
from .context import Context, chosen_context

if TYPE_CHECKING:
    from typing_extensions import Unpack

A = TypeVar("A", bound=Array)
S = TypeVar("S", bound=Array)
UpdateRule = Literal["linear", "gated", "delta", "gated_delta", "dplr"]
FeatureMap = Literal["elu1", "relu", "relu2", "exp", "softmax", "silu", "l2norm"]
Normalize = Literal["sum", "abs_max"]

_UPDATE_RULES = {rule.name.lower(): int(rule) for rule in _abi.UpdateRule}
_FEATURE_MAPS = {feature.name.lower(): int(feature) for feature in _abi.FeatureMap if feature}
_NORMALIZE = {how.name.lower(): int(how) for how in _abi.Normalize if how}

# A state's arrays, by the ends of their names in C, and what a new one holds.
_PARTS = ("state", "normalizer", "stabilizer")
_EMPTY = (0.0, 0.0, -math.inf)
_FORMS = ("one array S", "arrays (S, z) with normalize", "arrays (S, z, m) with input_gate")

# In Python a state of several arrays is one argument.
_in_python = Renaming(
    {
        f"{time}_{part}": f"{time}_state[{i}]"
        for time in ("past", "present")
        for i, part in enumerate(_PARTS)
    }
)


class LinearAttentionOptions(TypedDict, total=False):
    """The keywords of linear_attention() that do not change what it returns."""

    decay: Optional[Numbers]
    beta: Optional[Array]
    update_rule: UpdateRule
    a: Optional[Array]
    b: Optional[Array]
    erase: Optional[Array]
    bonus: Optional[Array]
    scale: Optional[float]
    feature_map: Optional[FeatureMap]
    eps: float
    floor: Optional[float]
    causal: bool
    reverse: bool
    bidirectional: bool
    decay_reverse: Optional[Numbers]
    past_state: Optional[Union[Array, Sequence[Array]]]
    cu_seqlens: Optional[Integers]
    max_seqlen: int
    state_indices: Optional[Integers]
    state_out_indices: Optional[Integers]
    head_sharing: Literal["interleaved", "tiled"]
    chunk_size: int
    context: Optional[Context]


@overload
def linear_attention(
    q: A,
    k: Array,
    v: Array,
    *,
    normalize: Optional[Normalize] = None,
    input_gate: Optional[Array] = None,
    return_state: Literal[False] = False,
    present_state: None = None,
    out: Optional[A] = None,
    **options: Unpack[LinearAttentionOptions],
) -> A: ...
@overload
def linear_attention(
    q: A,
    k: Array,
    v: Array,
    *,
    normalize: None = None,
    input_gate: None = None,
    return_state: Literal[True],
    present_state: None = None,
    out: Optional[A] = None,
    **options: Unpack[LinearAttentionOptions],
) -> Tuple[A, A]: ...
@overload
def linear_attention(
    q: A,
    k: Array,
    v: Array,
    *,
    normalize: Normalize,
    input_gate: None = None,
    return_state: Literal[True],
    present_state: None = None,
    out: Optional[A] = None,
    **options: Unpack[LinearAttentionOptions],
) -> Tuple[A, Tuple[A, A]]: ...
@overload
def linear_attention(
    q: A,
    k: Array,
    v: Array,
    *,
    normalize: Normalize,
    input_gate: Array,
    return_state: Literal[True],
    present_state: None = None,
    out: Optional[A] = None,
    **options: Unpack[LinearAttentionOptions],
) -> Tuple[A, Tuple[A, A, A]]: ...
@overload
def linear_attention(
    q: A,
    k: Array,
    v: Array,
    *,
    normalize: None = None,
    input_gate: None = None,
    return_state: bool = False,
    present_state: S,
    out: Optional[A] = None,
    **options: Unpack[LinearAttentionOptions],
) -> Tuple[A, S]: ...
@overload
def linear_attention(
    q: A,
    k: Array,
    v: Array,
    *,
    normalize: Normalize,
    input_gate: None = None,
    return_state: bool = False,
    present_state: Tuple[S, S],
    out: Optional[A] = None,
    **options: Unpack[LinearAttentionOptions],
) -> Tuple[A, Tuple[S, S]]: ...
@overload
def linear_attention(
    q: A,
    k: Array,
    v: Array,
    *,
    normalize: Normalize,
    input_gate: Array,
    return_state: bool = False,
    present_state: Tuple[S, S, S],
    out: Optional[A] = None,
    **options: Unpack[LinearAttentionOptions],
) -> Tuple[A, Tuple[S, S, S]]: ...
@overload
def linear_attention(
    q: A,
    k: Array,
    v: Array,
    *,
    normalize: Optional[str] = None,
    input_gate: Optional[Array] = None,
    return_state: bool = False,
    present_state: Optional[Union[Array, Sequence[Array]]] = None,
    out: Optional[A] = None,
    **options: Unpack[LinearAttentionOptions],
) -> Union[A, Tuple[A, Any]]: ...


def linear_attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    decay: Any = None,
    beta: Any = None,
    update_rule: str = "linear",
    a: Any = None,
    b: Any = None,
    erase: Any = None,
    bonus: Any = None,
    scale: Optional[float] = None,
    feature_map: Optional[str] = None,
    normalize: Optional[str] = None,
    eps: float = 0.0,
    floor: Optional[float] = None,
    input_gate: Any = None,
    causal: bool = True,
    reverse: bool = False,
    bidirectional: bool = False,
    decay_reverse: Any = None,
    past_state: Any = None,
    return_state: bool = False,
    present_state: Any = None,
    cu_seqlens: Any = None,
    max_seqlen: int = 0,
    state_indices: Any = None,
    state_out_indices: Any = None,
    head_sharing: str = "interleaved",
    chunk_size: int = 0,
    out: Any = None,
    context: Optional[Context] = None,
) -> Any:
    """Linear attention of q [B, T, Hq, D], k [B, T, Hk, D] and v [B, T, Hs, Dv].

    Arrays are f32, f16 or bf16, of any strides but a contiguous last axis of q, k and v, and are
    not copied. Returns out [B, T, max(Hq, Hs), Dv], of q's kind and type; with `return_state` or
    `present_state=` the pair (out, present_state). Each token changes the state S [D, Dv] of its
    sequence and head, with alpha = exp(decay), and reads it:

        "linear", "gated":       S = alpha S + k v^T
        "delta", "gated_delta":  S = alpha S, then S += k u^T with u = beta (v - S^T k)
        "dplr":                  S = alpha S + b (a^T S) + k v^T, both S on the right the old one
        out = scale * S^T q

    update_rule: one of these; the gated two need `decay`, "linear" and "delta" refuse it.
    decay: logs [Hs] (or a list), [B, T, Hs] or [B, T, Hs, D].
    beta: [B, T, Hs] or [B, T, Hs, Dv], for the delta rules; None is 1.
    erase: [B, T, Hs, D], for the delta rules: u = beta v - S^T erase.
    a, b: [B, T, Hs, D], for "dplr".
    bonus: [Hs, D], without a delta rule: out = scale * (S before the token + (bonus k) v^T)^T q.
    scale: None means 1/sqrt(D).
    feature_map: of q and k, before all else: None, "elu1", "relu", "relu2", "exp", "softmax",
        "silu" or "l2norm".
    normalize: None, "sum" (out / (den + eps)) or "abs_max" (out / (max(|den|, floor) + eps)),
        where den is out of a column of ones in v; linear and gated. The state is then (S, z).
    input_gate: logs [B, T, Hs] that k and z are multiplied by, stabilised; gated, with
        normalize. The state is then (S, z, m), and floor None means 1 instead of 0.
    causal: False: every token reads its sequence's last state.
    reverse: time runs backwards.
    bidirectional, decay_reverse: both directions in one, without states.
    past_state: what a call before returned: S [N, Hs, D, Dv], (S, z) with z [N, Hs, D], or
        (S, z, m) with m [N, Hs]; None is no past. N is the number of sequences.
    present_state: arrays to write, in the same forms. They may be the past ones: in place. A new
        one is f32, or of past_state's kind and types.
    cu_seqlens: [N+1], where packed sequences begin and end; then B is 1. max_seqlen may say how
        long the longest is.
    state_indices: [N], rows of past_state to begin with; -1: that sequence is left out, its
        output 0. state_out_indices: rows of present_state to write, state_indices if None. A new
        present_state has a row per sequence instead, and of one left out the state of no past.
    head_sharing: how Hq and Hk share the Hs states: state h has key head h // (Hs / Hk)
        ("interleaved") or h % Hk ("tiled"), and queries likewise.
    chunk_size: tokens per chunk, a hint.
    out: an array to write, of q's type or f32.
    context: where to run; None: default_context().

    Raises Error.
    """
    operands = Operands("linear_attention")
    context = chosen_context("linear_attention", context)
    args = LinearAttentionArgs.initial()
    q_tensor, k_tensor, v_tensor = (
        operands.input("q", q),
        operands.input("k", k),
        operands.input("v", v),
    )
    args.q, args.k, args.v = addressof(q_tensor), addressof(k_tensor), addressof(v_tensor)
    args.update_rule = named(operands, "update_rule", update_rule, _UPDATE_RULES)
    if feature_map is not None:
        args.feature_map = named(operands, "feature_map", feature_map, _FEATURE_MAPS)
    if normalize is not None:
        args.normalize = named(operands, "normalize", normalize, _NORMALIZE)
    args.head_sharing = named(operands, "head_sharing", head_sharing, HEAD_SHARING)
    args.causal, args.reverse = bool(causal), bool(reverse)
    args.bidirectional = bool(bidirectional)
    if scale is not None:
        args.scale = operands.number("scale", scale)
    args.eps = operands.number("eps", eps)
    if floor is not None:
        args.floor = operands.number("floor", floor)
    args.chunk_size = operands.integer("chunk_size", chunk_size)
    fill(args, operands.floats, decay=decay, decay_reverse=decay_reverse)
    fill(args, operands.input, beta=beta, erase=erase, a=a, b=b, bonus=bonus, input_gate=input_gate)
    fill_sequences(
        args,
        operands,
        max_seqlen,
        cu_seqlens=cu_seqlens,
        state_indices=state_indices,
        state_out_indices=state_out_indices,
    )

    # Axes that a wrong q or v lacks are 0 here; the library then says what is wrong with it.
    batch, time, q_heads, dim = q_tensor.shape[:4]
    heads, value_dim = v_tensor.shape[2:4]
    sequences = sequence_count(args, batch)
    results = Results(operands, q, q_tensor)
    args.out = addressof(results.add("out", out, (batch, time, max(q_heads, heads), value_dim)))
    count = 3 if input_gate is not None else 2 if normalize is not None else 1
    state = _State(args, operands, count, (q, q_tensor))
    state.read(past_state)
    if return_state or present_state is not None:
        state.write(present_state, (sequences, heads, dim, value_dim))

    in_python = _in_python if count > 1 else str
    run(context, operands, library.seqmix_linear_attention, args, in_python)
    if state.written:
        return results.finished(), state.finished()
    return results.finished()


class _State:
    """The states of one call: one to three arrays before it, and as many after it."""

    def __init__(
        self, args: LinearAttentionArgs, operands: Operands, count: int, like: Tuple[Any, Tensor]
    ) -> None:
        self._args = args
        self._operands = operands
        self._count = count
        self._like = [like] * count
        self._has_past = False
        self.written: List[Results] = []

    def read(self, past: Any) -> None:
        """Takes the past state, if there is one."""
        if past is None:
            return
        for i, array in enumerate(self._arrays("past_state", past)):
            tensor = self._operands.input(self._name("past_state", i), array)
            setattr(self._args, f"past_{_PARTS[i]}", addressof(tensor))
            self._like[i] = array, tensor
        self._has_past = True

    def write(self, present: Any, shape: Tuple[int, ...]) -> None:
        """Takes the present state, or makes one with a row per sequence."""
        if present is None:
            number_rows(self._args, self._operands, shape[0])
        arrays = self._arrays("present_state", present) if present is not None else [None] * 3
        for i in range(self._count):
            results = Results(self._operands, *self._like[i])
            tensor = results.add(
                self._name("present_state", i),
                arrays[i],
                shape[: (4, 3, 2)[i]],
                f32=i == 2 or not self._has_past,
                fill=_EMPTY[i] if self._args.state_indices else None,
            )
            setattr(self._args, f"present_{_PARTS[i]}", addressof(tensor))
            self.written.append(results)

    def finished(self) -> Any:
        """What the caller gets: an array, or the tuple of several."""
        arrays = tuple(results.finished() for results in self.written)
        return arrays if self._count > 1 else arrays[0]

    def _arrays(self, name: str, state: Any) -> Sequence[Any]:
        is_several = isinstance(state, (list, tuple))
        if self._count == 1 and not is_several:
            return [state]
        if self._count == 1 or not is_several or len(state) != self._count:
            what = f"{type(state).__name__}" + (f" of {len(state)}" if is_several else "")
            raise self._operands.refused(name, f"a {what}, must be {_FORMS[self._count - 1]}")
        return list(state)

    def _name(self, name: str, i: int) -> str:
        return f"{name}[{i}]" if self._count > 1 else name
