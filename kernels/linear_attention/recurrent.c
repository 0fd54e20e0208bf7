/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention token by token: for decoding, and for short sequences.
 *
 * A token first reads the state S it finds, with alpha e and alpha q for e and q; then y is known,
 * what q reads of the token itself is (q . k) y, and S becomes alpha S + k y^T. So one pass over a
 * state both writes token t and reads for token t + 1. linear_tokens makes the rows that this
 * needs.
 *
 * linear_walk has a group for some columns of a state. An item keeps ROWS rows of LANES columns, in
 * registers if it can; items side by side have other columns, the others other rows, and put what
 * they read together. An item that is alone, on a CPU, has WIDTH panels of columns at once, in its
 * cache. Constants: LANES, ITEMS, COLUMN_ITEMS, ROWS, WIDTH. Memory bounds a single token: the
 * state is read once and written once, row by row. */
#include "linear_attention/bonus.h"
#include "linear_attention/decay.h"
#include "linear_attention/state.h"

#define ROW_ITEMS (ITEMS / COLUMN_ITEMS)
#define PANEL (COLUMN_ITEMS * LANES)

/* The rows of an item, `step` at a time. Where they are registers, all is unrolled; an item that is
 * alone may have fewer than there is room for. */
#if ITEMS == 1
#define FOR_ROWS(c, d, step) for (int64_t d = 0; d < (c)->dims; d += (step))
#elif ROWS > 64
#define FOR_ROWS(c, d, step) for (int64_t d = 0; d < ROWS; d += (step))
#else
#define FOR_ROWS(c, d, step) UNROLL for (int64_t d = 0; d < ROWS; d += (step))
#endif

/* The panels that it has at once. */
#if WIDTH == 1
#define FOR_PANELS(w, i) for (int64_t i = 0; i < 1; i++)
#else
#define FOR_PANELS(w, i) for (int64_t i = 0; i < (w)->panels; i++)
#endif

/* ---- rows ------------------------------------------------------------------------------------ */

/* Of each token in a slot: two rows of decays, see exp_in_two(); and what queries read of the token
 * itself, [query][writer][token]. */
DEVICE int64_t keep_step(const linear_call *c) {
  return c->decay_kind == DECAY_CHANNEL ? c->dims : 1;
}

DEVICE int64_t own_at(const linear_call *c, int64_t query, int32_t writer) {
  return c->weights_at + (query * c->writers + writer) * c->chunk;
}

/* What linear_tokens is about. */
typedef struct chunk_tokens {
  const linear_weights_arguments *a;
  const linear_call *c;
  chunk_place k;
  const GLOBAL uint8_t *bonus;
} chunk_tokens;

/* What a query reads of its own token; of k with a bonus as much as that says. */
DEVICE float own_weight(const chunk_tokens *k, int64_t query, int32_t writer, int64_t t) {
  if (k->a->leaves_diagonal_out) return 0.0f;
  float own =
      dot_with_bonus(&k->k, &k->a->bonus, k->bonus, query_rows(&k->k, query) + t * k->c->dims,
                     writer_rows(&k->k, writer) + t * k->c->dims);
  return k->c->is_early && k->c->is_gated ? own * gate_number(&k->k, t, GATE_OWN_GAIN) : own;
}

DEVICE void make_own_weights(const chunk_tokens *k) {
  const linear_call *c = k->c;
  FOR_ITEMS(i, c->queries * c->writers * k->k.count) {
    int64_t t = i % k->k.count, pair = i / k->k.count;
    int32_t writer = (int32_t)(pair % c->writers);
    k->k.slot[own_at(c, pair / c->writers, writer) + t] =
        own_weight(k, pair / c->writers, writer, t);
  }
}

/* The decay of token t in the lanes of channels from d on. */
DEVICE lane decay_of(const chunk_tokens *k, int64_t t, int64_t d) {
  const GLOBAL float *decays = k->k.slot + k->c->decays_at;
  if (k->c->decay_kind == DECAY_CHANNEL) return lane_from_array(decays + t * k->c->dims + d);
  return lane_of(decays[t]);
}

/* Readers see the state before their token, with its decay unless they are early ones. Those
 * with an input gate have read it at another m. */
