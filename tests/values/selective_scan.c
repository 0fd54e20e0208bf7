/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan: most cases have one channel and one state. */
#include <math.h>
#include <string.h>

#include "tests/support/mirror.h"
#include "tests/values/values.h"

#define LN2 0.69314718055994531
#define LN3 1.0986122886681098
#define QUARTER_TURN 1.5707963267948966

enum { ROOM = 16 };

typedef struct toy {
  seqmix_selective_scan_args args;
  seqmix_tensor u, delta, A, B, C, D, z, delta_bias, out, past, present;
  float u_data[ROOM], delta_data[ROOM], A_data[ROOM], B_data[ROOM], C_data[ROOM], D_data[ROOM];
  float z_data[ROOM], bias_data[ROOM], out_data[ROOM], past_data[ROOM], present_data[ROOM];
} toy;

/* u = 1, 2, 4, ..., steps of 1 that halve the state, B = C = 1. */
static void toy_start(toy *t, int64_t batch, int64_t time) {
  memset(t, 0, sizeof *t);
  t->args = (seqmix_selective_scan_args)SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  for (int i = 0; i < ROOM; i++) {
    t->u_data[i] = (float)(1 << i);
    t->delta_data[i] = t->B_data[i] = t->C_data[i] = 1;
    t->A_data[i] = (float)-LN2;
  }
  POISON(t->out_data);
  POISON(t->present_data);
  t->u = seqmix_tensor_3d(t->u_data, SEQMIX_F32, batch, time, 1);
  t->delta = seqmix_tensor_3d(t->delta_data, SEQMIX_F32, batch, time, 1);
  t->A = seqmix_tensor_2d(t->A_data, SEQMIX_F32, 1, 1);
  t->B = seqmix_tensor_4d(t->B_data, SEQMIX_F32, batch, time, 1, 1);
  t->C = seqmix_tensor_4d(t->C_data, SEQMIX_F32, batch, time, 1, 1);
  t->out = seqmix_tensor_3d(t->out_data, SEQMIX_F32, batch, time, 1);
  t->args.u = &t->u;
  t->args.delta = &t->delta;
  t->args.A = &t->A;
  t->args.B = &t->B;
  t->args.C = &t->C;
  t->args.out = &t->out;
}

static void toy_states(toy *t, int64_t past_rows, int64_t present_rows) {
  t->past = seqmix_tensor_3d(t->past_data, SEQMIX_F32, past_rows, 1, 1);
  t->present = seqmix_tensor_3d(t->present_data, SEQMIX_F32, present_rows, 1, 1);
  t->args.past_state = &t->past;
  t->args.present_state = &t->present;
  for (int i = 0; i < past_rows; i++) t->past_data[i] = 8 * (float)(i + 1);
  t->past_data[past_rows] = NAN;
}

#define RUN_OR_SKIP(context, t) \
  COMPUTE_OR_SKIP(context, mirror_call(context, SEQMIX_OP_SELECTIVE_SCAN, &(t)->args))

/* A step of 2 decays twice and writes double; C is 1, 10 and 100. */
START_TEST(selective_formula) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3);
  toy_states(&t, 1, 1);
  t.delta_data[1] = 2;
  t.B_data[2] = -1;
  t.C_data[1] = 10;
  t.C_data[2] = 100;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 5, 10 * (1.25 + 4), 100 * (2.625 - 4));
  EXPECT(t.present_data, -1.375);
  seqmix_context_destroy(context);
}
END_TEST

/* y = 1, 2.5 and 5.25; silu(ln 3) = 3/4 ln 3, and silu of large numbers is they or 0. */
START_TEST(selective_skip_and_gate) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3);
  t.D_data[0] = 3;
  t.D = seqmix_tensor_1d(t.D_data, SEQMIX_F32, 1);
  t.args.D = &t.D;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 4, 8.5, 17.25);
  const float z[] = {(float)LN3, 100, -100};
  memcpy(t.z_data, z, sizeof z);
  t.z = seqmix_tensor_3d(t.z_data, SEQMIX_F32, 1, 3, 1);
  t.args.z = &t.z;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 3 * LN3, 850, 0);
  t.args.D = NULL;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 0.75 * LN3, 250, 0);
  seqmix_context_destroy(context);
}
END_TEST

