# SPDX-License-Identifier: Apache-2.0
"""The ONNX Attention operator (opsets 23 to 25) on top of seqmix.attention.

ONNX defines one order of operations for all three opsets: scaled scores, soft cap, attention mask (additive, or
boolean as 0 / -inf), softmax. That is seqmix's order too, so every attribute maps to one option:

    is_causal, left/right_window_size      causal=, window= with the query_offset of query_offset() below
    attn_mask, boolean / of numbers        mask= / bias= (both may end before the last key: the rest is masked)
    nonpad_kv_seqlen                       key_lengths=
    q_num_heads, kv_num_heads              a reshape of the 3-D tensors to [batch, time, heads, dim]
    past_key, past_value                   concatenated before K and V; they come back as present_key, present_value
    qk_matmul_output_mode                  scores=, see SCORES
    softmax_precision                      nothing: seqmix accumulates and normalises in float32 whatever the inputs
"""

import numpy as np
import onnx

import seqmix

INPUTS = ("Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen")
OUTPUTS = ("Y", "present_key", "present_value", "qk_matmul_output")

# What qk_matmul_output holds for each qk_matmul_output_mode. Modes 0 and 1 show the keys that a mask hides, mode 2
# has -inf and mode 3 has 0 in their place; a row without any key is 0 in mode 3.
SCORES = ("raw", "softcap", "bias", "probabilities")


def run_node(node, arrays, context=None):
    """Evaluate one Attention node; `arrays` are its present inputs in order. Returns its present outputs in order."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    present = [name for name, edge in zip(INPUTS, node.input) if edge]
    inputs = dict.fromkeys(INPUTS) | dict(zip(present, arrays, strict=True))
    wanted = [name for name, edge in zip(OUTPUTS, node.output) if edge]
    outputs = attention(inputs, attributes, "qk_matmul_output" in wanted, context)
    return [outputs[name] for name in wanted]


def attention(inputs, attributes, want_scores, context):
    """The operator on named inputs; returns all its outputs by name (qk_matmul_output only if wanted)."""
    q = batch_time_heads(inputs["Q"], attributes.get("q_num_heads"))
    k = batch_time_heads(inputs["K"], attributes.get("kv_num_heads"))
    v = batch_time_heads(inputs["V"], attributes.get("kv_num_heads"))
    k = after_past(inputs["past_key"], k)
    v = after_past(inputs["past_value"], v)

    scores = SCORES[attributes.get("qk_matmul_output_mode", 0)] if want_scores else None
    if scores in ("raw", "softcap") and inputs["nonpad_kv_seqlen"] is not None:
        raise NotImplementedError("seqmix gives no score to a key beyond key_lengths, ONNX modes 0 and 1 do")

    result = seqmix.attention(
        q, k, v,
        scale=attributes.get("scale"),
        causal=bool(attributes.get("is_causal", 0)),
        window=(attributes.get("left_window_size", -1), attributes.get("right_window_size", -1)),
        softcap=attributes.get("softcap", 0.0),
        query_offset=query_offset(inputs),
        key_lengths=inputs["nonpad_kv_seqlen"],
        scores=scores,
        context=context,
        **mask_option(inputs["attn_mask"], q.dtype),
    )
    out, qk = result if want_scores else (result, None)
    outputs = {"Y": like_input(out, inputs["Q"]), "present_key": heads_first(k), "present_value": heads_first(v)}
    if want_scores:
        outputs["qk_matmul_output"] = qk.astype(q.dtype, copy=False)
    return outputs


def batch_time_heads(x, heads):
    """A [B,T,H,D] view of a 4-D ONNX tensor [B,H,T,D] or of a 3-D one [B,T,H*D]."""
    if x.ndim == 4:
        return x.transpose(0, 2, 1, 3)
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads)


def heads_first(x):
    return x.transpose(0, 2, 1, 3)


def after_past(past, x):
    """Cached tokens [B,H,P,D] followed by the new ones [B,T,H,D], as [B,P+T,H,D]."""
    return x if past is None else np.concatenate((heads_first(past), x), axis=1)


def like_input(out, q):
    """The output in the layout in which the queries came."""
    return heads_first(out) if q.ndim == 4 else out.reshape(*out.shape[:2], -1)


def query_offset(inputs):
    """The position of the first query among the keys, to which causal and window masks are aligned.

    With a cache kept outside the operator the queries are the last of the valid keys, which is seqmix's default.
    Otherwise they follow the past, if any: so without one they start at key 0, even when there are more keys than
    queries.
    """
    if inputs["nonpad_kv_seqlen"] is not None:
        return None
    return 0 if inputs["past_key"] is None else inputs["past_key"].shape[2]


def mask_option(attn_mask, dtype):
    """attn_mask as the seqmix option it is: ONNX tells a mask from a bias by its type."""
    if attn_mask is None:
        return {}
    if attn_mask.dtype == np.bool_:
        return {"mask": attn_mask}
    if attn_mask.dtype != dtype:
        attn_mask = attn_mask.astype(np.float32)
    return {"bias": attn_mask}
