/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention along time, on the device under test: directions, denominators, what is
 * forgotten, and what later tokens must not touch. */
#include <math.h>

#include "linear_attention_outcome.h"
#include "test_attention.h"

#define SIZE(b, n, h, i, j) .batch = (b), .t = (n), .hs = (h), .d = (i), .dv = (j)
#define F16 .dtype = SEQMIX_F16
#define LINEAR .rule = SEQMIX_UPDATE_LINEAR
#define GATED .rule = SEQMIX_UPDATE_GATED
#define DELTA .rule = SEQMIX_UPDATE_DELTA, .beta = GATE_PER_HEAD
#define GATED_DELTA .rule = SEQMIX_UPDATE_GATED_DELTA, .beta = GATE_PER_HEAD
#define DPLR .rule = SEQMIX_UPDATE_DPLR, .decay = GATE_PER_CHANNEL
#define SUM .normalize = SEQMIX_NORMALIZE_SUM
#define ABS_MAX .normalize = SEQMIX_NORMALIZE_ABS_MAX
#define STATES .states = STATES_BOTH

/* ---- elements -------------------------------------------------------------------------------- */

static double input_at(const linear_attention_data *data, int slot, const int64_t *index) {
  const test_tensor *tensor = data->tensors[slot];
  return tensor_load(tensor, tensor->storage->bytes, tensor_at(tensor, index));
}

static double output_at(const outcome *run, int slot, const int64_t *index) {
  const test_tensor *tensor = run->call.tensors[slot];
  return tensor_load(tensor, run->result.images[slot], tensor_at(tensor, index));
}

/* scale * q.k of a token, where every head has its own. */
static double own_score(const linear_attention_data *data, const int64_t *index) {
  double sum = 0;
  int64_t at[4] = {index[0], index[1], index[2], 0};
  for (; at[3] < data->spec.d; at[3]++) {
    sum += input_at(data, LINEAR_Q, at) * input_at(data, LINEAR_K, at);
  }
  return data->spec.scale * sum;
}

/* ---- backwards ------------------------------------------------------------------------------- */

static const linear_attention_case backwards[] = {
    {.name = "backwards_gated", GATED, SIZE(2, 70, 2, 16, 24), STATES, .reverse = 1},
    {.name = "backwards_channel",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     STATES,
     .reverse = 1,
     .decay = GATE_PER_CHANNEL,
     .decays = DECAYS_MIXED},
    {.name = "backwards_delta", DELTA, SIZE(2, 130, 2, 16, 24), STATES, .reverse = 1},
    {.name = "backwards_gated_delta", GATED_DELTA, SIZE(2, 70, 2, 16, 24), STATES, .reverse = 1},
    {.name = "backwards_dplr", DPLR, SIZE(2, 70, 2, 16, 24), STATES, .reverse = 1},
    {.name = "backwards_bonus", GATED, SIZE(2, 70, 2, 16, 24), STATES, .reverse = 1, .bonus = 1},
    {.name = "backwards_mlstm",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     STATES,
     .reverse = 1,
     ABS_MAX,
     .scale = 0.04,
     .input_gate = INPUT_GATE_MODERATE},
};
enum { BACKWARDS = sizeof backwards / sizeof backwards[0] };

/* Tokens written down in the other order, taken in the other direction. */
static void check_backwards(test_report *report, const outcome *whole, const char *variant) {
  linear_attention_case spec = whole->data.spec;
  int64_t last = spec.t - 1;
  spec.reverse = 0;
  outcome other = {.data = linear_attention_draw(&spec, 0)};
  copy_all(&other.data, &whole->data);
  for (int64_t n = 0; n < spec.batch; n++) {
    for (int64_t i = 0; i <= last; i++) copy_token(&other.data, n, i, &whole->data, n, last - i);
  }
  outcome_compute(report, &other, variant);
  expectation e = expectation_start(whole);
  expect_all(&e, &other);
  for (int64_t n = 0; n < spec.batch; n++) {
    for (int64_t i = 0; i <= last; i++) expect_token(&e, n, i, &other, n, last - i);
  }
  expectation_compare(report, &e, variant);
  outcome_release(&other);
}

START_TEST(reverse_is_time_written_backwards) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&backwards[_i], check_backwards);
}
END_TEST

/* ---- both directions ------------------------------------------------------------------------- */

static const linear_attention_case both_ways[] = {
    {.name = "both_ways_linear", LINEAR, SIZE(2, 70, 2, 16, 24), .bidirectional = 1},
    {.name = "both_ways_gated", GATED, SIZE(2, 130, 2, 16, 24), .bidirectional = 1},
    {.name = "both_ways_two_decays",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     .bidirectional = 1,
     .decay_reverse = 1},
    {.name = "both_ways_channels",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     .bidirectional = 1,
     .decay_reverse = 1,
     .decay = GATE_PER_CHANNEL},
    {.name = "both_ways_mixed",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     .bidirectional = 1,
     .decay_reverse = 1,
     .decays = DECAYS_MIXED},
    {.name = "both_ways_t1", GATED, SIZE(3, 1, 2, 16, 24), .bidirectional = 1},
};
enum { BOTH_WAYS = sizeof both_ways / sizeof both_ways[0] };

