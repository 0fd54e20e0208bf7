# SPDX-License-Identifier: Apache-2.0
"""Other people's arrays, described to the library where they lie.

An array is a NumPy array, or has `__dlpack__`, `__array_interface__` or
`__cuda_array_interface__`. Nothing is copied here: what the library cannot take as it lies, it
refuses.
"""

from __future__ import annotations

import ctypes
import functools
import operator as operators
from typing import Any, List, Protocol, Sequence, Tuple, Union

import numpy as np

from . import _abi
from ._abi import Dtype, Memory, Tensor
from ._errors import InvalidArgument, error
from ._library import last_error, library


class SupportsDLPack(Protocol):
    """What PyTorch, CuPy, JAX, NumPy and others offer."""

    def __dlpack__(self) -> Any: ...


class SupportsArrayInterface(Protocol):
    """An array in host memory, in NumPy's words."""

    @property
    def __array_interface__(self) -> Any: ...


class SupportsCudaArrayInterface(Protocol):
    """An array in CUDA memory, in Numba's words."""

    @property
    def __cuda_array_interface__(self) -> Any: ...


Array = Union[SupportsDLPack, SupportsArrayInterface, SupportsCudaArrayInterface]

# The library's element types by NumPy's names. bfloat16 is ml_dtypes', known by its name so that
# it need not be imported.
DTYPE_NAMES = {
    "float32": Dtype.F32,
    "float16": Dtype.F16,
    "bfloat16": Dtype.BF16,
    "float64": Dtype.F64,
    "int32": Dtype.I32,
    "int64": Dtype.I64,
    "bool": Dtype.BOOL,
    "uint8": Dtype.U8,
}
DTYPE_BYTES = {
    int(Dtype.F32): 4,
    int(Dtype.F16): 2,
    int(Dtype.BF16): 2,
    int(Dtype.F64): 8,
    int(Dtype.I32): 4,
    int(Dtype.I64): 8,
    int(Dtype.BOOL): 1,
    int(Dtype.U8): 1,
}
_REAL = ", ".join(DTYPE_NAMES)
_HOST = int(Memory.HOST)
_FLOAT32 = np.dtype(np.float32)
_COMPLEX64 = np.dtype(np.complex64)


class ComplexTensor(Tensor):
    """A complex64 array as the library takes it: pairs of f32, along a further last axis."""


def shape_of(tensor: Tensor) -> Tuple[int, ...]:
    """The shape of the array that was described."""
    return tuple(tensor.shape[: tensor.ndim - isinstance(tensor, ComplexTensor)])


