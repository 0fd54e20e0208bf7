/* SPDX-License-Identifier: Apache-2.0 */
/* What the bench computes rather than measures: exact work, statistics, verdicts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/attention.h"
#include "bench/ceilings.h"
#include "bench/compare.h"
#include "bench/linear_attention.h"
#include "bench/report.h"
#include "bench/statistics.h"
#include "support/suite.h"
#include "verify/random.h"

/* ---- work ----------------------------------------------------------------------------------- */

/* Whether query t sees key j, from the definitions in docs/operators.md. */
static int is_live(const attention_shape *s, const uint8_t *map, int64_t t, int64_t j) {
  int64_t position = t + (s->tk - s->tq);
  if (s->causal && j > position) return 0;
  if (s->window && j < position - (s->window - 1)) return 0;
  if (s->window && !s->causal && j > position + (s->window - 1)) return 0;
  if (!map) return 1;
  int64_t columns = (s->tk + s->block - 1) / s->block;
  return map[(t / s->block) * columns + j / s->block] != 0;
}

static attention_work count_one_by_one(const attention_shape *s, const uint8_t *map) {
  attention_work work = {0, 0};
  for (int64_t j = 0; j < s->tk; j++) {
    int is_seen = 0;
    for (int64_t t = 0; t < s->tq; t++)
      if (is_live(s, map, t, j)) {
        work.pairs++;
        is_seen = 1;
      }
    work.keys += is_seen;
  }
  return work;
}

static attention_shape random_shape(random_state *random) {
  attention_shape s = {.b = 1, .hq = 1, .hkv = 1, .d = 1, .dv = 1, .live = 1};
  s.tq = random_integer(random, 1, 40);
  s.tk = random_one_in(random, 2) ? s.tq : random_integer(random, 1, 60);
  s.causal = random_one_in(random, 2);
  s.window = random_one_in(random, 2) ? random_integer(random, 1, 50) : 0;
  s.block = random_one_in(random, 2) ? random_integer(random, 1, 20) : 0;
  return s;
}

START_TEST(test_work) {
  random_state random = random_start(suite_seed("work"));
  uint8_t map[40 * 60];
  for (int i = 0; i < suite_case_count(2000); i++) {
    attention_shape s = random_shape(&random);
    int64_t density = random_integer(&random, 1, 4);
    for (size_t m = 0; m < sizeof map; m++) map[m] = random_one_in(&random, (int)density) != 0;
    const uint8_t *used = s.block ? map : NULL;
    attention_work want = count_one_by_one(&s, used), got = attention_count(&s, used);
    ck_assert_msg(got.pairs == want.pairs && got.keys == want.keys,
                  "Tq %d Tk %d causal %d window %d block %d: %d pairs of %d keys, must be %d of %d",
                  (int)s.tq, (int)s.tk, s.causal, (int)s.window, (int)s.block, (int)got.pairs,
                  (int)got.keys, (int)want.pairs, (int)want.keys);
  }
}
END_TEST

/* 3 sequences, 4 queries of 6 heads, 10 keys of 2 heads; the last query sees all, the first 7. */
START_TEST(test_cost) {
  attention_shape s = {.b = 3, .tq = 4, .tk = 10, .hq = 6, .hkv = 2, .d = 8, .dv = 5, .causal = 1};
  bench_cost cost = attention_cost(&s, NULL, SEQMIX_BF16);
  ck_assert_double_eq(cost.flops, 3 * 6 * (7 + 8 + 9 + 10) * (2 * 8 + 2 * 5));
  ck_assert_double_eq(cost.bytes, 2 * (3 * 4 * 6 * (8 + 5) + 3 * 10 * 2 * (8 + 5)));
  /* Positions 6 to 9 see 3 keys each: keys 4 to 9. */
  s.window = 3;
  cost = attention_cost(&s, NULL, SEQMIX_F32);
  ck_assert_double_eq(cost.flops, 3 * 6 * (4 * 3) * (2 * 8 + 2 * 5));
  ck_assert_double_eq(cost.bytes, 4 * (3 * 4 * 6 * (8 + 5) + 3 * 6 * 2 * (8 + 5)));
}
END_TEST

