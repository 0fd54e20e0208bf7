/* SPDX-License-Identifier: Apache-2.0 */
/* The four operators of scan_call.h: their tensors and the calls that tables start from. */
#include "scan_call.h"

/* The arguments that all but prefix_scan have in common. */
#define PLACE(args, member, kind, is_per_time, is_number) \
  { #member, offsetof(args, member), kind, is_per_time, is_number }
#define SEQUENCE_PLACES(args)                                                              \
  [PAST_STATE] = PLACE(args, past_state, SUBJECT_FREE_SIZES, 0, 1),                        \
  [PRESENT_STATE] = PLACE(args, present_state, SUBJECT_OUTPUT | SUBJECT_FREE_SIZES, 0, 1), \
  [STATE_INDICES] = PLACE(args, state_indices, SUBJECT_INDEX, 0, 0),                       \
  [STATE_OUT_INDICES] = PLACE(args, state_out_indices, SUBJECT_INDEX, 0, 0),               \
  [CU_SEQLENS] = PLACE(args, cu_seqlens, SUBJECT_INDEX | SUBJECT_SETS_SIZES, 0, 0)

/* An operator whose places and make_<name>() stand before; its functions take arguments of their
 * own type. */
#define OPERATOR(op, OP, base_count)                                                           \
  static seqmix_status run_##op(seqmix_context *context, const void *args) {                   \
    return seqmix_##op(context, args);                                                         \
  }                                                                                            \
  static seqmix_status size_##op(seqmix_context *context, const void *args, uint64_t *bytes) { \
    return seqmix_##op##_workspace_size(context, args, bytes);                                 \
  }                                                                                            \
  static const seqmix_##op##_args initial_##op = SEQMIX_##OP##_ARGS_INIT;                      \
  const scan_operator op##_calls = {                                                           \
      .name = #op,                                                                             \
      .tensors = sizeof places_##op / sizeof *places_##op,                                     \
      .bases = base_count,                                                                     \
      .places = places_##op,                                                                   \
      .initial = &initial_##op,                                                                \
      .args_bytes = sizeof initial_##op,                                                       \
      .workspace = offsetof(seqmix_##op##_args, workspace),                                    \
      .make = make_##op,                                                                       \
      .run = run_##op,                                                                         \
      .workspace_size = size_##op,                                                             \
  };

enum {
  REQUIRED_SIZES = SUBJECT_REQUIRED | SUBJECT_SETS_SIZES,
  REQUIRED_OUTPUT = SUBJECT_REQUIRED | SUBJECT_OUTPUT
};

/* ---- what bases have in common --------------------------------------------------------------- */

/* Shape of tokens. */
static int64_t batch_of(int base) { return base == PACKED ? 1 : 2; }
static int64_t time_of(int base) { return base == PACKED ? 5 : 3; }

/* States [rows, n1, n2] and the arrays that name their rows. */
static void give_states(scan_call *call, int base, int64_t n1, int64_t n2) {
  if (base == PLAIN) return;
  give(call, PAST_STATE, base == POOL ? 3 : 2, n1, n2, 0);
  give(call, PRESENT_STATE, base == POOL ? 4 : 2, n1, n2, 0);
  if (base == POOL) {
    name_rows(call, STATE_INDICES, 2, 0);
    name_rows(call, STATE_OUT_INDICES, 1, 3);
  }
  if (base == PACKED) give_indices(call, CU_SEQLENS, 3, (const int32_t[]){0, 2, 5});
}

/* ---- linear_recurrence ----------------------------------------------------------------------- */

static const scan_place places_linear_recurrence[] = {
    SEQUENCE_PLACES(seqmix_linear_recurrence_args),
    [TOKENS] = PLACE(seqmix_linear_recurrence_args, b, REQUIRED_SIZES, 1, 1),
    [OUT] = PLACE(seqmix_linear_recurrence_args, out, REQUIRED_OUTPUT, 1, 1),
    [FACTOR] = PLACE(seqmix_linear_recurrence_args, a, SUBJECT_REQUIRED, 1, 1),
};

static void make_linear_recurrence(scan_call *call, int base) {
  seqmix_linear_recurrence_args *args = &call->args.linear_recurrence;
  const int64_t batch = batch_of(base), time = time_of(base);
  call->is_complex = args->is_complex = base == COMPLEX;
  give(call, TOKENS, batch, time, 4, 0);
  give(call, OUT, batch, time, 4, 0);
  if (base == PLAIN)
    give(call, FACTOR, 4, 0, 0, 0);
  else
    give(call, FACTOR, batch, time, 4, 0);
  give_states(call, base, 4, 0);
  if (base == STATES) narrow_to_bf16(&call->t[PAST_STATE]);
  if (base == PACKED) args->max_seqlen = 3;
  args->reverse = base == POOL;
}

OPERATOR(linear_recurrence, LINEAR_RECURRENCE, SCAN_BASES)

/* ---- selective_scan -------------------------------------------------------------------------- */

