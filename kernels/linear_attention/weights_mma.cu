/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention in chunks on tensor cores, first half: what weights.c does, for delta rules and
 * all that have no eraser. A group takes a chunk. Its rows are read in f32 and left split into two
 * of bf16 (split.h), as chunked_mma.cu reads them: queries times P(0, t), k times P(t, end), and of
 * an eraser T E; weights and T, whose squares right of the diagonal nobody reads, likewise.
 *
 * Products are on tensor cores, split, from f32 in local memory. T = (1 - A)^-1 is solved in f32:
 * squares on the diagonal column by column, the others from these,
 *
 *     T_ij = T_ii (sum of A_im T_mj over j <= m < i).
 *
 * What is not finite reaches no earlier token: weights are single dot products, and where E is not
 * finite, T E is added up number by number. That a chunk has anything of the kind is told to the
 * walk over chunks in the first number of its scratch.
 *
 * Per chunk, a reader's weights are CHUNK^2 DIM / 2 multiply-adds and a diagonal more, T E as many,
 * three times that on tensor cores, and T some CHUNK^3 / 6 in f32; rows are read and written once,
 * 8 CHUNK DIM bytes each. At CHUNK 64, DIM 128 with a query and an eraser that is 0.8 M
 * multiply-adds on tensor cores (2.4 M split) for 200 KB, so that on an H200, 989 TFLOP/s for bf16
 * and 4.8 TB/s by its data sheet, memory bounds it, unless the second-level cache has the rows,
 * and, within a group, the steps that wait for each other: several chunks share a multiprocessor
 * for these. Where decays are per channel, the tiles on the diagonal are 2 SQUARE CHUNK DIM
 * operations in f32 of each reader. Not measured.
 *
 * Constants: LANES=1, HALF=3, ITEMS, DIM, CHUNK, BY_CHANNEL, LOCAL_BYTES. */
#if BY_CHANNEL
#include "linear_attention/channels_mma.h"
#else
#include "linear_attention/heads_mma.h"
#endif

/* ---- T --------------------------------------------------------------------------------------- */

DEVICE LOCAL float *square_at(LOCAL float *matrix, int32_t i, int32_t j) {
  return matrix + i * SQUARE * SQUARE_ROW + j * SQUARE;
}

/* Squares on the diagonal: an item has a column, row t of which is that of 1, and the rows before
 * it times those of A. */
DEVICE void invert_diagonal(const weigher *w) {
  for (int32_t i = warp_number(); i < w->tiles; i += WARPS) {
    const LOCAL float *a = square_at(w->erased, i, i);
    LOCAL float *to = square_at(w->inverse, i, i);
    int32_t s = warp_item();
    float x[SQUARE];
    if (s >= SQUARE) continue;
    UNROLL for (int32_t t = 0; t < SQUARE; t++) {
      x[t] = t == s ? 1.0f : 0.0f;
      UNROLL for (int32_t j = 0; j < t; j++) x[t] =
          j >= s ? fmaf(a[t * SQUARE_ROW + j], x[j], x[t]) : x[t];
      to[t * SQUARE_ROW + s] = x[t];
    }
  }
}

/* sum of row t of `count` numbers and a column. */
DEVICE INLINE float sum_of_products(const LOCAL float *row, const LOCAL float *column,
                                    int32_t count) {
  float sum = 0.0f;
  for (int32_t i = 0; i < count; i++) sum = fmaf(row[i], column[i * SQUARE_ROW], sum);
  return sum;
}

/* Squares `apart` from the diagonal. The sum in the formula waits in A's square across the
 * diagonal, which holds nothing. */
DEVICE void invert_squares(const weigher *w, int32_t apart) {
  int32_t count = (w->tiles - apart) * SQUARE * SQUARE;
  FOR_ITEMS(n, count) {
    int32_t j = (int32_t)n / (SQUARE * SQUARE), i = j + apart, t = n / SQUARE % SQUARE,
            s = n % SQUARE;
    square_at(w->erased, j, i)[t * SQUARE_ROW + s] =
        sum_of_products(square_at(w->erased, i, j) + t * SQUARE_ROW,
                        square_at(w->inverse, j, j) + s, apart * SQUARE);
  }
  group_barrier();
  FOR_ITEMS(n, count) {
    int32_t j = (int32_t)n / (SQUARE * SQUARE), i = j + apart, t = n / SQUARE % SQUARE,
            s = n % SQUARE;
    square_at(w->inverse, i, j)[t * SQUARE_ROW + s] = sum_of_products(
        square_at(w->inverse, i, i) + t * SQUARE_ROW, square_at(w->erased, j, i) + s, t + 1);
  }
  group_barrier();
}

