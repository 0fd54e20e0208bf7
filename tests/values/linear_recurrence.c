/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence: most cases have one channel. */
#include <math.h>
#include <string.h>

#include "tests/support/mirror.h"
#include "tests/values/values.h"

enum { ROOM = 16, LONG = 100000 };

typedef struct toy {
  seqmix_linear_recurrence_args args;
  seqmix_tensor a, b, out, past, present;
  float a_data[ROOM], b_data[ROOM], out_data[ROOM], past_data[ROOM], present_data[ROOM];
} toy;

/* a = 1/2 and b = 1, 2, 4, ... */
static void toy_start(toy *t, int64_t batch, int64_t time, int64_t channels) {
  memset(t, 0, sizeof *t);
  t->args = (seqmix_linear_recurrence_args)SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  for (int i = 0; i < ROOM; i++) {
    t->a_data[i] = 0.5f;
    t->b_data[i] = (float)(1 << i);
  }
  POISON(t->out_data);
  POISON(t->present_data);
  t->a = seqmix_tensor_3d(t->a_data, SEQMIX_F32, batch, time, channels);
  t->b = seqmix_tensor_3d(t->b_data, SEQMIX_F32, batch, time, channels);
  t->out = seqmix_tensor_3d(t->out_data, SEQMIX_F32, batch, time, channels);
  t->args.a = &t->a;
  t->args.b = &t->b;
  t->args.out = &t->out;
}

static void toy_states(toy *t, int64_t past_rows, int64_t present_rows) {
  t->past = seqmix_tensor_2d(t->past_data, SEQMIX_F32, past_rows, 1);
  t->present = seqmix_tensor_2d(t->present_data, SEQMIX_F32, present_rows, 1);
  t->args.past_state = &t->past;
  t->args.present_state = &t->present;
  for (int i = 0; i < past_rows; i++) t->past_data[i] = 8 * (float)(i + 1);
  t->past_data[past_rows] = NAN;
}

/* All numbers become pairs, of one channel. */
static void toy_pairs(toy *t, int64_t time) {
  t->args.is_complex = 1;
  t->a = seqmix_tensor_4d(t->a_data, SEQMIX_F32, 1, time, 1, 2);
  t->b = seqmix_tensor_4d(t->b_data, SEQMIX_F32, 1, time, 1, 2);
  t->out = seqmix_tensor_4d(t->out_data, SEQMIX_F32, 1, time, 1, 2);
  t->past = seqmix_tensor_3d(t->past_data, SEQMIX_F32, 1, 1, 2);
  t->present = seqmix_tensor_3d(t->present_data, SEQMIX_F32, 1, 1, 2);
}

#define RUN_OR_SKIP(context, t) \
  COMPUTE_OR_SKIP(context, mirror_call(context, SEQMIX_OP_LINEAR_RECURRENCE, &(t)->args))

START_TEST(recurrence_forward_and_backward) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3, 1);
  toy_states(&t, 1, 1);
  t.a_data[0] = 2;
  t.a_data[2] = -1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 2 * 8 + 1, 8.5 + 2, -10.5 + 4);
  EXPECT(t.present_data, -6.5);
  t.args.reverse = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 2 * 0 + 1, -2 + 2, -8 + 4);
  EXPECT(t.present_data, 1);
  seqmix_context_destroy(context);
}
END_TEST

/* Two channels, each with a factor of its own: b is 1, 4, 16 and 2, 8, 32. */
START_TEST(recurrence_constant_factors) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3, 2);
  t.a_data[1] = -1;
  t.a = seqmix_tensor_1d(t.a_data, SEQMIX_F32, 2);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 2, 4.5, 6, 18.25, 26);
  t.args.reverse = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 7, 26, 12, -24, 16, 32);
  seqmix_context_destroy(context);
}
END_TEST

