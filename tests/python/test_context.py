# SPDX-License-Identifier: Apache-2.0
"""Devices, contexts, threads and forked children."""

import concurrent.futures
import copy
import gc
import multiprocessing
import pickle
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import numpy_attention
import numpy_linear_attention
import seqmix
from support import DEVICE, F32, assert_close, normal


def test_devices():
    devices = seqmix.devices()
    names = [device["name"] for device in devices]
    assert "cpu" in names and "reference" in names
    for device in devices:
        assert device.keys() == {
            "name",
            "backend",
            "description",
            "index",
            "memory",
            "automatic",
            "compute_units",
            "memory_bytes",
        }
        assert device["name"].startswith(device["backend"]) and device["description"]
    reference = devices[names.index("reference")]
    assert reference["memory"] == "host" and reference["automatic"] is False
    assert devices[names.index("cpu")]["automatic"] is True


def test_versions():
    assert seqmix.__version__ == seqmix.version()
    assert [int(part) for part in seqmix.version().split(".")]


def test_a_context_says_what_it_is(context):
    assert context.device in [device["name"] for device in seqmix.devices()]
    assert context.device in repr(context)
    assert 1 <= context.threads <= 1024


def test_threads():
    with seqmix.Context("cpu", threads=3) as context:
        assert context.threads == 3
        context.threads = 1
        assert context.threads == 1
        for bad in (0, -1, 1025, 2**32 + 1, 1.0, "2"):
            with pytest.raises(
                seqmix.InvalidArgument, match="^context_set_threads: threads is .*must"
            ):
                context.threads = bad
        assert context.threads == 1
    for bad in (0, 10_000):
        with pytest.raises(seqmix.InvalidArgument, match="^context_create: threads is .*must"):
            seqmix.Context("cpu", threads=bad)


def test_variants(context, rng):
    names = context.variants()
    assert {name.split("__")[0] for name in names} == {
        "attention",
        "attention_merge",
        "causal_conv1d",
        "linear_attention",
        "linear_recurrence",
        "prefix_scan",
        "selective_scan",
    }
    q = normal(rng, 1, 3, 2, 8)
    expected = numpy_attention.attention(q, q, q).out
    linear = numpy_linear_attention.linear_attention(q, q, q).out
    for name in names:
        if "__bf16_" in name or "__half_" in name:  # not of these inputs' type
            continue
        context.set_variant(name)
        try:
            if name.startswith("attention__"):
                assert_close(seqmix.attention(q, q, q, context=context), expected)
            if name.startswith("linear_attention__"):
                out = seqmix.linear_attention(q, q, q, context=context)
                assert_close(out, linear, factor=2.5)
        finally:
            context.set_variant(None)


def test_synchronize(context):
    assert context.synchronize() is None


def test_a_closed_context_refuses_work(rng):
    q = normal(rng, 1, 3, 2, 8)
    with seqmix.Context(DEVICE) as context:
        seqmix.attention(q, q, q, context=context)
    context.close()
    uses = [
        lambda: seqmix.attention(q, q, q, context=context),
        lambda: seqmix.attention_merge([q], [np.zeros((1, 2, 3), F32)], context=context),
        lambda: seqmix.linear_attention(q, q, q, context=context),
        lambda: context.device,
        lambda: context.threads,
        lambda: setattr(context, "threads", 2),
        context.variants,
        lambda: context.set_variant(None),
        context.synchronize,
        context.__enter__,
    ]
    for use in uses:
        with pytest.raises(seqmix.InvalidArgument, match=": context is closed, must be open$"):
            use()
    assert "closed" in repr(context)


def test_contexts_are_freed():
    context = seqmix.Context(DEVICE)
    seen = weakref.ref(context)
    del context
    gc.collect()
    assert seen() is None


def test_contexts_cannot_be_pickled(context):
    for attempt in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="can be neither pickled nor copied"):
            attempt(context)


def test_the_default_context_is_per_thread():
    mine = seqmix.default_context()
    assert seqmix.default_context() is mine
    theirs = in_thread(lambda: (seqmix.default_context(), seqmix.default_context()))
    assert theirs[0] is theirs[1] and theirs[0] is not mine


def test_a_closed_default_context_is_replaced():
    def use():
        seqmix.default_context().close()
        return seqmix.default_context().threads

    assert in_thread(use) >= 1


def in_thread(function):
    """What the function returns, or raises, in a thread of its own."""
    future = concurrent.futures.Future()

    # No executor: its threads cannot end in a forked child.
    def work():
        try:
            future.set_result(function())
        except BaseException as failure:
            future.set_exception(failure)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return future.result()


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "default"])
def test_calls_from_many_threads(rng, shared):
    context = seqmix.Context(DEVICE) if shared else None
    inputs = [tuple(normal(rng, 1, 6, 2, 8) for _ in "qkv") for _ in range(4)]
    expected = [numpy_attention.attention(*one, causal=True).out for one in inputs]
    failures = []

    def work(number):
        try:
            for _ in range(20):
                out = seqmix.attention(*inputs[number], causal=True, context=context)
                assert_close(out, expected[number])
        except BaseException as failure:  # to be shown in the main thread
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_errors_belong_to_their_thread(rng):
    q = normal(rng, 1, 2, 2, 4)
    sentences = []

    def work(scale):
        for _ in range(50):
            try:
                seqmix.attention(q, q, q, scale=scale)
            except seqmix.Error as error:
                sentences.append((scale, str(error)))

    threads = [threading.Thread(target=work, args=(scale,)) for scale in (np.inf, -np.inf)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sentences) == 100 and len(set(sentences)) == 2