_capsule_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_capsule_is_valid.restype = ctypes.c_int
_capsule_is_valid.argtypes = [ctypes.py_object, ctypes.c_char_p]
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class Operands:
    """The tensors of one call. It keeps them, and who owns their memory, alive."""

    __slots__ = ("operator", "tensors", "_alive")

    def __init__(self, operator: str) -> None:
        self.operator = operator
        # With whether they are written.
        self.tensors: List[Tuple[Tensor, bool]] = []
        self._alive: List[Any] = []

    def input(self, name: str, array: Any) -> Tensor:
        """Describes an array to be read."""
        return self._real(name, self.numbers(name, array))

    def numbers(self, name: str, array: Any) -> Tensor:
        """The same of one that may be complex64: a ComplexTensor then."""
        tensor = self._describe(name, array)[0]
        self.tensors.append((tensor, False))
        return tensor

    def output(self, name: str, array: Any) -> Tensor:
        """Describes an array to be written."""
        return self._real(name, self.written_numbers(name, array))

    def written_numbers(self, name: str, array: Any) -> Tensor:
        """The same of one that may be complex64: a ComplexTensor then."""
        tensor, refusal = self._describe(name, array)
        if refusal:
            raise self.refused(name, f"{refusal}, must be writable")
        self.tensors.append((tensor, True))
        return tensor

    def index(self, name: str, array: Any) -> Tensor:
        """Describes integers: an array, or a (nested) list or tuple, which becomes one."""
        return self.input(
            name, self._integers(name, array) if isinstance(array, (list, tuple)) else array
        )

    def floats(self, name: str, array: Any) -> Tensor:
        """Describes one number per head: an array, or a list or tuple, which becomes one of f32."""
        if isinstance(array, (list, tuple)):
            try:
                array = np.array(array, np.float32)
            except (TypeError, ValueError) as reason:
                raise self.refused(name, f"no list of numbers ({reason})") from reason
        return self.input(name, array)

    def integer(self, name: str, value: Any) -> int:
        """A Python integer that fits the library's 64 bits (ctypes would cut it down)."""
        try:
            number = operators.index(value)
        except TypeError:
            raise self.refused(name, f"{value!r}, must be an integer") from None
        if not -(2**63) < number < 2**63:
            raise self.refused(name, f"{number}, must fit 64 bits")
        return number

    def number(self, name: str, value: Any) -> float:
        """A Python float."""
        try:
            return float(value)
        except (TypeError, ValueError):
            raise self.refused(name, f"{value!r}, must be a number") from None

    def refused(self, name: str, what: str) -> InvalidArgument:
        """The exception that says what an argument is and must be."""
        return InvalidArgument(f"{self.operator}: {name} is {what}")

    def _integers(self, name: str, values: Sequence[Any]) -> np.ndarray[Any, Any]:
        try:
            array = np.array(values)
            if array.size and array.dtype.kind != "i":
                # Its elements one by one: NumPy turns integers beyond 64 bits into floats.
                elements = np.array(values, object)
                for at, element in np.ndenumerate(elements):
                    self._integer_element(name + "".join(f"[{i}]" for i in at), element)
                array = elements
        except ValueError as reason:
            if isinstance(reason, InvalidArgument):
                raise
            raise self.refused(name, f"no array of integers ({reason})") from reason
        return array.astype(np.int64)

    def _integer_element(self, name: str, element: Any) -> None:
        if isinstance(element, (bool, np.bool_)):
            raise self.refused(name, f"{element!r}, must be an integer")
        self.integer(name, element)

    def _real(self, name: str, tensor: Tensor) -> Tensor:
        if isinstance(tensor, ComplexTensor):
            raise self.refused(name, f"complex64, must be one of {_REAL}")
        return tensor

    def _describe(self, name: str, array: Any) -> Tuple[Tensor, str]:
        """The tensor, and why it may not be written ("" if it may)."""
        alive: Any = array
        if isinstance(array, np.ndarray):
            tensor, refusal = self._from_numpy(name, array)
        elif hasattr(array, "__dlpack__"):
            alive = self._export(name, array)
            tensor, refusal = self._from_capsule(name, alive)
        elif hasattr(array, "__array_interface__"):
            alive = np.asarray(array)
            tensor, refusal = self._from_numpy(name, alive)
        elif hasattr(array, "__cuda_array_interface__"):
            tensor, refusal = self._from_cuda(name, array.__cuda_array_interface__)
        else:
            raise self.refused(
                name,
                f"a {type(array).__name__}, must be an array (with __dlpack__, "
                "__array_interface__ or __cuda_array_interface__)",
            )
        self._alive.append((alive, tensor))
        return tensor, refusal

    def _from_numpy(self, name: str, array: np.ndarray[Any, Any]) -> Tuple[Tensor, str]:
        data, read_only = array.__array_interface__["data"]
        return self._tensor(name, data, array.dtype, array.shape, array.strides, _HOST), (
            "read-only" if read_only else ""
        )

    def _from_cuda(self, name: str, interface: Any) -> Tuple[Tensor, str]:
        data, read_only = interface["data"]
        dtype = np.dtype(interface["typestr"])
        shape = tuple(interface["shape"])
        strides = interface.get("strides")
        if strides is None:
            strides = _contiguous(shape, dtype.itemsize)
        return self._tensor(name, data, dtype, shape, tuple(strides), int(Memory.CUDA)), (
            "read-only" if read_only else ""
        )

    def _tensor(
        self,
        name: str,
        data: int,
        dtype: np.dtype[Any],
        shape: Tuple[int, ...],
        strides: Tuple[int, ...],
        memory: int,
    ) -> Tensor:
        is_complex = dtype == _COMPLEX64
        if is_complex:
            dtype, shape, strides = _FLOAT32, (*shape, 2), (*strides, 4)
        try:
            layout = _layout(dtype, shape, strides, memory)
        except ValueError as reason:
            raise self.refused(name, str(reason)) from None
        tensor = (ComplexTensor if is_complex else Tensor).from_buffer_copy(layout)
        tensor.data = data
        return tensor

    def _export(self, name: str, array: Any) -> Any:
        try:
            try:
                return array.__dlpack__(max_version=(1, 0))
            except TypeError:  # a producer from before DLPack 1.0
                return array.__dlpack__()
        except (BufferError, RuntimeError, TypeError, ValueError) as reason:
            raise self.refused(
                name, f"an array that its owner does not hand out ({reason})"
            ) from reason

    def _from_capsule(self, name: str, capsule: Any) -> Tuple[Tensor, str]:
        """Reads a DLPack capsule; not taken over, it gives the memory back by its destructor."""
        flags = 0
        if _capsule_is_valid(capsule, b"dltensor_versioned"):
            address = _capsule_pointer(capsule, b"dltensor_versioned")
            head = _abi.DLManagedTensorVersioned.from_address(address)
            if head.major > 1:
                raise self.refused(
                    name, f"an array of DLPack {head.major}.{head.minor}, must be 1.x or older"
                )
            flags = head.flags
            address += ctypes.sizeof(head)
        elif _capsule_is_valid(capsule, b"dltensor"):
            address = _capsule_pointer(capsule, b"dltensor")
        else:
            raise self.refused(name, "an array whose __dlpack__() gives no DLPack capsule")
        tensor = self._from_dlpack(name, _abi.DLTensor.from_address(address))
        if flags & _abi.DLPACK_FLAG_READ_ONLY:
            return tensor, "read-only"
        return tensor, "handed out as a copy" if flags & _abi.DLPACK_FLAG_IS_COPIED else ""

    def _from_dlpack(self, name: str, source: _abi.DLTensor) -> Tensor:
        is_complex = source.dtype == _abi.DLPACK_COMPLEX64
        tensor = ComplexTensor() if is_complex else Tensor()
        if is_complex:  # The library is shown as many f32, and what is beside each is added then.
            source = _abi.DLTensor.from_buffer_copy(source)
            source.dtype = _abi.DLPACK_FLOAT32
        status = library.seqmix_tensor_from_dlpack(ctypes.byref(tensor), ctypes.byref(source))
        if status:
            raise error(status, f"{self.operator}: {name}: {last_error()}")
        if is_complex:
            self._add_pairs(name, tensor)
        return tensor

    def _add_pairs(self, name: str, tensor: Tensor) -> None:
        rank = tensor.ndim
        if rank == _abi.MAX_DIMS:
            raise self.refused(name, f"complex of rank {rank}, must be at most {rank - 1}")
        for axis in range(rank):
            tensor.stride[axis] *= 2
        tensor.shape[rank], tensor.stride[rank] = 2, 1
        tensor.ndim = rank + 1