/* softplus(0) = ln 2, and of large numbers it is they, or what little exp leaves of them. */
START_TEST(selective_steps) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3);
  t.A_data[0] = -1;
  t.bias_data[0] = -1;
  t.delta_bias = seqmix_tensor_1d(t.bias_data, SEQMIX_F32, 1);
  t.args.delta_bias = &t.delta_bias;
  RUN_OR_SKIP(context, &t); /* steps of 0 */
  EXPECT(t.out_data, 0, 0, 0);
  t.args.delta_softplus = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, LN2, 0.5 * LN2 + 2 * LN2, 1.25 * LN2 + 4 * LN2);
  t.delta_data[1] = 1001;
  t.delta_data[2] = -999;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, LN2, 2000, 2000);
  t.args.delta_bias = NULL;
  t.delta_data[0] = t.delta_data[1] = t.delta_data[2] = -20;
  t.B_data[0] = 1e9f;
  t.B_data[1] = t.B_data[2] = 0;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 2.0611536203, 2.0611536161, 2.0611536119);
  seqmix_context_destroy(context);
}
END_TEST

/* What a large step forgets is gone. */
START_TEST(selective_strong_decay) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3);
  t.A_data[0] = -1e4f;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 2, 4);
  t.A_data[0] = -INFINITY;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 2, 4);
  seqmix_context_destroy(context);
}
END_TEST

/* Four channels of two states that keep everything; two groups, B 1, 2 and 3, 4, C 1, 10 and 100,
 * 1000; u = 1, 2, 4, 8. */
START_TEST(selective_groups) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 1);
  memset(t.A_data, 0, sizeof t.A_data);
  for (int i = 0; i < 4; i++) {
    t.B_data[i] = (float)(i + 1);
    t.C_data[i] = (float)pow(10, i);
  }
  t.u = t.delta = t.out = seqmix_tensor_3d(t.u_data, SEQMIX_F32, 1, 1, 4);
  t.delta.data = t.delta_data;
  t.out.data = t.out_data;
  t.A = seqmix_tensor_2d(t.A_data, SEQMIX_F32, 4, 2);
  t.B = seqmix_tensor_4d(t.B_data, SEQMIX_F32, 1, 1, 2, 2);
  t.C = seqmix_tensor_4d(t.C_data, SEQMIX_F32, 1, 1, 2, 2);
  t.past = seqmix_tensor_3d(t.past_data, SEQMIX_F32, 1, 4, 2);
  t.present = seqmix_tensor_3d(t.present_data, SEQMIX_F32, 1, 4, 2);
  t.args.past_state = &t.past;
  t.args.present_state = &t.present;
  t.past_data[7] = 5;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 21, 42, 4 * 4300, 8 * 4300 + 5000);
  EXPECT(t.present_data, 1, 2, 2, 4, 12, 16, 24, 32 + 5);
  seqmix_context_destroy(context);
}
END_TEST

/* A that turns by a quarter, and one that halves. */
START_TEST(selective_complex) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3);
  t.args.is_complex = 1;
  t.A = seqmix_tensor_3d(t.A_data, SEQMIX_F32, 1, 1, 2);
  t.B = seqmix_tensor_nd(t.B_data, SEQMIX_F32, 5, (int64_t[]){1, 3, 1, 1, 2}, NULL);
  t.C = seqmix_tensor_nd(t.C_data, SEQMIX_F32, 5, (int64_t[]){1, 3, 1, 1, 2}, NULL);
  t.past = seqmix_tensor_4d(t.past_data, SEQMIX_F32, 1, 1, 1, 2);
  t.present = seqmix_tensor_4d(t.present_data, SEQMIX_F32, 1, 1, 1, 2);
  t.args.present_state = &t.present;
  t.A_data[0] = 0;
  t.A_data[1] = (float)QUARTER_TURN;
  const float B[] = {1, 0, 0, 0, 0, 1}, C[] = {1, 0, 0, 1, 2, 1};
  memcpy(t.B_data, B, sizeof B);
  memcpy(t.C_data, C, sizeof C);
  RUN_OR_SKIP(context, &t); /* h = 1, i, -1 + 4i; C h = 1, -1, -6 + 7i */
  EXPECT(t.out_data, 2, -2, -12);
  EXPECT(t.present_data, -1, 4);
  t.args.past_state = &t.past;
  t.past_data[0] = 8;
  t.past_data[1] = 4;
  t.A_data[0] = (float)-LN2;
  RUN_OR_SKIP(context, &t); /* h = -1 + 4i, -2 - i/2, 1/4 + 3i */
  EXPECT(t.out_data, -2, 1, 2 * (0.5 - 3));
  EXPECT(t.present_data, 0.25, 3);
  seqmix_context_destroy(context);
}
END_TEST

