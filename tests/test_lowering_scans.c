/* SPDX-License-Identifier: Apache-2.0 */
/* What scans and the convolution hand to backends: features, sizes and strides, to the letter of
 * their problems in backend.h. */
#include "api/scans.h"
#include "invalid/scan_call.h"
#include "support/suite.h"

static const seqmix_device_properties host = {.memory = SEQMIX_MEMORY_HOST};
static const seqmix_device_properties elsewhere = {.memory = SEQMIX_MEMORY_CUDA};

static scan_call call;
static seqmix_tensor *const t = call.t;
static seqmix_linear_recurrence_problem recurrence;
static seqmix_selective_scan_problem selective;
static seqmix_causal_conv1d_problem conv;
static seqmix_prefix_scan_problem prefix;

static void check(seqmix_status status) {
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
}

/* Lowers the call as it is now. */
static void lower_on(const seqmix_device_properties *device) {
  const seqmix_checker checker = {call.of->name, device};
  if (call.of == &linear_recurrence_calls)
    check(seqmix_lower_linear_recurrence(&checker, &call.args.linear_recurrence, &recurrence));
  if (call.of == &selective_scan_calls)
    check(seqmix_lower_selective_scan(&checker, &call.args.selective_scan, &selective));
  if (call.of == &causal_conv1d_calls)
    check(seqmix_lower_causal_conv1d(&checker, &call.args.causal_conv1d, &conv));
  if (call.of == &prefix_scan_calls)
    check(seqmix_lower_prefix_scan(&checker, &call.args.prefix_scan, &prefix));
}

static void lower(void) { lower_on(&host); }

static void make(const scan_operator *of, int base) {
  scan_call_make(&call, of, NULL, base);
  lower();
}

static void check_header(const seqmix_problem *header, int32_t op, int32_t dtype, size_t bytes) {
  ck_assert_int_eq(header->op, op);
  ck_assert_int_eq(header->dtype, dtype);
  ck_assert_uint_eq(header->struct_size, bytes);
}

static void check_view(const seqmix_view *view, int which, int64_t s0, int64_t s1, int64_t s2,
                       int64_t s3) {
  ck_assert_ptr_eq(view->data, t[which].data);
  ck_assert_int_eq(view->dtype, t[which].dtype);
  ck_assert_int_eq(view->stride[0], s0);
  ck_assert_int_eq(view->stride[1], s1);
  ck_assert_int_eq(view->stride[2], s2);
  ck_assert_int_eq(view->stride[3], s3);
}

/* ---- features -------------------------------------------------------------------------------- */

#define STATE_FEATURES(NAME)                                                               \
  [POOL] = SEQMIX_##NAME##_PAST | SEQMIX_##NAME##_PRESENT | SEQMIX_##NAME##_STATE_INDICES, \
  [STATES] = SEQMIX_##NAME##_PAST | SEQMIX_##NAME##_PRESENT,                               \
  [PACKED] = SEQMIX_##NAME##_PAST | SEQMIX_##NAME##_PRESENT | SEQMIX_##NAME##_PACKED

START_TEST(test_features_of_linear_recurrence) {
  static const uint64_t states[COMPLEX] = {STATE_FEATURES(LINEAR_RECURRENCE)};
  make(&linear_recurrence_calls, POOL);
  ck_assert_uint_eq(recurrence.header.features, states[POOL] | SEQMIX_LINEAR_RECURRENCE_REVERSE);
  make(&linear_recurrence_calls, STATES);
  ck_assert_uint_eq(recurrence.header.features, states[STATES]);
  make(&linear_recurrence_calls, PACKED);
  ck_assert_uint_eq(recurrence.header.features, states[PACKED]);
  make(&linear_recurrence_calls, PLAIN);
  ck_assert_uint_eq(recurrence.header.features, SEQMIX_LINEAR_RECURRENCE_CONSTANT);
  check_header(&recurrence.header, SEQMIX_OP_LINEAR_RECURRENCE, SEQMIX_F32, sizeof recurrence);
  make(&linear_recurrence_calls, COMPLEX);
  ck_assert_uint_eq(recurrence.header.features, states[STATES] | SEQMIX_LINEAR_RECURRENCE_COMPLEX);
  narrow_to_bf16(&t[TOKENS]);
  lower();
  ck_assert(recurrence.header.features & SEQMIX_LINEAR_RECURRENCE_OUT_F32);
  ck_assert_int_eq(recurrence.header.dtype, SEQMIX_BF16);
}
END_TEST

