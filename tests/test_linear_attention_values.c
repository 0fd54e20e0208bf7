/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention against values worked out by hand: what surrounds the recurrences, which
 * test_linear_attention_models.c has. Most cases have one head and D = Dv = 1, q = k = 1 and scale
 * 1, so that the state is a weighted sum of the values 1, 2, 4, ... */
#include <math.h>
#include <string.h>

#include "tests/support/mirror.h"
#include "values/values.h"

#define LN2 0.69314718055994531
#define LN4 1.3862943611198906

enum { ROOM = 16 };

typedef struct toy {
  seqmix_linear_attention_args args;
  seqmix_tensor q, k, v, out, decay, input_gate, past[3], present[3];
  float q_data[ROOM], k_data[ROOM], v_data[ROOM], out_data[ROOM];
  float decay_data[ROOM], gate_data[ROOM];
  float past_data[3][ROOM], present_data[3][ROOM]; /* S, z, m */
} toy;

static void toy_start(toy *t, int64_t batch, int64_t time) {
  memset(t, 0, sizeof *t);
  t->args = (seqmix_linear_attention_args)SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  for (int i = 0; i < ROOM; i++) {
    t->q_data[i] = t->k_data[i] = 1;
    t->v_data[i] = (float)(1 << i);
    t->out_data[i] = NAN;
    for (int which = 0; which < 3; which++) t->present_data[which][i] = NAN;
  }
  t->q = seqmix_tensor_4d(t->q_data, SEQMIX_F32, batch, time, 1, 1);
  t->k = seqmix_tensor_4d(t->k_data, SEQMIX_F32, batch, time, 1, 1);
  t->v = seqmix_tensor_4d(t->v_data, SEQMIX_F32, batch, time, 1, 1);
  t->out = seqmix_tensor_4d(t->out_data, SEQMIX_F32, batch, time, 1, 1);
  t->args.q = &t->q;
  t->args.k = &t->k;
  t->args.v = &t->v;
  t->args.out = &t->out;
  t->args.scale = 1;
}

/* The gated rule with one decay for all tokens. */
static void toy_decay(toy *t, double decay) {
  t->decay_data[0] = (float)decay;
  t->decay = seqmix_tensor_1d(t->decay_data, SEQMIX_F32, 1);
  t->args.update_rule = SEQMIX_UPDATE_GATED;
  t->args.decay = &t->decay;
}

static void toy_input_gate(toy *t, const double *gate, int64_t time) {
  for (int i = 0; i < time; i++) t->gate_data[i] = (float)gate[i];
  t->input_gate = seqmix_tensor_3d(t->gate_data, SEQMIX_F32, 1, time, 1);
  t->args.input_gate = &t->input_gate;
  t->args.normalize = SEQMIX_NORMALIZE_ABS_MAX;
}

/* The first `count` of S, z and m, with this many rows, before and after. */
static void toy_states(toy *t, int count, int64_t past_rows, int64_t present_rows) {
  for (int which = 0; which < count; which++) {
    int32_t rank = 4 - which;
    const int64_t past[] = {past_rows, 1, 1, 1}, present[] = {present_rows, 1, 1, 1};
    t->past[which] = seqmix_tensor_nd(t->past_data[which], SEQMIX_F32, rank, past, NULL);
    t->present[which] = seqmix_tensor_nd(t->present_data[which], SEQMIX_F32, rank, present, NULL);
  }
  const seqmix_tensor **past[] = {&t->args.past_state, &t->args.past_normalizer,
                                  &t->args.past_stabilizer};
  const seqmix_tensor **present[] = {&t->args.present_state, &t->args.present_normalizer,
                                     &t->args.present_stabilizer};
  for (int which = 0; which < count; which++) {
    *past[which] = &t->past[which];
    *present[which] = &t->present[which];
  }
}

#define RUN_OR_SKIP(context, t) \
  COMPUTE_OR_SKIP(context, mirror_call(context, SEQMIX_OP_LINEAR_ATTENTION, &(t)->args))

/* ---- time ----------------------------------------------------------------------------------- */

START_TEST(forward_and_backward) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3);
  toy_decay(&t, -LN2);
  toy_states(&t, 1, 1, 1);
  t.past_data[0][0] = 8;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 4 + 1, 2 + 0.5 + 2, 1 + 0.25 + 1 + 4);
  EXPECT(t.present_data[0], 6.25);
  t.args.reverse = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1 + 1 + 1 + 1, 2 + 2 + 2, 4 + 4);
  EXPECT(t.present_data[0], 4);
  seqmix_context_destroy(context);
}
END_TEST

