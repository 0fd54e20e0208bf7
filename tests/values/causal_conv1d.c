/* SPDX-License-Identifier: Apache-2.0 */
/* causal_conv1d: weights are powers of ten, so that digits say which inputs were met. */
#include <math.h>
#include <string.h>

#include "tests/support/mirror.h"
#include "tests/values/values.h"

#define LN3 1.0986122886681098

enum { ROOM = 24 };

typedef struct toy {
  seqmix_causal_conv1d_args args;
  seqmix_tensor x, weight, bias, out, past, present;
  float x_data[ROOM], weight_data[ROOM], bias_data[ROOM], out_data[ROOM];
  float past_data[ROOM], present_data[ROOM];
} toy;

/* One channel of x = 1, 2, 3, ...; weights 1, 10, 100, ..., the largest is the token's own. */
static void toy_start(toy *t, int64_t batch, int64_t time, int64_t width) {
  memset(t, 0, sizeof *t);
  t->args = (seqmix_causal_conv1d_args)SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  for (int i = 0; i < ROOM; i++) t->x_data[i] = (float)(i + 1);
  for (int i = 0; i < width; i++) t->weight_data[i] = (float)pow(10, i);
  POISON(t->out_data);
  POISON(t->past_data);
  POISON(t->present_data);
  t->x = seqmix_tensor_3d(t->x_data, SEQMIX_F32, batch, time, 1);
  t->weight = seqmix_tensor_2d(t->weight_data, SEQMIX_F32, 1, width);
  t->out = seqmix_tensor_3d(t->out_data, SEQMIX_F32, batch, time, 1);
  t->args.x = &t->x;
  t->args.weight = &t->weight;
  t->args.out = &t->out;
}

/* Past states count down from 9. */
static void toy_states(toy *t, int64_t past_rows, int64_t present_rows) {
  int64_t tokens = t->weight.shape[1] - 1;
  for (int i = 0; i < past_rows * tokens; i++) t->past_data[i] = (float)(9 - i);
  t->past = seqmix_tensor_3d(t->past_data, SEQMIX_F32, past_rows, tokens, 1);
  t->present = seqmix_tensor_3d(t->present_data, SEQMIX_F32, present_rows, tokens, 1);
  t->args.past_state = &t->past;
  t->args.present_state = &t->present;
}

#define RUN_OR_SKIP(context, t) \
  COMPUTE_OR_SKIP(context, mirror_call(context, SEQMIX_OP_CAUSAL_CONV1D, &(t)->args))

START_TEST(convolution_formula) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 4, 3);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 100, 210, 321, 432);
  t.bias_data[0] = 0.5f;
  t.bias = seqmix_tensor_1d(t.bias_data, SEQMIX_F32, 1);
  t.args.bias = &t.bias;
  toy_states(&t, 1, 1);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 189.5, 218.5, 321.5, 432.5);
  EXPECT(t.present_data, 3, 4);
  seqmix_context_destroy(context);
}
END_TEST

/* silu(ln 3) = 3/4 ln 3; of large numbers it is they, or 0. */
START_TEST(convolution_silu) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 4, 1);
  const float x[] = {(float)LN3, 100, -100, 0};
  memcpy(t.x_data, x, sizeof x);
  t.args.activation = SEQMIX_ACTIVATION_SILU;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 0.75 * LN3, 100, 0, 0);
  seqmix_context_destroy(context);
}
END_TEST

/* Any width; that of 1 has states without elements. */
START_TEST(convolution_widths) {
  OPEN_DEVICE_OR_SKIP(context);
  static const double last[] = {9, 98, 987, 9876, 98765, 987654, 9876543, 98765432};
  toy t;
  for (int width = 1; width <= 8; width++) {
    toy_start(&t, 1, 9, width);
    RUN_OR_SKIP(context, &t);
    values_expect("the last output", t.out_data + 8, SEQMIX_F32, 1, &last[width - 1]);
  }
  toy_start(&t, 1, 2, 1);
  toy_states(&t, 1, 1);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 2);
  ck_assert_msg(isnan(t.present_data[0]), "a state without elements was written");
  toy_start(&t, 1, 15, 12);
  for (int k = 0; k < 12; k++) t.weight_data[k] = k % 6 == 0;
  RUN_OR_SKIP(context, &t); /* x of 11 and of 5 tokens before */
  EXPECT(t.out_data, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 1 + 7, 2 + 8, 3 + 9, 4 + 10);
  seqmix_context_destroy(context);
}
END_TEST

/* Two channels with weights, biases and a time each, side by side. */
START_TEST(convolution_channels) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3, 2);
  const int64_t shape[] = {1, 3, 2}, stride[] = {6, 1, 3};
  const float weight[] = {1, 10, 100, -1}, bias[] = {0, 1000};
  memcpy(t.weight_data, weight, sizeof weight);
  memcpy(t.bias_data, bias, sizeof bias);
  t.weight = seqmix_tensor_2d(t.weight_data, SEQMIX_F32, 2, 2);
  t.bias = seqmix_tensor_1d(t.bias_data, SEQMIX_F32, 2);
  t.args.bias = &t.bias;
  t.x = seqmix_tensor_nd(t.x_data, SEQMIX_F32, 3, shape, stride);
  t.out = seqmix_tensor_nd(t.out_data, SEQMIX_F32, 3, shape, stride);
  t.past = seqmix_tensor_3d(t.past_data, SEQMIX_F32, 1, 1, 2);
  t.present = seqmix_tensor_3d(t.present_data, SEQMIX_F32, 1, 1, 2);
  t.args.past_state = &t.past;
  t.args.present_state = &t.present;
  t.past_data[0] = 7;
  t.past_data[1] = 8;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 17, 21, 32, 1800 - 4, 1400 - 5, 1500 - 6);
  EXPECT(t.present_data, 3, 6);
  seqmix_context_destroy(context);
}
END_TEST

