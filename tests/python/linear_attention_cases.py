# SPDX-License-Identifier: Apache-2.0
"""Calls of seqmix.linear_attention, each option alone, some together, and some at random."""

import numpy as np

from support import BF16, F16, F32, normal

CASES = {}


def case(function):
    """Registers a function (rng, dtype) -> (q, k, v, options)."""
    CASES[function.__name__] = function
    return function


def qkv(rng, dtype, b=2, t=7, hq=2, hk=2, hs=2, d=6, dv=5):
    return (
        normal(rng, b, t, hq, d, dtype=dtype),
        normal(rng, b, t, hk, d, dtype=dtype),
        normal(rng, b, t, hs, dv, dtype=dtype),
    )


def logs(rng, *shape, dtype=F32):
    """Logarithms of factors below 1."""
    return -np.abs(normal(rng, *shape, dtype=dtype)) / dtype.type(2)


def rates(rng, *shape, dtype=F32):
    """Numbers from 0 to 1."""
    return rng.random(shape).astype(dtype)


def state(rng, *shape, dtype=F32):
    return normal(rng, *shape, dtype=dtype)


# Delta rules on keys of length 1 stay bounded, as they do in models.
DELTA = dict(update_rule="delta", feature_map="l2norm")
GATED_DELTA = dict(update_rule="gated_delta", feature_map="l2norm")


@case
def plain(rng, dtype):
    return *qkv(rng, dtype), {}


@case
def odd_sizes(rng, dtype):
    return *qkv(rng, dtype, b=1, t=3, hq=3, hk=1, hs=3, d=1, dv=9), {}


@case
def long(rng, dtype):
    q, k, v = qkv(rng, dtype, b=1, t=150, hq=1, hk=1, hs=1, d=33, dv=20)
    return q, k, v, dict(update_rule="gated", decay=logs(rng, 1, 150, 1))


@case
def one_of_everything(rng, dtype):
    return *qkv(rng, dtype, b=1, t=1, hq=1, hk=1, hs=1, d=1, dv=1), {}


@case
def no_batch(rng, dtype):
    return *qkv(rng, dtype, b=0), {}


@case
def no_tokens(rng, dtype):
    return *qkv(rng, dtype, t=0), dict(past_state=state(rng, 2, 2, 6, 5))


@case
def scale(rng, dtype):
    return *qkv(rng, dtype), dict(scale=-0.21)


@case
def constant_decay(rng, dtype):
    return *qkv(rng, dtype), dict(update_rule="gated", decay=[-0.5, -0.125])


@case
def decay_per_head(rng, dtype):
    return *qkv(rng, dtype), dict(update_rule="gated", decay=logs(rng, 2, 7, 2))


@case
def decay_per_channel(rng, dtype):
    return *qkv(rng, dtype), dict(update_rule="gated", decay=logs(rng, 2, 7, 2, 6, dtype=dtype))


@case
def decay_that_grows(rng, dtype):
    return *qkv(rng, dtype), dict(update_rule="gated", decay=-logs(rng, 2, 7, 2))


@case
def decay_that_forgets(rng, dtype):
    decay = logs(rng, 2, 7, 2, 6)
    decay[0, 2], decay[0, 5, 1, 2:], decay[1, 1:4, 0] = -1e4, -np.inf, 0
    return *qkv(rng, dtype), dict(update_rule="gated", decay=decay)


@case
def strided_decay(rng, dtype):
    decay = logs(rng, 6, 2, 7, 2).transpose(3, 2, 1, 0)[:, ::-1]
    return *qkv(rng, dtype), dict(update_rule="gated", decay=decay)


@case
def delta(rng, dtype):
    return *qkv(rng, dtype), dict(beta=2 * rates(rng, 2, 7, 2), **DELTA)


@case
def delta_without_beta(rng, dtype):
    return *qkv(rng, dtype), dict(past_state=state(rng, 2, 2, 6, 5), **DELTA)


@case
def beta_per_channel(rng, dtype):
    return *qkv(rng, dtype), dict(beta=rates(rng, 2, 7, 2, 5, dtype=dtype), **DELTA)


@case
def beta_for_all_heads(rng, dtype):
    return *qkv(rng, dtype), dict(beta=np.broadcast_to(rates(rng, 2, 7, 1), (2, 7, 2)), **DELTA)


@case
def gated_delta(rng, dtype):
    options = dict(decay=logs(rng, 2, 7, 2, dtype=dtype), beta=rates(rng, 2, 7, 2, dtype=dtype))
    return *qkv(rng, dtype), dict(**options, **GATED_DELTA)


@case
def gated_delta_per_channel(rng, dtype):
    options = dict(decay=logs(rng, 2, 7, 2, 6), beta=rates(rng, 2, 7, 2))
    return *qkv(rng, dtype), dict(past_state=state(rng, 2, 2, 6, 5), **options, **GATED_DELTA)


