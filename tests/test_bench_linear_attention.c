/* SPDX-License-Identifier: Apache-2.0 */
/* Whole cases of linear_attention, timed for no time: library and plain loop must pass verification
 * on every kind of shape, and wrong outputs or states must not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cases.h"
#include "bench/linear_attention.h"
#include "bench/report.h"
#include "bench/run.h"
#include "support/suite.h"

static const bench_protocol in_no_time = {.min_time = 0, .min_samples = 1};
static bench_station station;

static void open_station(void) {
  char error[BENCH_TEXT];
  if (station_open(&station, "cpu", 2, NULL, error)) return;
  fprintf(stderr, "%s\n", error);
  abort();
}

static void close_station(void) { station_close(&station); }

static void ignore_step(void *user, const char *step) {
  (void)user;
  (void)step;
}

static bench_case shape(const char *text, int32_t dtype) {
  char error[BENCH_TEXT];
  bench_case item;
  ck_assert_msg(case_parse_shape(text, &item, error), "%s", error);
  item.dtype = dtype;
  return item;
}

/* ---- every kind of shape -------------------------------------------------------------------- */

#define LINEAR "linear_attention:"

static const char *const shapes[] = {
    LINEAR "T=70,H=3,D=16,rule=linear,decay=none",
    LINEAR "T=40,H=4,Hq=2,Hk=2,D=16,Dv=12,decay=constant,states=present",
    LINEAR "T=33,B=2,H=6,Hq=1,Hk=3,D=8,Dv=70,states=update",
    LINEAR "T=50,H=4,D=24,decay=channel,bonus=1,states=update,packed=1,B=3",
    LINEAR "T=40,H=2,D=16,rule=linear,decay=none,map=elu1,bonus=1",
    LINEAR "T=40,H=2,D=16,map=relu,state_type=f16,states=present",
    LINEAR "T=40,H=2,D=16,map=relu2,state_type=bf16,states=update",
    LINEAR "T=40,H=2,D=16,map=exp",
    LINEAR "T=40,H=2,D=16,map=softmax",
    LINEAR "T=40,H=2,D=16,map=silu",
    LINEAR "T=90,H=4,Hk=2,Hq=2,D=16,rule=delta,decay=none,map=l2norm,states=present",
    LINEAR "T=90,H=2,D=16,Dv=33,rule=delta,decay=none,beta=channel",
    LINEAR "T=90,H=2,D=16,rule=gated_delta,beta=head,states=update",
    LINEAR "T=90,H=2,D=16,rule=gated_delta,decay=channel,beta=channel,B=2",
    LINEAR "T=90,H=2,D=16,rule=gated_delta,decay=constant",
    LINEAR "T=90,H=3,D=16,Dv=20,rule=dplr,decay=none,states=present",
    LINEAR "T=90,H=2,D=16,rule=dplr,decay=channel,states=update,packed=1,B=2",
    LINEAR "T=1,B=40,H=4,D=16,Dv=24,rule=gated_delta,beta=head",
    LINEAR "T=1,B=3,H=2,D=8,decay=channel,state_type=bf16",
    LINEAR "T=3,B=2,H=2,D=8,rule=dplr,states=update,state_type=f16",
};
#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

static void check_case(const char *text, int32_t dtype) {
  bench_case item = shape(text, dtype);
  bench_result r = run_case(&station, &item, &in_no_time, 1, ignore_step, NULL);
  ck_assert_msg(r.outcome == BENCH_MEASURED, "%s: %s", text, r.message);
  ck_assert_msg(r.baseline.outcome == BENCH_MEASURED, "%s: %s", text, r.baseline.message);
  linear_attention_shape s = linear_attention_shape_of(item.values);
  int64_t all = s.b * s.t * linear_attention_out_heads(&s);
  ck_assert_int_ge(r.check.rows, all < ROWS_LEAST ? all : ROWS_LEAST);
  ck_assert_int_eq(r.baseline.check.rows, r.check.rows);
  ck_assert(r.time.median > 0 && r.baseline.time.median > 0 && r.fraction > 0);
  ck_assert_ptr_nonnull(strstr(r.variant, "linear_attention__"));
  ck_assert_int_eq(r.copies, 1);
  ck_assert_str_eq(r.ceiling.bandwidth_name, strcmp(item.phase, "decode") == 0 ? "update" : "read");
}

