/* SPDX-License-Identifier: Apache-2.0 */
/* What must not change the result of linear_attention on the device under test: where a sequence
 * is cut, in which direction it is written down, how sequences lie, and which variant computes.
 * Each test computes a whole call by every variant, and the same tokens by other calls. */
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
#define MLSTM                                                                        \
  .rule = SEQMIX_UPDATE_GATED, .normalize = SEQMIX_NORMALIZE_ABS_MAX, .scale = 0.04, \
  .input_gate = INPUT_GATE_MODERATE
#define STATES .states = STATES_BOTH

/* ---- cutting sequences ----------------------------------------------------------------------- */

/* Every rule, with decays that forget little, much, and now and then everything. */
#define RULES(n)                                                                                 \
  {.name = "split_linear_t" #n, LINEAR, SIZE(2, n, 2, 16, 8), STATES},                           \
      {.name = "split_gated_t" #n, GATED, SIZE(2, n, 2, 16, 8), STATES},                         \
      {.name = "split_gated_weak_t" #n,                                                          \
       GATED,                                                                                    \
       SIZE(2, n, 2, 16, 8),                                                                     \
       STATES,                                                                                   \
       .decays = DECAYS_WEAK},                                                                   \
      {.name = "split_gated_channel_mixed_t" #n,                                                 \
       GATED,                                                                                    \
       SIZE(2, n, 2, 16, 8),                                                                     \
       STATES,                                                                                   \
       .decay = GATE_PER_CHANNEL,                                                                \
       .decays = DECAYS_MIXED},                                                                  \
      {.name = "split_normalized_t" #n,                                                          \
       GATED,                                                                                    \
       SIZE(2, n, 2, 16, 8),                                                                     \
       STATES,                                                                                   \
       .normalize = SEQMIX_NORMALIZE_SUM,                                                        \
       .feature_map = SEQMIX_FEATURE_ELU1},                                                      \
      {.name = "split_bonus_t" #n,                                                               \
       GATED,                                                                                    \
       SIZE(2, n, 2, 16, 8),                                                                     \
       STATES,                                                                                   \
       .bonus = 1,                                                                               \
       .decay = GATE_PER_CHANNEL,                                                                \
       .decays = DECAYS_STEEP},                                                                  \
      {.name = "split_mlstm_t" #n, MLSTM, SIZE(2, n, 2, 16, 8), STATES},                         \
      {.name = "split_delta_t" #n, DELTA, SIZE(2, n, 2, 16, 8), STATES},                         \
      {.name = "split_gated_delta_t" #n,                                                         \
       GATED_DELTA,                                                                              \
       SIZE(2, n, 2, 16, 8),                                                                     \
       STATES,                                                                                   \
       .decays = DECAYS_WEAK},                                                                   \
      {.name = "split_gated_delta_strong_t" #n,                                                  \
       GATED_DELTA,                                                                              \
       SIZE(2, n, 2, 16, 8),                                                                     \
       STATES,                                                                                   \
       .decays = DECAYS_STRONG},                                                                 \
      {.name = "split_gated_delta_channel_mixed_t" #n,                                           \
       GATED_DELTA,                                                                              \
       SIZE(2, n, 2, 16, 8),                                                                     \
       STATES,                                                                                   \
       .decay = GATE_PER_CHANNEL,                                                                \
       .decays = DECAYS_MIXED},                                                                  \
      {.name = "split_erase_t" #n, BF16, GATED_DELTA, SIZE(2, n, 2, 16, 8), STATES, .erase = 1}, \
      {.name = "split_dplr_t" #n, DPLR, SIZE(2, n, 2, 16, 8), STATES},                           \
      {.name = "split_dplr_mixed_t" #n,                                                          \
       F16,                                                                                      \
       DPLR,                                                                                     \
       SIZE(2, n, 2, 16, 8),                                                                     \
       STATES,                                                                                   \
       .decays = DECAYS_MIXED},                                                                  \
  {                                                                                              \
    .name = "split_reverse_t" #n, GATED_DELTA, SIZE(2, n, 2, 16, 8), STATES, .reverse = 1        \
  }

static const linear_attention_case splits[] = {RULES(0), RULES(1), RULES(63), RULES(64), RULES(65)};
static const linear_attention_case long_splits[] = {RULES(1000)};
static const linear_attention_case token_splits[] = {RULES(70)};
enum { SPLITS = sizeof splits / sizeof splits[0] };
enum { LONG_SPLITS = sizeof long_splits / sizeof long_splits[0] };
enum { TOKEN_SPLITS = sizeof token_splits / sizeof token_splits[0] };
enum { MOST = 70 }; /* parts: a token each */

/* Tokens first .. first+count-1 of all sequences, which begin where `before` ended; NULL: where
 * the whole begins. */
static outcome draw_part(const outcome *whole, int64_t first, int64_t count,
                         const outcome *before) {
  linear_attention_case spec = whole->data.spec;
  spec.t = count;
  outcome part = {.data = linear_attention_draw(&spec, 0)};
  copy_constants(&part.data, &whole->data);
  for (int64_t n = 0; n < spec.batch; n++) {
    for (int64_t i = 0; i < count; i++) copy_token(&part.data, n, i, &whole->data, n, first + i);
    if (before) {
      copy_present(&part.data, n, before, n);
    } else {
      copy_past(&part.data, n, &whole->data, n);
    }
  }
  return part;
}

/* The whole against parts of which ends[p-1] .. ends[p]-1 is number p, each by `variant`. */
static void check_parts(test_report *report, const outcome *whole, const int64_t *ends, int parts,
                        const char *variant, const char *label) {
  int64_t batch = whole->data.spec.batch;
  int reverse = whole->data.spec.reverse;
  expectation e = expectation_start(whole);
  outcome before = {0};
  for (int step = 0; step < parts; step++) {
    int p = reverse ? parts - 1 - step : step;
    int64_t first = p ? ends[p - 1] : 0, count = ends[p] - first;
    outcome part = draw_part(whole, first, count, step ? &before : NULL);
    outcome_compute(report, &part, variant);
    for (int64_t n = 0; n < batch; n++) {
      for (int64_t i = 0; i < count; i++) expect_token(&e, n, first + i, &part, n, i);
    }
    if (step) outcome_release(&before);
    before = part;
  }
  for (int64_t n = 0; n < batch; n++) expect_present(&e, n, &before, n);
  outcome_release(&before);
  expectation_compare(report, &e, label);
}

static void check_split(test_report *report, const outcome *whole, const char *variant) {
  int64_t t = whole->data.spec.t;
  const int64_t ends[] = {t / 3, t / 3, t > 0 ? t - 1 : 0, t};
  check_parts(report, whole, ends, 4, variant, variant);
}

START_TEST(parts_of_sequences_give_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&splits[_i], check_split);
}
END_TEST

static void check_long_split(test_report *report, const outcome *whole, const char *variant) {
  static const int64_t ends[] = {1, 64, 129, 600, 1000};
  check_parts(report, whole, ends, 5, variant, variant);
}

START_TEST(parts_of_long_sequences_give_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&long_splits[_i], check_long_split);
}
END_TEST

static void check_tokens(test_report *report, const outcome *whole, const char *variant) {
  int64_t ends[MOST];
  for (int64_t i = 0; i < MOST; i++) ends[i] = i + 1;
  check_parts(report, whole, ends, MOST, NULL, variant);
}

/* The form that takes many tokens at once against the one for one token. */
START_TEST(token_by_token_gives_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&token_splits[_i], check_tokens);
}
END_TEST

/* ---- sequences alone ------------------------------------------------------------------------- */

/* Sequences that are packed, of a pool, in place or laid out in any way: each alone is the same. */
static const linear_attention_case sequences[] = {
    {.name = "alone_batch", GATED_DELTA, SIZE(3, 33, 2, 16, 24), STATES},
    {.name = "alone_packed", GATED, SIZE(5, 70, 2, 16, 24), STATES, .packed = 1},
    {.name = "alone_packed_delta",
     BF16,
     GATED_DELTA,
     SIZE(5, 70, 2, 16, 24),
     STATES,
     .packed = 1,
     .empty_ends = 1},
    {.name = "alone_packed_dplr", DPLR, SIZE(5, 70, 2, 16, 24), STATES, .packed = 1, .reverse = 1},
    {.name = "alone_packed_mlstm", MLSTM, SIZE(5, 70, 2, 16, 24), STATES, .packed = 1},
    {.name = "alone_packed_bidirectional",
     GATED,
     SIZE(5, 70, 2, 16, 24),
     .packed = 1,
     .bidirectional = 1},
    {.name = "alone_packed_not_causal",
     LINEAR,
     SIZE(5, 70, 2, 16, 24),
     STATES,
     .packed = 1,
     .not_causal = 1},
    {.name = "alone_pool",
     GATED,
     SIZE(7, 33, 2, 16, 24),
     STATES,
     .pool = POOL_SAME_ROWS,
     .pool_absences = 1},
    {.name = "alone_pool_other_rows",
     GATED_DELTA,
     SIZE(7, 33, 2, 16, 24),
     STATES,
     .pool = POOL_OTHER_ROWS,
     .pool_absences = 1,
     .pool_readers = 1},
    {.name = "alone_pool_in_place",
     DPLR,
     SIZE(7, 1, 2, 16, 24),
     STATES,
     .pool = POOL_SAME_ROWS,
     .pool_absences = 1,
     .in_place = 1},
    {.name = "alone_pool_packed",
     MLSTM,
     SIZE(7, 33, 2, 16, 24),
     STATES,
     .pool = POOL_OTHER_ROWS,
     .pool_absences = 1,
     .packed = 1},
    {.name = "alone_in_place",
     GATED_DELTA,
     SIZE(3, 70, 2, 16, 24),
     STATES,
     .in_place = 1,
     .state_layout = STATE_TRANSPOSED},
    {.name = "alone_heads_outside", GATED, SIZE(2, 70, 2, 16, 24), STATES, .layout = LAYOUT_BHTD},
    {.name = "alone_padded",
     BF16,
     GATED_DELTA,
     SIZE(2, 70, 2, 17, 33),
     STATES,
     .layout = LAYOUT_PADDED,
     .state_layout = STATE_PADDED},
    {.name = "alone_reversed", GATED, SIZE(2, 70, 2, 16, 24), STATES, .layout = LAYOUT_REVERSED},
    {.name = "alone_packed_qkv", F16, DELTA, SIZE(2, 70, 2, 32, 32), .layout = LAYOUT_PACKED_QKV},
};
enum { SEQUENCES = sizeof sequences / sizeof sequences[0] };

static outcome draw_alone(const outcome *whole, int64_t n) {
  const test_sequence *at = &whole->data.sequences.each[n];
  linear_attention_case spec = whole->data.spec;
  spec.batch = 1;
  spec.t = at->length;
  spec.packed = spec.empty_ends = spec.in_place = 0;
  spec.pool = POOL_ABSENT;
  spec.layout = LAYOUT_BTHD;
  spec.state_layout = STATE_CONTIGUOUS;
  outcome alone = {.data = linear_attention_draw(&spec, 0)};
  copy_constants(&alone.data, &whole->data);
  for (int64_t i = 0; i < at->length; i++) copy_token(&alone.data, 0, i, &whole->data, n, i);
  copy_past(&alone.data, 0, &whole->data, at->past_row);
  return alone;
}

static void expect_alone(test_report *report, expectation *e, int64_t n, const char *variant) {
  const test_sequence *at = &e->whole->data.sequences.each[n];
  if (at->past_row < 0) {
    for (int64_t i = 0; i < at->length; i++) expect_zeros(e, n, i);
    return;
  }
  outcome alone = draw_alone(e->whole, n);
  outcome_compute(report, &alone, variant);
  for (int64_t i = 0; i < at->length; i++) expect_token(e, n, i, &alone, 0, i);
  if (at->present_row >= 0) expect_present(e, at->present_row, &alone, 0);
  outcome_release(&alone);
}

static void check_alone(test_report *report, const outcome *whole, const char *variant) {
  expectation e = expectation_start(whole);
  for (int64_t n = 0; n < whole->data.spec.batch; n++) expect_alone(report, &e, n, variant);
  expectation_compare(report, &e, variant);
}

START_TEST(lone_sequences_give_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  property_holds(&sequences[_i], check_alone);
}
END_TEST

static void add_named(TCase *tcase, const TTest *test, const linear_attention_case *cases,
                      int count) {
  for (int i = 0; i < count; i++) {
    if (suite_wants_case(cases[i].name)) suite_add_loop(tcase, test, i, i + 1);
  }
}

void suite_linear_attention_properties(Suite *suite) {
  TCase *tcase = tcase_create("linear_attention properties");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  add_named(tcase, parts_of_sequences_give_the_same, splits, SPLITS);
  add_named(tcase, parts_of_long_sequences_give_the_same, long_splits, LONG_SPLITS);
  add_named(tcase, token_by_token_gives_the_same, token_splits, TOKEN_SPLITS);
  add_named(tcase, lone_sequences_give_the_same, sequences, SEQUENCES);
  suite_add_tcase(suite, tcase);
}
