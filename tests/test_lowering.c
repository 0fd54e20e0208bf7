/* SPDX-License-Identifier: Apache-2.0 */
/* What linear_attention hands to backends: features, sizes, defaults and strides, to the letter of
 * seqmix_linear_attention_problem. */
#include "api/linear_attention.h"
#include "invalid/linear_attention_call.h"
#include "support/suite.h"

static const seqmix_device_properties device = {.memory = SEQMIX_MEMORY_HOST};
static linear_attention_call call;
static seqmix_linear_attention_problem problem;

static void lower(void) {
  const seqmix_checker checker = {"linear_attention", &device};
  seqmix_status status = seqmix_lower_linear_attention(&checker, &call.args, &problem);
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
}

static void make(int base) { linear_attention_call_make(&call, NULL, base); }

static void check_strides(const seqmix_view *view, int64_t s0, int64_t s1, int64_t s2, int64_t s3) {
  ck_assert_int_eq(view->stride[0], s0);
  ck_assert_int_eq(view->stride[1], s1);
  ck_assert_int_eq(view->stride[2], s2);
  ck_assert_int_eq(view->stride[3], s3);
}

#define FEATURE(name) ((uint64_t)SEQMIX_LINEAR_ATTENTION_##name)

/* ---- features ------------------------------------------------------------------------------- */

START_TEST(test_features_of_bases) {
  static const uint64_t features[LINEAR_ATTENTION_BASES] = {
      [GATED] = FEATURE(GATED) | FEATURE(DECAY) | FEATURE(NORMALIZE) | FEATURE(INPUT_GATE) |
                FEATURE(FEATURE_MAP) | FEATURE(PAST) | FEATURE(PRESENT) | FEATURE(STATE_INDICES),
      [DELTA] = FEATURE(DELTA) | FEATURE(CHANNEL_DECAY) | FEATURE(CHANNEL_BETA) | FEATURE(ERASE) |
                FEATURE(FEATURE_MAP) | FEATURE(TILED_HEADS) | FEATURE(PAST) | FEATURE(PRESENT),
      [DPLR] = FEATURE(DPLR) | FEATURE(DECAY) | FEATURE(REVERSE) | FEATURE(PRESENT),
      [TWO_WAYS] = FEATURE(GATED) | FEATURE(DECAY) | FEATURE(NORMALIZE) | FEATURE(FEATURE_MAP) |
                   FEATURE(BIDIRECTIONAL),
      [PACKED] = FEATURE(BONUS) | FEATURE(NORMALIZE) | FEATURE(FEATURE_MAP) | FEATURE(PAST) |
                 FEATURE(PRESENT) | FEATURE(PACKED),
  };
  make(_i);
  lower();
  ck_assert_uint_eq(problem.header.features, features[_i]);
  ck_assert_int_eq(problem.header.op, SEQMIX_OP_LINEAR_ATTENTION);
  ck_assert_uint_eq(problem.header.struct_size, sizeof problem);
}
END_TEST

/* Features after one change of a base. */
static uint64_t changed(void) {
  lower();
  return problem.header.features;
}

START_TEST(test_features_of_changes) {
  make(DELTA);
  call.decay.ndim = call.beta.ndim = 3;
  ck_assert(changed() & FEATURE(DECAY));
  ck_assert(!(changed() & FEATURE(CHANNEL_DECAY)));
  ck_assert(changed() & FEATURE(BETA));
  ck_assert(!(changed() & FEATURE(CHANNEL_BETA)));
  call.args.beta = NULL;
  ck_assert(!(changed() & (FEATURE(BETA) | FEATURE(CHANNEL_BETA))));
  make(PACKED);
  call.args.bonus = NULL;
  call.args.causal = 0;
  ck_assert(changed() & FEATURE(NOT_CAUSAL));
  make(DPLR);
  name_rows(&call, STATE_OUT_INDICES, 1, 0);
  ck_assert(changed() & FEATURE(STATE_INDICES));
  make(GATED);
  narrow_to_bf16(&call.q);
  narrow_to_bf16(&call.k);
  narrow_to_bf16(&call.v);
  ck_assert(changed() & FEATURE(OUT_F32));
  ck_assert_int_eq(problem.header.dtype, SEQMIX_BF16);
}
END_TEST