/* 3 sequences of 5 tokens, 4 states that share 2 keys; 8 queries, two per state. */
START_TEST(test_linear_attention_cost) {
  linear_attention_shape s = {.b = 3, .t = 5, .hq = 8, .hk = 2, .h = 4, .d = 6, .dv = 7};
  s.rule = SEQMIX_UPDATE_LINEAR;
  double qkv_out = 8 * 6 + 2 * 6 + 4 * 7 + 8 * 7;
  bench_cost cost = linear_attention_cost(&s, SEQMIX_BF16);
  ck_assert_double_eq(cost.flops, 15 * (4 * 2 + 8 * 2) * 6 * 7);
  ck_assert_double_eq(cost.bytes, 15 * 2 * qkv_out);
  /* A decay and beta per channel, the first f32; the last state is written. */
  s.hq = 4;
  s.rule = SEQMIX_UPDATE_GATED_DELTA;
  s.decay = DECAY_CHANNEL;
  s.beta = BETA_CHANNEL;
  s.state_type = SEQMIX_F16;
  s.states = STATES_PRESENT;
  qkv_out = 4 * 6 + 2 * 6 + 4 * 7 + 4 * 7;
  cost = linear_attention_cost(&s, SEQMIX_BF16);
  ck_assert_double_eq(cost.flops, 15 * 4 * 6 * 6 * 7);
  ck_assert_double_eq(cost.bytes, 15 * (2 * qkv_out + 4 * 4 * 6 + 2 * 4 * 7) + 2 * 3 * 4 * 6 * 7);
  ck_assert_double_eq(cost.updated, 0);
}
END_TEST

/* In place states count twice, and memory is then bound by how fast they can be changed. */
START_TEST(test_linear_attention_decode_cost) {
  linear_attention_shape s = {.b = 2, .t = 1, .hq = 3, .hk = 3, .h = 3, .d = 4, .dv = 5};
  s.rule = SEQMIX_UPDATE_DPLR;
  s.state_type = SEQMIX_F32;
  s.states = STATES_UPDATE;
  bench_cost cost = linear_attention_cost(&s, SEQMIX_F32);
  double state = 2 * 3 * 4 * 5 * 4;
  ck_assert_double_eq(cost.flops, 2 * 3 * 8 * 4 * 5);
  ck_assert_double_eq(cost.bytes, 2 * 4 * 3 * (4 * 4 + 2 * 5) + 2 * state);
  ck_assert_double_eq(cost.updated, state);
  /* The better of two measurements counts. */
  bench_ceiling ceiling =
      ceiling_between((ceiling_moment){1e9, 2}, (ceiling_moment){1e9, 3}, cost, SEQMIX_F32);
  ck_assert_str_eq(ceiling.bound, "memory");
  ck_assert_str_eq(ceiling.bandwidth_name, "update");
  ck_assert_double_eq_tol(ceiling.flops, 3 * cost.flops / cost.bytes, 1e-12);
  /* Many tokens are bound by reading, or by arithmetic. */
  s.t = 1000;
  cost = linear_attention_cost(&s, SEQMIX_F32);
  ck_assert_double_eq(cost.updated, 0);
  ceiling = ceiling_between((ceiling_moment){1, 2}, (ceiling_moment){1, 3}, cost, SEQMIX_F32);
  ck_assert_str_eq(ceiling.bandwidth_name, "read");
  ck_assert_str_eq(ceiling.bound, "compute");
}
END_TEST

/* ---- statistics ----------------------------------------------------------------------------- */

START_TEST(test_quantiles) {
  const double four[] = {1, 2, 4, 8};
  ck_assert_double_eq(statistics_quantile(four, 4, 0), 1);
  ck_assert_double_eq(statistics_quantile(four, 4, 0.5), 3);
  ck_assert_double_eq(statistics_quantile(four, 4, 0.25), 1.75);
  ck_assert_double_eq(statistics_quantile(four, 4, 1), 8);
  ck_assert_double_eq(statistics_quantile(four, 1, 0.75), 1);
  ck_assert_double_eq(statistics_quantile(four, 0, 0.5), 0);
}
END_TEST

START_TEST(test_statistics) {
  double samples[] = {9, 1, 5, 3, 7};
  bench_timing time = statistics_of(samples, 5, 16);
  ck_assert_double_eq(time.median, 5);
  ck_assert_double_eq(time.low, 3);
  ck_assert_double_eq(time.high, 7);
  ck_assert_double_eq(time.spread, 0.8);
  ck_assert_double_eq(time.best, 1);
  ck_assert_int_eq(time.samples, 5);
  ck_assert_int_eq(time.inner, 16);
  ck_assert_double_eq(statistics_of(samples, 0, 1).median, 0);
}
END_TEST

