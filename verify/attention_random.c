/* SPDX-License-Identifier: Apache-2.0 */
/* Cases at random: any combination of options that the contract allows. */
#include "verify/attention_cases.h"

/* Multiplications of q.k and p.v a random case may take, so that hundreds run in seconds. */
#define WORK_LIMIT 1500000

#define PICK(state, list) \
  (list)[random_integer(state, 0, (int64_t)(sizeof(list) / sizeof((list)[0])) - 1)]

static int64_t work(const attention_case *c) {
  return c->batch * c->hq * c->tq * c->tk * (c->d + c->dv);
}

static void draw_sizes(attention_case *c, random_state *random) {
  static const int64_t lengths[] = {0, 1, 2, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 200, 333};
  static const int64_t dims[] = {1,  2,  7,  8,   16,  31,  32,  33,  64,
                                 65, 80, 96, 128, 129, 192, 256, 257, 300};
  static const int32_t types[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  c->dtype = PICK(random, types);
  c->batch = random_one_in(random, 40) ? 0 : random_integer(random, 1, 4);
  c->tq = random_one_in(random, 2) ? PICK(random, lengths) : random_integer(random, 1, 70);
  c->tk = random_one_in(random, 2) ? PICK(random, lengths) : random_integer(random, 1, 150);
  c->hkv = random_integer(random, 1, 3);
  c->hq = c->hkv * random_integer(random, 1, 4);
  c->d = random_one_in(random, 2) ? PICK(random, dims) : random_integer(random, 1, 80);
  c->dv = random_one_in(random, 3) ? random_integer(random, 1, 100) : c->d;
  while (work(c) > WORK_LIMIT) {
    if (c->batch > 2)
      c->batch = 2;
    else if (c->hq > 2 * c->hkv)
      c->hq = 2 * c->hkv;
    else if (c->tq > c->tk)
      c->tq = c->tq / 2 + 1;
    else if (c->tk > 40)
      c->tk = c->tk / 2 + 1;
    else
      c->d = c->dv = c->d / 2 + 1;
  }
}

static void draw_layout(attention_case *c, random_state *random) {
  c->layout = (case_layout)random_integer(random, 0, LAYOUTS - 1);
  c->skew = (int)(random_one_in(random, 2) ? 0 : random_integer(random, 1, 9));
  c->out_f32 = random_one_in(random, 3);
  c->no_lse = random_one_in(random, 4);
  c->tiled_heads = random_one_in(random, 3);
  c->wide_indices = random_one_in(random, 2);
  c->strided_indices = random_one_in(random, 3);
  c->table_layout = (case_table_layout)random_integer(random, TABLE_CONTIGUOUS, TABLE_EXPANDED);
}

/* Where keys and queries come from: one block, packed sequences or pages. */
static void draw_source(attention_case *c, random_state *random) {
  int packed = random_one_in(random, 3), paged = !packed && random_one_in(random, 3);
  static const int64_t page_sizes[] = {1, 3, 16, 64, 5};
  if (packed) {
    int which = (int)random_integer(random, 1, 4);
    c->packed_queries = which != 1;
    c->packed_keys = which != 2;
    c->empty_ends = random_one_in(random, 4);
    c->hints = random_one_in(random, 2);
  }
  if (paged) {
    c->page_size = PICK(random, page_sizes);
    c->packed_queries = random_one_in(random, 2);
  }
  int plain = !packed && !paged;
  if (c->layout == LAYOUT_PACKED_QKV && !plain) c->layout = LAYOUT_BTHD;
  if (c->layout == LAYOUT_PACKED_QKV) {
    c->tk = c->tq;
    c->dv = c->d;
  }
}

static void draw_positions(attention_case *c, random_state *random) {
  c->causal = random_one_in(random, 2);
  c->offset_kind = (case_offset)random_integer(random, OFFSET_END, OFFSET_PER_SEQUENCE);
  if (c->offset_kind == OFFSET_VALUE) c->offset = random_integer(random, -c->tq, c->tk + 3);
  c->window = random_one_in(random, 3);
  if (c->window) {
    c->window_left = random_integer(random, -1, c->tk / 2 + 1);
    c->window_right = random_integer(random, -1, c->tk / 2 + 1);
  }
  if (random_one_in(random, 3)) c->key_lengths = LENGTHS_RANDOM;
  if (random_one_in(random, 4)) c->query_lengths = LENGTHS_RANDOM;
  c->alibi = random_one_in(random, 4);
}

static void draw_score_options(attention_case *c, random_state *random) {
  if (random_one_in(random, 4)) c->scale = 0.05 + random_unit(random) / 4;
  if (random_one_in(random, 12)) c->magnitude = 100;
  if (random_one_in(random, 4)) c->softcap = 1 + 20 * random_unit(random);
  if (random_one_in(random, 3)) c->sinks = (case_sinks)random_integer(random, 0, SINKS_NEG_INF);
  c->sinks_own_type = random_one_in(random, 2);
  if (random_one_in(random, 5)) {
    c->map_queries = random_integer(random, 1, 40);
    c->map_keys = random_integer(random, 1, 40);
    c->map_broadcast = (int)random_integer(random, 0, OVER_BATCH | OVER_HEADS);
    c->map_bytes = random_one_in(random, 2);
  }
  if (random_one_in(random, 25)) {
    c->plant = (case_plant)random_integer(random, PLANT_NAN_KEY, PLANT_NAN_QUERY);
  }
}

/* Mask, bias and scores do not go with packing. */
static void draw_tables(attention_case *c, random_state *random) {
  if (c->packed_queries || c->packed_keys) return;
  if (random_one_in(random, 4)) {
    c->mask_rank = (int)random_integer(random, 1, 4);
    c->mask_broadcast = (int)random_integer(random, 0, 7);
    c->mask_density = random_unit(random) + 0.01;
    if (random_one_in(random, 4) && c->tk > 1) c->mask_keys = random_integer(random, 1, c->tk);
  }
  if (random_one_in(random, 3)) {
    c->bias = (case_bias)random_integer(random, BIAS_NORMAL, BIAS_ONE_INF);
    c->bias_rank = (int)random_integer(random, 1, 4);
    c->bias_broadcast = (int)random_integer(random, 0, 7);
    c->bias_own_type = random_one_in(random, 2);
    if (random_one_in(random, 4) && c->tk > 1) c->bias_keys = random_integer(random, 1, c->tk);
  }
  if (random_one_in(random, 8)) {
    c->scores = 1 + (int)random_integer(random, SEQMIX_SCORES_RAW, SEQMIX_SCORES_PROBABILITIES);
    c->scores_f32 = random_one_in(random, 2);
  }
}

attention_case attention_case_random(random_state *state, const char *name) {
  attention_case c = {.name = name};
  draw_sizes(&c, state);
  draw_layout(&c, state);
  draw_source(&c, state);
  draw_positions(&c, state);
  draw_score_options(&c, state);
  draw_tables(&c, state);
  return c;
}
