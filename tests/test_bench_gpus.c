/* SPDX-License-Identifier: Apache-2.0 */
/* GPUs that are not here: bounds by data sheets, and what the library would give them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/paper.h"
#include "bench/plans.h"
#include "support/gpu_devices.h"
#include "support/suite.h"

static bench_planner planner;

static void open_planner(void) {
  char error[BENCH_TEXT];
  if (planner_open(&planner, NULL, error)) return;
  fprintf(stderr, "%s\n", error);
  abort();
}

static void close_planner(void) { planner_close(&planner); }

static bench_case shape(const char *text, int32_t dtype) {
  char error[BENCH_TEXT];
  bench_case item;
  ck_assert_msg(case_parse_shape(text, &item, error), "%s", error);
  item.dtype = dtype;
  return item;
}

/* ---- bounds ---------------------------------------------------------------------------------- */

START_TEST(test_bounds) {
  const bench_gpu *gpu = gpu_described("NVIDIA H200, NVIDIA CUDA");
  ck_assert_ptr_nonnull(gpu);
  ck_assert_str_eq(gpu->name, "H200 SXM");
  bench_cost cost = {.flops = 67e12, .bytes = 1.2e12};
  bench_bound bound = gpu_bound(gpu, cost);
  ck_assert_double_eq_tol(bound.seconds, 1, 1e-12);
  ck_assert_str_eq(bound.bound, "compute");
  cost.bytes = 9.6e12;
  bound = gpu_bound(gpu, cost);
  ck_assert_double_eq_tol(bound.seconds, 2, 1e-12);
  ck_assert_str_eq(bound.bound, "memory");
  /* As a ceiling it is of operations per second. */
  bench_ceiling ceiling = gpu_ceiling(gpu, cost);
  ck_assert_double_eq_tol(ceiling.flops / 33.5e12, 1, 1e-12);
  ck_assert_str_eq(ceiling.bound, "memory");
  ck_assert_str_eq(ceiling.peak_name, "data sheet");
}
END_TEST

START_TEST(test_names) {
  ck_assert_str_eq(gpu_described("NVIDIA GeForce RTX 4090, NVIDIA CUDA")->name, "RTX 4090");
  ck_assert_str_eq(gpu_described("Intel(R) Arc(TM) A770 Graphics, Intel(R) OpenCL")->name,
                   "Arc A770");
  ck_assert_ptr_null(gpu_described("pthread-haswell (a CPU), Portable Computing Language"));
  ck_assert_ptr_null(gpu_described(""));
}
END_TEST

/* ---- plans ----------------------------------------------------------------------------------- */

