/* SPDX-License-Identifier: Apache-2.0 */
/* The reference device, the judge of all others, against values worked out by hand; and the CPU
 * against the same. Most cases have one head and D = Dv = 1, q = 0 and scale 1, so that the
 * weights are those of bias, masks and sinks alone and the output is a mean that one can see. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <seqmix/seqmix.h>

#include "support/suite.h"

#define LN2 0.69314718055994531
#define LN3 1.0986122886681098
#define LN4 1.3862943611198906
#define LN8 2.0794415416798357

enum { ROOM = 32 };

typedef struct toy {
  seqmix_attention_args args;
  seqmix_tensor q, k, v, out, lse;
  float q_data[ROOM], k_data[ROOM], v_data[ROOM], out_data[ROOM], lse_data[ROOM];
} toy;

/* Devices by loop number; NULL if this one is absent. */
static seqmix_context *open_device(int which) {
  seqmix_context *context = NULL;
  seqmix_status status = seqmix_context_create(&context, which ? "cpu" : "reference");
  if (status == SEQMIX_ERROR_NO_DEVICE && which) return NULL;
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
  return context;
}

#define OPEN_DEVICE_OR_SKIP(context)         \
  seqmix_context *context = open_device(_i); \
  if (!context) suite_skip("no device named cpu")

/* q and k all 0, v = 3, 6, 12, ...; outputs poisoned. */
static void toy_start(toy *t, int64_t batch, int64_t tq, int64_t tk) {
  static const float values[] = {3, 6, 12, 24, 48, 96};
  memset(t, 0, sizeof *t);
  t->args = (seqmix_attention_args)SEQMIX_ATTENTION_ARGS_INIT;
  for (int i = 0; i < ROOM; i++) {
    t->v_data[i] = values[i % 6];
    t->out_data[i] = t->lse_data[i] = NAN;
  }
  t->q = seqmix_tensor_4d(t->q_data, SEQMIX_F32, batch, tq, 1, 1);
  t->k = seqmix_tensor_4d(t->k_data, SEQMIX_F32, batch, tk, 1, 1);
  t->v = seqmix_tensor_4d(t->v_data, SEQMIX_F32, batch, tk, 1, 1);
  t->out = seqmix_tensor_4d(t->out_data, SEQMIX_F32, batch, tq, 1, 1);
  t->lse = seqmix_tensor_3d(t->lse_data, SEQMIX_F32, batch, 1, tq);
  t->args.q = &t->q;
  t->args.k = &t->k;
  t->args.v = &t->v;
  t->args.out = &t->out;
  t->args.lse = &t->lse;
  t->args.scale = 1;
}

static void attend(seqmix_context *context, const toy *t) {
  seqmix_status status = seqmix_attention(context, &t->args);
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
}

static void expect(const char *what, const float *got, int count, const double *want) {
  for (int i = 0; i < count; i++) {
    double x = (double)got[i];
    int same = isnan(want[i])   ? isnan(x)
               : isinf(want[i]) ? x == want[i]
                                : fabs(x - want[i]) <= 1e-6 * fmax(1, fabs(want[i]));
    ck_assert_msg(same, "%s[%d] is %.9g, must be %.9g", what, i, x, want[i]);
  }
  ck_assert_msg(isnan(got[count]), "%s[%d] was written", what, count);
}

#define EXPECT(array, ...)                                                     \
  do {                                                                         \
    const double wanted_[] = {__VA_ARGS__};                                    \
    expect(#array, array, (int)(sizeof wanted_ / sizeof wanted_[0]), wanted_); \
  } while (0)

/* ---- scores -----------------------------------------------------------------------------------
 */

START_TEST(equal_scores_give_the_mean) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 2, 3);
  attend(context, &t);
  EXPECT(t.out_data, 7, 7);
  EXPECT(t.lse_data, LN3, LN3);
  seqmix_context_destroy(context);
}
END_TEST

/* exp(ln 3) : exp(0) = 3 : 1, from q = 2, k = ln 3, scale 1/2. */
START_TEST(two_keys) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 1, 2);
  t.q_data[0] = 2;
  t.k_data[1] = (float)LN3;
  t.args.scale = 0.5;
  attend(context, &t);
  EXPECT(t.out_data, 0.25 * 3 + 0.75 * 6);
  EXPECT(t.lse_data, LN4);
  seqmix_context_destroy(context);
}
END_TEST

