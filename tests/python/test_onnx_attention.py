# SPDX-License-Identifier: Apache-2.0
"""The backend test cases of the ONNX Attention operator, through seqmix.attention.

The cases come with the onnx package, which generates inputs and expected outputs (from fixed seeds) when the module
that defines them is imported. Every case exists twice: as an Attention node, which is what runs here, and as
"<name>_expanded", the same data with the operator spelled out in elementary nodes, which does not concern seqmix.
"""

import collections

import pytest

from support import needed

# The cases of 1.22 and before expect NaN for rows without keys and align causal masks to the first key of an external
# cache; an erratum to opsets 23 and 24, published with 1.23, corrected both.
onnx = needed("onnx", minversion="1.23")

import onnx.backend.test.case.node as node_cases
import onnx.backend.test.case.node.attention  # noqa: F401  its import generates the cases
from onnx.backend.test.runner import Runner

import onnx_attention_adapter
import seqmix

# Fewest cases per opset (onnx 1.23.2 has exactly these): none may vanish without notice when onnx changes.
CASES_AT_LEAST = {23: 69, 24: 13, 25: 11}

# Case name -> why seqmix does not pass it.
KNOWN_FAILURES = {}

EXPANDED = "_expanded"


def collect():
    """All cases of the Attention operator and, by name, their expanded twins."""
    # collect_testcases(), the public way, imports the cases of every operator, which takes ten seconds.
    named = {case.name: case for case in node_cases._NodeTestCases}
    direct = [case for case in named.values() if [n.op_type for n in case.model.graph.node] == ["Attention"]]
    expanded = {name: case for name, case in named.items() if name.startswith("test_attention_") and EXPANDED in name}
    return direct, expanded


CASES, EXPANDED_CASES = collect()


def as_param(case):
    known = KNOWN_FAILURES.get(case.name)
    marks = [pytest.mark.xfail(reason=known, strict=True)] if known else []
    return pytest.param(case, id=case.name, marks=marks)


@pytest.fixture(scope="module", params=["reference", "cpu"])
def context(request):
    return seqmix.Context(request.param)


@pytest.mark.parametrize("case", [as_param(case) for case in CASES])
def test_case(case, context):
    node = case.model.graph.node[0]
    for inputs, expected in case.data_sets:
        actual = onnx_attention_adapter.run_node(node, inputs, context)
        # The judge of ONNX itself: shapes, types, and values to the case's tolerance (two roundings for bf16).
        Runner.assert_similar_outputs(expected, actual, case.rtol, case.atol)


def test_no_case_is_missing():
    opsets = collections.Counter(case.model.opset_import[0].version for case in CASES)
    assert all(opsets[opset] >= count for opset, count in CASES_AT_LEAST.items()), opsets


def test_expanded_cases_add_nothing():
    assert {case.name + EXPANDED for case in CASES} == EXPANDED_CASES.keys()
    for case in CASES:
        assert EXPANDED_CASES[case.name + EXPANDED].data_sets[0][0] is case.data_sets[0][0]
