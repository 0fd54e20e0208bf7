/* SPDX-License-Identifier: Apache-2.0 */
/* Whole cases of the bench, timed for no time: library and baseline must pass verification on every
 * kind of shape, and wrong outputs must not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/attention.h"
#include "bench/cases.h"
#include "bench/report.h"
#include "bench/run.h"
#include "support/suite.h"
#include "verify/numbers.h"

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

static const char *const shapes[] = {
    "Tq=70,Hq=4,D=16",
    "B=3,Tq=33,Tk=50,Hq=6,Hkv=2,D=8,Dv=12,causal=1",
    "Tq=50,Tk=20,Hq=2,D=8,causal=1", /* rows without keys */
    "Tq=90,Hq=4,Hkv=2,D=16,causal=1,window=7",
    "Tq=90,Hq=2,D=16,window=7",
    "Tq=40,Hq=4,D=16,causal=1,softcap=3,sinks=1",
    "Tq=200,Hq=2,D=8,block=16,live=4",
    "Tq=100,Hq=2,D=8,block=32,live=2,causal=1,sinks=1",
    "B=2,Tq=1,Tk=600,Hq=8,Hkv=2,D=32,causal=1,sinks=1",
    "B=2,Tq=1,Tk=605,Hq=8,Hkv=2,D=32,Dv=16,page=16",
    "B=80,Tq=1,Tk=9,Hq=1,D=8",
    "Tq=8,Hq=2,D=8,page=3,block=4,live=2",
    "Tq=20,Tk=37,Hq=4,Hkv=4,D=8,page=5,causal=1,window=11,softcap=2",
};
#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

static void check_case(const char *text, int32_t dtype) {
  bench_case item = shape(text, dtype);
  bench_result r = run_case(&station, &item, &in_no_time, 1, ignore_step, NULL);
  ck_assert_msg(r.outcome == BENCH_MEASURED, "%s: %s", text, r.message);
  ck_assert_msg(r.baseline.outcome == BENCH_MEASURED, "%s: %s", text, r.baseline.message);
  attention_shape s = attention_shape_of(item.values);
  int64_t all = s.b * s.tq * s.hq;
  ck_assert_int_ge(r.check.rows, all < 64 ? all : 64);
  ck_assert_int_eq(r.baseline.check.rows, r.check.rows);
  ck_assert(r.time.median > 0 && r.baseline.time.median > 0 && r.fraction > 0);
  ck_assert(r.time.best > 0 && r.time.best <= r.time.low && r.baseline.time.best > 0);
  ck_assert_double_eq_tol(r.best_fraction * r.ceiling.flops * r.time.best / r.cost.flops, 1, 1e-12);
  ck_assert_ptr_nonnull(strstr(r.variant, "attention__"));
  ck_assert_int_eq(r.copies > 1, strcmp(item.phase, "decode") == 0);
}

START_TEST(test_shapes) {
  check_case(shapes[_i], SEQMIX_F32);
  check_case(shapes[_i], SEQMIX_F16);
  check_case(shapes[_i], SEQMIX_BF16);
}
END_TEST

/* ---- what verification must find ------------------------------------------------------------ */

typedef struct judged_output {
  attention_instance *in;
  float *out; /* as the baseline of f32 would leave it: right */
} judged_output;

static judged_output judged;

static void fill_expected(void) {
  const attention_instance *in = judged.in;
  for (int64_t r = 0; r < in->rows.count; r++)
    memcpy(judged.out + in->rows.row[r] * in->shape.dv, in->rows.expected + r * in->shape.dv,
           (size_t)in->shape.dv * sizeof *judged.out);
}

static int passes(void) { return attention_compare(judged.in, judged.out, SEQMIX_F32).passed; }

/* The largest |expected| of all rows: what errors are measured by. */
static float largest_expected(void) {
  const bench_rows *rows = &judged.in->rows;
  float largest = 0;
  for (int64_t i = 0; i < rows->count * judged.in->shape.dv; i++)
    largest = fmaxf(largest, fabsf(rows->expected[i]));
  return largest;
}

