# SPDX-License-Identifier: Apache-2.0
"""seqmix: attention, its relatives and scans, on CPUs and GPUs, behind one small C library.

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
from .causal_conv1d import causal_conv1d
from .context import Context, default_context, devices, remarks
from .linear_attention import linear_attention
from .linear_recurrence import linear_recurrence
from .prefix_scan import prefix_scan
from .selective_scan import selective_scan

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
    "causal_conv1d",
    "default_context",
    "devices",
    "linear_attention",
    "linear_recurrence",
    "prefix_scan",
    "remarks",
    "selective_scan",
    "version",
]