START_TEST(test_seconds) {
  static const struct {
    double seconds;
    const char *text;
  } known[] = {{1.2345, "1.23 s"},  {0.0123, "12.3 ms"}, {0.5, "500 ms"},
               {2.5e-6, "2.50 us"}, {3e-8, "30.0 ns"},   {0, "0.00 ns"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    char text[32];
    report_seconds(known[i].seconds, text, sizeof text);
    ck_assert_str_eq(text, known[i].text);
  }
}
END_TEST

/* ---- verdicts ------------------------------------------------------------------------------- */

static bench_record record(const char *key, double time, double spread, double fraction) {
  bench_record r = {.time = time, .spread = spread, .fraction = fraction};
  snprintf(r.key, sizeof r.key, "%s", key);
  return r;
}

static compare_verdict verdict(bench_record before, bench_record after) {
  return compare_records(&before, &after).verdict;
}

START_TEST(test_verdict_by_time) {
  bench_record before = record("a", 1, 0.01, 0);
  ck_assert_int_eq(verdict(before, record("a", 1.02, 0.01, 0)), VERDICT_SAME);
  ck_assert_int_eq(verdict(before, record("a", 1.05, 0.01, 0)), VERDICT_SLOWER);
  ck_assert_int_eq(verdict(before, record("a", 0.95, 0.01, 0)), VERDICT_FASTER);
  ck_assert_int_eq(verdict(before, before), VERDICT_SAME);
  /* A wide spread on either side hides the difference. */
  ck_assert_int_eq(verdict(before, record("a", 1.05, 0.2, 0)), VERDICT_SAME);
  ck_assert_int_eq(verdict(record("a", 1.05, 0.2, 0), before), VERDICT_SAME);
  /* Twice is as far away as half. */
  ck_assert_int_eq(verdict(before, record("a", 2, 0.99, 0)), VERDICT_SLOWER);
  ck_assert_int_eq(verdict(record("a", 2, 0.99, 0), before), VERDICT_FASTER);
}
END_TEST

/* The machine was twice as slow the second time: the same fraction of its ceiling is the same. */
START_TEST(test_verdict_by_fraction) {
  bench_record before = record("a", 1, 0.01, 0.5), after = record("a", 2, 0.01, 0.5);
  bench_comparison pair = compare_records(&before, &after);
  ck_assert_int_eq(pair.verdict, VERDICT_SAME);
  ck_assert_double_eq(pair.by_time, 0.5);
  ck_assert_double_eq(pair.by_fraction, 1);
  after.fraction = 0.4;
  ck_assert_int_eq(verdict(before, after), VERDICT_SLOWER);
  after.fraction = 0.6;
  ck_assert_int_eq(verdict(before, after), VERDICT_FASTER);
  /* A ceiling that moved while the case ran makes its fraction uncertain. */
  after.drift = 0.3;
  ck_assert_int_eq(verdict(before, after), VERDICT_SAME);
  /* Without a fraction before, times count. */
  before.fraction = 0;
  ck_assert_int_eq(verdict(before, after), VERDICT_SLOWER);
}
END_TEST

START_TEST(test_pairs) {
  bench_record before[] = {record("a", 1, 0, 0), record("b", 1, 0, 0), record("c", 1, 0, 0)};
  bench_record after[] = {record("c", 2, 0, 0), record("d", 1, 0, 0), record("a", 0.5, 0, 0)};
  bench_comparison pairs[3];
  ck_assert_int_eq(compare_runs(before, 3, after, 3, pairs), 2);
  ck_assert_ptr_eq(pairs[0].before, &before[2]);
  ck_assert_ptr_eq(pairs[0].after, &after[0]);
  ck_assert_int_eq(pairs[0].verdict, VERDICT_SLOWER);
  ck_assert_ptr_eq(pairs[1].before, &before[0]);
  ck_assert_int_eq(pairs[1].verdict, VERDICT_FASTER);
  ck_assert_int_eq(compare_runs(before, 0, after, 3, pairs), 0);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("bench");
  TCase *tcase = tcase_create("bench");
  suite_add(tcase, test_work);
  suite_add(tcase, test_cost);
  suite_add(tcase, test_linear_attention_cost);
  suite_add(tcase, test_linear_attention_decode_cost);
  suite_add(tcase, test_quantiles);
  suite_add(tcase, test_statistics);
  suite_add(tcase, test_seconds);
  suite_add(tcase, test_verdict_by_time);
  suite_add(tcase, test_verdict_by_fraction);
  suite_add(tcase, test_pairs);
  suite_add_tcase(suite, tcase);
  return suite;
}
