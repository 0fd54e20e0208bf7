# SPDX-License-Identifier: Apache-2.0
"""The selective scan: Mamba's recurrence, whose factors depend on the tokens."""

from __future__ import annotations

from ctypes import addressof
from typing import TYPE_CHECKING, Any, Literal, Optional, Tuple, TypeVar, Union, overload

from ._abi_scans import SelectiveScanArgs
from ._arguments import fill, run
from ._arrays import Array, ComplexTensor, Operands, shape_of
from ._library import library
from ._results import Results
from ._states import SequenceOptions, State, fill_sequences, sequence_count
from .context import Context, chosen_context

if TYPE_CHECKING:
    from typing_extensions import Unpack

X = TypeVar("X", bound=Array)
W = TypeVar("W", bound=Array)


class SelectiveScanOptions(SequenceOptions, total=False):
    """The keywords of selective_scan() that do not change what it returns."""

    D: Optional[Array]
    z: Optional[Array]
    delta_bias: Optional[Array]
    delta_softplus: bool
    is_complex: bool


@overload
def selective_scan(
    u: X,
    delta: Array,
    A: Array,
    B: Array,
    C: Array,
    *,
    return_state: Literal[False] = False,
    present_state: None = None,
    out: Optional[X] = None,
    **options: Unpack[SelectiveScanOptions],
) -> X: ...
@overload
def selective_scan(
    u: X,
    delta: Array,
    A: Array,
    B: Array,
    C: Array,
    *,
    return_state: Literal[True],
    present_state: None = None,
    out: Optional[X] = None,
    **options: Unpack[SelectiveScanOptions],
) -> Tuple[X, Any]: ...
@overload
def selective_scan(
    u: X,
    delta: Array,
    A: Array,
    B: Array,
    C: Array,
    *,
    return_state: bool = False,
    present_state: W,
    out: Optional[X] = None,
    **options: Unpack[SelectiveScanOptions],
) -> Tuple[X, W]: ...
@overload
def selective_scan(
    u: X,
    delta: Array,
    A: Array,
    B: Array,
    C: Array,
    *,
    return_state: bool = False,
    present_state: Optional[Array] = None,
    out: Optional[X] = None,
    **options: Unpack[SelectiveScanOptions],
) -> Union[X, Tuple[X, Any]]: ...


def selective_scan(
    u: Any,
    delta: Any,
    A: Any,
    B: Any,
    C: Any,
    *,
    D: Any = None,
    z: Any = None,
    delta_bias: Any = None,
    delta_softplus: bool = False,
    is_complex: bool = False,
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
    """Mamba's scan of u [B, T, Din], with steps delta [B, T, Din].

    Every channel has S states h, and channel c the group c // (Din / G) of B and C:

        step = delta + delta_bias, or softplus of that
        h[t] = exp(step A) h[t-1] + step B[t] u[t]
        out  = (sum over states of C[t] h[t] + D u) silu(z)

    Arrays are f32, or of u's type (f32, f16 or bf16), of any strides, and are not copied. The
    result is of u's kind and type; with `return_state` or `present_state=` it is the pair
    (out, present_state). What is None leaves its term out.

    A: [Din, S].
    B, C: [B, T, G, S]; those of a single group are B[:, :, None].
    D: [Din]. z: [B, T, Din].
    delta_bias: [Din]. delta_softplus: the step is log(1 + exp(delta + delta_bias)).
    is_complex: those of A, B, C and states that are not complex64 hold pairs of a real and an
        imaginary part, along a further last axis of length 2. Implied where one of A, B and C is
        complex64. The sum over states is then twice its real part; C is not conjugated.
    past_state: [N, Din, S], h before the first token; None is 0. N is the number of sequences.
    present_state: an array to write h after the last token to. It may be the past one: in place.
        A new one is f32 of u's kind (or complex64, as A is), or of past_state's kind and type.
    cu_seqlens: [N+1], where packed sequences begin and end; then B is 1. max_seqlen may say how
        long the longest is.
    state_indices: [N], rows of past_state to begin with; -1: that sequence is left out, its
        output 0. state_out_indices: rows of present_state to write, state_indices if None. A new
        present_state has a row per sequence instead, which is 0 for one left out.
    out: an array to write, of u's type or f32.
    context: where to run; None: default_context().

    Raises Error.
    """
    operands = Operands("selective_scan")
    context = chosen_context("selective_scan", context)
    args = SelectiveScanArgs.initial()
    u_tensor, a_tensor = operands.input("u", u), operands.numbers("A", A)
    b_tensor, c_tensor = operands.numbers("B", B), operands.numbers("C", C)
    args.u, args.A = addressof(u_tensor), addressof(a_tensor)
    args.B, args.C = addressof(b_tensor), addressof(c_tensor)
    args.is_complex = is_complex or any(
        isinstance(tensor, ComplexTensor) for tensor in (a_tensor, b_tensor, c_tensor)
    )
    args.delta_softplus = bool(delta_softplus)
    fill(args, operands.input, delta=delta, D=D, z=z, delta_bias=delta_bias)
    fill_sequences(
        args,
        operands,
        max_seqlen,
        cu_seqlens=cu_seqlens,
        state_indices=state_indices,
        state_out_indices=state_out_indices,
    )

    results = Results(operands, u, u_tensor)
    args.out = addressof(results.add("out", out, shape_of(u_tensor)))
    # Axes that a wrong u or A lacks are 0 here; the library then says what is wrong with it.
    sequences = sequence_count(args, u_tensor.shape[0])
    like = (A, a_tensor) if isinstance(a_tensor, ComplexTensor) else (u, u_tensor)
    state = State(args, operands, like)
    state.read(past_state)
    state.write(present_state, return_state, (sequences, u_tensor.shape[2], a_tensor.shape[1]))
    run(context, operands, library.seqmix_selective_scan, args, str)
    return state.beside(results)
