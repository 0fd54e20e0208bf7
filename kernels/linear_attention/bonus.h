/* SPDX-License-Identifier: Apache-2.0 */
/* What a query reads of its own token. */
#include "linear_attention/stream.h"

/* q . (bonus k), the bonus being 1 if there is none. */
DEVICE float dot_with_bonus(const chunk_place *k, const linear_tensor *bonus,
                            const GLOBAL uint8_t *data, const GLOBAL float *q,
                            const GLOBAL float *writer) {
  const linear_call *c = k->c;
  lane sum = lane_of(0.0f);
  for (int64_t d = 0; d < c->dims; d += LANES) {
    lane x = lane_from_array(writer + d);
    int64_t left = c->head_dim - d;
    if (bonus->dtype && left > 0)
      x *= load_lanes(data, bonus->dtype,
                      state_at(bonus, 0, 0) + k->s.head * bonus->stride[0] + d * bonus->stride[1],
                      bonus->stride[1], left < LANES ? (int32_t)left : LANES, 0.0f);
    sum = lane_multiply_add(lane_from_array(q + d), x, sum);
  }
  return lane_sum(sum);
}