START_TEST(test_features_of_selective_scan) {
  static const uint64_t states[COMPLEX] = {STATE_FEATURES(SELECTIVE_SCAN)};
  make(&selective_scan_calls, POOL);
  ck_assert_uint_eq(selective.header.features,
                    states[POOL] | SEQMIX_SELECTIVE_SCAN_D | SEQMIX_SELECTIVE_SCAN_Z |
                        SEQMIX_SELECTIVE_SCAN_DELTA_BIAS | SEQMIX_SELECTIVE_SCAN_SOFTPLUS);
  make(&selective_scan_calls, PACKED);
  ck_assert_uint_eq(selective.header.features, states[PACKED]);
  make(&selective_scan_calls, COMPLEX);
  ck_assert_uint_eq(selective.header.features, states[STATES] | SEQMIX_SELECTIVE_SCAN_COMPLEX);
  make(&selective_scan_calls, PLAIN);
  ck_assert_uint_eq(selective.header.features, 0);
  check_header(&selective.header, SEQMIX_OP_SELECTIVE_SCAN, SEQMIX_F32, sizeof selective);
  narrow_to_bf16(&t[TOKENS]);
  lower();
  ck_assert_uint_eq(selective.header.features, SEQMIX_SELECTIVE_SCAN_OUT_F32);
}
END_TEST

START_TEST(test_features_of_causal_conv1d) {
  static const uint64_t states[COMPLEX] = {STATE_FEATURES(CAUSAL_CONV1D)};
  make(&causal_conv1d_calls, POOL);
  ck_assert_uint_eq(conv.header.features,
                    states[POOL] | SEQMIX_CAUSAL_CONV1D_BIAS | SEQMIX_CAUSAL_CONV1D_SILU);
  ck_assert_int_eq(conv.activation, SEQMIX_ACTIVATION_SILU);
  make(&causal_conv1d_calls, PACKED);
  ck_assert_uint_eq(conv.header.features, states[PACKED]);
  make(&causal_conv1d_calls, PLAIN);
  ck_assert_uint_eq(conv.header.features, 0);
  check_header(&conv.header, SEQMIX_OP_CAUSAL_CONV1D, SEQMIX_F32, sizeof conv);
  narrow_to_bf16(&t[TOKENS]);
  lower();
  ck_assert_uint_eq(conv.header.features, SEQMIX_CAUSAL_CONV1D_OUT_F32);
}
END_TEST

START_TEST(test_features_of_prefix_scan) {
  make(&prefix_scan_calls, SUMS);
  ck_assert_uint_eq(prefix.header.features, 0);
  check_header(&prefix.header, SEQMIX_OP_PREFIX_SCAN, SEQMIX_F32, sizeof prefix);
  call.args.prefix_scan.op = SEQMIX_SCAN_MAX;
  lower();
  ck_assert_uint_eq(prefix.header.features, SEQMIX_PREFIX_SCAN_MAX);
  make(&prefix_scan_calls, SEGMENTS);
  ck_assert_uint_eq(prefix.header.features, SEQMIX_PREFIX_SCAN_PRODUCT |
                                                SEQMIX_PREFIX_SCAN_EXCLUSIVE |
                                                SEQMIX_PREFIX_SCAN_SEGMENTS);
  ck_assert_int_eq(prefix.scan_op, SEQMIX_SCAN_PRODUCT);
  make(&prefix_scan_calls, HALVES);
  ck_assert_uint_eq(prefix.header.features, SEQMIX_PREFIX_SCAN_LOGSUMEXP |
                                                SEQMIX_PREFIX_SCAN_REVERSE |
                                                SEQMIX_PREFIX_SCAN_OUT_F32);
  ck_assert_int_eq(prefix.header.dtype, SEQMIX_BF16);
}
END_TEST

/* ---- sequences and sizes --------------------------------------------------------------------- */

static void check_at(const seqmix_sequences *at, int64_t count, int64_t length, int64_t total,
                     int64_t past_rows, int64_t present_rows) {
  ck_assert_int_eq(at->count, count);
  ck_assert_int_eq(at->length, length);
  ck_assert_int_eq(at->total, total);
  ck_assert_int_eq(at->past_rows, past_rows);
  ck_assert_int_eq(at->present_rows, present_rows);
}

