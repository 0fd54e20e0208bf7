# SPDX-License-Identifier: Apache-2.0
"""The C headers' structs and constants, as ctypes sees them.

tests/python/test_abi.py compares every size, offset, value and initial value in here with the
headers.
"""

import ctypes
import enum
import sys
from ctypes import c_char, c_int32, c_int64, c_uint32, c_uint64, c_void_p

API_VERSION = 0
MAX_DIMS = 8
MAX_THREADS = 1024
SCALE_DEFAULT = -1.7976931348623157e308  # -DBL_MAX
FLOOR_DEFAULT = SCALE_DEFAULT
OFFSET_END = -(2**63)  # INT64_MIN


class Status(enum.IntEnum):
    """What a call came to."""

    OK = 0
    INVALID_ARGUMENT = 1
    UNSUPPORTED = 2
    OUT_OF_MEMORY = 3
    DEVICE = 4
    NO_DEVICE = 5
    INTERNAL = 6


class Dtype(enum.IntEnum):
    """Element types."""

    F32 = 1
    F16 = 2
    BF16 = 3
    F64 = 4
    I32 = 5
    I64 = 6
    BOOL = 7
    U8 = 8


class Memory(enum.IntEnum):
    """Where the bytes of a tensor lie."""

    CONTEXT = 0
    HOST = 1
    CUDA = 2
    OPENCL = 3
    PLUGIN = 256


class HeadSharing(enum.IntEnum):
    """How heads of which there are more share those of which there are fewer."""

    INTERLEAVED = 0
    TILED = 1


class ScoresMode(enum.IntEnum):
    """What the scores output receives."""

    RAW = 0
    SOFTCAP = 1
    BIAS = 2
    PROBABILITIES = 3


class UpdateRule(enum.IntEnum):
    """How a token changes the state of linear attention."""

    LINEAR = 0
    GATED = 1
    DELTA = 2
    GATED_DELTA = 3
    DPLR = 4


class FeatureMap(enum.IntEnum):
    """What is done to rows of q and k before all else."""

    NONE = 0
    ELU1 = 1
    RELU = 2
    RELU2 = 3
    EXP = 4
    SOFTMAX = 5
    SILU = 6
    L2NORM = 7


class Normalize(enum.IntEnum):
    """What outputs of linear attention are divided by."""

    NONE = 0
    SUM = 1
    ABS_MAX = 2


class Tensor(ctypes.Structure):
    """seqmix_tensor."""

    _fields_ = [
        ("data", c_void_p),
        ("byte_offset", c_uint64),
        ("dtype", c_int32),
        ("ndim", c_int32),
        ("shape", c_int64 * MAX_DIMS),
        ("stride", c_int64 * MAX_DIMS),
        ("memory", c_int32),
        ("memory_device", c_int32),
        ("reserved", c_uint64 * 2),
    ]


class DeviceInfo(ctypes.Structure):
    """seqmix_device_info."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("name", c_char * 64),
        ("backend", c_char * 64),
        ("description", c_char * 256),
        ("index", c_int32),
        ("memory", c_int32),
        ("automatic", c_int32),
        ("compute_units", c_int32),
        ("memory_bytes", c_uint64),
    ]

    @classmethod
    def initial(cls) -> "DeviceInfo":
        return cls(struct_size=ctypes.sizeof(cls))


class ContextOptions(ctypes.Structure):
    """seqmix_context_options."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("device", ctypes.c_char_p),
        ("threads", c_int32),
        ("reserved", c_int32),
        ("queue", c_void_p),
    ]

    @classmethod
    def initial(cls) -> "ContextOptions":
        return cls(struct_size=ctypes.sizeof(cls))