/* D = 4: the default scale is 1/2. Dv = 2. */
START_TEST(default_scale_and_other_value_dim) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 1, 2);
  const float q[4] = {2, 0, 1, 0}, k[8] = {0, 5, 0, 5, (float)LN3, 7, 0, 7};
  const float v[4] = {4, -4, 8, 12};
  memcpy(t.q_data, q, sizeof q);
  memcpy(t.k_data, k, sizeof k);
  memcpy(t.v_data, v, sizeof v);
  t.q = seqmix_tensor_4d(t.q_data, SEQMIX_F32, 1, 1, 1, 4);
  t.k = seqmix_tensor_4d(t.k_data, SEQMIX_F32, 1, 2, 1, 4);
  t.v = seqmix_tensor_4d(t.v_data, SEQMIX_F32, 1, 2, 1, 2);
  t.out = seqmix_tensor_4d(t.out_data, SEQMIX_F32, 1, 1, 1, 2);
  t.args.scale = SEQMIX_SCALE_DEFAULT;
  attend(context, &t);
  EXPECT(t.out_data, 7, 8);
  EXPECT(t.lse_data, LN4);
  seqmix_context_destroy(context);
}
END_TEST

/* 2 tanh(ln 3 / 2) = 1: scores 0 and 1. */
START_TEST(softcap) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 1, 2);
  t.q_data[0] = 1;
  t.k_data[1] = (float)LN3;
  t.v_data[0] = 0;
  t.v_data[1] = 1;
  t.args.softcap = 2;
  attend(context, &t);
  EXPECT(t.out_data, 0.73105857863000490);
  EXPECT(t.lse_data, 1.3132616875182228);
  seqmix_context_destroy(context);
}
END_TEST

/* Weights 1, 2, 0. */
START_TEST(bias) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  float data[] = {0, (float)LN2, -INFINITY};
  seqmix_tensor tensor = seqmix_tensor_1d(data, SEQMIX_F32, 3);
  toy_start(&t, 1, 1, 3);
  t.args.bias = &tensor;
  attend(context, &t);
  EXPECT(t.out_data, 5);
  EXPECT(t.lse_data, LN3);
  seqmix_context_destroy(context);
}
END_TEST

/* A row whose every bias is the lowest number is still a mean. */
START_TEST(bias_of_lowest_numbers) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  float data[] = {-FLT_MAX, -FLT_MAX, -FLT_MAX};
  seqmix_tensor tensor = seqmix_tensor_1d(data, SEQMIX_F32, 3);
  toy_start(&t, 1, 1, 3);
  t.args.bias = &tensor;
  attend(context, &t);
  EXPECT(t.out_data, 7);
  EXPECT(t.lse_data, -(double)FLT_MAX);
  seqmix_context_destroy(context);
}
END_TEST

/* Slope ln 2: a key at distance n weighs 2^-n. The query stands at the last key, then at the
 * middle one. */
START_TEST(alibi) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  float slope = (float)LN2;
  seqmix_tensor tensor = seqmix_tensor_1d(&slope, SEQMIX_F32, 1);
  toy_start(&t, 1, 1, 3);
  t.args.alibi_slopes = &tensor;
  attend(context, &t);
  EXPECT(t.out_data, (3 * 0.25 + 6 * 0.5 + 12) / 1.75);
  EXPECT(t.lse_data, 0.55961578793542266);
  t.args.query_offset = 1;
  attend(context, &t);
  EXPECT(t.out_data, (3 * 0.5 + 6 + 12 * 0.5) / 2);
  EXPECT(t.lse_data, LN2);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(sinks) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  float sink = 0;
  seqmix_tensor tensor = seqmix_tensor_1d(&sink, SEQMIX_F32, 1);
  toy_start(&t, 1, 1, 2);
  t.args.sinks = &tensor;
  attend(context, &t);
  EXPECT(t.out_data, 3);
  EXPECT(t.lse_data, LN3);
  toy_start(&t, 1, 1, 0);
  t.args.sinks = &tensor;
  sink = 2.5f;
  attend(context, &t);
  EXPECT(t.out_data, 0);
  EXPECT(t.lse_data, 2.5);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(heads) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 1, 1);
  t.v_data[0] = 10;
  t.v_data[1] = 20;
  t.q = seqmix_tensor_4d(t.q_data, SEQMIX_F32, 1, 1, 4, 1);
  t.k = seqmix_tensor_4d(t.k_data, SEQMIX_F32, 1, 1, 2, 1);
  t.v = seqmix_tensor_4d(t.v_data, SEQMIX_F32, 1, 1, 2, 1);
  t.out = seqmix_tensor_4d(t.out_data, SEQMIX_F32, 1, 1, 4, 1);
  t.lse = seqmix_tensor_3d(t.lse_data, SEQMIX_F32, 1, 4, 1);
  attend(context, &t);
  EXPECT(t.out_data, 10, 10, 20, 20);
  t.args.head_sharing = SEQMIX_HEADS_TILED;
  attend(context, &t);
  EXPECT(t.out_data, 10, 20, 10, 20);
  EXPECT(t.lse_data, 0, 0, 0, 0);
  seqmix_context_destroy(context);
}
END_TEST

