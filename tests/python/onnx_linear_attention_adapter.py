# SPDX-License-Identifier: Apache-2.0
"""The ONNX LinearAttention operator (opset 27) on top of seqmix.linear_attention.

Its recurrences are seqmix's, so inputs and attributes map one to one:

    query, key, value        reshaped from [B, T, H*D] to [B, T, H, D]
    decay                    [B, T, H] or, reshaped likewise, [B, T, H, D]
    beta                     [B, T, H]; [B, T, 1] is broadcast
    past_state               past_state=, the same axes
    scale                    0 means 1/sqrt(D)
    update_rule, chunk_size  options of the same names

The present state has the past's type, or the query's without one.
"""

import numpy as np
import onnx

import seqmix

INPUTS = ("query", "key", "value", "past_state", "decay", "beta")
OUTPUTS = ("output", "present_state")


def run_node(node, arrays, context=None):
    """Evaluate one LinearAttention node; `arrays` are its present inputs. Returns its present outputs."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    present = [name for name, edge in zip(INPUTS, node.input) if edge]
    inputs = dict.fromkeys(INPUTS) | dict(zip(present, arrays, strict=True))
    outputs = linear_attention(inputs, attributes, context)
    return [outputs[name] for name, edge in zip(OUTPUTS, node.output) if edge]


def linear_attention(inputs, attributes, context):
    """The operator on named inputs; returns its outputs by name."""
    heads = attributes["kv_num_heads"]
    q = apart(inputs["query"], attributes["q_num_heads"])
    k, v = apart(inputs["key"], heads), apart(inputs["value"], heads)
    past = inputs["past_state"]
    state_type = q.dtype if past is None else past.dtype
    out, state = seqmix.linear_attention(
        q, k, v,
        update_rule=attributes.get("update_rule", b"gated_delta").decode(),
        decay=per_head(inputs["decay"], heads),
        beta=per_head(inputs["beta"], heads),
        scale=attributes.get("scale") or None,
        past_state=past,
        present_state=np.empty((len(q), heads, k.shape[3], v.shape[3]), state_type),
        chunk_size=attributes.get("chunk_size", 64),
        context=context,
    )
    return {"output": out.reshape(*out.shape[:2], -1), "present_state": state}


def apart(x, heads):
    """[B, T, H*D] as [B, T, H, D]."""
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads)


def per_head(gate, heads):
    """A gate as seqmix has it: [B, T, H] or [B, T, H, D]."""
    if gate is None or gate.shape[2] == heads:
        return gate
    if gate.shape[2] == 1:
        return np.broadcast_to(gate, (*gate.shape[:2], heads))
    return apart(gate, heads)
