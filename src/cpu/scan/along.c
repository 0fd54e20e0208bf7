/* SPDX-License-Identifier: Apache-2.0 */
/* Prefix scans of rows whose tokens are contiguous, in vectors of tokens.
 *
 * Only f32: 16-bit rows are converted on the way to rows of channels (rows.h). */
#include "cpu/scan/along.h"
#include "cpu/scan/walk.h"

/* A row on its way. */
typedef struct row_walk {
  row_carry carry;
  const float *x;
  float *out;
  float last; /* the result so far, for exclusive scans */
} row_walk;

SEQMIX_INLINE void step_groups(scan_kind kind, int is_exclusive, int is_streamed, row_walk *row,
                               int groups) {
  vec y[VECTORS_MOST];
  int64_t count = (int64_t)groups * QUAD * LANES;
  ALL(i, groups * QUAD) y[i] = vec_load(row->x + i * LANES);
  ALL(g, groups) quads_split(y + g * QUAD);
  if (!take_vectors(kind, &row->carry, y, groups)) {
    step_tokens(kind, is_exclusive, &row->carry, row->x, row->out, count);
    if (is_exclusive) row->last = token_result(kind, &row->carry);
  } else {
    ALL(g, groups) {
      vec *of = y + g * QUAD, before = VEC_SHIFT(of[QUAD - 1], vec_of(row->last), 1);
      row->last = is_exclusive ? of[QUAD - 1][LANES - 1] : 0;
      for (int i = QUAD - 1; i > 0 && is_exclusive; i--) of[i] = of[i - 1];
      if (is_exclusive) of[0] = before;
      quads_join(of);
    }
    ALL(i, groups * QUAD)
    is_streamed ? vec_stream(row->out + i * LANES, y[i]) : vec_store(row->out + i * LANES, y[i]);
  }
  row->x += count;
  row->out += count;
}

SEQMIX_INLINE void run_row(scan_kind kind, int is_exclusive, int is_streamed, row_walk row,
                           int64_t tokens) {
  row.carry = (row_carry){kind == SCAN_PRODUCT, 0, -INFINITY};
  row.last = token_result(kind, &row.carry);
  int64_t left = tokens;
  for (; left >= VECTORS_MOST * LANES; left -= VECTORS_MOST * LANES)
    step_groups(kind, is_exclusive, is_streamed, &row, GROUPS_MOST);
  for (; left >= QUAD * LANES; left -= QUAD * LANES)
    step_groups(kind, is_exclusive, is_streamed, &row, 1);
  step_tokens(kind, is_exclusive, &row.carry, row.x, row.out, left);
}

#define RUN(kind)                                                                        \
  case kind:                                                                             \
    if (is_exclusive)                                                                    \
      run_row(kind, 1, 0, row, tokens);                                                  \
    else                                                                                 \
      is_streamed ? run_row(kind, 0, 1, row, tokens) : run_row(kind, 0, 0, row, tokens); \
    break;

static void run_any(scan_kind kind, int is_exclusive, int is_streamed, row_walk row,
                    int64_t tokens) {
  switch (kind) {
    RUN(SCAN_SUM)
    RUN(SCAN_PRODUCT)
    RUN(SCAN_MAX)
    default: RUN(SCAN_LOGSUMEXP)
  }
}

int scan_runs_along(const scan_job *job, const scan_stream *s) {
  return job->kind >= SCAN_SUM && s->x.dtype == SEQMIX_F32 && s->out.dtype == SEQMIX_F32 &&
         s->x.time == 1 && s->out.time == 1;
}

void scan_walk_along(const scan_job *job, const scan_stream *s, const scan_block *block) {
  for (int64_t c = block->c; c < block->c + block->channels; c++) {
    const row_walk row = {.x = (const float *)s->x.data + c * s->x.channel,
                          .out = (float *)s->out.data + c * s->out.channel};
    int is_streamed = s->out.is_streamed && (uintptr_t)row.out % SEQMIX_VECTOR_BYTES == 0;
    run_any(job->kind, job->is_exclusive, is_streamed, row, block->tokens);
  }
}
