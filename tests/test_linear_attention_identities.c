/* SPDX-License-Identifier: Apache-2.0 */
/* What linear_attention on the device under test computes, said in another way by other calls of
 * it: rules that are others with gates of 0 or 1, and heads written out. */
#include <math.h>

#include "linear_attention_outcome.h"
#include "test_attention.h"

#define SIZE(b, n, h, i, j) .batch = (b), .t = (n), .hs = (h), .d = (i), .dv = (j)
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16
#define LINEAR .rule = SEQMIX_UPDATE_LINEAR
#define GATED .rule = SEQMIX_UPDATE_GATED
#define DELTA .rule = SEQMIX_UPDATE_DELTA, .beta = GATE_PER_HEAD
#define GATED_DELTA .rule = SEQMIX_UPDATE_GATED_DELTA, .beta = GATE_PER_HEAD
#define DPLR .rule = SEQMIX_UPDATE_DPLR, .decay = GATE_PER_CHANNEL
#define SUM .normalize = SEQMIX_NORMALIZE_SUM
#define ABS_MAX .normalize = SEQMIX_NORMALIZE_ABS_MAX
#define STATES .states = STATES_BOTH

/* ---- elements -------------------------------------------------------------------------------- */

static double at4(const test_tensor *tensor, int64_t b, int64_t t, int64_t h, int64_t c) {
  int64_t index[4] = {b, t, h, c};
  return tensor_load(tensor, tensor->storage->bytes, tensor_at(tensor, index));
}

static void fill(test_tensor *tensor, double value) {
  for (tensor_walk w = tensor_start(tensor); w.left; tensor_next(&w)) {
    tensor_store(tensor, w.at, value);
  }
}

/* Every element of one gate becomes factor times the element of another tensor, whose last axis
 * may be missing. */
static void fill_from(test_tensor *to, const test_tensor *from, double factor) {
  for (tensor_walk w = tensor_start(to); w.left; tensor_next(&w)) {
    tensor_store(to, w.at,
                 factor * tensor_load(from, from->storage->bytes, tensor_at(from, w.index)));
  }
}

/* ---- rules as other rules -------------------------------------------------------------------- */

/* A call, and another that must give the same. */
typedef struct identity {
  linear_attention_case whole;
  void (*change)(linear_attention_case *spec);
  /* Sets what the other call has beside what both have. */
  void (*complete)(linear_attention_data *other, const linear_attention_data *whole);
} identity;

static void make_gated(linear_attention_case *spec) {
  spec->rule = SEQMIX_UPDATE_GATED;
  spec->decay = GATE_PER_HEAD;
}

static void make_gated_delta(linear_attention_case *spec) {
  spec->rule = SEQMIX_UPDATE_GATED_DELTA;
  spec->decay = GATE_PER_CHANNEL;
}

static void zero_decay(linear_attention_data *other, const linear_attention_data *whole) {
  (void)whole;
  fill(other->tensors[LINEAR_DECAY], 0);
}

static void make_beta(linear_attention_case *spec) { spec->beta = GATE_PER_CHANNEL; }

static void beta_of_one(linear_attention_data *other, const linear_attention_data *whole) {
  (void)whole;
  fill(other->tensors[LINEAR_BETA], 1);
}

static void beta_per_channel(linear_attention_data *other, const linear_attention_data *whole) {
  fill_from(other->tensors[LINEAR_BETA], whole->tensors[LINEAR_BETA], 1);
}

static void make_decay_per_channel(linear_attention_case *spec) { spec->decay = GATE_PER_CHANNEL; }

static void decay_per_channel(linear_attention_data *other, const linear_attention_data *whole) {
  fill_from(other->tensors[LINEAR_DECAY], whole->tensors[LINEAR_DECAY], 1);
}

static void make_decay_per_head(linear_attention_case *spec) { spec->decay = GATE_PER_HEAD; }

static void decay_from_constant(linear_attention_data *other, const linear_attention_data *whole) {
  test_tensor *decay = other->tensors[LINEAR_DECAY];
  const test_tensor *constant = whole->tensors[LINEAR_DECAY];
  for (tensor_walk w = tensor_start(decay); w.left; tensor_next(&w)) {
    int64_t at = tensor_at(constant, &w.index[2]);
    tensor_store(decay, w.at, tensor_load(constant, constant->storage->bytes, at));
  }
}