class AttentionArgs(ctypes.Structure):
    """seqmix_attention_args. Tensors are addresses: who fills them in keeps the tensors alive."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("q", c_void_p),
        ("k", c_void_p),
        ("v", c_void_p),
        ("out", c_void_p),
        ("lse", c_void_p),
        ("scores", c_void_p),
        ("scores_mode", c_int32),
        ("head_sharing", c_int32),
        ("scale", ctypes.c_double),
        ("softcap", ctypes.c_double),
        ("causal", c_int32),
        ("allow_nondeterministic", c_int32),
        ("window_left", c_int64),
        ("window_right", c_int64),
        ("query_offset", c_int64),
        ("query_offsets", c_void_p),
        ("key_lengths", c_void_p),
        ("query_lengths", c_void_p),
        ("mask", c_void_p),
        ("bias", c_void_p),
        ("alibi_slopes", c_void_p),
        ("sinks", c_void_p),
        ("block_map", c_void_p),
        ("block_map_queries", c_int64),
        ("block_map_keys", c_int64),
        ("cu_seqlens_q", c_void_p),
        ("cu_seqlens_k", c_void_p),
        ("max_seqlen_q", c_int64),
        ("max_seqlen_k", c_int64),
        ("block_table", c_void_p),
        ("workspace", c_void_p),
        ("workspace_bytes", c_uint64),
    ]

    @classmethod
    def initial(cls) -> "AttentionArgs":
        return cls.from_buffer_copy(_ATTENTION_INITIAL)


_ATTENTION_INITIAL = bytes(
    AttentionArgs(
        struct_size=ctypes.sizeof(AttentionArgs),
        scale=SCALE_DEFAULT,
        window_left=-1,
        window_right=-1,
        query_offset=OFFSET_END,
    )
)


class AttentionMergeArgs(ctypes.Structure):
    """seqmix_attention_merge_args. Tensors are addresses, as in AttentionArgs."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("outs", c_void_p),
        ("lses", c_void_p),
        ("sinks", c_void_p),
        ("out", c_void_p),
        ("lse", c_void_p),
        ("workspace", c_void_p),
        ("workspace_bytes", c_uint64),
    ]

    @classmethod
    def initial(cls) -> "AttentionMergeArgs":
        return cls(struct_size=ctypes.sizeof(cls))


class LinearAttentionArgs(ctypes.Structure):
    """seqmix_linear_attention_args. Tensors are addresses, as in AttentionArgs."""

    _fields_ = [
        ("struct_size", c_uint64),
        ("q", c_void_p),
        ("k", c_void_p),
        ("v", c_void_p),
        ("out", c_void_p),
        ("update_rule", c_int32),
        ("feature_map", c_int32),
        ("normalize", c_int32),
        ("head_sharing", c_int32),
        ("causal", c_int32),
        ("reverse", c_int32),
        ("bidirectional", c_int32),
        ("reserved", c_int32),
        ("scale", ctypes.c_double),
        ("eps", ctypes.c_double),
        ("floor", ctypes.c_double),
        ("decay", c_void_p),
        ("decay_reverse", c_void_p),
        ("beta", c_void_p),
        ("erase", c_void_p),
        ("a", c_void_p),
        ("b", c_void_p),
        ("bonus", c_void_p),
        ("input_gate", c_void_p),
        ("past_state", c_void_p),
        ("past_normalizer", c_void_p),
        ("past_stabilizer", c_void_p),
        ("present_state", c_void_p),
        ("present_normalizer", c_void_p),
        ("present_stabilizer", c_void_p),
        ("state_indices", c_void_p),
        ("state_out_indices", c_void_p),
        ("cu_seqlens", c_void_p),
        ("max_seqlen", c_int64),
        ("chunk_size", c_int64),
        ("workspace", c_void_p),
        ("workspace_bytes", c_uint64),
    ]

    @classmethod
    def initial(cls) -> "LinearAttentionArgs":
        return cls.from_buffer_copy(_LINEAR_ATTENTION_INITIAL)


_LINEAR_ATTENTION_INITIAL = bytes(
    LinearAttentionArgs(
        struct_size=ctypes.sizeof(LinearAttentionArgs),
        causal=1,
        scale=SCALE_DEFAULT,
        floor=FLOOR_DEFAULT,
    )
)


class DLManagedTensorVersioned(ctypes.Structure):
    """The head of DLPack's struct of that name (1.x); its DLTensor follows at once.

    The older DLManagedTensor begins with its DLTensor.
    """

    _fields_ = [
        ("major", c_uint32),
        ("minor", c_uint32),
        ("manager_ctx", c_void_p),
        ("deleter", c_void_p),
        ("flags", c_uint64),
    ]


class DLTensor(ctypes.Structure):
    """DLPack's struct of that name; `dtype` is its DLDataType, of 4 bytes, as one number."""

    _fields_ = [
        ("data", c_void_p),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("ndim", c_int32),
        ("dtype", c_uint32),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("byte_offset", c_uint64),
    ]


def _dlpack_dtype(code: int, bits: int) -> int:
    return int.from_bytes(bytes([code, bits, 1, 0]), sys.byteorder)


DLPACK_FLOAT32 = _dlpack_dtype(2, 32)
DLPACK_COMPLEX64 = _dlpack_dtype(5, 64)

DLPACK_FLAG_READ_ONLY = 1
DLPACK_FLAG_IS_COPIED = 2
