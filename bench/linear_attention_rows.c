/* SPDX-License-Identifier: Apache-2.0 */
/* A sample of states, computed by the device `reference` through all of their tokens. */
#include <stdio.h>

#include <seqmix/backend.h>

#include "bench/linear_attention.h"

/* Elements of states times tokens the judge goes through, as far as one state is no more: the
 * reference is slow. */
#define MOST_WORK 2.5e8

/* How many states of how many sequences. */
typedef struct state_choice {
  int64_t heads, sequences;
} state_choice;

/* Rows of the output that a state makes. */
static int64_t rows_per_state(const linear_attention_shape *s) {
  return s->t * (linear_attention_out_heads(s) / s->h);
}

/* First, middle and last state of the first and last sequence; fewer if that is too much work, more
 * if it is too few rows. */
static state_choice choose(const linear_attention_shape *s) {
  state_choice choice = {s->h < 3 ? s->h : 3, s->b < 2 ? s->b : 2};
  int64_t rows = rows_per_state(s);
  double work = (double)s->t * (double)(s->d * s->dv);
  while (work * (double)(choice.heads * choice.sequences) > MOST_WORK &&
         choice.heads * choice.sequences > 1) {
    if (choice.sequences > 1)
      choice.sequences--;
    else
      choice.heads--;
  }
  while (rows * choice.heads * choice.sequences < ROWS_LEAST && choice.heads < s->h) choice.heads++;
  while (rows * choice.heads * choice.sequences < ROWS_LEAST && choice.sequences < s->b)
    choice.sequences++;
  return choice;
}

/* Appends the rows of one state: those of the output, and its own. */
static int expect_state(linear_attention_instance *in, int64_t b, int64_t h, char *error) {
  const linear_attention_shape *s = &in->shape;
  bench_rows *rows = &in->rows, *states = &in->state_rows;
  int64_t out_heads = linear_attention_out_heads(s), group = out_heads / s->h;
  void *data[LINEAR_PARTS];
  linear_attention_call call;
  for (int part = 0; part < LINEAR_PARTS; part++) data[part] = in->images[part].data;
  linear_attention_call_one(&call, s, in->dtype, data, b, h);
  seqmix_tensor out =
      seqmix_tensor_4d(rows->expected + rows->count * s->dv, SEQMIX_F32, 1, s->t, group, s->dv);
  seqmix_tensor present;
  call.args.out = &out;
  if (s->states != STATES_NONE) {
    present =
        seqmix_tensor_4d(states->expected + states->count * s->dv, SEQMIX_F32, 1, 1, s->d, s->dv);
    call.args.present_state = &present;
  }
  if (seqmix_linear_attention(in->world->reference, &call.args)) {
    snprintf(error, BENCH_TEXT, "reference: %s", seqmix_last_error());
    return 0;
  }
  for (int64_t t = 0; t < s->t; t++)
    for (int64_t g = 0; g < group; g++)
      rows->row[rows->count++] = (b * s->t + t) * out_heads + h * group + g;
  for (int64_t d = 0; s->states != STATES_NONE && d < s->d; d++)
    states->row[states->count++] = (b * s->h + h) * s->d + d;
  return 1;
}

int linear_attention_expect(linear_attention_instance *in, char *error) {
  const linear_attention_shape *s = &in->shape;
  if (in->rows.count) return 1;
  state_choice choice = choose(s);
  int64_t count = choice.heads * choice.sequences;
  if (!rows_allocate(&in->rows, count * rows_per_state(s), s->dv, error) ||
      !rows_allocate(&in->state_rows, s->states != STATES_NONE ? count * s->d : 1, s->dv, error))
    return 0;
  for (int64_t b = 0; b < choice.sequences; b++)
    for (int64_t h = 0; h < choice.heads; h++)
      if (!expect_state(in, rows_spread(b, choice.sequences, s->b),
                        rows_spread(h, choice.heads, s->h), error))
        return 0;
  return 1;
}

bench_check linear_attention_compare(const linear_attention_instance *in, const void *out,
                                     int32_t dtype, const void *states, int32_t state_dtype) {
  bench_check check = rows_compare(&in->rows, SEQMIX_OP_LINEAR_ATTENTION, in->dtype, out, dtype);
  if (!in->state_rows.count) return check;
  return rows_worse(check, rows_compare(&in->state_rows, SEQMIX_OP_LINEAR_ATTENTION,
                                        rows_coarser(in->dtype, state_dtype), states, state_dtype));
}
