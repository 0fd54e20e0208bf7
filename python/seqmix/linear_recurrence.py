# SPDX-License-Identifier: Apache-2.0
"""Linear recurrences: every channel a number that each token multiplies and adds to."""

from __future__ import annotations

from ctypes import addressof
from typing import TYPE_CHECKING, Any, Literal, Optional, Tuple, TypeVar, Union, overload

from ._abi_scans import LinearRecurrenceArgs
from ._arguments import run
from ._arrays import Array, ComplexTensor, Operands, shape_of
from ._library import library
from ._results import Results
from ._states import SequenceOptions, State, fill_sequences, sequence_count
from .context import Context, chosen_context

if TYPE_CHECKING:
    from typing_extensions import Unpack

X = TypeVar("X", bound=Array)
S = TypeVar("S", bound=Array)


class LinearRecurrenceOptions(SequenceOptions, total=False):
    """The keywords of linear_recurrence() that do not change what it returns."""

    is_complex: bool
    reverse: bool


@overload
def linear_recurrence(
    a: Array,
    b: X,
    *,
    return_state: Literal[False] = False,
    present_state: None = None,
    out: Optional[X] = None,
    **options: Unpack[LinearRecurrenceOptions],
) -> X: ...
@overload
def linear_recurrence(
    a: Array,
    b: X,
    *,
    return_state: Literal[True],
    present_state: None = None,
    out: Optional[X] = None,
    **options: Unpack[LinearRecurrenceOptions],
) -> Tuple[X, X]: ...
@overload
def linear_recurrence(
    a: Array,
    b: X,
    *,
    return_state: bool = False,
    present_state: S,
    out: Optional[X] = None,
    **options: Unpack[LinearRecurrenceOptions],
) -> Tuple[X, S]: ...
@overload
def linear_recurrence(
    a: Array,
    b: X,
    *,
    return_state: bool = False,
    present_state: Optional[Array] = None,
    out: Optional[X] = None,
    **options: Unpack[LinearRecurrenceOptions],
) -> Union[X, Tuple[X, Any]]: ...


def linear_recurrence(
    a: Any,
    b: Any,
    *,
    is_complex: bool = False,
    reverse: bool = False,
    past_state: Any = None,
    return_state: bool = False,
    present_state: Any = None,
    cu_seqlens: Any = None,
    max_seqlen: int = 0,
    state_indices: Any = None,
    state_out_indices: Any = None,
    out: Any = None,
    context: Optional[Context] = None,
) -> Any:
    """h[t] = a[t] h[t-1] + b[t] in every channel of b [B, T, C]; returns h.

    Arrays are complex64, or f32, f16 or bf16, of any strides, and are not copied. The result is of
    b's kind and type; with `return_state` or `present_state=` it is the pair (h, present_state).

    a: [B, T, C], or [C] if it is constant in time: the factor itself, not its logarithm.
    is_complex: arrays that are not complex64 hold pairs of a real and an imaginary part, along a
        further last axis of length 2. Implied where a or b is complex64.
    reverse: h[t] = a[t] h[t+1] + b[t]: time runs backwards.
    past_state: [N, C], h before the first token; None is 0. N is the number of sequences.
    present_state: an array to write h after the last token to. It may be the past one: in place.
        A new one is f32 (or complex64, as b is), or of past_state's kind and type.
    cu_seqlens: [N+1], where packed sequences begin and end; then B is 1. max_seqlen may say how
        long the longest is.
    state_indices: [N], rows of past_state to begin with; -1: that sequence is left out, its
        output 0. state_out_indices: rows of present_state to write, state_indices if None. A new
        present_state has a row per sequence instead, which is 0 for one left out.
    out: an array to write, of b's type or f32.
    context: where to run; None: default_context().

    Raises Error.
    """
    operands = Operands("linear_recurrence")
    context = chosen_context("linear_recurrence", context)
    args = LinearRecurrenceArgs.initial()
    a_tensor, b_tensor = operands.numbers("a", a), operands.numbers("b", b)
    args.a, args.b = addressof(a_tensor), addressof(b_tensor)
    args.is_complex = is_complex or any(
        isinstance(tensor, ComplexTensor) for tensor in (a_tensor, b_tensor)
    )
    args.reverse = bool(reverse)
    fill_sequences(
        args,
        operands,
        max_seqlen,
        cu_seqlens=cu_seqlens,
        state_indices=state_indices,
        state_out_indices=state_out_indices,
    )

    results = Results(operands, b, b_tensor)
    is_complex = bool(args.is_complex)
    args.out = addressof(results.add("out", out, shape_of(b_tensor), is_complex=is_complex))
    # Axes that a wrong b lacks are 0 here; the library then says what is wrong with it.
    batch, _, channels = b_tensor.shape[:3]
    state = State(args, operands, (b, b_tensor))
    state.read(past_state)
    state.write(present_state, return_state, (sequence_count(args, batch), channels))
    run(context, operands, library.seqmix_linear_recurrence, args, str)
    return state.beside(results)