/* u, delta, B and the state in f16, A and C in f32. B and C do not change in time; the state is
 * updated in place. */
START_TEST(selective_sixteen_bits) {
  OPEN_DEVICE_OR_SKIP(context);
  uint16_t u[] = {0x3c00, 0x4000}, delta[] = {0x3c00, 0x3c00}, B = 0x4000;
  uint16_t out[ROOM], state[] = {0x4800, 0x7e00};
  toy t;
  toy_start(&t, 1, 2);
  POISON(out);
  t.u = seqmix_tensor_3d(u, SEQMIX_F16, 1, 2, 1);
  t.delta = seqmix_tensor_3d(delta, SEQMIX_F16, 1, 2, 1);
  t.B = seqmix_tensor_nd(&B, SEQMIX_F16, 4, t.B.shape, (int64_t[4]){0});
  t.C = seqmix_tensor_nd(t.C_data, SEQMIX_F32, 4, t.C.shape, (int64_t[4]){0});
  t.out = seqmix_tensor_3d(out, SEQMIX_F16, 1, 2, 1);
  t.past = seqmix_tensor_3d(state, SEQMIX_F16, 1, 1, 1);
  t.args.past_state = t.args.present_state = &t.past;
  RUN_OR_SKIP(context, &t);
  EXPECT(out, 6, 7);
  EXPECT(state, 7);
  t.out = seqmix_tensor_3d(t.out_data, SEQMIX_F32, 1, 2, 1);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 5.5, 6.75);
  EXPECT(state, 6.75);
  seqmix_context_destroy(context);
}
END_TEST

/* Sequences of one, no and two tokens, with pasts 8, 16 and 24. */
START_TEST(selective_packed) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int64_t data[] = {0, 1, 1, 3};
  seqmix_tensor cu_seqlens = seqmix_tensor_1d(data, SEQMIX_I64, 4);
  toy_start(&t, 1, 3);
  toy_states(&t, 3, 3);
  t.args.cu_seqlens = &cu_seqlens;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 5, 14, 11);
  EXPECT(t.present_data, 5, 16, 11);
  seqmix_context_destroy(context);
}
END_TEST

/* One token each: sequence 0 begins with row 3 and ends in row 1, sequence 1 has no state at all,
 * sequence 2 is not kept. */
START_TEST(selective_pools) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int32_t from_data[] = {3, -1, 0}, to_data[] = {1, 0, -1};
  seqmix_tensor from = seqmix_tensor_1d(from_data, SEQMIX_I32, 3);
  seqmix_tensor to = seqmix_tensor_1d(to_data, SEQMIX_I32, 3);
  toy_start(&t, 3, 1);
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

TCase *values_selective_scan(void) {
  TCase *tcase = tcase_create("selective_scan");
  suite_add_loop(tcase, selective_formula, 0, 2);
  suite_add_loop(tcase, selective_skip_and_gate, 0, 2);
  suite_add_loop(tcase, selective_steps, 0, 2);
  suite_add_loop(tcase, selective_strong_decay, 0, 2);
  suite_add_loop(tcase, selective_groups, 0, 2);
  suite_add_loop(tcase, selective_complex, 0, 2);
  suite_add_loop(tcase, selective_sixteen_bits, 0, 2);
  suite_add_loop(tcase, selective_packed, 0, 2);
  suite_add_loop(tcase, selective_pools, 0, 2);
  return tcase;
}