/* 0 forgets, and what is beyond 1 grows until it fits no more. */
START_TEST(recurrence_any_factor) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 5, 1);
  const float a[] = {0x1p100f, 0x1p100f, 0x1p100f, 0, 3};
  memcpy(t.a_data, a, sizeof a);
  toy_states(&t, 1, 1);
  t.past_data[0] = 1;
  t.b_data[0] = t.b_data[1] = 0;
  t.a_data[2] = 0;
  t.a_data[1] = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 0x1p100, 0x1p100, 4, 8, 24 + 16);
  t.a_data[1] = 0x1p100f;
  t.a_data[2] = -1;
  t.a_data[3] = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 0x1p100, INFINITY, -INFINITY, -INFINITY, -INFINITY);
  seqmix_context_destroy(context);
}
END_TEST

/* A NaN is seen from its token on, and in its channel. */
START_TEST(recurrence_nan) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3, 2);
  t.b_data[2] = NAN;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 2, NAN, 9, NAN, 36.5);
  t.args.reverse = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, NAN, 2 + 0.5 * 24, NAN, 8 + 0.5 * 32, 16, 32);
  seqmix_context_destroy(context);
}
END_TEST

static void expect_near(const float *h, int i, double want) {
  ck_assert_msg(fabs((double)h[i] - want) <= 2e-7 * fabs(want), "h[%d] is %.9g, must be %.9g", i,
                (double)h[i], want);
}

/* Rounding 100000 times would be seen: 0.1 is added up, then 1 is approached slowly. */
START_TEST(recurrence_long) {
  OPEN_DEVICE_OR_SKIP(context);
  static float out[LONG + 1];
  float a = 1, b = 0.1f;
  toy t;
  toy_start(&t, 1, 1, 1);
  t.a = seqmix_tensor_1d(&a, SEQMIX_F32, 1);
  t.b = seqmix_tensor_nd(&b, SEQMIX_F32, 3, (int64_t[]){1, LONG, 1}, (int64_t[]){0, 0, 0});
  t.out = seqmix_tensor_3d(out, SEQMIX_F32, 1, LONG, 1);
  POISON(out);
  RUN_OR_SKIP(context, &t);
  for (int i = 0; i < LONG; i += 999) expect_near(out, i, (i + 1) * (double)b);
  a = 1 - 0x1p-12f;
  b = 0x1p-12f;
  RUN_OR_SKIP(context, &t);
  for (int i = 0; i < LONG; i += 999) expect_near(out, i, 1 - pow((double)a, i + 1));
  ck_assert_msg(isnan(out[LONG]), "what is behind out was written");
  seqmix_context_destroy(context);
}
END_TEST

/* a = i turns by a quarter; then (1 + i)(3 - i) + 1 + 2i = 5 + 4i. */
START_TEST(recurrence_complex) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  const float turn[] = {0, 1, 0, 1, 0, 1}, impulse[] = {1, 0, 0, 0, 0, 3};
  toy_start(&t, 1, 3, 1);
  toy_pairs(&t, 3);
  memcpy(t.a_data, turn, sizeof turn);
  memcpy(t.b_data, impulse, sizeof impulse);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 0, 0, 1, -1, 3);
  t.args.reverse = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, -3, -3, 0, 0, 3);
  t.a = seqmix_tensor_2d(t.a_data, SEQMIX_F32, 1, 2); /* constant */
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, -3, -3, 0, 0, 3);
  toy_start(&t, 1, 1, 1);
  toy_pairs(&t, 1);
  t.args.past_state = &t.past;
  t.args.present_state = &t.present;
  const float numbers[3][2] = {{1, 1}, {1, 2}, {3, -1}};
  memcpy(t.a_data, numbers[0], sizeof numbers[0]);
  memcpy(t.b_data, numbers[1], sizeof numbers[1]);
  memcpy(t.past_data, numbers[2], sizeof numbers[2]);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 5, 4);
  EXPECT(t.present_data, 5, 4);
  seqmix_context_destroy(context);
}
END_TEST

