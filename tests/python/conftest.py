# SPDX-License-Identifier: Apache-2.0
import zlib

import numpy as np
import pytest

import seqmix
from support import BF16, DEVICE, F16, F32, SEED


def pytest_report_header():
    return f"seqmix: {seqmix.version()}, device under test {DEVICE}, SEQMIX_SEED={SEED}"


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
