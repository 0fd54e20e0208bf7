# SPDX-License-Identifier: Apache-2.0
"""`seqmix run` of the scans and the convolution against the same calls from Python."""

import numpy as np
import pytest

import scan_calls
import seqmix
from support import BF16, DEVICE, F16, F32, in_pairs, load, normal, on_the_command_line

# The files an operator takes by their place; its other arrays have options.
PLACES = {
    "linear_recurrence": ("a", "b"),
    "selective_scan": ("u", "delta", "A", "B", "C"),
    "causal_conv1d": ("x", "weight"),
}
CALLS = list(scan_calls.CALLS)


def command(run, call, *words, status=0, **options):
    """Runs a call of scan_calls with options as Python has them; arrays go through files."""
    arrays = {name: in_pairs(array) for name, array in call.arrays.items()}
    places = PLACES[call.name]
    others = {name: array for name, array in arrays.items() if name not in places}
    more, files = on_the_command_line(others | call.options | options)
    if call.state_dtype.kind == "c":
        words = (*words, "--complex")
    files = {name: in_pairs(array) for name, array in files.items()}
    return run(call.name, *(f"{name}.npy" for name in places), "-o", "out.npy", "--device", DEVICE,
               *more, *words, status=status, **arrays | files)  # fmt: skip


def assert_files(run, **expected):
    for name, array in expected.items():
        wanted = in_pairs(array)
        found = load(run, name, wanted.dtype)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", CALLS)
def test_states(run, rng, dtype, device, name):
    call = scan_calls.CALLS[name](rng, dtype)
    past = scan_calls.state(rng, call)
    said = command(run, call, "--state", "state.npy", past_state=past)
    out, state = scan_calls.library(call, past_state=past, return_state=True, context=device)
    assert_files(run, out=out, state=state)
    assert said.startswith(f"{call.name} on {DEVICE} ({call.name}__") and " state.npy " in said


@pytest.mark.parametrize("name", CALLS)
def test_a_first_state(run, rng, dtype, device, name):
    call = scan_calls.CALLS[name](rng, dtype)
    command(run, call, "--state", "state.npy", "--threads=1")
    out, state = scan_calls.library(call, return_state=True, context=device)
    assert_files(run, out=out, state=state)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_pool(run, rng, dtype, device, name, elsewhere):
    """The present pool is the past one but for the rows that were written."""
    call = scan_calls.CALLS[name](rng, dtype, b=1, t=12)
    pool = scan_calls.state(rng, call, 6)
    where = dict(cu_seqlens=np.array([0, 3, 4, 12]), state_indices=np.array([4, -1, 1]))
    if elsewhere:
        where["state_out_indices"] = np.array([0, -1, 3], np.int32)
    command(run, call, "--state", "state.npy", past_state=pool, **where)
    present = pool.copy()
    out, _ = scan_calls.library(
        call, past_state=pool, present_state=present, context=device, **where
    )
    assert_files(run, out=out, state=present)


@pytest.mark.parametrize("name", CALLS)
def test_channels_before_time(run, rng, dtype, device, name):
    call = scan_calls.CALLS[name](rng, dtype)

    def turned(array):
        return np.ascontiguousarray(array.swapaxes(1, 2))

    out = scan_calls.library(call, context=device)
    arrays = call.arrays | {name: turned(call.arrays[name]) for name in call.time}
    command(run, call._replace(arrays=arrays), "--layout", "bct")
    assert_files(run, out=turned(out))


@pytest.mark.parametrize("dtype", [F16, BF16], ids=str)
@pytest.mark.parametrize("name", list(PLACES))
def test_out_in_f32(run, rng, dtype, device, name):
    call = scan_calls.CALLS[name](rng, dtype)
    command(run, call, "--out-f32")
    shape = call.arrays[PLACES[name][0]].shape
    out = scan_calls.library(call, out=np.empty(shape, F32), context=device)
    assert_files(run, out=out)