/* Two sequences in f16 with f32 factors, results in f16 or f32; h = 1/2 h + b, b 1, 2 and 4, 8. */
START_TEST(recurrence_sixteen_bits) {
  OPEN_DEVICE_OR_SKIP(context);
  uint16_t b[] = {0x3c00, 0x4000, 0x4400, 0x4800}, past[] = {0x4800, 0xcc00, 0x7e00};
  uint16_t out[ROOM];
  toy t;
  toy_start(&t, 2, 2, 1);
  t.b = seqmix_tensor_3d(b, SEQMIX_F16, 2, 2, 1);
  t.past = seqmix_tensor_2d(past, SEQMIX_F16, 2, 1);
  t.args.past_state = &t.past;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 5, 4.5, -4, 6);
  t.out = seqmix_tensor_3d(out, SEQMIX_F16, 2, 2, 1);
  t.args.present_state = &t.past; /* in place */
  POISON(out);
  RUN_OR_SKIP(context, &t);
  EXPECT(out, 5, 4.5, -4, 6);
  EXPECT(past, 4.5, 6);
  seqmix_context_destroy(context);
}
END_TEST

/* Channels with a time each, side by side: [B, C, T] in memory. Time of a runs backwards. */
START_TEST(recurrence_strides) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3, 2);
  const int64_t shape[] = {1, 3, 2}, stride[] = {6, 1, 3};
  const float a[] = {-1, 1, 2};
  memcpy(t.a_data, a, sizeof a);
  t.a = seqmix_tensor_nd(t.a_data + 2, SEQMIX_F32, 3, shape, (int64_t[]){0, -1, 0});
  t.b = seqmix_tensor_nd(t.b_data, SEQMIX_F32, 3, shape, stride);
  t.out = seqmix_tensor_nd(t.out_data, SEQMIX_F32, 3, shape, stride);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 3, 1, 8, 24, 8);
  seqmix_context_destroy(context);
}
END_TEST

/* Sequences of one, no and two tokens, with pasts 8, 16 and 24. */
START_TEST(recurrence_packed) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int32_t data[] = {0, 1, 1, 3};
  seqmix_tensor cu_seqlens = seqmix_tensor_1d(data, SEQMIX_I32, 4);
  toy_start(&t, 1, 3, 1);
  toy_states(&t, 3, 3);
  t.args.cu_seqlens = &cu_seqlens;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 5, 14, 11);
  EXPECT(t.present_data, 5, 16, 11);
  t.args.reverse = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 5, 10, 16);
  EXPECT(t.present_data, 5, 16, 10);
  seqmix_context_destroy(context);
}
END_TEST

/* Sequence 0 begins with row 3 and ends in row 1, sequence 1 has no state at all, sequence 2 is
 * not kept. */
START_TEST(recurrence_pools) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int64_t from_data[] = {3, -1, 0};
  int32_t to_data[] = {1, 0, -1};
  seqmix_tensor from = seqmix_tensor_1d(from_data, SEQMIX_I64, 3);
  seqmix_tensor to = seqmix_tensor_1d(to_data, SEQMIX_I32, 3);
  toy_start(&t, 3, 1, 1);
  toy_states(&t, 4, 2);
  t.args.state_indices = &from;
  t.args.state_out_indices = &to;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 17, 0, 8);
  ck_assert_msg(isnan(t.present_data[0]), "a row that nothing is kept in was written");
  EXPECT(t.present_data + 1, 17);
  t.args.state_out_indices = NULL;
  t.args.present_state = t.args.past_state;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 17, 0, 8);
  EXPECT(t.past_data, 8, 16, 24, 17);
  seqmix_context_destroy(context);
}
END_TEST

TCase *values_linear_recurrence(void) {
  TCase *tcase = tcase_create("linear_recurrence");
  suite_add_loop(tcase, recurrence_forward_and_backward, 0, 2);
  suite_add_loop(tcase, recurrence_constant_factors, 0, 2);
  suite_add_loop(tcase, recurrence_any_factor, 0, 2);
  suite_add_loop(tcase, recurrence_nan, 0, 2);
  suite_add_loop(tcase, recurrence_long, 0, 2);
  suite_add_loop(tcase, recurrence_complex, 0, 2);
  suite_add_loop(tcase, recurrence_sixteen_bits, 0, 2);
  suite_add_loop(tcase, recurrence_strides, 0, 2);
  suite_add_loop(tcase, recurrence_packed, 0, 2);
  suite_add_loop(tcase, recurrence_pools, 0, 2);
  return tcase;
}