DEVICE void decay_readers(const chunk_tokens *k, int64_t first_reader, int64_t readers,
                          int is_early) {
  const linear_call *c = k->c;
  int64_t lanes = c->dims / LANES;
  FOR_ITEMS(i, readers * k->k.count * lanes) {
    int64_t d = i % lanes * LANES, t = i / lanes % k->k.count, reader = i / lanes / k->k.count;
    GLOBAL float *at = k->k.slot + first_reader + (reader * c->chunk + t) * c->dims + d;
    lane factor = lane_of(1.0f);
    if (!is_early)
      factor = within_f32(lane_exp(decay_of(k, t, d)));
    else if (c->is_gated)
      factor = lane_of(gate_number(&k->k, t, GATE_PAST_GAIN));
    lane_to_array(at, lane_from_array(at) * factor);
  }
}

/* The decays of the state. */
DEVICE void split_decays(const chunk_tokens *k) {
  const linear_call *c = k->c;
  int64_t step = keep_step(c), lanes = step == 1 ? 1 : step / LANES;
  FOR_ITEMS(i, k->k.count * lanes) {
    int64_t t = i / lanes, d = i % lanes * LANES;
    GLOBAL float *keep = k->k.slot + c->keep_at + t * 2 * step + d;
    lane whole, part = within_f32(exp_in_two(decay_of(k, t, d), &whole));
    if (step == 1) {
      keep[0] = number_of(whole, 0);
      keep[1] = number_of(part, 0);
    } else {
      lane_to_array(keep, whole);
      lane_to_array(keep + step, part);
    }
  }
}

KERNEL void linear_tokens(GLOBAL int32_t *faults, GLOBAL float *work, const GLOBAL uint8_t *bonus,
                          const GLOBAL uint8_t *cu_seqlens, const GLOBAL uint8_t *state_indices,
                          const GLOBAL uint8_t *state_out_indices, linear_weights_arguments of) {
  const linear_call *c = &of.call;
  const sequence_arrays arrays = {cu_seqlens, state_indices, state_out_indices};
  chunk_tokens k = {&of, c, find_chunk(c, arrays, work, faults), bonus};
  int decays = c->decay_kind != DECAY_NONE, is_early_eraser = c->writers == 2;
  if (c->reads && k.k.count > 0) make_own_weights(&k);
  group_join();
  if (k.k.count > 0) {
    if (c->reads && (c->is_early ? c->is_gated : decays))
      decay_readers(&k, 0, c->queries, c->is_early);
    if (c->has_eraser && decays && !is_early_eraser) decay_readers(&k, c->eraser_at, 1, 0);
    split_decays(&k);
  }
}

/* ---- the state ------------------------------------------------------------------------------- */

/* An item's part of a stream. */
typedef struct walker {
  const walk_memory *m;
  const linear_call *c;
  const stream *s;
  int64_t row;                 /* the first of its rows */
  int64_t first_panel, panels; /* that it has at once */
  int64_t column;              /* the first of its columns, of the panel under way */
  LOCAL float *partials;
  int32_t turn; /* which of two halves of them is next */
} walker;

/* A token's slot and its number there. */
typedef struct token_place {
  const GLOBAL float *slot;
  int64_t t;
} token_place;

DEVICE token_place place_of(const walker *w, int64_t t) {
  const linear_call *c = w->c;
  token_place p = {slot_of(c, w->m->work, w->s->slot, t / c->chunk), t % c->chunk};
  return p;
}

DEVICE const GLOBAL float *token_row(const walker *w, token_place p, int64_t rows_at) {
  return p.slot + rows_at + p.t * w->c->dims + w->row;
}

/* Panel number i of those that the item has at once. */
DEVICE void take_panel(walker *w, int64_t i) {
  w->column = (w->first_panel + i) * PANEL + item_number() % COLUMN_ITEMS * LANES;
}

/* Where the state is kept from launch to launch: the item's first row of panel number i. */
DEVICE GLOBAL float *kept_state(const walker *w, int64_t i) {
  const linear_call *c = w->c;
  int64_t panel = w->s->slot * w->m->a->panels + w->first_panel + i;
  return w->m->work + c->states_at + (panel * c->dims + w->row) * PANEL +
         item_number() % COLUMN_ITEMS * LANES;
}

