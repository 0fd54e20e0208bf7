# SPDX-License-Identifier: Apache-2.0
"""Devices, and contexts to run on them."""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
from types import TracebackType
from typing import Any, Callable, Dict, List, NoReturn, Optional, Type

from . import _abi
from ._errors import InvalidArgument
from ._library import check, library

_MEMORY_NAMES = {
    int(memory): memory.name.lower() for memory in _abi.Memory if memory != _abi.Memory.PLUGIN
}


def devices() -> List[Dict[str, Any]]:
    """The devices present, best first.

    Each is a dict: `name` (what Context takes), `backend`, `description` (for people), `index`
    (within the backend), `memory` ("host", "cuda", ...), `automatic` (whether "auto" may choose
    it), `compute_units` and `memory_bytes` (0 if unknown).
    """
    return [_device(index) for index in range(library.seqmix_device_count())]


def remarks() -> List[str]:
    """What the backends found on this machine, in words for people.

    Lines about the drivers, compilers and libraries they work with, devices that were left out, or
    why there are none.
    """
    text = ctypes.create_string_buffer(1 << 14)
    lines: List[str] = []
    for index in itertools.count():
        if not library.seqmix_backend_remark(index, text, len(text)):
            return lines
        lines += text.value.decode("utf-8", "replace").splitlines()
    return lines


def _device(index: int) -> Dict[str, Any]:
    info = _abi.DeviceInfo.initial()
    check(library.seqmix_device_get_info(index, ctypes.byref(info)))
    return {
        "name": info.name.decode(),
        "backend": info.backend.decode(),
        "description": info.description.decode("utf-8", "replace"),
        "index": info.index,
        "memory": _MEMORY_NAMES.get(info.memory, f"plugin:{info.memory}"),
        "automatic": bool(info.automatic),
        "compute_units": info.compute_units,
        "memory_bytes": info.memory_bytes,
    }


class _Handle:
    """Owns a seqmix_context. A call in progress holds a reference: nothing is freed under it."""

    __slots__ = ("pointer", "_process")

    def __init__(self, options: _abi.ContextOptions) -> None:
        self.pointer: Optional[int] = None
        self._process = os.getpid()
        pointer = ctypes.c_void_p()
        check(
            library.seqmix_context_create_with_options(ctypes.byref(pointer), ctypes.byref(options))
        )
        self.pointer = pointer.value

    def __del__(
        self,
        # Defaults, because module globals may be gone when the interpreter ends.
        destroy: Callable[[int], None] = library.seqmix_context_destroy,
        process: Callable[[], int] = os.getpid,
    ) -> None:
        # A forked child holds copies of its parent's contexts, some perhaps in the middle of
        # another thread's call that will never end here: it leaves them as they are.
        if self.pointer is not None and self._process == process():
            destroy(self.pointer)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a seqmix.Context can be neither pickled nor copied")


class Context:
    """A device together with what calls on it need: threads, workspace, choice of variants.

    device: a name from devices(), with or without its number ("cpu", "cuda:1"), or "auto": the
        environment variable SEQMIX_DEVICE if set, else the best device.
    threads: CPU threads; None means SEQMIX_NUM_THREADS if set, else one per usable processor.

    Threads may share a context: their calls then run one after the other.
    """

    def __init__(self, device: str = "auto", threads: Optional[int] = None) -> None:
        self._handle: Optional[_Handle] = None
        options = _abi.ContextOptions.initial()
        options.device = _text("context_create", "device", device)
        options.threads = 0 if threads is None else _thread_count("context_create", threads)
        self._handle = _Handle(options)
        self._is_host = _memory_of(_device_name(self._handle)) == "host"

    @property
    def device(self) -> str:
        """The name of its device."""
        return _device_name(self._open("context_device"))

    @property
    def threads(self) -> int:
        """The most CPU threads work is split over. Results do not depend on it."""
        return _threads_of(self._open("context_threads"))

    @threads.setter
    def threads(self, threads: int) -> None:
        self._run(
            "context_set_threads",
            library.seqmix_context_set_threads,
            _thread_count("context_set_threads", threads),
        )

    def variants(self) -> List[str]:
        """The names of the device's algorithm variants, per operator in order of preference."""
        handle = self._open("context_variant_name")
        names: List[str] = []
        while True:
            name = library.seqmix_context_variant_name(handle.pointer, len(names))
            if name is None:
                return names
            names.append(name.decode())

    def set_variant(self, names: Optional[str]) -> None:
        """Forces variants, several separated by commas, for tests; None ends the forcing."""
        encoded = None if names is None else _text("context_set_variant", "names", names)
        self._run("context_set_variant", library.seqmix_context_set_variant, encoded)

    def synchronize(self) -> None:
        """Waits until all work given to the context is done, and raises what became of it."""
        self._run("synchronize", library.seqmix_synchronize)

    def close(self) -> None:
        """Frees it, as soon as no other thread's call is running on it. More than once is fine."""
        self._handle = None

    def _open(self, operator: str) -> _Handle:
        """Its handle. Callers name it until their call ends: close() may come from any thread."""
        handle = self._handle
        if handle is None:
            raise InvalidArgument(f"{operator}: context is closed, must be open")
        return handle

    def _run(self, operator: str, function: Callable[..., int], *arguments: Any) -> None:
        """Calls a function of the library that takes the context first and returns a status."""
        handle = self._open(operator)
        check(function(handle.pointer, *arguments))

    def __enter__(self) -> Context:
        self._open("context")
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        handle = self._handle
        if handle is None:
            return "<seqmix.Context, closed>"
        return f"<seqmix.Context on {_device_name(handle)}, threads={_threads_of(handle)}>"


class _PerThread(threading.local):
    context: Optional[Context] = None


_default = _PerThread()


def default_context() -> Context:
    """This thread's context for calls that name none, made by Context("auto") when first needed.

    In a forked child the thread that forked goes on with its own.
    """
    context = _default.context
    if context is None or context._handle is None:
        context = _default.context = Context()
    return context


def chosen_context(operator: str, context: Optional[Context]) -> Context:
    """The context a call names, or the default one."""
    if context is None:
        return default_context()
    if not isinstance(context, Context):
        raise InvalidArgument(
            f"{operator}: context is {context!r}, must be a seqmix.Context or None"
        )
    return context


# These two take the handle, not its pointer, so that it outlives the library's call.
def _device_name(handle: _Handle) -> str:
    name: bytes = library.seqmix_context_device(handle.pointer)
    return name.decode()


def _threads_of(handle: _Handle) -> int:
    count: int = library.seqmix_context_threads(handle.pointer)
    return count


def _memory_of(device: str) -> str:
    return next(str(info["memory"]) for info in devices() if info["name"] == device)


def _thread_count(operator: str, threads: int) -> int:
    # Checked here, because ctypes would cut a large number down to 32 bits, and 0 is C's default.
    if not isinstance(threads, int) or not 1 <= threads <= _abi.MAX_THREADS:
        raise InvalidArgument(
            f"{operator}: threads is {threads!r}, must be 1 to {_abi.MAX_THREADS}"
        )
    return threads


def _text(operator: str, name: str, value: str) -> bytes:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidArgument(
            f"{operator}: {name} is {value!r}, must be a string without zero bytes"
        )
    return value.encode()
