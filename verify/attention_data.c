/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/attention_data.h"

#include <math.h>
#include <stdlib.h>

#include "verify/memory.h"

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- sequences ----------------------------------------------------------------------------- */

static int64_t packed_length(const attention_case *spec, int64_t n, int64_t longest,
                             random_state *random) {
  int end = n == 0 || n == spec->batch - 1;
  if (spec->empty_ends && end) return 0;
  return n == spec->batch / 2 ? longest : random_integer(random, 0, longest);
}

static int64_t live_length(case_lengths lengths, int64_t length, random_state *random) {
  if (lengths == LENGTHS_ZERO) return 0;
  if (lengths != LENGTHS_RANDOM || random_one_in(random, 4)) return length;
  return random_one_in(random, 4) ? 0 : random_integer(random, 0, length);
}

static int64_t drawn_offset(const attention_case *spec, const attention_sequence *sequence,
                            random_state *random) {
  if (spec->offset_kind == OFFSET_VALUE) return spec->offset;
  if (spec->offset_kind == OFFSET_END) return sequence->k_live - sequence->q_live;
  return random_integer(random, -spec->tq, spec->tk + 2);
}

static void draw_sequences(attention_data *data, random_state *random) {
  const attention_case *spec = &data->spec;
  data->sequences = memory_new(((uint64_t)spec->batch + 1) * sizeof *data->sequences);
  for (int64_t n = 0; n < spec->batch; n++) {
    attention_sequence *at = &data->sequences[n];
    at->q_start = spec->packed_queries ? data->query_total : 0;
    at->q_length = spec->packed_queries ? packed_length(spec, n, spec->tq, random) : spec->tq;
    at->q_live = live_length(spec->query_lengths, at->q_length, random);
    at->k_start = spec->packed_keys ? data->key_total : 0;
    at->k_length = spec->packed_keys ? packed_length(spec, n, spec->tk, random) : spec->tk;
    at->k_live = live_length(spec->key_lengths, at->k_length, random);
    at->offset = drawn_offset(spec, at, random);
    data->query_total += at->q_length;
    data->key_total += at->k_length;
    data->query_extent = larger(data->query_extent, at->q_length);
    data->key_extent = larger(data->key_extent, at->k_length);
  }
  if (!spec->packed_queries) data->query_total = data->query_extent = spec->tq;
  if (!spec->packed_keys) data->key_total = data->key_extent = spec->tk;
}

/* ---- index arrays -------------------------------------------------------------------------- */

static test_tensor *new_index(const attention_case *spec, const char *name, int axes, int64_t rows,
                              int64_t columns) {
  int64_t shape[2] = {rows, columns}, step = spec->strided_indices ? 3 : 1;
  int64_t stride[2] = {axes == 2 ? columns * step + (step > 1) : step, step};
  test_tensor *tensor = tensor_new(name, spec->wide_indices ? SEQMIX_I64 : SEQMIX_I32, axes, shape,
                                   stride, spec->skew);
  tensor_fill_gaps(tensor);
  return tensor;
}

static void set_index(test_tensor *tensor, int64_t i, int64_t j, int64_t value) {
  int64_t index[2] = {i, j};
  tensor_store(tensor, tensor_at(tensor, index), (double)value);
}

