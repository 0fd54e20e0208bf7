/* SPDX-License-Identifier: Apache-2.0 */
/* Products with positive decays. They grow what there is, and what there is may be 0: that must
 * stay 0, and an infinite product would make it NaN. So products end at the largest number; where
 * numbers other than 0 grow as far, f32 ends anyway. */
#ifndef SEQMIX_CPU_LINEAR_ATTENTION_GROWTH_H
#define SEQMIX_CPU_LINEAR_ATTENTION_GROWTH_H

#include <float.h>

#include "cpu/simd/vector.h"

/** A product of decays. NaN stays. */
SEQMIX_INLINE vec within_f32(vec x) { return vec_min(vec_of(FLT_MAX), x); }

/** A reader's numbers times that. Those that were not finite become NaN. */
SEQMIX_INLINE vec grown(vec x, vec factor) {
  vec y = vec_max(vec_of(-FLT_MAX), vec_min(vec_of(FLT_MAX), factor * x));
  return y + x * 0.0f;
}

#endif