static const scan_place places_selective_scan[] = {
    SEQUENCE_PLACES(seqmix_selective_scan_args),
    [TOKENS] = PLACE(seqmix_selective_scan_args, u, REQUIRED_SIZES, 1, 0),
    [OUT] = PLACE(seqmix_selective_scan_args, out, REQUIRED_OUTPUT, 1, 0),
    [STEP] = PLACE(seqmix_selective_scan_args, delta, SUBJECT_REQUIRED, 1, 0),
    [MATRIX_A] = PLACE(seqmix_selective_scan_args, A, REQUIRED_SIZES, 0, 1),
    [MATRIX_B] = PLACE(seqmix_selective_scan_args, B, REQUIRED_SIZES, 1, 1),
    [MATRIX_C] = PLACE(seqmix_selective_scan_args, C, SUBJECT_REQUIRED, 1, 1),
    [VECTOR_D] = PLACE(seqmix_selective_scan_args, D, 0, 0, 0),
    [GATE] = PLACE(seqmix_selective_scan_args, z, 0, 1, 0),
    [STEP_BIAS] = PLACE(seqmix_selective_scan_args, delta_bias, 0, 0, 0),
};

static void make_selective_scan(scan_call *call, int base) {
  seqmix_selective_scan_args *args = &call->args.selective_scan;
  const int64_t batch = batch_of(base), time = time_of(base);
  call->is_complex = args->is_complex = base == COMPLEX;
  give(call, TOKENS, batch, time, 4, 0);
  give(call, OUT, batch, time, 4, 0);
  give(call, STEP, batch, time, 4, 0);
  give(call, MATRIX_A, 4, 3, 0, 0);
  give(call, MATRIX_B, batch, time, 2, 3);
  give(call, MATRIX_C, batch, time, 2, 3);
  if (base == POOL) {
    give(call, VECTOR_D, 4, 0, 0, 0);
    give(call, GATE, batch, time, 4, 0);
    give(call, STEP_BIAS, 4, 0, 0, 0);
    args->delta_softplus = 1;
  }
  give_states(call, base, 4, 3);
  if (base == STATES) narrow_to_bf16(&call->t[PAST_STATE]);
  if (base == PACKED) args->max_seqlen = 3;
}

OPERATOR(selective_scan, SELECTIVE_SCAN, SCAN_BASES)

/* ---- causal_conv1d --------------------------------------------------------------------------- */

static const scan_place places_causal_conv1d[] = {
    SEQUENCE_PLACES(seqmix_causal_conv1d_args),
    [TOKENS] = PLACE(seqmix_causal_conv1d_args, x, REQUIRED_SIZES, 1, 0),
    [OUT] = PLACE(seqmix_causal_conv1d_args, out, REQUIRED_OUTPUT, 1, 0),
    [WEIGHT] =
        PLACE(seqmix_causal_conv1d_args, weight, SUBJECT_REQUIRED | SUBJECT_FREE_SIZES, 0, 0),
    [BIAS] = PLACE(seqmix_causal_conv1d_args, bias, 0, 0, 0),
};

static void make_causal_conv1d(scan_call *call, int base) {
  seqmix_causal_conv1d_args *args = &call->args.causal_conv1d;
  const int64_t batch = batch_of(base), time = time_of(base);
  give(call, TOKENS, batch, time, 4, 0);
  give(call, OUT, batch, time, 4, 0);
  give(call, WEIGHT, 4, 4, 0, 0);
  if (base == POOL) {
    give(call, BIAS, 4, 0, 0, 0);
    args->activation = SEQMIX_ACTIVATION_SILU;
  }
  give_states(call, base, 3, 4);
  if (base == PACKED) args->max_seqlen = 3;
}

OPERATOR(causal_conv1d, CAUSAL_CONV1D, COMPLEX)

/* ---- prefix_scan ----------------------------------------------------------------------------- */

static const scan_place places_prefix_scan[] = {
    [TOKENS] = PLACE(seqmix_prefix_scan_args, x, REQUIRED_SIZES | SUBJECT_SETS_KIND, 0, 0),
    [OUT] = PLACE(seqmix_prefix_scan_args, out, REQUIRED_OUTPUT, 0, 0),
    [CU_SEQLENS] =
        PLACE(seqmix_prefix_scan_args, cu_seqlens, SUBJECT_INDEX | SUBJECT_SETS_SIZES, 0, 0),
};

static void give_both(scan_call *call, int64_t n0, int64_t n1, int64_t n2) {
  give(call, TOKENS, n0, n1, n2, 0);
  give(call, OUT, n0, n1, n2, 0);
}

static void make_prefix_scan(scan_call *call, int base) {
  seqmix_prefix_scan_args *args = &call->args.prefix_scan;
  if (base == SUMS) {
    give_both(call, 2, 3, 4);
    args->axis = 1;
  } else if (base == SEGMENTS) {
    give_both(call, 5, 3, 0);
    give_indices(call, CU_SEQLENS, 3, (const int32_t[]){0, 2, 5});
    args->axis = 0;
    args->op = SEQMIX_SCAN_PRODUCT;
    args->exclusive = 1;
    args->max_seqlen = 3;
  } else {
    give_both(call, 3, 2, 4);
    narrow_to_bf16(&call->t[TOKENS]);
    args->op = SEQMIX_SCAN_LOGSUMEXP;
    args->reverse = 1;
  }
}

OPERATOR(prefix_scan, PREFIX_SCAN, PREFIX_SCAN_BASES)