static void draw_index_arrays(attention_data *data) {
  const attention_case *spec = &data->spec;
  const attention_sequence *at = data->sequences;
  int64_t count = spec->batch;
  test_tensor **tensors = data->tensors;
  if (spec->offset_kind == OFFSET_PER_SEQUENCE) {
    tensors[SLOT_QUERY_OFFSETS] = new_index(spec, "query_offsets", 1, count, 0);
  }
  if (spec->key_lengths) tensors[SLOT_KEY_LENGTHS] = new_index(spec, "key_lengths", 1, count, 0);
  if (spec->query_lengths) {
    tensors[SLOT_QUERY_LENGTHS] = new_index(spec, "query_lengths", 1, count, 0);
  }
  if (spec->packed_queries) tensors[SLOT_CU_Q] = new_index(spec, "cu_seqlens_q", 1, count + 1, 0);
  if (spec->packed_keys) tensors[SLOT_CU_K] = new_index(spec, "cu_seqlens_k", 1, count + 1, 0);
  for (int64_t n = 0; n < count; n++) {
    if (tensors[SLOT_QUERY_OFFSETS]) set_index(tensors[SLOT_QUERY_OFFSETS], n, 0, at[n].offset);
    if (tensors[SLOT_KEY_LENGTHS]) set_index(tensors[SLOT_KEY_LENGTHS], n, 0, at[n].k_live);
    if (tensors[SLOT_QUERY_LENGTHS]) set_index(tensors[SLOT_QUERY_LENGTHS], n, 0, at[n].q_live);
    if (tensors[SLOT_CU_Q]) set_index(tensors[SLOT_CU_Q], n, 0, at[n].q_start);
    if (tensors[SLOT_CU_K]) set_index(tensors[SLOT_CU_K], n, 0, at[n].k_start);
  }
  if (tensors[SLOT_CU_Q]) set_index(tensors[SLOT_CU_Q], count, 0, data->query_total);
  if (tensors[SLOT_CU_K]) set_index(tensors[SLOT_CU_K], count, 0, data->key_total);
}

/* ---- pages --------------------------------------------------------------------------------- */

/* Pages in shuffled order; now and then two sequences share a wholly live first page. */
static void draw_pages(attention_data *data, random_state *random) {
  const attention_case *spec = &data->spec;
  int64_t size = spec->page_size, used = 0, next = 0;
  for (int64_t n = 0; n < spec->batch; n++) used += (data->sequences[n].k_live + size - 1) / size;
  data->key_total = used + 2;
  data->max_pages = (spec->tk + size - 1) / size + 1;
  data->key_extent = data->max_pages * size;
  int64_t *order = memory_new((uint64_t)data->key_total * sizeof *order);
  for (int64_t i = 0; i < data->key_total; i++) {
    int64_t other = random_integer(random, 0, i);
    order[i] = order[other];
    order[other] = i;
  }
  test_tensor *table = new_index(spec, "block_table", 2, spec->batch, data->max_pages);
  data->tensors[SLOT_BLOCK_TABLE] = table;
  for (int64_t n = 0; n < spec->batch; n++) {
    for (int64_t page = 0; page * size < data->sequences[n].k_live; page++) {
      set_index(table, n, page, order[next++]);
    }
  }
  if (spec->batch > 1 && data->sequences[0].k_live >= size && data->sequences[1].k_live >= size) {
    int64_t first[2] = {0, 0};
    set_index(table, 1, 0,
              (int64_t)tensor_load(table, table->storage->bytes, tensor_at(table, first)));
  }
  free(order);
}

/* ---- q, k and v ---------------------------------------------------------------------------- */

void attention_query_index(const attention_data *data, int64_t n, int64_t i, int64_t index[4]) {
  index[0] = data->spec.packed_queries ? 0 : n;
  index[1] = data->sequences[n].q_start + i;
}

void attention_key_index(const attention_data *data, int64_t n, int64_t j, int64_t index[4]) {
  const test_tensor *table = data->tensors[SLOT_BLOCK_TABLE];
  int64_t size = data->spec.page_size;
  if (table) {
    int64_t entry[2] = {n, j / size};
    index[0] = (int64_t)tensor_load(table, table->storage->bytes, tensor_at(table, entry));
    index[1] = j % size;
  } else {
    index[0] = data->spec.packed_keys ? 0 : n;
    index[1] = data->sequences[n].k_start + j;
  }
}

static void new_separate_inputs(attention_data *data, const int64_t q[4], const int64_t k[4],
                                const int64_t v[4]) {
  const attention_case *spec = &data->spec;
  test_tensor **tensors = data->tensors;
  tensors[SLOT_Q] = layout_tensor("q", spec->dtype, q, spec->layout, spec->skew);
  tensors[SLOT_K] = layout_tensor("k", spec->dtype, k, spec->layout, spec->skew);
  tensors[SLOT_V] = layout_tensor("v", spec->dtype, v, spec->layout, spec->skew);
  for (int slot = SLOT_Q; slot <= SLOT_V; slot++) tensor_fill_gaps(tensors[slot]);
}