/* ---- masks ------------------------------------------------------------------------------------
 */

START_TEST(causal_and_offsets) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 2, 3);
  t.args.causal = 1;
  attend(context, &t); /* end-aligned: position 1, 2 */
  EXPECT(t.out_data, 4.5, 7);
  t.args.query_offset = 0;
  attend(context, &t);
  EXPECT(t.out_data, 3, 4.5);
  t.args.query_offset = -1;
  attend(context, &t);
  EXPECT(t.out_data, 0, 3);
  EXPECT(t.lse_data, -INFINITY, 0);
  t.args.query_offset = 7;
  attend(context, &t);
  EXPECT(t.out_data, 7, 7);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(offsets_per_sequence) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int64_t data[] = {0, -1};
  seqmix_tensor tensor = seqmix_tensor_1d(data, SEQMIX_I64, 2);
  toy_start(&t, 2, 2, 3); /* the second sequence's values are 24, 48, 96 */
  t.args.causal = 1;
  t.args.query_offsets = &tensor;
  attend(context, &t);
  EXPECT(t.out_data, 3, 4.5, 0, 24);
  EXPECT(t.lse_data, 0, LN2, -INFINITY, 0);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(windows) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  toy_start(&t, 1, 3, 3);
  t.args.window_left = 1;
  t.args.window_right = 0;
  attend(context, &t);
  EXPECT(t.out_data, 3, 4.5, 9);
  t.args.window_left = 0;
  attend(context, &t);
  EXPECT(t.out_data, 3, 6, 12);
  t.args.window_left = -1;
  t.args.window_right = 1;
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 7, 7);
  t.args.causal = 1; /* cuts the window on the right */
  attend(context, &t);
  EXPECT(t.out_data, 3, 4.5, 7);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(lengths) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int32_t keys[] = {2, 0}, queries[] = {1, 2};
  seqmix_tensor key_lengths = seqmix_tensor_1d(keys, SEQMIX_I32, 2);
  seqmix_tensor query_lengths = seqmix_tensor_1d(queries, SEQMIX_I32, 2);
  toy_start(&t, 2, 2, 3);
  t.k_data[2] = t.v_data[2] = NAN;
  t.args.key_lengths = &key_lengths;
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 4.5, 0, 0);
  EXPECT(t.lse_data, LN2, LN2, -INFINITY, -INFINITY);
  t.args.query_lengths = &query_lengths;
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 0, 0, 0);
  EXPECT(t.lse_data, LN2, -INFINITY, -INFINITY, -INFINITY);
  t.args.causal = 1; /* the only live query stands at the last live key */
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 0, 0, 0);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(masks) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  unsigned char data[] = {1, 0, 255, 0, 0, 0};
  seqmix_tensor mask = seqmix_tensor_2d(data, SEQMIX_BOOL, 2, 3);
  seqmix_tensor short_mask = seqmix_tensor_2d(data, SEQMIX_BOOL, 1, 1);
  toy_start(&t, 1, 2, 3);
  t.args.mask = &mask;
  attend(context, &t);
  EXPECT(t.out_data, 7.5, 0);
  EXPECT(t.lse_data, LN2, -INFINITY);
  t.args.mask = &short_mask; /* one key for all; the others are missing, so masked */
  attend(context, &t);
  EXPECT(t.out_data, 3, 3);
  seqmix_context_destroy(context);
}
END_TEST

