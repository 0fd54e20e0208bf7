# SPDX-License-Identifier: Apache-2.0
"""Attention in float64, written from its definition: what seqmix.attention must compute.

Everything is spelled out, one sequence, head, query and key after the other. It takes the keywords
of seqmix.attention and shares no code with the library.
"""

import collections
import math

import numpy as np

Result = collections.namedtuple("Result", "out lse scores")

# One sequence: its number, its batch row, where its queries start along time, how many of them are
# live, its keys [Tk, Hkv, D] and values [Tk, Hkv, Dv].
Sequence = collections.namedtuple("Sequence", "n row start queries k v")


def attention(
    q, k, v, *, head_sharing="interleaved", scale=None, sinks=None, scores="raw", **options
):
    """out [B, Tq, Hq, Dv], lse [B, Hq, Tq] and, as `scores` says, scores [B, Hq, Tq, Tk].

    Scores are -inf, probabilities 0, where a sequence has no such query or key.
    """
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    batch, time, heads, dim = q.shape
    kv_heads = k.shape[2]
    scale = 1 / math.sqrt(dim) if scale is None else scale
    out = np.zeros((batch, time, heads, v.shape[3]))
    lse = np.full((batch, heads, time), -np.inf)
    absent = 0.0 if scores == "probabilities" else -np.inf
    shown = np.full((batch, heads, time, key_extent(k, options)), absent)
    for sequence in sequences(q, k, v, options):
        for h in range(heads):
            kv = h % kv_heads if head_sharing == "tiled" else h // (heads // kv_heads)
            sink = -math.inf if sinks is None else float(sinks[h])
            for i in range(sequence.queries):
                query = q[sequence.row, sequence.start + i, h]
                row = [
                    Score(sequence, h, i, j, scale * float(query @ sequence.k[j, kv]), options)
                    for j in range(len(sequence.k))
                ]
                total = log_sum_exp([score.final for score in row] + [sink])
                weights = [exp_difference(score.final, total) for score in row]
                at = sequence.row, sequence.start + i, h
                lse[sequence.row, h, sequence.start + i] = total
                for j, weight in enumerate(weights):
                    if weight != 0:
                        out[at] += weight * sequence.v[j, kv]
                    show = weight if scores == "probabilities" else getattr(row[j], SHOWN[scores])
                    shown[sequence.row, h, sequence.start + i, j] = show
    return Result(out, lse, shown)


SHOWN = {"raw": "raw", "softcap": "capped", "bias": "final"}


class Score:
    """The score of one query and key on its way: raw, capped, final (-inf where masked)."""

    def __init__(self, sequence, h, i, j, raw, options):
        softcap = options.get("softcap", 0)
        self.raw = raw
        self.capped = softcap * math.tanh(raw / softcap) if softcap > 0 else raw
        position = i + offset(sequence, options)
        live = is_live(sequence, h, i, j, position, options)
        self.final = (
            self.capped + added(sequence, h, i, j, position, options) if live else -math.inf
        )


def added(sequence, h, i, j, position, options):
    """Bias and ALiBi."""
    total = 0.0
    bias = options.get("bias")
    if bias is not None:
        total += float(broadcast(bias, sequence.row, h, i, j))
    slopes = options.get("alibi_slopes")
    if slopes is not None:
        total -= float(slopes[h]) * abs(position - j)
    return total


def is_live(sequence, h, i, j, position, options):
    """Whether no mask removes key j from query i."""
    left, right = options.get("window") or (-1, -1)
    left, right = (-1 if side is None else side for side in (left, right))
    mask, bias = options.get("mask"), options.get("bias")
    conditions = [
        not options.get("causal") or j <= position,
        left == -1 or j >= position - left,
        right == -1 or j <= position + right,
        mask is None or (j < mask.shape[-1] and bool(broadcast(mask, sequence.row, h, i, j))),
        bias is None or j < bias.shape[-1],
    ]
    blocks = options.get("block_mask")
    if blocks is not None:
        bq, bk = options["block_size"]
        conditions.append(bool(broadcast(blocks, sequence.n, h, i // bq, j // bk)))
    return all(conditions)


def broadcast(array, *at):
    """array[at], right-aligned; axes of size 1 are repeated, except the last."""
    at = at[len(at) - array.ndim :]
    return array[
        tuple(
            0 if size == 1 and axis < array.ndim - 1 else index
            for axis, (index, size) in enumerate(zip(at, array.shape))
        )
    ]


def offset(sequence, options):
    """The position of query 0 among the keys."""
    given = options.get("query_offset")
    if given is None:
        return len(sequence.k) - sequence.queries
    return int(given) if np.ndim(given) == 0 else int(given[sequence.n])


def sequences(q, k, v, options):
    """Takes packing, paging and lengths apart."""
    cu_q, cu_k = options.get("cu_seqlens_q"), options.get("cu_seqlens_k")
    table, key_lengths = options.get("block_table"), options.get("key_lengths")
    count = q.shape[0] if cu_q is None else len(cu_q) - 1
    for n in range(count):
        row, start, stop = (n, 0, q.shape[1]) if cu_q is None else (0, cu_q[n], cu_q[n + 1])
        queries = stop - start
        if options.get("query_lengths") is not None:
            queries = options["query_lengths"][n]
        if table is not None:
            keys, values = pages(k, table[n], key_lengths[n]), pages(v, table[n], key_lengths[n])
        elif cu_k is not None:
            keys, values = k[0, cu_k[n] : cu_k[n + 1]], v[0, cu_k[n] : cu_k[n + 1]]
        else:
            keys, values = k[n], v[n]
        if key_lengths is not None:
            keys, values = keys[: key_lengths[n]], values[: key_lengths[n]]
        yield Sequence(n, row, int(start), int(queries), keys, values)


def pages(pool, table, length):
    size = pool.shape[1]
    rows = [pool[table[j // size], j % size] for j in range(length)]
    return np.array(rows).reshape(length, *pool.shape[2:])


def key_extent(k, options):
    table = options.get("block_table")
    return k.shape[1] * (1 if table is None else np.shape(table)[1])


def log_sum_exp(values):
    if any(math.isnan(value) or value == math.inf for value in values):
        return math.nan
    highest = max(values)
    if highest == -math.inf:
        return highest
    return highest + math.log(sum(math.exp(value - highest) for value in values))


def exp_difference(value, total):
    """exp(value - total), 0 for a masked key even where no key is left."""
    return 0.0 if value == -math.inf and not math.isnan(total) else math.exp(value - total)
