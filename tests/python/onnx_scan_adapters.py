# SPDX-License-Identifier: Apache-2.0
"""The ONNX operators CausalConvWithState (opset 27), CumSum (11, 14) and CumProd (26) on top of seqmix.

CausalConvWithState has channels before time, which seqmix takes and writes as transposed views:

    input                    [B, C, T], x as [B, T, C]
    weight                   [C, 1, W], as [C, W]
    bias                     [C]
    past_state               [B, C, W-1], as [B, W-1, C]
    activation               "none"; "silu" and "swish" are one

CumSum and CumProd are seqmix.prefix_scan: the input axis is axis=, exclusive and reverse mean the same.
"""

import numpy as np
import onnx

import seqmix

ACTIVATIONS = {b"none": None, b"silu": "silu", b"swish": "silu"}
OPS = {"CumSum": "sum", "CumProd": "product"}


def run_node(node, arrays, context=None):
    """Evaluate one node of these operators; `arrays` are its present inputs. Returns its present outputs."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    arrays = iter(arrays)
    inputs = [next(arrays) if edge else None for edge in node.input]
    operator = causal_conv if node.op_type == "CausalConvWithState" else cumulative
    outputs = operator(node.op_type, inputs, attributes, context)
    return [output for output, edge in zip(outputs, node.output) if edge]


def causal_conv(_, inputs, attributes, context):
    x, weight, bias, past = inputs + [None] * (4 - len(inputs))
    width = weight.shape[2]
    out, present = np.empty_like(x), np.empty((*x.shape[:2], width - 1), x.dtype)
    seqmix.causal_conv1d(
        x.swapaxes(1, 2),
        weight[:, 0],
        bias,
        activation=ACTIVATIONS[attributes.get("activation", b"none")],
        past_state=None if past is None else past.swapaxes(1, 2),
        present_state=present.swapaxes(1, 2),
        out=out.swapaxes(1, 2),
        context=context,
    )
    return out, present


def cumulative(op_type, inputs, attributes, context):
    x, axis = inputs
    flags = {name: bool(attributes.get(name, 0)) for name in ("exclusive", "reverse")}
    return (seqmix.prefix_scan(x, OPS[op_type], axis=axis.item(), context=context, **flags),)
