/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sequences.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/segments.h"
#include "core/error.h"

seqmix_status seqmix_take_sequences(const seqmix_checker *checker, const seqmix_sequence_args *args,
                                    const char *name, const seqmix_tensor *tokens,
                                    seqmix_sequences *at) {
  at->count = tokens->shape[0];
  at->length = at->total = tokens->shape[1];
  SEQMIX_TRY(seqmix_check_range(checker, "max_seqlen", args->max_seqlen, 0, INT64_MAX));
  if (!args->cu_seqlens) return SEQMIX_OK;
  SEQMIX_TRY(
      seqmix_take_segments(checker, "cu_seqlens", args->cu_seqlens, name, tokens, &at->count));
  at->cu_seqlens = seqmix_index_view_of(checker, args->cu_seqlens);
  if (args->max_seqlen > 0 && args->max_seqlen < at->length) at->length = args->max_seqlen;
  return SEQMIX_OK;
}

/* ---- states ---------------------------------------------------------------------------------- */

int64_t seqmix_past_rows_expected(const seqmix_sequence_args *args, const seqmix_sequences *at) {
  return args->state_indices ? -1 : at->count;
}

int64_t seqmix_present_rows_expected(const seqmix_sequence_args *args, const seqmix_sequences *at) {
  return args->state_indices || args->state_out_indices ? -1 : at->count;
}

seqmix_status seqmix_take_row_indices(const seqmix_checker *checker,
                                      const seqmix_sequence_args *args, seqmix_sequences *at) {
  if (!args->past_state && !args->present_state)
    SEQMIX_TRY(seqmix_check_absent(checker, "state_indices", args->state_indices,
                                   "without past_state and present_state"));
  if (!args->present_state)
    SEQMIX_TRY(seqmix_check_absent(checker, "state_out_indices", args->state_out_indices,
                                   "without present_state"));
  SEQMIX_TRY(seqmix_take_per_sequence(checker, "state_indices", args->state_indices, at->count,
                                      &at->state_indices));
  at->state_out_indices = at->state_indices;
  return seqmix_take_per_sequence(checker, "state_out_indices", args->state_out_indices, at->count,
                                  &at->state_out_indices);
}

/* One of the two states: gives its rows. */
static seqmix_status take_state(const seqmix_checker *checker, const char *name,
                                const seqmix_argument *state, const seqmix_tensor *tensor,
                                int64_t expected_rows, int is_output, seqmix_view *view,
                                int64_t *rows) {
  if (!tensor) return SEQMIX_OK;
  seqmix_argument must = *state;
  char symbols[32];
  snprintf(symbols, sizeof symbols, "%s, %s", expected_rows < 0 ? "rows" : "N", state->symbols);
  must.name = name;
  must.symbols = symbols;
  must.shape[0] = expected_rows;
  must.is_output = is_output;
  SEQMIX_TRY(seqmix_take_argument(checker, &must, tensor, view));
  *rows = tensor->shape[0];
  return SEQMIX_OK;
}

seqmix_status seqmix_take_states(const seqmix_checker *checker, const seqmix_sequence_args *args,
                                 const seqmix_argument *state, seqmix_sequences *at,
                                 seqmix_view *past, seqmix_view *present) {
  SEQMIX_TRY(take_state(checker, "past_state", state, args->past_state,
                        seqmix_past_rows_expected(args, at), 0, past, &at->past_rows));
  SEQMIX_TRY(take_state(checker, "present_state", state, args->present_state,
                        seqmix_present_rows_expected(args, at), 1, present, &at->present_rows));
  return seqmix_take_row_indices(checker, args, at);
}

int seqmix_is_in_place(const seqmix_view *past, int64_t past_rows, const seqmix_view *present,
                       int64_t present_rows) {
  int same = past->dtype && past->dtype == present->dtype && past->data == present->data &&
             past->byte_offset == present->byte_offset && past_rows == present_rows;
  for (int i = 0; i < 4; i++) same = same && past->stride[i] == present->stride[i];
  return same;
}

/* ---- when all else is known ------------------------------------------------------------------ */

seqmix_status seqmix_check_sequences(const seqmix_checker *checker,
                                     const seqmix_sequence_args *args, int is_in_place,
                                     seqmix_sequences *at) {
  if (!seqmix_is_host(checker)) return SEQMIX_OK;
  if (at->cu_seqlens.bits)
    SEQMIX_TRY(seqmix_check_segments(checker, "cu_seqlens", "max_seqlen", &at->cu_seqlens,
                                     at->count, at->total, args->max_seqlen, &at->length));
  return seqmix_check_state_rows(checker, args, is_in_place, at);
}

int seqmix_writes_nothing(const seqmix_sequences *at) {
  if (at->count == 0) return 1;
  return at->total == 0 && at->present_rows == 0;
}

seqmix_status seqmix_check_state_size(const seqmix_checker *checker, const seqmix_sequences *at,
                                      const int64_t *sizes, int32_t count) {
  int64_t bytes = 2 * (int64_t)sizeof(double); /* a complex number at most */
  int overflows = 0;
  for (int32_t i = 0; i < count; i++)
    overflows = overflows || __builtin_mul_overflow(bytes, sizes[i], &bytes);
  if (!overflows || seqmix_writes_nothing(at)) return SEQMIX_OK;
  char text[80];
  size_t used = 0;
  for (int32_t i = 0; i < count && used < sizeof text; i++)
    used +=
        (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64, i ? " x " : "", sizes[i]);
  return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY,
                     "%s: the state of a sequence is %s elements, which is beyond the address "
                     "space",
                     checker->op, text);
}
