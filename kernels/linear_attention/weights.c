/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention in chunks, first half: all of a chunk that needs neither values nor the state. A
 * group takes one, so chunks are independent.
 *
 * With S_0 before the chunk and P(s, t) the product of the decays after s up to t, a reader r of
 * token t sees
 *
 *     S_0^T (P(0, t) r_t)  +  sum_{s <= t} (r_t . P(s, t) k_s) y_s.
 *
 * Left behind are rows times P(0, t) or P(s, end), the triangle of weights (r_t . P(s, t) k_s) of
 * each query, and what solves for y where there is an eraser, with weights A:
 *
 *     delta   y = v + E S_0 + A y           = T v + (T E) S_0,     T = (1 - A)^-1
 *     dplr    y = E S_0 + A_k v + A_b y     = (T A_k) v + (T E) S_0
 *
 * Constants: LANES, ITEMS, CHUNK. */
#include "linear_attention/channels.h"
#include "linear_attention/heads.h"

DEVICE void make_alphas(const weigher *w) {
  const linear_call *c = w->c;
  const GLOBAL float *decays = w->k.slot + c->decays_at;
  int64_t count = w->rows * (c->decay_kind == DECAY_CHANNEL ? c->dims : 1);
  for (int64_t i = item_number() * LANES; i < count; i += ITEMS * LANES)
    lane_to_array(w->alphas + i, within_f32(lane_exp(lane_from_array(decays + i))));
}

/* ---- the diagonal ---------------------------------------------------------------------------- */

/* What a query reads of its own token's k v^T with a bonus: as much as that says. With an input
 * gate it has read the past at another m. */
DEVICE void set_bonus(const weigher *w, int64_t query, int64_t t) {
  GLOBAL float *row = query_rows(&w->k, query) + t * w->c->dims;
  GLOBAL float *weights = weights_of(w, query, 0) + t * CHUNK;
  weights[t] =
      dot_with_bonus(&w->k, &w->a->bonus, w->bonus, row, writer_rows(&w->k, 0) + t * w->c->dims);
  if (!w->c->is_gated) return;
  float gain = gate_number(&w->k, t, GATE_PAST_GAIN);
  weights[t] *= gate_number(&w->k, t, GATE_OWN_GAIN);
  for (int64_t s = 0; s < t; s++) weights[s] *= gain;
  for (int64_t d = 0; d < w->c->dims; d += LANES)
    lane_to_array(row + d, lane_from_array(row + d) * lane_of(gain));
}

DEVICE void set_bonuses(const weigher *w) {
  if (!w->c->reads || !w->c->is_early) return;
  FOR_ITEMS(i, w->c->queries * w->k.count) { set_bonus(w, i / w->k.count, i % w->k.count); }
}

DEVICE void clear_diagonals(const weigher *w) {
  if (!w->c->reads || !w->a->leaves_diagonal_out) return;
  FOR_ITEMS(i, w->c->queries * w->rows) {
    weights_of(w, i / w->rows, 0)[i % w->rows * (CHUNK + 1)] = 0.0f;
  }
}

/* ---- the eraser ------------------------------------------------------------------------------ */

/* (1 - A)^-1, column by column: row t is that of 1, and the rows before it times those of A. An
 * item has a lane of columns. */
DEVICE void invert(const weigher *w) {
  const GLOBAL float *a = w->erased + (w->c->writers - 1) * (CHUNK * CHUNK);
  FOR_ITEMS(i, CHUNK / LANES) {
    int64_t s = i * LANES;
    GLOBAL float *column = w->inverse + s;
    for (int64_t t = 0; t < w->rows; t++) {
      lane sum = with_number(lane_of(0.0f), t - s, 1.0f);
      for (int64_t j = s; j < t; j++)
        sum =
            lane_multiply_add(lane_of(a[t * CHUNK + j]), lane_from_array(column + j * CHUNK), sum);
      lane_to_array(column + t * CHUNK, sum);
    }
  }
}

/* dplr's eraser does not see its own token, nor later ones. */
DEVICE void clear_unseen(const weigher *w) {
  FOR_ITEMS(t, w->rows) {
    for (int64_t s = t; s < CHUNK; s++) w->erased[t * CHUNK + s] = 0.0f;
  }
}

