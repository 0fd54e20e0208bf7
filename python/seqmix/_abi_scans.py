# SPDX-License-Identifier: Apache-2.0
"""The structs and constants of the scans and the convolution; _abi.py has the others.

Tensors are addresses: who fills them in keeps the tensors alive.
"""

import ctypes
import enum
from ctypes import c_int32, c_int64, c_uint64, c_void_p


class ScanOp(enum.IntEnum):
    """What a prefix scan accumulates."""

    SUM = 0
    PRODUCT = 1
    MAX = 2
    LOGSUMEXP = 3


class Activation(enum.IntEnum):
    """What is done to an output of the convolution last."""

    NONE = 0
    SILU = 1


class LinearRecurrenceArgs(ctypes.Structure):
    """seqmix_linear_recurrence_args."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("a", c_void_p),
        ("b", c_void_p),
        ("out", c_void_p),
        ("is_complex", c_int32),
        ("reverse", c_int32),
        ("past_state", c_void_p),
        ("present_state", c_void_p),
        ("state_indices", c_void_p),
        ("state_out_indices", c_void_p),
        ("cu_seqlens", c_void_p),
        ("max_seqlen", c_int64),
        ("workspace", c_void_p),
        ("workspace_bytes", c_uint64),
    ]

    @classmethod
    def initial(cls) -> "LinearRecurrenceArgs":
        return cls(struct_size=ctypes.sizeof(cls))


class SelectiveScanArgs(ctypes.Structure):
    """seqmix_selective_scan_args."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("u", c_void_p),
        ("delta", c_void_p),
        ("A", c_void_p),
        ("B", c_void_p),
        ("C", c_void_p),
        ("D", c_void_p),
        ("z", c_void_p),
        ("delta_bias", c_void_p),
        ("out", c_void_p),
        ("delta_softplus", c_int32),
        ("is_complex", c_int32),
        ("past_state", c_void_p),
        ("present_state", c_void_p),
        ("state_indices", c_void_p),
        ("state_out_indices", c_void_p),
        ("cu_seqlens", c_void_p),
        ("max_seqlen", c_int64),
        ("workspace", c_void_p),
        ("workspace_bytes", c_uint64),
    ]

    @classmethod
    def initial(cls) -> "SelectiveScanArgs":
        return cls(struct_size=ctypes.sizeof(cls))


class PrefixScanArgs(ctypes.Structure):
    """seqmix_prefix_scan_args."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("x", c_void_p),
        ("out", c_void_p),
        ("op", c_int32),
        ("axis", c_int32),
        ("exclusive", c_int32),
        ("reverse", c_int32),
        ("cu_seqlens", c_void_p),
        ("max_seqlen", c_int64),
        ("workspace", c_void_p),
        ("workspace_bytes", c_uint64),
    ]

    @classmethod
    def initial(cls) -> "PrefixScanArgs":
        return cls(struct_size=ctypes.sizeof(cls), axis=-1)


class CausalConv1dArgs(ctypes.Structure):
    """seqmix_causal_conv1d_args."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("x", c_void_p),
        ("weight", c_void_p),
        ("bias", c_void_p),
        ("out", c_void_p),
        ("activation", c_int32),
        ("reserved", c_int32),
        ("past_state", c_void_p),
        ("present_state", c_void_p),
        ("state_indices", c_void_p),
        ("state_out_indices", c_void_p),
        ("cu_seqlens", c_void_p),
        ("max_seqlen", c_int64),
        ("workspace", c_void_p),
        ("workspace_bytes", c_uint64),
    ]

    @classmethod
    def initial(cls) -> "CausalConv1dArgs":
        return cls(struct_size=ctypes.sizeof(cls))