/* From the caller's memory row after row, as they lie there. */
DEVICE void load_states(walker *w, lane *states) {
  const state_place from = place_of_past(w->m, w->s);
  if (is_at_start(w->c)) {
    FOR_ROWS(w->c, d, 1) FOR_PANELS(w, i) {
      take_panel(w, i);
      states[i * ROWS + d] = load_past(w->m, &from, w->row + d, w->column);
    }
  } else {
    FOR_PANELS(w, i) {
      FOR_ROWS(w->c, d, 1) states[i * ROWS + d] = lane_from_array(kept_state(w, i) + d * PANEL);
    }
  }
}

DEVICE void store_states(walker *w, const lane *states) {
  const state_place to = place_of_present(w->m, w->s);
  int is_wanted = is_present_wanted(w->m, w->s), keeps = is_kept(w->m, w->s);
  if (keeps) {
    FOR_PANELS(w, i) {
      FOR_ROWS(w->c, d, 1) lane_to_array(kept_state(w, i) + d * PANEL, states[i * ROWS + d]);
    }
  }
  if (is_wanted) {
    FOR_ROWS(w->c, d, 1) FOR_PANELS(w, i) {
      take_panel(w, i);
      store_present(w->m, &to, w->row + d, w->column, states[i * ROWS + d]);
    }
  }
}

/* S = alpha S + k y^T (+ b y'^T) by the token at p. What alpha = 0 forgets is forgotten even if it
 * was infinite. */
DEVICE void write_token(const walker *w, token_place p, const lane *y, lane *state) {
  const linear_call *c = w->c;
  const GLOBAL float *key = token_row(w, p, c->keys_at), *low = token_row(w, p, c->low_rank_at);
  int64_t step = keep_step(c), by_row = step > 1;
  const GLOBAL float *whole = p.slot + c->keep_at + p.t * 2 * step + w->row * by_row;
  const GLOBAL float *part = whole + step;
  int has_low_rank = c->writers == 2;
  const lane zero = lane_of(0.0f);
  FOR_ROWS(c, d, 1) {
    float keeps = whole[d * by_row], rest = part[d * by_row];
    lane x = keeps == 0.0f && rest == 0.0f ? zero : state[d];
    lane sum = lane_multiply_add(lane_of(key[d]), y[0], keeps == 0.0f ? zero : x);
    if (has_low_rank) sum = lane_multiply_add(lane_of(low[d]), y[1], sum);
    state[d] = lane_multiply_add(lane_of(rest), x, sum);
  }
}

/* What one or two readers read of an item's rows; sums of even and odd rows are kept apart, so that
 * more of them are under way. */
DEVICE lane read_rows(const walker *w, const GLOBAL float *row, const lane *state) {
  lane even = lane_of(0.0f), odd = even;
  FOR_ROWS(w->c, d, 2) {
    even = lane_multiply_add(lane_of(row[d]), state[d], even);
    odd = lane_multiply_add(lane_of(row[d + 1]), state[d + 1], odd);
  }
  return even + odd;
}

DEVICE void read_rows_twice(const walker *w, const GLOBAL float *row, const GLOBAL float *other,
                            const lane *state, lane *sums) {
  lane even[2] = {lane_of(0.0f), lane_of(0.0f)}, odd[2] = {lane_of(0.0f), lane_of(0.0f)};
  FOR_ROWS(w->c, d, 2) {
    even[0] = lane_multiply_add(lane_of(row[d]), state[d], even[0]);
    even[1] = lane_multiply_add(lane_of(other[d]), state[d], even[1]);
    odd[0] = lane_multiply_add(lane_of(row[d + 1]), state[d + 1], odd[0]);
    odd[1] = lane_multiply_add(lane_of(other[d + 1]), state[d + 1], odd[1]);
  }
  for (int32_t i = 0; i < 2; i++) sums[i] = even[i] + odd[i];
}

/* The sum over all rows, of what items have read of theirs: the same for all of a column. */
DEVICE lane whole_sum(walker *w, lane own) {
#if ROW_ITEMS == 1
  return own;
#else
  LOCAL float *column =
      w->partials + w->turn * (ROW_ITEMS * PANEL) + item_number() % COLUMN_ITEMS * LANES;
  lane_to_array(column + item_number() / COLUMN_ITEMS * PANEL, own);
  group_barrier();
  w->turn = 1 - w->turn;
  lane sum = lane_from_array(column);
  for (int32_t i = 1; i < ROW_ITEMS; i++) sum += lane_from_array(column + i * PANEL);
  return sum;
#endif
}

