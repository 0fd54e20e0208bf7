# SPDX-License-Identifier: Apache-2.0
"""Sentence embeddings in two ways: packed with seqmix.attention, and padded with attention in plain NumPy."""

import time

import numpy as np

import seqmix

from encoder import unit_length


class PackedEmbedder:
    """All sentences one after the other in a single token stream: no padding, no mask.

    `cu_seqlens` marks where each sentence starts, and seqmix keeps every token's attention within its own sentence.
    """

    def __init__(self, encoder, context):
        self.encoder = encoder
        self.context = context
        self.attention_seconds = 0.0

    def __call__(self, sentences):
        tokens = self.encoder.tokenize(sentences)
        lengths = [len(ids) for ids in tokens]
        cu_seqlens = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
        positions = np.concatenate([np.arange(n) for n in lengths])

        def attend(q, k, v):
            start = time.perf_counter()
            out = seqmix.attention(q, k, v, cu_seqlens_q=cu_seqlens, cu_seqlens_k=cu_seqlens, context=self.context)
            self.attention_seconds += time.perf_counter() - start
            return out

        hidden = self.encoder.hidden_states(np.concatenate(tokens)[None], positions[None], attend)[0]
        mean = np.add.reduceat(hidden, cu_seqlens[:-1]) / np.array(lengths, hidden.dtype)[:, None]
        return unit_length(mean)


class PaddedEmbedder:
    """The usual way, as the yardstick: sentences padded to the longest, the padding masked in softmax and mean."""

    def __init__(self, encoder):
        self.encoder = encoder

    def __call__(self, sentences):
        tokens = self.encoder.tokenize(sentences)
        lengths = np.array([len(ids) for ids in tokens])
        positions = np.arange(lengths.max())
        live = positions < lengths[:, None]
        ids = np.zeros(live.shape, np.int64)
        ids[live] = np.concatenate(tokens)

        hidden = self.encoder.hidden_states(ids, positions, lambda q, k, v: masked_attention(q, k, v, live))
        total = np.where(live[:, :, None], hidden, 0).sum(axis=1)
        return unit_length(total / lengths[:, None].astype(hidden.dtype))


def masked_attention(q, k, v, live):
    """softmax(q k^T / sqrt(dim)) v over the keys that `live` [batch, time] marks."""
    q, k, v = (x.transpose(0, 2, 1, 3) for x in (q, k, v))
    scores = q @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5
    scores = np.where(live[:, None, None, :], scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return (weights @ v).transpose(0, 2, 1, 3)


def embed_in_batches(embed, sentences, batch_size=64):
    """Batches bound the memory for files of any length."""
    starts = range(0, len(sentences), batch_size)
    return np.concatenate([embed(sentences[start:start + batch_size]) for start in starts])