/* Decoding: with fewer than W - 1 tokens the past moves up, in place too. */
START_TEST(convolution_few_tokens) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 1, 4);
  t.present = seqmix_tensor_3d(t.present_data, SEQMIX_F32, 1, 3, 1);
  t.args.present_state = &t.present;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.present_data, 0, 0, 1);
  toy_states(&t, 1, 1);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1789);
  EXPECT(t.present_data, 8, 7, 1);
  t.args.present_state = t.args.past_state;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.past_data, 8, 7, 1);
  t.x_data[0] = 2;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 2178);
  EXPECT(t.past_data, 7, 1, 2);
  seqmix_context_destroy(context);
}
END_TEST

/* A NaN reaches W outputs, and keeps its bits in the state. */
START_TEST(convolution_nan) {
  OPEN_DEVICE_OR_SKIP(context);
  uint16_t x[] = {0x3c00, 0xfd01, 0x4200, 0x4400}, past[] = {0x4800, 0x7f03}, present[3];
  uint16_t out[ROOM];
  toy t;
  toy_start(&t, 1, 4, 2);
  t.x_data[1] = NAN;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 10, NAN, NAN, 43);
  toy_start(&t, 1, 1, 3);
  POISON(out);
  POISON(present);
  t.x = seqmix_tensor_3d(x + 1, SEQMIX_F16, 1, 1, 1);
  t.out = seqmix_tensor_3d(out, SEQMIX_F16, 1, 1, 1);
  t.past = seqmix_tensor_3d(past, SEQMIX_F16, 1, 2, 1);
  t.present = seqmix_tensor_3d(present, SEQMIX_F16, 1, 2, 1);
  t.args.past_state = &t.past;
  t.args.present_state = &t.present;
  RUN_OR_SKIP(context, &t);
  EXPECT(out, NAN);
  ck_assert_uint_eq(present[0], past[1]);
  ck_assert_uint_eq(present[1], x[1]);
  seqmix_context_destroy(context);
}
END_TEST

/* x in f16, weights in f32 or f16, results in f16 or f32. */
START_TEST(convolution_sixteen_bits) {
  OPEN_DEVICE_OR_SKIP(context);
  uint16_t x[] = {0x3c00, 0x4000, 0x4200, 0x4400}, weight[] = {0x3c00, 0x4900}, out[ROOM];
  toy t;
  toy_start(&t, 1, 4, 2);
  POISON(out);
  t.x = seqmix_tensor_3d(x, SEQMIX_F16, 1, 4, 1);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 10, 21, 32, 43);
  t.weight = seqmix_tensor_2d(weight, SEQMIX_F16, 1, 2);
  t.out = seqmix_tensor_3d(out, SEQMIX_F16, 1, 4, 1);
  RUN_OR_SKIP(context, &t);
  EXPECT(out, 10, 21, 32, 43);
  seqmix_context_destroy(context);
}
END_TEST

/* Sequences of one, no and three tokens, with pasts 98, 76 and 54. */
START_TEST(convolution_packed) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int32_t data[] = {0, 1, 1, 4};
  seqmix_tensor cu_seqlens = seqmix_tensor_1d(data, SEQMIX_I32, 4);
  toy_start(&t, 1, 4, 3);
  t.args.cu_seqlens = &cu_seqlens;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 100, 200, 320, 432);
  toy_states(&t, 3, 3);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 189, 245, 324, 432);
  EXPECT(t.present_data, 8, 1, 7, 6, 3, 4);
  seqmix_context_destroy(context);
}
END_TEST

/* Rows are 9, 8, 7 and 6. Sequence 0 begins with row 3 and ends in row 1, sequence 1 has no state
 * at all, sequence 2 is not kept. */
START_TEST(convolution_pools) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int64_t from_data[] = {3, -1, 0};
  int32_t to_data[] = {1, 0, -1};
  seqmix_tensor from = seqmix_tensor_1d(from_data, SEQMIX_I64, 3);
  seqmix_tensor to = seqmix_tensor_1d(to_data, SEQMIX_I32, 3);
  toy_start(&t, 3, 1, 2);
  toy_states(&t, 4, 2);
  t.args.state_indices = &from;
  t.args.state_out_indices = &to;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 16, 0, 39);
  ck_assert_msg(isnan(t.present_data[0]), "a row that nothing is kept in was written");
  EXPECT(t.present_data + 1, 1);
  t.args.state_out_indices = NULL;
  t.args.present_state = t.args.past_state;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 16, 0, 39);
  EXPECT(t.past_data, 3, 8, 7, 1);
  seqmix_context_destroy(context);
}
END_TEST

TCase *values_causal_conv1d(void) {
  TCase *tcase = tcase_create("causal_conv1d");
  suite_add_loop(tcase, convolution_formula, 0, 2);
  suite_add_loop(tcase, convolution_silu, 0, 2);
  suite_add_loop(tcase, convolution_widths, 0, 2);
  suite_add_loop(tcase, convolution_channels, 0, 2);
  suite_add_loop(tcase, convolution_few_tokens, 0, 2);
  suite_add_loop(tcase, convolution_nan, 0, 2);
  suite_add_loop(tcase, convolution_sixteen_bits, 0, 2);
  suite_add_loop(tcase, convolution_packed, 0, 2);
  suite_add_loop(tcase, convolution_pools, 0, 2);
  return tcase;
}
