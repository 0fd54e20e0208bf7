# SPDX-License-Identifier: Apache-2.0
"""Exceptions: one class per status of the library, each also a fitting built-in one."""

from typing import Dict, Type

from ._abi import Status


class Error(Exception):
    """A call failed; the message is the library's sentence about it."""

    #: The library's status code.
    status: Status = Status.INTERNAL


class InvalidArgument(Error, ValueError):
    """The caller's mistake. No output was written."""

    status = Status.INVALID_ARGUMENT


class Unsupported(Error, NotImplementedError):
    """A legal call that this device, or this version, cannot do."""

    status = Status.UNSUPPORTED


class OutOfMemory(Error, MemoryError):
    """Host or device memory ran out; the context stays usable."""

    status = Status.OUT_OF_MEMORY


class DeviceError(Error, RuntimeError):
    """A driver or a compiler failed; its log is in the message."""

    status = Status.DEVICE


class NoDevice(Error, LookupError):
    """The named device is not present."""

    status = Status.NO_DEVICE


class InternalError(Error, RuntimeError):
    """A defect of seqmix."""

    status = Status.INTERNAL


_BY_STATUS: Dict[int, Type[Error]] = {
    int(kind.status): kind
    for kind in (InvalidArgument, Unsupported, OutOfMemory, DeviceError, NoDevice, InternalError)
}


def error(status: int, message: str) -> Error:
    """The exception for a status that is not OK."""
    return _BY_STATUS.get(status, InternalError)(message)
