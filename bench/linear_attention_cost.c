/* SPDX-License-Identifier: Apache-2.0 */
/* The least a linear_attention call must do, counted by its definition: chunks, which add
 * operations to save memory traffic, are not counted. */
#include "bench/linear_attention.h"

/* Multiply-adds per element of a state and token, without reading it with q: k v^T; what the state
 * has for k (delta); b and a (dplr). A decay multiplies what is at hand: it is not counted, be it
 * one per head or per channel. */
static double changes_of(const linear_attention_shape *s) {
  if (s->rule == SEQMIX_UPDATE_DPLR) return 3;
  return linear_attention_is_delta(s) ? 2 : 1;
}

bench_cost linear_attention_cost(const linear_attention_shape *s, int32_t dtype) {
  double tokens = (double)s->b * (double)s->t, out_heads = (double)linear_attention_out_heads(s);
  bench_cost cost = {.flops = 2 * tokens * ((double)s->h * changes_of(s) + out_heads) *
                              (double)(s->d * s->dv)};
  for (int part = 0; part < LINEAR_PARTS; part++) {
    linear_attention_layout layout = linear_attention_layout_of(s, dtype, part);
    double bytes = (double)linear_attention_bytes(&layout);
    if (part == LINEAR_STATE && s->states == STATES_UPDATE) {
      cost.bytes += 2 * bytes;
      if (linear_attention_is_decode(s)) {
        cost.traffic = TRAFFIC_UPDATE;
        cost.updated = bytes;
      }
    } else if (part != LINEAR_STARTS) {
      cost.bytes += bytes;
    }
  }
  return cost;
}