/* Blocks of one query and two keys. */
START_TEST(block_map) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  unsigned char data[] = {1, 0, 0, 1};
  seqmix_tensor map = seqmix_tensor_4d(data, SEQMIX_U8, 1, 1, 2, 2);
  toy_start(&t, 1, 2, 3);
  t.args.block_map = &map;
  t.args.block_map_queries = 1;
  t.args.block_map_keys = 2;
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 12);
  EXPECT(t.lse_data, LN2, 0);
  seqmix_context_destroy(context);
}
END_TEST

/* A NaN or +inf in a key shows in the rows that see it, and in no other. */
START_TEST(bad_keys_reach_their_rows) {
  OPEN_DEVICE_OR_SKIP(context);
  for (int is_inf = 0; is_inf < 2; is_inf++) {
    toy t;
    toy_start(&t, 1, 3, 3);
    t.q_data[0] = t.q_data[1] = t.q_data[2] = 1;
    t.k_data[1] = is_inf ? INFINITY : NAN;
    t.args.causal = 1;
    attend(context, &t);
    EXPECT(t.out_data, 3, NAN, NAN);
    EXPECT(t.lse_data, 0, NAN, NAN);
  }
  seqmix_context_destroy(context);
}
END_TEST

/* ---- packing and paging -----------------------------------------------------------------------
 */

/* Queries 1, 0 and 2; keys 2, 1 and 0. */
START_TEST(packed) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int32_t queries[] = {0, 1, 1, 3};
  int64_t keys[] = {0, 2, 3, 3};
  seqmix_tensor cu_q = seqmix_tensor_1d(queries, SEQMIX_I32, 4);
  seqmix_tensor cu_k = seqmix_tensor_1d(keys, SEQMIX_I64, 4);
  toy_start(&t, 1, 3, 3);
  t.args.cu_seqlens_q = &cu_q;
  t.args.cu_seqlens_k = &cu_k;
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 0, 0);
  EXPECT(t.lse_data, LN2, -INFINITY, -INFINITY);
  queries[2] = 3; /* now 1, 2 and 0 */
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 12, 12);
  EXPECT(t.lse_data, LN2, 0, 0);
  t.args.causal = 1; /* end-aligned within each sequence */
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 0, 12);
  seqmix_context_destroy(context);
}
END_TEST

/* Pages of two: keys 3, 6 lie on page 2 and 12 on page 0. Nothing else may be read. */
START_TEST(paged) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  int32_t pages[] = {2, 0, -7}, live[] = {3};
  const float values[] = {12, NAN, NAN, NAN, 3, 6};
  seqmix_tensor table = seqmix_tensor_2d(pages, SEQMIX_I32, 1, 3);
  seqmix_tensor key_lengths = seqmix_tensor_1d(live, SEQMIX_I32, 1);
  toy_start(&t, 1, 2, 0);
  memcpy(t.v_data, values, sizeof values);
  t.k_data[1] = t.k_data[2] = t.k_data[3] = NAN;
  t.k = seqmix_tensor_4d(t.k_data, SEQMIX_F32, 3, 2, 1, 1);
  t.v = seqmix_tensor_4d(t.v_data, SEQMIX_F32, 3, 2, 1, 1);
  t.args.block_table = &table;
  t.args.key_lengths = &key_lengths;
  t.args.causal = 1;
  attend(context, &t);
  EXPECT(t.out_data, 4.5, 7);
  EXPECT(t.lse_data, LN2, LN3);
  seqmix_context_destroy(context);
}
END_TEST

/* ---- outputs ----------------------------------------------------------------------------------
 */

