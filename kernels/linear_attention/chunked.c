/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention in chunks, second half: a group takes some columns of a state through the chunks
 * of a window, by products of small matrices (weights.c says which). The state is in workspace, a
 * panel of PANEL columns after the other; an item computes tiles of TILE rows by a lane.
 *
 * Per chunk and column it is some 3 CHUNK D multiplications for as many as 3 D numbers of the state
 * moved. Constants: LANES, ITEMS, COLUMN_ITEMS, CHUNK. */
#include "linear_attention/state.h"
#include "linear_attention/tile.h"

#define PANEL (COLUMN_ITEMS * LANES)

typedef struct panel_walk {
  const walk_memory *m;
  const linear_call *c;
  const stream *s;
  int64_t panel;
  GLOBAL float *state;          /* [dims, PANEL] */
  LOCAL float *values, *solved; /* [CHUNK, PANEL]: v, and y where there is an eraser */
  const GLOBAL float *slot;     /* of the chunk under way */
  int64_t first, count, rows;   /* its tokens; the last filled up to whole tiles */
} panel_walk;

/* Tiles of an item: with COLUMN_ITEMS lanes beside each other, `tiles` one below the other. */
#define FOR_TILES(i, tiles) FOR_ITEMS(i, (tiles)*COLUMN_ITEMS)
DEVICE int64_t tile_row_of(int64_t i) { return i / COLUMN_ITEMS * TILE; }
DEVICE int64_t tile_lane_of(int64_t i) { return i % COLUMN_ITEMS * LANES; }

/* Columns of the state, of lanes `lane_at` on of the panel. */
DEVICE int64_t column_of(const panel_walk *p, int64_t lane_at) {
  return p->panel * PANEL + lane_at;
}

/* ---- the state ------------------------------------------------------------------------------- */

DEVICE void load_state(const panel_walk *p) {
  if (!is_at_start(p->c)) return;
  const state_place from = place_of_past(p->m, p->s);
  FOR_ITEMS(i, p->c->dims * COLUMN_ITEMS) {
    int64_t d = i / COLUMN_ITEMS, at = tile_lane_of(i);
    lane_to_array(p->state + d * PANEL + at, load_past(p->m, &from, d, column_of(p, at)));
  }
}

DEVICE void store_state(const panel_walk *p) {
  if (!is_present_wanted(p->m, p->s)) return;
  const state_place to = place_of_present(p->m, p->s);
  FOR_ITEMS(i, p->c->head_dim * COLUMN_ITEMS) {
    int64_t d = i / COLUMN_ITEMS, at = tile_lane_of(i);
    store_present(p->m, &to, d, column_of(p, at), lane_from_array(p->state + d * PANEL + at));
  }
}

/* ---- a chunk --------------------------------------------------------------------------------- */

DEVICE void load_chunk_values(const panel_walk *p) {
  FOR_ITEMS(i, p->rows * COLUMN_ITEMS) {
    int64_t t = i / COLUMN_ITEMS, at = tile_lane_of(i);
    lane x = lane_of(0.0f);
    if (t < p->count) x = load_values(p->m, p->s, p->first + t, column_of(p, at));
    lane_to_array(p->values + t * PANEL + at, x);
  }
}

/* What rows of a reader read of the state. */
DEVICE tile_sums read_state(const panel_walk *p, const GLOBAL float *rows, int64_t t, int64_t at) {
  tile_sums sums = no_sums();
  add_product(&sums, rows + t * p->c->dims, p->c->dims, 1, p->state + at, PANEL, p->c->head_dim);
  return sums;
}

/* y. Where beta is per channel, only what it begins with: v and what is read of the state. */
DEVICE void solve_tiles(const panel_walk *p) {
  const GLOBAL float *rows = p->slot + p->c->eraser_at, *solve = p->slot + p->c->solve_at;
  FOR_TILES(i, p->rows / TILE) {
    int64_t t = tile_row_of(i), at = tile_lane_of(i);
    tile_sums sums = read_state(p, rows, t, at);
    if (!p->m->a->solves_by_channel)
      add_triangle_local(&sums, solve, CHUNK, p->values + at, PANEL, t);
    UNROLL for (int32_t j = 0; j < TILE; j++) {
      if (p->m->a->solves_by_channel)
        sums.at[j] += lane_from_array(p->values + (t + j) * PANEL + at);
      lane_to_array(p->solved + (t + j) * PANEL + at, sums.at[j]);
    }
  }
}

/* y_t = beta_t (y_t + sum_{s < t} A_ts y_s), token after token; an item has a lane of columns. */
DEVICE void solve_by_channel(const panel_walk *p) {
  const GLOBAL float *a = p->slot + p->c->solve_at;
  FOR_ITEMS(i, COLUMN_ITEMS) {
    LOCAL float *y = p->solved + i * LANES;
    for (int64_t t = 0; t < p->count; t++) {
      lane sum = lane_from_array(y + t * PANEL);
      for (int64_t s = 0; s < t; s++)
        sum = lane_multiply_add(lane_of(a[t * CHUNK + s]), lane_from_array(y + s * PANEL), sum);
      sum *= load_betas(p->m, p->s, p->first + t, column_of(p, i * LANES));
      lane_to_array(y + t * PANEL, sum);
    }
  }
}

