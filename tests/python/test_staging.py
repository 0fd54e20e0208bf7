# SPDX-License-Identifier: Apache-2.0
"""What travels back from devices with memory of their own: the elements of what was written, and no
others, which may be another thread's."""

import numpy as np
import pytest

from seqmix._abi import Tensor
from seqmix._staging import _runs

VIEWS = {
    "whole": lambda x: x,
    "heads": lambda x: x[:, :, 1:2],
    "a row of each": lambda x: x[:, 3],
    "every other": lambda x: x[:, ::2],
    "channels apart": lambda x: x[..., ::2],
    "backwards": lambda x: x[:, ::-1, :, ::-1],
    "turned": lambda x: x.swapaxes(1, 3),
    "one element": lambda x: x[1:, 4:, 2:, 7:],
}


def tensor_of(view):
    tensor = Tensor(dtype=1, ndim=view.ndim, data=view.ctypes.data)
    for axis in range(view.ndim):
        tensor.shape[axis] = view.shape[axis]
        tensor.stride[axis] = view.strides[axis] // view.itemsize
    return tensor


@pytest.mark.parametrize("name", VIEWS)
def test_runs_are_the_elements(name):
    whole = np.zeros((2, 5, 3, 8), np.float32)
    view = VIEWS[name](whole)
    runs = list(_runs(tensor_of(view)))
    touched = np.zeros(whole.nbytes, np.uint8)
    for at, size in runs:
        start = at - whole.ctypes.data
        touched[start : start + size] += 1
    view[...] = 1
    np.testing.assert_array_equal(touched.reshape(-1, 4), np.repeat(whole.reshape(-1, 1), 4, axis=1))
    if name == "whole":
        assert len(runs) == 1
