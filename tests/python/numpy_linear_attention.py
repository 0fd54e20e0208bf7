# SPDX-License-Identifier: Apache-2.0
"""Linear attention in float64, written from its definition: what seqmix.linear_attention computes.

One sequence, head and token after the other. It takes the keywords of seqmix.linear_attention and
shares no code with the library. States are kept as they are, not divided by exp(m): input gates
must be such that float64 can hold them.
"""

import collections
import math

import numpy as np

# state: (S, z, m) of each sequence, z and m if they were asked for; of one left out, no past.
Result = collections.namedtuple("Result", "out state")

# What one direction gives: numerators [T, Dv], denominators [T], m after each token, the state.
Pass = collections.namedtuple("Pass", "num den m last")


def linear_attention(q, k, v, *, scale=None, feature_map=None, past_state=None, **options):
    """out [B, T, max(Hq, Hs), Dv] and the state after the last token."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    batch, time, q_heads, dim = q.shape
    states = v.shape[2]
    q, k = FEATURES[feature_map](q), FEATURES[feature_map](k)
    q = q * (1 / math.sqrt(dim) if scale is None else scale)
    sequences = list(rows_of(batch, time, options))
    out = np.zeros((batch, time, max(q_heads, states), v.shape[3]))
    nothing = no_past(len(sequences), states, dim, v.shape[3])
    present = no_past(len(sequences), states, dim, v.shape[3])
    for n, (row, times) in enumerate(sequences):
        index = state_row(n, options)
        if index == -1:
            continue
        for h in range(out.shape[2]):
            s = head(h, out.shape[2], states, options)
            inputs = Head(q, k, v, row, times, h, s, options)
            past = state_of(past_state, index, s, [part[n, s] for part in nothing], options)
            out[row, times, h], last = attend(inputs, past, options)
            for whole, part in zip(present, last):
                whole[n, s] = part
    count = 1 + bool(options.get("normalize")) + (options.get("input_gate") is not None)
    return Result(out, present[:count])


def attend(x, past, options):
    """out [T, Dv] of one head of one sequence, and its state (S, z, m)."""
    order = range(len(x.v))
    if options.get("bidirectional"):
        there = scan(x, order, x.decay, past, options)
        back = scan(x, order[::-1], x.decay_reverse, past, options)
        diagonal = np.sum(x.q * x.k, axis=1)
        num = there.num + back.num - diagonal[:, None] * x.v
        return divide(num, there.den + back.den - diagonal, there.m, options), there.last
    one = scan(x, order[::-1] if options.get("reverse") else order, x.decay, past, options)
    return divide(one.num, one.den, one.m, options), one.last


def scan(x, order, decay, past, options):
    """The recurrence over the tokens in an order."""
    state, z, m = past
    state, z = state * np.exp(m), z * np.exp(m)
    num, den, ms = np.zeros_like(x.v), np.zeros(len(x.v)), np.full(len(x.v), m)
    for t in order:
        before, z_before = state, z
        state, z = updated(x, t, np.exp(decay[t]), state, z, options)
        m = max(float(decay[t].max()) + m, x.gate[t])
        ms[t] = m
        if x.bonus is None:
            num[t], den[t] = x.q[t] @ state, x.q[t] @ z
        else:
            num[t] = x.q[t] @ (before + np.outer(x.bonus * x.k[t], x.v[t]))
            den[t] = x.q[t] @ (z_before + x.bonus * x.k[t])
    if not options.get("causal", True):
        num, den, ms = x.q @ state, x.q @ z, np.full(len(x.v), m)
    if options.get("input_gate") is None:
        return Pass(num, den, np.zeros(len(x.v)), (state, z, m))
    back = 0.0 if m == -math.inf else np.exp(-m)
    return Pass(num, den, ms, (state * back, z * back, m))


def updated(x, t, alpha, state, z, options):
    """S and z after token t."""
    rule, k, v = options.get("update_rule", "linear"), x.k[t], x.v[t]
    decayed = alpha[:, None] * state
    if rule in ("delta", "gated_delta"):
        erased = x.beta[t] * (k @ decayed) if x.erase is None else x.erase[t] @ decayed
        return decayed + np.outer(k, x.beta[t] * v - erased), z
    if rule == "dplr":
        return decayed + np.outer(x.b[t], x.a[t] @ state) + np.outer(k, v), z
    k = k * np.exp(x.gate[t])
    return decayed + np.outer(k, v), alpha * z + k


def divide(num, den, m, options):
    """The numerators, divided as `normalize` says; 0/0 is 0."""
    normalize, eps = options.get("normalize"), options.get("eps", 0.0)
    if normalize is None:
        return num
    if normalize == "abs_max":
        floor = options.get("floor")
        if floor is None:
            floor = 0.0 if options.get("input_gate") is None else 1.0
        den = np.maximum(np.abs(den), floor)
    # eps is added to what has been divided by exp(m).
    den = (den + eps * np.exp(m))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((num == 0) & (den == 0), 0.0, num / den)


class Head:
    """The inputs of one head of one sequence, time first, with what is absent filled in."""

    def __init__(self, q, k, v, row, times, h, s, options):
        states = v.shape[2]
        self.q = q[row, times, head(h, max(q.shape[2], states), q.shape[2], options)]
        self.k = k[row, times, head(s, states, k.shape[2], options)]
        self.v = v[row, times, s]

        def gate(name, width, default):
            array = options.get(name)
            if array is None:
                return default
            array = np.asarray(array, np.float64)
            if array.ndim == 1:
                return np.full((len(self.v), width), array[s])
            array = array[row, times, s]
            array = array if array.ndim == 2 else array[:, None]
            return np.broadcast_to(array, (len(array), width))

        dim, value_dim = self.k.shape[1], self.v.shape[1]
        self.decay = gate("decay", dim, np.zeros((len(self.v), dim)))
        self.decay_reverse = gate("decay_reverse", dim, self.decay)
        self.beta = gate("beta", value_dim, np.ones((len(self.v), value_dim)))
        self.erase, self.a, self.b = (gate(name, dim, None) for name in ("erase", "a", "b"))
        self.gate = gate("input_gate", 1, np.zeros((len(self.v), 1)))[:, 0]
        bonus = options.get("bonus")
        self.bonus = None if bonus is None else np.asarray(bonus, np.float64)[s]


def head(h, many, few, options):
    """The one of the fewer heads that head h of the more uses."""
    return h % few if options.get("head_sharing") == "tiled" else h // (many // few)


def rows_of(batch, time, options):
    """Each sequence's batch row and slice of time."""
    ends = options.get("cu_seqlens")
    if ends is None:
        return ((n, slice(0, time)) for n in range(batch))
    return ((0, slice(int(i), int(j))) for i, j in zip(ends, ends[1:]))


def state_row(n, options):
    indices = options.get("state_indices")
    return n if indices is None else int(indices[n])


def no_past(sequences, heads, dim, value_dim):
    return (
        np.zeros((sequences, heads, dim, value_dim)),
        np.zeros((sequences, heads, dim)),
        np.full((sequences, heads), -np.inf),
    )


def state_of(past, row, s, none, options):
    """(S, z, m) of a row and head; m is 0 where nothing is divided by exp(m)."""
    past = () if past is None else past if isinstance(past, (tuple, list)) else (past,)
    parts = [np.asarray(part[row, s], np.float64) for part in past]
    parts += none[len(parts) :]
    return *parts[:2], parts[2] if options.get("input_gate") is not None else 0.0


def softmax(x):
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


FEATURES = {
    None: lambda x: x,
    "elu1": lambda x: np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))),
    "relu": lambda x: np.maximum(x, 0),
    "relu2": lambda x: np.maximum(x, 0) ** 2,
    "exp": np.exp,
    "softmax": softmax,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "l2norm": lambda x: x / np.sqrt(np.sum(x**2, axis=-1, keepdims=True) + 1e-6),
}