/* What k writes, or b. */
DEVICE LOCAL float *written(const panel_walk *p, int32_t writer) {
  return p->c->has_eraser && writer == p->c->writers - 1 ? p->solved : p->values;
}

DEVICE void answer_tiles(const panel_walk *p, int64_t query) {
  const linear_call *c = p->c;
  const GLOBAL float *rows = p->slot + query * CHUNK * c->dims;
  const GLOBAL float *weights = p->slot + c->weights_at + query * c->writers * (CHUNK * CHUNK);
  FOR_TILES(i, p->rows / TILE) {
    int64_t t = tile_row_of(i), at = tile_lane_of(i);
    tile_sums sums = read_state(p, rows, t, at);
    for (int32_t w = 0; w < c->writers && c->writes; w++)
      add_triangle_local(&sums, weights + w * (CHUNK * CHUNK), CHUNK, written(p, w) + at, PANEL, t);
    UNROLL for (int32_t j = 0; j < TILE; j++) if (t + j < p->count)
        store_result(p->m, p->s, query, p->first + t + j, column_of(p, at), sums.at[j]);
  }
}

/* S = P(0, end) S + sum_t k_t y_t^T. What a decay of 0 forgets is forgotten even if it was
 * infinite. */
DEVICE void write_tiles(const panel_walk *p) {
  const linear_call *c = p->c;
  const GLOBAL float *whole = p->slot + c->keep_at, *part = whole + c->dims;
  FOR_TILES(i, c->dims / TILE) {
    int64_t d = tile_row_of(i), at = tile_lane_of(i);
    tile_sums sums = no_sums();
    for (int32_t w = 0; w < c->writers; w++)
      add_product_local(&sums, p->slot + (w == 0 ? c->keys_at : c->low_rank_at) + d, 1, c->dims,
                        written(p, w) + at, PANEL, p->count);
    UNROLL for (int32_t j = 0; j < TILE; j++) {
      GLOBAL float *to = p->state + (d + j) * PANEL + at;
      lane x = lane_from_array(to);
      float keeps = whole[d + j], rest = part[d + j];
      if (keeps != 0.0f) sums.at[j] += x;
      if (rest != 0.0f) sums.at[j] = lane_multiply_add(lane_of(rest), x, sums.at[j]);
      lane_to_array(to, sums.at[j]);
    }
  }
}

/* ---- the kernel ------------------------------------------------------------------------------ */

/* All items come to all barriers. */
DEVICE void pass_chunk(const panel_walk *p) {
  const linear_call *c = p->c;
  if (c->writes) load_chunk_values(p);
  group_join();
  if (c->writes && c->has_eraser) solve_tiles(p);
  group_join();
  if (p->m->a->solves_by_channel) solve_by_channel(p);
  group_join();
  for (int64_t g = 0; g < c->queries && c->reads; g++) answer_tiles(p, g);
  group_join();
  if (c->writes) write_tiles(p);
  group_join();
}

DEVICE void write_zeros(const panel_walk *p) {
  const linear_call *c = p->c;
  FOR_ITEMS(i, c->reads ? c->queries * p->s->tokens * COLUMN_ITEMS : 0) {
    int64_t t = i / COLUMN_ITEMS % p->s->tokens, g = i / COLUMN_ITEMS / p->s->tokens;
    store_result(p->m, p->s, g, t, column_of(p, tile_lane_of(i)), lane_of(0.0f));
  }
}

DEVICE void pass_panel(panel_walk *p) {
  const linear_call *c = p->c;
  load_state(p);
  group_join();
  for (int64_t chunk = 0; chunk * CHUNK < p->s->tokens; chunk++) {
    p->slot = slot_of(c, p->m->work, p->s->slot, chunk);
    p->first = chunk * CHUNK;
    p->count = tokens_of_chunk(c, p->s, chunk);
    p->rows = (p->count + TILE - 1) / TILE * TILE;
    pass_chunk(p);
  }
  store_state(p);
}

KERNEL void linear_chunks(WALK_PARAMETERS) {
  LOCAL_BLOCK(block_values, 2 * CHUNK * PANEL);
  const walk_memory m = WALK_MEMORY;
  const linear_call *c = &of.call;
  int64_t slot = group_number() / of.blocks, block = group_number() % of.blocks;
  stream s = find_stream(c, m.arrays, slot, faults);
  panel_walk p = {&m, c, &s, 0, 0, block_values, block_values + CHUNK * PANEL, 0, 0, 0, 0};
  int64_t end = (block + 1) * of.block_panels;
  for (p.panel = block * of.block_panels; p.panel < end && p.panel < of.panels; p.panel++) {
    p.state = work + c->states_at + (slot * of.panels + p.panel) * c->dims * PANEL;
    if (is_live(&s))
      pass_panel(&p);
    else if (!s.of.is_bad && !s.is_over)
      write_zeros(&p);
  }
}
