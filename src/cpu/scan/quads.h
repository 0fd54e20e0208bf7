/* SPDX-License-Identifier: Apache-2.0 */
/* Four vectors of contiguous numbers as LANES stretches of four: vector i then holds number i of
 * each stretch, and lanes follow one another in time. Scans along four numbers take a vector at a
 * time so, and only one vector in four is scanned lane by lane. */
#ifndef SEQMIX_CPU_SCAN_QUADS_H
#define SEQMIX_CPU_SCAN_QUADS_H

#include "cpu/simd/vector.h"

/* Vectors that are turned, and numbers of a stretch. */
enum { QUAD = 4 };

/* In each part of four lanes: lanes a, b, c, d, which are x's below 4, and else y's. */
#define LANE(lanes, part, a) ((a) < QUAD ? (part) + (a) : (lanes) + (part) + (a)-QUAD)
#define LANE_4(lanes, part, a, b, c, d) \
  LANE(lanes, part, a), LANE(lanes, part, b), LANE(lanes, part, c), LANE(lanes, part, d)
#if SEQMIX_VECTOR_BYTES == 64
#define IN_PARTS(x, y, a, b, c, d)                                                    \
  __builtin_shufflevector(x, y, LANE_4(16, 0, a, b, c, d), LANE_4(16, 4, a, b, c, d), \
                          LANE_4(16, 8, a, b, c, d), LANE_4(16, 12, a, b, c, d))
#elif SEQMIX_VECTOR_BYTES == 32
#define IN_PARTS(x, y, a, b, c, d) \
  __builtin_shufflevector(x, y, LANE_4(8, 0, a, b, c, d), LANE_4(8, 4, a, b, c, d))
#else
#define IN_PARTS(x, y, a, b, c, d) __builtin_shufflevector(x, y, LANE_4(4, 0, a, b, c, d))
#endif

/* Squares of four by four, one in each part. */
SEQMIX_INLINE void turn_parts(vec x[QUAD]) {
  vec low = IN_PARTS(x[0], x[1], 0, 4, 1, 5), high = IN_PARTS(x[0], x[1], 2, 6, 3, 7);
  vec low2 = IN_PARTS(x[2], x[3], 0, 4, 1, 5), high2 = IN_PARTS(x[2], x[3], 2, 6, 3, 7);
  x[0] = IN_PARTS(low, low2, 0, 1, 4, 5);
  x[1] = IN_PARTS(low, low2, 2, 3, 6, 7);
  x[2] = IN_PARTS(high, high2, 0, 1, 4, 5);
  x[3] = IN_PARTS(high, high2, 2, 3, 6, 7);
}
#undef IN_PARTS
#undef LANE_4
#undef LANE

/* Part `p` of two vectors, one after the other. */
#define PART(p) 4 * (p), 4 * (p) + 1, 4 * (p) + 2, 4 * (p) + 3

/* Vector i takes each fourth part, from part i on. */
SEQMIX_INLINE void deal_parts(vec x[QUAD]) {
#if SEQMIX_VECTOR_BYTES == 64
  vec a = __builtin_shufflevector(x[0], x[1], PART(0), PART(1), PART(4), PART(5));
  vec b = __builtin_shufflevector(x[0], x[1], PART(2), PART(3), PART(6), PART(7));
  vec c = __builtin_shufflevector(x[2], x[3], PART(0), PART(1), PART(4), PART(5));
  vec d = __builtin_shufflevector(x[2], x[3], PART(2), PART(3), PART(6), PART(7));
  x[0] = __builtin_shufflevector(a, c, PART(0), PART(2), PART(4), PART(6));
  x[1] = __builtin_shufflevector(a, c, PART(1), PART(3), PART(5), PART(7));
  x[2] = __builtin_shufflevector(b, d, PART(0), PART(2), PART(4), PART(6));
  x[3] = __builtin_shufflevector(b, d, PART(1), PART(3), PART(5), PART(7));
#elif SEQMIX_VECTOR_BYTES == 32
  vec a = x[0], b = x[1], c = x[2], d = x[3];
  x[0] = __builtin_shufflevector(a, c, PART(0), PART(2));
  x[1] = __builtin_shufflevector(a, c, PART(1), PART(3));
  x[2] = __builtin_shufflevector(b, d, PART(0), PART(2));
  x[3] = __builtin_shufflevector(b, d, PART(1), PART(3));
#else
  (void)x;
#endif
}

/* And back. */
SEQMIX_INLINE void collect_parts(vec x[QUAD]) {
#if SEQMIX_VECTOR_BYTES == 32
  vec a = x[0], b = x[1], c = x[2], d = x[3];
  x[0] = __builtin_shufflevector(a, b, PART(0), PART(2));
  x[1] = __builtin_shufflevector(c, d, PART(0), PART(2));
  x[2] = __builtin_shufflevector(a, b, PART(1), PART(3));
  x[3] = __builtin_shufflevector(c, d, PART(1), PART(3));
#else
  deal_parts(x);
#endif
}
#undef PART

/** Numbers i * LANES + lane of four vectors become numbers i of stretches `lane`. */
SEQMIX_INLINE void quads_split(vec x[QUAD]) {
  deal_parts(x);
  turn_parts(x);
}

/** Stretches become contiguous again. */
SEQMIX_INLINE void quads_join(vec x[QUAD]) {
  turn_parts(x);
  collect_parts(x);
}

#endif