/* The same for all three that have them. */
START_TEST(test_sequences) {
  static const scan_operator *const operators[] = {&linear_recurrence_calls, &selective_scan_calls,
                                                   &causal_conv1d_calls};
  static const seqmix_sequences *const all[] = {&recurrence.at, &selective.at, &conv.at};
  const scan_operator *of = operators[_i];
  const seqmix_sequences *at = all[_i];
  make(of, POOL);
  check_at(at, 2, 3, 3, 3, 4);
  ck_assert_ptr_eq(at->state_indices.data, t[STATE_INDICES].data);
  ck_assert_ptr_eq(at->state_out_indices.data, t[STATE_OUT_INDICES].data);
  ck_assert_int_eq(at->cu_seqlens.bits, 0);
  drop(&call, STATE_OUT_INDICES);
  lower();
  ck_assert_ptr_eq(at->state_out_indices.data, t[STATE_INDICES].data);
  make(of, PACKED);
  check_at(at, 2, 3, 5, 2, 2);
  ck_assert_ptr_eq(at->cu_seqlens.data, t[CU_SEQLENS].data);
  ck_assert_int_eq(at->state_indices.bits, 0);
  ck_assert_int_eq(at->state_out_indices.bits, 0);
  make(of, PLAIN);
  check_at(at, 2, 3, 3, 0, 0);
}
END_TEST

/* In device memory nothing is read, so that the longest sequence is a bound. */
START_TEST(test_device_memory_is_not_read) {
  scan_call_make(&call, &linear_recurrence_calls, NULL, PACKED);
  name_rows(&call, STATE_OUT_INDICES, 77, 77);
  set_index(&t[CU_SEQLENS], 0, 13);
  lower_on(&elsewhere);
  ck_assert_int_eq(recurrence.at.length, 3);
  call.args.linear_recurrence.max_seqlen = 0;
  lower_on(&elsewhere);
  ck_assert_int_eq(recurrence.at.length, 5);
  scan_call_make(&call, &prefix_scan_calls, NULL, SEGMENTS);
  set_index(&t[CU_SEQLENS], 0, 13);
  lower_on(&elsewhere);
  ck_assert_int_eq(prefix.longest, 3);
  call.args.prefix_scan.max_seqlen = 0;
  lower_on(&elsewhere);
  ck_assert_int_eq(prefix.longest, 5);
}
END_TEST

START_TEST(test_sizes) {
  make(&linear_recurrence_calls, POOL);
  ck_assert_int_eq(recurrence.channels, 4);
  make(&selective_scan_calls, POOL);
  ck_assert_int_eq(selective.channels, 4);
  ck_assert_int_eq(selective.states, 3);
  ck_assert_int_eq(selective.groups, 2);
  make(&causal_conv1d_calls, POOL);
  ck_assert_int_eq(conv.channels, 4);
  ck_assert_int_eq(conv.width, 4);
  make(&prefix_scan_calls, SEGMENTS);
  ck_assert_int_eq(prefix.length, 5);
  ck_assert_int_eq(prefix.segments, 2);
  ck_assert_int_eq(prefix.longest, 3);
  make(&prefix_scan_calls, SUMS);
  ck_assert_int_eq(prefix.segments, 1);
  ck_assert_int_eq(prefix.longest, 3);
}
END_TEST

/* ---- views ----------------------------------------------------------------------------------- */

START_TEST(test_views_of_linear_recurrence) {
  make(&linear_recurrence_calls, POOL);
  check_view(&recurrence.a, FACTOR, 12, 4, 1, 0);
  check_view(&recurrence.b, TOKENS, 12, 4, 1, 0);
  check_view(&recurrence.out, OUT, 12, 4, 1, 0);
  check_view(&recurrence.past_state, PAST_STATE, 4, 1, 0, 0);
  check_view(&recurrence.present_state, PRESENT_STATE, 4, 1, 0, 0);
  make(&linear_recurrence_calls, PLAIN);
  check_view(&recurrence.a, FACTOR, 0, 0, 1, 0);
  ck_assert_int_eq(recurrence.past_state.dtype, 0);
  ck_assert_int_eq(recurrence.present_state.dtype, 0);
  make(&linear_recurrence_calls, PACKED);
  check_view(&recurrence.b, TOKENS, 0, 4, 1, 0);
  make(&linear_recurrence_calls, COMPLEX);
  check_view(&recurrence.a, FACTOR, 24, 8, 2, 0);
  check_view(&recurrence.out, OUT, 24, 8, 2, 0);
  check_view(&recurrence.past_state, PAST_STATE, 8, 2, 0, 0);
  give(&call, FACTOR, 4, 0, 0, 0);
  lower();
  check_view(&recurrence.a, FACTOR, 0, 0, 2, 0);
}
END_TEST

