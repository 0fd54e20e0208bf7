# SPDX-License-Identifier: Apache-2.0
"""From Python's arguments to the members of an args struct, and from the library's names back."""

from __future__ import annotations

import re
from ctypes import Structure, addressof
from typing import Any, Callable, Dict, Sequence, Union

from ._abi import HeadSharing, Tensor
from ._arrays import Array, Operands
from ._errors import InvalidArgument, Unsupported
from ._staging import call
from .context import Context

Integers = Union[Array, Sequence[int]]
Numbers = Union[Array, Sequence[float]]

HEAD_SHARING = {mode.name.lower(): int(mode) for mode in HeadSharing}


class Renaming:
    """Gives a sentence of the library's the names that arguments have in Python."""

    def __init__(self, python_names: Dict[str, str]) -> None:
        self._python_names = python_names
        self._c_name = re.compile(rf"\b({'|'.join(python_names)})\b")

    def __call__(self, sentence: str) -> str:
        return self._c_name.sub(lambda found: self._python_names[found[0]], sentence)


def fill(args: Structure, describe: Callable[[str, Any], Tensor], **arrays: Any) -> None:
    """Fills in the members whose arrays are present."""
    for member, array in arrays.items():
        if array is not None:
            setattr(args, member, addressof(describe(member, array)))


def named(operands: Operands, name: str, value: Any, values: Dict[str, int]) -> int:
    """The number of an option that is given by its name."""
    number = values.get(value) if isinstance(value, str) else None
    if number is None:
        raise operands.refused(name, f"{value!r}, must be one of {', '.join(map(repr, values))}")
    return number


def run(
    context: Context,
    operands: Operands,
    function: Callable[..., int],
    args: Structure,
    in_python: Callable[[str], str],
) -> None:
    """Makes the call. What it refuses has the names of Python."""
    try:
        call(context, operands, function, args)
    except (InvalidArgument, Unsupported) as refusal:
        raise type(refusal)(in_python(str(refusal))) from None