/* Types by turns: what takes long is the look at the ceilings before and after each case. */
START_TEST(test_shapes) {
  static const int32_t types[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  check_case(shapes[_i], types[_i % 3]);
}
END_TEST

/* The library does what the loop does not. */
START_TEST(test_several_queries_per_state) {
  bench_case item = shape(LINEAR "T=40,H=2,Hq=6,Hk=1,D=16,states=present", SEQMIX_F32);
  bench_result r = run_case(&station, &item, &in_no_time, 1, ignore_step, NULL);
  ck_assert_msg(r.outcome == BENCH_MEASURED, "%s", r.message);
  ck_assert_int_eq(r.check.rows, 40 * 6);
  ck_assert_int_eq(r.baseline.outcome, BENCH_SKIPPED);
  ck_assert_ptr_nonnull(strstr(r.baseline.message, "several queries"));
}
END_TEST

/* ---- what verification must find ------------------------------------------------------------ */

static linear_attention_instance *judged;
static float *judged_out, *judged_states;

static int passes(void) {
  bench_check check =
      linear_attention_compare(judged, judged_out, SEQMIX_F32, judged_states, SEQMIX_F32);
  return check.passed;
}

static float *filled(const bench_rows *rows, int64_t count) {
  float *all = calloc((size_t)(count * rows->width), sizeof *all);
  ck_assert_ptr_nonnull(all);
  for (int64_t r = 0; r < rows->count; r++)
    memcpy(all + rows->row[r] * rows->width, rows->expected + r * rows->width,
           (size_t)rows->width * sizeof *all);
  return all;
}

/* What is wrong with one number must be found. */
static void must_find(float *number) {
  float right = *number, wrong[] = {right + 1, NAN, INFINITY};
  for (int i = 0; i < 3; i++) {
    *number = wrong[i];
    ck_assert_msg(!passes(), "%g instead of %g was taken", (double)wrong[i], (double)right);
  }
  *number = right;
  ck_assert(passes());
}

START_TEST(test_wrong_outputs) {
  char error[BENCH_TEXT];
  bench_case item =
      shape(LINEAR "B=2,T=30,H=5,D=8,Dv=6,rule=delta,decay=none,states=update", SEQMIX_F32);
  judged = item.op->open(&item, &station.world, error);
  ck_assert_msg(judged && linear_attention_expect(judged, error), "%s", error);
  const linear_attention_shape *s = &judged->shape;
  judged_out = filled(&judged->rows, s->b * s->t * s->h);
  judged_states = filled(&judged->state_rows, s->b * s->h * s->d);
  ck_assert(passes());
  /* The first and the last number of outputs and states are among those compared. */
  must_find(judged_out);
  must_find(judged_out + s->b * s->t * s->h * s->dv - 1);
  must_find(judged_states);
  must_find(judged_states + s->b * s->h * s->d * s->dv - 1);
  free(judged_out);
  free(judged_states);
  item.op->close(judged);
}
END_TEST

/* Past states are drawn, and read: a call with others does not pass. */
START_TEST(test_past_counts) {
  char error[BENCH_TEXT];
  bench_case item = shape(LINEAR "T=2,H=2,D=8,states=update", SEQMIX_F32);
  linear_attention_instance *in = item.op->open(&item, &station.world, error);
  ck_assert_msg(in != NULL, "%s", error);
  bench_check check;
  ck_assert(item.op->verify(in, &check, error) && check.passed);
  memset(in->images[LINEAR_STATE].data, 0, (size_t)in->images[LINEAR_STATE].bytes);
  ck_assert(item.op->verify(in, &check, error) && !check.passed);
  item.op->close(in);
}
END_TEST

/* ---- files ---------------------------------------------------------------------------------- */

/* Choices are names in the file, and numbers again when it is read. */
START_TEST(test_json_comes_back) {
  char path[] = "/tmp/seqmix-bench-XXXXXX", error[BENCH_TEXT];
  int descriptor = mkstemp(path), count;
  ck_assert_int_ge(descriptor, 0);
  close(descriptor);
  bench_case item =
      shape(LINEAR "T=9,H=2,D=8,rule=gated_delta,decay=channel,beta=head", SEQMIX_F16);
  bench_result result = run_case(&station, &item, &in_no_time, 0, ignore_step, NULL);
  bench_run run = {.results = &result, .count = 1};
  bench_record *records, want = compare_record_of(&result);
  ck_assert_msg(report_json(path, &run, error), "%s", error);
  ck_assert_msg(report_read_json(path, &records, &count, error), "%s", error);
  unlink(path);
  ck_assert_int_eq(count, 1);
  ck_assert_str_eq(records[0].key, want.key);
  ck_assert_ptr_nonnull(strstr(records[0].key, "rule=gated_delta,decay=channel"));
  free(records);
}
END_TEST

START_TEST(test_more_than_memory) {
  bench_case item = shape(LINEAR "B=1024,T=65536,H=64,D=64", SEQMIX_F32);
  bench_result result = run_case(&station, &item, &in_no_time, 1, ignore_step, NULL);
  ck_assert_int_eq(result.outcome, BENCH_SKIPPED);
  ck_assert_ptr_nonnull(strstr(result.message, "GiB"));
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("bench_linear_attention");
  TCase *tcase = tcase_create("bench_linear_attention");
  tcase_set_timeout(tcase, 300);
  tcase_add_unchecked_fixture(tcase, open_station, close_station);
  suite_add_loop(tcase, test_shapes, 0, SHAPES);
  suite_add(tcase, test_several_queries_per_state);
  suite_add(tcase, test_wrong_outputs);
  suite_add(tcase, test_past_counts);
  suite_add(tcase, test_json_comes_back);
  suite_add(tcase, test_more_than_memory);
  suite_add_tcase(suite, tcase);
  return suite;
}