START_TEST(scores_output) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  float scores[3], bias_data[] = {0.5f, 0};
  unsigned char mask_data[] = {1, 0};
  seqmix_tensor tensor = seqmix_tensor_4d(scores, SEQMIX_F32, 1, 1, 1, 2);
  seqmix_tensor bias_tensor = seqmix_tensor_1d(bias_data, SEQMIX_F32, 2);
  seqmix_tensor mask = seqmix_tensor_1d(mask_data, SEQMIX_BOOL, 2);
  toy_start(&t, 1, 1, 2);
  t.q_data[0] = 2;
  t.k_data[0] = 1;
  t.k_data[1] = -1;
  t.args.scale = 0.5;
  t.args.softcap = 1;
  t.args.bias = &bias_tensor;
  t.args.mask = &mask;
  t.args.scores = &tensor;
  static const double wanted[4][2] = {
      [SEQMIX_SCORES_RAW] = {1, -1},
      [SEQMIX_SCORES_SOFTCAP] = {0.76159415595576489, -0.76159415595576489},
      [SEQMIX_SCORES_BIAS] = {1.2615941559557649, -INFINITY},
      [SEQMIX_SCORES_PROBABILITIES] = {1, 0},
  };
  for (int mode = 0; mode < 4; mode++) {
    scores[0] = scores[1] = scores[2] = NAN;
    t.args.scores_mode = mode;
    attend(context, &t);
    expect("scores", scores, 2, wanted[mode]);
    EXPECT(t.out_data, 3);
  }
  seqmix_context_destroy(context);
}
END_TEST

/* Weights 1 : 3 : 0, the sink taking an equal share of 4. */
START_TEST(probabilities_with_a_sink) {
  OPEN_DEVICE_OR_SKIP(context);
  toy t;
  float scores[] = {NAN, NAN, NAN, NAN}, bias_data[] = {0, (float)LN3, -INFINITY};
  float sink = (float)LN4;
  seqmix_tensor tensor = seqmix_tensor_4d(scores, SEQMIX_F32, 1, 1, 1, 3);
  seqmix_tensor bias_tensor = seqmix_tensor_1d(bias_data, SEQMIX_F32, 3);
  seqmix_tensor sink_tensor = seqmix_tensor_1d(&sink, SEQMIX_F32, 1);
  toy_start(&t, 1, 1, 3);
  t.args.bias = &bias_tensor;
  t.args.sinks = &sink_tensor;
  t.args.scores = &tensor;
  t.args.scores_mode = SEQMIX_SCORES_PROBABILITIES;
  attend(context, &t);
  EXPECT(scores, 0.125, 0.375, 0);
  EXPECT(t.out_data, 0.125 * 3 + 0.375 * 6);
  EXPECT(t.lse_data, LN8);
  seqmix_context_destroy(context);
}
END_TEST

/* One third, rounded to nearest: 0x3555 and 0x3eab. */
START_TEST(sixteen_bit_outputs) {
  OPEN_DEVICE_OR_SKIP(context);
  static const uint16_t one[] = {[SEQMIX_F16] = 0x3c00, [SEQMIX_BF16] = 0x3f80};
  static const uint16_t third[] = {[SEQMIX_F16] = 0x3555, [SEQMIX_BF16] = 0x3eab};
  for (int32_t dtype = SEQMIX_F16; dtype <= SEQMIX_BF16; dtype++) {
    toy t;
    uint16_t zeros[3] = {0}, values[3] = {one[dtype], 0, 0}, out = 0;
    toy_start(&t, 1, 1, 3);
    t.q = seqmix_tensor_4d(zeros, dtype, 1, 1, 1, 1);
    t.k = seqmix_tensor_4d(zeros, dtype, 1, 3, 1, 1);
    t.v = seqmix_tensor_4d(values, dtype, 1, 3, 1, 1);
    attend(context, &t);
    EXPECT(t.out_data, 1.0 / 3);
    t.out = seqmix_tensor_4d(&out, dtype, 1, 1, 1, 1);
    attend(context, &t);
    ck_assert_uint_eq(out, third[dtype]);
  }
  seqmix_context_destroy(context);
}
END_TEST

/* ---- attention_merge --------------------------------------------------------------------------
 */

typedef struct merge_toy {
  int parts;
  double outs[2], lses[2];
  int has_sink;
  double sink, out, lse;
} merge_toy;