DEVICE void store_inverse(weigher *w) {
  GLOBAL float *to = w->k.slot + w->c->solve_at;
  for (int32_t i = (int32_t)item_number() * 2; i < w->tiles * SQUARE * CHUNK; i += ITEMS * 2) {
    int32_t t = i / CHUNK, s = i % CHUNK;
    if (s / SQUARE > t / SQUARE) continue;
    const LOCAL float *from = w->inverse + t * SQUARE_ROW + s;
    w->probe = probed(probed(w->probe, from[0]), from[1]);
    store_split_pair((GLOBAL uint16_t *)(to + t * CHUNK), CHUNK, s, from[0], from[1]);
  }
}

/* ---- T E ------------------------------------------------------------------------------------- */

DEVICE void solve_square(weigher *w, int32_t t, int32_t d) {
  float sums[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
  for (int32_t s = 0; s <= t; s += SQUARE) {
    const split_square a = split_a_rows(w->inverse + t * SQUARE_ROW + s, SQUARE_ROW);
    uint32_t high[4], low[4];
    split_b_rows(w->keys + s * ROW + d, ROW, high, low);
    multiply_split(sums[0], &a, high, low);
    multiply_split(sums[1], &a, high + 2, low + 2);
  }
  UNROLL for (int32_t i = 0; i < 8; i += 2) {
    int32_t row = t + fragment_row() + i / 2 % 2 * 8, column = d + fragment_column() + i / 4 * 8;
    float x = sums[i / 4][i % 4], y = sums[i / 4][i % 4 + 1];
    w->probe = probed(probed(w->probe, x), y);
    store_split_pair((GLOBAL uint16_t *)(w->k.slot + w->c->eraser_at + row * DIM), DIM, column, x,
                     y);
  }
}

DEVICE void solve_exactly(const weigher *w) {
  for (int32_t i = (int32_t)item_number() * 2; i < w->tiles * SQUARE * DIM; i += ITEMS * 2) {
    int32_t t = i / DIM, d = i % DIM;
    const LOCAL float *row = w->inverse + t * SQUARE_ROW;
    float sums[2] = {0.0f, 0.0f};
    for (int32_t s = 0; s <= t; s++)
      UNROLL for (int32_t j = 0; j < 2; j++) sums[j] =
          fmaf(row[s], w->keys[s * ROW + d + j], sums[j]);
    store_split_pair((GLOBAL uint16_t *)(w->k.slot + w->c->eraser_at + t * DIM), DIM, d, sums[0],
                     sums[1]);
  }
}

DEVICE void solve(weigher *w) {
  invert_diagonal(w);
  load_eraser(w);
  group_barrier();
  for (int32_t apart = 1; apart < w->tiles; apart++) invert_squares(w, apart);
  store_inverse(w);
  if (__syncthreads_or(w->probe != 0.0f)) {
    solve_exactly(w);
    return;
  }
  for (int32_t i = warp_number(); i < w->tiles * (DIM / SQUARE); i += WARPS)
    solve_square(w, i / (DIM / SQUARE) * SQUARE, i % (DIM / SQUARE) * SQUARE);
}

KERNEL void linear_weights(GLOBAL int32_t *faults, GLOBAL float *work, const GLOBAL uint8_t *bonus,
                           const GLOBAL uint8_t *cu_seqlens, const GLOBAL uint8_t *state_indices,
                           const GLOBAL uint8_t *state_out_indices, linear_weights_arguments of) {
  LOCAL_BLOCK(block, CHUNK * ROW + 2 * CHUNK * SQUARE_ROW + FACTOR_FLOATS);
  const linear_call *c = &of.call;
  const sequence_arrays arrays = {cu_seqlens, state_indices, state_out_indices};
  weigher w = {&of, c, find_chunk(c, arrays, work, faults)};
  w.tiles = (int32_t)((w.k.count + SQUARE - 1) / SQUARE);
  w.keys = block;
  w.erased = w.keys + CHUNK * ROW;
  w.inverse = w.erased + CHUNK * SQUARE_ROW;
  w.factors = w.inverse + CHUNK * SQUARE_ROW;
  if (w.tiles == 0) return;
  weigh_chunk(&w);
  group_barrier();
  if (c->has_eraser) solve(&w);
  int is_spoilt = __syncthreads_or(w.probe != 0.0f);
  if (item_number() == 0) w.k.slot[c->scratch_at] = is_spoilt ? 1.0f : 0.0f;
}
