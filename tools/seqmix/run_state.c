/* SPDX-License-Identifier: Apache-2.0 */
/* The states of `seqmix run`. */
#include "run.h"

int64_t run_sequence_count(const seqmix_tensor *cu_seqlens, int64_t batch) {
  if (!cu_seqlens) return batch;
  return cu_seqlens->ndim > 0 && cu_seqlens->shape[0] > 0 ? cu_seqlens->shape[0] - 1 : 0;
}

const seqmix_tensor *run_state(run *r, const char *option, const seqmix_tensor *past, int is_pool,
                               int32_t dtype, int ndim, const int64_t *shape) {
  const char *path = arguments_value(r->arguments, option);
  if (!past) return run_output(r, path, dtype, ndim, shape);
  if (!is_pool) return run_output(r, path, past->dtype, ndim, shape);
  const seqmix_tensor *state = run_output(r, path, past->dtype, past->ndim, past->shape);
  run_begin_with(r, state, past);
  return state;
}