START_TEST(test_views_of_selective_scan) {
  make(&selective_scan_calls, POOL);
  check_view(&selective.u, TOKENS, 12, 4, 1, 0);
  check_view(&selective.delta, STEP, 12, 4, 1, 0);
  check_view(&selective.A, MATRIX_A, 3, 1, 0, 0);
  check_view(&selective.B, MATRIX_B, 18, 6, 3, 1);
  check_view(&selective.C, MATRIX_C, 18, 6, 3, 1);
  check_view(&selective.D, VECTOR_D, 1, 0, 0, 0);
  check_view(&selective.z, GATE, 12, 4, 1, 0);
  check_view(&selective.delta_bias, STEP_BIAS, 1, 0, 0, 0);
  check_view(&selective.out, OUT, 12, 4, 1, 0);
  check_view(&selective.past_state, PAST_STATE, 12, 3, 1, 0);
  check_view(&selective.present_state, PRESENT_STATE, 12, 3, 1, 0);
  make(&selective_scan_calls, PACKED);
  check_view(&selective.B, MATRIX_B, 0, 6, 3, 1);
  ck_assert_int_eq(selective.D.dtype, 0);
  ck_assert_int_eq(selective.z.dtype, 0);
  ck_assert_int_eq(selective.delta_bias.dtype, 0);
  make(&selective_scan_calls, COMPLEX);
  check_view(&selective.u, TOKENS, 12, 4, 1, 0);
  check_view(&selective.A, MATRIX_A, 6, 2, 0, 0);
  check_view(&selective.C, MATRIX_C, 36, 12, 6, 2);
  check_view(&selective.past_state, PAST_STATE, 24, 6, 2, 0);
}
END_TEST

START_TEST(test_views_of_causal_conv1d) {
  make(&causal_conv1d_calls, POOL);
  check_view(&conv.x, TOKENS, 12, 4, 1, 0);
  check_view(&conv.weight, WEIGHT, 4, 1, 0, 0);
  check_view(&conv.bias, BIAS, 1, 0, 0, 0);
  check_view(&conv.out, OUT, 12, 4, 1, 0);
  check_view(&conv.past_state, PAST_STATE, 12, 4, 1, 0);
  check_view(&conv.present_state, PRESENT_STATE, 12, 4, 1, 0);
  make(&causal_conv1d_calls, PACKED);
  check_view(&conv.out, OUT, 0, 4, 1, 0);
  ck_assert_int_eq(conv.bias.dtype, 0);
}
END_TEST

/* ---- axes of prefix_scan --------------------------------------------------------------------- */

/* Lowers a scan of this axis; strides NULL: dense. */
static void lower_axes(int32_t rank, const int64_t *shape, const int64_t *x_strides,
                       const int64_t *out_strides, int32_t axis) {
  scan_call_make(&call, &prefix_scan_calls, NULL, SUMS);
  t[TOKENS] = seqmix_tensor_nd(t[TOKENS].data, SEQMIX_F32, rank, shape, x_strides);
  t[OUT] = seqmix_tensor_nd(t[OUT].data, SEQMIX_F32, rank, shape, out_strides);
  call.args.prefix_scan.axis = axis;
  lower();
}

static void check_scanned(int64_t length, int64_t x_step, int64_t out_step) {
  ck_assert_int_eq(prefix.length, length);
  ck_assert_int_eq(prefix.x_step, x_step);
  ck_assert_int_eq(prefix.out_step, out_step);
  ck_assert_ptr_eq(prefix.x.data, t[TOKENS].data);
  ck_assert_ptr_eq(prefix.out.data, t[OUT].data);
}

static void check_axis(int i, int64_t size, int64_t x_stride, int64_t out_stride) {
  ck_assert_int_gt(prefix.axes, i);
  ck_assert_int_eq(prefix.sizes[i], size);
  ck_assert_int_eq(prefix.x_strides[i], x_stride);
  ck_assert_int_eq(prefix.out_strides[i], out_stride);
}

#define LIST(...) ((const int64_t[]){__VA_ARGS__})

