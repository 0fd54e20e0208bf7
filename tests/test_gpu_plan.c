/* SPDX-License-Identifier: Apache-2.0 */
/* How GPU kernels are shaped and scans are cut: what devices that are not here would get. */
#include <string.h>

#include "core/registry.h"
#include "gpu/scan/plan.h"
#include "support/gpu_devices.h"
#include "support/suite.h"

static seqmix_device_properties device_called(const char *name) {
  for (int i = 0; i < KNOWN_DEVICES; i++)
    if (strcmp(known_devices[i].name, name) == 0) return known_properties(&known_devices[i]);
  ck_abort_msg("no device %s", name);
}

static gpu_scan_plan plan_on(const char *name, int64_t streams, int64_t channels, int64_t longest) {
  const seqmix_device_properties device = device_called(name);
  const gpu_scan_shape shape = {streams, channels, longest, 0};
  return seqmix_gpu_scan_plan(&shape, &device);
}

START_TEST(test_lanes) {
  static const int32_t lanes[KNOWN_DEVICES] = {1, 1, 1, 4, 1, 16, 16, 1};
  static const int32_t items[KNOWN_DEVICES] = {64, 64, 64, 64, 64, 1, 1, 16};
  for (int i = 0; i < KNOWN_DEVICES; i++) {
    const seqmix_device_properties device = known_properties(&known_devices[i]);
    ck_assert_msg(seqmix_gpu_lanes(&device) == lanes[i], "%s", known_devices[i].name);
    ck_assert_msg(seqmix_gpu_items(&device) == items[i], "%s", known_devices[i].name);
  }
}
END_TEST

/* Every token of every channel is in one piece and one item, whatever shape and device. */
START_TEST(test_items_cover_shapes) {
  static const int64_t lengths[] = {0, 1, 63, 64, 127, 128, 511, 512, 4097, 70000, 1000000};
  static const int64_t channels[] = {1, 2, 4, 5, 8, 9, 16, 17, 100, 1024, 5120};
  const seqmix_device_properties device = known_properties(&known_devices[_i]);
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
      for (int64_t streams = 1; streams < 100; streams *= 5)
        for (int turned = 0; turned < 2; turned++) {
          const gpu_scan_shape shape = {streams, channels[c], lengths[l], turned};
          gpu_scan_plan plan = seqmix_gpu_scan_plan(&shape, &device);
          int64_t blocks = (channels[c] + plan.lanes - 1) / plan.lanes;
          int64_t wide = (blocks + plan.width - 1) / plan.width;
          int64_t groups = plan.pieces;
          if (plan.lanes_are_pieces) {
            groups = (plan.pieces + plan.lanes - 1) / plan.lanes;
            wide = channels[c];
            ck_assert_int_gt(plan.pieces, 1);
          }
          ck_assert_int_eq(plan.walk_items, streams * groups * wide);
          ck_assert_int_eq(plan.carry_items, streams * blocks);
          ck_assert_int_ge(plan.piece * plan.pieces, lengths[l]);
          ck_assert(plan.pieces == 1 || plan.piece * (plan.pieces - 1) < lengths[l]);
          ck_assert(plan.width >= 1 && plan.width <= plan.most_width);
          ck_assert(!turned || plan.width == 1);
        }
}
END_TEST

/* Few channels are cut in time, many are not; one long channel keeps the device at work. */
START_TEST(test_cut_in_time) {
  for (int i = 0; i < KNOWN_DEVICES; i++) {
    const char *name = known_devices[i].name;
    const seqmix_device_properties device = known_properties(&known_devices[i]);
    int64_t enough = seqmix_gpu_items_enough(&device);
    gpu_scan_plan many = plan_on(name, enough, 64, 4096), one = plan_on(name, 1, 1, 1 << 20);
    gpu_scan_plan brief = plan_on(name, 1, 1, 100);
    ck_assert_msg(many.pieces == 1, "%s", name);
    ck_assert_msg(brief.pieces == 1, "%s", name);
    ck_assert_msg(one.pieces >= 16, "%s", name);
    /* Neither the walk of a piece nor that over the pieces is the longer one by far. */
    ck_assert_msg(one.piece >= 1024 && one.pieces <= 1024, "%s", name);
  }
}
END_TEST