/* T A_k. */
DEVICE void solve_for_values(const weigher *w) {
  int64_t across = CHUNK / LANES;
  FOR_ITEMS(i, w->rows / TILE * across) {
    int64_t t = i / across * TILE, s = i % across * LANES;
    tile_sums sums = no_sums();
    add_triangle(&sums, w->inverse, CHUNK, w->erased + s, CHUNK, t);
    UNROLL for (int32_t j = 0; j < TILE; j++)
        lane_to_array(w->k.slot + w->c->solve_at + (t + j) * CHUNK + s, sums.at[j]);
  }
}

/* T E in the place of E: an item has a lane of columns, and takes the last tokens first. */
DEVICE void solve_for_state(const weigher *w) {
  int64_t dims = w->c->dims;
  FOR_ITEMS(i, dims / LANES) {
    GLOBAL float *column = w->k.slot + w->c->eraser_at + i * LANES;
    for (int64_t t = w->rows - TILE; t >= 0; t -= TILE) {
      tile_sums sums = no_sums();
      add_triangle(&sums, w->inverse, CHUNK, column, dims, t);
      UNROLL for (int32_t j = 0; j < TILE; j++) lane_to_array(column + (t + j) * dims, sums.at[j]);
    }
  }
}

/* ---- the state ------------------------------------------------------------------------------- */

/* The decay of the state over the chunk: see exp_in_two(). */
DEVICE void split_decays(const weigher *w) {
  const linear_call *c = w->c;
  const GLOBAL float *decays = w->k.slot + c->decays_at;
  GLOBAL float *keep = w->k.slot + c->keep_at;
  FOR_ITEMS(i, c->dims / LANES) {
    int64_t d = i * LANES;
    lane sum = lane_of(0.0f), whole;
    for (int64_t t = 0; t < w->k.count && c->decay_kind != DECAY_NONE; t++)
      sum += c->decay_kind == DECAY_CHANNEL ? lane_from_array(decays + t * c->dims + d)
                                            : lane_of(decays[t]);
    lane_to_array(keep + c->dims + d, within_f32(exp_in_two(sum, &whole)));
    lane_to_array(keep + d, whole);
  }
}

/* ---- the kernel ------------------------------------------------------------------------------ */

/* All items come to all barriers; of a chunk without tokens there are no rows. */
DEVICE void weigh(const weigher *w) {
  const linear_call *c = w->c;
  int by_channel = c->decay_kind == DECAY_CHANNEL;
  make_alphas(w);
  split_decays(w);
  if (by_channel) {
    clear_turned(w);
    set_bonuses(w);
  } else if (w->rows > 0) {
    for (int32_t writer = 0; writer < c->writers; writer++) turn_writer(w, writer);
  }
  group_join();
  if (by_channel) {
    weigh_channels(w);
    decay_writers(w);
  } else {
    make_pairs(w);
    make_products(w);
    group_join();
    weigh_products(w);
    group_join();
    set_bonuses(w);
    group_join();
    if (c->decay_kind == DECAY_HEAD) decay_rows_of_head(w);
  }
  clear_diagonals(w);
}

KERNEL void linear_weights(GLOBAL int32_t *faults, GLOBAL float *work, const GLOBAL uint8_t *bonus,
                           const GLOBAL uint8_t *cu_seqlens, const GLOBAL uint8_t *state_indices,
                           const GLOBAL uint8_t *state_out_indices, linear_weights_arguments of) {
  const linear_call *c = &of.call;
  const sequence_arrays arrays = {cu_seqlens, state_indices, state_out_indices};
  const weigher w = find_weigher(&of, find_chunk(c, arrays, work, faults), bonus);
  weigh(&w);
  int solves = c->has_eraser && !of.solves_by_channel;
  group_join();
  if (solves) invert(&w);
  if (solves && c->writers == 2) clear_unseen(&w);
  group_join();
  if (solves && c->writers == 2) solve_for_values(&w);
  if (solves) solve_for_state(&w);
}