def long_call(context):
    """Some tenths of a second in the float64 reference."""
    q = np.ones((1, 256, 4, 64), F32)
    return seqmix.attention(q, q, q, context=context)


def test_the_interpreter_runs_on_during_a_call():
    """Without the interpreter's lock the other thread cannot count, however long the call takes.

    Threads are switched only where one lets go of the lock: within a call, if at all, or asleep.
    """
    count, counted = 0, []

    def work():
        with seqmix.Context("reference") as context:
            before = count
            long_call(context)
            counted.append(count - before)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            count += 1
            time.sleep(0.0001)
    finally:
        sys.setswitchinterval(interval)
    assert counted[0] > 1


def test_closing_does_no_harm_to_a_call_in_another_thread():
    context = seqmix.Context("reference")
    q = np.ones((1, 64, 4, 64), F32)
    first_done, sums = threading.Event(), []

    def work():
        while True:
            sums.append(seqmix.attention(q, q, q, context=context).sum())
            first_done.set()

    def close():
        first_done.wait(60)
        context.close()

    closer = threading.Thread(target=close)
    closer.start()
    with pytest.raises(seqmix.InvalidArgument, match="context is closed"):
        in_thread(work)
    closer.join()
    assert set(sums) == {q.size}


class WatchedHandle:
    """In place of a context's handle: tells whether anybody still holds it."""

    def __init__(self):
        self.pointer = 1
        self.freed = freed = []
        weakref.finalize(self, freed.append, True)


class ClosingLibrary:
    """In place of the library: as if another thread closed the context during every call."""

    def __init__(self, context):
        self.context = context
        self.freed = context._handle.freed
        self.calls = []

    def __getattr__(self, name):
        def function(*arguments):
            self.context.close()
            gc.collect()
            self.calls.append((name, bool(self.freed)))
            return {"device": b"cpu", "variant_name": None}.get(name[len("seqmix_context_") :], 0)

        return function


@pytest.mark.parametrize(
    "use",
    [
        lambda context: context.device,
        lambda context: context.threads,
        lambda context: setattr(context, "threads", 2),
        lambda context: context.variants(),
        lambda context: context.set_variant(None),
        lambda context: context.synchronize(),
        repr,
    ],
    ids=["device", "threads", "set_threads", "variants", "set_variant", "synchronize", "repr"],
)
def test_no_call_loses_its_context_to_another_threads_close(monkeypatch, use):
    context = seqmix.Context("cpu")
    context._handle = WatchedHandle()
    library = ClosingLibrary(context)
    monkeypatch.setattr(sys.modules["seqmix.context"], "library", library)
    use(context)
    gc.collect()
    assert library.calls and not any(freed for _, freed in library.calls)
    assert library.freed, "somebody holds it after the call"


def forked(function):
    """What the function returns, or raises, in a forked child."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)

    def child():
        try:
            sender.send((function(), None))
        except BaseException as failure:
            sender.send((None, failure))

    process = fork.Process(target=child)
    process.start()
    try:
        assert receiver.poll(60), "the child hangs"
        result, failure = receiver.recv()
    finally:
        process.join(10)
        process.kill()
    assert process.exitcode == 0
    if failure is not None:
        raise failure
    return result


@pytest.fixture
def default_is_cpu(monkeypatch):
    """For threads yet to come. Other devices do not survive a fork."""
    monkeypatch.setenv("SEQMIX_DEVICE", "cpu")


# Python 3.12 warns of forks in programs with threads, which is what is tested here.
ignore_fork_warnings = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@ignore_fork_warnings
@pytest.mark.parametrize("which", ["default", "inherited", "new"])
def test_a_forked_child_computes(rng, default_is_cpu, which):
    q = normal(rng, 1, 8, 2, 8)
    inherited = seqmix.Context("cpu", threads=3)

    def attention(context):
        return seqmix.attention(q, q, q, causal=True, context=context)

    def child():
        new = seqmix.Context("cpu", threads=2) if which == "new" else None
        return attention(inherited if which == "inherited" else new)

    def parent():
        before = attention(inherited), attention(None)
        return *before, forked(child), attention(inherited), attention(None)

    first, *others = in_thread(parent)
    for other in others:
        np.testing.assert_array_equal(other, first)


@ignore_fork_warnings
def test_a_fork_during_another_threads_call(rng, default_is_cpu):
    """The child inherits a context in use, and neither waits for it nor frees it."""
    q = normal(rng, 1, 8, 2, 8)
    started = threading.Event()
    context = seqmix.Context("reference")

    def work():
        started.set()
        long_call(context)

    def child():
        nonlocal context
        context = None
        gc.collect()
        return seqmix.attention(q, q, q)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    out, expected = in_thread(lambda: (forked(child), seqmix.attention(q, q, q)))
    thread.join()
    np.testing.assert_array_equal(out, expected)


@ignore_fork_warnings
def test_a_pool_of_forked_workers(rng, default_is_cpu):
    q = normal(rng, 1, 8, 2, 8)

    def parent():
        expected = seqmix.attention(q, q, q)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return expected, pool.starmap(seqmix.attention, [(q, q, q)] * 6)

    expected, outs = in_thread(parent)
    for out in outs:
        np.testing.assert_array_equal(out, expected)
