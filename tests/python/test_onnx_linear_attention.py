# SPDX-License-Identifier: Apache-2.0
"""The backend test cases of the ONNX LinearAttention operator, through seqmix.linear_attention.

As those of Attention (test_onnx_attention.py): they come with the onnx package, once as a LinearAttention node, which
runs here, and once spelled out in elementary nodes.
"""

import collections

import pytest

from support import needed

onnx = needed("onnx", minversion="1.23")

import onnx.backend.test.case.node as node_cases
import onnx.backend.test.case.node.linear_attention  # noqa: F401  its import generates the cases
from onnx.backend.test.runner import Runner

import onnx_linear_attention_adapter
import seqmix

# Fewest cases per opset (onnx 1.23.2 has exactly these): none may vanish without notice when onnx changes.
CASES_AT_LEAST = {27: 14}

CASES = [
    case
    for case in node_cases._NodeTestCases
    if [node.op_type for node in case.model.graph.node] == ["LinearAttention"]
]


@pytest.fixture(scope="module", params=["reference", "cpu"])
def context(request):
    return seqmix.Context(request.param)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, context):
    node = case.model.graph.node[0]
    for inputs, expected in case.data_sets:
        actual = onnx_linear_attention_adapter.run_node(node, inputs, context)
        # The judge of ONNX itself: shapes, types, and values to the case's tolerance.
        Runner.assert_similar_outputs(expected, actual, case.rtol, case.atol)


def test_no_case_is_missing():
    opsets = collections.Counter(case.model.opset_import[0].version for case in CASES)
    assert all(opsets[opset] >= count for opset, count in CASES_AT_LEAST.items()), opsets