static void new_packed_inputs(attention_data *data, const int64_t q[4], const int64_t k[4]) {
  const attention_case *spec = &data->spec;
  int64_t all[4] = {q[0], q[1], spec->hq + 2 * spec->hkv, spec->d};
  test_tensor *qkv = layout_tensor("qkv", spec->dtype, all, LAYOUT_BTHD, spec->skew);
  tensor_fill_gaps(qkv);
  const int64_t *stride = qkv->view.stride;
  data->tensors[SLOT_Q] = tensor_view_of(qkv, "q", 4, q, stride, 0);
  data->tensors[SLOT_K] = tensor_view_of(qkv, "k", 4, k, stride, spec->hq * spec->d);
  data->tensors[SLOT_V] = tensor_view_of(qkv, "v", 4, k, stride, (spec->hq + spec->hkv) * spec->d);
  tensor_free(qkv);
}

static void new_inputs(attention_data *data) {
  const attention_case *spec = &data->spec;
  int64_t batch = spec->page_size ? data->key_total : spec->packed_keys ? 1 : spec->batch;
  int64_t rows = spec->page_size ? spec->page_size : data->key_total;
  int64_t q[4] = {spec->packed_queries ? 1 : spec->batch, data->query_total, spec->hq, spec->d};
  int64_t k[4] = {batch, rows, spec->hkv, spec->d}, v[4] = {batch, rows, spec->hkv, spec->dv};
  if (spec->layout == LAYOUT_PACKED_QKV) {
    new_packed_inputs(data, q, k);
  } else {
    new_separate_inputs(data, q, k, v);
  }
}

/* Fills one row (all heads) with normal numbers; returns the largest norm of a head. */
static double fill_row(test_tensor *tensor, int64_t index[4], double deviation,
                       random_state *random) {
  int64_t size = (int64_t)seqmix_dtype_size(tensor->view.dtype);
  double largest = 0;
  index[3] = 0;
  for (index[2] = 0; index[2] < tensor->view.shape[2]; index[2]++) {
    int64_t at = tensor_at(tensor, index);
    double norm = 0;
    for (int64_t d = 0; d < tensor->view.shape[3]; d++) {
      double value = deviation * random_normal(random);
      tensor_store(tensor, at + d * size, value);
      norm += value * value;
    }
    largest = fmax(largest, sqrt(norm));
  }
  return largest;
}

/* Gives every live row its numbers and estimates the largest score: no more than the product of
 * the norms, and for so random vectors hardly beyond 4.5 deviations. */
static void draw_inputs(attention_data *data, random_state *random) {
  const attention_case *spec = &data->spec;
  int64_t index[4];
  double q_norm = 0, k_norm = 0;
  new_inputs(data);
  for (int64_t n = 0; n < spec->batch; n++) {
    for (int64_t i = 0; i < data->sequences[n].q_live; i++) {
      attention_query_index(data, n, i, index);
      q_norm = fmax(q_norm, fill_row(data->tensors[SLOT_Q], index, spec->magnitude, random));
    }
    for (int64_t j = 0; j < data->sequences[n].k_live; j++) {
      attention_key_index(data, n, j, index);
      k_norm = fmax(k_norm, fill_row(data->tensors[SLOT_K], index, 1, random));
      fill_row(data->tensors[SLOT_V], index, 1, random);
    }
  }
  double scale = spec->scale ? fabs(spec->scale) : 1 / sqrt((double)spec->d);
  data->score_limit = scale * q_norm * k_norm * fmin(1, 4.5 / sqrt((double)spec->d));
  if (spec->softcap) data->score_limit = fmin(data->score_limit, spec->softcap);
}

/* Puts the case's NaN or infinity into the middle of sequence 0. */
static void plant(attention_data *data) {
  static const attention_slot slots[] = {[PLANT_NAN_KEY] = SLOT_K,
                                         [PLANT_INF_KEY] = SLOT_K,
                                         [PLANT_NAN_QUERY] = SLOT_Q,
                                         [PLANT_INF_VALUE] = SLOT_V};
  case_plant kind = data->spec.plant;
  int64_t index[4] = {0};
  if (kind == PLANT_NOTHING || data->spec.batch == 0) return;
  if (!data->sequences[0].q_live || !data->sequences[0].k_live) return;
  if (slots[kind] == SLOT_Q) {
    attention_query_index(data, 0, data->sequences[0].q_live / 2, index);
  } else {
    attention_key_index(data, 0, data->sequences[0].k_live / 2, index);
  }
  test_tensor *tensor = data->tensors[slots[kind]];
  int is_nan = kind == PLANT_NAN_KEY || kind == PLANT_NAN_QUERY;
  tensor_store(tensor, tensor_at(tensor, index), is_nan ? (double)NAN : (double)INFINITY);
}

