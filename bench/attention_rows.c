/* SPDX-License-Identifier: Apache-2.0 */
/* A sample of rows, computed by the device `reference`.
 *
 * For a sequence and a kv head the chosen queries become a batch of sequences of one query each,
 * all on the same keys (stride 0), each with its own position in `query_offsets`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <seqmix/backend.h>

#include "bench/attention.h"

#define MOST_POSITIONS 96

/* ---- which rows ---------------------------------------------------------------------------- */

static void add_position(int64_t *positions, int *count, int64_t t, int64_t tq) {
  if (t < 0 || t >= tq) return;
  for (int i = 0; i < *count; i++)
    if (positions[i] == t) return;
  positions[(*count)++] = t;
}

/* The first, the last and the middle query, and those around the first and last edge of tiles of
 * any usual size. */
static int choose_positions(int64_t tq, int64_t *positions) {
  static const int64_t edges[] = {16, 64, 96, 128};
  int count = 0;
  add_position(positions, &count, 0, tq);
  add_position(positions, &count, tq - 1, tq);
  add_position(positions, &count, tq / 2, tq);
  for (int e = 0; e < 4; e++)
    for (int64_t around = -1; around <= 1; around++) {
      add_position(positions, &count, edges[e] + around, tq);
      add_position(positions, &count, (tq - 1) / edges[e] * edges[e] + around, tq);
    }
  return count;
}

typedef struct row_choice {
  int64_t positions[MOST_POSITIONS];
  int count;
  int64_t heads, batches; /* how many kv heads and sequences */
} row_choice;

static int64_t rows_of(const attention_shape *s, const row_choice *choice) {
  return choice->count * choice->heads * (s->hq / s->hkv) * choice->batches;
}

/* First, middle and last kv head of the first and last sequence; if that is too little, more heads,
 * then more sequences, then more positions. */
static row_choice choose(const attention_shape *s) {
  row_choice choice = {.heads = s->hkv < 3 ? s->hkv : 3, .batches = s->b < 2 ? s->b : 2};
  choice.count = choose_positions(s->tq, choice.positions);
  while (rows_of(s, &choice) < ROWS_LEAST && choice.heads < s->hkv) choice.heads++;
  while (rows_of(s, &choice) < ROWS_LEAST && choice.batches < s->b) choice.batches++;
  for (int64_t i = 0; rows_of(s, &choice) < ROWS_LEAST && i < ROWS_LEAST; i++)
    add_position(choice.positions, &choice.count, rows_spread(i, ROWS_LEAST, s->tq), s->tq);
  return choice;
}

/* ---- the judge's call ---------------------------------------------------------------------- */

/* What one call needs: `n` queries of a group of heads. */
typedef struct judge_memory {
  unsigned char *q;
  uint8_t *map;
  int32_t *offsets, *lengths;
} judge_memory;

static void free_memory(judge_memory *memory) {
  free(memory->q);
  free(memory->map);
  free(memory->offsets);
  free(memory->lengths);
}

static int gather(const attention_instance *in, const row_choice *choice, int64_t b, int64_t g,
                  judge_memory *memory) {
  const attention_shape *s = &in->shape;
  size_t n = (size_t)choice->count, group = (size_t)(s->hq / s->hkv);
  size_t row = group * (size_t)s->d * seqmix_dtype_size(in->dtype);
  size_t columns = (size_t)attention_map_columns(s);
  memory->q = malloc(n * row);
  memory->map = malloc(n * columns + 1);
  memory->offsets = malloc(n * sizeof *memory->offsets);
  memory->lengths = malloc(n * sizeof *memory->lengths);
  if (!memory->q || !memory->map || !memory->offsets || !memory->lengths) return 0;
  const unsigned char *q = in->images[PART_Q].data;
  for (size_t i = 0; i < n; i++) {
    int64_t t = choice->positions[i];
    memcpy(memory->q + i * row, q + ((uint64_t)((b * s->tq + t) * s->hkv + g)) * row, row);
    memory->offsets[i] = (int32_t)(t + s->tk - s->tq);
    memory->lengths[i] = (int32_t)s->tk;
    if (s->block)
      memcpy(memory->map + i * columns,
             (const uint8_t *)in->images[PART_MAP].data + (size_t)(t / s->block) * columns,
             columns);
  }
  return 1;
}