START_TEST(test_plans_of_some_devices) {
  gpu_scan_plan h200 = plan_on("H200", 1, 8, 1 << 20), pocl = plan_on("PoCL", 1, 1, 1 << 20);
  gpu_scan_plan rows = plan_on("PoCL", 8, 1024, 4096), mali = plan_on("Mali-G78", 2, 2048, 2048);
  ck_assert(!h200.lanes_are_pieces && h200.pieces > 500);
  ck_assert(pocl.lanes_are_pieces && pocl.pieces > 16);
  /* Pieces that are lanes do not begin in the same sets of a cache. */
  ck_assert_int_eq(pocl.piece / 16 % 2, 1);
  ck_assert_int_eq(rows.width, 64); /* whole rows, one after the other */
  ck_assert_int_eq(rows.walk_items, 8);
  ck_assert_int_eq(mali.width, 1);
  ck_assert_int_gt(mali.pieces, 1);
}
END_TEST

/* Sizes that no device holds may be asked about. */
START_TEST(test_huge_shapes) {
  for (int i = 0; i < KNOWN_DEVICES; i++) {
    gpu_scan_plan plan = plan_on(known_devices[i].name, 1, 1, INT64_MAX / 2);
    ck_assert_int_ge(plan.piece, 1);
    ck_assert_int_ge(plan.pieces, 1);
    plan = plan_on(known_devices[i].name, INT64_C(1) << 31, INT64_C(1) << 20, 1);
    ck_assert_int_ge(plan.walk_items, 1);
  }
}
END_TEST

/* ---- what is taken --------------------------------------------------------------------------- */

static const seqmix_backend *backend_called(const char *name) {
  const seqmix_registry *all = seqmix_registry_get();
  for (int32_t i = 0; i < all->backend_count; i++)
    if (strcmp(all->backends[i]->name, name) == 0) return all->backends[i];
  ck_abort_msg("no backend %s", name);
}

/* What variants of an operator take together. */
typedef struct taken {
  uint64_t features;
  uint32_t dtypes;
} taken;

static taken taken_by(const char *backend, int32_t op) {
  const seqmix_backend *of = backend_called(backend);
  taken all = {0, 0};
  for (int32_t i = 0; i < of->variant_count; i++) {
    if (of->variants[i].op != op) continue;
    all.features |= of->variants[i].problem_features;
    all.dtypes |= of->variants[i].dtypes;
  }
  return all;
}

/* All options that the CPU has, and all types but f64: in the suites a refusal is only a skip. */
START_TEST(test_takes_what_the_cpu_takes) {
  taken cpu = taken_by("cpu", _i), gpu = taken_by("opencl", _i);
  ck_assert_uint_ne(gpu.dtypes, 0);
  ck_assert_uint_eq(gpu.features, cpu.features);
  ck_assert_uint_eq(gpu.dtypes, cpu.dtypes & ~SEQMIX_DTYPE_BIT(SEQMIX_F64));
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("gpu plan");
  TCase *tcase = tcase_create("gpu plan");
  suite_add(tcase, test_lanes);
  suite_add_loop(tcase, test_items_cover_shapes, 0, KNOWN_DEVICES);
  suite_add(tcase, test_cut_in_time);
  suite_add(tcase, test_plans_of_some_devices);
  suite_add(tcase, test_huge_shapes);
  suite_add_loop(tcase, test_takes_what_the_cpu_takes, 0, SEQMIX_OPERATOR_COUNT);
  suite_add_tcase(suite, tcase);
  return suite;
}
