# SPDX-License-Identifier: Apache-2.0
import subprocess
import zlib

import numpy as np
import pytest

import seqmix
from support import BF16, DEVICE, F16, F32, SEED, tool


def pytest_report_header():
    return f"seqmix: {seqmix.version()}, device under test {DEVICE}, SEQMIX_SEED={SEED}"


def is_refusal(sentence):
    """Whether the device under test says that it cannot do something."""
    return DEVICE != "cpu" and f": device {DEVICE} " in sentence


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """Not every device has every operator and option: what it refuses so is a skip."""
    outcome = yield
    reason = outcome.excinfo and outcome.excinfo[1]
    if isinstance(reason, seqmix.Unsupported) and is_refusal(str(reason)):
        outcome.force_exception(pytest.skip.Exception(str(reason)))


@pytest.fixture
def rng(request):
    """Random numbers of the test's own, the same again with the same SEQMIX_SEED."""
    print(f"SEQMIX_SEED={SEED}")
    return np.random.default_rng([SEED, zlib.crc32(request.node.name.encode())])


@pytest.fixture(scope="session", params=dict.fromkeys(["reference", DEVICE]))
def context(request):
    with seqmix.Context(request.param) as context:
        yield context


@pytest.fixture(params=[F32, F16, BF16], ids=str)
def dtype(request):
    return request.param


@pytest.fixture
def device():
    """A context of the test's own on the device under test."""
    with seqmix.Context(DEVICE) as context:
        yield context


@pytest.fixture
def run(tmp_path):
    """Calls `seqmix run` in a folder of its own, with arrays saved beside it under their names."""
    path = tool()

    def call(*words, status=0, **arrays):
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        command = [path, "run", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        if done.returncode == 1 and status == 0 and is_refusal(done.stderr):
            pytest.skip(done.stderr)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    call.folder = tmp_path
    return call