/* All of k or v that the call sees: one kv head of a sequence, n times; or of the pool of pages. */
static seqmix_tensor keys_view(const attention_instance *in, const bench_image *image, int64_t n,
                               int64_t b, int64_t g, int64_t dim) {
  const attention_shape *s = &in->shape;
  int64_t row = s->hkv * dim, pages = s->page ? s->b * attention_pages(s) : n;
  int64_t shape[4] = {pages, s->page ? s->page : s->tk, 1, dim};
  int64_t stride[4] = {s->page ? s->page * row : 0, row, dim, 1};
  seqmix_tensor view = seqmix_tensor_nd(image->data, in->dtype, 4, shape, stride);
  int64_t first = (s->page ? 0 : b * s->tk * row) + g * dim;
  view.byte_offset = (uint64_t)first * seqmix_dtype_size(in->dtype);
  return view;
}

static seqmix_status call_judge(const attention_instance *in, const judge_memory *memory, int64_t n,
                                int64_t b, int64_t g, float *out) {
  const attention_shape *s = &in->shape;
  int64_t group = s->hq / s->hkv;
  seqmix_attention_args args = in->args;
  seqmix_tensor q = seqmix_tensor_4d(memory->q, in->dtype, n, 1, group, s->d);
  seqmix_tensor k = keys_view(in, &in->images[PART_K], n, b, g, s->d);
  seqmix_tensor v = keys_view(in, &in->images[PART_V], n, b, g, s->dv);
  seqmix_tensor result = seqmix_tensor_4d(out, SEQMIX_F32, n, 1, group, s->dv);
  seqmix_tensor offsets = seqmix_tensor_1d(memory->offsets, SEQMIX_I32, n);
  args.q = &q, args.k = &k, args.v = &v, args.out = &result, args.query_offsets = &offsets;
  float *sink = in->images[PART_SINKS].data;
  seqmix_tensor sinks = seqmix_tensor_1d(sink ? sink + g * group : NULL, SEQMIX_F32, group);
  if (s->sinks) args.sinks = &sinks;
  seqmix_tensor map = seqmix_tensor_4d(memory->map, SEQMIX_U8, n, 1, 1, attention_map_columns(s));
  if (s->block) args.block_map = &map;
  int64_t pages = attention_pages(s);
  int32_t *table = in->images[PART_TABLE].data;
  seqmix_tensor lengths = seqmix_tensor_1d(memory->lengths, SEQMIX_I32, n);
  seqmix_tensor pages_of = seqmix_tensor_nd(table ? table + b * pages : NULL, SEQMIX_I32, 2,
                                            (int64_t[]){n, pages}, (int64_t[]){0, 1});
  if (s->page) args.key_lengths = &lengths, args.block_table = &pages_of;
  return seqmix_attention(in->world->reference, &args);
}

/* ---- expected rows ------------------------------------------------------------------------- */

/* Appends the rows of a sequence and kv head. */
static int expect_group(attention_instance *in, const row_choice *choice, int64_t b, int64_t g,
                        char *error) {
  const attention_shape *s = &in->shape;
  bench_rows *rows = &in->rows;
  judge_memory memory = {0};
  int64_t group = s->hq / s->hkv;
  if (!gather(in, choice, b, g, &memory)) {
    snprintf(error, BENCH_TEXT, "not enough memory to verify");
    free_memory(&memory);
    return 0;
  }
  seqmix_status status =
      call_judge(in, &memory, choice->count, b, g, rows->expected + rows->count * s->dv);
  free_memory(&memory);
  if (status) {
    snprintf(error, BENCH_TEXT, "reference: %s", seqmix_last_error());
    return 0;
  }
  for (int i = 0; i < choice->count; i++)
    for (int64_t h = 0; h < group; h++)
      rows->row[rows->count++] = (b * s->tq + choice->positions[i]) * s->hq + g * group + h;
  return 1;
}

int attention_expect(attention_instance *in, char *error) {
  const attention_shape *s = &in->shape;
  bench_rows *rows = &in->rows;
  if (rows->count) return 1;
  row_choice choice = choose(s);
  if (!rows_allocate(rows, rows_of(s, &choice), s->dv, error)) return 0;
  for (int64_t b = 0; b < choice.batches; b++)
    for (int64_t g = 0; g < choice.heads; g++)
      if (!expect_group(in, &choice, rows_spread(b, choice.batches, s->b),
                        rows_spread(g, choice.heads, s->hkv), error))
        return 0;
  return 1;
}

bench_check attention_compare(const attention_instance *in, const void *out, int32_t dtype) {
  return rows_compare(&in->rows, SEQMIX_OP_ATTENTION, in->dtype, out, dtype);
}