/* What is forgotten is gone, however it is said. */
START_TEST(strong_decay) {
  OPEN_DEVICE_OR_SKIP(context);
  static const float decays[] = {-1e4f, -INFINITY};
  for (int i = 0; i < 2; i++) {
    toy t;
    toy_start(&t, 1, 3);
    t.decay = seqmix_tensor_3d(t.decay_data, SEQMIX_F32, 1, 3, 1);
    t.args.update_rule = SEQMIX_UPDATE_GATED;
    t.args.decay = &t.decay;
    t.decay_data[1] = decays[i];
    RUN_OR_SKIP(context, &t);
    EXPECT(t.out_data, 1, 2, 6);
  }
  seqmix_context_destroy(context);
}
END_TEST

/* Products of these decays are beyond f32 after a few tokens; a state of 0 stays 0. */
START_TEST(growth_of_nothing) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 12);
  toy_decay(&t, 20);
  for (int i = 0; i < 11; i++) t.k_data[i] = 0;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2048);
  t.decay = seqmix_tensor_nd(t.decay_data, SEQMIX_F32, 4, t.k.shape, (int64_t[4]){0});
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2048);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(all_tokens_read_the_last_state) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3);
  t.args.causal = 0;
  toy_states(&t, 1, 1, 1);
  t.past_data[0][0] = 8;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 15, 15, 15);
  EXPECT(t.present_data[0], 15);
  toy_decay(&t, -LN2);
  t.args.reverse = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 4, 4, 4);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(both_directions) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3);
  t.args.bidirectional = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 7, 7, 7);
  toy_decay(&t, -LN2);
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1 + 1 + 1, 0.5 + 2 + 2, 0.25 + 1 + 4);
  t.args.normalize = SEQMIX_NORMALIZE_SUM;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 3 / 1.75, 4.5 / 2, 5.25 / 1.75);
  float reverse_data[] = {(float)-LN4};
  seqmix_tensor reverse = seqmix_tensor_1d(reverse_data, SEQMIX_F32, 1);
  t.args.normalize = SEQMIX_NORMALIZE_NONE;
  t.args.decay_reverse = &reverse;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1 + 0.5 + 0.25, 0.5 + 2 + 1, 0.25 + 1 + 4);
  seqmix_context_destroy(context);
}
END_TEST

/* The token itself is weighed by the bonus, not by 1, and nothing has decayed for it. */
START_TEST(bonus) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  float data[] = {3};
  seqmix_tensor tensor = seqmix_tensor_2d(data, SEQMIX_F32, 1, 1);
  toy_start(&t, 1, 3);
  toy_decay(&t, -LN2);
  t.args.bonus = &tensor;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 3, 1 + 6, 2.5 + 12);
  t.args.normalize = SEQMIX_NORMALIZE_SUM;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 7.0 / 4, 14.5 / 4.5);
  seqmix_context_destroy(context);
}
END_TEST

/* ---- rows ----------------------------------------------------------------------------------- */

START_TEST(feature_maps) {
  OPEN_DEVICE_OR_SKIP(context);
  static const double wanted[][2] = {
      [SEQMIX_FEATURE_NONE] = {9, 18},
      [SEQMIX_FEATURE_ELU1] = {16, 15.800851726528544},
      [SEQMIX_FEATURE_RELU] = {9, 9},
      [SEQMIX_FEATURE_RELU2] = {81, 81},
      [SEQMIX_FEATURE_EXP] = {403.42879349273512, 402.42879349273512},
      [SEQMIX_FEATURE_SOFTMAX] = {1, 0},
      [SEQMIX_FEATURE_SILU] = {8.1665772038236896, 8.5731671413618976},
      [SEQMIX_FEATURE_L2NORM] = {1, 2},
  };
  for (int map = SEQMIX_FEATURE_NONE; map <= SEQMIX_FEATURE_L2NORM; map++) {
    toy t;
    toy_start(&t, 1, 2);
    t.args.feature_map = map;
    t.q_data[0] = t.q_data[1] = t.k_data[0] = 3;
    t.k_data[1] = -3;
    t.v_data[1] = -1;
    RUN_OR_SKIP(context, &t);
    EXPECT(t.out_data, wanted[map][0], wanted[map][1]);
  }
  seqmix_context_destroy(context);
}
END_TEST

