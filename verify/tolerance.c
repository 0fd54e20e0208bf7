/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/tolerance.h"

#include <math.h>

#include "verify/numbers.h"

/* "Few elements" and "a few roundings" of docs/operators.md. */
#define FEW_ELEMENTS 256
#define FEW_ROUNDINGS 4

enum tolerance_row {
  TOLERANCE_ATTENTION_FORWARD,
  TOLERANCE_LINEAR_ATTENTION_FORWARD,
  TOLERANCE_SCAN,
  TOLERANCE_ROWS
};
enum tolerance_column { COLUMN_F32, COLUMN_F16, COLUMN_BF16, COLUMN_F64, COLUMNS };

static const struct {
  double norm, largest;
} table[TOLERANCE_ROWS][COLUMNS] = {
    [TOLERANCE_ATTENTION_FORWARD] = {{2e-6, 2e-5}, {5e-4, 2e-3}, {4e-3, 1.6e-2}},
    [TOLERANCE_LINEAR_ATTENTION_FORWARD] = {{5e-6, 5e-5}, {1e-3, 4e-3}, {8e-3, 3.2e-2}},
    [TOLERANCE_SCAN] = {{1e-6, 1e-5}, {5e-4, 2e-3}, {4e-3, 1.6e-2}, {1e-13, 1e-12}},
};

static const enum tolerance_row row_of[SEQMIX_OPERATOR_COUNT] = {
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) \
  [SEQMIX_OP_##NAME] = TOLERANCE_##tolerance,
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR
};

static enum tolerance_column column_of(int32_t type) {
  switch (type) {
    case SEQMIX_F16: return COLUMN_F16;
    case SEQMIX_BF16: return COLUMN_BF16;
    case SEQMIX_F64: return COLUMN_F64;
    default: return COLUMN_F32;
  }
}

test_bound tolerance_bound(seqmix_operator op, int32_t type, int32_t out_type, int64_t elements,
                           double value_size, double score_limit) {
  enum tolerance_row row = row_of[op];
  enum tolerance_column column = column_of(type);
  test_bound bound = {table[row][column].norm, table[row][column].largest, 0,
                      number_step(out_type)};
  if (score_limit > 8) {
    bound.norm = fmax(bound.norm, table[row][COLUMN_F32].norm * score_limit / 8);
    bound.largest = fmax(bound.largest, table[row][COLUMN_F32].largest * score_limit / 8);
  }
  if (elements < FEW_ELEMENTS) {
    double roundings = FEW_ROUNDINGS * number_rounding(out_type);
    bound.norm = fmax(bound.norm, roundings);
    bound.largest = fmax(bound.largest, roundings);
    bound.floor = 0.1 * value_size;
  }
  return bound;
}

test_bound tolerance_log_bound(seqmix_operator op, double score_limit) {
  enum tolerance_row row = row_of[op];
  double magnified = fmax(1, score_limit / 8);
  test_bound bound = {table[row][COLUMN_F32].norm * magnified,
                      table[row][COLUMN_F32].largest * magnified, 1, number_step(SEQMIX_F32)};
  return bound;
}
