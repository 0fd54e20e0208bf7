/* SPDX-License-Identifier: Apache-2.0 */
/* What queries read from a state, and the row of out it becomes. Private to the reference's
 * linear_attention. */
#ifndef SEQMIX_REFERENCE_LINEAR_ATTENTION_READ_H
#define SEQMIX_REFERENCE_LINEAR_ATTENTION_READ_H

#include "reference/linear_attention_state.h"

/* Numerators, then the denominator with normalize, all times exp(-m). */
typedef struct linear_reading {
  double *sums;
  double m;
} linear_reading;

/** scale * S^T q for the query that has been loaded. */
void seqmix_linear_read_state(const linear_state *state, linear_reading *reading);

/**
 * scale * ((bonus k) v^T)^T q, the bonus being 1 if there is none. An input gate's factor is held
 * in m, as with states.
 */
void seqmix_linear_read_token(const linear_state *state, int64_t t, linear_reading *reading);

/** result += sign * term, both brought to the larger m. */
void seqmix_linear_reading_add(const linear_state *state, linear_reading *result,
                               const linear_reading *term, double sign);

/** Divides as normalize says and rounds the result into row t of head h of out. */
void seqmix_linear_write_row(const linear_state *state, const linear_reading *result, int64_t t,
                             int64_t h);

#endif