static outcome one_way(test_report *report, const outcome *whole, int reverse,
                       const char *variant) {
  linear_attention_case spec = whole->data.spec;
  spec.bidirectional = spec.decay_reverse = 0;
  spec.reverse = reverse;
  outcome run = {.data = linear_attention_draw(&spec, 0)};
  copy_all(&run.data, &whole->data);
  test_tensor *decay = run.data.tensors[LINEAR_DECAY];
  if (reverse && whole->data.spec.decay_reverse) {
    for (tensor_walk w = tensor_start(decay); w.left; tensor_next(&w)) {
      tensor_store(decay, w.at, input_at(&whole->data, LINEAR_DECAY_REVERSE, w.index));
    }
  }
  outcome_compute(report, &run, variant);
  return run;
}

static void check_both_ways(test_report *report, const outcome *whole, const char *variant) {
  outcome forward = one_way(report, whole, 0, variant);
  outcome backward = one_way(report, whole, 1, variant);
  expectation e = expectation_start(whole);
  test_tensor *out = e.own[LINEAR_OUT];
  for (tensor_walk w = tensor_start(out); w.left; tensor_next(&w)) {
    double diagonal = own_score(&whole->data, w.index) * input_at(&whole->data, LINEAR_V, w.index);
    tensor_store(out, w.at,
                 output_at(&forward, LINEAR_OUT, w.index) +
                     output_at(&backward, LINEAR_OUT, w.index) - diagonal);
  }
  expectation_compare(report, &e, variant);
  outcome_release(&forward);
  outcome_release(&backward);
}

START_TEST(bidirectional_is_both_less_the_diagonal) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&both_ways[_i], check_both_ways);
}
END_TEST

/* ---- denominators ---------------------------------------------------------------------------- */

static const linear_attention_case divided[] = {
    {.name = "divided_linear", LINEAR, SIZE(2, 70, 2, 16, 24), SUM},
    {.name = "divided_gated",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     SUM,
     .eps = 0.1,
     .feature_map = SEQMIX_FEATURE_ELU1},
    {.name = "divided_floor", GATED, SIZE(2, 70, 2, 16, 24), ABS_MAX, .floor = 1, .floor_given = 1},
    {.name = "divided_bonus", GATED, SIZE(2, 70, 2, 16, 24), SUM, .bonus = 1},
    {.name = "divided_reverse", GATED, SIZE(2, 70, 2, 16, 24), SUM, .reverse = 1},
    {.name = "divided_not_causal", GATED, SIZE(2, 70, 2, 16, 24), SUM, .not_causal = 1},
    {.name = "divided_bidirectional", GATED, SIZE(2, 70, 2, 16, 24), SUM, .bidirectional = 1},
    {.name = "divided_shared_states", GATED, SIZE(2, 70, 2, 16, 24), SUM, .hq = 4},
};
enum { DIVIDED = sizeof divided / sizeof divided[0] };

/* The denominator is what a column of ones beside v gives. */
static void check_divided(test_report *report, const outcome *whole, const char *variant) {
  const linear_attention_case *own = &whole->data.spec;
  linear_attention_case spec = *own;
  spec.normalize = SEQMIX_NORMALIZE_NONE;
  spec.eps = spec.floor = spec.floor_given = 0;
  spec.dv++;
  outcome wide = {.data = linear_attention_draw(&spec, 0)};
  test_tensor *v = wide.data.tensors[LINEAR_V];
  for (tensor_walk w = tensor_start(v); w.left; tensor_next(&w)) tensor_store(v, w.at, 1);
  copy_all(&wide.data, &whole->data);
  outcome_compute(report, &wide, variant);
  expectation e = expectation_start(whole);
  test_tensor *out = e.own[LINEAR_OUT];
  for (tensor_walk w = tensor_start(out); w.left; tensor_next(&w)) {
    int64_t ones[4] = {w.index[0], w.index[1], w.index[2], own->dv};
    double den = output_at(&wide, LINEAR_OUT, ones);
    if (own->normalize == SEQMIX_NORMALIZE_ABS_MAX) den = fmax(fabs(den), own->floor);
    tensor_store(out, w.at, output_at(&wide, LINEAR_OUT, w.index) / (den + own->eps));
  }
  expectation_compare(report, &e, variant);
  outcome_release(&wide);
}

