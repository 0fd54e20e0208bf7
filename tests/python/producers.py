# SPDX-License-Identifier: Apache-2.0
"""Arrays that are not NumPy's: each offers one way of exchange and nothing else."""

import ctypes

import numpy as np

CPU, CUDA = 1, 2
FLOAT, BFLOAT, COMPLEX = 2, 4, 5
READ_ONLY, IS_COPIED = 1, 2


class NumPyBacked:
    """Exchange by DLPack as NumPy does it (1.x, or 0.x if it does not know `max_version`)."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **keywords):
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return (CPU, 0)


class OldNumPyBacked(NumPyBacked):
    """A producer from before DLPack 1.0."""

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__()


class ArrayInterface:
    def __init__(self, array):
        self.__array_interface__ = array.__array_interface__
        self.owner = array


class CudaArrayInterface:
    """Claims to lie in CUDA memory; whoever believes it must not look there."""

    def __init__(self, array, strides=None):
        data = (array.ctypes.data, False)
        typestr = array.dtype.str
        self.__cuda_array_interface__ = dict(
            shape=array.shape, typestr=typestr, data=data, strides=strides, version=3
        )
        self.owner = array


class DLDataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("dtype", DLDataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Managed(ctypes.Structure):
    _fields_ = [
        ("tensor", DLTensor),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


class ManagedVersioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", DLTensor),
    ]


DESTRUCTOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, DESTRUCTOR]


# Who has given out a capsule: its destructor must outlive it, also where both are garbage together.
_alive = []


class HandMade:
    """A contiguous float or complex array by DLPack, field by field.

    It counts the capsules given out and given back, and poisons its memory when it gets one back:
    so a result is right only if the capsule lived through the call.
    """

    def __init__(
        self, array, code=FLOAT, device=CPU, version=(1, 0), flags=0, byte_offset=0, lanes=1
    ):
        self.memory = bytes(byte_offset) + array.tobytes()
        self.buffer = ctypes.create_string_buffer(len(self.memory))
        self.shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        self.given = self.returned = 0
        self.versioned = version is not None
        tensor = DLTensor(
            ctypes.addressof(self.buffer),
            device,
            0,
            array.ndim,
            DLDataType(code, array.itemsize * 8, lanes),
            self.shape,
            None,
            byte_offset,
        )
        if self.versioned:
            self.managed = ManagedVersioned(*version, None, None, flags, tensor)
        else:
            self.managed = Managed(tensor, None, None)
        self.name = b"dltensor_versioned" if self.versioned else b"dltensor"
        self.destructor = DESTRUCTOR(self._get_back)

    def _get_back(self, capsule):
        self.returned += 1
        ctypes.memset(self.buffer, 0xFF, len(self.buffer))

    def __dlpack__(self, **keywords):
        if keywords and not self.versioned:
            raise TypeError("no keywords")
        self.given += 1
        _alive.append(self)
        ctypes.memmove(self.buffer, self.memory, len(self.memory))
        return new_capsule(ctypes.addressof(self.managed), self.name, self.destructor)

    def __dlpack_device__(self):
        return (self.managed.tensor.device_type, 0)


class ImmutablePackage:
    """A package by the array API standard whose arrays cannot be written, as JAX's."""

    float32 = np.float32

    @staticmethod
    def from_dlpack(array):
        if not hasattr(array, "__dlpack__"):
            raise TypeError("not an array")
        array.__dlpack__()  # refuses bfloat16, as NumPy does
        return ImmutableArray(array)

    @staticmethod
    def asarray(array):
        return ImmutableArray(np.array(array))

    @staticmethod
    def stack(arrays):
        return ImmutableArray(np.stack([array.array for array in arrays]))


class ImmutableArray:
    def __init__(self, array):
        self.array = array.view()
        self.array.flags.writeable = False
        self.shape, self.dtype = array.shape, array.dtype
        self.exchange = HandMade(array, code={"V": BFLOAT, "c": COMPLEX}.get(array.dtype.kind, FLOAT))

    def __dlpack__(self, **keywords):
        return self.exchange.__dlpack__(**keywords)

    def __array_namespace__(self, api_version=None):
        return ImmutablePackage