/* Four heads of out. State s holds 1 and 2; query h is 10^h; key heads are 1 and, shared, one. */
START_TEST(heads) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 1);
  for (int h = 0; h < 4; h++) t.q_data[h] = (float)pow(10, h);
  t.q.shape[2] = 4;
  t.v.shape[2] = 2;
  t.out.shape[2] = 4;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 10, 200, 2000);
  t.args.head_sharing = SEQMIX_HEADS_TILED;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 20, 100, 2000);
  t.q.shape[2] = t.k.shape[2] = 2; /* fewer queries and keys than states, 1, 2, 4 and 8 */
  t.k_data[1] = -1;
  t.v.shape[2] = 4;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, -20, 4, -80);
  t.args.head_sharing = SEQMIX_HEADS_INTERLEAVED;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 2, -40, -80);
  seqmix_context_destroy(context);
}
END_TEST

/* ---- denominators --------------------------------------------------------------------------- */

/* k is 1 and 1, v is 1 and 2, q is -1 and 0. */
START_TEST(normalizing) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 2);
  t.q_data[0] = -1;
  t.q_data[1] = 0;
  t.args.normalize = SEQMIX_NORMALIZE_SUM;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 0);
  t.args.normalize = SEQMIX_NORMALIZE_ABS_MAX;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, -1, 0);
  t.args.floor = 3;
  t.args.eps = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, -0.25, 0);
  t.q_data[1] = 1;
  t.args.floor = 0;
  toy_states(&t, 2, 1, 1);
  t.past_data[0][0] = 8;
  t.past_data[1][0] = 1;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, -3, 11.0 / 4);
  EXPECT(t.present_data[0], 11);
  EXPECT(t.present_data[1], 3);
  seqmix_context_destroy(context);
}
END_TEST

/* Gates 4 and 2, alpha 1/2, v 1 and 2: C is 4 then 2 + 4, n is 4 then 2 + 2, m is ln 4 then ln 2.
 */
START_TEST(input_gates) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 2);
  toy_decay(&t, -LN2);
  toy_input_gate(&t, (const double[]){LN4, LN2}, 2);
  toy_states(&t, 3, 1, 1);
  t.past_data[2][0] = -INFINITY;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 1.5);
  EXPECT(t.present_data[0], 3);
  EXPECT(t.present_data[1], 2);
  EXPECT(t.present_data[2], LN2);
  t.args.floor = 8;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 4.0 / 8, 6.0 / 8);
  t.args.floor = 0;
  t.args.eps = 1; /* added to n exp(-m), which is 1 then 2 */
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1.0 / 2, 3.0 / 3);
  seqmix_context_destroy(context);
}
END_TEST

/* A gate of exp(200) fits no f32; and one that lets nothing in leaves no past. */
START_TEST(extreme_input_gates) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 2);
  toy_decay(&t, 0);
  toy_input_gate(&t, (const double[]){200, 200 + LN2}, 2);
  toy_states(&t, 3, 1, 1);
  t.past_data[2][0] = -INFINITY;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 5.0 / 3);
  EXPECT(t.present_data[2], 200 + LN2);
  t.gate_data[0] = t.gate_data[1] = -INFINITY;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 0, 0);
  EXPECT(t.present_data[0], 0);
  EXPECT(t.present_data[1], 0);
  EXPECT(t.present_data[2], -INFINITY);
  seqmix_context_destroy(context);
}
END_TEST

/* Gates 2 and 1, alpha 1/2, v 1 and 2. Numerators 2 + (2 + 1) - 2 and (1 + 2) + 2 - 2,
 * denominators 2 + (2 + 1/2) - 2 and (1 + 1) + 1 - 1. */
START_TEST(input_gates_in_both_directions) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  for (int shift = 0; shift <= 200; shift += 100) { /* with m, floors alone move */
    toy_start(&t, 1, 2);
    toy_decay(&t, -LN2);
    toy_input_gate(&t, (const double[]){LN2 + shift, shift}, 2);
    t.args.bidirectional = 1;
    RUN_OR_SKIP(context, &t);
    EXPECT(t.out_data, 3 / 2.5, 3.0 / 2);
  }
  t.gate_data[0] = (float)LN2;
  t.gate_data[1] = 0;
  t.args.floor = 6;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 3.0 / 6, 3.0 / 6);
  seqmix_context_destroy(context);
}
END_TEST

/* Gates 4 and 2, alpha 1/2, v 1 and 2 as above, bonus 3: 12 / 12, then (4 + 12) / (4 + 6). What has
 * not decayed is held by the m before, which may be far above the m after. */
