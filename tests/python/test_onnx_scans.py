# SPDX-License-Identifier: Apache-2.0
"""The backend test cases of the ONNX operators CausalConvWithState, CumSum and CumProd, through seqmix.

As those of Attention (test_onnx_attention.py): they come with the onnx package; expanded cases, spelled out in
elementary nodes, do not concern seqmix.
"""

import collections

import pytest

from support import needed

onnx = needed("onnx", minversion="1.23")

import onnx.backend.test.case.node as node_cases
import onnx.backend.test.case.node.causal_conv_with_state  # noqa: F401  the imports generate the cases
import onnx.backend.test.case.node.cumprod  # noqa: F401
import onnx.backend.test.case.node.cumsum  # noqa: F401
from onnx.backend.test.runner import Runner

import onnx_scan_adapters
import seqmix

# Fewest cases per operator and opset (onnx 1.23.2 has exactly these): none may vanish without notice when onnx
# changes.
CASES_AT_LEAST = {("CausalConvWithState", 27): 13, ("CumSum", 14): 9, ("CumProd", 26): 9}
OPERATORS = {operator for operator, _ in CASES_AT_LEAST}


def operator_of(case):
    """The operator of a case of one node."""
    nodes = case.model.graph.node
    return nodes[0].op_type if len(nodes) == 1 else None


CASES = [case for case in node_cases._NodeTestCases if operator_of(case) in OPERATORS]


@pytest.fixture(scope="module", params=["reference", "cpu"])
def context(request):
    return seqmix.Context(request.param)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, context):
    node = case.model.graph.node[0]
    for inputs, expected in case.data_sets:
        actual = onnx_scan_adapters.run_node(node, inputs, context)
        # The judge of ONNX itself: shapes, types, and values to the case's tolerance.
        Runner.assert_similar_outputs(expected, actual, case.rtol, case.atol)


def test_no_case_is_missing():
    found = collections.Counter(
        (operator_of(case), case.model.opset_import[0].version) for case in CASES
    )
    assert all(found[key] >= count for key, count in CASES_AT_LEAST.items()), found
