# SPDX-License-Identifier: Apache-2.0
"""States: what a call leaves for the next call on the same sequences."""

from __future__ import annotations

from ctypes import addressof
from typing import Any, Optional, Tuple, TypedDict

import numpy as np

from ._abi import Tensor
from ._arguments import Integers, fill
from ._arrays import Array, ComplexTensor, Operands
from ._results import Results
from .context import Context


class SequenceOptions(TypedDict, total=False):
    """The keywords that operators over sequences with one state share."""

    past_state: Optional[Array]
    cu_seqlens: Optional[Integers]
    max_seqlen: int
    state_indices: Optional[Integers]
    state_out_indices: Optional[Integers]
    context: Optional[Context]


def fill_sequences(args: Any, operands: Operands, max_seqlen: Any, **indices: Any) -> None:
    """Fills in where sequences and their states lie."""
    args.max_seqlen = operands.integer("max_seqlen", max_seqlen)
    fill(args, operands.index, **indices)


def sequence_count(args: Any, batch: int) -> int:
    """How many sequences a call has: those of its batch, or the packed ones."""
    if not args.cu_seqlens:
        return batch
    ends: int = Tensor.from_address(args.cu_seqlens).shape[0]
    return max(ends - 1, 0)


def number_rows(args: Any, operands: Operands, sequences: int) -> None:
    """Has sequences write the rows of a new present state in their order."""
    if args.state_out_indices:
        raise operands.refused(
            "state_out_indices", "given, but names rows of present_state, which must be given"
        )
    if args.state_indices:
        fill(args, operands.index, state_out_indices=np.arange(sequences))


class State:
    """The state of a call whose state is one array: before it, and after it.

    `like` is an array whose kind and, with `of_its_type`, type a state has without a past; else
    it is f32, or complex64 if `like` is.
    """

    def __init__(
        self, args: Any, operands: Operands, like: Tuple[Any, Tensor], of_its_type: bool = False
    ) -> None:
        self._args = args
        self._operands = operands
        self._like = like
        self._of_its_type = of_its_type or isinstance(like[1], ComplexTensor)
        self._written: Optional[Results] = None

    def read(self, past: Any) -> None:
        """Takes the past state, if there is one."""
        if past is None:
            return
        tensor = self._describe("past_state", past)
        self._args.past_state = addressof(tensor)
        self._like, self._of_its_type = (past, tensor), True

    def write(self, present: Any, wanted: bool, shape: Tuple[int, ...]) -> None:
        """Takes the present state or, if it is wanted, makes one with a row per sequence."""
        if present is None and not wanted:
            return
        if present is None:
            number_rows(self._args, self._operands, shape[0])
        if self._is_complex and not isinstance(self._like[1], ComplexTensor):
            shape = (*shape, 2)
        self._written = Results(self._operands, *self._like)
        tensor = self._written.add(
            "present_state",
            present,
            shape,
            f32=not self._of_its_type,
            fill=0.0 if self._args.state_indices else None,
            is_complex=self._is_complex,
        )
        self._args.present_state = addressof(tensor)

    def beside(self, results: Results) -> Any:
        """What the caller gets: the result, with the present state if there is one."""
        out = results.finished()
        return (out, self._written.finished()) if self._written else out

    @property
    def _is_complex(self) -> bool:
        return bool(getattr(self._args, "is_complex", 0))

    def _describe(self, name: str, array: Any) -> Tensor:
        describe = self._operands.numbers if self._is_complex else self._operands.input
        return describe(name, array)