static const merge_toy merges[] = {
    {2, {4, 8}, {0, LN3}, 0, 0, 7, LN4},                         /* weights 1 : 3 */
    {2, {4, 8}, {0, LN3}, 1, LN4, 3.5, LN8},                     /* and 4 for the sink */
    {2, {4, NAN}, {LN2, -INFINITY}, 0, 0, 4, LN2},               /* a part without keys */
    {2, {NAN, NAN}, {-INFINITY, -INFINITY}, 0, 0, 0, -INFINITY}, /* none with any */
    {2, {NAN, INFINITY}, {-INFINITY, -INFINITY}, 1, 1.5, 0, 1.5},
    {2, {4, 8}, {0, NAN}, 0, 0, NAN, NAN},
    {2, {4, 8}, {INFINITY, 0}, 0, 0, NAN, NAN},
    {2, {4, 8}, {-1000, -1000}, 0, 0, 6, -1000 + LN2}, /* exp(-1000) is 0 by itself */
    {2, {4, 8}, {1000, 1001}, 0, 0, 6.9242343145200196, 1001.3132616875182},
    {1, {4, 0}, {-5, 0}, 0, 0, 4, -5},
    {1, {4, 0}, {0, 0}, 1, -INFINITY, 4, 0},
    {0, {0, 0}, {0, 0}, 0, 0, 0, -INFINITY},
    {0, {0, 0}, {0, 0}, 1, 0.5, 0, 0.5},
};

START_TEST(merging) {
  OPEN_DEVICE_OR_SKIP(context);
  for (size_t m = 0; m < sizeof merges / sizeof merges[0]; m++) {
    const merge_toy *at = &merges[m];
    float outs_data[2] = {(float)at->outs[0], (float)at->outs[1]}, out_data[2] = {NAN, NAN};
    float lses_data[2] = {(float)at->lses[0], (float)at->lses[1]}, lse_data[2] = {NAN, NAN};
    float sink = (float)at->sink;
    seqmix_tensor outs =
        seqmix_tensor_nd(outs_data, SEQMIX_F32, 5, (int64_t[]){at->parts, 1, 1, 1, 1}, NULL);
    seqmix_tensor lses = seqmix_tensor_4d(lses_data, SEQMIX_F32, at->parts, 1, 1, 1);
    seqmix_tensor sinks_tensor = seqmix_tensor_1d(&sink, SEQMIX_F32, 1);
    seqmix_tensor out = seqmix_tensor_4d(out_data, SEQMIX_F32, 1, 1, 1, 1);
    seqmix_tensor lse = seqmix_tensor_3d(lse_data, SEQMIX_F32, 1, 1, 1);
    seqmix_attention_merge_args args = SEQMIX_ATTENTION_MERGE_ARGS_INIT;
    args.outs = &outs;
    args.lses = &lses;
    args.out = &out;
    args.lse = &lse;
    if (at->has_sink) args.sinks = &sinks_tensor;
    seqmix_status status = seqmix_attention_merge(context, &args);
    ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
    char what[32];
    snprintf(what, sizeof what, "merge %d: out, lse", (int)m);
    expect(what, out_data, 1, &at->out);
    expect(what, lse_data, 1, &at->lse);
  }
  seqmix_context_destroy(context);
}
END_TEST

static void add_masks_and_outputs(TCase *tcase) {
  suite_add_loop(tcase, causal_and_offsets, 0, 2);
  suite_add_loop(tcase, offsets_per_sequence, 0, 2);
  suite_add_loop(tcase, windows, 0, 2);
  suite_add_loop(tcase, lengths, 0, 2);
  suite_add_loop(tcase, masks, 0, 2);
  suite_add_loop(tcase, block_map, 0, 2);
  suite_add_loop(tcase, bad_keys_reach_their_rows, 0, 2);
  suite_add_loop(tcase, packed, 0, 2);
  suite_add_loop(tcase, paged, 0, 2);
  suite_add_loop(tcase, scores_output, 0, 2);
  suite_add_loop(tcase, probabilities_with_a_sink, 0, 2);
  suite_add_loop(tcase, sixteen_bit_outputs, 0, 2);
  suite_add_loop(tcase, merging, 0, 2);
}

Suite *suite_make(void) {
  Suite *suite = suite_create("reference");
  TCase *tcase = tcase_create("reference");
  suite_add_loop(tcase, equal_scores_give_the_mean, 0, 2);
  suite_add_loop(tcase, two_keys, 0, 2);
  suite_add_loop(tcase, default_scale_and_other_value_dim, 0, 2);
  suite_add_loop(tcase, softcap, 0, 2);
  suite_add_loop(tcase, bias, 0, 2);
  suite_add_loop(tcase, bias_of_lowest_numbers, 0, 2);
  suite_add_loop(tcase, alibi, 0, 2);
  suite_add_loop(tcase, sinks, 0, 2);
  suite_add_loop(tcase, heads, 0, 2);
  add_masks_and_outputs(tcase);
  suite_add_tcase(suite, tcase);
  return suite;
}
