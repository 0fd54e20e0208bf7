/* SPDX-License-Identifier: Apache-2.0 */
/* attention_merge: from partial results over disjoint sets of keys
 *
 *     M = max(max_n lse_n, sink),   l = sum_n exp(lse_n - M) + exp(sink - M)
 *     out = sum_n exp(lse_n - M) out_n / l,   lse = M + log l
 *
 * An item takes a lane of value dimensions of a row. Constants: LANES, ITEMS. Memory bounds it:
 * each part is read once. */
#include "attention/merge_arguments.h"
#include "shared/lane.h"

typedef struct merge_memory {
  const GLOBAL uint8_t *outs, *lses, *sinks;
  GLOBAL uint8_t *out, *lse;
} merge_memory;

/* Tokens of a head, and the lane of value dimensions that an item takes of it. */
typedef struct merge_item {
  int64_t n, t, h, d;
  int32_t count;
} merge_item;

/* -0 or not, a part without keys; anything else counts, NaN too. */
DEVICE int counts(float lse) { return lse != -INFINITY; }

DEVICE float part_lse(const merge_arguments *a, const merge_memory *m, const merge_item *i,
                      int64_t part) {
  return load_element(m->lses, TYPE_F32,
                      part * a->lses_part + i->n * a->lses.stride[0] + i->h * a->lses.stride[1] +
                          i->t * a->lses.stride[2]);
}

/* M, of which NaN is no part, and l, which NaN and infinities make NaN. */
DEVICE void weigh_parts(const merge_arguments *a, const merge_memory *m, const merge_item *i,
                        float *largest, float *denominator) {
  float sink =
      a->sinks.dtype ? load_element(m->sinks, a->sinks.dtype, i->h * a->sinks.stride) : -INFINITY;
  *largest = sink;
  for (int64_t part = 0; part < a->parts; part++)
    *largest = fmax(*largest, part_lse(a, m, i, part));
  *denominator = counts(sink) ? exp(sink - *largest) : 0.0f;
  for (int64_t part = 0; part < a->parts; part++) {
    float lse = part_lse(a, m, i, part);
    if (counts(lse)) *denominator += exp(lse - *largest);
  }
}

DEVICE lane merge_parts(const merge_arguments *a, const merge_memory *m, const merge_item *i,
                        float largest) {
  lane sum = lane_of(0.0f);
  for (int64_t part = 0; part < a->parts; part++) {
    float lse = part_lse(a, m, i, part);
    int64_t at = part * a->outs_part + i->n * a->outs.stride[0] + i->t * a->outs.stride[1] +
                 i->h * a->outs.stride[2] + i->d;
    if (!counts(lse)) continue;
    lane x = load_lanes(m->outs, a->outs.dtype, at, 1, i->count, 0.0f);
    sum = lane_multiply_add(lane_of(exp(lse - largest)), x, sum);
  }
  return sum;
}

KERNEL void attention_merge(GLOBAL int32_t *faults, const GLOBAL uint8_t *outs,
                            const GLOBAL uint8_t *lses, const GLOBAL uint8_t *sinks,
                            GLOBAL uint8_t *out, GLOBAL uint8_t *lse, merge_arguments a) {
  const merge_memory m = {outs + a.outs.byte_offset, lses + a.lses.byte_offset,
                          sinks + a.sinks.byte_offset, out + a.out.byte_offset,
                          lse + a.lse.byte_offset};
  int64_t columns = (a.value_dim + LANES - 1) / LANES;
  int64_t number = group_number() * ITEMS + item_number();
  merge_item i;
  i.d = number % columns * LANES;
  i.h = number / columns % a.heads;
  i.t = number / columns / a.heads % a.time;
  i.n = number / columns / a.heads / a.time;
  i.count = a.value_dim - i.d < LANES ? (int32_t)(a.value_dim - i.d) : LANES;
  if (i.n >= a.batch) return;
  float largest, denominator;
  weigh_parts(&a, &m, &i, &largest, &denominator);
  lane sum = merge_parts(&a, &m, &i, largest);
  if (denominator != 0.0f) sum = sum / lane_of(denominator);
  store_lanes(m.out, a.out.dtype,
              i.n * a.out.stride[0] + i.t * a.out.stride[1] + i.h * a.out.stride[2] + i.d, 1,
              i.count, sum);
  if (i.d == 0 && a.lse.dtype)
    store_element(m.lse, TYPE_F32,
                  i.n * a.lse.stride[0] + i.h * a.lse.stride[1] + i.t * a.lse.stride[2],
                  denominator == 0.0f ? -INFINITY : largest + log(denominator));
}
