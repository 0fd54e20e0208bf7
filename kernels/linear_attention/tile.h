/* SPDX-License-Identifier: Apache-2.0 */
/* Products of small matrices, a tile of TILE rows by a lane of columns at a time, whose sums are to
 * stay in registers. */
#include "shared/lane.h"

#define TILE 4

typedef struct tile_sums {
  lane at[TILE];
} tile_sums;

DEVICE tile_sums no_sums(void) {
  tile_sums sums;
  UNROLL for (int32_t i = 0; i < TILE; i++) sums.at[i] = lane_of(0.0f);
  return sums;
}

/* sums_i += sum over k < depth of a[i * a_row + k * a_step] * b[k * b_step ..]; the two differ in
 * where b lies. */
#define DEFINE_ADD_PRODUCT(name, SPACE)                                                          \
  DEVICE INLINE void name(tile_sums *sums, const GLOBAL float *a, int64_t a_row, int64_t a_step, \
                          const SPACE float *b, int64_t b_step, int64_t depth) {                 \
    for (int64_t k = 0; k < depth; k++) {                                                        \
      lane x = lane_from_array(b + k * b_step);                                                  \
      UNROLL for (int32_t i = 0; i < TILE; i++) sums->at[i] =                                    \
          lane_multiply_add(lane_of(a[i * a_row + k * a_step]), x, sums->at[i]);                 \
    }                                                                                            \
  }
DEFINE_ADD_PRODUCT(add_product, GLOBAL)
DEFINE_ADD_PRODUCT(add_product_local, LOCAL)

/* The same for a triangle that begins at the tile's first row, and for the rows above it: row i of
 * the tile at t sees numbers 0 to t + i, and none of a later one touches it. */
#define DEFINE_ADD_TRIANGLE(name, SPACE, add)                                     \
  DEVICE INLINE void name(tile_sums *sums, const GLOBAL float *a, int64_t a_row,  \
                          const SPACE float *b, int64_t b_step, int64_t t) {      \
    add(sums, a + t * a_row, a_row, 1, b, b_step, t);                             \
    UNROLL for (int32_t k = 0; k < TILE; k++) {                                   \
      lane x = lane_from_array(b + (t + k) * b_step);                             \
      UNROLL for (int32_t i = k; i < TILE; i++) sums->at[i] =                     \
          lane_multiply_add(lane_of(a[(t + i) * a_row + t + k]), x, sums->at[i]); \
    }                                                                             \
  }
DEFINE_ADD_TRIANGLE(add_triangle, GLOBAL, add_product)
DEFINE_ADD_TRIANGLE(add_triangle_local, LOCAL, add_product_local)