def test_recurrences(run, rng, device):
    a, b = rng.random(4).astype(F32), normal(rng, 2, 9, 4)
    run("linear_recurrence", "a.npy", "b.npy", "-o", "out.npy", "--reverse", "--device", DEVICE, a=a, b=b)
    assert_files(run, out=seqmix.linear_recurrence(a, b, reverse=True, context=device))


def test_options_of_the_selective_scan(run, rng, device):
    call = scan_calls.selective_scan(rng, F32)
    more = dict(D=normal(rng, scan_calls.C), delta_bias=normal(rng, scan_calls.C))
    command(run, call, "--delta-softplus", **more)
    out = scan_calls.library(call, delta_softplus=True, context=device, **more)
    assert_files(run, out=out)


SCANS = {
    "": {},
    "--op=sum --axis=0": dict(axis=0),
    "--op=product --axis=-2 --exclusive": dict(op="product", axis=-2, exclusive=True),
    "--op=max --reverse": dict(op="max", reverse=True),
    "--op=logsumexp --exclusive --reverse": dict(op="logsumexp", exclusive=True, reverse=True),
}


@pytest.mark.parametrize("words", SCANS)
def test_prefix_scans(run, rng, dtype, device, words):
    x, options = normal(rng, 3, 5, 7, dtype=dtype), SCANS[words]
    line = ["prefix_scan", "x.npy", "-o", "out.npy", "--device", DEVICE, *words.split()]
    assert f"prefix_scan on {DEVICE} (prefix_scan__" in run(*line, x=x)
    assert_files(run, out=seqmix.prefix_scan(x, **options, context=device))


def test_segments_of_int32(run, rng, device):
    x, ends = rng.integers(-(2**31), 2**31, (4, 9)).astype(np.int32), np.array([0, 5, 5, 9])
    run("prefix_scan", "x.npy", "-o", "out.npy", "--device", DEVICE, "--cu-seqlens", "ends.npy",
        x=x, ends=ends)  # fmt: skip
    assert_files(run, out=seqmix.prefix_scan(x, cu_seqlens=ends, context=device))


WRONG_USAGE = {
    "an argument is missing: 'B.npy'": "linear_recurrence a.npy -o out.npy",
    "an argument is missing: 'C.npy'": "selective_scan u d a b -o out.npy",
    "-o is missing": "causal_conv1d x.npy w.npy",
    "--layout is 'bthd'; it must be btc or bct": "causal_conv1d x w -o out --layout bthd",
    "--activation is 'swish'; it must be none or silu": "causal_conv1d x w -o o --activation swish",
    "--op is 'prod'; it must be sum, product, max or": "prefix_scan x -o out --op prod",
    "--axis is 'last'; it must be a whole number": "prefix_scan x -o out --axis last",
    "--axis is 4294967296; it must be an axis": "prefix_scan x -o out --axis 4294967296",
    "there is no option '--layout'": "prefix_scan x -o out --layout btc",
    "--state-indices is given without --past-state": "linear_recurrence a b -o o --state-indices i",
    "--state-out-indices is given without --past-state": (
        "selective_scan u d a b c -o o --state-out-indices i"
    ),
}


@pytest.mark.parametrize("sentence", WRONG_USAGE)
def test_wrong_usage(run, sentence):
    assert sentence in run(*WRONG_USAGE[sentence].split(), status=2)


def test_files_that_do_not_fit(run, rng):
    x = normal(rng, 2, 5, 3)
    said = run("causal_conv1d", "x.npy", "x.npy", "-o", "out.npy", status=1, x=x)
    assert said == "seqmix run: x.npy: has 3 axes; it must have 2\n"
    said = run("linear_recurrence", "x.npy", "x.npy", "-o", "out.npy", "--complex", status=1)
    assert said == "seqmix run: x.npy: has 3 axes; it must have 4\n"
    said = run("prefix_scan", "x.npy", "-o", "out.npy", "--axis", "3", status=1)
    assert said.startswith("seqmix run: prefix_scan: axis is 3")
    assert not (run.folder / "out.npy").exists()


@pytest.mark.parametrize("name", [*PLACES, "prefix_scan"])
def test_help(run, name):
    assert run(name, "--help").startswith(f"usage: seqmix run {name} ")