@case
def erase(rng, dtype):
    options = dict(erase=normal(rng, 2, 7, 2, 6) / 3, beta=rates(rng, 2, 7, 2))
    return *qkv(rng, dtype), dict(decay=logs(rng, 2, 7, 2), **options, **GATED_DELTA)


@case
def erase_without_decay(rng, dtype):
    return *qkv(rng, dtype), dict(erase=normal(rng, 2, 7, 2, 6, dtype=dtype) / dtype.type(3), **DELTA)


@case
def dplr(rng, dtype):
    a, b = (normal(rng, 2, 7, 2, 6, dtype=dtype) / dtype.type(3) for _ in "ab")
    return *qkv(rng, dtype), dict(update_rule="dplr", a=a, b=b, past_state=state(rng, 2, 2, 6, 5))


@case
def dplr_with_decay(rng, dtype):
    a, b = (normal(rng, 2, 7, 2, 6) / 3 for _ in "ab")
    return *qkv(rng, dtype), dict(update_rule="dplr", a=a, b=b, decay=logs(rng, 2, 7, 2, 6))


@case
def bonus(rng, dtype):
    return *qkv(rng, dtype), dict(bonus=normal(rng, 2, 6))


@case
def bonus_gated(rng, dtype):
    options = dict(update_rule="gated", decay=logs(rng, 2, 7, 2, 6), bonus=normal(rng, 2, 6))
    return *qkv(rng, dtype), dict(past_state=state(rng, 2, 2, 6, 5), **options)


def feature_map(name):
    return lambda rng, dtype: (*qkv(rng, dtype), dict(feature_map=name))


for feature in ("elu1", "relu", "relu2", "exp", "softmax", "silu", "l2norm"):
    CASES[f"feature_{feature}"] = feature_map(feature)


@case
def normalize_sum(rng, dtype):
    return *qkv(rng, dtype), dict(feature_map="elu1", normalize="sum", eps=0.25)


@case
def normalize_nothing(rng, dtype):
    q, k, v = qkv(rng, dtype)
    k[:, :3] = 0
    return q, k, v, dict(feature_map="relu", normalize="sum")


@case
def normalize_abs_max(rng, dtype):
    options = dict(update_rule="gated", decay=[-0.5, -0.25], normalize="abs_max", floor=1.5)
    return *qkv(rng, dtype), options


@case
def normalize_abs_max_without_floor(rng, dtype):
    options = dict(feature_map="softmax", normalize="abs_max", scale=0.125)
    return *qkv(rng, dtype), options


@case
def normalize_with_bonus_and_past(rng, dtype):
    past = np.abs(state(rng, 2, 2, 6, 5)), np.abs(state(rng, 2, 2, 6))
    options = dict(normalize="sum", feature_map="exp", bonus=rates(rng, 2, 6), past_state=past)
    return *qkv(rng, dtype), options


@case
def input_gate(rng, dtype):
    options = dict(decay=logs(rng, 2, 7, 2), input_gate=2 * normal(rng, 2, 7, 2))
    return *qkv(rng, dtype), dict(update_rule="gated", normalize="abs_max", **options)


@case
def input_gate_far_from_zero(rng, dtype):
    gate = 3 * normal(rng, 2, 7, 2, dtype=dtype)
    gate[0], gate[1, 3] = gate[0] + 100, -100
    options = dict(decay=[-0.25, -2.0], input_gate=gate, feature_map="elu1", eps=0.125)
    return *qkv(rng, dtype), dict(update_rule="gated", normalize="abs_max", floor=0.5, **options)


@case
def input_gate_and_past(rng, dtype):
    past = state(rng, 2, 2, 6, 5), state(rng, 2, 2, 6), normal(rng, 2, 2)
    options = dict(decay=logs(rng, 2, 7, 2), input_gate=normal(rng, 2, 7, 2), past_state=past)
    return *qkv(rng, dtype), dict(update_rule="gated", normalize="abs_max", **options)


@case
def not_causal(rng, dtype):
    options = dict(causal=False, feature_map="softmax", normalize="sum")
    return *qkv(rng, dtype), options


@case
def not_causal_gated(rng, dtype):
    return *qkv(rng, dtype), dict(causal=False, update_rule="gated", decay=logs(rng, 2, 7, 2))


@case
def reverse(rng, dtype):
    options = dict(decay=logs(rng, 2, 7, 2, 6), beta=rates(rng, 2, 7, 2), reverse=True)
    return *qkv(rng, dtype), dict(past_state=state(rng, 2, 2, 6, 5), **options, **GATED_DELTA)


@case
def bidirectional(rng, dtype):
    return *qkv(rng, dtype), dict(bidirectional=True)


@case
def bidirectional_decays(rng, dtype):
    options = dict(decay=logs(rng, 2, 7, 2), decay_reverse=logs(rng, 2, 7, 2))
    normalize = dict(feature_map="elu1", normalize="sum")
    return *qkv(rng, dtype), dict(update_rule="gated", bidirectional=True, **options, **normalize)


@case
def shared_key_heads(rng, dtype):
    return *qkv(rng, dtype, hq=6, hk=2, hs=6), {}


