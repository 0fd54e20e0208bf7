# SPDX-License-Identifier: Apache-2.0
"""Calls on devices whose memory is not the host's: arrays of the host travel there and back.

What an array of the call covers is copied there as it lies, gaps and all, and where arrays share
memory they share the copy: so views into one array, and states updated in place, stay what they are.
Back come the elements of what is written, and nothing between them: that may be another thread's.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from itertools import product
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from ._abi import Memory, Tensor
from ._arrays import DTYPE_BYTES, Operands
from ._library import check, library
from .context import Context

# Starts of ranges keep their place within so many bytes, and elements their alignment.
_UNIT = 64


@dataclass
class _Range:
    """Host memory from `start` to `end`, and its copy."""

    start: int
    end: int
    is_written: bool
    buffer: Optional[int] = None

    @property
    def offset(self) -> int:
        """Where the copy begins in its buffer."""
        return self.start % _UNIT


def call(
    context: Context, operands: Operands, function: Callable[..., int], args: ctypes.Structure
) -> None:
    """Makes the call, on copies of the host's arrays if the context's memory is another one."""
    # Named until the end: close() may come from any thread.
    handle = context._open(operands.operator)
    staged = [] if context._is_host else _on_host(operands)
    if not staged:
        check(function(handle.pointer, ctypes.byref(args)))
        return
    kept = [(tensor, bytes(tensor)) for tensor, _ in staged]
    ranges = _ranges(staged)
    try:
        for part in ranges:
            _upload(handle.pointer, part)
        for tensor, _ in staged:
            _move(tensor, ranges)
        check(function(handle.pointer, ctypes.byref(args)))
        check(library.seqmix_synchronize(handle.pointer))
        _restore(kept)
        for part in ranges:
            if part.is_written:
                _download(handle.pointer, part, [tensor for tensor, written in staged if written])
    finally:
        _restore(kept)
        for part in ranges:
            library.seqmix_buffer_free(handle.pointer, part.buffer)


def _on_host(operands: Operands) -> List[Tuple[Tensor, bool]]:
    return [(tensor, written) for tensor, written in operands.tensors if tensor.memory == Memory.HOST]


def _extent(tensor: Tensor) -> Tuple[int, int]:
    """The addresses of the first and behind the last byte; equal if there is no element."""
    start = end = (tensor.data or 0) + tensor.byte_offset
    if 0 in tensor.shape[: tensor.ndim]:
        return start, start
    size = DTYPE_BYTES[tensor.dtype]
    for axis in range(tensor.ndim):
        reach = (tensor.shape[axis] - 1) * tensor.stride[axis] * size
        start, end = start + min(reach, 0), end + max(reach, 0)
    return start, end + size


def _ranges(tensors: List[Tuple[Tensor, bool]]) -> List[_Range]:
    """The memory that tensors cover, joined where they overlap."""
    ranges: List[_Range] = []
    extents: Dict[Tuple[int, int], bool] = {}
    for tensor, is_written in tensors:
        extent = _extent(tensor)
        if extent[0] < extent[1]:
            extents[extent] = extents.get(extent, False) or is_written
    for (start, end), is_written in sorted(extents.items()):
        if ranges and start < ranges[-1].end:
            ranges[-1].end = max(end, ranges[-1].end)
            ranges[-1].is_written = ranges[-1].is_written or is_written
        else:
            ranges.append(_Range(start, end, is_written))
    return ranges


def _move(tensor: Tensor, ranges: List[_Range]) -> None:
    """Has the tensor mean its copy."""
    start, end = _extent(tensor)
    address = (tensor.data or 0) + tensor.byte_offset
    tensor.memory, tensor.data, tensor.byte_offset = int(Memory.CONTEXT), None, 0
    if start < end:
        part = next(part for part in ranges if part.start <= start < part.end)
        tensor.data = part.buffer
        tensor.byte_offset = part.offset + address - part.start


def _upload(context: Any, part: _Range) -> None:
    buffer = ctypes.c_void_p()
    size = part.offset + part.end - part.start
    check(library.seqmix_buffer_allocate(context, size, ctypes.byref(buffer)))
    part.buffer = buffer.value
    check(
        library.seqmix_buffer_upload(context, part.buffer, part.offset, part.start, part.end - part.start)
    )


def _restore(kept: List[Tuple[Tensor, bytes]]) -> None:
    for tensor, before in kept:
        ctypes.memmove(ctypes.addressof(tensor), before, len(before))


def _download(context: Any, part: _Range, written: List[Tensor]) -> None:
    """The elements of the written tensors that lie in the range."""
    size = part.end - part.start
    if any(_is_all(tensor, part) for tensor in written):
        check(library.seqmix_buffer_download(context, part.buffer, part.offset, part.start, size))
        return
    here = ctypes.create_string_buffer(size)
    check(
        library.seqmix_buffer_download(context, part.buffer, part.offset, ctypes.addressof(here), size)
    )
    for tensor in written:
        start, end = _extent(tensor)
        if not part.start <= start < end <= part.end:
            continue
        for at, length in _runs(tensor):
            ctypes.memmove(at, ctypes.addressof(here) + at - part.start, length)


def _is_all(tensor: Tensor, part: _Range) -> bool:
    """Whether the tensor's elements are the range, without gaps: no other's are lost then."""
    start, end = _extent(tensor)
    return (start, end) == (part.start, part.end) and next(_runs(tensor)) == (start, end - start)


def _runs(tensor: Tensor) -> Iterator[Tuple[int, int]]:
    """Addresses and sizes of what lies side by side, in the order of memory."""
    size = DTYPE_BYTES[tensor.dtype]
    start, _ = _extent(tensor)
    axes = [(abs(tensor.stride[i]) * size, tensor.shape[i]) for i in range(tensor.ndim)]
    steps = sorted((step, count) for step, count in axes if count > 1)
    while steps and steps[0][0] <= size:
        step, count = steps.pop(0)
        size += step * (count - 1)
    for places in product(*(range(count) for _, count in reversed(steps))):
        outer = zip(places, reversed(steps))
        yield start + sum(place * step for place, (step, _) in outer), size