/* Each of the operators, and each kernel that has local memory. */
static const char *const shapes[] = {
    "Tq=500,Hq=4,Hkv=2,D=64,causal=1",
    "Tq=100,Hq=2,D=200",
    "Tq=10,Hq=2,D=300", /* unfused */
    "B=2,Tq=1,Tk=60000,Hq=8,Hkv=2,D=128,page=16",
    "Tq=200,Hq=2,D=8,block=16,live=4",
    "linear_attention:T=2000,H=4,D=64,rule=gated_delta,decay=head,beta=head",
    "linear_attention:B=3,T=1,H=40,D=128,rule=gated_delta,beta=head",
    "linear_attention:B=3,T=70,H=4,D=16,rule=dplr,decay=channel,packed=1,states=present",
    "linear_recurrence:B=2,T=5000,C=16,constant=1,complex=1",
    "linear_recurrence:B=2,T=500,C=160,layout=bct,states=update",
    "selective_scan:B=2,T=4000,C=40,S=16",
    "selective_scan:B=2,T=1,C=4000,S=16,complex=1",
    "prefix_scan:B=2,T=50,C=1600,op=logsumexp,axis=last",
    "causal_conv1d:T=1000,C=160,W=4,states=present",
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int starts_kernel(const gpu_trace *kernels, const char *name, int64_t launches) {
  for (int32_t i = 0; i < kernels->count; i++)
    if (strcmp(kernels->records[i].kernel, name) == 0)
      return kernels->records[i].launches == launches;
  return 0;
}

static void check_kernels(const gpu_trace *kernels, const seqmix_device_properties *device,
                          const char *text) {
  ck_assert_msg(kernels->count > 0 && kernels->left_out == 0, "%s", text);
  for (int32_t i = 0; i < kernels->count; i++) {
    const gpu_launch_record *k = &kernels->records[i];
    ck_assert_msg(k->groups >= 1 && k->launches >= 1, "%s: %s", text, k->kernel);
    ck_assert_msg(k->items >= 1 && k->items <= (uint64_t)device->group_items, "%s: %s: %d items",
                  text, k->kernel, (int)k->items);
    ck_assert_msg(paper_local_bytes(k->kernel, k->program) <= device->local_bytes, "%s: %s", text,
                  k->kernel);
    ck_assert_msg(strchr(k->program, '/') && strstr(k->program, " LANES="), "%s", k->program);
  }
}

START_TEST(test_every_operator) {
  static const int32_t dtypes[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  for (int t = 0; t < 3; t++) {
    bench_planned planned;
    bench_case item = shape(shapes[_i], dtypes[t]);
    planner_plan(&planner, &item, &planned);
    ck_assert_msg(planned.outcome == BENCH_MEASURED, "%s: %s", shapes[_i], planned.message);
    ck_assert(planned.cost.flops > 0 && planned.cost.bytes > 0);
    for (int g = 0; g < BENCH_GPUS; g++) {
      const bench_plan *plan = &planned.on[g];
      seqmix_device_properties device = {.struct_size = sizeof device};
      gpu_describe(&bench_gpus[g], &device);
      ck_assert_msg(plan->outcome == BENCH_MEASURED, "%s: %s", shapes[_i], plan->message);
      ck_assert_msg(operator_has_variant(item.op, plan->variant), "%s", plan->variant);
      check_kernels(&plan->kernels, &device, shapes[_i]);
    }
  }
}
END_TEST

/* All kernels with local memory are among them, or what it takes would not be looked at. */
START_TEST(test_local_memory_is_met) {
  static const char *const kernels[] = {"attention_prefill", "attention_decode",
                                        "attention_softmax", "linear_chunks",
                                        "linear_walk",       "selective_walk"};
  for (int k = 0; k < 6; k++) {
    uint64_t bytes = 0;
    for (int i = 0; i < SHAPES; i++) {
      bench_planned planned;
      bench_case item = shape(shapes[i], SEQMIX_F32);
      planner_plan(&planner, &item, &planned);
      for (int32_t r = 0; r < planned.on[0].kernels.count; r++) {
        const gpu_launch_record *record = &planned.on[0].kernels.records[r];
        if (strcmp(record->kernel, kernels[k]) == 0) bytes = record->facts.local_bytes;
      }
    }
    ck_assert_msg(bytes > 0, "%s", kernels[k]);
  }
}
END_TEST

/* By hand, for the H200. Two tiles of 64 rows for each of 3 heads; a scan without cuts is one
 * launch of what it does; of two sizes at once the trace keeps both. */
START_TEST(test_by_hand) {
  bench_planned planned;
  bench_case item = shape("Tq=128,Hq=3,D=64", SEQMIX_F32);
  planner_plan(&planner, &item, &planned);
  const gpu_trace *kernels = &planned.on[0].kernels;
  ck_assert_int_eq(kernels->count, 1);
  ck_assert_int_eq((int64_t)kernels->records[0].groups, 6);
  ck_assert_int_eq((int64_t)kernels->records[0].facts.local_bytes,
                   4 * (64 * 64 + 32 * 65 + 32 * 65 + 3 * 64));
  item = shape("causal_conv1d:T=1000,C=16,W=4,states=present", SEQMIX_F32);
  planner_plan(&planner, &item, &planned);
  ck_assert(starts_kernel(&planned.on[0].kernels, "conv_outputs", 1));
  ck_assert(starts_kernel(&planned.on[0].kernels, "conv_states", 1));
  ck_assert(!starts_kernel(&planned.on[0].kernels, "conv_states", 2));
  ck_assert_int_eq(planned.on[0].kernels.count, 2);
}
END_TEST

/* Nothing is allocated for what would not fit this machine. */
START_TEST(test_larger_than_memory) {
  bench_planned planned;
  bench_case item = shape("B=64,Tq=1,Tk=1048576,Hq=32,Hkv=8,D=128", SEQMIX_BF16);
  planner_plan(&planner, &item, &planned);
  ck_assert_msg(planned.outcome == BENCH_MEASURED, "%s", planned.message);
  ck_assert_ptr_nonnull(strstr(planned.on[0].variant, "decode"));
}
END_TEST

START_TEST(test_forced_variants) {
  bench_planner other;
  bench_planned planned;
  char error[BENCH_TEXT] = "";
  bench_case item = shape("Tq=1,Tk=100,Hq=2,D=16", SEQMIX_F32);
  ck_assert_msg(planner_open(&other, "attention__any_cl_unfused", error), "%s", error);
  planner_plan(&other, &item, &planned);
  ck_assert_str_eq(planned.on[1].variant, "attention__any_cl_unfused");
  planner_close(&other);
  ck_assert(!planner_open(&other, "attention__guess", error));
  ck_assert_ptr_nonnull(strstr(error, "attention__guess"));
  planner_close(&other);
  /* One that cannot take the call is a sentence, not the end. */
  ck_assert_msg(planner_open(&other, "attention__any_cl_prefill", error), "%s", error);
  item = shape("Tq=10,Hq=2,D=300", SEQMIX_F32);
  planner_plan(&other, &item, &planned);
  ck_assert_int_eq(planned.on[0].outcome, BENCH_SKIPPED);
  ck_assert_ptr_nonnull(strstr(planned.on[0].message, "attention"));
  planner_close(&other);
}
END_TEST

/* ---- traces ---------------------------------------------------------------------------------- */

/* Devices of any kind, not only those with a data sheet. */
START_TEST(test_any_device) {
  char error[BENCH_TEXT] = "";
  seqmix_device_properties device = known_properties(&known_devices[_i]);
  device.memory = SEQMIX_MEMORY_OPENCL;
  bench_world world = {.context = gpu_on_paper(&device, error), .is_paper = 1};
  ck_assert_msg(world.context != NULL, "%s", error);
  for (int i = 0; i < SHAPES; i++) {
    gpu_trace kernels = {.count = 0};
    bench_case item = shape(shapes[i], SEQMIX_BF16);
    void *instance = item.op->open(&item, &world, error);
    ck_assert_msg(instance != NULL, "%s: %s", shapes[i], error);
    ck_assert(kernels_trace(world.context, &kernels));
    ck_assert_msg(item.op->run(instance, 0) == SEQMIX_OK, "%s", seqmix_last_error());
    kernels_trace(world.context, NULL);
    check_kernels(&kernels, &device, shapes[i]);
    /* Off is off. */
    gpu_trace before = kernels;
    ck_assert_int_eq(item.op->run(instance, 1), SEQMIX_OK);
    ck_assert_int_eq(kernels.count, before.count);
    ck_assert_int_eq(kernels.records[0].launches, before.records[0].launches);
    item.op->close(instance);
  }
  seqmix_context_destroy(world.context);
}
END_TEST

/* Launches that are alike are counted, and what there is no room for, too. */
START_TEST(test_traces_end) {
  bench_world world = {.context = planner.contexts[0], .is_paper = 1};
  gpu_trace kernels = {.count = 0};
  char error[BENCH_TEXT];
  kernels_trace(world.context, &kernels);
  for (int c = 1; c <= GPU_TRACE_MOST + 2; c++) {
    char text[80];
    snprintf(text, sizeof text, "linear_recurrence:T=2,C=%d", 1000 * c);
    bench_case item = shape(text, SEQMIX_F32);
    void *instance = item.op->open(&item, &world, error);
    ck_assert_msg(instance != NULL, "%s", error);
    for (int call = 0; call < 3; call++) ck_assert_int_eq(item.op->run(instance, call), SEQMIX_OK);
    item.op->close(instance);
  }
  kernels_trace(world.context, NULL);
  ck_assert_int_eq(kernels.count, GPU_TRACE_MOST);
  ck_assert_int_eq(kernels.left_out, 2 * 3);
  for (int i = 0; i < GPU_TRACE_MOST; i++) ck_assert_int_eq(kernels.records[i].launches, 3);
}
END_TEST

START_TEST(test_processors_have_no_kernels) {
  gpu_trace kernels = {.count = 0};
  seqmix_context *context = NULL;
  ck_assert_int_eq(seqmix_context_create(&context, "cpu"), SEQMIX_OK);
  ck_assert(!kernels_trace(context, &kernels));
  seqmix_context_destroy(context);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("bench_gpus");
  TCase *tcase = tcase_create("bench_gpus");
  tcase_set_timeout(tcase, 300);
  tcase_add_unchecked_fixture(tcase, open_planner, close_planner);
  suite_add(tcase, test_bounds);
  suite_add(tcase, test_names);
  suite_add_loop(tcase, test_every_operator, 0, SHAPES);
  suite_add(tcase, test_local_memory_is_met);
  suite_add(tcase, test_by_hand);
  suite_add(tcase, test_larger_than_memory);
  suite_add(tcase, test_forced_variants);
  suite_add_loop(tcase, test_any_device, 0, KNOWN_DEVICES);
  suite_add(tcase, test_traces_end);
  suite_add(tcase, test_processors_have_no_kernels);
  suite_add_tcase(suite, tcase);
  return suite;
}