START_TEST(bonus_beside_input_gates) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  float data[] = {3};
  seqmix_tensor tensor = seqmix_tensor_2d(data, SEQMIX_F32, 1, 1);
  toy_start(&t, 1, 2);
  toy_decay(&t, -LN2);
  toy_input_gate(&t, (const double[]){LN4, LN2}, 2);
  t.args.bonus = &tensor;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 1.6);
  t.decay_data[0] = -1e4f;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 1, 1.6);
  seqmix_context_destroy(context);
}
END_TEST

/* ---- states --------------------------------------------------------------------------------- */

START_TEST(states_in_place_and_in_sixteen_bits) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 2, 2); /* values 1, 2 and 4, 8 */
  toy_states(&t, 1, 2, 2);
  t.past_data[0][0] = 10;
  t.past_data[0][1] = 20;
  t.past_data[0][2] = NAN;
  t.args.present_state = t.args.past_state;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 11, 13, 24, 32);
  EXPECT(t.past_data[0], 13, 32);
  uint16_t past[] = {0x4900, 0x4d00}, present[] = {0, 0}; /* f16: 10, 20; 13 is 0x4a80 */
  t.past[0] = seqmix_tensor_4d(past, SEQMIX_F16, 2, 1, 1, 1);
  t.present[0] = seqmix_tensor_4d(present, SEQMIX_F16, 2, 1, 1, 1);
  t.args.present_state = &t.present[0];
  RUN_OR_SKIP(context, &t);
  ck_assert_uint_eq(present[0], 0x4a80);
  ck_assert_uint_eq(present[1], 0x5000);
  seqmix_context_destroy(context);
}
END_TEST

/* Sequences of one, no and two tokens. */
START_TEST(packed) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int32_t data[] = {0, 1, 1, 3};
  seqmix_tensor cu_seqlens = seqmix_tensor_1d(data, SEQMIX_I32, 4);
  toy_start(&t, 1, 3);
  t.args.cu_seqlens = &cu_seqlens;
  toy_states(&t, 1, 3, 3);
  t.past_data[0][0] = 10;
  t.past_data[0][1] = 20;
  t.past_data[0][2] = 30;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 11, 32, 36);
  EXPECT(t.present_data[0], 11, 20, 36);
  seqmix_context_destroy(context);
}
END_TEST

/* Sequence 0 begins with row 3 and ends in row 1, sequence 1 has no state at all, sequence 2 is
 * not kept. */
START_TEST(pools) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int64_t from_data[] = {3, -1, 0};
  int32_t to_data[] = {1, 0, -1};
  seqmix_tensor from = seqmix_tensor_1d(from_data, SEQMIX_I64, 3);
  seqmix_tensor to = seqmix_tensor_1d(to_data, SEQMIX_I32, 3);
  toy_start(&t, 3, 1);
  toy_states(&t, 1, 4, 2);
  for (int i = 0; i < 4; i++) t.past_data[0][i] = 10 * (float)(i + 1);
  t.args.state_indices = &from;
  t.args.state_out_indices = &to;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 41, 0, 14);
  ck_assert_msg(isnan(t.present_data[0][0]), "a row that nothing is kept in was written");
  EXPECT(t.present_data[0] + 1, 41);
  t.args.state_out_indices = NULL;
  t.args.present_state = t.args.past_state;
  t.past_data[0][4] = NAN;
  RUN_OR_SKIP(context, &t);
  EXPECT(t.out_data, 41, 0, 14);
  EXPECT(t.past_data[0], 14, 20, 30, 41);
  seqmix_context_destroy(context);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("linear_attention_values");
  TCase *tcase = tcase_create("values");
  suite_add_loop(tcase, forward_and_backward, 0, 2);
  suite_add_loop(tcase, strong_decay, 0, 2);
  suite_add_loop(tcase, growth_of_nothing, 0, 2);
  suite_add_loop(tcase, all_tokens_read_the_last_state, 0, 2);
  suite_add_loop(tcase, both_directions, 0, 2);
  suite_add_loop(tcase, bonus, 0, 2);
  suite_add_loop(tcase, feature_maps, 0, 2);
  suite_add_loop(tcase, heads, 0, 2);
  suite_add_loop(tcase, normalizing, 0, 2);
  suite_add_loop(tcase, input_gates, 0, 2);
  suite_add_loop(tcase, extreme_input_gates, 0, 2);
  suite_add_loop(tcase, input_gates_in_both_directions, 0, 2);
  suite_add_loop(tcase, bonus_beside_input_gates, 0, 2);
  suite_add_loop(tcase, states_in_place_and_in_sixteen_bits, 0, 2);
  suite_add_loop(tcase, packed, 0, 2);
  suite_add_loop(tcase, pools, 0, 2);
  suite_add_tcase(suite, tcase);
  return suite;
}
