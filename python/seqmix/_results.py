# SPDX-License-Identifier: Apache-2.0
"""Arrays made here: results, of the kind the caller uses, and stacks of the caller's arrays."""

from __future__ import annotations

import re
import sys
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from ._abi import Dtype, Memory, Tensor
from ._arrays import DTYPE_NAMES, ComplexTensor, Operands
from ._errors import Error, OutOfMemory, Unsupported

_NUMPY_NAMES = {int(code): name for name, code in DTYPE_NAMES.items()}

# What NumPy and others say, besides MemoryError, when an array is too large for memory or for its
# own size to be counted.
_TOO_LARGE = re.compile(r"out of memory|RESOURCE_EXHAUSTED|allocat|overflow|too (big|large)|exceed")


class Results:
    """The arrays one call writes: those it was given, or new ones of the kind of `like`.

    New PyTorch tensors and arrays in device memory are made by their own package. For others in
    host memory NumPy makes them and their package takes them over after the call: so they may be
    immutable, as JAX's are.
    """

    __slots__ = ("_operands", "_like", "_tensor", "_arrays", "_torch", "_namespace")

    def __init__(self, operands: Operands, like: Any, tensor: Tensor) -> None:
        self._operands = operands
        self._like = like
        self._tensor = tensor
        self._arrays: List[Any] = []
        self._torch = _torch_of(like)
        self._namespace = None if self._torch else _namespace_of(like)

    def add(
        self,
        name: str,
        given: Any,
        shape: Tuple[int, ...],
        f32: bool = False,
        fill: Optional[float] = None,
        is_complex: bool = False,
    ) -> Tensor:
        """The next result: `given`, or a new array of the type of `like`, or of f32.

        `fill` is what a new one holds before the call, if the call may leave parts of it alone.
        With `is_complex` what is given may be complex64.
        """
        array = self._made(name, shape, f32) if given is None else given
        if given is None and fill is not None:
            array[...] = fill
        self._arrays.append((array, given is None))
        describe = self._operands.written_numbers if is_complex else self._operands.output
        return describe(name, array)

    def finished(self) -> Any:
        """What the caller gets once the call is over: one array, or the tuple of several."""
        arrays = [self._finish(array) if made else array for array, made in self._arrays]
        return arrays[0] if len(arrays) == 1 else tuple(arrays)

    def _made(self, name: str, shape: Tuple[int, ...], f32: bool) -> Any:
        try:
            return self._empty(shape, f32)
        except (MemoryError, RuntimeError, ValueError) as reason:
            if not _means_too_large(reason):
                raise
            raise _too_large(self._operands, name, f"of shape {shape}", reason) from reason

    def _empty(self, shape: Tuple[int, ...], f32: bool) -> Any:
        if isinstance(self._like, np.ndarray):
            return np.empty(shape, np.float32 if f32 else self._like.dtype)
        if self._torch is not None:
            dtype = self._torch.float32 if f32 else self._like.dtype
            return self._torch.empty(shape, dtype=dtype, device=self._like.device)
        if self._namespace is not None and self._tensor.memory != Memory.HOST:
            dtype = self._namespace.float32 if f32 else self._like.dtype
            return self._namespace.empty(shape, dtype=dtype)
        return np.empty(shape, np.float32 if f32 else self._numpy_dtype())

    def _finish(self, array: Any) -> Any:
        if self._namespace is None or not isinstance(array, np.ndarray):
            return array
        try:
            return self._namespace.from_dlpack(array)
        except (AttributeError, BufferError, TypeError, ValueError):
            return self._namespace.asarray(array)  # bfloat16, which NumPy does not hand out

    def _numpy_dtype(self) -> np.dtype[Any]:
        if isinstance(self._tensor, ComplexTensor):
            return np.dtype(np.complex64)
        if self._tensor.dtype == Dtype.BF16:
            return _bfloat16(self._operands.operator)
        return np.dtype(_NUMPY_NAMES[self._tensor.dtype])


def stack(operands: Operands, name: str, arrays: Sequence[Any]) -> Any:
    """Arrays of one shape and type, copied into one array of their kind along a new first axis."""
    if not arrays:
        raise operands.refused(name, "an empty sequence, must hold at least one array")
    package = _torch_of(arrays[0]) or _namespace_of(arrays[0])
    if package is None:
        package = np
        arrays = [_as_numpy(operands, f"{name}[{i}]", array) for i, array in enumerate(arrays)]
    first = arrays[0]
    for i, array in enumerate(arrays):
        if (array.shape, array.dtype) != (first.shape, first.dtype):
            raise operands.refused(
                f"{name}[{i}]",
                f"{array.dtype} {tuple(array.shape)}, must be like {name}[0], "
                f"{first.dtype} {tuple(first.shape)}",
            )
    try:
        return package.stack(arrays)
    except (MemoryError, RuntimeError, ValueError) as reason:
        if not _means_too_large(reason):
            raise
        what = f"{len(arrays)} arrays of shape {tuple(first.shape)}, to be copied together,"
        raise _too_large(operands, name, what, reason) from reason


def _as_numpy(operands: Operands, name: str, array: Any) -> np.ndarray[Any, Any]:
    if isinstance(array, np.ndarray) or hasattr(array, "__array_interface__"):
        return np.asarray(array)
    if hasattr(array, "__dlpack__"):
        return np.from_dlpack(array)
    raise operands.refused(name, f"a {type(array).__name__}, must be an array")


def _means_too_large(reason: Exception) -> bool:
    """Whether memory is why an array could not be made."""
    if isinstance(reason, Error):
        return False
    return isinstance(reason, MemoryError) or _TOO_LARGE.search(str(reason)) is not None


def _too_large(operands: Operands, name: str, what: str, reason: Exception) -> OutOfMemory:
    return OutOfMemory(
        f"{operands.operator}: {name} is {what}, must fit in memory ({reason or 'no memory left'})"
    )


def _torch_of(array: Any) -> Any:
    """The module torch, which somebody has imported then, if the array is one of its tensors."""
    torch = sys.modules.get("torch")
    return torch if isinstance(array, getattr(torch, "Tensor", ())) else None


def _namespace_of(array: Any) -> Any:
    """The array's package by the array API standard; None for NumPy's own and for others."""
    if isinstance(array, np.ndarray) or not hasattr(array, "__array_namespace__"):
        return None
    return array.__array_namespace__()


def _bfloat16(operator: str) -> np.dtype[Any]:
    try:
        import ml_dtypes
    except ImportError as reason:
        raise Unsupported(
            f"{operator}: a bfloat16 result in NumPy needs the package ml_dtypes"
        ) from reason
    bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return bfloat16
