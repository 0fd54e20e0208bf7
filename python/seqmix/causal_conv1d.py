# SPDX-License-Identifier: Apache-2.0
"""The short causal convolution in front of recurrent layers."""

from __future__ import annotations

from ctypes import addressof
from typing import TYPE_CHECKING, Any, Literal, Optional, Tuple, TypeVar, Union, overload

from ._abi_scans import Activation, CausalConv1dArgs
from ._arguments import fill, named, run
from ._arrays import Array, Operands, shape_of
from ._library import library
from ._results import Results
from ._states import SequenceOptions, State, fill_sequences, sequence_count
from .context import Context, chosen_context

if TYPE_CHECKING:
    from typing_extensions import Unpack

X = TypeVar("X", bound=Array)
S = TypeVar("S", bound=Array)

_ACTIVATIONS = {how.name.lower(): int(how) for how in Activation if how}


class CausalConv1dOptions(SequenceOptions, total=False):
    """The keywords of causal_conv1d() that do not change what it returns."""

    activation: Optional[Literal["silu"]]


@overload
def causal_conv1d(
    x: X,
    weight: Array,
    bias: Optional[Array] = None,
    *,
    return_state: Literal[False] = False,
    present_state: None = None,
    out: Optional[X] = None,
    **options: Unpack[CausalConv1dOptions],
) -> X: ...
@overload
def causal_conv1d(
    x: X,
    weight: Array,
    bias: Optional[Array] = None,
    *,
    return_state: Literal[True],
    present_state: None = None,
    out: Optional[X] = None,
    **options: Unpack[CausalConv1dOptions],
) -> Tuple[X, X]: ...
@overload
def causal_conv1d(
    x: X,
    weight: Array,
    bias: Optional[Array] = None,
    *,
    return_state: bool = False,
    present_state: S,
    out: Optional[X] = None,
    **options: Unpack[CausalConv1dOptions],
) -> Tuple[X, S]: ...
@overload
def causal_conv1d(
    x: X,
    weight: Array,
    bias: Optional[Array] = None,
    *,
    return_state: bool = False,
    present_state: Optional[Array] = None,
    out: Optional[X] = None,
    **options: Unpack[CausalConv1dOptions],
) -> Union[X, Tuple[X, Any]]: ...


def causal_conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    activation: Optional[str] = None,
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
    """Convolves each channel of x [B, T, C] with its row of weight [C, W].

        out[t, c] = activation(bias[c] + sum over k of weight[c, k] x[t-W+1+k, c])

    so the last column of weight is the token's own. x is f32, f16 or bf16; weight and bias are f32
    or of x's type; strides are any, and nothing is copied: an x of [B, C, T] goes in as
    x.swapaxes(1, 2). The result is of x's kind and type; with `return_state` or `present_state=`
    it is the pair (out, present_state).

    bias: [C].
    activation: None, or "silu": x / (1 + exp(-x)).
    past_state: [N, W-1, C], of x's type: the tokens before the first, the oldest first; None: 0.
        N is the number of sequences.
    present_state: an array to write the last tokens to. It may be the past one: in place. A new
        one is of past_state's kind, or x's.
    cu_seqlens: [N+1], where packed sequences begin and end; then B is 1. max_seqlen may say how
        long the longest is.
    state_indices: [N], rows of past_state to begin with; -1: that sequence is left out, its
        output 0. state_out_indices: rows of present_state to write, state_indices if None. A new
        present_state has a row per sequence instead, which is 0 for one left out.
    out: an array to write, of x's type or f32.
    context: where to run; None: default_context().

    Raises Error.
    """
    operands = Operands("causal_conv1d")
    context = chosen_context("causal_conv1d", context)
    args = CausalConv1dArgs.initial()
    x_tensor, weight_tensor = operands.input("x", x), operands.input("weight", weight)
    args.x, args.weight = addressof(x_tensor), addressof(weight_tensor)
    if activation is not None:
        args.activation = named(operands, "activation", activation, _ACTIVATIONS)
    fill(args, operands.input, bias=bias)
    fill_sequences(
        args,
        operands,
        max_seqlen,
        cu_seqlens=cu_seqlens,
        state_indices=state_indices,
        state_out_indices=state_out_indices,
    )

    results = Results(operands, x, x_tensor)
    args.out = addressof(results.add("out", out, shape_of(x_tensor)))
    # Axes that a wrong x or weight lacks are 0 here; the library then says what is wrong with it.
    batch, _, channels = x_tensor.shape[:3]
    before = max(weight_tensor.shape[1] - 1, 0)
    state = State(args, operands, (x, x_tensor), of_its_type=True)
    state.read(past_state)
    state.write(present_state, return_state, (sequence_count(args, batch), before, channels))
    run(context, operands, library.seqmix_causal_conv1d, args, str)
    return state.beside(results)