START_TEST(denominators_are_a_column_of_ones) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&divided[_i], check_divided);
}
END_TEST

/* ---- forgetting ------------------------------------------------------------------------------ */

static const linear_attention_case idle[] = {
    {.name = "idle_delta", DELTA, SIZE(2, 70, 2, 16, 24), STATES, .betas = BETAS_ZERO},
    {.name = "idle_gated_delta",
     GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     STATES,
     .betas = BETAS_ZERO,
     .decays = DECAYS_WEAK},
    {.name = "idle_keys",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     STATES,
     .keys = KEYS_ALL_ZERO,
     .decays = DECAYS_WEAK},
    {.name = "idle_t1", GATED_DELTA, SIZE(5, 1, 2, 64, 64), STATES, .betas = BETAS_ZERO},
};
enum { IDLE = sizeof idle / sizeof idle[0] };

/* Sum of a head's decays up to token t; decay is per head or absent. */
static double decay_until(const linear_attention_data *data, const int64_t *index) {
  double sum = 0;
  int64_t at[3] = {index[0], 0, index[2]};
  if (!data->tensors[LINEAR_DECAY]) return 0;
  for (; at[1] <= index[1]; at[1]++) sum += input_at(data, LINEAR_DECAY, at);
  return sum;
}

/* Without anything to learn the state only decays. */
static void check_idle(test_report *report, const outcome *whole, const char *variant) {
  const linear_attention_data *data = &whole->data;
  expectation e = expectation_start(whole);
  test_tensor *out = e.own[LINEAR_OUT], *present = e.own[LINEAR_PRESENT_STATE];
  for (tensor_walk w = tensor_start(out); w.left; tensor_next(&w)) {
    double sum = 0;
    int64_t q[4] = {w.index[0], w.index[1], w.index[2], 0};
    int64_t s[4] = {w.index[0], w.index[2], 0, w.index[3]};
    for (; q[3] < data->spec.d; s[2] = ++q[3]) {
      sum += input_at(data, LINEAR_Q, q) * input_at(data, LINEAR_PAST_STATE, s);
    }
    tensor_store(out, w.at, data->spec.scale * exp(decay_until(data, w.index)) * sum);
  }
  for (tensor_walk w = tensor_start(present); w.left; tensor_next(&w)) {
    int64_t last[3] = {w.index[0], data->spec.t - 1, w.index[1]};
    tensor_store(present, w.at,
                 exp(decay_until(data, last)) * input_at(data, LINEAR_PAST_STATE, w.index));
  }
  expectation_compare(report, &e, variant);
}

START_TEST(idle_states_only_decay) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&idle[_i], check_idle);
}
END_TEST

static const linear_attention_case forgetful[] = {
    {.name = "forgetful_gated", GATED, SIZE(1, 130, 1, 16, 24), STATES, .decays = DECAYS_MIXED},
    {.name = "forgetful_gated_delta",
     GATED_DELTA,
     SIZE(1, 130, 1, 16, 24),
     STATES,
     .decays = DECAYS_MIXED},
    {.name = "forgetful_bonus",
     F16,
     GATED,
     SIZE(1, 65, 1, 16, 24),
     STATES,
     .bonus = 1,
     .decays = DECAYS_MIXED},
};
enum { FORGETFUL = sizeof forgetful / sizeof forgetful[0] };

static int64_t last_reset(const linear_attention_data *data) {
  int64_t at[3] = {0, data->spec.t - 1, 0};
  while (at[1] > 0 && !isinf(input_at(data, LINEAR_DECAY, at))) at[1]--;
  return at[1];
}

/* After a decay of -inf it is as if the sequence began there. */
static void check_forgetful(test_report *report, const outcome *whole, const char *variant) {
  linear_attention_case spec = whole->data.spec;
  int64_t first = last_reset(&whole->data);
  spec.states = STATES_PRESENT;
  spec.t -= first;
  /* A bonus reads what was before its token. */
  int64_t same = first + spec.bonus;
  ck_assert_int_gt(first, 0);
  outcome rest = {.data = linear_attention_draw(&spec, 0)};
  copy_constants(&rest.data, &whole->data);
  for (int64_t i = 0; i < spec.t; i++) copy_token(&rest.data, 0, i, &whole->data, 0, first + i);
  outcome_compute(report, &rest, variant);
  expectation e = expectation_start(whole);
  expect_all(&e, whole);
  for (int64_t i = same; i < whole->data.spec.t; i++) expect_token(&e, 0, i, &rest, 0, i - first);
  expect_present(&e, 0, &rest, 0);
  expectation_compare(report, &e, variant);
  outcome_release(&rest);
}

START_TEST(infinite_decay_is_a_new_start) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&forgetful[_i], check_forgetful);
}
END_TEST

/* ---- what may not be touched ----------------------------------------------------------------- */