/* ---- outputs ------------------------------------------------------------------------------- */

static test_tensor *new_lse(const attention_data *data, case_layout layout, int skew) {
  const int64_t *q = data->tensors[SLOT_Q]->view.shape;
  int64_t shape[3] = {q[0], q[2], q[1]};
  int64_t plain[3] = {q[2] * q[1], q[1], 1}, by_time[3] = {q[2] * q[1], 1, q[2]};
  int64_t padded[3] = {q[2] * (2 * q[1] + 3) + 1, 2 * q[1] + 3, 2};
  const int64_t *stride = layout == LAYOUT_BHTD     ? by_time
                          : layout == LAYOUT_PADDED ? padded
                                                    : plain;
  return tensor_new("lse", SEQMIX_F32, 3, shape, stride, skew);
}

static void new_outputs(attention_data *data) {
  const attention_case *spec = &data->spec;
  case_layout layout = layout_of_outputs(spec->layout);
  const int64_t *q = data->tensors[SLOT_Q]->view.shape;
  int64_t out[4] = {q[0], q[1], q[2], spec->dv};
  int64_t scores[4] = {spec->batch, spec->hq, data->query_extent, data->key_extent};
  data->tensors[SLOT_OUT] =
      layout_tensor("out", spec->out_f32 ? SEQMIX_F32 : spec->dtype, out, layout, spec->skew);
  if (!spec->no_lse) data->tensors[SLOT_LSE] = new_lse(data, layout, spec->skew);
  if (spec->scores) {
    data->tensors[SLOT_SCORES] = layout_tensor(
        "scores", spec->scores_f32 ? SEQMIX_F32 : spec->dtype, scores, layout, spec->skew);
  }
  for (int slot = SLOT_OUT; slot <= SLOT_SCORES; slot++) {
    if (data->tensors[slot]) tensor_poison(data->tensors[slot]);
  }
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void set_args(attention_data *data) {
  const attention_case *spec = &data->spec;
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  if (spec->scores) args.scores_mode = spec->scores - 1;
  args.head_sharing = spec->tiled_heads ? SEQMIX_HEADS_TILED : SEQMIX_HEADS_INTERLEAVED;
  if (spec->scale) args.scale = spec->scale;
  args.softcap = spec->softcap;
  args.causal = spec->causal;
  if (spec->window) {
    args.window_left = spec->window_left;
    args.window_right = spec->window_right;
  }
  if (spec->offset_kind == OFFSET_VALUE) args.query_offset = spec->offset;
  args.block_map_queries = spec->map_queries;
  args.block_map_keys = spec->map_keys;
  /* The shape of a block map follows from the longest sequences, which only hints tell where
   * cu_seqlens is in device memory. */
  int hints = spec->hints || spec->map_queries;
  if (hints && spec->packed_queries) args.max_seqlen_q = data->query_extent;
  if (hints && spec->packed_keys) args.max_seqlen_k = data->key_extent;
  data->args = args;
}

attention_data attention_draw(const attention_case *spec, uint64_t seed) {
  attention_data data = {.spec = *spec};
  random_state random = random_start(seed);
  if (!data.spec.dtype) data.spec.dtype = SEQMIX_F32;
  if (!data.spec.dv) data.spec.dv = spec->d;
  if (!data.spec.magnitude) data.spec.magnitude = 1;
  if (data.spec.page_size && !data.spec.key_lengths) data.spec.key_lengths = LENGTHS_RANDOM;
  draw_sequences(&data, &random);
  draw_index_arrays(&data);
  if (data.spec.page_size) draw_pages(&data, &random);
  draw_inputs(&data, &random);
  plant(&data);
  attention_draw_tables(&data, &random);
  new_outputs(&data);
  set_args(&data);
  return data;
}

void attention_release(attention_data *data) {
  for (int slot = 0; slot < ATTENTION_SLOTS; slot++) tensor_free(data->tensors[slot]);
  free(data->sequences);
}
