/* SPDX-License-Identifier: Apache-2.0 */
/* Whole cases of linear_recurrence, selective_scan, prefix_scan and causal_conv1d, timed for no
 * time: library and plain loop must pass verification on every kind of shape, and wrong outputs or
 * states must not. Their work is counted by hand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/run.h"
#include "bench/scan.h"
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

#define RECURRENCE "linear_recurrence:"
#define SELECTIVE "selective_scan:"
#define PREFIX "prefix_scan:"
#define CONV "causal_conv1d:"

static const char *const shapes[] = {
    RECURRENCE "T=70,C=33",
    RECURRENCE "B=3,T=40,C=130,reverse=1,states=present",
    RECURRENCE "B=2,T=33,C=70,complex=1,states=update",
    RECURRENCE "T=50,C=20,complex=1,constant=1,reverse=1,state_type=bf16,states=update",
    RECURRENCE "B=3,T=70,C=9,layout=bct,constant=1,states=update",
    RECURRENCE "B=2,T=70,C=9,layout=bct,complex=1,reverse=1,state_type=f16,states=present",
    RECURRENCE "B=40,T=1,C=5",
    RECURRENCE "T=3000,C=1",
    SELECTIVE "T=40,C=70",
    SELECTIVE "B=3,T=20,C=24,S=5,G=3,states=update",
    SELECTIVE "B=2,T=30,C=12,S=20,G=12,layout=bct,softplus=0,states=present",
    SELECTIVE "T=30,C=130,S=1,skip=0,gate=0,bias=0,state_type=f16,states=update",
    SELECTIVE "T=30,C=10,softplus=0,bias=0,gate=0",
    SELECTIVE "B=9,T=1,C=40,state_type=bf16",
    PREFIX "B=2,T=90,C=40",
    PREFIX "B=2,T=90,C=40,axis=last,exclusive=1",
    PREFIX "T=90,C=70,op=product,reverse=1",
    PREFIX "T=20,C=70,op=product,axis=last,reverse=1,exclusive=1",
    PREFIX "T=90,C=70,op=max,exclusive=1",
    PREFIX "T=20,C=70,op=max,axis=last,reverse=1",
    PREFIX "T=90,C=70,op=logsumexp",
    PREFIX "T=20,C=70,op=logsumexp,axis=last",
    CONV "T=40,C=70,states=present",
    CONV "B=3,T=40,C=33,states=update",
    CONV "B=3,T=40,C=33,layout=bct,states=update",
    CONV "B=2,T=40,C=7,layout=bct,silu=0,states=present",
    CONV "T=9,C=140,W=11,bias=0,states=update",
    CONV "T=70,C=3,W=1,silu=0",
    CONV "T=70,C=1,W=2",
    CONV "B=7,T=1,C=30",
    CONV "B=7,T=2,C=30,layout=bct,W=5,states=update",
};
#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

static bench_result run(const bench_case *item) {
  return run_case(&station, item, &in_no_time, 1, ignore_step, NULL);
}

static void check_result(const char *text, const bench_result *r) {
  ck_assert_msg(r->outcome == BENCH_MEASURED, "%s: %s", text, r->message);
  ck_assert_int_ge(r->check.rows, ROWS_LEAST);
  ck_assert(r->time.median > 0 && r->fraction > 0);
  ck_assert(operator_has_variant(r->item.op, r->variant));
  ck_assert_int_eq(r->copies, 1);
}

/* Types by turns: what takes long is the look at the ceilings before and after each case. */
START_TEST(test_shapes) {
  static const int32_t types[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  bench_case item = shape(shapes[_i], types[_i % 3]);
  bench_result r = run(&item);
  check_result(shapes[_i], &r);
  ck_assert_msg(r.baseline.outcome == BENCH_MEASURED, "%s: %s", shapes[_i], r.baseline.message);
  ck_assert_int_eq(r.baseline.check.rows, r.check.rows);
  ck_assert(r.baseline.time.median > 0);
}
END_TEST

/* The library does what the loop does not. */
START_TEST(test_complex_states) {
  const char *text = SELECTIVE "T=20,C=12,S=3,G=2,complex=1,states=update";
  bench_case item = shape(text, SEQMIX_F32);
  bench_result r = run(&item);
  check_result(text, &r);
  ck_assert_int_eq(r.baseline.outcome, BENCH_SKIPPED);
  ck_assert_ptr_nonnull(strstr(r.baseline.message, "complex"));
}
END_TEST

START_TEST(test_refused_shapes) {
  char error[BENCH_TEXT];
  bench_case item;
  ck_assert(!case_parse_shape(SELECTIVE "C=10,G=3", &item, error));
  ck_assert_ptr_nonnull(strstr(error, "does not divide C = 10"));
  ck_assert(!case_parse_shape(PREFIX "B=65536,T=4194304,C=4194304", &item, error));
  ck_assert_ptr_nonnull(strstr(error, "elements"));
  ck_assert(!case_parse_shape(CONV "W=65", &item, error));
  ck_assert_ptr_nonnull(strstr(error, "W must be"));
}
END_TEST

START_TEST(test_phases) {
  bench_case item = shape(RECURRENCE "T=1", SEQMIX_F32);
  ck_assert_str_eq(item.phase, "decode");
  ck_assert_int_eq(linear_recurrence_kind.shape(item.values).states, SCAN_STATES_UPDATE);
  ck_assert_str_eq(shape(CONV "T=16", SEQMIX_F32).phase, "call");
  ck_assert_str_eq(shape(SELECTIVE "T=17,states=update", SEQMIX_F32).phase, "prefill");
}
END_TEST

/* ---- work ----------------------------------------------------------------------------------- */

static bench_cost cost_of(const scan_kind *kind, const char *text, int32_t dtype) {
  bench_case item = shape(text, dtype);
  scan_shape s = kind->shape(item.values);
  return scan_cost_of(kind, &s, dtype);
}

static void check_cost(bench_cost cost, double flops, double bytes, bench_traffic traffic) {
  ck_assert_double_eq(cost.flops, flops);
  ck_assert_double_eq(cost.bytes, bytes);
  ck_assert_int_eq(cost.traffic, traffic);
}

/* 2 sequences of 30 tokens of 5 channels are 300 numbers. */
START_TEST(test_recurrence_cost) {
  const scan_kind *kind = &linear_recurrence_kind;
  const char *plain = RECURRENCE "B=2,T=30,C=5";
  check_cost(cost_of(kind, plain, SEQMIX_F32), 600, 4 * 3 * 300, TRAFFIC_COPY_ADD);
  check_cost(cost_of(kind, plain, SEQMIX_BF16), 600, 2 * 3 * 300, TRAFFIC_COPY_ADD);
  const char *constant = RECURRENCE "B=2,T=30,C=5,complex=1,constant=1,layout=bct,states=update";
  check_cost(cost_of(kind, constant, SEQMIX_BF16), 8 * 300,
             2 * 2 * 2 * 300 + 4 * 2 * 5 + 2 * 4 * 2 * 10, TRAFFIC_COPY);
}
END_TEST

START_TEST(test_selective_cost) {
  const scan_kind *kind = &selective_scan_kind;
  bench_cost cost = cost_of(kind, SELECTIVE "B=2,T=30,C=6,S=7,G=3,states=present", SEQMIX_BF16);
  double of_channels = 2 * 4 * 2 * 30 * 6, of_states = 2 * 2 * 2 * 30 * 3 * 7;
  check_cost(cost, 7 * 2 * 30 * 6 * 7,
             of_channels + of_states + 4 * (6 * 7 + 2 * 6) + 4 * 2 * 6 * 7, TRAFFIC_COPY_ADD);
  ck_assert_double_eq(cost.state_updates, 2 * 30 * 6 * 7);
  /* A token: states count twice, and how fast they can be changed bounds the call. */
  cost = cost_of(kind, SELECTIVE "B=2,T=1,C=6,S=7,complex=1,skip=0,gate=0,bias=0", SEQMIX_F32);
  double states = 4 * 2 * 2 * 6 * 7;
  check_cost(cost, 21 * 2 * 6 * 7, 4 * 3 * 2 * 6 + 4 * 2 * 2 * 2 * 7 + 4 * 2 * 6 * 7 + 2 * states,
             TRAFFIC_UPDATE);
  ck_assert_double_eq(cost.updated, states);
}
END_TEST

START_TEST(test_prefix_and_conv_cost) {
  check_cost(cost_of(&prefix_scan_kind, PREFIX "B=2,T=30,C=5,op=logsumexp", SEQMIX_F16), 300,
             2 * 2 * 300, TRAFFIC_COPY);
  check_cost(cost_of(&prefix_scan_kind, PREFIX "B=2,T=30,C=5,axis=last", SEQMIX_F32), 300,
             4 * 2 * 300, TRAFFIC_COPY);
  check_cost(cost_of(&causal_conv1d_kind, CONV "B=2,T=30,C=5,W=3,states=update", SEQMIX_F32),
             2 * 3 * 300, 4 * (2 * 300 + 5 * 3 + 5 + 2 * 2 * 2 * 5), TRAFFIC_COPY);
  check_cost(cost_of(&causal_conv1d_kind, CONV "B=2,T=30,C=5,W=1,bias=0", SEQMIX_F32), 2 * 300,
             4 * (2 * 300 + 5), TRAFFIC_COPY);
}
END_TEST

/* The better of two measurements counts, under the name of what was measured. */
START_TEST(test_ceilings) {
  static const char *const names[] = {"read", "update", "copy", "copy_add"};
  bench_cost cost = {.flops = 1, .bytes = 10};
  for (int traffic = TRAFFIC_READ; traffic <= TRAFFIC_COPY_ADD; traffic++) {
    cost.traffic = (bench_traffic)traffic;
    bench_ceiling ceiling =
        ceiling_between((ceiling_moment){100, 30}, (ceiling_moment){100, 20}, cost, SEQMIX_F32);
    ck_assert_str_eq(ceiling.bandwidth_name, names[traffic]);
    ck_assert_str_eq(ceiling.bound, "memory");
    ck_assert_double_eq(ceiling.flops, 3);
  }
}
END_TEST

/* Every kind of traffic can be measured, whatever the size. */
START_TEST(test_glances) {
  for (int traffic = TRAFFIC_READ; traffic <= TRAFFIC_COPY_ADD; traffic++)
    for (int bytes = 1; bytes < 1000000; bytes *= 999) {
      bench_cost cost = {1, bytes, (bench_traffic)traffic, bytes, 0};
      ck_assert(ceilings_glance(station.ceilings, SEQMIX_F32, cost).memory > 0);
    }
}
END_TEST

/* ---- what verification must find ------------------------------------------------------------ */

static scan_instance *judged;
static float *judged_out, *judged_states;

static int passes(void) {
  return scan_compare(judged, judged_out, SEQMIX_F32, judged_states, SEQMIX_F32).passed;
}

/* A tensor whose numbers are the expected ones, as far as they are known. */
static float *filled(const bench_rows *rows, scan_part part) {
  scan_layout layout = judged->kind->layout(&judged->shape, judged->dtype, part);
  float *all = calloc((size_t)scan_elements(&layout), sizeof *all);
  ck_assert_ptr_nonnull(all);
  for (int64_t r = 0; r < rows->count; r++) all[rows->row[r]] = rows->expected[r];
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

static const char *const judged_shapes[] = {
    RECURRENCE "B=3,T=30,C=50,complex=1,states=update",
    RECURRENCE "B=3,T=30,C=50,layout=bct,states=present",
    SELECTIVE "B=3,T=30,C=50,S=4,G=2,states=update",
    CONV "B=3,T=30,C=50,states=present",
    CONV "B=3,T=30,C=50,layout=bct,states=update",
};
#define JUDGED_SHAPES ((int)(sizeof judged_shapes / sizeof *judged_shapes))

/* The first and the last number of outputs and states are among those compared. */
START_TEST(test_wrong_outputs) {
  char error[BENCH_TEXT];
  bench_case item = shape(judged_shapes[_i], SEQMIX_F32);
  judged = item.op->open(&item, &station.world, error);
  ck_assert_msg(judged && scan_expect(judged, error), "%s", error);
  judged_out = filled(&judged->rows, SCAN_OUT);
  judged_states = filled(&judged->state_rows, SCAN_STATE);
  ck_assert(passes());
  scan_layout out = judged->kind->layout(&judged->shape, judged->dtype, SCAN_OUT);
  scan_layout states = judged->kind->layout(&judged->shape, judged->dtype, SCAN_STATE);
  must_find(judged_out);
  must_find(judged_out + scan_elements(&out) - 1);
  must_find(judged_states);
  must_find(judged_states + scan_elements(&states) - 1);
  free(judged_out);
  free(judged_states);
  item.op->close(judged);
}
END_TEST

/* Inputs are drawn, and read: a call with others does not pass. */
START_TEST(test_inputs_count) {
  char error[BENCH_TEXT];
  bench_check check;
  bench_case item = shape(judged_shapes[_i], SEQMIX_F32);
  scan_instance *in = item.op->open(&item, &station.world, error);
  ck_assert_msg(in != NULL, "%s", error);
  ck_assert(item.op->verify(in, &check, error) && check.passed);
  for (int part = 0; part < SCAN_PARTS; part++) {
    bench_image *image = &in->images[part];
    if (!image->data) continue;
    void *kept = malloc((size_t)image->bytes);
    ck_assert_ptr_nonnull(kept);
    memcpy(kept, image->data, (size_t)image->bytes);
    memset(image->data, 0, (size_t)image->bytes);
    ck_assert(!seqmix_buffer_upload(station.world.context, in->buffers[part], 0, image->data,
                                    image->bytes));
    ck_assert(item.op->verify(in, &check, error));
    ck_assert_msg(!check.passed, "part %d", part);
    memcpy(image->data, kept, (size_t)image->bytes);
    ck_assert(
        !seqmix_buffer_upload(station.world.context, in->buffers[part], 0, kept, image->bytes));
    free(kept);
  }
  ck_assert(item.op->verify(in, &check, error) && check.passed);
  item.op->close(in);
}
END_TEST

START_TEST(test_more_than_memory) {
  bench_case item = shape(RECURRENCE "B=1024,T=65536,C=1024", SEQMIX_F32);
  bench_result result = run(&item);
  ck_assert_int_eq(result.outcome, BENCH_SKIPPED);
  ck_assert_ptr_nonnull(strstr(result.message, "GiB"));
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("bench_scans");
  TCase *tcase = tcase_create("bench_scans");
  tcase_set_timeout(tcase, 300);
  tcase_add_unchecked_fixture(tcase, open_station, close_station);
  suite_add_loop(tcase, test_shapes, 0, SHAPES);
  suite_add(tcase, test_complex_states);
  suite_add(tcase, test_refused_shapes);
  suite_add(tcase, test_phases);
  suite_add(tcase, test_recurrence_cost);
  suite_add(tcase, test_selective_cost);
  suite_add(tcase, test_prefix_and_conv_cost);
  suite_add(tcase, test_ceilings);
  suite_add(tcase, test_glances);
  suite_add_loop(tcase, test_wrong_outputs, 0, JUDGED_SHAPES);
  suite_add_loop(tcase, test_inputs_count, 0, JUDGED_SHAPES);
  suite_add(tcase, test_more_than_memory);
  suite_add_tcase(suite, tcase);
  return suite;
}