/* Tiled differs from interleaved only where more than one head is shared, and by more than one. */
START_TEST(test_tiled_only_where_it_matters) {
  static const struct {
    int64_t q_heads, k_heads;
    int matters;
  } rows[] = {{4, 4, 0}, {1, 1, 0}, {1, 4, 0}, {4, 1, 0},
              {2, 4, 1}, {4, 2, 1}, {8, 4, 1}, {8, 1, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    make(TWO_WAYS);
    call.args.head_sharing = SEQMIX_HEADS_TILED;
    call.q.shape[2] = rows[i].q_heads;
    call.k.shape[2] = rows[i].k_heads;
    give(&call, OUT, seqmix_tensor_4d(NULL, SEQMIX_F32, 2, 3, rows[i].q_heads > 4 ? 8 : 4, 3));
    ck_assert_msg((changed() & FEATURE(TILED_HEADS)) == rows[i].matters * FEATURE(TILED_HEADS),
                  "row %zu", i);
  }
  make(TWO_WAYS); /* one state that all queries read */
  call.args.head_sharing = SEQMIX_HEADS_TILED;
  call.k.shape[2] = call.v.shape[2] = call.decay.shape[2] = call.decay_reverse.shape[2] = 1;
  ck_assert(!(changed() & FEATURE(TILED_HEADS)));
}
END_TEST

/* ---- sizes and defaults ---------------------------------------------------------------------- */

START_TEST(test_sizes) {
  make(DPLR);
  call.args.chunk_size = 16;
  lower();
  ck_assert_int_eq(problem.sequences, 2);
  ck_assert_int_eq(problem.length, 3);
  ck_assert_int_eq(problem.total, 3);
  ck_assert_int_eq(problem.q_heads, 8);
  ck_assert_int_eq(problem.k_heads, 4);
  ck_assert_int_eq(problem.state_heads, 4);
  ck_assert_int_eq(problem.head_dim, 4);
  ck_assert_int_eq(problem.value_dim, 3);
  ck_assert_int_eq(problem.chunk_size, 16);
  ck_assert_int_eq(problem.update_rule, SEQMIX_UPDATE_DPLR);
  ck_assert_int_eq(problem.past_rows, 0);
  ck_assert_int_eq(problem.present_rows, 2);
  make(PACKED);
  call.args.max_seqlen = 4;
  lower();
  ck_assert_int_eq(problem.sequences, 2);
  ck_assert_int_eq(problem.length, 3);
  ck_assert_int_eq(problem.total, 5);
  ck_assert_int_eq(problem.feature_map, SEQMIX_FEATURE_RELU);
  make(GATED);
  lower();
  ck_assert_int_eq(problem.past_rows, 3);
  ck_assert_int_eq(problem.present_rows, 4);
}
END_TEST

START_TEST(test_defaults) {
  make(GATED);
  lower();
  ck_assert_double_eq(problem.scale, 0.5);
  ck_assert_double_eq(problem.eps, 0.01);
  ck_assert_double_eq(problem.floor, 1);
  call.args.floor = 0.25;
  call.args.scale = -3;
  lower();
  ck_assert_double_eq(problem.floor, 0.25);
  ck_assert_double_eq(problem.scale, -3);
  make(PACKED);
  call.args.normalize = SEQMIX_NORMALIZE_ABS_MAX;
  lower();
  ck_assert_double_eq(problem.floor, 0);
  ck_assert_int_eq(problem.normalize, SEQMIX_NORMALIZE_ABS_MAX);
}
END_TEST

/* In device memory nothing is read, so that the longest sequence is a bound. */
START_TEST(test_device_memory_is_not_read) {
  const seqmix_device_properties elsewhere = {.memory = SEQMIX_MEMORY_CUDA};
  const seqmix_checker checker = {"linear_attention", &elsewhere};
  make(PACKED);
  name_rows(&call, STATE_OUT_INDICES, 77, 77);
  set_index(&call.cu_seqlens, 0, 13);
  call.args.max_seqlen = 4;
  ck_assert_int_eq(seqmix_lower_linear_attention(&checker, &call.args, &problem), SEQMIX_OK);
  ck_assert_int_eq(problem.length, 4);
  call.args.max_seqlen = 0;
  ck_assert_int_eq(seqmix_lower_linear_attention(&checker, &call.args, &problem), SEQMIX_OK);
  ck_assert_int_eq(problem.length, 5);
}
END_TEST

/* ---- views ---------------------------------------------------------------------------------- */

START_TEST(test_views_of_rows) {
  make(DELTA);
  lower();
  check_strides(&problem.q, 24, 8, 4, 1);
  check_strides(&problem.out, 36, 12, 3, 1);
  check_strides(&problem.decay, 48, 16, 4, 1);
  check_strides(&problem.beta, 36, 12, 3, 1);
  check_strides(&problem.erase, 48, 16, 4, 1);
  ck_assert_ptr_eq(problem.erase.data, call.erase.data);
  call.decay.ndim = call.beta.ndim = 3;
  lower();
  check_strides(&problem.decay, 48, 16, 4, 0);
  check_strides(&problem.beta, 36, 12, 3, 0);
  make(DPLR);
  lower();
  check_strides(&problem.decay, 0, 0, 1, 0);
  check_strides(&problem.a, 48, 16, 4, 1);
  check_strides(&problem.b, 48, 16, 4, 1);
  make(PACKED);
  lower();
  check_strides(&problem.v, 0, 12, 3, 1);
  check_strides(&problem.out, 0, 12, 3, 1);
  check_strides(&problem.bonus, 4, 1, 0, 0);
  make(GATED);
  lower();
  check_strides(&problem.input_gate, 12, 4, 1, 0);
  ck_assert_int_eq(problem.bonus.dtype, 0);
}
END_TEST

START_TEST(test_views_of_states) {
  make(GATED);
  lower();
  check_strides(&problem.past_state, 48, 12, 3, 1);
  check_strides(&problem.past_normalizer, 16, 4, 1, 0);
  check_strides(&problem.past_stabilizer, 4, 1, 0, 0);
  check_strides(&problem.present_state, 48, 12, 3, 1);
  check_strides(&problem.present_normalizer, 16, 4, 1, 0);
  check_strides(&problem.present_stabilizer, 4, 1, 0, 0);
  ck_assert_ptr_eq(problem.present_state.data, call.present_state.data);
  ck_assert_ptr_eq(problem.state_out_indices.data, call.state_out_indices.data);
  make(DELTA);
  lower();
  ck_assert_int_eq(problem.past_state.dtype, SEQMIX_BF16);
  ck_assert_int_eq(problem.past_normalizer.dtype, 0);
}
END_TEST

/* What was not given is what stands for it. */
START_TEST(test_views_that_stand_for_others) {
  make(TWO_WAYS);
  lower();
  ck_assert_ptr_eq(problem.decay_reverse.data, call.decay_reverse.data);
  call.args.decay_reverse = NULL;
  lower();
  ck_assert_ptr_eq(problem.decay_reverse.data, call.decay.data);
  check_strides(&problem.decay_reverse, 12, 4, 1, 0);
  make(GATED);
  call.args.state_out_indices = NULL;
  lower();
  ck_assert_ptr_eq(problem.state_out_indices.data, call.state_indices.data);
  ck_assert_int_eq(problem.state_out_indices.bits, 32);
  make(DPLR);
  lower();
  ck_assert_int_eq(problem.decay_reverse.dtype, 0);
  ck_assert_int_eq(problem.state_indices.bits, 0);
  ck_assert_int_eq(problem.state_out_indices.bits, 0);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("lowering");
  TCase *tcase = tcase_create("linear_attention");
  suite_add_loop(tcase, test_features_of_bases, 0, LINEAR_ATTENTION_BASES);
  suite_add(tcase, test_features_of_changes);
  suite_add(tcase, test_tiled_only_where_it_matters);
  suite_add(tcase, test_sizes);
  suite_add(tcase, test_defaults);
  suite_add(tcase, test_device_memory_is_not_read);
  suite_add(tcase, test_views_of_rows);
  suite_add(tcase, test_views_of_states);
  suite_add(tcase, test_views_that_stand_for_others);
  suite_add_tcase(suite, tcase);
  return suite;
}
