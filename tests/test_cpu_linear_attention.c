/* SPDX-License-Identifier: Apache-2.0 */
/* What the CPU promises beyond the contract of linear_attention: decays so slow that each of them
 * is hardly more than 1's rounding stay exact over thousands of tokens, and bits do not depend on
 * how states and columns were spread over workers. Every variant is forced in turn. */
#include <math.h>
#include <string.h>

#include "seqmix/seqmix.h"
#include "support/suite.h"
#include "verify/random.h"

typedef enum decay_shape { CONSTANT, PER_HEAD, PER_CHANNEL } decay_shape;

enum { PACKED = 1, NORMALIZED = 2, REVERSE = 4, FRESH = 8 /* no past */ };

/* One call; of packed sequences `tokens` is their sum. */
typedef struct trial {
  const char *name;
  int64_t tokens, query_heads, heads, dims, value_dim;
  int32_t rule;
  decay_shape decay;
  unsigned flags;
} trial;

#define LINEAR SEQMIX_UPDATE_LINEAR
#define GATED SEQMIX_UPDATE_GATED
#define GATED_DELTA SEQMIX_UPDATE_GATED_DELTA
#define DPLR SEQMIX_UPDATE_DPLR

enum { SEQUENCES = 4, MOST_TOKENS = 1 << 18, MOST_STATES = 1 << 16, MOST_WORKERS = 5 };

static float q[MOST_TOKENS], k[MOST_TOKENS], v[MOST_TOKENS], decay[MOST_TOKENS], beta[MOST_TOKENS];
static float a[MOST_TOKENS], b[MOST_TOKENS], past[MOST_STATES], past_z[MOST_STATES];
static int32_t ends[SEQUENCES + 1];

typedef struct outputs {
  float out[MOST_TOKENS], present[MOST_STATES], present_z[MOST_STATES];
} outputs;
static outputs got, expected;

static seqmix_context *context, *reference;

static void open_contexts(void) {
  ck_assert(seqmix_context_create(&context, "cpu") == SEQMIX_OK);
  ck_assert(seqmix_context_create(&reference, "reference") == SEQMIX_OK);
}