START_TEST(test_axes_are_joined) {
  lower_axes(3, LIST(2, 3, 4), NULL, NULL, 0);
  check_scanned(2, 12, 12);
  check_axis(0, 12, 1, 1);
  ck_assert_int_eq(prefix.axes, 1);
  lower_axes(3, LIST(2, 3, 4), NULL, NULL, -1);
  check_scanned(4, 1, 1);
  check_axis(0, 6, 4, 4);
  ck_assert_int_eq(prefix.axes, 1);
  lower_axes(3, LIST(2, 3, 4), NULL, NULL, 1); /* on either side of the scanned axis */
  check_scanned(3, 4, 4);
  check_axis(0, 2, 12, 12);
  check_axis(1, 4, 1, 1);
  ck_assert_int_eq(prefix.axes, 2);
  lower_axes(3, LIST(2, 3, 4), NULL, NULL, -3);
  check_scanned(2, 12, 12);
  lower_axes(8, LIST(2, 1, 2, 3, 2, 1, 2, 2), NULL, NULL, 3);
  check_scanned(3, 8, 8);
  check_axis(0, 4, 24, 24);
  check_axis(1, 8, 1, 1);
  ck_assert_int_eq(prefix.axes, 2);
}
END_TEST

/* What is one axis in one tensor only is two. */
START_TEST(test_axes_that_are_not) {
  lower_axes(3, LIST(2, 3, 4), NULL, LIST(16, 5, 1), 0);
  check_axis(0, 3, 4, 5);
  check_axis(1, 4, 1, 1);
  ck_assert_int_eq(prefix.axes, 2);
  lower_axes(3, LIST(2, 3, 4), LIST(20, 6, 1), NULL, 0);
  check_axis(0, 3, 6, 4);
  ck_assert_int_eq(prefix.axes, 2);
  lower_axes(3, LIST(2, 3, 4), LIST(12, -4, 1), NULL, 0);
  check_axis(0, 3, -4, 4);
  check_axis(1, 4, 1, 1);
  ck_assert_int_eq(prefix.axes, 2);
}
END_TEST

START_TEST(test_order_of_axes) {
  lower_axes(3, LIST(2, 3, 4), LIST(1, 8, 2), LIST(1, 8, 2), 1); /* joined only once in order */
  check_scanned(3, 8, 8);
  check_axis(0, 8, 1, 1);
  ck_assert_int_eq(prefix.axes, 1);
  lower_axes(3, LIST(2, 3, 4), LIST(1, -10, 2), LIST(24, 1, 3), 2); /* by x, whatever its sign */
  check_axis(0, 3, -10, 1);
  check_axis(1, 2, 1, 24);
  lower_axes(3, LIST(2, 3, 4), LIST(0, 4, 1), NULL, 1); /* broadcast: by out */
  check_axis(0, 2, 0, 12);
  check_axis(1, 4, 1, 1);
  lower_axes(3, LIST(2, 3, 4), LIST(3, 1, 0), NULL, 1);
  check_axis(0, 2, 3, 12);
  check_axis(1, 4, 0, 1);
}
END_TEST

START_TEST(test_few_axes) {
  lower_axes(1, LIST(7), NULL, NULL, -1);
  check_scanned(7, 1, 1);
  check_axis(0, 1, 0, 0);
  ck_assert_int_eq(prefix.axes, 1);
  lower_axes(3, LIST(1, 1, 5), LIST(-9, INT64_MAX, 2), LIST(INT64_MIN, 7, 3), 1);
  check_scanned(1, 0, 0);
  check_axis(0, 5, 2, 3);
  ck_assert_int_eq(prefix.axes, 1);
  lower_axes(3, LIST(INT64_MAX, 0, INT64_MAX), LIST(INT64_MIN, 1, INT64_MAX), NULL, 0);
  check_axis(0, 0, 0, 0);
  ck_assert_int_eq(prefix.axes, 1);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("lowering of scans");
  TCase *tcase = tcase_create("scans");
  suite_add(tcase, test_features_of_linear_recurrence);
  suite_add(tcase, test_features_of_selective_scan);
  suite_add(tcase, test_features_of_causal_conv1d);
  suite_add(tcase, test_features_of_prefix_scan);
  suite_add_loop(tcase, test_sequences, 0, 3);
  suite_add(tcase, test_device_memory_is_not_read);
  suite_add(tcase, test_sizes);
  suite_add(tcase, test_views_of_linear_recurrence);
  suite_add(tcase, test_views_of_selective_scan);
  suite_add(tcase, test_views_of_causal_conv1d);
  suite_add(tcase, test_axes_are_joined);
  suite_add(tcase, test_axes_that_are_not);
  suite_add(tcase, test_order_of_axes);
  suite_add(tcase, test_few_axes);
  suite_add_tcase(suite, tcase);
  return suite;
}