static void make_erase(linear_attention_case *spec) { spec->erase = 1; }

static void erase_is_beta_k(linear_attention_data *other, const linear_attention_data *whole) {
  test_tensor *erase = other->tensors[LINEAR_ERASE];
  for (tensor_walk w = tensor_start(erase); w.left; tensor_next(&w)) {
    const int64_t *i = w.index;
    double beta = at4(whole->tensors[LINEAR_BETA], i[0], i[1], i[2], 0);
    tensor_store(erase, w.at, beta * at4(whole->tensors[LINEAR_K], i[0], i[1], i[2], i[3]));
  }
}

static void make_dplr(linear_attention_case *spec) {
  spec->rule = SEQMIX_UPDATE_DPLR;
  spec->no_decay = spec->decay == GATE_ABSENT;
  spec->beta = GATE_ABSENT;
}

static void low_rank_of_zero(linear_attention_data *other, const linear_attention_data *whole) {
  (void)whole;
  fill(other->tensors[LINEAR_A], 0);
}

/* S - beta k (k^T S) + k (beta v)^T. */
static void low_rank_of_delta(linear_attention_data *other, const linear_attention_data *whole) {
  test_tensor *b = other->tensors[LINEAR_B], *v = other->tensors[LINEAR_V];
  const test_tensor *beta = whole->tensors[LINEAR_BETA];
  fill_from(other->tensors[LINEAR_A], whole->tensors[LINEAR_K], 1);
  for (tensor_walk w = tensor_start(b); w.left; tensor_next(&w)) {
    const int64_t *i = w.index;
    double k = at4(whole->tensors[LINEAR_K], i[0], i[1], i[2], i[3]);
    tensor_store(b, w.at, -at4(beta, i[0], i[1], i[2], 0) * k);
  }
  for (tensor_walk w = tensor_start(v); w.left; tensor_next(&w)) {
    double value = tensor_load(v, v->storage->bytes, w.at);
    tensor_store(v, w.at, at4(beta, w.index[0], w.index[1], w.index[2], 0) * value);
  }
}

static void make_bonus(linear_attention_case *spec) { spec->bonus = 1; }

/* S_{t-1} + k v^T is S_t where nothing is forgotten. */
static void bonus_of_one(linear_attention_data *other, const linear_attention_data *whole) {
  (void)whole;
  fill(other->tensors[LINEAR_BONUS], 1);
}

/* exp(i) goes into the keys, and no state is divided by exp(m). */
static void drop_input_gate(linear_attention_case *spec) {
  spec->input_gate = INPUT_GATE_ABSENT;
  spec->floor = spec->floor_given = 1;
}

static void keys_times_gate(linear_attention_data *other, const linear_attention_data *whole) {
  test_tensor *k = other->tensors[LINEAR_K];
  for (tensor_walk w = tensor_start(k); w.left; tensor_next(&w)) {
    double gate = at4(whole->tensors[LINEAR_INPUT_GATE], w.index[0], w.index[1], w.index[2], 0);
    tensor_store(k, w.at, exp(gate) * tensor_load(k, k->storage->bytes, w.at));
  }
}

/* The heads of q, k, v, gates and states written out. */
static void write_heads_out(linear_attention_case *spec) {
  if (spec->hq > spec->hs) spec->hs = spec->hq;
  spec->hq = spec->hk = spec->hs;
}