static const linear_attention_case spoilt[] = {
    {.name = "spoilt_linear", LINEAR, SIZE(2, 130, 2, 16, 24), STATES},
    {.name = "spoilt_gated", GATED, SIZE(2, 70, 2, 16, 24), STATES},
    {.name = "spoilt_gated_channel",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     STATES,
     .bonus = 1,
     .decay = GATE_PER_CHANNEL},
    {.name = "spoilt_normalized", GATED, SIZE(2, 70, 2, 16, 24), STATES, SUM},
    {.name = "spoilt_mlstm",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     STATES,
     ABS_MAX,
     .scale = 0.04,
     .input_gate = INPUT_GATE_MODERATE},
    {.name = "spoilt_delta", DELTA, SIZE(2, 70, 2, 16, 24), STATES},
    {.name = "spoilt_gated_delta", F16, GATED_DELTA, SIZE(2, 70, 2, 16, 24), STATES, .erase = 1},
    {.name = "spoilt_gated_delta_channel",
     .rule = SEQMIX_UPDATE_GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     STATES,
     .decay = GATE_PER_CHANNEL,
     .beta = GATE_PER_CHANNEL},
    {.name = "spoilt_dplr", DPLR, SIZE(2, 70, 2, 16, 24), STATES},
    /* Of the sizes and types of tensor cores. */
    {.name = "spoilt_linear_f16", F16, LINEAR, SIZE(1, 150, 2, 100, 70), STATES},
    {.name = "spoilt_gated_channel_f16",
     F16,
     GATED,
     SIZE(1, 150, 2, 48, 40),
     STATES,
     .decay = GATE_PER_CHANNEL},
    {.name = "spoilt_gated_delta_f16", F16, GATED_DELTA, SIZE(1, 150, 2, 48, 40), STATES},
    {.name = "spoilt_gated_delta_channel_f16",
     F16,
     GATED_DELTA,
     SIZE(1, 150, 2, 100, 40),
     STATES,
     .decay = GATE_PER_CHANNEL},
};
enum { SPOILT = sizeof spoilt / sizeof spoilt[0] };

/* Compares with a call in which an element of the token `bad` of sequence 0, head 0, is `value`:
 * what comes before it is the same, and for a query also what comes after. */
static void check_spoilt_slot(test_report *report, const outcome *whole, int slot, double value,
                              const char *variant) {
  int64_t bad = whole->data.spec.t / 2 + 3, index[4] = {0, bad, 0, 0};
  outcome other = {.data = linear_attention_draw(&whole->data.spec, 0)};
  copy_all(&other.data, &whole->data);
  test_tensor *tensor = other.data.tensors[slot];
  tensor_store(tensor, tensor_at(tensor, index), value);
  outcome_compute(report, &other, variant);
  expectation e = expectation_start(whole);
  expect_all(&e, &other);
  for (int64_t i = bad; i < whole->data.spec.t; i++) {
    if (slot != LINEAR_Q || i == bad) expect_token(&e, 0, i, whole, 0, i);
  }
  if (slot != LINEAR_Q) expect_present(&e, 0, whole, 0);
  expectation_compare(report, &e, variant);
  outcome_release(&other);
}

static void check_spoilt(test_report *report, const outcome *whole, const char *variant) {
  for (int slot = LINEAR_Q; slot <= LINEAR_INPUT_GATE; slot++) {
    const test_tensor *tensor = whole->data.tensors[slot];
    if (!tensor || tensor->view.ndim < 3) continue;
    check_spoilt_slot(report, whole, slot, (double)NAN, variant);
    check_spoilt_slot(report, whole, slot, (double)INFINITY, variant);
  }
}

/* Later tokens, and other sequences, stay out of it whatever they hold. */
START_TEST(what_comes_later_does_not_matter) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&spoilt[_i], check_spoilt);
}
END_TEST

static void add_named(TCase *tcase, const TTest *test, const linear_attention_case *cases,
                      int count) {
  for (int i = 0; i < count; i++) {
    if (suite_wants_case(cases[i].name)) suite_add_loop(tcase, test, i, i + 1);
  }
}

void suite_linear_attention_time(Suite *suite) {
  TCase *tcase = tcase_create("linear_attention along time");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  add_named(tcase, reverse_is_time_written_backwards, backwards, BACKWARDS);
  add_named(tcase, bidirectional_is_both_less_the_diagonal, both_ways, BOTH_WAYS);
  add_named(tcase, denominators_are_a_column_of_ones, divided, DIVIDED);
  add_named(tcase, idle_states_only_decay, idle, IDLE);
  add_named(tcase, infinite_decay_is_a_new_start, forgetful, FORGETFUL);
  add_named(tcase, what_comes_later_does_not_matter, spoilt, SPOILT);
  suite_add_tcase(suite, tcase);
}
