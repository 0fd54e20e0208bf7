/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/sequences.h"

#include <stdlib.h>

#include "verify/memory.h"

/* Rows of a pool that belong to no sequence. */
#define SPARE_ROWS 3

/* ---- tokens ---------------------------------------------------------------------------------- */

static int64_t packed_length(const sequence_options *options, int64_t n, random_state *random) {
  int end = n == 0 || n == options->batch - 1;
  if (options->empty_ends && end) return 0;
  if (n == options->batch / 2) return options->t;
  return random_one_in(random, 4) ? 0 : random_integer(random, 0, options->t);
}

static void draw_tokens(test_sequences *s, random_state *random) {
  const sequence_options *options = &s->options;
  s->each = memory_new(((uint64_t)options->batch + 1) * sizeof *s->each);
  s->total = options->packed ? 0 : options->t;
  for (int64_t n = 0; n < options->batch; n++) {
    test_sequence *at = &s->each[n];
    at->start = options->packed ? s->total : 0;
    at->length = options->packed ? packed_length(options, n, random) : options->t;
    at->past_row = at->present_row = n;
    if (options->packed) s->total += at->length;
    if (at->length > s->longest) s->longest = at->length;
  }
}

void sequences_token(const test_sequences *sequences, int64_t n, int64_t i, int64_t index[2]) {
  index[0] = sequences->options.packed ? 0 : n;
  index[1] = sequences->each[n].start + i;
}

/* ---- rows of states -------------------------------------------------------------------------- */

/* 0 .. count-1 in random order. */
static int64_t *shuffled(int64_t count, random_state *random) {
  int64_t *order = memory_new(((uint64_t)count + 1) * sizeof *order);
  for (int64_t i = 0; i < count; i++) {
    int64_t other = random_integer(random, 0, i);
    order[i] = order[other];
    order[other] = i;
  }
  return order;
}

/* In place with rows of their own to write, every sequence leaves its past where it was: the upper
 * half of the pool is written, the lower half read. */
static void draw_pool(test_sequences *s, random_state *random) {
  const sequence_options *options = &s->options;
  int64_t reads = options->batch + SPARE_ROWS, writes = reads;
  int apart = options->in_place && options->pool == POOL_OTHER_ROWS;
  int64_t *from = shuffled(reads, random), *to = shuffled(writes, random);
  for (int64_t n = 0; n < options->batch; n++) {
    test_sequence *at = &s->each[n];
    int shared = options->pool_readers && n > 0 && random_one_in(random, 2);
    if (options->pool != POOL_OUT_ONLY) at->past_row = shared ? from[0] : from[n];
    at->present_row = options->pool == POOL_SAME_ROWS ? at->past_row : to[n] + (apart ? reads : 0);
    if (!options->pool_absences || !random_one_in(random, 3)) continue;
    if (options->pool != POOL_OUT_ONLY && random_one_in(random, 2)) at->past_row = -1;
    if (options->pool == POOL_SAME_ROWS)
      at->present_row = at->past_row;
    else if (random_one_in(random, 2))
      at->present_row = -1;
  }
  s->past_rows = options->pool == POOL_OUT_ONLY ? options->batch : reads + (apart ? writes : 0);
  s->present_rows = options->in_place ? s->past_rows : writes;
  free(from);
  free(to);
}

test_sequences sequences_draw(const sequence_options *options, random_state *random) {
  test_sequences s = {.options = *options};
  draw_tokens(&s, random);
  s.past_rows = s.present_rows = options->batch;
  if (options->pool) draw_pool(&s, random);
  s.kept = memory_new((uint64_t)s.present_rows + 1);
  for (int64_t n = 0; n < options->batch; n++) {
    if (s.each[n].past_row >= 0 && s.each[n].present_row >= 0) s.kept[s.each[n].present_row] = 1;
  }
  return s;
}

void sequences_release(test_sequences *sequences) {
  free(sequences->each);
  free(sequences->kept);
}

/* ---- index tensors --------------------------------------------------------------------------- */

static test_tensor *new_indices(const sequence_options *options, const char *name, int64_t count) {
  int64_t shape[1] = {count}, stride[1] = {options->strided_indices ? 3 : 1};
  test_tensor *tensor = tensor_new(name, options->wide_indices ? SEQMIX_I64 : SEQMIX_I32, 1, shape,
                                   stride, options->skew);
  tensor_fill_gaps(tensor);
  return tensor;
}

test_tensor *sequences_cu_seqlens(const test_sequences *s) {
  if (!s->options.packed) return NULL;
  test_tensor *tensor = new_indices(&s->options, "cu_seqlens", s->options.batch + 1);
  for (int64_t n = 0; n < s->options.batch; n++) {
    tensor_store(tensor, tensor_at(tensor, &n), (double)s->each[n].start);
  }
  tensor_store(tensor, tensor_at(tensor, &s->options.batch), (double)s->total);
  return tensor;
}

test_tensor *sequences_state_indices(const test_sequences *s) {
  if (s->options.pool != POOL_SAME_ROWS && s->options.pool != POOL_OTHER_ROWS) return NULL;
  test_tensor *tensor = new_indices(&s->options, "state_indices", s->options.batch);
  for (int64_t n = 0; n < s->options.batch; n++) {
    tensor_store(tensor, tensor_at(tensor, &n), (double)s->each[n].past_row);
  }
  return tensor;
}

test_tensor *sequences_state_out_indices(const test_sequences *s) {
  if (s->options.pool != POOL_OTHER_ROWS && s->options.pool != POOL_OUT_ONLY) return NULL;
  test_tensor *tensor = new_indices(&s->options, "state_out_indices", s->options.batch);
  for (int64_t n = 0; n < s->options.batch; n++) {
    tensor_store(tensor, tensor_at(tensor, &n), (double)s->each[n].present_row);
  }
  return tensor;
}

/* ---- layouts of states ----------------------------------------------------------------------- */

void state_strides(state_layout layout, int is_past, const int64_t *shape, int axes,
                   int64_t *stride) {
  int64_t step = layout == STATE_PADDED || layout == STATE_REVERSED ? 2 : 1;
  int backwards = layout == STATE_REVERSED && is_past;
  int64_t next = step;
  for (int axis = axes - 1; axis >= 0; axis--) {
    stride[axis] = backwards ? -next : next;
    next = next * shape[axis] + (step > 1 ? 1 + axis : 0);
  }
  if (layout == STATE_TRANSPOSED && axes > 1) {
    stride[axes - 2] = 1;
    stride[axes - 1] = shape[axes - 2];
  }
  if (layout == STATE_SHARED && is_past) stride[0] = 0;
}