@case
def shared_query_and_key_heads(rng, dtype):
    q, k, v = qkv(rng, dtype, hq=2, hk=3, hs=6)
    return q, k, v, dict(update_rule="gated", decay=logs(rng, 2, 7, 6))


@case
def shared_states(rng, dtype):
    q, k, v = qkv(rng, dtype, hq=6, hk=1, hs=2)
    return q, k, v, dict(beta=rates(rng, 2, 7, 2), **DELTA)


@case
def tiled_heads(rng, dtype):
    q, k, v = qkv(rng, dtype, hq=2, hk=3, hs=6)
    options = dict(beta=rates(rng, 2, 7, 6), head_sharing="tiled")
    return q, k, v, dict(past_state=state(rng, 2, 6, 6, 5), **options, **DELTA)


@case
def tiled_states(rng, dtype):
    return *qkv(rng, dtype, hq=6, hk=2, hs=2), dict(head_sharing="tiled")


@case
def past_in_f16(rng, dtype):
    return *qkv(rng, dtype), dict(past_state=state(rng, 2, 2, 6, 5, dtype=F16))


@case
def past_of_strides(rng, dtype):
    past = state(rng, 5, 6, 2, 3, dtype=BF16).transpose(3, 2, 1, 0)[::2]
    return *qkv(rng, dtype), dict(past_state=past, chunk_size=3)


@case
def packed(rng, dtype):
    q, k, v = qkv(rng, dtype, b=1, t=12)
    options = dict(cu_seqlens=[0, 5, 5, 6, 12], decay=logs(rng, 1, 12, 2), max_seqlen=6)
    return q, k, v, dict(past_state=state(rng, 4, 2, 6, 5), **options, **GATED_DELTA)


@case
def packed_and_normalized(rng, dtype):
    q, k, v = qkv(rng, dtype, b=1, t=9)
    ends = np.array([0, 2, 9], np.int32)
    return q, k, v, dict(cu_seqlens=ends, normalize="sum", feature_map="exp", reverse=True)


@case
def pool(rng, dtype):
    q, k, v = qkv(rng, dtype, b=4)
    pool = state(rng, 6, 2, 6, 5)
    pool[[0, 2, 5]] = np.nan
    return q, k, v, dict(past_state=pool, state_indices=[4, -1, 1, 3])


@case
def pool_and_packed(rng, dtype):
    q, k, v = qkv(rng, dtype, b=1, t=8)
    past = np.abs(state(rng, 3, 2, 6, 5)), np.abs(state(rng, 3, 2, 6))
    options = dict(cu_seqlens=[0, 3, 4, 8], state_indices=np.array([2, -1, 0], np.int32))
    return q, k, v, dict(past_state=past, normalize="sum", feature_map="elu1", **options)


def draw(rng, dtype):
    """Shapes and options at random, all that go together."""
    b, t = rng.integers(1, 4), rng.integers(0, 30)
    hk, group = rng.integers(1, 3), rng.integers(1, 4)
    d, dv, hs = rng.integers(1, 24), rng.integers(1, 24), hk * group
    q, k, v = qkv(rng, dtype, b, t, rng.choice([1, hk, hs, 2 * hs]), hk, hs, d, dv)
    rule = str(rng.choice(["linear", "gated", "delta", "gated_delta", "dplr"]))
    options = dict(update_rule=rule, feature_map="l2norm")
    wide = [(b, t, hs), (b, t, hs, d)][rng.integers(2)]
    if rule.startswith("gated") or rule == "dplr" and rng.random() < 0.5:
        options["decay"] = logs(rng, *wide)
    if rule.endswith("delta"):
        options["beta"] = rates(rng, b, t, hs)
    if rule == "dplr":
        options["a"], options["b"] = (normal(rng, b, t, hs, d) / F32.type(2 * d**0.5) for _ in "ab")
    candidates = dict(
        head_sharing="tiled",
        reverse=True,
        scale=0.5,
        chunk_size=int(rng.integers(1, 9)),
        past_state=state(rng, b, hs, d, dv),
    )
    if rule in ("linear", "gated"):
        candidates.update(causal=False)
    return q, k, v, options | {
        name: value for name, value in candidates.items() if rng.random() < 0.3
    }


for number in range(12):
    CASES[f"random_{number}"] = draw


def stateful(rng, dtype, form, sequences=2):
    """q, k, v, options and past of each form a state has: S, (S, z), (S, z, m)."""
    q, k, v = qkv(rng, dtype, b=sequences)
    past = state(rng, sequences, 2, 6, 5), np.abs(state(rng, sequences, 2, 6))
    options = dict(update_rule="gated", decay=logs(rng, sequences, 7, 2), feature_map="elu1")
    if form == "S":
        return q, k, v, options, past[0]
    if form == "S, z":
        return q, k, v, dict(options, normalize="sum"), past
    options.update(normalize="abs_max", input_gate=normal(rng, sequences, 7, 2))
    return q, k, v, options, (*past, normal(rng, sequences, 2))
