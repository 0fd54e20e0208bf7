/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention as its definition has it, a token at a time. Compiled once per level.
 *
 * The columns of a state do not see each other: a few of them, which fit into the innermost cache,
 * go through all tokens before the next. */
#include <string.h>

#include "bench/level.h"
#include "cpu/simd/level.h"
#include "cpu/simd/vector.h"

/* Vectors of columns. */
#define WIDE 4
#define COLUMNS ((int64_t)WIDE * LANES)

int64_t LEVEL(bench_recurrence_columns)(void);
void LEVEL(bench_recur)(const recurrence *r);

int64_t LEVEL(bench_recurrence_columns)(void) { return COLUMNS; }

/* Which parts a rule has: constant where a token is taken, so that each rule is a loop without
 * branches. */
typedef struct rule_parts {
  int is_delta, is_dplr, has_bonus;
} rule_parts;

typedef struct token_inputs {
  const float *q, *k, *a, *b;
  const float *factor;
  int64_t factor_row; /* distance from one row's factor to the next */
} token_inputs;

SEQMIX_INLINE token_inputs inputs_of(const recurrence *r, int64_t t) {
  static const float one = 1;
  return (token_inputs){
      .q = r->q + t * r->q_step,
      .k = r->k + t * r->k_step,
      .a = r->a ? r->a + t * r->ab_step : NULL,
      .b = r->b ? r->b + t * r->ab_step : NULL,
      .factor = r->factor ? r->factor + t * r->factor_step : &one,
      .factor_row = r->factor && r->factor_per_row,
  };
}

/* read[] = S^T a, or what the decayed state has for k. */
SEQMIX_INLINE void read_state(const recurrence *r, const token_inputs *in, rule_parts parts,
                              vec read[WIDE]) {
  for (int j = 0; j < WIDE; j++) read[j] = vec_of(0);
  for (int64_t d = 0; d < r->dim; d++) {
    float left = parts.is_dplr ? in->a[d] : in->k[d] * in->factor[d * in->factor_row];
    const float *row = r->state + d * COLUMNS;
#pragma GCC unroll 4
    for (int j = 0; j < WIDE; j++) read[j] += vec_load(row + (int64_t)j * LANES) * left;
  }
}

/* Changes the state and reads it with q. */
SEQMIX_INLINE void change_state(const recurrence *r, const token_inputs *in, rule_parts parts,
                                const vec add[WIDE], const vec read[WIDE], vec out[WIDE]) {
  for (int j = 0; j < WIDE; j++) out[j] = vec_of(0);
  for (int64_t d = 0; d < r->dim; d++) {
    float factor = in->factor[d * in->factor_row];
    float *row = r->state + d * COLUMNS;
#pragma GCC unroll 4
    for (int j = 0; j < WIDE; j++) {
      vec before = vec_load(row + (int64_t)j * LANES), change = add[j] * in->k[d];
      if (parts.has_bonus) out[j] += (before + change * r->bonus[d]) * in->q[d];
      if (parts.is_dplr) change += read[j] * in->b[d];
      vec after = before * factor + change;
      if (!parts.has_bonus) out[j] += after * in->q[d];
      vec_store(row + (int64_t)j * LANES, after);
    }
  }
}

/* Values as a whole block, zeros behind the columns there are. */
SEQMIX_INLINE void load_columns(const float *from, int64_t count, vec to[WIDE]) {
  float block[COLUMNS] = {0};
  memcpy(block, from, (size_t)count * sizeof *block);
  for (int j = 0; j < WIDE; j++) to[j] = vec_load(block + (int64_t)j * LANES);
}

SEQMIX_INLINE void correct(const recurrence *r, int64_t t, const vec read[WIDE], vec add[WIDE]) {
  vec beta[WIDE];
  const float *from = r->beta ? r->beta + t * r->beta_step : NULL;
  for (int j = 0; j < WIDE; j++) beta[j] = vec_of(from ? *from : 1);
  if (from && r->beta_per_column) load_columns(from, r->columns, beta);
  for (int j = 0; j < WIDE; j++) add[j] = beta[j] * (add[j] - read[j]);
}

SEQMIX_INLINE void take_tokens(const recurrence *r, rule_parts parts) {
  for (int64_t t = 0; t < r->tokens; t++) {
    token_inputs in = inputs_of(r, t);
    vec add[WIDE], read[WIDE], out[WIDE];
    load_columns(r->v + t * r->v_step, r->columns, add);
    if (parts.is_delta || parts.is_dplr) read_state(r, &in, parts, read);
    if (parts.is_delta) correct(r, t, read, add);
    change_state(r, &in, parts, add, read, out);
    float block[COLUMNS];
    for (int j = 0; j < WIDE; j++) vec_store(block + (int64_t)j * LANES, out[j] * r->scale);
    memcpy(r->out + t * r->out_step, block, (size_t)r->columns * sizeof *block);
  }
}

void LEVEL(bench_recur)(const recurrence *r) {
  if (r->a)
    take_tokens(r, (rule_parts){.is_dplr = 1});
  else if (r->is_delta)
    take_tokens(r, (rule_parts){.is_delta = 1});
  else if (r->bonus)
    take_tokens(r, (rule_parts){.has_bonus = 1});
  else
    take_tokens(r, (rule_parts){0});
}
