# SPDX-License-Identifier: Apache-2.0
"""The shared library: found, loaded and given its prototypes once, when the package is imported.

It is the file named by the environment variable SEQMIX_LIBRARY, else the one inside this package,
else the system's.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import pathlib
from ctypes import POINTER, c_char_p, c_int32, c_uint64, c_void_p
from typing import Any, List, Optional, Tuple

from . import _abi, _abi_scans
from ._errors import error

# name, type of the result, types of the arguments
_PROTOTYPES: List[Tuple[str, Any, List[Any]]] = [
    ("seqmix_version", c_char_p, []),
    ("seqmix_api_version", c_int32, []),
    ("seqmix_last_error", c_char_p, []),
    ("seqmix_tensor_from_dlpack", c_int32, [POINTER(_abi.Tensor), c_void_p]),
    ("seqmix_device_count", c_int32, []),
    ("seqmix_device_get_info", c_int32, [c_int32, POINTER(_abi.DeviceInfo)]),
    ("seqmix_backend_remark", c_int32, [c_int32, c_char_p, c_uint64]),
    (
        "seqmix_context_create_with_options",
        c_int32,
        [POINTER(c_void_p), POINTER(_abi.ContextOptions)],
    ),
    ("seqmix_context_destroy", None, [c_void_p]),
    ("seqmix_context_device", c_char_p, [c_void_p]),
    ("seqmix_context_set_threads", c_int32, [c_void_p, c_int32]),
    ("seqmix_context_threads", c_int32, [c_void_p]),
    ("seqmix_context_set_variant", c_int32, [c_void_p, c_char_p]),
    ("seqmix_context_variant_name", c_char_p, [c_void_p, c_int32]),
    ("seqmix_synchronize", c_int32, [c_void_p]),
    ("seqmix_buffer_allocate", c_int32, [c_void_p, c_uint64, POINTER(c_void_p)]),
    ("seqmix_buffer_free", None, [c_void_p, c_void_p]),
    ("seqmix_buffer_upload", c_int32, [c_void_p, c_void_p, c_uint64, c_void_p, c_uint64]),
    ("seqmix_buffer_download", c_int32, [c_void_p, c_void_p, c_uint64, c_void_p, c_uint64]),
    ("seqmix_attention", c_int32, [c_void_p, POINTER(_abi.AttentionArgs)]),
    ("seqmix_attention_merge", c_int32, [c_void_p, POINTER(_abi.AttentionMergeArgs)]),
    ("seqmix_linear_attention", c_int32, [c_void_p, POINTER(_abi.LinearAttentionArgs)]),
    (
        "seqmix_linear_recurrence",
        c_int32,
        [c_void_p, POINTER(_abi_scans.LinearRecurrenceArgs)],
    ),
    ("seqmix_selective_scan", c_int32, [c_void_p, POINTER(_abi_scans.SelectiveScanArgs)]),
    ("seqmix_prefix_scan", c_int32, [c_void_p, POINTER(_abi_scans.PrefixScanArgs)]),
    ("seqmix_causal_conv1d", c_int32, [c_void_p, POINTER(_abi_scans.CausalConv1dArgs)]),
]

_FILES = ("libseqmix.so*", "libseqmix*.dylib", "*seqmix*.dll")


def _find() -> str:
    named = os.environ.get("SEQMIX_LIBRARY")
    if named:
        return named
    folder = pathlib.Path(__file__).parent
    inside = [str(path) for pattern in _FILES for path in sorted(folder.glob(pattern))]
    found: Optional[str] = inside[0] if inside else ctypes.util.find_library("seqmix")
    if found is None:
        raise ImportError(
            f"seqmix: its library is neither in {folder} nor installed on this system; install the "
            "package with pip, or set SEQMIX_LIBRARY to the path of libseqmix"
        )
    return found


def _load(path: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(path)  # unlike PyDLL, releases the GIL while a function runs
        for name, result, arguments in _PROTOTYPES:
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
    except (OSError, AttributeError) as reason:
        raise ImportError(f"seqmix: cannot use the library {path}: {reason}") from reason
    version = library.seqmix_api_version()
    if version != _abi.API_VERSION:
        raise ImportError(
            f"seqmix: the library {path} has API version {version}, but this package needs "
            f"{_abi.API_VERSION}"
        )
    return library


library = _load(_find())


def last_error() -> str:
    """The sentence of this thread's latest failed call."""
    sentence: bytes = library.seqmix_last_error()
    return sentence.decode("utf-8", "replace")


def check(status: int) -> None:
    """Raises the exception of a status that is not OK."""
    if status:
        raise error(status, last_error())


def version() -> str:
    """The release of the library in use, for example "0.1.0"."""
    release: bytes = library.seqmix_version()
    return release.decode()