START_TEST(test_wrong_outputs) {
  char error[BENCH_TEXT];
  bench_case item = shape("B=2,Tq=300,Hq=4,Hkv=2,D=16,causal=1", SEQMIX_F32);
  judged.in = item.op->open(&item, &station.world, error);
  ck_assert_msg(judged.in && attention_expect(judged.in, error), "%s", error);
  const attention_shape *s = &judged.in->shape;
  judged.out = calloc((size_t)(s->b * s->tq * s->hq * s->dv), sizeof *judged.out);
  ck_assert_ptr_nonnull(judged.out);
  fill_expected();
  ck_assert(passes());
  /* One element of the last row of all, which is among those compared. */
  float *last = judged.out + s->b * s->tq * s->hq * s->dv - 1, right = *last;
  float wrong[] = {right + 1e-4f * largest_expected(), NAN, INFINITY};
  for (int i = 0; i < 3; i++) {
    *last = wrong[i];
    ck_assert_msg(!passes(), "%g instead of %g was taken", (double)wrong[i], (double)right);
  }
  *last = right;
  /* The first row, and the rows at an edge of 64, are compared as well. */
  judged.out[0] += 1;
  ck_assert(!passes());
  judged.out[0] -= 1;
  judged.out[64 * s->hq * s->dv] += 1;
  ck_assert(!passes());
  free(judged.out);
  item.op->close(judged.in);
}
END_TEST

/* ---- files ---------------------------------------------------------------------------------- */

START_TEST(test_json_comes_back) {
  char path[] = "/tmp/seqmix-bench-XXXXXX", error[BENCH_TEXT];
  int descriptor = mkstemp(path);
  ck_assert_int_ge(descriptor, 0);
  close(descriptor);
  bench_result results[2];
  for (int i = 0; i < 2; i++) {
    bench_case item = shape(shapes[i], SEQMIX_BF16);
    results[i] = run_case(&station, &item, &in_no_time, 0, ignore_step, NULL);
  }
  /* A failed case is in the file, but nothing to compare with. */
  results[1].outcome = BENCH_FAILED;
  bench_run run = {.results = results, .count = 2};
  bench_record *records, want = compare_record_of(&results[0]);
  int count;
  ck_assert_msg(report_json(path, &run, error), "%s", error);
  ck_assert_msg(report_read_json(path, &records, &count, error), "%s", error);
  ck_assert_int_eq(count, 1);
  ck_assert_str_eq(records[0].key, want.key);
  ck_assert_str_eq(records[0].name, want.name);
  ck_assert_double_eq_tol(records[0].time / want.time, 1, 1e-12);
  ck_assert_double_eq_tol(records[0].fraction / want.fraction, 1, 1e-12);
  free(records);
  /* Not what --json writes. */
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs("{\"results\": 3", file);
  fclose(file);
  ck_assert(!report_read_json(path, &records, &count, error));
  ck_assert_ptr_nonnull(strstr(error, "--compare"));
  unlink(path);
  ck_assert(!report_read_json(path, &records, &count, error));
  ck_assert_ptr_nonnull(strstr(error, path));
}
END_TEST

/* Skipped with a sentence, not ended by the system for want of memory. */
START_TEST(test_more_than_memory) {
  bench_case item = shape("B=1024,Tq=65536,Hq=64,D=64", SEQMIX_F32);
  bench_result result = run_case(&station, &item, &in_no_time, 1, ignore_step, NULL);
  ck_assert_int_eq(result.outcome, BENCH_SKIPPED);
  ck_assert_ptr_nonnull(strstr(result.message, "GiB"));
}
END_TEST

START_TEST(test_unknown_device_and_variant) {
  char error[BENCH_TEXT];
  bench_station other;
  ck_assert(!station_open(&other, "abacus", 1, NULL, error));
  ck_assert_ptr_nonnull(strstr(error, "abacus"));
  ck_assert(!station_open(&other, "cpu", 1, "attention__guess", error));
  ck_assert_ptr_nonnull(strstr(error, "attention__guess"));
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("bench_run");
  TCase *tcase = tcase_create("bench_run");
  tcase_set_timeout(tcase, 300);
  tcase_add_unchecked_fixture(tcase, open_station, close_station);
  suite_add_loop(tcase, test_shapes, 0, SHAPES);
  suite_add(tcase, test_wrong_outputs);
  suite_add(tcase, test_json_comes_back);
  suite_add(tcase, test_more_than_memory);
  suite_add(tcase, test_unknown_device_and_variant);
  suite_add_tcase(suite, tcase);
  return suite;
}