static const identity identities[] = {
    {{.name = "linear_is_gated", LINEAR, SIZE(2, 70, 2, 16, 24), STATES}, make_gated, zero_decay},
    {{.name = "delta_is_gated_delta", DELTA, SIZE(2, 70, 2, 16, 24), STATES},
     make_gated_delta,
     zero_decay},
    {{.name = "no_beta_is_one", .rule = SEQMIX_UPDATE_DELTA, SIZE(2, 70, 2, 16, 24), STATES},
     make_beta,
     beta_of_one},
    {{.name = "beta_is_per_channel", GATED_DELTA, SIZE(2, 70, 2, 16, 24), STATES},
     make_beta,
     beta_per_channel},
    {{.name = "decay_is_per_channel", GATED, SIZE(2, 70, 2, 16, 24), STATES},
     make_decay_per_channel,
     decay_per_channel},
    {{.name = "decay_is_per_channel_mixed",
      GATED_DELTA,
      SIZE(2, 70, 2, 16, 24),
      STATES,
      .decays = DECAYS_MIXED},
     make_decay_per_channel,
     decay_per_channel},
    {{.name = "constant_is_per_head",
      GATED,
      SIZE(2, 70, 2, 16, 24),
      STATES,
      .decay = GATE_CONSTANT},
     make_decay_per_head,
     decay_from_constant},
    {{.name = "erase_is_beta_k", GATED_DELTA, SIZE(2, 70, 2, 16, 24), STATES},
     make_erase,
     erase_is_beta_k},
    {{.name = "gated_is_dplr", GATED, SIZE(2, 70, 2, 16, 24), STATES, .decay = GATE_PER_CHANNEL},
     make_dplr,
     low_rank_of_zero},
    {{.name = "delta_is_dplr", DELTA, SIZE(2, 70, 2, 16, 24), STATES},
     make_dplr,
     low_rank_of_delta},
    {{.name = "bonus_of_one", LINEAR, SIZE(2, 70, 2, 16, 24), STATES}, make_bonus, bonus_of_one},
    {{.name = "input_gate_is_in_keys",
      GATED,
      SIZE(2, 70, 2, 16, 24),
      ABS_MAX,
      .scale = 0.04,
      .input_gate = INPUT_GATE_MODERATE},
     drop_input_gate,
     keys_times_gate},
    {{.name = "input_gate_is_in_keys_bonus",
      GATED,
      SIZE(2, 70, 2, 16, 24),
      ABS_MAX,
      .scale = 0.04,
      .bonus = 1,
      .input_gate = INPUT_GATE_MODERATE},
     drop_input_gate,
     keys_times_gate},
    {{.name = "heads_keys", GATED_DELTA, SIZE(2, 70, 6, 16, 24), .hk = 2, STATES},
     write_heads_out,
     NULL},
    {{.name = "heads_queries", GATED, SIZE(2, 70, 6, 16, 24), .hq = 2, .hk = 3, STATES},
     write_heads_out,
     NULL},
    {{.name = "heads_states", GATED_DELTA, SIZE(2, 70, 2, 16, 24), .hq = 6, .hk = 1, STATES},
     write_heads_out,
     NULL},
    {{.name = "heads_states_t1",
      BF16,
      GATED_DELTA,
      SIZE(3, 1, 2, 64, 64),
      .hq = 6,
      .hk = 1,
      STATES},
     write_heads_out,
     NULL},
    {{.name = "heads_tiled",
      DPLR,
      SIZE(2, 70, 6, 16, 24),
      .hq = 3,
      .hk = 2,
      .tiled_heads = 1,
      STATES},
     write_heads_out,
     NULL},
    {{.name = "heads_tiled_states",
      GATED,
      SIZE(2, 70, 2, 16, 24),
      .hq = 6,
      .hk = 2,
      SUM,
      .tiled_heads = 1,
      STATES},
     write_heads_out,
     NULL},
};
enum { IDENTITIES = sizeof identities / sizeof identities[0] };

static const identity *current;

static void check_identity(test_report *report, const outcome *whole, const char *variant) {
  linear_attention_case spec = whole->data.spec;
  current->change(&spec);
  outcome other = {.data = linear_attention_draw(&spec, 0)};
  copy_all(&other.data, &whole->data);
  if (current->complete) current->complete(&other.data, &whole->data);
  outcome_compute(report, &other, variant);
  expectation e = expectation_start(whole);
  expect_all(&e, &other);
  expectation_compare(report, &e, variant);
  outcome_release(&other);
}

START_TEST(calls_that_mean_the_same_give_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  current = &identities[_i];
  property_holds(&current->whole, check_identity);
}
END_TEST

void suite_linear_attention_identities(Suite *suite) {
  TCase *tcase = tcase_create("linear_attention identities");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  for (int i = 0; i < IDENTITIES; i++) {
    if (suite_wants_case(identities[i].whole.name)) {
      suite_add_loop(tcase, calls_that_mean_the_same_give_the_same, i, i + 1);
    }
  }
  suite_add_tcase(suite, tcase);
}