DEVICE const GLOBAL float *query_row(const walker *w, token_place p, int64_t query) {
  return token_row(w, p, query * w->c->chunk * w->c->dims);
}

/* What the eraser reads of a state, and the first query. */
DEVICE void read_state(walker *w, token_place p, const lane *state, lane *erased, lane *answer) {
  const linear_call *c = w->c;
  int erases = c->writes && c->has_eraser;
  const GLOBAL float *eraser = token_row(w, p, c->eraser_at), *query = query_row(w, p, 0);
  lane both[2] = {lane_of(0.0f), lane_of(0.0f)};
  if (erases && c->reads)
    read_rows_twice(w, eraser, query, state, both);
  else if (erases)
    both[0] = read_rows(w, eraser, state);
  else if (c->reads)
    both[1] = read_rows(w, query, state);
  *erased = erases ? whole_sum(w, both[0]) : both[0];
  *answer = c->reads ? whole_sum(w, both[1]) : both[1];
}

/* What token t writes: y[0] with k, y[1] with b. */
DEVICE void solve_token(const walker *w, int64_t t, lane erased, lane *y) {
  y[0] = load_values(w->m, w->s, t, w->column);
  if (w->c->writers == 2)
    y[1] = erased;
  else
    y[0] += erased;
  if (w->m->a->solves_by_channel) y[0] *= load_betas(w->m, w->s, t, w->column);
}

/* What a query has read of the state, and what it reads of token t itself. */
DEVICE void answer_token(const walker *w, token_place p, int64_t query, int64_t t, lane answer,
                         const lane *y) {
  const linear_call *c = w->c;
  for (int32_t i = 0; i < c->writers && c->writes; i++)
    answer = lane_multiply_add(lane_of(p.slot[own_at(c, query, i) + p.t]), y[i], answer);
  if (w->row == 0) store_result(w->m, w->s, query, t, w->column, answer);
}

/* Queries after the first take a pass of their own. */
DEVICE void walk_tokens(walker *w, lane *state) {
  const linear_call *c = w->c;
  lane y[2] = {lane_of(0.0f), lane_of(0.0f)}, erased, answer;
  for (int64_t t = 0; t < w->s->tokens; t++) {
    token_place p = place_of(w, t);
    read_state(w, p, state, &erased, &answer);
    if (c->writes) solve_token(w, t, erased, y);
    if (c->reads) answer_token(w, p, 0, t, answer, y);
    for (int64_t g = 1; g < c->queries && c->reads; g++)
      answer_token(w, p, g, t, whole_sum(w, read_rows(w, query_row(w, p, g), state)), y);
    if (c->writes) write_token(w, p, y, state);
  }
}

DEVICE void write_zeros(const walker *w) {
  if (w->row != 0 || !w->c->reads) return;
  for (int64_t g = 0; g < w->c->queries; g++)
    for (int64_t t = 0; t < w->s->tokens; t++)
      store_result(w->m, w->s, g, t, w->column, lane_of(0.0f));
}

KERNEL void linear_walk(WALK_PARAMETERS) {
#if COLUMN_ITEMS < ITEMS
  LOCAL_BLOCK(partials, 2 * ROW_ITEMS * PANEL);
#else
  LOCAL float *partials = 0; /* no item has other rows of the same columns */
#endif
  const walk_memory m = WALK_MEMORY;
  const linear_call *c = &of.call;
  int64_t slot = group_number() / of.blocks, first = group_number() % of.blocks * of.block_panels;
  int64_t end = first + of.block_panels < of.panels ? first + of.block_panels : of.panels;
  stream s = find_stream(c, m.arrays, slot, faults);
  int lives = is_live(&s), needs_zeros = !lives && !s.of.is_bad && !s.is_over;
  walker w = {&m, c, &s, item_number() / COLUMN_ITEMS * ROWS, 0, 0, 0, partials, 0};
  for (w.first_panel = first; w.first_panel < end; w.first_panel += WIDTH) {
    lane states[WIDTH * ROWS];
    w.panels = end - w.first_panel < WIDTH ? end - w.first_panel : WIDTH;
    if (lives) load_states(&w, states);
    FOR_PANELS(&w, i) {
      take_panel(&w, i);
      if (lives) walk_tokens(&w, states + i * ROWS);
      if (needs_zeros) write_zeros(&w);
    }
    if (lives) store_states(&w, states);
  }
}
