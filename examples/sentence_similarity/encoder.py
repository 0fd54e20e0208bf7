# SPDX-License-Identifier: Apache-2.0
"""A BERT sentence encoder (all-MiniLM-L6-v2) in NumPy: everything but the attention, which the caller supplies."""

import json
from pathlib import Path

import numpy as np
import safetensors.numpy
import scipy.special
import tokenizers


class Encoder:
    """The tokenizer, the weights in one floating-point type, and the layers between token ids and embeddings.

    Hidden states are [batch, time, width], and so serve both layouts: one packed stream of all sentences (batch 1) and
    a padded batch. Only `attend`, called as attend(q, k, v) with [batch, time, heads, dim] arrays, knows which it is.
    """

    def __init__(self, model_dir, dtype=np.float32):
        model_dir = Path(model_dir)
        config = json.loads((model_dir / "config.json").read_text())
        limits = json.loads((model_dir / "sentence_bert_config.json").read_text())
        weights = safetensors.numpy.load_file(model_dir / "model.safetensors")

        self.layers = config["num_hidden_layers"]
        self.heads = config["num_attention_heads"]
        self.epsilon = config["layer_norm_eps"]
        self.weights = {name: w.astype(dtype, copy=False) for name, w in weights.items() if w.dtype == np.float32}
        for layer in range(self.layers):
            self._join_query_key_value(f"encoder.layer.{layer}.attention.self")

        self.tokenizer = tokenizers.Tokenizer.from_file(str(model_dir / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(limits["max_seq_length"])

    def tokenize(self, sentences):
        """A list of token ids per sentence, with the marks for start and end; too long ones are cut."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(sentences)]

    def hidden_states(self, ids, positions, attend):
        """The last layer's hidden states for token `ids` [batch, time] at `positions` within their sentences."""
        table = self.weights
        x = (table["embeddings.word_embeddings.weight"][ids]
             + table["embeddings.position_embeddings.weight"][positions]
             + table["embeddings.token_type_embeddings.weight"][0])
        x = self._layer_norm(x, "embeddings.LayerNorm")
        for layer in range(self.layers):
            x = self._layer(x, f"encoder.layer.{layer}", attend)
        return x

    def _layer(self, x, name, attend):
        qkv = self._linear(x, f"{name}.attention.self.qkv")
        qkv = qkv.reshape(*x.shape[:2], 3, self.heads, -1)
        # Views into the joint product: attention takes any strides, so nothing is copied apart.
        attended = attend(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]).reshape(x.shape)
        x = self._layer_norm(x + self._linear(attended, f"{name}.attention.output.dense"),
                             f"{name}.attention.output.LayerNorm")
        inner = gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._layer_norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _layer_norm(self, x, name):
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        normal = centred / np.sqrt(variance + self.epsilon)
        return normal * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _join_query_key_value(self, name):
        """One product of three times the width in place of three products."""
        for kind in ("weight", "bias"):
            parts = [self.weights.pop(f"{name}.{part}.{kind}") for part in ("query", "key", "value")]
            self.weights[f"{name}.qkv.{kind}"] = np.concatenate(parts)


def gelu(x):
    """The exact form with the error function, as this model was trained with, not the tanh approximation."""
    return 0.5 * x * (1 + scipy.special.erf(x * 0.5**0.5))


def unit_length(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)
