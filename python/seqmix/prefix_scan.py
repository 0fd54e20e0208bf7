# SPDX-License-Identifier: Apache-2.0
"""Prefix scans: running sums, products, maxima and logsumexps."""

from __future__ import annotations

from ctypes import addressof
from typing import Any, Literal, Optional, TypeVar

from ._abi_scans import PrefixScanArgs, ScanOp
from ._arguments import Integers, fill, named, run
from ._arrays import Array, Operands, shape_of
from ._library import library
from ._results import Results
from .context import Context, chosen_context

X = TypeVar("X", bound=Array)

_OPS = {op.name.lower(): int(op) for op in ScanOp}


def prefix_scan(
    x: X,
    op: Literal["sum", "product", "max", "logsumexp"] = "sum",
    *,
    axis: int = -1,
    reverse: bool = False,
    exclusive: bool = False,
    cu_seqlens: Optional[Integers] = None,
    max_seqlen: int = 0,
    out: Optional[X] = None,
    context: Optional[Context] = None,
) -> X:
    """out[t] = x[0] op x[1] op ... op x[t] along one axis of x.

    x is of f32, f16, bf16, f64 or int32, of any strides, and is not copied. The result is of its
    kind and type.

    op: "sum", "product", "max" or "logsumexp", that is log(exp(x) + exp(y)), not of integers.
    axis: the one that is scanned; negative from the end.
    reverse: from the last element on: out[t] = x[t] op ... op x[T-1].
    exclusive: out[t] leaves x[t] out, and what is before all elements is 0, 1, -inf (of integers
        the least there is) or -inf.
    cu_seqlens: [N+1], where segments of the axis begin and end; each is scanned by itself.
        max_seqlen may say how long the longest is.
    out: an array to write, of x's type, or f32 beside f16 and bf16.
    context: where to run; None: default_context().

    16-bit and f32 numbers are accumulated so that results are good however long the axis is.
    Sums and products of int32 wrap around.

    Raises Error.
    """
    operands = Operands("prefix_scan")
    context = chosen_context("prefix_scan", context)
    args = PrefixScanArgs.initial()
    x_tensor = operands.input("x", x)
    args.x = addressof(x_tensor)
    args.op = named(operands, "op", op, _OPS)
    args.axis = _axis(operands, axis)
    args.exclusive, args.reverse = bool(exclusive), bool(reverse)
    args.max_seqlen = operands.integer("max_seqlen", max_seqlen)
    fill(args, operands.index, cu_seqlens=cu_seqlens)

    results = Results(operands, x, x_tensor)
    args.out = addressof(results.add("out", out, shape_of(x_tensor)))
    run(context, operands, library.seqmix_prefix_scan, args, str)
    result: X = results.finished()
    return result


def _axis(operands: Operands, axis: Any) -> int:
    """The number of an axis. Which of them x has the library says; its own have 32 bits."""
    number = operands.integer("axis", axis)
    if not -(2**31) <= number < 2**31:
        raise operands.refused("axis", f"{number}, must be an axis of x")
    return number
