/* SPDX-License-Identifier: Apache-2.0 */
/* How GPU kernels are shaped and scans are cut: what devices that are not here would get. */
#include <string.h>

#include "gpu/scan/plan.h"
#include "support/suite.h"

/* Data sheets, and for CPUs what PoCL tells of them. */
typedef struct known_device {
  const char *name;
  int32_t compute_units, group_items, vector_width, step_items, is_processor;
  uint64_t local_bytes;
} known_device;

static const known_device devices[] = {
    {"H200", 132, 1024, 1, 32, 0, 48 << 10},    {"Arc A770", 512, 1024, 1, 0, 0, 64 << 10},
    {"RX 7900", 48, 256, 1, 32, 0, 64 << 10},   {"Mali-G78", 24, 512, 4, 0, 0, 32 << 10},
    {"Adreno 740", 6, 1024, 1, 0, 0, 32 << 10}, {"PoCL", 2, 4096, 8, 0, 1, 512 << 10},
    {"PoCL 64", 64, 4096, 16, 0, 1, 512 << 10}, {"tiny", 1, 16, 1, 0, 0, 16 << 10},
};
enum { DEVICES = sizeof devices / sizeof *devices };

static seqmix_device_properties properties_of(const known_device *known) {
  seqmix_device_properties device = {.struct_size = sizeof device};
  device.compute_units = known->compute_units;
  device.group_items = known->group_items;
  device.vector_width = known->vector_width;
  device.step_items = known->step_items;
  device.is_processor = known->is_processor;
  device.local_bytes = known->local_bytes;
  return device;
}

static seqmix_device_properties device_called(const char *name) {
  for (int i = 0; i < DEVICES; i++)
    if (strcmp(devices[i].name, name) == 0) return properties_of(&devices[i]);
  ck_abort_msg("no device %s", name);
}

static gpu_scan_plan plan_on(const char *name, int64_t streams, int64_t channels, int64_t longest) {
  const seqmix_device_properties device = device_called(name);
  const gpu_scan_shape shape = {streams, channels, longest, 0};
  return seqmix_gpu_scan_plan(&shape, &device);
}

START_TEST(test_lanes) {
  static const int32_t lanes[DEVICES] = {1, 1, 1, 4, 1, 16, 16, 1};
  static const int32_t items[DEVICES] = {64, 64, 64, 64, 64, 1, 1, 16};
  for (int i = 0; i < DEVICES; i++) {
    const seqmix_device_properties device = properties_of(&devices[i]);
    ck_assert_msg(seqmix_gpu_lanes(&device) == lanes[i], "%s", devices[i].name);
    ck_assert_msg(seqmix_gpu_items(&device) == items[i], "%s", devices[i].name);
  }
}
END_TEST

/* Every token of every channel is in one piece and one item, whatever shape and device. */
START_TEST(test_items_cover_shapes) {
  static const int64_t lengths[] = {0, 1, 63, 64, 127, 128, 511, 512, 4097, 70000, 1000000};
  static const int64_t channels[] = {1, 2, 4, 5, 8, 9, 16, 17, 100, 1024, 5120};
  const seqmix_device_properties device = properties_of(&devices[_i]);
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
  for (int i = 0; i < DEVICES; i++) {
    const char *name = devices[i].name;
    const seqmix_device_properties device = properties_of(&devices[i]);
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
  for (int i = 0; i < DEVICES; i++) {
    gpu_scan_plan plan = plan_on(devices[i].name, 1, 1, INT64_MAX / 2);
    ck_assert_int_ge(plan.piece, 1);
    ck_assert_int_ge(plan.pieces, 1);
    plan = plan_on(devices[i].name, INT64_C(1) << 31, INT64_C(1) << 20, 1);
    ck_assert_int_ge(plan.walk_items, 1);
  }
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("gpu plan");
  TCase *tcase = tcase_create("gpu plan");
  suite_add(tcase, test_lanes);
  suite_add_loop(tcase, test_items_cover_shapes, 0, DEVICES);
  suite_add(tcase, test_cut_in_time);
  suite_add(tcase, test_plans_of_some_devices);
  suite_add(tcase, test_huge_shapes);
  suite_add_tcase(suite, tcase);
  return suite;
}
