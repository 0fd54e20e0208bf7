/* SPDX-License-Identifier: Apache-2.0 */
/* Past and present states with their companions. */
#include "api/linear_attention.h"
#include "core/error.h"

/* The state tensors of one time: they are given together or not at all. */
typedef struct moment {
  const char *state_name;
  const char *normalizer_name;
  const char *stabilizer_name;
  const char *without_state; /* for messages */
  const seqmix_tensor *state;
  const seqmix_tensor *normalizer;
  const seqmix_tensor *stabilizer;
  int64_t rows; /* that they must have, -1: any */
  int is_output;
} moment;

/* A state's companion: called for by an option beside the state, else refused. */
static seqmix_status check_companion(const seqmix_checker *checker, const moment *of,
                                     const char *name, const seqmix_tensor *tensor, int is_used,
                                     const char *with_option, const char *without_option) {
  if (!is_used) return seqmix_check_absent(checker, name, tensor, without_option);
  if (!of->state) return seqmix_check_absent(checker, name, tensor, of->without_state);
  return seqmix_check_given(checker, name, tensor, with_option);
}

static seqmix_status check_completeness(const seqmix_checker *checker, const moment *of,
                                        const seqmix_linear_attention_problem *p) {
  int has_gate = (p->header.features & SEQMIX_LINEAR_ATTENTION_INPUT_GATE) != 0;
  if (p->header.features & SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL)
    SEQMIX_TRY(seqmix_check_absent(checker, of->state_name, of->state, "with bidirectional"));
  SEQMIX_TRY(check_companion(checker, of, of->normalizer_name, of->normalizer, p->normalize != 0,
                             "with normalize and a state", "without normalize"));
  return check_companion(checker, of, of->stabilizer_name, of->stabilizer, has_gate,
                         "with input_gate and a state", "without input_gate");
}

static seqmix_status take_state(const seqmix_checker *checker, const char *name,
                                const seqmix_tensor *tensor, uint32_t types,
                                const int64_t *expected, int32_t rank, const char *symbols,
                                int is_output, seqmix_view *view) {
  if (!tensor) return SEQMIX_OK;
  SEQMIX_TRY(seqmix_check_tensor(checker, name, tensor, rank, rank));
  SEQMIX_TRY(seqmix_check_dtype(checker, name, tensor, types));
  SEQMIX_TRY(seqmix_check_shape(checker, name, tensor, expected, symbols));
  if (is_output) SEQMIX_TRY(seqmix_check_distinct(checker, name, tensor));
  int32_t axes[4];
  for (int32_t i = 0; i < 4; i++) axes[i] = i < rank ? i : -1;
  *view = seqmix_view_of(checker, tensor, axes);
  return SEQMIX_OK;
}

static seqmix_status lower_moment(const seqmix_checker *checker, const moment *of,
                                  const seqmix_linear_attention_problem *p, seqmix_view *state,
                                  seqmix_view *normalizer, seqmix_view *stabilizer, int64_t *rows) {
  SEQMIX_TRY(check_completeness(checker, of, p));
  if (!of->state) return SEQMIX_OK;
  /* Where any number of rows will do, it is the state's, and the others follow. */
  int64_t expected[] = {of->rows, p->state_heads, p->head_dim, p->value_dim};
  SEQMIX_TRY(take_state(checker, of->state_name, of->state, SEQMIX_FLOAT_BITS, expected, 4,
                        of->rows < 0 ? "[rows, Hs, D, Dv]" : "[N, Hs, D, Dv]", of->is_output,
                        state));
  expected[0] = *rows = of->state->shape[0];
  SEQMIX_TRY(take_state(checker, of->normalizer_name, of->normalizer, SEQMIX_FLOAT_BITS, expected,
                        3, "[state's rows, Hs, D]", of->is_output, normalizer));
  return take_state(checker, of->stabilizer_name, of->stabilizer, SEQMIX_F32_BIT, expected, 2,
                    "[state's rows, Hs]", of->is_output, stabilizer);
}

seqmix_status seqmix_lower_linear_attention_states(const seqmix_checker *checker,
                                                   const seqmix_linear_attention_args *args,
                                                   const seqmix_sequence_args *sequence_args,
                                                   seqmix_sequences *at,
                                                   seqmix_linear_attention_problem *p) {
  const moment past = {"past_state",
                       "past_normalizer",
                       "past_stabilizer",
                       "without past_state",
                       args->past_state,
                       args->past_normalizer,
                       args->past_stabilizer,
                       seqmix_past_rows_expected(sequence_args, at),
                       0};
  const moment present = {"present_state",
                          "present_normalizer",
                          "present_stabilizer",
                          "without present_state",
                          args->present_state,
                          args->present_normalizer,
                          args->present_stabilizer,
                          seqmix_present_rows_expected(sequence_args, at),
                          1};
  SEQMIX_TRY(lower_moment(checker, &past, p, &p->past_state, &p->past_normalizer,
                          &p->past_stabilizer, &at->past_rows));
  SEQMIX_TRY(lower_moment(checker, &present, p, &p->present_state, &p->present_normalizer,
                          &p->present_stabilizer, &at->present_rows));
  if (past.state) p->header.features |= SEQMIX_LINEAR_ATTENTION_PAST;
  if (present.state) p->header.features |= SEQMIX_LINEAR_ATTENTION_PRESENT;
  SEQMIX_TRY(seqmix_take_row_indices(checker, sequence_args, at));
  if (at->state_out_indices.bits) p->header.features |= SEQMIX_LINEAR_ATTENTION_STATE_INDICES;
  return SEQMIX_OK;
}
