/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of the bench on an OpenCL device: verified as on any other, and their kernels' local memory
 * is what the bench says of devices that are not here. */
#include <stdio.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/paper.h"
#include "bench/run.h"
#include "support/suite.h"

static const bench_protocol in_no_time = {.min_time = 0, .min_samples = 1};

static const char *const shapes[] = {
    "Tq=40,Hq=4,Hkv=2,D=16,causal=1",
    "Tq=4,Hq=2,D=300",
    "Tq=1,Tk=600,Hq=4,D=16,page=16",
    "linear_attention:T=70,H=2,D=16,rule=gated_delta,decay=head,beta=head,states=present",
    "linear_attention:T=1,H=2,D=16,rule=gated_delta,decay=head,beta=head",
    "linear_recurrence:B=2,T=50,C=16",
    "selective_scan:T=50,C=16",
    "prefix_scan:T=50,C=16",
    "causal_conv1d:T=50,C=16,states=present",
};

static void ignore_step(void *user, const char *step) {
  (void)user;
  (void)step;
}

static void check_kernels(const gpu_trace *kernels, const char *text) {
  ck_assert_msg(kernels->count > 0, "%s", text);
  for (int32_t i = 0; i < kernels->count; i++) {
    const gpu_launch_record *k = &kernels->records[i];
    ck_assert_msg(k->facts.local_bytes == paper_local_bytes(k->kernel, k->program),
                  "%s: %s has %d bytes of local memory, not %d", k->program, k->kernel,
                  (int)k->facts.local_bytes, (int)paper_local_bytes(k->kernel, k->program));
    ck_assert_msg(k->items <= k->facts.items_most, "%s: %s", text, k->kernel);
    ck_assert(k->compile_seconds >= 0);
  }
}

START_TEST(test_case) {
  char error[BENCH_TEXT];
  bench_station station;
  bench_case item;
  if (!station_open(&station, "opencl:0", 1, NULL, error)) suite_skip("no OpenCL device");
  ck_assert_msg(case_parse_shape(shapes[_i], &item, error), "%s", error);
  item.dtype = SEQMIX_F32;
  bench_result result = run_case(&station, &item, &in_no_time, 1, ignore_step, NULL);
  ck_assert_msg(result.outcome == BENCH_MEASURED, "%s: %s", shapes[_i], result.message);
  ck_assert_int_gt(result.check.rows, 0);
  ck_assert(result.time.median > 0);
  ck_assert_msg(result.baseline.outcome == BENCH_MEASURED, "%s: %s", shapes[_i],
                result.baseline.message);
  check_kernels(&result.kernels, shapes[_i]);
  station_close(&station);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("bench_opencl");
  TCase *tcase = tcase_create("bench_opencl");
  tcase_set_timeout(tcase, 800);
  suite_add_loop(tcase, test_case, 0, (int)(sizeof shapes / sizeof *shapes));
  suite_add_tcase(suite, tcase);
  return suite;
}
