# SPDX-License-Identifier: Apache-2.0
"""seqmix: attention and its relatives, on CPUs and GPUs, behind one small C library.

Functions take anything with `__dlpack__`, `__array_interface__` or `__cuda_array_interface__`
(NumPy, PyTorch, CuPy, JAX) without copying it, and return arrays of the same kind.
"""

from ._abi import Status
from ._errors import (
    DeviceError,
    Error,
    InternalError,
    InvalidArgument,
    NoDevice,
    OutOfMemory,
    Unsupported,
)
from ._library import version
from .attention import attention, attention_merge
from .context import Context, default_context, devices
from .linear_attention import linear_attention

__version__ = version()

__all__ = [
    "Context",
    "DeviceError",
    "Error",
    "InternalError",
    "InvalidArgument",
    "NoDevice",
    "OutOfMemory",
    "Status",
    "Unsupported",
    "attention",
    "attention_merge",
    "default_context",
    "devices",
    "linear_attention",
    "version",
]
