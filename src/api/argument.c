/* SPDX-License-Identifier: Apache-2.0 */
#include "api/argument.h"

#include <stdio.h>

#include "core/error.h"

/* Who writes complex numbers down with a type of their own may forget the axis. */
static seqmix_status check_pairs_given(const seqmix_checker *checker, const seqmix_argument *must,
                                       const seqmix_tensor *tensor) {
  if (!must->is_complex || !tensor || tensor->ndim != must->rank) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s has rank %d; with is_complex it must have rank %d, a last axis of "
                     "real and imaginary parts",
                     checker->op, must->name, tensor->ndim, must->rank + 1);
}

seqmix_status seqmix_take_argument(const seqmix_checker *checker, const seqmix_argument *must,
                                   const seqmix_tensor *tensor, seqmix_view *view) {
  int32_t rank = must->rank + (must->is_complex ? 1 : 0);
  int64_t shape[5] = {must->shape[0], must->shape[1], must->shape[2], must->shape[3]};
  char symbols[64];
  int32_t axes[4];
  if (must->is_complex) shape[must->rank] = 2;
  snprintf(symbols, sizeof symbols, "[%s%s]", must->symbols, must->is_complex ? ", 2" : "");
  for (int32_t i = 0; i < 4; i++) axes[i] = i < must->rank ? i : -1;
  SEQMIX_TRY(check_pairs_given(checker, must, tensor));
  SEQMIX_TRY(seqmix_check_tensor(checker, must->name, tensor, rank, rank));
  SEQMIX_TRY(seqmix_check_dtype(checker, must->name, tensor, must->dtypes));
  SEQMIX_TRY(seqmix_check_shape(checker, must->name, tensor, shape, symbols));
  if (must->is_complex) SEQMIX_TRY(seqmix_check_last_contiguous(checker, must->name, tensor));
  if (must->is_output) SEQMIX_TRY(seqmix_check_distinct(checker, must->name, tensor));
  *view = seqmix_view_of(checker, tensor, axes);
  return SEQMIX_OK;
}

seqmix_status seqmix_take_optional(const seqmix_checker *checker, const seqmix_argument *must,
                                   const seqmix_tensor *tensor, seqmix_view *view) {
  return tensor ? seqmix_take_argument(checker, must, tensor, view) : SEQMIX_OK;
}