static void close_contexts(void) {
  seqmix_context_destroy(context);
  seqmix_context_destroy(reference);
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static void fill(float *to, size_t count, double scale, random_state *random) {
  for (size_t i = 0; i < count; i++) to[i] = (float)(scale * random_normal(random));
}

/* Gates that forget little, and writers short enough for what dplr adds to stay small. */
static void make_inputs(const trial *t) {
  random_state random = random_start(suite_seed(t->name));
  fill(q, MOST_TOKENS, 1, &random);
  fill(k, MOST_TOKENS, 1, &random);
  fill(v, MOST_TOKENS, 1, &random);
  fill(a, MOST_TOKENS, 0.05, &random);
  fill(b, MOST_TOKENS, 0.05, &random);
  fill(past, MOST_STATES, 1, &random);
  for (int i = 0; i < MOST_STATES; i++) past_z[i] = (float)random_unit(&random);
  for (int i = 0; i < MOST_TOKENS; i++) {
    decay[i] = -0.2f * (float)random_unit(&random);
    beta[i] = (float)random_unit(&random);
  }
  for (int n = 0; n <= SEQUENCES; n++)
    ends[n] = (int32_t)(t->tokens * n * n * n / (SEQUENCES * SEQUENCES * SEQUENCES));
}

/* ---- calls ----------------------------------------------------------------------------------- */

static seqmix_tensor decay_of(const trial *t) {
  if (t->decay == CONSTANT) return seqmix_tensor_1d(decay, SEQMIX_F32, t->heads);
  seqmix_tensor tensor = seqmix_tensor_4d(decay, SEQMIX_F32, 1, t->tokens, t->heads, t->dims);
  if (t->decay == PER_HEAD) tensor = seqmix_tensor_3d(decay, SEQMIX_F32, 1, t->tokens, t->heads);
  return tensor;
}

static seqmix_status compute(const trial *t, seqmix_context *on, outputs *to) {
  int64_t out_heads = t->query_heads > t->heads ? t->query_heads : t->heads;
  int64_t sequences = t->flags & PACKED ? SEQUENCES : 1;
  ck_assert(t->tokens * out_heads * (t->dims > t->value_dim ? t->dims : t->value_dim) <=
            MOST_TOKENS);
  ck_assert(sequences * t->heads * t->dims * t->value_dim <= MOST_STATES);
  seqmix_tensor tq = seqmix_tensor_4d(q, SEQMIX_F32, 1, t->tokens, t->query_heads, t->dims);
  seqmix_tensor tk = seqmix_tensor_4d(k, SEQMIX_F32, 1, t->tokens, t->heads, t->dims);
  seqmix_tensor tv = seqmix_tensor_4d(v, SEQMIX_F32, 1, t->tokens, t->heads, t->value_dim);
  seqmix_tensor ta = seqmix_tensor_4d(a, SEQMIX_F32, 1, t->tokens, t->heads, t->dims);
  seqmix_tensor tb = seqmix_tensor_4d(b, SEQMIX_F32, 1, t->tokens, t->heads, t->dims);
  seqmix_tensor tbeta = seqmix_tensor_3d(beta, SEQMIX_F32, 1, t->tokens, t->heads);
  seqmix_tensor tdecay = decay_of(t), tends = seqmix_tensor_1d(ends, SEQMIX_I32, SEQUENCES + 1);
  seqmix_tensor tout = seqmix_tensor_4d(to->out, SEQMIX_F32, 1, t->tokens, out_heads, t->value_dim);
  seqmix_tensor from =
      seqmix_tensor_4d(past, SEQMIX_F32, sequences, t->heads, t->dims, t->value_dim);
  seqmix_tensor from_z = seqmix_tensor_3d(past_z, SEQMIX_F32, sequences, t->heads, t->dims);
  seqmix_tensor state = from, state_z = from_z;
  state.data = to->present;
  state_z.data = to->present_z;
  seqmix_linear_attention_args args = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  args.q = &tq;
  args.k = &tk;
  args.v = &tv;
  args.out = &tout;
  args.update_rule = t->rule;
  args.decay = t->rule == LINEAR ? NULL : &tdecay;
  args.feature_map = t->flags & NORMALIZED ? SEQMIX_FEATURE_ELU1 : SEQMIX_FEATURE_L2NORM;
  args.normalize = t->flags & NORMALIZED ? SEQMIX_NORMALIZE_SUM : SEQMIX_NORMALIZE_NONE;
  args.beta = t->rule == GATED_DELTA ? &tbeta : NULL;
  args.a = t->rule == DPLR ? &ta : NULL;
  args.b = t->rule == DPLR ? &tb : NULL;
  args.reverse = (t->flags & REVERSE) != 0;
  args.past_state = t->flags & FRESH ? NULL : &from;
  args.present_state = &state;
  args.past_normalizer = args.past_state && t->flags & NORMALIZED ? &from_z : NULL;
  args.present_normalizer = t->flags & NORMALIZED ? &state_z : NULL;
  args.cu_seqlens = t->flags & PACKED ? &tends : NULL;
  memset(to, 0, sizeof *to);
  return seqmix_linear_attention(on, &args);
}

/* The next variant of linear attention from number *index on, made the forced one; NULL: none. */
static const char *force_next(int32_t *index) {
  const char *name;
  while ((name = seqmix_context_variant_name(context, (*index)++)) != NULL) {
    if (strncmp(name, "linear_attention__", 18) != 0) continue;
    ck_assert(seqmix_context_set_variant(context, name) == SEQMIX_OK);
    return name;
  }
  return NULL;
}

/* ---- slow decays ----------------------------------------------------------------------------- */

/* Less than half of what docs/operators.md allows. */
static const double slow_bound = 2e-6;

static const trial slow[] = {
    {"slow_head", 4096, 2, 2, 16, 32, GATED, CONSTANT, 0},
    {"slow_tokens", 4096, 2, 2, 16, 32, GATED, PER_HEAD, 0},
    {"slow_channels", 4096, 2, 2, 16, 32, GATED, PER_CHANNEL, 0},
    {"slow_normalized", 4096, 2, 2, 16, 32, GATED, CONSTANT, NORMALIZED},
    {"slow_delta", 4096, 2, 2, 16, 32, GATED_DELTA, CONSTANT, 0},
};
enum { SLOW = sizeof slow / sizeof *slow };

/* ||x - y|| / ||y|| */
static double distance(const float *x, const float *y, int count) {
  double difference = 0, size = 0;
  for (int i = 0; i < count; i++) {
    difference += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
    size += (double)y[i] * y[i];
  }
  return size > 0 ? sqrt(difference / size) : sqrt(difference);
}

static void check_near(const char *what, const float *x, const float *y, int count,
                       const char *variant) {
  double error = distance(x, y, count);
  ck_assert_msg(error <= slow_bound, "%s: %s is %.2g off", variant, what, error);
}

/* exp(-2^-12) lies in the middle of two floats: rounded to either, it is off by as much as f32 can
 * be, and 4096 times so over the tokens. */
START_TEST(test_slow_decays) {
  const trial *t = &slow[_i];
  const char *variant;
  make_inputs(t);
  for (int i = 0; i < MOST_TOKENS; i++) decay[i] = -0x1p-12f;
  ck_assert_msg(compute(t, reference, &expected) == SEQMIX_OK, "%s", seqmix_last_error());
  for (int32_t index = 0; (variant = force_next(&index)) != NULL;) {
    ck_assert_msg(compute(t, context, &got) == SEQMIX_OK, "%s", seqmix_last_error());
    check_near("out", got.out, expected.out, MOST_TOKENS, variant);
    check_near("present_state", got.present, expected.present, MOST_STATES, variant);
    check_near("present_normalizer", got.present_z, expected.present_z, MOST_STATES, variant);
  }
}
END_TEST

/* ---- workers --------------------------------------------------------------------------------- */

/* One state, which is cut, five, and sixteen, several of which a task takes in turns: how many
 * depends on the workers (tests/test_linear_plan.c). */
static const trial spread[] = {
    {"one_state", 100, 1, 1, 128, 128, GATED, PER_HEAD, 0},
    {"one_state_token", 1, 1, 1, 128, 128, GATED_DELTA, PER_HEAD, 0},
    {"one_state_channels", 100, 1, 1, 64, 100, DPLR, PER_CHANNEL, 0},
    {"one_state_shared", 100, 3, 1, 64, 128, GATED_DELTA, PER_CHANNEL, 0},
    {"one_state_normalized", 100, 1, 1, 64, 128, GATED, PER_HEAD, NORMALIZED},
    {"one_state_normalized_fresh", 100, 1, 1, 64, 128, GATED, PER_HEAD, NORMALIZED | FRESH},
    {"one_state_packed", 100, 1, 1, 64, 128, GATED_DELTA, PER_HEAD, PACKED},
    {"one_state_long", 1700, 1, 1, 64, 128, GATED_DELTA, PER_CHANNEL, 0},
    {"one_state_reverse", 1000, 2, 1, 64, 128, DPLR, PER_HEAD, REVERSE},
    {"one_state_packed_long", 1700, 1, 1, 64, 128, GATED, PER_HEAD, PACKED},
    {"five", 100, 5, 5, 64, 64, GATED_DELTA, PER_HEAD, 0},
    {"five_packed", 100, 10, 5, 32, 40, GATED, CONSTANT, PACKED},
    {"sixteen", 100, 16, 16, 64, 64, GATED_DELTA, PER_HEAD, 0},
    {"sixteen_token", 1, 16, 16, 64, 64, GATED, PER_CHANNEL, 0},
    {"sixteen_linear", 100, 16, 16, 32, 32, LINEAR, CONSTANT, 0},
    {"sixteen_normalized", 100, 16, 16, 32, 32, GATED, PER_CHANNEL, NORMALIZED},
    {"sixteen_packed", 150, 16, 16, 32, 32, DPLR, PER_CHANNEL, PACKED},
    {"sixteen_packed_normalized", 150, 16, 16, 32, 32, GATED, PER_HEAD, PACKED | NORMALIZED},
};
enum { SPREAD = sizeof spread / sizeof *spread };

START_TEST(test_bits_do_not_depend_on_workers) {
  const trial *t = &spread[_i];
  const char *variant;
  make_inputs(t);
  for (int32_t index = 0; (variant = force_next(&index)) != NULL;)
    for (int32_t workers = 1; workers <= MOST_WORKERS; workers++) {
      outputs *to = workers == 1 ? &expected : &got;
      ck_assert(seqmix_context_set_threads(context, workers) == SEQMIX_OK);
      ck_assert_msg(compute(t, context, to) == SEQMIX_OK, "%s", seqmix_last_error());
      ck_assert_msg(workers == 1 || memcmp(&got, &expected, sizeof got) == 0,
                    "%s: other bits with %d workers", variant, workers);
    }
}
END_TEST

/* ---- the device's own choice ----------------------------------------------------------------- */

START_TEST(test_chosen_by_length) {
  trial t = spread[0];
  make_inputs(&t);
  ck_assert(compute(&t, context, &got) == SEQMIX_OK);
  ck_assert_ptr_nonnull(strstr(seqmix_context_chosen_variant(context), "_chunked"));
  t.tokens = 1;
  ck_assert(compute(&t, context, &got) == SEQMIX_OK);
  ck_assert_ptr_nonnull(strstr(seqmix_context_chosen_variant(context), "_recurrent"));
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cpu_linear_attention");
  TCase *tcase = tcase_create("cpu");
  tcase_set_timeout(tcase, 300);
  tcase_add_checked_fixture(tcase, open_contexts, close_contexts);
  suite_add_loop(tcase, test_slow_decays, 0, SLOW);
  suite_add_loop(tcase, test_bits_do_not_depend_on_workers, 0, SPREAD);
  suite_add(tcase, test_chosen_by_length);
  suite_add_tcase(suite, tcase);
  return suite;
}