@functools.lru_cache(maxsize=1024)
def _layout(
    dtype: np.dtype[Any], shape: Tuple[int, ...], strides: Tuple[int, ...], memory: int
) -> bytes:
    """The bytes of a Tensor but for its data. ValueError says what cannot be described.

    Cached, because the same layouts come again and again and ctypes fills in a struct slowly.
    """
    code = DTYPE_NAMES.get(dtype.name) if dtype.isnative else None
    if code is None:
        more = ", or complex64 where numbers may be complex" if dtype.kind == "c" else ""
        raise ValueError(f"{dtype}, must be one of {_REAL}{more}")
    if len(shape) > _abi.MAX_DIMS:
        raise ValueError(f"of rank {len(shape)}, must be at most {_abi.MAX_DIMS}")
    size = dtype.itemsize
    if any(stride % size for stride in strides):
        raise ValueError(
            f"an array with strides of {strides} bytes, must be multiples of its elements' {size}"
        )
    steps = tuple(stride // size for stride in strides)
    return bytes(Tensor(None, 0, code, len(shape), shape, steps, memory, 0))


def _contiguous(shape: Tuple[int, ...], itemsize: int) -> Tuple[int, ...]:
    strides = [itemsize] * len(shape)
    for axis in range(len(shape) - 1, 0, -1):
        strides[axis - 1] = strides[axis] * max(shape[axis], 1)
    return tuple(strides)
